// SPDX-License-Identifier: GPL-2.0
// Sets of rows: the instant vectors of all steps.
#include <errno.h>
#include <string.h>

#include "engine.h"

const struct sg_native pq_absent;

static int row_eq(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct pq_row *)entry)->series, key);
}

void pq_rows_done(struct pq_rows *rs)
{
	sg_map_free(rs->by_labels);
	rs->by_labels = NULL;
}

struct pq_cell *pq_cells(struct pq_engine *e, const struct pq_grid *g)
{
	struct pq_cell *c = pq_alloc_n(e, g->n, sizeof(*c));

	for (size_t i = 0; c && i < g->n; i++)
		c[i] = (struct pq_cell){.h = &pq_absent};
	return c;
}

static int append(struct pq_engine *e, struct pq_rows *rs, struct pq_row *row)
{
	if (rs->n == rs->cap) {
		size_t cap = rs->cap ? rs->cap * 2 : 16;
		struct pq_row **rows = pq_alloc_n(e, cap, sizeof(*rows));

		if (!rows)
			return pq_oom(e);
		if (rs->n)
			memcpy(rows, rs->rows, rs->n * sizeof(*rows));
		rs->rows = rows;
		rs->cap = cap;
	}
	rs->rows[rs->n++] = row;
	return 0;
}

static struct pq_row *add_row(struct pq_engine *e, struct pq_rows *rs, const struct sg_series *s,
			      bool drop_name, struct pq_cell *cells)
{
	struct pq_row *row = pq_alloc(e, sizeof(*row));

	if (!row || !cells || append(e, rs, row) < 0)
		return NULL;
	row->series = *s;
	row->drop_name = drop_name;
	row->cells = cells;
	return row;
}

int pq_rows_add(struct pq_engine *e, struct pq_rows *rs, const struct sg_series *s, bool drop_name,
		struct pq_cell *cells)
{
	return add_row(e, rs, s, drop_name, cells) ? 0 : pq_oom(e);
}

struct pq_row *pq_rows_get(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs,
			   const struct sg_series *s)
{
	struct pq_row *row;

	if (!rs->by_labels)
		rs->by_labels = sg_map_new(row_eq);
	if (!rs->by_labels)
		return NULL;
	row = sg_map_get(rs->by_labels, s->hash, s);
	if (row)
		return row;
	row = add_row(e, rs, s, false, pq_cells(e, g));
	if (!row || sg_map_put(rs->by_labels, s->hash, row) < 0)
		return NULL;
	return row;
}

struct pq_cell *pq_rows_scalar(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs)
{
	struct sg_series none = {.name = "", .hash = sg_series_hash("", NULL, 0)};
	struct pq_row *row = add_row(e, rs, &none, false, pq_cells(e, g));

	return row ? row->cells : NULL;
}

int pq_duplicate(struct pq_engine *e)
{
	return sg_fail(e->err, -EINVAL, "vector cannot contain metrics with the same labelset");
}

int pq_rows_put(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs,
		const struct pq_row *like, size_t step, const struct pq_cell *c)
{
	struct pq_row *row = pq_rows_get(e, g, rs, &like->series);

	if (!row)
		return pq_oom(e);
	if (pq_has(&row->cells[step]))
		return pq_duplicate(e);
	row->drop_name |= like->drop_name;
	row->cells[step] = *c;
	return 0;
}

static int merge_into(struct pq_engine *e, const struct pq_grid *g, struct pq_row *to,
		      const struct pq_row *from)
{
	for (size_t i = 0; i < g->n; i++) {
		if (!pq_has(&from->cells[i]))
			continue;
		if (pq_has(&to->cells[i]))
			return pq_duplicate(e);
		to->cells[i] = from->cells[i];
	}
	return 0;
}

int pq_rows_merge(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs)
{
	sg_auto(sg_map) map = sg_map_new(row_eq);
	size_t n = 0;
	int r = map ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < rs->n; i++) {
		struct pq_row *row = rs->rows[i];
		struct pq_row *same = sg_map_get(map, row->series.hash, &row->series);

		if (same) {
			r = merge_into(e, g, same, row);
			continue;
		}
		r = sg_map_put(map, row->series.hash, row);
		rs->rows[n++] = row;
	}
	if (!r)
		rs->n = n;
	return r;
}

int pq_rows_drop_names(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs)
{
	bool any = false;

	for (size_t i = 0; i < rs->n; i++) {
		struct sg_series *s = &rs->rows[i]->series;

		if (!rs->rows[i]->drop_name || !*s->name)
			continue;
		s->name = "";
		s->hash = sg_series_hash("", s->labels, s->n_labels);
		any = true;
	}
	return any ? pq_rows_merge(e, g, rs) : 0;
}
