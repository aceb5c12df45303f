/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long it takes what a task does from a beginning to an end: reclaim, a lock, a
 * file operation. A domain numbers its kinds from 0 and says how many they are
 * before it includes this:
 *
 *	#define SG_SPAN_KINDS 2
 *
 *	sg_begin(RECLAIM, part, btf);			in the hook of the beginning
 *
 *	span = sg_end(RECLAIM, part, &ns, btf);		in that of the end
 *	if (span)
 *		observe(ns, span->note);
 *
 * Both run in the task. The note is the domain's, for what only the beginning knows:
 * sg_begin() returns the span to write it to. A task is in one span of a kind at a
 * time, and a second beginning replaces the first; hooks of which one may interrupt
 * the other take kinds of their own.
 *
 * The state is not that of struct sg_task, which is one cache line for the hooks that
 * always run: it is the domain's own and made when a task first begins something.
 */
#ifndef SG_SPAN_BPF_H
#define SG_SPAN_BPF_H

#include "slot.bpf.h"

#define SG_SPAN_TIDS 8192 /* tasks in a span at a time, where there is no task storage */

struct sg_span {
	__u64 at; /* when it began; 0: it is not under way */
	__u64 note;
};

struct sg_spans {
	struct sg_span of[SG_SPAN_KINDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sg_spans);
} sg_spans_btf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SG_SPAN_TIDS);
	__type(key, __u32);
	__type(value, struct sg_spans);
} sg_spans_raw SEC(".maps");

/* Idle tasks all have the number 0, so they are told apart by CPU. */
SG_FLATTEN __u32 sg_span_tid(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return tid ? tid : 1U << 31 | bpf_get_smp_processor_id();
}

/* Of the current task; NULL: there are none, and that is counted where create (a constant) is set. */
SG_FLATTEN struct sg_spans *sg_spans_of_current(__u32 part, bool create, bool btf)
{
	struct sg_spans *s;

	if (btf) {
		s = bpf_task_storage_get(&sg_spans_btf, bpf_get_current_task_btf(), 0,
					 create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	} else {
		__u32 tid = sg_span_tid();

		s = bpf_map_lookup_elem(&sg_spans_raw, &tid);
		if (sg_unlikely(!s) && create) {
			struct sg_spans fresh = {};

			bpf_map_update_elem(&sg_spans_raw, &tid, &fresh, BPF_NOEXIST);
			s = bpf_map_lookup_elem(&sg_spans_raw, &tid);
		}
	}
	if (sg_unlikely(!s) && create)
		sg_count(part, SG_C_NO_STATE, 1, false);
	return s;
}

/* The current task begins something of this kind. NULL: no memory; there will be no end either. */
SG_FLATTEN struct sg_span *sg_begin(__u32 kind, __u32 part, bool btf)
{
	struct sg_spans *s = sg_spans_of_current(part, true, btf);

	if (!s)
		return NULL;
	s->of[kind].at = bpf_ktime_get_ns();
	return &s->of[kind];
}

/* The same where a beginning may be told several times and the first one counts. */
SG_FLATTEN struct sg_span *sg_begin_once(__u32 kind, __u32 part, bool btf)
{
	struct sg_spans *s = sg_spans_of_current(part, true, btf);

	if (!s)
		return NULL;
	if (!s->of[kind].at)
		s->of[kind].at = bpf_ktime_get_ns();
	return &s->of[kind];
}

/* The current task ends it, after *ns. NULL: no beginning was seen, or the time is none (counted). */
SG_FLATTEN struct sg_span *sg_end(__u32 kind, __u32 part, __u64 *ns, bool btf)
{
	struct sg_spans *s = sg_spans_of_current(part, false, btf);

	if (!s || !s->of[kind].at)
		return NULL;
	*ns = bpf_ktime_get_ns() - s->of[kind].at;
	s->of[kind].at = 0;
	return sg_sane(part, *ns) ? &s->of[kind] : NULL;
}

#endif
