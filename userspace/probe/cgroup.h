/* SPDX-License-Identifier: GPL-2.0 */
/* Names of cgroups by their id (the inode of their folder in cgroup2). Single threaded. */
#ifndef SG_PROBE_CGROUP_H
#define SG_PROBE_CGROUP_H

#include <sgprobe/mem.h>
#include <stdint.h>

struct sg_cgroups;
/* root: where cgroup2 is mounted; "" finds it in /proc/self/mountinfo. A missing cgroup2 is no error: names are "id:N". */
int sg_cgroups_new(const char *root, struct sg_cgroups **ret);
void sg_cgroups_free(struct sg_cgroups *c);
SG_DEFINE_AUTO(sg_cgroups, sg_cgroups_free)
/*
 * "/", "/foo/bar", "nginx.service", "docker-<12 hex>". Looks the tree up again when the id is
 * unknown, at most once per second; "id:N" until found. A removed cgroup keeps its last name. The string
 * lives as long as the object.
 */
const char *sg_cgroups_name(struct sg_cgroups *c, uint64_t id);

#endif
