/* SPDX-License-Identifier: GPL-2.0 */
/* The feed's binary messages, byte for byte as docs/PROTOCOL.md says; and their payloads, which clients share. */
#ifndef HTTP_ENCODE_H
#define HTTP_ENCODE_H

#include <sgprobe/hist.h>
#include <sgprobe/series.h>
#include <sgprobe/str.h>

#define FEED_HEADER_BYTES 32
#define FEED_STEP_MS 1000
/* In front of a payload: room for libwebsockets' frame header (LWS_PRE) and ours. */
#define FEED_PRE 64
#define FEED_ROOM (FEED_PRE + FEED_HEADER_BYTES)

enum feed_kind { FEED_SNAPSHOT = 1, FEED_DELTA = 2, FEED_BACKFILL = 3 };
enum feed_flag { FEED_LAST = 1, FEED_RESET = 2 };

struct feed_header {
	uint8_t kind, flags;
	uint16_t id;
	uint32_t seq;
	int64_t t_ms; /* of the last point */
	uint32_t epoch, n_points, payload_len;
};
void feed_put_header(unsigned char out[FEED_HEADER_BYTES], const struct feed_header *h);

void feed_put_varint(struct sg_buf *b, uint64_t v);

/* A point is begun, gets entries, and is ended with the offset that begin returned. */
size_t feed_point_begin(struct sg_buf *b, int64_t t_ms);
void feed_point_end(struct sg_buf *b, size_t at, uint32_t n_entries);
/* Adds one entry and returns 1, or 0 when it is one that is left out. */
uint32_t feed_put_value(struct sg_buf *b, uint32_t index, enum sg_type type, double v);
uint32_t feed_put_hist(struct sg_buf *b, uint32_t index, const struct sg_hist *h);

/*
 * A message's bytes: FEED_ROOM to be written into at sending, then len bytes (of
 * text: FEED_PRE, then len). Counted; the serving thread alone takes and drops.
 */
struct feed_payload {
	unsigned int refs;
	uint32_t n_points;
	int64_t t_ms;
	size_t len;
	unsigned char data[];
};
/* From a buffer's bytes, with one reference; NULL: no memory (or b failed). */
struct feed_payload *feed_payload_new(const struct sg_buf *b, size_t room);
struct feed_payload *feed_payload_ref(struct feed_payload *p);
void feed_payload_unref(struct feed_payload *p); /* NULL is fine */

#endif
