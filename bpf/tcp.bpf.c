// SPDX-License-Identifier: GPL-2.0
/*
 * TCP, IPv4 and IPv6. A hook is one body in two programs: tp_btf (socket storage,
 * direct loads) and raw_tp (hash by socket address, bpf_probe_read) for kernels
 * that lack the first; "btf" is a constant in each. For one socket the hooks run
 * under its lock, so its state needs no atomics; between sockets they interrupt
 * each other (a packet arrives while a program runs for a task), so all adds do.
 *
 * The kernel (since 6.1) does not run a program on a CPU on which it is running: the
 * hook is missed then. What a timer or a packet does to other sockets meanwhile, a
 * hundred of them at once when their delayed ACKs are due, would be lost. Bytes and
 * retransmits are differences of what the kernel has in the socket, so the next hook
 * makes up for them; changes of state have two programs, see on_state().
 *
 * Every end of a connection is a transition to CLOSE, by which time its counters
 * are final; nothing hooks the destruction of sockets.
 */
#include <sgprobe/bpf/tcp.h>

#define SG_SIGNALS TCP_SIGNALS
#define SG_COUNTERS TCP_COUNTERS
#define SG_FIXED_BLOCKS 0

#include "slot.bpf.h"

#define IPPROTO_TCP 6
#define SOCK_DONE 1 /* bit of skc_flags: a FIN has been received (include/net/sock.h) */
#define RTT_EVERY_NS 100000000 /* of a socket, while it receives */

/* What is known of a socket. A child of a listener begins as a copy of the listener's. */
struct sg_tcp_sock {
	struct sg_slot_key key; /* whose it is */
	__u32 epoch, slot; /* slot of the key, while sg_state.epoch is the same */
	__u64 ids; /* of the owner: tgid << 32 | tid */
	__u64 connect_at; /* SYN_SENT; 0: not by us, or not seen */
	__u64 established_at; /* 0: not yet, or not seen */
	__u64 rtt_at; /* of the last sample, in jiffies */
	__u64 received, sent; /* bytes that are counted already */
	__u32 again; /* segments sent again, likewise */
	__u8 state; /* in which it is counted; 0: none, the rest is not begun either */
	__u8 entered; /* the state of its last change that was handled */
	__u8 owned; /* enum owned */
	__u8 kind; /* of the last retransmit that was seen */
};

/* Whether the key is right. init holds the listeners that it opens for its services. */
enum owned { UNKNOWN, OWNED, OWNED_BY_INIT };

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sg_tcp_sock);
} tcp_socks_btf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* address of the socket */
	__type(value, struct sg_tcp_sock);
} tcp_socks_raw SEC(".maps");

/* Whose a listening port is: without socket storage nothing leads from a child to its listener. */
struct listener {
	__u64 net;
	__u64 port;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct listener);
	__type(value, struct sg_slot_key);
} tcp_listeners_raw SEC(".maps");

/* ---- sockets ------------------------------------------------------------------------ */

SG_FLATTEN struct sg_tcp_sock *find_sock(struct sock *sk, bool btf)
{
	__u64 addr = (__u64)sk;

	if (btf)
		return bpf_sk_storage_get(&tcp_socks_btf, sk, 0, 0);
	return bpf_map_lookup_elem(&tcp_socks_raw, &addr);
}

SG_FLATTEN struct sg_tcp_sock *make_sock(struct sock *sk, bool btf)
{
	struct sg_tcp_sock fresh = {};
	__u64 addr = (__u64)sk;

	if (btf)
		return bpf_sk_storage_get(&tcp_socks_btf, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	bpf_map_update_elem(&tcp_socks_raw, &addr, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&tcp_socks_raw, &addr);
}

/* NULL is counted. */
SG_FLATTEN struct sg_tcp_sock *sock_of(struct sock *sk, __u32 part, bool btf)
{
	struct sg_tcp_sock *s = find_sock(sk, btf);

	if (!s)
		s = make_sock(sk, btf);
	if (!s)
		sg_count(part, SG_C_NO_STATE, 1, false);
	return s;
}

SG_FLATTEN struct listener listener_of(struct sock *sk)
{
	struct listener l = {
		.net = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net),
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
	};

	return l;
}

