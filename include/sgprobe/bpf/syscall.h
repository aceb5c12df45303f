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

enum sg_syscall_signal { SYSCALL_LATENCY, SYSCALL_SIGNALS };

enum sg_syscall_counter {
	SYSCALL_ENTERS = SG_COMMON_COUNTERS,
	SYSCALL_THREAD_EXITS,
	SYSCALL_STRAYS, /* returns of calls that were not seen to begin */
	SYSCALL_CALLS, /* those that returned */
	SYSCALL_ERRORS = SYSCALL_CALLS + SYSCALL_ROWS,
	SYSCALL_RESTARTS = SYSCALL_ERRORS + SYSCALL_ROWS,
	SYSCALL_UNFINISHED = SYSCALL_RESTARTS + SYSCALL_ROWS,
	SYSCALL_COUNTERS = SYSCALL_UNFINISHED + SYSCALL_ROWS,
};

#endif
