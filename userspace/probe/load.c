// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include <sgprobe/time.h>

#include "constants.h"
#include "functions.h"
#include "load.h"
#include "pool.h"

#include <sgprobe/bpf/stack.h>

#define TIDS_MAX 32768u
#define TASKS_MAX 32768u /* places of 64 bytes */
/*
 * Shards are memory in the kernel: a slot takes 26 KB in each, with all domains on.
 * With this many of both together that is 105 MB; where it leaves fewer shards
 * than CPUs, programs add with atomics. Fewer slots make room for more shards.
 */
#define SLOTS_OF_ALL_SHARDS 4096u

/* Stacks that wait to be read: a second of them takes some 50 KB per busy CPU. */
#define RING_OF_CPU (64u << 10)
#define RING_MIN (256u << 10)
#define RING_MAX (8u << 20)
/* Those of the slowest events: a few a second, in all. */
#define WORST_RING_OF_CPU (32u << 10)
#define WORST_RING_MIN (64u << 10)
#define WORST_RING_MAX (512u << 10)

const char *const sg_shared_names[SG_SHARED_MAPS] = {
	[SG_MAP_STATE] = ".data.state",
	[SG_MAP_TASK_TABLE] = "sg_task_table",
	[SG_MAP_TASKS] = "sg_tasks",
	[SG_MAP_TIDS] = "sg_tids",
	[SG_MAP_SLOTS] = "sg_slots",
	[SG_MAP_FREE] = "sg_free_slots",
	[SG_MAP_CGROUPS] = "sg_cgroups",
	[SG_MAP_FREE_CGROUPS] = "sg_free_cgroups",
	[SG_MAP_THREADS] = "sg_threads",
	[SG_MAP_POOL_KEYS] = "sg_pool_keys",
	[SG_MAP_POOL_FREE] = "sg_pool_free",
	[SG_MAP_POOL_FREE_CELLS] = "sg_pool_free_cells",
	[SG_MAP_POOL_OWNERS] = "sg_pool_owners",
	[SG_MAP_POOL_ROWS] = "sg_pool_rows",
	[SG_MAP_POOL_SUMS] = "sg_pool_sums",
	[SG_MAP_POOL_CELLS] = "sg_pool_cells",
	[SG_MAP_EVENT_RING] = "sg_event_ring",
	[SG_MAP_EVENT_COUNTS] = "sg_event_counts",
	[SG_MAP_WORST_CPUS] = "sg_worst_cpus",
	[SG_MAP_WORST_RING] = "sg_worst_ring",
};

/* A variant is a way to attach; suffix: how its programs are called. In order of preference. */
static const struct variant {
	const char *name, *suffix;
	enum sg_shared_map unused; /* which of the two maps of task state it does without */
	bool storage; /* it makes storage for tasks and sockets in its programs */
} variants[] = {
	{"tp_btf", "_btf", SG_MAP_TIDS, true},
	{"raw_tp", "_raw", SG_MAP_TASKS, false},
};

const char *sg_variant_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		if (strcmp(variants[i].name, name) == 0)
			return variants[i].name;
	return NULL;
}

static uint32_t power_of_two(uint64_t n, uint32_t min, uint32_t max)
{
	uint32_t p = min;

	while (p < n && p < max)
		p *= 2;
	return p;
}

static uint64_t pid_max(void)
{
	sg_auto_buf b = {0};
	unsigned long n = 0;

	if (sg_read_file("/proc/sys/kernel/pid_max", 64, &b) >= 0)
		n = strtoul(b.data, NULL, 10);
	return n ? n : TASKS_MAX;
}

/* A kernel with PREEMPT_RT may preempt what others run with interrupts off. */
static bool is_realtime(void)
{
	struct utsname u;

	return uname(&u) == 0 &&
	       (strstr(u.version, "PREEMPT_RT") || strstr(u.version, "PREEMPT RT"));
}

/*
 * Storage of tasks and sockets was made with kmalloc(), which may sleep with
 * PREEMPT_RT, where many hooks must not. Since about Linux 7.1, which has this field, it
 * never is; the kernels in between do it for tasks alone.
 */
