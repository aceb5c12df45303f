// SPDX-License-Identifier: GPL-2.0
/*
 * Shift of a distribution, bucket by bucket: the last ten ticks against a decayed past.
 * Each measure is taken down by what chance gives at so many events, and by the smallest
 * effect that matters: with a hundred thousand events a second everything is significant.
 */
#include <math.h>

#include "detect_private.h"

#define LATE 0.1 /* gain: ten ticks */
#define PAST 0.001 /* a thousand ticks, once they are there */
#define MIN_EVENTS 20.0 /* of late, below which there is no shape */
#define LEARN_TICKS 30
#define MIN_OCTAVES 0.32 /* a factor of 1.25 */
#define MIN_TAIL 1.0 /* twice the share above p99, in octaves */
#define MIN_BITS 0.02
#define RATE_GAIN 0.1

static unsigned int place(const struct sg_shape *s, int32_t index)
{
	int64_t at = (int64_t)index - s->base;

	return at < 0 ? 0 : at >= SG_SHAPE_BINS ? SG_SHAPE_BINS - 1 : (unsigned int)at;
}

/* The bins lie round the first events: a million times as fast, a million times as slow. */
static void centre(struct sg_shape *s, const struct sg_hist *h)
{
	double sum = 0, n = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		double c = fmax(h->buckets[i].count, 0);

		sum += c * h->buckets[i].index;
		n += c;
	}
	s->base = (n > 0 ? (int32_t)lround(sum / n) : 0) - SG_SHAPE_BINS / 2;
}

static double add(float *bins, const struct sg_shape *s, const struct sg_hist *h, double k)
{
	double n = 0;

	for (unsigned int i = 0; i < SG_SHAPE_BINS; i++)
		bins[i] *= (float)(1 - k);
	for (uint32_t i = 0; i < h->n; i++) {
		double c = fmin(fmax(h->buckets[i].count, 0), 1e15);

		bins[place(s, h->buckets[i].index)] += (float)(c * k);
		n += c;
	}
	return n;
}

/* What one bin adds to the triangular discrimination, in which the Jensen-Shannon divergence lies but for a factor. */
static double discrimination(double p, double q)
{
	return 0.25 / M_LN2 * (p - q) * (p - q) / (p + q);
}

/* The divergence, W1 in octaves, and the share above the past's p99. */
static void compare(const struct sg_shape *s, double late_events, struct sg_shape_out *o)
{
	double a = 0, b = 0, far = 0, above = 0, noise = 1 / sqrt(late_events);
	double per_late = 1.0 / s->late_n, per_ref = 1.0 / s->ref_n;
	unsigned int used = 0;

	for (unsigned int i = 0; i < SG_SHAPE_BINS; i++) {
		double p = s->late[i] * per_late, q = s->ref[i] * per_ref;

		far += fabs(a - b) / 8;
		if (p + q <= 0)
			continue;
		used += p * late_events >= 1;
		above += b >= 0.99 ? p : 0;
		o->raw += discrimination(p, q);
		a += p;
		b += q;
	}
	o->divergence = fmax(0, o->raw - used / (2 * late_events) - MIN_BITS);
	o->distance = fmax(0, far - noise - MIN_OCTAVES);
	above = fmax(0, above - 3 * sqrt(0.01 / late_events) - 1 / late_events);
	o->tail = above > 0.01 ? fmax(0, log2(above / 0.01) - MIN_TAIL) : 0;
}

static double silence(struct sg_shape *s, double n)
{
	s->quiet = n > 0 ? 0 : fminf(s->quiet + 1, 1e9f);
	return s->quiet;
}

void sg_shape_add(struct sg_shape *s, const struct sg_hist *h, struct sg_shape_out *ret)
{
	double n, past = fmax(PAST, 1.0 / (s->ticks + 1.0)), events;

	*ret = (struct sg_shape_out){0};
	if (s->ticks == 0)
		centre(s, h);
	n = add(s->late, s, h, LATE);
	s->late_n = (float)(s->late_n * (1 - LATE) + n * LATE);
	events = s->late_n / LATE;
	if (s->ticks >= LEARN_TICKS && events >= MIN_EVENTS && s->ref_n > 0)
		compare(s, events, ret);
	add(s->ref, s, h, past);
	s->ref_n = (float)(s->ref_n * (1 - past) + n * past);
	s->rate += (float)((log2(1 + n) - s->rate) * RATE_GAIN);
	ret->rate = s->rate;
	ret->silence = silence(s, n);
	s->ticks += s->ticks < UINT32_MAX;
}
