/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/profile.bpf.c and userspace/probe/profile.c share. */
#ifndef SGPROBE_BPF_PROFILE_H
#define SGPROBE_BPF_PROFILE_H

#include <sgprobe/bpf/sgprobe.h>
#include <sgprobe/bpf/stack.h>

enum sg_profile_counter {
	PROFILE_SAMPLES = SG_COMMON_COUNTERS,
	PROFILE_DROPPED, /* no room in the ring */
	PROFILE_COUNTERS,
};

#endif
