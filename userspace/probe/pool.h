/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pool as user space sees it: what the numbers that programs handed out stand
 * for, and what was counted under them since the last tick. Layout: sg_pool_key in
 * <sgprobe/bpf/sgprobe.h>. Numbers of what was idle for long are taken back when
 * there are few left.
 */
#ifndef SG_PROBE_POOL_H
#define SG_PROBE_POOL_H

#include "drain.h"

enum sg_pool_state { SG_POOL_FREE, SG_POOL_USED, SG_POOL_RETIRING };

/* What a number stands for. */
struct sg_pool_item {
	struct sg_pool_key key;
	char name[SG_KEY_NAME_LEN]; /* as the kernel gave it; untrusted */
	enum sg_pool_state state;
	uint64_t used_tick;
};

struct sg_pool {
	struct sg_shared *shared;
	struct sg_slots *slots;
	struct sg_drain *const *drains; /* of the domains; NULL where one is not up */
	struct sg_domain
		domain; /* the pool as a domain: a fixed block per row, a counter per cell */
	struct sg_loaded loaded;
	struct sg_drain *drain;
	struct sg_pool_item *rows, *cells; /* shared->pool_rows, shared->pool_cells of them */
	uint32_t rows_used, cells_used;
	uint64_t retired; /* so far */
	uint64_t scan_tick;
};

/*
 * NULL in *ret and 0 when no domain that is up uses it. drains: one per domain, to
 * stay where they are; their pool is set.
 */
int sg_pool_new(struct sg_shared *shared, struct sg_slots *slots, struct sg_drain **drains,
		struct sg_pool **ret);
void sg_pool_free(struct sg_pool *p);

/* How much memory what was seen of it takes. */
size_t sg_pool_seen_bytes(const struct sg_shared *s);
/* Takes what is in a bank as seen and reports none of it. */
void sg_pool_skip(struct sg_pool *p, uint32_t bank);

/* A new tick: takes back what was idle for long. Before any domain is read. */
void sg_pool_tick(struct sg_pool *p);
/* Reads the closed bank and adds what is counted per slot to the domains' sums. */
void sg_pool_read(struct sg_pool *p, uint32_t bank);
/* After all domains were emitted. */
void sg_pool_clear(struct sg_pool *p);

/* What belongs to a metric of a domain: the next number after *at (begin with 0), or 0. */
uint32_t sg_pool_next_row(const struct sg_pool *p, size_t domain, unsigned int signal, uint32_t at);
uint32_t sg_pool_next_cell(const struct sg_pool *p, size_t domain, unsigned int signal,
			   uint32_t at);

/*
 * For the loader: makes the keys under which a domain counts what finds no room, in
 * the kernel's table, before its programs run. 0 or -errno.
 */
int sg_pool_prepare(const struct sg_shared *s, const struct sg_domain *d, size_t index);
/* Once, by the first domain that uses the pool: all numbers are free. */
int sg_pool_fill(const struct sg_shared *s);

#endif
