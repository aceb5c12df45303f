// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "load.h"
#include "pool.h"

#define PIECE 65536u /* bytes of rows mapped at once; a multiple of every page size */
#define TIDS_MAX 32768u
/*
 * Shards are memory in the kernel: a slot takes 20 KB in each, with all domains on.
 * With this many of both together that is 84 MB; where it leaves fewer shards
 * than CPUs, programs add with atomics. Fewer slots make room for more shards.
 */
#define SLOTS_OF_ALL_SHARDS 4096u

static const char *const shared_names[SG_SHARED_MAPS] = {
	[SG_MAP_STATE] = ".data.state",
	[SG_MAP_TASKS] = "sg_tasks",
	[SG_MAP_TIDS] = "sg_tids",
	[SG_MAP_SLOTS] = "sg_slots",
	[SG_MAP_FREE] = "sg_free_slots",
	[SG_MAP_POOL_KEYS] = "sg_pool_keys",
	[SG_MAP_POOL_FREE] = "sg_pool_free",
	[SG_MAP_POOL_FREE_CELLS] = "sg_pool_free_cells",
	[SG_MAP_POOL_OWNERS] = "sg_pool_owners",
	[SG_MAP_POOL_ROWS] = "sg_pool_rows",
	[SG_MAP_POOL_SUMS] = "sg_pool_sums",
	[SG_MAP_POOL_CELLS] = "sg_pool_cells",
};

/* A variant is a way to attach; suffix: how its programs are called. In order of preference. */
static const struct variant {
	const char *name, *suffix;
	enum sg_shared_map unused; /* which of the two maps of task state it does without */
} variants[] = {
	{"tp_btf", "_btf", SG_MAP_TIDS},
	{"raw_tp", "_raw", SG_MAP_TASKS},
};

static uint32_t power_of_two(uint64_t n, uint32_t min, uint32_t max)
{
	uint32_t p = min;

	while (p < n && p < max)
		p *= 2;
	return p;
}

/* A kernel with PREEMPT_RT may preempt what others run with interrupts off. */
static bool is_realtime(void)
{
	sg_auto_buf b = {0};

	return sg_read_file("/sys/kernel/realtime", 16, &b) == 0 && b.data && b.data[0] == '1';
}

void sg_shared_init(struct sg_shared *s, const struct sg_config *cfg)
{
	int cpus = libbpf_num_possible_cpus();

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		s->fd[i] = -1;
	s->slots = power_of_two(cfg->slots, 16, 65536);
	s->shards = power_of_two(cpus > 0 ? (uint64_t)cpus : 1, 1,
				 SG_MIN(SG_MAX_SHARDS, SG_MAX(SLOTS_OF_ALL_SHARDS / s->slots, 1u)));
	s->pool_rows = (uint32_t)cfg->pool_rows;
	s->pool_cells = (uint32_t)cfg->pool_cells;
	s->private_rows = cpus > 0 && (uint32_t)cpus <= s->shards && !is_realtime();
}

void sg_shared_free(struct sg_shared *s)
{
	if (s->state)
		munmap(s->state, (size_t)sysconf(_SC_PAGESIZE));
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
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
	uint32_t parts = SG_BANKS * s->shards;

	switch (i) {
	case SG_MAP_SLOTS:
	case SG_MAP_FREE: return s->slots;
	case SG_MAP_TIDS: return TIDS_MAX;
	case SG_MAP_POOL_KEYS:
	case SG_MAP_POOL_OWNERS: return s->pool_rows + s->pool_cells;
	case SG_MAP_POOL_FREE: return s->pool_rows;
	case SG_MAP_POOL_FREE_CELLS: return s->pool_cells;
	case SG_MAP_POOL_ROWS:
	case SG_MAP_POOL_SUMS: return parts * s->pool_rows;
	case SG_MAP_POOL_CELLS: return parts * s->pool_cells;
	default: return 0;
	}
}

