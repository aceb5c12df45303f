// SPDX-License-Identifier: GPL-2.0
#include "mem_reader.h"

#include <errno.h>
#include <string.h>

struct track {
	struct sg_series *s;
	size_t n, t_cap, v_cap, h_cap;
	int64_t *t_ms;
	double *values;
	const struct sg_native **hists;
};

struct al_mem {
	struct sg_reader reader; /* first: the interface */
	struct sg_reader *below;
	struct sg_arena *arena; /* histograms */
	struct sg_map *by_series;
	size_t n, cap, n_samples;
	struct track **tracks;
	int64_t until_ms;
};

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(((const struct track *)entry)->s, key);
}

/* ---- adding ------------------------------------------------------------------------ */

static void track_free(struct track *t)
{
	if (!t)
		return;
	free(t->s);
	free(t->t_ms);
	free(t->values);
	free(t->hists);
	free(t);
}

static struct track *track_of(struct al_mem *m, const struct sg_series *s)
{
	struct track *t = sg_map_get(m->by_series, s->hash, s);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || !(t->s = sg_series_dup(s)) || SG_GROW(m->tracks, m->cap, m->n) < 0 ||
	    sg_map_put(m->by_series, s->hash, t) < 0) {
		track_free(t);
		return NULL;
	}
	m->tracks[m->n++] = t;
	return t;
}

static const void *keep(struct al_mem *m, const void *from, size_t bytes)
{
	void *to = sg_arena_alloc(m->arena, bytes ? bytes : 1);

	return to && bytes ? memcpy(to, from, bytes) : to;
}

static const struct sg_native *keep_hist(struct al_mem *m, const struct sg_native *h)
{
	struct sg_native own = *h;

	own.pos = keep(m, h->pos, h->n_pos * sizeof(*h->pos));
	own.neg = keep(m, h->neg, h->n_neg * sizeof(*h->neg));
	own.bounds = keep(m, h->bounds, h->n_bounds * sizeof(*h->bounds));
	return own.pos && own.neg && own.bounds ? keep(m, &own, sizeof(own)) : NULL;
}

int al_mem_add(struct al_mem *m, const struct sg_series *s, int64_t t_ms, double v,
	       const struct sg_native *hist)
{
	struct track *t = track_of(m, s);
	bool again = t && t->n && t->t_ms[t->n - 1] == t_ms;

	if (!t)
		return -ENOMEM;
	if (m->n_samples == AL_MEM_SAMPLES_MAX)
		return -E2BIG;
	t->n -= again;
	m->n_samples += !again;
	if (SG_GROW(t->t_ms, t->t_cap, t->n) < 0 || SG_GROW(t->values, t->v_cap, t->n) < 0 ||
	    SG_GROW(t->hists, t->h_cap, t->n) < 0)
		return -ENOMEM;
	t->hists[t->n] = hist ? keep_hist(m, hist) : NULL;
	if (hist && !t->hists[t->n])
		return -ENOMEM;
	t->t_ms[t->n] = t_ms;
	t->values[t->n++] = v;
	return 0;
}

/* ---- reading ----------------------------------------------------------------------- */

/* The first sample after t. */
static size_t after(const struct track *t, int64_t t_ms)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->t_ms[mid] <= t_ms)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool matches(const struct sg_selector *sels, size_t n, const struct sg_series *s)
{
	for (size_t i = 0; i < n; i++)
		if (sg_selector_match(&sels[i], s))
			return true;
	return false;
}

static int by_series(const void *a, const void *b)
{
	return sg_series_cmp(&((const struct sg_points *)a)->series,
			     &((const struct sg_points *)b)->series);
}

static int read_below(struct al_mem *m, const struct sg_selector *sels, size_t n_sels,
		      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		      struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	*ret = (struct sg_points_set){0};
	return m->below ? m->below->select(m->below, sels, n_sels, from_ms, to_ms, lim, arena, ret,
					   err)
			: 0;
}

static int mem_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		      struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	struct al_mem *m = (struct al_mem *)r;
	struct sg_points_set below, set = {0};
	int k = read_below(m, sels, n_sels, from_ms, to_ms, lim, arena, &below, err);

	if (k < 0)
		return k;
	set.series = sg_arena_alloc(arena, (m->n + below.n + 1) * sizeof(*set.series));
	if (!set.series)
		return sg_fail(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < m->n; i++) {
		const struct track *t = m->tracks[i];
		size_t lo = after(t, from_ms), hi = after(t, SG_MIN(to_ms, m->until_ms));

		if (lo >= hi || !matches(sels, n_sels, t->s))
			continue;
		set.series[set.n++] = (struct sg_points){.series = *t->s,
							 .n = hi - lo,
							 .t_ms = t->t_ms + lo,
							 .values = t->values + lo,
							 .natives = t->hists + lo};
		set.n_samples += hi - lo;
	}
	for (size_t i = 0; i < below.n; i++)
		if (!sg_map_get(m->by_series, below.series[i].series.hash,
				&below.series[i].series)) {
			set.series[set.n++] = below.series[i];
			set.n_samples += below.series[i].n;
		}
	if (lim && lim->max_samples && set.n_samples > lim->max_samples)
		return sg_fail(err, -E2BIG, "the query reads too many samples");
	qsort(set.series, set.n, sizeof(*set.series), by_series);
	*ret = set;
	return 0;
}

static int mem_deltas(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		      struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	return sg_fail(err, -EOPNOTSUPP, "increases are not read from memory");
}

static int mem_gaps(struct sg_reader *r, int64_t from_ms, int64_t to_ms, struct sg_arena *arena,
		    struct sg_gap **ret, size_t *n)
{
	*ret = NULL;
	*n = 0;
	return 0;
}

static int mem_range(struct sg_reader *r, int64_t *oldest_ms, int64_t *newest_ms)
{
	return -ENODATA;
}

static void mem_close(struct sg_reader *r)
{
	al_mem_free((struct al_mem *)r);
}

struct al_mem *al_mem_new(struct sg_reader *below)
{
	struct al_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->reader = (struct sg_reader){.select = mem_select,
				       .select_deltas = mem_deltas,
				       .gaps = mem_gaps,
				       .range = mem_range,
				       .close = mem_close};
	m->below = below;
	m->until_ms = INT64_MAX;
	m->arena = sg_arena_new(1UL << 30);
	m->by_series = sg_map_new(same_series);
	if (m->arena && m->by_series)
		return m;
	al_mem_free(m);
	return NULL;
}

void al_mem_free(struct al_mem *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		track_free(m->tracks[i]);
	free(m->tracks);
	sg_map_free(m->by_series);
	sg_arena_free(m->arena);
	free(m);
}

void al_mem_until(struct al_mem *m, int64_t t_ms)
{
	m->until_ms = t_ms;
}

struct sg_reader *al_mem_reader(struct al_mem *m)
{
	return &m->reader;
}
