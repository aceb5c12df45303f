// SPDX-License-Identifier: GPL-2.0
// The CPU scheduler: see bpf/sched.bpf.c.
#include <sgprobe/bpf/sched.h>
#include <sgprobe/bpf/threads.h>

#include "domain.h"
#include "threads.h"

SG_DECLARE_OBJECT(sched);

static const char *off_reason(unsigned int i)
{
	static const char *const names[] = {"blocked", "preempted"};

	return names[i];
}

#define STATES (SG_THREAD_STATES - 1)
#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"runqueue_latency_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_RUNQUEUE, .dims = BOTH,
	 .title = "Run-queue latency",
	 .help = "Time from when a task could run (woken, new or preempted) until it ran."},
	{"oncpu_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_ONCPU, .dims = BOTH,
	 .title = "On-CPU time", .help = "Time that a task ran without a break."},
	{"throttle_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_THROTTLE, .dims = SG_DIM_CGROUP,
	 .title = "CPU throttling",
	 .help = "Times that a cgroup, its CPU quota used up, was kept off a CPU. Needs a kernel "
		 "whose functions can be hooked."},
	{"offcpu_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_OFF_BLOCKED, 2, .dims = BOTH,
	 .label = "reason", .value = off_reason, .title = "Off-CPU time",
	 .help = "Time from when a task left a CPU until it ran again, by why it left: it waited "
		 "for something (blocked) or could have gone on (preempted)."},
	{"thread_seconds_total", SG_COUNTER, SG_FROM_TICK, .n = STATES, .dims = SG_DIM_CGROUP,
	 .label = "state", .value = sg_thread_state_name, .title = "Where thread time went",
	 .help = "Time of all threads by what they did: ran (running), waited for a CPU (runnable), "
		 "for the quota of their cgroup (throttled), for a disk, the network, a lock, memory "
		 "(page fault, reclaim), were interrupted (stolen), or waited for anything else "
		 "(sleeping); together it is the number of threads times the time that passed."},
	{"threads", SG_GAUGE, SG_FROM_TICK, 0, .dims = SG_DIM_CGROUP, .title = "Threads",
	 .help = "Threads that are not zombies, those of the kernel too."},
	{"culprit_seconds_total", SG_COUNTER, SG_FROM_PAIRS, SCHED_WAITED_FOR, .label = "victim",
	 .label2 = "culprit", .title = "Who kept whom from a CPU",
	 .help = "Time that threads of one cgroup waited for a CPU while threads of another (or the "
		 "same) ran on it; none: nobody did, or it is not known who. Waits under 8 us are "
		 "left out."},
	{"switches_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_SWITCHES, .title = "Context switches",
	 .help = "Context switches, as ctxt in /proc/stat."},
	{"voluntary_switches_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_VOLUNTARY,
	 .title = "Voluntary switches", .help = "Switches away from a task that blocked or ended."},
	{"involuntary_switches_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_INVOLUNTARY,
	 .title = "Involuntary switches",
	 .help = "Switches away from a task that could have gone on."},
	{"wakeups_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_WAKEUPS, .title = "Wake-ups",
	 .help = "Tasks woken, new ones not counted."},
	{"migrations_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_MIGRATIONS, .title = "Migrations",
	 .help = "Moves of a task to another CPU."},
	{"forks_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_FORKS, .title = "Forks",
	 .help = "New processes and threads."},
	{"exits_total", SG_COUNTER, SG_FROM_COUNTER, SCHED_EXITS, .title = "Exits",
	 .help = "Processes and threads that ended."},
};

static const struct sg_program programs[] = {
	{"sched_switch", SCHED_SWITCHES, .rate = SG_HOT, .paid_by = SG_PAID_BY(SCHED_ONCPU)},
	{"sched_wakeup", SCHED_WAKEUPS, .rate = SG_HOT, .paid_by = SG_PAID_BY(SCHED_RUNQUEUE)},
	{"sched_wakeup_new", SCHED_WAKEUPS_NEW},
	{"sched_migrate_task", SCHED_MIGRATIONS, .rate = SG_BUSY},
	{"sched_process_fork", SCHED_FORKS},
	{"sched_process_exit", SCHED_EXITS},
	{"sched_threads", SCHED_WALKED, .walk = true},
	{"unthrottle_cfs_rq", SCHED_UNTHROTTLES, .function = "unthrottle_cfs_rq"},
	{"unthrottle_cfs_rq_end", SCHED_UNTHROTTLED, .function = "unthrottle_cfs_rq",
	 .at_return = true},
};

const struct sg_domain sg_domain_sched = {
	.name = "sched",
	.title = "CPU scheduler",
	SG_OBJECT(sched),
	.slot_blocks = true,
	.limited = true,
	.signals = SCHED_SIGNALS,
	.pooled = SCHED_SIGNALS_END - SCHED_SIGNALS,
	.counters = SCHED_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_sched),
};
