// SPDX-License-Identifier: GPL-2.0
/*
 * Services: how long every listening TCP socket of the host takes to answer, seen from
 * its sockets alone. A connection is a conversation in turns. A request is what the
 * client sent and the application read until it sends something; that is the answer.
 *
 *	tcp_probe             a segment arrives: when the last byte of a request came
 *	tcp_rcv_space_adjust  the application has read
 *	tcp_sendmsg_locked    the application sends; where the kernel lacks this trace
 *	                      point, net_dev_queue: what it sent goes to a device
 *
 * All three run under the socket's lock, so its state needs no atomics. What a request
 * is follows from the kernel's own sequence numbers (what was read, what was written):
 * a run that the kernel leaves out costs a request its time, and no count.
 *
 * Bytes come and go with every packet of the host. Sockets whose local port nobody
 * listens on are left after two loads; a byte per port says so.
 */
#include <sgprobe/bpf/service.h>

#define SG_COUNTERS SERVICE_COUNTERS
#define SG_NO_ROWS

#include "limit.bpf.h"
#include "quick.bpf.h"
#include "slot.bpf.h"

#include <asm/unistd.h>

#define GET(p, f, btf) ((btf) ? (p)->f : BPF_CORE_READ(p, f))

#define IPPROTO_TCP 6
#define TCP_ESTABLISHED 1 /* include/net/tcp_states.h */
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LISTEN 10
#define SOCK_DONE 1 /* bit of skc_flags: a FIN has been received (include/net/sock.h) */
#define EPIPE 32
#define ECONNRESET 104
#define TH_FIN 1

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

/* ---- HTTP/1, at the ports that a setting names ------------------------------------------------
 *
 * What a task read or sent is looked at when its system call returns, in the memory of
 * the program: the first bytes, of which nothing is kept but which method or class of
 * status they say.
 */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SG_SERVICE_HTTP_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} service_http_ports SEC(".maps");

/* Methods of requests that are not answered, by the address of the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} service_http_methods SEC(".maps");

enum http_what { NOTHING, HTTP_REQUEST, HTTP_ANSWER };

/* What a task is doing in its system call. Tasks that meet here cost an answer its status. */
struct http_call {
	__u64 sk;
	__u32 tid, port;
	__u32 what, pad;
};
#define HTTP_CALLS 4096
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HTTP_CALLS);
	__type(key, __u32);
	__type(value, struct http_call);
} service_http_calls SEC(".maps");

SG_FLATTEN struct http_call *http_call_of(__u32 tid)
{
	__u32 at = tid & (HTTP_CALLS - 1);

	return bpf_map_lookup_elem(&service_http_calls, &at);
}

/* An answer with that class of status; 0: none that was seen. */
SG_FLATTEN void count_http(__u64 sk, __u32 port, __u32 status, __u32 part)
{
	__u32 *found = bpf_map_lookup_elem(&service_http_methods, &sk);
	__u32 method = found ? *found : SERVICE_METHOD_OTHER;

	add_to_port(WHAT(SERVICE_HTTP, port), method | status << 8, part, 1);
	if (found)
		bpf_map_delete_elem(&service_http_methods, &sk);
}

SG_FLATTEN void end_http_call(struct http_call *c, __u32 status, __u32 part)
{
	__u32 what = c->what;

	c->what = NOTHING;
	if (what == HTTP_ANSWER)
		count_http(c->sk, c->port, status, part);
}

/* The running task is in the call that does it; if not, what it says is not known. */
static __noinline int begin_http(__u64 sk, __u32 port, __u32 what, __u32 owned, __u32 part)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct http_call *c = http_call_of(tid);

	if (!bpf_map_lookup_elem(&service_http_ports, &port) || !c)
		return 0;
	if (!owned) {
		if (what == HTTP_ANSWER)
			count_http(sk, port, 0, part);
		return 0;
	}
	end_http_call(c, 0, part); /* several in one call, or tasks that met */
	c->sk = sk;
	c->port = port;
	c->tid = tid;
	c->what = what;
	return 0;
}

