/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP and the live feed, on libwebsockets, in a thread of its own. It reads the
 * store through its own reader; the server process hands it every stored frame.
 * A slow client, query or receiver never delays the caller of sg_http_push.
 */
#ifndef SGPROBE_HTTP_H
#define SGPROBE_HTTP_H

#include <sgprobe/config.h>
#include <sgprobe/ingest.h>
#include <sgprobe/named.h>
#include <sgprobe/reader.h>

struct sg_http_options {
	const struct sg_config *cfg; /* listen, socket, hosts, max_clients; copied */
	int listen_fd; /* already bound and listening TCP socket, taken over, or -1 for none */
	int unix_fd; /* already bound and listening unix socket, taken over, or -1 */
	uint64_t boot_id; /* of this server start: clients notice a restart by it */
	/* Opens a reader; called in each of the two threads that read, and again after an -EIO. */
	int (*open_reader)(void *ctx, struct sg_reader **ret, struct sg_error *err);
	/*
	 * Passes a command about named probes on: client is its connection, answer a socket
	 * that struct sg_named_answer comes back on; both stay the caller's. Any thread. 0 or -errno.
	 */
	int (*named)(void *ctx, const struct sg_named_command *c, int client, int answer);
	/*
	 * Takes an event that a user noted (copied) with named_ctx. Any thread. 0 or -EAGAIN: too
	 * many wait.
	 */
	int (*annotate)(void *ctx, const struct sg_event *e);
	void *named_ctx; /* of named and annotate */
	struct sg_ingest *ingest; /* where pushed metrics go; NULL: nowhere */
	void *ctx;
};

/*
 * The listening sockets, non-blocking, close-on-exec; the supervisor makes them
 * before it drops privileges and hands them to every server process. A descriptor,
 * or -errno with a sentence: -EINVAL, -EACCES (not a loopback address and not
 * allowed), -EADDRINUSE (another program, or a live daemon on the unix socket; the
 * file of a dead one is replaced; mode 0660).
 */
int sg_http_listen_tcp(const char *hostport, bool allow_nonloopback, struct sg_error *err);
int sg_http_listen_unix(const char *path, struct sg_error *err);

struct sg_http;
/* On failure the descriptors stay the caller's. */
int sg_http_start(const struct sg_http_options *o, struct sg_http **ret, struct sg_error *err);
/* Any thread: the bytes of one stored frame (copied); wakes the HTTP thread. Bounded: the oldest are dropped and counted. */
void sg_http_push(struct sg_http *h, const void *frame, size_t n);
/* Any thread: replaces the document that GET /api/sg/v1/status answers (copied). */
void sg_http_status(struct sg_http *h, const char *json);
/* Any thread: whether GET /-/ready answers 200. */
void sg_http_ready(struct sg_http *h, bool ready);
struct sg_http_stats { /* since the start, except ws_clients: now */
	uint64_t requests, ws_clients, ws_sent_bytes, ws_gaps, queue_dropped, refused;
};
void sg_http_stats(struct sg_http *h, struct sg_http_stats *ret);
void sg_http_stop(
	struct sg_http *
		h); /* closes clients and descriptors, joins the threads within about a second; NULL is fine */

#endif
