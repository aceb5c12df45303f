// SPDX-License-Identifier: GPL-2.0
#include "collect.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "accum.h"
#include "merge.h"

/* A series that some frame carried: matched or not, which is decided once. */
struct seen {
	struct sg_series *series; /* matched: in the result's arena; else in the collector's */
	bool wanted;
	bool known; /* value or cum holds what was counted so far */
	bool changed; /* cum is not what was emitted last */
	int64_t last_ms; /* of its last frame */
	double value;
	struct sg_hist cum;
	struct sg_hist shown; /* cum as it was emitted, shared by samples that are equal */
	size_t n, t_cap, v_cap, h_cap;
	double ticks; /* that the last sample of a gauge stands for */
	size_t fixed; /* samples that a later one of the same span does not replace */
	int64_t *t;
	double *v;
	struct sg_hist *h;
};

struct slot {
	struct sg_frame_table table;
	struct seen **entries;
	uint8_t *want;
	size_t cap, want_cap;
};

struct sg_collect {
	struct sg_collect_options o;
	struct sg_arena *own;
	struct sg_map *map;
	struct slot slots[SG_SOURCE_SLOTS];
	struct slot base_slot;
	const int64_t *age_ms; /* of the base's part being walked */
	const struct slot *slot; /* of the frame being walked */
	int64_t t_ms, span_ms;
	size_t n_samples;
	/* Buckets of samples that none is shown of, until one is: by index, from lo to hi. */
	double pending[SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1];
	int32_t lo, hi;
	struct sg_bucket scratch[SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1];
};

static int seen_eq(const void *e, const void *key)
{
	return sg_series_equal(((const struct seen *)e)->series, key);
}

struct sg_collect *sg_collect_new(const struct sg_collect_options *o)
{
	sg_auto(sg_collect) c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->o = *o;
	c->lo = INT32_MAX;
	c->hi = INT32_MIN;
	c->own = sg_arena_new(0);
	c->map = sg_map_new(seen_eq);
	return c->own && c->map ? sg_take(c) : NULL;
}

static void slot_free(struct slot *s)
{
	sg_frame_table_free(&s->table);
	free(s->entries);
	free(s->want);
}

static void seen_release(struct seen *e)
{
	sg_hist_free(&e->cum);
	free(e->t);
	free(e->v);
	free(e->h);
}

void sg_collect_free(struct sg_collect *c)
{
	struct seen *e;

	if (!c)
		return;
	for (size_t it = 0; c->map && (e = sg_map_next(c->map, &it));)
		seen_release(e);
	for (size_t i = 0; i < SG_SOURCE_SLOTS; i++)
		slot_free(&c->slots[i]);
	slot_free(&c->base_slot);
	sg_map_free(c->map);
	sg_arena_free(c->own);
	free(c);
}

/* ---- which series -------------------------------------------------------------- */

bool sg_collect_wants(const void *ctx, const struct sg_series *s)
{
	const struct sg_collect *c = ctx;

	for (size_t i = 0; i < c->o.n_sels; i++)
		if (sg_selector_match(&c->o.sels[i], s))
			return true;
	return false;
}

