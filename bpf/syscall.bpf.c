// SPDX-License-Identifier: GPL-2.0
/*
 * System calls: how many, how long, how many failed. A call is counted when it
 * returns, or when its thread ends inside it (exit, exit_group). All three hooks
 * run in the task itself with preemption off (on PREEMPT_RT it may be on, and the
 * loader then does not set private_rows), and nothing that may interrupt them gets
 * here: their adds are exclusive.
 */
#include <sgprobe/bpf/syscall.h>

#define SG_SIGNALS SYSCALL_SIGNALS
#define SG_COUNTERS SYSCALL_COUNTERS
#define SG_FIXED_BLOCKS SYSCALL_BLOCKS

#include "event.bpf.h"
#include "limit.bpf.h"
#include "mount.bpf.h"
#include "pool.bpf.h"
#include "slot.bpf.h"

#include <asm/unistd.h>
#include <linux/futex.h>

/* include/linux/errno.h: a call that returns one of these is entered again, or ends as -EINTR. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516
#define MAX_ERRNO 4095
#define IPPROTO_TCP 6
#define EAGAIN 11
#define ETIMEDOUT 110

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x0002 /* arch/x86/include/asm/thread_info.h */
#define X32_BIT 0x40000000 /* numbers of the x32 table */
#define IS_COMPAT(ti_field_read) ((ti_field_read(status)) & TS_COMPAT)
#define FIRST_ARGUMENT(regs) BPF_CORE_READ(regs, di)
#define SECOND_ARGUMENT(regs) BPF_CORE_READ(regs, si)
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */
#define X32_BIT 0
#define IS_COMPAT(ti_field_read) ((ti_field_read(flags)) & (1UL << TIF_32BIT))
#define FIRST_ARGUMENT(regs) BPF_CORE_READ(regs, orig_x0)
#define SECOND_ARGUMENT(regs) BPF_CORE_READ(regs, regs[1])
#else
#error "no system call table for this architecture"
#endif

SG_FLATTEN bool is_compat(struct task_struct *task, bool btf)
{
#define DIRECT(f) task->thread_info.f
#define PROBED(f) BPF_CORE_READ(task, thread_info.f)
	return btf ? IS_COMPAT(DIRECT) : IS_COMPAT(PROBED);
#undef DIRECT
#undef PROBED
}

SG_FLATTEN struct task_struct *current_task(bool btf)
{
	return btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
}

SG_FLATTEN __u16 row_of(struct sg_task *t, struct task_struct *task, long nr, bool btf)
{
	if (sg_unlikely(is_compat(task, btf) || (nr > 0 && nr & X32_BIT)))
		return SYSCALL_COMPAT;
	if (sg_unlikely(nr == __NR_restart_syscall))
		return t->restart < SYSCALL_ROWS ? t->restart : SYSCALL_OTHER;
	return (unsigned long)nr < SYSCALL_NUMBERS ? nr : SYSCALL_OTHER;
}

SG_FLATTEN int on_enter(long nr, bool btf)
{
	struct task_struct *task = current_task(btf);
	__u32 part = sg_part();
	struct sg_task *t = sg_task_of(task, part, true, btf);
	__u64 jiffies;

	sg_count(part, SYSCALL_ENTERS, 1, true);
	if (sg_unlikely(!t))
		return 0;
	t->call = row_of(t, task, nr, btf);
	t->call_shift = sg_admit(part);
	jiffies = bpf_jiffies64();
	t->call_jiffy = jiffies;
	t->call_at = t->call_shift == SG_UNTIMED ? jiffies : bpf_ktime_get_ns();
	return 0;
}

/* Not inlined: most calls succeed. */
static __noinline int on_failure(struct sg_task *t, __u32 part, __u32 row, long ret)
{
	bool again = ret == -ERESTARTSYS || ret == -ERESTARTNOINTR || ret == -ERESTARTNOHAND ||
		     ret == -ERESTART_RESTARTBLOCK;

	if (!t || row >= SYSCALL_ROWS)
		return 0;
	if (ret == -ERESTART_RESTARTBLOCK)
		t->restart = row;
	sg_count(part, (again ? SYSCALL_RESTARTS : SYSCALL_ERRORS) + row, 1, true);
	return 0;
}

/* What a call that returns now took, and how many it stands for; 0: it is not recorded. */
SG_FLATTEN __u32 time_call(const struct sg_task *t, __u64 *ns)
{
	__u64 jiffies = bpf_jiffies64();

	if (t->call_shift == SG_UNTIMED) {
		*ns = sg_jiffies_ns(jiffies - t->call_at);
		return jiffies - t->call_at >= SG_SLOW_JIFFIES;
	}
	*ns = bpf_ktime_get_ns() - t->call_at;
	if (sg_likely(t->call_shift == 0))
		return 1;
	/* 16 bits are few: a very long one may look short by them */
	if ((__u16)(jiffies - t->call_jiffy) >= SG_SLOW_JIFFIES ||
	    *ns >= 16 * sg_jiffies_ns(SG_SLOW_JIFFIES))
		return 1;
	return 1U << (t->call_shift & 15);
}

