// SPDX-License-Identifier: GPL-2.0
/* The two databases: their schema and statements as text. */
#include "db.h"

#define WRITE_STMT(name, sql) [name] = sql,
#define READ_STMT(name, sql)
#define STATE_STMT(name, sql)
static const char *const write_stmts[] = {
#include "statements.def"
};
#undef WRITE_STMT
#undef READ_STMT
#define WRITE_STMT(name, sql)
#define READ_STMT(name, sql) [name] = sql,
static const char *const read_stmts[] = {
#include "statements.def"
};
#undef READ_STMT
#define READ_STMT(name, sql) [name] = 1,
#define READ_STMT_SINCE(version, name, sql) [name] = (version),
static const unsigned char read_since[] = {
#include "statements.def"
};
#undef READ_STMT
#undef STATE_STMT
#define READ_STMT(name, sql)
#define STATE_STMT(name, sql) [name] = sql,
static const char *const state_stmts[] = {
#include "statements.def"
};

#define METRICS_MIGRATION(n, ...) [(n)-1] = __VA_ARGS__,
#define STATE_MIGRATION(n, ...)
static const char *const metrics_migrations[] = {
#include "migrations.def"
};
#undef METRICS_MIGRATION
#undef STATE_MIGRATION
#define METRICS_MIGRATION(n, ...)
#define STATE_MIGRATION(n, ...) [(n)-1] = __VA_ARGS__,
static const char *const state_migrations[] = {
#include "migrations.def"
};

const struct sg_db_kind sg_db_metrics = {
	.file = "metrics.db",
	.application_id = 0x73676d31, /* "sgm1" */
	.migrations = metrics_migrations,
	.n_migrations = ARRAY_SIZE(metrics_migrations),
	.write_stmts = write_stmts,
	.n_write_stmts = W_STMTS,
	.read_stmts = read_stmts,
	.n_read_stmts = R_STMTS,
	.read_since = read_since,
};

const struct sg_db_kind sg_db_state = {
	.file = "state.db",
	.application_id = 0x73677331, /* "sgs1" */
	.full_sync = true,
	.migrations = state_migrations,
	.n_migrations = ARRAY_SIZE(state_migrations),
	.write_stmts = state_stmts,
	.n_write_stmts = S_STMTS,
	.read_stmts = state_stmts,
	.n_read_stmts = S_STMTS,
};
