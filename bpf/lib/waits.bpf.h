/* SPDX-License-Identifier: GPL-2.0 */
/* What a thread that leaves its CPU waits for: enum sg_thread_state. "btf" is a constant. */
#ifndef SG_WAITS_BPF_H
#define SG_WAITS_BPF_H

#include "slot.bpf.h"

#include <asm/unistd.h>

/* include/linux/sched.h */
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_DEAD 0x0080
#define TASK_NOLOAD 0x0400
#define TASK_RTLOCK_WAIT 0x1000
#define PF_IO_WORKER 0x00000010
#define PF_MEMALLOC 0x00000800
#define PF_USER_WORKER 0x00004000 /* since 6.4 */

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#define NO_CALL (-1L) /* it came by a fault or an interrupt */
#define UNKNOWN_CALL (-2L)

#if defined(__TARGET_ARCH_x86)
#define CALL_OF(read_field) ((long)read_field(orig_ax))
#define FIRST_ARGUMENT(read_field) ((long)read_field(di))
#elif defined(__TARGET_ARCH_arm64)
#define CALL_OF(read_field) ((long)read_field(syscallno))
#define FIRST_ARGUMENT(read_field) ((long)read_field(orig_x0))
#else
#error "where are the registers of a system call?"
#endif

/* Since 6.18 a task is throttled where it would return to user space; before, with all that wait beside it. */
SG_FLATTEN bool is_throttled(struct task_struct *task, bool btf)
{
	if (bpf_core_field_exists(task->throttled))
		return btf ? task->throttled : BPF_CORE_READ(task, throttled);
	if (!bpf_core_field_exists(struct sched_entity, cfs_rq) ||
	    !bpf_core_field_exists(struct cfs_rq, throttle_count))
		return false;
	return btf ? task->se.cfs_rq->throttle_count
		   : BPF_CORE_READ(task, se.cfs_rq, throttle_count);
}

SG_FLATTEN bool look_at_fd(struct task_struct *task, unsigned long fd)
{
	struct fdtable *t = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL, **fds;

	if (!t || fd >= BPF_CORE_READ(t, max_fds))
		return false;
	fds = BPF_CORE_READ(t, fd);
	bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	return file && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK;
}

/*
 * Most threads wait for the same descriptor again and again, so what it is is
 * remembered, and looked at again every eighth time: it may have become another file.
 */
SG_FLATTEN bool is_socket(struct sg_task *t, struct task_struct *task, unsigned long fd,
			  __u32 chance)
{
	if (sg_likely(t->fd_known && t->fd == (fd & 1023) && chance % 8))
		return t->fd_socket;
	t->fd = fd & 1023;
	t->fd_known = 1;
	t->fd_socket = look_at_fd(task, fd);
	return t->fd_socket;
}

/*
 * The calls that a thread blocks in, by what for; the rest are waits for an event. Not
 * static: the verifier looks at its ways once.
 */
__noinline __u32 call_waits_for(long nr)
{
	switch (nr) {
	case __NR_futex:
	case 449: /* futex_waitv */
	case 455: /* futex_wait */
	case 456: /* futex_requeue */
	case __NR_flock:
	case __NR_semop:
	case __NR_semtimedop: return SG_THREAD_LOCK;
	case __NR_connect:
	case __NR_accept:
	case __NR_accept4:
	case __NR_sendto:
	case __NR_recvfrom:
	case __NR_sendmsg:
	case __NR_recvmsg:
	case __NR_recvmmsg:
	case __NR_sendmmsg: return SG_THREAD_NETWORK;
	case __NR_fsync:
	case __NR_fdatasync:
	case __NR_sync:
	case __NR_syncfs:
	case __NR_msync:
	case __NR_sync_file_range:
	case __NR_io_getevents: return SG_THREAD_DISK;
	default: return SG_THREAD_SLEEPING;
	}
}

SG_FLATTEN bool is_read_or_write(long nr)
{
	return nr == __NR_read || nr == __NR_write || nr == __NR_readv || nr == __NR_writev;
}

/* A parent that waits for its child to start is no lock, though the kernel does not let it be disturbed. */
SG_FLATTEN bool makes_child(long nr)
{
#ifdef __NR_vfork
	if (nr == __NR_vfork)
		return true;
#endif
	return nr == __NR_clone || nr == 435 /* clone3 */;
}

SG_FLATTEN bool in_iowait(struct task_struct *task, bool btf)
{
	return btf ? BPF_CORE_READ_BITFIELD(task, in_iowait)
		   : BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait);
}

/* The wait of a thread that no signal but a deadly one ends. */
SG_FLATTEN __u32 uninterruptible(struct task_struct *task, long nr, bool btf)
{
	if (nr == NO_CALL)
		return SG_THREAD_MEMORY;
	if (in_iowait(task, btf) || call_waits_for(nr) == SG_THREAD_DISK)
		return SG_THREAD_DISK;
	return makes_child(nr) ? SG_THREAD_SLEEPING : SG_THREAD_LOCK;
}

SG_FLATTEN __u32 interruptible(struct sg_task *t, struct task_struct *task, long nr,
			       unsigned long fd, __u32 chance)
{
	if (is_read_or_write(nr))
		return is_socket(t, task, fd, chance) ? SG_THREAD_NETWORK : SG_THREAD_SLEEPING;
	return call_waits_for(nr);
}

/*
 * The system call that it is in is told by its registers or, where a program must not
 * ask for those, by what domain syscall noted.
 */
SG_FLATTEN __u32 user_waits_for(struct sg_task *t, struct task_struct *task, bool disturbed,
				__u32 chance, bool btf)
{
	long nr = t->call_at ? t->call : UNKNOWN_CALL;
	unsigned long fd = -1;

	if (btf && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#define DIRECT(field) regs->field
		nr = CALL_OF(DIRECT);
		fd = FIRST_ARGUMENT(DIRECT);
#undef DIRECT
	}
	return disturbed ? interruptible(t, task, nr, fd, chance) : uninterruptible(task, nr, btf);
}

/* What a state, as the kernel has it, tells of a wait; it is another when the wait is over. */
enum how {
	HOW_DISTURBED, /* a signal may end it */
	HOW_UNDISTURBED,
	HOW_RTLOCK,
	HOW_THROTTLED = 1, /* of a thread that could have gone on */
};

SG_FLATTEN __u8 how_of(__u32 state)
{
	if (state & TASK_RTLOCK_WAIT)
		return HOW_RTLOCK;
	return state & TASK_UNINTERRUPTIBLE && !(state & TASK_NOLOAD) ? HOW_UNDISTURBED
								      : HOW_DISTURBED;
}

/* Of a thread that waits, or whose wait ends now. chance: any number. */
SG_FLATTEN __u32 waits_for(struct sg_task *t, struct task_struct *task, __u8 how, __u32 chance,
			   bool btf)
{
	__u32 flags = btf ? task->flags : BPF_CORE_READ(task, flags);
	bool disturbed = how == HOW_DISTURBED;

	if (how == HOW_RTLOCK)
		return SG_THREAD_LOCK;
	if (flags & PF_MEMALLOC && !disturbed)
		return SG_THREAD_MEMORY;
	if (flags & (SG_PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)) {
		if (disturbed)
			return SG_THREAD_SLEEPING;
		return in_iowait(task, btf) ? SG_THREAD_DISK : SG_THREAD_LOCK;
	}
	return user_waits_for(t, task, disturbed, chance, btf);
}

#endif
