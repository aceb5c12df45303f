// SPDX-License-Identifier: GPL-2.0
// info(): adds to each series the labels of the info series of the same target.
#include <errno.h>
#include <string.h>

#include "engine.h"

#define MAX_INFOS 16 /* info metrics that one series takes labels from */

static const char *const identifying[] = {"instance", "job"};

struct info {
	struct pq_engine *e;
	const struct pq_grid *g;
	const struct pq_node *arg; /* the selector of info series */
	struct pq_tracks ts;
	struct pq_cell **times; /* by track: the time of its sample at each step */
	struct pq_rows *out;
};

static bool same_target(const struct sg_series *a, const struct sg_series *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(identifying); i++)
		if (strcmp(sg_series_label(a, identifying[i]), sg_series_label(b, identifying[i])))
			return false;
	return true;
}

/* An info series itself gets no labels. */
static bool is_info(const struct info *x, const struct sg_series *s)
{
	for (size_t i = 0; i < x->arg->sel.n; i++) {
		const struct sg_matcher *m = &x->arg->sel.matchers[i];
		struct sg_selector one = {.n = 1, .matchers = &x->arg->sel.matchers[i]};

		if (!strcmp(m->name, "__name__") && !sg_selector_match(&one, s))
			return false;
	}
	return true;
}

/* Which labels are asked for: those that a matcher names, or all. */
static bool is_wanted(const struct info *x, const char *name)
{
	bool all = true;

	for (size_t i = 0; i < x->arg->sel.n; i++) {
		const char *m = x->arg->sel.matchers[i].name;

		if (!strcmp(m, "__name__"))
			continue;
		if (!strcmp(m, name))
			return true;
		all = false;
	}
	return all;
}

static int duplicate(const struct info *x, const struct sg_series *a, const struct sg_series *b,
		     double t)
{
	char ta[160], tb[160];

	pq_labels_text(a, ta, sizeof(ta));
	pq_labels_text(b, tb, sizeof(tb));
	return sg_fail(x->e->err, -EINVAL,
		       "found duplicate series for info metric: existing %s @ %.0f, new %s @ %.0f",
		       ta, t * 1000, tb, t * 1000);
}

/* Of each info metric the newest series of the target. How many, or -errno. */
static int pick(const struct info *x, const struct sg_series *s, size_t step, size_t *picked)
{
	int n = 0;

	for (size_t i = 0; i < x->ts.n; i++) {
		const struct sg_series *is = x->ts.tracks[i].series;
		double t = x->times[i][step].v;
		int k = 0;

		if (!pq_has(&x->times[i][step]) || !same_target(s, is))
			continue;
		while (k < n && strcmp(x->ts.tracks[picked[k]].series->name, is->name))
			k++;
		if (k == MAX_INFOS)
			continue;
		if (k == n) {
			picked[n++] = i;
		} else if (x->times[picked[k]][step].v == t) {
			return duplicate(x, x->ts.tracks[picked[k]].series, is, t);
		} else if (x->times[picked[k]][step].v < t) {
			picked[k] = i;
		}
	}
	return n;
}

static int add_labels(const struct info *x, const struct sg_series *base, const size_t *picked,
		      int n, struct sg_series *ret)
{
	int r = 0;

	*ret = *base;
	for (int k = 0; k < n; k++) {
		const struct sg_series *is = x->ts.tracks[picked[k]].series;

		for (size_t i = 0; !r && i < is->n_labels; i++) {
			const struct sg_label *l = &is->labels[i];
			const char *have = sg_series_label(ret, l->name);

			if (!is_wanted(x, l->name) || *sg_series_label(base, l->name))
				continue;
			if (*have && strcmp(have, l->value))
				return sg_fail(x->e->err, -EINVAL, "conflicting label: %s",
					       l->name);
			r = pq_labels_set(x->e, ret, l->name, l->value, ret);
		}
	}
	return r;
}

/* Without an info series, is there a matcher that asks for one? */
static bool must_match(const struct info *x)
{
	static const struct sg_series nothing = {.name = ""};

	for (size_t i = 0; i < x->arg->sel.n; i++) {
		struct sg_selector one = {.n = 1, .matchers = &x->arg->sel.matchers[i]};

		if (strcmp(one.matchers->name, "__name__") && !sg_selector_match(&one, &nothing))
			return true;
	}
	return false;
}

static int enrich(const struct info *x, const struct pq_row *row)
{
	size_t picked[MAX_INFOS], before[MAX_INFOS];
	struct pq_row like = *row;
	int n_before = -1, r = 0;

	for (size_t i = 0; !r && i < x->g->n; i++) {
		int n;

		if (!pq_has(&row->cells[i]))
			continue;
		n = is_info(x, &row->series) ? 0 : pick(x, &row->series, i, picked);
		if (n < 0)
			return n;
		if (!n && !is_info(x, &row->series) && must_match(x))
			continue;
		if (n != n_before || memcmp(picked, before, (size_t)n * sizeof(*picked)))
			r = add_labels(x, &row->series, picked, n, &like.series);
		n_before = n;
		memcpy(before, picked, (size_t)n * sizeof(*picked));
		if (!r)
			r = pq_rows_put(x->e, x->g, x->out, &like, i, &row->cells[i]);
		if (!r)
			r = pq_tick(x->e);
	}
	return r;
}

/* The times of the samples that an instant selector would find. */
static int sample_times(struct info *x)
{
	int r = pq_eval_tracks(x->e, x->g, x->arg, &x->ts);

	if (r < 0)
		return r;
	x->times = pq_alloc_n(x->e, x->ts.n, sizeof(*x->times));
	if (!x->times)
		return pq_oom(x->e);
	for (size_t i = 0; i < x->ts.n; i++) {
		struct pq_window w = {.track = &x->ts.tracks[i]};

		x->times[i] = pq_cells(x->e, x->g);
		if (!x->times[i])
			return pq_oom(x->e);
		for (size_t k = 0; k < x->g->n; k++) {
			int64_t start, end;

			pq_window_at(x->e, x->g, x->arg, k, &start, &end);
			pq_window_slide(&w, end - PQ_LOOKBACK_MS, end);
			if (w.lo < w.hi && !pq_is_stale(w.track, w.hi - 1))
				x->times[i][k] = (struct pq_cell){
					.v = (double)w.track->t_ms[w.hi - 1] / 1000};
		}
	}
	return 0;
}

PQ_WHOLE_FN(pq_fn_info)
{
	struct info x = {.e = e, .g = g, .arg = call->args[1], .out = out};
	struct pq_rows in = {0};
	int r = sample_times(&x);

	if (!r)
		r = pq_eval(e, g, call->args[0], &in);
	pq_rows_done(&in);
	for (size_t i = 0; !r && i < in.n; i++)
		r = enrich(&x, in.rows[i]);
	pq_rows_done(out);
	return r;
}
