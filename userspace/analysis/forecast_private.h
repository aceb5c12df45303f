/* SPDX-License-Identifier: GPL-2.0 */
/* Forecasts in parts: the methods, and the walk over the past that weighs them. */
#ifndef ANALYSIS_FORECAST_PRIVATE_H
#define ANALYSIS_FORECAST_PRIVATE_H

#include <stddef.h>

#include <sgprobe/forecast.h>

#define FC_SEASONS 4 /* none, hour, day, week */
#define FC_CORES 6
#define FC_METHODS (FC_SEASONS * FC_CORES)

struct fc_series {
	const double *v; /* without holes */
	size_t n;
	size_t season[FC_SEASONS]; /* steps; 0: none, or too short to be one */
};

/*
 * Forecasts of every method from the first m values, at the n_at horizons at[] (ascending, from 1):
 * out[method * n_at + i]. A season that is not known yet gives what its core gives without. 0, -ENOMEM.
 */
int fc_forecasts(const struct fc_series *s, size_t m, const size_t *at, size_t n_at, double *out);

#endif
