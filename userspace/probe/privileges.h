/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_PROBE_PRIVILEGES_H
#define SG_PROBE_PRIVILEGES_H

#include <stdbool.h>

#include <sgprobe/err.h>

/*
 * Gives up every capability and the right to get any back. can_work tells whether
 * a running probe still can; where it says no, CAP_BPF alone is kept (or
 * CAP_SYS_ADMIN where the kernel does not know CAP_BPF). reads_others: those that it
 * takes to look at the files that other users' processes run stay permitted, and are in
 * effect only between sg_privileges_raise and sg_privileges_restore.
 */
int sg_privileges_drop(bool reads_others, int (*can_work)(void *ctx), void *ctx,
		       struct sg_error *err);

/* Around the opening of such a file. What raise returns is for restore; both do what they can. */
void *sg_privileges_raise(void);
void sg_privileges_restore(void *before);

#endif
