/* SPDX-License-Identifier: GPL-2.0 */
/* The tiers: what a sample stands for, and how much time a segment spans. */
#ifndef STORE_TIERS_H
#define STORE_TIERS_H

#include <stddef.h>
#include <stdint.h>

#define SG_TIERS 4

struct sg_tier {
	int64_t res_ms; /* of a sample */
	int64_t span_ms; /* of a segment, which begins and ends at multiples of it */
	double share; /* of the bytes of all, when they are too many */
};

static const struct sg_tier sg_tiers[SG_TIERS] = {
	{1000, 600000, 0.6},
	{10000, 1800000, 0.2},
	{60000, 7200000, 0.15},
	{3600000, 86400000, 0.05},
};

/* What a segment's chunks have for ids: [sg_chunk_id(segment, 0), sg_chunk_id(segment + 1, 0)). */
static inline int64_t sg_chunk_id(int64_t segment, uint32_t series)
{
	return (int64_t)((uint64_t)segment << 32 | series);
}

#endif
