// SPDX-License-Identifier: GPL-2.0
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <sgprobe/bpf/stack.h>

#include "cgroup.h"
#include "kallsyms.h"
#include "modules.h"
#include "stacks.h"

#define EVENTS_MAX 32768 /* of a tick */
#define EVENT_BYTES (16u << 20)
#define PROFILE_BYTES (4u << 20) /* what a record is made of */
#define FILES_NS 200000000ULL /* a tick may look at files for so long */
#define SCHEDULE_DEPTH 12 /* frames of a wait that are the scheduler's and the probe's own */
#define OTHERS SG_PROFILE_KINDS /* in place of a kind: of the ring that is none of the profile */
#define NAMES (SG_STACK_KERNEL_MAX + SG_STACK_USER_MAX + 1)

struct place {
	struct sg_module *module; /* NULL: of nowhere that is known */
	uint64_t at;
};

struct event {
	enum sg_profile_kind kind;
	const struct sg_stack_head *head;
	const uint64_t *kernel;
	const struct sg_stack_user *user;
	size_t n_kernel, n_user;
	struct place *places; /* of the user's frames */
};

struct source {
	struct sg_stacks *stacks;
	enum sg_profile_kind kind;
};

struct sg_stacks {
	int proc;
	struct ring_buffer *rings;
	struct source sources[SG_PROFILE_KINDS + 1];
	sg_stacks_cb other;
	void *other_ctx;
	struct sg_kallsyms *kernel;
	struct sg_modules *modules;
	struct sg_cgroups *cgroups;
	struct sg_arena *arena; /* of the events */
	struct event *events;
	size_t n_events, cap_events;
	uint64_t no_room;
	struct sg_profile *profile;
	uint64_t every_ms;
	int64_t since_ms; /* 0: not yet */
	char names[NAMES][SG_PLACE_NAME_MAX];
};

/* ---- taking in ----------------------------------------------------------------------- */

/* Whether it is what a program sends. */
static bool is_sound(const struct sg_stack_head *h, size_t n)
{
	return n >= sizeof(*h) && h->kernel_bytes % sizeof(uint64_t) == 0 &&
	       h->user_bytes % sizeof(struct sg_stack_user) == 0 &&
	       h->kernel_bytes <= SG_STACK_KERNEL_MAX * sizeof(uint64_t) &&
	       h->user_bytes <= SG_STACK_USER_MAX * sizeof(struct sg_stack_user) &&
	       n >= sizeof(*h) + h->kernel_bytes + h->user_bytes;
}

static int keep_event(struct sg_stacks *s, enum sg_profile_kind kind, const void *p, size_t n)
{
	const struct sg_stack_head *h = sg_arena_alloc(s->arena, n);
	struct event *e;

	if (!h || s->n_events == EVENTS_MAX || SG_GROW(s->events, s->cap_events, s->n_events) < 0)
		return -ENOSPC;
	memcpy((void *)h, p, n);
	e = &s->events[s->n_events];
	*e = (struct event){.kind = kind,
			    .head = h,
			    .kernel = (const void *)(h + 1),
			    .user = (const void *)((const char *)(h + 1) + h->kernel_bytes),
			    .n_kernel = h->kernel_bytes / sizeof(uint64_t),
			    .n_user = h->user_bytes / sizeof(struct sg_stack_user)};
	e->places = sg_arena_zalloc(s->arena, e->n_user * sizeof(*e->places) + 1);
	if (!e->places)
		return -ENOSPC;
	s->n_events++;
	return 0;
}

int sg_stacks_add(struct sg_stacks *s, enum sg_profile_kind kind, const void *p, size_t n)
{
	struct sg_stack_head head;
	int r;

	if (n < sizeof(head) || n > SG_STACK_MAX_BYTES)
		return -EBADMSG;
	memcpy(&head, p, sizeof(head));
	if (!is_sound(&head, n))
		return -EBADMSG;
	r = keep_event(s, kind, p, n);
	if (r < 0)
		s->no_room++;
	return r;
}

static int on_event(void *ctx, void *p, size_t n)
{
	struct source *source = ctx;

	sg_stacks_add(source->stacks, source->kind, p, n);
	return 0;
}

/* ---- where the frames are ------------------------------------------------------------ */

/* A caller's address is that of the next instruction, which may be of another function. */
static uint64_t place_of(const struct sg_stack_user *u, size_t i)
{
	return i && u->at ? u->at - 1 : u->at;
}

static void find_by_id(struct sg_stacks *s, const struct event *e, size_t i)
{
	struct sg_module_key key = {.kind = SG_MODULE_BUILD_ID};

	memcpy(key.id, e->user[i].build_id, sizeof(key.id));
	e->places[i].module = sg_modules_get(s->modules, &key, e->head->tgid, NULL);
	e->places[i].at = place_of(&e->user[i], i);
}

