// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "codec.h"

#define MAX_BUCKETS (SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1)

static const struct sg_frame_codec *const codecs[] = {&sg_frame_codec_v1, &sg_frame_codec_v2};

int sg_frame_codec_of(const void *p, const struct sg_frame_codec **ret)
{
	uint16_t version;

	if (wire_u32(p) != WIRE_MAGIC)
		return -EBADMSG;
	version = wire_u16((const uint8_t *)p + WIRE_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (codecs[i]->version != version)
			continue;
		*ret = codecs[i];
		return 0;
	}
	return version > SG_FRAME_VERSION ? -EPROTONOSUPPORT : -EBADMSG;
}

int64_t sg_frame_peek(const void *p, size_t n)
{
	const struct sg_frame_codec *codec;
	uint32_t total;
	int r;

	if (n < SG_FRAME_HEADER_BYTES)
		return 0;
	r = sg_frame_codec_of(p, &codec);
	if (r < 0)
		return r;
	total = wire_u32((const uint8_t *)p + WIRE_TOTAL_LEN);
	if (total < SG_FRAME_HEADER_BYTES || total > SG_FRAME_MAX_BYTES)
		return -EBADMSG;
	return total;
}

int sg_frame_decode_header(const void *p, size_t n, struct sg_frame *f)
{
	const struct sg_frame_codec *codec;
	struct sg_frame_view v;
	int64_t total = sg_frame_peek(p, n);
	int r;

	if (total <= 0)
		return total ? (int)total : -EBADMSG;
	r = sg_frame_codec_of(p, &codec);
	if (!r)
		r = codec->header(p, &v);
	if (!r)
		*f = v.header;
	return r;
}

static bool checksum_right(const uint8_t *p, size_t n)
{
	uint32_t crc = sg_crc32c(0, p, WIRE_CRC);

	return sg_crc32c(crc, p + WIRE_FLAGS, n - WIRE_FLAGS) == wire_u32(p + WIRE_CRC);
}

int sg_frame_view(const void *p, size_t n, bool checksum, struct sg_frame_view *ret)
{
	int64_t total = sg_frame_peek(p, n);
	struct sg_frame_view v = {0};
	int r;

	if (total < 0)
		return (int)total;
	if ((size_t)total != n || !n || (checksum && !checksum_right(p, n)))
		return -EBADMSG;
	r = sg_frame_codec_of(p, &v.codec);
	if (r < 0)
		return r;
	r = v.codec->header(p, &v);
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}

void sg_frame_table_free(struct sg_frame_table *t)
{
	if (!t)
		return;
	free(t->bytes);
	sg_arena_free(t->arena);
	*t = (struct sg_frame_table){0};
}

static void forget(struct sg_frame_table *t)
{
	t->series = NULL;
	t->n = t->len = 0;
}

static int remember(struct sg_frame_table *t, const struct sg_frame_view *v)
{
	int r = SG_GROW(t->bytes, t->cap, v->tables_len);

	if (r < 0)
		return r;
	if (!t->arena)
		t->arena = sg_arena_new(0);
	if (!t->arena)
		return -ENOMEM;
	sg_arena_reset(t->arena);
	r = v->codec->series(v, t->arena, &t->series);
	if (r < 0)
		return r;
	memcpy(t->bytes, v->tables, v->tables_len);
	t->len = v->tables_len;
	t->n = v->header.n;
	return 1;
}

int sg_frame_table_update(struct sg_frame_table *t, const struct sg_frame_view *v)
{
	int r;

	if (t->series && t->n == v->header.n && t->len == v->tables_len &&
	    !memcmp(t->bytes, v->tables, t->len))
		return 0;
	forget(t);
	r = remember(t, v);
	if (r < 0)
		forget(t);
	return r;
}

