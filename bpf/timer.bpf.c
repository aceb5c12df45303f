// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: how late the kernel runs them and how long their handlers take. A timer
 * belongs to no task that is known when it expires.
 */
#include <sgprobe/bpf/timer.h>

#define SG_SIGNALS 1
#define SG_COUNTERS TIMER_COUNTERS
#define SG_FIXED_BLOCKS TIMER_BLOCKS

#include "sg.bpf.h"

/* include/uapi/linux/time.h */
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
#define CLOCK_TAI 11

/* Handlers that may run on a CPU at a time, one on top of the other. */
enum level { HARD, SOFT, WHEEL, LEVELS };
struct running {
	__u64 timer; /* its address; it may be gone when the handler returns */
	__u64 since;
	__u64 kind;
};
struct cpu_timers {
	struct running running[LEVELS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_timers);
} timer_cpus SEC(".maps");

SG_FLATTEN struct cpu_timers *this_cpu(void)
{
	return bpf_map_lookup_elem(&timer_cpus, &(__u32){0});
}

SG_FLATTEN void begin(struct running *r, __u64 timer, __u32 kind)
{
	r->timer = timer;
	r->kind = kind;
	r->since = bpf_ktime_get_ns();
}

SG_FLATTEN void end(struct running *r, __u32 part)
{
	__u64 ns = bpf_ktime_get_ns() - r->since, kind = r->kind;
	const struct sg_who nobody = sg_who_nobody();
	struct sg_where w;

	r->timer = 0;
	sg_opaque(kind);
	if (kind < TIMER_KINDS && sg_sane(part, ns) && sg_find_block(&w, part, TIMER_RUN + kind))
		sg_observe(&w, 0, ns, false, &nobody);
}

SG_FLATTEN void late(__u32 part, __u32 kind, __s64 ns)
{
	const struct sg_who nobody = sg_who_nobody();
	struct sg_where w;

	if (sg_sane(part, ns) && sg_find_block(&w, part, TIMER_LATE + kind))
		sg_observe(&w, 0, ns, false, &nobody);
}

/* ---- high-resolution timers ------------------------------------------------------- */

SG_FLATTEN __u32 kind_of_clock(int clock)
{
	switch (clock) {
	case CLOCK_MONOTONIC: return TIMER_MONOTONIC;
	case CLOCK_REALTIME: return TIMER_REALTIME;
	case CLOCK_BOOTTIME: return TIMER_BOOTTIME;
	case CLOCK_TAI: return TIMER_TAI;
	default: return TIMER_OTHER;
	}
}

/* Of the timer's own clock. A pointer to it before about Linux 7.1. */
SG_FLATTEN int time_of(const __s64 *now, __s64 *value)
{
	if (bpf_core_type_exists(btf_trace_hrtimer_expire_entry___by_value)) {
		*value = (__s64)now;
		return 0;
	}
	return bpf_probe_read_kernel(value, sizeof(*value), now);
}

/* What slack its owner allowed counts as late. */
SG_FLATTEN int on_hr_entry(struct hrtimer *timer, const __s64 *at, bool btf)
{
	bool soft = btf ? timer->is_soft : BPF_CORE_READ(timer, is_soft);
	__s64 due = btf ? timer->_softexpires : BPF_CORE_READ(timer, _softexpires), now;
	__u32 part = sg_part(), kind = kind_of_clock(btf ? timer->base->clockid
							 : BPF_CORE_READ(timer, base, clockid));
	struct cpu_timers *c = this_cpu();

	sg_count(part, TIMER_HR_EXPIRES, 1, false);
	if (time_of(at, &now))
		return 0;
	if (kind != TIMER_OTHER)
		kind += soft;
	late(part, kind, now - due);
	if (c)
		begin(&c->running[soft ? SOFT : HARD], (__u64)timer, kind);
	return 0;
}

