/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Columns of numbers, packed so that every bit comes back. The writer looks at the
 * column and takes what is shortest:
 *
 *   whole numbers  after a prediction (none, the one before, the line through the two
 *                  before, the running mean), without what all differences share as a
 *                  factor, as Rice codes; where most are 0, runs of zeros are counted
 *   doubles        as whole numbers where all are such, or whole multiples of a power
 *                  of ten; else the bits that differ from those of the one before
 *
 * A column begins at a bit, and does not say how many numbers it has.
 */
#ifndef STORE_COLUMN_H
#define STORE_COLUMN_H

#include "bits.h"

/* Not the same as ==: there are two zeros, and a NaN is itself here. */
static inline bool sg_same_bits(double a, double b)
{
	uint64_t x, y;

	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	return x == y;
}

void sg_column_put_ints(struct sg_bits_out *o, const int64_t *v, size_t n);
void sg_column_get_ints(struct sg_bits_in *in, int64_t *v, size_t n);

/* What doubles of a column are counted in: sg_scale_find's answer. */
enum { SG_SCALE_NONE = 0, SG_SCALES = 8 };
/* The unit of which all are whole multiples; SG_SCALE_NONE: there is none. */
unsigned int sg_scale_find(const double *v, size_t n);
double sg_scale_value(unsigned int scale, int64_t k);
int64_t sg_scale_count(unsigned int scale, double v);
uint64_t sg_scale_per_unit(unsigned int scale); /* how many make 1 */

/* scratch has room for n; used where doubles are whole. */
void sg_column_put_doubles(struct sg_bits_out *o, const double *v, size_t n, int64_t *scratch);
void sg_column_get_doubles(struct sg_bits_in *in, double *v, size_t n);

#endif
