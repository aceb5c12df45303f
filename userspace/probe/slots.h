/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's slot numbers mean, and the values of the dimensions that they
 * stand for: cgroup and comm, each a bounded set of names with "other" for the
 * rest. Slots that were idle for long are retired when the table fills up.
 */
#ifndef SG_PROBE_SLOTS_H
#define SG_PROBE_SLOTS_H

#include <stdbool.h>

#include "cgroup.h"
#include "domain.h"
#include "load.h"

enum sg_axis { SG_AXIS_CGROUP, SG_AXIS_COMM, SG_AXES };

/* One value of a dimension. Owned by its axis; per-domain sums hang on it. */
struct sg_value {
	char *name;
	uint64_t used_tick; /* when something was last counted for it */
	void **sums; /* one per domain, struct sg_sums of drain.c */
	struct sg_thread_sums *threads; /* of threads.c, or NULL */
	uint64_t paid_tick; /* when programs last ran on its account: cost.c */
};

struct sg_axis_values {
	const char *label;
	struct sg_map *by_name;
	struct sg_value **values; /* [0] is "other" */
	size_t n, cap, max;
};

enum sg_slot_state { SG_SLOT_FREE, SG_SLOT_USED, SG_SLOT_RETIRING };

struct sg_slot {
	struct sg_slot_key key;
	struct sg_value *at[SG_AXES];
	uint64_t used_tick;
	enum sg_slot_state state;
	bool unnamed; /* the cgroup's name was not found yet */
};

struct sg_slots {
	struct sg_shared *shared;
	struct sg_cgroups *cgroups;
	struct sg_slot *slots; /* shared->slots of them */
	struct sg_axis_values axes[SG_AXES];
	uint64_t tick;
	uint32_t used; /* slots in use, slot 0 not counted */
	uint64_t retired; /* so far */
	uint64_t scan_tick;
};

int sg_slots_new(struct sg_shared *shared, const struct sg_config *cfg, struct sg_slots **ret);
void sg_slots_free(struct sg_slots *t);
SG_DEFINE_AUTO(sg_slots, sg_slots_free)

/*
 * After sg_slots_new on shared maps that another process filled: learns whose the
 * slots are, and goes on with what that one was retiring when it died.
 */
void sg_slots_resume(struct sg_slots *t);

/* A new tick: frees retired slots whose grace is over, retires idle ones when the table is nearly full. */
void sg_slots_tick(struct sg_slots *t);

/* The slot, its use noted; one that is not known yet is looked up in the kernel's table. Never NULL. */
const struct sg_slot *sg_slots_use(struct sg_slots *t, uint32_t number);

/* The value for a cgroup, its use noted; id NULL: "other". Never NULL. */
struct sg_value *sg_slots_cgroup(struct sg_slots *t, const uint64_t *id);

/* Removes values that nothing was counted for in idle ticks. release frees their sums. */
void sg_slots_forget(struct sg_slots *t, uint64_t idle, void (*release)(struct sg_value *v));

#endif
