/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader that has read already: what the selectors of many expressions want of one range, in one
 * pass of the store, where each query would walk through the range by itself.
 */
#ifndef REPORT_PREFETCH_H
#define REPORT_PREFETCH_H

#include <sgprobe/reader.h>

#define PREFETCH_SELECTORS 64

struct prefetch {
	struct sg_reader reader; /* first: for queries within the range; select alone */
	struct sg_points_set set;
	struct sg_selector sels[PREFETCH_SELECTORS];
	size_t n;
};

/* Adds an expression's selectors. -EINVAL, -E2BIG, -ENOMEM. */
int prefetch_add(struct prefetch *p, const char *expr, struct sg_arena *arena,
		 struct sg_error *err);
/* Reads (from_ms, to_ms] of all of them, into the arena. */
int prefetch_read(struct prefetch *p, struct sg_reader *r, int64_t from_ms, int64_t to_ms,
		  uint64_t deadline_ns, struct sg_arena *arena, struct sg_error *err);
void prefetch_free(struct prefetch *p); /* what is in the arena stays */

#endif
