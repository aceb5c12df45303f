// SPDX-License-Identifier: GPL-2.0
#include "harness.h"

#include <sqlite3.h>

static void make(struct sg_buf *b, uint64_t seq, int64_t from_ms, int64_t to_ms, const char *comm)
{
	static const char *const frames[] = {"main", "work"};
	const struct sg_stack s = {
		.cgroup = "/", .comm = comm, .frames = frames, .n = 2, .us = 1000, .count = 1};
	const struct sg_profile_head h = {
		.session = 5, .seq = seq, .from_ms = from_ms, .to_ms = to_ms};
	sg_auto(sg_profile) p = sg_profile_new(1 << 16);

	assert_int_equal(sg_profile_add(p, &s), 0);
	assert_int_equal(sg_profile_encode(p, &h, b), 0);
}

static int put(struct box *b, uint64_t seq, int64_t to_ms, const char *comm)
{
	sg_auto_buf bytes = {0};

	make(&bytes, seq, to_ms - 10000, to_ms, comm);
	return sg_store_profile(b->st, bytes.data, bytes.len);
}

static int see(const struct sg_stack *s, void *ctx)
{
	sg_buf_printf(ctx, "%s ", s->comm);
	return 0;
}

static void assert_read(struct box *b, int64_t from_ms, int64_t to_ms, const char *want)
{
	sg_auto(sg_reader) r = NULL;
	sg_auto_buf got = {0};

	assert_int_equal(sg_store_reader(b->dir, NULL, &r, NULL), 0);
	assert_int_equal(r->profile(r, from_ms, to_ms, 0, see, &got), 0);
	assert_string_equal(got.data ? got.data : "", want);
}

static void what_is_stored_is_read_by_time(void **state)
{
	struct box *b = *state;

	assert_int_equal(put(b, 1, T0 + 10000, "a"), 1);
	assert_int_equal(put(b, 2, T0 + 20000, "b"), 1);
	assert_int_equal(put(b, 3, T0 + 30000, "c"), 1);
	assert_read(b, T0, T0 + 30000, "a b c ");
	assert_read(b, T0 + 10000, T0 + 20000, "b ");
	assert_read(b, T0 + 15000, T0 + 25000, "b c ");
	assert_read(b, T0 + 30000, T0 + 90000, "");
	reopen(b);
	assert_read(b, T0, T0 + 30000, "a b c ");
}

static void the_same_record_again_is_ignored(void **state)
{
	struct box *b = *state;

	assert_int_equal(put(b, 1, T0 + 10000, "a"), 1);
	assert_int_equal(put(b, 1, T0 + 10000, "a"), 0);
	assert_read(b, T0, T0 + 30000, "a ");
	assert_int_equal(sg_store_profile(b->st, "nonsense", 8), -EBADMSG);
}

static uint64_t file_rows(struct box *b)
{
	sg_auto_buf got = {0};
	sg_auto(sg_reader) r = NULL;

	assert_int_equal(sg_store_reader(b->dir, NULL, &r, NULL), 0);
	assert_int_equal(r->profile(r, 0, INT64_MAX, 0, see, &got), 0);
	return got.len / 2;
}

static void the_oldest_make_room(void **state)
{
	struct box *b = *state;
	sg_auto_buf one = {0};

	make(&one, 1, 1, 2, "a");
	b->o.profile_bytes = 20 * one.len;
	reopen(b);
	for (uint64_t i = 1; i <= 40; i++)
		assert_int_equal(put(b, i, sg_real_ms() + (int64_t)i, i <= 20 ? "a" : "b"), 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(sg_store_maintain(b->st), 0);
		usleep(1010000); /* once a second */
	}
	assert_in_range(file_rows(b), 10, 20);
	assert_read(b, 0, sg_real_ms() - 3600000, "");
}

static void what_is_too_old_goes(void **state)
{
	struct box *b = *state;

	b->o.retention_ns = 3600000000000ULL;
	reopen(b);
	assert_int_equal(put(b, 1, sg_real_ms() - 7200000, "a"), 1);
	assert_int_equal(put(b, 2, sg_real_ms(), "b"), 1);
	assert_int_equal(sg_store_maintain(b->st), 0);
	assert_read(b, 0, INT64_MAX, "b ");
}

static void none_are_kept_when_there_is_no_room_for_any(void **state)
{
	struct box *b = *state;

	b->o.profile_bytes = 0;
	reopen(b);
	assert_int_equal(put(b, 1, T0, "a"), 0);
	assert_int_equal(file_rows(b), 0);
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

static void a_file_of_before_is_read_and_gets_the_table(void **state)
{
	struct box *b = *state;

	shut(b);
	sql(b, "DROP TABLE profile; DROP TABLE event; PRAGMA user_version = 1");
	assert_int_equal(file_rows(b), 0); /* a reader changes nothing */
	assert_int_equal(open_store(b, NULL), 0);
	assert_int_equal(put(b, 1, T0 + 10000, "a"), 1);
	assert_read(b, T0, T0 + 30000, "a ");
}

static void a_damaged_record_is_passed_over(void **state)
{
	struct box *b = *state;

	put(b, 1, T0 + 10000, "a");
	put(b, 2, T0 + 20000, "b");
	shut(b);
	sql(b, "UPDATE profile SET data = x'00' WHERE seq = 1");
	assert_read(b, T0, T0 + 30000, "b ");
}

static int with_room(void **state)
{
	int r = setup(state);
	struct box *b = *state;

	b->o.profile_bytes = 1 << 20;
	reopen(b);
	return r;
}

#define T(name) cmocka_unit_test_setup_teardown(name, with_room, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_stored_is_read_by_time),
		T(the_same_record_again_is_ignored),
		T(the_oldest_make_room),
		T(what_is_too_old_goes),
		T(none_are_kept_when_there_is_no_room_for_any),
		T(a_file_of_before_is_read_and_gets_the_table),
		T(a_damaged_record_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
