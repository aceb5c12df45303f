/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader over series in memory, for tests of what reads through struct
 * sg_reader. Samples are cumulative, as the store gives them; deltas are made
 * from them. Series may be added in any order, samples in ascending time.
 */
#ifndef TESTS_FAKE_READER_H
#define TESTS_FAKE_READER_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/reader.h>

struct fake_series {
	struct sg_series s; /* in the arena */
	size_t n, cap, hist_cap, value_cap, native_cap;
	int64_t *t_ms;
	double *values;
	struct sg_hist *hists;
	const struct sg_native **natives; /* with values, where there are any histograms */
};

struct fake_reader {
	struct sg_reader reader; /* first: the interface */
	struct sg_arena *arena;
	size_t n, cap, n_gaps;
	struct fake_series **series;
	struct sg_gap gaps[8];
	int fail; /* what select answers, when not 0 */
	unsigned int selects;
};

static inline struct fake_series *fake_find(struct fake_reader *f, const struct sg_series *s)
{
	for (size_t i = 0; i < f->n; i++)
		if (sg_series_equal(&f->series[i]->s, s))
			return f->series[i];
	return NULL;
}

/* Any series, also one that the store would refuse. */
static inline struct fake_series *fake_series_of(struct fake_reader *f, const struct sg_series *s)
{
	struct fake_series *fs = fake_find(f, s);

	if (fs)
		return fs;
	fs = calloc(1, sizeof(*fs));
	if (!fs || SG_GROW(f->series, f->cap, f->n) < 0)
		abort();
	fs->s = *sg_series_copy(f->arena, s);
	f->series[f->n++] = fs;
	return fs;
}

/* labels: "k1", "v1", "k2", "v2", ..., NULL. */
static inline struct fake_series *fake_series(struct fake_reader *f, enum sg_type type,
					      const char *name, const char *const *labels)
{
	struct sg_label l[SG_LABELS_MAX];
	struct sg_series s;
	size_t n = 0;

	for (; labels && labels[0]; labels += 2)
		l[n++] = (struct sg_label){labels[0], labels[1]};
	if (sg_series_init(&s, type, name, l, n) < 0)
		abort();
	return fake_series_of(f, &s);
}

static inline void fake_time(struct fake_series *fs, int64_t t)
{
	if (SG_GROW(fs->t_ms, fs->cap, fs->n) < 0)
		abort();
	fs->t_ms[fs->n] = t;
}

static inline void fake_add(struct fake_series *fs, int64_t t, double v)
{
	fake_time(fs, t);
	if (SG_GROW(fs->values, fs->value_cap, fs->n) < 0)
		abort();
	fs->values[fs->n++] = v;
}

/* Copies h. */
static inline void fake_add_hist(struct fake_series *fs, int64_t t, const struct sg_hist *h)
{
	fake_time(fs, t);
	if (SG_GROW(fs->hists, fs->hist_cap, fs->n) < 0)
		abort();
	memset(&fs->hists[fs->n], 0, sizeof(fs->hists[fs->n]));
	if (sg_hist_copy(&fs->hists[fs->n++], h) < 0)
		abort();
}

static inline const void *fake_array(struct fake_reader *f, const void *from, size_t bytes)
{
	void *to = sg_arena_alloc(f->arena, bytes ? bytes : 1);

	if (!to)
		abort();
	return bytes ? memcpy(to, from, bytes) : to;
}

/* A sample of a series with any histograms: a copy of h, or a float when it is NULL. */
static inline void fake_add_native(struct fake_reader *f, struct fake_series *fs, int64_t t,
				   const struct sg_native *h, double v)
{
	struct sg_native own = h ? *h : (struct sg_native){0};

	fake_time(fs, t);
	if (SG_GROW(fs->natives, fs->native_cap, fs->n) < 0 ||
	    SG_GROW(fs->values, fs->value_cap, fs->n) < 0)
		abort();
	own.pos = fake_array(f, own.pos, own.n_pos * sizeof(*own.pos));
	own.neg = fake_array(f, own.neg, own.n_neg * sizeof(*own.neg));
	own.bounds = fake_array(f, own.bounds, own.n_bounds * sizeof(*own.bounds));
	fs->natives[fs->n] = h ? fake_array(f, &own, sizeof(own)) : NULL;
	fs->values[fs->n++] = v;
}

static inline bool fake_matches(const struct sg_selector *sels, size_t n, const struct sg_series *s)
{
	for (size_t i = 0; i < n; i++)
		if (sg_selector_match(&sels[i], s))
			return true;
	return false;
}

static inline void fake_one_delta(const struct fake_series *fs, size_t i, struct sg_hist *to)
{
	struct sg_hist h = {0};

	if (sg_hist_copy(&h, &fs->hists[i]) < 0)
		abort();
	if (i && !sg_hist_is_reset(&fs->hists[i - 1], &h) && sg_hist_sub(&h, &fs->hists[i - 1]) < 0)
		abort();
	*to = h;
}

/* One series into points; false when it has no sample in (from, to]. */
static inline bool fake_points(const struct fake_series *fs, int64_t from, int64_t to, bool deltas,
			       struct sg_arena *a, struct sg_points *p)
{
	size_t lo = 0, hi;

