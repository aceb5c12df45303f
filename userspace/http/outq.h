/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What waits to be sent to one client: control texts and live ticks, in order.
 * Bounded: a client for whom more than OUTQ_MAX_BYTES of live ticks wait, or one for
 * more than OUTQ_MAX_WAIT_NS, loses those, and its caller tells it which.
 */
#ifndef HTTP_OUTQ_H
#define HTTP_OUTQ_H

#include "encode.h"

#define OUTQ_MAX_BYTES (256U << 10)
#define OUTQ_MAX_WAIT_NS 8000000000ULL /* eight ticks */

struct outq_item {
	struct outq_item *next;
	struct feed_payload *payload;
	void *sub; /* the subscription of a data message; NULL for a text */
	struct feed_header head; /* of a data message; id and seq are filled at sending */
	uint64_t queued_ns;
};

struct outq {
	struct outq_item *first, **last;
	size_t n, data_bytes;
};

void outq_init(struct outq *q);
void outq_clear(struct outq *q);
/* Both take the payload's reference, also on failure (-ENOMEM). */
int outq_text(struct outq *q, struct feed_payload *p);
int outq_data(struct outq *q, struct feed_payload *p, void *sub, const struct feed_header *head,
	      uint64_t now_ns);
/* True when a tick of n bytes would be too much on top of what waits, or that waits too long. */
bool outq_behind(const struct outq *q, uint64_t now_ns, size_t n);
/* Drops all data that waits (of one subscription, or of all when sub is NULL); dropped may be NULL. */
void outq_drop_data(struct outq *q, const void *sub,
		    void (*dropped)(void *ctx, const struct outq_item *item), void *ctx);
/* Takes the first item off; the caller frees it by outq_free_item. */
struct outq_item *outq_take(struct outq *q);
void outq_free_item(struct outq_item *item);

#endif
