// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "functions.h"
#include "named_find.h"
#include "perf_event.h"

#define MODULES_MAX 4096 /* whose types are asked for their names */

/* One of the names of a row, which may be one of a module. */
struct name {
	char module[64], function[64];
};

/* Takes the next name off the text; false: there is none. */
static bool next_name(const char **names, struct name *ret)
{
	const char *p = *names + strspn(*names, " "), *colon;
	size_t n = strcspn(p, " ");

	if (!n)
		return false;
	*names = p + n;
	colon = memchr(p, ':', n);
	snprintf(ret->module, sizeof(ret->module), "%.*s", colon ? (int)(colon - p) : 0, p);
	if (colon) {
		n -= (size_t)(colon + 1 - p);
		p = colon + 1;
	}
	snprintf(ret->function, sizeof(ret->function), "%.*s", (int)n, p);
	return true;
}

/* ---- fentry ------------------------------------------------------------------------------ */

static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

static bool is_types_of(int fd, const char *module)
{
	char name[64] = "";
	struct bpf_btf_info i = {.name = (uintptr_t)name, .name_len = sizeof(name)};
	uint32_t n = sizeof(i);

	return bpf_obj_get_info_by_fd(fd, &i, &n) == 0 && i.kernel_btf && !strcmp(name, module);
}

/* A descriptor of the types of a module that is loaded; -ENOENT. */
static int module_types(const char *module, uint32_t *id)
{
	*id = 0;
	for (uint32_t i = 0; i < MODULES_MAX && bpf_btf_get_next_id(*id, id) == 0; i++) {
		int fd = bpf_btf_get_fd_by_id(*id);

		if (fd >= 0 && is_types_of(fd, module))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

/* The number of the function among the kernel's types, and the module's descriptor, or -1. */
static int find_type(struct btf *types, const struct name *name, int *module)
{
	struct btf *own;
	uint32_t id;
	int r;

	*module = -1;
	if (!types)
		return -ESRCH;
	if (!name->module[0])
		return btf__find_by_name_kind(types, name->function, BTF_KIND_FUNC);
	*module = module_types(name->module, &id);
	if (*module < 0)
		return *module;
	own = btf__load_from_kernel_by_id_split(id, types);
	r = own ? btf__find_by_name_kind(own, name->function, BTF_KIND_FUNC) : -errno;
	btf__free(own);
	return r;
}

static int try_tracing(struct btf *types, const struct name *name, bool at_return)
{
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, o,
			    .expected_attach_type = at_return ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY);
	int module, r = find_type(types, name, &module), program = -1, link;

	if (r > 0) {
		o.attach_btf_id = (uint32_t)r;
		o.attach_btf_obj_fd = module >= 0 ? (uint32_t)module : 0;
		program = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", nothing,
					ARRAY_SIZE(nothing), &o);
		r = SG_MIN(program, 0);
	}
	if (module >= 0)
		close(module);
	if (program < 0)
		return r < 0 ? r : -ENOENT;
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link >= 0)
		close(link);
	return SG_MIN(link, 0);
}

/* ---- kprobe ------------------------------------------------------------------------------ */

static int attach_name(const struct name *name, bool at_return, int program)
{
	int type = sg_event_type("kprobe"), event;
	struct perf_event_attr attr = {.type = (uint32_t)type,
				       .config = at_return,
				       .kprobe_func = (uintptr_t)name->function};

	if (type < 0)
		return -EOPNOTSUPP;
	if (sg_kernel_danger(name->function))
		return -EDEADLK;
	event = sg_event_open(&attr);
	if (event >= 0 && (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
			   ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)) {
		int r = -errno;

		close(event);
		return r;
	}
	return event;
}

int sg_kprobe_attach(const char *names, bool at_return, int program)
{
	int r = -ENOENT;
	struct name name;

	while (r < 0 && next_name(&names, &name))
		r = attach_name(&name, at_return, program);
	return r;
}

static int try_kprobe(struct btf *types, const struct name *name, bool at_return)
{
	int program, event;

	(void)types;
	program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", nothing, ARRAY_SIZE(nothing),
				NULL);
	if (program < 0)
		return program;
	event = attach_name(name, at_return, program);
	close(program);
	if (event >= 0)
		close(event);
	return SG_MIN(event, 0);
}

/* ---- the choice -------------------------------------------------------------------------- */

static const struct kind {
	const char *name, *suffix, *return_suffix;
	int (*try)(struct btf *types, const struct name *name, bool at_return);
} kinds[] = {
	{"fentry", "_fentry", "_fexit", try_tracing},
	{"kprobe", "_kprobe", "_kretprobe", try_kprobe},
};

bool sg_is_function_suffix(const char *suffix)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(suffix, kinds[i].suffix) == 0 ||
		    strcmp(suffix, kinds[i].return_suffix) == 0)
			return true;
	return false;
}

const char *sg_function_suffix(const struct sg_function *f, const struct sg_program *row)
{
	for (size_t i = 0; f && i < ARRAY_SIZE(kinds); i++)
		if (f->kind == kinds[i].name)
			return row->at_return ? kinds[i].return_suffix : kinds[i].suffix;
	return NULL;
}

