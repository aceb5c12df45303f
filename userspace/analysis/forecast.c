// SPDX-License-Identifier: GPL-2.0
/*
 * Forecasts are weighted means of the methods'; weights, intervals and the back-test's figures
 * come from forecasts that the past would have made, each judged by what was known when it was
 * made.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <sgprobe/compare.h>
#include <sgprobe/mem.h>

#include "forecast_private.h"

#define ORIGINS 40
#define AHEAD 24 /* horizons that are looked at in the back-test */
#define SHARPNESS 6 /* a method that is wrong by twice as much weighs 1/64 */
#define NEAR 3 /* horizons to either side that are weighed and measured together */
#define BORROW_MIN 3 /* origins that a horizon is known of before it is judged by itself */
#define ERRORS_MIN 8 /* an interval is made from so many errors, at least */

#define HOUR_MS 3600000
static const int64_t seasons_ms[FC_SEASONS] = {0, HOUR_MS, 24LL * HOUR_MS, 168LL * HOUR_MS};

struct walk {
	struct fc_series s;
	const double *real; /* with its holes: what a forecast is compared with */
	double level;
	size_t n_origins, n_at;
	size_t origin[ORIGINS]; /* values known then */
	size_t at[AHEAD];
	double *made; /* [n_origins][FC_METHODS][n_at] */
	double mean[ORIGINS][AHEAD]; /* what would have been said */
	double half[ORIGINS][AHEAD]; /* half the interval's width; NaN: not known yet */
};

/* ---- what was known ---------------------------------------------------------------------- */

static double *made_by(const struct walk *w, size_t i, size_t method)
{
	return w->made + (i * FC_METHODS + method) * w->n_at;
}

/* The index of the value that forecast k of origin i is of. */
static size_t target(const struct walk *w, size_t i, size_t k)
{
	return w->origin[i] - 1 + w->at[k];
}

static bool known(const struct walk *w, size_t i, size_t k, size_t n_known)
{
	return target(w, i, k) < n_known && isfinite(w->real[target(w, i, k)]);
}

/* Calls are cheap enough to walk all pairs each time: forty origins of two dozen horizons. */
#define each_known(w, k, n_known, i, j)                                                            \
	for (size_t i = 0; i < (w)->n_origins && (w)->origin[i] < (n_known); i++)                  \
		for (size_t j = (k) > NEAR ? (k)-NEAR : 0; j <= (k) + NEAR && j < (w)->n_at; j++)  \
			if (known(w, i, j, n_known))

/*
 * The farthest horizon of which some truth is known; n_at when there is none. Those further out
 * borrow from it.
 */
static size_t reach(const struct walk *w, size_t n_known)
{
	size_t i = SG_MIN(w->n_origins, (size_t)BORROW_MIN), k = w->n_at;

	while (i && k && target(w, i - 1, k - 1) >= n_known)
		k--;
	return i && k ? k - 1 : w->n_at;
}

/* ---- weights ----------------------------------------------------------------------------- */

static void losses(const struct walk *w, size_t k, size_t n_known, double loss[FC_METHODS])
{
	size_t far = reach(w, n_known);

	memset(loss, 0, FC_METHODS * sizeof(*loss));
	if (far == w->n_at)
		return;
	each_known(w, SG_MIN(k, far), n_known, i, j)
	{
		for (size_t m = 0; m < FC_METHODS; m++)
			loss[m] += fabs(made_by(w, i, m)[j] - w->real[target(w, i, j)]);
	}
}

/* How much each method counts for horizon k when n_known values are known. */
static void weigh(const struct walk *w, size_t k, size_t n_known, double weight[FC_METHODS])
{
	double loss[FC_METHODS], best = INFINITY, sum = 0;

	losses(w, k, n_known, loss);
	for (size_t m = 0; m < FC_METHODS; m++)
		if (w->s.season[m / FC_CORES] || m < FC_CORES)
			best = fmin(best, loss[m]);
	for (size_t m = 0; m < FC_METHODS; m++) {
		bool there = w->s.season[m / FC_CORES] || m < FC_CORES;

		weight[m] = !there ? 0 : loss[m] > 0 ? pow(best / loss[m], SHARPNESS) : 1;
		sum += weight[m];
	}
	for (size_t m = 0; m < FC_METHODS; m++)
		weight[m] /= sum;
}

