/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live feed, without its transport: stored frames come in, messages for each
 * client come out. Everything is called in the serving thread; reads of the past
 * run in a worker of their own.
 */
#ifndef HTTP_FEED_H
#define HTTP_FEED_H

#include <sgprobe/reader.h>

#include "conn.h"
#include "encode.h"
#include "worker.h"

#define FEED_MESSAGE_MAX 4096
#define FEED_SUBS_MAX 64
#define FEED_POINTS_MAX 3600

/* Close codes of the protocol. */
enum feed_close {
	FEED_CLOSE_BAD_MESSAGE = 4000,
	FEED_CLOSE_ORIGIN = 4003,
	FEED_CLOSE_SLOW = 4008,
	FEED_CLOSE_LIMITS = 4009,
};

/* What a client is sent through. */
struct feed_peer_ops {
	void (*want_write)(void *peer); /* http_client_next has something */
	void (*close)(void *peer, unsigned int code);
};

struct feed_stats {
	uint64_t clients, sent_bytes, gaps;
};

struct http_feed;
struct http_client;

/* worker is borrowed and must end after the feed's clients and before the feed. */
int http_feed_new(struct http_worker *worker, uint64_t boot_id, const struct feed_peer_ops *ops,
		  struct http_feed **ret);
/* All jobs must be done (http_worker_stop). NULL is fine. */
void http_feed_free(struct http_feed *f);
/* One stored frame, in the order in which they were stored. */
void http_feed_frame(struct http_feed *f, const void *p, size_t n);
/* Frames of that time were dropped before they got here. */
void http_feed_lost(struct http_feed *f, int64_t from_ms, int64_t to_ms);
/* The status document has changed. */
void http_feed_status(struct http_feed *f, const char *json);
void http_feed_tick(struct http_feed *f); /* once a second */
const struct feed_stats *http_feed_stats(const struct http_feed *f);

/* Answers conn with resp and sends every further frame as its body, until sg_mono_ns() passes until_ns. */
int http_feed_stream(struct http_feed *f, struct http_conn *conn, struct http_response *resp,
		     uint64_t until_ns);

int http_client_open(struct http_feed *f, void *peer, struct http_client **ret);
void http_client_close(struct http_client *c); /* NULL is fine */
/* One text message; 0, or the code to close with. */
unsigned int http_client_message(struct http_client *c, const char *text, size_t n);

struct feed_wire {
	unsigned char *data; /* FEED_PRE bytes in front of it may be overwritten */
	size_t len;
	bool binary;
};
/* The next message; false: nothing to send. It is valid until the next call. */
bool http_client_next(struct http_client *c, struct feed_wire *w);

void http_put_gaps(struct sg_buf *b, const struct sg_gap *gaps, size_t n);

#endif