	while (lo < fs->n && fs->t_ms[lo] <= from)
		lo++;
	/* The first sample of a counter or histogram is the zero before its first tick. */
	if (deltas && fs->s.type != SG_GAUGE && lo == 0)
		lo = 1;
	for (hi = lo; hi < fs->n && fs->t_ms[hi] <= to;)
		hi++;
	*p = (struct sg_points){.series = fs->s, .n = hi - lo};
	if (fs->natives) {
		p->t_ms = fs->t_ms + lo;
		p->values = fs->values + lo;
		p->natives = fs->natives + lo;
		return true;
	}
	p->t_ms = sg_arena_alloc(a, p->n * sizeof(*p->t_ms));
	p->values = sg_arena_alloc(a, p->n * SG_MAX(sizeof(*p->values), sizeof(*p->hists)));
	if (!p->t_ms || !p->values)
		return false;
	for (size_t i = lo; i < hi; i++) {
		bool delta = deltas && fs->s.type != SG_GAUGE;

		p->t_ms[i - lo] = fs->t_ms[i];
		if (fs->s.type != SG_HISTOGRAM) {
			p->values[i - lo] = fs->values[i] - (delta && i ? fs->values[i - 1] : 0);
			continue;
		}
		p->hists[i - lo] = fs->hists[i];
		p->hists[i - lo].cap = 0;
		if (delta) {
			struct sg_hist h;
			struct sg_bucket *b;

			fake_one_delta(fs, i, &h);
			b = sg_arena_alloc(a, (h.n ? h.n : 1) * sizeof(*b));
			if (h.n && b)
				memcpy(b, h.buckets, h.n * sizeof(*b));
			p->hists[i - lo] = (struct sg_hist){
				.count = h.count, .sum = h.sum, .n = b ? h.n : 0, .buckets = b};
			sg_hist_free(&h);
		}
	}
	return true;
}

static inline int fake_by_series(const void *a, const void *b)
{
	return sg_series_cmp(&((const struct sg_points *)a)->series,
			     &((const struct sg_points *)b)->series);
}

static inline int fake_read(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			    int64_t from_ms, int64_t to_ms, bool deltas,
			    const struct sg_read_limits *lim, struct sg_arena *arena,
			    struct sg_points_set *ret, struct sg_error *err)
{
	struct fake_reader *f = (struct fake_reader *)r;
	struct sg_points_set set = {0};

	f->selects++;
	if (f->fail)
		return sg_fail(err, f->fail, "the fake reader fails, as the test asked");
	set.series = sg_arena_alloc(arena, (f->n + 1) * sizeof(*set.series));
	if (!set.series)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		if (!fake_matches(sels, n_sels, &f->series[i]->s) ||
		    !fake_points(f->series[i], from_ms, to_ms, deltas, arena, &set.series[set.n]))
			continue;
		set.n_samples += set.series[set.n++].n;
		if (lim && lim->max_samples && set.n_samples > lim->max_samples)
			return sg_fail(err, -E2BIG, "too many samples");
	}
	qsort(set.series, set.n, sizeof(*set.series), fake_by_series);
	*ret = set;
	return 0;
}

static inline int fake_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
			      struct sg_arena *arena, struct sg_points_set *ret,
			      struct sg_error *err)
{
	return fake_read(r, sels, n_sels, from_ms, to_ms, false, lim, arena, ret, err);
}

static inline int fake_select_deltas(struct sg_reader *r, const struct sg_selector *sels,
				     size_t n_sels, int64_t from_ms, int64_t to_ms,
				     const struct sg_read_limits *lim, struct sg_arena *arena,
				     struct sg_points_set *ret, struct sg_error *err)
{
	return fake_read(r, sels, n_sels, from_ms, to_ms, true, lim, arena, ret, err);
}

static inline int fake_gaps(struct sg_reader *r, int64_t from_ms, int64_t to_ms,
			    struct sg_arena *arena, struct sg_gap **ret, size_t *n)
{
	struct fake_reader *f = (struct fake_reader *)r;
	struct sg_gap *g = sg_arena_alloc(arena, (f->n_gaps + 1) * sizeof(*g));

	if (!g)
		return -ENOMEM;
	*n = 0;
	for (size_t i = 0; i < f->n_gaps; i++)
		if (f->gaps[i].to_ms > from_ms && f->gaps[i].from_ms < to_ms)
			g[(*n)++] = f->gaps[i];
	*ret = g;
	return 0;
}

static inline int fake_range(struct sg_reader *r, int64_t *oldest_ms, int64_t *newest_ms)
{
	struct fake_reader *f = (struct fake_reader *)r;
	bool any = false;

	for (size_t i = 0; i < f->n; i++) {
		const struct fake_series *s = f->series[i];

		if (!s->n)
			continue;
		*oldest_ms = any ? SG_MIN(*oldest_ms, s->t_ms[0]) : s->t_ms[0];
		*newest_ms = any ? SG_MAX(*newest_ms, s->t_ms[s->n - 1]) : s->t_ms[s->n - 1];
		any = true;
	}
	return any ? 0 : -ENODATA;
}

static inline void fake_clear(struct fake_reader *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct fake_series *s = f->series[i];

		for (size_t k = 0; s->hists && k < s->n; k++)
			sg_hist_free(&s->hists[k]);
		free(s->hists);
		free(s->natives);
		free(s->values);
		free(s->t_ms);
		free(s);
	}
	f->n = 0;
	f->n_gaps = 0;
}

static inline void fake_close(struct sg_reader *r)
{
	struct fake_reader *f = (struct fake_reader *)r;

	fake_clear(f);
	free(f->series);
	sg_arena_free(f->arena);
	free(f);
}

static inline struct fake_reader *fake_new(void)
{
	struct fake_reader *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->arena = sg_arena_new(0);
	f->reader = (struct sg_reader){.select = fake_select,
				       .select_deltas = fake_select_deltas,
				       .gaps = fake_gaps,
				       .range = fake_range,
				       .close = fake_close};
	return f;
}

#endif
