// SPDX-License-Identifier: GPL-2.0
#include "harness.h"

#include <sqlite3.h>

/* A frame with events at these times, which are numbered in the order in which they came. */
static int append_events(struct box *b, uint64_t seq, int64_t t_ms, const char *comm, size_t n)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf bytes = {0};

	f->session = 9;
	f->seq = seq;
	f->t_ms = t_ms;
	f->span_ns = 1000000000;
	for (size_t i = 0; i < n; i++) {
		struct sg_event e;

		sg_event_init(&e, i % 2 ? SG_EVENT_MOUNT : SG_EVENT_CRASH, t_ms - 500 + (int64_t)i);
		sg_event_text(&e, "comm", comm);
		assert_int_equal(sg_frame_add_event(f, &e), 0);
	}
	assert_int_equal(sg_frame_encode(f, &bytes), 0);
	return sg_store_append(b->st, bytes.data, bytes.len);
}

static size_t read_events(const char *dir, struct sg_head *head, int64_t from, int64_t to,
			  const char *kind, size_t limit, struct sg_buf *names)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	sg_auto(sg_reader) r = NULL;
	struct sg_event *e = NULL;
	size_t n = 0;

	assert_int_equal(sg_store_reader(dir, head, &r, NULL), 0);
	assert_int_equal(r->events(r, from, to, kind, limit, 0, a, &e, &n), 0);
	for (size_t i = 0; i < n; i++) {
		const struct sg_event_field *f = sg_event_get(&e[i], "comm");

		assert_true(i == 0 || e[i].t_ms <= e[i - 1].t_ms);
		if (names)
			sg_buf_printf(names, "%s ", f ? f->text : "?");
	}
	return n;
}

static void assert_read(struct box *b, bool with_head, int64_t from, int64_t to, const char *kind,
			size_t limit, const char *want)
{
	sg_auto_buf got = {0};

	read_events(b->dir, with_head ? sg_store_head(b->st) : NULL, from, to, kind, limit, &got);
	assert_string_equal(got.data ? got.data : "", want);
}

static void events_are_read_from_memory_and_from_the_file_alike(void **state)
{
	struct box *b = *state;

	assert_int_equal(append_events(b, 1, T0 + 1000, "a", 2), 1);
	assert_int_equal(append_events(b, 2, T0 + 2000, "b", 1), 1);
	assert_read(b, true, T0, T0 + 9000, NULL, 100, "b a a ");
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_read(b, true, T0, T0 + 9000, NULL, 100, "b a a ");
	assert_read(b, false, T0, T0 + 9000, NULL, 100, "b a a ");
	assert_int_equal(append_events(b, 3, T0 + 3000, "c", 1), 1);
	assert_read(b, true, T0, T0 + 9000, NULL, 100, "c b a a ");
	assert_read(b, false, T0, T0 + 9000, NULL, 100, "b a a ");
	reopen(b);
	assert_read(b, true, T0, T0 + 9000, NULL, 100, "c b a a ");
}

static void by_time_kind_and_number(void **state)
{
	struct box *b = *state;

	append_events(b, 1, T0 + 1000, "a", 2);
	append_events(b, 2, T0 + 2000, "b", 2);
	for (int flushed = 0; flushed < 2; flushed++) {
		assert_read(b, true, T0 + 500, T0 + 1501, NULL, 100, "b b a ");
		assert_read(b, true, T0 + 499, T0 + 1500, NULL, 100, "b a a ");
		assert_read(b, true, T0, T0 + 9000, "mount", 100, "b a ");
		assert_read(b, true, T0, T0 + 9000, "oom_kill", 100, "");
		assert_read(b, true, T0, T0 + 9000, NULL, 3, "b b a ");
		assert_int_equal(sg_store_flush(b->st, true), 0);
	}
}

static void a_frame_that_is_sent_again_brings_nothing_twice(void **state)
{
	struct box *b = *state;

	assert_int_equal(append_events(b, 1, T0 + 1000, "a", 1), 1);
	assert_int_equal(append_events(b, 1, T0 + 1000, "a", 1), 0);
	reopen(b);
	assert_int_equal(append_events(b, 1, T0 + 1000, "a", 1), 0);
	reopen(b);
	assert_read(b, true, T0, T0 + 9000, NULL, 100, "a ");
}

static void the_oldest_make_room(void **state)
{
	struct box *b = *state;
	int64_t now = sg_real_ms();

	b->o.max_events = 100;
	reopen(b);
	for (uint64_t i = 1; i <= 30; i++)
		append_events(b, i, now - 100000 + (int64_t)i * 1000, i == 30 ? "last" : "x", 10);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(read_events(b->dir, NULL, 0, INT64_MAX, NULL, 1000, NULL), 300);
	usleep(1100000); /* upkeep is done once a second */
	assert_int_equal(sg_store_maintain(b->st), 0);
	assert_int_equal(read_events(b->dir, NULL, 0, INT64_MAX, NULL, 1000, NULL), 100);
	assert_read(b, false, 0, INT64_MAX, NULL, 2, "last last ");
}

static void what_is_too_old_goes(void **state)
{
	struct box *b = *state;
	int64_t now = sg_real_ms();

	b->o.retention_ns = 60000000000ULL;
	reopen(b);
	append_events(b, 1, now - 120000, "old", 1);
	append_events(b, 2, now - 1000, "new", 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	usleep(1100000);
	assert_int_equal(sg_store_maintain(b->st), 0);
	assert_read(b, false, 0, INT64_MAX, NULL, 100, "new ");
}

static void sql(struct box *b, const char *text)
{
	char path[128];
	sqlite3 *h;

	snprintf(path, sizeof(path), "%s/metrics.db", b->dir);
	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void a_file_of_before_is_read_and_then_migrated(void **state)
{
	struct box *b = *state;

	append_c(b->st, 9, 1, T0 + 1000, 5);
	shut(b);
	sql(b, "DROP TABLE event; PRAGMA user_version = 2");
	assert_read(b, false, 0, INT64_MAX, NULL, 100, "");
	assert_int_equal(open_store(b, NULL), 0);
	assert_int_equal(append_events(b, 2, T0 + 2000, "a", 1), 1);
	reopen(b);
	assert_read(b, false, 0, INT64_MAX, NULL, 100, "a ");
}

static void a_row_that_is_damaged_is_passed_over(void **state)
{
	struct box *b = *state;

	append_events(b, 1, T0 + 1000, "a", 1);
	append_events(b, 2, T0 + 2000, "b", 1);
	shut(b);
	sql(b, "UPDATE event SET data = x'ff00' WHERE id = 1");
	assert_read(b, false, 0, INT64_MAX, NULL, 100, "b ");
	assert_int_equal(open_store(b, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_read_from_memory_and_from_the_file_alike,
						setup, teardown),
		cmocka_unit_test_setup_teardown(by_time_kind_and_number, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_that_is_sent_again_brings_nothing_twice,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_oldest_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_old_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_of_before_is_read_and_then_migrated, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_row_that_is_damaged_is_passed_over, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
