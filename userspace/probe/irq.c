// SPDX-License-Identifier: GPL-2.0
// Interrupts: see bpf/irq.bpf.c.
#include <stdio.h>

#include <sgprobe/bpf/irq.h>

#include "domain.h"

SG_DECLARE_OBJECT(irq);

static const char *vector_name(unsigned int i)
{
	static const char *const names[IRQ_VECTORS] = {
		"hi",	    "timer",   "net_tx", "net_rx",  "block",
		"irq_poll", "tasklet", "sched",	 "hrtimer", "rcu",
	};

	return names[i];
}

/* Several handlers may share a number: the first that was seen lends its name. */
static void irq_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	snprintf(out->value[0], sizeof(out->value[0]), "%u", key->a);
	snprintf(out->value[1], sizeof(out->value[1]), "%s", name);
}

#define PER_VECTOR .n = IRQ_VECTORS, .label = "vector", .value = vector_name, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"softirq_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, IRQ_SOFT_RUN, PER_VECTOR,
	 .title = "Softirq time", .help = "Time that a softirq ran."},
	{"softirq_wait_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, IRQ_SOFT_WAIT, PER_VECTOR,
	 .title = "Softirq wait",
	 .help = "Time from when a softirq was raised until it ran on that CPU."},
	{"softirq_raises_total", SG_COUNTER, SG_FROM_COUNTER, IRQ_RAISES, PER_VECTOR,
	 .title = "Softirqs raised", .help = "Times that a softirq was raised."},
	{"softirqs_total", SG_COUNTER, SG_FROM_COUNTER, IRQ_SOFT_ENTRIES, PER_VECTOR,
	 .title = "Softirqs", .help = "Times that a softirq ran, each counted."},
	{"hardirqs_total", SG_COUNTER, SG_FROM_COUNTER, IRQ_HARD_ENTRIES,
	 .title = "Hard interrupts",
	 .help = "Times that the handler of a device's interrupt ran, each counted."},
	{"hardirq_seconds", SG_HISTOGRAM, SG_FROM_KEYS, IRQ_HARD_RUN, .label = "irq",
	 .label2 = "name", .key = irq_labels, .title = "Hard interrupt time",
	 .help = "Time that the handler of a device's interrupt ran."},
	{"stolen_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, IRQ_STOLEN,
	 .dims = SG_DIM_CGROUP | SG_DIM_COMM, .title = "Time stolen by interrupts",
	 .help = "Time that interrupts and softirqs took from the task that they interrupted."},
};

static const struct sg_program programs[] = {
	{"softirq_raise", IRQ_RAISES, IRQ_VECTORS, .rate = SG_HOT},
	{"softirq_entry", IRQ_SOFT_ENTRIES, IRQ_VECTORS, .rate = SG_HOT},
	{"softirq_exit", IRQ_SOFT_EXITS, .rate = SG_HOT},
	{"irq_handler_entry", IRQ_HARD_ENTRIES, .rate = SG_HOT},
	{"irq_handler_exit", IRQ_HARD_EXITS, .rate = SG_HOT},
};

const struct sg_domain sg_domain_irq = {
	.name = "irq",
	.title = "Interrupts",
	SG_OBJECT(irq),
	.signals = IRQ_BLOCK_SIGNALS,
	.pooled = IRQ_SIGNALS_END - IRQ_BLOCK_SIGNALS,
	.fixed_blocks = IRQ_BLOCKS,
	.counters = IRQ_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.limited = true,
	.enabled = offsetof(struct sg_config, domain_irq),
};
