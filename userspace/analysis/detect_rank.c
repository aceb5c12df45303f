// SPDX-License-Identifier: GPL-2.0
/*
 * Calibration: a score is a rank in the series' own past. Below 0.999 it is the share
 * of the past that was less unusual; above, evidence decides, for a rank cannot tell
 * apart what never happened.
 */
#include <math.h>

#include "detect_private.h"

#define MEMORY 20000.0 /* samples: twenty times those that 0.999 takes */
#define PRIOR 20000.0 /* samples of a well-behaved past that each series starts with */
#define RARE 0.001
#define LEAST 0.1 /* evidence that is any: less is a range that was forgotten a little */
#define HALF 0.2 /* evidence that halves what is left to 1: a twentieth of the range above it */
#define RESCALE 1e4f

static unsigned int bin_of(double usual, double evidence, double *within)
{
	double x = evidence > 0 ? SG_RANK_BELOW + 2.5 * log2(1 + evidence / 0.02)
				: usual * SG_RANK_BELOW;
	double top = evidence > 0 ? SG_RANK_BINS - 1e-6 : SG_RANK_BELOW - 1e-6;

	x = fmin(fmax(x, 0), top);
	*within = x - floor(x);
	return (unsigned int)x;
}

/* Weight of the past that was at least as unusual; within a bin it is spread evenly. */
static double above(const struct sg_rank *r, unsigned int at, double within)
{
	float sum = 0;

	for (unsigned int i = at + 1; i < SG_RANK_BINS; i++)
		sum += r->bin[i];
	return (double)sum + r->bin[at] * (1 - within);
}

static void learn(struct sg_rank *r, unsigned int at)
{
	r->bin[at] += r->weight;
	r->total += r->weight;
	r->weight *= (float)(1 + 1 / MEMORY);
	if (r->weight < RESCALE)
		return;
	for (unsigned int i = 0; i < SG_RANK_BINS; i++)
		r->bin[i] /= r->weight;
	r->total /= r->weight;
	r->weight = 1;
}

double sg_rank_score(struct sg_rank *r, double usual, double evidence)
{
	double within, tail, seen, score;
	unsigned int at;

	if (evidence < LEAST) {
		usual = evidence > 0 ? 1 : usual;
		evidence = 0;
	}
	at = bin_of(usual, evidence, &within);
	if (r->weight <= 0)
		r->weight = 1;
	tail = above(r, at, within) / r->weight;
	seen = r->total / r->weight;
	if (evidence > 0)
		tail /= fmax(seen, PRIOR);
	else
		tail = fmax(tail / fmax(seen, 1), RARE);
	score = evidence > 0 && tail <= RARE ? 1 - RARE / (1 + evidence / HALF) : 1 - tail;
	learn(r, at);
	return fmin(fmax(score, 0), 1);
}
