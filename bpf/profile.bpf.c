// SPDX-License-Identifier: GPL-2.0
/*
 * What the CPUs do: the clock of each interrupts it some dozens of times a second, and
 * the stack that it finds is sent to user space.
 */
#include <sgprobe/bpf/profile.h>

#define SG_NO_ROWS
#define SG_COUNTERS PROFILE_COUNTERS

#include "stack.bpf.h"

SEC("perf_event")
int cpu_clock(void *ctx)
{
	__u32 part = sg_part();

	sg_count(part, PROFILE_SAMPLES, 1, false);
	if (!bpf_get_current_pid_tgid())
		return 0; /* the idle task, where the kernel does not leave it out itself */
	if (!sg_stack_send(ctx, sg_cfg(sample_ns)))
		sg_count(part, PROFILE_DROPPED, 1, false);
	return 0;
}
