/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/net.bpf.c and userspace/probe/net.c share. */
#ifndef SGPROBE_BPF_NET_H
#define SGPROBE_BPF_NET_H

#include <sgprobe/bpf/sgprobe.h>

/* Rows of the pool, by device. */
enum sg_net_signal {
	NET_RECEIVE_SIZE,
	NET_TRANSMIT_SIZE,
	NET_NAPI_WORK,
	NET_QUEUE_TIME, /* by device and qdisc */
	NET_SIGNALS_END,
};

/* Cells of the pool, by device. */
enum sg_net_cell {
	NET_QUEUED, /* by device and qdisc */
	NET_TRANSMIT_FAILURES, /* by device and result */
	NET_TRANSMIT_TIMEOUTS,
	NET_NAPI_EXHAUSTED,
	NET_NAPI_IDLE,
};

/*
 * Keys: b is a hash of the device's name, which is the key's name. Names are what a
 * series is called by, so devices of one name are one; only the probe's own network
 * namespace is told apart from all others. Bit 31 of a says that it is another one;
 * the rest of a is the result, or a hash of the qdisc's kind. The name of a queue is
 * "eth0///.../fq_codel": the device's in SG_NET_DEVICE_LEN bytes, then the kind.
 */
#define SG_NET_ELSEWHERE (1U << 31)
#define SG_NET_DEVICE_LEN 16

/* Reasons of drops as the running kernel numbers them; past the last: of its modules. */
#define SG_NET_REASONS 256

/* Protocols of sockets that are told apart. */
enum sg_net_protocol {
	NET_PROTOCOL_OTHER,
	NET_PROTOCOL_TCP,
	NET_PROTOCOL_UDP,
	NET_PROTOCOL_ICMP,
	NET_PROTOCOL_ICMPV6,
	NET_PROTOCOLS,
};

enum sg_net_counter {
	NET_RECEIVES = SG_COMMON_COUNTERS, /* runs of the programs */
	NET_TRANSMITS,
	NET_POLLS,
	NET_ENQUEUES,
	NET_DEQUEUES,
	NET_TIMEOUTS,
	NET_DQL_STALLS,
	NET_DROPS,
	NET_QUEUE_FULL = NET_DROPS + SG_NET_REASONS,
	NET_MEMORY_LIMIT = NET_QUEUE_FULL + NET_PROTOCOLS,
	NET_COUNTERS = NET_MEMORY_LIMIT + NET_PROTOCOLS,
};

#endif
