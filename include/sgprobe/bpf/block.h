/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/block.bpf.c and userspace/probe/block.c share. */
#ifndef SGPROBE_BPF_BLOCK_H
#define SGPROBE_BPF_BLOCK_H

#include <sgprobe/bpf/sgprobe.h>

/* What a request does; the first four are numbered as the kernel's enum req_op. */
enum sg_block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_DISCARD,
	BLOCK_OTHER,
	BLOCK_OPS,
};

/* Rows of the pool: by operation (a) and device (b), or by slot. */
enum sg_block_signal {
	BLOCK_LATENCY,
	BLOCK_QUEUE,
	BLOCK_DEVICE,
	BLOCK_SIZE,
	BLOCK_SLOT_LATENCY,
	BLOCK_SLOT_SIZE,
	BLOCK_SIGNALS,
};

/* Cells of the pool: by operation (a) and device (b); errors: by what it was (a). */
enum sg_block_cell {
	BLOCK_REQUEUES,
	BLOCK_MERGES,
	BLOCK_SEQUENTIAL,
	BLOCK_ERRORS,
};
#define BLOCK_ERRNO 256 /* of an error's number: it is an errno, and not a blk_status_t */

enum sg_block_counter {
	BLOCK_INSERTS = SG_COMMON_COUNTERS,
	BLOCK_ISSUES,
	BLOCK_COMPLETIONS,
	BLOCK_RUNS_REQUEUE,
	BLOCK_RQ_MERGES,
	BLOCK_BACK_MERGES,
	BLOCK_FRONT_MERGES,
	BLOCK_IN_FLIGHT, /* by operation, +1 and -1 */
	BLOCK_COUNTERS = BLOCK_IN_FLIGHT + BLOCK_OPS,
};

#endif
