// SPDX-License-Identifier: GPL-2.0
/*
 * What of BPF is in the kernel now, whoever put it there: "program ID KIND NAME",
 * "map ID NAME", "link ID". KIND is how the kernel was asked to run it: tp_btf, raw_tp,
 * fentry, fexit, iter, kprobe, tracepoint, perf_event and so on; NAME is whole,
 * where bpf(2) itself cuts it after 15 characters. For tests: needs root.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const program_kinds[] = {
	[BPF_PROG_TYPE_KPROBE] = "kprobe",	   [BPF_PROG_TYPE_TRACEPOINT] = "tracepoint",
	[BPF_PROG_TYPE_PERF_EVENT] = "perf_event", [BPF_PROG_TYPE_RAW_TRACEPOINT] = "raw_tp",
	[BPF_PROG_TYPE_TRACING] = "tracing",	   [BPF_PROG_TYPE_LSM] = "lsm",
	[BPF_PROG_TYPE_SYSCALL] = "syscall",
};

static const char *const attach_kinds[] = {
	[BPF_TRACE_RAW_TP] = "tp_btf", [BPF_TRACE_FENTRY] = "fentry",
	[BPF_TRACE_FEXIT] = "fexit",   [BPF_MODIFY_RETURN] = "fmod_ret",
	[BPF_TRACE_ITER] = "iter",
};

static const char *name_of(const char *const *names, size_t n, size_t i)
{
	return i < n && names[i] ? names[i] : "other";
}
#define NAME_OF(names, i) name_of(names, sizeof(names) / sizeof(*(names)), i)

static const char *kind_of_link(const struct bpf_link_info *link)
{
	if (link->type == BPF_LINK_TYPE_RAW_TRACEPOINT)
		return "tp_btf";
	return NAME_OF(attach_kinds, link->tracing.attach_type);
}

/* The link of a tracing program knows what it is attached to; an iterator that ran has none. */
static const char *tracing_kind(__u32 prog_id)
{
	const char *kind = "iter";
	__u32 id = 0;

	while (bpf_link_get_next_id(id, &id) == 0) {
		struct bpf_link_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.prog_id == prog_id)
			kind = kind_of_link(&info);
		close(fd);
	}
	return kind;
}

/* Its name as a function, from the type information it was loaded with. */
static void full_name(int fd, const struct bpf_prog_info *known, char *name, size_t size)
{
	struct bpf_func_info func = {};
	struct bpf_prog_info info = {.nr_func_info = 1,
				     .func_info_rec_size = sizeof(func),
				     .func_info = (__u64)(unsigned long)&func};
	struct btf *btf = known->btf_id ? btf__load_from_kernel_by_id(known->btf_id) : NULL;
	const struct btf_type *t;
	__u32 len = sizeof(info);

	snprintf(name, size, "%s", known->name);
	if (btf && bpf_obj_get_info_by_fd(fd, &info, &len) == 0) {
		t = btf__type_by_id(btf, func.type_id);
		if (t && btf__name_by_offset(btf, t->name_off))
			snprintf(name, size, "%s", btf__name_by_offset(btf, t->name_off));
	}
	btf__free(btf);
}

static void print_program(__u32 id)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	char name[128];

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0) {
		full_name(fd, &info, name, sizeof(name));
		printf("program %u %s %s\n", id,
		       info.type == BPF_PROG_TYPE_TRACING ? tracing_kind(id)
							  : NAME_OF(program_kinds, info.type),
		       name);
	}
	close(fd);
}

static void print_map(__u32 id)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		printf("map %u %s\n", id, info.name);
	close(fd);
}

int main(void)
{
	__u32 id = 0;

	while (bpf_prog_get_next_id(id, &id) == 0)
		print_program(id);
	for (id = 0; bpf_map_get_next_id(id, &id) == 0;)
		print_map(id);
	for (id = 0; bpf_link_get_next_id(id, &id) == 0;)
		printf("link %u\n", id);
	return 0;
}
