// SPDX-License-Identifier: GPL-2.0
/* series: which there are, and since when and until when each has samples. */
#include <errno.h>

#include "sql_private.h"

#define SLICE_MS 600000
#define SERIES_MAX 1000000U

struct found {
	const struct sg_series *s;
	int64_t first_ms, last_ms;
	uint64_t samples;
};

struct series {
	struct sg_sql_cursor c;
	struct sg_arena *slice;
	struct sg_map *map;
	struct found **v;
	size_t n, cap, at;
};

static int is_series(const void *entry, const void *key)
{
	return sg_series_equal(((const struct found *)entry)->s, key);
}

static struct found *add(struct series *s, const struct sg_points *p)
{
	struct found *f = sg_arena_zalloc(s->c.arena, sizeof(*f));

	if (!f || s->n == SERIES_MAX || SG_GROW(s->v, s->cap, s->n) < 0)
		return NULL;
	f->s = sg_series_copy(s->c.arena, &p->series);
	f->first_ms = p->t_ms[0];
	if (!f->s || sg_map_put(s->map, p->series.hash, f) < 0)
		return NULL;
	return s->v[s->n++] = f;
}

static int take(struct series *s, const struct sg_points *p)
{
	struct found *f = sg_map_get(s->map, p->series.hash, &p->series);

	if (!p->n)
		return 0;
	if (!f)
		f = add(s, p);
	if (!f)
		return sg_fail(&s->c.sql->err, -E2BIG,
			       "these are too many series: give a selector, series('...')");
	f->last_ms = SG_MAX(f->last_ms, p->t_ms[p->n - 1]);
	f->samples += p->n;
	return 0;
}

static int take_slice(struct series *s, int64_t from_ms, int64_t to_ms)
{
	struct sg_sql *sql = s->c.sql;
	const struct sg_read_limits lim = {.deadline_ns = sql->deadline_ns};
	struct sg_points_set set = {0};
	int r = sg_sql_stopped(sql);

	sg_arena_reset(s->slice);
	sql->reads.selects++;
	if (r == 0)
		r = sql->reader->select_deltas(sql->reader, &s->c.sel, 1, from_ms, to_ms, &lim,
					       s->slice, &set, &sql->err);
	for (size_t i = 0; i < set.n && r == 0; i++)
		r = take(s, &set.series[i]);
	sql->reads.samples += set.n_samples;
	return r;
}

static int by_series(const void *a, const void *b)
{
	return sg_series_cmp((*(struct found *const *)a)->s, (*(struct found *const *)b)->s);
}

static int begin(struct sg_sql_cursor *c)
{
	struct series *s = (struct series *)c;
	int64_t slice = SLICE_MS, from = c->bounds.from_ms;
	int r = sg_sql_select(c);

	s->slice = sg_arena_new(SG_SQL_ARENA_BYTES);
	s->map = sg_map_new(is_series);
	if (!s->slice || !s->map)
		return -ENOMEM;
	while (r == 0 && from < c->bounds.to_ms) {
		int64_t to = SG_MIN(from + slice, c->bounds.to_ms);

		r = take_slice(s, from, to);
		if (r == 0) {
			from = to;
		} else if ((r == -E2BIG || r == -ENOMEM) && slice > 1000 && s->n < SERIES_MAX) {
			slice /= 2;
			c->sql->err.msg[0] = '\0';
			r = 0;
		}
	}
	if (r == 0 && s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_series);
	c->eof = s->n == 0;
	return r;
}

static int next(struct sg_sql_cursor *c)
{
	struct series *s = (struct series *)c;

	c->eof = ++s->at >= s->n;
	return 0;
}

static void column(struct sg_sql_cursor *c, sqlite3_context *to, int i)
{
	const struct series *s = (struct series *)c;
	const struct found *f = s->v[s->at];

	switch (i) {
	case 0: sqlite3_result_text(to, f->s->name, -1, SQLITE_TRANSIENT); break;
	case 1: sg_sql_labels(to, f->s); break;
	case 2: sqlite3_result_text(to, sg_type_name(f->s->type), -1, SQLITE_STATIC); break;
	case 3: sg_sql_seconds(to, f->first_ms); break;
	case 4: sg_sql_seconds(to, f->last_ms); break;
	case 5: sqlite3_result_int64(to, (sqlite3_int64)f->samples); break;
	case 6: sqlite3_result_text(to, c->bounds.selector, -1, SQLITE_TRANSIENT); break;
	}
}

static int64_t rowid(const struct sg_sql_cursor *c)
{
	const struct series *s = (const struct series *)c;

	return (int64_t)s->v[s->at]->s->hash;
}

static void clear(struct sg_sql_cursor *c)
{
	struct series *s = (struct series *)c;

	sg_arena_free(s->slice);
	sg_map_free(s->map);
	free(s->v);
	s->slice = NULL;
	s->map = NULL;
	s->v = NULL;
	s->n = s->cap = s->at = 0;
}

const struct sg_sql_table sg_sql_series = {
	.name = "series",
	.schema = "CREATE TABLE x(name TEXT, labels TEXT, type TEXT, first_t REAL, last_t REAL,"
		  " samples INTEGER, selector HIDDEN, since HIDDEN, until HIDDEN)",
	.columns = {.name = 0, .t = -1, .kind = -1, .selector = 6, .since = 7, .until = 8},
	.cursor_size = sizeof(struct series),
	.begin = begin,
	.next = next,
	.column = column,
	.rowid = rowid,
	.clear = clear,
};
