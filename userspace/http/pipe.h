/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A long answer on its way from the thread that makes it to the one that sends it,
 * in pieces: compressed and framed as chunks when that is wanted. The maker waits
 * while more lies here than the client has taken, until its deadline.
 */
#ifndef HTTP_PIPE_H
#define HTTP_PIPE_H

#include <stdbool.h>

#include <sgprobe/str.h>

#define HTTP_PIPE_MAX (2U << 20) /* bytes that wait for a client */
#define HTTP_PIPES_MAX (16U << 20) /* of all pipes; past it each may have HTTP_PIPE_MIN */
#define HTTP_PIPE_MIN (256U << 10)

struct http_pipe;

/* wake_fd: an eventfd that is written when there is something new; borrowed, it must outlive the maker. NULL: no memory. */
struct http_pipe *http_pipe_new(bool gzip, bool chunked, int wake_fd);
void http_pipe_unref(struct http_pipe *p); /* two hold it: who makes and who sends; NULL is fine */
struct http_pipe *http_pipe_ref(struct http_pipe *p);

/*
 * The maker's. 0, -EPIPE (the client is gone), -ETIMEDOUT, -ENOMEM; after a failure nothing more
 * is taken. Once an answer has ended with r == 0 its end is sent, else the connection is closed,
 * so that nobody takes a part for the whole.
 */
int http_pipe_write(struct http_pipe *p, const void *data, size_t n, uint64_t deadline_ns);
void http_pipe_end(struct http_pipe *p, int r, uint64_t deadline_ns);

/* The sender's: gives what waits in exchange for an empty buffer. 1, 0: nothing yet, -ENODATA: the end, -EIO: it failed. */
int http_pipe_take(struct http_pipe *p, struct sg_buf *b);
void http_pipe_close(struct http_pipe *p); /* the client is gone */

#endif
