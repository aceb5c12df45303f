/* SPDX-License-Identifier: GPL-2.0 */
/* What a reader is made of, and its way through rows, chunks, tail and head: for reader*.c. */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "block.h"
#include "history.h"
#include "store.h"
#include "tail.h"

#define SG_TIME_MAX ((int64_t)1 << 53) /* milliseconds, beyond all that is stored */

struct sg_store_reader {
	struct sg_reader api; /* first: what others hold */
	char dir[3072];
	struct sg_head *head;
	struct sg_db *db; /* NULL: there is no file (yet) */
	struct sg_buf raw;
	struct sg_block_reader frames;
};
/* Opens the file where there is one, anew where it was replaced. Without one and with a head: 0. */
int sg_reader_db(struct sg_store_reader *r, struct sg_error *err);
/* As struct sg_reader says. */
int sg_reader_events(struct sg_reader *api, int64_t from_ms, int64_t to_ms, const char *kind,
		     size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
		     struct sg_event **ret, size_t *n);

/* What a selection needs on its way. */
struct sg_scan {
	struct sg_store_reader *r;
	int64_t from_ms, to_ms,
		last_id; /* rows above last_id: their frames are in the head's view */
	uint64_t deadline_ns;
	int (*on_base)(void *ctx, const void *base, size_t n); /* NULL: not wanted */
	int (*on_frame)(void *ctx, const void *frame, size_t n);
	void *ctx;
	struct sg_history *history; /* NULL: only frames are wanted */
	struct sg_tail_part parts[SG_TAIL_PARTS]; /* copies of what is wanted of the tail */
	size_t n_parts;
	int64_t before; /* the row before, 0: none that was whole */
	bool started;
};
/* Chunks, rows, tail and head, in the order of time. 0 or -errno with a sentence. */
int sg_scan_all(struct sg_scan *sc, struct sg_error *err);
/* The rows of the journal alone. 0, -errno, or what a callback ended it with. */
int sg_scan_journal(struct sg_scan *sc);
/* The sentence for what a scan ended with. */
int sg_scan_error(int r, struct sg_error *err);

#endif
