// SPDX-License-Identifier: GPL-2.0
// Functions that look at whole vectors: time, scalar, absent, sorting, labels.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"
#include "label_regex.h"

static const char *text_arg(const struct pq_node *call, size_t i)
{
	return pq_unwrap(call->args[i])->text;
}

static int eval_arg(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *call,
		    size_t i, struct pq_rows *out)
{
	int r = pq_eval(e, g, call->args[i], out);

	pq_rows_done(out);
	return r;
}

PQ_WHOLE_FN(pq_fn_time)
{
	struct pq_cell *c = pq_rows_scalar(e, g, out);

	for (size_t i = 0; c && i < g->n; i++)
		c[i] = (struct pq_cell){.v = (double)pq_grid_time(g, i) / 1000};
	return c ? 0 : pq_oom(e);
}

static int constant(struct pq_engine *e, const struct pq_grid *g, double v, struct pq_rows *out)
{
	struct pq_cell *c = pq_rows_scalar(e, g, out);

	for (size_t i = 0; c && i < g->n; i++)
		c[i] = (struct pq_cell){.v = v};
	return c ? 0 : pq_oom(e);
}

PQ_WHOLE_FN(pq_fn_pi)
{
	return constant(e, g, M_PI, out);
}

PQ_WHOLE_FN(pq_fn_start)
{
	return constant(e, g, (double)e->start_ms / 1000, out);
}

PQ_WHOLE_FN(pq_fn_end)
{
	return constant(e, g, (double)e->end_ms / 1000, out);
}

PQ_WHOLE_FN(pq_fn_step)
{
	return constant(e, g, (double)e->step_ms / 1000, out);
}

PQ_WHOLE_FN(pq_fn_range)
{
	return constant(e, g, (double)(e->end_ms - e->start_ms) / 1000, out);
}

/* NaN wins, as in Go's math.Min and math.Max. */
static int extreme_of(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *call,
		      bool top, struct pq_rows *out)
{
	const struct pq_cell *a = NULL, *b = NULL;
	struct pq_cell *c;
	int r = pq_eval_scalar(e, g, call->args[0], &a);

	if (!r)
		r = pq_eval_scalar(e, g, call->args[1], &b);
	if (r < 0 || !a || !b)
		return r;
	c = pq_rows_scalar(e, g, out);
	for (size_t i = 0; c && i < g->n; i++) {
		double v = top ? fmax(a[i].v, b[i].v) : fmin(a[i].v, b[i].v);

		c[i] = (struct pq_cell){.v = isnan(a[i].v) || isnan(b[i].v) ? NAN : v};
	}
	return c ? 0 : pq_oom(e);
}

PQ_WHOLE_FN(pq_fn_min_of)
{
	return extreme_of(e, g, call, false, out);
}

PQ_WHOLE_FN(pq_fn_max_of)
{
	return extreme_of(e, g, call, true, out);
}

PQ_WHOLE_FN(pq_fn_vector)
{
	return pq_eval(e, g, call->args[0], out);
}

PQ_WHOLE_FN(pq_fn_scalar)
{
	struct pq_rows in = {0};
	struct pq_cell *c;
	int r = eval_arg(e, g, call, 0, &in);

	if (r < 0)
		return r;
	c = pq_rows_scalar(e, g, out);
	for (size_t i = 0; c && i < g->n; i++) {
		size_t n = 0;

		for (size_t j = 0; j < in.n; j++) {
			if (!pq_is_float(&in.rows[j]->cells[i]))
				continue;
			c[i].v = in.rows[j]->cells[i].v;
			n++;
		}
		c[i] = (struct pq_cell){.v = n == 1 ? c[i].v : NAN};
	}
	return c ? 0 : pq_oom(e);
}

/* ---- absent ---------------------------------------------------------------------------- */