SG_FLATTEN void own(struct sg_tcp_sock *s, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 comm[SG_COMM_LEN / 8] = {};

	bpf_core_read(comm, sizeof(comm), &leader->comm);
	s->key.cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	sg_slot_comm(&s->key, comm, BPF_CORE_READ(task, flags) & SG_PF_KTHREAD);
	s->ids = (__u64)BPF_CORE_READ(task, tgid) << 32 | (__u32)BPF_CORE_READ(task, pid);
	s->epoch = ~*(volatile __u32 *)&sg_state.epoch; /* the slot is to be looked up */
	barrier();
	s->owned = BPF_CORE_READ(leader, pid) == 1 ? OWNED_BY_INIT : OWNED;
}

/* The running task is the owner: it connects or listens. */
SG_FLATTEN void own_by_current(struct sg_tcp_sock *s)
{
	own(s, (struct task_struct *)bpf_get_current_task());
}

/*
 * The slot. An owner that was not seen (the socket is older than sgprobe) is
 * "other": a guess by the running task would blame whom the packet interrupted.
 */
SG_FLATTEN __u32 slot_of(struct sg_tcp_sock *s, __u32 part)
{
	__u32 epoch = *(volatile __u32 *)&sg_state.epoch;
	struct sg_slot_key key;

	if (!s->owned)
		return SG_SLOT_OTHER;
	if (s->epoch != epoch) {
		key = s->key; /* map keys must be on the stack on older kernels */
		s->slot = sg_slot_of_key(&key, part);
		s->epoch = epoch;
	}
	return s->slot;
}

SG_FLATTEN void observe(struct sg_tcp_sock *s, __u32 part, __u32 signal, __u64 ns)
{
	__u32 slot = slot_of(s, part);
	const struct sg_who who = sg_who_ids(slot == SG_SLOT_OTHER ? 0 : s->ids, slot);
	struct sg_where w;

	if (sg_find_slot(&w, part, slot))
		sg_observe(&w, signal, ns, false, &who);
}

/* ---- what the kernel knows of a connection ------------------------------------------ */

struct view {
	__u64 received, sent; /* bytes of data, each counted once */
	__u64 rtt_ns; /* smoothed; 0: unknown */
	__u32 again; /* segments sent again: counted by the kernel where it counts RetransSegs */
};

#define VIEW(t, read)                                                                              \
	do {                                                                                       \
		v->received = read(t, bytes_received);                                             \
		v->sent = read(t, bytes_sent) - read(t, bytes_retrans);                            \
		v->rtt_ns = (__u64)(read(t, srtt_us) >> 3) * 1000;                                 \
		v->again = read(t, total_retrans);                                                 \
	} while (0)
#define DIRECT(p, f) ((p)->f)

SG_FLATTEN bool look(struct sock *sk, struct view *v, bool btf)
{
	__u64 flags;

	if (btf) {
		struct tcp_sock *t = bpf_skc_to_tcp_sock(sk);

		if (!t)
			return false;
		VIEW(t, DIRECT);
		flags = sk->__sk_common.skc_flags;
	} else {
		struct tcp_sock *t = (struct tcp_sock *)sk;

		VIEW(t, BPF_CORE_READ);
		flags = BPF_CORE_READ(sk, __sk_common.skc_flags);
	}
	if (v->received && flags & (1 << SOCK_DONE))
		v->received--; /* the kernel counts the FIN as a byte */
	return true;
}

SG_FLATTEN void count_kind(__u32 kind, __u32 segments, __u32 part)
{
	sg_opaque(kind);
	if (kind < TCP_AGAIN_KINDS)
		sg_count(part, TCP_AGAIN + kind, segments, false);
}

