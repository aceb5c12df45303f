// SPDX-License-Identifier: GPL-2.0
/*
 * io.prometheus.client.MetricFamily, each with its length before it. Of the format only
 * what is needed: varints, doubles, and messages within messages, which are made in a
 * buffer of their own because their length comes first.
 */
#include <endian.h>
#include <math.h>
#include <string.h>

#include "family.h"

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2 };
enum { FAMILY_NAME = 1, FAMILY_HELP, FAMILY_TYPE, FAMILY_METRIC, FAMILY_UNIT };
enum { METRIC_LABEL = 1, METRIC_GAUGE, METRIC_COUNTER, METRIC_TIMESTAMP = 6, METRIC_HISTOGRAM };
enum { PAIR_NAME = 1, PAIR_VALUE };
enum { VALUE = 1 }; /* of a gauge and of a counter */
enum {
	HIST_COUNT = 1,
	HIST_SUM,
	HIST_BUCKET,
	HIST_SCHEMA = 5,
	HIST_ZERO_THRESHOLD,
	HIST_ZERO_COUNT,
	HIST_NEGATIVE_SPAN = 9,
	HIST_NEGATIVE_DELTA,
	HIST_POSITIVE_SPAN = 12,
	HIST_POSITIVE_DELTA,
};
enum { SPAN_OFFSET = 1, SPAN_LENGTH };
enum { BUCKET_COUNT = 1, BUCKET_BOUND, BUCKET_EXEMPLAR };
enum { EXEMPLAR_LABEL = 1, EXEMPLAR_VALUE, EXEMPLAR_TIME };
enum { TIME_SECONDS = 1, TIME_NANOS };

static const uint8_t types[] = {[SG_COUNTER] = 0, [SG_GAUGE] = 1, [SG_HISTOGRAM] = 4};

/* Prometheus' own default: with one above 0 a histogram is native even when it is empty. */
#define ZERO_THRESHOLD 0x1p-128

/* Which scratch buffer holds which message while it is made. */
enum { FAMILY, METRIC, HISTOGRAM, PART };

static void put_varint(struct sg_buf *b, uint64_t v)
{
	unsigned char out[10];
	size_t n = 0;

	do {
		out[n] = v & 0x7f;
		v >>= 7;
		out[n++] |= v ? 0x80 : 0;
	} while (v);
	sg_buf_add(b, out, n);
}

static uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static void put_tag(struct sg_buf *b, unsigned int field, enum wire wire)
{
	put_varint(b, field << 3 | wire);
}

static void put_number(struct sg_buf *b, unsigned int field, uint64_t v)
{
	put_tag(b, field, VARINT);
	put_varint(b, v);
}

static void put_double(struct sg_buf *b, unsigned int field, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	bits = htole64(bits);
	put_tag(b, field, FIXED64);
	sg_buf_add(b, &bits, sizeof(bits));
}

static void put_bytes(struct sg_buf *b, unsigned int field, const void *p, size_t n)
{
	put_tag(b, field, BYTES);
	put_varint(b, n);
	sg_buf_add(b, p, n);
}

static void put_text(struct sg_buf *b, unsigned int field, const char *s)
{
	put_bytes(b, field, s, strlen(s));
}

static struct sg_buf *begin_message(struct export_writer *w, int which)
{
	sg_buf_reset(&w->scratch[which]);
	return &w->scratch[which];
}

/* Into what holds it; a failure goes along. */
static void end_message(struct sg_buf *to, unsigned int field, const struct sg_buf *m)
{
	put_bytes(to, field, m->data, m->len);
	if (m->err && !to->err)
		to->err = m->err;
}

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* Straight into what holds it: its length is known. */
static void put_pair(struct sg_buf *b, unsigned int field, const struct sg_label *l)
{
	size_t name = strlen(l->name), value = strlen(l->value);

	put_tag(b, field, BYTES);
	put_varint(b, 2 + varint_size(name) + name + varint_size(value) + value);
	put_bytes(b, PAIR_NAME, l->name, name);
	put_bytes(b, PAIR_VALUE, l->value, value);
}

/* ---- histograms ------------------------------------------------------------------------ */

static void put_time(struct sg_buf *b, int64_t ms)
{
	uint64_t nanos = ms % 1000 * 1000000;

	put_tag(b, EXEMPLAR_TIME, BYTES);
	put_varint(b, 2 + varint_size(ms / 1000) + varint_size(nanos));
	put_number(b, TIME_SECONDS, ms / 1000);
	put_number(b, TIME_NANOS, nanos);
}

static void put_exemplar(struct sg_buf *b, const struct export_exemplar *x)
{
	sg_auto_buf m = {0};

	for (size_t i = 0; i < x->n_labels; i++)
		put_pair(&m, EXEMPLAR_LABEL, &x->labels[i]);
	put_double(&m, EXEMPLAR_VALUE, x->value);
	put_time(&m, x->t_ms);
	end_message(b, BUCKET_EXEMPLAR, &m);
}

