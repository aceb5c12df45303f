/* SPDX-License-Identifier: GPL-2.0 */
/* The first bytes of requests and answers, at the ports that a setting names. Part of service.bpf.c. */
#ifndef SERVICE_HTTP_BPF_H
#define SERVICE_HTTP_BPF_H

#include "sock.bpf.h"

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

#endif
