// SPDX-License-Identifier: GPL-2.0
// Attaches a probe that a user names: see <sgprobe/named_attach.h>.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <sgprobe/file.h>
#include <sgprobe/named_attach.h>
#include <sgprobe/time.h>

#include "domain.h"
#include "named_find.h"
#include "perf_event.h"

SG_DECLARE_OBJECT(named);

#define WATCH_NS 300000000ULL /* after attaching: whether it runs too often */
#define LOOK_NS 20000000
#define KEYS_MAX 65536u /* of a map that are looked at */

static const char *const base_names[SG_NAMED_BASES] = {
	[SG_NAMED_PROG_ENTRY] = "named_entry",	 [SG_NAMED_PROG_RETURN] = "named_return",
	[SG_NAMED_PROG_EVENT] = "named_event",	 [SG_NAMED_MAP_CONFIGS] = "sg_named_configs",
	[SG_NAMED_MAP_CELLS] = "sg_named_cells", [SG_NAMED_MAP_VALUES] = "sg_named_values",
	[SG_NAMED_MAP_CALLS] = "sg_named_calls", [SG_NAMED_LINK_EXIT] = "named_exit",
};

static void refuse(struct sg_named_result *res, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void refuse(struct sg_named_result *res, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(res->message, sizeof(res->message), fmt, ap);
	va_end(ap);
	res->r = r;
}

static void close_links(struct sg_named_result *res)
{
	for (uint32_t i = 0; i < res->n_links; i++)
		close(res->links[i]);
	res->n_links = 0;
}

/* ---- what all of them share ------------------------------------------------------------------- */

static int dup_of(struct bpf_object *o, enum sg_named_base i)
{
	const char *name = base_names[i];
	int fd = -1;

	if (i <= SG_NAMED_PROG_EVENT)
		fd = bpf_program__fd(bpf_object__find_program_by_name(o, name));
	else if (i < SG_NAMED_LINK_EXIT)
		fd = bpf_map__fd(bpf_object__find_map_by_name(o, name));
	else
		return bpf_raw_tracepoint_open(
			"sched_process_exit",
			bpf_program__fd(bpf_object__find_program_by_name(o, name)));
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

static int take_base(struct bpf_object *o, int base[SG_NAMED_BASES])
{
	int r = 0;

	for (int i = 0; i < SG_NAMED_BASES && r >= 0; i++)
		r = base[i] = dup_of(o, i);
	for (int i = 0; r < 0 && i < SG_NAMED_BASES; i++) {
		if (base[i] >= 0)
			close(base[i]);
		base[i] = -1;
	}
	return SG_MIN(r, 0);
}

static void load(int base[SG_NAMED_BASES], uint32_t probes, struct sg_named_result *res)
{
	size_t n = (uintptr_t)sg_bpf_named_end - (uintptr_t)sg_bpf_named_start;
	sg_auto_free void *copy = malloc(n + 1);
	struct bpf_object *o;
	int r = copy ? 0 : -ENOMEM;

	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 0) {
		refuse(res, -EOPNOTSUPP,
		       "this kernel cannot tell named probes apart: they need Linux 5.15 or newer");
		return;
	}
	if (copy)
		memcpy(copy, sg_bpf_named_start, n);
	o = copy ? bpf_object__open_mem(copy, n, NULL) : NULL;
	if (r == 0 && !o)
		r = -errno;
	if (r == 0)
		r = bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "sg_named_cells"),
					     SG_NAMED_CELLS(probes));
	if (r == 0)
		r = bpf_object__load(o);
	if (r == 0)
		r = take_base(o, base);
	bpf_object__close(o);
	if (r < 0)
		refuse(res, r,
		       "the kernel does not take the programs: %s; 'sgprobe doctor' shows "
		       "what it can do",
		       strerror(-r));
}

struct cells {
	struct sg_named_cell *all;
	size_t bytes;
};

static int map_cells(int fd, uint32_t probes, struct cells *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	c->bytes = (SG_NAMED_CELLS(probes) * sizeof(*c->all) + page - 1) / page * page;
	c->all = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return c->all == MAP_FAILED ? -errno : 0;
}

/* Deletes keys of which the word or number at off, below 64, is the index. */
static void delete_keys(int fd, size_t key_size, size_t off, uint32_t index)
{
	uint64_t key[8], next[8];
	bool more = bpf_map_get_next_key(fd, NULL, next) == 0;

	for (uint32_t i = 0; more && i < KEYS_MAX && key_size <= sizeof(key); i++) {
		uint32_t is;

		memcpy(key, next, sizeof(key));
		more = bpf_map_get_next_key(fd, key, next) == 0;
		memcpy(&is, (char *)key + off, sizeof(is));
		if ((is & (SG_NAMED_MAX - 1)) == index)
			bpf_map_delete_elem(fd, key);
	}
}

