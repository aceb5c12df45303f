// SPDX-License-Identifier: GPL-2.0
// rate, increase, delta, irate, idelta, resets, changes: what counters did in a window.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"
#include "windows.h"

/* ---- counter resets, each found once ------------------------------------------- */

static bool any_reset(const struct pq_track *t, size_t i)
{
	const struct sg_native *a = pq_hist_at(t, i - 1);
	const struct sg_native *b = pq_hist_at(t, i);

	if (a && b)
		return sg_native_is_reset(a, b);
	/* A float after a histogram, or the other way round, starts anew. */
	if (a || b)
		return true;
	return t->values[i] < t->values[i - 1];
}

static bool is_reset(const struct pq_track *t, size_t i)
{
	if (t->own)
		return sg_hist_is_reset(&t->own[i - 1], &t->own[i]);
	return any_reset(t, i);
}

static int add_reset(struct pq_engine *e, struct pq_track *t, size_t i)
{
	if (t->n_resets == t->cap_resets) {
		size_t cap = t->cap_resets ? t->cap_resets * 2 : 16;
		size_t *more = pq_alloc_lasting(e, cap, sizeof(*more));

		if (!more)
			return pq_oom(e);
		if (t->n_resets)
			memcpy(more, t->resets, t->n_resets * sizeof(*more));
		t->resets = more;
		t->cap_resets = cap;
	}
	t->resets[t->n_resets++] = i;
	return 0;
}

/* Those before sample hi: no further, so that the window finds its samples in the cache. */
static int find_resets(struct pq_engine *e, struct pq_track *t, size_t hi)
{
	int r = 0;

	for (size_t i = SG_MAX(t->resets_until, (size_t)1); !r && i < hi; i++)
		if (is_reset(t, i))
			r = add_reset(e, t, i);
	t->resets_until = SG_MAX(t->resets_until, hi);
	return r;
}

/* Resets after sample lo up to sample hi - 1: indices [*from, *to) of t->resets. */
static void resets_between(const struct pq_track *t, size_t lo, size_t hi, size_t *from, size_t *to)
{
	size_t a = 0, b = t->n_resets;

	if (!b || t->resets[b - 1] <= lo) {
		*from = *to = b;
		return;
	}
	while (a < b) {
		size_t mid = (a + b) / 2;

		if (t->resets[mid] <= lo)
			a = mid + 1;
		else
			b = mid;
	}
	*from = *to = a;
	while (*to < t->n_resets && t->resets[*to] < hi)
		(*to)++;
}

/* ---- windows ------------------------------------------------------------------------- */

int pq_window_kinds(const struct pq_window *w)
{
	const struct pq_track *t = w->track;
	int k = 0;

	if (!t->hists)
		return PQ_FLOATS;
	if (!t->values)
		return PQ_HISTS;
	for (size_t i = w->lo; i < w->hi; i++)
		k |= pq_hist_at(t, i) ? PQ_HISTS : PQ_FLOATS;
	return k;
}

bool pq_window_is_mixed(struct pq_engine *e, const struct pq_window *w)
{
	if (pq_window_kinds(w) != (PQ_FLOATS | PQ_HISTS))
		return false;
	pq_warn(e, w->arg->pos, "encountered a mix of histograms and floats for metric name \"%s\"",
		w->track->series->name);
	return true;
}

/* ---- rate, increase, delta ----------------------------------------------------------- */

enum flavour { RATE, INCREASE, DELTA };

/* last - first, plus what was there before each reset. */
static double float_increase(const struct pq_window *w, bool counter)
{
	const struct pq_track *t = w->track;
	double v = t->values[w->hi - 1] - t->values[w->lo];
	size_t from, to;

	if (!counter)
		return v;
	resets_between(t, w->lo, w->hi, &from, &to);
	for (size_t i = from; i < to; i++)
		v += t->values[t->resets[i] - 1];
	return v;
}

