/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/process.bpf.c and userspace/probe/process.c share. */
#ifndef SGPROBE_BPF_PROCESS_H
#define SGPROBE_BPF_PROCESS_H

#include <sgprobe/bpf/sgprobe.h>

#define PROCESS_KINDS 3 /* what is started: process, thread, kernel thread */
#define PROCESS_RESULTS 4 /* how a process ends: success, failure, signal, core dump */
#define PROCESS_SIGNAL_NUMBERS 65 /* 1 to 64 */
#define PROCESS_SIGNAL_RESULTS 5 /* enum in include/trace/events/signal.h */

enum sg_process_signal {
	PROCESS_LIFETIME, /* by slot */
	PROCESS_TALLY, /* by slot: enum sg_process_tally */
	PROCESS_SIGNALS,
};

enum sg_process_tally {
	PROCESS_STARTS,
	PROCESS_EXECS = PROCESS_STARTS + PROCESS_KINDS,
	PROCESS_EXITS,
	PROCESS_HANGS = PROCESS_EXITS + PROCESS_RESULTS,
	PROCESS_SENT, /* by number of the signal */
	PROCESS_TALLIES = PROCESS_SENT + PROCESS_SIGNAL_NUMBERS,
};

enum sg_process_counter {
	PROCESS_FORK_RUNS = SG_COMMON_COUNTERS,
	PROCESS_EXEC_RUNS,
	PROCESS_EXIT_RUNS,
	PROCESS_RENAMES,
	PROCESS_HANG_RUNS,
	PROCESS_SIGNAL_RUNS,
	PROCESS_SIGNAL_RESULT,
	PROCESS_COUNTERS = PROCESS_SIGNAL_RESULT + PROCESS_SIGNAL_RESULTS,
};

#endif
