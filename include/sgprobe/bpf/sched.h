/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/sched.bpf.c and userspace/probe/sched.c share. */
#ifndef SGPROBE_BPF_SCHED_H
#define SGPROBE_BPF_SCHED_H

#include <sgprobe/bpf/sgprobe.h>

enum sg_sched_signal {
	SCHED_RUNQUEUE,
	SCHED_ONCPU,
	SCHED_OFF_BLOCKED, /* in the order of enum sg_off - 1 */
	SCHED_OFF_PREEMPTED,
	SCHED_SIGNALS,
	SCHED_THROTTLE = SCHED_SIGNALS, /* of the pool, by slot */
	SCHED_SIGNALS_END,
};

/* Cells of the pool: ns that a cgroup's threads waited for a CPU on which another's ran. */
enum sg_sched_cell { SCHED_WAITED_FOR };
#define SCHED_NOBODY                                                                               \
	0xffffU /* in the place of a cgroup's number: nobody ran, or who is not known */

enum sg_off { SG_ON_CPU, SG_OFF_BLOCKED, SG_OFF_PREEMPTED, SG_OFF_NEW };

enum sg_sched_counter {
	SCHED_SWITCHES = SG_COMMON_COUNTERS,
	SCHED_VOLUNTARY,
	SCHED_INVOLUNTARY,
	SCHED_WAKEUPS,
	SCHED_WAKEUPS_NEW,
	SCHED_MIGRATIONS,
	SCHED_FORKS,
	SCHED_EXITS,
	SCHED_WALKED,
	SCHED_UNTHROTTLES,
	SCHED_UNTHROTTLED,
	SCHED_COUNTERS,
};

#endif
