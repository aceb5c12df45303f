// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/bpf/event.h>
#include <sgprobe/bpf/threads.h>

#include "functions.h"
#include "keep.h"
#include "pool.h"

#define SEEN "seen"
#define RETIRING "retiring"
#define POOL_SEEN "pool seen"
#define MAP_IDS_MAX 64 /* of one program */

/* ---- to descriptors ------------------------------------------------------------------ */

int sg_shared_keep(const struct sg_shared *s, struct sg_kept *k)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < SG_SHARED_MAPS; i++)
		if (s->fd[i] >= 0)
			r = sg_kept_add(k, SG_KEPT_MAP, sg_shared_names[i], s->fd[i]);
	if (r == 0 && k->n)
		r = sg_kept_add(k, SG_KEPT_MEMORY, RETIRING, s->retiring.fd);
	if (r == 0 && s->pool_seen.p)
		r = sg_kept_add(k, SG_KEPT_MEMORY, POOL_SEEN, s->pool_seen.fd);
	return r;
}

int sg_loaded_keep(const struct sg_loaded *l, struct sg_kept *k)
{
	int r = 0;

	snprintf(k->variant, sizeof(k->variant), "%s", l->variant);
	for (size_t i = 0; r == 0 && i < l->n_attached; i++) {
		const struct sg_attached *a = &l->attached[i];

		r = sg_kept_add(k, SG_KEPT_PROGRAM, a->program->hook, a->fd);
		if (r == 0 && a->link_fd >= 0)
			r = sg_kept_add(k, SG_KEPT_LINK, a->program->hook, a->link_fd);
	}
	for (size_t i = 0; r == 0 && i < l->n_maps; i++)
		r = sg_kept_add(k, SG_KEPT_MAP, l->maps[i].name, l->maps[i].fd);
	return r < 0 ? r : sg_kept_add(k, SG_KEPT_MEMORY, SEEN, l->seen.fd);
}

/* ---- and back: what a descriptor is -------------------------------------------------- */

/* What a map must be like; 0 and false: it may be anything. */
struct shape {
	uint32_t type, key, value, entries;
	bool mapped;
};

/* Asked before the kernel is: it tells about whatever BPF object it is given. */
static bool is_a(int fd, const char *what)
{
	char path[64], want[64], is[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "anon_inode:%s", what);
	return fd >= 0 && readlink(path, is, sizeof(is) - 1) > 0 && strcmp(is, want) == 0;
}

static bool map_info(int fd, struct bpf_map_info *info)
{
	uint32_t n = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return is_a(fd, "bpf-map") && bpf_obj_get_info_by_fd(fd, info, &n) == 0;
}

static bool fits(int fd, const struct shape *want)
{
	struct bpf_map_info i;

	return map_info(fd, &i) && (!want->type || i.type == want->type) &&
	       (!want->key || i.key_size == want->key) &&
	       (!want->value || i.value_size == want->value) &&
	       (!want->entries || i.max_entries == want->entries) &&
	       (!want->mapped || i.map_flags & BPF_F_MMAPABLE);
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info i;

	return map_info(fd, &i) ? i.id : 0;
}

/* Maps by the numbers that the kernel gave them. */
struct map_ids {
	uint32_t id[SG_MAPS_MAX + SG_SHARED_MAPS];
	size_t n;
};

static bool is_among(const struct map_ids *m, uint32_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->id[i] == id)
			return true;
	return false;
}

/* Whether it is a program, and uses none but these maps. What it missed so far is told already. */
static int look_at_program(struct sg_attached *a, uint32_t *id, const struct map_ids *known)
{
	uint32_t ids[MAP_IDS_MAX] = {0}, n = sizeof(struct bpf_prog_info);
	struct bpf_prog_info i = {.nr_map_ids = MAP_IDS_MAX, .map_ids = (uintptr_t)ids};

	if (!is_a(a->fd, "bpf-prog") || bpf_obj_get_info_by_fd(a->fd, &i, &n) < 0)
		return -EINVAL;
	*id = i.id;
	a->misses = i.recursion_misses;
	if (a->program->function)
		a->kind = i.type == BPF_PROG_TYPE_KPROBE ? "kprobe" : "fentry";
	for (uint32_t j = 0; j < SG_MIN(i.nr_map_ids, (uint32_t)MAP_IDS_MAX); j++)
		if (!is_among(known, ids[j]))
			return -ESTALE;
	return 0;
}