static int share_maps(struct bpf_object *o, const struct sg_shared *s, const struct variant *v)
{
	for (size_t i = 0; i < SG_SHARED_MAPS; i++) {
		struct bpf_map *m = find_map(o, shared_names[i]);
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

static int size_maps(struct sg_loaded *l, const struct sg_shared *s, struct bpf_object *o)
{
	const struct sg_bpf_config cfg = {.slots = s->slots,
					  .shards = s->shards,
					  .blocks = l->blocks,
					  .private_rows = s->private_rows,
					  .jiffy_ns = jiffy_ns(),
					  .domain = (uint32_t)index_of(l->domain),
					  .pool_rows = s->pool_rows,
					  .pool_cells = s->pool_cells};
	bool rows = find_map(o, "sg_rows");
	uint32_t parts = SG_BANKS * s->shards;
	int r = bpf_map__set_initial_value(find_map(o, ".rodata.cfg"), &cfg, sizeof(cfg));

	if (r == 0 && rows)
		r = bpf_map__set_max_entries(find_map(o, "sg_rows"), parts * l->blocks);
	if (r == 0 && rows)
		r = bpf_map__set_max_entries(find_map(o, "sg_sums"), parts * l->blocks);
	if (r == 0)
		r = bpf_map__set_max_entries(find_map(o, "sg_counters"), parts);
	return r;
}

static const struct sg_program *program_of(const struct sg_domain *d, const char *name)
{
	for (size_t i = 0; i < d->n_programs; i++) {
		size_t n = strlen(d->programs[i].hook);

		if (strncmp(name, d->programs[i].hook, n) == 0 &&
		    (!name[n] || strcmp(name + n, "_btf") == 0 || strcmp(name + n, "_raw") == 0))
			return &d->programs[i];
	}
	return NULL;
}

/* An iterator is no hook: it runs once, now, over what was there before. */
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

static int attach(struct sg_loaded *l, struct bpf_object *o)
{
	struct bpf_program *p;

	l->n_attached = 0;
	bpf_object__for_each_program(p, o)
	{
		const struct sg_program *row = program_of(l->domain, bpf_program__name(p));
		struct bpf_link *link;

		if (!bpf_program__autoload(p))
			continue;
		if (is_iterator(p)) {
			run_iterator(p);
			continue;
		}
		if (!row || l->n_attached == SG_PROGRAMS_MAX)
			return -E2BIG; /* a program that its domain's table does not list */
		link = bpf_program__attach(p);
		if (!link && !row->optional)
			return -errno;
		if (!link)
			continue;
		l->links[l->n_attached] = link;
		l->attached[l->n_attached++] =
			(struct sg_attached){.program = row, .fd = bpf_program__fd(p)};
	}
	return 0;
}

static void detach(struct sg_loaded *l)
{
	while (l->n_attached > 0) {
		l->n_attached--;
		bpf_link__destroy(l->links[l->n_attached]);
		l->links[l->n_attached] = NULL;
	}
}

/*
 * Without type information there is nothing to load a tp_btf program for. A raw one
 * loads anywhere, and attaching it finds hooks of modules too.
 */
static bool needs_type(const struct bpf_program *p)
{
	return bpf_program__type(p) == BPF_PROG_TYPE_TRACING;
}

/* A program that the table says is optional must not keep the others from loading. */
static int load_object(struct bpf_object *o, const struct sg_domain *d)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, o)
	{
		const struct sg_program *row = program_of(d, bpf_program__name(p));

		if (row && row->optional && bpf_program__autoload(p) && needs_type(p) &&
		    libbpf_find_vmlinux_btf_id(row->hook, BPF_TRACE_RAW_TP) < 0)
			bpf_program__set_autoload(p, false);
	}
	return bpf_object__load(o);
}

static struct bpf_object *open_object(const struct sg_domain *d)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = d->name);

	return bpf_object__open_mem(d->object,
				    (const char *)d->object_end - (const char *)d->object, &opts);
}

static void *map_whole(struct bpf_map *m, int prot, size_t *bytes, uint64_t *total)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t element = (bpf_map__value_size(m) + 7) & ~7ul, n = element * bpf_map__max_entries(m);
	void *p;

	*bytes = (n + (size_t)page - 1) / (size_t)page * (size_t)page;
	*total += *bytes;
	p = mmap(NULL, *bytes, prot, MAP_SHARED, bpf_map__fd(m), 0);
	return p == MAP_FAILED ? NULL : p;
}