/* The labels that an absent series would have: those that one equality fixes. */
static int absent_labels(struct pq_engine *e, const struct pq_node *n, struct sg_series *s)
{
	int r = 0;

	*s = (struct sg_series){.name = "", .hash = sg_series_hash("", NULL, 0)};
	n = pq_unwrap(n);
	for (size_t i = 0; n->kind == PQ_SELECTOR && !r && i < n->sel.n; i++) {
		const struct sg_matcher *m = &n->sel.matchers[i];
		size_t same = 0;

		for (size_t j = 0; j < n->sel.n; j++)
			same += !strcmp(n->sel.matchers[j].name, m->name);
		if (m->op == SG_MATCH_EQ && same == 1 && strcmp(m->name, "__name__"))
			r = pq_labels_set(e, s, m->name, m->value, s);
	}
	return r;
}

static int put_absent(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *arg,
		      struct pq_cell *cells, struct pq_rows *out)
{
	struct sg_series s;
	int r = absent_labels(e, arg, &s);

	(void)g;
	return r < 0 ? r : pq_rows_add(e, out, &s, false, cells);
}

PQ_WHOLE_FN(pq_fn_absent)
{
	struct pq_cell *c = pq_cells(e, g);
	struct pq_rows in = {0};
	int r;

	if (!c)
		return pq_oom(e);
	r = eval_arg(e, g, call, 0, &in);

	for (size_t i = 0; !r && i < g->n; i++) {
		bool any = false;

		for (size_t j = 0; !any && j < in.n; j++)
			any = pq_has(&in.rows[j]->cells[i]);
		if (!any)
			c[i] = (struct pq_cell){.v = 1};
	}
	return r < 0 ? r : put_absent(e, g, call->args[0], c, out);
}

PQ_WHOLE_FN(pq_fn_absent_over_time)
{
	const struct pq_node *arg = pq_unwrap(call->args[0]);
	struct pq_cell *c = pq_cells(e, g);
	struct pq_tracks ts = {0};
	int r;

	if (!c)
		return pq_oom(e);
	r = pq_eval_tracks(e, g, arg, &ts);

	for (size_t i = 0; !r && i < g->n; i++)
		c[i] = (struct pq_cell){.v = 1};
	for (size_t j = 0; !r && j < ts.n; j++) {
		struct pq_window w = {.track = &ts.tracks[j]};

		for (size_t i = 0; i < g->n; i++) {
			int64_t start, end;

			pq_window_at(e, g, arg, i, &start, &end);
			pq_window_slide(&w, start, end);
			if (w.lo < w.hi)
				c[i].h = &pq_absent;
		}
		r = pq_tick(e);
	}
	return r < 0 ? r : put_absent(e, g, arg, c, out);
}

/* ---- timestamp ------------------------------------------------------------------------- */

/* Of a bare selector the time of the sample itself, of anything else that of the step. */
static int sample_times(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *arg,
			struct pq_rows *out)
{
	struct pq_tracks ts;
	int r = pq_eval_tracks(e, g, arg, &ts);

	for (size_t j = 0; !r && j < ts.n; j++) {
		struct pq_window w = {.track = &ts.tracks[j]};
		struct pq_cell *c = pq_cells(e, g);

		if (!c)
			return pq_oom(e);
		for (size_t i = 0; i < g->n; i++) {
			int64_t start, end;

			pq_window_at(e, g, arg, i, &start, &end);
			pq_window_slide(&w, end - PQ_LOOKBACK_MS, end);
			if (w.lo < w.hi && !pq_is_stale(w.track, w.hi - 1))
				c[i] = (struct pq_cell){.v = (double)w.track->t_ms[w.hi - 1] /
							     1000};
		}
		r = pq_rows_add(e, out, w.track->series, true, c);
	}
	return r;
}

