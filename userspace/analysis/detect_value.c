// SPDX-License-Identifier: GPL-2.0
/* The parts of a detector of numbers. */
#include <math.h>

#include "detect_private.h"

enum { LEVEL, SHAPE, SHAPE_MIDDLE, SHAPE_LONG, SEASON, CHANGE, SPREAD, RATE, SILENCE };

/*
 * Memory in samples. Of values it is long, for a series' range is soon known; of
 * distances shorter, for they depend on how much of the past is kept to compare with.
 */
#define MEMORY_RANGE 100000.0
#define MEMORY_DISTANCE 7000.0

/* Stretches of 18, 36 and 72 samples among the last 720, 1440 and 2880. */
static const struct {
	unsigned int stride, len;
} scales[SG_DISCORDS] = {{3, 6}, {6, 6}, {12, 6}};

/* Three views of one stretch: what they find is evidence once, of the one that finds most. */
static void discords(struct sg_detector *d, double v)
{
	unsigned int most = 0;

	for (unsigned int i = 0; i < SG_DISCORDS; i++) {
		double far, memory = MEMORY_DISTANCE / scales[i].stride;

		d->part[SHAPE + i] = 0;
		if (sg_discord_add(&d->discord[i], scales[i].stride, scales[i].len, v, &far))
			d->part[SHAPE + i] = (float)sg_evidence(
				sg_record_high(&d->record[SHAPE + i], far, memory, 0, 1));
		most = d->part[SHAPE + i] > d->part[SHAPE + most] ? i : most;
	}
	for (unsigned int i = 0; i < SG_DISCORDS; i++)
		d->part[SHAPE + i] *= i == most;
}

static double usual(const struct sg_detector *d)
{
	double sum = 0;

	for (unsigned int i = LEVEL; i <= SEASON; i++)
		sum += d->record[i].usual;
	return sum / (SEASON - LEVEL + 1);
}

static float high(struct sg_record *r, double x, double floor)
{
	return (float)sg_evidence(sg_record_high(r, x, MEMORY_RANGE, floor, 1));
}

double sg_detect_value_parts(struct sg_detector *d, int64_t t_ms, double v)
{
	struct sg_record *r = d->record;
	struct sg_shift_out o;

	sg_shift_add(&d->shift, v, &o);
	d->part[LEVEL] = (float)sg_evidence(sg_record_both(&r[LEVEL], v, MEMORY_RANGE));
	discords(d, v);
	d->part[SEASON] = (float)sg_evidence(sg_record_high(
		&r[SEASON], sg_season_distance(&d->season, t_ms, v), MEMORY_RANGE, 0, 1));
	d->part[CHANGE] = high(&r[CHANGE], o.change, 20);
	d->part[SPREAD] = high(&r[SPREAD], o.spread, 0);
	d->part[RATE] = high(&r[RATE], o.rate, 4);
	d->part[SILENCE] = 0;
	return usual(d);
}
