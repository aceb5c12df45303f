/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The governor: keeps what watching costs within probe.budget, whatever the load.
 *
 * Two bounds. Inside the programs of a limited domain (bpf/lib/limit.bpf.h), at once:
 * of each tick only so many events are timed. And here, over seconds: while the cost
 * that was measured is above the budget, the costliest domain loses detail, a step at
 * a time, at last its programs; when the host is calm again it gets them back, one by
 * one and later each time that this proves too early. Counts are exact in every step
 * but the last.
 *
 * Pure: no clock, no kernel; one call per tick.
 */
#ifndef SG_PROBE_GOVERNOR_H
#define SG_PROBE_GOVERNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sgprobe/bpf/sgprobe.h>

#define SG_GOVERNED_MAX 64 /* domains */
#define SG_GOVERNOR_HOT 3 /* ticks above the budget, and between two steps down */
#define SG_GOVERNOR_PATIENCE 30 /* ticks above it before programs are taken off their hooks */
#define SG_GOVERNOR_CALM                                                                           \
	60 /* ticks well below it before a step up; doubled after each that was too early */

/* How much of a domain is left. Domains that are not limited know the first and the last only. */
#define SG_GOVERNOR_REASON 160

enum sg_step { SG_STEP_FULL, SG_STEP_SAMPLED, SG_STEP_SPARSE, SG_STEP_OFF, SG_STEPS };

/* What is known of a domain in this tick. */
struct sg_governed {
	bool up; /* it can be governed: its programs run, or the governor took them away */
	bool limited;
	double cost_ns; /* CPU time of its programs in this tick */
};

struct sg_governor {
	uint64_t budget_ns; /* per tick of a second, of all CPUs; 0: everything is left as it is */
	uint64_t tick, changed_tick;
	double total_ns; /* what watching took in this tick */
	unsigned int hot, calm; /* ticks in a row */
	struct {
		enum sg_step step;
		uint64_t shed_tick; /* of the last step down */
		double cost_ns; /* that it had then */
		unsigned int wait; /* calm ticks before the next step up */
		char reason
			[SG_GOVERNOR_REASON]; /* why it is not full, one sentence; "" when it is */
	} at[SG_GOVERNED_MAX];
};

/*
 * The tick's decision: the number of the domain whose step changed, or -1. own_ns: CPU
 * time of the process itself. n at most SG_GOVERNED_MAX.
 */
int sg_governor_tick(struct sg_governor *g, const struct sg_governed *d, size_t n, double own_ns);

/* The limit of a limited domain in a step: of each tick so many events per shard are all timed, then one in 2^shift. */
struct sg_bpf_limit sg_governor_limit(uint64_t budget_ns, enum sg_step step, uint32_t shards);

const char *sg_step_name(enum sg_step s); /* "full", "sampled", "sparse", "off" */

#endif
