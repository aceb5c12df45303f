/* SPDX-License-Identifier: GPL-2.0 */
/* What the handlers may use of the server. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <sgprobe/http.h>

#include "assets.h"
#include "conn.h"
#include "feed.h"
#include "guard.h"
#include "worker.h"

struct http_server {
	struct http_guard guard;
	const struct sg_asset *assets;
	struct http_conns *conns;
	struct http_worker *queries, *reads; /* of requests, and of the feed */
	struct http_worker *changes; /* of what waits for the supervisor */
	struct http_feed *feed;
	struct http_ws *ws;
	atomic_bool ready;
	int (*named)(void *ctx, const struct sg_named_command *c, int client, int answer);
	void *named_ctx;
	const struct sg_config *cfg;
	int (*annotate)(void *ctx, const struct sg_event *e);
	struct sg_ingest *ingest; /* NULL: nothing is taken in */
};

int http_server_wake_fd(struct http_server *s); /* an eventfd that wakes the serving thread */

/* Any thread: the newest status document. */
void http_server_put_status(struct http_server *s, struct sg_buf *b);

#endif
