// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "label.h"
#include "slots.h"

/*
 * Where a slot's number is (and likewise one of the pool). It is in exactly one of these places, and whoever takes
 * it out of one of them alone decides where it goes next:
 *
 *   in the queue    a program pops it: it is that program's
 *   a program's     for the microseconds until it has put it into the table, or back
 *                   into the queue when another was quicker
 *   in the table    until this file deletes its key: it is retiring
 *   retiring        until the grace is over and this file pushes it to the queue
 *
 * Only the last place is this process' own, so it lies in memory that outlives it:
 * shared->retiring[number] is set before the key is deleted and cleared before the
 * number is pushed. Therefore a number that is marked is neither in the queue nor a
 * program's, whenever this process dies; and if its key is still in the table, it
 * was not deleted yet. Whoever goes on (sg_slots_resume) need not look at the queue,
 * and programs may pop and push all the while. Marks that are left get a grace anew.
 * What can be lost is one number, by a death between the clearing and the push that
 * follows at once; the other order could give it out twice.
 */

#define IDLE_TICKS 60 /* a slot that counted nothing for so long may be retired */
#define GRACE_TICKS 2 /* until no program in flight can still add to a retired slot */
#define RENAME_TICKS 10 /* how often an unknown cgroup is asked for again */
#define SCAN_TICKS 60 /* finds slots that were handed out and never counted in */
#define LABEL_CAP (SG_LABEL_VALUE_MAX + 1)

static int value_eq(const void *entry, const void *key)
{
	return strcmp(((const struct sg_value *)entry)->name, key) == 0;
}

static struct sg_value *value_new(struct sg_axis_values *a, const char *name)
{
	struct sg_value *v = calloc(1, sizeof(*v));

	if (!v || sg_grow((void **)&a->values, &a->cap, a->n, sizeof(struct sg_value *)) < 0)
		goto fail;
	v->name = strdup(name);
	v->sums = calloc(sg_n_domains, sizeof(*v->sums));
	if (!v->name || !v->sums || sg_map_put(a->by_name, sg_hash_str(name, 0), v) < 0)
		goto fail;
	a->values[a->n++] = v;
	return v;
fail:
	if (v) {
		free(v->name);
		free(v->sums);
	}
	free(v);
	return NULL;
}

/* The value of this name; "other" when there are too many (or no memory). */
static struct sg_value *value_get(struct sg_axis_values *a, const char *name)
{
	struct sg_value *v = sg_map_get(a->by_name, sg_hash_str(name, 0), name);

	if (!v && a->n < a->max)
		v = value_new(a, name);
	return v ? v : a->values[0];
}

static int axis_init(struct sg_axis_values *a, const char *label, uint64_t max)
{
	a->label = label;
	a->max = (size_t)max + 1;
	a->by_name = sg_map_new(value_eq);
	return a->by_name && value_new(a, "other") ? 0 : -ENOMEM;
}

static int prepare(struct sg_slots *t, const struct sg_config *cfg)
{
	int r;

	t->slots = calloc(t->shared->slots, sizeof(*t->slots));
	if (!t->slots)
		return -ENOMEM;
	r = axis_init(&t->axes[SG_AXIS_CGROUP], "cgroup", cfg->max_cgroups);
	if (r == 0)
		r = axis_init(&t->axes[SG_AXIS_COMM], "comm", cfg->max_comms);
	if (r == 0)
		r = sg_cgroups_new(cfg->cgroup_root, &t->cgroups);
	if (r < 0)
		return r;
	t->slots[SG_SLOT_OTHER].state = SG_SLOT_USED;
	for (size_t i = 0; i < SG_AXES; i++)
		t->slots[SG_SLOT_OTHER].at[i] = t->axes[i].values[0];
	return 0;
}

