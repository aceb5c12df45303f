// SPDX-License-Identifier: GPL-2.0
/* What the computed tables have in common: SQLite's side of them. */
#include <errno.h>
#include <string.h>

#include "db.h"
#include "sql_private.h"

struct vtab {
	sqlite3_vtab base;
	struct sg_sql *sql;
	const struct sg_sql_table *table;
};

/* What a module is registered with; SQLite frees it. */
struct client {
	struct sg_sql *sql;
	const struct sg_sql_table *table;
};

/* ---- for the tables -------------------------------------------------------------------- */

void sg_sql_seconds(sqlite3_context *to, int64_t ms)
{
	sqlite3_result_double(to, (double)ms / 1000);
}

void sg_sql_labels(sqlite3_context *to, const struct sg_series *s)
{
	sg_auto_buf b = {0};

	sg_buf_char(&b, '{');
	for (uint16_t i = 0; i < s->n_labels; i++) {
		if (i)
			sg_buf_char(&b, ',');
		sg_json_str(&b, s->labels[i].name);
		sg_buf_char(&b, ':');
		sg_json_str(&b, s->labels[i].value);
	}
	sg_buf_char(&b, '}');
	if (b.err)
		sqlite3_result_error_nomem(to);
	else
		sqlite3_result_text(to, b.data, (int)b.len, SQLITE_TRANSIENT);
}

bool sg_sql_clip(struct sg_sql_cursor *c)
{
	int64_t oldest, newest;

	if (c->bounds.none || c->sql->reader->range(c->sql->reader, &oldest, &newest) < 0)
		return false;
	/* Series begin with a sample at the tick before their first. */
	c->bounds.from_ms = SG_MAX(c->bounds.from_ms, oldest - 60000);
	c->bounds.to_ms = SG_MIN(c->bounds.to_ms, newest);
	return c->bounds.from_ms < c->bounds.to_ms;
}

static int add_name(struct sg_sql_cursor *c)
{
	const struct sg_selector *of = &c->sel;
	bool any = !of->n && !c->bounds.name;
	struct sg_matcher *m = sg_arena_zalloc(c->text, (of->n + 1) * sizeof(*m));

	if (!m)
		return -ENOMEM;
	if (of->n)
		memcpy(m, of->matchers, of->n * sizeof(*m));
	c->sel.matchers = m;
	if (c->bounds.name || any)
		m[c->sel.n++] = (struct sg_matcher){.op = any ? SG_MATCH_NE : SG_MATCH_EQ,
						    .name = "__name__",
						    .value = any ? "" : c->bounds.name};
	return 0;
}

int sg_sql_select(struct sg_sql_cursor *c)
{
	int r = 0;

	c->sel = (struct sg_selector){0};
	if (c->bounds.selector)
		r = c->sql->o.selector(c->bounds.selector, c->text, &c->sel, &c->sql->err);
	if (r == 0)
		r = add_name(c);
	if (r == 0)
		r = sg_selector_compile(&c->sel, &c->sql->err);
	if (r < 0)
		c->sel.n = 0; /* nothing that would have to be released */
	return r;
}

/* ---- SQLite's calls -------------------------------------------------------------------- */

static int vtab_connect(sqlite3 *h, void *aux, int argc, const char *const *argv,
			sqlite3_vtab **ret, char **err)
{
	const struct client *client = aux;
	struct vtab *v;
	int rc = sqlite3_declare_vtab(h, client->table->schema);

	if (rc != SQLITE_OK)
		return rc;
	v = sqlite3_malloc(sizeof(*v));
	if (!v)
		return SQLITE_NOMEM;
	*v = (struct vtab){.sql = client->sql, .table = client->table};
	*ret = &v->base;
	return SQLITE_OK;
}

static int vtab_disconnect(sqlite3_vtab *v)
{
	sqlite3_free(v);
	return SQLITE_OK;
}

static int vtab_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	return sg_sql_best_index(&((struct vtab *)v)->table->columns, info);
}

