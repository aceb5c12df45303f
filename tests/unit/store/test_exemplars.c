// SPDX-License-Identifier: GPL-2.0
#include "harness.h"

#include <sqlite3.h>

/* A frame of one histogram whose slowest event was of this thread. */
static void put(struct box *b, uint64_t seq, int64_t t_ms, uint32_t tid)
{
	static const char *const frames[] = {"main", "slow"};
	struct sg_label label = {"l", "x"};
	struct sg_bucket bucket = {0, 1};
	struct sg_hist h = {.count = 1, .sum = 1, .n = 1, .buckets = &bucket};
	struct sg_exemplar e = {.n_of = 1,
				.value = 1,
				.t_ms = t_ms,
				.tid = tid,
				.tgid = tid,
				.comm = "comm",
				.cgroup = "/",
				.frames = frames,
				.n_frames = 2};
	sg_auto(sg_frame) f = sg_frame_new();
	struct sg_series s;
	sg_auto_buf bytes = {0};

	assert_int_equal(sg_series_init(&s, SG_HISTOGRAM, "m_seconds", &label, 1), 0);
	f->t_ms = t_ms;
	f->session = 1;
	f->seq = seq;
	f->span_ns = 1000000000;
	assert_int_equal(sg_frame_add_hist(f, &s, &h), 0);
	assert_int_equal(sg_frame_add_exemplar(f, &e), 0);
	assert_int_equal(sg_frame_encode(f, &bytes), 0);
	assert_int_equal(sg_store_append(b->st, bytes.data, bytes.len), 1);
}

static int see(const struct sg_series *s, const struct sg_exemplar *e, void *ctx)
{
	sg_buf_printf(ctx, "%u%s ", e->tid, e->n_frames == 2 ? "+" : "");
	return 0;
}

static void assert_of(struct sg_reader *r, const char *value, int64_t from_ms, int64_t to_ms,
		      const char *want)
{
	struct sg_matcher m[] = {{SG_MATCH_EQ, "__name__", "m_seconds", NULL},
				 {SG_MATCH_EQ, "l", value, NULL}};
	struct sg_selector sel = {2, m};
	sg_auto_buf got = {0};

	assert_int_equal(sg_selector_compile(&sel, NULL), 0);
	assert_int_equal(r->exemplars(r, &sel, 1, from_ms, to_ms, 0, see, &got), 0);
	assert_string_equal(got.data ? got.data : "", want);
	sg_selector_release(&sel);
}

static void assert_read(struct box *b, int64_t from_ms, int64_t to_ms, const char *want)
{
	sg_auto(sg_reader) r = NULL;

	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_of(r, "x", from_ms, to_ms, want);
}

static void they_are_read_before_and_after_they_are_written(void **state)
{
	struct box *b = *state;

	put(b, 1, T0 + 1000, 11);
	put(b, 2, T0 + 2000, 12);
	assert_read(b, T0, T0 + 9000, "11+ 12+ ");
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_read(b, T0, T0 + 9000, "11+ 12+ ");
	put(b, 3, T0 + 3000, 13);
	assert_read(b, T0, T0 + 9000, "11+ 12+ 13+ ");
	assert_read(b, T0 + 1000, T0 + 2000, "12+ ");
	reopen(b);
	assert_read(b, T0, T0 + 9000, "11+ 12+ 13+ ");
}

static void other_series_have_none(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;

	put(b, 1, T0 + 1000, 11);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_of(r, "y", T0, T0 + 9000, "");
}

static int no_exemplars(const void *p, size_t n, void *ctx)
{
	sg_auto(sg_frame) f = NULL;

	assert_int_equal(sg_frame_decode(p, n, &f), 0);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->n_exemplars, 0);
	*(int *)ctx += 1;
	return 0;
}

static void frames_of_the_journal_are_without_them(void **state)
{
	struct box *b = *state;
	int n = 0;

	put(b, 1, T0 + 1000, 11);
	put(b, 2, T0 + 2000, 12);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(sg_store_frames(b->dir, T0, T0 + 9000, no_exemplars, &n, NULL), 0);
	assert_int_equal(n, 2);
}

static int64_t number_of(struct box *b, const char *sql)
{
	sg_auto_buf path = {0};
	sqlite3_stmt *s;
	sqlite3 *db;
	int64_t v;

	sg_buf_printf(&path, "%s/metrics.db", b->dir);
	assert_int_equal(sqlite3_open(path.data, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	v = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return v;
}

static void the_oldest_go_when_they_are_too_many_bytes(void **state)
{
	struct box *b = *state;
	int64_t one;

	put(b, 1, T0 + 1000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	one = number_of(b, "SELECT bytes FROM exemplar");
	b->o.exemplar_bytes = (uint64_t)(5 * one);
	reopen(b);
	for (uint64_t i = 2; i < 30; i++) {
		put(b, i, T0 + (int64_t)i * 1000, (uint32_t)i);
		assert_int_equal(sg_store_flush(b->st, true), 0);
	}
	for (int i = 0; i < 5; i++) {
		usleep(1100000); /* upkeep is done once a second */
		assert_int_equal(sg_store_maintain(b->st), 0);
	}
	assert_true(number_of(b, "SELECT sum(bytes) FROM exemplar") <= 5 * one + 8 * one / 4);
	assert_int_equal(number_of(b, "SELECT max(to_ms) FROM exemplar"), T0 + 29000);
}

static void none_are_kept_when_there_is_no_room_for_any(void **state)
{
	struct box *b = *state;

	b->o.exemplar_bytes = 0;
	reopen(b);
	put(b, 1, T0 + 1000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(number_of(b, "SELECT count(*) FROM exemplar"), 0);
	assert_int_equal(number_of(b, "SELECT count(*) FROM journal"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_are_read_before_and_after_they_are_written,
						setup, teardown),
		cmocka_unit_test_setup_teardown(other_series_have_none, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_of_the_journal_are_without_them, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_oldest_go_when_they_are_too_many_bytes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(none_are_kept_when_there_is_no_room_for_any, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
