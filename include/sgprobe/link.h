/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way of frames from the probe process to the server process: a stream
 * socket, frames one way, acknowledgements back. Every frame that is not yet
 * acknowledged as committed is kept, and sent again to the next server. Bounded:
 * past max_bytes the oldest fall off and are counted.
 *
 * Records of stacks (profile.h) go the same way, in the order in which they are
 * pushed. They have no acknowledgement of their own: one is pushed with the number of
 * the frame that follows it, and is known to have come with that.
 */
#ifndef SGPROBE_LINK_H
#define SGPROBE_LINK_H

#include <stdbool.h>

#include <sgprobe/frame.h>
#include <sgprobe/loop.h>
#include <sgprobe/profile.h>

struct sg_ack { /* what the server writes back, 24 bytes, native byte order */
	uint64_t magic; /* SG_ACK_MAGIC */
	uint64_t session;
	uint64_t seq; /* all frames of the session up to and including seq are committed */
};
#define SG_ACK_MAGIC 0x314b434147530a0dULL

struct sg_link_tx;
int sg_link_tx_new(struct sg_loop *l, uint64_t session, size_t max_bytes, struct sg_link_tx **ret);
void sg_link_tx_free(struct sg_link_tx *tx);
/* Takes over fd (a connected stream socket) in place of the one before; resends what is not acknowledged. -1: none. */
int sg_link_tx_attach(struct sg_link_tx *tx, int fd);
/*
 * Queues one encoded frame (copied). Returns how many older frames were lost since the
 * last push, or -errno: those that fell off the queue before any server had them, and
 * those that fell off it while a server that then died had not acknowledged them.
 */
int sg_link_tx_push(struct sg_link_tx *tx, uint64_t seq, const void *p, size_t n);
/* The same with a record of stacks and the number of the next frame: how many older ones fell off unsent. */
int sg_link_tx_push_profile(struct sg_link_tx *tx, uint64_t seq, const void *p, size_t n);
size_t sg_link_tx_pending(const struct sg_link_tx *tx, size_t *bytes); /* frames not acknowledged */
/* Blocks for at most timeout_ms until all is acknowledged: for an orderly stop. 0 or -ETIMEDOUT. */
int sg_link_tx_drain(struct sg_link_tx *tx, int timeout_ms);
SG_DEFINE_AUTO(sg_link_tx, sg_link_tx_free)

struct sg_link_rx;
/* One whole record; bytes are valid during the call. A negative return closes the link. */
typedef int (*sg_link_on_frame)(const void *p, size_t n, void *ctx);
int sg_link_rx_new(struct sg_loop *l, sg_link_on_frame cb, void *ctx, struct sg_link_rx **ret);
/* The same for records of stacks; without it one closes the link. */
void sg_link_rx_on_profile(struct sg_link_rx *rx, sg_link_on_frame cb);
void sg_link_rx_free(struct sg_link_rx *rx);
/* Takes over fd in place of the one before, which is read to its end first. -1: none. */
int sg_link_rx_attach(struct sg_link_rx *rx, int fd);
/* False once the sender has closed its end and everything it sent was handed over. */
bool sg_link_rx_connected(const struct sg_link_rx *rx);
int sg_link_rx_ack(struct sg_link_rx *rx, uint64_t session, uint64_t seq);
SG_DEFINE_AUTO(sg_link_rx, sg_link_rx_free)

#endif
