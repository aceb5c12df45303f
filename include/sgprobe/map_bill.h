/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the maps of the kernel side will take of kernel memory on this host with these
 * settings: reckoned from the programs' files, before anything is loaded.
 */
#ifndef SGPROBE_MAP_BILL_H
#define SGPROBE_MAP_BILL_H

#include <sgprobe/config.h>

#define SG_MAP_BILL_MAX 64

struct sg_map_bill {
	uint64_t total; /* bytes */
	uint64_t shared; /* of these, what all domains share */
	size_t n;
	struct {
		const char *domain; /* a constant */
		uint64_t bytes; /* of its own maps */
	} of[SG_MAP_BILL_MAX]; /* of domains that are switched on */
};

/* 0, or -errno: a file cannot be read (-EINVAL) or there is no memory. */
int sg_map_bill(const struct sg_config *cfg, struct sg_map_bill *b);
/* "56 MB of kernel memory: shared 30 MB, sched 12 MB, ...", the largest first. */
void sg_map_bill_print(struct sg_buf *b, const struct sg_map_bill *bill);
/* 0, or -E2BIG with a sentence: it is more than probe.max_map_memory. */
int sg_map_bill_check(const struct sg_map_bill *bill, const struct sg_config *cfg,
		      struct sg_error *err);

#endif