static int fill_free_slots(const struct sg_shared *s)
{
	for (uint32_t i = 1; i < s->slots; i++)
		if (bpf_map_update_elem(s->fd[SG_MAP_FREE], NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

/* Keeps what the first domain made for those that follow. */
static int keep_shared(struct sg_shared *s, struct bpf_object *o)
{
	bool first = s->fd[SG_MAP_FREE] < 0, first_pool = s->fd[SG_MAP_POOL_KEYS] < 0;
	int r = 0;

	for (size_t i = 0; i < SG_SHARED_MAPS; i++) {
		struct bpf_map *m = find_map(o, shared_names[i]);

		if (s->fd[i] >= 0 || !m || bpf_map__fd(m) < 0)
			continue;
		s->fd[i] = dup(bpf_map__fd(m));
		if (s->fd[i] < 0)
			return -errno;
	}
	if (!s->state) {
		size_t bytes;
		void *p = map_whole(find_map(o, shared_names[SG_MAP_STATE]), PROT_READ | PROT_WRITE,
				    &bytes, &s->bytes);

		if (!p)
			return -ENOMEM;
		s->state = p;
	}
	if (first && s->fd[SG_MAP_FREE] >= 0)
		r = fill_free_slots(s);
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

static int try_variant(struct sg_loaded *l, struct sg_shared *s, const struct variant *v)
{
	struct bpf_object *o = open_object(l->domain);
	int r = o ? 0 : -errno;

	if (r < 0)
		return refuse(l, r, "its object is damaged; build sgprobe again");
	choose_programs(o, v);
	r = choose_maps(o, v);
	if (r == 0)
		r = share_maps(o, s, v);
	if (r == 0)
		r = size_maps(l, s, o);
	if (r == 0)
		r = load_object(o, l->domain);
	if (r == 0)
		r = keep_shared(s, o); /* with free slots to hand out before the first event */
	if (r == 0 && find_map(o, shared_names[SG_MAP_POOL_KEYS]))
		r = sg_pool_prepare(s, l->domain, index_of(l->domain));
	if (r == 0)
		r = attach(l, o);
	if (r < 0) {
		detach(l);
		bpf_object__close(o);
		return refuse(l, r, "%s: %s: %s", v->name, strerror(-r), cure(r));
	}
	l->object = o;
	l->variant = v->name;
	l->reason[0] = 0;
	return 0;
}

int sg_load_map_rows(struct sg_loaded *l, int fd, size_t n)
{
	size_t pieces = (n + PIECE - 1) / PIECE;

	l->rows_fd = fd;
	l->rows_bytes = n;
	l->bytes += n;
	l->rows_mapped = calloc(pieces / 8 + 1, 1);
	l->rows = mmap(NULL, pieces * PIECE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	if (l->rows == MAP_FAILED)
		l->rows = NULL;
	return l->rows && l->rows_mapped ? 0 : -ENOMEM;
}

static int map_piece(struct sg_loaded *l, size_t piece)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at = piece * PIECE;
	size_t whole = (l->rows_bytes + page - 1) / page * page;
	size_t n = SG_MIN((size_t)PIECE, whole - at);

	if (l->rows_mapped[piece / 8] & (1 << piece % 8))
		return 0;
	if (mmap((char *)l->rows + at, n, PROT_READ, MAP_SHARED | MAP_FIXED, l->rows_fd,
		 (off_t)at) == MAP_FAILED)
		return -errno;
	l->rows_mapped[piece / 8] |= 1 << piece % 8;
	return 0;
}

const struct sg_row *sg_load_rows(struct sg_loaded *l, size_t e)
{
	size_t size = sizeof(struct sg_row) * l->domain->signals, at = e * size;

	if (at + size > l->rows_bytes)
		return NULL;
	for (size_t piece = at / PIECE; piece <= (at + size - 1) / PIECE; piece++)
		if (map_piece(l, piece) < 0)
			return NULL;
	return (const struct sg_row *)((const char *)l->rows + at);
}

static int map_limit(struct sg_loaded *l)
{
	if (!l->domain->limited)
		return 0;
	l->limit = map_whole(find_map(l->object, ".data.limit"), PROT_READ | PROT_WRITE,
			     &l->limit_bytes, &l->bytes);
	return l->limit ? 0 : -ENOMEM;
}

static int map_memory(struct sg_loaded *l)
{
	struct bpf_map *rows = find_map(l->object, "sg_rows");

	l->counters = map_whole(find_map(l->object, "sg_counters"), PROT_READ, &l->counters_bytes,
				&l->bytes);
	if (!l->counters || map_limit(l) < 0)
		return -ENOMEM;
	if (!rows)
		return 0;
	l->sums = map_whole(find_map(l->object, "sg_sums"), PROT_READ, &l->sums_bytes, &l->bytes);
	if (!l->sums)
		return -ENOMEM;
	return sg_load_map_rows(l, bpf_map__fd(rows),
				(size_t)bpf_map__value_size(rows) * bpf_map__max_entries(rows));
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

int sg_load_as(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s,
	       const char *variant)
{
	int r = -EINVAL;

	memset(l, 0, sizeof(*l));
	l->domain = d;
	l->variant = "";
	l->blocks = d->fixed_blocks + (d->slot_blocks ? s->slots : 0);
	for (size_t i = 0; r < 0 && i < ARRAY_SIZE(variants); i++)
		if (!variant || strcmp(variant, variants[i].name) == 0)
			r = try_variant(l, s, &variants[i]);
	if (r == 0)
		r = map_memory(l);
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
	detach(l);
	if (l->domain && l->domain->stop && l->state)
		l->domain->stop(l->state);
	if (l->rows)
		munmap(l->rows, (l->rows_bytes + PIECE - 1) / PIECE * PIECE);
	if (l->sums)
		munmap((void *)l->sums, l->sums_bytes);
	if (l->counters)
		munmap((void *)l->counters, l->counters_bytes);
	if (l->limit)
		munmap(l->limit, l->limit_bytes);
	free(l->rows_mapped);
	bpf_object__close(l->object);
	memset(l, 0, sizeof(*l));
}
