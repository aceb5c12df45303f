/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/offcpu.bpf.c and userspace/probe/offcpu.c share. */
#ifndef SGPROBE_BPF_OFFCPU_H
#define SGPROBE_BPF_OFFCPU_H

#include <sgprobe/bpf/sgprobe.h>
#include <sgprobe/bpf/stack.h>

enum sg_offcpu_counter {
	OFFCPU_SWITCHES = SG_COMMON_COUNTERS, /* runs of the two programs */
	OFFCPU_LEAVES,
	OFFCPU_WAITS, /* above the threshold */
	OFFCPU_LIMITED, /* of these, left out */
	OFFCPU_DROPPED, /* no room in the ring */
	OFFCPU_OVERWRITTEN, /* of two tasks that want the same place the later one has it */
	OFFCPU_COUNTERS,
};

#endif