static bool storage_is_lockless(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "bpf_local_storage", BTF_KIND_STRUCT) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	bool found = false;

	for (unsigned int i = 0; t && i < btf_vlen(t) && !found; i++)
		found = strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off),
			       "mem_charge") == 0;
	btf__free(btf);
	return found;
}

void sg_shared_init_for(struct sg_shared *s, const struct sg_config *cfg, int cpus)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		s->fd[i] = -1;
	s->cfg = cfg;
	s->slots = power_of_two(cfg->slots, 16, 65536);
	s->shards = power_of_two(cpus > 0 ? (uint64_t)cpus : 1, 1,
				 SG_MIN(SG_MAX_SHARDS, SG_MAX(SLOTS_OF_ALL_SHARDS / s->slots, 1u)));
	s->tasks = power_of_two(pid_max(), 1024, TASKS_MAX);
	s->threads = cfg->thread_time;
	s->pool_rows = (uint32_t)cfg->pool_rows;
	s->pool_cells = (uint32_t)cfg->pool_cells;
	s->sample_ns = (uint32_t)(1000000000 / SG_MAX(cfg->profile_hz, 1u));
	s->offcpu_us = (uint32_t)SG_MIN(cfg->offcpu_min_ns / 1000, (uint64_t)UINT32_MAX);
	s->offcpu_stacks = (uint32_t)cfg->offcpu_stacks;
	s->ring_bytes = power_of_two((uint64_t)SG_MAX(cpus, 1) * RING_OF_CPU, RING_MIN, RING_MAX);
	s->worst = cfg->worst;
	s->worst_stacks = (uint32_t)cfg->worst_stacks;
	s->worst_bytes = power_of_two((uint64_t)SG_MAX(cpus, 1) * WORST_RING_OF_CPU, WORST_RING_MIN,
				      WORST_RING_MAX);
	s->private_rows = cpus > 0 && (uint32_t)cpus <= s->shards && !is_realtime();
	s->no_storage = is_realtime() && !storage_is_lockless();
}

void sg_shared_init(struct sg_shared *s, const struct sg_config *cfg)
{
	sg_shared_init_for(s, cfg, libbpf_num_possible_cpus());
}

void sg_shared_free(struct sg_shared *s)
{
	sg_shared_forget_types(s);
	if (s->state)
		munmap(s->state, (size_t)sysconf(_SC_PAGESIZE));
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		if (s->fd[i] >= 0)
			close(sg_take_fd(s->fd[i]));
	sg_memory_free(&s->retiring);
	sg_memory_free(&s->pool_seen);
	s->state = NULL;
	s->bytes = 0;
}

static int refuse(struct sg_loaded *l, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(struct sg_loaded *l, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->reason, sizeof(l->reason), fmt, ap);
	va_end(ap);
	return r;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void choose_programs(struct bpf_object *o, const struct variant *v)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, o)
	{
		for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
			if (&variants[i] != v &&
			    ends_with(bpf_program__name(p), variants[i].suffix))
				bpf_program__set_autoload(p, false);
	}
}

/* Maps that only the programs of another variant use are called like those. */
static int choose_maps(struct bpf_object *o, const struct variant *v)
{
	struct bpf_map *m;
	int r = 0;

	bpf_object__for_each_map(m, o)
	{
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(variants); i++)
			if (&variants[i] != v && ends_with(bpf_map__name(m), variants[i].suffix))
				r = bpf_map__set_autocreate(m, false);
	}
	return r;
}

static struct bpf_map *find_map(struct bpf_object *o, const char *name)
{
	return bpf_object__find_map_by_name(o, name);
}

static uint32_t shared_entries(const struct sg_shared *s, enum sg_shared_map i)
{
	uint32_t parts = sg_parts(s);

	switch (i) {
	case SG_MAP_SLOTS:
	case SG_MAP_FREE:
	case SG_MAP_CGROUPS:
	case SG_MAP_FREE_CGROUPS: return s->slots;
	case SG_MAP_THREADS: return sg_thread_elements(s);
	case SG_MAP_TASK_TABLE: return s->tasks;
	case SG_MAP_TIDS: return TIDS_MAX;
	case SG_MAP_POOL_KEYS:
	case SG_MAP_POOL_OWNERS: return s->pool_rows + s->pool_cells;
	case SG_MAP_POOL_FREE: return s->pool_rows;
	case SG_MAP_POOL_FREE_CELLS: return s->pool_cells;
	case SG_MAP_POOL_ROWS:
	case SG_MAP_POOL_SUMS: return parts * s->pool_rows;
	case SG_MAP_POOL_CELLS: return parts * s->pool_cells;
	case SG_MAP_WORST_RING: return s->worst_bytes;
	default: return 0;
	}
}

