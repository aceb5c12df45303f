// SPDX-License-Identifier: GPL-2.0
/* Backups: SQLite's own copying, so that what is copied is of one moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "file_private.h"
#include "folder.h"

#define STEP_PAGES 2048
#define VERIFY_NS 600000000000ULL

uint64_t sg_dbfile_size(const char *dir, const char *file, const char *suffix)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s%s", dir, file, suffix);
	return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

int sg_dbfile_sync(const char *dir, const char *file)
{
	char path[4096];
	sg_auto_fd int fd = -1;

	snprintf(path, sizeof(path), "%s%s%s", dir, file ? "/" : "", file ? file : "");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int sg_dbfile_prepare(struct sg_db *db, const char *sql, sqlite3_stmt **ret)
{
	return sg_db_errno(db->rc = sqlite3_prepare_v2(db->h, sql, -1, ret, NULL));
}

int64_t sg_dbfile_number(struct sg_db *db, const char *sql, int64_t fallback)
{
	sqlite3_stmt *s = NULL;
	int64_t v = fallback;

	if (sg_dbfile_prepare(db, sql, &s) == 0)
		sg_db_i64(db, s, fallback, &v);
	sqlite3_finalize(s);
	return v;
}

bool sg_dbfile_has_table(struct sg_db *db, const char *name)
{
	sqlite3_stmt *s = NULL;
	int64_t n = 0;

	if (sg_dbfile_prepare(db, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", &s) == 0) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		sg_db_i64(db, s, 0, &n);
	}
	sqlite3_finalize(s);
	return n > 0;
}

int sg_dbfile_verify(const struct sg_db_kind *kind, const char *dir, struct sg_error *err)
{
	sg_auto(sg_db) db = NULL;
	int r = sg_db_open_reader(kind, dir, &db, err);

	if (r == 0)
		r = sg_db_quick_check(db, VERIFY_NS);
	if (r == -EUCLEAN)
		sg_fail(err, r, "%s/%s is damaged; 'sgprobe db check' says how", dir, kind->file);
	return r;
}

/* ---- one file -------------------------------------------------------------------------- */

static int wait_or_fail(int rc, unsigned int *waits)
{
	if ((rc != SQLITE_BUSY && rc != SQLITE_LOCKED) || ++*waits > 200)
		return sg_db_errno(rc);
	sqlite3_sleep(50);
	return 0;
}

static int copy_pages(struct sg_db *from, sqlite3 *to, const struct sg_dbfile_watch *w)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from->h, "main");
	unsigned int waits = 0;
	int rc = SQLITE_OK, r = b ? 0 : sg_db_errno(sqlite3_errcode(to));

	while (r == 0 && rc != SQLITE_DONE) {
		rc = sqlite3_backup_step(b, STEP_PAGES);
		if (rc != SQLITE_OK && rc != SQLITE_DONE)
			r = wait_or_fail(rc, &waits);
		if (r == 0)
			r = sg_dbfile_tell(w, from->kind->file,
					   (uint64_t)(sqlite3_backup_pagecount(b) -
						      sqlite3_backup_remaining(b)),
					   (uint64_t)sqlite3_backup_pagecount(b));
	}
	if (b)
		sqlite3_backup_finish(b);
	return r;
}

/* While this transaction is open the copy is of its moment, whatever is written meanwhile. */
static int hold_moment(struct sg_db *db)
{
	int r = sg_db_exec(db, "BEGIN");

	return r < 0 ? r : sg_db_exec(db, "SELECT count(*) FROM sqlite_schema");
}

static int copy_into(struct sg_db *from, const char *to, const struct sg_dbfile_watch *w)
{
	char path[4096];
	sqlite3 *h = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/%s", to, from->kind->file);
	r = sg_db_errno(
		sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
	if (r == 0)
		chmod(path, 0600);
	if (r == 0)
		r = hold_moment(from);
	if (r == 0)
		r = copy_pages(from, h, w);
	sqlite3_close(h);
	return r == 0 ? sg_dbfile_sync(to, from->kind->file) : r;
}

/* Reading the copy made them, and there is nothing in them. */
static void remove_log(const char *dir, const char *file)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	char path[4096];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, file, suffixes[i]);
		unlink(path);
	}
}

int sg_dbfile_copy(const struct sg_db_kind *kind, const char *from, const char *to,
		   const struct sg_dbfile_watch *w, uint64_t *bytes, struct sg_error *err)
{
	sg_auto(sg_db) db = NULL;
	int r = sg_db_open_reader(kind, from, &db, err);

	if (r < 0)
		return r;
	if (sg_folder_free(to) < sg_db_bytes(db))
		return sg_fail(err, -ENOSPC, "%s has less room than %s needs", to, kind->file);
	r = copy_into(db, to, w);
	if (r < 0)
		return sg_fail(err, r, "cannot copy %s: %s", db->path,
			       r == -EINTR ? "interrupted" : strerror(-r));
	*bytes += sg_dbfile_size(to, kind->file, "");
	r = sg_dbfile_verify(kind, to, err);
	remove_log(to, kind->file);
	return r;
}