SEC("raw_tp/hrtimer_expire_exit")
int BPF_PROG(hrtimer_expire_exit, __u64 timer)
{
	__u32 part = sg_part();
	struct cpu_timers *c = this_cpu();

	sg_count(part, TIMER_HR_EXITS, 1, false);
	if (!c)
		return 0;
	if (c->running[HARD].timer == timer)
		end(&c->running[HARD], part);
	else if (c->running[SOFT].timer == timer)
		end(&c->running[SOFT], part);
	return 0;
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(hrtimer_expire_entry_btf, struct hrtimer *timer, __s64 *now)
{
	return on_hr_entry(timer, now, true);
}

SEC("raw_tp/hrtimer_expire_entry")
int BPF_PROG(hrtimer_expire_entry_raw, struct hrtimer *timer, __s64 *now)
{
	return on_hr_entry(timer, now, false);
}

/* ---- the timer wheel -------------------------------------------------------------- */

SG_FLATTEN int on_entry(struct timer_list *timer, bool btf)
{
	unsigned long due = btf ? timer->expires : BPF_CORE_READ(timer, expires);
	__u32 part = sg_part();
	struct cpu_timers *c = this_cpu();

	sg_count(part, TIMER_EXPIRES, 1, false);
	late(part, TIMER_WHEEL, (__s64)(bpf_jiffies64() - due) * sg_cfg(jiffy_ns));
	if (c)
		begin(&c->running[WHEEL], (__u64)timer, TIMER_WHEEL);
	return 0;
}

SEC("raw_tp/timer_expire_exit")
int BPF_PROG(timer_expire_exit, __u64 timer)
{
	__u32 part = sg_part();
	struct cpu_timers *c = this_cpu();

	sg_count(part, TIMER_EXITS, 1, false);
	if (c && c->running[WHEEL].timer == timer)
		end(&c->running[WHEEL], part);
	return 0;
}

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(timer_expire_entry_btf, struct timer_list *timer)
{
	return on_entry(timer, true);
}

SEC("raw_tp/timer_expire_entry")
int BPF_PROG(timer_expire_entry_raw, struct timer_list *timer)
{
	return on_entry(timer, false);
}

/* ---- counts ----------------------------------------------------------------------- */

SG_FLATTEN int on_count(__u32 counter)
{
	sg_count(sg_part(), counter, 1, false);
	return 0;
}

SEC("raw_tp/timer_start")
int timer_start(void *ctx)
{
	return on_count(TIMER_STARTS);
}

SEC("raw_tp/timer_cancel")
int timer_cancel(void *ctx)
{
	return on_count(TIMER_CANCELS);
}

SEC("raw_tp/hrtimer_start")
int hrtimer_start(void *ctx)
{
	return on_count(TIMER_HR_STARTS);
}

SEC("raw_tp/hrtimer_cancel")
int hrtimer_cancel(void *ctx)
{
	return on_count(TIMER_HR_CANCELS);
}

SEC("raw_tp/itimer_expire")
int BPF_PROG(itimer_expire, __u64 which)
{
	sg_opaque(which);
	if (which < TIMER_ITIMERS)
		sg_count(sg_part(), TIMER_ITIMER_EXPIRES + which, 1, false);
	return 0;
}

/* The number of the lowest bit plus one; 0: none. */
SG_FLATTEN __u32 reason_of(__u32 dependency)
{
	__u32 reason = 0;

#pragma unroll
	for (__u32 i = 0; i < TIMER_TICK_REASONS - 1; i++)
		if (!reason && dependency & (1U << i))
			reason = i + 1;
	return reason;
}

SEC("raw_tp/tick_stop")
int BPF_PROG(tick_stop, int success, int dependency)
{
	__u32 reason = reason_of(dependency);

	sg_opaque(reason);
	if (success)
		return on_count(TIMER_TICK_STOPS);
	if (reason < TIMER_TICK_REASONS)
		sg_count(sg_part(), TIMER_TICK_KEPT + reason, 1, false);
	return 0;
}
