/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The head: frames, and gaps, that are not in the journal yet. Thread safe and
 * counted: the store and every reader that was given it hold a reference. Readers
 * take a snapshot, which shares the frames; after that the head may change.
 */
#ifndef STORE_HEAD_H
#define STORE_HEAD_H

#include <stdatomic.h>

#include <sgprobe/frame_visit.h>
#include <sgprobe/reader.h>
#include <sgprobe/store.h>

#define SG_HEAD_MAX_GAPS 64
#define SG_GAP_REASON_MAX 128

struct sg_head_frame {
	atomic_uint refs;
	uint64_t session, seq;
	int64_t from_ms, t_ms; /* it covers (from_ms, t_ms] */
	uint32_t source;
	size_t tables_len;
	size_t n;
	uint8_t bytes[];
};

struct sg_head_gap {
	int64_t from_ms, to_ms;
	char reason[SG_GAP_REASON_MAX];
};

struct sg_head_view {
	struct sg_head_frame **frames;
	size_t n;
	int64_t block_id; /* journal rows above it hold frames that are in this view; at first: no limit */
	struct sg_head_gap gaps[SG_HEAD_MAX_GAPS];
	size_t n_gaps;
};

struct sg_head *sg_head_new(void);
struct sg_head *sg_head_ref(struct sg_head *h);
void sg_head_unref(struct sg_head *h);
SG_DEFINE_AUTO(sg_head, sg_head_unref)

/* Copies the frame, n bytes at p, of which v is the view. -ENOMEM. */
int sg_head_push(struct sg_head *h, const struct sg_frame_view *v, const void *p, size_t n);
/* The oldest frames as far as they are in the journal now, whose last row is block_id. */
void sg_head_committed(struct sg_head *h, size_t n_frames, size_t n_gaps, int64_t block_id);
/* Lets go of frames that turn out to be in the journal already. */
typedef bool (*sg_head_known)(const struct sg_head_frame *f, void *ctx);
void sg_head_forget(struct sg_head *h, sg_head_known known, void *ctx);
/* Drops the oldest frames until at most max bytes are held; returns how many; *from and *to: their time. */
size_t sg_head_trim(struct sg_head *h, size_t max, int64_t *from_ms, int64_t *to_ms);
/* Keeps the newest SG_HEAD_MAX_GAPS; one that goes on where the last ended extends it. */
void sg_head_add_gap(struct sg_head *h, int64_t from_ms, int64_t to_ms, const char *reason);
size_t sg_head_bytes(struct sg_head *h);
bool sg_head_is_empty(struct sg_head *h); /* neither frames nor gaps */

int sg_head_snapshot(struct sg_head *h, struct sg_head_view *ret); /* -ENOMEM */
void sg_head_view_free(struct sg_head_view *v);

/* Journal rows that somebody could not read: by readers, for the writer's health. */
void sg_head_count_bad(struct sg_head *h, int64_t block_id);
uint64_t sg_head_bad(struct sg_head *h);

#endif
