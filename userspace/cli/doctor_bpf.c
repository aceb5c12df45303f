// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "doctor.h"

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* return 0; of the given type. 0 or -errno. */
static int try_load(enum bpf_prog_type type, enum bpf_attach_type attach, const char *on)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = attach);
	libbpf_print_fn_t before = libbpf_set_print(silent);
	int fd = 0;

	if (on) {
		fd = libbpf_find_vmlinux_btf_id(on, attach);
		o.attach_btf_id = fd > 0 ? fd : 0;
	}
	if (fd >= 0)
		fd = bpf_prog_load(type, "sg_doctor", "GPL", insns, 2, &o);
	libbpf_set_print(before);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void say(struct sg_finding *f, int r, enum sg_verdict bad, const char *what)
{
	if (r == 0) {
		sg_found(f, SG_PASS, "%s programs load", what);
		return;
	}
	sg_found(f, bad, "%s programs are refused: %s", what, strerror(-r));
	if (r == -EPERM && geteuid() != 0)
		sg_cure(f, "run as root: sudo sgprobe doctor");
	else if (r == -EPERM)
		sg_cure(f, "the container or the kernel's lockdown forbids bpf(); give CAP_BPF and "
			   "CAP_PERFMON, allow bpf in seccomp");
	else
		sg_cure(f,
			"this kernel lacks them; use Linux 5.10 or newer with CONFIG_BPF_SYSCALL, "
			"CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF");
}

void sg_check_btf(const struct sg_config *cfg, struct sg_finding *f)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) {
		sg_found(f, SG_PASS, "/sys/kernel/btf/vmlinux is there");
		return;
	}
	sg_found(f, SG_FAIL, "/sys/kernel/btf/vmlinux: %s", strerror(errno));
	sg_cure(f, "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian's are), or mount /sys "
		   "in the container");
}

void sg_check_tp_btf(const struct sg_config *cfg, struct sg_finding *f)
{
	say(f, try_load(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_switch"), SG_WARN,
	    "tp_btf");
}

void sg_check_raw_tp(const struct sg_config *cfg, struct sg_finding *f)
{
	say(f, try_load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL), SG_FAIL, "raw tracepoint");
}

void sg_check_tracepoint(const struct sg_config *cfg, struct sg_finding *f)
{
	say(f, try_load(BPF_PROG_TYPE_TRACEPOINT, 0, NULL), SG_WARN, "tracepoint");
}

void sg_check_fentry(const struct sg_config *cfg, struct sg_finding *f)
{
	int r = try_load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "tcp_connect");

	if (r == 0)
		sg_found(f, SG_PASS, "fentry programs load");
	else
		sg_found(f, SG_PASS, "fentry programs are refused (%s); none is needed",
			 strerror(-r));
}

void sg_check_maps(const struct sg_config *cfg, struct sg_finding *f)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sg_doctor", 4, 64, 1024, &o);

	if (fd >= 0) {
		close(fd);
		sg_found(f, SG_PASS, "memory-mapped arrays can be made");
		return;
	}
	sg_found(f, SG_FAIL, "memory-mapped arrays are refused: %s", strerror(-fd));
	if (geteuid() != 0)
		sg_cure(f, "run as root: sudo sgprobe doctor");
	else
		sg_cure(f,
			"use Linux 5.10 or newer; in a container raise RLIMIT_MEMLOCK (ulimit -l unlimited)");
}

void sg_check_jit(const struct sg_config *cfg, struct sg_finding *f)
{
	sg_auto_buf b = {0};

	if (sg_read_file("/proc/sys/net/core/bpf_jit_enable", 16, &b) < 0 || !b.data) {
		sg_found(f, SG_PASS,
			 "bpf_jit_enable cannot be read here (always on, or a network namespace)");
		return;
	}
	if (b.data[0] != '0') {
		sg_found(f, SG_PASS, "the BPF JIT compiler is on");
		return;
	}
	sg_found(f, SG_WARN, "the BPF JIT compiler is off");
	sg_cure(f, "sysctl -w net.core.bpf_jit_enable=1");
}
