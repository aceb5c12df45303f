/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Folding: rows of the journal into chunks, chunks into coarser ones. It goes on a little
 * at each step, and what a step has written is only seen once its segment is whole. So it
 * can stop anywhere: a new start deletes chunks without a segment and begins it again.
 */
#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include "store.h"

struct sg_fold;
struct sg_fold *sg_fold_new(void);
void sg_fold_free(struct sg_fold *f);

/* Works for about this long. 1: there is more to do, 0: not for now, -errno. */
int sg_fold_step(struct sg_store *st, uint64_t ns);
/* What it was doing is forgotten: rows or chunks were deleted, or a write failed. */
void sg_fold_reset(struct sg_fold *f);

/* segments.c: deletes a segment, a series that are too old or too many. 0 or -errno. */
int sg_segments_trim(struct sg_store *st);
/* Deletes the segment that is most dispensable. 1: done, 0: there is none, -errno. */
int sg_segments_delete_one(struct sg_store *st);

/*
 * roll.c: which segments of tier - 1 the next one of tier is made of. 1: their ids are in
 * *ids (to be freed), in order, with what they span; 0: it is not whole yet; -errno.
 */
struct sg_roll_plan {
	int64_t *ids;
	int64_t *bases; /* t0_ms of each */
	size_t n;
	int64_t first, last, t0_ms, t1_ms;
};
int sg_roll_find(struct sg_store *st, int tier, struct sg_roll_plan *ret);
/* The series that have chunks in them, ascending, to be freed. */
int sg_roll_series(struct sg_store *st, const struct sg_roll_plan *p, uint32_t **ids, size_t *n);
/* One series of theirs as a chunk of tier, appended to out; nothing when it has none. */
struct sg_merge;
struct sg_samples;
int sg_roll_chunk(struct sg_store *st, const struct sg_roll_plan *p, int tier, uint32_t series,
		  struct sg_merge *m, struct sg_samples *s, struct sg_buf *out);

#endif
