// SPDX-License-Identifier: GPL-2.0
/*
 * Network devices: sizes of what they send and receive, time in their queues, how
 * much their drivers find per poll, and why packets are dropped.
 *
 * All hooks but those of drops and sockets run with softirqs off, and no hard
 * interrupt sends or receives packets: nothing counts in between on the same CPU.
 * They run with every packet, so they find their rows through quick.bpf.h.
 */
#include <sgprobe/bpf/net.h>

#define SG_COUNTERS NET_COUNTERS
#define SG_NO_ROWS

#include "limit.bpf.h"
#include "quick.bpf.h"

#define GET(p, f, btf) ((btf) ? (p)->f : BPF_CORE_READ(p, f))

/* ---- devices ------------------------------------------------------------------------ */

struct device {
	__u64 name[3]; /* nothing behind its end */
	__u64 id;
	__u32 elsewhere; /* SG_NET_ELSEWHERE or 0 */
};

/* A name of the kernel's of 16 bytes so that equal names are equal bytes. */
SG_FLATTEN void clean_name(__u64 to[2], const __u64 from[2])
{
	__u64 m0 = sg_below_zero_byte(from[0]);

	to[0] = from[0] & m0;
	to[1] = m0 == ~0ULL ? from[1] & sg_below_zero_byte(from[1]) : 0;
}

SG_FLATTEN void device_of(struct device *d, struct net_device *dev, bool btf)
{
	__u64 name[2];
	__u32 netns;

	if (btf) {
		const __u64 *at = (const __u64 *)dev->name;

		name[0] = at[0];
		name[1] = at[1];
		netns = dev->nd_net.net->ns.inum;
	} else {
		bpf_core_read(name, sizeof(name), &dev->name);
		netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	}
	clean_name(d->name, name);
	d->name[2] = 0;
	d->id = sg_hash64(d->name[0], d->name[1]);
	d->elsewhere = netns == sg_cfg(netns) ? 0 : SG_NET_ELSEWHERE;
}

/* What has no device: packets that the kernel itself queues for a CPU. */
SG_FLATTEN void no_device(struct device *d)
{
	__builtin_memset(d, 0, sizeof(*d));
}

SG_FLATTEN struct sg_pool_key key_of(__u8 signal, const struct device *d, __u32 detail)
{
	return sg_key(signal, d->elsewhere | detail, d->id);
}

SG_FLATTEN void observe_units(__u8 signal, const struct device *d, __u32 part, __u64 n)
{
	struct sg_pool_key key = key_of(signal, d, 0);
	__u32 number = sg_quick(&key);

	if (sg_unlikely(!number))
		number = sg_quick_learn(&key, d->name, part);
	sg_pool_observe_row(number, part, sg_bucket_units(n), n, 1, true, 0, NULL);
}

SG_FLATTEN void count_cell(__u8 cell, const struct device *d, __u32 detail, __u32 part)
{
	struct sg_pool_key key = key_of(cell, d, detail);
	__u32 number;

	key.cell = 1;
	number = sg_quick(&key);
	if (sg_unlikely(!number))
		number = sg_quick_learn(&key, d->name, part);
	sg_pool_add_cell(number, part, 1, true);
}

/* ---- receive, transmit -------------------------------------------------------------- */

/* The header of the link was taken off already. Some tunnels tell the room they want instead. */
SG_FLATTEN __u32 link_header(struct net_device *dev, bool btf)
{
	__u32 n = GET(dev, hard_header_len, btf);

	return n > 32 ? 0 : n;
}

SG_FLATTEN int on_receive(struct sk_buff *skb, bool btf)
{
	struct net_device *dev = GET(skb, dev, btf);
	__u32 part = sg_part();
	struct device d;

	sg_count(part, NET_RECEIVES, 1, true);
	device_of(&d, dev, btf);
	observe_units(NET_RECEIVE_SIZE, &d, part, GET(skb, len, btf) + link_header(dev, btf));
	return 0;
}

