/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP/1.1 connections on one epoll descriptor, which the service loop polls.
 *
 * Plain requests are served here and not by libwebsockets 4.1.6, whose HTTP side
 * reads freed memory after an unknown Upgrade header on a kept-alive connection,
 * goes over to HTTP/2 when asked by "Upgrade: h2c" whatever ALPN says, and spins
 * while a client has sent more than a request that is still being answered. It
 * gets a connection once its head has been checked and is a WebSocket's.
 *
 * Everything is called in, and calls back in, the one serving thread.
 */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include "request.h"
#include "response.h"

#define HTTP_CONNS_MAX 64
#define HTTP_CONNS_PER_PEER 16 /* of an address that is not loopback */

struct http_conn;
struct http_conns;

struct http_conn_ops {
	/* The status to refuse a head with before its body is read, or 0. */
	int (*admit)(void *ctx, struct http_conn *c, const struct http_request *req);
	/* A whole, well-formed request: answer now or later by http_conn_respond. */
	void (*request)(void *ctx, struct http_conn *c, const struct http_request *req);
	/* A head that asks for an upgrade: a refusal as for request, or http_conn_detach. */
	void (*upgrade)(void *ctx, struct http_conn *c, const struct http_request *req);
};

struct http_conns_stats {
	uint64_t requests,
		refused; /* refused: connections over a limit, requests answered 4xx by the parser */
};

int http_conns_new(const struct http_conn_ops *ops, void *ctx, struct http_conns **ret);
void http_conns_free(struct http_conns *cs); /* closes all; NULL is fine */
/* Accepts from a listening descriptor (borrowed). local: a unix socket. */
int http_conns_listen(struct http_conns *cs, int fd, bool local);
int http_conns_fd(const struct http_conns *cs); /* readable when http_conns_step has work */
void http_conns_step(struct http_conns *cs);
void http_conns_tick(struct http_conns *cs); /* once a second: time limits */
const struct http_conns_stats *http_conns_stats(const struct http_conns *cs);

bool http_conn_takes_chunks(const struct http_conn *c); /* not HTTP/1.0, and not HEAD */
bool http_conn_local(const struct http_conn *c);
/* Another descriptor of the connection, the caller's; -1: there is none. */
int http_conn_dup(const struct http_conn *c);
/* Sends the answer; takes what r owns. */
void http_conn_respond(struct http_conn *c, struct http_response *r);
/*
 * Whoever answers later is told when the connection ends first: gone is called
 * once, unless http_conn_respond comes before.
 */
void http_conn_wait(struct http_conn *c, void (*gone)(void *arg), void *arg);
/*
 * An answer that is sent while it is made: offer is called, in the serving thread and while the
 * request waits, whenever http_conns_kick is, and may call http_conn_respond.
 */
void http_conn_offer(struct http_conn *c, void (*offer)(void *arg), void *arg);
void http_conns_kick(struct http_conns *cs); /* pipes may have something new */
/* After a response with stream set and no pipe: more of its body. -EAGAIN: the client is too far behind, and has been closed. */
int http_conn_write(struct http_conn *c, const void *p, size_t n);
void http_conn_end(struct http_conn *c);
/* Gives the socket away: the caller owns the descriptor; rest is what was read behind the head, copied. */
int http_conn_detach(struct http_conn *c, struct sg_buf *rest);

#endif
