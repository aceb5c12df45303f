// SPDX-License-Identifier: GPL-2.0
/* Whatever happens to the file: collection goes on, and health says what is wrong. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "harness.h"
#include "store/store.h"

/* 30 ticks of 1 in blocks of 10, all committed. */
static void fill(struct box *b, uint64_t session)
{
	for (int i = 0; i < 30; i++) {
		assert_int_equal(append_c(b->st, session, i + 1, T0 + i * 1000, 1), 1);
		if (i % 10 == 9)
			assert_int_equal(sg_store_flush(b->st, true), 0);
	}
}

static void sql(const struct box *b, const char *file, const char *text)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(path_of(b, file), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void overwrite(const struct box *b, const char *file, off_t at, const void *p, size_t n)
{
	sg_auto_fd int fd = open(path_of(b, file), O_RDWR | O_CREAT, 0644);

	assert_int_equal(pwrite(fd, p, n, at), n);
}

static struct sg_store_health health(struct box *b)
{
	struct sg_store_health h;

	sg_store_health(b->st, &h);
	return h;
}

static void a_newer_schema_is_refused_with_a_sentence(void **state)
{
	struct box *b = *state;
	struct sg_error err = {0};

	fill(b, 1);
	shut(b);
	sql(b, "metrics.db", "PRAGMA user_version = 99");
	assert_int_equal(open_store(b, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "schema version 99"));
	assert_non_null(strstr(err.msg, "newer sgprobe"));
	auto_answer a = ask_dir(b->dir, NULL, "c", 0, INT64_MAX, false);

	assert_int_equal(a.r, -EPROTONOSUPPORT);
	assert_false(exists_like(b, "metrics.db.corrupt-"));
}

static void garbage_is_set_aside_and_a_new_file_started(void **state)
{
	struct box *b = *state;
	char junk[8192];

	shut(b);
	unlink(path_of(b, "metrics.db"));
	memset(junk, 0xa5, sizeof(junk));
	overwrite(b, "metrics.db", 0, junk, sizeof(junk));
	assert_int_equal(open_store(b, NULL), 0);
	assert_true(exists_like(b, "metrics.db.corrupt-"));
	assert_string_not_equal(health(b).quarantined, "");
	fill(b, 1);
	assert_true(health(b).ok);
	assert_float_equal(total_c(b->dir), 30, 0);
}

static void somebody_elses_database_is_set_aside(void **state)
{
	struct box *b = *state;

	shut(b);
	unlink(path_of(b, "metrics.db"));
	sql(b, "metrics.db", "CREATE TABLE mine(x)");
	assert_int_equal(open_store(b, NULL), 0);
	assert_true(exists_like(b, "metrics.db.corrupt-"));
	fill(b, 1);
}

static void only_the_newest_damaged_file_is_kept(void **state)
{
	struct box *b = *state;
	DIR *d;
	struct dirent *e;
	int n = 0;

	for (int i = 0; i < 3; i++) {
		char name[64];

		snprintf(name, sizeof(name), "metrics.db.corrupt-%d", i);
		overwrite(b, name, 0, "x", 1);
	}
	shut(b);
	overwrite(b, "metrics.db", 0, "not a database, certainly", 25);
	assert_int_equal(open_store(b, NULL), 0);
	d = opendir(b->dir);
	while ((e = readdir(d)))
		n += !strncmp(e->d_name, "metrics.db.corrupt-", 19);
	closedir(d);
	assert_int_equal(n, 1);
}

static void a_truncated_file_is_survived(void **state)
{
	struct box *b = *state;

	for (off_t size = 1; size < 40000; size = size * 3 + 1) {
		shut(b);
		assert_int_equal(truncate(path_of(b, "metrics.db"), size), 0);
		assert_int_equal(open_store(b, NULL), 0);
		for (int i = 0; i < 3; i++) {
			append_c(b->st, (uint64_t)size, i + 1, T0 + i * 1000, 1);
			assert_int_equal(sg_store_flush(b->st, true), 0);
		}
		assert_true(health(b).ok);
		assert_true(total_c(b->dir) >= 3);
	}
}

static void a_flipped_byte_anywhere_is_survived(void **state)
{
	struct box *b = *state;
	sg_auto_buf whole = {0};
	uint64_t session = 100;

	fill(b, 1);
	shut(b);
	assert_int_equal(sg_read_file(path_of(b, "metrics.db"), 1 << 20, &whole), 0);
	for (size_t at = 0; at < whole.len; at += at < 200 ? 3 : 97) {
		char c = (char)(whole.data[at] ^ 0xff);
		int r;

		unlink(path_of(b, "metrics.db"));
		overwrite(b, "metrics.db", 0, whole.data, whole.len);
		overwrite(b, "metrics.db", (off_t)at, &c, 1);
		r = open_store(b, NULL);
		if (r == -EPROTONOSUPPORT) /* the byte was the version */
			continue;
		assert_int_equal(r, 0);
		session++;
		append_c(b->st, session, 1, T0 + 40000, 1);
		sg_store_flush(b->st, true);
		append_c(b->st, session, 2, T0 + 41000, 1);
		sg_store_flush(b->st, true);
		sg_store_maintain(b->st);
		assert_int_equal(sg_store_committed(b->st, session), 2);
		auto_answer a = ask(b, "c", T0 + 39000, T0 + 41000);

		assert_int_equal(a.r, 0);
		assert_int_equal(a.set.n, 1);
		shut(b);
	}
	open_store(b, NULL);
}

static void a_damaged_block_is_skipped_and_counted(void **state)
{
	struct box *b = *state;

	fill(b, 1);
	shut(b);
	sql(b, "metrics.db", "UPDATE journal SET crc = crc + 1 WHERE id = 2");
	assert_float_equal(total_c(b->dir), 20, 0);
	assert_int_equal(open_store(b, NULL), 0);
	auto_answer a = ask(b, "c", 0, INT64_MAX);

	assert_int_equal(a.r, 0);
	assert_int_equal(a.set.series[0].n, 1 + 20 + 1); /* and where the hole ends */
	assert_true(health(b).bad_blocks >= 1);
	assert_true(health(b).ok);
}

static void a_damaged_key_block_falls_back_to_the_one_before(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 410; i++) { /* T0 + 400 s is a multiple of ten minutes */
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
		if (i % 10 == 0)
			sg_store_flush(b->st, true);
	}
	shut(b);
	sql(b, "metrics.db",
	    "UPDATE journal SET base = zeroblob(10) WHERE id ="
	    " (SELECT max(id) FROM journal WHERE key)");
	assert_int_equal(open_store(b, NULL), 0);
	assert_int_equal(sg_store_committed(b->st, 1), 401); /* its frames share the checksum */
	append_c(b->st, 1, 411, T0 + 410000, 1);
	auto_answer a = ask(b, "c", T0 + 409000, T0 + 410000);

	assert_int_equal(a.set.n, 1);
}

