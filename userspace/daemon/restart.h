/* SPDX-License-Identifier: GPL-2.0 */
/* When a child is started again and when it counts as hung. Pure. */
#ifndef SG_DAEMON_RESTART_H
#define SG_DAEMON_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define SG_RESTART_MIN_NS                                                                          \
	100000000ULL /* after the second death in a row; at once after the first */
#define SG_RESTART_MAX_NS 5000000000ULL /* doubled up to this */
#define SG_RESTART_CALM_NS 20000000000ULL /* one that ran this long starts anew at the minimum */
#define SG_HUNG_NS 60000000000ULL

struct sg_restart {
	uint32_t count; /* restarts so far */
	uint64_t delay_ns; /* of the last one */
};
/* The child died after it ran for ran_ns: how long to wait. */
uint64_t sg_restart_after(struct sg_restart *r, uint64_t ran_ns);

struct sg_watch {
	uint64_t beat_ns; /* last sign of life */
	uint64_t looked_ns; /* last call of sg_watch_hung; 0: none */
};
/*
 * Call about once a second. True: no beat for SG_HUNG_NS while it could have
 * given one. stopped: it is in state T (SIGSTOP, a debugger), which is not its
 * fault; nor is a pause of the caller itself, seen as a gap between two calls.
 */
bool sg_watch_hung(struct sg_watch *w, uint64_t now_ns, bool stopped);

/*
 * Whether a child that was given what the one before had left can work with it: one
 * that dies early does not, and two in a row are no accident.
 */
#define SG_TRUST_EARLY_NS 10000000000ULL
struct sg_trust {
	uint32_t early; /* deaths in a row */
};
/* A child died. given: it had been given something; worked: it had done its work. True: what is left is to be dropped. */
bool sg_trust_lost(struct sg_trust *t, bool given, bool worked, uint64_t ran_ns);

#endif
