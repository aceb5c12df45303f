// SPDX-License-Identifier: GPL-2.0
/* The store's files: damage is found, copies are whole, and nothing is replaced that should not be. */
#include "harness.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <sgprobe/dbfile.h>

struct found {
	char text[1024];
};

static void on_finding(void *ctx, const char *where, const char *what)
{
	struct found *f = ctx;
	size_t n = strlen(f->text);

	snprintf(f->text + n, sizeof(f->text) - n, "%s: %s\n", where, what);
}

static int fill(void **state)
{
	struct box *b;

	setup(state);
	b = *state;
	for (int i = 0; i < 120; i++) {
		const struct item items[] = {{SG_COUNTER, "c", NULL, 1},
					     {SG_HISTOGRAM, "h", NULL, 5}};

		append(b->st, 1, i + 1, T0 + i * 1000, items, 2);
		if (i % 10 == 9)
			assert_int_equal(sg_store_flush(b->st, true), 0);
	}
	return 0;
}

static void sql(const struct box *b, const char *text)
{
	char path[128], *why = NULL;
	sqlite3 *h = NULL;

	snprintf(path, sizeof(path), "%s/metrics.db", b->dir);
	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	if (sqlite3_exec(h, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(h);
}

static uint64_t check(const struct box *b, struct found *f, struct sg_dbfile_checked *got)
{
	struct sg_error err = {""};

	*f = (struct found){""};
	if (sg_dbfile_check(b->dir, on_finding, f, NULL, got, &err) < 0)
		fail_msg("%s", err.msg);
	return got->problems;
}

static void a_sound_store_has_no_problems(void **state)
{
	struct sg_dbfile_checked got;
	struct found f;

	assert_int_equal(check(*state, &f, &got), 0);
	assert_string_equal(f.text, "");
	assert_int_equal(got.frames, 120);
	assert_int_equal(got.rows, 12);
	assert_true(got.pages > 5);
}

struct harm {
	const char *sql, *finding;
};

static void damage_is_found(void **state)
{
	static const struct harm cases[] = {
		{"UPDATE journal SET crc = crc + 1 WHERE id = 3",
		 "metrics.db, journal: row 3: its checksum is wrong\n"},
		{"DELETE FROM journal WHERE id IN (5, 6)",
		 "metrics.db, journal: rows 5 to 6 are missing\n"},
		{"UPDATE journal SET n_frames = 9 WHERE id = 4",
		 "metrics.db, journal: row 4: 10 frames, and it says 9\n"},
		{"UPDATE journal SET t1_ms = t0_ms WHERE id = 2",
		 "metrics.db, journal: row 2: frame 2 is outside of the row's time\n"},
		{"UPDATE journal SET key = 1 - key WHERE id = 2",
		 "metrics.db, journal: row 2: a key row without sums\n"},
		{"INSERT INTO gap VALUES (1, 5, 3, 'x')",
		 "metrics.db, gap: row 1: ends before it begins\n"},
		{"INSERT INTO event VALUES (1, 1, 5, 'oom_kill', X'0102')",
		 "metrics.db, event: row 1: does not decode\n"},
		{"INSERT INTO profile VALUES (1, 1, 1, 1, 2, 3, X'010203')",
		 "metrics.db, profile: row 1: does not decode\n"},
		{"INSERT INTO exemplar VALUES (1, 1, 1, 3, 3, X'010203')",
		 "metrics.db, exemplar: block 1: does not decode\n"},
		{"INSERT INTO segment VALUES (1, 0, 1, 1, 5, 3, 1, 3)",
		 "metrics.db, segment: row 1: ends before it begins\n"},
		{"INSERT INTO segment VALUES (1, 0, 1, 1, 3, 5, 1, 3);"
		 "INSERT INTO chunk VALUES ((1 << 32) + 7, X'010203')",
		 "metrics.db, chunk: segment 1, series 7: does not decode\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_dbfile_checked got;
		struct found f;
		void *s;

		fill(&s);
		sql(s, cases[i].sql);
		assert_true(check(s, &f, &got) > 0);
		if (strncmp(f.text, cases[i].finding, strlen(cases[i].finding)) != 0)
			fail_msg("%s", f.text);
		teardown(&s);
	}
}

static void damaged_pages_are_found(void **state)
{
	struct box *b = *state;
	struct sg_dbfile_checked got;
	struct found f;
	char path[128], junk[4096];
	int fd;

	shut(b);
	snprintf(path, sizeof(path), "%s/metrics.db", b->dir);
	memset(junk, 0x5a, sizeof(junk));
	fd = open(path, O_WRONLY);
	for (int page = 2; page < 6; page++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), sizeof(junk));
	close(fd);
	assert_true(check(b, &f, &got) > 0);
	assert_memory_equal(f.text, "metrics.db: ", 12);
}

/* ---- copies -------------------------------------------------------------------------------- */

static const char *sibling(const struct box *b, const char *suffix)
{
	static char path[2][128];
	static unsigned int next;
	char *p = path[next++ % 2];

	snprintf(p, 128, "%s-%s", b->dir, suffix);
	return p;
}

static size_t samples_in(const char *dir)
{
	auto_answer a = ask_dir(dir, NULL, "c", T0 - 1, T0 + 10000000, false);

	assert_int_equal(a.r, 0);
	return a.set.n ? a.set.series[0].n : 0;
}

static int write_on(void *ctx, const char *what, uint64_t done, uint64_t all)
{
	struct box *b = ctx;
	static int i;

	i++;
	append_c(b->st, 2, i, T0 + 200000 + i * 1000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	return 0;
}

static void a_backup_is_of_one_moment_while_the_store_goes_on(void **state)
{
	struct box *b = *state;
	const struct sg_dbfile_watch w = {write_on, b};
	const char *to = sibling(b, "copy");
	struct sg_dbfile_checked got;
	struct sg_error err = {""};
	uint64_t bytes = 0;
	struct found f = {""};

	if (sg_dbfile_backup(b->dir, to, &w, &bytes, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(bytes > 4096);
	assert_int_equal(samples_in(to), 120);
	assert_true(samples_in(b->dir) > 120);
	assert_int_equal(sg_dbfile_check(to, on_finding, &f, NULL, &got, &err), 0);
	assert_int_equal(got.problems, 0);
	assert_int_equal(sg_dbfile_backup(b->dir, to, NULL, &bytes, &err), -EEXIST);
	remove_tree(to);
}

static int stop(void *ctx, const char *what, uint64_t done, uint64_t all)
{
	return -EINTR;
}

static void a_backup_that_is_interrupted_leaves_nothing(void **state)
{
	struct box *b = *state;
	const struct sg_dbfile_watch w = {stop, NULL};
	const char *to = sibling(b, "copy"), *part = sibling(b, "copy.partial");
	uint64_t bytes;

	assert_int_equal(sg_dbfile_backup(b->dir, to, &w, &bytes, NULL), -EINTR);
	assert_int_not_equal(access(to, F_OK), 0);
	assert_int_not_equal(access(part, F_OK), 0);
}

static void restore_refuses_a_folder_in_use(void **state)
{
	struct box *b = *state;
	const char *copy = sibling(b, "copy");
	struct sg_error err = {""};
	uint64_t bytes;
	char aside[128];

	assert_int_equal(sg_dbfile_backup(b->dir, copy, NULL, &bytes, NULL), 0);
	assert_int_equal(sg_dbfile_restore(copy, b->dir, NULL, aside, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "pid"));
	assert_int_equal(sg_dbfile_compact(b->dir, NULL, &bytes, &bytes, &err), -EBUSY);
	remove_tree(copy);
}

static void restore_brings_back_what_was_and_keeps_what_is(void **state)
{
	struct box *b = *state;
	const char *copy = sibling(b, "copy");
	struct sg_error err = {""};
	char aside[128], old[256];
	uint64_t bytes;

	assert_int_equal(sg_dbfile_backup(b->dir, copy, NULL, &bytes, NULL), 0);
	append_c(b->st, 1, 121, T0 + 120000, 1);
	shut(b);
	assert_int_equal(samples_in(b->dir), 121);
	if (sg_dbfile_restore(copy, b->dir, NULL, aside, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(samples_in(b->dir), 120);
	snprintf(old, sizeof(old), "%s/%s", b->dir, aside);
	assert_int_equal(samples_in(old), 121);
	remove_tree(old);
	remove_tree(copy);
}

static void restore_refuses_what_it_cannot_read(void **state)
{
	struct box *b = *state;
	struct box other = {0};
	const char *copy = sibling(b, "copy");
	struct sg_error err = {""};
	char aside[128];
	uint64_t bytes;

	assert_int_equal(sg_dbfile_backup(b->dir, copy, NULL, &bytes, NULL), 0);
	shut(b);
	snprintf(other.dir, sizeof(other.dir), "%s", copy);
	sql(&other, "PRAGMA user_version = 999");
	assert_int_equal(sg_dbfile_restore(copy, b->dir, NULL, aside, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "999"));
	sql(&other, "PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_int_equal(sg_dbfile_restore(copy, b->dir, NULL, aside, &err), -EUCLEAN);
	assert_int_equal(samples_in(b->dir), 120);
	remove_tree(copy);
	assert_int_equal(sg_dbfile_restore(copy, b->dir, NULL, aside, &err), -ENOENT);
}

static void compacting_gives_pages_back_and_loses_nothing(void **state)
{
	struct box *b = *state;
	uint64_t before = 0, after = 0;
	struct sg_error err = {""};

	shut(b);
	sql(b, "PRAGMA max_page_count = 100000; CREATE TABLE big(x);"
	       "INSERT INTO big VALUES (zeroblob(4000000)); DROP TABLE big");
	if (sg_dbfile_compact(b->dir, NULL, &before, &after, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(after < before / 4);
	assert_int_equal(samples_in(b->dir), 120);
	assert_int_equal(open_store(b, NULL), 0);
	assert_int_equal(append_c(b->st, 1, 121, T0 + 120000, 1), 1);
}

static void stats_say_what_has_how_much(void **state)
{
	struct box *b = *state;
	struct sg_dbfile_stats s;
	struct sg_error err = {""};
	uint64_t rows = 0;

	if (sg_dbfile_stats(b->dir, NULL, &s, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(s.blocks, 12);
	assert_int_equal(s.looked_at, 12);
	assert_int_equal(s.oldest_ms, T0);
	assert_int_equal(s.newest_ms, T0 + 119000);
	for (uint64_t i = 0; i < s.n_tables; i++)
		if (strcmp(s.tables[i].name, "journal") == 0)
			rows = s.tables[i].rows;
	assert_int_equal(rows, 12);
	assert_int_equal(s.n_metrics, 2);
	assert_string_equal(s.metrics[0].name, "h");
	assert_int_equal((int)s.metrics[0].samples, 120);
	assert_int_equal(s.metrics[0].series, 1);
	assert_true(s.metrics[0].bytes > s.metrics[1].bytes);
	sg_dbfile_stats_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sound_store_has_no_problems, fill, teardown),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test_setup_teardown(damaged_pages_are_found, fill, teardown),
		cmocka_unit_test_setup_teardown(a_backup_is_of_one_moment_while_the_store_goes_on,
						fill, teardown),
		cmocka_unit_test_setup_teardown(a_backup_that_is_interrupted_leaves_nothing, fill,
						teardown),
		cmocka_unit_test_setup_teardown(restore_refuses_a_folder_in_use, fill, teardown),
		cmocka_unit_test_setup_teardown(restore_brings_back_what_was_and_keeps_what_is,
						fill, teardown),
		cmocka_unit_test_setup_teardown(restore_refuses_what_it_cannot_read, fill,
						teardown),
		cmocka_unit_test_setup_teardown(compacting_gives_pages_back_and_loses_nothing, fill,
						teardown),
		cmocka_unit_test_setup_teardown(stats_say_what_has_how_much, fill, teardown),
	};

	return cmocka_run_group_tests_name("dbfile", tests, NULL, NULL);
}
