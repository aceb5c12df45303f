/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one file that knows libwebsockets: its context is the service loop, and
 * connections whose head asks for a WebSocket are adopted by it.
 */
#ifndef HTTP_WS_H
#define HTTP_WS_H

#include "feed.h"
#include "request.h"

struct http_ws;

/* feed is set by http_ws_feed before the first connection. */
int http_ws_new(size_t max_clients, struct http_ws **ret);
void http_ws_feed(struct http_ws *ws, struct http_feed *feed);
void http_ws_free(struct http_ws *ws); /* closes all; NULL is fine */
/* http_ws_wait returns when fd is readable. Borrowed. */
int http_ws_watch(struct http_ws *ws, int fd);
/* Waits for something to happen and serves WebSockets; <0: the loop is broken. */
int http_ws_wait(struct http_ws *ws);
bool http_ws_full(const struct http_ws *ws);
/*
 * Takes over a connection: fd and what was read behind the head. Not to be called
 * from within a callback of this module.
 */
void http_ws_adopt(struct http_ws *ws, int fd, const char *key, const struct sg_buf *rest);
/* 0 when the request is a WebSocket's of our protocol, else the HTTP status to refuse it with. */
int http_ws_check(const struct http_request *req);

extern const struct feed_peer_ops http_ws_peer_ops;

#endif
