// SPDX-License-Identifier: GPL-2.0
#include "gather.h"

#include <errno.h>
#include <string.h>

#include "block.h"
#include "column.h"

struct tick {
	int64_t t_ms, span_ms;
};

/*
 * A sample in the buffer: a byte of these flags, what they announce, the value. Of a
 * value that is not whole: eight bytes as they are in memory.
 */
enum {
	STEP = 1, /* a varint: how many ticks after the one before */
	AGAIN = 2, /* the value before, or an empty histogram; nothing follows */
	WHOLE = 4, /* a varint, else eight bytes */
};

struct sg_gathered {
	struct sg_series *series; /* one malloc block */
	bool known;
	int64_t last_ms;
	double value;
	struct sg_hist hist;
	size_t n;
	uint64_t tick, step; /* of the last sample */
	double last;
	struct sg_buf bytes;
};

struct slot {
	struct sg_frame_table table;
	struct sg_gathered **entries;
	uint8_t *want;
	size_t cap, want_cap;
};

struct sg_gather {
	struct sg_map *map;
	struct sg_gathered **all;
	size_t n, cap, max_series;
	struct tick *ticks;
	size_t n_ticks, cap_ticks;
	struct slot slots[SG_SOURCE_SLOTS];
	uint64_t refused;
	size_t bytes;
};

static int gathered_eq(const void *e, const void *key)
{
	const struct sg_gathered *s = e;
	const struct sg_series *k = key;

	return s->series->type == k->type && sg_series_equal(s->series, k);
}

struct sg_gather *sg_gather_new(size_t max_series)
{
	sg_auto(sg_gather) g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->max_series = max_series;
	g->map = sg_map_new(gathered_eq);
	return g->map ? sg_take(g) : NULL;
}

static void gathered_free(struct sg_gathered *s)
{
	if (!s)
		return;
	free(s->series);
	sg_hist_free(&s->hist);
	sg_buf_free(&s->bytes);
	free(s);
}

void sg_gather_free(struct sg_gather *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		gathered_free(g->all[i]);
	free(g->all);
	free(g->ticks);
	for (size_t i = 0; i < SG_SOURCE_SLOTS; i++) {
		sg_frame_table_free(&g->slots[i].table);
		free(g->slots[i].entries);
		free(g->slots[i].want);
	}
	sg_map_free(g->map);
	free(g);
}

/* ---- which series -------------------------------------------------------------- */

static int take_before(struct sg_gathered *e, const struct sg_accum *before)
{
	const struct sg_hist *h = NULL;

	e->known = sg_accum_get(before, e->series, &e->value, &h, &e->last_ms);
	return h ? sg_hist_copy(&e->hist, h) : 0;
}

static int add_series(struct sg_gather *g, const struct sg_series *s, const struct sg_accum *before,
		      struct sg_gathered **ret)
{
	struct sg_gathered *e = calloc(1, sizeof(*e));
	int r = e ? SG_GROW(g->all, g->cap, g->n) : -ENOMEM;

	if (!r)
		e->series = sg_series_dup(s);
	if (!r && !e->series)
		r = -ENOMEM;
	if (!r)
		r = take_before(e, before);
	if (!r)
		r = sg_map_put(g->map, s->hash, e);
	if (r < 0) {
		gathered_free(e);
		return r;
	}
	g->all[g->n++] = *ret = e;
	g->bytes += sizeof(*e) + 256 + e->hist.cap * sizeof(*e->hist.buckets);
	return 0;
}

/* NULL in *ret: there are too many. */
static int find_series(struct sg_gather *g, const struct sg_series *s,
		       const struct sg_accum *before, struct sg_gathered **ret)
{
	*ret = sg_map_get(g->map, s->hash, s);
	if (*ret || g->n >= g->max_series)
		return 0;
	return add_series(g, s, before, ret);
}

static int update_slot(struct sg_gather *g, struct slot *sl, const struct sg_frame_view *v,
		       const struct sg_accum *before)
{
	int r = sg_frame_table_update(&sl->table, v);

	if (r <= 0)
		return r;
	r = SG_GROW(sl->entries, sl->cap, sl->table.n);
	if (!r)
		r = SG_GROW(sl->want, sl->want_cap, sl->table.n);
	for (size_t i = 0; i < sl->table.n && !r; i++) {
		r = find_series(g, &sl->table.series[i], before, &sl->entries[i]);
		sl->want[i] = !r && sl->entries[i];
	}
	if (r < 0) {
		sg_frame_table_free(&sl->table);
		memset(&sl->table, 0, sizeof(sl->table));
	}
	return r;
}

