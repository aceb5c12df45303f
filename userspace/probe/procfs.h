/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine's own numbers from /proc, once per tick, as samples of a frame.
 * Counters become differences; the first reading of a counter is its base, and one
 * that goes backwards starts anew. A source that cannot be read (absent, broken)
 * costs its own series and nothing else, and is tried again. Single threaded.
 */
#ifndef SG_PROBE_PROCFS_H
#define SG_PROBE_PROCFS_H

#include <sgprobe/frame.h>
#include <sgprobe/metric.h>

#define SG_PROCFS_DEVICES_MAX 64 /* per source; further ones are added up as device="other" */

struct sg_procfs;

/* root: "/proc", or a folder of files like it. Files are opened here and kept open. 0 or -ENOMEM. */
int sg_procfs_new(const char *root, struct sg_procfs **ret);
void sg_procfs_free(struct sg_procfs *p); /* NULL is fine */
SG_DEFINE_AUTO(sg_procfs, sg_procfs_free)

/*
 * Reads everything and adds its samples to f; their strings are valid until the
 * next call. 0, or the first error of sg_frame_add_value. How many sources failed
 * in this tick (absent ones do not count) tells sg_procfs_failed.
 */
int sg_procfs_tick(struct sg_procfs *p, struct sg_frame *f);
unsigned int sg_procfs_failed(const struct sg_procfs *p);

/* Every metric of this part, for sg_metrics_each. */
int sg_procfs_metrics_each(sg_metric_cb cb, void *ctx);

#endif
