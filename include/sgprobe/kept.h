/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What outlives the probe process: descriptors of what it made in the kernel, and
 * of memory. The supervisor keeps them while no probe process runs, so that the
 * programs stay attached and count on, and gives them to the next one. It looks at
 * none: what they are is checked by who takes them over.
 */
#ifndef SGPROBE_KEPT_H
#define SGPROBE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SG_KEPT_NAME 64 /* with its NUL */
#define SG_KEPT_PARTS 128 /* of a set, all passed in one message; the kernel takes 253 */
#define SG_KEPT_SETS 64 /* what all domains share, and one for each domain */

enum sg_kept_kind {
	SG_KEPT_MAP,
	SG_KEPT_PROGRAM,
	SG_KEPT_LINK,
	SG_KEPT_MEMORY,
	SG_KEPT_KINDS,
};

struct sg_kept_part {
	uint32_t kind; /* enum sg_kept_kind */
	char name[SG_KEPT_NAME];
};

/* What belongs together. Empty when zeroed. */
struct sg_kept {
	uint32_t n;
	char variant[SG_KEPT_NAME];
	struct sg_kept_part parts[SG_KEPT_PARTS];
	int fds[SG_KEPT_PARTS];
};

struct sg_kept_sets {
	struct sg_kept *sets[SG_KEPT_SETS]; /* NULL: nothing */
};

/* Appends a part; fd stays whose it was. 0, or -E2BIG: too many, or the name too long. */
int sg_kept_add(struct sg_kept *k, enum sg_kept_kind kind, const char *name, int fd);
/* The descriptor of a part, from now on the caller's; -1: there is none. */
int sg_kept_take(struct sg_kept *k, enum sg_kept_kind kind, const char *name);
/* Whether a set whose n is within bounds is one: kinds that exist, names that end. */
bool sg_kept_valid(const struct sg_kept *k);
void sg_kept_close(struct sg_kept *k); /* closes what was not taken; empty then */

/* Takes over what is in k in place of what the set had before. 0, or -errno: k is closed. */
int sg_kept_put(struct sg_kept_sets *s, size_t set, struct sg_kept *k);
bool sg_kept_any(const struct sg_kept_sets *s);
void sg_kept_drop(struct sg_kept_sets *s); /* closes and frees all */

#endif