/* All histograms that a rate looks at are of one sort, or it has no result. */
static bool one_sort(const struct pq_track *t, size_t from, size_t to)
{
	for (size_t i = from + 1; t->layouts && i < to; i++)
		if (sg_native_is_custom(pq_hist_at(t, i)) !=
		    sg_native_is_custom(pq_hist_at(t, from)))
			return false;
	return true;
}

static bool any_gauge(const struct pq_window *w)
{
	const struct pq_track *t = w->track;

	for (size_t i = w->lo; t->gauges && i < w->hi; i++)
		if (pq_hist_at(t, i)->hint == SG_HINT_GAUGE)
			return true;
	return false;
}

static bool both_gauges(const struct pq_window *w)
{
	const struct pq_track *t = w->track;

	return pq_hist_at(t, w->lo)->hint == SG_HINT_GAUGE &&
	       pq_hist_at(t, w->hi - 1)->hint == SG_HINT_GAUGE;
}

static void warn_not(struct pq_engine *e, const struct pq_window *w, const char *what)
{
	pq_warn(e, w->arg->pos, "this native histogram metric is not a %s: \"%s\"", what,
		w->track->series->name);
}

/* 1: it is in e->hist_sum; 0: these histograms do not go together. */
static int hist_increase(struct pq_engine *e, const struct pq_window *w, bool counter)
{
	struct pq_hist_sum *s = &e->hist_sum;
	const struct pq_track *t = w->track;
	size_t from = 0, to = 0, first;
	int r;

	if (counter)
		resets_between(t, w->lo, w->hi, &from, &to);
	/* With a reset right after it, the first sample is of no interest. */
	first = from < to && t->resets[from] == w->lo + 1 ? w->lo + 1 : w->lo;
	if (counter && any_gauge(w))
		warn_not(e, w, "counter");
	if (counter && !one_sort(t, first, w->hi))
		return PQ_HISTS_MIXED;
	pq_hist_sum_clear(s);
	r = pq_hist_sum_add(e, s, pq_hist_at(t, w->hi - 1), 1);
	for (size_t i = first; !r && counter && t->layouts && i < w->hi; i++)
		r = pq_hist_sum_reduce(e, s, pq_hist_at(t, i)->schema);
	if (!r && first == w->lo)
		r = pq_hist_sum_add(e, s, pq_hist_at(t, w->lo), -1);
	if (!r && s->rebound)
		pq_info(e, w->arg->pos,
			"mismatched custom buckets were reconciled during subtraction");
	s->rebound = false;
	for (size_t i = from; !r && i < to; i++)
		if (t->resets[i] - 1 >= first)
			r = pq_hist_sum_add(e, s, pq_hist_at(t, t->resets[i] - 1), 1);
	if (!r && s->rebound)
		pq_info(e, w->arg->pos,
			"mismatched custom buckets were reconciled during addition");
	return r;
}

/*
 * How much longer than the samples the window is, as Prometheus guesses it: up to
 * the edges when the samples come near them, else half an interval, and for a
 * counter never further back than where it would have been zero.
 */
static double extrapolation(const struct pq_window *w, double first, double increase, bool counter)
{
	const int64_t *t = w->track->t_ms;
	double sampled = (double)(t[w->hi - 1] - t[w->lo]) / 1000;
	double to_start = (double)(t[w->lo] - w->start_ms) / 1000;
	double to_end = (double)(w->end_ms - t[w->hi - 1]) / 1000;
	double interval = sampled / (double)(w->hi - w->lo - 1);

	if (to_start >= interval * 1.1)
		to_start = interval / 2;
	if (counter && increase > 0 && first >= 0)
		to_start = fmin(to_start, sampled * (first / increase));
	if (to_end >= interval * 1.1)
		to_end = interval / 2;
	return (sampled + to_start + to_end) / sampled;
}

