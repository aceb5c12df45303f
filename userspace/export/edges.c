// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <string.h>

#include "family.h"

/* Powers of two from 2^first to 2^last. */
static const struct ladder {
	const char *unit; /* NULL: of any other */
	int first, last, step;
} ladders[] = {
	{"seconds", -24, 6, 1},
	{NULL, 0, 30, 2},
};

static const struct ladder *ladder_of(const char *unit)
{
	const struct ladder *l = ladders;

	while (l->unit && strcmp(l->unit, unit) != 0)
		l++;
	return l;
}

void export_edges_of(const struct sg_native *h, const char *unit, struct export_edges *ret)
{
	const struct ladder *l = ladder_of(unit);

	ret->n = 0;
	if (!sg_native_is_custom(h)) {
		for (int k = l->first; k <= l->last; k += l->step)
			ret->le[ret->n++] = ldexp(1, k);
		return;
	}
	for (uint32_t i = 0; i < h->n_bounds && ret->n < EXPORT_EDGES_MAX; i++)
		ret->le[ret->n++] = h->bounds[i];
}

static uint64_t whole(double v)
{
	return v > 0 && v < 0x1p63 ? (uint64_t)llround(v) : 0;
}

/* Observations up to an edge from bucket *at on; false: the edge is within a bucket. */
static bool sum_up_to(const struct sg_native *h, double edge, size_t *at, double *sum)
{
	size_t n = sg_native_n_buckets(h);
	struct sg_native_bucket b;

	for (; *at < n; ++*at) {
		sg_native_bucket(h, *at, &b);
		if (b.upper > edge)
			return b.lower >= edge;
		*sum += b.count;
	}
	return true;
}

void export_cumulate(const struct sg_native *h, struct export_edges *e, uint64_t *counts)
{
	size_t n = 0, at = 0;
	double sum = 0;

	for (size_t i = 0; i < e->n; i++) {
		if (!sum_up_to(h, e->le[i], &at, &sum))
			continue;
		counts[n] = whole(sum);
		e->le[n++] = e->le[i];
	}
	e->n = n;
	counts[n] = whole(h->count);
}

size_t export_bucket_of(const struct export_edges *e, double v)
{
	size_t i = 0;

	while (i < e->n && v > e->le[i])
		i++;
	return i;
}