static int share_maps(struct bpf_object *o, const struct sg_shared *s, const struct variant *v)
{
	for (size_t i = 0; i < SG_SHARED_MAPS; i++) {
		struct bpf_map *m = find_map(o, sg_shared_names[i]);
		uint32_t n = shared_entries(s, i);
		int r = 0;

		if (!m)
			continue; /* the domain knows no tasks */
		if (i == v->unused)
			r = bpf_map__set_autocreate(m, false);
		else if (s->fd[i] >= 0)
			r = bpf_map__reuse_fd(m, s->fd[i]);
		else if (n)
			r = bpf_map__set_max_entries(m, n);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t index_of(const struct sg_domain *d)
{
	size_t i = 0;

	while (i < sg_n_domains && sg_domains[i] != d)
		i++;
	return i;
}

/* The kernel's coarse clocks move with jiffies. */
static uint32_t jiffy_ns(void)
{
	struct timespec t;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &t) == 0 ? (uint32_t)t.tv_nsec : 4000000;
}

/* Numbers of namespaces have 32 bits in the kernel. */
static uint32_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

static struct sg_bpf_config config_of(const struct sg_loaded *l, const struct sg_shared *s,
				      const struct variant *v)
{
	return (struct sg_bpf_config){.slots = s->slots,
				      .shards = s->shards,
				      .blocks = l->blocks,
				      .private_rows = s->private_rows,
				      .jiffy_ns = jiffy_ns(),
				      .tracked = s->tracked,
				      .tasks = s->tasks,
				      .domain = (uint32_t)index_of(l->domain),
				      .pool_rows = s->pool_rows,
				      .pool_cells = s->pool_cells,
				      .sample_ns = s->sample_ns,
				      .offcpu_us = s->offcpu_us,
				      .offcpu_stacks = s->offcpu_stacks,
				      .threads = s->threads && v->storage,
				      .event_rate = (uint32_t)s->cfg->event_rate,
				      .event_forks = (uint32_t)s->cfg->event_forks,
				      .event_slow = (uint32_t)(s->cfg->event_slow_ns >> 20),
				      .worst = s->worst,
				      .worst_stacks = s->worst_stacks,
				      .netns = own_netns(),
				      .http = s->cfg->http_ports[0] != 0,
				      .storage = v->storage,
				      .functions = sg_functions_bits(l)};
}

static int size_maps(struct sg_loaded *l, const struct sg_shared *s, struct bpf_object *o)
{
	bool rows = find_map(o, "sg_rows");
	uint32_t parts = sg_parts(s);
	int r = 0;

	if (rows)
		r = bpf_map__set_max_entries(find_map(o, "sg_rows"), parts * l->blocks);
	if (r == 0 && rows)
		r = bpf_map__set_max_entries(find_map(o, "sg_sums"), parts * l->blocks);
	if (r == 0 && find_map(o, SG_STACK_RING))
		r = bpf_map__set_max_entries(find_map(o, SG_STACK_RING), s->ring_bytes);
	if (r == 0 && find_map(o, "sg_event_forks"))
		r = bpf_map__set_max_entries(find_map(o, "sg_event_forks"), s->slots);
	if (r == 0)
		r = bpf_map__set_max_entries(find_map(o, "sg_shards"), s->shards);
	return r;
}

/* What programs are told before the first of them runs. */
static int prepare_shards(const struct sg_loaded *l, const struct sg_shared *s,
			  struct bpf_object *o)
{
	struct bpf_map *m = find_map(o, "sg_shards");
	size_t n = sg_shard_bytes(l->domain);
	sg_auto_free char *element = calloc(1, n);
	struct sg_bpf_head *h = (void *)element;
	int r = 0;

	if (!h || bpf_map__value_size(m) != n)
		return h ? -EINVAL : -ENOMEM;
	sg_tell_head(h, s->state);
	h->limit = (struct sg_bpf_limit){SG_NO_LIMIT, 0, SG_MAX_LATENCY_NS};
	for (uint32_t i = 0; r == 0 && i < s->shards; i++)
		r = bpf_map_update_elem(bpf_map__fd(m), &i, element, BPF_ANY);
	return r;
}

static bool is_suffix(const char *s)
{
	return !*s || strcmp(s, "_btf") == 0 || strcmp(s, "_raw") == 0 || sg_is_function_suffix(s);
}

const struct sg_program *sg_program_of(const struct sg_domain *d, const char *name)
{
	for (size_t i = 0; i < d->n_programs; i++) {
		size_t n = strlen(d->programs[i].hook);

		if (strncmp(name, d->programs[i].hook, n) == 0 && is_suffix(name + n))
			return &d->programs[i];
	}
	return NULL;
}

/* An iterator is no hook: unless it is listed it runs once, now, over what was there before. */
static bool is_iterator(const struct bpf_program *p)
{
	return bpf_program__expected_attach_type(p) == BPF_TRACE_ITER;
}

static void run_iterator(struct bpf_program *p)
{
	struct bpf_link *link = bpf_program__attach_iter(p, NULL);
	char none[64];
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;

	while (fd >= 0 && (read(fd, none, sizeof(none)) > 0 || errno == EAGAIN))
		errno = 0;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
}

static int dup_fd(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

/* What stays of a link is its descriptor: the hook is free again when the last copy of it is closed. */
static int keep_link(struct bpf_link *link)
{
	int fd = dup_fd(bpf_link__fd(link)), own = bpf_link__fd(link);

	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	close(own);
	return fd;
}

static int add_program(struct sg_loaded *l, const struct sg_program *row, struct bpf_program *p,
		       int link_fd)
{
	struct sg_attached *a = &l->attached[l->n_attached];

	const struct sg_function *f = sg_function_of(l, row);

	*a = (struct sg_attached){
		.program = row, .fd = -1, .link_fd = link_fd, .kind = f ? f->kind : NULL};
	l->n_attached++;
	a->fd = dup_fd(bpf_program__fd(p));
	return SG_MIN(a->fd, 0);
}

static int attach_one(struct sg_loaded *l, const struct sg_program *row, struct bpf_program *p)
{
	const struct sg_function *f = sg_function_of(l, row);
	struct bpf_link *link;
	int fd;

	if (bpf_program__type(p) == BPF_PROG_TYPE_KPROBE) {
		fd = sg_kprobe_attach(f ? f->name : "", row->at_return, bpf_program__fd(p));
		return fd < 0 ? fd : add_program(l, row, p, fd);
	}

	if (row->asked || row->by_domain)
		return add_program(l, row, p, -1);
	link = bpf_program__attach(p);
	if (!link)
		return row->optional ? 0 : -errno;
	fd = keep_link(link);
	return fd < 0 ? fd : add_program(l, row, p, fd);
}

static int attach(struct sg_loaded *l, struct bpf_object *o)
{
	struct bpf_program *p;
	int r = 0;

	bpf_object__for_each_program(p, o)
	{
		const struct sg_program *row = sg_program_of(l->domain, bpf_program__name(p));

		if (r < 0 || !bpf_program__autoload(p))
			continue;
		if (is_iterator(p) && !row)
			run_iterator(p);
		else if (!row || l->n_attached == SG_PROGRAMS_MAX)
			r = -E2BIG; /* a program that its domain's table does not list */
		else
			r = attach_one(l, row, p);
	}
	return r;
}

static bool is_shared(const char *name)
{
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		if (strcmp(name, sg_shared_names[i]) == 0)
			return true;
	return false;
}

static int take_maps(struct sg_loaded *l, struct bpf_object *o)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, o)
	{
		struct sg_map_fd *to = &l->maps[l->n_maps];

		if (bpf_map__fd(m) < 0 || is_shared(bpf_map__name(m)))
			continue;
		if (l->n_maps == SG_MAPS_MAX || strlen(bpf_map__name(m)) >= sizeof(to->name))
			return -E2BIG;
		to->fd = dup_fd(bpf_map__fd(m));
		if (to->fd < 0)
			return to->fd;
		strcpy(to->name, bpf_map__name(m));
		l->n_maps++;
	}
	return 0;
}

