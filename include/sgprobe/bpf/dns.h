/* SPDX-License-Identifier: GPL-2.0 */
/* What bpf/dns.bpf.c and userspace/probe/dns.c share. */
#ifndef SGPROBE_BPF_DNS_H
#define SGPROBE_BPF_DNS_H

#include <sgprobe/bpf/sgprobe.h>

/* A query that waits for its answer: map dns_queries. Names are never looked at. */
struct sg_dns_key {
	__u8 local[16], server[16]; /* IPv6 addresses, or ::ffff:a.b.c.d; network byte order */
	__u32 netns;
	__u16 port, id; /* of the sender; network byte order */
};
struct sg_dns_query {
	__u64 sent; /* monotonic nanoseconds */
	__u64 packet; /* its address: the same packet may pass several devices */
};
#define SG_DNS_QUERIES 2048 /* at once; further ones are counted, but not waited for */
#define SG_DNS_TIMEOUT_NS 10000000000ULL /* no answer until then: there is none */

/* Types of queries that are told apart: X(number in the protocol, name). */
#define SG_DNS_TYPES(X)                                                                            \
	X(1, a)                                                                                    \
	X(2, ns)                                                                                   \
	X(5, cname)                                                                                \
	X(6, soa)                                                                                  \
	X(12, ptr)                                                                                 \
	X(15, mx)                                                                                  \
	X(16, txt)                                                                                 \
	X(28, aaaa)                                                                                \
	X(33, srv)                                                                                 \
	X(35, naptr)                                                                               \
	X(43, ds)                                                                                  \
	X(48, dnskey)                                                                              \
	X(64, svcb)                                                                                \
	X(65, https)                                                                               \
	X(255, any)

enum sg_dns_type {
#define SG_DNS_TYPE(number, name) DNS_TYPE_##name,
	SG_DNS_TYPES(SG_DNS_TYPE)
#undef SG_DNS_TYPE
		DNS_TYPE_OTHER,
	DNS_TYPES,
};

#define SG_DNS_RCODES 16

/* Rows of the pool: a is the rcode, b a hash of the server's address, whose digits are the key's name. */
#define SG_DNS_NAME_LEN 32
enum sg_dns_signal { DNS_LATENCY, DNS_SIGNALS_END };

enum sg_dns_counter {
	DNS_RUNS_SEND = SG_COMMON_COUNTERS,
	DNS_RUNS_RECEIVE,
	DNS_RETRIES,
	DNS_TRUNCATED,
	DNS_MALFORMED,
	DNS_UNTRACKED,
	DNS_BY_TYPE,
	DNS_BY_RCODE = DNS_BY_TYPE + DNS_TYPES,
	DNS_COUNTERS = DNS_BY_RCODE + SG_DNS_RCODES,
};

#endif
