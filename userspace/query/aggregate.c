// SPDX-License-Identifier: GPL-2.0
// Aggregations over the rows of a group, step by step.
#include <errno.h>
#include <string.h>

#include "aggregate.h"
#include "engine.h"

struct group {
	struct sg_series series;
	bool drop_name;
	size_t n, cap;
	struct pq_row **rows;
};

struct groups {
	size_t n, cap;
	struct group **list;
	struct sg_map *map;
};

static int group_eq(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct group *)entry)->series, key);
}

static int push(struct pq_engine *e, void *array, size_t *n, size_t *cap, void *item)
{
	void ***p = array;

	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 8;
		void **a = pq_alloc_n(e, more, sizeof(*a));

		if (!a)
			return pq_oom(e);
		if (*n)
			memcpy(a, *p, *n * sizeof(*a));
		*p = a;
		*cap = more;
	}
	(*p)[(*n)++] = item;
	return 0;
}

static struct group *group_of(struct pq_engine *e, struct groups *gs, const struct sg_series *s)
{
	struct group *gr = sg_map_get(gs->map, s->hash, s);

	if (gr)
		return gr;
	gr = pq_alloc(e, sizeof(*gr));
	if (!gr)
		return NULL;
	*gr = (struct group){.series = *s};
	if (push(e, &gs->list, &gs->n, &gs->cap, gr) < 0 || sg_map_put(gs->map, s->hash, gr) < 0)
		return NULL;
	return gr;
}

static int make_groups(struct pq_engine *e, const struct pq_node *n, const struct pq_rows *in,
		       struct groups *gs)
{
	for (size_t i = 0; i < in->n; i++) {
		struct pq_row *row = in->rows[i];
		struct sg_series key;
		struct group *gr;
		int r = n->without ? pq_labels_drop(e, &row->series, &n->labels, &key)
				   : pq_labels_keep(e, &row->series, &n->labels, &key);

		if (r < 0)
			return r;
		gr = group_of(e, gs, &key);
		if (!gr)
			return pq_oom(e);
		gr->drop_name |= row->drop_name;
		r = push(e, &gr->rows, &gr->n, &gr->cap, row);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The members of a group that have a sample at a step. rows[] may be NULL. */
static void gather(const struct group *gr, size_t step, struct pq_agg_step *s, struct pq_row **rows)
{
	s->n = 0;
	for (size_t i = 0; i < gr->n; i++) {
		if (!pq_has(&gr->rows[i]->cells[step]))
			continue;
		if (rows)
			rows[s->n] = gr->rows[i];
		s->series[s->n] = &gr->rows[i]->series;
		s->cells[s->n++] = &gr->rows[i]->cells[step];
	}
}

static int step_buffers(struct pq_engine *e, size_t n, struct pq_agg_step *s)
{
	s->cells = pq_alloc_n(e, n, sizeof(*s->cells));
	s->series = pq_alloc_n(e, n, sizeof(*s->series));
	s->scratch = pq_alloc_n(e, n, sizeof(*s->scratch));
	return s->cells && s->series && s->scratch ? 0 : pq_oom(e);
}

static int reduce_group(struct pq_engine *e, const struct pq_grid *g, const struct group *gr,
			const struct pq_cell *param, struct pq_agg_step *s, struct pq_rows *out)
{
	struct pq_cell *cells = pq_cells(e, g);
	int r = 0;

	if (!cells)
		return pq_oom(e);
	for (size_t i = 0; r >= 0 && i < g->n; i++) {
		struct pq_cell c = {0};

		r = pq_tick(e);
		if (r < 0)
			break;
		gather(gr, i, s, NULL);
		s->param = param ? param[i].v : 0;
		if (!s->n)
			continue;
		r = s->node->agg->reduce(e, s, &c);
		if (r > 0)
			cells[i] = c;
	}
	return r < 0 ? r : pq_rows_add(e, out, &gr->series, gr->drop_name, cells);
}

static int pick_group(struct pq_engine *e, const struct pq_grid *g, const struct group *gr,
		      const struct pq_cell *param, struct pq_agg_step *s, struct pq_rows *out)
{
	struct pq_row **rows = pq_alloc_n(e, gr->n, sizeof(*rows));
	size_t *order = pq_alloc_n(e, gr->n, sizeof(*order));
	int r = 0;

	if (!rows || !order)
		return pq_oom(e);
	for (size_t i = 0; r >= 0 && i < g->n; i++) {
		int n;

		gather(gr, i, s, rows);
		s->param = param ? param[i].v : 0;
		r = n = s->node->agg->pick(e, s, order);
		for (int k = 0; r >= 0 && k < n; k++)
			r = pq_rows_put(e, g, out, rows[order[k]], i, s->cells[order[k]]);
		if (r >= 0)
			r = pq_tick(e);
	}
	return r < 0 ? r : 0;
}

static int aggregate(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		     const struct pq_rows *in, const struct pq_cell *param, struct pq_rows *out)
{
	struct groups gs = {0};
	struct pq_agg_step s = {.node = n};
	sg_auto(sg_map) map = sg_map_new(group_eq);
	int r = map ? step_buffers(e, in->n, &s) : -ENOMEM;

	gs.map = map;
	if (!r)
		r = make_groups(e, n, in, &gs);
	for (size_t i = 0; !r && i < gs.n; i++) {
		if (n->agg->reduce)
			r = reduce_group(e, g, gs.list[i], param, &s, out);
		else if (n->agg->pick)
			r = pick_group(e, g, gs.list[i], param, &s, out);
	}
	return r;
}

/* count_values("label", v): each value becomes a label, its number of rows the sample. */
int pq_count_values(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		    const struct pq_rows *in, struct pq_rows *out)
{
	const char *label = pq_unwrap(n->args[1])->text;
	int r = pq_check_label(e, label, "invalid label name ");

	for (size_t i = 0; !r && i < in->n; i++) {
		struct pq_row *row = in->rows[i], *to;
		struct sg_series key, s;

		r = n->without ? pq_labels_drop(e, &row->series, &n->labels, &key)
			       : pq_labels_keep(e, &row->series, &n->labels, &key);
		for (size_t j = 0; !r && j < g->n; j++) {
			const char *text;

			if (!pq_has(&row->cells[j]))
				continue;
			text = row->cells[j].h ? pq_hist_text(e, row->cells[j].h)
					       : pq_float_text(e, row->cells[j].v);
			r = text ? pq_labels_set(e, &key, label, text, &s) : pq_oom(e);
			if (r < 0)
				break;
			to = pq_rows_get(e, g, out, &s);
			if (!to)
				return pq_oom(e);
			to->cells[j] = (struct pq_cell){
				.v = pq_has(&to->cells[j]) ? to->cells[j].v + 1 : 1};
			r = pq_tick(e);
		}
	}
	return r;
}

int pq_eval_aggregate(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		      struct pq_rows *out)
{
	const struct pq_cell *param = NULL;
	struct pq_rows in = {0};
	int r = 0;

	if (n->agg->has_param && n->agg->param == PQ_SCALAR)
		r = pq_eval_scalar(e, g, n->args[1], &param);
	for (size_t i = 0; !r && param && n->agg->pick && i < g->n; i++)
		r = n->agg->pick == pq_agg_limit_ratio ? pq_agg_check_ratio(e, param[i].v)
						       : pq_agg_check_k(e, param[i].v);
	if (!r)
		r = pq_eval(e, g, n->args[0], &in);
	pq_rows_done(&in);
	if (r < 0)
		return r;
	if (n->agg->whole)
		return n->agg->whole(e, g, n, &in, out);
	return aggregate(e, g, n, &in, param, out);
}
