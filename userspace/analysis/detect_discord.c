// SPDX-License-Identifier: GPL-2.0
/*
 * Discord: how far the last stretch lies from the nearest one seen before (Keogh, Lin,
 * Fu: HOT SAX, 2005; with earlier neighbours only, as in Lu et al.: DAMP, 2022).
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "detect_private.h"

/* Four neighbours at a time: this is most of what a sample costs. */
#define LANES 4
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t masks __attribute__((vector_size(LANES * sizeof(int32_t))));

static lanes smaller(lanes a, lanes b)
{
	masks m = a < b;

	return (lanes)(((masks)a & m) | ((masks)b & ~m));
}

static lanes squares(const float *last, const float *at, unsigned int len)
{
	lanes sum = {0};

	for (unsigned int i = 0; i < len; i++) {
		lanes off;

		memcpy(&off, at + i, sizeof(off));
		off -= last[i];
		sum += off * off;
	}
	return sum;
}

/* Neighbours that overlap the stretch itself are none. What is left over of a four is compared twice. */
static double nearest(const struct sg_discord *d, unsigned int len)
{
	unsigned int n = d->n - 2 * len + 1;
	const float *last = d->block + d->n - len;
	lanes best = squares(last, d->block, len);
	float least = FLT_MAX;

	for (unsigned int at = LANES; at < n; at += LANES)
		best = smaller(best, squares(last, d->block + SG_MIN(at, n - LANES), len));
	for (unsigned int i = 0; i < LANES; i++)
		least = fminf(least, best[i]);
	return sqrt((double)least);
}

static void push(struct sg_discord *d, float mean)
{
	if (d->n == SG_DISCORD_RING)
		memmove(d->block, d->block + 1, sizeof(d->block[0]) * --d->n);
	d->block[d->n++] = mean;
	d->fresh += d->fresh < SG_DISCORD_LEN;
}

bool sg_discord_add(struct sg_discord *d, unsigned int stride, unsigned int len, double x,
		    double *ret)
{
	d->sum += x;
	if (++d->in_sum < stride)
		return false;
	push(d, (float)(d->sum / stride));
	d->sum = 0;
	d->in_sum = 0;
	if (d->fresh < len || d->n < 3 * len)
		return false;
	*ret = nearest(d, len);
	return true;
}

void sg_discord_gap(struct sg_discord *d)
{
	d->sum = 0;
	d->in_sum = 0;
	d->fresh = 0;
}
