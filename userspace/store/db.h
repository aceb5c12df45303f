/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One SQLite connection: opened by one sequence, migrated, every statement
 * prepared once. The only file that knows SQLite's error codes: what leaves it is
 * -errno (see sg_db_errno). A connection belongs to one thread.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/err.h>
#include <sgprobe/mem.h>

struct sg_db_kind {
	const char *file; /* "metrics.db" */
	uint32_t application_id;
	bool full_sync;
	const char *const *migrations; /* migrations[i] leads to user_version i + 1 */
	int n_migrations;
	const char *const *write_stmts, *const *read_stmts;
	int n_write_stmts, n_read_stmts;
	const unsigned char *read_since; /* of each: the version of the file that it needs */
};
extern const struct sg_db_kind sg_db_metrics, sg_db_state;

#define WRITE_STMT(name, sql) name,
#define READ_STMT(name, sql)
#define STATE_STMT(name, sql)
enum sg_write_stmt {
#include "statements.def"
	W_STMTS
};
#undef WRITE_STMT
#undef READ_STMT
#define WRITE_STMT(name, sql)
#define READ_STMT(name, sql) name,
enum sg_read_stmt {
#include "statements.def"
	R_STMTS
};
#undef READ_STMT
#undef STATE_STMT
#define READ_STMT(name, sql)
#define STATE_STMT(name, sql) name,
enum sg_state_stmt {
#include "statements.def"
	S_STMTS
};
#undef WRITE_STMT
#undef READ_STMT
#undef STATE_STMT

struct sg_db {
	const struct sg_db_kind *kind;
	sqlite3 *h;
	sqlite3_stmt **stmts;
	int n_stmts;
	uint64_t deadline_ns; /* sg_mono_ns() after which statements are interrupted; 0: none */
	int rc; /* SQLite's code of the last failure, for messages */
	char path[4096];
	uint64_t dev, ino; /* of the file when it was opened */
};

struct sg_db_limits {
	uint64_t max_bytes; /* of the file without WAL; 0: no limit */
	uint64_t wal_bytes; /* size the WAL is cut back to; 0: 4 MiB */
};

/*
 * Opens for writing, creates, migrates. -EPROTONOSUPPORT: a newer schema;
 * -EUCLEAN: damaged, or no file of ours; -EROFS, -EACCES, -ENOSPC, -EIO, -ENOMEM.
 */
int sg_db_open(const struct sg_db_kind *kind, const char *dir, const struct sg_db_limits *lim,
	       struct sg_db **ret, struct sg_error *err);
/*
 * Opens for reading only; works in a read-only folder too. -ENOENT: no file yet;
 * -EPROTONOSUPPORT; -EUCLEAN; -EACCES; -EIO.
 */
int sg_db_open_reader(const struct sg_db_kind *kind, const char *dir, struct sg_db **ret,
		      struct sg_error *err);
void sg_db_close(struct sg_db *db);
SG_DEFINE_AUTO(sg_db, sg_db_close)

/* True when the file at the path is not the one that was opened (set aside, or gone). */
bool sg_db_replaced(const struct sg_db *db);

/* Whether there is such a statement: a reader of an older file has not all of them. */
bool sg_db_has(const struct sg_db *db, int which);
/* The statement, reset, bindings cleared. Not to be finalised. */
sqlite3_stmt *sg_db_stmt(struct sg_db *db, int which);
/* Steps: 1 a row, 0 done, -errno; resets the statement unless there is a row. */
int sg_db_step(struct sg_db *db, sqlite3_stmt *s);
/* For statements without rows, bound already. 0 or -errno. */
int sg_db_run(struct sg_db *db, sqlite3_stmt *s);
/* First column of the first row; fallback when there is none or it is NULL. */
int sg_db_i64(struct sg_db *db, sqlite3_stmt *s, int64_t fallback, int64_t *ret);
int sg_db_exec(struct sg_db *db, const char *sql);
int sg_db_begin(struct sg_db *db);
int sg_db_commit(struct sg_db *db); /* rolls back when it fails */
void sg_db_rollback(struct sg_db *db);
/* Moves what it can from the WAL to the file, waits for nobody. truncate: also empties the WAL if it may. */
int sg_db_checkpoint(struct sg_db *db, bool truncate);
/* -EUCLEAN when pages are damaged; gives up quietly after ns. */
int sg_db_quick_check(struct sg_db *db, uint64_t ns);

uint64_t sg_db_wal_bytes(const struct sg_db *db);
uint64_t sg_db_bytes(const struct sg_db *db); /* file and WAL */

/*
 * ENOSPC full disk or full cap, ENOMEM, EAGAIN somebody holds the file, EROFS,
 * EUCLEAN damaged, ETIMEDOUT interrupted, EACCES cannot be opened, EIO the rest.
 */
int sg_db_errno(int rc);
const char *sg_db_message(const struct sg_db *db);

#endif
