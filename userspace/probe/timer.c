// SPDX-License-Identifier: GPL-2.0
// Timers: see bpf/timer.bpf.c.
#include <sgprobe/bpf/timer.h>

#include "domain.h"

SG_DECLARE_OBJECT(timer);

static const char *kind_name(unsigned int i)
{
	static const char *const names[TIMER_KINDS] = {
		[TIMER_MONOTONIC] = "monotonic",
		[TIMER_MONOTONIC_SOFT] = "monotonic_soft",
		[TIMER_REALTIME] = "realtime",
		[TIMER_REALTIME_SOFT] = "realtime_soft",
		[TIMER_BOOTTIME] = "boottime",
		[TIMER_BOOTTIME_SOFT] = "boottime_soft",
		[TIMER_TAI] = "tai",
		[TIMER_TAI_SOFT] = "tai_soft",
		[TIMER_OTHER] = "other",
		[TIMER_WHEEL] = "wheel",
	};

	return names[i];
}

static const char *itimer_name(unsigned int i)
{
	static const char *const names[TIMER_ITIMERS] = {"real", "virtual", "prof"};

	return names[i];
}

static const char *tick_reason(unsigned int i)
{
	static const char *const names[TIMER_TICK_REASONS] = {
		"none",		  "posix_timer", "perf_events", "sched",
		"clock_unstable", "rcu",	 "rcu_exp",	"other",
	};

	return names[i];
}

#define PER_KIND .n = TIMER_KINDS, .label = "kind", .value = kind_name, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"lateness_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, TIMER_LATE, PER_KIND,
	 .title = "Timer lateness",
	 .help = "How long after its time a timer expired, the slack that its owner allowed "
		 "included; of the timer wheel in whole jiffies."},
	{"handler_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, TIMER_RUN, PER_KIND,
	 .title = "Timer handler time", .help = "Time that the handler of a timer ran."},
	{"starts_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_STARTS, .title = "Timers started",
	 .help = "Timers that were put into the timer wheel, such as timeouts."},
	{"cancels_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_CANCELS, .title = "Timers cancelled",
	 .help = "Timers of the timer wheel that were called off; some kernels count those that expire too."},
	{"hrtimer_starts_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_HR_STARTS,
	 .title = "High-resolution timers started",
	 .help = "High-resolution timers that were started, such as sleeps."},
	{"hrtimer_cancels_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_HR_CANCELS,
	 .title = "High-resolution timers cancelled",
	 .help = "High-resolution timers that were called off; some kernels count those that expire too."},
	{"itimer_expires_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_ITIMER_EXPIRES,
	 .n = TIMER_ITIMERS, .label = "which", .value = itimer_name, .sparse = true,
	 .title = "Interval timers expired",
	 .help = "Interval timers of setitimer() and alarm() that expired."},
	{"tick_stops_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_TICK_STOPS,
	 .title = "Ticks stopped", .help = "Times that an idle or lone CPU stopped its tick."},
	{"tick_kept_total", SG_COUNTER, SG_FROM_COUNTER, TIMER_TICK_KEPT, .n = TIMER_TICK_REASONS,
	 .label = "dependency", .value = tick_reason, .sparse = true, .title = "Ticks kept",
	 .help = "Times that a CPU could not stop its tick, by what depends on it."},
};

static const struct sg_program programs[] = {
	{"hrtimer_expire_entry", TIMER_HR_EXPIRES},
	{"hrtimer_expire_exit", TIMER_HR_EXITS},
	{"timer_expire_entry", TIMER_EXPIRES},
	{"timer_expire_exit", TIMER_EXITS},
	{"timer_start", TIMER_STARTS},
	{"timer_cancel", TIMER_CANCELS},
	{"hrtimer_start", TIMER_HR_STARTS},
	{"hrtimer_cancel", TIMER_HR_CANCELS},
	{"itimer_expire", TIMER_ITIMER_EXPIRES, TIMER_ITIMERS, .optional = true},
	{"tick_stop", TIMER_TICK_STOPS, 1 + TIMER_TICK_REASONS, .optional = true},
};

const struct sg_domain sg_domain_timer = {
	.name = "timer",
	.title = "Timers",
	SG_OBJECT(timer),
	.signals = 1,
	.fixed_blocks = TIMER_BLOCKS,
	.counters = TIMER_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_timer),
};
