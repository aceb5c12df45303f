// SPDX-License-Identifier: GPL-2.0
/* A session of SQL over the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "db.h"
#include "sql_private.h"

#define HEAP_MAX (768LL << 20) /* of SQLite, the whole process */
#define LENGTH_MAX (64 << 20) /* of a text */
#define SQL_MAX (1 << 20)
#define COLUMNS_MAX 256

static const struct sg_sql_table *const tables[] = {&sg_sql_samples,   &sg_sql_increases,
						    &sg_sql_series,    &sg_sql_events,
						    &sg_sql_exemplars, &sg_sql_gaps};

int sg_sql_stopped(struct sg_sql *s)
{
	if (s->o.interrupted && s->o.interrupted(s->o.ctx))
		return -EINTR;
	return s->deadline_ns && sg_mono_ns() > s->deadline_ns ? -ETIMEDOUT : 0;
}

static int on_progress(void *ctx)
{
	return sg_sql_stopped(ctx) < 0;
}

/* ---- what is allowed ------------------------------------------------------------------- */

static bool is_in(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; name && i < n; i++)
		if (sqlite3_stricmp(name, list[i]) == 0)
			return true;
	return false;
}

/* What these have in brackets is no new value. */
static bool is_question(const char *pragma)
{
	return sqlite3_strnicmp(pragma, "table_", 6) == 0 ||
	       sqlite3_strnicmp(pragma, "index_", 6) == 0;
}

static bool is_allowed(int action, const char *a, const char *b)
{
	static const char *const pragmas[] = {
		"table_info", "table_xinfo",	"table_list",	"function_list",   "module_list",
		"index_list", "index_info",	"pragma_list",	"compile_options", "page_count",
		"page_size",  "freelist_count", "user_version", "application_id"};
	static const char *const functions[] = {"load_extension", "readfile", "writefile", "edit",
						"fts3_tokenizer"};

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE: return true;
	case SQLITE_FUNCTION: return !is_in(b, functions, ARRAY_SIZE(functions));
	case SQLITE_PRAGMA: return is_in(a, pragmas, ARRAY_SIZE(pragmas)) && (!b || is_question(a));
	}
	return false;
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *db,
		     const char *trigger)
{
	struct sg_sql *s = ctx;

	if (is_allowed(action, a, b))
		return SQLITE_OK;
	s->refused = true;
	return SQLITE_DENY;
}

static void set_limits(sqlite3 *h)
{
	static const struct {
		int id, value;
	} limits[] = {
		{SQLITE_LIMIT_LENGTH, LENGTH_MAX},  {SQLITE_LIMIT_SQL_LENGTH, SQL_MAX},
		{SQLITE_LIMIT_COLUMN, COLUMNS_MAX}, {SQLITE_LIMIT_ATTACHED, 0},
		{SQLITE_LIMIT_WORKER_THREADS, 0},   {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 4096},
		{SQLITE_LIMIT_TRIGGER_DEPTH, 1},    {SQLITE_LIMIT_COMPOUND_SELECT, 100},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(h, limits[i].id, limits[i].value);
	sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_hard_heap_limit64(HEAP_MAX);
}

/* Tables are made known to SQLite by a CREATE TABLE, which is not allowed later. */
static int connect_table(struct sg_sql *s, const struct sg_sql_table *t)
{
	char sql[64];
	sqlite3_stmt *st = NULL;
	int rc;

	snprintf(sql, sizeof(sql), "SELECT 1 FROM %s", t->name);
	rc = sqlite3_prepare_v2(s->db->h, sql, -1, &st, NULL);
	sqlite3_finalize(st);
	return sg_db_errno(rc);
}

static int add_tables(struct sg_sql *s)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0; i++) {
		r = sg_sql_register(s, tables[i]);
		if (r == 0)
			r = connect_table(s, tables[i]);
	}
	return r;
}

int sg_sql_open(const struct sg_sql_options *o, struct sg_sql **ret, struct sg_error *err)
{
	sg_auto(sg_sql) s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->o = *o;
	r = sg_db_open_reader(&sg_db_metrics, o->data_dir, &s->db, err);
	if (r == 0)
		r = sg_store_reader(o->data_dir, NULL, &s->reader, err);
	if (r == 0)
		r = add_tables(s);
	if (r == 0)
		r = sg_sql_functions(s);
	if (r < 0)
		return r;
	set_limits(s->db->h);
	sqlite3_progress_handler(s->db->h, 10000, on_progress, s);
	sqlite3_set_authorizer(s->db->h, authorize, s);
	*ret = sg_take(s);
	return 0;
}

