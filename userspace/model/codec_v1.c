// SPDX-License-Identifier: GPL-2.0
/* Version 1. Everything is checked before memory is taken for it. */
#include <errno.h>

#include "codec.h"
#include "names.h"

#define LEAST_STRING 2 /* length and one byte: no string is empty */
#define LEAST_SERIES 2 /* type and name */
#define LEAST_SAMPLE 1
#define LEAST_BUCKET 2

enum text_kind { TEXT_METRIC = 1, TEXT_LABEL = 2, TEXT_VALUE = 4 };

struct texts {
	size_t n;
	const char **s;
	uint8_t *kinds; /* what the string may be used as: enum text_kind */
};

int sg_codec_v1_header(const uint8_t *p, struct sg_frame_view *v)
{
	uint32_t total = wire_u32(p + WIRE_TOTAL_LEN), tables = wire_u32(p + WIRE_TABLES_LEN);
	struct sg_frame *h = &v->header;

	*h = (struct sg_frame){
		.flags = wire_u32(p + WIRE_FLAGS),
		.source = wire_u32(p + WIRE_SOURCE),
		.session = wire_u64(p + WIRE_SESSION),
		.seq = wire_u64(p + WIRE_SEQ),
		.t_ms = (int64_t)wire_u64(p + WIRE_T_MS),
		.span_ns = wire_u64(p + WIRE_SPAN_NS),
		.n = wire_u32(p + WIRE_N_SAMPLES),
	};
	if (wire_u16(p + WIRE_HEADER_LEN) != WIRE_BODY || total < WIRE_BODY ||
	    tables > total - WIRE_BODY)
		return -EBADMSG;
	if (h->t_ms < 0 || h->t_ms > WIRE_T_MAX_MS || h->span_ns > INT64_MAX)
		return -EBADMSG;
	v->tables = p + WIRE_BODY;
	v->tables_len = tables;
	v->samples = v->tables + tables;
	v->samples_len = total - WIRE_BODY - tables;
	if (h->n > SG_FRAME_MAX_SAMPLES || h->n > tables / LEAST_SERIES ||
	    h->n > v->samples_len / LEAST_SAMPLE)
		return -EBADMSG;
	return 0;
}

static uint8_t kinds_of(const char *s, size_t n)
{
	uint8_t kinds = 0;

	if (!n || memchr(s, 0, n) || !sg_label_value_valid(s, n))
		return 0;
	kinds = TEXT_VALUE;
	if (sg_metric_name_valid(s))
		kinds |= TEXT_METRIC;
	if (sg_label_name_valid(s))
		kinds |= TEXT_LABEL;
	return kinds;
}

static int read_text(struct wire_reader *in, struct sg_arena *arena, struct texts *t)
{
	size_t len = wire_get_upto(in, SG_LABEL_VALUE_MAX);
	const char *s;

	if (in->bad || len > wire_left(in))
		return -EBADMSG;
	s = sg_arena_strndup(arena, (const char *)in->p, len);
	if (!s)
		return -ENOMEM;
	in->p += len;
	t->kinds[t->n] = kinds_of(s, len);
	if (!t->kinds[t->n])
		return -EBADMSG;
	t->s[t->n++] = s;
	return 0;
}

