// SPDX-License-Identifier: GPL-2.0
/* The parts of a detector of histograms. */
#include <math.h>

#include "detect_private.h"

enum { DIVERGENCE, DISTANCE, TAIL, RATE, SILENCE, RAW, ABSENT = SG_DETECT_PARTS - 1 };

#define MEMORY 100000.0
#define SHORTEST_SILENCE 10 /* ticks */

static float high(struct sg_record *r, double x, double floor)
{
	return (float)sg_evidence(sg_record_high(r, x, MEMORY, floor, SG_RISE_SMOOTH));
}

double sg_detect_hist_parts(struct sg_detector *d, const struct sg_hist *h)
{
	struct sg_record *r = d->record;
	struct sg_shape_out o;

	sg_shape_add(&d->shape, h, &o);
	d->part[DIVERGENCE] = high(&r[DIVERGENCE], o.divergence, 0.02);
	d->part[DISTANCE] = high(&r[DISTANCE], o.distance, 0.1);
	d->part[TAIL] = high(&r[TAIL], o.tail, 0.5);
	d->part[RATE] = (float)sg_evidence(sg_record_both(&r[RATE], o.rate, MEMORY));
	d->part[SILENCE] = high(&r[SILENCE], o.silence, SHORTEST_SILENCE);
	d->part[ABSENT] = 0;
	d->part[RAW] = 0; /* no evidence: it ranks what lies below the smallest effects */
	sg_record_high(&r[RAW], o.raw, MEMORY, 0, 1);
	return (r[RAW].usual + r[RATE].usual) / 2;
}
