/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of taking in, and what they share. */
#ifndef SG_INGEST_INGEST_H
#define SG_INGEST_INGEST_H

#include <pthread.h>

#include <sgprobe/ingest.h>
#include <sgprobe/loop.h>
#include <sgprobe/tick.h>

#include "table.h"

struct ingest_receiver { /* of one datagram socket; counters under the lock */
	struct sg_ingest *g;
	const char *name;
	int fd; /* borrowed; -1 */
	struct ingest_source *source;
	uint64_t packets, bytes, cut; /* cut: longer than PACKET_MAX */
	uint64_t dropped; /* by the kernel, as its receive buffer was full */
	uint64_t told[3]; /* of packets, bytes, dropped: in frames so far */
	uint32_t kernel; /* what the kernel's counter was last */
};

struct ingest_scrapes;

struct sg_ingest {
	const struct sg_config *cfg;
	pthread_mutex_t turn; /* held while one waits for the next */
	pthread_mutex_t lock; /* of everything but the thread and its loop */
	struct ingest_table *table;
	struct ingest_source statsd, prometheus, influx;
	struct ingest_receiver receivers[2];
	struct ingest_scrapes *scrapes; /* NULL: none */
	uint64_t lost_frames;
	uint64_t session, seq;
	struct sg_tick tick;
	struct sg_frame *frame;
	/* the thread */
	pthread_t thread;
	bool started;
	int wake_fd;
	struct sg_loop *loop;
	char *packet;
};

/* The table under the lock, its clock set. */
void ingest_enter(struct sg_ingest *g);
void ingest_leave(struct sg_ingest *g);

/* receive.c: in the thread */
int ingest_receive_start(struct sg_ingest *g);
/* Asks the kernel what it dropped. Under the lock. */
void ingest_receive_count(struct ingest_receiver *r);

/* self.c: what sgprobe says of all this, into the frame. Under the lock. */
void ingest_self(struct sg_ingest *g, struct sg_frame *f);

/* Calls cb for every source there is. Under the lock. */
void ingest_each_source(struct sg_ingest *g, void (*cb)(void *ctx, struct ingest_source *s),
			void *ctx);

#endif
