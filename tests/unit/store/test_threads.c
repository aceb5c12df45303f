// SPDX-License-Identifier: GPL-2.0
/* A reader in a thread of its own, while the writer flushes: never a hole, never a double. */
#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"

#define TICKS 3000

struct watch {
	struct box *b;
	atomic_int written; /* ticks that are appended */
	atomic_bool done;
	int rounds, wrong;
	char what[640];
};

static void check(struct watch *w, const struct answer *a, int least)
{
	const struct sg_points *p = a->set.n ? &a->set.series[0] : NULL;

	w->rounds++;
	if (a->r == 0 && p && (int)p->n >= least) {
		for (size_t i = 0; i < p->n; i++)
			if (p->t_ms[i] != T0 + (int64_t)i * 1000 || p->values[i] != (double)i + 1) {
				snprintf(w->what, sizeof(w->what), "point %zu is %g", i,
					 p->values[i]);
				w->wrong++;
				return;
			}
		return;
	}
	snprintf(w->what, sizeof(w->what), "%d: %s, %zu of %d points", a->r, a->err.msg,
		 p ? p->n : 0, least);
	w->wrong++;
}

static void *read_on(void *ctx)
{
	struct watch *w = ctx;
	struct sg_reader *r = NULL;

	if (sg_store_reader(w->b->dir, sg_store_head(w->b->st), &r, NULL) < 0)
		w->wrong++;
	while (r && !w->wrong && !atomic_load(&w->done)) {
		int least = atomic_load(&w->written);

		if (!least)
			continue;
		auto_answer a = ask_reader(r, "c", T0 - 1, INT64_MAX, false);

		check(w, &a, least);
	}
	sg_reader_close(r);
	return NULL;
}

static void a_reader_never_sees_a_hole_or_a_double(void **state)
{
	struct watch w = {.b = *state};
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, read_on, &w), 0);
	for (int i = 0; i < TICKS; i++) {
		append_c(w.b->st, 1, i + 1, T0 + i * 1000, 1);
		atomic_store(&w.written, i + 1);
		if (i % 4 == 3)
			assert_int_equal(sg_store_flush(w.b->st, true), 0);
		sg_store_maintain(w.b->st);
	}
	atomic_store(&w.done, true);
	pthread_join(t, NULL);
	if (w.wrong)
		fail_msg("%s", w.what);
	assert_true(w.rounds > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reader_never_sees_a_hole_or_a_double, setup,
						teardown),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
