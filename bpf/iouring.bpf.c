// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: how long requests take from submission until they complete. The
 * arguments of its trace points changed often; which ones a kernel has is read from
 * its types.
 */
#include <sgprobe/bpf/iouring.h>

#define SG_SIGNALS IOURING_BLOCK_SIGNALS
#define SG_COUNTERS IOURING_COUNTERS
#define SG_FIXED_BLOCKS IOURING_OPS

#include "limit.bpf.h"
#include "pool.bpf.h"
#include "slot.bpf.h"

/* include/uapi/linux/io_uring.h */
#define IOSQE_CQE_SKIP_SUCCESS (1U << 6)
#define IORING_CQE_F_MORE (1U << 1)
#define IORING_CQE_F_NOTIF (1U << 3)
#define OP_TIMEOUT 11
#define OP_LINK_TIMEOUT 15
#define ETIME 62

/* The request's address; before 5.18, where completions do not tell it, ring and user_data. */
struct request_key {
	__u64 a, b;
};

struct uring_request {
	__u64 at; /* 0: it has completed once and may again */
	__u64 user_data; /* addresses are used again, and not every end is told */
	__u32 slot, epoch; /* the slot holds as long as the epoch does */
	__u64 ids; /* who submitted it: tgid << 32 | tid */
	__u8 op, shift;
	__u8 unused[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct request_key);
	__type(value, struct uring_request);
} iouring_requests SEC(".maps");

/* ---- which arguments there are ---------------------------------------------------- */

/* Since 6.13; 6.0; 5.18; 5.12; 5.5. The first is none of the hook's. */
typedef void (*btf_trace_io_uring_complete___cqe)(void *, struct io_ring_ctx *, void *,
						  struct io_uring_cqe *);
typedef void (*btf_trace_io_uring_complete___seven)(void *, void *, void *, u64, int, unsigned int,
						    u64, u64);
typedef void (*btf_trace_io_uring_complete___five)(void *, void *, void *, u64, int, unsigned int);
typedef void (*btf_trace_io_uring_complete___four)(void *, void *, u64, int, unsigned int);
typedef void (*btf_trace_io_uring_complete___three)(void *, void *, u64, long);

/* Since 6.0; 5.13, its third and fourth changing places with 5.18; 5.5. */
typedef void (*btf_trace_io_uring_submit_sqe___req)(void *, struct io_kiocb *, bool);
typedef void (*btf_trace_io_uring_submit_sqe___seven)(void *, void *, void *, u64, u64, u32, bool,
						      bool);
typedef void (*btf_trace_io_uring_submit_sqe___five)(void *, void *, u8, u64, bool, bool);

/* Since 6.0; 5.18; 5.5. */
typedef void (*btf_trace_io_uring_queue_async_work___req)(void *, struct io_kiocb *, int);
typedef void (*btf_trace_io_uring_queue_async_work___seven)(void *, void *, void *, u64, u8,
							    unsigned int, struct io_wq_work *, int);
typedef void (*btf_trace_io_uring_queue_async_work___five)(void *, void *, int, struct io_kiocb *,
							   struct io_wq_work *, unsigned int);

#define HAS(hook, arguments) bpf_core_type_exists(btf_trace_io_uring_##hook##___##arguments)

SG_FLATTEN bool completions_tell_request(void)
{
	return HAS(complete, cqe) || HAS(complete, seven) || HAS(complete, five);
}

SG_FLATTEN __u8 op_of(__u64 n)
{
	sg_opaque(n);
	return n < IOURING_OP_OTHER ? n : IOURING_OP_OTHER;
}

SG_FLATTEN __u8 op_of_request(const void *req)
{
	const struct io_kiocb *r = req;

	return op_of(r ? BPF_CORE_READ(r, opcode) : IOURING_OP_OTHER);
}

/* ---- submission ------------------------------------------------------------------- */

/* Not inlined: what is left out when there are many. */
static __noinline int remember(const struct request_key *key, const struct uring_request *r)
{
	return bpf_map_update_elem(&iouring_requests, key, r, BPF_ANY);
}

SG_FLATTEN __u32 slot_of_current(__u32 part, bool btf)
{
	struct task_struct *task =
		btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
	struct sg_task *t = sg_task_of(task, part, true, btf);

	return t ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER;
}

