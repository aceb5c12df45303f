// SPDX-License-Identifier: GPL-2.0
/* events, exemplars and gaps: few enough to be read at once. */
#include <errno.h>

#include "sql_private.h"

#define EVENTS_MAX 1000000U

struct list {
	struct sg_sql_cursor c;
	size_t n, cap, at;
	union {
		struct sg_event *events;
		struct sg_gap *gaps;
		struct exemplar *exemplars; /* malloc */
	};
};

static int next(struct sg_sql_cursor *c)
{
	struct list *l = (struct list *)c;

	c->eof = ++l->at >= l->n;
	return 0;
}

static int begun(struct list *l, int r, const char *what)
{
	l->at = 0;
	l->c.eof = r < 0 || l->n == 0;
	if (r == -ENOMEM)
		sg_fail(&l->c.sql->err, r, "these are too many %s: narrow the time, t > ...", what);
	return r;
}

static void put_text(sqlite3_context *to, const char *s)
{
	sqlite3_result_text(to, s, -1, SQLITE_TRANSIENT);
}

static void put_buf(sqlite3_context *to, const struct sg_buf *b)
{
	if (b->err)
		sqlite3_result_error_nomem(to);
	else
		sqlite3_result_text(to, b->data ? b->data : "", (int)b->len, SQLITE_TRANSIENT);
}

/* ---- events ---------------------------------------------------------------------------- */

static int begin_events(struct sg_sql_cursor *c)
{
	struct list *l = (struct list *)c;
	struct sg_reader *r = c->sql->reader;

	l->n = 0;
	return begun(l,
		     r->events(r, c->bounds.from_ms, c->bounds.to_ms, c->bounds.kind, EVENTS_MAX,
			       c->sql->deadline_ns, c->arena, &l->events, &l->n),
		     "events");
}

static void put_fields(sqlite3_context *to, const struct sg_event *e)
{
	sg_auto_buf b = {0};

	sg_buf_char(&b, '{');
	for (size_t i = 0; i < e->n; i++) {
		if (i)
			sg_buf_char(&b, ',');
		sg_json_str(&b, e->fields[i].name);
		sg_buf_char(&b, ':');
		if (e->fields[i].text)
			sg_json_str(&b, e->fields[i].text);
		else
			sg_json_num(&b, e->fields[i].number);
	}
	sg_buf_char(&b, '}');
	put_buf(to, &b);
}

static void event_column(struct sg_sql_cursor *c, sqlite3_context *to, int i)
{
	const struct list *l = (struct list *)c;
	const struct sg_event *e = &l->events[l->at];
	sg_auto_buf b = {0};

	switch (i) {
	case 0: sg_sql_seconds(to, e->t_ms); break;
	case 1: put_text(to, e->kind); break;
	case 2: put_text(to, sg_severity_name(e->severity)); break;
	case 3:
		sg_event_sentence(&b, e);
		put_buf(to, &b);
		break;
	case 4: put_fields(to, e); break;
	}
}

static int64_t event_rowid(const struct sg_sql_cursor *c)
{
	const struct list *l = (const struct list *)c;
	const struct sg_event *e = &l->events[l->at];
	sg_auto_buf b = {0};

	sg_event_sentence(&b, e);
	return (int64_t)sg_hash(b.data ? b.data : "", b.len,
				sg_hash_str(e->kind, (uint64_t)e->t_ms));
}

const struct sg_sql_table sg_sql_events = {
	.name = "events",
	.schema = "CREATE TABLE x(t REAL, kind TEXT, severity TEXT, text TEXT, fields TEXT)",
	.columns = {.name = -1, .t = 0, .kind = 1, .selector = -1, .since = -1, .until = -1},
	.cursor_size = sizeof(struct list),
	.begin = begin_events,
	.next = next,
	.column = event_column,
	.rowid = event_rowid,
};

/* ---- gaps -------------------------------------------------------------------------------- */

static int begin_gaps(struct sg_sql_cursor *c)
{
	struct list *l = (struct list *)c;
	struct sg_reader *r = c->sql->reader;

	l->n = 0;
	return begun(l, r->gaps(r, c->bounds.from_ms, c->bounds.to_ms, c->arena, &l->gaps, &l->n),
		     "gaps");
}

static void gap_column(struct sg_sql_cursor *c, sqlite3_context *to, int i)
{
	const struct list *l = (struct list *)c;
	const struct sg_gap *g = &l->gaps[l->at];

	switch (i) {
	case 0: sg_sql_seconds(to, g->from_ms); break;
	case 1: sg_sql_seconds(to, g->to_ms); break;
	case 2: put_text(to, g->reason); break;
	}
}

static int64_t place(const struct sg_sql_cursor *c)
{
	return (int64_t)((const struct list *)c)->at; /* it has no conditions */
}

