/* SPDX-License-Identifier: GPL-2.0 */
/* What is kept of a socket, whose it is, and how an event of it is counted. Part of service.bpf.c. */
#ifndef SERVICE_SOCK_BPF_H
#define SERVICE_SOCK_BPF_H

/* ---- sockets -------------------------------------------------------------------------- */

/* Numbers in the pool of what a connection counts often, while the epoch is the same; 0: not looked up yet. */
struct numbers {
	__u16 of_port[SERVICE_OFTEN], of_slot[SERVICE_OFTEN];
};

/* A connection that a listener accepted. Times are jiffies where shift is SG_UNTIMED; 0: not known. */
struct service_sock {
	struct sg_slot_key key; /* who reads it; until then, who listens */
	__u32 epoch, slot; /* slot of the key, while sg_state.epoch is the same */
	struct numbers numbers;
	__u64 ids; /* who read last: tgid << 32 | tid */
	__u64 arrived; /* the newest data that nobody answered */
	__u64 caught_up; /* what had arrived last when the application had read all */
	__u64 mark_at; /* when the byte at mark arrived, which was not read yet */
	__u32 mark;
	__u32 read, written; /* sequence numbers up to which bytes are counted */
	__u32 answered; /* up to where it had read when it last began an answer */
	__u16 port; /* the kernel forgets it when the connection ends */
	__u8 shift; /* how the request is timed, see limit.bpf.h */
	__u8 open; /* the numbers above are set */
	__u8 is_new; /* it began while sgprobe ran */
	__u8 early; /* what is not answered came before the last answer was complete */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct service_sock);
} service_socks_btf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* address of the socket */
	__type(value, struct service_sock);
} service_socks_raw SEC(".maps");

/* Sockets that listen; their queues are looked at when user space asks. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SG_SERVICE_LISTENERS);
	__type(key, __u64); /* address of the socket */
	__type(value, struct sg_service_listener);
} service_listeners SEC(".maps");

/* Who listens where: nothing leads from a connection to its listener. */
struct place {
	__u64 net;
	__u64 port;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct place);
	__type(value, struct sg_slot_key);
} service_places SEC(".maps");

/* A byte per port: 1 once somebody listens there. In any network namespace, and for good. */
struct ports {
	__u8 known[1 << 16];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ports);
} service_ports SEC(".maps");

SG_FLATTEN __u8 *port_of(__u32 port)
{
	struct ports *p = bpf_map_lookup_elem(&service_ports, &(__u32){0});

	if (!p)
		return NULL;
	sg_opaque(p);
	sg_opaque(port);
	return port < 1 << 16 ? &p->known[port] : NULL;
}

SG_FLATTEN bool is_port(__u32 port)
{
	__u8 *known = port_of(port);

	return known && *known;
}

SG_FLATTEN struct service_sock *find_sock(struct sock *sk, bool btf)
{
	__u64 addr = (__u64)sk;

	if (btf)
		return bpf_sk_storage_get(&service_socks_btf, sk, 0, 0);
	return bpf_map_lookup_elem(&service_socks_raw, &addr);
}

/* Not inlined: an empty one is large. */
static __noinline int make_by_address(__u64 addr)
{
	struct service_sock fresh = {};

	return bpf_map_update_elem(&service_socks_raw, &addr, &fresh, BPF_ANY);
}

/* NULL is counted. */
SG_FLATTEN struct service_sock *make_sock(struct sock *sk, __u32 part, bool btf)
{
	struct service_sock *s;

	if (btf) {
		s = bpf_sk_storage_get(&service_socks_btf, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	} else {
		make_by_address((__u64)sk);
		s = find_sock(sk, false);
	}
	if (!s)
		sg_count(part, SG_C_NO_STATE, 1, false);
	return s;
}

SG_FLATTEN struct place place_of(struct sock *sk)
{
	return (struct place){
		.net = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net),
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
	};
}

/* ---- what the kernel knows of a connection ---------------------------------------------- */

struct view {
	__u32 received, read, written, acked; /* sequence numbers: of data, without a FIN */
	bool writes; /* it may still: no FIN is among what was written */
};

#define VIEW(t, get)                                                                               \
	do {                                                                                       \
		v->received = get(t, rcv_nxt);                                                     \
		v->read = get(t, copied_seq);                                                      \
		v->written = get(t, write_seq);                                                    \
		v->acked = get(t, snd_una);                                                        \
	} while (0)
#define DIRECT(p, f) ((p)->f)

