// SPDX-License-Identifier: GPL-2.0
/*
 * Processes: who starts what, how long it lives, how it ends, and the signals that
 * are sent. All of it by the slot of whom it is about: of a start that is the parent.
 */
#include <sgprobe/bpf/process.h>

#define SG_NO_ROWS
#define SG_COUNTERS PROCESS_COUNTERS

#include "event.bpf.h"
#include "forks.bpf.h"
#include "pool.bpf.h"
#include "slot.bpf.h"

enum { KIND_PROCESS, KIND_THREAD, KIND_KERNEL };
enum { RESULT_SUCCESS, RESULT_FAILURE, RESULT_SIGNAL, RESULT_CORE };

/* As wait() returns it, without what is only so while the process lives. */
#define CODE_SIGNAL 0x7f
#define CODE_CORE 0x80

#define READ(task, field) (btf ? (task)->field : BPF_CORE_READ(task, field))

SG_FLATTEN void tally(__u32 slot, __u32 i, __u32 part)
{
	struct sg_pool_key key = sg_key_of_slot(PROCESS_TALLY, slot);

	sg_pool_tally(&key, NULL, part, i, 1, false);
}

SG_FLATTEN int on_fork(struct task_struct *parent, struct task_struct *child, bool btf)
{
	__u32 part = sg_part(), kind = KIND_PROCESS, slot;

	sg_count(part, PROCESS_FORK_RUNS, 1, false);
	if (READ(child, flags) & SG_PF_KTHREAD)
		kind = KIND_KERNEL;
	else if (READ(child, pid) != READ(child, tgid))
		kind = KIND_THREAD;
	slot = sg_slot_of(parent, part, btf);
	tally(slot, PROCESS_STARTS + kind, part);
	sg_event_fork(parent, slot);
	return 0;
}

/* The task bears its new name already. */
SG_FLATTEN int on_exec(struct task_struct *task, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, PROCESS_EXEC_RUNS, 1, false);
	tally(sg_slot_of(task, part, btf), PROCESS_EXECS, part);
	return 0;
}

/*
 * Whether with this thread the process ends. Older kernels do not say; the end of its
 * first thread stands for it there, which comes once in each process too.
 */
SG_FLATTEN bool is_last(const void *ctx, struct task_struct *task, bool btf)
{
	if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead))
		return sg_arg(ctx, 1) & 0xff;
	return READ(task, pid) == READ(task, tgid);
}

SG_FLATTEN __u32 result_of(int code)
{
	if (code & CODE_SIGNAL)
		return code & CODE_CORE ? RESULT_CORE : RESULT_SIGNAL;
	return code ? RESULT_FAILURE : RESULT_SUCCESS;
}

/* SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: an error of the program itself. */
#define CRASHES (1U << 4 | 1U << 5 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 11 | 1U << 31)

SG_FLATTEN bool is_crash(int code)
{
	return 1U << (code & 31) & CRASHES && (code & CODE_SIGNAL) < 32;
}

SG_FLATTEN int on_exit(const void *ctx, struct task_struct *task, bool btf)
{
	__u32 part = sg_part(), slot;
	__u64 now = bpf_ktime_get_ns(), born;
	struct task_struct *leader = READ(task, group_leader);
	int code = READ(leader, exit_code);
	struct sg_pool_key key;

	sg_count(part, PROCESS_EXIT_RUNS, 1, false);
	if (!is_last(ctx, task, btf) || READ(task, flags) & SG_PF_KTHREAD)
		return 0;
	slot = sg_slot_of(task, part, btf);
	tally(slot, PROCESS_EXITS + result_of(code), part);
	born = READ(leader, start_time);
	key = sg_key_of_slot(PROCESS_LIFETIME, slot);
	/* No latency: hours are nothing strange. */
	sg_pool_observe(&key, NULL, part, now > born ? now - born : 0, false, NULL);
	if (sg_unlikely(is_crash(code)))
		sg_event_send(sg_address(task), 0, SG_EVENT_CRASH, code & CODE_SIGNAL,
			      !!(code & CODE_CORE));
	return 0;
}

SG_FLATTEN int on_hang(struct task_struct *task, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, PROCESS_HANG_RUNS, 1, false);
	tally(sg_slot_of(task, part, btf), PROCESS_HANGS, part);
	sg_event_send(sg_address(task), 0, SG_EVENT_HUNG_TASK, 0, 0);
	return 0;
}

#define SIGKILL 9
#define SEND_SIG_PRIV 1 /* instead of an address: the kernel itself sends it */
#define TRACE_SIGNAL_DELIVERED 0

/* By another process: not the kernel, that is, and not the process itself. */
SG_FLATTEN void tell_kill(__u64 info, struct task_struct *task, bool btf)
{
	if (info != SEND_SIG_PRIV && READ(task, tgid) != (int)(bpf_get_current_pid_tgid() >> 32))
		sg_event_send(sg_address(task), bpf_get_current_task(), SG_EVENT_KILLED, 0, 0);
}

SG_FLATTEN int on_signal(int number, void *info, struct task_struct *task, __u32 result, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, PROCESS_SIGNAL_RUNS, 1, false);
	sg_opaque(result);
	if (result < PROCESS_SIGNAL_RESULTS)
		sg_count(part, PROCESS_SIGNAL_RESULT + result, 1, false);
	if (number > 0 && number < PROCESS_SIGNAL_NUMBERS)
		tally(sg_slot_of(task, part, btf), PROCESS_SENT + number, part);
	if (sg_unlikely(number == SIGKILL) && result == TRACE_SIGNAL_DELIVERED)
		tell_kill((__u64)info, task, btf);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork_btf, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child, true);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(sched_process_fork_raw, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child, false);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec_btf, struct task_struct *task)
{
	return on_exec(task, true);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(sched_process_exec_raw, struct task_struct *task)
{
	return on_exec(task, false);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit_btf, struct task_struct *task)
{
	return on_exit(ctx, task, true);
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(sched_process_exit_raw, struct task_struct *task)
{
	return on_exit(ctx, task, false);
}

SEC("tp_btf/sched_process_hang")
int BPF_PROG(sched_process_hang_btf, struct task_struct *task)
{
	return on_hang(task, true);
}

SEC("raw_tp/sched_process_hang")
int BPF_PROG(sched_process_hang_raw, struct task_struct *task)
{
	return on_hang(task, false);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate_btf, int number, void *info, struct task_struct *task, int group,
	     int result)
{
	return on_signal(number, info, task, result, true);
}

SEC("raw_tp/signal_generate")
int BPF_PROG(signal_generate_raw, int number, void *info, struct task_struct *task, int group,
	     int result)
{
	return on_signal(number, info, task, result, false);
}

SEC("raw_tp/task_rename")
int task_rename(void *ctx)
{
	sg_count(sg_part(), PROCESS_RENAMES, 1, false);
	return 0;
}
