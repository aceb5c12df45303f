// SPDX-License-Identifier: GPL-2.0
// Operators: what they do with two samples, and with a vector and a scalar.
#include <errno.h>
#include <math.h>

#include "engine.h"

static double arith(enum pq_op op, double a, double b)
{
	switch (op) {
	case PQ_ADD: return a + b;
	case PQ_SUB: return a - b;
	case PQ_MUL: return a * b;
	case PQ_DIV: return a / b;
	case PQ_MOD: return fmod(a, b);
	case PQ_POW: return pow(a, b);
	case PQ_ATAN2: return atan2(a, b);
	default: return NAN;
	}
}

static bool compare(enum pq_op op, double a, double b)
{
	switch (op) {
	case PQ_EQ: return a == b;
	case PQ_NE: return a != b;
	case PQ_LT: return a < b;
	case PQ_LE: return a <= b;
	case PQ_GT: return a > b;
	case PQ_GE: return a >= b;
	default: return false;
	}
}

static int incompatible(struct pq_engine *e, const struct pq_node *n, const struct pq_cell *a,
			const struct pq_cell *b)
{
	pq_info(e, n->pos,
		"incompatible sample types encountered for binary operator \"%s\": %s %s %s",
		pq_op_name(n->op), a->h ? "histogram" : "float", pq_op_name(n->op),
		b->h ? "histogram" : "float");
	return 0;
}

/* The result of a comparison: 1 or 0 with bool, else the left sample or nothing. */
static int compared(const struct pq_node *n, bool yes, const struct pq_cell *a, struct pq_cell *out)
{
	if (n->ret_bool)
		*out = (struct pq_cell){.v = yes};
	else
		*out = *a;
	return n->ret_bool || yes;
}

/* Sum or difference of two histograms. */
static int add_hists(struct pq_engine *e, const struct pq_node *n, const struct sg_native *a,
		     const struct sg_native *b, struct pq_cell *out)
{
	struct pq_hist_sum *s = &e->hist_sum;
	bool add = n->op == PQ_ADD;
	int r;

	pq_hist_sum_clear(s);
	r = pq_hist_sum_add(e, s, a, 1);
	if (!r)
		r = pq_hist_sum_add(e, s, b, add ? 1 : -1);
	if (r == PQ_HISTS_MIXED) {
		pq_warn(e, n->pos, "incompatible bucket layout encountered for binary operator %s",
			pq_op_name(n->op));
		return 0;
	}
	if (r < 0)
		return r;
	pq_note_hist_sum(e, n->pos, s, add ? "addition" : "subtraction");
	if (!add)
		s->hint = SG_HINT_GAUGE;
	*out = (struct pq_cell){.h = pq_hist_sum_take(e, s, 1)};
	return out->h ? 1 : pq_oom(e);
}

static int apply_hist(struct pq_engine *e, const struct pq_node *n, const struct pq_cell *a,
		      const struct pq_cell *b, struct pq_cell *out)
{
	const struct sg_native *h = NULL;

	if (a->h && b->h) {
		if (n->op == PQ_EQ || n->op == PQ_NE)
			return compared(n, sg_native_equal(a->h, b->h) == (n->op == PQ_EQ), a, out);
		if (n->op == PQ_ADD || n->op == PQ_SUB)
			return add_hists(e, n, a->h, b->h, out);
		return incompatible(e, n, a, b);
	}
	if (n->op == PQ_MUL)
		h = pq_hist_scale(e, a->h ? a->h : b->h, a->h ? b->v : a->v, false);
	else if (n->op == PQ_DIV && a->h)
		h = pq_hist_scale(e, a->h, b->v, true);
	else if ((n->op == PQ_TRIM_BELOW || n->op == PQ_TRIM_ABOVE) && a->h)
		h = pq_hist_trim(e, a->h, b->v, n->op == PQ_TRIM_BELOW);
	else
		return incompatible(e, n, a, b);
	*out = (struct pq_cell){.h = h};
	return h ? 1 : pq_oom(e);
}

int pq_apply(struct pq_engine *e, const struct pq_node *n, const struct pq_cell *a,
	     const struct pq_cell *b, struct pq_cell *out)
{
	if (a->h || b->h)
		return apply_hist(e, n, a, b, out);
	if (pq_op_is_comparison(n->op))
		return compared(n, compare(n->op, a->v, b->v), a, out);
	if (pq_op_is_trim(n->op))
		return incompatible(e, n, a, b);
	*out = (struct pq_cell){.v = arith(n->op, a->v, b->v)};
	return 1;
}

static int scalars(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   const struct pq_cell *a, const struct pq_cell *b, struct pq_rows *out)
{
	struct pq_cell *c = pq_rows_scalar(e, g, out);
	int r = 0;

	if (!c)
		return pq_oom(e);
	for (size_t i = 0; r >= 0 && i < g->n; i++)
		r = pq_apply(e, n, &a[i], &b[i], &c[i]);
	return r < 0 ? r : 0;
}

/* swapped: the scalar stands on the left. A filter always gives the vector's sample. */
static int with_scalar(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		       const struct pq_row *row, const struct pq_cell *scalar, bool swapped,
		       struct pq_cell *c)
{
	bool filter = pq_op_is_comparison(n->op) && !n->ret_bool;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < g->n; i++) {
		const struct pq_cell *v = &row->cells[i];
		struct pq_cell res;

		if (!pq_has(v))
			continue;
		r = swapped ? pq_apply(e, n, &scalar[i], v, &res)
			    : pq_apply(e, n, v, &scalar[i], &res);
		if (r > 0)
			c[i] = filter ? *v : res;
	}
	return r < 0 ? r : 0;
}

static int vector_scalar(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
			 const struct pq_rows *v, const struct pq_cell *scalar, bool swapped,
			 struct pq_rows *out)
{
	bool keep_name = (pq_op_is_comparison(n->op) || pq_op_is_trim(n->op)) && !n->ret_bool;
	int r = 0;

	for (size_t i = 0; !r && i < v->n; i++) {
		struct pq_cell *c = pq_cells(e, g);

		r = pq_tick(e);
		if (!c)
			return pq_oom(e);
		if (!r)
			r = with_scalar(e, g, n, v->rows[i], scalar, swapped, c);
		if (!r)
			r = pq_rows_add(e, out, &v->rows[i]->series,
					v->rows[i]->drop_name || !keep_name, c);
	}
	return r;
}

int pq_eval_binary(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   struct pq_rows *out)
{
	bool ls = n->args[0]->type == PQ_SCALAR, rs = n->args[1]->type == PQ_SCALAR;
	struct pq_rows a = {0}, b = {0};
	int r = pq_eval(e, g, n->args[0], &a);

	pq_rows_done(&a);
	if (!r)
		r = pq_eval(e, g, n->args[1], &b);
	pq_rows_done(&b);
	if (r < 0)
		return r;
	if (ls && rs)
		return scalars(e, g, n, a.rows[0]->cells, b.rows[0]->cells, out);
	if (ls)
		return vector_scalar(e, g, n, &b, a.rows[0]->cells, true, out);
	if (rs)
		return vector_scalar(e, g, n, &a, b.rows[0]->cells, false, out);
	if (pq_op_is_set(n->op))
		return pq_eval_set(e, g, n, &a, &b, out);
	return pq_eval_vectors(e, g, n, &a, &b, out);
}
