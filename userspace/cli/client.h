/* SPDX-License-Identifier: GPL-2.0 */
/* Asks the daemon over its unix socket: HTTP/1.1, one request a connection. Every answer is bounded. */
#ifndef SG_CLI_CLIENT_H
#define SG_CLI_CLIENT_H

#include <sgprobe/err.h>
#include <sgprobe/str.h>

#define SG_CLIENT_MAX_BODY (64U << 20)
#define SG_CLIENT_TIMEOUT_MS 20000

/* Body bytes as they come; a negative return ends the transfer and is returned. */
typedef int (*sg_client_on_body)(const void *p, size_t n, void *ctx);

/*
 * GET path. Returns the HTTP status (200 ... 599), or -errno with a sentence:
 * -ECONNREFUSED (no daemon answers), -EACCES (not allowed to ask it), -ETIMEDOUT
 * (nothing came for timeout_ms), -EBADMSG (not HTTP), -EMSGSIZE.
 */
int sg_client_stream(const char *socket, const char *path, int timeout_ms, sg_client_on_body cb,
		     void *ctx, struct sg_error *err);
int sg_client_get(const char *socket, const char *path, struct sg_buf *body, struct sg_error *err);
/* The same by POST, for what changes something; there is no body. */
int sg_client_post(const char *socket, const char *path, struct sg_buf *body, struct sg_error *err);

/* Appends text as a URL query value. */
void sg_url_escape(struct sg_buf *b, const char *text);

/*
 * The decoder of answers, for the client and its fuzz test: bytes in any pieces.
 */
struct sg_reply {
	int status; /* 0: head not read yet */
	enum { SG_BODY_LENGTH, SG_BODY_CHUNKED, SG_BODY_TO_END } framing;
	uint64_t left; /* of the body or the chunk */
	int state;
	bool done;
	size_t total; /* body bytes handed over */
	struct sg_buf head; /* a line, or the whole head */
	sg_client_on_body cb;
	void *ctx;
};
void sg_reply_init(struct sg_reply *r, sg_client_on_body cb, void *ctx);
void sg_reply_free(struct sg_reply *r);
/* 0, -EBADMSG, or what cb returned. */
int sg_reply_feed(struct sg_reply *r, const char *p, size_t n);
/* The connection ended: 0 when that is the end of the answer, else -EBADMSG. */
int sg_reply_end(struct sg_reply *r);

#endif
