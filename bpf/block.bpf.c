// SPDX-License-Identifier: GPL-2.0
/*
 * Block I/O: how long requests wait in their queue, how long the device takes, and
 * for whom. A hook is one body in two programs, tp_btf (direct loads) and raw_tp
 * (bpf_probe_read); "btf" is a constant in each.
 *
 * A request's own time stamps are read where it has them; what it does not say (who
 * submitted it, when the device got it) is kept by its address. Drivers make their
 * requests once and use them again and again, so an entry is made once too: in the
 * long run no event adds to or deletes from the hash.
 *
 * Hooks run for tasks, in softirqs and in interrupts: all adds are atomic.
 */
#include <sgprobe/bpf/block.h>

#define SG_NO_ROWS
#define SG_COUNTERS BLOCK_COUNTERS

#include "pool.bpf.h"
#include "slot.bpf.h"

#define REQUESTS 8192
#define REQ_OP_MASK 255 /* include/linux/blk_types.h */

/* Numbers of the pool of one operation on one device for one slot, as long as sg_state.epoch is the same. */
struct block_rows {
	__u64 device;
	__u32 epoch; /* 0: none is known */
	__u32 op, slot;
	__u32 of[BLOCK_SIGNALS];
};

struct block_request {
	struct sg_slot_key key; /* who submitted it */
	__u32 epoch, slot; /* slot of the key, while sg_state.epoch is the same */
	__u64 ids; /* who submitted it: tgid << 32 | tid */
	__u64 start; /* as start_of() had it: tells this use of the request from the last */
	__u64 began; /* when it was submitted */
	__u64 issued; /* when the device got it; 0: it has not */
	__u32 bytes; /* of it that were completed in parts */
	__u8 pending; /* it began, and did not end yet */
	__u8 in_flight; /* the device has it, counted under this operation + 1; 0: it has not */
	__u8 pad[2];
	struct block_rows rows; /* where its last use was counted: mostly this one as well */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, REQUESTS);
	__type(key, __u64); /* address of the request */
	__type(value, struct block_request);
} block_requests SEC(".maps");

/* Where the last request of a device ended, to tell sequential ones. Devices that meet here only blur that. */
#define HEADS 256
struct block_head {
	__u64 device, sector;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HEADS);
	__type(key, __u32);
	__type(value, struct block_head);
} block_heads SEC(".maps");

/* ---- what the kernel knows ------------------------------------------------------------ */

#define AT(p, a) (btf ? (p)->a : BPF_CORE_READ(p, a))
#define AT2(p, a, b) (btf ? (p)->a->b : BPF_CORE_READ(p, a, b))

/*
 * The request queue was the first argument of these hooks before 5.11 and 5.10.137. Of
 * a trace point the kernel knows the type of its arguments, which says how many.
 */
typedef void (*btf_trace_block_rq_insert)(void *, struct request *);
typedef void (*btf_trace_block_rq_issue)(void *, struct request *);
typedef void (*btf_trace_block_rq_requeue)(void *, struct request *);
typedef void (*btf_trace_block_rq_merge)(void *, struct request *);
typedef void (*btf_trace_block_bio_backmerge)(void *, struct bio *);
typedef void (*btf_trace_block_bio_frontmerge)(void *, struct bio *);