int sg_map_fd(const struct sg_loaded *l, const char *name)
{
	for (size_t i = 0; i < l->n_maps; i++)
		if (strcmp(l->maps[i].name, name) == 0)
			return l->maps[i].fd;
	return -1;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_all(struct sg_loaded *l)
{
	for (size_t i = 0; i < l->n_attached; i++) {
		close_fd(l->attached[i].link_fd);
		close_fd(l->attached[i].fd);
	}
	for (size_t i = 0; i < l->n_maps; i++)
		close_fd(l->maps[i].fd);
	l->n_attached = l->n_maps = 0;
}

int sg_program_fd(const struct sg_loaded *l, const char *hook)
{
	for (size_t i = 0; i < l->n_attached; i++)
		if (strcmp(l->attached[i].program->hook, hook) == 0)
			return l->attached[i].fd;
	return -1;
}

int sg_walk_fd(const struct sg_loaded *l)
{
	for (size_t i = 0; i < l->n_attached; i++)
		if (l->attached[i].program->walk)
			return l->attached[i].link_fd;
	return -1;
}

void sg_detach(struct sg_loaded *l)
{
	for (size_t i = 0; i < l->n_attached; i++)
		if (!l->attached[i].program->walk)
			close_fd(sg_take_fd(l->attached[i].link_fd));
}

/* A program of type tracing knows its hook; others are told. */
int sg_attach_program(const struct sg_program *row, int program)
{
	int fd;

	if (row->asked)
		return -ENODATA;
	if (row->walk)
		return bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	fd = bpf_raw_tracepoint_open(NULL, program);
	if (fd < 0 && row->function)
		fd = sg_kprobe_attach(row->function, row->at_return, program);
	else if (fd < 0)
		fd = bpf_raw_tracepoint_open(row->hook, program);
	return fd < 0 && row->function ? -ENODATA : fd;
}

int sg_attach_again(struct sg_loaded *l)
{
	for (size_t i = 0; i < l->n_attached; i++) {
		struct sg_attached *a = &l->attached[i];
		int fd = a->program->walk ? -ENODATA : sg_attach_program(a->program, a->fd);

		if (fd == -ENODATA)
			continue; /* or it was never off */
		if (fd < 0) {
			sg_detach(l);
			return fd;
		}
		a->link_fd = fd;
	}
	return 0;
}

/*
 * Without type information there is nothing to load a tp_btf program for. A raw one
 * loads anywhere, and attaching it finds hooks of modules too.
 */
static bool needs_type(const struct bpf_program *p)
{
	return bpf_program__type(p) == BPF_PROG_TYPE_TRACING;
}

/* They are read once, for that takes a tenth of a second. */
struct btf *sg_shared_types(struct sg_shared *s)
{
	if (!s->types)
		s->types = btf__load_vmlinux_btf();
	return s->types;
}

/* Whether the kernel has the trace point. */
static bool has_hook(struct sg_shared *s, const char *hook)
{
	struct btf *types = sg_shared_types(s);
	char name[128];

	snprintf(name, sizeof(name), "btf_trace_%s", hook);
	return types && btf__find_by_name_kind(types, name, BTF_KIND_TYPEDEF) >= 0;
}

void sg_shared_forget_types(struct sg_shared *s)
{
	btf__free(sg_take(s->types));
}

/*
 * A program that the table says is optional must not keep the others from loading, and
 * one that stands for another hook is left out where that is; so is one that a setting
 * has to ask for.
 */
static bool is_wanted(const struct sg_program *row, const struct bpf_program *p,
		      struct sg_shared *s)
{
	if (row->setting && !*((const char *)s->cfg + row->setting))
		return false;
	if (row->unless && has_hook(s, row->unless))
		return false;
	return !row->optional || !needs_type(p) || has_hook(s, row->hook);
}

/* Of the programs for a function, the one that is for what was chosen. */
static int prepare_function(struct sg_loaded *l, const struct sg_program *row,
			    struct bpf_program *p)
{
	const struct sg_function *f = sg_function_of(l, row);
	const char *suffix = sg_function_suffix(f, row);

	if (!suffix || !ends_with(bpf_program__name(p), suffix))
		return bpf_program__set_autoload(p, false);
	return needs_type(p) ? bpf_program__set_attach_target(p, 0, f->name) : 0;
}

static int load_object(struct bpf_object *o, struct sg_loaded *l, struct sg_shared *s)
{
	struct bpf_program *p;
	int r = 0;

	bpf_object__for_each_program(p, o)
	{
		const struct sg_program *row = sg_program_of(l->domain, bpf_program__name(p));

		if (r < 0 || !row)
			continue;
		if (row->function)
			r = prepare_function(l, row, p);
		else if (bpf_program__autoload(p) && !is_wanted(row, p, s))
			bpf_program__set_autoload(p, false);
	}
	return r < 0 ? r : bpf_object__load(o);
}

/* NULL and errno. The copy of the file that is opened is for the caller to free, after the object. */
static struct bpf_object *open_object(const struct sg_loaded *l, const struct sg_shared *s,
				      const struct variant *v, void **copy)
{
	const struct sg_domain *d = l->domain;
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = d->name);
	size_t n = (size_t)((const char *)d->object_end - (const char *)d->object);
	const struct sg_bpf_config cfg = config_of(l, s, v);
	int r;

	*copy = malloc(n + 1);
	if (!*copy)
		return NULL;
	memcpy(*copy, d->object, n);
	r = sg_constants_set(*copy, n, &cfg);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	return bpf_object__open_mem(*copy, n, &opts);
}