PQ_WHOLE_FN(pq_fn_timestamp)
{
	struct pq_rows in = {0};
	int r;

	if (pq_unwrap(call->args[0])->kind == PQ_SELECTOR)
		return sample_times(e, g, pq_unwrap(call->args[0]), out);
	r = eval_arg(e, g, call, 0, &in);
	for (size_t j = 0; !r && j < in.n; j++) {
		struct pq_cell *c = pq_cells(e, g);

		if (!c)
			return pq_oom(e);
		for (size_t i = 0; i < g->n; i++)
			if (pq_has(&in.rows[j]->cells[i]))
				c[i] = (struct pq_cell){.v = (double)pq_grid_time(g, i) / 1000};
		r = pq_rows_add(e, out, &in.rows[j]->series, true, c);
	}
	return r;
}

/* ---- sorting: of an instant query's result --------------------------------------------- */

static int by_value(const struct pq_row *a, const struct pq_row *b)
{
	const struct pq_cell *x = &a->cells[0], *y = &b->cells[0];
	double u = pq_is_float(x) ? x->v : NAN, v = pq_is_float(y) ? y->v : NAN;

	if (isnan(u) || isnan(v))
		return isnan(u) - isnan(v);
	return (u > v) - (u < v);
}

static int compare_up(const void *a, const void *b)
{
	return by_value(*(struct pq_row *const *)a, *(struct pq_row *const *)b);
}

static int compare_down(const void *a, const void *b)
{
	const struct pq_row *x = *(struct pq_row *const *)a, *y = *(struct pq_row *const *)b;
	bool nan = !pq_is_float(x->cells) || !pq_is_float(y->cells) || isnan(x->cells->v) ||
		   isnan(y->cells->v);

	return nan ? by_value(x, y) : by_value(y, x);
}

static int sort_rows(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *call,
		     int (*cmp)(const void *, const void *), struct pq_rows *out)
{
	int r = pq_eval(e, g, call->args[0], out);
	size_t n = 0;

	pq_rows_done(out);
	if (r < 0)
		return r;
	if (!e->instant) {
		pq_warn(e, call->pos,
			"sort is ineffective for range queries since results are "
			"always ordered by labels");
		return 0;
	}
	/* Histograms have no order: they are left out. */
	for (size_t i = 0; i < out->n; i++)
		if (g->n == 1 && pq_is_float(out->rows[i]->cells))
			out->rows[n++] = out->rows[i];
	if (g->n != 1)
		return 0;
	out->n = n;
	if (n)
		qsort(out->rows, n, sizeof(*out->rows), cmp);
	return 0;
}

PQ_WHOLE_FN(pq_fn_sort)
{
	return sort_rows(e, g, call, compare_up, out);
}

PQ_WHOLE_FN(pq_fn_sort_desc)
{
	return sort_rows(e, g, call, compare_down, out);
}

