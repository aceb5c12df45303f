// SPDX-License-Identifier: GPL-2.0
// Waits for the kernel's own locks: see bpf/lock.bpf.c.
#include <sgprobe/bpf/lock.h>

#include "domain.h"

SG_DECLARE_OBJECT(lock);

static const char *type_name(unsigned int i)
{
	static const char *const names[LOCK_TYPES] = {
		[LOCK_SPIN] = "spinlock",
		[LOCK_RWLOCK_READ] = "rwlock_read",
		[LOCK_RWLOCK_WRITE] = "rwlock_write",
		[LOCK_MUTEX] = "mutex",
		[LOCK_RWSEM_READ] = "rwsem_read",
		[LOCK_RWSEM_WRITE] = "rwsem_write",
		[LOCK_RT_MUTEX] = "rt_mutex",
		[LOCK_RT_READ] = "rt_read",
		[LOCK_RT_WRITE] = "rt_write",
		[LOCK_PERCPU_READ] = "percpu_rwsem_read",
		[LOCK_PERCPU_WRITE] = "percpu_rwsem_write",
	};

	return names[i];
}

#define PER_TYPE .n = LOCK_TYPES, .label = "type", .value = type_name, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"wait_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, LOCK_SPIN, PER_TYPE, .by = LOCK_WAIT,
	 .dims = SG_DIM_CGROUP | SG_DIM_COMM, .title = "Kernel lock waits",
	 .help = "Time that a task, or an interrupt on top of it, waited for a lock inside the "
		 "kernel that another held."},
	{"failed_total", SG_COUNTER, SG_FROM_COUNTER, LOCK_FAILED, PER_TYPE,
	 .title = "Kernel lock waits given up",
	 .help = "Waits for a lock inside the kernel that ended without it, by a signal or to "
		 "avoid a deadlock."},
	{"unmatched_total", SG_COUNTER, SG_FROM_COUNTER, LOCK_UNMATCHED,
	 .title = "Kernel lock waits not timed",
	 .help = "Waits for a lock inside the kernel whose beginning was not seen."},
};

static const struct sg_program programs[] = {
	{"contention_begin", LOCK_BEGINS},
	{"contention_end", LOCK_ENDS},
};

const struct sg_domain sg_domain_lock = {
	.name = "lock",
	.title = "Kernel locks",
	SG_OBJECT(lock),
	.slot_blocks = true,
	.signals = LOCK_SIGNALS,
	.fixed_blocks = LOCK_TYPES,
	.counters = LOCK_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_lock),
};
