// SPDX-License-Identifier: GPL-2.0
/*
 * The saved state: "SGDT", version, kind, CRC32C of what follows, then the fields as
 * doubles and integers, little-endian. One walk over the fields writes and reads, so that
 * the two cannot differ. What is read is bounded and finite, or it is refused.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "detect_private.h"

#define MAGIC "SGDT"
#define VERSION 1
#define HEADER 16
#define LARGEST 1e31 /* of a value; the square of a difference is kept as a double */

struct walk {
	struct sg_buf *out; /* NULL: reads */
	const uint8_t *in;
	size_t left;
	bool bad;
};

static void raw(struct walk *w, void *p, size_t n)
{
	if (w->out) {
		sg_buf_add(w->out, p, n);
	} else if (w->left < n) {
		w->bad = true;
	} else {
		memcpy(p, w->in, n);
		w->in += n;
		w->left -= n;
	}
}

static void f32(struct walk *w, float *v, double lo, double hi)
{
	raw(w, v, sizeof(*v));
	if (!(*v >= lo && *v <= hi))
		w->bad = true;
}

static void f32s(struct walk *w, float *v, size_t n, double lo, double hi)
{
	for (size_t i = 0; i < n; i++)
		f32(w, &v[i], lo, hi);
}

static void f64(struct walk *w, double *v)
{
	raw(w, v, sizeof(*v));
	if (!(fabs(*v) <= LARGEST))
		w->bad = true;
}

static void u16(struct walk *w, uint16_t *v, unsigned int max)
{
	raw(w, v, sizeof(*v));
	if (*v > max)
		w->bad = true;
}

static void record(struct walk *w, struct sg_record *r)
{
	f32(w, &r->lo, -LARGEST, LARGEST);
	f32(w, &r->hi, r->lo, LARGEST);
	f32(w, &r->mean, -LARGEST, LARGEST);
	f32(w, &r->usual, 0, 1);
	raw(w, &r->n, sizeof(r->n));
}

static void discord(struct walk *w, struct sg_discord *d)
{
	u16(w, &d->n, SG_DISCORD_RING);
	u16(w, &d->in_sum, 64);
	u16(w, &d->fresh, SG_DISCORD_LEN);
	f64(w, &d->sum);
	f32s(w, d->block, w->bad ? 0 : d->n, -LARGEST, LARGEST);
	if (d->fresh > d->n)
		w->bad = true;
}

static void season(struct walk *w, struct sg_season *s)
{
	for (unsigned int i = 0; i < 24; i++) {
		f32(w, &s->mean[i], -LARGEST, LARGEST);
		f32(w, &s->dev[i], 0, LARGEST);
		u16(w, &s->seen[i], UINT16_MAX);
	}
	for (unsigned int i = 0; i < 7; i++) {
		f32(w, &s->day[i], -LARGEST, LARGEST);
		u16(w, &s->day_seen[i], UINT16_MAX);
	}
	f32(w, &s->spread, 0, LARGEST);
	f32(w, &s->error_flat, 0, LARGEST);
	f32(w, &s->error_day, 0, LARGEST);
	u16(w, &s->away, UINT16_MAX);
}

static void shift(struct walk *w, struct sg_shift *s)
{
	f32(w, &s->mean, -LARGEST, LARGEST);
	f32(w, &s->spread, 0, LARGEST);
	f32(w, &s->up, 0, LARGEST);
	f32(w, &s->down, 0, LARGEST);
	f32(w, &s->fast, 0, 1);
	f32(w, &s->slow, 0, 1);
	f32(w, &s->quick, 0, LARGEST);
	f32(w, &s->last, -LARGEST, LARGEST);
	raw(w, &s->n, sizeof(s->n));
}

