/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/workqueue.bpf.c and userspace/probe/workqueue.c share. */
#ifndef SGPROBE_BPF_WORKQUEUE_H
#define SGPROBE_BPF_WORKQUEUE_H

#include <sgprobe/bpf/sgprobe.h>

/* Rows of the pool, by workqueue. */
enum sg_workqueue_signal { WORKQUEUE_WAIT, WORKQUEUE_RUN, WORKQUEUE_SIGNALS_END };

/* Cells of the pool, by function. */
enum sg_workqueue_cell { WORKQUEUE_FUNCTION_NS };

enum sg_workqueue_counter {
	WORKQUEUE_QUEUED = SG_COMMON_COUNTERS,
	WORKQUEUE_STARTS,
	WORKQUEUE_ENDS,
	WORKQUEUE_UNMATCHED, /* starts that were not seen to be queued */
	WORKQUEUE_COUNTERS,
};

#endif
