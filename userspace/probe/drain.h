/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads what a domain's programs wrote since the last tick: finds the rows that
 * changed, subtracts what it saw before, and adds up for the host and for each
 * value of the dimensions, all from the same reading. What it saw before lies in
 * memory that can outlive the process (struct sg_loaded, seen), so that the next
 * one counts on where this one ended.
 */
#ifndef SG_PROBE_DRAIN_H
#define SG_PROBE_DRAIN_H

#include "load.h"
#include "slots.h"

#define SG_IDLE_TICKS 300 /* a series that counted nothing for so long ends */

/* One count of a tally. */
struct sg_acc_count {
	struct sg_series *series;
	uint64_t used_tick;
};

/* One histogram of one tick, dense, and the series it is reported as. */
struct sg_acc {
	struct sg_series *series; /* NULL until it is first reported */
	struct sg_acc_count *each; /* of a tally: its first n_each counts; else NULL */
	size_t n_each;
	uint64_t used_tick;
	uint64_t count, sum_ns; /* of cells the sum alone: what they counted */
	struct sg_worst worst; /* the slowest event; ns 0: none is known */
	uint16_t lo, hi; /* buckets in use, when count > 0 */
	uint32_t buckets[SG_BUCKETS];
};

/* The histograms of a domain for one value of a dimension: one per signal, NULL until used. */
struct sg_sums {
	size_t n;
	struct sg_acc *acc[];
};

/* To which histograms a row adds. */
struct sg_targets {
	struct sg_acc *acc[1 + SG_AXES];
	size_t n;
};

struct sg_pool;
struct sg_worsts;
struct sg_drain {
	struct sg_loaded *loaded;
	struct sg_slots *slots;
	size_t index; /* of the domain; of its sums in struct sg_value */
	/* As those of sg_load, in its memory of what was seen; of rows, what was read is real memory. */
	uint64_t *prev_counters, *prev_sums;
	struct sg_row *prev_rows;
	uint64_t *counted; /* counters: what this tick added */
	uint64_t *counter_tick; /* when that was last not 0; 0: never */
	struct sg_series **counter_series;
	struct sg_series *
		*count_series; /* of SG_FROM_BLOCK_COUNT, SG_FROM_KEY_COUNT: per fixed block */
	struct sg_series **sum_series; /* of SG_FROM_KEY_SUM, likewise */
	struct sg_acc **host; /* per signal: over all slots */
	struct sg_acc **blocks; /* per fixed block */
	struct sg_acc **touched; /* what this tick added to */
	size_t n_touched, cap_touched;
	uint64_t
		missing; /* rows that could not be read for lack of memory; they are read the next time */
	struct sg_pool *pool; /* NULL: there is none */
	struct sg_worsts *worsts; /* NULL: nobody asks for them */
	uint64_t torn; /* slowest events that were being written each time that they were read */
	/* Of the pool: where a row adds to; false: no memory, and it is read the next time. */
	bool (*route)(void *ctx, uint32_t block, struct sg_targets *t);
	void *route_ctx;
	uint64_t pool_balance; /* as balance, of its signals in the pool */
	uint64_t balance; /* difference between fixed blocks and slots that was left, must be 0 */
};

int sg_drain_new(struct sg_loaded *l, struct sg_slots *slots, size_t index, struct sg_drain **ret);
void sg_drain_free(struct sg_drain *d);
SG_DEFINE_AUTO(sg_drain, sg_drain_free)

/* Reads the closed bank. */
void sg_drain_read(struct sg_drain *d, uint32_t bank);
/* Takes what is in a bank as seen and reports none of it. */
void sg_drain_skip(struct sg_drain *d, uint32_t bank);
/* How much memory what was seen takes. */
size_t sg_drain_seen_bytes(const struct sg_shared *s, const struct sg_domain *dom, uint32_t blocks);

/* Again, adding to what this tick read already. */
void sg_drain_read_more(struct sg_drain *d, uint32_t bank);

/* For a route: the fixed block itself; or what a slot stands for, in the sums of another drain. */
bool sg_drain_target_block(struct sg_drain *d, uint32_t block, struct sg_targets *t);
bool sg_drain_target_slot(struct sg_drain *d, struct sg_drain *to, uint32_t slot, size_t signal,
			  struct sg_targets *t);
/* Forgets the series of a fixed block; not between reading and clearing. */
void sg_drain_drop_block(struct sg_drain *d, uint32_t block);

/* Adds a sample for every metric of the domain, from what was read. 0, -ENOMEM or -ENOSPC. */
int sg_drain_emit(struct sg_drain *d, struct sg_frame *f);

/* Empties the histograms of this tick; emit ends with it, for their owners may go any time. */
void sg_drain_clear(struct sg_drain *d);

/* Frees the sums that hang on a value of a dimension. */
void sg_drain_release(struct sg_value *v);

/* Names of enum sg_common_counter, as reasons of sgprobe_dropped_total; NULL: nothing was lost. */
extern const char *const sg_drop_reasons[SG_COMMON_COUNTERS];

#endif
