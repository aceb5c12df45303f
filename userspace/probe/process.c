// SPDX-License-Identifier: GPL-2.0
// Processes and signals: see bpf/process.bpf.c.
#include <sgprobe/bpf/process.h>

#include "domain.h"
#include "process_states.h"
#include "signals.h"

SG_DECLARE_OBJECT(process);

static const char *kind(unsigned int i)
{
	static const char *const names[PROCESS_KINDS] = {"process", "thread", "kernel_thread"};

	return names[i];
}

static const char *result(unsigned int i)
{
	static const char *const names[PROCESS_RESULTS] = {"success", "failure", "signal",
							   "core_dump"};

	return names[i];
}

static const char *signal_result(unsigned int i)
{
	static const char *const names[PROCESS_SIGNAL_RESULTS] = {
		"delivered", "ignored", "already_pending", "overflow_fail", "lose_info"};

	return names[i];
}

/* As on x86 and Arm. The ones from 32 on are numbers in the kernel too. */
const char *sg_signal_name(unsigned int i)
{
	static const char *const names[PROCESS_SIGNAL_NUMBERS] = {
		NULL,	    "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",  "SIGTRAP",   "SIGABRT",
		"SIGBUS",   "SIGFPE",  "SIGKILL",   "SIGUSR1", "SIGSEGV", "SIGUSR2",   "SIGPIPE",
		"SIGALRM",  "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",   "SIGTSTP",
		"SIGTTIN",  "SIGTTOU", "SIGURG",    "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF",
		"SIGWINCH", "SIGIO",   "SIGPWR",    "SIGSYS",  "SIGRT32", "SIGRT33",   "SIGRT34",
		"SIGRT35",  "SIGRT36", "SIGRT37",   "SIGRT38", "SIGRT39", "SIGRT40",   "SIGRT41",
		"SIGRT42",  "SIGRT43", "SIGRT44",   "SIGRT45", "SIGRT46", "SIGRT47",   "SIGRT48",
		"SIGRT49",  "SIGRT50", "SIGRT51",   "SIGRT52", "SIGRT53", "SIGRT54",   "SIGRT55",
		"SIGRT56",  "SIGRT57", "SIGRT58",   "SIGRT59", "SIGRT60", "SIGRT61",   "SIGRT62",
		"SIGRT63",  "SIGRT64",
	};

	return names[i];
}

#define TALLY(first) SG_COUNTER, SG_FROM_TALLY, first, .by = PROCESS_TALLY
#define BOTH .dims = SG_DIM_CGROUP | SG_DIM_COMM

static const struct sg_metric_row metrics[] = {
	{"starts_total", TALLY(PROCESS_STARTS), .n = PROCESS_KINDS, .label = "kind", .value = kind,
	 BOTH, .title = "Processes and threads started",
	 .help = "New processes and threads, counted for the one that started them."},
	{"execs_total", TALLY(PROCESS_EXECS), BOTH, .title = "Programs started",
	 .help = "Successful execve calls, counted for the program that was started."},
	{"exits_total", TALLY(PROCESS_EXITS), .n = PROCESS_RESULTS, .label = "result",
	 .value = result, BOTH, .title = "Processes ended",
	 .help = "Processes that ended, by how: with exit code 0 (success), another one "
		 "(failure), or killed by a signal, with a core dump or without."},
	{"lifetime_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, PROCESS_LIFETIME, BOTH,
	 .title = "Process lifetime",
	 .help = "Age of a process when it ended, since the fork that made it; many short ones "
		 "are programs that are started over and over."},
	{"hangs_total", TALLY(PROCESS_HANGS), BOTH, .title = "Hung tasks",
	 .help = "Tasks that the kernel found stuck, asleep without a break for "
		 "kernel.hung_task_timeout_secs."},
	{"signals_total", TALLY(PROCESS_SENT), .n = PROCESS_SIGNAL_NUMBERS, .label = "signal",
	 .value = sg_signal_name, .sparse = true, BOTH, .title = "Signals",
	 .help = "Signals sent, ignored ones too, counted for the one that they were sent to."},
	{"signal_results_total", SG_COUNTER, SG_FROM_COUNTER, PROCESS_SIGNAL_RESULT,
	 PROCESS_SIGNAL_RESULTS, .label = "result", .value = signal_result,
	 .title = "Signals by result", .help = "Signals sent, by what became of them at once."},
	{"renames_total", SG_COUNTER, SG_FROM_COUNTER, PROCESS_RENAMES, .title = "Renames",
	 .help = "Changes of a task's name, by execve, prctl or a write to /proc."},
	{"processes", SG_GAUGE, SG_FROM_TICK, .n = SG_PROCESS_STATES, .label = "state",
	 .value = sg_process_state_name, .title = "Processes by state",
	 .help = "Processes in each state, as last counted in /proc; threads are not told apart."},
};

static const struct sg_program programs[] = {
	{"sched_process_fork", PROCESS_FORK_RUNS},
	{"sched_process_exec", PROCESS_EXEC_RUNS},
	{"sched_process_exit", PROCESS_EXIT_RUNS},
	{"sched_process_hang", PROCESS_HANG_RUNS, .optional = true},
	{"signal_generate", PROCESS_SIGNAL_RUNS},
	{"task_rename", PROCESS_RENAMES},
};

const struct sg_domain sg_domain_process = {
	.name = "process",
	.title = "Processes and signals",
	SG_OBJECT(process),
	.pooled = PROCESS_SIGNALS,
	.counters = PROCESS_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_process),
	.start = sg_process_states_start,
	.tick = sg_process_states_tick,
	.stop = sg_process_states_stop,
};