void sg_named_forget(const int base[SG_NAMED_BASES], uint64_t id)
{
	const struct sg_named_config none = {0};
	uint32_t index = id & (SG_NAMED_MAX - 1);

	bpf_map_update_elem(base[SG_NAMED_MAP_CONFIGS], &index, &none, BPF_ANY);
	/* Keys: struct value_key and struct call_key of bpf/named.bpf.c. */
	delete_keys(base[SG_NAMED_MAP_VALUES], 40, 0, index);
	delete_keys(base[SG_NAMED_MAP_CALLS], 16, 12, index);
}

/* ---- one probe ---------------------------------------------------------------------------------- */

struct attach {
	const struct sg_named_job *job;
	const int *base;
	struct sg_named_target target;
	struct sg_found found;
	int file;
	struct cells cells;
	struct sg_named_result *res;
};

static uint32_t index_of(const struct attach *a)
{
	return a->job->id & (SG_NAMED_MAX - 1);
}

static int find(struct attach *a)
{
	switch (a->target.kind) {
	case SG_NAMED_TRACEPOINT: sg_find_tracepoint(&a->target, &a->job->probe, &a->found); break;
	case SG_NAMED_KERNEL: sg_find_kernel(&a->target, &a->job->probe, &a->found); break;
	default: sg_find_in_file(&a->target, &a->job->probe, &a->file, &a->found);
	}
	memcpy(a->res->message, a->found.message, sizeof(a->res->message));
	a->res->r = a->found.r;
	return a->found.r;
}

static struct sg_named_config config_of(const struct attach *a)
{
	const struct sg_found *f = &a->found;
	const struct sg_named *p = &a->job->probe;

	return (struct sg_named_config){
		.id = a->job->id,
		.timed = f->timed,
		.goroutine = f->go,
		.stack = a->target.kind == SG_NAMED_UPROBE && !f->go,
		.user = a->target.kind == SG_NAMED_UPROBE || a->target.kind == SG_NAMED_USDT,
		.value = !p->arg   ? SG_NAMED_NONE
			 : p->text ? SG_NAMED_TEXT
				   : SG_NAMED_NUMBER,
		.place = f->arg.place,
		.size = f->arg.size,
		.is_signed = f->arg.is_signed,
		.reg = f->arg.reg,
		.off = f->arg.off,
		.sp = SG_REG_SP,
		.who = SG_REG_GOROUTINE,
		.popped = SG_RETURN_POPS,
	};
}

static uint32_t cost_of(const struct attach *a)
{
	bool user = a->target.kind == SG_NAMED_UPROBE || a->target.kind == SG_NAMED_USDT;

	return (user ? 1000 : 200) * (a->found.timed ? 2 : 1);
}

/* Programs find the configuration last: what they write to is ready then. */
static int configure(struct attach *a)
{
	struct sg_named_config c = config_of(a);
	struct sg_named_head *h = &a->cells.all[index_of(a)].head;
	uint32_t index = index_of(a);

	sg_named_forget(a->base, a->job->id);
	__atomic_store_n(&h->id, 0, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < SG_NAMED_ROWS; i++)
		memset(&a->cells.all[sg_named_row_at(index, i)], 0, sizeof(*a->cells.all));
	memset(h, 0, sizeof(*h));
	memcpy(h->name, a->job->probe.name, sizeof(h->name));
	memcpy(h->spec, a->job->probe.spec, sizeof(h->spec));
	h->timed = c.timed;
	h->value = c.value;
	h->is_signed = c.is_signed;
	h->cost_ns = cost_of(a);
	h->attached_ns = sg_mono_ns();
	__atomic_store_n(&h->id, c.id, __ATOMIC_SEQ_CST);
	return bpf_map_update_elem(a->base[SG_NAMED_MAP_CONFIGS], &index, &c, BPF_ANY) ? -errno : 0;
}

/* The link holds the event. */
static int link_event(struct attach *a, struct perf_event_attr *attr, enum sg_named_base program)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, o, .perf_event.bpf_cookie = a->job->id);
	int event = sg_event_open(attr), link;

	if (event < 0)
		return event;
	if (a->res->n_links == SG_NAMED_LINKS) {
		close(event);
		return -E2BIG;
	}
	link = bpf_link_create(a->base[program], event, BPF_PERF_EVENT, &o);
	close(event);
	if (link >= 0)
		a->res->links[a->res->n_links++] = link;
	return SG_MIN(link, 0);
}

/* The file is named by its descriptor: whatever is called so now, this one was looked at. */
static int attach_user(struct attach *a, uint64_t off, bool returns, enum sg_named_base program)
{
	char path[64];
	int type = sg_event_type("uprobe");
	struct perf_event_attr attr = {.config = (returns ? 1 : 0) | a->found.semaphore << 32,
				       .uprobe_path = (uintptr_t)path,
				       .probe_offset = off};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->file);
	attr.type = (uint32_t)type;
	return type < 0 ? -EOPNOTSUPP : link_event(a, &attr, program);
}

