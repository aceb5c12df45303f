/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of cgroups by id, as people know them: a systemd unit, a container, a
 * pod's container, else the path. The id is what the kernel calls the cgroup id:
 * the inode number of its directory.
 */
#ifndef SG_PROBE_CGROUP_H
#define SG_PROBE_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#include <sgprobe/mem.h>
#include <sgprobe/series.h>

#define SG_CGROUPS_MAX 4096
#define SG_CGROUP_NAME_MAX (SG_LABEL_VALUE_MAX + 1)

struct sg_cgroups;

/*
 * root: where cgroup2 is mounted; NULL or "": as /proc/self/mountinfo says. Without
 * one every name but the root's is "id:N". 0, -ENOMEM, or -errno when root is given
 * and cannot be opened.
 */
int sg_cgroups_new(const char *root, struct sg_cgroups **ret);
void sg_cgroups_free(struct sg_cgroups *c); /* NULL is fine */
SG_DEFINE_AUTO(sg_cgroups, sg_cgroups_free)

/*
 * Never NULL; valid UTF-8 of at most SG_LABEL_VALUE_MAX bytes; valid until
 * SG_CGROUPS_MAX other ids were asked for. A known id costs one hash lookup. An
 * unknown one is opened by its file handle or, where that is not allowed, looked
 * for in the tree, which is walked at most once a tick, for at most 50 ms, and for
 * at most 1 % of all time. A removed cgroup keeps its name while it is cached; one that came and went before
 * it could be seen is "id:N".
 */
const char *sg_cgroups_name(struct sg_cgroups *c, uint64_t id);

/* A new tick: the tree may be walked again. Without it, a second must pass. */
void sg_cgroups_tick(struct sg_cgroups *c);

/* The name of a path below the mount ("/system.slice/ssh.service"); pure. */
void sg_cgroup_path_name(const char *path, char out[SG_CGROUP_NAME_MAX]);

#endif