static bool looks_like_counter(const char *name)
{
	static const char *const ends[] = {"_total", "_sum", "_count", "_bucket"};
	size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (n >= strlen(ends[i]) && !strcmp(name + n - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

static void check_counter_name(struct pq_engine *e, const struct pq_window *w)
{
	const struct sg_series *s = w->track->series;
	/* The store knows types; of what a subquery computed there is only the name. */
	bool counter =
		w->arg->kind == PQ_SELECTOR ? s->type != SG_GAUGE : looks_like_counter(s->name);

	if (!counter && *s->name)
		pq_info(e, w->arg->pos,
			"metric might not be a counter, name does not end in "
			"_total/_sum/_count/_bucket: \"%s\"",
			s->name);
}

/* Nearly all windows: sgprobe's own histograms, and no reset. */
static bool grew_plainly(const struct pq_window *w)
{
	size_t from, to;

	if (!w->track->own)
		return false;
	resets_between(w->track, w->lo, w->hi, &from, &to);
	return from == to;
}

static int plain_hist(struct pq_engine *e, const struct pq_window *w, enum flavour f,
		      struct pq_cell *out)
{
	const struct sg_hist *a = &w->track->own[w->lo], *b = &w->track->own[w->hi - 1];
	double factor = extrapolation(w, a->count, b->count - a->count, true);

	if (f == RATE)
		factor /= (double)w->range_ms / 1000;
	out->h = pq_hist_growth(e, a, b, factor);
	return out->h ? 1 : pq_oom(e);
}

static int extrapolated_hist(struct pq_engine *e, const struct pq_window *w, enum flavour f,
			     struct pq_cell *out)
{
	bool counter = f != DELTA;
	double factor;
	int r = hist_increase(e, w, counter);

	if (r == PQ_HISTS_MIXED)
		pq_warn_mixed_buckets(e, w->arg->pos, w->track->series->name);
	if (r)
		return r < 0 ? r : 0;
	factor = extrapolation(w, pq_hist_at(w->track, w->lo)->count,
			       pq_sum_get(&e->hist_sum.count), counter);
	if (f == RATE)
		factor /= (double)w->range_ms / 1000;
	e->hist_sum.hint = SG_HINT_GAUGE;
	out->h = pq_hist_sum_take(e, &e->hist_sum, factor);
	if (!counter && !both_gauges(w))
		warn_not(e, w, "gauge");
	return out->h ? 1 : pq_oom(e);
}

static void extrapolated_float(struct pq_engine *e, const struct pq_window *w, enum flavour f,
			       struct pq_cell *out)
{
	bool counter = f != DELTA;
	double increase, factor;

	if (counter)
		check_counter_name(e, w);
	increase = float_increase(w, counter);
	factor = extrapolation(w, w->track->values[w->lo], increase, counter);
	if (f == RATE)
		factor /= (double)w->range_ms / 1000;
	out->v = increase * factor;
}

static int extrapolated(struct pq_engine *e, const struct pq_window *w, enum flavour f,
			struct pq_cell *out)
{
	bool counter = f != DELTA;
	int r;

	if (w->hi - w->lo < 2 || (w->track->hists && pq_window_is_mixed(e, w)))
		return 0;
	r = counter ? find_resets(e, w->track, w->hi) : 0;
	if (r < 0)
		return r;
	if (counter && grew_plainly(w))
		return plain_hist(e, w, f, out);
	if (w->track->hists && pq_window_kinds(w) == PQ_HISTS)
		return extrapolated_hist(e, w, f, out);
	extrapolated_float(e, w, f, out);
	return 1;
}

PQ_WINDOW_FN(pq_fn_rate)
{
	return extrapolated(e, w, RATE, out);
}

PQ_WINDOW_FN(pq_fn_increase)
{
	return extrapolated(e, w, INCREASE, out);
}

PQ_WINDOW_FN(pq_fn_delta)
{
	return extrapolated(e, w, DELTA, out);
}

/* ---- the last two samples ------------------------------------------------------------ */

static int difference(struct pq_engine *e, const struct pq_window *w, struct pq_cell *out)
{
	struct pq_hist_sum *s = &e->hist_sum;
	int r;

	pq_hist_sum_clear(s);
	r = pq_hist_sum_add(e, s, pq_hist_at(w->track, w->hi - 1), 1);
	if (!r)
		r = pq_hist_sum_add(e, s, pq_hist_at(w->track, w->hi - 2), -1);
	if (r == PQ_HISTS_MIXED)
		pq_warn_mixed_buckets(e, w->arg->pos, w->track->series->name);
	if (r)
		return r < 0 ? r : 0;
	if (s->rebound)
		pq_info(e, w->arg->pos,
			"mismatched custom buckets were reconciled during subtraction");
	out->h = pq_hist_sum_take(e, s, 1);
	return out->h ? 1 : pq_oom(e);
}

/* w holds the last two samples. */
static int instant_hist(struct pq_engine *e, const struct pq_window *w, bool rate, double seconds,
			struct pq_cell *out)
{
	const struct sg_native *a = pq_hist_at(w->track, w->hi - 2),
			       *b = pq_hist_at(w->track, w->hi - 1);
	int r = 1;

	if (rate && any_gauge(w))
		warn_not(e, w, "counter");
	if (!rate && !both_gauges(w))
		warn_not(e, w, "gauge");
	out->h = b;
	if (!rate || !sg_native_is_reset(a, b))
		r = difference(e, w, out);
	if (r > 0 && rate)
		out->h = pq_hist_scale(e, out->h, seconds, true);
	if (r > 0)
		out->h = pq_hist_with_hint(e, out->h, SG_HINT_GAUGE);
	return r <= 0 ? r : out->h ? 1 : pq_oom(e);
}

static int instant_value(struct pq_engine *e, const struct pq_window *w, bool rate,
			 struct pq_cell *out)
{
	const struct pq_track *t = w->track;
	struct pq_window two = *w;
	double seconds, a, b;

	if (w->hi - w->lo < 2)
		return 0;
	two.lo = w->hi - 2;
	if (pq_window_is_mixed(e, &two))
		return 0;
	seconds = (double)(t->t_ms[w->hi - 1] - t->t_ms[w->hi - 2]) / 1000;
	if (seconds == 0)
		return 0;
	if (pq_window_kinds(&two) == PQ_HISTS)
		return instant_hist(e, &two, rate, seconds, out);
	a = t->values[w->hi - 2];
	b = t->values[w->hi - 1];
	out->v = rate && b < a ? b : b - a;
	if (rate)
		out->v /= seconds;
	return 1;
}

PQ_WINDOW_FN(pq_fn_irate)
{
	return instant_value(e, w, true, out);
}

PQ_WINDOW_FN(pq_fn_idelta)
{
	return instant_value(e, w, false, out);
}

/* ---- how often ----------------------------------------------------------------------- */

PQ_WINDOW_FN(pq_fn_resets)
{
	size_t from, to;
	int r = find_resets(e, w->track, w->hi);

	if (r < 0)
		return r;
	resets_between(w->track, w->lo, w->hi, &from, &to);
	out->v = (double)(to - from);
	return 1;
}

static bool differs(const struct pq_track *t, size_t i)
{
	const struct sg_native *a = pq_hist_at(t, i - 1);
	const struct sg_native *b = pq_hist_at(t, i);

	if (a && b)
		return !sg_native_equal(a, b);
	if (a || b)
		return true;
	return t->values[i] != t->values[i - 1] &&
	       !(isnan(t->values[i]) && isnan(t->values[i - 1]));
}

PQ_WINDOW_FN(pq_fn_changes)
{
	(void)e;
	for (size_t i = w->lo + 1; i < w->hi; i++)
		out->v += differs(w->track, i);
	return 1;
}
