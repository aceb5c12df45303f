/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loads and attaches a domain and maps what its programs write. The kernel is
 * asked what it can do by trying; never by its version.
 */
#ifndef SG_PROBE_LOAD_H
#define SG_PROBE_LOAD_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#include <sgprobe/file.h>

#include <sgprobe/bpf/bucket.h>
#include <sgprobe/bpf/sgprobe.h>

#include "domain.h"

#define SG_PROGRAMS_MAX 32 /* of a domain */

/* What all domains share: descriptors of the maps, made by the first domain that needs each. */
enum sg_shared_map {
	SG_MAP_STATE,
	SG_MAP_TASKS,
	SG_MAP_TIDS,
	SG_MAP_SLOTS,
	SG_MAP_FREE,
	SG_MAP_POOL_KEYS,
	SG_MAP_POOL_FREE,
	SG_MAP_POOL_FREE_CELLS,
	SG_MAP_POOL_OWNERS,
	SG_MAP_POOL_ROWS,
	SG_MAP_POOL_SUMS,
	SG_MAP_POOL_CELLS,
	SG_SHARED_MAPS
};
struct sg_shared {
	int fd[SG_SHARED_MAPS]; /* -1: not made yet */
	struct sg_bpf_state *state; /* mapped; NULL until the first domain is loaded */
	uint32_t slots, shards;
	uint32_t pool_rows, pool_cells;
	bool private_rows;
	uint64_t bytes; /* that the shared maps take in the kernel, about */
};

void sg_shared_init(struct sg_shared *s, const struct sg_config *cfg);
void sg_shared_free(struct sg_shared *s);

/* One program that is attached. */
struct sg_attached {
	const struct sg_program *program;
	int fd;
	double mean_ns; /* per run, in the last statistics window; 0: not measured yet */
	uint64_t run_ns, run_cnt; /* the kernel's readings at the beginning of the window */
	double unpaid; /* runs whose time was not reported yet */
};

struct sg_loaded {
	const struct sg_domain *domain;
	struct bpf_object *object; /* NULL: not up */
	struct bpf_link *links[SG_PROGRAMS_MAX];
	struct sg_attached attached[SG_PROGRAMS_MAX];
	size_t n_attached;
	const char *variant; /* "tp_btf", "raw_tp", or "" */
	char reason[200]; /* why it is not up, and the cure; "" when it is */
	uint32_t blocks; /* per bank and shard */
	int rows_fd;
	void *rows; /* address space for the whole map, filled in where it is looked at */
	size_t rows_bytes;
	uint8_t *rows_mapped; /* a bit per piece */
	const uint64_t *sums, *counters;
	size_t sums_bytes, counters_bytes;
	struct sg_bpf_limit *limit; /* mapped; NULL: everything is timed */
	size_t limit_bytes;
	uint64_t bytes; /* that its own maps take in the kernel */
	void *state; /* of the domain's own functions */
};

/*
 * 0, or -errno with l->reason filled. A failure leaves nothing behind but the
 * shared maps.
 */
int sg_load(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s);
/* The same by one variant only ("tp_btf", "raw_tp"; NULL: any), for tests. */
int sg_load_as(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s,
	       const char *variant);
/* Unloads what there is of it and keeps why. */
void sg_refuse(struct sg_loaded *l, const struct sg_domain *d, const char *reason);
void sg_unload(struct sg_loaded *l); /* detaches; a zeroed one is fine */

/* Address space for the rows of a map of so many bytes, filled in by sg_load_rows. 0 or -ENOMEM. */
int sg_load_map_rows(struct sg_loaded *l, int fd, size_t bytes);

/*
 * The rows of a block (signals of them) of element e, mapped on first use: the
 * memory of a process counts all that it has mapped. NULL: out of memory.
 */
const struct sg_row *sg_load_rows(struct sg_loaded *l, size_t e);

#endif
