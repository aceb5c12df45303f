/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a series is heading. Pure. What is forecast, how wide the interval is and how wrong
 * the same method was on the series' own past all come from one walk over that past in which
 * nothing is known that was not known then. docs/FORECAST.md describes it.
 */
#ifndef SGPROBE_FORECAST_H
#define SGPROBE_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SG_FORECAST_MIN 24 /* values that there must be */
#define SG_FORECAST_MAX 20000 /* values, and steps of a horizon */

struct sg_forecast_options {
	int64_t step_ms; /* between two values; above 0 */
	size_t horizon; /* steps; 1 to SG_FORECAST_MAX */
	double level; /* of the interval, in (0, 1); 0: 0.9 */
	bool has_cross;
	double cross;
};
struct sg_forecast_point {
	double mean, lo, hi;
};
#define SG_NEVER (-1) /* not within the horizon */
struct sg_forecast {
	size_t n_points; /* the horizon */
	struct sg_forecast_point *points; /* freed by sg_forecast_free */
	double level;
	double slope; /* of the forecast, a second: how it goes on average over the horizon */
	int64_t season_ms; /* the longest season that was learnt and has a say; 0: none */
	/* The back-test: forecasts that would have been made in the past, and what came. */
	size_t origins, tested; /* moments, and values that were compared */
	size_t tested_steps; /* how far ahead; intervals further out are widened in proportion */
	double error; /* mean absolute error */
	double naive_error; /* of the seasonal naive forecast: what was one season before */
	double last_error; /* of the last value */
	int64_t naive_ms; /* that season; 0: there is none, so it is the last value */
	double mase; /* error / naive_error, over the same values; NaN: not known */
	double coverage; /* share of values that were in their interval; NaN */
	/* Steps from the last value until the crossing; 0: it is beyond already. */
	long cross_earliest, cross_likely, cross_latest;
};
/*
 * n values, NaN where there is none; they are every step_ms, the last one is now. 0, -ENODATA (fewer than
 * SG_FORECAST_MIN values), -EINVAL, -ENOMEM.
 */
int sg_forecast(const double *v, size_t n, const struct sg_forecast_options *o,
		struct sg_forecast *ret);
void sg_forecast_free(struct sg_forecast *f);

/*
 * What can run out, in PromQL. The table is resources.def; used and limit are in the same unit,
 * and a limit is one value.
 */
struct sg_resource {
	const char *name, *title, *unit, *used, *limit;
};
extern const struct sg_resource sg_resources[];
extern const size_t sg_n_resources;

#endif