static const char *explain(int r)
{
	switch (r) {
	case -ENOENT: return "not there, or built into its callers";
	case -EOPNOTSUPP:
	case -524: return "not supported by this kernel"; /* its own ENOTSUPP */
	case -EDEADLK: return "it could hang the machine";
	case -EPERM: return "the kernel refuses it";
	case -ESRCH: return "no type information";
	default: return strerror(-r);
	}
}

/* At its beginning and at its return, where rows of the domain want that. */
static int try_both(const struct kind *k, const struct sg_loaded *l, struct btf *types,
		    const struct sg_function *f, const struct name *name)
{
	bool at[2] = {false, false};
	int r = 0;

	for (size_t i = 0; i < l->domain->n_programs; i++) {
		const struct sg_program *row = &l->domain->programs[i];

		if (row->function && strcmp(row->function, f->names) == 0)
			at[row->at_return] = true;
	}
	for (int i = 0; r == 0 && i < 2; i++)
		if (at[i])
			r = k->try(types, name, i);
	return r;
}

static void say(struct sg_function *f, const char *what, const char *why)
{
	size_t n = strlen(f->reason);

	snprintf(f->reason + n, sizeof(f->reason) - n, "%s%s: %s", n ? "; " : "", what, why);
}

static void choose(struct sg_loaded *l, struct btf *types, struct sg_function *f, bool no_fentry)
{
	struct name name;

	for (size_t i = no_fentry ? 1 : 0; i < ARRAY_SIZE(kinds); i++) {
		const char *names = f->names;
		int best =
			-ENOENT; /* a name that is not there says less than one that is refused */

		while (next_name(&names, &name)) {
			int r = sg_kernel_danger(name.function)
					? -EDEADLK
					: try_both(&kinds[i], l, types, f, &name);

			if (r == 0) {
				f->kind = kinds[i].name;
				snprintf(f->name, sizeof(f->name), "%s", name.function);
				f->reason[0] = 0;
				return;
			}
			if (r != -ENOENT)
				best = r;
		}
		say(f, kinds[i].name, explain(best));
	}
}

static bool is_wanted(const struct sg_program *row, const struct sg_shared *s)
{
	return row->function && !(row->setting && !*((const char *)s->cfg + row->setting));
}

const struct sg_function *sg_function_of(const struct sg_loaded *l, const struct sg_program *row)
{
	for (size_t i = 0; row->function && i < l->n_functions; i++)
		if (strcmp(l->functions[i].names, row->function) == 0)
			return &l->functions[i];
	return NULL;
}

/* A new one for the row; NULL: it is not wanted, has one, or there are too many. */
static struct sg_function *add_function(struct sg_loaded *l, const struct sg_program *row,
					const struct sg_shared *s)
{
	struct sg_function *f = &l->functions[l->n_functions];

	if (!is_wanted(row, s) || sg_function_of(l, row) || l->n_functions == SG_FUNCTIONS_MAX)
		return NULL;
	*f = (struct sg_function){.names = row->function};
	l->n_functions++;
	return f;
}

void sg_functions_choose(struct sg_loaded *l, struct sg_shared *s)
{
	l->n_functions = 0;
	for (size_t i = 0; i < l->domain->n_programs; i++) {
		struct sg_function *f = add_function(l, &l->domain->programs[i], s);

		if (f)
			choose(l, sg_shared_types(s), f, s->cfg->no_fentry);
	}
}

void sg_functions_adopt(struct sg_loaded *l, const struct sg_shared *s)
{
	l->n_functions = 0;
	for (size_t i = 0; i < l->domain->n_programs; i++) {
		const struct sg_program *row = &l->domain->programs[i];
		struct sg_function *f = add_function(l, row, s);

		for (size_t k = 0; f && k < l->n_attached; k++)
			if (l->attached[k].program == row)
				f->kind = l->attached[k].kind;
		if (f && !f->kind)
			say(f, "when it was loaded", "refused; restart sgprobe to ask again");
	}
}

bool sg_functions_give_up(struct sg_loaded *l, const char *reason)
{
	bool any = false;

	for (size_t i = 0; i < l->n_functions; i++) {
		struct sg_function *f = &l->functions[i];

		if (!f->kind)
			continue;
		any = true;
		f->kind = NULL;
		snprintf(f->reason, sizeof(f->reason), "%s", reason);
	}
	return any;
}

/* By the table, so that a program knows its own: the number of the first row that has it. */
uint32_t sg_functions_bits(const struct sg_loaded *l)
{
	const char *seen[32];
	uint32_t bits = 0, n = 0;

	for (size_t i = 0; i < l->domain->n_programs && n < ARRAY_SIZE(seen); i++) {
		const struct sg_program *row = &l->domain->programs[i];
		const struct sg_function *f = sg_function_of(l, row);
		bool known = !row->function;

		for (uint32_t k = 0; !known && k < n; k++)
			known = strcmp(seen[k], row->function) == 0;
		if (known)
			continue;
		if (f && f->kind)
			bits |= 1U << n;
		seen[n++] = row->function;
	}
	return bits;
}
