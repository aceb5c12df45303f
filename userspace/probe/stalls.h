/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds tasks that stay blocked, in walks over all blocked tasks. A task that left a CPU
 * as often as in the walk before has not moved since. Pure: what a walk saw and the time
 * go in, stalls come out. It is blocked for as long as it was seen to be, so up to the
 * time between two walks longer than said.
 */
#ifndef SG_PROBE_STALLS_H
#define SG_PROBE_STALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <sgprobe/bpf/event.h>

#define SG_STALLS_MAX 1024 /* tasks that are followed at the same time */

struct sg_stall {
	struct sg_event_blocked blocked;
	__u64 since_ns; /* first seen so */
	bool told, seen;
};

struct sg_stalls {
	__u64 limit_ns;
	struct sg_stall *at;
	size_t n, cap;
	__u64 no_room; /* tasks that could not be followed, so far */
};

/* ended: it was told before, and is over. */
typedef void (*sg_stall_cb)(const struct sg_stall *s, bool ended, double seconds, void *ctx);

void sg_stalls_free(struct sg_stalls *s);
void sg_stalls_see(struct sg_stalls *s, const struct sg_event_blocked *b, __u64 now_ns);
/* The walk is over and was whole. */
void sg_stalls_walked(struct sg_stalls *s, __u64 now_ns, sg_stall_cb cb, void *ctx);

#endif