SG_FLATTEN void note_http(struct sock *sk, __u32 port, enum http_what what, __u32 part, bool btf)
{
	if (sg_cfg(http))
		begin_http((__u64)sk, port, what, GET(sk, sk_lock.owned, btf), part);
}

#if defined(__TARGET_ARCH_x86)
#define CALL_NUMBER(regs) BPF_CORE_READ(regs, orig_ax)
#define SECOND_ARGUMENT(regs) BPF_CORE_READ(regs, si)
#elif defined(__TARGET_ARCH_arm64)
#define CALL_NUMBER(regs) BPF_CORE_READ(regs, syscallno)
#define SECOND_ARGUMENT(regs) BPF_CORE_READ(regs, regs[1])
#endif

struct piece { /* struct iovec */
	__u64 at, len;
};
#define MSG_IOV 16 /* of struct msghdr in the memory of a program: where its pieces are */

/* Where in its memory what the call has moved begins. False: another call, or not by one. */
SG_FLATTEN bool first_piece(struct piece *p, struct pt_regs *regs, __u64 len)
{
	__u64 at = SECOND_ARGUMENT(regs);

	switch (CALL_NUMBER(regs)) {
	case __NR_read:
	case __NR_write:
	case __NR_sendto:
	case __NR_recvfrom:
		p->at = at;
		p->len = len;
		return true;
	case __NR_sendmsg:
	case __NR_recvmsg:
		if (bpf_probe_read_user(&at, sizeof(at), (void *)(at + MSG_IOV)))
			return false;
		break;
	case __NR_readv:
	case __NR_writev: break;
	default: return false;
	}
	if (bpf_probe_read_user(p, sizeof(*p), (void *)at))
		return false;
	p->len = p->len < len ? p->len : len;
	return true;
}

#define FOUR(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (__u32)(d) << 24)

SG_FLATTEN __u32 method_of(const __u32 head[4])
{
	switch (head[0]) {
	case FOUR('G', 'E', 'T', ' '): return SERVICE_GET;
	case FOUR('H', 'E', 'A', 'D'): return SERVICE_HEAD;
	case FOUR('P', 'O', 'S', 'T'): return SERVICE_POST;
	case FOUR('P', 'U', 'T', ' '): return SERVICE_PUT;
	case FOUR('D', 'E', 'L', 'E'): return SERVICE_DELETE;
	case FOUR('P', 'A', 'T', 'C'): return SERVICE_PATCH;
	case FOUR('O', 'P', 'T', 'I'): return SERVICE_OPTIONS;
	default: return SERVICE_METHOD_OTHER;
	}
}

/* "HTTP/1.1 200" */
SG_FLATTEN __u32 status_of(const __u32 head[4])
{
	__u32 digit = (head[2] >> 8 & 255) - '0';

	if (head[0] != FOUR('H', 'T', 'T', 'P') || (head[1] & 0xffffff) != FOUR('/', '1', '.', 0))
		return 0;
	return (head[2] & 255) == ' ' && digit <= 5 ? digit : 0;
}

/* Not inlined: of calls that moved something of HTTP. */
static __noinline int on_http(struct http_call *c, struct pt_regs *regs, long ret, __u32 part)
{
	__u32 head[4] = {}, method;
	struct piece p = {};
	__u64 sk;

	if (!c)
		return 0;
	if (ret < (long)sizeof(head) || !first_piece(&p, regs, ret) || p.len < sizeof(head) ||
	    bpf_probe_read_user(head, sizeof(head), (void *)p.at))
		head[0] = 0;
	if (c->what == HTTP_REQUEST) {
		method = method_of(head);
		sk = c->sk;
		bpf_map_update_elem(&service_http_methods, &sk, &method, BPF_ANY);
	}
	end_http_call(c, status_of(head), part);
	return 0;
}

