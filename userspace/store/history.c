// SPDX-License-Identifier: GPL-2.0
#include "history.h"

#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "index.h"
#include "tiers.h"

#define MAX_SEGMENTS 100000

struct segment {
	int64_t id, tier, first, last, t0_ms;
	int64_t until_ms; /* what is later is read from another one */
};

struct segments {
	struct segment *v;
	size_t n, cap;
};

struct found { /* a series */
	uint32_t id;
	struct sg_series series;
};

struct series_list {
	struct found *v;
	size_t n, cap;
	struct sg_arena *arena;
};

/* ---- which series --------------------------------------------------------------- */

static int add_series(const struct sg_history *h, struct series_list *l, sqlite3_stmt *s)
{
	struct found f = {.id = (uint32_t)sqlite3_column_int64(s, 0)};
	int r = sg_index_series(l->arena, sqlite3_column_int64(s, 1),
				(const char *)sqlite3_column_text(s, 2), sqlite3_column_blob(s, 3),
				(size_t)sqlite3_column_bytes(s, 3), &f.series);

	if (r == -EBADMSG) /* one row that is damaged hides one series */
		return 0;
	if (r < 0 || !sg_collect_wants(h->collect, &f.series))
		return r;
	r = SG_GROW(l->v, l->cap, l->n);
	if (!r)
		l->v[l->n++] = f;
	return r;
}

static int add_series_of(const struct sg_history *h, struct series_list *l, sqlite3_stmt *s)
{
	int r;

	while ((r = sg_db_step(h->db, s)) > 0) {
		r = add_series(h, l, s);
		if (r < 0)
			break;
	}
	sqlite3_reset(s);
	return r;
}

/* The matcher by which the index finds fewest: the name, else any label with a value. */
static const struct sg_matcher *best_matcher(const struct sg_selector *sel)
{
	const struct sg_matcher *best = NULL;

	for (size_t i = 0; i < sel->n; i++) {
		const struct sg_matcher *m = &sel->matchers[i];

		if (m->op != SG_MATCH_EQ || !*m->value)
			continue;
		if (!best || strcmp(m->name, "__name__") == 0)
			best = m;
	}
	return best;
}

static int find_by_label(const struct sg_history *h, const struct sg_matcher *m,
			 struct series_list *l)
{
	sqlite3_stmt *s = sg_db_stmt(h->db, R_SERIES_OF);

	sqlite3_bind_int64(s, 1, h->from_ms);
	sqlite3_bind_text(s, 2, m->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, m->value, -1, SQLITE_STATIC);
	return add_series_of(h, l, s);
}

static int find_all(const struct sg_history *h, struct series_list *l)
{
	sqlite3_stmt *s = sg_db_stmt(h->db, R_SERIES);

	sqlite3_bind_int64(s, 1, h->from_ms);
	return add_series_of(h, l, s);
}

static int by_id(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Several selectors may find the same. */
static void sort_unique(struct series_list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_id);
	for (size_t i = 0; i < l->n; i++)
		if (!n || l->v[n - 1].id != l->v[i].id)
			l->v[n++] = l->v[i];
	l->n = n;
}

static int find_series(const struct sg_history *h, struct series_list *l)
{
	const struct sg_matcher *m = NULL;
	bool indexed = true;
	int r = 0;

	for (size_t i = 0; i < h->n_sels; i++)
		indexed &= best_matcher(&h->sels[i]) != NULL;
	if (!indexed)
		return find_all(h, l);
	for (size_t i = 0; i < h->n_sels && !r; i++) {
		m = best_matcher(&h->sels[i]);
		r = find_by_label(h, m, l);
	}
	sort_unique(l);
	return r;
}

/* ---- which segments -------------------------------------------------------------- */

static int list_segments(const struct sg_history *h, struct segments *l)
{
	sqlite3_stmt *s = sg_db_stmt(h->db, R_SEGMENTS);
	int r;

	sqlite3_bind_int64(s, 1, h->from_ms);
	sqlite3_bind_int64(s, 2, h->to_ms);
	while ((r = sg_db_step(h->db, s)) > 0) {
		struct segment g = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
				    sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3),
				    sqlite3_column_int64(s, 4), INT64_MAX};

		if (g.tier < 0 || g.tier >= SG_TIERS || g.last < g.first || l->n == MAX_SEGMENTS)
			continue;
		r = SG_GROW(l->v, l->cap, l->n);
		if (r < 0)
			break;
		l->v[l->n++] = g;
	}
	sqlite3_reset(s);
	return r;
}

/* The coarsest tier that is fine enough. */
static int wanted_tier(int64_t res_ms)
{
	int tier = 0;

	while (tier + 1 < SG_TIERS && sg_tiers[tier + 1].res_ms <= res_ms)
		tier++;
	return tier;
}

