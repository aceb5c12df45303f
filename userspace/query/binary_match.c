// SPDX-License-Identifier: GPL-2.0
// Operators between two vectors: samples meet that agree on their matching labels.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

struct signature {
	struct sg_series labels;
	size_t id;
};

/* Signatures of both sides, numbered from 0. */
struct matching {
	struct sg_map *map;
	size_t n;
	size_t *left, *right; /* signature of each row */
};

static int signature_eq(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct signature *)entry)->labels, key);
}

static int signature_of(struct pq_engine *e, const struct pq_node *n, struct matching *m,
			const struct sg_series *s, size_t *ret)
{
	struct signature *sig;
	struct sg_series key;
	int r = n->on ? pq_labels_keep(e, s, &n->labels, &key)
		      : pq_labels_drop(e, s, &n->labels, &key);

	if (r < 0)
		return r;
	sig = sg_map_get(m->map, key.hash, &key);
	if (!sig) {
		sig = pq_alloc(e, sizeof(*sig));
		if (!sig)
			return pq_oom(e);
		*sig = (struct signature){.labels = key, .id = m->n++};
		if (sg_map_put(m->map, key.hash, sig) < 0)
			return -ENOMEM;
	}
	*ret = sig->id;
	return 0;
}

static int match_side(struct pq_engine *e, const struct pq_node *n, struct matching *m,
		      const struct pq_rows *rows, size_t **ret)
{
	size_t *ids = pq_alloc_n(e, rows->n, sizeof(*ids));
	int r = 0;

	if (!ids)
		return pq_oom(e);
	for (size_t i = 0; !r && i < rows->n; i++)
		r = signature_of(e, n, m, &rows->rows[i]->series, &ids[i]);
	*ret = ids;
	return r;
}

static int match(struct pq_engine *e, const struct pq_node *n, const struct pq_rows *l,
		 const struct pq_rows *rr, struct matching *m)
{
	sg_auto(sg_map) map = sg_map_new(signature_eq);
	int r = map ? 0 : -ENOMEM;

	*m = (struct matching){.map = map};
	if (!r)
		r = match_side(e, n, m, l, &m->left);
	if (!r)
		r = match_side(e, n, m, rr, &m->right);
	m->map = NULL;
	return r;
}

/* ---- and, or, unless ----------------------------------------------------------------- */

/* mark[id] = step + 1 where a row of that signature has a sample at the step. */
static void mark_present(const struct pq_rows *rows, const size_t *ids, size_t step, size_t *mark)
{
	for (size_t i = 0; i < rows->n; i++)
		if (pq_has(&rows->rows[i]->cells[step]))
			mark[ids[i]] = step + 1;
}

/* Copies the samples whose signature is (or is not) marked at the step. */
static void copy_where(const struct pq_rows *rows, const size_t *ids, size_t step,
		       const size_t *mark, bool marked, struct pq_cell **cells)
{
	for (size_t i = 0; i < rows->n; i++)
		if ((mark[ids[i]] == step + 1) == marked)
			cells[i][step] = rows->rows[i]->cells[step];
}

static int copy_rows(struct pq_engine *e, const struct pq_grid *g, const struct pq_rows *in,
		     struct pq_rows *out, struct pq_cell ***ret)
{
	struct pq_cell **cells = pq_alloc_n(e, in->n, sizeof(*cells));
	int r = 0;

	if (!cells)
		return pq_oom(e);
	for (size_t i = 0; !r && i < in->n; i++) {
		cells[i] = pq_cells(e, g);
		r = pq_rows_add(e, out, &in->rows[i]->series, in->rows[i]->drop_name, cells[i]);
	}
	*ret = cells;
	return r;
}

static int eval_or(struct pq_engine *e, const struct pq_grid *g, const struct matching *m,
		   const struct pq_rows *l, const struct pq_rows *r, size_t *mark,
		   struct pq_rows *out)
{
	struct pq_cell **cells = NULL;
	int ret = 0;

