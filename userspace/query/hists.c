// SPDX-License-Identifier: GPL-2.0
// Sums of native histograms, whatever their layouts are.
#include "hists.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"

void pq_hist_sum_clear(struct pq_hist_sum *a)
{
	for (int i = a->lo; i <= a->hi; i++)
		a->array[i] = (struct pq_sum){0};
	a->count = a->sum = a->zero = (struct pq_sum){0};
	a->any = a->rebound = false;
	a->seen = 0;
	a->pos.n = a->neg.n = 0;
	a->n_bounds = 0;
	a->lo = (int)ARRAY_SIZE(a->array);
	a->hi = -1;
}

/* sgprobe's own sort, which the array can hold. */
static bool is_own(const struct sg_native *h)
{
	return h->schema == SG_SCHEMA_OWN && !h->n_neg && h->zero_count == 0 &&
	       h->zero_threshold == 0 &&
	       (!h->n_pos || (h->pos[0].index >= SG_HIST_INDEX_MIN &&
			      h->pos[h->n_pos - 1].index <= SG_HIST_INDEX_MAX));
}

static void begin(struct pq_hist_sum *a, const struct sg_native *h)
{
	a->any = true;
	a->dense = is_own(h);
	a->hint = h->hint;
	a->schema = h->schema;
	a->zero_threshold = h->zero_threshold;
	a->bounds = h->bounds;
	a->n_bounds = h->n_bounds;
}

/* What the sum of two counters, or gauges, is. */
static void join_hints(struct pq_hist_sum *a, uint8_t hint)
{
	a->seen |= (uint8_t)(1U << hint);
	if (hint == a->hint || a->hint == SG_HINT_GAUGE)
		return;
	if (hint == SG_HINT_GAUGE) {
		a->hint = hint;
		return;
	}
	a->hint = SG_HINT_UNKNOWN;
}

/* ---- own histograms ------------------------------------------------------------------ */

static void add_own(struct pq_hist_sum *a, const struct sg_native *h, double factor)
{
	for (uint32_t i = 0; i < h->n_pos; i++)
		pq_sum_add(&a->array[h->pos[i].index - SG_HIST_INDEX_MIN],
			   h->pos[i].count * factor);
	if (h->n_pos) {
		a->lo = SG_MIN(a->lo, h->pos[0].index - SG_HIST_INDEX_MIN);
		a->hi = SG_MAX(a->hi, h->pos[h->n_pos - 1].index - SG_HIST_INDEX_MIN);
	}
}

static int reserve(struct pq_engine *e, struct pq_sum_side *s, uint32_t n)
{
	uint32_t cap = SG_MAX(s->cap, 16U);
	struct pq_sum_bucket *b;

	if (n <= s->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	b = pq_alloc_n(e, cap, sizeof(*b));
	if (!b)
		return pq_oom(e);
	if (s->n)
		memcpy(b, s->b, s->n * sizeof(*b));
	s->b = b;
	s->cap = cap;
	return 0;
}

/* Another sort comes: what is in the array moves to the list. */
static int leave_array(struct pq_engine *e, struct pq_hist_sum *a)
{
	int r = 0;

	a->dense = false;
	if (a->lo <= a->hi)
		r = reserve(e, &a->pos, (uint32_t)(a->hi - a->lo + 1));
	for (int i = a->lo; !r && i <= a->hi; i++) {
		if (pq_sum_get(&a->array[i]) != 0)
			a->pos.b[a->pos.n++] =
				(struct pq_sum_bucket){i + SG_HIST_INDEX_MIN, a->array[i]};
		a->array[i] = (struct pq_sum){0};
	}
	a->lo = (int)ARRAY_SIZE(a->array);
	a->hi = -1;
	return r;
}

/* ---- any histograms ------------------------------------------------------------------ */

static uint32_t count_missing(const struct pq_sum_side *s, const struct sg_bucket *b, uint32_t n)
{
	uint32_t i = 0, missing = 0;

	for (uint32_t j = 0; j < n; j++) {
		while (i < s->n && s->b[i].index < b[j].index)
			i++;
		missing += i == s->n || s->b[i].index != b[j].index;
	}
	return missing;
}

/* From the back, so that it is done in place. */
static int merge(struct pq_engine *e, struct pq_sum_side *s, const struct sg_bucket *b, uint32_t n,
		 double factor)
{
	uint32_t total = s->n + count_missing(s, b, n), i = s->n, k = total;
	int r = reserve(e, s, total);

	if (r < 0)
		return r;
	while (n) {
		const struct sg_bucket *o = &b[n - 1];

		k--;
		if (i && s->b[i - 1].index > o->index) {
			s->b[k] = s->b[--i];
			continue;
		}
		if (i && s->b[i - 1].index == o->index)
			s->b[k] = s->b[--i];
		else
			s->b[k] = (struct pq_sum_bucket){.index = o->index};
		pq_sum_add(&s->b[k].s, o->count * factor);
		n--;
	}
	s->n = total;
	return 0;
}

/* Gives each bucket a new index; the order stays. */
static void renumber(struct pq_sum_side *s, int32_t (*map)(int32_t index, const void *ctx),
		     const void *ctx)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		struct pq_sum_bucket b = s->b[i];

		b.index = map(b.index, ctx);
		if (n && s->b[n - 1].index == b.index) {
			pq_sum_add(&s->b[n - 1].s, b.s.sum);
			pq_sum_add(&s->b[n - 1].s, b.s.c);
		} else {
			s->b[n++] = b;
		}
	}
	s->n = n;
}

