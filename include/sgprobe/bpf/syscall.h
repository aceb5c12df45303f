/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/syscall.bpf.c and userspace/probe/syscall.c share. */
#ifndef SGPROBE_BPF_SYSCALL_H
#define SGPROBE_BPF_SYSCALL_H

#include <sgprobe/bpf/sgprobe.h>

/* Rows: one per system call number, then what has no number of its own. */
#define SYSCALL_NUMBERS 512
enum sg_syscall_row {
	SYSCALL_COMPAT = SYSCALL_NUMBERS, /* of another table: ia32, x32, 32-bit arm */
	SYSCALL_OTHER, /* number out of range */
	SYSCALL_ROWS,
};

/* Operations of futex(), by number, then those that have none. Fixed blocks after the rows. */
enum sg_futex_op { FUTEX_OP_OTHER = 14, FUTEX_OPS };
enum sg_syscall_block { SYSCALL_FUTEX = SYSCALL_ROWS, SYSCALL_BLOCKS = SYSCALL_FUTEX + FUTEX_OPS };

enum sg_syscall_signal {
	SYSCALL_LATENCY,
	SYSCALL_SIGNALS,
	SYSCALL_FUTEX_WAIT = SYSCALL_SIGNALS, /* of the pool, by slot */
	SYSCALL_FILE, /* of the pool, by enum sg_file_op (a) and type of file system (b) */
	SYSCALL_ACCEPT, /* by port (b) */
	SYSCALL_SIGNALS_END,
};

enum sg_file_op {
	SYSCALL_FILE_READ,
	SYSCALL_FILE_WRITE,
	SYSCALL_FILE_OPEN,
	SYSCALL_FILE_SYNC,
	SYSCALL_FILE_OPS,
	SYSCALL_FILE_ACCEPT = SYSCALL_FILE_OPS, /* none on a file */
	SYSCALL_FILE_NONE,
};

enum sg_syscall_counter {
	SYSCALL_ENTERS = SG_COMMON_COUNTERS,
	SYSCALL_THREAD_EXITS,
	SYSCALL_STRAYS, /* returns of calls that were not seen to begin */
	SYSCALL_CALLS, /* those that returned */
	SYSCALL_ERRORS = SYSCALL_CALLS + SYSCALL_ROWS,
	SYSCALL_RESTARTS = SYSCALL_ERRORS + SYSCALL_ROWS,
	SYSCALL_UNFINISHED = SYSCALL_RESTARTS + SYSCALL_ROWS,
	SYSCALL_FUTEX_CALLS = SYSCALL_UNFINISHED + SYSCALL_ROWS,
	SYSCALL_FUTEX_TIMEOUTS = SYSCALL_FUTEX_CALLS + FUTEX_OPS,
	SYSCALL_FUTEX_CHANGED = SYSCALL_FUTEX_TIMEOUTS + FUTEX_OPS,
	SYSCALL_COUNTERS = SYSCALL_FUTEX_CHANGED + FUTEX_OPS,
};

#endif
