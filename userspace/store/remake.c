// SPDX-License-Identifier: GPL-2.0
#include "remake.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "chunk.h"
#include "index.h"
#include "tiers.h"

#define MAX_GAPS 1000 /* around one segment */
#define NEAR_MS 60000 /* an event or a gap may lie beside the ticks of its frames */

/*
 * A frame to be. Samples are packed: a varint, how many series after the one before times
 * four and one of these; what it announces.
 */
enum { NOTHING, BITS, HIST }; /* 0, or an empty histogram; eight bytes; sum, buckets */

struct tick {
	int64_t t_ms, span_ms;
	uint64_t era; /* how often the clock was set back before it, as far as its series tell */
	uint32_t series; /* of the last sample, plus one */
	struct sg_buf samples;
};

struct segment {
	int64_t id, first, t0_ms, t1_ms;
	int64_t last_block, block_before; /* of the one before it */
};

struct sg_remake {
	struct segment at; /* first is 0 before the first one */
	struct sg_arena *arena; /* of series, events and gaps */
	struct sg_series *series;
	size_t n_series, cap_series;
	struct tick **ticks;
	size_t n_ticks, cap_ticks;
	struct sg_map *map; /* of ticks */
	size_t bytes;
	struct sg_event *events;
	size_t n_events, cap_events, event_at;
	struct sg_gap *gaps;
	size_t n_gaps, cap_gaps;
	uint64_t session;
	struct sg_samples samples;
	struct sg_frame *frame;
	struct sg_buf out;
};

static int tick_eq(const void *e, const void *key)
{
	const struct tick *a = e, *b = key;

	return a->t_ms == b->t_ms && a->span_ms == b->span_ms && a->era == b->era;
}

struct sg_remake *sg_remake_new(void)
{
	sg_auto(sg_remake) m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->frame = sg_frame_new();
	return m->frame ? sg_take(m) : NULL;
}

static void forget_segment(struct sg_remake *m)
{
	for (size_t i = 0; i < m->n_ticks; i++) {
		sg_buf_free(&m->ticks[i]->samples);
		free(m->ticks[i]);
	}
	sg_map_free(m->map);
	sg_arena_free(m->arena);
	m->map = NULL;
	m->arena = NULL;
	m->n_ticks = m->n_series = m->n_events = m->n_gaps = m->event_at = m->bytes = 0;
	m->session = 0;
}

void sg_remake_free(struct sg_remake *m)
{
	if (!m)
		return;
	forget_segment(m);
	free(m->ticks);
	free(m->series);
	free(m->events);
	free(m->gaps);
	sg_samples_free(&m->samples);
	sg_frame_free(m->frame);
	sg_buf_free(&m->out);
	free(m);
}

/* ---- samples in ------------------------------------------------------------------ */

static int new_tick(struct sg_remake *m, const struct tick *key, uint64_t hash, struct tick **ret)
{
	struct tick *k = malloc(sizeof(*k));
	int r = k ? SG_GROW(m->ticks, m->cap_ticks, m->n_ticks) : -ENOMEM;

	if (!r) {
		*k = *key;
		r = sg_map_put(m->map, hash, k);
	}
	if (r < 0) {
		free(k);
		return r;
	}
	m->bytes += sizeof(*k);
	m->ticks[m->n_ticks++] = *ret = k;
	return 0;
}

/* Most series have the ticks of the one before: *at is where the next is looked for first. */
static int find_tick(struct sg_remake *m, const struct tick *key, size_t *at, struct tick **ret)
{
	uint64_t hash;

	if (*at < m->n_ticks && tick_eq(m->ticks[*at], key)) {
		*ret = m->ticks[(*at)++];
		return 0;
	}
	hash = sg_hash(&key->t_ms, sizeof(key->t_ms), (uint64_t)key->span_ms ^ key->era << 32);
	*ret = sg_map_get(m->map, hash, key);
	return *ret ? 0 : new_tick(m, key, hash, ret);
}

static bool is_nothing(double v)
{
	return v == 0 && !signbit(v);
}

