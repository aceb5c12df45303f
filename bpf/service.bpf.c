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

#include "service/http.bpf.h"
#include "service/sock.bpf.h"

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

#include "service/life.bpf.h"
