// SPDX-License-Identifier: GPL-2.0
// System calls: see bpf/syscall.bpf.c.
#include <stdio.h>

#include <sgprobe/bpf/syscall.h>

#include "domain.h"

SG_DECLARE_OBJECT(syscall);

static const char *syscall_name(unsigned int i)
{
	static const char *const names[SYSCALL_ROWS] = {
#define SYSCALL_NAME(nr, name) [nr] = name,
#include "syscall_names.def"
#undef SYSCALL_NAME
		[SYSCALL_COMPAT] = "compat",
		[SYSCALL_OTHER] = "other",
	};

	return names[i];
}

static const char *futex_op_name(unsigned int i)
{
	static const char *const names[FUTEX_OPS] = {
		"wait",		  "wake",	 "fd",		"requeue",
		"cmp_requeue",	  "wake_op",	 "lock_pi",	"unlock_pi",
		"trylock_pi",	  "wait_bitset", "wake_bitset", "wait_requeue_pi",
		"cmp_requeue_pi", "lock_pi2",	 "other",
	};

	return names[i];
}

static void file_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	static const char *const ops[SYSCALL_FILE_OPS] = {"read", "write", "open", "fsync"};

	snprintf(out->value[0], sizeof(out->value[0]), "%s", name);
	if (key->a < SYSCALL_FILE_OPS)
		snprintf(out->value[1], sizeof(out->value[1]), "%s", ops[key->a]);
}

static void port_label(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	(void)name;
	if (key->kind == SG_KEY_LABELS)
		snprintf(out->value[0], sizeof(out->value[0]), "%u", (unsigned int)key->b);
}

#define PER_OP .n = FUTEX_OPS, .label = "op", .value = futex_op_name, .sparse = true
#define PER_CALL .n = SYSCALL_ROWS, .label = "syscall", .value = syscall_name, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"latency_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, PER_CALL, .by = SYSCALL_LATENCY,
	 .dims = SG_DIM_CGROUP | SG_DIM_COMM, .title = "System call latency",
	 .help = "Time from the entry of a system call to its return."},
	{"calls_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_CALLS, PER_CALL,
	 .plus = SYSCALL_UNFINISHED, .title = "System calls",
	 .help = "System calls that returned, or ended with their thread; one that is restarted "
		 "counts each time."},
	{"errors_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_ERRORS, PER_CALL,
	 .title = "System call errors", .help = "System calls that returned an error."},
	{"restarts_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_RESTARTS, PER_CALL,
	 .title = "System call restarts",
	 .help = "System calls that a signal interrupted, to be restarted or to end as EINTR."},
	{"unfinished_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_UNFINISHED, PER_CALL,
	 .title = "Unfinished system calls",
	 .help = "System calls in which their thread ended, such as exit_group."},
	{"file_seconds", SG_HISTOGRAM, SG_FROM_KEYS, SYSCALL_FILE, .label = "filesystem",
	 .label2 = "op", .key = file_labels, .title = "File operations",
	 .help = "Time of system calls that read, write, open or fsync a file or directory and "
		 "succeed, by type of file system."},
	{"accept_wait_seconds", SG_HISTOGRAM, SG_FROM_KEYS, SYSCALL_ACCEPT, .label = "port",
	 .key = port_label, .title = "Accept wait",
	 .help = "Time that a TCP connection was established before accept() returned it, in the "
		 "kernel's timer ticks."},
	{"futex_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, SYSCALL_FUTEX, PER_OP,
	 .title = "Futex time",
	 .help = "Time from the entry of futex() to its return, by operation."},
	{"futex_wait_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SYSCALL_FUTEX_WAIT,
	 .dims = SG_DIM_CGROUP | SG_DIM_COMM, .title = "Futex waits",
	 .help = "Time that threads waited in futex() for another thread, such as for a lock of "
		 "their program."},
	{"futex_calls_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_FUTEX_CALLS, PER_OP,
	 .title = "Futex calls", .help = "Calls of futex() that returned, by operation."},
	{"futex_timeouts_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_FUTEX_TIMEOUTS, PER_OP,
	 .title = "Futex timeouts",
	 .help = "Waits in futex() that ended because their time was over."},
	{"futex_changed_total", SG_COUNTER, SG_FROM_COUNTER, SYSCALL_FUTEX_CHANGED, PER_OP,
	 .title = "Futex waits not begun",
	 .help = "Calls of futex() that returned EAGAIN, for a wait mostly because the value had "
		 "changed already."},
};

static const struct sg_program programs[] = {
	{"sys_enter", SYSCALL_ENTERS, .rate = SG_HOT, .paid_by = SG_PAID_BY(SYSCALL_LATENCY)},
	{"sys_exit", SYSCALL_STRAYS, 1 + SYSCALL_ROWS, .rate = SG_HOT,
	 .paid_by = SG_PAID_BY(SYSCALL_LATENCY)},
	{"sched_process_exit", SYSCALL_THREAD_EXITS},
};

const struct sg_domain sg_domain_syscall = {
	.name = "syscall",
	.title = "System calls",
	SG_OBJECT(syscall),
	.slot_blocks = true,
	.signals = SYSCALL_SIGNALS,
	.pooled = SYSCALL_SIGNALS_END - SYSCALL_SIGNALS,
	.fixed_blocks = SYSCALL_BLOCKS,
	.counters = SYSCALL_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.limited = true,
	.enabled = offsetof(struct sg_config, domain_syscall),
};
