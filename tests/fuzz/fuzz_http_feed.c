// SPDX-License-Identifier: GPL-2.0
/* What a client of the feed says, several messages a line, between ticks of no series. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/feed_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void on_want_write(void *peer)
{
}

static void on_close(void *peer, unsigned int code)
{
}

static const struct feed_peer_ops ops = {.want_write = on_want_write, .close = on_close};

static void tick(struct http_feed *f, int64_t t_ms)
{
	sg_auto(sg_frame) frame = sg_frame_new();
	sg_auto_buf b = {0};

	frame->session = 1;
	frame->seq = 1;
	frame->t_ms = t_ms;
	frame->span_ns = 1;
	if (!sg_frame_encode(frame, &b))
		http_feed_frame(f, b.data, b.len);
}

static bool one_line(struct http_client *c, const uint8_t *p, size_t n)
{
	struct feed_wire w;

	c->tokens = 20;
	if (http_client_message(c, (const char *)p, n))
		return false;
	while (http_client_next(c, &w))
		w.data[0] ^= 1; /* it must be ours to write, and to read */
	return true;
}

static int open_nothing(void *ctx, struct sg_reader **ret, struct sg_error *err)
{
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct http_worker *worker;
	struct http_feed *f;
	struct http_client *c;
	int64_t t_ms = 1700000000000;

	if (!worker && http_worker_start("fuzz", open_nothing, NULL, 0, 0, &worker) < 0)
		abort();
	if (http_feed_new(worker, 1, &ops, &f) < 0 || http_client_open(f, NULL, &c) < 0)
		abort();
	while (n) {
		const uint8_t *end = memchr(data, '\n', n);
		size_t len = end ? (size_t)(end - data) : n;

		tick(f, t_ms += 1000);
		if (!one_line(c, data, len))
			break;
		data += len + !!end;
		n -= len + !!end;
	}
	http_feed_free(f);
	return 0;
}