static void put_buckets(struct sg_buf *b, const struct sg_bucket *buckets, size_t n)
{
	int32_t at = SG_HIST_INDEX_MIN;

	sg_put_varint(b, n);
	for (size_t i = 0; i < n; i++) {
		sg_put_varint(b, (uint64_t)(buckets[i].index - at));
		sg_put_varint(b, (uint64_t)buckets[i].count);
		at = buckets[i].index;
	}
}

static int put_sample(struct sg_remake *m, struct tick *k, double v, const struct sg_bucket *b,
		      size_t n)
{
	bool hist = m->samples.type == SG_HISTOGRAM;
	unsigned int kind = is_nothing(v) && !n ? NOTHING : hist ? HIST : BITS;
	size_t cap = k->samples.cap;

	sg_put_varint(&k->samples, (m->n_series - k->series) << 2 | kind);
	if (kind != NOTHING)
		sg_buf_add(&k->samples, &v, sizeof(v));
	if (kind == HIST)
		put_buckets(&k->samples, b, n);
	k->series = (uint32_t)m->n_series;
	m->bytes += k->samples.cap - cap;
	return m->bytes > SG_REMAKE_MAX_BYTES ? -E2BIG : k->samples.err;
}

/* The samples of the series that was added last. */
static int scatter(struct sg_remake *m)
{
	const struct sg_samples *x = &m->samples;
	const struct sg_bucket *b = x->buckets;
	struct tick key = {0}, *k;
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; i < x->n && !r; i++) {
		size_t n = x->type == SG_HISTOGRAM ? (size_t)x->n_buckets[i] : 0;

		key.era += i && x->t_ms[i] <= key.t_ms;
		key.t_ms = x->t_ms[i];
		key.span_ms = llabs(x->span_ms[i]);
		r = find_tick(m, &key, &at, &k);
		if (!r)
			r = put_sample(m, k, x->v[i], b, n);
		if (n)
			b += n;
	}
	return r;
}

static int add_series(struct sg_remake *m, sqlite3_stmt *s)
{
	int r = SG_GROW(m->series, m->cap_series, m->n_series);

	if (!r)
		r = sg_index_series(m->arena, sqlite3_column_int64(s, 1),
				    (const char *)sqlite3_column_text(s, 2),
				    sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3),
				    &m->series[m->n_series]);
	if (r < 0)
		return r;
	m->series[m->n_series].type = m->samples.type;
	m->session += m->series[m->n_series++].hash;
	return 0;
}

static int load_chunk(struct sg_remake *m, sqlite3_stmt *s)
{
	int r = sg_chunk_decode(&m->samples, m->at.t0_ms, sqlite3_column_blob(s, 0),
				(size_t)sqlite3_column_bytes(s, 0));

	if (!r && m->samples.coarse)
		r = -EBADMSG;
	if (!r)
		r = add_series(m, s);
	if (r < 0)
		return r == -EBADMSG ? 0 : r; /* it hides one series, as for other readers */
	return scatter(m);
}

static int load_chunks(struct sg_remake *m, struct sg_db *db)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_SEGMENT_CHUNKS);
	int r;

	sqlite3_bind_int64(s, 1, sg_chunk_id(m->at.id, 0));
	sqlite3_bind_int64(s, 2, sg_chunk_id(m->at.id + 1, 0));
	while ((r = sg_db_step(db, s)) > 0) {
		r = load_chunk(m, s);
		if (r < 0)
			break;
	}
	sqlite3_reset(s);
	return r;
}

/* ---- what happened meanwhile ------------------------------------------------------- */

static int load_event(struct sg_remake *m, sqlite3_stmt *s)
{
	int r = SG_GROW(m->events, m->cap_events, m->n_events);
	int64_t n;

	if (r < 0)
		return r;
	n = sg_event_decode(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), m->arena,
			    &m->events[m->n_events]);
	m->n_events += n >= 0;
	return n == -ENOMEM ? -ENOMEM : 0;
}

