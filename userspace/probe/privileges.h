/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_PROBE_PRIVILEGES_H
#define SG_PROBE_PRIVILEGES_H

#include <sgprobe/err.h>

/*
 * Gives up every capability and the right to get any back. can_work tells whether
 * a running probe still can; where it says no, CAP_BPF alone is kept (or
 * CAP_SYS_ADMIN where the kernel does not know CAP_BPF).
 */
int sg_privileges_drop(int (*can_work)(void *ctx), void *ctx, struct sg_error *err);

#endif