static int vtab_open(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
	const struct vtab *t = (struct vtab *)v;
	struct sg_sql_cursor *c = calloc(1, t->table->cursor_size);

	if (!c)
		return SQLITE_NOMEM;
	c->sql = t->sql;
	c->table = t->table;
	c->text = sg_arena_new(0);
	c->arena = sg_arena_new(SG_SQL_ARENA_BYTES);
	if (!c->text || !c->arena) {
		sg_arena_free(c->text);
		sg_arena_free(c->arena);
		free(c);
		return SQLITE_NOMEM;
	}
	*ret = &c->base;
	return SQLITE_OK;
}

static void clear(struct sg_sql_cursor *c)
{
	if (c->table->clear)
		c->table->clear(c);
	sg_selector_release(&c->sel);
	c->sel = (struct sg_selector){0};
	sg_arena_reset(c->arena);
	sg_arena_reset(c->text);
	c->eof = true;
}

static int vtab_close(sqlite3_vtab_cursor *p)
{
	struct sg_sql_cursor *c = (struct sg_sql_cursor *)p;

	clear(c);
	sg_arena_free(c->text);
	sg_arena_free(c->arena);
	free(c);
	return SQLITE_OK;
}

/* The statement fails with the words in sql->err. */
static int result(struct sg_sql_cursor *c, int r)
{
	sqlite3_vtab *v = c->base.pVtab;

	if (r >= 0)
		return SQLITE_OK;
	if (r == -EINTR || r == -ETIMEDOUT)
		return SQLITE_INTERRUPT;
	if (r == -ENOMEM && !c->sql->err.msg[0])
		return SQLITE_NOMEM;
	sqlite3_free(v->zErrMsg);
	v->zErrMsg = sqlite3_mprintf("%s", c->sql->err.msg[0] ? c->sql->err.msg : strerror(-r));
	return SQLITE_ERROR;
}

static int vtab_filter(sqlite3_vtab_cursor *p, int num, const char *plan, int argc,
		       sqlite3_value **argv)
{
	struct sg_sql_cursor *c = (struct sg_sql_cursor *)p;
	int r;

	clear(c);
	c->sql->err.msg[0] = '\0';
	r = sg_sql_bounds(plan, argc, argv, c->text, &c->bounds);
	if (r == 0 && sg_sql_clip(c)) {
		c->eof = false;
		r = c->table->begin(c);
	}
	return result(c, r);
}

static int vtab_next(sqlite3_vtab_cursor *p)
{
	struct sg_sql_cursor *c = (struct sg_sql_cursor *)p;

	return result(c, c->table->next(c));
}

static int vtab_eof(sqlite3_vtab_cursor *p)
{
	return ((struct sg_sql_cursor *)p)->eof;
}

static int vtab_column(sqlite3_vtab_cursor *p, sqlite3_context *to, int i)
{
	struct sg_sql_cursor *c = (struct sg_sql_cursor *)p;

	c->table->column(c, to, i);
	return SQLITE_OK;
}

static int vtab_rowid(sqlite3_vtab_cursor *p, sqlite3_int64 *ret)
{
	const struct sg_sql_cursor *c = (struct sg_sql_cursor *)p;

	*ret = c->table->rowid(c);
	return SQLITE_OK;
}

/* Without xCreate a table is there under its module's name, and cannot be made. */
static const sqlite3_module module = {
	.iVersion = 1,
	.xConnect = vtab_connect,
	.xBestIndex = vtab_best_index,
	.xDisconnect = vtab_disconnect,
	.xDestroy = vtab_disconnect,
	.xOpen = vtab_open,
	.xClose = vtab_close,
	.xFilter = vtab_filter,
	.xNext = vtab_next,
	.xEof = vtab_eof,
	.xColumn = vtab_column,
	.xRowid = vtab_rowid,
};

int sg_sql_register(struct sg_sql *s, const struct sg_sql_table *t)
{
	struct client *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct client){s, t};
	return sg_db_errno(sqlite3_create_module_v2(s->db->h, t->name, &module, c, free));
}