static int attach_kernel(struct attach *a, bool returns, enum sg_named_base program)
{
	int type = sg_event_type("kprobe");
	struct perf_event_attr attr = {.type = (uint32_t)type,
				       .config = returns,
				       .kprobe_func = (uintptr_t)a->target.symbol};

	return type < 0 ? -EOPNOTSUPP : link_event(a, &attr, program);
}

static int attach_event(struct attach *a)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .config = a->found.sites[0]};

	return link_event(a, &attr, SG_NAMED_PROG_EVENT);
}

/* Returns first: a call that is seen to begin is seen to end. */
static int attach_places(struct attach *a)
{
	const struct sg_found *f = &a->found;
	int r = 0;

	if (a->target.kind == SG_NAMED_TRACEPOINT)
		return attach_event(a);
	if (a->target.kind == SG_NAMED_KERNEL) {
		r = f->timed ? attach_kernel(a, true, SG_NAMED_PROG_RETURN) : 0;
		return r < 0 ? r : attach_kernel(a, false, SG_NAMED_PROG_ENTRY);
	}
	for (uint32_t i = 0; r == 0 && f->timed && i < f->n_returns; i++)
		r = attach_user(a, f->returns[i], false, SG_NAMED_PROG_RETURN);
	if (r == 0 && f->timed && !f->go)
		r = attach_user(a, f->sites[0], true, SG_NAMED_PROG_RETURN);
	for (uint32_t i = 0; r == 0 && i < f->n; i++)
		r = attach_user(a, f->sites[i], false, SG_NAMED_PROG_ENTRY);
	return r;
}

static const char *cure(int r)
{
	switch (-r) {
	case EPERM:
	case EACCES: return "the kernel is locked down, or sgprobe runs without the rights of root";
	case EINVAL:
	case EILSEQ:
	case ENOTSUP:
		return "the instruction there cannot carry a probe, or the file system cannot";
	case EADDRNOTAVAIL:
	case ENOENT: return "the kernel does not find the place; it may forbid probes there";
	case EMFILE:
	case ENFILE:
	case E2BIG: return "there are too many open files";
	default: return "'sgprobe doctor' shows what this kernel can do";
	}
}

static uint64_t calls_of(const struct attach *a)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < SG_NAMED_ROWS; i++)
		n += __atomic_load_n(&a->cells.all[sg_named_row_at(index_of(a), i)].row.calls,
				     __ATOMIC_RELAXED);
	return n;
}

/* The answer can say so at once, and a mistake slows the host down for a moment only. */
static void watch_rate(struct attach *a)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t start = sg_mono_ns(), begun = calls_of(a), now = start, n = 0;

	while (now - start < WATCH_NS) {
		nanosleep(&pause, NULL);
		now = sg_mono_ns();
		n = calls_of(a) - begun;
		if (n > a->job->max_rate * LOOK_NS / 1000000000ULL &&
		    (double)n * 1e9 / (double)(now - start) > (double)a->job->max_rate)
			break;
	}
	if (now - start >= WATCH_NS)
		return;
	close_links(a->res);
	refuse(a->res, -EBUSY,
	       "it was taken off at once: it ran %.0f times a second, and %llu are allowed "
	       "(probe.named_rate)",
	       (double)n * 1e9 / (double)(now - start), (unsigned long long)a->job->max_rate);
}

static void attach(struct attach *a)
{
	int r;

	r = map_cells(a->base[SG_NAMED_MAP_CELLS], a->job->max_probes, &a->cells);
	if (r == 0)
		r = configure(a);
	if (r == 0)
		r = attach_places(a);
	if (r < 0) {
		close_links(a->res);
		refuse(a->res, r, "the kernel refuses it: %s; %s", strerror(-r), cure(r));
	}
	if (r == 0) {
		a->res->sites = a->found.n;
		watch_rate(a);
	}
	if (a->res->r < 0) {
		sg_named_forget(a->base, a->job->id);
		if (a->cells.all && a->cells.all != MAP_FAILED)
			__atomic_store_n(&a->cells.all[index_of(a)].head.id, 0, __ATOMIC_SEQ_CST);
	}
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

void sg_named_attach(const struct sg_named_job *job, int base[SG_NAMED_BASES],
		     struct sg_named_result *res)
{
	struct attach a = {.job = job, .base = base, .file = -1, .res = res};
	struct sg_error err = {""};

	memset(res, 0, sizeof(*res));
	res->r = sg_named_parse(job->probe.spec, &a.target, &err);
	if (res->r < 0) {
		snprintf(res->message, sizeof(res->message), "%.399s", err.msg);
		return;
	}
	libbpf_set_print(quiet);
	if (find(&a) == 0 && base[0] < 0)
		load(base, job->max_probes, res);
	if (res->r == 0)
		attach(&a);
	if (a.file >= 0)
		close(a.file);
}
