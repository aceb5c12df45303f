/* SPDX-License-Identifier: GPL-2.0 */
/* Inside of struct sg_store, for the files of the writer: store.c, journal.c, restore.c. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <sgprobe/store.h>

#include "accum.h"
#include "block.h"
#include "db.h"
#include "head.h"

#define SG_BLOCK_SPAN_MS 60000 /* no block is longer */

struct sg_store {
	struct sg_store_options o;
	char dir[3072];
	int lock_fd;
	struct sg_db *db; /* NULL while it cannot be opened */
	struct sg_head *head;
	struct sg_accum *accum;
	struct sg_sessions sessions;
	struct sg_frame_table check[SG_SOURCE_SLOTS]; /* for looking at what is appended */
	struct sg_block_writer writer;
	struct sg_buf packed, base, packed_base;

	struct sg_fold *fold;
	struct sg_index *index; /* NULL: not read yet */
	uint64_t refused_series, refused_samples, folded_segments;
	int64_t oldest_segment_ms; /* 0: there is none */

	bool restored;
	int64_t next_id;
	int64_t key_t0_ms; /* of the last key block of this start */
	uint64_t bytes_since_key;
	int64_t head_t_ms; /* of the last frame taken */
	bool want_key; /* the next block must be one */
	bool pending_first; /* nothing was committed since the start */
	uint64_t last_flush_ns, last_try_ns, last_checkpoint_ns, last_trim_ns;
	uint64_t n_blocks;
	unsigned int io_errors; /* in a row */

	bool failing;
	char message[256];
	uint64_t frames, lost_frames, bad_blocks;
	double last_flush_seconds;
	uint64_t lost_profiles;
	int64_t profile_bytes; /* in the file; -1: not asked yet */
	int64_t exemplar_bytes; /* likewise */
	int64_t oldest_ms, newest_ms;
	char quarantined[256];
};

/* Opens metrics.db, sets a damaged one aside, restores. Fails only for a newer schema or no memory. */
int sg_journal_open(struct sg_store *st, struct sg_error *err);
/* Writes all that is in the head. 0 or -errno; health is up to date after it. */
int sg_journal_write(struct sg_store *st);
/* Deletes the oldest span up to the next key block. 1: done, 0: only one is left, -errno. */
int sg_journal_delete_oldest(struct sg_store *st);
/* The oldest of the tier that has most of its share, or, where there is nothing, of the journal. */
int sg_journal_delete_any(struct sg_store *st);
/* Bytes in use as part of what the cap allows, 0..1. */
double sg_journal_fill(struct sg_store *st);
/* What the last failure means; renames damaged files, starts new ones. Returns r, or 0 when it is mended. */
int sg_journal_fault(struct sg_store *st, int r);
void sg_store_set_ok(struct sg_store *st);
void sg_store_set_failing(struct sg_store *st, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* profiles.c: deletes a few records of stacks that are too old or too many. 0 or -errno. */
int sg_profiles_trim(struct sg_store *st);

/*
 * events.c: the events of frames that are being written as block next_id, in the same
 * transaction; and deleting those that are too old or too many. 0 or -errno.
 */
int sg_events_store(struct sg_store *st, struct sg_head_frame *const *frames, size_t n);
int sg_events_trim(struct sg_store *st);

/*
 * Accumulators, sessions, ids from the newest key block on; frames in the head
 * that were in the journal already leave it. -EUCLEAN when the file is damaged.
 */
int sg_restore(struct sg_store *st);

#endif
