// SPDX-License-Identifier: GPL-2.0
// The CPU scheduler: see bpf/sched.bpf.c.
#include <sgprobe/bpf/sched.h>

#include "domain.h"

SG_DECLARE_OBJECT(sched);

static const char *off_reason(unsigned int i)
{
	static const char *const names[] = {"blocked", "preempted"};

	return names[i];
}

#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"runqueue_latency_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_RUNQUEUE, .dims = BOTH,
	 .title = "Run-queue latency",
	 .help = "Time from when a task could run (woken, new or preempted) until it ran."},
	{"oncpu_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_ONCPU, .dims = BOTH,
	 .title = "On-CPU time", .help = "Time that a task ran without a break."},
	{"offcpu_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, SCHED_OFF_BLOCKED, 2, .dims = BOTH,
	 .label = "reason", .value = off_reason, .title = "Off-CPU time",
	 .help = "Time from when a task left a CPU until it ran again, by why it left: it waited "
		 "for something (blocked) or could have gone on (preempted)."},
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
	{"sched_switch", SCHED_SWITCHES, .rate = SG_HOT},
	{"sched_wakeup", SCHED_WAKEUPS, .rate = SG_HOT},
	{"sched_wakeup_new", SCHED_WAKEUPS_NEW},
	{"sched_migrate_task", SCHED_MIGRATIONS, .rate = SG_BUSY},
	{"sched_process_fork", SCHED_FORKS},
	{"sched_process_exit", SCHED_EXITS},
};

const struct sg_domain sg_domain_sched = {
	.name = "sched",
	.title = "CPU scheduler",
	SG_OBJECT(sched),
	.slot_blocks = true,
	.limited = true,
	.signals = SCHED_SIGNALS,
	.counters = SCHED_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_sched),
};
