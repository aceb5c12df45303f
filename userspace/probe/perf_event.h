/* SPDX-License-Identifier: GPL-2.0 */
/* perf events that programs are attached to. */
#ifndef SG_PROBE_PERF_EVENT_H
#define SG_PROBE_PERF_EVENT_H

#include <linux/perf_event.h>

/* The number of a kind of event that the kernel numbers when it starts: "uprobe", "kprobe". -errno: it has none. */
int sg_event_type(const char *pmu);
/* Opens one that runs its programs each time; whatever the task and CPU. A descriptor, or -errno. */
int sg_event_open(struct perf_event_attr *attr);

#endif
