// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include <sgprobe/frame.h>

#include "codec.h"

/*
 * Strings already in the table. Most come by the same pointer again and again
 * (label names, interned values), so one direct-mapped lookup by address spares
 * hashing them.
 */
struct intern {
	const char *s;
	uint32_t len, ref;
};

#define BY_ADDRESS 1024

struct encoder {
	struct sg_arena *arena;
	struct sg_map *strings; /* struct intern by content */
	struct sg_map *seen; /* const struct sg_series */
	struct intern *by_address[BY_ADDRESS];
	uint32_t n_strings;
	struct sg_buf text, series;
};

struct text_key {
	const char *s;
	size_t len;
};

static int same_text(const void *entry, const void *key)
{
	const struct intern *a = entry;
	const struct text_key *b = key;

	return a->len == b->len && !memcmp(a->s, b->s, b->len);
}

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(entry, key);
}

static struct intern *add_string(struct encoder *e, const char *s, size_t len, uint64_t hash)
{
	struct intern *in = sg_arena_alloc(e->arena, sizeof(*in));
	char *p = sg_buf_reserve(&e->text, WIRE_VARINT_MAX + len);
	char *at;

	if (!in || !p || sg_map_put(e->strings, hash, in) < 0)
		return NULL;
	at = (char *)wire_put_varint((uint8_t *)p, len);
	memcpy(at, s, len);
	e->text.len += at + len - p;
	*in = (struct intern){.s = s, .len = len, .ref = e->n_strings++};
	return in;
}

/* The string's number in the table, or -ENOMEM. */
static int64_t intern(struct encoder *e, const char *s)
{
	struct intern **cached = &e->by_address[((uintptr_t)s >> 3 ^ (uintptr_t)s) % BY_ADDRESS];
	struct text_key key = {s, 0};
	struct intern *in;
	uint64_t hash;

	if (*cached && (*cached)->s == s)
		return (*cached)->ref;
	key.len = strlen(s);
	hash = sg_hash(s, key.len, 0);
	in = sg_map_get(e->strings, hash, &key);
	if (!in)
		in = add_string(e, s, key.len, hash);
	if (!in)
		return -ENOMEM;
	*cached = in;
	return in->ref;
}

static int put_series(struct encoder *e, const struct sg_series *s)
{
	uint8_t line[WIRE_VARINT_MAX * (2 + 2 * SG_LABELS_MAX)], *p = line;
	int64_t ref = intern(e, s->name);

	if (s->n_labels > SG_LABELS_MAX || sg_map_get(e->seen, s->hash, s))
		return -EINVAL;
	if (ref < 0 || sg_map_put(e->seen, s->hash, (void *)s) < 0)
		return -ENOMEM;
	p = wire_put_varint(p, (uint64_t)s->n_labels << 2 | s->type);
	p = wire_put_varint(p, ref);
	for (size_t i = 0; i < s->n_labels; i++) {
		int64_t name = intern(e, s->labels[i].name);
		int64_t value = intern(e, s->labels[i].value);

		if (name < 0 || value < 0)
			return -ENOMEM;
		p = wire_put_varint(p, name);
		p = wire_put_varint(p, value);
	}
	sg_buf_add(&e->series, line, p - line);
	return e->series.err;
}

static bool is_count(double v)
{
	return v >= 0 && wire_is_whole(v);
}

/* Counts are whole and at least 1, ascend by index and add up. */
static bool hist_valid(const struct sg_hist *h)
{
	double sum = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		const struct sg_bucket *b = &h->buckets[i];

		if (!is_count(b->count) || b->count == 0 || b->index < SG_HIST_INDEX_MIN ||
		    b->index > SG_HIST_INDEX_MAX || (i && b->index <= b[-1].index))
			return false;
		sum += b->count;
	}
	return is_count(h->count) && sum == h->count && isfinite(h->sum);
}

static int put_hist(struct sg_buf *b, const struct sg_hist *h)
{
	int32_t before = 0;
	uint8_t *p, *start;

	if (!hist_valid(h))
		return -EINVAL;
	start = (uint8_t *)sg_buf_reserve(b, (size_t)(h->n + 2) * 2 * WIRE_VARINT_MAX);
	if (!start)
		return b->err;
	p = wire_put_varint(start, (uint64_t)h->count);
	p = wire_put_number(p, h->sum);
	p = wire_put_varint(p, h->n);
	for (uint32_t i = 0; i < h->n; i++) {
		p = wire_put_varint(p, wire_zigzag(h->buckets[i].index - before));
		p = wire_put_varint(p, (uint64_t)h->buckets[i].count);
		before = h->buckets[i].index;
	}
	b->len += p - start;
	return 0;
}

static int put_value(struct sg_buf *b, const struct sg_sample *s)
{
	uint8_t *p;

	if (s->series.type == SG_COUNTER && !isfinite(s->value))
		return -EINVAL;
	p = (uint8_t *)sg_buf_reserve(b, WIRE_NUMBER_MAX);
	if (!p)
		return b->err;
	b->len += wire_put_number(p, s->value) - p;
	return 0;
}

