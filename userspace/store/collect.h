/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From frames to points: takes bases and frames in the order of the journal and
 * keeps the samples of the series that the selectors match. Knows nothing of
 * SQLite.
 */
#ifndef STORE_COLLECT_H
#define STORE_COLLECT_H

#include <sgprobe/frame_visit.h>
#include <sgprobe/reader.h>

#include "chunk.h"

struct sg_collect_options {
	const struct sg_selector *sels;
	size_t n_sels;
	int64_t from_ms, to_ms;
	bool deltas; /* increases per tick, as frames have them */
	int64_t res_ms; /* at most one sample for each (k - 1, k] times it; 0: all */
	enum sg_field field; /* of gauges that are coarser than measured */
	size_t max_samples; /* 0: no limit */
	struct sg_arena *arena; /* for the result */
};

struct sg_collect;
struct sg_collect *sg_collect_new(const struct sg_collect_options *o);
void sg_collect_free(struct sg_collect *c);
SG_DEFINE_AUTO(sg_collect, sg_collect_free)

/* What was counted before the next frame; of series that are known already nothing is taken. */
int sg_collect_base(struct sg_collect *c, const void *base, size_t n);
/* 0, -EBADMSG, -E2BIG (samples, or the arena is full), -ENOMEM. */
int sg_collect_frame(struct sg_collect *c, const void *frame, size_t n);
/* Whether some selector matches. */
bool sg_collect_wants(const void *c, const struct sg_series *s);
/* A chunk of a series, later than what was taken of it before. Likewise. */
int sg_collect_samples(struct sg_collect *c, const struct sg_series *s, const struct sg_samples *x);
int sg_collect_finish(struct sg_collect *c, struct sg_points_set *ret);

#endif
