// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams. A turn of the loop takes a bounded number of them, and a batch a bounded
 * time under the lock; what comes faster waits in the kernel's buffer, and what does not
 * fit there is dropped there and counted.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ingest.h"

#define PACKET_MAX 65536
#define BATCH 32 /* datagrams under one lock */
#define TURN 32 /* batches */

static void on_point(void *ctx, const struct ingest_point *p, const char *line, size_t n)
{
	struct ingest_receiver *r = ctx;

	ingest_table_put(r->g->table, r->source, p, line, n);
}

static void on_refused(void *ctx, enum ingest_reason why, const char *line, size_t n)
{
	struct ingest_receiver *r = ctx;

	ingest_source_refuse(r->source, why, line, n);
}

static void take(struct ingest_receiver *r, const char *p, size_t n)
{
	const struct ingest_sink sink = {on_point, on_refused, r};

	r->packets++;
	r->bytes += n;
	if (n > PACKET_MAX) /* of a unix socket; the line that was cut would be wrong */
		ingest_source_refuse(r->source, INGEST_MALFORMED, p, PACKET_MAX);
	else
		ingest_statsd(p, n, &sink);
}

/* False: nothing is left. */
static bool take_batch(struct ingest_receiver *r)
{
	int i = 0;

	ingest_enter(r->g);
	for (; i < BATCH; i++) {
		/* The length that it had, not the one that fitted. */
		ssize_t n = recv(r->fd, r->g->packet, PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0)
			break;
		take(r, r->g->packet, (size_t)n);
	}
	ingest_leave(r->g);
	return i == BATCH;
}

static void on_readable(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	for (int i = 0; i < TURN && take_batch(ctx); i++)
		;
}

static uint32_t kernel_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n = sizeof(info);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

void ingest_receive_count(struct ingest_receiver *r)
{
	uint32_t now = kernel_drops(r->fd);

	r->dropped += now - r->kernel; /* wraps as the kernel's does */
	r->kernel = now;
}

int ingest_receive_start(struct sg_ingest *g)
{
	int r = 0;

	g->packet = malloc(PACKET_MAX);
	if (!g->packet)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(g->receivers); i++) {
		struct ingest_receiver *rx = &g->receivers[i];

		if (rx->fd < 0)
			continue;
		rx->kernel = kernel_drops(rx->fd);
		r = sg_loop_fd(g->loop, rx->fd, EPOLLIN, on_readable, rx, NULL);
	}
	return r;
}
