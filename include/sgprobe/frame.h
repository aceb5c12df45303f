/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The frame: everything that one tick of one source saw.
 *
 * In memory it is plain data in an arena. On the wire it is one self-contained,
 * self-delimiting, versioned, checksummed record: string table, series table,
 * samples; it decodes without any other frame, so the same bytes serve the
 * socket, the journal, a recording and a message bus. docs/ARCHITECTURE.md
 * ("The frame") describes the bytes.
 *
 * Values are what happened IN the tick: counters and histograms are differences
 * since the frame before (0 and empty included: a series that is alive is in
 * every frame), gauges are readings. A series that is missing has ended.
 */
#ifndef SGPROBE_FRAME_H
#define SGPROBE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/event.h>
#include <sgprobe/series.h>

#define SG_FRAME_VERSION 2 /* the newest; a frame without sections is written as version 1 */
#define SG_FRAME_MAX_BYTES (8U << 20)
#define SG_FRAME_MAX_SAMPLES 65536U
#define SG_FRAME_HEADER_BYTES 64
#define SG_FRAME_MAX_EXEMPLARS 8192U

enum sg_frame_flags {
	SG_FRAME_FIRST = 1 << 0, /* first of its session */
	SG_FRAME_GAP = 1 << 1, /* time before it was not watched: [t_ms - span, ...) is not whole */
	SG_FRAME_LATE = 1 << 2, /* drained more than half a tick after its time */
	SG_FRAME_SKIPPED = 1 << 3, /* covers more than one tick (overrun, stopped process) */
	SG_FRAME_CLOCK_STEP = 1 << 4, /* the wall clock was set since the frame before */
	SG_FRAME_SUSPENDED = 1 << 5, /* the machine slept since the frame before */
	SG_FRAME_CPUS = 1 << 6, /* the set of online CPUs changed */
};

struct sg_sample {
	struct sg_series series; /* strings live as long as the frame */
	union {
		double value; /* counter: increase in this tick; gauge: reading */
		struct sg_hist hist; /* histogram: increase in this tick */
	};
};

/*
 * One event that a histogram has counted in this tick, the slowest, and whose it was. It
 * may be that of several series: the host's, its cgroup's, its comm's. Texts are untrusted
 * but clean: UTF-8 of at most SG_LABEL_VALUE_MAX bytes; "" where it is not known.
 */
#define SG_EXEMPLAR_SERIES 3
struct sg_exemplar {
	uint32_t of[SG_EXEMPLAR_SERIES]; /* samples of the frame, histograms all; ascending */
	uint32_t n_of; /* at least 1 */
	uint32_t tgid, tid; /* 0: nobody's */
	uint32_t cpu;
	double value; /* in the unit of the series; finite, not below 0: it says the bucket */
	int64_t t_ms; /* when it was over; may be of the tick before */
	const char *comm, *cgroup;
	const char *const *frames; /* its stack, outermost first, as struct sg_stack has it */
	uint32_t n_frames, n_kernel; /* 0: no stack was taken */
};

struct sg_frame {
	uint64_t session; /* random per start of the source; orders nothing */
	uint64_t seq; /* 1, 2, ... within the session; never reused */
	int64_t t_ms; /* wall clock at the end of the tick, a multiple of the tick length */
	uint64_t span_ns; /* monotonic time that it covers */
	uint32_t flags; /* enum sg_frame_flags */
	uint32_t source; /* 0: probe process, 1: server process, 2: what programs sent */
	size_t n, cap;
	struct sg_sample *samples;
	size_t n_events, cap_events;
	struct sg_event *
		events; /* what happened in the tick as whole events; strings live as long as the frame */
	size_t n_exemplars, cap_exemplars;
	struct sg_exemplar *exemplars;
	struct sg_arena *arena; /* for what lives as long as the frame: strings, labels, buckets */
};

/*
 * Building: new, then one sg_frame_add_* per series, then encode. The caller's
 * strings must outlive the frame or be copied with sg_series_copy(f->arena, ...).
 * The histogram's buckets are borrowed until sg_frame_free. -ENOSPC past
 * SG_FRAME_MAX_SAMPLES, -ENOMEM. Each series once.
 */
struct sg_frame *sg_frame_new(void);
void sg_frame_free(struct sg_frame *f);
void sg_frame_reset(struct sg_frame *f); /* forget samples and arena content, keep memory */
int sg_frame_add_value(struct sg_frame *f, const struct sg_series *s, double v);
int sg_frame_add_hist(struct sg_frame *f, const struct sg_series *s, const struct sg_hist *h);
/* Copied into the frame. -EINVAL for one that is not valid, -ENOSPC past SG_EVENTS_MAX, -ENOMEM. */
int sg_frame_add_event(struct sg_frame *f, const struct sg_event *e);
/* Borrows its texts and the array of frames. -ENOSPC past SG_FRAME_MAX_EXEMPLARS. */
int sg_frame_add_exemplar(struct sg_frame *f, const struct sg_exemplar *e);
SG_DEFINE_AUTO(sg_frame, sg_frame_free)

/*
 * Appends the encoded frame to b. -ENOMEM, -EMSGSIZE past SG_FRAME_MAX_BYTES, or
 * -EINVAL for what no decoder would take: a series twice, a counter that is not
 * finite, a histogram with counts that are not whole or do not add up, an exemplar of
 * what is no histogram, a time before 1970 or after 9999. b is unchanged then.
 */
int sg_frame_encode(const struct sg_frame *f, struct sg_buf *b);

/*
 * How long the record that starts at p is, from its first bytes: the length, 0
 * when fewer than SG_FRAME_HEADER_BYTES are there, -EBADMSG when this is no
 * frame, -EPROTONOSUPPORT when its version is newer than this program's.
 */
int64_t sg_frame_peek(const void *p, size_t n);

/*
 * Decodes one record of exactly n bytes. The frame copies nothing from p that it
 * needs later (strings are copied to its arena). Every input is hostile:
 * -EBADMSG for anything wrong (checksum, order, range, counts), -EPROTONOSUPPORT,
 * -ENOMEM; memory is bounded by a small multiple of n.
 */
int sg_frame_decode(const void *p, size_t n, struct sg_frame **ret);

/* Whether a record, of which the header is there, may carry events; without them it need not be decoded to look for some. */
bool sg_frame_has_events(const void *p, size_t n);
#define sg_frame_has_sections sg_frame_has_events /* or exemplars */

/* Only the 64-byte header (no checksum of the body, no samples): for cheap scans. */
int sg_frame_decode_header(const void *p, size_t n, struct sg_frame *f);

#endif
