// SPDX-License-Identifier: GPL-2.0
// Native histograms as values: their buckets, equality, counter resets.
#include <sgprobe/native.h>

#include <float.h>
#include <math.h>
#include <string.h>

void sg_native_from_hist(struct sg_native *n, const struct sg_hist *h)
{
	*n = (struct sg_native){.count = h->count,
				.sum = h->sum,
				.pos = h->buckets,
				.n_pos = h->n,
				.schema = SG_SCHEMA_OWN};
}

/* ---- bounds -------------------------------------------------------------------------- */

double sg_schema_bound(int32_t index, int schema)
{
	int64_t octave;
	double fraction = 1;

	if (schema < 0) {
		octave = (int64_t)index * (1 << -schema);
	} else {
		int32_t in_octave = index & ((1 << schema) - 1);

		octave = index >> schema;
		if (schema == SG_SCHEMA_OWN)
			fraction = sg_bucket_upper(in_octave);
		else if (in_octave)
			fraction = exp2((double)in_octave / (1 << schema));
	}
	/* The last bucket of finite numbers ends at the greatest of them. */
	if (octave == 1024 && fraction == 1)
		return DBL_MAX;
	return ldexp(fraction, (int)SG_MAX(SG_MIN(octave, 5000), -5000));
}

double sg_native_bound(const struct sg_native *h, int32_t index)
{
	if (!sg_native_is_custom(h))
		return sg_schema_bound(index, h->schema);
	if (index < 0)
		return -INFINITY;
	return (uint32_t)index < h->n_bounds ? h->bounds[index] : INFINITY;
}

static bool has_zero(const struct sg_native *h)
{
	return h->zero_count > 0;
}

size_t sg_native_n_buckets(const struct sg_native *h)
{
	return (size_t)h->n_neg + has_zero(h) + h->n_pos;
}

void sg_native_bucket(const struct sg_native *h, size_t i, struct sg_native_bucket *ret)
{
	const struct sg_bucket *b;

	if (i < h->n_neg) {
		b = &h->neg[h->n_neg - 1 - i];
		*ret = (struct sg_native_bucket){.lower = -sg_native_bound(h, b->index),
						 .upper = -sg_native_bound(h, b->index - 1),
						 .count = b->count,
						 .lower_in = true};
		return;
	}
	i -= h->n_neg;
	if (has_zero(h) && i == 0) {
		*ret = (struct sg_native_bucket){.lower = -h->zero_threshold,
						 .upper = h->zero_threshold,
						 .count = h->zero_count,
						 .lower_in = true,
						 .upper_in = true};
		return;
	}
	b = &h->pos[i - has_zero(h)];
	*ret = (struct sg_native_bucket){.lower = sg_native_bound(h, b->index - 1),
					 .upper = sg_native_bound(h, b->index),
					 .count = b->count,
					 .lower_in = sg_native_is_custom(h) && b->index == 0,
					 .upper_in = true};
}

/* ---- equality ------------------------------------------------------------------------ */

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool same_buckets(const struct sg_bucket *a, const struct sg_bucket *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (a[i].index != b[i].index || !same(a[i].count, b[i].count))
			return false;
	return true;
}

bool sg_native_same_bounds(const struct sg_native *a, const struct sg_native *b)
{
	if (a->n_bounds != b->n_bounds)
		return false;
	for (uint32_t i = 0; a->bounds != b->bounds && i < a->n_bounds; i++)
		if (a->bounds[i] != b->bounds[i])
			return false;
	return true;
}

bool sg_native_equal(const struct sg_native *a, const struct sg_native *b)
{
	return a->schema == b->schema && same(a->count, b->count) && same(a->sum, b->sum) &&
	       same(a->zero_count, b->zero_count) && a->zero_threshold == b->zero_threshold &&
	       a->n_pos == b->n_pos && a->n_neg == b->n_neg && sg_native_same_bounds(a, b) &&
	       same_buckets(a->pos, b->pos, a->n_pos) && same_buckets(a->neg, b->neg, a->n_neg);
}

/* ---- counter resets ------------------------------------------------------------------ */

double sg_native_zero_count(const struct sg_native *h, double *threshold)
{
	for (;;) {
		double n = h->zero_count;
		bool raised = false;

		if (*threshold == h->zero_threshold)
			return n;
		for (uint32_t i = 0; i < h->n_pos; i++) {
			if (sg_native_bound(h, h->pos[i].index - 1) >= *threshold)
				break;
			n += h->pos[i].count;
			*threshold = fmax(*threshold, sg_native_bound(h, h->pos[i].index));
		}
		for (uint32_t i = 0; i < h->n_neg && !raised; i++) {
			double upper = sg_native_bound(h, h->neg[i].index);

			if (sg_native_bound(h, h->neg[i].index - 1) >= *threshold)
				break;
			n += h->neg[i].count;
			raised = upper > *threshold;
			*threshold = fmax(*threshold, upper);
		}
		/* Then the positive buckets must be looked at anew. */
		if (!raised)
			return n;
	}
}

