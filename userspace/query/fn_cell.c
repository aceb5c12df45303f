// SPDX-License-Identifier: GPL-2.0
// Functions from one sample to one sample.
#include <math.h>

#include "engine.h"

PQ_CELL_FN(pq_fn_round)
{
	/* Dividing by the inverse keeps round(x, 0.1) exact where multiplying would not. */
	double inverse = 1 / (call->n_args > 1 ? params[0] : 1);

	(void)e;
	if (!pq_is_float(in))
		return false;
	out->v = floor(in->v * inverse + 0.5) / inverse;
	return true;
}

static bool clamp(const struct pq_cell *in, double lo, double hi, struct pq_cell *out)
{
	if (!pq_is_float(in) || lo > hi)
		return false;
	/* A NaN bound gives NaN, as Go's math.Max and math.Min do. */
	out->v = isnan(lo) || isnan(hi) || isnan(in->v) ? NAN : fmax(lo, fmin(hi, in->v));
	return true;
}

PQ_CELL_FN(pq_fn_clamp)
{
	return clamp(in, params[0], params[1], out);
}

PQ_CELL_FN(pq_fn_clamp_min)
{
	return clamp(in, params[0], isnan(params[0]) ? NAN : INFINITY, out);
}

PQ_CELL_FN(pq_fn_clamp_max)
{
	return clamp(in, isnan(params[0]) ? NAN : -INFINITY, params[0], out);
}

PQ_CELL_FN(pq_fn_histogram_count)
{
	if (!pq_is_hist(in))
		return false;
	out->v = in->h->count;
	return true;
}

PQ_CELL_FN(pq_fn_histogram_sum)
{
	if (!pq_is_hist(in))
		return false;
	out->v = in->h->sum;
	return true;
}

PQ_CELL_FN(pq_fn_histogram_avg)
{
	if (!pq_is_hist(in))
		return false;
	out->v = in->h->sum / in->h->count;
	return true;
}

PQ_CELL_FN(pq_fn_histogram_stdvar)
{
	if (!pq_is_hist(in))
		return false;
	out->v = sg_native_variance(in->h);
	return true;
}

PQ_CELL_FN(pq_fn_histogram_stddev)
{
	if (!pq_fn_histogram_stdvar(e, call, in, params, out))
		return false;
	out->v = sqrt(out->v);
	return true;
}