static void put_classic(struct export_writer *w, const struct export_family *f,
			const struct export_sample *s)
{
	uint64_t counts[EXPORT_EDGES_MAX + 1];
	struct export_edges e = f->edges;

	export_cumulate(&s->hist, &e, counts);
	for (size_t i = 0; i <= e.n; i++) {
		struct sg_buf *b = begin_message(w, PART);

		put_number(b, BUCKET_COUNT, counts[i]);
		put_double(b, BUCKET_BOUND, i < e.n ? e.le[i] : INFINITY);
		if (s->exemplars && e.n == f->edges.n && s->exemplars[i])
			put_exemplar(b, s->exemplars[i]);
		end_message(&w->scratch[HISTOGRAM], HIST_BUCKET, b);
	}
}

static void put_span(struct sg_buf *b, unsigned int field, int64_t offset, uint32_t length)
{
	put_tag(b, field, BYTES);
	put_varint(b, 2 + varint_size(zigzag(offset)) + varint_size(length));
	put_number(b, SPAN_OFFSET, zigzag(offset));
	put_number(b, SPAN_LENGTH, length);
}

/* How many buckets from i on follow each other. */
static uint32_t run_of(const struct sg_bucket *k, uint32_t i, uint32_t n)
{
	uint32_t end = i + 1;

	while (end < n && k[end].index == k[end - 1].index + 1)
		end++;
	return end - i;
}

/* The first offset is from 0, the others from the end of the span before. */
static void put_spans(struct sg_buf *b, unsigned int field, const struct sg_bucket *k, uint32_t n)
{
	int64_t next = 0;

	for (uint32_t i = 0, run; i < n; i += run) {
		run = run_of(k, i, n);
		put_span(b, field, k[i].index - next, run);
		next = (int64_t)k[i].index + run;
	}
}

static void put_deltas(struct export_writer *w, unsigned int field, const struct sg_bucket *k,
		       uint32_t n)
{
	struct sg_buf *b = begin_message(w, PART);
	int64_t before = 0;

	for (uint32_t i = 0; i < n; i++) {
		int64_t count = llround(k[i].count);

		put_varint(b, zigzag(count - before));
		before = count;
	}
	if (n)
		end_message(&w->scratch[HISTOGRAM], field, b);
}

static void put_native(struct export_writer *w, const struct sg_native *h)
{
	struct sg_buf *b = &w->scratch[HISTOGRAM];

	put_number(b, HIST_SCHEMA, zigzag(h->schema));
	put_double(b, HIST_ZERO_THRESHOLD,
		   h->zero_threshold > 0 ? h->zero_threshold : ZERO_THRESHOLD);
	put_number(b, HIST_ZERO_COUNT, llround(h->zero_count));
	put_spans(b, HIST_NEGATIVE_SPAN, h->neg, h->n_neg);
	put_deltas(w, HIST_NEGATIVE_DELTA, h->neg, h->n_neg);
	put_spans(b, HIST_POSITIVE_SPAN, h->pos, h->n_pos);
	put_deltas(w, HIST_POSITIVE_DELTA, h->pos, h->n_pos);
	if (!h->n_pos && !h->n_neg) /* says "native" of an empty one */
		put_span(b, HIST_POSITIVE_SPAN, 0, 0);
}

static void put_hist(struct export_writer *w, const struct export_family *f,
		     const struct export_sample *s)
{
	struct sg_buf *b = begin_message(w, HISTOGRAM);

	put_number(b, HIST_COUNT, llround(s->hist.count));
	put_double(b, HIST_SUM, s->hist.sum);
	put_classic(w, f, s);
	if (!sg_native_is_custom(&s->hist))
		put_native(w, &s->hist);
	end_message(&w->scratch[METRIC], METRIC_HISTOGRAM, b);
}

/* ---- the form -------------------------------------------------------------------------- */

static void begin(struct export_writer *w, const struct export_family *f)
{
	struct sg_buf *b = begin_message(w, FAMILY);

	put_text(b, FAMILY_NAME, f->name);
	put_text(b, FAMILY_HELP, f->help);
	put_number(b, FAMILY_TYPE, types[f->type]);
}

static void sample(struct export_writer *w, const struct export_family *f,
		   const struct export_sample *s)
{
	struct sg_buf *b = begin_message(w, METRIC), *value;

	for (size_t i = 0; i < s->series->n_labels; i++)
		put_pair(b, METRIC_LABEL, &s->series->labels[i]);
	if (f->type == SG_HISTOGRAM) {
		put_hist(w, f, s);
	} else {
		value = begin_message(w, PART);
		put_double(value, VALUE, s->value);
		end_message(b, f->type == SG_COUNTER ? METRIC_COUNTER : METRIC_GAUGE, value);
	}
	if (f->timestamps)
		put_number(b, METRIC_TIMESTAMP, s->t_ms);
	end_message(&w->scratch[FAMILY], FAMILY_METRIC, b);
}

static void end(struct export_writer *w, const struct export_family *f)
{
	struct sg_buf *b = &w->scratch[FAMILY];

	if (*f->unit)
		put_text(b, FAMILY_UNIT, f->unit);
	put_varint(w->out, b->len);
	sg_buf_add(w->out, b->data, b->len);
	if (b->err && !w->out->err)
		w->out->err = b->err;
}

const struct export_form export_protobuf = {
	.begin = begin,
	.sample = sample,
	.end = end,
	.has_exemplars = true,
};
