/* SPDX-License-Identifier: GPL-2.0 */
/* The different members of a set in the last seconds, by hash. */
#ifndef SG_INGEST_MEMBERS_H
#define SG_INGEST_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ingest_members { /* zero-initialise */
	size_t n, cap; /* cap: a power of two, or 0 */
	struct ingest_member {
		uint64_t hash; /* 0: free */
		int64_t t_ms; /* when it came last */
	} * slots;
};

/* 1: it is new; 0: it was there; -ENOMEM. */
int ingest_members_put(struct ingest_members *m, uint64_t hash, int64_t t_ms);
/* Forgets what came last at t_ms or before. How many that were. */
size_t ingest_members_forget(struct ingest_members *m, int64_t t_ms);
void ingest_members_free(struct ingest_members *m);

#endif