/* keep NULL: what follows the samples is only checked. */
static int visit(const struct sg_frame_view *v, const struct sg_frame_table *t, const uint8_t *want,
		 sg_frame_on_sample cb, void *ctx, struct sg_frame *keep)
{
	struct wire_reader in = {v->samples, v->samples + v->samples_len, false};
	struct sg_bucket buckets[MAX_BUCKETS];

	if (t->n != v->header.n)
		return -EBADMSG;
	for (size_t i = 0; i < t->n; i++) {
		struct sg_sample s = {.series = t->series[i]};
		int r = 0;

		v->codec->sample(&in, buckets, &s);
		if (in.bad)
			return -EBADMSG;
		if (!want || want[i])
			r = cb(ctx, i, &s);
		if (r)
			return r;
	}
	if (!wire_left(&in))
		return 0;
	return v->codec->rest ? v->codec->rest(&in, t, keep) : -EBADMSG;
}

int sg_frame_visit(const struct sg_frame_view *v, const struct sg_frame_table *t,
		   const uint8_t *want, sg_frame_on_sample cb, void *ctx)
{
	return visit(v, t, want, cb, ctx, NULL);
}

/* Where the section begins, or would. */
static const uint8_t *skip_sections(struct wire_reader *in, enum wire_section until)
{
	while (wire_left(in)) {
		const uint8_t *start = in->p;
		uint64_t what = wire_get_varint(in), len = wire_get_varint(in);

		if (in->bad || len > wire_left(in) || what >= until)
			return start;
		in->p += len;
	}
	return in->p;
}

int64_t sg_frame_cut_exemplars(const struct sg_frame_view *v, const struct sg_frame_table *t,
			       uint8_t header[SG_FRAME_HEADER_BYTES])
{
	struct wire_reader in = {v->samples, v->samples + v->samples_len, false};
	const uint8_t *p = v->tables - WIRE_BODY;
	struct sg_bucket buckets[MAX_BUCKETS];
	uint32_t n, crc;

	if (t->n != v->header.n)
		return -EBADMSG;
	for (size_t i = 0; i < t->n; i++) {
		struct sg_sample s = {.series = t->series[i]};

		v->codec->sample(&in, buckets, &s);
	}
	if (in.bad)
		return -EBADMSG;
	n = skip_sections(&in, WIRE_EXEMPLARS) - p;
	memcpy(header, p, WIRE_BODY);
	if (n == wire_u32(p + WIRE_TOTAL_LEN))
		return n;
	wire_put_u32(header + WIRE_TOTAL_LEN, n);
	crc = sg_crc32c(0, header, WIRE_CRC);
	crc = sg_crc32c(crc, header + WIRE_FLAGS, WIRE_BODY - WIRE_FLAGS);
	wire_put_u32(header + WIRE_CRC, sg_crc32c(crc, p + WIRE_BODY, n - WIRE_BODY));
	return n;
}

bool sg_frame_has_events(const void *p, size_t n)
{
	const struct sg_frame_codec *codec;

	return n >= SG_FRAME_HEADER_BYTES && sg_frame_codec_of(p, &codec) == 0 && codec->rest;
}

static int keep_sample(void *ctx, size_t i, const struct sg_sample *s)
{
	struct sg_frame *f = ctx;
	struct sg_sample *kept = &f->samples[i];
	size_t size;

	*kept = *s;
	f->n = i + 1;
	if (s->series.type != SG_HISTOGRAM)
		return 0;
	size = s->hist.n * sizeof(*s->hist.buckets);
	kept->hist.buckets = size ? sg_arena_alloc(f->arena, size) : NULL;
	if (!size)
		return 0;
	if (!kept->hist.buckets)
		return -ENOMEM;
	memcpy(kept->hist.buckets, s->hist.buckets, size);
	return 0;
}

int sg_frame_decode(const void *p, size_t n, struct sg_frame **ret)
{
	sg_auto(sg_frame) f = NULL;
	struct sg_frame_table table = {0};
	struct sg_frame_view v;
	int r = sg_frame_view(p, n, true, &v);

	if (r < 0)
		return r;
	f = sg_frame_new();
	if (!f || SG_GROW(f->samples, f->cap, v.header.n) < 0)
		return -ENOMEM;
	v.header.samples = f->samples;
	v.header.cap = f->cap;
	v.header.arena = f->arena;
	*f = v.header;
	f->n = 0;
	r = v.codec->series(&v, f->arena, &table.series);
	if (r < 0)
		return r;
	table.n = v.header.n;
	r = visit(&v, &table, NULL, keep_sample, f, f);
	if (r < 0)
		return r;
	*ret = sg_take(f);
	return 0;
}