static void find_places(struct sg_stacks *s, const struct event *e)
{
	for (size_t i = 0; i < e->n_user; i++) {
		struct place *p = &e->places[i];

		/* Where frame pointers lead astray: below the mapping that the kernel took it for. */
		if (e->user[i].status == SG_STACK_BUILD_ID && e->user[i].at >> 48)
			continue;
		if (e->user[i].status == SG_STACK_BUILD_ID)
			find_by_id(s, e, i);
		else if (e->user[i].at)
			p->module = sg_modules_at(s->modules, e->head->tgid, e->head->born_ns,
						  place_of(&e->user[i], i), &p->at);
		if (!p->module)
			continue;
		sg_module_program(p->module, e->head->exe);
		sg_module_want(s->modules, p->module, p->at);
	}
}

/* ---- what they are called ------------------------------------------------------------ */

static const char *user_name(const struct event *e, size_t i, char *out)
{
	const struct place *p = &e->places[i];

	if (!p->module)
		return "[unknown]";
	sg_module_name(p->module, p->at, out);
	return out;
}

static const char *kernel_name(struct sg_stacks *s, const struct event *e, size_t i, char *out)
{
	uint64_t at = e->kernel[i];
	const char *name = sg_kallsyms_find(s->kernel, i && at ? at - 1 : at);

	if (!name)
		return "[kernel]";
	sg_frame_name_clean(name, strlen(name), out);
	return out;
}

/* Frames of a wait below which everything is how the wait itself was seen. */
static size_t kernel_leaf(const struct sg_stack *stack)
{
	size_t skip = 0;

	for (size_t i = 0; i < stack->n_kernel && i < SCHEDULE_DEPTH; i++)
		if (strcmp(stack->frames[stack->n - 1 - i], "__schedule") == 0)
			skip = i + 1;
	return skip;
}

static void own_name(const char *comm, size_t n, bool kthread, char out[SG_FRAME_NAME_MAX + 1])
{
	size_t len = strnlen(comm, n);
	const char *slash = kthread ? memchr(comm, '/', len) : NULL;

	sg_frame_name_clean(comm, slash ? (size_t)(slash - comm) : len, out);
}

static const char unknown[] = "[unknown]";

/* Code without frame pointers leads the walk astray: a hundred frames that nobody knows say no more than one. */
static bool says_more(const char *const *frames, size_t n, const char *name)
{
	return !n || strcmp(name, unknown) != 0 || strcmp(frames[n - 1], unknown) != 0;
}

/* Outermost first. */
static size_t name_frames(struct sg_stacks *s, const struct event *e, const char **frames)
{
	size_t n = 0;

	for (size_t i = e->n_user; i-- > 0;)
		if (e->user[i].at) {
			frames[n] = user_name(e, i, s->names[n]);
			n += says_more(frames, n, frames[n]);
		}
	for (size_t i = e->n_kernel; i-- > 0;) {
		frames[n] = kernel_name(s, e, i, s->names[n]);
		n++;
	}
	if (!n)
		frames[n++] = unknown;
	return n;
}

/* Frames of the kernel that are how the event itself was seen, or how the task was put to sleep. */
static size_t own_leaf(const char *const *frames, size_t n, size_t n_kernel)
{
	static const char *const own[] = {
		"bpf_",		 "__bpf_", "__traceiter_", "stack_trace_", "get_perf_callchain",
		"trace_call_bpf"};
	size_t skip = 0;

	for (size_t i = 0; i < n_kernel && i < SCHEDULE_DEPTH; i++) {
		const char *name = frames[n - 1 - i];

		for (size_t j = 0; j < ARRAY_SIZE(own); j++)
			if (strncmp(name, own[j], strlen(own[j])) == 0)
				skip = i + 1;
		if (strcmp(name, "__schedule") == 0)
			skip = i + 1;
	}
	return skip;
}

static void tell(struct sg_stacks *s, const struct event *e)
{
	const char *frames[NAMES];
	size_t n = name_frames(s, e, frames), n_kernel = SG_MIN(e->n_kernel, n);
	size_t leaf = own_leaf(frames, n, n_kernel);

	s->other(e->head->number, e->head->value_ns, frames, n - leaf, n_kernel - leaf,
		 s->other_ctx);
}