/* Of every system call: only loaded where a setting names ports. */
SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	__u32 part = sg_part(), tid = bpf_get_current_pid_tgid();
	struct http_call *c = http_call_of(tid);

	sg_count(part, SERVICE_RUNS_EXIT, 1, false);
	if (c && sg_unlikely(c->what && c->tid == tid))
		on_http(c, regs, ret, part);
	return 0;
}

/* ---- answers ---------------------------------------------------------------------------------- */

/*
 * The application sends. When it has read something since it last began an answer, this
 * is an answer to that; else it goes on with the last one.
 */
SG_FLATTEN void on_answer(struct service_sock *s, struct sock *sk, const struct view *v, __u32 port,
			  __u32 part, bool btf)
{
	bool waiting = is_waiting(v);
	__u64 since;

	count_written(s, v, port, part);
	if (v->read == s->answered) {
		if (sg_unlikely(waiting))
			on_early(s, port, part);
		return;
	}
	s->answered = v->read;
	since = sg_unlikely(waiting) ? s->caught_up : s->arrived;
	s->caught_up = 0;
	add_often(s, SERVICE_REQUESTS, port, part, 1);
	note_http(sk, port, HTTP_ANSWER, part, btf);
	if (sg_likely(since))
		observe_since(s, SERVICE_RESPONSE, port, since, part);
	else
		sg_count(part, SG_C_UNTIMED, 1, false);
	if (sg_unlikely(waiting)) {
		begin_next(s, port, part);
	} else {
		s->arrived = 0;
		s->early = 0;
	}
}

/* An answer whose own hook did not run, or what it wrote since that did. */
SG_FLATTEN void catch_up(struct service_sock *s, struct sock *sk, const struct view *v, __u32 port,
			 __u32 part, bool btf)
{
	if (sg_likely(v->written == s->written || !v->writes))
		return;
	if (sg_unlikely(v->read != s->answered))
		on_answer(s, sk, v, port, part, btf);
	else
		count_written(s, v, port, part);
}

/* ---- data arrives ------------------------------------------------------------------------------- */

/* First and last sequence number, as the kernel noted them in the packet. */
struct segment {
	__u32 seq, end;
};

SG_FLATTEN void segment_of(struct segment *g, struct sk_buff *skb, bool btf)
{
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)&skb->cb;

	if (btf) {
		const __u64 word = *(const __u64 *)skb->cb;

		_Static_assert(sizeof(*g) == sizeof(word), "they are the first two");
		__builtin_memcpy(g, &word, sizeof(word));
	} else {
		g->seq = BPF_CORE_READ(cb, seq);
		g->end = BPF_CORE_READ(cb, end_seq);
	}
}

/* Not inlined: of segments of one byte, which may be none. */
static __noinline int is_fin(const unsigned char *header)
{
	__u8 flags = 0;

	bpf_probe_read_kernel(&flags, 1, header + 13);
	return flags & TH_FIN;
}

/* It brings the byte that comes next, and so something to read. */
SG_FLATTEN bool brings_data(const struct view *v, struct sk_buff *skb, bool btf)
{
	struct segment g;

	segment_of(&g, skb, btf);
	if ((__s32)(g.end - v->received) <= 0 || (__s32)(g.seq - v->received) > 0)
		return false;
	return g.end - g.seq > 1 || !is_fin(GET(skb, data, btf));
}

SG_FLATTEN void on_data(struct service_sock *s, const struct view *v, __u32 part)
{
	__u64 now;

	if (!s->arrived) {
		s->shift = sg_admit(part);
		s->mark_at = 0;
	}
	now = stamp(s);
	s->arrived = now;
	if (!s->mark_at) {
		s->mark = v->received;
		s->mark_at = now;
	}
}

SG_FLATTEN int on_probe(struct sock *sk, struct sk_buff *skb, bool btf)
{
	__u32 part = sg_part(), port = GET(sk, __sk_common.skc_num, btf);
	struct service_sock *s;
	struct view v;

	sg_count(part, SERVICE_RUNS_PROBE, 1, false);
	if (!is_port(port))
		return 0;
	s = find_sock(sk, btf);
	if (!s || !look(sk, &v, btf))
		return 0;
	if (sg_unlikely(!s->open))
		open(s, &v, port, part);
	catch_up(s, sk, &v, port, part, btf);
	if (brings_data(&v, skb, btf))
		on_data(s, &v, part);
	return 0;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_probe_btf, struct sock *sk, struct sk_buff *skb)
{
	return on_probe(sk, skb, true);
}