static const struct sg_bucket *renumbered(struct pq_engine *e, const struct sg_bucket *b,
					  uint32_t *n_b,
					  int32_t (*map)(int32_t index, const void *ctx),
					  const void *ctx)
{
	struct sg_bucket *out = pq_alloc_n(e, *n_b, sizeof(*out));
	uint32_t n = 0;

	for (uint32_t i = 0; out && i < *n_b; i++) {
		int32_t index = map(b[i].index, ctx);

		if (n && out[n - 1].index == index)
			out[n - 1].count += b[i].count;
		else
			out[n++] = (struct sg_bucket){index, b[i].count};
	}
	*n_b = n;
	return out;
}

/* ---- schemas */

struct schemas {
	int from, to;
};

static int32_t reduce_index(int32_t index, const void *ctx)
{
	const struct schemas *s = ctx;

	return sg_schema_reduce(index, s->from, s->to);
}

int pq_hist_sum_reduce(struct pq_engine *e, struct pq_hist_sum *a, int schema)
{
	struct schemas s = {a->schema, schema};
	int r = 0;

	if (schema >= a->schema || a->schema == SG_SCHEMA_CUSTOM || schema < SG_SCHEMA_MIN)
		return 0;
	if (a->dense)
		r = leave_array(e, a);
	renumber(&a->pos, reduce_index, &s);
	renumber(&a->neg, reduce_index, &s);
	a->schema = (int8_t)schema;
	return r;
}

static int reduce(struct pq_engine *e, struct sg_native *h, int schema)
{
	struct schemas s = {h->schema, schema};

	h->pos = renumbered(e, h->pos, &h->n_pos, reduce_index, &s);
	h->neg = renumbered(e, h->neg, &h->n_neg, reduce_index, &s);
	h->schema = (int8_t)schema;
	return h->pos && h->neg ? 0 : pq_oom(e);
}

/* ---- zero buckets */

/* Takes the buckets below the threshold away: they are in the zero bucket now. */
static void widen(struct sg_native *h, double threshold)
{
	h->zero_count = sg_native_zero_count(h, &threshold);
	h->zero_threshold = threshold;
	while (h->n_pos && sg_native_bound(h, h->pos->index - 1) < threshold)
		h->pos++, h->n_pos--;
	while (h->n_neg && sg_native_bound(h, h->neg->index - 1) < threshold)
		h->neg++, h->n_neg--;
}

static void swallow(struct pq_hist_sum *a, struct pq_sum_side *s)
{
	uint32_t n = 0;

	while (n < s->n && sg_schema_bound(s->b[n].index - 1, a->schema) < a->zero_threshold) {
		pq_sum_add(&a->zero, s->b[n].s.sum);
		pq_sum_add(&a->zero, s->b[n++].s.c);
	}
	s->n -= n;
	if (n)
		memmove(s->b, s->b + n, s->n * sizeof(*s->b));
}

static int widen_sum(struct pq_engine *e, struct pq_hist_sum *a, double threshold)
{
	const struct sg_native *h = pq_hist_sum_take(e, a, 1);

	if (!h)
		return pq_oom(e);
	sg_native_zero_count(h, &threshold);
	a->zero_threshold = threshold;
	swallow(a, &a->pos);
	swallow(a, &a->neg);
	return 0;
}

