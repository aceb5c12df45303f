/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames in, series out: holds the samples of a stretch of the journal by series, packed
 * a little, together with what each series had counted before its first sample in it.
 * Belongs to one thread, or to who holds its lock.
 */
#ifndef STORE_GATHER_H
#define STORE_GATHER_H

#include "accum.h"
#include "chunk.h"

struct sg_gather;
struct sg_gathered; /* one series */

struct sg_gather *sg_gather_new(size_t max_series);
void sg_gather_free(struct sg_gather *g);
SG_DEFINE_AUTO(sg_gather, sg_gather_free)

/* before: what was counted before this frame. -EBADMSG, -ENOMEM. */
int sg_gather_frame(struct sg_gather *g, const struct sg_frame_view *v,
		    const struct sg_accum *before);
size_t sg_gather_len(const struct sg_gather *g);
struct sg_gathered *sg_gather_at(const struct sg_gather *g, size_t i);
/* Lowest and highest tick. -ENODATA when there is none. */
int sg_gather_range(const struct sg_gather *g, int64_t *t0_ms, int64_t *t1_ms);
uint64_t sg_gather_refused(const struct sg_gather *g); /* samples of series beyond the limit */

size_t sg_gather_bytes(const struct sg_gather *g); /* of memory, about */
/* Only the series that are wanted, and nothing can be added. -ENOMEM. */
typedef bool (*sg_gather_wants)(const void *ctx, const struct sg_series *s);
int sg_gather_copy(const struct sg_gather *g, sg_gather_wants wants, const void *ctx,
		   struct sg_gather **ret);

const struct sg_series *sg_gathered_series(const struct sg_gathered *s);
int64_t sg_gathered_end(const struct sg_gather *g, const struct sg_gathered *s); /* its last tick */
/* Replaces out. -ENOMEM. */
int sg_gathered_samples(const struct sg_gather *g, const struct sg_gathered *s,
			struct sg_samples *out);

#endif