static void shape(struct walk *w, struct sg_shape *s)
{
	f32s(w, s->ref, SG_SHAPE_BINS, 0, LARGEST);
	f32s(w, s->late, SG_SHAPE_BINS, 0, LARGEST);
	f32(w, &s->ref_n, 0, LARGEST);
	f32(w, &s->late_n, 0, LARGEST);
	raw(w, &s->base, sizeof(s->base));
	if (s->base < -65536 || s->base > 65536)
		w->bad = true;
	raw(w, &s->ticks, sizeof(s->ticks));
	f32(w, &s->rate, 0, 64);
	f32(w, &s->quiet, 0, 1e9);
}

static void rank(struct walk *w, struct sg_rank *r)
{
	f32s(w, r->bin, SG_RANK_BINS, 0, 1e12);
	f32(w, &r->total, 0, 1e12);
	f32(w, &r->weight, 0, 1e6);
}

static void total(struct walk *w, double *v)
{
	uint8_t known = !isnan(*v);

	raw(w, &known, sizeof(known));
	if (known)
		raw(w, v, sizeof(*v));
	else
		*v = NAN;
	if (known > 1 || isinf(*v) || (known && isnan(*v)))
		w->bad = true;
}

static void walk(struct walk *w, struct sg_detector *d)
{
	raw(w, &d->n, sizeof(d->n));
	raw(w, &d->last_ms, sizeof(d->last_ms));
	f32(w, &d->step_ms, 0, LARGEST);
	total(w, &d->last_total);
	f32(w, &d->present, 0, 1);
	f32(w, &d->away, 0, 1e9);
	f32(w, &d->away_max, 0, 1e9);
	f32(w, &d->recent, 0, 1e6);
	for (unsigned int i = 0; i < SG_DETECT_PARTS; i++)
		record(w, &d->record[i]);
	rank(w, &d->rank);
	if (d->kind == SG_DETECT_HISTOGRAM) {
		shape(w, &d->shape);
		return;
	}
	for (unsigned int i = 0; i < SG_DISCORDS; i++)
		discord(w, &d->discord[i]);
	season(w, &d->season);
	shift(w, &d->shift);
}

void sg_detector_save(const struct sg_detector *d, struct sg_buf *b)
{
	sg_auto_buf body = {0};
	struct sg_detector copy = *d;
	struct walk w = {.out = &body};
	uint16_t head[2] = {VERSION, (uint16_t)d->kind};
	uint32_t tail[2];

	walk(&w, &copy);
	if (body.err) {
		b->err = b->err ? b->err : body.err;
		return;
	}
	tail[0] = (uint32_t)body.len;
	tail[1] = sg_crc32c(0, body.data, body.len);
	sg_buf_add(b, MAGIC, 4);
	sg_buf_add(b, head, sizeof(head));
	sg_buf_add(b, tail, sizeof(tail));
	sg_buf_add(b, body.data, body.len);
}

static int check_header(const uint8_t *p, size_t n, enum sg_detector_kind *ret_kind)
{
	uint16_t head[2];
	uint32_t tail[2];

	if (n < HEADER || n > SG_DETECTOR_BYTES_MAX || memcmp(p, MAGIC, 4) != 0)
		return -EBADMSG;
	memcpy(head, p + 4, sizeof(head));
	memcpy(tail, p + 8, sizeof(tail));
	if (head[0] != VERSION)
		return -EPROTONOSUPPORT;
	if (head[1] > SG_DETECT_HISTOGRAM || tail[0] != n - HEADER ||
	    tail[1] != sg_crc32c(0, p + HEADER, n - HEADER))
		return -EBADMSG;
	*ret_kind = (enum sg_detector_kind)head[1];
	return 0;
}

int sg_detector_load(const void *p, size_t n, struct sg_detector **ret)
{
	struct walk w = {.in = (const uint8_t *)p + HEADER, .left = n - HEADER};
	sg_auto(sg_detector) d = NULL;
	enum sg_detector_kind kind;
	int r = check_header(p, n, &kind);

	if (r < 0)
		return r;
	d = sg_detector_new(kind);
	if (!d)
		return -ENOMEM;
	walk(&w, d);
	if (w.bad || w.left)
		return -EBADMSG;
	*ret = sg_take(d);
	return 0;
}