int sg_slots_new(struct sg_shared *shared, const struct sg_config *cfg, struct sg_slots **ret)
{
	struct sg_slots *t = calloc(1, sizeof(*t));
	int r = 0;

	if (!t)
		return -ENOMEM;
	t->shared = shared;
	if (!shared->retiring.p)
		r = sg_memory_new(&shared->retiring, "sgprobe-slots", sg_retiring_bytes(shared));
	if (r == 0)
		r = prepare(t, cfg);
	if (r < 0) {
		sg_slots_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

static void value_free(struct sg_value *v)
{
	free(v->name);
	free(v->sums);
	free(v);
}

void sg_slots_free(struct sg_slots *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < SG_AXES; i++) {
		for (size_t j = 0; j < t->axes[i].n; j++)
			value_free(t->axes[i].values[j]);
		free(t->axes[i].values);
		sg_map_free(t->axes[i].by_name);
	}
	sg_cgroups_free(t->cgroups);
	free(t->slots);
	free(t);
}

static void name_slot(struct sg_slots *t, struct sg_slot *s)
{
	const char *cgroup = sg_cgroups_name(t->cgroups, s->key.cgroup_id);
	char comm[LABEL_CAP];

	sg_label_clean(comm, sizeof(comm), s->key.comm, strnlen(s->key.comm, sizeof(s->key.comm)));
	s->unnamed = strncmp(cgroup, "id:", 3) == 0;
	s->at[SG_AXIS_CGROUP] = value_get(&t->axes[SG_AXIS_CGROUP], cgroup);
	s->at[SG_AXIS_COMM] = value_get(&t->axes[SG_AXIS_COMM], comm[0] ? comm : "(none)");
}

static void learn(struct sg_slots *t, const struct sg_slot_key *key, uint32_t number, bool name)
{
	struct sg_slot *s;

	if (number == SG_SLOT_OTHER || number >= t->shared->slots)
		return;
	s = &t->slots[number];
	if (s->state != SG_SLOT_FREE)
		return;
	s->state = SG_SLOT_USED;
	s->key = *key;
	s->used_tick = t->tick;
	t->used++;
	if (name)
		name_slot(t, s);
}

/*
 * Reads the kernel's table whole: new keys are rare, and a slot is asked for by
 * number. name: now, while a cgroup that lives for a moment is still there.
 */
static void scan(struct sg_slots *t, bool name)
{
	int fd = t->shared->fd[SG_MAP_SLOTS];
	struct sg_slot_key key, *prev = NULL, at;
	uint32_t number;

	if (fd < 0)
		return;
	for (uint32_t n = 0; n < t->shared->slots && bpf_map_get_next_key(fd, prev, &key) == 0;
	     n++) {
		if (bpf_map_lookup_elem(fd, &key, &number) == 0)
			learn(t, &key, number, name);
		at = key;
		prev = &at;
	}
	t->scan_tick = t->tick;
}

const struct sg_slot *sg_slots_use(struct sg_slots *t, uint32_t number)
{
	struct sg_slot *s = &t->slots[number < t->shared->slots ? number : SG_SLOT_OTHER];

	if (s->state == SG_SLOT_FREE && t->scan_tick != t->tick)
		scan(t, true);
	if (s->state == SG_SLOT_FREE)
		return &t->slots[SG_SLOT_OTHER];
	if (!s->at[SG_AXIS_CGROUP] || !s->at[SG_AXIS_COMM] ||
	    (s->unnamed && t->tick % RENAME_TICKS == 0))
		name_slot(t, s);
	s->used_tick = t->tick;
	for (size_t i = 0; i < SG_AXES; i++)
		s->at[i]->used_tick = t->tick;
	return s;
}

struct sg_value *sg_slots_cgroup(struct sg_slots *t, const uint64_t *id)
{
	struct sg_axis_values *a = &t->axes[SG_AXIS_CGROUP];
	struct sg_value *v = id ? value_get(a, sg_cgroups_name(t->cgroups, *id)) : a->values[0];

	v->used_tick = t->tick;
	return v;
}

static void mark(struct sg_slots *t, uint32_t number, bool retiring)
{
	__atomic_store_n((uint8_t *)t->shared->retiring.p + number, retiring, __ATOMIC_SEQ_CST);
}

static bool is_marked(const struct sg_slots *t, uint32_t number)
{
	return ((const uint8_t *)t->shared->retiring.p)[number];
}

static void retire(struct sg_slots *t, uint32_t number)
{
	struct sg_slot *s = &t->slots[number];

	mark(t, number, true);
	if (bpf_map_delete_elem(t->shared->fd[SG_MAP_SLOTS], &s->key) < 0) {
		mark(t, number, false);
		return;
	}
	s->state = SG_SLOT_RETIRING;
	s->used_tick = t->tick;
	t->retired++;
}

/* Gives a number back once nothing was added under it for the grace. */
static void release(struct sg_slots *t, uint32_t number)
{
	mark(t, number, false);
	if (bpf_map_update_elem(t->shared->fd[SG_MAP_FREE], NULL, &number, BPF_ANY) < 0) {
		mark(t, number, true);
		return;
	}
	memset(&t->slots[number], 0, sizeof(t->slots[number]));
	t->used--;
}

/* Whose it was is not known any more: what still comes under it is other's. */
static void resume_retiring(struct sg_slots *t, uint32_t number)
{
	struct sg_slot *s = &t->slots[number];

	s->state = SG_SLOT_RETIRING;
	s->used_tick = t->tick;
	for (size_t i = 0; i < SG_AXES; i++)
		s->at[i] = t->axes[i].values[0];
	t->used++;
}

/* Tasks that cached a retired number look it up again. */
static void next_epoch(struct sg_slots *t)
{
	if (t->shared->state)
		__atomic_add_fetch(&t->shared->state->epoch, 1, __ATOMIC_SEQ_CST);
}

void sg_slots_resume(struct sg_slots *t)
{
	scan(t, false); /* most may be idle; those that are not are named when they are used */
	for (uint32_t i = 1; i < t->shared->slots; i++) {
		if (!is_marked(t, i))
			continue;
		if (t->slots[i].state == SG_SLOT_USED)
			mark(t, i, false);
		else
			resume_retiring(t, i);
	}
	next_epoch(t); /* it may have died before it did */
}

void sg_slots_tick(struct sg_slots *t)
{
	bool full = t->used > t->shared->slots / 4 * 3;
	uint64_t retired = t->retired;

	t->tick++;
	sg_cgroups_tick(t->cgroups);
	if (t->tick % SCAN_TICKS == 0)
		scan(t, true);
	for (uint32_t i = 1; i < t->shared->slots; i++) {
		struct sg_slot *s = &t->slots[i];
		uint64_t idle = t->tick - s->used_tick;

		if (s->state == SG_SLOT_RETIRING && idle > GRACE_TICKS)
			release(t, i);
		else if (full && s->state == SG_SLOT_USED && idle > IDLE_TICKS)
			retire(t, i);
	}
	if (t->retired != retired)
		next_epoch(t);
}

/* Slots that still stand for v are as idle as it is; they are named again when they are used. */
static void unname(struct sg_slots *t, const struct sg_value *v, size_t axis)
{
	for (uint32_t i = 1; i < t->shared->slots; i++)
		if (t->slots[i].at[axis] == v)
			t->slots[i].at[axis] = NULL;
}

static void forget_value(struct sg_slots *t, size_t axis, size_t i)
{
	struct sg_axis_values *a = &t->axes[axis];
	struct sg_value *v = a->values[i];

	unname(t, v, axis);
	sg_map_del(a->by_name, sg_hash_str(v->name, 0), v->name);
	value_free(v);
	a->values[i] = a->values[--a->n];
}

void sg_slots_forget(struct sg_slots *t, uint64_t idle, void (*release_sums)(struct sg_value *v))
{
	for (size_t axis = 0; axis < SG_AXES; axis++)
		for (size_t i = t->axes[axis].n; i-- > 1;) {
			if (t->tick - t->axes[axis].values[i]->used_tick <= idle)
				continue;
			release_sums(t->axes[axis].values[i]);
			forget_value(t, axis, i);
		}
}