/* Two loads: the address of an argument must not be computed. */
#define ARGUMENT(ctx, hook, before)                                                                \
	({                                                                                         \
		__u64 arg_;                                                                        \
		if (bpf_core_type_exists(btf_trace_##hook)) {                                      \
			arg_ = (ctx)[0];                                                           \
		} else {                                                                           \
			arg_ = (ctx)[before];                                                      \
			asm volatile("" : "+r"(arg_));                                             \
		}                                                                                  \
		(void *)arg_;                                                                      \
	})

SG_FLATTEN __u32 op_of(__u32 flags)
{
	__u32 op = flags & REQ_OP_MASK;

	return op < BLOCK_OTHER ? op : BLOCK_OTHER;
}

SG_FLATTEN struct gendisk *disk_of(struct request *rq, bool btf)
{
	struct request___before_5_15 *old = (void *)rq;

	if (bpf_core_field_exists(rq->q->disk))
		return AT2(rq, q, disk);
	return AT(old, rq_disk);
}

/* Read as words, which costs a tenth of reading a string. */
SG_FLATTEN __u64 device_of(struct gendisk *disk, bool btf)
{
	const __u64 *name = (const __u64 *)disk->disk_name;
	__u64 w[3] = {};

	if (!btf)
		return sg_key_of_name(&disk->disk_name);
	w[0] = name[0];
	w[1] = name[1];
	w[2] = name[2];
	return sg_key_of_words(w);
}

/*
 * When the request was made, if the kernel noted it for this use: without the disk's
 * statistics the stamp is that of an earlier one. part is set and unset with them.
 */
SG_FLATTEN __u64 start_of(struct request *rq, bool btf)
{
	return AT(rq, part) ? AT(rq, start_time_ns) : 0;
}

/* What hooks of requests need to know of one. */
struct view {
	struct gendisk *disk;
	__u64 device, start; /* 0: it is not known when it was made */
	__u32 op, bytes; /* that are left */
};

SG_FLATTEN void look(struct view *v, struct request *rq, bool btf)
{
	v->disk = disk_of(rq, btf);
	v->device = device_of(v->disk, btf);
	v->start = start_of(rq, btf);
	v->op = op_of(AT(rq, cmd_flags));
	v->bytes = AT(rq, __data_len);
}

/* ---- who ------------------------------------------------------------------------------ */

/*
 * The cgroup that pays: the bio's, which is right for write-back too, when the
 * controller is in the version 2 hierarchy; else that of the running task.
 */
SG_FLATTEN __u64 payer_of(struct request *rq, struct task_struct *task, bool btf)
{
	struct bio *bio = AT(rq, bio);
	struct blkcg_gq *blkg = NULL;
	struct blkcg *blkcg = NULL;
	struct cgroup *cgroup = NULL;

	if (bio && bpf_core_field_exists(bio->bi_blkg))
		blkg = AT(bio, bi_blkg);
	if (blkg)
		blkcg = AT(blkg, blkcg);
	if (blkcg)
		cgroup = AT(blkcg, css.cgroup);
	if (cgroup && AT2(cgroup, root, hierarchy_id) == 0)
		return AT2(cgroup, kn, id);
	return btf ? task->cgroups->dfl_cgrp->kn->id
		   : BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* Of the leader. */
SG_FLATTEN void comm_of(__u64 comm[2], struct task_struct *task, bool btf)
{
	struct task_struct *leader = AT(task, group_leader);
	const __u64 *name = (const __u64 *)leader->comm;

	if (btf) {
		comm[0] = name[0];
		comm[1] = name[1];
	} else {
		bpf_core_read(comm, SG_COMM_LEN, &leader->comm);
	}
}

SG_FLATTEN void set_owner(struct block_request *r, struct request *rq, __u32 part, bool btf)
{
	struct task_struct *task =
		btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
	__u32 epoch = *(volatile __u32 *)&sg_state.epoch;
	struct sg_slot_key key = {.cgroup_id = payer_of(rq, task, btf)};
	__u64 comm[2], *name = (__u64 *)key.comm, *old = (__u64 *)r->key.comm;

	r->ids = bpf_get_current_pid_tgid();
	comm_of(comm, task, btf);
	sg_slot_comm(&key, comm, AT(task, flags) & SG_PF_KTHREAD);
	if (r->epoch == epoch && r->key.cgroup_id == key.cgroup_id && old[0] == name[0] &&
	    old[1] == name[1])
		return;
	r->key = key;
	r->slot = sg_slot_of_key(&key, part);
	r->epoch = epoch;
}

/* ---- requests --------------------------------------------------------------------------- */

SG_FLATTEN struct block_request *find_request(struct request *rq)
{
	__u64 addr = (__u64)rq;

	return bpf_map_lookup_elem(&block_requests, &addr);
}

/* Not inlined: once per request of a driver. */
static __noinline struct block_request *make_request(__u64 addr, __u32 part)
{
	struct block_request fresh = {}, *r;

	fresh.epoch = ~*(volatile __u32 *)&sg_state.epoch; /* the slot is to be looked up */
	bpf_map_update_elem(&block_requests, &addr, &fresh, BPF_NOEXIST);
	r = bpf_map_lookup_elem(&block_requests, &addr);
	if (!r)
		sg_count(part, SG_C_NO_STATE, 1, false);
	return r;
}

SG_FLATTEN void arrive(struct block_request *r, __u32 op, __u32 part)
{
	r->in_flight = op + 1;
	sg_count(part, BLOCK_IN_FLIGHT + op, 1, false);
}

SG_FLATTEN void leave(struct block_request *r, __u32 part)
{
	__u32 op = r->in_flight - 1;

	sg_opaque(op);
	r->in_flight = 0;
	if (op < BLOCK_OPS)
		sg_count(part, BLOCK_IN_FLIGHT + op, -1ULL, false);
}

/*
 * A request that comes back after a requeue goes on; anything else begins here. One
 * that the device still has is another: its end was not seen.
 */
SG_FLATTEN struct block_request *begin(struct request *rq, const struct view *v, __u64 now,
				       __u32 part, bool btf)
{
	struct block_request *r = find_request(rq);

	if (!r)
		r = make_request((__u64)rq, part);
	if (!r || (r->pending && !r->in_flight && r->start == v->start))
		return r;
	leave(r, part);
	r->start = v->start;
	r->began = v->start ? v->start : now;
	r->issued = 0;
	r->bytes = 0;
	r->pending = 1;
	set_owner(r, rq, part, btf);
	return r;
}

SG_FLATTEN void add(__u8 cell, __u32 a, const struct view *v, __u32 part)
{
	struct sg_pool_key key = sg_key(cell, a, v->device);

	sg_pool_add(&key, v->disk->disk_name, part, 1, false);
}

SG_FLATTEN void note_sequence(struct request *rq, const struct view *v, __u32 part, bool btf)
{
	__u32 i = (v->device * 0x9e3779b97f4a7c15ULL) >> 56;
	struct block_head *head = bpf_map_lookup_elem(&block_heads, &i);
	__u64 sector = AT(rq, __sector);

	if (!head || !v->bytes)
		return;
	if (head->device == v->device && head->sector == sector)
		add(BLOCK_SEQUENTIAL, v->op, v, part);
	head->device = v->device;
	head->sector = sector + (v->bytes >> 9);
}

/* ---- latencies -------------------------------------------------------------------------- */

/*
 * Not inlined: once per use of a request by another program, on another device, or in another
 * epoch, which is read first: a number that is taken back meanwhile is looked up again.
 */
static __noinline int learn_rows(struct block_rows *rows, __u64 device, __u64 op_slot, void *name)
{
	__u32 op = op_slot >> 32, slot = op_slot, part = sg_part(), i;
	struct sg_pool_key key;

	if (!rows)
		return 0;
	rows->epoch = *(volatile __u32 *)&sg_state.epoch;
	rows->device = device;
	rows->op = op;
	rows->slot = slot;
	for (i = BLOCK_LATENCY; i <= BLOCK_SIZE; i++) {
		key = sg_key(i, op, device);
		rows->of[i] = sg_pool_number(&key, name, part);
	}
	for (; i < BLOCK_SIGNALS; i++) {
		key = sg_key_of_slot(i, slot);
		rows->of[i] = sg_pool_number(&key, NULL, part);
	}
	return 0;
}

SG_FLATTEN struct block_rows *rows_of(struct block_request *r, const struct view *v, __u32 slot)
{
	struct block_rows *rows = &r->rows;

	if (sg_unlikely(rows->epoch != *(volatile __u32 *)&sg_state.epoch || rows->op != v->op ||
			rows->slot != slot || rows->device != v->device))
		learn_rows(rows, v->device, (__u64)v->op << 32 | slot, v->disk->disk_name);
	return rows;
}

SG_FLATTEN void observe(const struct block_rows *rows, __u32 signal, __u32 part, __u32 bucket,
			__u64 n, const struct sg_who *who)
{
	sg_pool_observe_row(rows->of[signal], part, bucket, n, 1, false, signal, who);
}

SG_FLATTEN void observe_size(const struct block_rows *rows, __u64 bytes, __u32 part)
{
	__u32 bucket = sg_pool_bucket_units(bytes);

	observe(rows, BLOCK_SIZE, part, bucket, bytes, NULL);
	observe(rows, BLOCK_SLOT_SIZE, part, bucket, bytes, NULL);
}

SG_FLATTEN void observe_latency(const struct block_rows *rows, __u32 slot, __u64 ids, __u64 began,
				__u64 issued, __u32 part)
{
	const struct sg_who who = sg_who_ids(ids, slot);
	__u64 now = bpf_ktime_get_ns(), ns = now - began;
	__u32 bucket;

	if (!sg_sane(part, ns))
		return;
	bucket = sg_pool_bucket_ns(ns);
	observe(rows, BLOCK_LATENCY, part, bucket, ns, &who);
	observe(rows, BLOCK_SLOT_LATENCY, part, bucket, ns, &who);
	if (!issued || issued > now)
		return; /* it never reached the device, or that was not seen */
	if (issued < began) /* two clocks that differ by some nanoseconds */
		issued = began;
	ns = issued - began;
	observe(rows, BLOCK_QUEUE, part, sg_pool_bucket_ns(ns), ns, &who);
	ns = now - issued;
	observe(rows, BLOCK_DEVICE, part, sg_pool_bucket_ns(ns), ns, &who);
}

/* The whole request has ended. */
SG_FLATTEN void end(struct request *rq, const struct view *v, struct block_request *r, __u64 bytes,
		    __u32 part, bool btf)
{
	bool known = r && r->pending && r->start == v->start;
	__u64 began = known ? r->began : v->start;
	__u64 issued = known && r->issued ? r->issued : AT(rq, io_start_time_ns);
	__u32 slot = known ? r->slot : SG_SLOT_OTHER;
	__u64 ids = known ? r->ids : 0;
	struct block_rows *rows;

	if (known) {
		bytes += r->bytes;
		r->pending = 0;
		leave(r, part);
	}
	if (!r)
		r = make_request((__u64)rq, part); /* to keep its rows */
	if (!r)
		return;
	rows = rows_of(r, v, slot);
	if (began)
		observe_latency(rows, slot, ids, began, issued, part);
	else
		sg_count(part, SG_C_NO_STATE, 1, false);
	if (bytes)
		observe_size(rows, bytes, part);
}

/* ---- hooks ------------------------------------------------------------------------------ */

SG_FLATTEN int on_insert(struct request *rq, bool btf)
{
	__u32 part = sg_part();
	struct view v;

	sg_count(part, BLOCK_INSERTS, 1, false);
	look(&v, rq, btf);
	begin(rq, &v, v.start ? 0 : bpf_ktime_get_ns(), part, btf);
	return 0;
}

SG_FLATTEN int on_issue(struct request *rq, bool btf)
{
	__u32 part = sg_part();
	__u64 now = bpf_ktime_get_ns();
	struct block_request *r;
	struct view v;

	sg_count(part, BLOCK_ISSUES, 1, false);
	look(&v, rq, btf);
	r = begin(rq, &v, now, part, btf);
	if (!r)
		return 0;
	if (!r->issued)
		note_sequence(rq, &v, part, btf);
	r->issued = now;
	arrive(r, v.op, part);
	return 0;
}

/* An error is an errno of old, below 0, and a blk_status_t since 5.18. */
SG_FLATTEN void note_error(int error, const struct view *v, __u32 part)
{
	if (error)
		add(BLOCK_ERRORS, error < 0 ? BLOCK_ERRNO - error : error, v, part);
}

/* Runs for each part of a request that is completed for itself. */
SG_FLATTEN int on_complete(struct request *rq, int error, __u32 bytes, bool btf)
{
	__u32 part = sg_part();
	struct block_request *r;
	struct view v;

	sg_count(part, BLOCK_COMPLETIONS, 1, false);
	look(&v, rq, btf);
	note_error(error, &v, part);
	/* A read or write of nothing only ends a sequence of flushes, which are requests themselves. */
	if (!bytes && v.op <= BLOCK_WRITE)
		return 0;
	r = find_request(rq);
	if (bytes < v.bytes) {
		if (r)
			r->bytes += bytes;
		return 0;
	}
	end(rq, &v, r, bytes, part, btf);
	return 0;
}

SG_FLATTEN int on_requeue(struct request *rq, bool btf)
{
	__u32 part = sg_part();
	struct block_request *r = find_request(rq);
	struct view v;

	sg_count(part, BLOCK_RUNS_REQUEUE, 1, false);
	look(&v, rq, btf);
	add(BLOCK_REQUEUES, v.op, &v, part);
	if (r)
		leave(r, part);
	return 0;
}

/* The request has become part of another and will not be issued. */
SG_FLATTEN int on_rq_merge(struct request *rq, bool btf)
{
	__u32 part = sg_part();
	struct block_request *r = find_request(rq);
	struct view v;

	sg_count(part, BLOCK_RQ_MERGES, 1, false);
	look(&v, rq, btf);
	add(BLOCK_MERGES, v.op, &v, part);
	if (r)
		r->pending = 0;
	return 0;
}

SG_FLATTEN int on_bio_merge(struct bio *bio, __u32 counter, bool btf)
{
	struct bio___before_5_12 *old = (void *)bio;
	__u32 part = sg_part();
	struct view v = {.op = op_of(AT(bio, bi_opf))};

	sg_count(part, counter, 1, false);
	v.disk =
		bpf_core_field_exists(bio->bi_bdev) ? AT2(bio, bi_bdev, bd_disk) : AT(old, bi_disk);
	v.device = device_of(v.disk, btf);
	add(BLOCK_MERGES, v.op, &v, part);
	return 0;
}

SEC("tp_btf/block_rq_insert")
int block_rq_insert_btf(__u64 *ctx)
{
	return on_insert(ARGUMENT(ctx, block_rq_insert, 1), true);
}

SEC("raw_tp/block_rq_insert")
int block_rq_insert_raw(__u64 *ctx)
{
	return on_insert(ARGUMENT(ctx, block_rq_insert, 1), false);
}

SEC("tp_btf/block_rq_issue")
int block_rq_issue_btf(__u64 *ctx)
{
	return on_issue(ARGUMENT(ctx, block_rq_issue, 1), true);
}

SEC("raw_tp/block_rq_issue")
int block_rq_issue_raw(__u64 *ctx)
{
	return on_issue(ARGUMENT(ctx, block_rq_issue, 1), false);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete_btf, struct request *rq, int error, unsigned int bytes)
{
	return on_complete(rq, error, bytes, true);
}

SEC("raw_tp/block_rq_complete")
int BPF_PROG(block_rq_complete_raw, struct request *rq, int error, unsigned int bytes)
{
	return on_complete(rq, error, bytes, false);
}

SEC("tp_btf/block_rq_requeue")
int block_rq_requeue_btf(__u64 *ctx)
{
	return on_requeue(ARGUMENT(ctx, block_rq_requeue, 1), true);
}

SEC("raw_tp/block_rq_requeue")
int block_rq_requeue_raw(__u64 *ctx)
{
	return on_requeue(ARGUMENT(ctx, block_rq_requeue, 1), false);
}

SEC("tp_btf/block_rq_merge")
int block_rq_merge_btf(__u64 *ctx)
{
	return on_rq_merge(ARGUMENT(ctx, block_rq_merge, 1), true);
}

SEC("raw_tp/block_rq_merge")
int block_rq_merge_raw(__u64 *ctx)
{
	return on_rq_merge(ARGUMENT(ctx, block_rq_merge, 1), false);
}

SEC("tp_btf/block_bio_backmerge")
int block_bio_backmerge_btf(__u64 *ctx)
{
	return on_bio_merge(ARGUMENT(ctx, block_bio_backmerge, 2), BLOCK_BACK_MERGES, true);
}

SEC("raw_tp/block_bio_backmerge")
int block_bio_backmerge_raw(__u64 *ctx)
{
	return on_bio_merge(ARGUMENT(ctx, block_bio_backmerge, 2), BLOCK_BACK_MERGES, false);
}

SEC("tp_btf/block_bio_frontmerge")
int block_bio_frontmerge_btf(__u64 *ctx)
{
	return on_bio_merge(ARGUMENT(ctx, block_bio_frontmerge, 2), BLOCK_FRONT_MERGES, true);
}

SEC("raw_tp/block_bio_frontmerge")
int block_bio_frontmerge_raw(__u64 *ctx)
{
	return on_bio_merge(ARGUMENT(ctx, block_bio_frontmerge, 2), BLOCK_FRONT_MERGES, false);
}
