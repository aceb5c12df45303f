/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The probe process drops the right to attach programs; what its budget takes off
 * a hook and puts back goes through the supervisor, which holds the programs.
 */
#ifndef SG_DAEMON_HOOKS_H
#define SG_DAEMON_HOOKS_H

#include <sgprobe/kept.h>

/* Closes the links of a set. */
void sg_hooks_detach(struct sg_kept *k);
/* Attaches the programs of that set, which has no links, and keeps those. 0, or -errno and none is attached. */
int sg_hooks_attach(struct sg_kept *k, size_t set);

#endif
