// SPDX-License-Identifier: GPL-2.0
#include "chunk.h"

#include <errno.h>

#include "column.h"

#define CRC_BYTES 4
#define INDICES (SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1)
#define COUNT_MAX 0x1p53
#define TIME_MAX ((int64_t)1 << 53)
#define MAX_BUCKETS ((size_t)4 << 20) /* of a chunk that is read */

/* ---- samples ------------------------------------------------------------------- */

void sg_samples_free(struct sg_samples *s)
{
	free(s->t_ms);
	free(s->span_ms);
	free(s->v);
	free(s->min);
	free(s->max);
	free(s->sum);
	free(s->n_ticks);
	free(s->n_buckets);
	free(s->buckets);
	free(s->scratch);
	sg_hist_free(&s->hist);
	*s = (struct sg_samples){0};
}

static int widen(void *column, size_t n)
{
	void **p = column, *q = reallocarray(*p, n, sizeof(int64_t));

	if (!q)
		return -ENOMEM;
	*p = q;
	return 0;
}

int sg_samples_reserve(struct sg_samples *s, size_t n)
{
	void *const columns[] = {&s->t_ms, &s->span_ms, &s->v,	       &s->min,	   &s->max,
				 &s->sum,  &s->n_ticks, &s->n_buckets, &s->scratch};
	size_t cap = SG_MAX(s->cap, (size_t)16);
	int r = 0;

	if (n <= s->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	for (size_t i = 0; i < ARRAY_SIZE(columns) && !r; i++)
		r = widen(columns[i], cap);
	if (!r)
		s->cap = cap;
	return r;
}

int sg_samples_grow(struct sg_samples *s)
{
	int r = s->n < SG_CHUNK_MAX_SAMPLES ? sg_samples_reserve(s, s->n + 1) : -E2BIG;

	if (!r)
		s->n_buckets[s->n++] = 0;
	return r;
}

int sg_samples_add_bucket(struct sg_samples *s, int32_t index, double count)
{
	int r = SG_GROW(s->buckets, s->cap_buckets, s->total_buckets);

	if (r < 0)
		return r;
	s->buckets[s->total_buckets++] = (struct sg_bucket){index, count};
	s->n_buckets[s->n - 1]++;
	return 0;
}

/* ---- counts of buckets ---------------------------------------------------------- */

/* What is known of one bucket's counts. */
struct context {
	struct sg_rice small, far;
	int64_t mean16;
};

struct contexts {
	int32_t lo; /* index of the first */
	struct sg_rice first, gap;
	struct context of[INDICES];
};

#define SMALL_MEAN 8

static void contexts_init(struct contexts *c, int32_t lo, int32_t hi)
{
	c->lo = lo;
	c->first = (struct sg_rice){.mean = 64};
	c->gap = (struct sg_rice){.mean = 8};
	for (int32_t i = lo; i <= hi; i++)
		c->of[i - lo] = (struct context){.small = {.mean = 16}, .far = {.mean = 64}};
}

static void learn(struct context *x, int64_t count)
{
	x->mean16 += SG_MIN(count, (int64_t)1 << 52) - (x->mean16 >> 4);
}

/* Rare ones as they are, from 1; many around their mean. */
static void put_count(struct sg_bits_out *o, struct context *x, int64_t count)
{
	int64_t mean = x->mean16 >> 4;

	if (mean < SMALL_MEAN)
		sg_rice_put(o, &x->small, (uint64_t)count - 1);
	else
		sg_rice_put(o, &x->far, sg_zigzag(count - mean));
	learn(x, count);
}

static int64_t get_count(struct sg_bits_in *in, struct context *x)
{
	int64_t mean = x->mean16 >> 4, count;

	if (mean < SMALL_MEAN)
		count = (int64_t)(sg_rice_get(in, &x->small) + 1);
	else
		count = (int64_t)((uint64_t)mean + (uint64_t)sg_unzigzag(sg_rice_get(in, &x->far)));
	learn(x, SG_MAX(count, (int64_t)0));
	return count;
}

static void index_range(const struct sg_samples *s, int32_t *lo, int32_t *hi)
{
	*lo = INT32_MAX;
	*hi = INT32_MIN;
	for (size_t i = 0; i < s->total_buckets; i++) {
		*lo = SG_MIN(*lo, s->buckets[i].index);
		*hi = SG_MAX(*hi, s->buckets[i].index);
	}
	if (*lo > *hi)
		*lo = *hi = 0;
}

static int put_buckets(struct sg_bits_out *o, const struct sg_samples *s)
{
	sg_auto_free struct contexts *c = malloc(sizeof(*c));
	const struct sg_bucket *b = s->buckets;
	int32_t lo, hi;

	if (!c)
		return -ENOMEM;
	index_range(s, &lo, &hi);
	sg_bits_put(o, (uint64_t)(lo - SG_HIST_INDEX_MIN), 12);
	sg_bits_put(o, (uint64_t)(hi - lo), 12);
	contexts_init(c, lo, hi);
	for (size_t i = 0; i < s->n; i++) {
		int32_t at = lo;

		for (int64_t k = 0; k < s->n_buckets[i]; k++, b++) {
			sg_rice_put(o, k ? &c->gap : &c->first, (uint64_t)(b->index - at));
			put_count(o, &c->of[b->index - lo], (int64_t)SG_MIN(b->count, COUNT_MAX));
			at = b->index + 1;
		}
	}
	return 0;
}

/* One sample's; b has room for n. */
static int get_buckets_of(struct sg_bits_in *in, struct contexts *c, int32_t hi,
			  struct sg_bucket *b, int64_t n)
{
	int64_t at = c->lo;

	for (int64_t k = 0; k < n; k++, b++) {
		uint64_t gap = sg_rice_get(in, k ? &c->gap : &c->first);
		int64_t count;

		if (at > hi || gap > (uint64_t)(hi - at))
			return -EBADMSG;
		at += (int64_t)gap;
		count = get_count(in, &c->of[at - c->lo]);
		if (count <= 0 || count > (int64_t)COUNT_MAX)
			return -EBADMSG;
		*b = (struct sg_bucket){(int32_t)at++, (double)count};
	}
	return 0;
}

static int count_buckets(const struct sg_samples *s, int32_t lo, int32_t hi, size_t *total)
{
	*total = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->n_buckets[i] < 0 || s->n_buckets[i] > hi - lo + 1)
			return -EBADMSG;
		*total += (size_t)s->n_buckets[i];
	}
	return *total <= MAX_BUCKETS ? 0 : -EBADMSG;
}