/* ---- samples in ---------------------------------------------------------------- */

static bool is_whole(double v)
{
	return v >= 0 && v < 0x1p53 && v == (double)(uint64_t)v &&
	       !(v == 0 && __builtin_signbit(v));
}

static void put_value(struct sg_buf *b, double v, bool whole)
{
	if (whole)
		sg_put_varint(b, (uint64_t)v);
	else
		sg_buf_add(b, &v, sizeof(v));
}

static void put_hist(struct sg_gathered *e, unsigned int flags, const struct sg_hist *h)
{
	int32_t at = SG_HIST_INDEX_MIN;

	if (flags & AGAIN)
		return;
	put_value(&e->bytes, h->sum, flags & WHOLE);
	sg_put_varint(&e->bytes, h->n);
	for (uint32_t i = 0; i < h->n; i++) {
		sg_put_varint(&e->bytes, (uint64_t)(h->buckets[i].index - at));
		sg_put_varint(&e->bytes, (uint64_t)h->buckets[i].count);
		at = h->buckets[i].index;
	}
}

static bool is_again(const struct sg_gathered *e, const struct sg_sample *s)
{
	bool hist = s->series.type == SG_HISTOGRAM;

	if (hist)
		return !s->hist.n && sg_same_bits(s->hist.sum, 0);
	return e->n && sg_same_bits(s->value, e->last);
}

static void put_step(struct sg_gathered *e, uint64_t tick, unsigned int flags)
{
	uint64_t step = e->n ? tick - e->tick : tick;

	if (step != e->step)
		flags |= STEP;
	sg_buf_char(&e->bytes, (char)flags);
	if (flags & STEP)
		sg_put_varint(&e->bytes, step);
	e->step = step;
	e->tick = tick;
}

struct adding {
	struct sg_gather *g;
	struct slot *slot;
};

static int add_sample(void *ctx, size_t i, const struct sg_sample *s)
{
	struct adding *w = ctx;
	struct sg_gathered *e = w->slot->entries[i];
	bool hist = s->series.type == SG_HISTOGRAM, again = is_again(e, s);
	double v = hist ? s->hist.sum : s->value;
	bool whole = is_whole(v);
	size_t cap = e->bytes.cap;

	if (e->n >= SG_CHUNK_MAX_SAMPLES) {
		w->g->refused++;
		return 0;
	}
	put_step(e, w->g->n_ticks - 1, (again ? AGAIN : 0) | (whole ? WHOLE : 0));
	if (hist)
		put_hist(e, (again ? AGAIN : 0) | (whole ? WHOLE : 0), &s->hist);
	else if (!again)
		put_value(&e->bytes, v, whole);
	e->last = v;
	e->n++;
	w->g->bytes += e->bytes.cap - cap;
	return e->bytes.err;
}

int sg_gather_frame(struct sg_gather *g, const struct sg_frame_view *v,
		    const struct sg_accum *before)
{
	struct adding w = {.g = g, .slot = &g->slots[v->header.source % SG_SOURCE_SLOTS]};
	int r = SG_GROW(g->ticks, g->cap_ticks, g->n_ticks);

	if (!r)
		r = update_slot(g, w.slot, v, before);
	if (r < 0)
		return r;
	g->ticks[g->n_ticks++] = (struct tick){
		v->header.t_ms, SG_MAX((int64_t)((v->header.span_ns + 500000) / 1000000), 1L)};
	for (size_t i = 0; i < w.slot->table.n; i++)
		g->refused += !w.slot->want[i];
	return sg_frame_visit(v, &w.slot->table, w.slot->want, add_sample, &w);
}

/* ---- series out ---------------------------------------------------------------- */

size_t sg_gather_len(const struct sg_gather *g)
{
	return g->n;
}

struct sg_gathered *sg_gather_at(const struct sg_gather *g, size_t i)
{
	return g->all[i];
}

int sg_gather_range(const struct sg_gather *g, int64_t *t0_ms, int64_t *t1_ms)
{
	if (!g->n_ticks)
		return -ENODATA;
	*t0_ms = *t1_ms = g->ticks[0].t_ms;
	for (size_t i = 1; i < g->n_ticks; i++) {
		*t0_ms = SG_MIN(*t0_ms, g->ticks[i].t_ms);
		*t1_ms = SG_MAX(*t1_ms, g->ticks[i].t_ms);
	}
	return 0;
}

size_t sg_gather_bytes(const struct sg_gather *g)
{
	return g->bytes + g->cap_ticks * sizeof(*g->ticks);
}

