// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <math.h>
#include <string.h>

#include "encode.h"

static void put_u32(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put_u64(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

void feed_put_header(unsigned char out[FEED_HEADER_BYTES], const struct feed_header *h)
{
	out[0] = h->kind;
	out[1] = h->flags;
	out[2] = h->id & 0xff;
	out[3] = h->id >> 8;
	put_u32(out + 4, h->seq);
	put_u64(out + 8, h->t_ms);
	put_u32(out + 16, FEED_STEP_MS);
	put_u32(out + 20, h->epoch);
	put_u32(out + 24, h->n_points);
	put_u32(out + 28, h->payload_len);
}

void feed_put_varint(struct sg_buf *b, uint64_t v)
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

static void put_zigzag(struct sg_buf *b, int64_t v)
{
	feed_put_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_f64(struct sg_buf *b, double v)
{
	unsigned char out[8];
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_u64(out, bits);
	sg_buf_add(b, out, sizeof(out));
}

/* Counts are doubles in memory; on the wire they are whole. */
static void put_count(struct sg_buf *b, double v)
{
	feed_put_varint(b, v > 0 && v < 9e18 ? (uint64_t)llround(v) : 0);
}

size_t feed_point_begin(struct sg_buf *b, int64_t t_ms)
{
	unsigned char out[12] = {0};
	size_t at = b->len;

	put_u64(out, t_ms);
	sg_buf_add(b, out, sizeof(out));
	return at;
}

void feed_point_end(struct sg_buf *b, size_t at, uint32_t n_entries)
{
	if (!b->err)
		put_u32((unsigned char *)b->data + at + 8, n_entries);
}

uint32_t feed_put_value(struct sg_buf *b, uint32_t index, enum sg_type type, double v)
{
	if (type == SG_COUNTER && v == 0)
		return 0;
	feed_put_varint(b, index);
	sg_buf_char(b, 0);
	put_f64(b, v);
	return 1;
}

uint32_t feed_put_hist(struct sg_buf *b, uint32_t index, const struct sg_hist *h)
{
	int32_t before = 0;

	if (h->count == 0 && !h->n)
		return 0;
	feed_put_varint(b, index);
	sg_buf_char(b, 1);
	put_count(b, h->count);
	put_f64(b, h->sum);
	feed_put_varint(b, h->n);
	for (uint32_t i = 0; i < h->n; i++) {
		put_zigzag(b, (int64_t)h->buckets[i].index - before);
		put_count(b, h->buckets[i].count);
		before = h->buckets[i].index;
	}
	return 1;
}

struct feed_payload *feed_payload_new(const struct sg_buf *b, size_t room)
{
	struct feed_payload *p = b->err ? NULL : malloc(sizeof(*p) + room + b->len);

	if (!p)
		return NULL;
	*p = (struct feed_payload){.refs = 1, .len = b->len};
	if (b->len)
		memcpy(p->data + room, b->data, b->len);
	return p;
}

struct feed_payload *feed_payload_ref(struct feed_payload *p)
{
	p->refs++;
	return p;
}

void feed_payload_unref(struct feed_payload *p)
{
	if (p && !--p->refs)
		free(p);
}