/* The packet may be gone: len is what it had. */
SG_FLATTEN int on_transmit(int rc, struct net_device *dev, __u32 len, bool btf)
{
	__u32 part = sg_part();
	struct device d;

	sg_count(part, NET_TRANSMITS, 1, true);
	device_of(&d, dev, btf);
	if (sg_likely(rc == 0))
		observe_units(NET_TRANSMIT_SIZE, &d, part, len);
	else
		count_cell(NET_TRANSMIT_FAILURES, &d, rc & ~SG_NET_ELSEWHERE, part);
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(netif_receive_skb_btf, struct sk_buff *skb)
{
	return on_receive(skb, true);
}

SEC("raw_tp/netif_receive_skb")
int BPF_PROG(netif_receive_skb_raw, struct sk_buff *skb)
{
	return on_receive(skb, false);
}

SEC("tp_btf/net_dev_xmit")
int BPF_PROG(net_dev_xmit_btf, struct sk_buff *skb, int rc, struct net_device *dev,
	     unsigned int len)
{
	return on_transmit(rc, dev, len, true);
}

SEC("raw_tp/net_dev_xmit")
int BPF_PROG(net_dev_xmit_raw, struct sk_buff *skb, int rc, struct net_device *dev,
	     unsigned int len)
{
	return on_transmit(rc, dev, len, false);
}

SEC("raw_tp/net_dev_xmit_timeout")
int BPF_PROG(net_dev_xmit_timeout, struct net_device *dev)
{
	__u32 part = sg_part();
	struct device d;

	sg_count(part, NET_TIMEOUTS, 1, true);
	device_of(&d, dev, false);
	count_cell(NET_TRANSMIT_TIMEOUTS, &d, 0, part);
	return 0;
}

SEC("raw_tp/dql_stall_detected")
int dql_stall_detected(void *ctx)
{
	sg_count(sg_part(), NET_DQL_STALLS, 1, false);
	return 0;
}

/* ---- polls of drivers --------------------------------------------------------------- */

SG_FLATTEN int on_poll(struct napi_struct *napi, int work, int budget, bool btf)
{
	struct net_device *dev = GET(napi, dev, btf);
	__u32 part = sg_part();
	struct device d;

	sg_count(part, NET_POLLS, 1, true);
	if (dev)
		device_of(&d, dev, btf);
	else
		no_device(&d);
	if (work <= 0) {
		count_cell(NET_NAPI_IDLE, &d, 0, part);
		return 0;
	}
	observe_units(NET_NAPI_WORK, &d, part, work);
	if (work >= budget)
		count_cell(NET_NAPI_EXHAUSTED, &d, 0, part);
	return 0;
}

SEC("tp_btf/napi_poll")
int BPF_PROG(napi_poll_btf, struct napi_struct *napi, int work, int budget)
{
	return on_poll(napi, work, budget, true);
}

SEC("raw_tp/napi_poll")
int BPF_PROG(napi_poll_raw, struct napi_struct *napi, int work, int budget)
{
	return on_poll(napi, work, budget, false);
}

/* ---- queues ------------------------------------------------------------------------- */

/*
 * When packets were queued, found by the address of the packet in one of two places.
 * A packet that finds both taken is not timed; one that never left its queue (it was
 * dropped in there) holds its place for STALE_NS at most.
 */
#define WAITING_BITS 12
#define STALE_NS 10000000000ULL
#define DEQUEUE_MAX 64 /* packets that a driver is given at once */

struct waiting {
	__u64 who; /* address of the packet; in the low four bits how many it stands for, see limit.bpf.h */
	__u64 at;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << WAITING_BITS);
	__type(key, __u32);
	__type(value, struct waiting);
} net_waiting SEC(".maps");

/* As a number: the verifier lets nothing be computed from a pointer. */
SG_FLATTEN __u64 address_of(struct sk_buff *skb, bool btf)
{
	__u64 at;

	if (!btf)
		return (__u64)skb;
	bpf_probe_read_kernel(&at, sizeof(at), &skb);
	return at;
}

#define PLACES 2

SG_FLATTEN struct waiting *place_of(__u64 skb, __u32 way)
{
	__u32 at = ((skb >> 6) * 0x9e3779b97f4a7c15ULL) >> (64 - WAITING_BITS);

	at ^= way;
	return bpf_map_lookup_elem(&net_waiting, &at);
}

