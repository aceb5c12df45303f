/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stack as the kernel programs of a domain send it (bpf/lib/stack.bpf.h): through
 * a ring buffer, because stacks are few, taken at a rate that is known beforehand, and
 * a table by stack id would lose one in thirty to collisions. Each is whole: what the
 * process was, and for its code the build id of the file with the offset in it, so
 * that it can be named when the process is gone.
 */
#ifndef SGPROBE_BPF_STACK_H
#define SGPROBE_BPF_STACK_H

#include <linux/types.h>

#define SG_STACK_RING "sg_stack_ring" /* the map */
#define SG_STACK_KERNEL_MAX 64 /* frames */
#define SG_STACK_USER_MAX 127
#define SG_STACK_COMM_LEN 16
#define SG_STACK_EXE_LEN 32
#define SG_STACK_KTHREAD 1 /* flag: a thread of the kernel */

/* As the kernel's struct bpf_stack_build_id. */
struct sg_stack_user {
	__s32 status; /* SG_STACK_BUILD_ID, or the address is all that is known */
	__u8 build_id[20];
	__u64 at; /* offset in the file, or address */
};
#define SG_STACK_BUILD_ID 1

struct sg_stack_head {
	__u64 value_ns; /* of CPU time, or of being blocked */
	__u64 cgroup_id;
	__u64 born_ns; /* when the process started: its number is used again */
	__u32 tgid;
	__u32 flags;
	__u16 kernel_bytes, user_bytes; /* of frames, innermost first: kernel, then user */
	__u32 number; /* by which the slowest event of a row refers to it (worst.h); else 0 */
	char comm[SG_STACK_COMM_LEN]; /* of the thread group's leader; untrusted, as is the next */
	char exe[SG_STACK_EXE_LEN]; /* last part of the path of the program; "" for a thread of the kernel */
};

#define SG_STACK_MAX_BYTES                                                                         \
	(sizeof(struct sg_stack_head) + SG_STACK_KERNEL_MAX * sizeof(__u64) +                      \
	 SG_STACK_USER_MAX * sizeof(struct sg_stack_user))

#endif
