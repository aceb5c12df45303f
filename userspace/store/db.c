// SPDX-License-Identifier: GPL-2.0
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sgprobe/time.h>

#define PAGE_SIZE 4096U
#define WAL_BYTES (4U << 20)
#define WRITER_WAIT_MS 200 /* the writer's thread has a tick to keep */
#define READER_WAIT_MS 1000

int sg_db_errno(int rc)
{
	if (rc == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EAGAIN;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	/* Every statement is fixed and known to be right: it is the schema or a row that is not. */
	case SQLITE_ERROR:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH: return -EUCLEAN;
	case SQLITE_INTERRUPT: return -ETIMEDOUT;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM: return -EACCES;
	default: return -EIO;
	}
}

const char *sg_db_message(const struct sg_db *db)
{
	return sqlite3_errstr(db->rc);
}

static int failed(struct sg_db *db, int rc)
{
	db->rc = rc;
	return sg_db_errno(rc);
}

bool sg_db_has(const struct sg_db *db, int which)
{
	return db->stmts[which];
}

sqlite3_stmt *sg_db_stmt(struct sg_db *db, int which)
{
	sqlite3_stmt *s = db->stmts[which];

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

int sg_db_step(struct sg_db *db, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	if (rc == SQLITE_ROW)
		return 1;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : failed(db, rc);
}

int sg_db_run(struct sg_db *db, sqlite3_stmt *s)
{
	int r = sg_db_step(db, s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s); /* lets go of borrowed blobs */
	return r < 0 ? r : 0;
}

int sg_db_i64(struct sg_db *db, sqlite3_stmt *s, int64_t fallback, int64_t *ret)
{
	int r = sg_db_step(db, s);

	if (r < 0)
		return r;
	*ret = r && sqlite3_column_type(s, 0) == SQLITE_INTEGER ? sqlite3_column_int64(s, 0)
								: fallback;
	sqlite3_reset(s);
	return 0;
}

int sg_db_exec(struct sg_db *db, const char *sql)
{
	int rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : failed(db, rc);
}

void sg_db_rollback(struct sg_db *db)
{
	int rc = db->rc;

	if (!sqlite3_get_autocommit(db->h))
		sg_db_exec(db, "ROLLBACK");
	db->rc = rc; /* the first failure is the one that explains */
}

int sg_db_begin(struct sg_db *db)
{
	/* A rollback can fail for want of memory: it is done now, then. */
	if (!sqlite3_get_autocommit(db->h) && sg_db_exec(db, "ROLLBACK") < 0)
		return sg_db_errno(db->rc);
	return sg_db_exec(db, "BEGIN IMMEDIATE");
}

int sg_db_commit(struct sg_db *db)
{
	int r = sg_db_exec(db, "COMMIT");

	if (r < 0)
		sg_db_rollback(db);
	return r;
}

int sg_db_checkpoint(struct sg_db *db, bool truncate)
{
	int rc = sqlite3_wal_checkpoint_v2(
		db->h, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
		NULL, NULL);

	return rc == SQLITE_OK || rc == SQLITE_BUSY ? 0 : failed(db, rc);
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
	char p[4096 + 8];
	struct stat st;

	snprintf(p, sizeof(p), "%s%s", path, suffix);
	return stat(p, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

uint64_t sg_db_wal_bytes(const struct sg_db *db)
{
	return file_bytes(db->path, "-wal");
}

uint64_t sg_db_bytes(const struct sg_db *db)
{
	return file_bytes(db->path, "") + file_bytes(db->path, "-wal");
}

bool sg_db_replaced(const struct sg_db *db)
{
	struct stat st;

	return stat(db->path, &st) < 0 || st.st_dev != db->dev || st.st_ino != db->ino;
}

static int past_deadline(void *ctx)
{
	const struct sg_db *db = ctx;

	return db->deadline_ns && sg_mono_ns() > db->deadline_ns;
}

void sg_db_close(struct sg_db *db)
{
	if (!db)
		return;
	for (int i = 0; i < db->n_stmts; i++)
		sqlite3_finalize(db->stmts[i]);
	free(db->stmts);
	sqlite3_close_v2(db->h);
	free(db);
}

/* One integer from a statement that runs once. */
static int query_i64(struct sg_db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->h, sql, -1, &s, NULL), r;

	if (rc != SQLITE_OK)
		return failed(db, rc);
	r = sg_db_i64(db, s, 0, ret);
	sqlite3_finalize(s);
	return r;
}

static int exec_fmt(struct sg_db *db, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int exec_fmt(struct sg_db *db, const char *fmt, ...)
{
	char sql[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	return sg_db_exec(db, sql);
}

int sg_db_quick_check(struct sg_db *db, uint64_t ns)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->h, "PRAGMA quick_check(1)", -1, &s, NULL), r;
	uint64_t saved = db->deadline_ns;

	if (rc != SQLITE_OK)
		return failed(db, rc);
	db->deadline_ns = sg_mono_ns() + ns;
	r = sg_db_step(db, s);
	if (r > 0) {
		const char *t = (const char *)sqlite3_column_text(s, 0);

		r = t && !strcmp(t, "ok") ? 0 : failed(db, SQLITE_CORRUPT);
	}
	db->deadline_ns = saved;
	sqlite3_finalize(s);
	return r == -ETIMEDOUT ? 0 : r;
}

/* since: NULL, or what version of the file each needs. */
static int prepare_all(struct sg_db *db, const char *const *sql, int n, const unsigned char *since,
		       int64_t version)
{
	db->stmts = calloc(n, sizeof(*db->stmts));
	if (!db->stmts)
		return -ENOMEM;
	db->n_stmts = n;
	for (int i = 0; i < n; i++) {
		int rc = SQLITE_OK;

		if (!since || since[i] <= version)
			rc = sqlite3_prepare_v3(db->h, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
						&db->stmts[i], NULL);
		if (rc != SQLITE_OK)
			return failed(db, rc);
	}
	return 0;
}

/* Is it ours, and do we know its schema? *version 0: a new, empty file. */
static int identify(struct sg_db *db, int64_t *version, struct sg_error *err)
{
	int64_t app = 0, objects = 0;
	int r = query_i64(db, "PRAGMA application_id", &app);

	if (!r)
		r = query_i64(db, "PRAGMA user_version", version);
	if (!r)
		r = query_i64(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (r < 0)
		return r;
	if (!objects && !app)
		return *version = 0;
	if (app != db->kind->application_id || *version < 1)
		return failed(db, SQLITE_NOTADB);
	if (*version > db->kind->n_migrations)
		return sg_fail(
			err, -EPROTONOSUPPORT,
			"%s has schema version %" PRId64 ", but this sgprobe knows only up "
			"to %d: start the newer sgprobe that wrote it, or move the file away",
			db->path, *version, db->kind->n_migrations);
	return 0;
}

static int configure_writer(struct sg_db *db, const struct sg_db_limits *lim, bool fresh)
{
	uint64_t wal = lim->wal_bytes ? lim->wal_bytes : WAL_BYTES;
	int r = 0;

	if (fresh)
		r = sg_db_exec(db, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;");
	if (!r)
		r = sg_db_exec(db, "PRAGMA journal_mode = WAL;"
				   "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
				   "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;"
				   /* Debian has it on, and what goes would be written once more. */
				   "PRAGMA secure_delete = OFF;"
				   "PRAGMA mmap_size = 0;");
	if (!r)
		r = exec_fmt(db, "PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = %u;",
			     db->kind->full_sync ? "FULL" : "NORMAL",
			     (unsigned int)SG_MAX(wal / PAGE_SIZE, 16U));
	if (!r)
		r = exec_fmt(db, "PRAGMA journal_size_limit = %" PRIu64, wal);
	if (!r && lim->max_bytes)
		r = exec_fmt(db, "PRAGMA max_page_count = %" PRIu64, lim->max_bytes / PAGE_SIZE);
	return r;
}

static int migrate(struct sg_db *db, int64_t version)
{
	int r = 0;

	for (; version < db->kind->n_migrations && !r; version++) {
		r = sg_db_begin(db);
		if (!r && !version)
			r = exec_fmt(db, "PRAGMA application_id = %u", db->kind->application_id);
		if (!r)
			r = sg_db_exec(db, db->kind->migrations[version]);
		if (!r)
			r = exec_fmt(db, "PRAGMA user_version = %" PRId64, version + 1);
		if (!r)
			r = sg_db_commit(db);
		if (r < 0)
			sg_db_rollback(db);
	}
	return r;
}

static int open_handle(struct sg_db *db, const char *name, int flags, int wait_ms)
{
	int rc = sqlite3_open_v2(name, &db->h, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (rc != SQLITE_OK)
		return failed(db, rc);
	sqlite3_busy_timeout(db->h, wait_ms);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_progress_handler(db->h, 2000, past_deadline, db);
	return 0;
}

static struct sg_db *new_db(const struct sg_db_kind *kind, const char *dir)
{
	struct sg_db *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	db->kind = kind;
	snprintf(db->path, sizeof(db->path), "%s/%s", dir, kind->file);
	return db;
}

/* The file says that it may not be written to, its permissions say that it may: it is damaged. */
static bool only_claims_read_only(const struct sg_db *db, const char *dir)
{
	return !faccessat(AT_FDCWD, db->path, W_OK, AT_EACCESS) &&
	       !faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS);
}

static void remember_file(struct sg_db *db)
{
	struct stat st;

	if (stat(db->path, &st) < 0)
		return;
	db->dev = st.st_dev;
	db->ino = st.st_ino;
}

static int explain(struct sg_db *db, int r, struct sg_error *err)
{
	if (r < 0 && r != -EPROTONOSUPPORT)
		sg_fail(err, r, "%s: %s", db->path, sg_db_message(db));
	return r;
}

int sg_db_open(const struct sg_db_kind *kind, const char *dir, const struct sg_db_limits *lim,
	       struct sg_db **ret, struct sg_error *err)
{
	sg_auto(sg_db) db = new_db(kind, dir);
	int64_t version = 0;
	int r;

	if (!db)
		return sg_fail(err, -ENOMEM, "%s/%s: out of memory", dir, kind->file);
	r = open_handle(db, db->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, WRITER_WAIT_MS);
	if (!r)
		r = identify(db, &version, err);
	/* SQLite opens a file that it may not write as read-only and says nothing. */
	if (!r && sqlite3_db_readonly(db->h, "main"))
		r = failed(db, SQLITE_READONLY);
	if (!r)
		r = configure_writer(db, lim, version == 0);
	if (!r)
		r = migrate(db, version);
	if (!r)
		r = prepare_all(db, kind->write_stmts, kind->n_write_stmts, NULL, 0);
	if (r == -EROFS && only_claims_read_only(db, dir))
		r = failed(db, SQLITE_NOTADB);
	if (r < 0)
		return explain(db, r, err);
	remember_file(db);
	*ret = sg_take(db);
	return 0;
}

/* An URI, so that characters with a meaning there are escaped. */
static int uri_of(const char *path, const char *query, char *out, size_t n)
{
	size_t k = snprintf(out, n, "file:");

	for (; *path && k + 4 < n; path++)
		k += snprintf(out + k, n - k, strchr("%?#", *path) ? "%%%02x" : "%c",
			      (unsigned char)*path);
	k += snprintf(out + k, n - k, "?%s", query);
	return k < n ? 0 : -ENAMETOOLONG;
}

static int open_reader(struct sg_db *db, const char *query, struct sg_error *err)
{
	char uri[3 * 4096];
	int64_t version = 0;
	int r = uri_of(db->path, query, uri, sizeof(uri));

	if (!r)
		r = open_handle(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, READER_WAIT_MS);
	if (!r)
		r = identify(db, &version, err);
	if (!r && !version)
		r = -ENOENT; /* just being created */
	if (!r)
		r = sg_db_exec(db, "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
				   "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;");
	if (!r)
		r = prepare_all(db, db->kind->read_stmts, db->kind->n_read_stmts,
				db->kind->read_since, version);
	return r;
}

int sg_db_open_reader(const struct sg_db_kind *kind, const char *dir, struct sg_db **ret,
		      struct sg_error *err)
{
	/*
	 * A WAL database that nobody has open needs its -shm made, which a read-only
	 * folder does not allow: then it is read as it is, without what a crash left
	 * in the WAL.
	 */
	static const char *const how[] = {"mode=ro", "mode=ro&immutable=1"};
	int r = -EIO;

	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		sg_auto(sg_db) db = new_db(kind, dir);
		struct stat st;

		if (!db)
			return sg_fail(err, -ENOMEM, "%s/%s: out of memory", dir, kind->file);
		if (stat(db->path, &st) < 0)
			return sg_fail(err, -errno, "%s: %s", db->path, strerror(errno));
		remember_file(db);
		r = open_reader(db, how[i], err);
		if (!r) {
			*ret = sg_take(db);
			return 0;
		}
		explain(db, r, err);
		if (r != -EACCES && r != -EROFS)
			break;
	}
	return r;
}