/* ---- both ------------------------------------------------------------------------------- */

static void remove_copy(const char *dir)
{
	static const char *const files[] = {
		"metrics.db", "metrics.db-wal", "metrics.db-shm", "metrics.db-journal",
		"state.db",   "state.db-wal",	"state.db-shm",	  "state.db-journal"};
	char path[4096];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* A store that is new may have no state.db yet. */
static int copy_both(const char *from, const char *to, const struct sg_dbfile_watch *w,
		     uint64_t *bytes, struct sg_error *err)
{
	int r = sg_dbfile_copy(&sg_db_metrics, from, to, w, bytes, err);

	if (r == 0 && sg_dbfile_size(from, sg_db_state.file, ""))
		r = sg_dbfile_copy(&sg_db_state, from, to, w, bytes, err);
	return r;
}

static int make_folder(const char *path, struct sg_error *err)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	return sg_fail(err, -errno, "cannot make %s: %s", path, strerror(errno));
}

int sg_dbfile_backup(const char *data_dir, const char *to, const struct sg_dbfile_watch *w,
		     uint64_t *bytes, struct sg_error *err)
{
	char part[3072];
	struct stat st;
	size_t n = strlen(to);
	int r;

	while (n > 1 && to[n - 1] == '/')
		n--;
	if (n + 16 > sizeof(part))
		return sg_fail(err, -ENAMETOOLONG, "the path is too long");
	if (lstat(to, &st) == 0)
		return sg_fail(err, -EEXIST, "%s is there already; name a folder that is not", to);
	snprintf(part, sizeof(part), "%.*s.partial", (int)n, to);
	remove_copy(part); /* of one that was interrupted */
	*bytes = 0;
	r = make_folder(part, err);
	if (r < 0)
		return r;
	r = copy_both(data_dir, part, w, bytes, err);
	if (r == 0)
		r = sg_dbfile_sync(part, NULL);
	if (r == 0 && rename(part, to) < 0)
		r = sg_fail(err, -errno, "cannot rename %s: %s", part, strerror(errno));
	if (r < 0)
		remove_copy(part);
	return r;
}

/* ---- and back ----------------------------------------------------------------------------- */

/* Files of one kind; what is not there is no failure. */
static int move_files(const char *from, const char *to, const char *file, bool *moved)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char a[4096], b[4096];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(a, sizeof(a), "%s/%s%s", from, file, suffixes[i]);
		snprintf(b, sizeof(b), "%s/%s%s", to, file, suffixes[i]);
		if (rename(a, b) == 0)
			*moved = true;
		else if (errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* They belong to whom the folder belongs. */
static void give_away(const char *dir, const char *file)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (stat(dir, &st) == 0 && chown(path, st.st_uid, st.st_gid) < 0)
		return; /* the daemon's start makes them the server's */
}

static int swap(const struct sg_db_kind *kind, const char *part, const char *dir, const char *old)
{
	bool moved = false, in = false;
	int r;

	if (!sg_dbfile_size(part, kind->file, ""))
		return 0; /* not in the backup: what is there stays */
	r = move_files(dir, old, kind->file, &moved);
	if (r == 0)
		r = move_files(part, dir, kind->file, &in);
	if (r == 0)
		give_away(dir, kind->file);
	else if (moved && !in)
		move_files(old, dir, kind->file, &moved);
	return r;
}

static int put_back(const char *from, const char *dir, const struct sg_dbfile_watch *w,
		    char aside[128], struct sg_error *err)
{
	char part[4096], old[4096];
	uint64_t bytes = 0;
	int r;

	snprintf(part, sizeof(part), "%s/restore.partial", dir);
	snprintf(aside, 128, "before-restore-%lld", (long long)time(NULL));
	snprintf(old, sizeof(old), "%s/%s", dir, aside);
	remove_copy(part);
	r = make_folder(part, err);
	if (r == 0)
		r = copy_both(from, part, w, &bytes, err);
	if (r == 0)
		r = make_folder(old, err);
	if (r == 0) {
		r = swap(&sg_db_metrics, part, dir, old);
		if (r == 0)
			r = swap(&sg_db_state, part, dir, old);
		if (r < 0)
			sg_fail(err, r, "cannot move the files of %s: %s", dir, strerror(-r));
	}
	sg_dbfile_sync(dir, NULL);
	remove_copy(part);
	if (rmdir(old) == 0) /* there was nothing before */
		aside[0] = '\0';
	return r;
}

int sg_dbfile_restore(const char *from, const char *data_dir, const struct sg_dbfile_watch *w,
		      char aside[128], struct sg_error *err)
{
	sg_auto_fd int lock = -1;
	int r;

	aside[0] = '\0';
	if (strlen(data_dir) > 3000 || strlen(from) > 3000)
		return sg_fail(err, -ENAMETOOLONG, "the path is too long");
	r = sg_dbfile_verify(&sg_db_metrics, from, err);
	if (r == 0)
		r = sg_mkdir_p(data_dir, 0750);
	if (r == 0)
		r = sg_folder_lock(data_dir, &lock, err);
	return r < 0 ? r : put_back(from, data_dir, w, aside, err);
}
