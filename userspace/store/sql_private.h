/* SPDX-License-Identifier: GPL-2.0 */
/* The computed tables of sgprobe/sql.h. */
#ifndef STORE_SQL_PRIVATE_H
#define STORE_SQL_PRIVATE_H

#include <sqlite3.h>

#include <sgprobe/sql.h>

#define SG_SQL_ARENA_BYTES (128U << 20) /* of what is read at once */
#define SG_SQL_TIME_MAX ((int64_t)1 << 53)

struct sg_sql {
	struct sg_sql_options o;
	struct sg_db *db; /* what statements run on */
	struct sg_reader *reader; /* what tables are computed from */
	struct sg_sql_reads reads;
	uint64_t deadline_ns; /* of the statement that runs; 0: none */
	struct sg_error err; /* what a table could not do */
	bool refused; /* something that is not allowed was in the statement */
};

/* What conditions leave of a table. */
struct sg_sql_bounds {
	int64_t from_ms, to_ms; /* (from, to] */
	const char *name, *selector, *kind; /* NULL: any */
	bool none; /* nothing can match */
};

/* Columns that conditions are pushed down on; -1: the table has no such column. */
struct sg_sql_columns {
	int name, t, kind;
	int selector, since, until; /* arguments: hidden columns */
};

struct sg_sql_cursor;
struct sg_sql_table {
	const char *name, *schema;
	struct sg_sql_columns columns;
	size_t cursor_size;
	/* The first row within c->bounds; then c->eof says whether there is one. 0 or -errno, with c->sql->err. */
	int (*begin)(struct sg_sql_cursor *c);
	int (*next)(struct sg_sql_cursor *c);
	void (*column)(struct sg_sql_cursor *c, sqlite3_context *to, int i);
	/*
	 * The same number for the same row, whatever conditions it was found by: SQLite takes two
	 * rows with one for one where it looks for them twice (OR).
	 */
	int64_t (*rowid)(const struct sg_sql_cursor *c);
	void (*clear)(struct sg_sql_cursor *c); /* what the arena does not hold */
	bool deltas;
};
/* samples, increases, series, events, exemplars, gaps; ended by one without a name. */
extern const struct sg_sql_table sg_sql_samples, sg_sql_increases, sg_sql_series, sg_sql_events,
	sg_sql_exemplars, sg_sql_gaps;

struct sg_sql_cursor {
	sqlite3_vtab_cursor base;
	struct sg_sql *sql;
	const struct sg_sql_table *table;
	struct sg_sql_bounds bounds;
	struct sg_arena *text; /* of the bounds */
	struct sg_arena *arena; /* of the rows */
	struct sg_selector sel; /* of name and selector, compiled */
	bool eof;
};

/* plan.c: which conditions a table uses, one letter each in info->idxStr. */
int sg_sql_best_index(const struct sg_sql_columns *c, sqlite3_index_info *info);
/* What they come to. -ENOMEM. */
int sg_sql_bounds(const char *plan, int argc, sqlite3_value **argv, struct sg_arena *text,
		  struct sg_sql_bounds *ret);

/* Whether the statement is to end: -EINTR or -ETIMEDOUT. */
int sg_sql_stopped(struct sg_sql *s);
/* Narrows the bounds to what is stored; false: nothing is. */
bool sg_sql_clip(struct sg_sql_cursor *c);
/* Compiles name and selector into c->sel. */
int sg_sql_select(struct sg_sql_cursor *c);
/* {"a":"b"} */
void sg_sql_labels(sqlite3_context *to, const struct sg_series *s);
void sg_sql_seconds(sqlite3_context *to, int64_t ms);
int sg_sql_register(struct sg_sql *s, const struct sg_sql_table *t);
int sg_sql_functions(struct sg_sql *s);

#endif
