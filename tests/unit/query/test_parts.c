// SPDX-License-Identifier: GPL-2.0
// Range queries over many steps, which are evaluated a part at a time.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <sgprobe/query.h>

#include "query/fake_reader.h"

#define SAMPLE_MS 10000
#define SAMPLES 1200
#define STEP_MS 30000
#define STEPS 390

struct fixture {
	struct fake_reader *f;
	struct sg_arena *arena;
	struct sg_value v;
	struct sg_error err;
};

/* Observations from sample 'first' on, and a reset at every 'reset'. */
static void load_hists(struct fake_reader *f, const char *group, const char *id, int first,
		       int reset)
{
	const char *labels[] = {"group", group, "id", id, NULL};
	struct fake_series *s = fake_series(f, SG_HISTOGRAM, "h_seconds", labels);
	struct sg_hist h = {0};

	for (int i = first; i < SAMPLES; i++) {
		if (i % reset == 0)
			sg_hist_clear(&h);
		/* New buckets come, between those that are there as well. */
		for (int b = 0; b < 20; b++) {
			int index = (b * 7 + i) % 40 - 20, n = (i * 31 + b * 17) % 23 + 1;

			sg_hist_add_bucket(&h, index, n);
			h.count += n;
			h.sum += n * 0.3;
		}
		fake_add_hist(s, (int64_t)i * SAMPLE_MS, &h);
	}
	sg_hist_free(&h);
}

/* A classic histogram whose counts fall, which is told of all steps together. */
static void load_classic(struct fake_reader *f)
{
	static const char *const le[] = {"1", "2", "+Inf"};
	static const double counts[] = {5, 3, 8};

	for (int k = 0; k < 3; k++) {
		const char *labels[] = {"le", le[k], NULL};
		struct fake_series *s = fake_series(f, SG_GAUGE, "classic_bucket", labels);

		for (int i = 0; i < SAMPLES; i++)
			fake_add(s, (int64_t)i * SAMPLE_MS, counts[k]);
	}
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	x->f = fake_new();
	x->arena = sg_arena_new(0);
	load_hists(x->f, "a", "1", 0, 100000);
	load_hists(x->f, "a", "2", 500, 170);
	load_hists(x->f, "b", "3", 20, 3);
	load_classic(x->f);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	sg_reader_close(&x->f->reader);
	sg_arena_free(x->arena);
	free(x);
	return 0;
}

static int ask(struct fixture *x, const char *expr, const struct sg_query_limits *lim)
{
	return sg_query_range(&x->f->reader, expr, 0, (int64_t)(STEPS - 1) * STEP_MS, STEP_MS, lim,
			      x->arena, &x->v, &x->err);
}

static const struct sg_point *point_at(const struct sg_value_series *s, int64_t t)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->points[i].t_ms == t)
			return &s->points[i];
	return NULL;
}

static const struct sg_point *find(const struct sg_value *v, const struct sg_series *s, int64_t t)
{
	for (size_t i = 0; i < v->n; i++)
		if (sg_series_equal(&v->series[i].series, s))
			return point_at(&v->series[i], t);
	return NULL;
}

static bool same(const struct sg_point *a, const struct sg_point *b)
{
	if (!a || !b || a->hist || b->hist)
		return a && b && a->hist && b->hist && sg_native_equal(a->hist, b->hist);
	return a->value == b->value || (isnan(a->value) && isnan(b->value));
}

static size_t points_at(const struct sg_value *v, int64_t t)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		n += point_at(&v->series[i], t) != NULL;
	return n;
}

static void expect_as_instant(struct fixture *x, const char *expr, int64_t t)
{
	struct sg_value v;

	if (sg_query_instant(&x->f->reader, expr, t, NULL, x->arena, &v, &x->err) < 0)
		fail_msg("%s: %s", expr, x->err.msg);
	assert_int_equal(v.n, points_at(&x->v, t));
	for (size_t i = 0; i < v.n; i++)
		if (!same(&v.series[i].points[0], find(&x->v, &v.series[i].series, t)))
			fail_msg("%s differs at %lld", expr, (long long)t);
}

static void each_step_is_the_instant_query(void **state)
{
	static const char *const exprs[] = {
		"rate(h_seconds[1m])",
		"histogram_quantile(0.99, sum by (group) (rate(h_seconds[1m])))",
		"sum by (group) (increase(h_seconds[2m] offset 1m))",
		"avg(h_seconds)",
		"sum(rate(h_seconds[2m] offset 20m)) - sum(rate(h_seconds[2m]))",
		"sum(rate(h_seconds[1m])) * 2 > bool 0 or h_seconds",
		"histogram_count(rate(h_seconds[1m])) > 9",
		"topk(1, histogram_quantile(0.5, h_seconds))",
		"label_replace(rate(h_seconds[50s]), 'id', 'x$1', 'id', '(.)')",
		"count_values('n', resets(h_seconds[2m]))",
		"irate(h_seconds[1m]) + on (id) rate(h_seconds[1m] @ end())",
	};
	struct fixture *x = *state;

	for (size_t k = 0; k < ARRAY_SIZE(exprs); k++) {
		if (ask(x, exprs[k], NULL) < 0)
			fail_msg("%s: %s", exprs[k], x->err.msg);
		/* The end() of an instant query is another one. */
		for (int i = strstr(exprs[k], "end()") ? STEPS - 1 : 0; i < STEPS; i += 7)
			expect_as_instant(x, exprs[k], (int64_t)i * STEP_MS);
	}
}

static void steps_on_the_way_take_no_memory(void **state)
{
	struct sg_query_limits lim = {.max_bytes = 800000};
	struct fixture *x = *state;

	assert_int_equal(
		ask(x, "histogram_quantile(0.99, sum by (group) (rate(h_seconds[1m])))", &lim), 0);
	assert_int_equal(x->v.n, 2);
	/* The results do. */
	assert_int_equal(ask(x, "rate(h_seconds[1m])", &lim), -E2BIG);
}

static void what_is_told_of_all_steps_is_told_once(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(
		ask(x, "histogram_quantile(0.4, {__name__=~'h_seconds|classic_bucket'})", NULL), 0);
	assert_int_equal(x->v.n_warnings, 1);
	assert_non_null(strstr(x->v.warnings[0], "over 390 samples from 1970-01-01T00:00:00Z"));
	assert_int_equal(x->v.n, 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_step_is_the_instant_query),
		T(steps_on_the_way_take_no_memory),
		T(what_is_told_of_all_steps_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