static int put_tables(struct encoder *e, const struct sg_frame *f, struct sg_buf *b)
{
	uint8_t n[WIRE_VARINT_MAX];

	for (size_t i = 0; i < f->n; i++) {
		int r = put_series(e, &f->samples[i].series);

		if (r < 0)
			return r;
	}
	sg_buf_add(b, n, wire_put_varint(n, e->n_strings) - n);
	if (e->text.len)
		sg_buf_add(b, e->text.data, e->text.len);
	if (e->series.len)
		sg_buf_add(b, e->series.data, e->series.len);
	return b->err;
}

static int put_samples(const struct sg_frame *f, struct sg_buf *b)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct sg_sample *s = &f->samples[i];
		int r = s->series.type == SG_HISTOGRAM ? put_hist(b, &s->hist) : put_value(b, s);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Version 2 has, behind the samples, sections: varint what it is, varint length, bytes. */
static int put_events(const struct sg_frame *f, struct sg_buf *b)
{
	uint8_t head[2 * WIRE_VARINT_MAX], *p = head;
	sg_auto_buf events = {0};
	int r = 0;

	if (!f->n_events)
		return 0;
	if (f->n_events > SG_EVENTS_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; r == 0 && i < f->n_events; i++)
		r = sg_event_encode(&f->events[i], &events);
	if (r < 0)
		return r;
	p = wire_put_varint(p, WIRE_EVENTS);
	p = wire_put_varint(p, events.len);
	sg_buf_add(b, head, p - head);
	sg_buf_add(b, events.data, events.len);
	return b->err;
}

static int put_exemplars(const struct sg_frame *f, struct sg_buf *b)
{
	uint8_t head[2 * WIRE_VARINT_MAX], *p = head;
	sg_auto_buf body = {0};
	int r = f->n_exemplars ? sg_exemplars_put(f, &body) : 0;

	if (r < 0 || !f->n_exemplars)
		return r;
	p = wire_put_varint(p, WIRE_EXEMPLARS);
	p = wire_put_varint(p, body.len);
	sg_buf_add(b, head, p - head);
	sg_buf_add(b, body.data, body.len);
	return b->err;
}

static void fill_header(const struct sg_frame *f, uint8_t *p, size_t total, size_t tables)
{
	uint32_t crc;

	wire_put_u32(p, WIRE_MAGIC);
	wire_put_u16(p + WIRE_VERSION, f->n_events || f->n_exemplars ? 2 : 1);
	wire_put_u16(p + WIRE_HEADER_LEN, SG_FRAME_HEADER_BYTES);
	wire_put_u32(p + WIRE_TOTAL_LEN, total);
	wire_put_u32(p + WIRE_FLAGS, f->flags);
	wire_put_u32(p + WIRE_SOURCE, f->source);
	wire_put_u64(p + WIRE_SESSION, f->session);
	wire_put_u64(p + WIRE_SEQ, f->seq);
	wire_put_u64(p + WIRE_T_MS, f->t_ms);
	wire_put_u64(p + WIRE_SPAN_NS, f->span_ns);
	wire_put_u32(p + WIRE_N_SAMPLES, f->n);
	wire_put_u32(p + WIRE_TABLES_LEN, tables);
	crc = sg_crc32c(0, p, WIRE_CRC);
	crc = sg_crc32c(crc, p + WIRE_FLAGS, total - WIRE_FLAGS);
	wire_put_u32(p + WIRE_CRC, crc);
}

static int encode(struct encoder *e, const struct sg_frame *f, struct sg_buf *b)
{
	static const uint8_t no_header[SG_FRAME_HEADER_BYTES];
	size_t start = b->len, tables;
	int r;

	if (f->n > SG_FRAME_MAX_SAMPLES)
		return -EMSGSIZE;
	if (f->t_ms < 0 || f->t_ms > WIRE_T_MAX_MS || f->span_ns > INT64_MAX)
		return -EINVAL;
	sg_buf_add(b, no_header, sizeof(no_header));
	r = put_tables(e, f, b);
	if (r < 0)
		return r;
	tables = b->len - start - SG_FRAME_HEADER_BYTES;
	r = put_samples(f, b);
	if (r == 0)
		r = put_events(f, b);
	if (r == 0)
		r = put_exemplars(f, b);
	if (r < 0)
		return r;
	if (b->len - start > SG_FRAME_MAX_BYTES)
		return -EMSGSIZE;
	sg_buf_add(b, "", 0);
	if (b->err)
		return b->err;
	fill_header(f, (uint8_t *)b->data + start, b->len - start, tables);
	return 0;
}

static void release(struct encoder *e)
{
	sg_map_free(e->seen);
	sg_map_free(e->strings);
	sg_arena_free(e->arena);
	sg_buf_free(&e->text);
	sg_buf_free(&e->series);
}

int sg_frame_encode(const struct sg_frame *f, struct sg_buf *b)
{
	struct encoder e = {
		.arena = sg_arena_new(0),
		.strings = sg_map_new(same_text),
		.seen = sg_map_new(same_series),
	};
	size_t start = b->len;
	int r = e.arena && e.strings && e.seen ? encode(&e, f, b) : -ENOMEM;

	if (r < 0 && b->data) {
		b->len = start;
		b->data[start] = 0;
	}
	release(&e);
	return r;
}