static int get_buckets(struct sg_bits_in *in, struct sg_samples *s)
{
	sg_auto_free struct contexts *c = malloc(sizeof(*c));
	int32_t lo = (int32_t)sg_bits_get(in, 12) + SG_HIST_INDEX_MIN;
	int32_t hi = lo + (int32_t)sg_bits_get(in, 12);
	size_t total, at = 0;
	int r = c ? 0 : -ENOMEM;

	if (!r && hi > SG_HIST_INDEX_MAX)
		r = -EBADMSG;
	if (!r)
		r = count_buckets(s, lo, hi, &total);
	if (!r)
		r = SG_GROW(s->buckets, s->cap_buckets, total);
	if (r < 0)
		return r;
	contexts_init(c, lo, hi);
	for (size_t i = 0; i < s->n && !r; i++) {
		r = get_buckets_of(in, c, hi, s->buckets + at, s->n_buckets[i]);
		at += (size_t)s->n_buckets[i];
		if (sg_bits_over(in))
			r = -EBADMSG;
	}
	s->total_buckets = total;
	return r;
}

/* ---- sums ----------------------------------------------------------------------- */

/* 2^(30 + j/8 - 1/16): the middle of bucket j, as logarithms have it. */
static const uint64_t middles[8] = {0x3d495f45U, 0x42d561b4U, 0x48e1e9baU, 0x4f7a9930U,
				    0x56ac1f75U, 0x5e8451d0U, 0x6712460bU, 0x70666f76U};

/* What the buckets make a sum of, in units; wraps, and is 0 far away from any unit. */
static uint64_t guess(const struct sg_bucket *b, int64_t n, uint64_t per_unit)
{
	uint64_t sum = 0;

	for (; n--; b++) {
		int32_t octave = b->index >> 3;
		uint64_t one = middles[b->index & 7] * per_unit;

		if (octave > 30)
			continue;
		one = octave > 0 ? (one >> 30) << octave : one >> SG_MIN(30 - octave, 63);
		sum += one * (uint64_t)b->count;
	}
	return sum;
}

/* Of samples with buckets only: the others have a sum of 0. */
static size_t gather_sums(struct sg_samples *s, double *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->n_buckets[i])
			out[n++] = s->v[i];
	return n;
}

static bool empty_sums_are_zero(const struct sg_samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->n_buckets[i] && !sg_same_bits(s->v[i], 0))
			return false;
	return true;
}

static void put_guessed(struct sg_bits_out *o, const struct sg_samples *s, unsigned int scale)
{
	const struct sg_bucket *b = s->buckets;
	struct sg_rice off = {.mean = (uint64_t)16 << 16};

	for (size_t i = 0; i < s->n; i++) {
		uint64_t k = (uint64_t)sg_scale_count(scale, s->v[i]);

		if (s->n_buckets[i])
			sg_rice_put(o, &off,
				    sg_zigzag((int64_t)(k - guess(b, s->n_buckets[i],
								  sg_scale_per_unit(scale)))));
		if (s->n_buckets[i])
			b += s->n_buckets[i];
	}
}

