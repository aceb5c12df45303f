/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts and unmounts, as events, from the end of the system call: in every mount
 * namespace, and only those that succeeded. What was named then is still in memory, and
 * the arguments still in the registers, but for the first on arm64, which is kept apart.
 */
#ifndef SG_MOUNT_BPF_H
#define SG_MOUNT_BPF_H

#include "event.bpf.h"

#include <asm/unistd.h>

#if defined(__TARGET_ARCH_x86)
#define MOUNT_ARG1(regs) BPF_CORE_READ(regs, di)
#define MOUNT_ARG2(regs) BPF_CORE_READ(regs, si)
#define MOUNT_ARG3(regs) BPF_CORE_READ(regs, dx)
#define MOUNT_ARG4(regs) BPF_CORE_READ(regs, r10)
#elif defined(__TARGET_ARCH_arm64)
#define MOUNT_ARG1(regs) BPF_CORE_READ(regs, orig_x0)
#define MOUNT_ARG2(regs) BPF_CORE_READ(regs, regs[1])
#define MOUNT_ARG3(regs) BPF_CORE_READ(regs, regs[2])
#define MOUNT_ARG4(regs) BPF_CORE_READ(regs, regs[3])
#else
#error "where are the registers of a system call?"
#endif

/* The same number everywhere. */
#define NR_MOVE_MOUNT 429
#define NR_FSCONFIG 431
#define NR_MOUNT_SETATTR 442

/* include/uapi/linux/mount.h */
#define MS_RDONLY 1
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_MOVE 8192
#define MS_PROPAGATION (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20)
#define MOVE_MOUNT_F_EMPTY_PATH 4
#define FSCONFIG_CMD_RECONFIGURE 7
#define MOUNT_ATTR_RDONLY 1

_Static_assert(__NR_mount - __NR_umount2 == 1 || __NR_umount2 - __NR_mount == 1,
	       "sg_is_mount looks at both with one compare");

/* Whether a system call may be one of them: two compares with constants. */
SG_FLATTEN bool sg_is_mount(__u32 nr)
{
	const __u32 first = __NR_mount < __NR_umount2 ? __NR_mount : __NR_umount2;

	return sg_unlikely(nr - first < 2 ||
			   nr - NR_MOVE_MOUNT <= NR_MOUNT_SETATTR - NR_MOVE_MOUNT);
}

/* enum sg_event_mount; SG_EVENT_MOUNTS: nothing worth telling. */
SG_FLATTEN __u32 mount_action(__u64 flags)
{
	if (flags & MS_REMOUNT)
		return flags & MS_RDONLY ? SG_EVENT_REMOUNT_RO : SG_EVENT_REMOUNT;
	if (flags & MS_BIND)
		return SG_EVENT_BIND;
	if (flags & MS_MOVE)
		return SG_EVENT_MOVE;
	return flags & MS_PROPAGATION ? SG_EVENT_MOUNTS : SG_EVENT_NEW_MOUNT;
}

SG_FLATTEN __u32 setattr_action(__u64 attr)
{
	__u64 set_clear[2] = {};

	bpf_probe_read_user(set_clear, sizeof(set_clear), (const void *)attr);
	if (!set_clear[0] && !set_clear[1])
		return SG_EVENT_MOUNTS; /* propagation alone */
	return set_clear[0] & MOUNT_ATTR_RDONLY ? SG_EVENT_REMOUNT_RO : SG_EVENT_REMOUNT;
}

/* What such a call did, and where in memory its texts are. */
struct sg_mount_call {
	__u64 source, target, type;
	__u32 kind, action;
};

SG_FLATTEN void understand_mount(struct sg_mount_call *c, const struct pt_regs *regs, __u32 nr)
{
	c->source = c->target = c->type = 0;
	c->kind = SG_EVENT_MOUNT;
	c->action = SG_EVENT_MOUNTS;
	if (nr == __NR_mount) {
		c->source = MOUNT_ARG1(regs);
		c->target = MOUNT_ARG2(regs);
		c->type = MOUNT_ARG3(regs);
		c->action = mount_action(MOUNT_ARG4(regs));
	} else if (nr == __NR_umount2) {
		c->kind = SG_EVENT_UNMOUNT;
		c->target = MOUNT_ARG1(regs);
		c->action = 0;
	} else if (nr ==
		   NR_MOVE_MOUNT) { /* of a new one the file descriptor is all that is named */
		char first = 0;

		c->source = MOUNT_ARG2(regs);
		c->target = MOUNT_ARG4(regs);
		bpf_probe_read_user(&first, sizeof(first), (const void *)c->source);
		c->action = first ? SG_EVENT_MOVE : SG_EVENT_NEW_MOUNT;
	} else if (nr == NR_MOUNT_SETATTR) {
		c->target = MOUNT_ARG2(regs);
		c->action = setattr_action(MOUNT_ARG4(regs));
	} else if (nr == NR_FSCONFIG && MOUNT_ARG2(regs) == FSCONFIG_CMD_RECONFIGURE) {
		c->action = SG_EVENT_REMOUNT;
	}
}

SG_FLATTEN void mount_text(char *to, __u32 n, __u64 from)
{
	__builtin_memset(to, 0, n);
	if (from)
		bpf_probe_read_user_str(to, n, (const void *)from);
}

/* A call of such a number that succeeded. address: of its registers. */
__noinline int sg_mount_done(__u64 address, __u32 nr)
{
	struct sg_event_mount_record *r;
	struct sg_event_count *count;
	struct sg_mount_call c;

	understand_mount(&c, (const struct pt_regs *)address, nr);
	if (c.action == SG_EVENT_MOUNTS)
		return 0;
	count = sg_event_admit(c.kind);
	if (!count)
		return 0;
	r = bpf_ringbuf_reserve(&sg_event_ring, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&count->dropped, 1);
		return 0;
	}
	sg_event_fill(&r->head, bpf_get_current_task(), 0, c.kind);
	r->head.n[0] = c.action;
	r->head.n[1] = 0;
	mount_text(r->source, sizeof(r->source), c.source);
	mount_text(r->target, sizeof(r->target), c.target);
	mount_text(r->type, sizeof(r->type), c.type);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