	for (size_t i = 0; !ret && i < l->n; i++)
		ret = pq_rows_add(e, out, &l->rows[i]->series, l->rows[i]->drop_name,
				  l->rows[i]->cells);
	if (!ret)
		ret = copy_rows(e, g, r, out, &cells);
	for (size_t i = 0; !ret && i < g->n; i++) {
		mark_present(l, m->left, i, mark);
		copy_where(r, m->right, i, mark, false, cells);
		ret = pq_tick(e);
	}
	/* Both sides may have the same series at different steps. */
	for (size_t i = 0; !ret && i < out->n; i++) {
		struct pq_cell *own = pq_cells(e, g);

		if (!own)
			return pq_oom(e);
		memcpy(own, out->rows[i]->cells, g->n * sizeof(*own));
		out->rows[i]->cells = own;
	}
	return ret < 0 ? ret : pq_rows_merge(e, g, out);
}

int pq_eval_set(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		const struct pq_rows *l, const struct pq_rows *r, struct pq_rows *out)
{
	struct pq_cell **cells;
	struct matching m;
	size_t *mark;
	int ret = match(e, n, l, r, &m);

	if (ret < 0)
		return ret;
	mark = pq_alloc_n(e, m.n, sizeof(*mark));
	if (!mark)
		return pq_oom(e);
	memset(mark, 0, m.n * sizeof(*mark));
	if (n->op == PQ_OR)
		return eval_or(e, g, &m, l, r, mark, out);
	ret = copy_rows(e, g, l, out, &cells);
	for (size_t i = 0; !ret && i < g->n; i++) {
		mark_present(r, m.right, i, mark);
		copy_where(l, m.left, i, mark, n->op == PQ_AND, cells);
		ret = pq_tick(e);
	}
	return ret;
}

/* ---- arithmetic and comparison ------------------------------------------------------- */

/* The state of one operation; the "many" side is on the left. */
struct join {
	struct pq_engine *e;
	const struct pq_grid *g;
	const struct pq_node *n;
	const struct pq_rows *many, *one;
	struct matching m;
	bool swapped; /* the sides changed places for group_right */
	struct pq_row **one_at; /* by signature: the row with a sample at this step */
	size_t *one_step; /* by signature: step + 1 for which one_at holds */
	size_t *used; /* by signature: step + 1 of its last result */
	struct pq_row **partner; /* by many row: for which 'one' row result[] was made */
	struct pq_row **result;
	struct pq_rows *out;
};

static int result_labels(struct join *j, const struct sg_series *many, const struct sg_series *one,
			 struct sg_series *ret)
{
	const struct pq_node *n = j->n;
	int r = 0;

	*ret = *many;
	if (n->card == PQ_ONE_TO_ONE) {
		const char *name = ret->name;

		if (n->on) {
			r = pq_labels_keep(j->e, ret, &n->labels, ret);
		} else {
			r = pq_labels_drop(j->e, ret, &n->labels, ret);
			if (!r)
				r = pq_labels_set(j->e, ret, "__name__", name, ret);
		}
	}
	for (size_t i = 0; !r && i < n->include.n; i++)
		r = pq_labels_set(j->e, ret, n->include.names[i],
				  sg_series_label(one, n->include.names[i]), ret);
	return r;
}

static int many_to_many(struct join *j, const struct sg_series *a, const struct sg_series *b)
{
	char ta[160], tb[160], tg[120] = "{}";
	struct sg_series group;
	bool in_order = sg_series_cmp(a, b) < 0;

	pq_labels_text(in_order ? a : b, ta, sizeof(ta));
	pq_labels_text(in_order ? b : a, tb, sizeof(tb));
	if (!(j->n->on ? pq_labels_keep(j->e, a, &j->n->labels, &group)
		       : pq_labels_drop(j->e, a, &j->n->labels, &group)))
		pq_labels_text(&group, tg, sizeof(tg));
	return sg_fail(
		j->e->err, -EINVAL,
		"found duplicate series for the match group %s on the %s hand-side of the "
		"operation: [%s, %s];many-to-many matching not allowed: matching labels must "
		"be unique on one side",
		tg, j->swapped ? "left" : "right", ta, tb);
}