static void get_guessed(struct sg_bits_in *in, struct sg_samples *s, unsigned int scale)
{
	const struct sg_bucket *b = s->buckets;
	struct sg_rice off = {.mean = (uint64_t)16 << 16};

	for (size_t i = 0; i < s->n; i++) {
		int64_t n = s->n_buckets[i];
		uint64_t k;

		s->v[i] = 0;
		if (!n)
			continue;
		k = guess(b, n, sg_scale_per_unit(scale)) +
		    (uint64_t)sg_unzigzag(sg_rice_get(in, &off));
		s->v[i] = sg_scale_value(scale, (int64_t)k);
		b += n;
	}
}

static void put_sums(struct sg_bits_out *o, struct sg_samples *s)
{
	bool guessed = !s->coarse && empty_sums_are_zero(s);
	unsigned int scale = SG_SCALE_NONE;

	if (guessed)
		scale = sg_scale_find(s->sum, gather_sums(s, s->sum));
	sg_bits_put(o, scale, 3);
	if (scale != SG_SCALE_NONE)
		put_guessed(o, s, scale);
	else
		sg_column_put_doubles(o, s->v, s->n, s->scratch);
}

static void get_sums(struct sg_bits_in *in, struct sg_samples *s)
{
	unsigned int scale = (unsigned int)sg_bits_get(in, 3);

	if (scale != SG_SCALE_NONE)
		get_guessed(in, s, scale);
	else
		sg_column_get_doubles(in, s->v, s->n);
}

/* ---- what was before ------------------------------------------------------------- */

static void put_before(struct sg_bits_out *o, const struct sg_samples *s)
{
	const struct sg_hist *h = &s->hist;
	int64_t age = s->n ? s->t_ms[0] - s->last_ms : 0;
	int32_t at = SG_HIST_INDEX_MIN;

	if (!s->known)
		return;
	sg_bits_put_number(o, sg_zigzag(age));
	sg_column_put_doubles(o, s->type == SG_HISTOGRAM ? &h->sum : &s->value, 1, s->scratch);
	if (s->type != SG_HISTOGRAM)
		return;
	sg_bits_put_number(o, h->n);
	for (uint32_t i = 0; i < h->n; i++) {
		sg_bits_put_number(o, (uint64_t)(h->buckets[i].index - at));
		sg_bits_put_number(o, (uint64_t)h->buckets[i].count);
		at = h->buckets[i].index;
	}
}

static int get_before_buckets(struct sg_bits_in *in, struct sg_hist *h)
{
	uint64_t n = sg_bits_get_number(in);
	int32_t at = SG_HIST_INDEX_MIN;
	int r = n <= INDICES ? 0 : -EBADMSG;

	for (uint64_t i = 0; i < n && !r; i++) {
		uint64_t gap = sg_bits_get_number(in), count = sg_bits_get_number(in);

		if (gap > (uint64_t)(SG_HIST_INDEX_MAX - at) || !count || count > (uint64_t)1 << 53)
			return -EBADMSG;
		at += (int32_t)gap;
		h->count += (double)count;
		r = sg_hist_add_bucket(h, at, (double)count);
	}
	return r;
}

static int get_before(struct sg_bits_in *in, struct sg_samples *s, int64_t *age)
{
	*age = 0;
	sg_hist_clear(&s->hist);
	s->value = 0;
	if (!s->known)
		return 0;
	*age = sg_unzigzag(sg_bits_get_number(in));
	if (s->type != SG_HISTOGRAM) {
		sg_column_get_doubles(in, &s->value, 1);
		return 0;
	}
	sg_column_get_doubles(in, &s->hist.sum, 1);
	return get_before_buckets(in, &s->hist);
}

/* ---- chunks --------------------------------------------------------------------- */

static void put_time(struct sg_bits_out *o, struct sg_samples *s, int64_t base_ms)
{
	for (size_t i = 0; i < s->n; i++)
		s->scratch[i] = s->t_ms[i] - base_ms;
	sg_column_put_ints(o, s->scratch, s->n);
	sg_column_put_ints(o, s->span_ms, s->n);
}

static int get_time(struct sg_bits_in *in, struct sg_samples *s, int64_t base_ms)
{
	sg_column_get_ints(in, s->t_ms, s->n);
	sg_column_get_ints(in, s->span_ms, s->n);
	for (size_t i = 0; i < s->n; i++) {
		s->t_ms[i] = (int64_t)((uint64_t)s->t_ms[i] + (uint64_t)base_ms);
		if (s->t_ms[i] > TIME_MAX || s->t_ms[i] < -TIME_MAX || s->span_ms[i] > TIME_MAX ||
		    s->span_ms[i] < -TIME_MAX)
			return -EBADMSG;
	}
	return 0;
}