/* Number 0 is "other". */
static int fill_free(int queue, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (bpf_map_update_elem(queue, NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

/* Keeps what the first domain made for those that follow. */
static int keep_shared(struct sg_shared *s, struct bpf_object *o)
{
	bool first = s->fd[SG_MAP_FREE] < 0, first_pool = s->fd[SG_MAP_POOL_KEYS] < 0;
	int r = 0;

	for (size_t i = 0; i < SG_SHARED_MAPS; i++) {
		struct bpf_map *m = find_map(o, sg_shared_names[i]);

		if (s->fd[i] >= 0 || !m || bpf_map__fd(m) < 0)
			continue;
		r = dup_fd(bpf_map__fd(m));
		if (r < 0)
			return r;
		s->fd[i] = r;
	}
	r = sg_shared_map(s);
	if (r < 0)
		return r;
	if (!s->state->threads_base)
		s->state->threads_base = sg_mono_ns();
	if (first && s->fd[SG_MAP_FREE] >= 0)
		r = fill_free(s->fd[SG_MAP_FREE], s->slots);
	if (r == 0 && first && s->fd[SG_MAP_FREE_CGROUPS] >= 0)
		r = fill_free(s->fd[SG_MAP_FREE_CGROUPS], s->slots);
	if (r == 0 && first_pool && s->fd[SG_MAP_POOL_KEYS] >= 0)
		r = sg_pool_fill(s);
	return r;
}

/* What a user can do about it. The last variant that was tried speaks. */
static const char *cure(int r)
{
	static const struct {
		int error;
		const char *text;
	} cures[] = {
		{EPERM, "run as root; in a container, with CAP_BPF and CAP_PERFMON"},
		{EACCES,
		 "the kernel's checker refuses the program; please report the kernel's version"},
		{ENOENT, "the kernel lacks this trace point; it may need Linux 5.10 or newer"},
		{ESRCH, "the kernel lacks type information: it needs CONFIG_DEBUG_INFO_BTF"},
		{ENOMEM, "lower probe.slots, or give the service more memory"},
		{E2BIG, "lower probe.slots"},
		{EBUSY, "another tool holds the trace point"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cures); i++)
		if (cures[i].error == -r)
			return cures[i].text;
	return "'sgprobe doctor' shows what this kernel can do";
}

/* What a variant loads, and of which size. */
static int shape(struct sg_loaded *l, struct sg_shared *s, struct bpf_object *o,
		 const struct variant *v)
{
	int r;

	choose_programs(o, v);
	r = choose_maps(o, v);
	if (r == 0)
		r = share_maps(o, s, v);
	return r == 0 ? size_maps(l, s, o) : r;
}

static const struct variant *first_variant(const struct sg_shared *s)
{
	const struct variant *v = variants;

	while (v->storage && s->no_storage)
		v++;
	return v;
}

static struct sg_map_shape shape_of(const struct bpf_map *m)
{
	return (struct sg_map_shape){bpf_map__type(m), bpf_map__key_size(m), bpf_map__value_size(m),
				     bpf_map__max_entries(m), bpf_map__map_flags(m)};
}

int sg_load_shapes(const struct sg_domain *d, struct sg_shared *s,
		   int (*cb)(const char *name, const struct sg_map_shape *m, void *ctx), void *ctx)
{
	sg_auto_free void *copy = NULL;
	struct bpf_object *o;
	struct sg_loaded l;
	struct bpf_map *m;
	int r;

	sg_loaded_init(&l, d, s);
	o = open_object(&l, s, first_variant(s), &copy);
	r = o ? shape(&l, s, o, first_variant(s)) : -errno;
	if (r == 0)
		bpf_object__for_each_map(m, o)
		{
			struct sg_map_shape one = shape_of(m);

			if (r == 0 && bpf_map__autocreate(m))
				r = cb(bpf_map__name(m), &one, ctx);
		}
	bpf_object__close(o);
	return r;
}

static int try_variant(struct sg_loaded *l, struct sg_shared *s, const struct variant *v)
{
	sg_auto_free void *copy = NULL;
	struct bpf_object *o = open_object(l, s, v, &copy);
	int r = o ? 0 : -errno;

	if (r < 0)
		return refuse(l, r, "its object is damaged; build sgprobe again");
	r = shape(l, s, o, v);
	if (r == 0)
		r = load_object(o, l, s);
	if (r == 0)
		r = keep_shared(s, o); /* with free slots to hand out before the first event */
	if (r == 0)
		r = prepare_shards(l, s, o);
	if (r == 0 && find_map(o, sg_shared_names[SG_MAP_POOL_KEYS]))
		r = sg_pool_prepare(s, l->domain, index_of(l->domain));
	if (r == 0)
		r = attach(l, o);
	if (r == 0)
		r = take_maps(l, o);
	bpf_object__close(o); /* all that is needed of it from here on are the descriptors */
	if (r < 0) {
		close_all(l);
		return refuse(l, r, "%s: %s: %s", v->name, strerror(-r), cure(r));
	}
	l->variant = v->name;
	l->reason[0] = 0;
	return 0;
}

/* With the functions that this kernel takes; where it takes the domain only without them, without. */
static int try_with_functions(struct sg_loaded *l, struct sg_shared *s, const struct variant *v)
{
	int r;

	sg_functions_choose(l, s);
	r = try_variant(l, s, v);
	if (r < 0 && sg_functions_give_up(l, l->reason))
		r = try_variant(l, s, v);
	return r;
}

void sg_refuse(struct sg_loaded *l, const struct sg_domain *d, const char *reason)
{
	char copy[sizeof(l->reason)];

	snprintf(copy, sizeof(copy), "%s", reason); /* it may be l's own */
	sg_unload(l);
	l->domain = d;
	l->variant = "";
	memcpy(l->reason, copy, sizeof(copy));
}

void sg_loaded_init(struct sg_loaded *l, const struct sg_domain *d, const struct sg_shared *s)
{
	memset(l, 0, sizeof(*l));
	l->domain = d;
	l->variant = "";
	l->blocks = d->fixed_blocks + (d->slot_blocks ? s->slots : 0);
}

int sg_load_as(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s,
	       const char *variant)
{
	int r = -EINVAL;

	sg_loaded_init(l, d, s);
	for (size_t i = 0; r < 0 && i < ARRAY_SIZE(variants); i++)
		if (variant ? strcmp(variant, variants[i].name) == 0
			    : !(variants[i].storage && s->no_storage))
			r = try_with_functions(l, s, &variants[i]);
	if (r == 0)
		r = sg_map_memory(l, s);
	if (r == 0 && d->tracks_tasks)
		s->tracked = true;
	if (r < 0)
		sg_refuse(l, d, l->reason[0] ? l->reason : "out of memory");
	return r;
}

int sg_load(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s)
{
	return sg_load_as(l, d, s, NULL);
}

void sg_unload(struct sg_loaded *l)
{
	if (l->domain && l->domain->stop && l->state)
		l->domain->stop(l->state);
	sg_unmap_memory(l);
	sg_memory_free(&l->seen);
	close_all(l);
	memset(l, 0, sizeof(*l));
}
