// SPDX-License-Identifier: GPL-2.0
// Trimming a native histogram at a value, and its text.
#include <math.h>
#include <string.h>

#include "engine.h"
#include "hists.h"

struct trim {
	double at;
	bool below; /* what is below stays */
	bool custom;
	bool trimmed;
	double count, sum; /* of what stays */
};

/* Where the observations between two values are taken to be. */
static double middle(const struct trim *t, double lower, double upper, bool negative)
{
	double v;

	if (isinf(lower) && isinf(upper))
		return 0;
	if (isinf(lower))
		return upper > 0 ? upper / 2 : upper;
	if (isinf(upper))
		return lower;
	if (t->custom)
		return (lower + upper) / 2;
	v = sqrt(fabs(lower * upper));
	return negative ? -v : v;
}

static double zero_if_inf(double v)
{
	return isinf(v) ? 0 : v;
}

/* A bucket without an end, cut: how much stays, and where it is. */
static double cut_endless(const struct trim *t, const struct sg_native_bucket *b, double *mid)
{
	bool finite = b->upper != INFINITY;

	if (b->lower != -INFINITY) {
		*mid = t->below || t->at < b->lower ? zero_if_inf(b->lower) : t->at;
		return !t->below && t->at >= b->lower ? b->count : 0;
	}
	*mid = zero_if_inf(b->upper);
	if (t->below) {
		if (t->at > 0 && b->upper > 0 && finite) {
			*mid = t->at / 2;
			return b->count * t->at / b->upper;
		}
		if (b->upper > 0)
			return 0;
		*mid = t->at;
		return b->count;
	}
	if (t->at >= 0 && b->upper > t->at && finite) {
		*mid = (t->at + b->upper) / 2;
		return b->count * (1 - t->at / b->upper);
	}
	return 0;
}

/* The part of a bucket below the cut, which is within it. */
static double part_below(const struct trim *t, const struct sg_native_bucket *b, bool negative)
{
	double lower, upper, at;

	if (t->custom)
		return (t->at - b->lower) / (b->upper - b->lower);
	lower = log2(fabs(b->lower));
	upper = log2(fabs(b->upper));
	at = log2(fabs(t->at));
	return negative ? 1 - (at - upper) / (lower - upper) : (at - lower) / (upper - lower);
}

static double cut(const struct trim *t, const struct sg_native_bucket *b, bool negative,
		  double *mid)
{
	double below;

	if (isinf(b->lower) || isinf(b->upper))
		return cut_endless(t, b, mid);
	below = b->count * part_below(t, b, negative);
	*mid = t->below ? middle(t, b->lower, t->at, negative)
			: middle(t, t->at, b->upper, negative);
	return t->below ? below : b->count - below;
}

/* How much of a bucket stays. */
static double keep(struct trim *t, const struct sg_native_bucket *b, bool negative)
{
	double mid = 0, n;

	if (t->below ? b->upper <= t->at : b->lower >= t->at) {
		mid = middle(t, b->lower, b->upper, negative);
		n = b->count;
	} else if (t->below ? b->lower < t->at : b->upper > t->at) {
		n = cut(t, b, negative, &mid);
	} else {
		n = 0;
	}
	t->trimmed |= n != b->count;
	t->count += n;
	t->sum += mid * n;
	return n;
}

static double keep_zero(struct trim *t, const struct sg_native *h)
{
	double lower = h->n_pos && !h->n_neg ? 0 : -h->zero_threshold;
	double upper = h->n_neg && !h->n_pos ? 0 : h->zero_threshold;
	double from = t->below ? lower : fmax(lower, t->at);
	double to = t->below ? fmin(upper, t->at) : upper;
	double n = 0;

	/* A zero bucket without a width is all below, or all above. */
	if (t->below ? t->at > lower && t->at >= upper : t->at <= lower)
		n = h->zero_count;
	else if (to > from)
		n = h->zero_count * (to - from) / (upper - lower);
	t->trimmed |= n != h->zero_count;
	t->count += n;
	t->sum += (from + to) / 2 * n;
	return n;
}

static uint32_t trim_side(struct trim *t, const struct sg_native *h, bool negative,
			  struct sg_bucket *out)
{
	const struct sg_bucket *side = negative ? h->neg : h->pos;
	uint32_t n_side = negative ? h->n_neg : h->n_pos, n = 0;
	size_t zero = h->zero_count > 0;

	for (uint32_t i = 0; i < n_side; i++) {
		struct sg_native_bucket b;
		double c;

		sg_native_bucket(h, negative ? h->n_neg - 1 - i : h->n_neg + zero + i, &b);
		c = keep(t, &b, negative);
		if (c != 0)
			out[n++] = (struct sg_bucket){side[i].index, c};
	}
	return n;
}

const struct sg_native *pq_hist_trim(struct pq_engine *e, const struct sg_native *h, double at,
				     bool keep_below)
{
	struct trim t = {.at = at, .below = keep_below, .custom = sg_native_is_custom(h)};
	struct sg_native *out = pq_alloc(e, sizeof(*out) + ((size_t)h->n_pos + h->n_neg) *
								   sizeof(struct sg_bucket));
	struct sg_bucket *b;

	if (!out)
		return NULL;
	b = (struct sg_bucket *)(out + 1);
	*out = *h;
	out->pos = b;
	out->n_pos = trim_side(&t, h, false, b);
	out->neg = b + out->n_pos;
	out->n_neg = trim_side(&t, h, true, b + out->n_pos);
	if (h->zero_count > 0)
		out->zero_count = keep_zero(&t, h);
	if (!t.trimmed) {
		*out = *h;
		return out;
	}
	out->count = t.count;
	out->sum = t.sum;
	return out;
}

const char *pq_hist_text(struct pq_engine *e, const struct sg_native *h)
{
	struct sg_native_bucket b;
	sg_auto_buf s = {0};

	sg_buf_printf(&s, "{count:%s, sum:%s", pq_go_g(e, h->count), pq_go_g(e, h->sum));
	for (size_t i = 0; i < sg_native_n_buckets(h); i++) {
		sg_native_bucket(h, i, &b);
		sg_buf_printf(&s, ", %c%s,%s%c:%s", b.lower_in ? '[' : '(', pq_go_g(e, b.lower),
			      pq_go_g(e, b.upper), b.upper_in ? ']' : ')', pq_go_g(e, b.count));
	}
	sg_buf_char(&s, '}');
	return s.err ? NULL : sg_arena_strdup(e->arena, s.data);
}