static int index_one_side(struct join *j, size_t step)
{
	for (size_t i = 0; i < j->one->n; i++) {
		size_t id = j->m.right[i];

		if (!pq_has(&j->one->rows[i]->cells[step]))
			continue;
		if (j->one_step[id] == step + 1)
			return many_to_many(j, &j->one_at[id]->series, &j->one->rows[i]->series);
		j->one_step[id] = step + 1;
		j->one_at[id] = j->one->rows[i];
	}
	return 0;
}

static int result_row(struct join *j, size_t i, struct pq_row *one)
{
	struct sg_series s;
	int r;

	if (j->partner[i] == one)
		return 0;
	r = result_labels(j, &j->many->rows[i]->series, &one->series, &s);
	if (r < 0)
		return r;
	j->result[i] = pq_rows_get(j->e, j->g, j->out, &s);
	j->partner[i] = one;
	if (!j->result[i])
		return pq_oom(j->e);
	j->result[i]->drop_name |= j->many->rows[i]->drop_name || j->n->ret_bool ||
				   !(pq_op_is_comparison(j->n->op) || pq_op_is_trim(j->n->op));
	return 0;
}

static int join_row(struct join *j, size_t i, size_t step)
{
	const struct pq_cell *a = &j->many->rows[i]->cells[step], *b;
	size_t id = j->m.left[i];
	struct pq_cell c;
	int r;

	if (!pq_has(a) || j->one_step[id] != step + 1)
		return 0;
	b = &j->one_at[id]->cells[step];
	/* Also when a filter leaves nothing: the mistake is in the query, not in the data. */
	if (j->n->card == PQ_ONE_TO_ONE && j->used[id] == step + 1)
		return sg_fail(j->e->err, -EINVAL,
			       "multiple matches for labels: many-to-one matching must be explicit "
			       "(group_left/group_right)");
	j->used[id] = step + 1;
	r = j->swapped ? pq_apply(j->e, j->n, b, a, &c) : pq_apply(j->e, j->n, a, b, &c);
	if (r <= 0)
		return r;
	r = result_row(j, i, j->one_at[id]);
	if (r < 0)
		return r;
	if (pq_has(&j->result[i]->cells[step]))
		return sg_fail(j->e->err, -EINVAL,
			       "multiple matches for labels: grouping labels must ensure unique "
			       "matches");
	j->result[i]->cells[step] = c;
	return 0;
}

static void *zeroed(struct pq_engine *e, size_t n, size_t size)
{
	void *p = pq_alloc_n(e, n, size);

	return p ? memset(p, 0, n * size) : NULL;
}

int pq_eval_vectors(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		    const struct pq_rows *l, const struct pq_rows *r, struct pq_rows *out)
{
	bool swapped = n->card == PQ_ONE_TO_MANY;
	struct join j = {.e = e,
			 .g = g,
			 .n = n,
			 .many = swapped ? r : l,
			 .one = swapped ? l : r,
			 .swapped = swapped,
			 .out = out};
	int ret = match(e, n, j.many, j.one, &j.m);

	if (ret < 0)
		return ret;
	j.one_at = zeroed(e, j.m.n, sizeof(*j.one_at));
	j.one_step = zeroed(e, j.m.n, sizeof(*j.one_step));
	j.used = zeroed(e, j.m.n, sizeof(*j.used));
	j.partner = zeroed(e, j.many->n, sizeof(*j.partner));
	j.result = zeroed(e, j.many->n, sizeof(*j.result));
	if (!j.one_at || !j.one_step || !j.used || !j.partner || !j.result)
		return pq_oom(e);
	for (size_t step = 0; !ret && step < g->n; step++) {
		ret = index_one_side(&j, step);
		for (size_t i = 0; !ret && i < j.many->n; i++)
			ret = join_row(&j, i, step);
		if (!ret)
			ret = pq_tick(e);
	}
	return ret;
}