static double weighted(const struct walk *w, size_t i, size_t k, const double weight[FC_METHODS])
{
	double v = 0;

	for (size_t m = 0; m < FC_METHODS; m++)
		v += weight[m] * made_by(w, i, m)[k];
	return v;
}

/* ---- intervals --------------------------------------------------------------------------- */

/*
 * What share the intervals so far held, of those whose truth is known; the next ones aim higher
 * when it is too low (after Gibbs and Candes, NeurIPS 2021).
 */
static double aim(const struct walk *w, size_t n_known)
{
	double in = 0, n = 0;

	for (size_t i = 0; i < w->n_origins && w->origin[i] < n_known; i++)
		for (size_t k = 0; k < w->n_at; k++) {
			if (!known(w, i, k, n_known) || !isfinite(w->half[i][k]))
				continue;
			n++;
			in += fabs(w->mean[i][k] - w->real[target(w, i, k)]) <= w->half[i][k];
		}
	if (n < ERRORS_MIN)
		return w->level;
	return fmin(fmax(w->level + w->level - in / n, .5), .995);
}

/*
 * The quantile of the errors that today's weights would have made at about this horizon (split
 * conformal prediction).
 */
static double half_width(const struct walk *w, size_t k, size_t n_known, double level)
{
	double errors[ORIGINS * (2 * NEAR + 1)], weight[FC_METHODS];
	size_t n = 0;

	weigh(w, k, n_known, weight);
	each_known(w, k, n_known, i, j)
	{
		errors[n++] = fabs(weighted(w, i, j, weight) - w->real[target(w, i, j)]);
	}
	if (n < ERRORS_MIN)
		return NAN;
	return sg_quantile_of(errors, n, fmin(level * (1 + 1 / (double)n), 1));
}

static void half_widths(const struct walk *w, size_t n_known, double *half)
{
	size_t far = reach(w, n_known);
	double level = aim(w, n_known);

	for (size_t k = 0; k < w->n_at; k++) {
		half[k] = far == w->n_at ? NAN : half_width(w, SG_MIN(k, far), n_known, level);
		if (k > far)
			half[k] *= (double)w->at[k] / (double)w->at[far];
		if (k && half[k - 1] > half[k])
			half[k] = half[k - 1]; /* further out is not surer */
	}
}

/* ---- the walk ---------------------------------------------------------------------------- */

static void combine(struct walk *w, size_t i)
{
	for (size_t k = 0; k < w->n_at; k++) {
		double weight[FC_METHODS];

		weigh(w, k, w->origin[i], weight);
		w->mean[i][k] = weighted(w, i, k, weight);
	}
}

static int walk(struct walk *w)
{
	int r = 0;

	w->made = calloc(SG_MAX(w->n_origins, 1UL) * FC_METHODS * w->n_at, sizeof(*w->made));
	if (!w->made)
		return -ENOMEM;
	for (size_t i = 0; !r && i < w->n_origins; i++) {
		r = fc_forecasts(&w->s, w->origin[i], w->at, w->n_at, made_by(w, i, 0));
		combine(w, i);
		half_widths(w, w->origin[i], w->half[i]);
	}
	return r;
}

/* Where the walk stops, and how far it looks: at least a third of the past is learnt from. */
static void plan(struct walk *w, size_t horizon)
{
	size_t n = w->s.n, first = n / 3, ahead, span;

	for (size_t i = 1; i < FC_SEASONS; i++)
		if (w->s.season[i] && 2 * w->s.season[i] + 1 < n * 2 / 3)
			first = SG_MAX(first, 2 * w->s.season[i] + 1);
	first = SG_MAX(first, 8UL);
	ahead = SG_MAX(SG_MIN(horizon, (n - first) / 2), 1UL);
	for (size_t k = 1; k <= AHEAD; k++) {
		size_t h = SG_MAX(ahead * k / AHEAD, 1UL);

		if (!w->n_at || w->at[w->n_at - 1] != h)
			w->at[w->n_at++] = h;
	}
	span = n - 1 - first;
	w->n_origins = SG_MIN(span, (size_t)ORIGINS);
	for (size_t i = 0; i < w->n_origins; i++)
		w->origin[i] = first + i * span / w->n_origins;
}

/* ---- figures ----------------------------------------------------------------------------- */

