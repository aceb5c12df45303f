// SPDX-License-Identifier: GPL-2.0
/*
 * A record of stacks: docs/ARCHITECTURE.md, "The profile". Every input is hostile:
 * lengths are compared with what is left before memory is taken.
 */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "profile_private.h"
#include "wire.h"

#define MAGIC 0x31504753U /* "SGP1" */
#define VERSION 1
enum offset { /* all numbers little-endian */
	      AT_VERSION = 4, /* u16 */
	      AT_HEADER_LEN = 6, /* u16 */
	      AT_TOTAL_LEN = 8, /* u32 */
	      AT_CRC = 12, /* u32, of every byte but these four */
	      AT_RAW_LEN = 16, /* u32 */
	      AT_RESERVED = 20, /* u32, 0 */
	      AT_SESSION = 24, /* u64 */
	      AT_SEQ = 32, /* u64 */
	      AT_FROM_MS = 40, /* i64 */
	      AT_TO_MS = 48, /* i64 */
	      AT_BODY = 56,
};
#define TEXTS_MAX 1000000u
#define LEAST_STACK 7 /* a byte for each number, without frames */

static uint32_t crc_of(const uint8_t *p, size_t n)
{
	uint32_t crc = sg_crc32c(0, p, AT_CRC);

	return sg_crc32c(crc, p + AT_CRC + 4, n - AT_CRC - 4);
}

/* ---- writing ------------------------------------------------------------------------- */

static void put_varint(struct sg_buf *b, uint64_t v)
{
	uint8_t bytes[WIRE_VARINT_MAX];

	sg_buf_add(b, bytes, (size_t)(wire_put_varint(bytes, v) - bytes));
}

static void put_body(struct sg_buf *b, const struct sg_profile *p)
{
	put_varint(b, p->n_texts);
	for (size_t i = 0; i < p->n_texts; i++) {
		size_t n = strlen(p->texts[i]);

		put_varint(b, n);
		sg_buf_add(b, p->texts[i], n);
	}
	put_varint(b, p->n_entries);
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct profile_entry *e = p->entries[i];

		put_varint(b, e->kind);
		put_varint(b, e->us);
		put_varint(b, e->count);
		put_varint(b, e->n);
		put_varint(b, e->n_kernel);
		for (size_t j = 0; j < PROFILE_IDS + e->n; j++)
			put_varint(b, e->ids[j]);
	}
}

static void put_head(uint8_t *p, const struct sg_profile_head *h, size_t total, size_t raw)
{
	memset(p, 0, AT_BODY);
	wire_put_u32(p, MAGIC);
	wire_put_u16(p + AT_VERSION, VERSION);
	wire_put_u16(p + AT_HEADER_LEN, AT_BODY);
	wire_put_u32(p + AT_TOTAL_LEN, (uint32_t)total);
	wire_put_u32(p + AT_RAW_LEN, (uint32_t)raw);
	wire_put_u64(p + AT_SESSION, h->session);
	wire_put_u64(p + AT_SEQ, h->seq);
	wire_put_u64(p + AT_FROM_MS, (uint64_t)h->from_ms);
	wire_put_u64(p + AT_TO_MS, (uint64_t)h->to_ms);
	wire_put_u32(p + AT_CRC, crc_of(p, total));
}

int sg_profile_encode(const struct sg_profile *p, const struct sg_profile_head *h,
		      struct sg_buf *out)
{
	sg_auto_buf raw = {.max = SG_PROFILE_MAX_RAW};
	uLongf packed;
	char *to;

	put_body(&raw, p);
	if (raw.err)
		return raw.err;
	packed = compressBound(raw.len);
	to = sg_buf_reserve(out, AT_BODY + packed);
	if (!to)
		return out->err;
	if (compress2((Bytef *)to + AT_BODY, &packed, (const Bytef *)raw.data, raw.len, 6) != Z_OK)
		return -ENOMEM;
	if (AT_BODY + packed > SG_PROFILE_MAX_BYTES)
		return -EMSGSIZE;
	put_head((uint8_t *)to, h, AT_BODY + packed, raw.len);
	out->len += AT_BODY + packed;
	sg_buf_add(out, "", 0);
	return out->err;
}

/* ---- reading ------------------------------------------------------------------------- */

int64_t sg_profile_peek(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint32_t total;

	if (n >= 4 && wire_u32(p) != MAGIC)
		return -EBADMSG;
	if (n < AT_CRC)
		return 0;
	total = wire_u32(p + AT_TOTAL_LEN);
	if (total < AT_BODY || total > SG_PROFILE_MAX_BYTES)
		return -EBADMSG;
	return total;
}

