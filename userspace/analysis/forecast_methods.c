// SPDX-License-Identifier: GPL-2.0
/*
 * The methods: a season (none, an hour, a day, a week), taken off, and one of a few ways in which
 * what is left goes on. All are old and simple, and each is right for some series.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <sgprobe/compare.h>
#include <sgprobe/mem.h>
#include <sgprobe/trend.h>

#include "forecast_private.h"

#define CYCLES 8 /* of a season that its shape is learnt from, the newest */
#define LINE_MIN 32 /* values that a line is laid through, at least */

enum core { CORE_LAST, CORE_FAST, CORE_SLOW, CORE_DAMPED, CORE_LINE, CORE_MEDIAN };

/* Exponential smoothing: the level at the end. */
static double smooth(const double *v, size_t n, double alpha)
{
	double level = v[0];

	for (size_t i = 1; i < n; i++)
		level += alpha * (v[i] - level);
	return level;
}

/* Holt's method with a damped trend (Gardner and McKenzie, Manag. Sci. 31, 1985). */
static void damped(const double *v, size_t n, const size_t *at, size_t n_at, double *out)
{
	const double alpha = .3, beta = .05, phi = .98;
	double level = v[0], trend = 0;

	for (size_t i = 1; i < n; i++) {
		double was = level, guess = level + phi * trend;

		level = guess + alpha * (v[i] - guess);
		trend = phi * trend + beta * (level - was - phi * trend);
	}
	for (size_t k = 0; k < n_at; k++)
		out[k] = level + trend * phi * (1 - pow(phi, (double)at[k])) / (1 - phi);
}

/* The robust slope of the newest stretch, from where the series, with the slope taken off, is now. */
static void line(const double *v, size_t n, const size_t *at, size_t n_at, double *out)
{
	size_t w = SG_MIN(n, SG_MAX(4 * at[n_at - 1], (size_t)LINE_MIN));
	const double *from = v + n - w;
	double level;
	struct sg_trend t;

	if (sg_trend(from, w, 1000, .9, &t) < 0)
		t.slope = 0;
	level = from[0];
	for (size_t i = 1; i < w; i++)
		level += t.slope + .3 * (from[i] - level - t.slope);
	for (size_t k = 0; k < n_at; k++)
		out[k] = level + t.slope * (double)at[k];
}

static int median(const double *v, size_t n, size_t w, double *ret)
{
	sg_auto_free double *copy = NULL;

	w = SG_MIN(n, w);
	copy = malloc(w * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, v + n - w, w * sizeof(*copy));
	*ret = sg_quantile_of(copy, w, .5);
	return 0;
}

static int run_core(enum core c, const double *v, size_t n, const size_t *at, size_t n_at,
		    double *out)
{
	double level = v[n - 1];
	int r = 0;

	switch (c) {
	case CORE_DAMPED: damped(v, n, at, n_at, out); return 0;
	case CORE_LINE: line(v, n, at, n_at, out); return 0;
	case CORE_FAST: level = smooth(v, n, .4); break;
	case CORE_SLOW: level = smooth(v, n, .05); break;
	case CORE_MEDIAN:
		r = median(v, n, SG_MAX(4 * at[n_at - 1], (size_t)LINE_MIN), &level);
		break;
	case CORE_LAST: break;
	}
	for (size_t k = 0; k < n_at; k++)
		out[k] = level;
	return r;
}

/* ---- seasons ---------------------------------------------------------------------------- */

/* What a value is above the mean of the season around it; at the ends, of the nearest whole one. */
static void above_mean(const double *v, size_t n, size_t p, double *out)
{
	double sum = 0;
	size_t from = 0;

	for (size_t i = 0; i < p; i++)
		sum += v[i];
	for (size_t i = 0; i < n; i++) {
		size_t want = i < p / 2 ? 0 : SG_MIN(i - p / 2, n - p);

		for (; from < want; from++)
			sum += v[from + p] - v[from];
		out[i] = v[i] - sum / (double)p;
	}
}

/* The median of each slot over the newest cycles; the slots' mean is taken off. */
static void shape(const double *off, size_t n, size_t p, double *season)
{
	double mean = 0;

	for (size_t slot = 0; slot < p; slot++) {
		double seen[CYCLES];
		size_t k = 0, at = (n - 1) / p * p + slot;

		for (at = at < n ? at : at - p; k < CYCLES; at -= p) {
			seen[k++] = off[at];
			if (at < p)
				break;
		}
		season[slot] = sg_quantile_of(seen, k, .5);
		mean += season[slot] / (double)p;
	}
	for (size_t slot = 0; slot < p; slot++)
		season[slot] -= mean;
}

static int with_season(const double *v, size_t m, size_t p, const size_t *at, size_t n_at,
		       double *out)
{
	sg_auto_free double *left = malloc(m * sizeof(*left));
	sg_auto_free double *season = calloc(p, sizeof(*season));
	int r = 0;

	if (!left || !season)
		return -ENOMEM;
	above_mean(v, m, p, left);
	shape(left, m, p, season);
	for (size_t i = 0; i < m; i++)
		left[i] = v[i] - season[i % p];
	for (size_t c = 0; !r && c < FC_CORES; c++) {
		double *to = out + c * n_at;

		r = run_core(c, left, m, at, n_at, to);
		for (size_t k = 0; !r && k < n_at; k++)
			to[k] += season[(m - 1 + at[k]) % p];
	}
	return r;
}

int fc_forecasts(const struct fc_series *s, size_t m, const size_t *at, size_t n_at, double *out)
{
	const size_t block = FC_CORES * n_at;
	int r = 0;

	for (size_t c = 0; !r && c < FC_CORES; c++)
		r = run_core(c, s->v, m, at, n_at, out + c * n_at);
	for (size_t i = 1; !r && i < FC_SEASONS; i++) {
		size_t p = s->season[i];

		if (p && m >= 2 * p)
			r = with_season(s->v, m, p, at, n_at, out + i * block);
		else
			memcpy(out + i * block, out, block * sizeof(*out));
	}
	return r;
}
