/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a metric is, apart from its values: the catalogue that the API, the
 * dashboard, the CLI and the manual are made from. A metric is one row in the
 * table of the part that measures it; nothing else lists it.
 */
#ifndef SGPROBE_METRIC_H
#define SGPROBE_METRIC_H

#include <sgprobe/series.h>
#include <sgprobe/str.h>

enum sg_dim { SG_DIM_CGROUP = 1 << 0, SG_DIM_COMM = 1 << 1 };

struct sg_metric_info {
	const char *name; /* full: "sgprobe_sched_runqueue_latency_seconds" */
	const char *title; /* for people: "Run-queue latency" */
	const char *help; /* one sentence */
	const char *unit; /* "seconds", "bytes", "" */
	const char *label; /* natural labels in ascending order, or NULL: "syscall", "irq,name" */
	const char *group; /* domain or source: "sched", "proc", "self" */
	const char *of; /* for dimension metrics: the host's metric; else NULL */
	const char *dim; /* for dimension metrics: the label added, "cgroup" or "comm"; else NULL */
	enum sg_type type;
};

/*
 * Calls cb for every metric that this binary knows, dimension metrics included,
 * in table order; stops when cb returns non-zero and returns that. The strings
 * live as long as the process, except during cb for dimension metrics' names.
 */
typedef int (*sg_metric_cb)(const struct sg_metric_info *m, void *ctx);
int sg_metrics_each(sg_metric_cb cb, void *ctx);

/* The catalogue's JSON object of a metric; labels are an array too. */
void sg_metric_json(struct sg_buf *b, const struct sg_metric_info *m);

/* What a metric of a domain is measured in, which its name says: "seconds", "bytes" or "". */
const char *sg_metric_unit(const char *name);

/*
 * Of these more is worse. How long tasks ran, slept or were connected is work, not speed;
 * a size is neither.
 */
bool sg_metric_is_latency(const struct sg_metric_info *m);

/* What people call a group: "CPU scheduler" for "sched"; NULL for one that is not known. */
const char *sg_group_title(const char *group);

#endif
