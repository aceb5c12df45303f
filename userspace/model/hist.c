// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <string.h>

#include <sgprobe/bpf/bucket.h>
#include <sgprobe/hist.h>

#define FIRST_CAP 8

void sg_hist_free(struct sg_hist *h)
{
	if (!h)
		return;
	if (h->cap)
		free(h->buckets);
	*h = (struct sg_hist){0};
}

void sg_hist_clear(struct sg_hist *h)
{
	h->count = 0;
	h->sum = 0;
	h->n = 0;
	if (!h->cap)
		h->buckets = NULL;
}

/* Makes the array the histogram's own, with room for n buckets. */
static int reserve(struct sg_hist *h, uint32_t n)
{
	uint32_t cap = SG_MAX(h->cap, (uint32_t)FIRST_CAP);
	struct sg_bucket *b;

	if (h->cap && n <= h->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	b = h->cap ? reallocarray(h->buckets, cap, sizeof(*b)) : calloc(cap, sizeof(*b));
	if (!b)
		return -ENOMEM;
	if (!h->cap && h->n)
		memcpy(b, h->buckets, h->n * sizeof(*b));
	h->buckets = b;
	h->cap = cap;
	return 0;
}

int sg_hist_copy(struct sg_hist *dst, const struct sg_hist *src)
{
	int r;

	if (dst == src)
		return 0;
	sg_hist_clear(dst);
	if (src->n) {
		r = reserve(dst, src->n);
		if (r < 0)
			return r;
		memcpy(dst->buckets, src->buckets, src->n * sizeof(*src->buckets));
	}
	dst->n = src->n;
	dst->count = src->count;
	dst->sum = src->sum;
	return 0;
}

/* Position of the first bucket whose index is not below. */
static uint32_t lower_bound(const struct sg_hist *h, int32_t index)
{
	uint32_t lo = 0, hi = h->n;

	if (h->n && h->buckets[h->n - 1].index < index)
		return h->n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (h->buckets[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void remove_bucket(struct sg_hist *h, uint32_t at)
{
	h->n--;
	memmove(h->buckets + at, h->buckets + at + 1, (h->n - at) * sizeof(*h->buckets));
}

int sg_hist_add_bucket(struct sg_hist *h, int32_t index, double count)
{
	uint32_t at = lower_bound(h, index);
	bool there = at < h->n && h->buckets[at].index == index;
	int r;

	if (count == 0)
		return 0;
	r = reserve(h, h->n + !there);
	if (r < 0)
		return r;
	if (!there) {
		memmove(h->buckets + at + 1, h->buckets + at, (h->n - at) * sizeof(*h->buckets));
		h->buckets[at] = (struct sg_bucket){index, 0};
		h->n++;
	}
	h->buckets[at].count += count;
	if (h->buckets[at].count == 0)
		remove_bucket(h, at);
	return 0;
}

int sg_hist_observe(struct sg_hist *h, double v)
{
	int32_t index = SG_BUCKET_MIN;
	int r;

	if (isnan(v))
		return -EINVAL;
	if (v > 0)
		index = SG_MIN(SG_MAX(sg_bucket_index(v), SG_HIST_INDEX_MIN), SG_HIST_INDEX_MAX);
	r = sg_hist_add_bucket(h, index, 1);
	if (r < 0)
		return r;
	h->count++;
	h->sum += v;
	return 0;
}

/* How many of other's indices h has not. */
static uint32_t count_missing(const struct sg_hist *h, const struct sg_hist *other)
{
	uint32_t i = 0, missing = 0;

	for (uint32_t j = 0; j < other->n; j++) {
		while (i < h->n && h->buckets[i].index < other->buckets[j].index)
			i++;
		missing += i == h->n || h->buckets[i].index != other->buckets[j].index;
	}
	return missing;
}

/*
 * Merges from the back, so that it is done in place: the write position never
 * overtakes the read position. Returns whether a bucket became empty.
 */
static bool merge_back(struct sg_hist *h, const struct sg_hist *other, uint32_t n, double sign)
{
	struct sg_bucket *b = h->buckets;
	uint32_t i = h->n, j = other->n;
	bool emptied = false;

	while (j) {
		const struct sg_bucket *o = &other->buckets[j - 1];

		n--;
		if (i && b[i - 1].index > o->index) {
			b[n] = b[--i];
			continue;
		}
		if (i && b[i - 1].index == o->index) {
			b[n] = b[--i];
			b[n].count += sign * o->count;
		} else {
			b[n] = (struct sg_bucket){o->index, sign * o->count};
		}
		emptied |= b[n].count == 0;
		j--;
	}
	return emptied;
}

static void drop_empty(struct sg_hist *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n; i++)
		if (h->buckets[i].count != 0)
			h->buckets[n++] = h->buckets[i];
	h->n = n;
}

static int combine(struct sg_hist *h, const struct sg_hist *other, double sign)
{
	uint32_t n = h->n + count_missing(h, other);
	int r;

	if (other->n) {
		r = reserve(h, n);
		if (r < 0)
			return r;
		if (merge_back(h, other, n, sign)) {
			h->n = n;
			drop_empty(h);
		} else {
			h->n = n;
		}
	}
	h->count += sign * other->count;
	h->sum += sign * other->sum;
	return 0;
}

int sg_hist_add(struct sg_hist *h, const struct sg_hist *other)
{
	return combine(h, other, 1);
}

int sg_hist_sub(struct sg_hist *h, const struct sg_hist *other)
{
	return combine(h, other, -1);
}

int sg_hist_scale(struct sg_hist *h, double factor)
{
	int r = h->n ? reserve(h, h->n) : 0;

	if (r < 0)
		return r;
	h->count *= factor;
	h->sum *= factor;
	for (uint32_t i = 0; i < h->n; i++)
		h->buckets[i].count *= factor;
	drop_empty(h);
	return 0;
}

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

bool sg_hist_equal(const struct sg_hist *a, const struct sg_hist *b)
{
	if (a->n != b->n || !same(a->count, b->count) || !same(a->sum, b->sum))
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->buckets[i].index != b->buckets[i].index ||
		    !same(a->buckets[i].count, b->buckets[i].count))
			return false;
	return true;
}

/* Both have the same buckets, as mostly, and none fell: all of it without a branch on a bucket. */
static bool plainly_grew(const struct sg_hist *before, const struct sg_hist *now)
{
	const struct sg_bucket *a = before->buckets, *b = now->buckets;
	unsigned int other = 0;

	if (before->n > now->n)
		return false;
	for (uint32_t i = 0; i < before->n; i++)
		other |= (unsigned int)(a[i].index != b[i].index) |
			 (unsigned int)(b[i].count < a[i].count);
	return !other;
}

bool sg_hist_is_reset(const struct sg_hist *before, const struct sg_hist *now)
{
	uint32_t j = 0;

	if (now->count < before->count)
		return true;
	if (before->buckets == now->buckets ? before->n <= now->n : plainly_grew(before, now))
		return false;
	for (uint32_t i = 0; i < before->n; i++) {
		double count = 0;

		while (j < now->n && now->buckets[j].index < before->buckets[i].index)
			j++;
		if (j < now->n && now->buckets[j].index == before->buckets[i].index)
			count = now->buckets[j].count;
		if (count < before->buckets[i].count)
			return true;
	}
	return false;
}