const struct sg_sql_table sg_sql_gaps = {
	.name = "gaps",
	.schema = "CREATE TABLE x(from_t REAL, to_t REAL, reason TEXT)",
	.columns = {.name = -1, .t = -1, .kind = -1, .selector = -1, .since = -1, .until = -1},
	.cursor_size = sizeof(struct list),
	.begin = begin_gaps,
	.next = next,
	.column = gap_column,
	.rowid = place,
};

/* ---- exemplars ----------------------------------------------------------------------------- */

struct exemplar {
	const struct sg_series *of;
	int64_t t_ms;
	double value;
	uint32_t tgid, tid, cpu;
	const char *comm, *cgroup, *stack; /* stack: JSON, outermost first */
};

static const char *copy_stack(struct sg_arena *a, const struct sg_exemplar *e)
{
	sg_auto_buf b = {0};

	sg_buf_char(&b, '[');
	for (uint32_t i = 0; i < e->n_frames; i++) {
		if (i)
			sg_buf_char(&b, ',');
		sg_json_str(&b, e->frames[i]);
	}
	sg_buf_char(&b, ']');
	return b.err ? NULL : sg_arena_strdup(a, b.data);
}

static int take_exemplar(const struct sg_series *s, const struct sg_exemplar *e, void *ctx)
{
	struct list *l = ctx;
	struct sg_arena *a = l->c.arena;
	struct exemplar *x;

	if (SG_GROW(l->exemplars, l->cap, l->n) < 0)
		return -ENOMEM;
	x = &l->exemplars[l->n];
	*x = (struct exemplar){.of = sg_series_copy(a, s),
			       .t_ms = e->t_ms,
			       .value = e->value,
			       .tgid = e->tgid,
			       .tid = e->tid,
			       .cpu = e->cpu,
			       .comm = sg_arena_strdup(a, e->comm),
			       .cgroup = sg_arena_strdup(a, e->cgroup),
			       .stack = copy_stack(a, e)};
	if (!x->of || !x->comm || !x->cgroup || !x->stack)
		return -ENOMEM;
	l->n++;
	return sg_sql_stopped(l->c.sql);
}

static int begin_exemplars(struct sg_sql_cursor *c)
{
	struct list *l = (struct list *)c;
	struct sg_reader *r = c->sql->reader;
	int res = sg_sql_select(c);

	l->n = 0;
	if (res == 0)
		res = r->exemplars(r, &c->sel, 1, c->bounds.from_ms, c->bounds.to_ms,
				   c->sql->deadline_ns, take_exemplar, l);
	return begun(l, res, "exemplars");
}

static void put_id(sqlite3_context *to, uint32_t id)
{
	if (id)
		sqlite3_result_int64(to, id);
}

static void exemplar_column(struct sg_sql_cursor *c, sqlite3_context *to, int i)
{
	const struct list *l = (struct list *)c;
	const struct exemplar *e = &l->exemplars[l->at];

	switch (i) {
	case 0: put_text(to, e->of->name); break;
	case 1: sg_sql_labels(to, e->of); break;
	case 2: sg_sql_seconds(to, e->t_ms); break;
	case 3: sqlite3_result_double(to, e->value); break;
	case 4: put_text(to, e->comm); break;
	case 5: put_text(to, e->cgroup); break;
	case 6: put_id(to, e->tgid); break;
	case 7: put_id(to, e->tid); break;
	case 8: sqlite3_result_int64(to, e->cpu); break;
	case 9: put_text(to, e->stack); break;
	case 10: put_text(to, c->bounds.selector); break;
	}
}

static int64_t exemplar_rowid(const struct sg_sql_cursor *c)
{
	const struct list *l = (const struct list *)c;
	const struct exemplar *e = &l->exemplars[l->at];
	const int64_t who[] = {e->t_ms, (int64_t)e->tid, (int64_t)(e->value * 1e9)};

	return (int64_t)sg_hash(who, sizeof(who), e->of->hash);
}

static void clear_exemplars(struct sg_sql_cursor *c)
{
	struct list *l = (struct list *)c;

	free(l->exemplars);
	l->exemplars = NULL;
	l->n = l->cap = l->at = 0;
}

const struct sg_sql_table sg_sql_exemplars = {
	.name = "exemplars",
	.schema = "CREATE TABLE x(name TEXT, labels TEXT, t REAL, value REAL, comm TEXT,"
		  " cgroup TEXT, pid INTEGER, tid INTEGER, cpu INTEGER, stack TEXT,"
		  " selector HIDDEN)",
	.columns = {.name = 0, .t = 2, .kind = -1, .selector = 10, .since = -1, .until = -1},
	.cursor_size = sizeof(struct list),
	.begin = begin_exemplars,
	.next = next,
	.column = exemplar_column,
	.rowid = exemplar_rowid,
	.clear = clear_exemplars,
};