/*
 * How well a tier serves: the wanted one, else the coarsest of the finer ones, else the
 * finest of the coarser ones. Less is better.
 */
static int64_t rank_of(int64_t tier, int64_t wanted)
{
	return tier <= wanted ? wanted - tier : SG_TIERS + tier;
}

/*
 * The segment that serves best of those that begin at pos or follow it first. One that
 * begins before has been read as far as the range reaches, from finer ones.
 */
static const struct segment *best_at(const struct segments *l, size_t *from, int64_t pos,
				     int64_t wanted)
{
	const struct segment *best = NULL;

	while (*from < l->n && l->v[*from].first < pos)
		++*from;
	for (size_t i = *from; i < l->n; i++) {
		const struct segment *g = &l->v[i];

		if (best && g->first > best->first)
			break;
		if (!best || rank_of(g->tier, wanted) < rank_of(best->tier, wanted))
			best = g;
	}
	return best;
}

/*
 * One that is coarser than wanted serves until finer ones begin. False: they do before the
 * range does.
 */
static bool cut(const struct segments *l, size_t from, int64_t wanted, int64_t from_ms,
		struct segment *g)
{
	for (size_t i = from; i < l->n && g->tier > wanted; i++) {
		const struct segment *f = &l->v[i];

		if (f->first > g->last)
			break;
		if (f->tier >= g->tier || f->first == g->first)
			continue;
		g->last = f->first - 1;
		g->until_ms = f->t0_ms;
		return f->t0_ms > from_ms;
	}
	return true;
}

/* In the order of the journal, each place of it once. */
static int cover(const struct segments *l, int64_t wanted, int64_t from_ms, struct segments *ret)
{
	const struct segment *g;
	size_t from = 0;
	int64_t pos = 0;
	int r = 0;

	while (!r && (g = best_at(l, &from, pos, wanted))) {
		struct segment chosen = *g;
		bool useful = cut(l, from, wanted, from_ms, &chosen);

		if (useful)
			r = SG_GROW(ret->v, ret->cap, ret->n);
		if (useful && !r)
			ret->v[ret->n++] = chosen;
		pos = chosen.last + 1;
	}
	return r;
}

/* ---- their chunks ---------------------------------------------------------------- */

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EUCLEAN || r == -EIO;
}

static int read_chunk(struct sg_history *h, const struct segment *g, const struct found *f,
		      struct sg_samples *x)
{
	sqlite3_stmt *s = sg_db_stmt(h->db, R_CHUNK);
	int64_t id = sg_chunk_id(g->id, f->id);
	int r;

	sqlite3_bind_int64(s, 1, id);
	r = sg_db_step(h->db, s);
	if (r > 0) {
		r = sg_chunk_decode(x, g->t0_ms, sqlite3_column_blob(s, 0),
				    (size_t)sqlite3_column_bytes(s, 0));
		sqlite3_reset(s);
		while (!r && x->n && x->t_ms[x->n - 1] >= g->until_ms)
			x->n--;
		if (!r && x->n)
			r = sg_collect_samples(h->collect, &f->series, x);
	}
	if (is_damage(r)) {
		h->on_bad(h->ctx, id);
		r = 0;
	}
	return r;
}

static int read_segment(struct sg_history *h, const struct segment *g, const struct series_list *l,
			struct sg_samples *x)
{
	int r = 0;

	for (size_t i = 0; i < l->n && !r; i++) {
		r = read_chunk(h, g, &l->v[i], x);
		if (!r && h->deadline_ns && sg_mono_ns() > h->deadline_ns)
			r = -ETIMEDOUT;
	}
	if (g->tier)
		h->read_ms = SG_MAX(h->read_ms, sg_tiers[g->tier].res_ms);
	return r;
}

int64_t sg_history_res(int64_t res_ms)
{
	int tier = wanted_tier(res_ms);

	return tier ? sg_tiers[tier].res_ms : 0;
}

int sg_history_read(struct sg_history *h)
{
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct series_list series = {.arena = arena};
	struct segments all = {0}, segments = {0};
	struct sg_samples samples = {0};
	int r = arena ? 0 : -ENOMEM;

	if (!r && !sg_db_has(h->db, R_SEGMENTS))
		return 0;
	if (!r)
		r = list_segments(h, &all);
	if (!r && all.n)
		r = find_series(h, &series);
	if (!r)
		r = cover(&all, wanted_tier(h->res_ms), h->from_ms, &segments);
	for (size_t i = 0; i < segments.n && !r; i++)
		r = read_segment(h, &segments.v[i], &series, &samples);
	sg_samples_free(&samples);
	free(all.v);
	free(segments.v);
	free(series.v);
	return r;
}