SG_FLATTEN bool look(struct sock *sk, struct view *v, bool btf)
{
	__u32 state = GET(sk, __sk_common.skc_state, btf);

	if (btf) {
		struct tcp_sock *t = bpf_skc_to_tcp_sock(sk);

		if (!t)
			return false;
		VIEW(t, DIRECT);
	} else {
		struct tcp_sock *t = (struct tcp_sock *)sk;

		VIEW(t, BPF_CORE_READ);
	}
	v->writes = state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
	if (GET(sk, __sk_common.skc_flags, btf) & (1 << SOCK_DONE)) {
		v->received--;
		if ((__s32)(v->read - v->received) > 0)
			v->read = v->received;
	}
	return true;
}

/* Data waits that the application has not read. */
SG_FLATTEN bool is_waiting(const struct view *v)
{
	return (__s32)(v->received - v->read) > 0;
}

/* ---- who ---------------------------------------------------------------------------------- */

SG_FLATTEN void key_of_task(struct sg_slot_key *key, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 comm[SG_COMM_LEN / 8] = {};

	bpf_core_read(comm, sizeof(comm), &leader->comm);
	key->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	sg_slot_comm(key, comm, BPF_CORE_READ(task, flags) & SG_PF_KTHREAD);
}

/* Not inlined: when somebody else reads than before. */
static __noinline int change_owner(struct service_sock *s, __u32 slot)
{
	if (!s)
		return 0;
	s->epoch = *(volatile __u32 *)&sg_state.epoch;
	s->slot = slot;
	s->numbers = (struct numbers){};
	key_of_task(&s->key, (struct task_struct *)bpf_get_current_task());
	return 0;
}

/* The running task reads, unless it is only interrupted: then it does not hold the socket. */
SG_FLATTEN void own_by_reader(struct service_sock *s, struct sock *sk, __u32 part, bool btf)
{
	__u32 slot;

	if (!GET(sk, sk_lock.owned, btf))
		return;
	slot = sg_slot_of(sg_current(btf), part, btf);
	s->ids = bpf_get_current_pid_tgid();
	if (sg_unlikely(s->slot != slot || s->epoch != *(volatile __u32 *)&sg_state.epoch))
		change_owner(s, slot);
}

SG_FLATTEN __u32 slot_of(struct service_sock *s, __u32 part)
{
	__u32 epoch = *(volatile __u32 *)&sg_state.epoch;
	struct sg_slot_key key;

	if (sg_likely(s->epoch == epoch))
		return s->slot;
	key = s->key; /* map keys must be on the stack on older kernels */
	s->slot = key.comm[0] ? sg_slot_of_key(&key, part) : SG_SLOT_OTHER;
	s->numbers = (struct numbers){};
	s->epoch = epoch;
	return s->slot;
}

/* Until somebody reads it, a connection is its listener's. */
SG_FLATTEN void own_by_listener(struct service_sock *s, struct sock *sk)
{
	struct place p = place_of(sk);
	struct sg_slot_key *key = bpf_map_lookup_elem(&service_places, &p);

	if (key)
		s->key = *key;
	s->epoch = ~*(volatile __u32 *)&sg_state.epoch; /* the slot is to be looked up */
}

/* ---- counting: by port and by slot, from one event ------------------------------------------ */

SG_FLATTEN __u32 number_of(const struct sg_pool_key *key, __u32 part)
{
	__u32 number = sg_quick(key);

	return sg_likely(number) ? number : sg_quick_learn(key, NULL, part);
}

#define WHAT(signal, port) ((signal) | (port) << 8)

static __noinline int add_to_port(__u32 what, __u32 detail, __u32 part, __u64 n)
{
	struct sg_pool_key key = sg_key(what & 255, detail, what >> 8);

	key.cell = 1;
	sg_pool_add_cell(number_of(&key, part), part, n, false);
	return 0;
}

static __noinline int add(__u32 what, __u32 detail, __u32 slot, __u32 part, __u64 n)
{
	struct sg_pool_key key = sg_key_of_slot(what & 255, slot);

	add_to_port(what, detail, part, n);
	key.cell = 1;
	sg_pool_add_cell(number_of(&key, part), part, n, false);
	return 0;
}

/* Not inlined: once per connection and number. of_slot: of this slot, and not of the port. */
static __noinline __u32 look_up(__u32 what, __u32 of_slot, __u32 slot, __u32 part)
{
	struct sg_pool_key key =
		of_slot ? sg_key_of_slot(what & 255, slot) : sg_key(what & 255, 0, what >> 8);

	key.cell = (what & 255) >= SERVICE_REQUESTS;
	return number_of(&key, part);
}