/* ---- files, by type of file system --------------------------------------------------------
 *
 * Of calls that are timed, so what is not costs nothing. When a call returns, its file is
 * still what its descriptor names, unless another thread closed it meanwhile.
 */

#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFDIR 0040000

/* What a call does to a file; SYSCALL_FILE_NONE: nothing of these. */
SG_FLATTEN __u32 file_op(__u32 row)
{
	switch (row) {
	case __NR_read:
	case __NR_pread64:
	case __NR_readv:
	case __NR_preadv:
	case __NR_preadv2: return SYSCALL_FILE_READ;
	case __NR_write:
	case __NR_pwrite64:
	case __NR_writev:
	case __NR_pwritev:
	case __NR_pwritev2: return SYSCALL_FILE_WRITE;
#ifdef __NR_open
	case __NR_open:
	case __NR_creat:
#endif
	case __NR_openat:
	case __NR_openat2: return SYSCALL_FILE_OPEN;
	case __NR_fsync:
	case __NR_fdatasync: return SYSCALL_FILE_SYNC;
	case __NR_accept:
	case __NR_accept4: return SYSCALL_FILE_ACCEPT;
	default: return SYSCALL_FILE_NONE;
	}
}

/* What a descriptor of the running task names; NULL: nothing. */
SG_FLATTEN struct file *file_of(__u32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

/* Not inlined: of calls on files. Pipes, sockets, terminals are none: who reads them waits for somebody. */
__noinline int on_file(__u64 op_slot, __u32 fd, __u64 ns, __u32 weight, __u32 part)
{
	__u32 op = op_slot >> 32, slot = op_slot;
	const struct sg_who who = sg_who_current(NULL, slot);
	struct file *file = file_of(fd);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u32 kind = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	struct sg_pool_key key;
	const char *name;

	if (kind != S_IFREG && kind != S_IFDIR)
		return 0;
	name = BPF_CORE_READ(inode, i_sb, s_type, name);
	key = sg_key(SYSCALL_FILE, op, sg_key_of_name(name));
	sg_pool_observe_at(&key, name, part, sg_pool_bucket_ns(ns), ns, weight, true, &who);
	return 0;
}

/*
 * Not inlined: once per connection. The kernel notes in the socket when it was established, as
 * if it had sent data then; nobody sends before it is accepted.
 */
__noinline int on_accept(__u32 fd, __u32 slot, __u32 weight, __u32 part)
{
	const struct sg_who who = sg_who_current(NULL, slot);
	struct file *file = file_of(fd);
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct tcp_sock *tcp;
	struct sock *sk;
	__u32 waited;
	struct sg_pool_key key;
	__u64 ns;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	tcp = (struct tcp_sock *)sk;
	waited = (__u32)bpf_jiffies64() - BPF_CORE_READ(tcp, lsndtime);
	ns = sg_jiffies_ns(waited);
	if (!sg_sane(part, ns))
		return 0;
	key = sg_key(SYSCALL_ACCEPT, 0, BPF_CORE_READ(sk, __sk_common.skc_num));
	sg_pool_observe_at(&key, NULL, part, sg_pool_bucket_ns(ns), ns, weight, true, &who);
	return 0;
}

SG_FLATTEN void look_for_file(struct pt_regs *regs, __u32 row, long ret, __u64 ns, __u32 weight,
			      __u32 part, __u32 slot)
{
	__u32 op = file_op(row);

	if (sg_likely(op == SYSCALL_FILE_NONE || ret < 0))
		return;
	if (op == SYSCALL_FILE_ACCEPT)
		on_accept(ret, slot, weight, part);
	else
		on_file((__u64)op << 32 | slot,
			op == SYSCALL_FILE_OPEN ? ret : FIRST_ARGUMENT(regs), ns, weight, part);
}

struct futex_call {
	struct pt_regs *regs;
	long ret;
	__u64 ns;
	__u32 weight, part, slot;
};

SG_FLATTEN bool is_wait(__u32 op)
{
	return op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET || op == FUTEX_WAIT_REQUEUE_PI ||
	       op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2;
}

/*
 * Not inlined: one call of many. Arguments are still in the registers when a call
 * returns, but for the first. A wait that does not begin because the value changed
 * before is no wait.
 */
static __noinline int on_futex(void *ctx, const struct futex_call *c)
{
	struct pt_regs *regs = c->regs;
	__u32 op = SECOND_ARGUMENT(regs) & FUTEX_CMD_MASK;
	const struct sg_who who = sg_who_current(ctx, c->slot);
	struct sg_pool_key key;
	struct sg_where w;

	sg_opaque(op);
	if (op >= FUTEX_OPS)
		op = FUTEX_OP_OTHER;
	sg_count(c->part, SYSCALL_FUTEX_CALLS + op, 1, true);
	if (c->ret == -ETIMEDOUT)
		sg_count(c->part, SYSCALL_FUTEX_TIMEOUTS + op, 1, true);
	if (c->ret == -EAGAIN)
		sg_count(c->part, SYSCALL_FUTEX_CHANGED + op, 1, true);
	if (!c->weight)
		return 0;
	if (sg_find_block(&w, c->part, SYSCALL_FUTEX + op))
		sg_observe_at(&w, SYSCALL_LATENCY, sg_bucket_ns(c->ns), c->ns, c->weight, true,
			      &who);
	if (!is_wait(op) || c->ret == -EAGAIN)
		return 0;
	key = sg_key_of_slot(SYSCALL_FUTEX_WAIT, c->slot);
	sg_pool_observe_at(&key, NULL, c->part, sg_bucket_ns(c->ns), c->ns, c->weight, true, &who);
	return 0;
}

/* Not inlined: one call of many is as long. Those that write to a disk should not be. */
__noinline int on_slow(__u32 row, __u64 ns)
{
	if (row == __NR_fsync || row == __NR_fdatasync || row == __NR_sync || row == __NR_syncfs ||
	    row == __NR_msync || row == __NR_sync_file_range)
		sg_event_send(bpf_get_current_task(), 0, SG_EVENT_SLOW, ns, SG_EVENT_FSYNC);
	return 0;
}

/* The slot that it was counted in. */
SG_FLATTEN __u32 observe(void *ctx, struct sg_task *t, __u32 part, __u32 row, __u64 ns,
			 __u32 weight, bool btf)
{
	__u32 bucket = sg_bucket_ns(ns), slot = sg_slot(t, current_task(btf), part, btf);
	const struct sg_who who = sg_who_current(ctx, slot);
	struct sg_where w;

	if (sg_find_block(&w, part, row))
		sg_observe_at(&w, SYSCALL_LATENCY, bucket, ns, weight, true, &who);
	if (sg_find_slot(&w, part, slot))
		sg_observe_at(&w, SYSCALL_LATENCY, bucket, ns, weight, true, &who);
	return slot;
}

SG_FLATTEN int on_exit(void *ctx, struct pt_regs *regs, long ret, bool btf)
{
	__u32 part = sg_part(), row, weight, slot = SG_SLOT_OTHER;
	struct sg_task *t = sg_task_of(current_task(btf), part, false, btf);
	bool sane;
	__u64 ns;

	if (sg_unlikely(!t ||
			!t->call_at)) { /* began before the probe did, or refused by seccomp */
		sg_count(part, SYSCALL_STRAYS, 1, true);
		return 0;
	}
	weight = time_call(t, &ns);
	row = t->call;
	sg_opaque(row);
	t->call_at = 0;
	if (sg_unlikely(row >= SYSCALL_ROWS))
		return 0;
	sane = sg_sane(part, ns);
	/* What began before the programs were attached may have been another call. */
	if (sg_unlikely(!sane && (__s64)ns >= 0)) {
		sg_count(part, SYSCALL_STRAYS, 1, true);
		return 0;
	}
	sg_count(part, SYSCALL_CALLS + row, 1, true);
	if (sg_unlikely(ret < 0 && ret >= -MAX_ERRNO))
		on_failure(t, part, row, ret);
	if (sg_likely(weight && sane)) {
		slot = observe(ctx, t, part, row, ns, weight, btf);
		look_for_file(regs, row, ret, ns, weight, part, slot);
	} else if (!weight) {
		sg_count(part, SG_C_UNTIMED, 1, true);
	}
	if (sg_is_mount(row) && ret == 0)
		sg_mount_done(sg_address(regs), row);
	if (sg_event_is_slow(ns))
		on_slow(row, ns);
	if (sg_unlikely(row == __NR_futex && sane)) {
		const struct futex_call call = {regs, ret, ns, weight, part, slot};

		on_futex(ctx, &call);
	}
	return 0;
}

SG_FLATTEN int on_thread_exit(bool btf)
{
	__u32 part = sg_part();
	struct sg_task *t = sg_task_of(current_task(btf), part, false, btf);

	sg_count(part, SYSCALL_THREAD_EXITS, 1, true);
	if (!t || !t->call_at)
		return 0;
	if (t->call < SYSCALL_ROWS)
		sg_count(part, SYSCALL_UNFINISHED + t->call, 1, true);
	t->call_at = 0;
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter_btf, struct pt_regs *regs, long nr)
{
	return on_enter(nr, true);
}

SEC("raw_tp/sys_enter")
int BPF_PROG(sys_enter_raw, struct pt_regs *regs, long nr)
{
	return on_enter(nr, false);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit_btf, struct pt_regs *regs, long ret)
{
	return on_exit(ctx, regs, ret, true);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit_raw, struct pt_regs *regs, long ret)
{
	return on_exit(ctx, regs, ret, false);
}

SEC("tp_btf/sched_process_exit")
int sched_process_exit_btf(void *ctx)
{
	return on_thread_exit(true);
}

SEC("raw_tp/sched_process_exit")
int sched_process_exit_raw(void *ctx)
{
	return on_thread_exit(false);
}
