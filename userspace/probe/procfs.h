/* SPDX-License-Identifier: GPL-2.0 */
/* The machine's own metrics from /proc. Single threaded; owned by the probe. */
#ifndef SG_PROBE_PROCFS_H
#define SG_PROBE_PROCFS_H

#include <sgprobe/frame.h>

struct sg_procfs;
int sg_procfs_new(const char *proc_root, struct sg_procfs **ret);
void sg_procfs_free(struct sg_procfs *p);
SG_DEFINE_AUTO(sg_procfs, sg_procfs_free)
/* Adds all samples; their memory is the object's until the next call. A file that cannot be read is left out. */
int sg_procfs_tick(struct sg_procfs *p, struct sg_frame *f);

#endif
