/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chunks in, frames out: makes the frames of a folded segment again. They carry what those
 * that were folded did, tick by tick and bit by bit, in an order in which each series is as
 * it was measured. What a chunk does not know is made up: series that were measured at the
 * same time over the same span share a frame, whichever source they had; spans are whole
 * milliseconds; a segment is a session of its own, the same one each time, so that what was
 * taken twice is known. Of flags there is SG_FRAME_GAP.
 *
 * Holds one segment at a time, packed, at most SG_REMAKE_MAX_BYTES.
 */
#ifndef STORE_REMAKE_H
#define STORE_REMAKE_H

#include <sgprobe/store.h>

#include "db.h"

#define SG_REMAKE_MAX_BYTES (256U << 20)

struct sg_remake;
struct sg_remake *sg_remake_new(void);
void sg_remake_free(struct sg_remake *m);
SG_DEFINE_AUTO(sg_remake, sg_remake_free)

/*
 * Reads the next segment at full resolution that overlaps (from_ms, to_ms], in the reader's
 * transaction. 1: there is one, 0: no more; -E2BIG: more than may be held, -ENOMEM, ...
 * Chunks that are damaged are passed over.
 */
int sg_remake_next(struct sg_remake *m, struct sg_db *db, int64_t from_ms, int64_t to_ms);
/* Gives out its frames in the range. 0, what cb returned, -ENOMEM, -EBADMSG: samples that no frame has. */
int sg_remake_frames(struct sg_remake *m, int64_t from_ms, int64_t to_ms, sg_store_on_frame cb,
		     void *ctx);

#endif