static int find_seen(struct sg_collect *c, const struct sg_series *s, struct seen **ret)
{
	struct seen *e = sg_map_get(c->map, s->hash, s);
	int r;

	if (e) {
		*ret = e;
		return 0;
	}
	e = sg_arena_zalloc(c->own, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->wanted = sg_collect_wants(c, s);
	e->series = sg_series_copy(e->wanted ? c->o.arena : c->own, s);
	if (!e->series)
		return e->wanted ? -E2BIG : -ENOMEM;
	r = sg_map_put(c->map, s->hash, e);
	if (!r)
		*ret = e;
	return r;
}

static int update_slot(struct sg_collect *c, struct slot *s, const struct sg_frame_view *v)
{
	int r = sg_frame_table_update(&s->table, v);

	if (r <= 0)
		return r;
	r = SG_GROW(s->entries, s->cap, s->table.n);
	if (!r)
		r = SG_GROW(s->want, s->want_cap, s->table.n);
	for (size_t i = 0; i < s->table.n && !r; i++) {
		r = find_seen(c, &s->table.series[i], &s->entries[i]);
		s->want[i] = !r && s->entries[i]->wanted;
	}
	if (r < 0)
		sg_frame_table_free(&s->table);
	return r;
}

/* ---- samples ------------------------------------------------------------------- */

/* A sample at t stands for the last one as well. */
static bool is_same_span(const struct sg_collect *c, const struct seen *e, int64_t t)
{
	int64_t res = c->o.res_ms;

	return res && e->n > e->fixed &&
	       sg_merge_bucket(e->t[e->n - 1], res) == sg_merge_bucket(t, res);
}

/* Room for a sample at t; 0: not in the range, 1: e->t[e->n - 1] is set. */
static int add_point(struct sg_collect *c, struct seen *e, int64_t t)
{
	int r;

	if (t <= c->o.from_ms || t > c->o.to_ms)
		return 0;
	/* The clock was set back: what is written later counts. Or one is enough for both. */
	while (e->n && (e->t[e->n - 1] >= t || is_same_span(c, e, t))) {
		e->n--;
		c->n_samples--;
	}
	e->fixed = SG_MIN(e->fixed, e->n);
	if (c->o.max_samples && c->n_samples >= c->o.max_samples)
		return -E2BIG;
	r = SG_GROW(e->t, e->t_cap, e->n);
	if (!r)
		r = e->series->type == SG_HISTOGRAM ? SG_GROW(e->h, e->h_cap, e->n)
						    : SG_GROW(e->v, e->v_cap, e->n);
	if (r < 0)
		return r;
	e->t[e->n++] = t;
	c->n_samples++;
	return 1;
}

static int emit_value(struct sg_collect *c, struct seen *e, int64_t t, double v)
{
	int r = add_point(c, e, t);

	if (r > 0)
		e->v[e->n - 1] = v;
	return SG_MIN(r, 0);
}

/* A gauge's readings of some ticks. */
struct readings {
	double last, min, max, sum, n;
};

static double average(struct seen *e, const struct readings *g, double before, bool joins)
{
	double n = joins ? e->ticks : 0;

	e->ticks = n + g->n;
	return joins ? (before * n + g->sum) / (n + g->n) : g->sum / g->n;
}

/* before: of the sample that this one replaces, when it does. */
static double field_of(enum sg_field field, struct seen *e, const struct readings *g, double before,
		       bool joins)
{
	switch (field) {
	case SG_FIELD_MIN: return joins ? fmin(before, g->min) : g->min;
	case SG_FIELD_MAX: return joins ? fmax(before, g->max) : g->max;
	case SG_FIELD_AVG: return average(e, g, before, joins);
	default: return g->last;
	}
}

static int emit_gauge(struct sg_collect *c, struct seen *e, const struct readings *g)
{
	bool joins = is_same_span(c, e, c->t_ms);

	return emit_value(c, e, c->t_ms,
			  field_of(c->o.field, e, g, joins ? e->v[e->n - 1] : 0, joins));
}

static int copy_hist(struct sg_arena *a, struct sg_hist *dst, const struct sg_hist *src)
{
	struct sg_bucket *b = src->n ? sg_arena_alloc(a, src->n * sizeof(*b)) : NULL;

	if (src->n && !b)
		return -E2BIG;
	if (src->n)
		memcpy(b, src->buckets, src->n * sizeof(*b));
	*dst = (struct sg_hist){.count = src->count, .sum = src->sum, .n = src->n, .buckets = b};
	return 0;
}

static int emit_hist(struct sg_collect *c, struct seen *e, int64_t t, const struct sg_hist *h)
{
	int r = add_point(c, e, t);

	return r > 0 ? copy_hist(c->o.arena, &e->h[e->n - 1], h) : r;
}

static int emit_cum(struct sg_collect *c, struct seen *e, int64_t t)
{
	int r;

	if (e->series->type == SG_COUNTER)
		return emit_value(c, e, t, e->value);
	r = add_point(c, e, t);
	if (r <= 0)
		return r;
	if (e->changed) {
		r = copy_hist(c->o.arena, &e->shown, &e->cum);
		if (r < 0)
			return r;
		e->changed = false;
	}
	e->h[e->n - 1] = e->shown;
	return 0;
}

static int add_to_cum(struct seen *e, const struct sg_sample *s)
{
	if (e->series->type == SG_COUNTER) {
		e->value += s->value;
		return 0;
	}
	if (s->hist.count == 0 && !s->hist.n)
		return 0;
	e->changed = true;
	return sg_hist_add(&e->cum, &s->hist);
}

static int on_delta(struct sg_collect *c, struct seen *e, const struct sg_sample *s)
{
	if (s->series.type == SG_HISTOGRAM)
		return emit_hist(c, e, c->t_ms, &s->hist);
	return emit_value(c, e, c->t_ms, s->value);
}

static int on_cumulative(struct sg_collect *c, struct seen *e, const struct sg_sample *s)
{
	int r = 0;

	/* It was not in the frame before: so that this increase has a start. */
	if (!e->known || e->last_ms < c->t_ms - c->span_ms - c->span_ms / 2) {
		r = emit_cum(c, e, c->t_ms - c->span_ms);
		e->fixed = e->n;
	}
	if (!r)
		r = add_to_cum(e, s);
	e->known = true;
	return r < 0 ? r : emit_cum(c, e, c->t_ms);
}

/* ---- chunks --------------------------------------------------------------------- */

struct chunk_at { /* a sample of it */
	const struct sg_samples *x;
	size_t i;
	const struct sg_bucket *b;
	bool shown; /* not one that the next stands for as well */
};

static void count_from_nothing(struct seen *e)
{
	e->known = false;
	e->changed = true;
	e->value = 0;
	sg_hist_clear(&e->cum);
}

/* What was counted before, unless it is known from the samples right before. */
static int take_before(struct seen *e, const struct sg_samples *x)
{
	bool follows = e->known && e->last_ms >= x->t_ms[0] - llabs(x->span_ms[0]) * 3 / 2;

	if (x->type == SG_GAUGE || (!x->known && follows))
		return 0;
	count_from_nothing(e);
	if (!x->known)
		return 0;
	e->known = true;
	e->last_ms = x->last_ms;
	e->value = x->value;
	return sg_hist_copy(&e->cum, &x->hist);
}

static int gauge_of_chunk(struct sg_collect *c, struct seen *e, const struct chunk_at *at)
{
	const struct sg_samples *x = at->x;
	double v = x->v[at->i];
	struct readings g = {v, v, v, v, 1};

	if (x->coarse)
		g = (struct readings){v, x->min[at->i], x->max[at->i], x->sum[at->i],
				      (double)x->n_ticks[at->i]};
	return emit_gauge(c, e, &g);
}

/* What a histogram's sample adds; its sum is as the chunk has it. */
static struct sg_hist hist_of(const struct chunk_at *at)
{
	const struct sg_samples *x = at->x;
	struct sg_hist h = {.sum = x->v[at->i],
			    .n = (uint32_t)x->n_buckets[at->i],
			    .buckets = (struct sg_bucket *)at->b};

	for (uint32_t i = 0; i < h.n; i++)
		h.count += h.buckets[i].count;
	return h;
}

/* Adding to a histogram takes its time: of many samples it is done once. */
static void add_pending(struct sg_collect *c, const struct sg_hist *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		c->pending[h->buckets[i].index - SG_HIST_INDEX_MIN] += h->buckets[i].count;
	if (h->n) {
		c->lo = SG_MIN(c->lo, h->buckets[0].index);
		c->hi = SG_MAX(c->hi, h->buckets[h->n - 1].index);
	}
}

static int settle(struct sg_collect *c, struct seen *e)
{
	struct sg_hist h = {.buckets = c->scratch};

	for (int32_t i = c->lo; i <= c->hi; i++) {
		double *n = &c->pending[i - SG_HIST_INDEX_MIN];

		if (*n != 0)
			h.buckets[h.n++] = (struct sg_bucket){i, *n};
		h.count += *n;
		*n = 0;
	}
	c->lo = INT32_MAX;
	c->hi = INT32_MIN;
	return h.n ? sg_hist_add(&e->cum, &h) : 0;
}

static int add_hist_delta(struct sg_collect *c, struct seen *e, const struct chunk_at *at)
{
	const struct sg_samples *x = at->x;
	struct sg_hist h = {.n = (uint32_t)x->n_buckets[at->i],
			    .buckets = (struct sg_bucket *)at->b};
	double sum = x->coarse ? x->v[at->i] : e->cum.sum + (h.n ? x->v[at->i] : 0);

	e->changed |= h.n || e->cum.sum != sum;
	e->cum.sum = sum;
	add_pending(c, &h);
	return at->shown ? settle(c, e) : 0;
}

static int add_delta(struct sg_collect *c, struct seen *e, const struct chunk_at *at)
{
	double v = at->x->v[at->i];

	if (at->x->type == SG_HISTOGRAM)
		return add_hist_delta(c, e, at);
	e->value = at->x->coarse ? v : e->value + v;
	return 0;
}

static int cumulative_of_chunk(struct sg_collect *c, struct seen *e, const struct chunk_at *at)
{
	int r = 0;

	if (!e->known || e->last_ms < c->t_ms - c->span_ms - c->span_ms / 2) {
		r = settle(c, e);
		if (!r)
			r = emit_cum(c, e, c->t_ms - c->span_ms);
		e->fixed = e->n;
	}
	if (!r)
		r = add_delta(c, e, at);
	e->known = true;
	return r < 0 || !at->shown ? r : emit_cum(c, e, c->t_ms);
}

static int increase_of_chunk(struct sg_collect *c, struct seen *e, const struct chunk_at *at)
{
	bool hist = at->x->type == SG_HISTOGRAM;
	double v = at->x->v[at->i], before = hist ? e->cum.sum : e->value, more = v;
	struct sg_hist h;

	if (at->x->coarse) {
		more = v - before;
		e->value = e->cum.sum = v;
	}
	if (!hist)
		return emit_value(c, e, c->t_ms, more);
	h = hist_of(at);
	h.sum = more;
	return emit_hist(c, e, c->t_ms, &h);
}

static int sample_of_chunk(struct sg_collect *c, struct seen *e, const struct chunk_at *at)
{
	int r;

	c->t_ms = at->x->t_ms[at->i];
	c->span_ms = llabs(at->x->span_ms[at->i]);
	if (at->x->span_ms[at->i] < 0) {
		r = settle(c, e);
		if (r < 0)
			return r;
		count_from_nothing(e);
	}
	if (at->x->type == SG_GAUGE)
		r = gauge_of_chunk(c, e, at);
	else if (c->o.deltas)
		r = increase_of_chunk(c, e, at);
	else
		r = cumulative_of_chunk(c, e, at);
	e->last_ms = c->t_ms;
	return r;
}

/* Of those that one span holds, only the last is made a sample of. */
static bool is_shown(const struct sg_collect *c, const struct sg_samples *x, size_t i)
{
	int64_t res = c->o.res_ms;

	if (x->t_ms[i] <= c->o.from_ms)
		return false;
	return !res || i + 1 == x->n || x->t_ms[i + 1] > c->o.to_ms ||
	       sg_merge_bucket(x->t_ms[i], res) != sg_merge_bucket(x->t_ms[i + 1], res);
}

static void restart(struct sg_collect *c, struct seen *e, enum sg_type type);

int sg_collect_samples(struct sg_collect *c, const struct sg_series *s, const struct sg_samples *x)
{
	struct chunk_at at = {.x = x, .b = x->buckets};
	struct seen *e;
	int r = find_seen(c, s, &e);

	if (r < 0 || !e->wanted)
		return r;
	if (e->series->type != x->type)
		restart(c, e, x->type);
	r = take_before(e, x);
	for (; at.i < x->n && !r; at.i++) {
		at.shown = is_shown(c, x, at.i);
		r = sample_of_chunk(c, e, &at);
		if (x->type == SG_HISTOGRAM && x->n_buckets[at.i])
			at.b += x->n_buckets[at.i];
	}
	return r < 0 ? r : settle(c, e);
}

/* The metric became one of another type: what came before is not comparable. */
static void restart(struct sg_collect *c, struct seen *e, enum sg_type type)
{
	c->n_samples -= e->n;
	e->n = 0;
	e->known = e->changed = false;
	e->value = 0;
	sg_hist_clear(&e->cum);
	memset(&e->shown, 0, sizeof(e->shown));
	e->series->type = type;
}

static int on_sample(void *ctx, size_t i, const struct sg_sample *s)
{
	struct sg_collect *c = ctx;
	struct seen *e = c->slot->entries[i];
	int r;

	if (e->series->type != s->series.type)
		restart(c, e, s->series.type);
	if (c->o.deltas)
		r = on_delta(c, e, s);
	else if (s->series.type == SG_GAUGE)
		r = emit_gauge(c, e, &(struct readings){s->value, s->value, s->value, s->value, 1});
	else
		r = on_cumulative(c, e, s);
	e->last_ms = c->t_ms;
	return r;
}

int sg_collect_frame(struct sg_collect *c, const void *frame, size_t n)
{
	struct sg_frame_view v;
	struct slot *s;
	int r = sg_frame_view(frame, n, false, &v);

	if (r < 0)
		return r;
	if (c->o.deltas && (v.header.t_ms <= c->o.from_ms || v.header.t_ms > c->o.to_ms))
		return 0;
	s = &c->slots[v.header.source % SG_SOURCE_SLOTS];
	r = update_slot(c, s, &v);
	if (r < 0)
		return r;
	c->slot = s;
	c->t_ms = v.header.t_ms;
	c->span_ms = SG_MAX((int64_t)((v.header.span_ns + 500000) / 1000000), (int64_t)1);
	return sg_frame_visit(&v, &s->table, s->want, on_sample, c);
}

static int on_base_sample(void *ctx, size_t i, const struct sg_sample *s)
{
	struct sg_collect *c = ctx;
	struct seen *e = c->base_slot.entries[i];

	if (e->known || s->series.type == SG_GAUGE)
		return 0;
	e->known = e->changed = true;
	e->series->type = s->series.type;
	e->last_ms = c->t_ms - c->age_ms[i];
	if (s->series.type == SG_HISTOGRAM)
		return sg_hist_copy(&e->cum, &s->hist);
	e->value = s->value;
	return 0;
}

static int on_base_part(void *ctx, const struct sg_frame_view *v, const int64_t *age_ms)
{
	struct sg_collect *c = ctx;
	int r = update_slot(c, &c->base_slot, v);

	if (r < 0)
		return r;
	c->t_ms = v->header.t_ms;
	c->age_ms = age_ms;
	return sg_frame_visit(v, &c->base_slot.table, c->base_slot.want, on_base_sample, c);
}

int sg_collect_base(struct sg_collect *c, const void *base, size_t n)
{
	return sg_base_walk(base, n, NULL, on_base_part, c);
}

/* ---- the result ---------------------------------------------------------------- */

static int cmp_points(const void *a, const void *b)
{
	return sg_series_cmp(&((const struct sg_points *)a)->series,
			     &((const struct sg_points *)b)->series);
}

static int finish_one(struct sg_collect *c, const struct seen *e, struct sg_points *p)
{
	bool hist = e->series->type == SG_HISTOGRAM;
	size_t size = hist ? sizeof(*p->hists) : sizeof(*p->values);
	void *vals = sg_arena_alloc(c->o.arena, e->n * size);

	p->series = *e->series;
	p->n = e->n;
	p->t_ms = sg_arena_alloc(c->o.arena, e->n * sizeof(*p->t_ms));
	if (!vals || !p->t_ms)
		return -E2BIG;
	memcpy(p->t_ms, e->t, e->n * sizeof(*p->t_ms));
	memcpy(vals, hist ? (const void *)e->h : (const void *)e->v, e->n * size);
	if (hist)
		p->hists = vals;
	else
		p->values = vals;
	return 0;
}

int sg_collect_finish(struct sg_collect *c, struct sg_points_set *ret)
{
	struct sg_points_set set = {0};
	struct seen *e;
	size_t n = 0;
	int r = 0;

	for (size_t it = 0; (e = sg_map_next(c->map, &it));)
		n += e->n > 0;
	set.series = sg_arena_zalloc(c->o.arena, SG_MAX(n, (size_t)1) * sizeof(*set.series));
	if (!set.series)
		return -E2BIG;
	for (size_t it = 0; !r && (e = sg_map_next(c->map, &it));)
		if (e->n)
			r = finish_one(c, e, &set.series[set.n++]);
	if (r < 0)
		return r;
	qsort(set.series, set.n, sizeof(*set.series), cmp_points);
	set.n_samples = c->n_samples;
	*ret = set;
	return 0;
}
