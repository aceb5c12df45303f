/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How anything reads stored samples: the interface that the store implements and
 * that queries, reports and the feed use, so that none of them knows the store.
 */
#ifndef SGPROBE_READER_H
#define SGPROBE_READER_H

#include <stdint.h>

#include <sgprobe/err.h>
#include <sgprobe/event.h>
#include <sgprobe/frame.h>
#include <sgprobe/native.h>
#include <sgprobe/profile.h>
#include <sgprobe/series.h>

/*
 * The samples of one series in ascending time. Counters and histograms are
 * cumulative, as in Prometheus: they grow from the series' first appearance and
 * go on over restarts of either process. A counter or histogram that first
 * appears at one tick has a sample of zero at the tick before, so that its first
 * increase is not lost; one that comes back after some ticks without has a sample
 * of its old value there. A series that ended has no more samples.
 */
struct sg_points {
	struct sg_series series;
	size_t n;
	int64_t *t_ms;
	union {
		double *values; /* counter, gauge */
		struct sg_hist *hists; /* histogram; buckets borrowed from the arena */
	};
	/*
	 * Of a reader that has other histograms than sgprobe's own; else NULL. One a
	 * sample, NULL where the sample is a float, which is in values then. Such a
	 * reader may also mark where a series ended: by the float SG_STALE_BITS.
	 */
	const struct sg_native *const *natives;
};

#define SG_STALE_BITS 0x7ff0000000000002ULL /* the NaN that Prometheus means by "stale" */

struct sg_points_set {
	size_t n;
	struct sg_points *series; /* ascending by sg_series_cmp */
	size_t n_samples;
	int64_t res_ms; /* coarsest resolution that was read; 0: as measured */
};

/*
 * What of the samples is asked for. A reader that has coarser samples may answer with
 * them then: of a gauge, what the field says of the time since the sample before.
 */
enum sg_field { SG_FIELD_LAST, SG_FIELD_MIN, SG_FIELD_MAX, SG_FIELD_AVG };

struct sg_read_limits {
	int64_t res_ms; /* a resolution that is enough, such as the step; 0: the best there is */
	enum sg_field field;
	size_t max_samples; /* 0: reader's default */
	uint64_t deadline_ns; /* sg_mono_ns() after which -ETIMEDOUT; 0: none */
};

/* Time not watched: gaps[i] = [from_ms, to_ms). */
struct sg_gap {
	int64_t from_ms, to_ms;
	const char *reason; /* "probe restarted", "suspended", ... */
};

/* An exemplar of a series; both are valid during the call. Not 0 ends it. */
typedef int (*sg_exemplar_cb)(const struct sg_series *s, const struct sg_exemplar *e, void *ctx);

struct sg_reader {
	/*
	 * Series that match any of the selectors (compiled), with their samples in
	 * (from_ms, to_ms]. Everything is allocated in the arena. Where the limits allow a
	 * coarse resolution there is at most one sample for each, the last one, beside those
	 * at which a series begins; where only coarser ones are kept they are given, and
	 * ret->res_ms says so. 0, or -ETIMEDOUT,
	 * -E2BIG (too many samples), -ENOMEM, -EIO; err then holds a sentence.
	 */
	int (*select)(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		      struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err);
	/*
	 * Like select, but values are the increases per tick, as in frames: for the feed and heat
	 * maps. Where res_ms is not 0 a sample may be the increase since the sample before it,
	 * over a span that lies within one of (k - 1, k] times res_ms; the first such span may
	 * begin before from_ms.
	 */
	int (*select_deltas)(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			     int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
			     struct sg_arena *arena, struct sg_points_set *ret,
			     struct sg_error *err);
	int (*gaps)(struct sg_reader *r, int64_t from_ms, int64_t to_ms, struct sg_arena *arena,
		    struct sg_gap **ret, size_t *n);
	/*
	 * Calls cb for each stack of the records that overlap (from_ms, to_ms]. 0, or
	 * -ETIMEDOUT, -ENOMEM, -EIO, or what cb returned; a record that is damaged is passed
	 * over.
	 */
	int (*profile)(struct sg_reader *r, int64_t from_ms, int64_t to_ms, uint64_t deadline_ns,
		       sg_stack_cb cb, void *ctx);
	/*
	 * Events (event.h) in (from_ms, to_ms], newest first, at most limit of them; kind NULL: of
	 * all. In the arena. 0, or -ETIMEDOUT, -ENOMEM, -EIO.
	 */
	int (*events)(struct sg_reader *r, int64_t from_ms, int64_t to_ms, const char *kind,
		      size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
		      struct sg_event **ret, size_t *n);
	/*
	 * Calls cb for the exemplars in (from_ms, to_ms] of series that match any of the
	 * selectors (compiled): for each series that one is of. Mostly in ascending time. 0, or
	 * -ETIMEDOUT, -ENOMEM, -EIO, or what cb returned; what is damaged is passed over.
	 */
	int (*exemplars)(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			 int64_t from_ms, int64_t to_ms, uint64_t deadline_ns, sg_exemplar_cb cb,
			 void *ctx);
	/* Oldest and newest tick there is; -ENODATA when the store is empty. */
	int (*range)(struct sg_reader *r, int64_t *oldest_ms, int64_t *newest_ms);
	void (*close)(struct sg_reader *r);
};

static inline void sg_reader_close(struct sg_reader *r)
{
	if (r)
		r->close(r);
}
SG_DEFINE_AUTO(sg_reader, sg_reader_close)

#endif
