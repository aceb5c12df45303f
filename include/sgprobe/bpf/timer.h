/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/timer.bpf.c and userspace/probe/timer.c share. */
#ifndef SGPROBE_BPF_TIMER_H
#define SGPROBE_BPF_TIMER_H

#include <sgprobe/bpf/sgprobe.h>

/* High-resolution timers by clock, and whether they run in an interrupt or in a softirq; the timer wheel. */
enum sg_timer_kind {
	TIMER_MONOTONIC,
	TIMER_MONOTONIC_SOFT,
	TIMER_REALTIME,
	TIMER_REALTIME_SOFT,
	TIMER_BOOTTIME,
	TIMER_BOOTTIME_SOFT,
	TIMER_TAI,
	TIMER_TAI_SOFT,
	TIMER_OTHER,
	TIMER_WHEEL,
	TIMER_KINDS,
};

/* Fixed blocks, by kind. */
enum sg_timer_block {
	TIMER_LATE,
	TIMER_RUN = TIMER_LATE + TIMER_KINDS,
	TIMER_BLOCKS = TIMER_RUN + TIMER_KINDS,
};

#define TIMER_ITIMERS 3 /* include/uapi/linux/time.h */
#define TIMER_TICK_REASONS 8 /* bits of enum tick_dep_bits, and none */

enum sg_timer_counter {
	TIMER_EXPIRES = SG_COMMON_COUNTERS,
	TIMER_EXITS,
	TIMER_STARTS,
	TIMER_CANCELS,
	TIMER_HR_EXPIRES,
	TIMER_HR_EXITS,
	TIMER_HR_STARTS,
	TIMER_HR_CANCELS,
	TIMER_ITIMER_EXPIRES,
	TIMER_TICK_STOPS = TIMER_ITIMER_EXPIRES + TIMER_ITIMERS,
	TIMER_TICK_KEPT,
	TIMER_COUNTERS = TIMER_TICK_KEPT + TIMER_TICK_REASONS,
};

#endif
