/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the probes that a user names have counted. It lies in one map, which is memory
 * to this process: no right is needed to read it, and what was reported lies there too,
 * so that the next probe process goes on where this one ended.
 */
#ifndef SG_PROBE_NAMED_READ_H
#define SG_PROBE_NAMED_READ_H

#include <sgprobe/frame.h>
#include <sgprobe/named.h>

struct sg_named_reader;

/* Takes fd over. probes: for how many it was made. */
int sg_named_reader_new(int fd, uint32_t probes, struct sg_named_reader **ret);
void sg_named_reader_free(struct sg_named_reader *r); /* NULL is fine */

/* Called for a probe that runs more often than max_rate in a second: it must be taken off. */
typedef void (*sg_named_hot_cb)(uint64_t id, double rate, void *ctx);

/* Adds what was counted since the last time. 0, -ENOMEM or -ENOSPC. */
int sg_named_read(struct sg_named_reader *r, uint64_t max_rate, sg_named_hot_cb hot, void *ctx,
		  struct sg_frame *f);
/* CPU time that they took in the last tick, about. */
double sg_named_cost(const struct sg_named_reader *r);

#endif
