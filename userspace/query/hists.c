// SPDX-License-Identifier: GPL-2.0
// Histogram arithmetic whose results live in the query's arena.
#include <math.h>

#include "engine.h"

void pq_hist_sum_clear(struct pq_hist_sum *a)
{
	for (int i = a->lo; i <= a->hi; i++)
		a->buckets[i] = (struct pq_sum){0};
	a->count = a->sum = (struct pq_sum){0};
	a->lo = (int)ARRAY_SIZE(a->buckets);
	a->hi = -1;
}

void pq_hist_sum_add(struct pq_hist_sum *a, const struct sg_hist *h, double factor)
{
	pq_sum_add(&a->count, h->count * factor);
	pq_sum_add(&a->sum, h->sum * factor);
	for (uint32_t i = 0; i < h->n; i++) {
		int at = h->buckets[i].index - SG_HIST_INDEX_MIN;

		if (at < 0 || at >= (int)ARRAY_SIZE(a->buckets))
			continue; /* readers never give such a bucket */
		pq_sum_add(&a->buckets[at], h->buckets[i].count * factor);
		a->lo = SG_MIN(a->lo, at);
		a->hi = SG_MAX(a->hi, at);
	}
}

static struct sg_hist *new_hist(struct pq_engine *e, size_t n)
{
	struct sg_hist *h = pq_alloc(e, sizeof(*h) + n * sizeof(struct sg_bucket));

	if (h)
		*h = (struct sg_hist){.buckets = (struct sg_bucket *)(h + 1)};
	return h;
}

const struct sg_hist *pq_hist_sum_take(struct pq_engine *e, const struct pq_hist_sum *a,
				       double factor)
{
	struct sg_hist *h;
	size_t n = 0;

	for (int i = a->lo; i <= a->hi; i++)
		n += pq_sum_get(&a->buckets[i]) != 0;
	h = new_hist(e, n);
	if (!h)
		return NULL;
	h->count = pq_sum_get(&a->count) * factor;
	h->sum = pq_sum_get(&a->sum) * factor;
	for (int i = a->lo; i <= a->hi; i++) {
		double c = pq_sum_get(&a->buckets[i]) * factor;

		if (c != 0)
			h->buckets[h->n++] = (struct sg_bucket){i + SG_HIST_INDEX_MIN, c};
	}
	return h;
}

const struct sg_hist *pq_hist_scale(struct pq_engine *e, const struct sg_hist *h, double factor,
				    bool divide)
{
	struct sg_hist *out = new_hist(e, h->n);

	if (!out)
		return NULL;
	out->count = divide ? h->count / factor : h->count * factor;
	out->sum = divide ? h->sum / factor : h->sum * factor;
	/* Division by zero leaves no meaningful buckets: Prometheus drops them too. */
	for (uint32_t i = 0; i < h->n && !(divide && factor == 0); i++) {
		double c = divide ? h->buckets[i].count / factor : h->buckets[i].count * factor;

		if (c != 0)
			out->buckets[out->n++] = (struct sg_bucket){h->buckets[i].index, c};
	}
	return out;
}

const struct sg_hist *pq_hist_combine(struct pq_engine *e, const struct sg_hist *a,
				      const struct sg_hist *b, double factor)
{
	pq_hist_sum_clear(&e->hist_sum);
	pq_hist_sum_add(&e->hist_sum, a, 1);
	pq_hist_sum_add(&e->hist_sum, b, factor);
	return pq_hist_sum_take(e, &e->hist_sum, 1);
}
