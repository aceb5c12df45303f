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

int sg_block_add(struct sg_block_writer *w, const uint8_t header[SG_FRAME_HEADER_BYTES],
		 const void *p, size_t n, size_t tables, uint32_t source)
{
	const size_t head = SG_FRAME_HEADER_BYTES;
	unsigned int slot = source % SG_BLOCK_SLOTS;
	const uint8_t *frame = p, *t = frame + head;
	char slot_byte = (char)slot;
	size_t same = 0;

	if (n < head || tables > n - head)
		return -EBADMSG;
	if (w->last[slot].p)
		same = common_prefix(w->last[slot].p, t, SG_MIN(w->last[slot].n, tables));
	sg_buf_add(&w->tables, &slot_byte, 1);
	sg_put_varint(&w->tables, n);
	sg_put_varint(&w->tables, tables);
	sg_put_varint(&w->tables, same);
	sg_buf_add(&w->tables, header, head);
	sg_buf_add(&w->tables, t + same, tables - same);
	sg_buf_add(&w->samples, t + tables, n - head - tables);
	if (w->tables.err || w->samples.err)
		return -ENOMEM;
	w->last[slot].p = t;
	w->last[slot].n = tables;
	w->n_frames++;
	return 0;
}

size_t sg_block_bytes(const struct sg_block_writer *w)
{
	return w->tables.len + w->samples.len;
}

int sg_block_finish(struct sg_block_writer *w)
{
	sg_buf_reset(&w->raw);
	sg_put_varint(&w->raw, w->tables.len);
	sg_buf_add(&w->raw, w->tables.data, w->tables.len);
	sg_buf_add(&w->raw, w->samples.data, w->samples.len);
	return w->raw.err;
}

void sg_block_reset(struct sg_block_writer *w)
{
	sg_buf_reset(&w->tables);
	sg_buf_reset(&w->samples);
	sg_buf_reset(&w->raw);
	memset(w->last, 0, sizeof(w->last));
	w->n_frames = 0;
}

void sg_block_writer_free(struct sg_block_writer *w)
{
	sg_buf_free(&w->tables);
	sg_buf_free(&w->samples);
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

int sg_block_start(struct sg_block_reader *r, const void *raw, size_t n)
{
	const uint8_t *p = raw, *end = p + n;
	uint64_t first;

	for (size_t i = 0; i < SG_BLOCK_SLOTS; i++)
		r->slots[i].tables = 0;
	r->p = r->end = r->samples = r->samples_end = NULL;
	if (sg_get_varint(&p, end, &first) < 0 || first > (size_t)(end - p))
		return -EBADMSG;
	r->p = p;
	r->end = r->samples = p + first;
	r->samples_end = end;
	return 0;
}

struct record {
	size_t slot, n, tables, same;
};

static int next_record(struct sg_block_reader *r, struct record *rec)
{
	const size_t head = SG_FRAME_HEADER_BYTES;
	uint64_t n, tables, same;

	rec->slot = *r->p++;
	if (rec->slot >= SG_BLOCK_SLOTS || sg_get_varint(&r->p, r->end, &n) < 0 ||
	    sg_get_varint(&r->p, r->end, &tables) < 0 || sg_get_varint(&r->p, r->end, &same) < 0)
		return -EBADMSG;
	if (n < head || n > SG_FRAME_MAX_BYTES || tables > n - head || same > tables ||
	    same > r->slots[rec->slot].tables)
		return -EBADMSG;
	if ((size_t)(r->end - r->p) < head + tables - same ||
	    (size_t)(r->samples_end - r->samples) < n - head - tables)
		return -EBADMSG;
	rec->n = n;
	rec->tables = tables;
	rec->same = same;
	return 0;
}

int sg_block_next(struct sg_block_reader *r, const uint8_t **p, size_t *n)
{
	const size_t head = SG_FRAME_HEADER_BYTES;
	struct record rec;
	uint8_t *out;

	if (r->p == r->end)
		return 0;
	if (next_record(r, &rec) < 0)
		return -EBADMSG;
	if (sg_grow((void **)&r->slots[rec.slot].p, &r->slots[rec.slot].cap, rec.n, 1) < 0)
		return -ENOMEM;
	out = r->slots[rec.slot].p;
	memcpy(out, r->p, head);
	memcpy(out + head + rec.same, r->p + head, rec.tables - rec.same);
	memcpy(out + head + rec.tables, r->samples, rec.n - head - rec.tables);
	r->p += head + rec.tables - rec.same;
	r->samples += rec.n - head - rec.tables;
	r->slots[rec.slot].tables = rec.tables;
	*p = out;
	*n = rec.n;
	return 1;
}

void sg_block_reader_free(struct sg_block_reader *r)
{
	for (size_t i = 0; i < SG_BLOCK_SLOTS; i++)
		free(r->slots[i].p);
	memset(r, 0, sizeof(*r));
}