void sg_sql_close(struct sg_sql *s)
{
	if (!s)
		return;
	sg_db_close(s->db);
	sg_reader_close(s->reader);
	free(s);
}

/* ---- statements ------------------------------------------------------------------------ */

static int explain(struct sg_sql *s, int rc, struct sg_error *err)
{
	int stopped = sg_sql_stopped(s);

	if (s->refused)
		return sg_fail(err, -EPERM,
			       "only SELECT is possible here: the store is read-only (%s)",
			       sqlite3_errmsg(s->db->h));
	switch (rc & 0xff) {
	case SQLITE_INTERRUPT:
		return stopped == -ETIMEDOUT ? sg_fail(err, stopped, "the statement took too long")
					     : sg_fail(err, -EINTR, "interrupted");
	case SQLITE_NOMEM:
		return sg_fail(err, -E2BIG,
			       "the statement needs too much memory: narrow it by name "
			       "and time");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return sg_fail(err, -EUCLEAN, "the file is damaged: %s", sqlite3_errmsg(s->db->h));
	case SQLITE_IOERR: return sg_fail(err, -EIO, "%s", sqlite3_errmsg(s->db->h));
	}
	return sg_fail(err, -EINVAL, "%s", sqlite3_errmsg(s->db->h));
}

static int put_head(sqlite3_stmt *st, const struct sg_sql_sink *sink, void *ctx)
{
	const char *names[COLUMNS_MAX];
	int n = sqlite3_column_count(st);

	for (int i = 0; i < n; i++) {
		names[i] = sqlite3_column_name(st, i);
		if (!names[i])
			return -ENOMEM;
	}
	return n ? sink->head(ctx, names, (size_t)n) : 0;
}

/* A blob as X'..' of hexadecimal digits, as SQLite's own literals are. */
static int put_blob(sqlite3_stmt *st, int i, const struct sg_sql_sink *sink, void *ctx)
{
	const unsigned char *p = sqlite3_column_blob(st, i);
	int n = sqlite3_column_bytes(st, i);
	sg_auto_buf b = {0};

	sg_buf_str(&b, "X'");
	for (int k = 0; k < n && p; k++)
		sg_buf_printf(&b, "%02x", p[k]);
	sg_buf_char(&b, '\'');
	return b.err ? b.err : sink->cell(ctx, SG_SQL_TEXT, b.data);
}

static int put_number(double v, const struct sg_sql_sink *sink, void *ctx)
{
	sg_auto_buf b = {0};

	sg_fmt_float(&b, v);
	return b.err ? b.err : sink->cell(ctx, SG_SQL_NUMBER, b.data);
}

static int put_cell(sqlite3_stmt *st, int i, const struct sg_sql_sink *sink, void *ctx)
{
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL: return sink->cell(ctx, SG_SQL_NULL, NULL);
	case SQLITE_INTEGER:
		return sink->cell(ctx, SG_SQL_NUMBER, (const char *)sqlite3_column_text(st, i));
	case SQLITE_FLOAT: return put_number(sqlite3_column_double(st, i), sink, ctx);
	case SQLITE_BLOB: return put_blob(st, i, sink, ctx);
	}
	return sink->cell(ctx, SG_SQL_TEXT, (const char *)sqlite3_column_text(st, i));
}

static int put_rows(struct sg_sql *s, sqlite3_stmt *st, const struct sg_sql_sink *sink, void *ctx,
		    struct sg_error *err)
{
	int n = sqlite3_column_count(st), rc, r = put_head(st, sink, ctx);

	while (r == 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW)
			return explain(s, rc, err);
		for (int i = 0; i < n && r == 0; i++)
			r = put_cell(st, i, sink, ctx);
	}
	return r == 0 && n ? sink->end(ctx) : r;
}

int sg_sql_run(struct sg_sql *s, const char *text, const struct sg_sql_sink *sink, void *ctx,
	       struct sg_error *err)
{
	int r = 0;

	s->reads = (struct sg_sql_reads){0};
	while (*text && r == 0) {
		sqlite3_stmt *st = NULL;
		int rc;

		s->refused = false;
		s->deadline_ns = s->o.timeout_ns ? sg_mono_ns() + s->o.timeout_ns : 0;
		rc = sqlite3_prepare_v2(s->db->h, text, -1, &st, &text);
		if (rc != SQLITE_OK)
			return explain(s, rc, err);
		if (st)
			r = put_rows(s, st, sink, ctx, err);
		sqlite3_finalize(st);
	}
	return r;
}

bool sg_sql_complete(const char *text)
{
	return sqlite3_complete(text);
}

void sg_sql_reads(const struct sg_sql *s, struct sg_sql_reads *ret)
{
	*ret = s->reads;
}