SEC("raw_tp/tcp_probe")
int BPF_PROG(tcp_probe_raw, struct sock *sk, struct sk_buff *skb)
{
	return on_probe(sk, skb, false);
}

/* ---- it is read ------------------------------------------------------------------------------------ */

SG_FLATTEN int on_read(struct sock *sk, bool btf)
{
	__u32 part = sg_part(), port = GET(sk, __sk_common.skc_num, btf);
	struct service_sock *s;
	struct view v;

	sg_count(part, SERVICE_RUNS_READ, 1, false);
	if (!is_port(port))
		return 0;
	s = find_sock(sk, btf);
	if (!s || !look(sk, &v, btf))
		return 0;
	own_by_reader(s, sk, part, btf);
	if (sg_unlikely(!s->open))
		open(s, &v, port, part);
	if (v.read == s->read) /* only looked at */
		return 0;
	if (s->read == s->answered) /* the first of a request */
		note_http(sk, port, HTTP_REQUEST, part, btf);
	count_read(s, &v, port, part);
	if (s->mark_at && (__s32)(v.read - s->mark) > 0) {
		observe_since(s, SERVICE_READ, port, s->mark_at, part);
		if (!s->caught_up)
			s->caught_up = s->mark_at;
		s->mark_at = 0;
	}
	if (!is_waiting(&v))
		s->caught_up = s->arrived;
	return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcp_rcv_space_adjust_btf, struct sock *sk)
{
	return on_read(sk, true);
}

SEC("raw_tp/tcp_rcv_space_adjust")
int BPF_PROG(tcp_rcv_space_adjust_raw, struct sock *sk)
{
	return on_read(sk, false);
}

/* ---- it is answered ---------------------------------------------------------------------------------- */

SG_FLATTEN int on_send(struct sock *sk, bool btf)
{
	__u32 part = sg_part(), port = GET(sk, __sk_common.skc_num, btf);
	struct service_sock *s;
	struct view v;

	sg_count(part, SERVICE_RUNS_SEND, 1, false);
	if (!is_port(port))
		return 0;
	s = find_sock(sk, btf);
	if (s && sg_likely(s->open) && look(sk, &v, btf))
		on_answer(s, sk, &v, port, part, btf);
	return 0;
}

/* For every piece of what a call sends, before it is taken from the program. */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(tcp_sendmsg_locked_btf, struct sock *sk)
{
	return on_send(sk, true);
}

SEC("raw_tp/tcp_sendmsg_locked")
int BPF_PROG(tcp_sendmsg_locked_raw, struct sock *sk)
{
	return on_send(sk, false);
}

/* Packets of every protocol, some of which have a socket, which may be none of TCP. */
SG_FLATTEN int on_queue(struct sk_buff *skb, bool btf)
{
	struct sock *sk = GET(skb, sk, btf);
	__u32 part = sg_part(), port;
	struct service_sock *s;
	struct view v;

	sg_count(part, SERVICE_RUNS_QUEUE, 1, false);
	if (!sk)
		return 0;
	port = GET(sk, __sk_common.skc_num, btf);
	if (!is_port(port))
		return 0;
	s = find_sock(sk, btf);
	/* Not directly: a socket that was found by a pointer is none that the kernel trusts to be of TCP. */
	if (s && sg_likely(s->open) && look(sk, &v, false) && v.writes && v.written != s->written)
		on_answer(s, sk, &v, port, part, btf);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(net_dev_queue_btf, struct sk_buff *skb)
{
	return on_queue(skb, true);
}

SEC("raw_tp/net_dev_queue")
int BPF_PROG(net_dev_queue_raw, struct sk_buff *skb)
{
	return on_queue(skb, false);
}

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
