// SPDX-License-Identifier: GPL-2.0
#include "block.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

/* A tenth smaller than level 1 for 2 ms more per 10 s: docs/STORE.md has the figures. */
#define PACK_LEVEL 6

void sg_put_varint(struct sg_buf *b, uint64_t v)
{
	char out[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (char)(v | 0x80);
	out[n++] = (char)v;
	sg_buf_add(b, out, n);
}

int sg_get_varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	uint64_t x = 0;

	for (unsigned int shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t c = *(*p)++;

		if (shift == 63 && c > 1)
			return -EBADMSG;
		x |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*v = x;
			return 0;
		}
	}
	return -EBADMSG;
}

static size_t common_prefix(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t x, y;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			break;
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

int sg_block_add(struct sg_block_writer *w, const void *p, size_t n, uint32_t source)
{
	const size_t head = SG_FRAME_HEADER_BYTES;
	unsigned int slot = source % SG_BLOCK_SLOTS;
	const uint8_t *frame = p, *last = w->last[slot].p;
	char slot_byte = (char)slot;
	size_t same = 0;

	if (n < head)
		return -EBADMSG;
	if (last)
		same = common_prefix(last + head, frame + head, SG_MIN(w->last[slot].n, n) - head);
	sg_buf_add(&w->raw, &slot_byte, 1);
	sg_put_varint(&w->raw, n);
	sg_put_varint(&w->raw, same);
	sg_buf_add(&w->raw, frame, head);
	sg_buf_add(&w->raw, frame + head + same, n - head - same);
	if (w->raw.err)
		return w->raw.err;
	w->last[slot].p = frame;
	w->last[slot].n = n;
	w->n_frames++;
	return 0;
}

void sg_block_reset(struct sg_block_writer *w)
{
	sg_buf_reset(&w->raw);
	memset(w->last, 0, sizeof(w->last));
	w->n_frames = 0;
}

void sg_block_writer_free(struct sg_block_writer *w)
{
	sg_buf_free(&w->raw);
	memset(w, 0, sizeof(*w));
}

int sg_block_pack(const void *raw, size_t n, struct sg_buf *out)
{
	uLongf len = compressBound(n);
	sg_auto_free uint8_t *tmp = malloc(len);
	int rc;

	if (!tmp)
		return -ENOMEM;
	rc = compress2(tmp, &len, raw, n, PACK_LEVEL);
	if (rc != Z_OK)
		return rc == Z_MEM_ERROR ? -ENOMEM : -EIO;
	sg_buf_add(out, tmp, len);
	return out->err;
}

int sg_block_unpack(const void *p, size_t n, size_t raw, struct sg_buf *out)
{
	uLongf len = raw;
	int rc;

	if (!raw || raw > SG_BLOCK_MAX_RAW)
		return -EBADMSG;
	sg_buf_reset(out);
	if (out->cap < raw + 1) {
		char *data = realloc(out->data, raw + 1);

		if (!data)
			return -ENOMEM;
		out->data = data;
		out->cap = raw + 1;
	}
	rc = uncompress((Bytef *)out->data, &len, p, n);
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	if (rc != Z_OK || len != raw)
		return -EBADMSG;
	out->len = raw;
	out->data[raw] = '\0';
	return 0;
}

void sg_block_start(struct sg_block_reader *r, const void *raw, size_t n)
{
	r->p = raw;
	r->end = r->p + n;
	for (size_t i = 0; i < SG_BLOCK_SLOTS; i++)
		r->slots[i].n = 0;
}

int sg_block_next(struct sg_block_reader *r, const uint8_t **p, size_t *n)
{
	const size_t head = SG_FRAME_HEADER_BYTES;
	uint64_t len, same;
	size_t slot, rest;

	if (r->p == r->end)
		return 0;
	slot = *r->p++;
	if (slot >= SG_BLOCK_SLOTS || sg_get_varint(&r->p, r->end, &len) < 0 ||
	    sg_get_varint(&r->p, r->end, &same) < 0)
		return -EBADMSG;
	if (len < head || len > SG_FRAME_MAX_BYTES || same > len - head ||
	    (same && (r->slots[slot].n < head || same > r->slots[slot].n - head)))
		return -EBADMSG;
	rest = len - same;
	if ((size_t)(r->end - r->p) < rest)
		return -EBADMSG;
	if (sg_grow((void **)&r->slots[slot].p, &r->slots[slot].cap, len, 1) < 0)
		return -ENOMEM;
	memcpy(r->slots[slot].p, r->p, head);
	memcpy(r->slots[slot].p + head + same, r->p + head, rest - head);
	r->p += rest;
	r->slots[slot].n = len;
	*p = r->slots[slot].p;
	*n = len;
	return 1;
}

void sg_block_reader_free(struct sg_block_reader *r)
{
	for (size_t i = 0; i < SG_BLOCK_SLOTS; i++)
		free(r->slots[i].p);
	memset(r, 0, sizeof(*r));
}