SG_FLATTEN void count_new(struct sg_tcp_sock *s, const struct view *v, __u32 part)
{
	__s64 received = v->received - s->received, sent = v->sent - s->sent;
	__s32 again = v->again - s->again;

	if (received > 0) {
		sg_count(part, TCP_RECEIVED_BYTES, received, false);
		s->received = v->received;
	}
	if (sent > 0) {
		sg_count(part, TCP_SENT_BYTES, sent, false);
		s->sent = v->sent;
	}
	if (again > 0) {
		sg_count(part, TCP_RETRANSMITS, again, false);
		count_kind(s->kind, again, part);
		s->again = v->again;
	}
}

/* A socket that is older than sgprobe: what it did before is not ours to count. */
SG_FLATTEN void begin_midway(struct sg_tcp_sock *s, const struct view *v)
{
	s->received = v->received;
	s->sent = v->sent;
	s->again = v->again;
}

/* ---- life of a connection ----------------------------------------------------------- */

SG_FLATTEN void move_to(struct sg_tcp_sock *s, __u32 state, __u32 part)
{
	if (s->state)
		sg_count(part, TCP_LEVEL + (s->state & (SG_TCP_STATES - 1)), -1, false);
	s->state = state == SG_TCP_CLOSE ? SG_TCP_NONE : state;
	if (s->state)
		sg_count(part, TCP_LEVEL + (state & (SG_TCP_STATES - 1)), 1, false);
}

SG_FLATTEN void begin(struct sg_tcp_sock *s)
{
	s->connect_at = 0;
	s->established_at = 0;
	s->rtt_at = 0;
	s->received = 0;
	s->sent = 0;
	s->again = 0;
}

SG_FLATTEN void on_listen(struct sg_tcp_sock *s, struct sock *sk, bool btf)
{
	begin(s);
	own_by_current(s);
	if (!btf) {
		struct listener l = listener_of(sk);
		struct sg_slot_key key = s->key;

		bpf_map_update_elem(&tcp_listeners_raw, &l, &key, BPF_ANY);
	}
}

/* s is a copy of the listener's state, or empty when there was none to copy. */
SG_FLATTEN void on_child(struct sg_tcp_sock *s, struct sock *sk, bool btf)
{
	begin(s);
	s->state = SG_TCP_NONE; /* it is the listener that is counted in LISTEN */
	if (!btf) {
		struct listener l = listener_of(sk);
		struct sg_slot_key *key = bpf_map_lookup_elem(&tcp_listeners_raw, &l);

		if (key) {
			s->key = *key;
			s->epoch = ~*(volatile __u32 *)&sg_state.epoch;
			s->owned = OWNED;
		}
	}
}

SG_FLATTEN void on_established(struct sg_tcp_sock *s, int old, __u32 part)
{
	__u64 now = bpf_ktime_get_ns();

	s->established_at = now;
	if (old == SG_TCP_SYN_SENT || s->connect_at) { /* or both sides connected at once */
		sg_count(part, TCP_CONNECTS, 1, false);
		if (s->connect_at && sg_sane(part, now - s->connect_at))
			observe(s, part, TCP_CONNECT, now - s->connect_at);
	} else {
		sg_count(part, TCP_ACCEPTS, 1, false);
	}
}

SG_FLATTEN void on_close(struct sg_tcp_sock *s, const struct view *v, int old, __u32 part)
{
	if (old == SG_TCP_SYN_SENT || (old == SG_TCP_SYN_RECV && s->connect_at))
		sg_count(part, TCP_CONNECT_FAILURES, 1, false);
	if (s->established_at) {
		observe(s, part, TCP_LIFETIME, bpf_ktime_get_ns() - s->established_at);
		if (v->rtt_ns)
			observe(s, part, TCP_RTT, v->rtt_ns);
	}
	begin(s);
}

