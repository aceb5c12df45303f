/* SPDX-License-Identifier: GPL-2.0 */
/* Connections begin, wait to be accepted, end, and were there before. Part of service.bpf.c. */
#ifndef SERVICE_LIFE_BPF_H
#define SERVICE_LIFE_BPF_H

#include "http.bpf.h"

/* ---- life ----------------------------------------------------------------------------------------------- */

/* The kernel counts for each listener what it could not take. */
SG_FLATTEN void count_drops(struct sg_service_listener *l, struct sock *sk, __u32 part)
{
	__s32 n = (__u32)BPF_CORE_READ(sk, sk_drops.counter) - l->drops;

	if (n <= 0)
		return;
	l->drops += n;
	add_to_port(WHAT(SERVICE_DROPS, l->port), 0, part, n);
}

SG_FLATTEN void note_listener(struct sock *sk, __u32 port)
{
	struct sg_service_listener l = {
		.port = port,
		.drops = BPF_CORE_READ(sk, sk_drops.counter),
	};
	__u64 addr = (__u64)sk;

	bpf_map_update_elem(&service_listeners, &addr, &l, BPF_ANY);
}

SG_FLATTEN void note_place(struct sock *sk, const struct sg_slot_key *key)
{
	struct place p = place_of(sk);
	__u8 *known = port_of(p.port);

	bpf_map_update_elem(&service_places, &p, key, BPF_ANY);
	if (known)
		*known = 1;
}

SG_FLATTEN void on_listen(struct sock *sk, struct task_struct *task)
{
	struct sg_slot_key key = {};

	key_of_task(&key, task);
	note_place(sk, &key);
	note_listener(sk, BPF_CORE_READ(sk, __sk_common.skc_num));
}

SG_FLATTEN void on_unlisten(struct sock *sk, __u32 part)
{
	__u64 addr = (__u64)sk;
	struct sg_service_listener *l = bpf_map_lookup_elem(&service_listeners, &addr);

	if (!l)
		return;
	count_drops(l, sk, part);
	bpf_map_delete_elem(&service_listeners, &addr);
}

/*
 * Connections that wait to be accepted, by the address of the socket, where it is seen when
 * that happens: there its storage cannot be had by every kind of program.
 */
struct waiting {
	__u64 since;
	__u64 shift;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct waiting);
} service_waiting SEC(".maps");

#define ACCEPT_IS_SEEN (sg_cfg(functions) & 1)

SG_FLATTEN void begin_waiting(struct sock *sk, const struct service_sock *s)
{
	struct waiting w = {.since = s->arrived, .shift = s->shift};
	__u64 addr = (__u64)sk;

	if (ACCEPT_IS_SEEN)
		bpf_map_update_elem(&service_waiting, &addr, &w, BPF_ANY);
}

SG_FLATTEN int on_accepted(__u64 addr, bool btf)
{
	__u32 part = sg_part(), weight, bucket, slot;
	struct waiting *w = bpf_map_lookup_elem(&service_waiting, &addr);
	struct sock *sk = (struct sock *)addr;
	struct sg_pool_key key;
	struct sg_who who;
	__u64 ns = 0;

	sg_count(part, SERVICE_RUNS_ACCEPT, 1, false);
	if (!w)
		return 0;
	weight = sg_passed(w->shift, w->since, &ns, part);
	bpf_map_delete_elem(&service_waiting, &addr);
	if (!weight)
		return 0;
	bucket = sg_pool_bucket_ns(ns);
	slot = sg_slot_of(sg_current(btf), part, btf);
	who = sg_who_current(NULL, slot);
	key = sg_key(SERVICE_ACCEPT, 0, BPF_CORE_READ(sk, __sk_common.skc_num));
	sg_pool_observe_at(&key, NULL, part, bucket, ns, weight, false, &who);
	key = sg_key_of_slot(SERVICE_ACCEPT, slot);
	sg_pool_observe_at(&key, NULL, part, bucket, ns, weight, false, &who);
	return 0;
}

/* Its arguments are two since 6.10, and four before; what it returns comes after them. */
SEC("fexit")
int inet_csk_accept_fexit(__u64 *ctx)
{
	__u64 sk = bpf_core_type_exists(struct proto_accept_arg) ? sg_arg(ctx, 2) : sg_arg(ctx, 4);

	return sg_by_storage(on_accepted, sk);
}

SEC("kretprobe")
int BPF_KRETPROBE(inet_csk_accept_kretprobe, __u64 sk)
{
	return sg_by_storage(on_accepted, sk);
}

