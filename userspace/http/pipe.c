// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <zlib.h>

#include <sgprobe/time.h>

#include "pipe.h"

#define GZIP_LEVEL 5

struct http_pipe {
	atomic_uint refs;
	bool gzip, chunked;
	int wake_fd;
	z_stream z; /* the maker's */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t taken;
	struct sg_buf waiting;
	bool closed, ended;
	int result;
};

static atomic_size_t all_waiting; /* in every pipe */

struct http_pipe *http_pipe_new(bool gzip, bool chunked, int wake_fd)
{
	struct http_pipe *p = calloc(1, sizeof(*p));
	pthread_condattr_t monotonic;

	if (!p)
		return NULL;
	p->refs = 1;
	p->gzip = gzip;
	p->chunked = chunked;
	p->wake_fd = wake_fd;
	if (gzip &&
	    deflateInit2(&p->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(p);
		return NULL;
	}
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->taken, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

struct http_pipe *http_pipe_ref(struct http_pipe *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void http_pipe_unref(struct http_pipe *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) > 1)
		return;
	atomic_fetch_sub(&all_waiting, p->waiting.len);
	if (p->gzip)
		deflateEnd(&p->z);
	pthread_cond_destroy(&p->taken);
	pthread_mutex_destroy(&p->lock);
	sg_buf_free(&p->waiting);
	free(p);
}

static bool is_full(const struct http_pipe *p)
{
	size_t n = p->waiting.len;

	return n > HTTP_PIPE_MAX ||
	       (n > HTTP_PIPE_MIN && atomic_load(&all_waiting) > HTTP_PIPES_MAX);
}

/* Until there is room; the others' pipes are looked at again every so often. */
static int wait_for_room(struct http_pipe *p, uint64_t deadline_ns)
{
	while (is_full(p) && !p->closed) {
		uint64_t now = sg_mono_ns(), until = SG_MIN(deadline_ns, now + 100000000);
		struct timespec ts = {until / 1000000000, until % 1000000000};

		if (now >= deadline_ns)
			return -ETIMEDOUT;
		pthread_cond_timedwait(&p->taken, &p->lock, &ts);
	}
	return p->closed ? -EPIPE : 0;
}

/* One chunk. */
static int put(struct http_pipe *p, const void *data, size_t n, uint64_t deadline_ns)
{
	size_t before;
	int r;

	if (!n)
		return 0;
	pthread_mutex_lock(&p->lock);
	r = wait_for_room(p, deadline_ns);
	if (!r) {
		before = p->waiting.len;
		if (p->chunked)
			sg_buf_printf(&p->waiting, "%zx\r\n", n);
		sg_buf_add(&p->waiting, data, n);
		if (p->chunked)
			sg_buf_str(&p->waiting, "\r\n");
		atomic_fetch_add(&all_waiting, p->waiting.len - before);
		r = p->waiting.err;
	}
	pthread_mutex_unlock(&p->lock);
	eventfd_write(p->wake_fd, 1);
	return r;
}

static int put_gzip(struct http_pipe *p, const void *data, size_t n, int flush,
		    uint64_t deadline_ns)
{
	unsigned char out[32768];
	int r = 0;

	p->z.next_in = (Bytef *)data;
	p->z.avail_in = n;
	do {
		p->z.next_out = out;
		p->z.avail_out = sizeof(out);
		deflate(&p->z, flush);
		r = put(p, out, sizeof(out) - p->z.avail_out, deadline_ns);
	} while (!r && !p->z.avail_out);
	return r;
}

int http_pipe_write(struct http_pipe *p, const void *data, size_t n, uint64_t deadline_ns)
{
	if (!p->gzip)
		return put(p, data, n, deadline_ns);
	return put_gzip(p, data, n, Z_NO_FLUSH, deadline_ns);
}

void http_pipe_end(struct http_pipe *p, int r, uint64_t deadline_ns)
{
	if (!r && p->gzip)
		r = put_gzip(p, NULL, 0, Z_FINISH, deadline_ns);
	pthread_mutex_lock(&p->lock);
	if (!r && p->chunked) {
		sg_buf_str(&p->waiting, "0\r\n\r\n");
		atomic_fetch_add(&all_waiting, 5);
	}
	p->ended = true;
	p->result = r ? r : p->waiting.err;
	pthread_mutex_unlock(&p->lock);
	eventfd_write(p->wake_fd, 1);
}

int http_pipe_take(struct http_pipe *p, struct sg_buf *b)
{
	struct sg_buf empty = *b;
	int r = 1;

	sg_buf_reset(&empty);
	pthread_mutex_lock(&p->lock);
	if (p->ended && p->result) {
		r = -EIO;
	} else if (p->waiting.len) {
		*b = p->waiting;
		p->waiting = empty;
		atomic_fetch_sub(&all_waiting, b->len);
		pthread_cond_signal(&p->taken);
	} else {
		r = p->ended ? -ENODATA : 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

void http_pipe_close(struct http_pipe *p)
{
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_cond_signal(&p->taken);
	pthread_mutex_unlock(&p->lock);
}