static int read_texts(struct wire_reader *in, struct sg_arena *arena, struct texts *t)
{
	size_t n = wire_get_upto(in, wire_left(in) / LEAST_STRING);

	if (in->bad)
		return -EBADMSG;
	t->s = sg_arena_alloc(arena, n * sizeof(*t->s));
	t->kinds = sg_arena_alloc(arena, n);
	if (!t->s || !t->kinds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = read_text(in, arena, t);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The next reference, to a text that may be used as 'kind'; NULL when there is no such. */
static const char *read_ref(struct wire_reader *in, const struct texts *t, enum text_kind kind)
{
	uint64_t ref = wire_get_varint(in);

	return !in->bad && ref < t->n && (t->kinds[ref] & kind) ? t->s[ref] : NULL;
}

static int read_labels(struct wire_reader *in, const struct texts *t, struct sg_label *labels,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		labels[i].name = read_ref(in, t, TEXT_LABEL);
		labels[i].value = read_ref(in, t, TEXT_VALUE);
		if (!labels[i].name || !labels[i].value)
			return -EBADMSG;
		if (i && strcmp(labels[i - 1].name, labels[i].name) >= 0)
			return -EBADMSG;
	}
	return 0;
}

static int read_series(struct wire_reader *in, struct sg_arena *arena, const struct texts *t,
		       struct sg_series *s)
{
	uint64_t head = wire_get_upto(in, SG_LABELS_MAX << 2 | SG_HISTOGRAM);
	size_t n = head >> 2;
	struct sg_label *labels = NULL;

	*s = (struct sg_series){.type = head & 3, .n_labels = n};
	s->name = read_ref(in, t, TEXT_METRIC);
	if (!s->name || (head & 3) > SG_HISTOGRAM || n > wire_left(in) / 2)
		return -EBADMSG;
	if (n) {
		labels = sg_arena_alloc(arena, n * sizeof(*labels));
		if (!labels)
			return -ENOMEM;
		if (read_labels(in, t, labels, n) < 0)
			return -EBADMSG;
	}
	s->labels = labels;
	s->hash = sg_series_hash(s->name, labels, n);
	return 0;
}

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(entry, key);
}

static int refuse_twins(struct sg_series *s, size_t n)
{
	sg_auto(sg_map) seen = sg_map_new(same_series);

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (sg_map_get(seen, s[i].hash, &s[i]))
			return -EBADMSG;
		if (sg_map_put(seen, s[i].hash, &s[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int sg_codec_v1_series(const struct sg_frame_view *v, struct sg_arena *arena,
		       struct sg_series **ret)
{
	struct wire_reader in = {v->tables, v->tables + v->tables_len, false};
	size_t n = v->header.n;
	struct texts texts = {0};
	struct sg_series *s;
	int r = read_texts(&in, arena, &texts);

	if (r < 0)
		return r;
	s = sg_arena_alloc(arena, n * sizeof(*s));
	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		r = read_series(&in, arena, &texts, &s[i]);
		if (r < 0)
			return r;
	}
	if (wire_left(&in))
		return -EBADMSG;
	r = refuse_twins(s, n);
	if (!r)
		*ret = s;
	return r;
}

static void read_buckets(struct wire_reader *in, struct sg_hist *h)
{
	int64_t index = 0;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		uint64_t step = wire_get_upto(in, wire_zigzag(2 * (int64_t)SG_HIST_INDEX_MAX));
		uint64_t count = wire_get_upto(in, WIRE_COUNT_MAX);

		index += wire_unzigzag(step);
		if (!count || index < SG_HIST_INDEX_MIN || index > SG_HIST_INDEX_MAX ||
		    (i && wire_unzigzag(step) <= 0)) {
			wire_bad(in);
			return;
		}
		h->buckets[i] = (struct sg_bucket){(int32_t)index, (double)count};
		sum += count; /* no overflow: at most 2049 times 2^53 */
	}
	if (sum != (uint64_t)h->count)
		wire_bad(in);
}

static void read_hist(struct wire_reader *in, struct sg_bucket *buckets, struct sg_hist *h)
{
	*h = (struct sg_hist){.buckets = buckets};
	h->count = (double)wire_get_upto(in, WIRE_COUNT_MAX);
	h->sum = wire_get_number(in);
	h->n = wire_get_upto(in, SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1);
	if (!isfinite(h->sum) || h->n > wire_left(in) / LEAST_BUCKET)
		wire_bad(in);
	if (!in->bad)
		read_buckets(in, h);
}

void sg_codec_v1_sample(struct wire_reader *in, struct sg_bucket *buckets, struct sg_sample *s)
{
	if (s->series.type == SG_HISTOGRAM) {
		read_hist(in, buckets, &s->hist);
		return;
	}
	s->value = wire_get_number(in);
	if (s->series.type == SG_COUNTER && !isfinite(s->value))
		wire_bad(in);
}

const struct sg_frame_codec sg_frame_codec_v1 = {
	.version = 1,
	.header = sg_codec_v1_header,
	.series = sg_codec_v1_series,
	.sample = sg_codec_v1_sample,
};
