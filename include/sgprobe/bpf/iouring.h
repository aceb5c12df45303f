/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/iouring.bpf.c and userspace/probe/iouring.c share. */
#ifndef SGPROBE_BPF_IOURING_H
#define SGPROBE_BPF_IOURING_H

#include <sgprobe/bpf/sgprobe.h>

/* Operations by number, then those that are newer than this table. Fixed blocks. */
enum sg_iouring_op { IOURING_OP_OTHER = 63, IOURING_OPS };

enum sg_iouring_signal {
	IOURING_BLOCK_SIGNALS = 1,
	IOURING_LATENCY = IOURING_BLOCK_SIGNALS, /* by slot */
	IOURING_SIGNALS_END,
};

enum sg_iouring_counter {
	IOURING_UNMATCHED = SG_COMMON_COUNTERS, /* completions of what was not seen to begin */
	IOURING_REQUESTS,
	IOURING_COMPLETIONS = IOURING_REQUESTS + IOURING_OPS,
	IOURING_ERRORS = IOURING_COMPLETIONS + IOURING_OPS,
	IOURING_PUNTED = IOURING_ERRORS + IOURING_OPS,
	IOURING_OVERFLOWS = IOURING_PUNTED + IOURING_OPS,
	IOURING_POLL_ARMS,
	IOURING_SHORT_WRITES,
	IOURING_TASK_WORK_RUNS,
	IOURING_TASK_WORK,
	IOURING_LOCAL_WORK_RUNS,
	IOURING_LOCAL_WORK,
	IOURING_COUNTERS,
};

#endif