static void damage_while_running_starts_a_new_file_and_counters_go_on(void **state)
{
	struct box *b = *state;
	char junk[4096];

	fill(b, 1);
	memset(junk, 0x5a, sizeof(junk));
	/* In place of the pages under the open connection, the way a bad disk would do it. */
	assert_int_equal(sqlite3_wal_checkpoint_v2(b->st->db->h, NULL, SQLITE_CHECKPOINT_TRUNCATE,
						   NULL, NULL),
			 SQLITE_OK);
	if (!fork()) { /* another process: closing the file here would drop SQLite's locks */
		for (int page = 0; page < 12; page++)
			overwrite(b, "metrics.db", page * 4096, junk, sizeof(junk));
		_exit(0);
	}
	wait(NULL);
	sqlite3_db_release_memory(b->st->db->h);
	append_c(b->st, 1, 31, T0 + 30000, 1);
	sg_store_flush(b->st, true);
	append_c(b->st, 1, 32, T0 + 31000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_true(health(b).ok);
	assert_string_not_equal(health(b).quarantined, "");
	assert_int_equal(sg_store_committed(b->st, 1), 32);
	auto_answer a = ask(b, "c", T0 + 30000, INT64_MAX);

	assert_int_equal(a.set.n, 1);
	assert_float_equal(a.set.series[0].values[a.set.series[0].n - 1], 32, 0);
}

/* Runs fn in a process of its own, with the box's store closed. */
static void in_child(struct box *b, int (*fn)(struct box *b))
{
	pid_t pid;
	int status;

	shut(b);
	pid = fork();
	if (!pid)
		_exit(fn(b));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("child: line %d, signal %d", WEXITSTATUS(status) + 200,
			 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "# line %d: %s\n", __LINE__, #x);                          \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int read_only_child(struct box *b)
{
	struct sg_store_health h;

	if (!geteuid()) { /* root may write anywhere: be somebody else */
		CHECK(!chown(b->dir, 65534, 65534));
		CHECK(!chown(path_of(b, "metrics.db"), 65534, 65534));
		CHECK(!chown(path_of(b, "lock"), 65534, 65534));
		if (setgroups(0, NULL) || setegid(65534) || seteuid(65534))
			return 77;
	}
	CHECK(!chmod(path_of(b, "metrics.db"), 0444) && !chmod(b->dir, 0555));
	CHECK(!open_store(b, NULL));
	CHECK(append_c(b->st, 2, 1, T0 + 60000, 1) == 1);
	sg_store_flush(b->st, true);
	sg_store_health(b->st, &h);
	CHECK(!h.ok && strstr(h.message, "cannot be written to"));
	CHECK(sg_store_committed(b->st, 2) == 0);
	auto_answer a = ask(b, "c", 0, INT64_MAX);
	CHECK(a.set.n == 1 && a.set.series[0].n == 1 + 30 + 2);

	CHECK(!chmod(b->dir, 0755) && !chmod(path_of(b, "metrics.db"), 0644));
	CHECK(!sg_store_flush(b->st, true));
	sg_store_health(b->st, &h);
	CHECK(h.ok && !*h.message && sg_store_committed(b->st, 2) == 1);
	shut(b);
	return 0;
}

static void a_read_only_folder_is_lived_with(void **state)
{
	struct box *b = *state;

	fill(b, 1);
	in_child(b, read_only_child);
}

static int full_disk_child(struct box *b)
{
	struct sg_store_health h;
	sg_auto_fd int ballast = -1;
	static char mb[1 << 20];
	int i = 0;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", b->dir, "tmpfs", 0, "size=4m"))
		return 77;
	b->o.flush_ns = 0;
	CHECK(!open_store(b, NULL));
	for (; i < 20; i++) {
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
		CHECK(!sg_store_flush(b->st, true));
	}
	ballast = open(path_of(b, "ballast"), O_CREAT | O_WRONLY, 0644);
	while (write(ballast, mb, sizeof(mb)) > 0)
		;
	for (; i < 200; i++) { /* min_free_bytes is 0: SQLite itself meets the end */
		CHECK(append_c(b->st, 1, i + 1, T0 + i * 1000, 1) == 1);
		sg_store_flush(b->st, true);
		sg_store_maintain(b->st);
	}
	sg_store_health(b->st, &h);
	CHECK(!h.ok && strstr(h.message, "free"));
	CHECK(!*h.quarantined);
	auto_answer a = ask(b, "c", T0 - 1, INT64_MAX);
	CHECK(a.set.n == 1 && a.set.series[0].n == 200);
	CHECK(!ftruncate(ballast, 0));
	CHECK(!sg_store_flush(b->st, true));
	sg_store_health(b->st, &h);
	CHECK(h.ok && !h.lost_frames && sg_store_committed(b->st, 1) == 200);
	CHECK(total_c(b->dir) == 200);
	shut(b);
	return 0;
}

static void a_full_disk_is_waited_out(void **state)
{
	in_child(*state, full_disk_child);
}

static void too_little_free_space_stops_writing_not_collecting(void **state)
{
	struct box *b = *state;

	fill(b, 1);
	b->st->o.min_free_bytes = UINT64_MAX / 4;
	append_c(b->st, 1, 31, T0 + 30000, 1);
	assert_int_equal(sg_store_flush(b->st, true), -ENOSPC);
	assert_false(health(b).ok);
	assert_non_null(strstr(health(b).message, "store.min_free_bytes"));
	auto_answer a = ask(b, "c", T0 + 29000, INT64_MAX);

	assert_int_equal(a.set.series[0].n, 1);
	b->st->o.min_free_bytes = 0;
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_true(health(b).ok);
}

static void what_falls_off_the_head_is_counted_and_marked(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_gap *gaps;
	size_t n;

	b->st->o.min_free_bytes = UINT64_MAX / 4;
	b->st->o.head_max_bytes = 2000;
	for (int i = 0; i < 100; i++)
		assert_int_equal(append_c(b->st, 1, i + 1, T0 + i * 1000, 1), 1);
	assert_true(health(b).lost_frames > 50);
	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_int_equal(r->gaps(r, 0, INT64_MAX, arena, &gaps, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gaps[0].from_ms, T0 - 1000);
	assert_int_equal(gaps[0].to_ms, T0 + (int64_t)(health(b).lost_frames - 1) * 1000);
	b->st->o.min_free_bytes = 0;
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_float_equal(total_c(b->dir), 100 - (double)health(b).lost_frames, 0);
	assert_int_equal(health(b).frames, 100);
}

/* Histograms with random buckets: what does not compress fills a file quickly. */
static void append_noise(struct sg_store *st, uint64_t seq, int64_t t_ms)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf e = {0};

	f->session = 1;
	f->seq = seq;
	f->t_ms = t_ms;
	f->span_ns = 1000000000;
	for (int i = 0; i < 200; i++) {
		char name[32];
		struct sg_series s;

		snprintf(name, sizeof(name), "g%d", i);
		sg_series_init(&s, SG_GAUGE, sg_arena_strdup(f->arena, name), NULL, 0);
		sg_frame_add_value(f, &s, drand48());
	}
	assert_int_equal(sg_frame_encode(f, &e), 0);
	assert_int_equal(sg_store_append(st, e.data, e.len), 1);
}

static void the_file_never_passes_its_size(void **state)
{
	struct box *b = *state;
	struct sg_store_health h;
	uint64_t most = 0;

	b->o.max_bytes = 1 << 20;
	reopen(b);
	for (int i = 0; i < 3000; i++) {
		append_noise(b->st, i + 1, T0 + i * 1000);
		if (i % 10 == 9)
			assert_int_equal(sg_store_flush(b->st, true), 0);
		if (i % 100 == 0)
			sg_store_maintain(b->st);
		h = health(b);
		most = SG_MAX(most, h.bytes);
	}
	assert_in_range(most, 1, 1 << 20);
	assert_true(h.ok);
	assert_int_equal(h.lost_frames, 0);
	assert_true(h.newest_ms - h.oldest_ms > 100000);
	auto_answer a = ask(b, "g1", h.newest_ms - 10000, h.newest_ms);

	assert_int_equal(a.set.series[0].n, 10);
}

static void a_smaller_limit_shrinks_the_file(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 3000; i++) {
		append_noise(b->st, i + 1, T0 + i * 1000);
		if (i % 10 == 9)
			sg_store_flush(b->st, true);
	}
	assert_true(health(b).bytes > 4 << 20);
	b->o.max_bytes = 2 << 20;
	reopen(b);
	for (int i = 0; i < 2000 && health(b).bytes > 3 << 20; i++) {
		b->st->last_trim_ns = 0;
		b->st->last_checkpoint_ns = 0;
		assert_int_equal(sg_store_maintain(b->st), 0);
	}
	assert_true(health(b).bytes <= 3 << 20);
}

static void a_second_daemon_is_told_who_has_the_folder(void **state)
{
	struct box *b = *state;
	struct sg_store *other = NULL;
	struct sg_error err = {0};
	char pid[32];

	assert_int_equal(sg_store_open(&b->o, &other, &err), -EBUSY);
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	assert_non_null(strstr(err.msg, pid));
	shut(b);
	assert_int_equal(sg_store_open(&b->o, &other, &err), 0);
	sg_store_close(other);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
	struct box *b = *state;
	struct sg_store_options o = b->o;
	struct sg_store *st = NULL;
	struct sg_error err = {0};

	o.data_dir = path_of(b, "lock/below");
	assert_true(sg_store_open(&o, &st, &err) < 0);
	assert_non_null(strstr(err.msg, "lock/below"));
	o.data_dir = b->dir;
	o.max_bytes = 1000;
	assert_int_equal(sg_store_open(&o, &st, &err), -EINVAL);
}

static void another_writer_is_waited_for(void **state)
{
	struct box *b = *state;
	sqlite3 *h;

	fill(b, 1);
	assert_int_equal(sqlite3_open(path_of(b, "metrics.db"), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	append_c(b->st, 1, 31, T0 + 30000, 1);
	assert_int_equal(sg_store_flush(b->st, true), -EAGAIN);
	assert_non_null(strstr(health(b).message, "another program"));
	sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(h);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_true(health(b).ok);
}

static void a_reader_that_stays_does_not_let_the_wal_grow_for_ever(void **state)
{
	struct box *b = *state;
	sqlite3 *h;
	struct stat s;
	int i;

	b->o.max_bytes = 2 << 20;
	reopen(b);
	append_noise(b->st, 1, T0);
	sg_store_flush(b->st, true);
	assert_int_equal(sqlite3_open(path_of(b, "metrics.db"), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN; SELECT count(*) FROM journal", NULL, NULL, NULL),
			 SQLITE_OK);
	for (i = 1; i < 2000; i++) {
		append_noise(b->st, i + 1, T0 + i * 1000);
		if (sg_store_flush(b->st, true) < 0)
			break;
	}
	assert_in_range(i, 10, 1999);
	assert_false(health(b).ok);
	assert_int_equal(stat(path_of(b, "metrics.db-wal"), &s), 0);
	assert_in_range(s.st_size, 1, 1 << 20);
	sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(h);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(health(b).lost_frames, 0);
}

static void a_reader_without_a_store_says_so(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;
	struct sg_error err = {0};

	assert_int_equal(sg_store_reader("/tmp/sgb-store-nowhere", NULL, &r, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/tmp/sgb-store-nowhere/metrics.db"));
	(void)b;
}

static void a_file_that_somebody_deleted_is_made_again(void **state)
{
	struct box *b = *state;

	fill(b, 1);
	unlink(path_of(b, "metrics.db"));
	unlink(path_of(b, "metrics.db-wal"));
	unlink(path_of(b, "metrics.db-shm"));
	append_c(b->st, 1, 31, T0 + 30000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_float_equal(total_c(b->dir), 1, 0);
	auto_answer a = ask(b, "c", T0 + 29000, INT64_MAX);

	assert_float_equal(a.set.series[0].values[0], 31, 0);
}

static int reader_child(struct box *b)
{
	if (!geteuid() && (setgroups(0, NULL) || setegid(65534) || seteuid(65534)))
		return 77;
	CHECK(total_c(b->dir) == 30);
	return 0;
}

static void a_folder_that_the_reader_may_not_write_to_is_read(void **state)
{
	struct box *b = *state;

	fill(b, 1);
	chmod(b->dir, 0755);
	in_child(b, reader_child);
}

/* As a killed daemon leaves it: everything in the WAL, and maybe no -shm. */
static int leave_wal(struct box *b)
{
	if (open_store(b, NULL))
		return 1;
	fill(b, 1);
	return 0; /* without closing: _exit */
}

static void what_a_killed_daemon_left_in_the_wal_is_read(void **state)
{
	struct box *b = *state;

	in_child(b, leave_wal);
	assert_float_equal(total_c(b->dir), 30, 0);
	unlink(path_of(b, "metrics.db-shm"));
	assert_float_equal(total_c(b->dir), 30, 0);
	assert_int_equal(open_store(b, NULL), 0);
	assert_int_equal(sg_store_committed(b->st, 1), 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_newer_schema_is_refused_with_a_sentence),
		T(garbage_is_set_aside_and_a_new_file_started),
		T(somebody_elses_database_is_set_aside),
		T(only_the_newest_damaged_file_is_kept),
		T(a_truncated_file_is_survived),
		T(a_flipped_byte_anywhere_is_survived),
		T(a_damaged_block_is_skipped_and_counted),
		T(a_damaged_key_block_falls_back_to_the_one_before),
		T(damage_while_running_starts_a_new_file_and_counters_go_on),
		T(a_read_only_folder_is_lived_with),
		T(a_full_disk_is_waited_out),
		T(too_little_free_space_stops_writing_not_collecting),
		T(what_falls_off_the_head_is_counted_and_marked),
		T(the_file_never_passes_its_size),
		T(a_smaller_limit_shrinks_the_file),
		T(a_second_daemon_is_told_who_has_the_folder),
		T(a_folder_that_cannot_be_made_is_an_error),
		T(another_writer_is_waited_for),
		T(a_reader_that_stays_does_not_let_the_wal_grow_for_ever),
		T(a_reader_without_a_store_says_so),
		T(a_file_that_somebody_deleted_is_made_again),
		T(a_folder_that_the_reader_may_not_write_to_is_read),
		T(what_a_killed_daemon_left_in_the_wal_is_read),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