/* The first thing of a socket that is older than sgprobe. */
SG_FLATTEN void enter_midway(struct sg_tcp_sock *s, const struct view *v, __u32 state, __u32 part)
{
	begin_midway(s, v);
	move_to(s, state, part);
}

/* A child's SYN-ACKs that were sent again have a hook of their own; it begins with their number. */
SG_FLATTEN bool is_accepted(const struct sg_tcp_sock *s, int old)
{
	return old == SG_TCP_SYN_RECV && !s->connect_at;
}

SG_FLATTEN void change(struct sg_tcp_sock *s, struct sock *sk, int old, int state, __u32 part,
		       bool btf)
{
	struct view v = {};

	if (state == SG_TCP_SYN_SENT) {
		begin(s);
		own_by_current(s);
		s->connect_at = bpf_ktime_get_ns();
	} else if (state == SG_TCP_LISTEN) {
		on_listen(s, sk, btf);
	} else if (old == SG_TCP_LISTEN && state == SG_TCP_SYN_RECV) {
		on_child(s, sk, btf);
	} else if (old != SG_TCP_LISTEN && look(sk, &v, btf)) {
		if (!s->state)
			begin_midway(s, &v);
		else if (is_accepted(s, old))
			s->again = v.again;
		count_new(s, &v, part);
	}
	if (state == SG_TCP_ESTABLISHED)
		on_established(s, old, part);
	move_to(s, state, part);
	if (state == SG_TCP_CLOSE)
		on_close(s, &v, old, part);
}

/*
 * Two programs see each change, one after the other, and the first that runs handles
 * it. When a change interrupts one of them the kernel leaves that one out, and the
 * other handles it. last: a constant, that no other program follows.
 */
SG_FLATTEN int on_state(struct sock *sk, int old, int state, bool last, bool btf)
{
	__u32 part = sg_part();
	__u64 addr = (__u64)sk;
	struct sg_tcp_sock *s;

	sg_count(part, last ? TCP_RUNS_STATE_LAST : TCP_RUNS_STATE, 1, false);
	if ((btf ? sk->sk_protocol : BPF_CORE_READ(sk, sk_protocol)) != IPPROTO_TCP)
		return 0;
	s = find_sock(sk, btf);
	if (!s)
		s = make_sock(sk, btf);
	if (!s && last)
		sg_count(part, SG_C_NO_STATE, 1, false);
	if (!s || s->entered == state)
		return 0;
	s->entered = state;
	sg_count(part, TCP_TRANSITIONS + (state & (SG_TCP_STATES - 1)), 1, false);
	change(s, sk, old, state, part, btf);
	if (!btf && state == SG_TCP_CLOSE)
		bpf_map_delete_elem(&tcp_socks_raw, &addr);
	return 0;
}

/* Every segment received in ESTABLISHED. */
SG_FLATTEN int on_probe(struct sock *sk, bool btf)
{
	__u32 part = sg_part();
	struct sg_tcp_sock *s;
	struct view v;
	__u64 now;

	sg_count(part, TCP_RUNS_PROBE, 1, false);
	if (!look(sk, &v, btf))
		return 0;
	s = sock_of(sk, part, btf);
	if (!s)
		return 0;
	if (sg_unlikely(!s->state))
		enter_midway(s, &v, SG_TCP_ESTABLISHED, part);
	count_new(s, &v, part);
	now = bpf_jiffies64(); /* no clock with every segment */
	if (v.rtt_ns && (now - s->rtt_at) * sg_cfg(jiffy_ns) >= RTT_EVERY_NS) {
		s->rtt_at = now;
		observe(s, part, TCP_RTT, v.rtt_ns);
	}
	return 0;
}

/*
 * What RetransSegs counts, in the second in which it happens. The hook itself is not
 * what is counted: newer kernels call it when nothing was sent, older ones do not when
 * a segment was counted that the device refused.
 */
