/* SPDX-License-Identifier: GPL-2.0 */
/* What feed.c, feed_client.c, feed_message.c and feed_read.c share. */
#ifndef HTTP_FEED_PRIVATE_H
#define HTTP_FEED_PRIVATE_H

#include <pthread.h>

#include <sgprobe/frame.h>

#include "dict.h"
#include "feed.h"
#include "outq.h"

#define FEED_SOURCES 2

/* A frame's bytes, kept for a while for those who are about to go live. */
struct feed_raw {
	struct feed_raw *next;
	int64_t t_ms;
	size_t len;
	unsigned char data[];
};

struct feed_stream {
	struct feed_stream *next;
	struct http_conn *conn;
	uint64_t until_ns;
	bool over;
};

struct http_feed {
	struct http_worker *worker;
	const struct feed_peer_ops *ops;
	char boot_id[24];
	pthread_mutex_t lock; /* of dict: the worker numbers series too */
	struct feed_dict dict;
	struct http_client *clients;
	struct feed_stream *streams;
	struct feed_raw *ring, **ring_last; /* oldest first */
	size_t ring_n, ring_bytes;
	int64_t evicted_ms; /* newest tick that left the ring */
	struct {
		int64_t t_ms;
		uint64_t seen_ns; /* sg_mono_ns(); 0: never */
	} source[FEED_SOURCES];
	struct feed_payload *status,
		*watched; /* the texts that every client has got or is to get */
	bool watched_asked, watched_stale;
	uint64_t watched_ns;
	struct feed_stats stats;
};

enum sub_state {
	SUB_WANT, /* the past is to be read as soon as the sources are level */
	SUB_READING, /* the worker reads it */
	SUB_BULK, /* it is being sent */
	SUB_LIVE, /* gets every tick */
	SUB_PAUSED, /* the page is hidden; base_ms is where it stopped */
};

struct feed_read;
struct feed_sub {
	struct http_client *client;
	uint16_t id;
	enum sub_state state;
	struct feed_group *group;
	uint32_t seq;
	uint32_t known_epoch; /* what the client has been told of the group's series */
	size_t known;
	bool has_from;
	int64_t from_ms; /* of the next read: it gets (from_ms, ...] */
	int64_t max_points;
	int64_t base_ms; /* all up to here is sent or under way */
	uint8_t kind; /* of the next read: FEED_SNAPSHOT or FEED_BACKFILL */
	bool reset; /* what is sent does not reach back to from_ms */
	uint64_t want_ns; /* since when it wants */
	struct feed_read *read;
	struct feed_payload **bulk; /* of SUB_BULK: bulk[bulk_at..bulk_n) is to be sent */
	size_t bulk_at, bulk_n;
	int64_t gap_from, gap_to; /* of the ticks that outq dropped just now; gap_to 0: none */
};

struct http_client {
	struct http_client *next, **prev;
	struct http_feed *feed;
	void *peer;
	struct feed_sub *subs[FEED_SUBS_MAX];
	size_t n_subs;
	struct outq queue;
	struct outq_item *writing; /* the message that http_client_next returned */
	bool hidden, hide_wanted, bulk_turn, closing;
	bool status_due, watched_due;
	uint64_t progress_ns; /* when the peer last took something, or had nothing to take */
	double tokens; /* of the rate limit */
	uint64_t tokens_ns;
};

/* feed.c: the newest tick of which every source that is alive has sent its frame; false: they are not level now. */
bool feed_level(const struct http_feed *f, int64_t *ret_ms);
/* Encodes one decoded frame for a group, or NULL. The caller owns the reference. */
struct feed_payload *feed_encode_frame(struct http_feed *f, struct feed_group *g,
				       const struct sg_frame *frame, const uint32_t *numbers);
uint32_t *feed_number_frame(struct http_feed *f, const struct sg_frame *frame);

/* feed_client.c */
void feed_send_text(struct http_client *c, struct sg_buf *b);
void feed_send_tick(struct feed_sub *sub, struct feed_payload *p, uint32_t epoch);
void feed_send_gap(struct feed_sub *sub, int64_t from_ms, int64_t to_ms, const char *reason);
struct feed_sub *feed_sub_find(struct http_client *c, uint16_t id);
void feed_sub_free(struct feed_sub *sub);
void feed_client_step(struct http_client *c); /* after every frame: starts reads, hides, shows */
void feed_sub_restart(
	struct feed_sub *sub); /* its series have new numbers: read again what is not sent */

/* feed_read.c: submits the read of a sub that wants. -EAGAIN: later. */
int feed_read_start(struct feed_sub *sub, int64_t to_ms);
void feed_read_forget(struct feed_read *r); /* the subscription is gone */
int feed_ask_watched(struct http_feed *f);
/* feed_client.c: what a read brought; takes the chunks. */
void feed_read_done(struct feed_sub *sub, struct feed_payload **chunks, size_t n, int64_t to_ms);
void feed_read_failed(struct feed_sub *sub, int r, const char *message, int64_t to_ms);

#endif