/* A connection begins, or just has: either of two changes of state will do. */
SG_FLATTEN void on_accept(struct sock *sk, int state, __u32 part, bool btf)
{
	__u32 port = GET(sk, __sk_common.skc_num, btf);
	struct service_sock *s;
	struct view v;

	if (!is_port(port))
		return;
	s = find_sock(sk, btf);
	if (!s ||
	    (!btf && state == TCP_SYN_RECV)) { /* by an address, it may be that of one before */
		s = make_sock(sk, part, btf);
		if (!s)
			return;
		s->is_new = 1;
		s->port = port;
		own_by_listener(s, sk);
	}
	if (state != TCP_ESTABLISHED || s->open || !look(sk, &v, btf))
		return;
	open(s, &v, port, part);
	s->shift = sg_admit(part);
	s->arrived = stamp(s); /* of data that comes with the last packet of the handshake */
	begin_waiting(sk, s);
}

SG_FLATTEN int error_of(struct sock *sk, int old, bool btf)
{
	int error = GET(sk, sk_err, btf);

	if (error == ECONNRESET || error == EPIPE)
		return SERVICE_RESET_BY_CLIENT;
	if (error)
		return SERVICE_LOST;
	if (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT)
		return SERVICE_RESET_BY_SERVER;
	return SERVICE_UNANSWERED;
}

/* It is closed. An error is that it owes an answer, or the end of one that was not received. */
SG_FLATTEN void on_end(struct service_sock *s, const struct view *v, struct sock *sk, int old,
		       __u32 part, bool btf)
{
	bool owes = (__s32)(v->received - s->answered) > 0;
	int error = error_of(sk, old, btf);

	if (error != SERVICE_UNANSWERED)
		owes |= (__s32)(s->written - v->acked) > 0;
	if (owes)
		add(WHAT(SERVICE_ERRORS, s->port), error, slot_of(s, part), part, 1);
	s->answered = v->received;
}

/* The last look at what was written is before a FIN is. */
SG_FLATTEN void on_change(struct sock *sk, int old, int state, __u32 part, bool btf)
{
	struct service_sock *s = find_sock(sk, btf);
	__u64 addr = (__u64)sk;
	struct view v;

	if (!s || !s->open || !look(sk, &v, btf))
		return;
	catch_up(s, sk, &v, s->port, part, btf);
	if (state == TCP_CLOSE) {
		on_end(s, &v, sk, old, part, btf);
		if (!btf)
			bpf_map_delete_elem(&service_socks_raw, &addr);
	}
}

SG_FLATTEN int on_state(struct sock *sk, int old, int state, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, SERVICE_RUNS_STATE, 1, false);
	if (GET(sk, sk_protocol, btf) != IPPROTO_TCP)
		return 0;
	if (state == TCP_LISTEN)
		on_listen(sk, (struct task_struct *)bpf_get_current_task());
	else if (old == TCP_LISTEN && state != TCP_SYN_RECV)
		on_unlisten(sk, part);
	else if (old == TCP_LISTEN || (old == TCP_SYN_RECV && state == TCP_ESTABLISHED))
		on_accept(sk, state, part, btf);
	else
		on_change(sk, old, state, part, btf);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state_btf, struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, true);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state_raw, struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, false);
}

/* ---- what is older than sgprobe ---------------------------------------------------------------------------- */

SG_FLATTEN struct sock *tcp_of_file(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket = file ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = socket ? socket->sk : NULL;

	return sk && sk->sk_protocol == IPPROTO_TCP ? sk : NULL;
}

/*
 * Two walks over all open files, after the hooks are attached: first the listeners, then
 * the connections to their ports, which are taken as accepted ones.
 */
SEC("iter/task_file")
int service_listening_btf(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = tcp_of_file(ctx);

	if (!task || !sk || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	on_listen(sk, task);
	return 0;
}

/* Their numbers are left to the hooks, which hold the socket's lock. */
SEC("iter/task_file")
int service_sockets_btf(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = tcp_of_file(ctx);
	__u32 part = sg_part(), state;
	struct service_sock *s;
	struct place p;

	if (!task || !sk)
		return 0;
	state = sk->__sk_common.skc_state;
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return 0;
	p = place_of(sk);
	if (!bpf_map_lookup_elem(&service_places, &p) || find_sock(sk, true))
		return 0;
	s = make_sock(sk, part, true);
	if (!s)
		return 0;
	s->port = p.port;
	key_of_task(&s->key, task);
	s->epoch = ~*(volatile __u32 *)&sg_state.epoch;
	return 0;
}

/* ---- queues of connections that wait to be accepted ----------------------------------------------------------- */

/* User space asks with every tick, for the address of each listener. */
SEC("raw_tp/service_queues")
int service_queues(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 addr = ctx->args[0];
	struct sg_service_listener *l = bpf_map_lookup_elem(&service_listeners, &addr);
	struct sock *sk = (struct sock *)addr;
	__u32 part = sg_part();

	sg_count(part, SERVICE_RUNS_LISTENERS, 1, false);
	if (!l)
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN) {
		bpf_map_delete_elem(&service_listeners, &addr); /* its end was not seen */
		return 0;
	}
	l->waiting = BPF_CORE_READ(sk, sk_ack_backlog);
	l->most = BPF_CORE_READ(sk, sk_max_ack_backlog);
	count_drops(l, sk, part);
	return 0;
}

#endif