/* Why a segment is sent again, from what the connection is doing. */
SG_FLATTEN __u8 retransmit_kind(struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;

	if (BPF_CORE_READ(sk, __sk_common.skc_state) == SG_TCP_SYN_SENT)
		return TCP_AGAIN_SYN;
	switch (BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state)) {
	case 3: return TCP_AGAIN_FAST; /* TCP_CA_Recovery */
	case 4: return TCP_AGAIN_TIMEOUT; /* TCP_CA_Loss */
	default: return TCP_AGAIN_PROBE;
	}
}

SG_FLATTEN int on_retransmit(struct sock *sk, struct sk_buff *skb, bool btf)
{
	__u32 part = sg_part(), state;
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)&skb->cb;
	struct sg_tcp_sock *s;
	struct view v;

	sg_count(part, TCP_RUNS_RETRANSMIT, 1, false);
	if (!look(sk, &v, btf))
		return 0;
	s = sock_of(sk, part, btf);
	if (!s)
		return 0;
	if (!s->state) {
		state = btf ? sk->__sk_common.skc_state : BPF_CORE_READ(sk, __sk_common.skc_state);
		enter_midway(s, &v, state, part);
		s->again -= BPF_CORE_READ(cb, tcp_gso_segs); /* one buffer may be several */
	}
	s->kind = retransmit_kind(sk);
	count_new(s, &v, part);
	return 0;
}

/* ---- hooks -------------------------------------------------------------------------- */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state_btf, struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, false, true);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state_last_btf, struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, true, true);
}

/* One: a kernel without socket storage for these programs runs them while they run, too. */
SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state_last_raw, struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, true, false);
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_probe_btf, struct sock *sk)
{
	return on_probe(sk, true);
}

SEC("raw_tp/tcp_probe")
int BPF_PROG(tcp_probe_raw, struct sock *sk)
{
	return on_probe(sk, false);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb_btf, struct sock *sk, struct sk_buff *skb)
{
	return on_retransmit(sk, skb, true);
}

SEC("raw_tp/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb_raw, struct sock *sk, struct sk_buff *skb)
{
	return on_retransmit(sk, skb, false);
}

SEC("raw_tp/tcp_retransmit_synack")
int tcp_retransmit_synack(void *ctx)
{
	__u32 part = sg_part();

	sg_count(part, TCP_RUNS_SYNACK, 1, false);
	sg_count(part, TCP_RETRANSMITS, 1, false);
	count_kind(TCP_AGAIN_SYNACK, 1, part);
	return 0;
}

SEC("raw_tp/tcp_bad_csum")
int tcp_bad_csum(void *ctx)
{
	sg_count(sg_part(), TCP_BAD_CHECKSUMS, 1, false);
	return 0;
}

SEC("raw_tp/tcp_send_reset")
int tcp_send_reset(void *ctx)
{
	sg_count(sg_part(), TCP_RESETS_SENT, 1, false);
	return 0;
}

SEC("raw_tp/tcp_receive_reset")
int tcp_receive_reset(void *ctx)
{
	sg_count(sg_part(), TCP_RESETS_RECEIVED, 1, false);
	return 0;
}

/*
 * Runs once, after the hooks are attached, over all open files: sockets that are
 * older than sgprobe get an owner. What they have done is left to the hooks, which
 * hold their locks; only listeners, which may never do anything, are counted here.
 */
SEC("iter/task_file")
int tcp_owners_btf(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	__u32 part = sg_part();
	struct sg_tcp_sock *s;
	struct socket *socket;
	struct sock *sk;

	socket = task && file ? bpf_sock_from_file(file) : NULL;
	sk = socket ? socket->sk : NULL;
	if (!sk || sk->sk_protocol != IPPROTO_TCP || sk->__sk_common.skc_state == SG_TCP_CLOSE)
		return 0;
	s = sock_of(sk, part, true);
	if (!s)
		return 0;
	if (s->owned != OWNED)
		own(s, task);
	if (!s->state && sk->__sk_common.skc_state == SG_TCP_LISTEN)
		move_to(s, SG_TCP_LISTEN, part);
	return 0;
}