SG_FLATTEN bool is_of(const struct waiting *w, __u64 skb)
{
	return (w->who & ~15ULL) == skb;
}

/* Where a packet is kept, or NULL. */
SG_FLATTEN struct waiting *find_waiting(__u64 skb)
{
	struct waiting *w;

	for (__u32 way = 0; way < PLACES; way++) {
		w = place_of(skb, way);
		if (w && is_of(w, skb))
			return w;
	}
	return NULL;
}

SG_FLATTEN struct waiting *free_place(__u64 skb, __u64 now)
{
	struct waiting *w;

	for (__u32 way = 0; way < PLACES; way++) {
		w = place_of(skb, way);
		if (w && (!w->who || now - w->at >= STALE_NS))
			return w;
	}
	return NULL;
}

struct queue {
	struct device device;
	__u64 kind[2]; /* name of the qdisc */
};

SG_FLATTEN struct sg_pool_key queue_key(__u8 signal, const struct queue *q)
{
	return key_of(signal, &q->device, sg_hash64(q->kind[0], q->kind[1]) & ~SG_NET_ELSEWHERE);
}

SG_FLATTEN void queue_of(struct queue *q, struct Qdisc *qdisc, struct netdev_queue *txq, bool btf)
{
	__u64 kind[2];

	device_of(&q->device, GET(txq, dev, btf), btf);
	if (btf) {
		const __u64 *id = (const __u64 *)qdisc->ops->id;

		kind[0] = id[0];
		kind[1] = id[1];
	} else {
		const struct Qdisc_ops *ops = BPF_CORE_READ(qdisc, ops);

		bpf_core_read(kind, sizeof(kind), &ops->id);
	}
	clean_name(q->kind, kind);
}

#define SLASHES 0x2f2f2f2f2f2f2f2fULL

SG_FLATTEN __u32 learn_queue(const struct sg_pool_key *key, const struct queue *q, __u32 part)
{
	__u64 name[4], m0, m1;

	m0 = sg_below_zero_byte(q->device.name[0]);
	m1 = m0 == ~0ULL ? sg_below_zero_byte(q->device.name[1]) : 0;
	name[0] = q->device.name[0] | (~m0 & SLASHES);
	name[1] = q->device.name[1] | (~m1 & SLASHES);
	name[2] = q->kind[0];
	name[3] = q->kind[1];
	return sg_quick_learn(key, name, part);
}

SG_FLATTEN __u32 number_of_queue(const struct sg_pool_key *key, const struct queue *q, __u32 part)
{
	__u32 number = sg_quick(key);

	return sg_likely(number) ? number : learn_queue(key, q, part);
}

SG_FLATTEN void begin_waiting(__u64 skb, __u32 part)
{
	__u8 shift = sg_admit(part);
	struct waiting *w = find_waiting(skb);
	__u64 now;

	if (w)
		w->who = 0; /* a packet that had this address and was dropped */
	if (shift != SG_UNTIMED) {
		now = bpf_ktime_get_ns();
		w = free_place(skb, now);
		if (w) {
			w->at = now;
			barrier();
			w->who = skb | shift;
			return;
		}
	}
	sg_count(part, SG_C_UNTIMED, 1, true);
}

SG_FLATTEN int on_enqueue(struct Qdisc *qdisc, struct netdev_queue *txq, struct sk_buff *skb,
			  bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key;
	struct queue q;

	sg_count(part, NET_ENQUEUES, 1, true);
	queue_of(&q, qdisc, txq, btf);
	key = queue_key(NET_QUEUED, &q);
	key.cell = 1;
	sg_pool_add_cell(number_of_queue(&key, &q, part), part, 1, true);
	begin_waiting(address_of(skb, btf), part);
	return 0;
}

SEC("tp_btf/qdisc_enqueue")
int BPF_PROG(qdisc_enqueue_btf, struct Qdisc *qdisc, struct netdev_queue *txq, struct sk_buff *skb)
{
	return on_enqueue(qdisc, txq, skb, true);
}

SEC("raw_tp/qdisc_enqueue")
int BPF_PROG(qdisc_enqueue_raw, struct Qdisc *qdisc, struct netdev_queue *txq, struct sk_buff *skb)
{
	return on_enqueue(qdisc, txq, skb, false);
}