static void fold(struct sg_stacks *s, const struct event *e)
{
	const char *frames[NAMES];
	char comm[SG_FRAME_NAME_MAX + 1];
	const struct sg_stack_head *h = e->head;
	struct sg_stack stack = {.kind = e->kind,
				 .cgroup = sg_cgroups_name(s->cgroups, h->cgroup_id),
				 .comm = comm,
				 .frames = frames,
				 .n = name_frames(s, e, frames),
				 .n_kernel = e->n_kernel,
				 .us = (h->value_ns + 500) / 1000,
				 .count = 1};
	size_t leaf;

	own_name(h->comm, sizeof(h->comm), h->flags & SG_STACK_KTHREAD, comm);
	leaf = e->kind == SG_PROFILE_OFFCPU ? kernel_leaf(&stack) : 0;
	stack.n -= leaf;
	stack.n_kernel -= leaf;
	sg_profile_add(s->profile, &stack);
}

uint64_t sg_stacks_tick(struct sg_stacks *s)
{
	uint64_t before = sg_profile_left_out(s->profile), no_room;

	sg_modules_tick(s->modules);
	sg_cgroups_tick(s->cgroups);
	if (s->rings)
		ring_buffer__consume(s->rings);
	for (size_t i = 0; i < s->n_events; i++)
		find_places(s, &s->events[i]);
	sg_modules_resolve(s->modules, FILES_NS);
	for (size_t i = 0; i < s->n_events; i++)
		(s->events[i].kind == OTHERS ? tell : fold)(s, &s->events[i]);
	s->n_events = 0;
	sg_arena_reset(s->arena);
	no_room = s->no_room + sg_profile_left_out(s->profile) - before;
	s->no_room = 0;
	return no_room;
}

int sg_stacks_take(struct sg_stacks *s, const struct sg_profile_head *now, struct sg_buf *b)
{
	struct sg_profile_head h = *now;
	int r;

	if (!s->since_ms || s->since_ms > now->to_ms)
		s->since_ms = now->to_ms - 1000;
	if (now->to_ms - s->since_ms < (int64_t)s->every_ms)
		return 0;
	h.from_ms = SG_MAX(s->since_ms, 0);
	s->since_ms = now->to_ms;
	if (!sg_profile_len(s->profile))
		return 0;
	r = sg_profile_encode(s->profile, &h, b);
	sg_profile_clear(s->profile);
	return r < 0 ? r : 1;
}

/* ---- life ---------------------------------------------------------------------------- */

void sg_stacks_free(struct sg_stacks *s)
{
	if (!s)
		return;
	ring_buffer__free(s->rings);
	sg_kallsyms_free(s->kernel);
	sg_modules_free(s->modules);
	sg_cgroups_free(s->cgroups);
	sg_arena_free(s->arena);
	sg_profile_free(s->profile);
	free(s->events);
	if (s->proc >= 0)
		close(s->proc);
	free(s);
}

static int add_ring(struct sg_stacks *s, int map, enum sg_profile_kind kind)
{
	struct source *source = &s->sources[kind];

	*source = (struct source){.stacks = s, .kind = kind};
	if (s->rings)
		return ring_buffer__add(s->rings, map, on_event, source);
	s->rings = ring_buffer__new(map, on_event, source, NULL);
	return s->rings ? 0 : -errno;
}

static int open_all(struct sg_stacks *s, const struct sg_config *cfg)
{
	int r;

	s->proc = open(cfg->proc_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->arena = sg_arena_new(EVENT_BYTES);
	s->profile = sg_profile_new(PROFILE_BYTES);
	s->every_ms = cfg->profile_every_ns / 1000000;
	r = s->proc < 0 ? -errno : s->arena && s->profile ? 0 : -ENOMEM;
	if (r == 0)
		r = sg_kallsyms_new(cfg->proc_root, &s->kernel);
	if (r == 0)
		r = sg_modules_new(s->proc, &s->modules);
	if (r == 0)
		sg_modules_learn(s->modules, (uint32_t)getpid());
	return r < 0 ? r : sg_cgroups_new(cfg->cgroup_root, &s->cgroups);
}

int sg_stacks_new(const struct sg_config *cfg, const struct sg_loaded *l, size_t n,
		  struct sg_stacks **ret)
{
	sg_auto(sg_stacks) s = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		int map = l[i].n_attached ? sg_map_fd(&l[i], SG_STACK_RING) : -1;

		if (map < 0)
			continue;
		if (!s) {
			s = calloc(1, sizeof(*s));
			if (!s)
				return -ENOMEM;
			s->proc = -1;
			r = open_all(s, cfg);
		}
		if (r == 0)
			r = add_ring(s, map, l[i].domain->stacks);
	}
	if (r == 0)
		*ret = sg_take(s);
	return r;
}

int sg_stacks_listen(struct sg_stacks *s, int ring, sg_stacks_cb cb, void *ctx)
{
	s->other = cb;
	s->other_ctx = ctx;
	return add_ring(s, ring, (enum sg_profile_kind)OTHERS);
}
