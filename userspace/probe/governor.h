/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The governor: how much of what happens is timed, so that the cost stays within
 * probe.budget whatever the load. Counts are always exact.
 */
#ifndef SG_PROBE_GOVERNOR_H
#define SG_PROBE_GOVERNOR_H

#include "load.h"

/* The limit of one limited domain: of each tick so many events per shard are all timed, then one in 2^shift. */
struct sg_bpf_limit sg_governor_limit(uint64_t budget_ns, uint32_t shards);

/* Tells the programs of every domain that is up and limited. */
void sg_governor_apply(struct sg_loaded *loaded, size_t n, uint64_t budget_ns, uint32_t shards);

#endif
