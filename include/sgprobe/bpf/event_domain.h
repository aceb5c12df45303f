/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/event.bpf.c and userspace/probe/event.c share. */
#ifndef SGPROBE_BPF_EVENT_DOMAIN_H
#define SGPROBE_BPF_EVENT_DOMAIN_H

#include <sgprobe/bpf/event.h>
#include <sgprobe/bpf/sgprobe.h>

enum sg_event_counter {
	EVENT_TASKS = SG_COMMON_COUNTERS,
	EVENT_COUNTERS,
};

#endif
