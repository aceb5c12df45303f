/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SQL over what is stored, for people: SELECT, and nothing that changes anything.
 *
 * The file is opened read-only, with tables that are computed (docs/STORE.md, "SQL"): samples and
 * increases (selector), series (selector, since, until), events, exemplars (selector), gaps.
 * Conditions on name, t and kind are pushed down: only what they leave is read.
 */
#ifndef SGPROBE_SQL_H
#define SGPROBE_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/reader.h>

struct sg_sql_options {
	const char *data_dir;
	/* What a selector is, which is PromQL's to know: sg_query_selector. */
	int (*selector)(const char *text, struct sg_arena *arena, struct sg_selector *ret,
			struct sg_error *err);
	/* Asked often while a statement runs: true ends it with -EINTR. NULL: never. */
	bool (*interrupted)(void *ctx);
	void *ctx;
	uint64_t timeout_ns; /* of a statement; 0: none */
};

struct sg_sql;
/* -ENOENT: there is no store; -EPROTONOSUPPORT: a newer one; -EACCES; -EUCLEAN. */
int sg_sql_open(const struct sg_sql_options *o, struct sg_sql **ret, struct sg_error *err);
void sg_sql_close(struct sg_sql *s);
SG_DEFINE_AUTO(sg_sql, sg_sql_close)

enum sg_sql_type { SG_SQL_NULL, SG_SQL_NUMBER, SG_SQL_TEXT };
/* Where rows go; each returns 0, or -errno to stop, which sg_sql_run returns. */
struct sg_sql_sink {
	int (*head)(void *ctx, const char *const *names, size_t n);
	int (*cell)(void *ctx, enum sg_sql_type type, const char *text); /* valid during the call */
	int (*end)(void *ctx); /* of a statement's rows */
};
/*
 * Runs each statement of the text. 0, or with a sentence in err: -EINVAL (SQLite's words),
 * -EPERM (not a SELECT), -EINTR, -ETIMEDOUT, -E2BIG (too much memory), -EUCLEAN, -EIO.
 */
int sg_sql_run(struct sg_sql *s, const char *text, const struct sg_sql_sink *sink, void *ctx,
	       struct sg_error *err);
/* Whether text ends a statement: an interactive prompt goes on asking until then. */
bool sg_sql_complete(const char *text);

/* How much the statement before has read: for tests, and for who wonders. */
struct sg_sql_reads {
	uint64_t selects, samples;
	int64_t from_ms, to_ms; /* (from, to] of all of them together; 0, 0: none */
};
void sg_sql_reads(const struct sg_sql *s, struct sg_sql_reads *ret);

#endif