/* Walks the buckets of one side as they would be in a coarser schema, above a threshold. */
struct walk {
	const struct sg_bucket *b, *end;
	int from, to;
	double threshold;
	int32_t index;
	double count;
};

static bool walk_next(struct walk *w)
{
	while (w->b < w->end) {
		w->index = sg_schema_reduce(w->b->index, w->from, w->to);
		w->count = 0;
		while (w->b < w->end && sg_schema_reduce(w->b->index, w->from, w->to) == w->index)
			w->count += (w->b++)->count;
		if (w->threshold == 0 || sg_schema_bound(w->index, w->to) > w->threshold)
			return true;
	}
	return false;
}

/* Some bucket holds less than before, or is gone; where both have the same buckets: as it nearly always is. */
static bool same_layout_fell(const struct sg_bucket *b, uint32_t n_b, const struct sg_bucket *c,
			     uint32_t n_c)
{
	const struct sg_bucket *end = c + n_c;

	for (uint32_t i = 0; i < n_b; i++) {
		while (c < end && c->index < b[i].index)
			c++;
		if (c == end || c->index != b[i].index || c->count < b[i].count)
			return true;
	}
	return false;
}

/* Some bucket holds less than before. */
static bool side_fell(const struct sg_native *before, const struct sg_bucket *b, uint32_t n_b,
		      const struct sg_native *now, const struct sg_bucket *c, uint32_t n_c)
{
	struct walk was = {.b = b,
			   .end = b + n_b,
			   .from = before->schema,
			   .to = now->schema,
			   .threshold = now->zero_threshold};
	uint32_t i = 0;

	if (before->schema == now->schema && now->zero_threshold == 0)
		return same_layout_fell(b, n_b, c, n_c);
	while (walk_next(&was)) {
		while (i < n_c && c[i].index < was.index)
			i++;
		if (i == n_c || c[i].index != was.index) {
			if (was.count != 0)
				return true;
		} else if (c[i].count < was.count) {
			return true;
		}
	}
	return false;
}

/* The sum of the buckets up to an index, from where the last call ended. */
static double take_until(const struct sg_native *h, uint32_t *at, int64_t index)
{
	double n = 0;

	while (*at < h->n_pos && h->pos[*at].index <= index)
		n += h->pos[(*at)++].count;
	return n;
}

/* Different bounds: the buckets between those that both have are compared. */
static bool custom_fell(const struct sg_native *before, const struct sg_native *now)
{
	uint32_t i = 0, j = 0, at_before = 0, at_now = 0;
	bool last = false;

	while (!last) {
		while (i < before->n_bounds && j < now->n_bounds &&
		       before->bounds[i] != now->bounds[j]) {
			if (before->bounds[i] < now->bounds[j])
				i++;
			else
				j++;
		}
		last = i == before->n_bounds || j == now->n_bounds;
		if (take_until(now, &at_now, last ? INT64_MAX : j) <
		    take_until(before, &at_before, last ? INT64_MAX : i))
			return true;
		i++, j++;
	}
	return false;
}

static bool zero_fell(const struct sg_native *before, const struct sg_native *now)
{
	double threshold = now->zero_threshold;

	if (now->zero_threshold == before->zero_threshold)
		return now->zero_count < before->zero_count;
	if (now->zero_threshold < before->zero_threshold)
		return true;
	if (now->zero_count < sg_native_zero_count(before, &threshold))
		return true;
	return threshold != now->zero_threshold;
}

bool sg_native_is_reset(const struct sg_native *before, const struct sg_native *now)
{
	if (now->hint == SG_HINT_RESET || now->hint == SG_HINT_NOT_RESET)
		return now->hint == SG_HINT_RESET;
	if (now->count < before->count)
		return true;
	if (sg_native_is_custom(now)) {
		if (!sg_native_is_custom(before))
			return true;
		if (!sg_native_same_bounds(before, now))
			return custom_fell(before, now);
	}
	if (now->schema > before->schema || zero_fell(before, now))
		return true;
	return side_fell(before, before->pos, before->n_pos, now, now->pos, now->n_pos) ||
	       side_fell(before, before->neg, before->n_neg, now, now->neg, now->n_neg);
}