/* Both thresholds only grow, from bucket to bucket, until they meet. */
static int reconcile_zero(struct pq_engine *e, struct pq_hist_sum *a, struct sg_native *h)
{
	int r = 0;

	while (!r && a->zero_threshold != h->zero_threshold) {
		if (a->zero_threshold > h->zero_threshold)
			widen(h, a->zero_threshold);
		else
			r = widen_sum(e, a, h->zero_threshold);
	}
	return r;
}

/* ---- custom bounds */

struct rebound {
	const double *from;
	uint32_t n_from;
	const double *to;
	uint32_t n_to;
};

/* The first of the new buckets that reaches as far as the old one. */
static int32_t rebound_index(int32_t index, const void *ctx)
{
	const struct rebound *r = ctx;
	uint32_t lo = 0, hi = r->n_to;

	if (index < 0 || (uint32_t)index >= r->n_from)
		return (int32_t)r->n_to;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (r->to[mid] < r->from[index])
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int32_t)lo;
}

static int reconcile_bounds(struct pq_engine *e, struct pq_hist_sum *a, struct sg_native *h)
{
	double *both = pq_alloc_n(e, SG_MIN(a->n_bounds, h->n_bounds), sizeof(*both));
	uint32_t n = 0;
	struct rebound r;

	if (!both)
		return pq_oom(e);
	for (uint32_t i = 0, j = 0; i < a->n_bounds && j < h->n_bounds;) {
		if (a->bounds[i] == h->bounds[j])
			both[n++] = a->bounds[i++];
		else if (a->bounds[i] < h->bounds[j])
			i++;
		else
			j++;
	}
	r = (struct rebound){a->bounds, a->n_bounds, both, n};
	renumber(&a->pos, rebound_index, &r);
	r = (struct rebound){h->bounds, h->n_bounds, both, n};
	h->pos = renumbered(e, h->pos, &h->n_pos, rebound_index, &r);
	a->bounds = h->bounds = both;
	a->n_bounds = h->n_bounds = n;
	a->rebound = true;
	return h->pos ? 0 : pq_oom(e);
}

/* ---- adding -------------------------------------------------------------------------- */

static bool sum_is_custom(const struct pq_hist_sum *a)
{
	return a->schema == SG_SCHEMA_CUSTOM;
}

static int reconcile(struct pq_engine *e, struct pq_hist_sum *a, struct sg_native *h)
{
	int r;

	if (sum_is_custom(a)) {
		struct sg_native mine = {.bounds = a->bounds, .n_bounds = a->n_bounds};

		return sg_native_same_bounds(&mine, h) ? 0 : reconcile_bounds(e, a, h);
	}
	r = reconcile_zero(e, a, h);
	if (!r && h->schema > a->schema)
		return reduce(e, h, a->schema);
	return r < 0 ? r : pq_hist_sum_reduce(e, a, h->schema);
}

static int add_any(struct pq_engine *e, struct pq_hist_sum *a, const struct sg_native *h,
		   double factor)
{
	struct sg_native b = *h;
	int r = a->dense ? leave_array(e, a) : 0;

	if (!r)
		r = reconcile(e, a, &b);
	if (r < 0)
		return r;
	pq_sum_add(&a->zero, b.zero_count * factor);
	r = merge(e, &a->pos, b.pos, b.n_pos, factor);
	return r < 0 ? r : merge(e, &a->neg, b.neg, b.n_neg, factor);
}

int pq_hist_sum_add(struct pq_engine *e, struct pq_hist_sum *a, const struct sg_native *h,
		    double factor)
{
	int r = 0;

	if (!a->any)
		begin(a, h);
	else if (sum_is_custom(a) != sg_native_is_custom(h))
		return PQ_HISTS_MIXED;
	join_hints(a, h->hint);
	if (a->dense && is_own(h))
		add_own(a, h, factor);
	else
		r = add_any(e, a, h, factor);
	pq_sum_add(&a->count, h->count * factor);
	pq_sum_add(&a->sum, h->sum * factor);
	return r;
}

static bool side_overflows(const struct pq_sum_side *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (isinf(s->b[i].s.sum))
			return true;
	return false;
}

bool pq_hist_sum_overflows(const struct pq_hist_sum *a)
{
	for (int i = a->lo; i <= a->hi; i++)
		if (isinf(a->array[i].sum))
			return true;
	return isinf(a->count.sum) || isinf(a->sum.sum) || isinf(a->zero.sum) ||
	       side_overflows(&a->pos) || side_overflows(&a->neg);
}
