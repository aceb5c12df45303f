// SPDX-License-Identifier: GPL-2.0
// Work items of the kernel: see bpf/workqueue.bpf.c.
#include <stdio.h>

#include <sgprobe/bpf/workqueue.h>

#include "domain.h"

SG_DECLARE_OBJECT(workqueue);

static void name_label(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	snprintf(out->value[0], sizeof(out->value[0]), "%s", name);
}

#define PER_WORKQUEUE .label = "workqueue", .key = name_label

static const struct sg_metric_row metrics[] = {
	{"wait_seconds", SG_HISTOGRAM, SG_FROM_KEYS, WORKQUEUE_WAIT, PER_WORKQUEUE,
	 .title = "Work queued",
	 .help = "Time that a work item of the kernel waited in its workqueue until it ran."},
	{"run_seconds", SG_HISTOGRAM, SG_FROM_KEYS, WORKQUEUE_RUN, PER_WORKQUEUE,
	 .title = "Work run time", .help = "Time that a work item of the kernel ran."},
	{"function_seconds_total", SG_COUNTER, SG_FROM_CELLS, WORKQUEUE_FUNCTION_NS,
	 .label = "function", .key = name_label, .title = "Work run time by function",
	 .help = "Time that work items of the kernel ran, by the function that they call."},
	{"queued_total", SG_COUNTER, SG_FROM_COUNTER, WORKQUEUE_QUEUED,
	 .title = "Work items queued", .help = "Work items that were put into a workqueue."},
	{"executed_total", SG_COUNTER, SG_FROM_COUNTER, WORKQUEUE_STARTS, .title = "Work items run",
	 .help = "Work items that began to run."},
	{"unmatched_total", SG_COUNTER, SG_FROM_COUNTER, WORKQUEUE_UNMATCHED,
	 .title = "Work items not timed",
	 .help = "Work items that ran without a latency: sampled, or queued before the probe."},
};

static const struct sg_program programs[] = {
	{"workqueue_queue_work", WORKQUEUE_QUEUED},
	{"workqueue_execute_start", WORKQUEUE_STARTS},
	{"workqueue_execute_end", WORKQUEUE_ENDS},
};

const struct sg_domain sg_domain_workqueue = {
	.name = "workqueue",
	.title = "Workqueues",
	SG_OBJECT(workqueue),
	.pooled = WORKQUEUE_SIGNALS_END,
	.counters = WORKQUEUE_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.limited = true,
	.enabled = offsetof(struct sg_config, domain_workqueue),
};