int sg_profile_decode_head(const void *bytes, size_t n, struct sg_profile_head *h)
{
	const uint8_t *p = bytes;

	if (n < AT_BODY || wire_u32(p) != MAGIC || wire_u32(p + AT_TOTAL_LEN) != n ||
	    n > SG_PROFILE_MAX_BYTES || wire_u32(p + AT_CRC) != crc_of(p, n))
		return -EBADMSG;
	if (wire_u16(p + AT_VERSION) != VERSION)
		return -EPROTONOSUPPORT;
	*h = (struct sg_profile_head){.session = wire_u64(p + AT_SESSION),
				      .seq = wire_u64(p + AT_SEQ),
				      .from_ms = (int64_t)wire_u64(p + AT_FROM_MS),
				      .to_ms = (int64_t)wire_u64(p + AT_TO_MS)};
	if (wire_u16(p + AT_HEADER_LEN) != AT_BODY || wire_u32(p + AT_RESERVED) ||
	    wire_u32(p + AT_RAW_LEN) > SG_PROFILE_MAX_RAW)
		return -EBADMSG;
	if (h->from_ms < 0 || h->from_ms > h->to_ms || h->to_ms > WIRE_T_MAX_MS || !h->seq ||
	    h->seq > INT64_MAX)
		return -EBADMSG;
	return 0;
}

struct body {
	struct wire_reader r;
	char *room; /* the strings with their ends */
	const char **texts;
	size_t n_texts;
};

static void body_free(struct body *b)
{
	free(b->room);
	free(b->texts);
}

static int read_texts(struct body *b)
{
	uint64_t n = wire_get_upto(&b->r, TEXTS_MAX);
	char *to;

	if (n > wire_left(&b->r) / 2)
		wire_bad(&b->r); /* none is empty */
	if (b->r.bad)
		return -EBADMSG;
	/* A length of one byte or more makes room for each end. */
	b->room = to = malloc(wire_left(&b->r) + 1);
	b->texts = calloc(n + 1, sizeof(*b->texts));
	if (!b->room || !b->texts)
		return -ENOMEM;
	for (; b->n_texts < n; b->n_texts++) {
		uint64_t len = wire_get_upto(&b->r, wire_left(&b->r));

		if (b->r.bad || !len || len > wire_left(&b->r) || len > 512 ||
		    !sg_utf8_valid((const char *)b->r.p, len))
			return -EBADMSG;
		memcpy(to, b->r.p, len);
		to[len] = '\0';
		b->texts[b->n_texts] = to;
		to += len + 1;
		b->r.p += len;
	}
	return 0;
}

static const char *get_text(struct body *b)
{
	uint64_t id = wire_get_varint(&b->r);

	if (!b->r.bad && id >= b->n_texts)
		wire_bad(&b->r);
	return b->r.bad ? "" : b->texts[id];
}

static int read_stack(struct body *b, const char **frames, struct sg_stack *s)
{
	*s = (struct sg_stack){.frames = frames};
	s->kind = (enum sg_profile_kind)wire_get_upto(&b->r, SG_PROFILE_KINDS - 1);
	s->us = wire_get_upto(&b->r, WIRE_COUNT_MAX);
	s->count = wire_get_upto(&b->r, WIRE_COUNT_MAX);
	s->n = wire_get_upto(&b->r, SG_STACK_FRAMES_MAX);
	s->n_kernel = wire_get_upto(&b->r, s->n);
	s->cgroup = get_text(b);
	s->comm = get_text(b);
	for (size_t i = 0; i < s->n; i++)
		frames[i] = get_text(b);
	return b->r.bad ? -EBADMSG : 0;
}

static int read_stacks(struct body *b, sg_stack_cb cb, void *ctx)
{
	uint64_t n = wire_get_varint(&b->r);
	const char *frames[SG_STACK_FRAMES_MAX];
	struct sg_stack s;
	int r = 0;

	if (n > wire_left(&b->r) / LEAST_STACK)
		return -EBADMSG;
	for (uint64_t i = 0; r == 0 && i < n; i++) {
		r = read_stack(b, frames, &s);
		if (r == 0 && cb)
			r = cb(&s, ctx);
	}
	if (r == 0 && (b->r.bad || wire_left(&b->r)))
		r = -EBADMSG;
	return r;
}

static int read_body(const uint8_t *raw, size_t n, sg_stack_cb cb, void *ctx)
{
	struct body b = {.r = {.p = raw, .end = raw + n}};
	int r = read_texts(&b);
	const uint8_t *stacks = b.r.p;

	if (r == 0)
		r = read_stacks(&b, NULL, NULL);
	b.r = (struct wire_reader){.p = stacks, .end = raw + n};
	if (r == 0)
		r = read_stacks(&b, cb, ctx);
	body_free(&b);
	return r;
}

int sg_profile_decode(const void *bytes, size_t n, sg_stack_cb cb, void *ctx)
{
	const uint8_t *p = bytes;
	sg_auto_free uint8_t *raw = NULL;
	struct sg_profile_head h;
	uLongf len;
	int r = sg_profile_decode_head(p, n, &h);

	if (r < 0)
		return r;
	len = wire_u32(p + AT_RAW_LEN);
	/* zlib packs a thousandfold at most. */
	if (len > (n - AT_BODY) * 1100 + 64)
		return -EBADMSG;
	raw = malloc(len + 1);
	if (!raw)
		return -ENOMEM;
	if (uncompress(raw, &len, p + AT_BODY, n - AT_BODY) != Z_OK ||
	    len != wire_u32(p + AT_RAW_LEN))
		return -EBADMSG;
	return read_body(raw, len, cb, ctx);
}
