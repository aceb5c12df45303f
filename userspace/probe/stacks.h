/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads the stacks that domains send (<sgprobe/bpf/stack.h>), names their frames and adds
 * them up until a record is due. Done after the frame of the tick is on its way: it may
 * take longer, and what a process was called must be asked before it has ended.
 */
#ifndef SG_PROBE_STACKS_H
#define SG_PROBE_STACKS_H

#include <sgprobe/config.h>
#include <sgprobe/profile.h>

#include "load.h"

struct sg_stacks;
/* NULL and 0 when none of the domains sends any. */
int sg_stacks_new(const struct sg_config *cfg, const struct sg_loaded *l, size_t n,
		  struct sg_stacks **ret);
/*
 * The stacks of another ring too, which are none of the profile: cb has each, named, in
 * sg_stacks_tick, as struct sg_stack has frames. 0 or -errno.
 */
typedef void (*sg_stacks_cb)(uint32_t number, uint64_t value_ns, const char *const *frames,
			     size_t n, size_t n_kernel, void *ctx);
int sg_stacks_listen(struct sg_stacks *s, int ring, sg_stacks_cb cb, void *ctx);
void sg_stacks_free(struct sg_stacks *s);
SG_DEFINE_AUTO(sg_stacks, sg_stacks_free)

/* Takes in what there is. How many stacks found no room, since the last call. */
uint64_t sg_stacks_tick(struct sg_stacks *s);
/* 1: a record was due and is appended to b; 0; -errno: what was gathered is lost. */
int sg_stacks_take(struct sg_stacks *s, const struct sg_profile_head *now, struct sg_buf *b);

/* One event of the ring: taken as it is, or -EBADMSG. For the former and tests. */
int sg_stacks_add(struct sg_stacks *s, enum sg_profile_kind kind, const void *p, size_t n);

#endif
