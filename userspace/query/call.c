// SPDX-License-Identifier: GPL-2.0
// Function calls: arguments in, the right implementation, names dropped.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"

/* The scalar arguments of a call, in order, as one cell a step each. */
struct params {
	size_t n;
	const struct pq_cell *cells[PQ_MAX_PARAMS];
};

static int eval_params(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		       struct params *p)
{
	int r = 0;

	p->n = 0;
	for (size_t i = 0; !r && i < n->n_args; i++) {
		if (n->args[i]->type != PQ_SCALAR || p->n == PQ_MAX_PARAMS)
			continue;
		r = pq_eval_scalar(e, g, n->args[i], &p->cells[p->n++]);
	}
	return r;
}

static void params_at(const struct params *p, size_t step, double *v)
{
	for (size_t i = 0; i < p->n; i++)
		v[i] = p->cells[i][step].v;
}

/* ---- range vectors ------------------------------------------------------------------- */

static int window_row(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		      struct pq_window *w, const struct params *p, struct pq_cell **ret)
{
	double params[PQ_MAX_PARAMS] = {0};
	struct pq_cell *cells = NULL;
	int r = 0;

	w->params = params;
	for (size_t i = 0; r >= 0 && i < g->n; i++) {
		int64_t start, end;
		struct pq_cell c = {0};

		pq_window_at(e, g, w->arg, i, &start, &end);
		pq_window_slide(w, start, end);
		if (w->lo == w->hi)
			continue;
		w->now_ms = pq_grid_time(g, i);
		params_at(p, i, params);
		r = n->func->window(e, w, &c);
		if (r > 0 && !cells)
			cells = pq_cells(e, g);
		if (r > 0 && !cells)
			return pq_oom(e);
		if (r > 0)
			cells[i] = c;
		if (r >= 0 && pq_tick(e) < 0)
			r = -ETIMEDOUT;
	}
	*ret = cells;
	return r < 0 ? r : 0;
}

static const struct pq_node *arg_of_type(const struct pq_node *n, enum pq_type type)
{
	for (size_t i = 0; i < n->n_args; i++)
		if (n->args[i]->type == type)
			return n->args[i];
	return NULL;
}

static int call_window(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		       struct pq_rows *out)
{
	const struct pq_node *arg = arg_of_type(n, PQ_MATRIX);
	struct pq_tracks ts;
	struct params p;
	int r = eval_params(e, g, n, &p);

	if (!r)
		r = pq_eval_tracks(e, g, arg, &ts);
	for (size_t i = 0; !r && i < ts.n; i++) {
		struct pq_window w = {.track = &ts.tracks[i],
				      .range_ms = pq_unwrap(arg)->range_ms,
				      .call = n,
				      .arg = pq_unwrap(arg)};
		struct pq_cell *cells = NULL;
		bool drop = w.track->drop_name || !n->func->keep_name;

		r = window_row(e, g, n, &w, &p, &cells);
		if (!r && cells)
			r = pq_rows_add(e, out, w.track->series, drop, cells);
	}
	return r;
}

/* ---- instant vectors ----------------------------------------------------------------- */

static bool date_of(const struct pq_func *f, double seconds, double *ret)
{
	struct tm tm;
	time_t t;

	if (!(fabs(seconds) < 6e10))
		return false;
	t = (time_t)seconds;
	if (!gmtime_r(&t, &tm))
		return false;
	*ret = f->date(&tm);
	return true;
}

static bool apply_cell(struct pq_engine *e, const struct pq_node *n, const struct pq_cell *in,
		       const double *params, struct pq_cell *out)
{
	const struct pq_func *f = n->func;

	if (f->cell)
		return f->cell(e, n, in, params, out);
	if (!pq_is_float(in))
		return false;
	if (f->date)
		return date_of(f, in->v, &out->v);
	out->v = f->math(in->v);
	return true;
}

static int cell_row(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		    const struct pq_row *row, const struct params *p, struct pq_rows *out)
{
	double params[PQ_MAX_PARAMS] = {0};
	struct pq_cell *cells = pq_cells(e, g);

	if (!cells)
		return pq_oom(e);
	for (size_t i = 0; i < g->n; i++) {
		struct pq_cell c = {0};

		params_at(p, i, params);
		if (pq_has(&row->cells[i]) && apply_cell(e, n, &row->cells[i], params, &c))
			cells[i] = c;
	}
	return pq_rows_add(e, out, &row->series, row->drop_name || !n->func->keep_name, cells);
}

static int call_cell(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		     struct pq_rows *out)
{
	const struct pq_node *arg = arg_of_type(n, PQ_VECTOR);
	struct pq_rows in = {0};
	struct params p;
	int r = eval_params(e, g, n, &p);

	/* hour() is hour(vector(time())). */
	if (!r)
		r = arg ? pq_eval(e, g, arg, &in) : pq_fn_time(e, g, n, &in);
	pq_rows_done(&in);
	for (size_t i = 0; !r && i < in.n; i++) {
		r = cell_row(e, g, n, in.rows[i], &p, out);
		if (!r)
			r = pq_tick(e);
	}
	return r;
}

int pq_eval_call(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		 struct pq_rows *out)
{
	if (n->func->whole)
		return n->func->whole(e, g, n, out);
	if (n->func->window)
		return call_window(e, g, n, out);
	return call_cell(e, g, n, out);
}