/* Kernels without links of perf events attach to the event itself. */
static bool is_link_of(int fd, uint32_t program)
{
	struct bpf_link_info i = {0};
	uint32_t n = sizeof(i);

	if (is_a(fd, "[perf_event]"))
		return true;
	return is_a(fd, "bpf_link") && bpf_obj_get_info_by_fd(fd, &i, &n) == 0 &&
	       i.prog_id == program;
}

/* ---- what all domains share ---------------------------------------------------------- */

static int adopt_shared_maps(struct sg_shared *s, struct sg_kept *k)
{
	const uint32_t rows = s->pool_rows, cells = s->pool_cells, parts = sg_parts(s);
	const struct shape shapes[SG_SHARED_MAPS] = {
		[SG_MAP_STATE] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_bpf_state), 1, true},
		[SG_MAP_TASK_TABLE] = {BPF_MAP_TYPE_ARRAY, 4, 128, s->tasks},
		[SG_MAP_TASKS] = {BPF_MAP_TYPE_TASK_STORAGE},
		[SG_MAP_TIDS] = {BPF_MAP_TYPE_LRU_HASH},
		[SG_MAP_SLOTS] = {BPF_MAP_TYPE_HASH, sizeof(struct sg_slot_key), 4, s->slots},
		[SG_MAP_FREE] = {BPF_MAP_TYPE_QUEUE, 0, 4, s->slots},
		[SG_MAP_CGROUPS] = {BPF_MAP_TYPE_HASH, 8, 4, s->slots},
		[SG_MAP_FREE_CGROUPS] = {BPF_MAP_TYPE_QUEUE, 0, 4, s->slots},
		[SG_MAP_THREADS] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_thread_cells),
				    sg_thread_elements(s), true},
		[SG_MAP_POOL_KEYS] = {BPF_MAP_TYPE_HASH, sizeof(struct sg_pool_key),
				      sizeof(struct sg_pool_entry), rows + cells},
		[SG_MAP_POOL_FREE] = {BPF_MAP_TYPE_QUEUE, 0, 4, rows},
		[SG_MAP_POOL_FREE_CELLS] = {BPF_MAP_TYPE_QUEUE, 0, 4, cells},
		[SG_MAP_POOL_ROWS] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_row), parts * rows,
				      true},
		[SG_MAP_POOL_SUMS] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_sum), parts * rows,
				      true},
		[SG_MAP_POOL_OWNERS] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_pool_key),
					rows + cells},
		[SG_MAP_POOL_CELLS] = {BPF_MAP_TYPE_ARRAY, 4, 8, parts * cells, true},
		[SG_MAP_EVENT_RING] = {BPF_MAP_TYPE_RINGBUF, 0, 0, SG_EVENT_RING_BYTES},
		[SG_MAP_EVENT_COUNTS] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_event_counts), 1,
					 true},
		[SG_MAP_WORST_CPUS] = {BPF_MAP_TYPE_PERCPU_ARRAY},
		[SG_MAP_WORST_RING] = {BPF_MAP_TYPE_RINGBUF, 0, 0, s->worst_bytes},
	};

	for (size_t i = 0; i < SG_SHARED_MAPS; i++) {
		s->fd[i] = sg_kept_take(k, SG_KEPT_MAP, sg_shared_names[i]);
		if (s->fd[i] >= 0 && !fits(s->fd[i], &shapes[i]))
			return -EINVAL;
	}
	return 0;
}

/* All of these maps or, where that is allowed, none. */
static bool has_all(const struct sg_shared *s, enum sg_shared_map first, enum sg_shared_map last,
		    bool or_none)
{
	size_t n = 0;

	for (enum sg_shared_map i = first; i <= last; i++)
		n += s->fd[i] >= 0;
	return n == (size_t)(last - first) + 1 || (or_none && n == 0);
}

static int adopt_pool(struct sg_shared *s, struct sg_kept *k)
{
	int r;

	if (s->fd[SG_MAP_POOL_KEYS] < 0)
		return 0;
	r = sg_memory_adopt(&s->pool_seen, sg_kept_take(k, SG_KEPT_MEMORY, POOL_SEEN));
	return r == 0 && s->pool_seen.n != sg_pool_seen_bytes(s) ? -EINVAL : r;
}

