// SPDX-License-Identifier: GPL-2.0
/*
 * Work items of the kernel: how long they are queued and how long they run, by
 * workqueue, and the time that each function ran. Workqueues that bear the same name
 * are one; so are functions.
 */
#include <sgprobe/bpf/workqueue.h>

#define SG_NO_ROWS
#define SG_COUNTERS WORKQUEUE_COUNTERS

#include "limit.bpf.h"
#include "pool.bpf.h"

#define WQ_NAME_MAX 32 /* 24 before 6.9 */

/* A work item that is queued, or runs, or both: it may be queued again while it runs. */
struct work {
	__u64 queued, started; /* when; 0: it is not */
	__u64 name; /* hash of the workqueue's name */
	__u64 workqueue; /* its address */
	__u8 shift;
	__u8 unused[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64); /* address of the work_struct */
	__type(value, struct work);
} workqueue_works SEC(".maps");

/* What the functions are called; it takes the kernel a while to find out. */
struct function {
	__u64 hash;
	char name[SG_KEY_NAME_LEN];
	__u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* address */
	__type(value, struct function);
} workqueue_functions SEC(".maps");

/* FNV-1a, a word at a time. Nothing may follow the end of the string. */
SG_FLATTEN __u64 hash_words(const __u64 *words, __u32 n)
{
	__u64 h = 0xcbf29ce484222325ULL;

#pragma unroll
	for (__u32 i = 0; i < n; i++) {
		h = (h ^ words[i]) * 0x100000001b3ULL;
		h ^= h >> 32;
	}
	return h;
}

SG_FLATTEN __u64 hash_of_workqueue(struct workqueue_struct *wq)
{
	__u64 words[WQ_NAME_MAX / 8] = {};

	bpf_probe_read_kernel_str(words, sizeof(words), &wq->name);
	return hash_words(words, WQ_NAME_MAX / 8);
}

/* ---- queued ----------------------------------------------------------------------- */

static __noinline int remember(__u64 at, const struct work *fresh)
{
	struct work *w = bpf_map_lookup_elem(&workqueue_works, &at);

	if (!w)
		return bpf_map_update_elem(&workqueue_works, &at, fresh, BPF_ANY);
	if (!w->started) {
		*w = *fresh;
		return 0;
	}
	w->queued = fresh->queued; /* it still runs, by the same queue almost always */
	return 0;
}

SG_FLATTEN int on_queue(struct pool_workqueue *pwq, __u64 at, bool btf)
{
	__u32 part = sg_part();
	struct workqueue_struct *wq = btf ? pwq->wq : BPF_CORE_READ(pwq, wq);
	struct work w = {.workqueue = (__u64)wq};

	sg_count(part, WORKQUEUE_QUEUED, 1, false);
	w.shift = sg_admit(part);
	if (w.shift == SG_UNTIMED) {
		sg_count(part, SG_C_UNTIMED, 1, false);
		return 0;
	}
	w.name = hash_of_workqueue(wq);
	w.queued = bpf_ktime_get_ns();
	remember(at, &w);
	return 0;
}

SEC("tp_btf/workqueue_queue_work")
int BPF_PROG(workqueue_queue_work_btf, int cpu, struct pool_workqueue *pwq, __u64 work)
{
	return on_queue(pwq, work, true);
}

SEC("raw_tp/workqueue_queue_work")
int BPF_PROG(workqueue_queue_work_raw, int cpu, struct pool_workqueue *pwq, __u64 work)
{
	return on_queue(pwq, work, false);
}

/* ---- run -------------------------------------------------------------------------- */

SG_FLATTEN void observe(void *ctx, const struct work *w, __u8 signal, __u64 ns, __u32 part)
{
	struct workqueue_struct *wq = (struct workqueue_struct *)w->workqueue;
	struct sg_pool_key key = sg_key(signal, 0, w->name);
	const struct sg_who who = sg_who_current(ctx, SG_SLOT_OTHER);

	if (sg_sane(part, ns))
		sg_pool_observe_at(&key, &wq->name, part, sg_bucket_ns(ns), ns,
				   1U << (w->shift & 15), false, &who);
}

SEC("raw_tp/workqueue_execute_start")
int BPF_PROG(workqueue_execute_start, __u64 work)
{
	__u32 part = sg_part();
	struct work *w = bpf_map_lookup_elem(&workqueue_works, &work);
	__u64 queued;

	sg_count(part, WORKQUEUE_STARTS, 1, false);
	if (!w || !w->queued) {
		sg_count(part, WORKQUEUE_UNMATCHED, 1, false);
		return 0;
	}
	queued = w->queued;
	w->queued = 0;
	w->started = bpf_ktime_get_ns();
	observe(ctx, w, WORKQUEUE_WAIT, w->started - queued, part);
	return 0;
}

/* Not inlined: once per function. */
static __noinline struct function *name_function(__u64 function)
{
	struct function f = {};
	static const char format[] = "%ps";

	if (bpf_snprintf(f.name, sizeof(f.name), format, &function, sizeof(function)) < 0)
		return NULL;
	f.hash = hash_words((const __u64 *)f.name, SG_KEY_NAME_LEN / 8);
	bpf_map_update_elem(&workqueue_functions, &function, &f, BPF_ANY);
	return bpf_map_lookup_elem(&workqueue_functions, &function);
}

/* The helper that finds names is there since 5.13. An address is told to nobody. */
SG_FLATTEN void charge_function(__u64 function, __u64 ns, __u32 part)
{
	struct function *f;
	struct sg_pool_key key;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_snprintf))
		return;
	f = bpf_map_lookup_elem(&workqueue_functions, &function);
	if (!f)
		f = name_function(function);
	if (!f)
		return;
	key = sg_key(WORKQUEUE_FUNCTION_NS, 0, f->hash);
	sg_pool_add(&key, f->name, part, ns, false);
}

SEC("raw_tp/workqueue_execute_end")
int BPF_PROG(workqueue_execute_end, __u64 work, __u64 function)
{
	__u32 part = sg_part();
	struct work *w = bpf_map_lookup_elem(&workqueue_works, &work);
	__u64 ns;

	sg_count(part, WORKQUEUE_ENDS, 1, false);
	if (!w || !w->started)
		return 0;
	ns = bpf_ktime_get_ns() - w->started;
	w->started = 0;
	observe(ctx, w, WORKQUEUE_RUN, ns, part);
	if (ns <= SG_MAX_LATENCY_NS)
		charge_function(function, ns << (w->shift & 15), part);
	if (!w->queued)
		bpf_map_delete_elem(&workqueue_works, &work);
	return 0;
}
