/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A loaded domain as a set of descriptors, and back: what a probe process hands
 * over before it can die, and what the next one makes of it. A set may come from
 * a process that was taken over, so all of it is checked.
 */
#ifndef SG_PROBE_KEEP_H
#define SG_PROBE_KEEP_H

#include "load.h"

/* Fill an empty set; the descriptors in it stay s's and l's. 0 or -E2BIG. */
int sg_shared_keep(const struct sg_shared *s, struct sg_kept *k);
int sg_loaded_keep(const struct sg_loaded *l, struct sg_kept *k);

/*
 * Take what they need from k. -errno: it is not what it must be, and s (after
 * sg_shared_init) or l is as if nothing had been tried. The caller closes the rest of k.
 */
int sg_shared_adopt(struct sg_shared *s, struct sg_kept *k);
int sg_loaded_adopt(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s,
		    struct sg_kept *k);

#endif