static int copy_series(struct sg_gather *g, const struct sg_gathered *from)
{
	struct sg_gathered *e = calloc(1, sizeof(*e));
	int r = e ? SG_GROW(g->all, g->cap, g->n) : -ENOMEM;

	if (r < 0) {
		free(e);
		return r;
	}
	g->all[g->n++] = e; /* from here on it goes with g */
	*e = *from;
	e->hist = (struct sg_hist){0};
	e->bytes = (struct sg_buf){0};
	e->series = sg_series_dup(from->series);
	sg_buf_add(&e->bytes, from->bytes.data, from->bytes.len);
	if (!e->series || e->bytes.err)
		return -ENOMEM;
	return sg_hist_copy(&e->hist, &from->hist);
}

int sg_gather_copy(const struct sg_gather *from, sg_gather_wants wants, const void *ctx,
		   struct sg_gather **ret)
{
	sg_auto(sg_gather) g = sg_gather_new(0);
	int r = g ? SG_GROW(g->ticks, g->cap_ticks, from->n_ticks) : -ENOMEM;

	for (size_t i = 0; i < from->n && !r; i++)
		if (wants(ctx, from->all[i]->series))
			r = copy_series(g, from->all[i]);
	if (r < 0)
		return r;
	if (from->n_ticks)
		memcpy(g->ticks, from->ticks, from->n_ticks * sizeof(*g->ticks));
	g->n_ticks = from->n_ticks;
	*ret = sg_take(g);
	return 0;
}

uint64_t sg_gather_refused(const struct sg_gather *g)
{
	return g->refused;
}

const struct sg_series *sg_gathered_series(const struct sg_gathered *s)
{
	return s->series;
}

int64_t sg_gathered_end(const struct sg_gather *g, const struct sg_gathered *s)
{
	return g->ticks[s->tick].t_ms;
}

static double get_value(const uint8_t **p, const uint8_t *end, bool whole)
{
	uint64_t k = 0;
	double v;

	if (whole) {
		sg_get_varint(p, end, &k);
		return (double)k;
	}
	memcpy(&v, *p, sizeof(v));
	*p += sizeof(v);
	return v;
}

static int get_hist(const uint8_t **p, const uint8_t *end, unsigned int flags,
		    struct sg_samples *out)
{
	int32_t at = SG_HIST_INDEX_MIN;
	uint64_t n = 0, gap, count;
	int r = 0;

	out->v[out->n - 1] = 0;
	if (flags & AGAIN)
		return 0;
	out->v[out->n - 1] = get_value(p, end, flags & WHOLE);
	sg_get_varint(p, end, &n);
	while (n-- && !r) {
		sg_get_varint(p, end, &gap);
		sg_get_varint(p, end, &count);
		at += (int32_t)gap;
		r = sg_samples_add_bucket(out, at, (double)count);
	}
	return r;
}

static int get_sample(const struct sg_gathered *s, const uint8_t **p, double *last,
		      struct sg_samples *out)
{
	const uint8_t *end = (const uint8_t *)s->bytes.data + s->bytes.len;
	unsigned int flags;

	flags = *(*p)++;
	if (flags & STEP)
		sg_get_varint(p, end, (uint64_t *)&out->scratch[0]);
	out->scratch[1] += out->scratch[0]; /* the step, and the tick it leads to */
	if (s->series->type == SG_HISTOGRAM)
		return get_hist(p, end, flags, out);
	if (!(flags & AGAIN))
		*last = get_value(p, end, flags & WHOLE);
	out->v[out->n - 1] = *last;
	return 0;
}

int sg_gathered_samples(const struct sg_gather *g, const struct sg_gathered *s,
			struct sg_samples *out)
{
	const uint8_t *p = (const uint8_t *)s->bytes.data;
	double last = 0;
	int r;

	out->type = s->series->type;
	out->coarse = false;
	out->known = s->known;
	out->last_ms = s->last_ms;
	out->value = s->value;
	out->n = out->total_buckets = 0;
	r = sg_hist_copy(&out->hist, &s->hist);
	if (!r)
		r = sg_samples_reserve(out, s->n + 2);
	if (r < 0)
		return r;
	out->scratch[0] = out->scratch[1] = 0;
	for (size_t i = 0; i < s->n && !r; i++) {
		r = sg_samples_grow(out);
		if (!r)
			r = get_sample(s, &p, &last, out);
		if (r < 0)
			return r;
		out->t_ms[i] = g->ticks[out->scratch[1]].t_ms;
		out->span_ms[i] = g->ticks[out->scratch[1]].span_ms;
	}
	return r;
}