/*
 * Not inlined: of the packets that are timed. Not static, and so with addresses alone: the
 * checker looks at it once, and not for each packet of the loop below.
 */
__noinline int end_waiting(__u64 skb, __u64 qdisc, __u64 txq, __u32 part)
{
	__u32 number, shift;
	const struct sg_who nobody = sg_who_nobody();
	struct waiting *w = find_waiting(skb);
	struct sg_pool_key key;
	struct queue q;
	__u64 ns;

	if (!w)
		return 0;
	ns = bpf_ktime_get_ns() - w->at;
	shift = w->who & 15;
	w->who = 0;
	if (!sg_sane(part, ns))
		return 0;
	queue_of(&q, (struct Qdisc *)qdisc, (struct netdev_queue *)txq, false);
	key = queue_key(NET_QUEUE_TIME, &q);
	number = number_of_queue(&key, &q, part);
	sg_pool_observe_row(number, part, sg_bucket_ns(ns), ns, 1U << shift, true, NET_QUEUE_TIME,
			    &nobody);
	return 0;
}

/* Runs for empty queues too, without a packet: nothing is read of it before it is known. */
SEC("raw_tp/qdisc_dequeue")
int BPF_PROG(qdisc_dequeue, struct Qdisc *qdisc, struct netdev_queue *txq, int packets,
	     struct sk_buff *skb)
{
	__u32 part = sg_part();

	sg_count(part, NET_DEQUEUES, 1, true);
	for (int i = 0; i < DEQUEUE_MAX && skb; i++) {
		__u64 address = address_of(skb, false);

		if (find_waiting(address))
			end_waiting(address, (__u64)qdisc, (__u64)txq, part);
		if (i + 1 >= packets)
			break;
		skb = BPF_CORE_READ(skb, next);
	}
	return 0;
}

/* ---- drops -------------------------------------------------------------------------- */

SG_FLATTEN bool is_no_drop(__u32 reason)
{
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_CONSUMED) &&
	    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_CONSUMED))
		return true;
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_NOT_DROPPED_YET) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_NOT_DROPPED_YET);
}

/* Kernels since 5.17 give a reason; a module's has its number in the upper half. */
SEC("raw_tp/kfree_skb")
int kfree_skb(void *ctx)
{
	__u32 reason = 0;

	if (bpf_core_type_exists(enum skb_drop_reason)) {
		reason = sg_arg(ctx, 2);
		if (is_no_drop(reason))
			return 0;
	}
	sg_opaque(reason);
	if (reason >= SG_NET_REASONS)
		reason = SG_NET_REASONS - 1;
	sg_count(sg_part(), NET_DROPS + reason, 1, false);
	return 0;
}

/* ---- sockets of every protocol ------------------------------------------------------ */

#define AF_INET 2
#define AF_INET6 10

SG_FLATTEN __u32 protocol_of(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family != AF_INET && family != AF_INET6)
		return NET_PROTOCOL_OTHER;
	switch (BPF_CORE_READ(sk, sk_protocol)) {
	case 1: return NET_PROTOCOL_ICMP;
	case 6: return NET_PROTOCOL_TCP;
	case 17: return NET_PROTOCOL_UDP;
	case 58: return NET_PROTOCOL_ICMPV6;
	default: return NET_PROTOCOL_OTHER;
	}
}

SG_FLATTEN int on_socket(__u32 counter, struct sock *sk)
{
	__u32 protocol = protocol_of(sk);

	sg_opaque(protocol);
	if (protocol < NET_PROTOCOLS)
		sg_count(sg_part(), counter + protocol, 1, false);
	return 0;
}

SEC("raw_tp/sock_rcvqueue_full")
int BPF_PROG(sock_rcvqueue_full, struct sock *sk)
{
	return on_socket(NET_QUEUE_FULL, sk);
}

SEC("raw_tp/sock_exceed_buf_limit")
int BPF_PROG(sock_exceed_buf_limit, struct sock *sk)
{
	return on_socket(NET_MEMORY_LIMIT, sk);
}
