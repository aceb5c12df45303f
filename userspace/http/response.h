/* SPDX-License-Identifier: GPL-2.0 */
/* An answer before it is on the wire, and its head with the headers that every answer carries. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <sgprobe/str.h>

struct http_pipe;

struct http_response {
	int status;
	const char *type; /* Content-Type; static */
	const char *cache; /* Cache-Control; NULL: no-store */
	const char *allow; /* Allow, for 405; NULL: none */
	char etag[32]; /* with its quotes; "" for none */
	bool gzip; /* the body is gzip */
	bool vary; /* another Accept-Encoding gets another body */
	bool vary_accept; /* and another Accept */
	bool stream; /* no length: the end of the connection ends the body, unless it is chunked */
	bool chunked;
	struct sg_buf body;
	const void *fixed; /* instead of body: memory that lives as long as the process */
	size_t fixed_len;
	struct http_pipe *
		pipe; /* where a stream's body comes from, a reference; NULL: from http_conn_write */
};

void http_response_free(struct http_response *r);
size_t http_response_length(const struct http_response *r);
const void *http_response_body(const struct http_response *r);

/* A sentence as text/plain. */
void http_response_text(struct http_response *r, int status, const char *text);
/* Compresses body when it is over 1 KiB and that makes it smaller. Memory short: left as it is. */
void http_response_gzip(struct http_response *r);
/* Status line and headers, the empty line included. */
void http_response_head(struct sg_buf *out, const struct http_response *r, bool keep_alive);
const char *http_reason(int status);

#endif