/* The season of the naive forecast: a day where there is one, as people compare with yesterday. */
static size_t naive_season(const struct walk *w)
{
	return w->s.season[2] ? w->s.season[2] : w->s.season[1];
}

static double naive(const struct walk *w, size_t i, size_t k, size_t p)
{
	size_t t = target(w, i, k);

	if (!p)
		return w->s.v[w->origin[i] - 1];
	while (t >= w->origin[i])
		t -= p;
	return w->s.v[t];
}

static void score(const struct walk *w, struct sg_forecast *f)
{
	size_t p = naive_season(w);
	double in = 0;

	for (size_t i = 0; i < w->n_origins; i++)
		for (size_t k = 0; k < w->n_at; k++) {
			double truth, off;

			if (!known(w, i, k, w->s.n) || !isfinite(w->half[i][k]))
				continue;
			truth = w->real[target(w, i, k)];
			off = fabs(w->mean[i][k] - truth);
			f->error += off;
			f->naive_error += fabs(naive(w, i, k, p) - truth);
			f->last_error += fabs(naive(w, i, k, 0) - truth);
			in += off <= w->half[i][k];
			f->tested++;
		}
	f->origins = w->n_origins;
	f->tested_steps = w->at[w->n_at - 1];
	f->coverage = f->tested ? in / (double)f->tested : NAN;
	f->mase = f->naive_error > 0 ? f->error / f->naive_error : NAN;
	if (!f->tested) {
		f->error = f->naive_error = f->last_error = NAN;
		return;
	}
	f->error /= (double)f->tested;
	f->naive_error /= (double)f->tested;
	f->last_error /= (double)f->tested;
}

/* ---- the forecast ------------------------------------------------------------------------ */

/* The value at step h of something that is known at the walk's horizons, 0 at step 0. */
static double between(const struct walk *w, const double *y, size_t h)
{
	size_t last = w->n_at - 1, k = 0;
	double x0, y0;

	if (h >= w->at[last])
		return y[last] * (double)h / (double)w->at[last];
	while (w->at[k] < h)
		k++;
	x0 = k ? (double)w->at[k - 1] : 0;
	y0 = k ? y[k - 1] : y[0] * .5;
	return y0 + (y[k] - y0) * ((double)h - x0) / ((double)w->at[k] - x0);
}

static size_t nearest(const struct walk *w, size_t h)
{
	size_t k = 0;

	while (k + 1 < w->n_at && w->at[k] < h)
		k++;
	return k;
}

/* With too little past to measure errors: a random walk's. */
static void guess_widths(const struct walk *w, double *half)
{
	double sum = 0;

	for (size_t i = 1; i < w->s.n; i++)
		sum += (w->s.v[i] - w->s.v[i - 1]) * (w->s.v[i] - w->s.v[i - 1]);
	for (size_t k = 0; k < w->n_at; k++)
		if (!isfinite(half[k]))
			half[k] = sg_normal_within(w->level) *
				  sqrt(sum / (double)(w->s.n - 1) * (double)w->at[k]);
}

static void put_points(const struct walk *w, const double *made, double floor_at,
		       struct sg_forecast *f)
{
	double half[AHEAD] = {0}, weight[AHEAD][FC_METHODS] = {{0}};

	half_widths(w, w->s.n, half);
	guess_widths(w, half);
	for (size_t k = 0; k < w->n_at; k++)
		weigh(w, k, w->s.n, weight[k]);
	for (size_t h = 1; h <= f->n_points; h++) {
		struct sg_forecast_point *p = &f->points[h - 1];
		double width = between(w, half, h);

		p->mean = 0;
		for (size_t m = 0; m < FC_METHODS; m++)
			p->mean += weight[nearest(w, h)][m] * made[m * f->n_points + h - 1];
		p->mean = fmax(p->mean, floor_at);
		p->lo = fmax(p->mean - width, floor_at);
		p->hi = p->mean + width;
	}
	for (size_t m = FC_CORES; m < FC_METHODS; m++)
		if (weight[w->n_at - 1][m] > .02)
			f->season_ms = SG_MAX(f->season_ms, seasons_ms[m / FC_CORES]);
}

