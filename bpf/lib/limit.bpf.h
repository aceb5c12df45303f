/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bound on what a domain costs, kept inside the program: of each tick the first
 * sg_bpf_limit.full events of a CPU are timed; past that one in 2^shift, which one being
 * left to chance, so that no rhythm of the load hides a kind of event. What is not
 * timed reads no clock and touches no histogram.
 *
 * Slow events are the ones that matter, so none of them is left to chance: whether
 * two values of jiffies passed is known without a clock. An untimed event that took
 * so long is recorded for itself with the precision of jiffies, and a timed one that
 * took so long stands only for itself.
 */
#ifndef SG_LIMIT_BPF_H
#define SG_LIMIT_BPF_H

#include "sg.bpf.h"

#define SG_UNTIMED 15 /* no shift; fits into four bits */
#define SG_SLOW_JIFFIES 2

/* Uniform in 1 .. 2^(shift+1) - 1: 2^shift on average. */
SG_FLATTEN __u32 sg_next_skip(struct sg_bpf_head *l, __u32 shift)
{
	__u32 mask = (2U << shift) - 1, n;

	l->random = l->random * 1664525 + 1013904223; /* Knuth's constants; its low bits are poor */
	n = (l->random >> 12) & mask;
	return n ? n : 1U << shift;
}

/* How an event that begins now is to be timed: its shift, or SG_UNTIMED. */
SG_FLATTEN __u8 sg_admit(__u32 part)
{
	struct sg_shard *s = sg_shard_of(part);
	__u32 full, shift, tick;
	struct sg_bpf_head *l;

	if (!s)
		return 0;
	l = &s->head;
	full = *(volatile __u32 *)&l->limit.full;
	if (full == SG_NO_LIMIT)
		return 0;
	tick = *(volatile __u32 *)&l->tick;
	if (sg_unlikely(l->seen != tick)) {
		l->seen = tick;
		l->left = full;
	}
	if (l->left) {
		l->left--;
		return 0;
	}
	if (l->skip > 1) {
		l->skip--;
		return SG_UNTIMED;
	}
	shift = *(volatile __u32 *)&l->limit.shift & 15;
	if (shift > SG_MAX_SHIFT)
		shift = SG_MAX_SHIFT;
	l->skip = sg_next_skip(l, shift);
	return shift;
}

/* Nanoseconds of that many jiffies, give or take half a jiffy. */
SG_FLATTEN __u64 sg_jiffies_ns(__u64 jiffies)
{
	return jiffies * sg_cfg(jiffy_ns);
}

/* When something began that is to be timed, as far as the limit allows. */
struct sg_timing {
	__u64 at; /* 0: nothing did; jiffies when it is not timed */
	__u16 jiffy; /* low half of jiffies then */
	__u8 shift; /* it stands for 2^this many; SG_UNTIMED */
};

/* now: the time by the clock where the hook has read it already, else 0. */
SG_FLATTEN void sg_time_begin(struct sg_timing *t, __u32 part, __u64 now)
{
	__u64 jiffies = bpf_jiffies64();

	t->shift = sg_admit(part);
	t->jiffy = jiffies;
	t->at = t->shift == SG_UNTIMED ? jiffies : now ? now : bpf_ktime_get_ns();
}

/*
 * How long it took until now, and how many that stands for; 0: it is not recorded. *now
 * is the time by the clock, 0 where it was not read.
 */
SG_FLATTEN __u32 sg_time_end(struct sg_timing *t, __u64 *ns, __u64 *now)
{
	__u64 jiffies = bpf_jiffies64(), at = t->at;

	t->at = 0;
	*now = 0;
	if (t->shift == SG_UNTIMED) {
		*ns = sg_jiffies_ns(jiffies - at);
		return jiffies - at >= SG_SLOW_JIFFIES;
	}
	*now = bpf_ktime_get_ns();
	*ns = *now - at;
	if (sg_likely(t->shift == 0))
		return 1;
	if ((__u16)(jiffies - t->jiffy) >= SG_SLOW_JIFFIES ||
	    *ns >= 16 * sg_jiffies_ns(SG_SLOW_JIFFIES))
		return 1;
	return 1U << (t->shift & 15);
}

/* When an event begins that is timed so. */
SG_FLATTEN __u64 sg_stamp(__u8 shift)
{
	return shift == SG_UNTIMED ? bpf_jiffies64() : bpf_ktime_get_ns();
}

/* What has passed since that stamp, and how many events that stands for; 0: it is not recorded. */
SG_FLATTEN __u32 sg_passed(__u8 shift, __u64 since, __u64 *ns, __u32 part)
{
	__u64 jiffies;

	if (sg_unlikely(shift == SG_UNTIMED)) {
		jiffies = bpf_jiffies64() - since;
		*ns = sg_jiffies_ns(jiffies);
		if (jiffies >= SG_SLOW_JIFFIES)
			return sg_sane(part, *ns);
		sg_count(part, SG_C_UNTIMED, 1, false);
		return 0;
	}
	*ns = bpf_ktime_get_ns() - since;
	if (!sg_sane(part, *ns))
		return 0;
	return *ns < sg_jiffies_ns(SG_SLOW_JIFFIES) ? 1U << (shift & 15) : 1;
}

#endif