static int load_events(struct sg_remake *m, struct sg_db *db)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_BLOCK_EVENTS);
	int r;

	sqlite3_bind_int64(s, 1, m->at.t0_ms - NEAR_MS);
	sqlite3_bind_int64(s, 2, m->at.t1_ms + NEAR_MS);
	sqlite3_bind_int64(s, 3, m->at.block_before);
	sqlite3_bind_int64(s, 4, m->at.last_block);
	while ((r = sg_db_step(db, s)) > 0) {
		r = load_event(m, s);
		if (r < 0)
			break;
	}
	sqlite3_reset(s);
	return r;
}

static int load_gaps(struct sg_remake *m, struct sg_db *db)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_GAPS);
	int r;

	sqlite3_bind_int64(s, 1, m->at.t0_ms - NEAR_MS);
	sqlite3_bind_int64(s, 2, m->at.t1_ms);
	sqlite3_bind_int64(s, 3, MAX_GAPS);
	while ((r = sg_db_step(db, s)) > 0) {
		r = SG_GROW(m->gaps, m->cap_gaps, m->n_gaps);
		if (r < 0)
			break;
		m->gaps[m->n_gaps++] = (struct sg_gap){.from_ms = sqlite3_column_int64(s, 0),
						       .to_ms = sqlite3_column_int64(s, 1)};
	}
	sqlite3_reset(s);
	return r;
}

/* ---- segments ----------------------------------------------------------------------- */

static int find_segment(struct sg_remake *m, struct sg_db *db, int64_t from_ms, int64_t to_ms)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_NEXT_SEGMENT);
	int r;

	sqlite3_bind_int64(s, 1, m->at.first);
	sqlite3_bind_int64(s, 2, from_ms);
	sqlite3_bind_int64(s, 3, to_ms);
	r = sg_db_step(db, s);
	if (r <= 0)
		return r;
	m->at = (struct segment){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
				 sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3),
				 sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5)};
	sqlite3_reset(s);
	return 1;
}

static int in_order(const void *a, const void *b)
{
	const struct tick *x = *(const struct tick *const *)a, *y = *(const struct tick *const *)b;

	if (x->era != y->era)
		return x->era < y->era ? -1 : 1;
	if (x->t_ms != y->t_ms)
		return x->t_ms < y->t_ms ? -1 : 1;
	return (x->span_ms > y->span_ms) - (x->span_ms < y->span_ms);
}

static int load_segment(struct sg_remake *m, struct sg_db *db)
{
	const int64_t id[2] = {m->at.first, m->at.t0_ms};
	int r;

	m->arena = sg_arena_new(0);
	m->map = sg_map_new(tick_eq);
	if (!m->arena || !m->map)
		return -ENOMEM;
	r = load_chunks(m, db);
	if (!r)
		r = load_events(m, db);
	if (!r)
		r = load_gaps(m, db);
	if (r < 0)
		return r;
	m->session = sg_hash(id, sizeof(id), m->session);
	if (m->n_ticks)
		qsort(m->ticks, m->n_ticks, sizeof(struct tick *), in_order);
	return 1;
}

int sg_remake_next(struct sg_remake *m, struct sg_db *db, int64_t from_ms, int64_t to_ms)
{
	int r;

	forget_segment(m);
	r = find_segment(m, db, from_ms, to_ms);
	return r > 0 ? load_segment(m, db) : r;
}

/* ---- frames out --------------------------------------------------------------------- */

static int get_hist(struct sg_frame *f, const uint8_t **p, const uint8_t *end, struct sg_hist *h)
{
	uint64_t n = 0, gap = 0, count = 0;
	int32_t at = SG_HIST_INDEX_MIN;

	sg_get_varint(p, end, &n);
	h->buckets = n ? sg_arena_alloc(f->arena, n * sizeof(*h->buckets)) : NULL;
	if (n && !h->buckets)
		return -ENOMEM;
	for (; h->n < n; h->n++) {
		sg_get_varint(p, end, &gap);
		sg_get_varint(p, end, &count);
		at += (int32_t)gap;
		h->buckets[h->n] = (struct sg_bucket){.index = at, .count = (double)count};
		h->count += (double)count;
	}
	return 0;
}