/* "node2" before "node10": runs of digits compare as numbers. */
static int natural(const char *a, const char *b)
{
	while (*a && *b) {
		size_t na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");

		if (na && nb) {
			while (na > 1 && *a == '0')
				a++, na--;
			while (nb > 1 && *b == '0')
				b++, nb--;
			if (na != nb)
				return na < nb ? -1 : 1;
			if (memcmp(a, b, na))
				return memcmp(a, b, na);
			a += na;
			b += nb;
			continue;
		}
		if (*a != *b)
			break;
		a++, b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

static int compare_labels(const struct pq_node *call, const struct pq_row *a,
			  const struct pq_row *b)
{
	for (size_t i = 1; i < call->n_args; i++) {
		int c = natural(sg_series_label(&a->series, text_arg(call, i)),
				sg_series_label(&b->series, text_arg(call, i)));

		if (c)
			return c;
	}
	return sg_series_cmp(&a->series, &b->series);
}

struct by_label {
	const struct pq_node *call;
	int sign;
};

static int compare_by_label(const void *a, const void *b, void *ctx)
{
	const struct by_label *by = ctx;

	return by->sign *
	       compare_labels(by->call, *(struct pq_row *const *)a, *(struct pq_row *const *)b);
}

static int sort_by_label(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *call,
			 int sign, struct pq_rows *out)
{
	struct by_label by = {call, sign};
	int r = pq_eval(e, g, call->args[0], out);

	pq_rows_done(out);
	if (!r && !e->instant)
		pq_warn(e, call->pos,
			"sort is ineffective for range queries since results are "
			"always ordered by labels");
	if (!r && e->instant && out->n)
		qsort_r(out->rows, out->n, sizeof(*out->rows), compare_by_label, &by);
	return r;
}

PQ_WHOLE_FN(pq_fn_sort_by_label)
{
	return sort_by_label(e, g, call, 1, out);
}

PQ_WHOLE_FN(pq_fn_sort_by_label_desc)
{
	return sort_by_label(e, g, call, -1, out);
}

/* ---- labels ---------------------------------------------------------------------------- */

static int check_label_name(struct pq_engine *e, const struct pq_node *call, const char *name,
			    const char *what)
{
	size_t n = strlen(name);

	if (n && sg_utf8_valid(name, n))
		return 0;
	return sg_fail(e->err, -EINVAL, "invalid %s label name in %s(): %s", what, call->func->name,
		       n ? "not UTF-8" : "");
}

static int replace_row(struct pq_engine *e, const struct pq_node *call, const struct pq_regex *re,
		       struct pq_row *row)
{
	const char *dst = text_arg(call, 1), *value;
	sg_auto_buf b = {0};

	if (!pq_regex_replace(re, sg_series_label(&row->series, text_arg(call, 3)),
			      text_arg(call, 2), &b))
		return 0;
	value = b.err ? NULL : sg_arena_strndup(e->arena, b.len ? b.data : "", b.len);
	if (!value)
		return pq_oom(e);
	row->drop_name &= strcmp(dst, "__name__") != 0;
	return pq_labels_set(e, &row->series, dst, value, &row->series);
}

PQ_WHOLE_FN(pq_fn_label_replace)
{
	struct pq_regex re;
	int r = check_label_name(e, call, text_arg(call, 1), "destination");

	if (r < 0)
		return r;
	r = pq_regex_compile(&re, text_arg(call, 4));
	if (r == -ENOMEM)
		return pq_oom(e);
	if (r < 0)
		return sg_fail(e->err, r, "invalid regular expression in label_replace(): %s",
			       text_arg(call, 4));
	r = pq_eval(e, g, call->args[0], out);
	for (size_t i = 0; !r && i < out->n; i++)
		r = replace_row(e, call, &re, out->rows[i]);
	pq_regex_free(&re);
	pq_rows_done(out);
	return r < 0 ? r : pq_rows_merge(e, g, out);
}

static int join_row(struct pq_engine *e, const struct pq_node *call, struct pq_row *row)
{
	const char *value;
	sg_auto_buf b = {0};

	for (size_t i = 3; i < call->n_args; i++) {
		if (i > 3)
			sg_buf_str(&b, text_arg(call, 2));
		sg_buf_str(&b, sg_series_label(&row->series, text_arg(call, i)));
	}
	value = b.err ? NULL : sg_arena_strndup(e->arena, b.len ? b.data : "", b.len);
	if (!value)
		return pq_oom(e);
	row->drop_name &= strcmp(text_arg(call, 1), "__name__") != 0;
	return pq_labels_set(e, &row->series, text_arg(call, 1), value, &row->series);
}

PQ_WHOLE_FN(pq_fn_label_join)
{
	int r = 0;

	for (size_t i = 3; !r && i < call->n_args; i++)
		r = check_label_name(e, call, text_arg(call, i), "source");
	if (!r)
		r = check_label_name(e, call, text_arg(call, 1), "destination");
	if (!r)
		r = pq_eval(e, g, call->args[0], out);
	for (size_t i = 0; !r && i < out->n; i++)
		r = join_row(e, call, out->rows[i]);
	pq_rows_done(out);
	return r < 0 ? r : pq_rows_merge(e, g, out);
}