SG_FLATTEN __u32 number_of_port(struct service_sock *s, __u8 signal, __u32 port, __u32 part)
{
	__u32 number = s->numbers.of_port[signal];

	if (sg_unlikely(!number)) {
		number = look_up(WHAT(signal, port), 0, 0, part);
		s->numbers.of_port[signal] = number;
	}
	return number;
}

SG_FLATTEN __u32 number_of_slot(struct service_sock *s, __u8 signal, __u32 slot, __u32 part)
{
	__u32 number = s->numbers.of_slot[signal];

	if (sg_unlikely(!number)) {
		number = look_up(signal, 1, slot, part);
		s->numbers.of_slot[signal] = number;
	}
	return number;
}

/* signal: a constant below SERVICE_OFTEN. The slot first: with another epoch no number holds. */
SG_FLATTEN void add_often(struct service_sock *s, __u8 signal, __u32 port, __u32 part, __u64 n)
{
	__u32 slot = slot_of(s, part);

	sg_pool_add_cell(number_of_port(s, signal, port, part), part, n, false);
	sg_pool_add_cell(number_of_slot(s, signal, slot, part), part, n, false);
}

SG_FLATTEN void observe(struct service_sock *s, __u8 signal, __u32 port, __u32 part, __u64 ns,
			__u32 weight)
{
	__u32 slot = slot_of(s, part), bucket = sg_pool_bucket_ns(ns);
	const struct sg_who who = sg_who_ids(s->ids, slot);

	sg_pool_observe_row(number_of_port(s, signal, port, part), part, bucket, ns, weight, false,
			    signal, &who);
	sg_pool_observe_row(number_of_slot(s, signal, slot, part), part, bucket, ns, weight, false,
			    signal, &who);
}

/* ---- time ----------------------------------------------------------------------------------- */

SG_FLATTEN __u64 stamp(const struct service_sock *s)
{
	return sg_stamp(s->shift);
}

SG_FLATTEN void observe_since(struct service_sock *s, __u8 signal, __u32 port, __u64 since,
			      __u32 part)
{
	__u64 ns = 0;
	__u32 weight = sg_passed(s->shift, since, &ns, part);

	if (weight)
		observe(s, signal, port, part, ns, weight);
}

/* ---- a connection ----------------------------------------------------------------------------- */

/* From here on its bytes are counted. */
SG_FLATTEN void begin(struct service_sock *s, const struct view *v)
{
	s->read = v->read;
	s->written = v->written;
	s->answered = v->read;
	s->open = 1;
}

/* Not inlined: once per connection. */
static __noinline int count_connection(struct service_sock *s, __u32 port, __u32 part)
{
	if (s && s->is_new)
		add(WHAT(SERVICE_CONNECTIONS, port), 0, slot_of(s, part), part, 1);
	return 0;
}

SG_FLATTEN void open(struct service_sock *s, const struct view *v, __u32 port, __u32 part)
{
	begin(s, v);
	count_connection(s, port, part);
}

SG_FLATTEN void count_written(struct service_sock *s, const struct view *v, __u32 port, __u32 part)
{
	__s32 n = v->written - s->written;

	if (n <= 0 || !v->writes)
		return;
	s->written = v->written;
	add_often(s, SERVICE_SENT, port, part, n);
}

SG_FLATTEN void count_read(struct service_sock *s, const struct view *v, __u32 port, __u32 part)
{
	__s32 n = v->read - s->read;

	if (n <= 0)
		return;
	s->read = v->read;
	add_often(s, SERVICE_RECEIVED, port, part, n);
}

/* Not inlined: few clients do that. Once per request that did not wait for its turn. */
static __noinline int on_early(struct service_sock *s, __u32 port, __u32 part)
{
	if (s && !s->early) {
		s->early = 1;
		add(WHAT(SERVICE_PIPELINED, port), 0, slot_of(s, part), part, 1);
	}
	return 0;
}

/* What still waits is the next request. It may be timed in another way than this one. */
SG_FLATTEN void begin_next(struct service_sock *s, __u32 port, __u32 part)
{
	__u8 shift = sg_admit(part);

	if ((shift == SG_UNTIMED) != (s->shift == SG_UNTIMED))
		s->arrived = s->mark_at = 0;
	s->shift = shift;
	s->early = 0;
	on_early(s, port, part);
}

#endif