static int put_values(struct sg_bits_out *o, struct sg_samples *s)
{
	int r;

	if (s->type == SG_HISTOGRAM) {
		sg_column_put_ints(o, s->n_buckets, s->n);
		r = put_buckets(o, s);
		if (!r)
			put_sums(o, s);
		return r;
	}
	sg_column_put_doubles(o, s->v, s->n, s->scratch);
	if (s->type == SG_GAUGE && s->coarse) {
		sg_column_put_doubles(o, s->min, s->n, s->scratch);
		sg_column_put_doubles(o, s->max, s->n, s->scratch);
		sg_column_put_doubles(o, s->sum, s->n, s->scratch);
		sg_column_put_ints(o, s->n_ticks, s->n);
	}
	return 0;
}

static int get_ticks(struct sg_bits_in *in, struct sg_samples *s)
{
	sg_column_get_ints(in, s->n_ticks, s->n);
	for (size_t i = 0; i < s->n; i++)
		if (s->n_ticks[i] < 0 || s->n_ticks[i] > SG_CHUNK_MAX_TICKS)
			return -EBADMSG;
	return 0;
}

static int get_values(struct sg_bits_in *in, struct sg_samples *s)
{
	int r;

	if (s->type == SG_HISTOGRAM) {
		sg_column_get_ints(in, s->n_buckets, s->n);
		r = get_buckets(in, s);
		if (!r)
			get_sums(in, s);
		return r;
	}
	sg_column_get_doubles(in, s->v, s->n);
	if (s->type == SG_GAUGE && s->coarse) {
		sg_column_get_doubles(in, s->min, s->n);
		sg_column_get_doubles(in, s->max, s->n);
		sg_column_get_doubles(in, s->sum, s->n);
		return get_ticks(in, s);
	}
	return 0;
}

static void put_crc(struct sg_buf *out, size_t at)
{
	uint32_t crc = sg_crc32c(0, out->data + at + CRC_BYTES, out->len - at - CRC_BYTES);

	for (int i = 0; i < CRC_BYTES; i++)
		out->data[at + (size_t)i] = (char)(crc >> (8 * i));
}

int sg_chunk_encode(struct sg_samples *s, int64_t base_ms, struct sg_buf *out)
{
	struct sg_bits_out o = {.b = out};
	size_t at = out->len;
	int r;

	sg_buf_add(out, "\0\0\0", CRC_BYTES);
	sg_bits_put(&o, s->type, 2);
	sg_bits_put(&o, s->coarse, 1);
	sg_bits_put(&o, s->known, 1);
	sg_bits_put_number(&o, s->n);
	put_before(&o, s);
	put_time(&o, s, base_ms);
	r = put_values(&o, s);
	sg_bits_flush(&o);
	if (!r)
		r = out->err;
	if (!r)
		put_crc(out, at);
	return r;
}

static int get_header(struct sg_bits_in *in, struct sg_samples *s)
{
	uint64_t n;

	s->type = (enum sg_type)sg_bits_get(in, 2);
	s->coarse = sg_bits_get(in, 1);
	s->known = sg_bits_get(in, 1);
	n = sg_bits_get_number(in);
	s->n = s->total_buckets = 0;
	if (s->type > SG_HISTOGRAM || !n || n > SG_CHUNK_MAX_SAMPLES)
		return -EBADMSG;
	return sg_samples_reserve(s, (size_t)n) < 0 ? -ENOMEM : (int)n;
}

int sg_chunk_decode(struct sg_samples *s, int64_t base_ms, const void *p, size_t n)
{
	const uint8_t *b = p;
	struct sg_bits_in in = {.p = b + CRC_BYTES, .end = b + n};
	uint32_t crc = 0;
	int64_t age;
	int r;

	if (n <= CRC_BYTES)
		return -EBADMSG;
	for (int i = 0; i < CRC_BYTES; i++)
		crc |= (uint32_t)b[i] << (8 * i);
	if (crc != sg_crc32c(0, b + CRC_BYTES, n - CRC_BYTES))
		return -EBADMSG;
	r = get_header(&in, s);
	if (r < 0)
		return r;
	s->n = (size_t)r;
	r = get_before(&in, s, &age);
	if (r < 0)
		return r;
	r = get_time(&in, s, base_ms);
	if (r < 0 || age > TIME_MAX || age < -TIME_MAX)
		return -EBADMSG;
	s->last_ms = s->t_ms[0] - age;
	r = get_values(&in, s);
	if (!r && sg_bits_over(&in))
		r = -EBADMSG;
	return r;
}
