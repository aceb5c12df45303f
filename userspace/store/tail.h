/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tail: what is in the journal and not folded yet, by series and in memory, so that
 * readers of the writer's process need not walk those rows. It holds the rows of the
 * window that goes on and of the one before; when it lacks memory it is empty, and the rows
 * are walked. The writer fills it, in the transaction of the head; readers copy what they
 * want of it together with the head's frames.
 */
#ifndef STORE_TAIL_H
#define STORE_TAIL_H

#include <pthread.h>

#include "gather.h"
#include "head.h"

#define SG_TAIL_PARTS 2

struct sg_tail_part {
	struct sg_gather *gather;
	int64_t first, last; /* rows of the journal */
};

struct sg_tail { /* part of the head */
	pthread_mutex_t lock;
	struct sg_tail_part parts[SG_TAIL_PARTS]; /* the older one first */
	size_t n;
};

struct sg_tail *sg_head_tail(struct sg_head *h);
void sg_tail_init(struct sg_tail *t);
void sg_tail_release(struct sg_tail *t);

/* For the writer, between lock and unlock. A row begins; key: with a new part. */
void sg_tail_row(struct sg_tail *t, int64_t row, bool key);
/* A frame of it. before: what was counted before. */
void sg_tail_frame(struct sg_tail *t, const struct sg_frame_view *v, const struct sg_accum *before);
/* What was in the journal is not there any more, or not known. */
void sg_tail_drop(struct sg_tail *t);

/* A reader's copy of what it wants, and the head's frames of the same moment. -ENOMEM. */
int sg_tail_snapshot(struct sg_head *h, sg_gather_wants wants, const void *ctx,
		     struct sg_tail_part parts[SG_TAIL_PARTS], size_t *n, struct sg_head_view *v);

#endif
