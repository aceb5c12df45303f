/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one door to SQLite.
 *
 * metrics.db (WAL, NORMAL): the journal, and what was folded. Frames are kept in memory
 * (the head) and written as one compressed block of verbatim frame bytes every few
 * seconds; one every ten minutes also carries the cumulative value of every series (a key
 * block), from which readers start. What lies between two of them is folded into chunks,
 * one a series, and these into tiers of 10 s, 1 min and 1 h. state.db (WAL, FULL): what must survive a power cut.
 *
 * Collection never stops for the store: when it cannot write (full disk, read-only
 * file, damage) frames stay in the head, bounded; what falls off is counted, the
 * reason is in sg_store_health, and it tries again. A damaged metrics.db is set
 * aside as metrics.db.corrupt-<time>, reported, and a new one started. A file of a
 * newer schema is refused (-EPROTONOSUPPORT) with a sentence.
 *
 * A store belongs to the thread that opened it; the head may be read by others.
 */
#ifndef SGPROBE_STORE_H
#define SGPROBE_STORE_H

#include <sgprobe/frame.h>
#include <sgprobe/reader.h>

struct sg_store_options {
	const char *data_dir;
	uint64_t flush_ns; /* span of a block */
	uint64_t retention_ns; /* older samples at one second are deleted; 0: no limit */
	uint64_t tier_retention_ns[3]; /* likewise at 10 s, 1 min, 1 h */
	size_t max_series; /* that have a past, ended ones included; 0: 20,000 */
	uint64_t max_bytes; /* of metrics.db with its WAL; at least 1 MiB */
	uint64_t
		profile_bytes; /* of records of stacks, and at most a quarter of max_bytes; 0: none are kept */
	uint64_t exemplar_bytes; /* of exemplars, likewise */
	uint64_t max_events; /* that are kept; 0: 100,000 */
	uint64_t min_free_bytes; /* of the file system; below it nothing is written */
	size_t head_max_bytes; /* of frames in memory while nothing can be written; 0: 16 MiB */
};

struct sg_store;
struct sg_head; /* frames that are not in the journal yet; thread safe */

/* -EBUSY when another daemon has the folder (a lock file, held while open): err names its pid. */
int sg_store_open(const struct sg_store_options *o, struct sg_store **ret, struct sg_error *err);
void sg_store_close(struct sg_store *st); /* writes the head; NULL is fine */
SG_DEFINE_AUTO(sg_store, sg_store_close)

/*
 * Takes one encoded frame (copied). 1: taken; 0: it was there already (same
 * session, seq not above the last taken one), ignored; -EBADMSG: not a frame.
 */
int sg_store_append(struct sg_store *st, const void *p, size_t n);
/*
 * Stores one record of stacks (profile.h) at once. 1: stored; 0: it was there already;
 * -EBADMSG: it is none; else it could not be written, and is counted as lost.
 */
int sg_store_profile(struct sg_store *st, const void *p, size_t n);
/* Writes the head when flush_ns have passed since the last block, or now when force. 0 or -errno (kept in health). */
int sg_store_flush(struct sg_store *st, bool force);
/*
 * Folds what left its window into chunks and coarser tiers, deletes what is too old or too
 * much; a bounded amount per call. Call once per tick.
 */
int sg_store_maintain(struct sg_store *st);
/* Folds all that there is to fold, however long it takes: for who has no tick to keep. */
int sg_store_fold(struct sg_store *st);
/* Highest seq of the session that is committed; 0: none. */
uint64_t sg_store_committed(struct sg_store *st, uint64_t session);
/* Marks time that nobody watched. */
int sg_store_gap(struct sg_store *st, int64_t from_ms, int64_t to_ms, const char *reason);
struct sg_head *sg_store_head(struct sg_store *st);

struct sg_store_health {
	bool ok; /* the last write succeeded */
	char message[256]; /* what is wrong and what to do; empty when ok */
	uint64_t frames; /* appended since open */
	uint64_t lost_frames; /* fell off the head */
	uint64_t lost_profiles; /* could not be written */
	uint64_t bytes; /* of metrics.db with its WAL */
	uint64_t blocks; /* of the journal */
	uint64_t bad_blocks; /* and bad chunks */
	uint64_t series; /* that have a past */
	uint64_t refused_series; /* beyond max_series: how many times a span of them was not kept */
	double last_flush_seconds;
	int64_t oldest_ms, newest_ms; /* 0 when empty */
	char quarantined
		[256]; /* name, in data_dir, of a damaged file set aside at this start or since, or empty */
};
void sg_store_health(struct sg_store *st, struct sg_store_health *ret);

/*
 * Reads a folder's metrics.db through a read-only connection of its own; with a
 * head (same process, any thread) its frames too, without hole or double. One
 * reader belongs to one thread. head == NULL: from another process or no daemon.
 */
int sg_store_reader(const char *data_dir, struct sg_head *head, struct sg_reader **ret,
		    struct sg_error *err);

/*
 * Frame bytes in (from_ms, to_ms], in the order in which they were measured, for 'sgprobe
 * record' from a store: as they came, or, where they were folded, made again (remake.h). 0,
 * what cb returned, or -errno; -ENODATA: of some of this time only coarser samples are
 * kept; err says how much is there whole, and nothing was given.
 */
typedef int (*sg_store_on_frame)(const void *p, size_t n, void *ctx);
int sg_store_frames(const char *data_dir, int64_t from_ms, int64_t to_ms, sg_store_on_frame cb,
		    void *ctx, struct sg_error *err);

/* state.db: opened beside metrics.db; key-value facts (schema version, last clean stop). */
struct sg_state;
int sg_state_open(const char *data_dir, struct sg_state **ret, struct sg_error *err);
void sg_state_close(struct sg_state *s);
int sg_state_put(struct sg_state *s, const char *key, const char *value);
int sg_state_get(struct sg_state *s, const char *key, struct sg_buf *value); /* -ENOENT */
SG_DEFINE_AUTO(sg_state, sg_state_close)

#endif