static int forecast(const struct walk *w, double floor_at, struct sg_forecast *f)
{
	size_t n = f->n_points;
	sg_auto_free size_t *at = malloc(n * sizeof(*at));
	sg_auto_free double *made = malloc(n * FC_METHODS * sizeof(*made));
	int r;

	f->points = calloc(n, sizeof(*f->points));
	if (!at || !made || !f->points)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		at[i] = i + 1;
	r = fc_forecasts(&w->s, w->s.n, at, n, made);
	if (r == 0)
		put_points(w, made, floor_at, f);
	return r;
}

static void find_crossing(const struct sg_forecast_options *o, double now, struct sg_forecast *f)
{
	double sign = now < o->cross ? 1 : -1;

	f->cross_earliest = f->cross_likely = f->cross_latest = SG_NEVER;
	if (!o->has_cross)
		return;
	for (size_t i = f->n_points; i-- > 0;) {
		const struct sg_forecast_point *p = &f->points[i];
		double near = sign > 0 ? p->hi : p->lo, far = sign > 0 ? p->lo : p->hi;

		if (sign * (near - o->cross) >= 0)
			f->cross_earliest = (long)i + 1;
		if (sign * (p->mean - o->cross) >= 0)
			f->cross_likely = (long)i + 1;
		if (sign * (far - o->cross) >= 0)
			f->cross_latest = (long)i + 1;
	}
}

/* ---- the input --------------------------------------------------------------------------- */

/* Holes are bridged; returns how many values there were. Before the first and after the last they are those. */
static size_t bridge(const double *v, size_t n, double *out, double *least)
{
	size_t last = n, count = 0;

	*least = INFINITY;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(v[i]))
			continue;
		out[i] = v[i];
		*least = fmin(*least, v[i]);
		for (size_t k = last < n ? last + 1 : 0; k < i; k++)
			out[k] = last < n ? v[last] + (v[i] - v[last]) * (double)(k - last) /
							      (double)(i - last)
					  : v[i];
		last = i;
		count++;
	}
	for (size_t k = last < n ? last + 1 : n; k < n; k++)
		out[k] = v[last];
	return count;
}

static void find_seasons(struct fc_series *s, int64_t step_ms)
{
	for (size_t i = 1; i < FC_SEASONS; i++) {
		size_t p = (size_t)((seasons_ms[i] + step_ms / 2) / step_ms);

		if (p >= 4 && 2 * p < s->n)
			s->season[i] = p;
	}
}

static bool valid(const struct sg_forecast_options *o, size_t n)
{
	return o->step_ms > 0 && o->horizon && o->horizon <= SG_FORECAST_MAX &&
	       n <= SG_FORECAST_MAX && o->level >= 0 && o->level < 1;
}

int sg_forecast(const double *v, size_t n, const struct sg_forecast_options *o,
		struct sg_forecast *ret)
{
	sg_auto_free double *whole = calloc(n + 1, sizeof(*whole));
	sg_auto_free struct walk *w = calloc(1, sizeof(*w));
	struct sg_forecast f = {.n_points = o->horizon, .level = o->level > 0 ? o->level : .9};
	double least;
	int r;

	if (!valid(o, n))
		return -EINVAL;
	if (!whole || !w)
		return -ENOMEM;
	if (bridge(v, n, whole, &least) < SG_FORECAST_MIN)
		return -ENODATA;
	*w = (struct walk){.s = {.v = whole, .n = n}, .real = v, .level = f.level};
	find_seasons(&w->s, o->step_ms);
	plan(w, o->horizon);
	r = walk(w);
	if (r == 0)
		r = forecast(w, least >= 0 ? 0 : -INFINITY, &f);
	if (r == 0) {
		score(w, &f);
		f.naive_ms = (int64_t)naive_season(w) * o->step_ms;
		f.slope = (f.points[f.n_points - 1].mean - whole[n - 1]) * 1000 /
			  ((double)f.n_points * (double)o->step_ms);
		find_crossing(o, whole[n - 1], &f);
		*ret = f;
	} else {
		sg_forecast_free(&f);
	}
	free(w->made);
	return r;
}

void sg_forecast_free(struct sg_forecast *f)
{
	free(f->points);
	f->points = NULL;
}

const struct sg_resource sg_resources[] = {
#define SG_RESOURCE(...) {__VA_ARGS__},
#include "resources.def"
#undef SG_RESOURCE
};
const size_t sg_n_resources = ARRAY_SIZE(sg_resources);