SG_FLATTEN int on_submit(__u64 ring, __u64 req, __u64 user_data, __u64 opcode, bool silent,
			 bool btf)
{
	__u32 part = sg_part();
	struct request_key key = {req, 0};
	struct uring_request r = {.user_data = user_data, .op = op_of(opcode)};

	sg_count(part, IOURING_REQUESTS + r.op, 1, false);
	r.shift = sg_admit(part);
	if (r.shift == SG_UNTIMED) {
		sg_count(part, SG_C_UNTIMED, 1, false);
		return 0;
	}
	if (silent) /* success is not told */
		return 0;
	if (!completions_tell_request())
		key = (struct request_key){ring, user_data};
	r.epoch = *(volatile __u32 *)&sg_state.epoch;
	r.slot = slot_of_current(part, btf);
	r.ids = bpf_get_current_pid_tgid();
	r.at = bpf_ktime_get_ns();
	remember(&key, &r);
	return 0;
}

SG_FLATTEN int on_submit_req(struct io_kiocb *req, bool btf)
{
	if (!bpf_core_field_exists(struct io_kiocb, cqe))
		return 0; /* nor has that kernel the trace point */
	if (btf)
		return on_submit(0, (__u64)req, req->cqe.user_data, req->opcode,
				 req->flags & IOSQE_CQE_SKIP_SUCCESS, btf);
	return on_submit(0, (__u64)req, BPF_CORE_READ(req, cqe.user_data),
			 BPF_CORE_READ(req, opcode),
			 BPF_CORE_READ(req, flags) & IOSQE_CQE_SKIP_SUCCESS, btf);
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(io_uring_submit_req_btf, struct io_kiocb *req)
{
	return on_submit_req(req, true);
}

SEC("raw_tp/io_uring_submit_req")
int BPF_PROG(io_uring_submit_req_raw, struct io_kiocb *req)
{
	return on_submit_req(req, false);
}

SG_FLATTEN int on_submit_args(const __u64 *args, bool btf)
{
	if (HAS(submit_sqe, five))
		return on_submit(args[0], 0, args[2], (__u8)args[1], false, btf);
	if (!HAS(submit_sqe, seven))
		return 0;
	if (HAS(complete, five))
		return on_submit(args[0], args[1], args[2], (__u8)args[3],
				 args[4] & IOSQE_CQE_SKIP_SUCCESS, btf);
	return on_submit(args[0], args[1], args[3], (__u8)args[2], args[4] & IOSQE_CQE_SKIP_SUCCESS,
			 btf);
}

SEC("tp_btf/io_uring_submit_sqe")
int io_uring_submit_sqe_btf(__u64 *args)
{
	if (HAS(submit_sqe, req))
		return on_submit_req((struct io_kiocb *)args[0], true);
	return on_submit_args(args, true);
}

SEC("raw_tp/io_uring_submit_sqe")
int io_uring_submit_sqe_raw(__u64 *args)
{
	if (HAS(submit_sqe, req))
		return on_submit_req((struct io_kiocb *)args[0], false);
	return on_submit_args(args, false);
}

/* ---- completion ------------------------------------------------------------------- */

struct completion {
	__u64 ring, req, user_data;
	__s32 res;
	__u32 flags;
};

/* What a request took; its slot, when that is still its own. */
SG_FLATTEN void observe(const struct uring_request *r, __u32 part)
{
	__u64 ns = bpf_ktime_get_ns() - r->at;
	__u32 slot = r->epoch == *(volatile __u32 *)&sg_state.epoch ? r->slot : SG_SLOT_OTHER;
	__u32 bucket, weight = 1U << (r->shift & 15), op = r->op;
	struct sg_pool_key key = sg_key_of_slot(IOURING_LATENCY, slot);
	const struct sg_who who = sg_who_ids(r->ids, slot);
	struct sg_where w;

	sg_opaque(op);
	if (op >= IOURING_OPS || !sg_sane(part, ns))
		return;
	bucket = sg_bucket_ns(ns);
	if (sg_find_block(&w, part, op))
		sg_observe_at(&w, 0, bucket, ns, weight, false, &who);
	sg_pool_observe_at(&key, NULL, part, bucket, ns, weight, false, &who);
}

/* A timeout that ran its time has not failed. */
SG_FLATTEN bool has_failed(__u8 op, __s32 res)
{
	if (res == -ETIME)
		return op != OP_TIMEOUT && op != OP_LINK_TIMEOUT;
	return res < 0;
}

/*
 * Of a request that completes several times, the first completion that tells its
 * address is its end: mostly the last, for those between are told without.
 */
SG_FLATTEN int on_complete(const struct completion *c)
{
	struct request_key key = {c->req, 0};
	__u32 part = sg_part();
	struct uring_request *r;
	__u8 op;

	if (!completions_tell_request())
		key = (struct request_key){c->ring, c->user_data};
	r = bpf_map_lookup_elem(&iouring_requests, &key);
	if (r && r->user_data != c->user_data)
		r = NULL;
	sg_opaque(r);
	if (c->flags & IORING_CQE_F_NOTIF) /* of a request that the kernel made for itself */
		op = IOURING_OP_OTHER;
	else
		op = r ? r->op : op_of_request((void *)c->req);
	sg_count(part, IOURING_COMPLETIONS + (op & (IOURING_OPS - 1)), 1, false);
	if (has_failed(op, c->res))
		sg_count(part, IOURING_ERRORS + (op & (IOURING_OPS - 1)), 1, false);
	if (!r) {
		sg_count(part, IOURING_UNMATCHED, 1, false);
		return 0;
	}
	if (r->at)
		observe(r, part);
	if (c->flags & IORING_CQE_F_MORE)
		r->at = 0;
	else
		bpf_map_delete_elem(&iouring_requests, &key);
	return 0;
}

SG_FLATTEN int on_complete_args(const __u64 *args, bool btf)
{
	struct completion c = {.ring = args[0]};

	if (HAS(complete, cqe)) {
		const struct io_uring_cqe *cqe = (const void *)args[2];

		c.req = args[1];
		c.user_data = btf ? cqe->user_data : BPF_CORE_READ(cqe, user_data);
		c.res = btf ? cqe->res : BPF_CORE_READ(cqe, res);
		c.flags = btf ? cqe->flags : BPF_CORE_READ(cqe, flags);
	} else if (completions_tell_request()) {
		c.req = args[1];
		c.user_data = args[2];
		c.res = args[3];
		c.flags = args[4];
	} else if (HAS(complete, four) || HAS(complete, three)) {
		c.user_data = args[1];
		c.res = args[2];
		c.flags = HAS(complete, four) ? args[3] : 0;
	}
	return on_complete(&c);
}

SEC("tp_btf/io_uring_complete")
int io_uring_complete_btf(__u64 *args)
{
	return on_complete_args(args, true);
}

SEC("raw_tp/io_uring_complete")
int io_uring_complete_raw(__u64 *args)
{
	return on_complete_args(args, false);
}

/* ---- what went by the side -------------------------------------------------------- */

SG_FLATTEN int on_punt(const __u64 *args)
{
	__u8 op = IOURING_OP_OTHER;

	if (HAS(queue_async_work, req))
		op = op_of_request((void *)args[0]);
	else if (HAS(queue_async_work, seven))
		op = op_of((__u8)args[3]);
	else if (HAS(queue_async_work, five))
		op = op_of_request((void *)args[2]);
	sg_count(sg_part(), IOURING_PUNTED + (op & (IOURING_OPS - 1)), 1, false);
	return 0;
}

SEC("raw_tp/io_uring_queue_async_work")
int io_uring_queue_async_work(__u64 *args)
{
	return on_punt(args);
}

SG_FLATTEN int on_count(__u32 counter)
{
	sg_count(sg_part(), counter, 1, false);
	return 0;
}

SEC("raw_tp/io_uring_cqe_overflow")
int io_uring_cqe_overflow(void *ctx)
{
	return on_count(IOURING_OVERFLOWS);
}

SEC("raw_tp/io_uring_poll_arm")
int io_uring_poll_arm(void *ctx)
{
	return on_count(IOURING_POLL_ARMS);
}

SEC("raw_tp/io_uring_short_write")
int io_uring_short_write(void *ctx)
{
	return on_count(IOURING_SHORT_WRITES);
}

SEC("raw_tp/io_uring_task_work_run")
int BPF_PROG(io_uring_task_work_run, void *tctx, unsigned int count)
{
	__u32 part = sg_part();

	sg_count(part, IOURING_TASK_WORK_RUNS, 1, false);
	sg_count(part, IOURING_TASK_WORK, count, false);
	return 0;
}

SEC("raw_tp/io_uring_local_work_run")
int BPF_PROG(io_uring_local_work_run, void *ring, int count)
{
	__u32 part = sg_part();

	sg_count(part, IOURING_LOCAL_WORK_RUNS, 1, false);
	sg_count(part, IOURING_LOCAL_WORK, count > 0 ? count : 0, false);
	return 0;
}
