// SPDX-License-Identifier: GPL-2.0
/*
 * A slow change of level: two-sided CUSUM (Page: Continuous inspection schemes, 1954) of
 * deviations from a slow mean, in its spread. Beside it the spread of late, and the rate
 * of events in a series that is mostly zero.
 */
#include <math.h>

#include "detect_private.h"

#define SLOW 0.002
#define QUICK 0.1
#define SLACK 1.0 /* spreads that a sample may lie off without adding to the sums */
#define CAP 4.0 /* of one sample, so that a spike is no change of level */
#define SUM_MAX 1e6

static double change(struct sg_shift *s, double x)
{
	double z, k = fmax(SLOW, 1.0 / (s->n + 1.0)), off;

	if (s->n == 0)
		s->mean = (float)x;
	off = x - s->mean;
	z = s->spread > 0 ? off / s->spread : 0;
	z = fmin(fmax(z, -CAP), CAP);
	s->up = (float)fmin(fmax(0, s->up + z - SLACK), SUM_MAX);
	s->down = (float)fmin(fmax(0, s->down - z - SLACK), SUM_MAX);
	s->mean += (float)(off * k);
	s->spread += (float)((fabs(off) - s->spread) * k);
	return fmax(s->up, s->down);
}

/* How unlikely the events of late are at the usual rate: signed root of a Poisson deviance, its size. */
static double rate(struct sg_shift *s, double x)
{
	double event = x != 0, seen, usual;

	s->fast += (float)((event - s->fast) / 60);
	s->slow += (float)((event - s->slow) * fmax(0.0005, 1.0 / (s->n + 1.0)));
	if (s->slow > 0.1f || s->n < 300)
		return 0;
	seen = 60.0 * s->fast;
	usual = 60.0 * s->slow + 0.5;
	return seen > usual ? sqrt(2 * (seen * log(seen / usual) - (seen - usual))) : 0;
}

void sg_shift_add(struct sg_shift *s, double x, struct sg_shift_out *ret)
{
	ret->change = change(s, x);
	ret->rate = rate(s, x);
	if (s->n > 0)
		s->quick += (float)((fabs(x - s->last) - s->quick) * QUICK);
	s->last = (float)x;
	ret->spread = s->quick;
	s->n += s->n < UINT32_MAX;
}
