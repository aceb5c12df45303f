/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine whose every value follows from the time, so that a test knows what the
 * feed must have sent: a histogram, a counter, a gauge, and as many further
 * counters as wanted.
 */
#ifndef FAKE_READER_H
#define FAKE_READER_H

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include <sgprobe/frame.h>
#include <sgprobe/reader.h>

#define FAKE_BASE 3

struct fake_world {
	_Atomic int64_t oldest_ms, newest_ms;
	atomic_int extra; /* further counters */
	atomic_int delay_ms; /* of every read */
	atomic_int fail; /* errno of every read, or 0 */
	atomic_int reads;
};

static const char *const fake_names[] = {
	"sgprobe_sched_runqueue_latency_seconds",
	"sgprobe_sched_switches_total",
	"sgprobe_load1",
};

static inline size_t fake_count(const struct fake_world *w)
{
	return FAKE_BASE + atomic_load(&w->extra);
}

static inline void fake_series(struct sg_arena *a, size_t i, struct sg_series *ret)
{
	struct sg_label *l = sg_arena_zalloc(a, sizeof(*l));
	enum sg_type type = i == 0 ? SG_HISTOGRAM : i == 2 ? SG_GAUGE : SG_COUNTER;

	if (i < FAKE_BASE) {
		sg_series_init(ret, type, fake_names[i], l, 0);
		return;
	}
	*l = (struct sg_label){"syscall", sg_arena_printf(a, "call%zu", i - FAKE_BASE)};
	sg_series_init(ret, type, "sgprobe_syscall_calls_total", l, 1);
}

static inline double fake_value(size_t i, int64_t t_ms)
{
	return (double)(t_ms / 1000 % 100) + (double)i;
}

static inline void fake_hist(struct sg_arena *a, int64_t t_ms, struct sg_hist *h)
{
	struct sg_bucket *b = sg_arena_alloc(a, 2 * sizeof(*b));

	b[0] = (struct sg_bucket){-100, (double)(t_ms / 1000 % 7 + 1)};
	b[1] = (struct sg_bucket){-60, 2};
	*h = (struct sg_hist){.count = b[0].count + 2, .sum = 0.5, .n = 2, .buckets = b};
}

static inline void fake_frame(const struct fake_world *w, int64_t t_ms, struct sg_buf *out)
{
	static uint64_t seq;
	sg_auto(sg_frame) f = sg_frame_new();

	f->session = 7;
	f->seq = ++seq;
	f->t_ms = t_ms;
	f->span_ns = 1000000000;
	for (size_t i = 0; i < fake_count(w); i++) {
		struct sg_series s;
		struct sg_hist h;

		fake_series(f->arena, i, &s);
		fake_hist(f->arena, t_ms, &h);
		if (s.type == SG_HISTOGRAM)
			sg_frame_add_hist(f, &s, &h);
		else
			sg_frame_add_value(f, &s, fake_value(i, t_ms));
	}
	sg_frame_encode(f, out);
}

struct fake_reader {
	struct sg_reader r;
	struct fake_world *w;
};

static inline bool fake_wanted(const struct sg_selector *sels, size_t n, const struct sg_series *s)
{
	for (size_t i = 0; i < n; i++)
		if (sg_selector_match(&sels[i], s))
			return true;
	return false;
}

static inline void fake_fill(struct sg_arena *a, struct sg_points *p, size_t series, int64_t from,
			     int64_t to)
{
	size_t max = (size_t)((to - from) / 1000 + 2);

	p->t_ms = sg_arena_alloc(a, max * sizeof(*p->t_ms));
	if (p->series.type == SG_HISTOGRAM)
		p->hists = sg_arena_alloc(a, max * sizeof(*p->hists));
	else
		p->values = sg_arena_alloc(a, max * sizeof(*p->values));
	for (int64_t t = (from / 1000 + 1) * 1000; t <= to; t += 1000) {
		if (p->series.type == SG_HISTOGRAM)
			fake_hist(a, t, &p->hists[p->n]);
		else
			p->values[p->n] = fake_value(series, t);
		p->t_ms[p->n++] = t;
	}
}

static inline int fake_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
			      struct sg_arena *arena, struct sg_points_set *ret,
			      struct sg_error *err)
{
	struct fake_world *w = ((struct fake_reader *)r)->w;
	int delay = atomic_load(&w->delay_ms);

	atomic_fetch_add(&w->reads, 1);
	if (delay)
		nanosleep(&(struct timespec){delay / 1000, delay % 1000 * 1000000L}, NULL);
	if (atomic_load(&w->fail))
		return sg_fail(err, -atomic_load(&w->fail), "the fake fails");
	from_ms = SG_MAX(from_ms, atomic_load(&w->oldest_ms) - 1);
	to_ms = SG_MIN(to_ms, atomic_load(&w->newest_ms));
	ret->series = sg_arena_zalloc(arena, fake_count(w) * sizeof(*ret->series));
	for (size_t i = 0; i < fake_count(w) && from_ms < to_ms; i++) {
		struct sg_points *p = &ret->series[ret->n];

		fake_series(arena, i, &p->series);
		if (!fake_wanted(sels, n_sels, &p->series))
			continue;
		fake_fill(arena, p, i, from_ms, to_ms);
		ret->n_samples += p->n;
		ret->n++;
	}
	return 0;
}

static inline int fake_gaps(struct sg_reader *r, int64_t from_ms, int64_t to_ms,
			    struct sg_arena *arena, struct sg_gap **ret, size_t *n)
{
	*ret = sg_arena_alloc(arena, sizeof(**ret));
	**ret = (struct sg_gap){1000, 5000, "probe \"restarted\""};
	*n = 1;
	return 0;
}

static inline int fake_range(struct sg_reader *r, int64_t *oldest, int64_t *newest)
{
	struct fake_world *w = ((struct fake_reader *)r)->w;

	*oldest = atomic_load(&w->oldest_ms);
	*newest = atomic_load(&w->newest_ms);
	return *newest ? 0 : -ENODATA;
}

static inline int fake_exemplars(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
				 int64_t from_ms, int64_t to_ms, uint64_t deadline_ns,
				 sg_exemplar_cb cb, void *ctx)
{
	return 0;
}

static inline void fake_close(struct sg_reader *r)
{
	free(r);
}

static inline int fake_open(void *ctx, struct sg_reader **ret, struct sg_error *err)
{
	struct fake_reader *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->w = ctx;
	f->r = (struct sg_reader){.select = fake_select,
				  .select_deltas = fake_select,
				  .gaps = fake_gaps,
				  .exemplars = fake_exemplars,
				  .range = fake_range,
				  .close = fake_close};
	*ret = &f->r;
	return 0;
}

#endif