int sg_shared_adopt(struct sg_shared *s, struct sg_kept *k)
{
	int r = adopt_shared_maps(s, k);

	if (r == 0 &&
	    (s->fd[SG_MAP_STATE] < 0 || !has_all(s, SG_MAP_SLOTS, SG_MAP_FREE_CGROUPS, false) ||
	     !has_all(s, SG_MAP_POOL_KEYS, SG_MAP_POOL_CELLS, true)))
		r = -ENOENT;
	if (r == 0)
		r = sg_memory_adopt(&s->retiring, sg_kept_take(k, SG_KEPT_MEMORY, RETIRING));
	if (r == 0 && s->retiring.n != sg_retiring_bytes(s))
		r = -EINVAL;
	if (r == 0)
		r = adopt_pool(s, k);
	if (r == 0)
		r = sg_shared_map(s);
	if (r < 0)
		sg_shared_free(s);
	return r;
}

/* ---- a domain ------------------------------------------------------------------------ */

static int adopt_maps(struct sg_loaded *l, const struct sg_shared *s, struct sg_kept *k)
{
	uint32_t parts = sg_parts(s), signals = l->domain->signals;
	const bool rows = signals && l->blocks;
	const struct {
		const char *name;
		bool wanted;
		struct shape shape;
	} want[] = {
		{"sg_rows",
		 rows,
		 {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_row) * signals, parts * l->blocks, true}},
		{"sg_sums",
		 rows,
		 {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_sum) * signals, parts * l->blocks, true}},
		{"sg_shards",
		 true,
		 {BPF_MAP_TYPE_ARRAY, 4, (uint32_t)sg_shard_bytes(l->domain), s->shards, true}},
	};

	for (uint32_t i = 0; i < k->n; i++) {
		if (k->parts[i].kind != SG_KEPT_MAP)
			continue;
		if (l->n_maps == SG_MAPS_MAX)
			return -E2BIG;
		memcpy(l->maps[l->n_maps].name, k->parts[i].name, SG_KEPT_NAME);
		l->maps[l->n_maps++].fd = sg_take_fd(k->fds[i]);
	}
	for (size_t i = 0; i < l->n_maps; i++)
		if (!is_a(l->maps[i].fd, "bpf-map"))
			return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		if (want[i].wanted && !fits(sg_map_fd(l, want[i].name), &want[i].shape))
			return -EINVAL;
	return 0;
}

static int adopt_program(struct sg_loaded *l, struct sg_kept *k, uint32_t part,
			 const struct map_ids *known)
{
	struct sg_attached *a = &l->attached[l->n_attached];
	const char *name = k->parts[part].name;
	uint32_t id = 0;
	int r;

	if (l->n_attached == SG_PROGRAMS_MAX)
		return -E2BIG;
	*a = (struct sg_attached){
		.program = sg_program_of(l->domain, name),
		.fd = k->fds[part],
		.link_fd = sg_kept_take(k, SG_KEPT_LINK, name),
	};
	k->fds[part] = -1;
	l->n_attached++;
	r = a->program ? look_at_program(a, &id, known) : -EINVAL;
	if (r < 0)
		return r;
	if (a->link_fd < 0 && (a->program->asked || a->program->function))
		return 0;
	return is_link_of(a->link_fd, id) ? 0 : -EINVAL;
}

/*
 * The set came in one piece, so its programs are all that there were; but of the maps
 * that all domains share they must use those that the others use.
 */
static int adopt_programs(struct sg_loaded *l, const struct sg_shared *s, struct sg_kept *k)
{
	struct map_ids known = {0};
	int r = 0;

	for (size_t i = 0; i < l->n_maps; i++)
		known.id[known.n++] = map_id(l->maps[i].fd);
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		if (s->fd[i] >= 0)
			known.id[known.n++] = map_id(s->fd[i]);
	for (uint32_t i = 0; r == 0 && i < k->n; i++)
		if (k->parts[i].kind == SG_KEPT_PROGRAM)
			r = adopt_program(l, k, i, &known);
	return r;
}

int sg_loaded_adopt(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s,
		    struct sg_kept *k)
{
	const char *variant = sg_variant_name(k->variant);
	int r = variant ? 0 : -EINVAL;

	sg_loaded_init(l, d, s);
	if (r == 0)
		r = adopt_maps(l, s, k);
	if (r == 0)
		r = adopt_programs(l, s, k);
	if (r == 0)
		r = sg_memory_adopt(&l->seen, sg_kept_take(k, SG_KEPT_MEMORY, SEEN));
	if (r == 0)
		r = sg_map_memory(l, s);
	if (r < 0) {
		sg_unload(l);
		return r;
	}
	l->variant = variant;
	sg_functions_adopt(l, s);
	s->tracked |= d->tracks_tasks;
	return 0;
}
