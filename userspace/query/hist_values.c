// SPDX-License-Identifier: GPL-2.0
// Native histograms made from sums and from others.
#include <string.h>

#include "engine.h"
#include "hists.h"

static struct sg_native *new_native(struct pq_engine *e, size_t n_buckets)
{
	struct sg_native *h = pq_alloc(e, sizeof(*h) + n_buckets * sizeof(struct sg_bucket));

	if (h)
		*h = (struct sg_native){.pos = (struct sg_bucket *)(h + 1)};
	return h;
}

static uint32_t take_array(const struct pq_hist_sum *a, double factor, struct sg_bucket *b)
{
	uint32_t n = 0;

	for (int i = a->lo; i <= a->hi; i++) {
		double c = pq_sum_get(&a->array[i]) * factor;

		if (c != 0)
			b[n++] = (struct sg_bucket){i + SG_HIST_INDEX_MIN, c};
	}
	return n;
}

static uint32_t take_side(const struct pq_sum_side *s, double factor, struct sg_bucket *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		double c = pq_sum_get(&s->b[i].s) * factor;

		if (c != 0)
			b[n++] = (struct sg_bucket){s->b[i].index, c};
	}
	return n;
}

const struct sg_native *pq_hist_sum_take(struct pq_engine *e, const struct pq_hist_sum *a,
					 double factor)
{
	size_t n = a->dense ? 0 : (size_t)a->pos.n + a->neg.n;
	struct sg_bucket *b;
	struct sg_native *h;

	for (int i = a->lo; a->dense && i <= a->hi; i++)
		n += pq_sum_get(&a->array[i]) != 0;
	h = new_native(e, n);
	if (!h)
		return NULL;
	b = (struct sg_bucket *)(h + 1);
	h->count = pq_sum_get(&a->count) * factor;
	h->sum = pq_sum_get(&a->sum) * factor;
	h->zero_count = pq_sum_get(&a->zero) * factor;
	h->zero_threshold = a->zero_threshold;
	h->schema = a->schema;
	h->hint = factor < 0 ? SG_HINT_GAUGE : a->hint;
	h->bounds = a->bounds;
	h->n_bounds = a->n_bounds;
	h->n_pos = a->dense ? take_array(a, factor, b) : take_side(&a->pos, factor, b);
	h->neg = b + h->n_pos;
	if (!a->dense)
		h->n_neg = take_side(&a->neg, factor, b + h->n_pos);
	return h;
}

/* Ascending by index, as both are; what did not grow is left out. */
static uint32_t growth(const struct sg_hist *from, const struct sg_hist *to, double factor,
		       struct sg_bucket *out)
{
	const struct sg_bucket *b = from->buckets, *end = b + from->n;
	uint32_t n = 0;

	for (uint32_t i = 0; i < to->n; i++) {
		const struct sg_bucket *c = &to->buckets[i];
		double more = c->count;

		while (b < end && b->index < c->index)
			b++;
		if (b < end && b->index == c->index)
			more -= (b++)->count;
		out[n] = (struct sg_bucket){c->index, more * factor};
		n += out[n].count != 0;
	}
	return n;
}

const struct sg_native *pq_hist_growth(struct pq_engine *e, const struct sg_hist *from,
				       const struct sg_hist *to, double factor)
{
	struct sg_native *h = new_native(e, to->n);
	struct sg_bucket *b;

	if (!h)
		return NULL;
	b = (struct sg_bucket *)(h + 1);
	h->count = (to->count - from->count) * factor;
	h->sum = (to->sum - from->sum) * factor;
	h->schema = SG_SCHEMA_OWN;
	h->hint = SG_HINT_GAUGE;
	h->n_pos = growth(from, to, factor, b);
	h->neg = b + h->n_pos;
	return h;
}

static uint32_t scale_side(const struct sg_bucket *from, uint32_t n_from, double factor,
			   bool divide, struct sg_bucket *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_from; i++) {
		double c = divide ? from[i].count / factor : from[i].count * factor;

		if (c != 0)
			b[n++] = (struct sg_bucket){from[i].index, c};
	}
	return n;
}

const struct sg_native *pq_hist_scale(struct pq_engine *e, const struct sg_native *h, double factor,
				      bool divide)
{
	struct sg_native *out = new_native(e, (size_t)h->n_pos + h->n_neg);
	struct sg_bucket *b;

	if (!out)
		return NULL;
	b = (struct sg_bucket *)(out + 1);
	*out = *h;
	out->count = divide ? h->count / factor : h->count * factor;
	out->sum = divide ? h->sum / factor : h->sum * factor;
	out->zero_count = divide ? h->zero_count / factor : h->zero_count * factor;
	out->pos = out->neg = b;
	out->n_pos = out->n_neg = 0;
	if (factor < 0)
		out->hint = SG_HINT_GAUGE;
	/* Division by zero leaves no meaningful buckets: Prometheus drops them too. */
	if (divide && factor == 0)
		return out;
	out->n_pos = scale_side(h->pos, h->n_pos, factor, divide, b);
	out->neg = b + out->n_pos;
	out->n_neg = scale_side(h->neg, h->n_neg, factor, divide, b + out->n_pos);
	return out;
}

const struct sg_native *pq_hist_with_hint(struct pq_engine *e, const struct sg_native *h,
					  enum sg_reset_hint hint)
{
	struct sg_native *out;

	if (!h || h->hint == hint)
		return h;
	out = pq_alloc(e, sizeof(*out));
	if (!out)
		return NULL;
	*out = *h;
	out->hint = (uint8_t)hint;
	return out;
}

static void *copy_array(struct sg_arena *a, const void *from, size_t bytes)
{
	void *to = sg_arena_alloc(a, bytes ? bytes : 1);

	return to && bytes ? memcpy(to, from, bytes) : to;
}

const struct sg_native *pq_hist_copy(struct sg_arena *a, const struct sg_native *h)
{
	struct sg_native *c = copy_array(a, h, sizeof(*h));

	if (!c)
		return NULL;
	c->pos = copy_array(a, h->pos, h->n_pos * sizeof(*h->pos));
	c->neg = copy_array(a, h->neg, h->n_neg * sizeof(*h->neg));
	c->bounds = copy_array(a, h->bounds, h->n_bounds * sizeof(*h->bounds));
	return c->pos && c->neg && c->bounds ? c : NULL;
}
