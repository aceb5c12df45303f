/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attaches a probe that a user names. For a process with all rights that does this one
 * thing and ends; what it made are descriptors, which somebody else holds. The file that
 * is probed is parsed in a process of its own that can do nothing but compute.
 */
#ifndef SGPROBE_NAMED_ATTACH_H
#define SGPROBE_NAMED_ATTACH_H

#include <sgprobe/named.h>

#define SG_NAMED_LINKS 64 /* of a probe */

/* What all of them share; all -1 before the first. */
enum sg_named_base {
	SG_NAMED_PROG_ENTRY,
	SG_NAMED_PROG_RETURN,
	SG_NAMED_PROG_EVENT,
	SG_NAMED_MAP_CONFIGS,
	SG_NAMED_MAP_CELLS,
	SG_NAMED_MAP_VALUES,
	SG_NAMED_MAP_CALLS,
	SG_NAMED_LINK_EXIT,
	SG_NAMED_BASES,
};

struct sg_named_job {
	struct sg_named probe;
	uint64_t id; /* sg_named_config.id */
	uint64_t max_rate; /* calls a second; above it in the first moments it is taken off */
	uint32_t max_probes;
};

struct sg_named_result {
	int32_t r; /* 0 or -errno; -EBUSY: it ran too often */
	uint32_t sites, n_links;
	char message[400]; /* why not; or, r == 0, what it does not do */
	int links[SG_NAMED_LINKS];
};

/* Loads what is missing of base (all or nothing) and attaches; always fills res. */
void sg_named_attach(const struct sg_named_job *job, int base[SG_NAMED_BASES],
		     struct sg_named_result *res);
/* No call is counted from here on under this number. */
void sg_named_forget(const int base[SG_NAMED_BASES], uint64_t id);

#endif
