// SPDX-License-Identifier: GPL-2.0
/*
 * UDP: what programs send and receive, by whom, and what found no room in the receive
 * queue of a socket. The hooks of messages run for sockets of every protocol, a
 * million times a second on a busy host: others are left after two loads.
 */
#include <sgprobe/bpf/udp.h>

#define SG_COUNTERS UDP_COUNTERS
#define SG_NO_ROWS

#include "quick.bpf.h"
#include "slot.bpf.h"

#define GET(p, f, btf) ((btf) ? (p)->f : BPF_CORE_READ(p, f))

#define AF_INET 2
#define AF_INET6 10
#define SOCK_DGRAM 2
#define IPPROTO_UDP 17
#define MSG_PEEK 2
#define EAGAIN 11
#define ENOMEM 12
#define ERRNO_MAX 133 /* what is beyond stays within the kernel: a call that is restarted */

SG_FLATTEN bool is_udp(struct sock *sk, bool btf)
{
	__u16 family;

	if (GET(sk, sk_protocol, btf) != IPPROTO_UDP)
		return false;
	family = GET(sk, __sk_common.skc_family, btf);
	return (family == AF_INET || family == AF_INET6) && GET(sk, sk_type, btf) == SOCK_DGRAM;
}

/* The hooks are those of a system call: current is who sends or receives. */
SG_FLATTEN void observe(__u8 signal, __u32 bytes, __u32 part, bool btf)
{
	struct task_struct *task =
		btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
	struct sg_task *t = sg_task_of(task, part, true, btf);
	struct sg_pool_key key =
		sg_key_of_slot(signal, t ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER);
	__u32 number = sg_quick(&key);

	if (sg_unlikely(!number))
		number = sg_quick_learn(&key, NULL, part);
	sg_pool_observe_row(number, part, sg_bucket_units(bytes), bytes, 1, false, 0, NULL);
}

/* Not inlined: rare, or the program has other worries. */
static __noinline int on_error(__u8 cell, int error, __u32 part)
{
	struct sg_pool_key key = sg_key(cell, error, 0);

	if (error != EAGAIN && error > 0 && error <= ERRNO_MAX)
		sg_pool_add(&key, NULL, part, 1, false);
	return 0;
}

SG_FLATTEN int on_send(struct sock *sk, int ret, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, UDP_RUNS_SEND, 1, false);
	if (!is_udp(sk, btf))
		return 0;
	if (ret >= 0)
		observe(UDP_SENT_SIZE, ret, part, btf);
	else
		on_error(UDP_SEND_ERRORS, -ret, part);
	return 0;
}

SG_FLATTEN int on_receive(struct sock *sk, int ret, int flags, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, UDP_RUNS_RECEIVE, 1, false);
	if (!is_udp(sk, btf))
		return 0;
	if (ret < 0)
		on_error(UDP_RECEIVE_ERRORS, -ret, part);
	else if (!(flags & MSG_PEEK))
		observe(UDP_RECEIVED_SIZE, ret, part, btf);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sock_send_length_btf, struct sock *sk, int ret)
{
	return on_send(sk, ret, true);
}

SEC("raw_tp/sock_send_length")
int BPF_PROG(sock_send_length_raw, struct sock *sk, int ret)
{
	return on_send(sk, ret, false);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(sock_recv_length_btf, struct sock *sk, int ret, int flags)
{
	return on_receive(sk, ret, flags, true);
}

SEC("raw_tp/sock_recv_length")
int BPF_PROG(sock_recv_length_raw, struct sock *sk, int ret, int flags)
{
	return on_receive(sk, ret, flags, false);
}

/* Runs where the packet comes in: current is nobody. */
SEC("raw_tp/udp_fail_queue_rcv_skb")
int BPF_PROG(udp_fail_queue_rcv_skb, int rc, struct sock *sk)
{
	__u32 part = sg_part(), port = BPF_CORE_READ(sk, __sk_common.skc_num);
	struct sg_pool_key key;

	sg_count(part, UDP_RUNS_DROP, 1, false);
	if (port >= SG_UDP_EPHEMERAL)
		port = SG_UDP_EPHEMERAL;
	key = sg_key(UDP_QUEUE_DROPS, port | (rc == -ENOMEM ? 0 : SG_UDP_NO_MEMORY), 0);
	sg_pool_add(&key, NULL, part, 1, false);
	return 0;
}
