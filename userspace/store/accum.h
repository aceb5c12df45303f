/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has been counted so far: the cumulative value of every counter and
 * histogram, and how far each session is in the journal. It follows the journal:
 * a frame is added once it is committed. Key blocks carry it (their base), and a
 * new start takes it from there, so that counters go on over restarts.
 *
 * The base: u8 1 · varint sessions · each u64 session, u64 seq, i64 t_ms ·
 * varint frames · each varint length, an encoded frame whose samples are the
 * cumulative values, then per sample a varint: how long ago, in ms before the
 * frame's t_ms, the series was in a frame. Little-endian.
 */
#ifndef STORE_ACCUM_H
#define STORE_ACCUM_H

#include <sgprobe/frame_visit.h>

#define SG_ACCUM_MAX_SERIES 20000
#define SG_ACCUM_IDLE_MS 3600000 /* a series that was in no frame for so long starts anew */
#define SG_MAX_SESSIONS 64
#define SG_SOURCE_SLOTS 8

struct sg_session {
	uint64_t session;
	uint64_t taken; /* highest seq in head or journal */
	uint64_t committed; /* highest seq in the journal */
	int64_t t_ms;
};

/* The newest SG_MAX_SESSIONS; what is older is forgotten. */
struct sg_sessions {
	struct sg_session s[SG_MAX_SESSIONS];
	size_t n;
};
struct sg_session *sg_sessions_find(struct sg_sessions *s, uint64_t session);
/* Finds or adds, in place of the oldest when full. */
struct sg_session *sg_sessions_get(struct sg_sessions *s, uint64_t session, int64_t t_ms);

struct sg_accum;
struct sg_accum *sg_accum_new(void);
void sg_accum_free(struct sg_accum *a);
SG_DEFINE_AUTO(sg_accum, sg_accum_free)

/* Adds one frame's increases. -EBADMSG, -ENOMEM: what came before the fault is added. */
int sg_accum_add(struct sg_accum *a, const struct sg_frame_view *v);
/* Forgets what has been idle for long. */
void sg_accum_expire(struct sg_accum *a, int64_t now_ms);
/*
 * What was counted of a series of this type so far, and when it was in a frame last; false:
 * nothing. The histogram is borrowed.
 */
bool sg_accum_get(const struct sg_accum *a, const struct sg_series *s, double *value,
		  const struct sg_hist **hist, int64_t *last_ms);
/* Replaces what was counted; of a histogram hist is copied, of a counter value. -ENOMEM. */
int sg_accum_set(struct sg_accum *a, const struct sg_series *s, double value,
		 const struct sg_hist *hist, int64_t last_ms);
size_t sg_accum_len(const struct sg_accum *a);

/* Appends a base. */
int sg_accum_encode(const struct sg_accum *a, const struct sg_sessions *s, int64_t t_ms,
		    struct sg_buf *out);
/* Takes a base in; a and s are as new before. -EBADMSG leaves what was read until then. */
int sg_accum_decode(struct sg_accum *a, struct sg_sessions *s, const void *p, size_t n);

/*
 * Walks a base without building anything: on_part for each frame of it, with the
 * age of every sample.
 */
typedef int (*sg_base_on_part)(void *ctx, const struct sg_frame_view *v, const int64_t *age_ms);
int sg_base_walk(const void *p, size_t n, struct sg_sessions *s, sg_base_on_part cb, void *ctx);

#endif