static int add_sample(struct sg_remake *m, const struct sg_series *s, unsigned int kind,
		      const uint8_t **p, const uint8_t *end)
{
	struct sg_hist h = {0};
	double v = 0;
	int r = 0;

	if (kind != NOTHING) {
		memcpy(&v, *p, sizeof(v));
		*p += sizeof(v);
	}
	if (s->type != SG_HISTOGRAM)
		return sg_frame_add_value(m->frame, s, v);
	h.sum = v;
	if (kind == HIST)
		r = get_hist(m->frame, p, end, &h);
	return r < 0 ? r : sg_frame_add_hist(m->frame, s, &h);
}

static int add_samples(struct sg_remake *m, const struct tick *k)
{
	const uint8_t *p = (const uint8_t *)k->samples.data, *end = p + k->samples.len;
	uint64_t x = 0, series = 0;
	int r = 0;

	while (p < end && !r) {
		sg_get_varint(&p, end, &x);
		series += x >> 2;
		r = add_sample(m, &m->series[series - 1], x & 3, &p, end);
	}
	return r;
}

/* Those that were not later than this tick; after the last one there is no better place. */
static int add_events(struct sg_remake *m, size_t i)
{
	bool last = i + 1 == m->n_ticks;
	int r = 0;

	while (!r && m->event_at < m->n_events) {
		const struct sg_event *e = &m->events[m->event_at];

		if (!last && e->t_ms > m->ticks[i]->t_ms)
			break;
		r = sg_frame_add_event(m->frame, e);
		m->event_at += r != -ENOSPC;
		r = r == -EINVAL ? 0 : r;
	}
	return r == -ENOSPC ? 0 : r;
}

static bool follows_gap(const struct sg_remake *m, size_t i)
{
	const struct tick *k = m->ticks[i];
	int64_t before =
		i && m->ticks[i - 1]->era == k->era ? m->ticks[i - 1]->t_ms : k->t_ms - k->span_ms;

	for (size_t g = 0; g < m->n_gaps; g++)
		if (m->gaps[g].from_ms < k->t_ms && m->gaps[g].to_ms > before)
			return true;
	return false;
}

/* In halves where one frame cannot hold it. */
static int give(struct sg_remake *m, struct sg_frame f, uint64_t *seq, sg_store_on_frame cb,
		void *ctx)
{
	size_t half = f.n / 2;
	int r;

	f.seq = *seq;
	sg_buf_reset(&m->out);
	r = sg_frame_encode(&f, &m->out);
	if (!r) {
		++*seq;
		return cb(m->out.data, m->out.len, ctx);
	}
	if (r != -EMSGSIZE || !half)
		return r == -EINVAL ? -EBADMSG : r;
	f.n -= half;
	r = give(m, f, seq, cb, ctx);
	f.samples += f.n;
	f.n = half;
	f.n_events = 0;
	return r ? r : give(m, f, seq, cb, ctx);
}

static int frame_of(struct sg_remake *m, size_t i, sg_store_on_frame cb, void *ctx)
{
	const struct tick *k = m->ticks[i];
	uint64_t seq = ((uint64_t)i << 16) + 1; /* the same, whichever range is asked for */
	int r;

	m->frame->session = m->session;
	m->frame->t_ms = k->t_ms;
	m->frame->span_ns = (uint64_t)k->span_ms * 1000000;
	m->frame->flags = follows_gap(m, i) ? SG_FRAME_GAP : 0;
	r = add_samples(m, k);
	return r < 0 ? r : give(m, *m->frame, &seq, cb, ctx);
}

int sg_remake_frames(struct sg_remake *m, int64_t from_ms, int64_t to_ms, sg_store_on_frame cb,
		     void *ctx)
{
	int r = 0;

	for (size_t i = 0; i < m->n_ticks && !r; i++) {
		sg_frame_reset(m->frame);
		r = add_events(m, i);
		if (!r && m->ticks[i]->t_ms > from_ms && m->ticks[i]->t_ms <= to_ms)
			r = frame_of(m, i, cb, ctx);
	}
	return r;
}
