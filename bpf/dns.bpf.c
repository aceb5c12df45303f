// SPDX-License-Identifier: GPL-2.0
/*
 * DNS over UDP, port 53: how long servers take to answer, and what they answer.
 *
 * A query is seen when its sender's packet is given to a device, an answer when a
 * device gives it to the network stack; loopback is a device like any other. They
 * belong together by network namespace, both addresses, port and id. Almost all
 * packets are others: one that is sent is told by its socket's protocol, one that
 * comes by one read of the beginning of its headers.
 *
 * Packets are hostile. Every read is within the packet's linear part (take()), where
 * the kernel keeps headers; names are stepped over by their length bytes alone.
 */
#include <sgprobe/bpf/dns.h>

#define SG_COUNTERS DNS_COUNTERS
#define SG_NO_ROWS

#include <bpf/bpf_endian.h>

#include "pool.bpf.h"

#define GET(p, f, btf) ((btf) ? (p)->f : BPF_CORE_READ(p, f))

#define IPPROTO_UDP 17
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define DNS_PORT bpf_htons(53)
#define LABELS_MAX 64 /* of a name; the longest common ones (ip6.arpa) have 34 */
#define SAME_PACKET_NS 1000000

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SG_DNS_QUERIES);
	__type(key, struct sg_dns_key);
	__type(value, struct sg_dns_query);
} dns_queries SEC(".maps");

/* ---- reading a packet ----------------------------------------------------------------- */

/* Memory that belongs to a packet, from its network header on. */
struct span {
	const unsigned char *at;
	__u32 len;
};

SG_FLATTEN bool take(const struct span *s, __u32 off, void *to, const __u32 n)
{
	return off <= s->len && n <= s->len - off && bpf_probe_read_kernel(to, n, s->at + off) == 0;
}

struct ipv4 {
	__u8 version_ihl, tos;
	__be16 len, id, fragment;
	__u8 ttl, protocol;
	__be16 sum;
	__u8 from[4], to[4];
};
struct ipv6 {
	__u8 version, flow[3];
	__be16 len;
	__u8 next, hops;
	__u8 from[16], to[16];
};
struct udp {
	__be16 from, to, len, sum;
};
struct dns {
	__be16 id;
	__u8 flags, rcode; /* QR, opcode, AA, TC, RD; RA, Z, AD, CD, rcode */
	__be16 questions, answers, authorities, additional;
};
#define DNS_QR 0x80
#define DNS_TC 0x02
#define DNS_OPCODE 0x78

struct message {
	__u8 from[16], to[16];
	struct udp udp;
	struct dns dns;
	__u32 body; /* where what follows the DNS header begins */
};

SG_FLATTEN void map_v4(__u8 to[16], const __u8 from[4])
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, from, 4);
}

/* Where the UDP header begins; 0: no UDP, or not all of it. */
SG_FLATTEN __u32 take_ip(const struct span *s, struct message *m)
{
	struct ipv4 v4;
	struct ipv6 v6;

	if (!take(s, 0, &v4, sizeof(v4)))
		return 0;
	if (v4.version_ihl >> 4 == 4) {
		if (v4.protocol != IPPROTO_UDP || v4.fragment & bpf_htons(0x1fff) ||
		    (v4.version_ihl & 15) < 5)
			return 0;
		map_v4(m->from, v4.from);
		map_v4(m->to, v4.to);
		return (v4.version_ihl & 15) * 4;
	}
	if (v4.version_ihl >> 4 != 6 || !take(s, 0, &v6, sizeof(v6)) || v6.next != IPPROTO_UDP)
		return 0;
	__builtin_memcpy(m->from, v6.from, 16);
	__builtin_memcpy(m->to, v6.to, 16);
	return sizeof(v6);
}

enum took { NOT_OURS, BROKEN, WHOLE };

/* answer: a constant, from port 53 and not to it. */
SG_FLATTEN enum took take_message(const struct span *s, struct message *m, bool answer)
{
	__u32 at = take_ip(s, m);

	if (!at || !take(s, at, &m->udp, sizeof(m->udp)))
		return NOT_OURS;
	if ((answer ? m->udp.from : m->udp.to) != DNS_PORT)
		return NOT_OURS;
	at += sizeof(m->udp);
	if (bpf_ntohs(m->udp.len) < sizeof(m->udp) + sizeof(m->dns) ||
	    !take(s, at, &m->dns, sizeof(m->dns)))
		return BROKEN;
	m->body = at + sizeof(m->dns);
	return WHOLE;
}

/*
 * One read of what almost all packets are told by. answer: a constant, as above. IPv4
 * packets with options are looked at closer.
 */
SG_FLATTEN bool may_be_dns(const struct span *s, __be16 protocol, bool answer)
{
	const __u32 port_at = answer ? offsetof(struct udp, from) : offsetof(struct udp, to);
	__u8 h[sizeof(struct ipv6) + sizeof(__be16) * 2];
	__be16 port;

	if (protocol == bpf_htons(ETH_P_IP)) {
		if (!take(s, 0, h, sizeof(struct ipv4) + sizeof(__be16) * 2) || h[9] != IPPROTO_UDP)
			return false;
		__builtin_memcpy(&port, h + sizeof(struct ipv4) + port_at, sizeof(port));
		return port == DNS_PORT || (h[0] & 15) != 5;
	}
	if (protocol != bpf_htons(ETH_P_IPV6) || !take(s, 0, h, sizeof(h)) || h[6] != IPPROTO_UDP)
		return false;
	__builtin_memcpy(&port, h + sizeof(struct ipv6) + port_at, sizeof(port));
	return port == DNS_PORT;
}

SG_FLATTEN void key_of(struct sg_dns_key *key, const struct message *m, __u32 netns, bool answer)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->local, answer ? m->to : m->from, 16);
	__builtin_memcpy(key->server, answer ? m->from : m->to, 16);
	key->netns = netns;
	key->port = answer ? m->udp.to : m->udp.from;
	key->id = m->dns.id;
}

SG_FLATTEN __u32 netns_of(struct sk_buff *skb)
{
	return BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
}

/* ---- queries -------------------------------------------------------------------------- */

SG_FLATTEN __u32 type_index(__u16 type)
{
	switch (type) {
#define SG_DNS_TYPE(number, name)                                                                  \
	case number: return DNS_TYPE_##name;
		SG_DNS_TYPES(SG_DNS_TYPE)
#undef SG_DNS_TYPE
	default: return DNS_TYPE_OTHER;
	}
}

/* Of the question; DNS_TYPES: it has none that could be understood. */
SG_FLATTEN __u32 type_of(const struct span *s, const struct message *m)
{
	__u32 at = m->body;
	__be16 type;
	__u8 len;

	if (m->dns.questions != bpf_htons(1))
		return DNS_TYPES;
	for (int i = 0; i < LABELS_MAX; i++) {
		if (!take(s, at, &len, 1) || len > 63) /* nothing to point back to yet */
			return DNS_TYPES;
		at += 1 + len;
		if (!len)
			return take(s, at, &type, sizeof(type)) ? type_index(bpf_ntohs(type))
								: DNS_TYPES;
	}
	return DNS_TYPE_OTHER;
}

SG_FLATTEN void count_query(__u32 type, __u32 part)
{
	sg_opaque(type);
	if (type < DNS_TYPES)
		sg_count(part, DNS_BY_TYPE + type, 1, false);
}

/* false: the packet was seen on its way through another device. */
SG_FLATTEN bool remember(const struct sg_dns_key *key, struct sk_buff *skb, __u32 part)
{
	struct sg_dns_query q = {bpf_ktime_get_ns(), (__u64)skb}, *old;

	old = bpf_map_lookup_elem(&dns_queries, key);
	if (old && old->packet == q.packet && q.sent - old->sent < SAME_PACKET_NS)
		return false;
	if (old)
		sg_count(part, DNS_RETRIES, 1, false);
	if (bpf_map_update_elem(&dns_queries, key, &q, BPF_ANY))
		sg_count(part, DNS_UNTRACKED, 1, false);
	return true;
}

/* Not inlined: of packets to port 53 only. */
static __noinline int on_to_dns(struct sk_buff *skb, const unsigned char *at, __u32 len)
{
	__u32 part = sg_part(), type;
	struct sg_dns_key key;
	struct span s = {at, len};
	struct message m = {};

	if (!skb)
		return 0;
	switch (take_message(&s, &m, false)) {
	case NOT_OURS: return 0;
	case BROKEN: sg_count(part, DNS_MALFORMED, 1, false); return 0;
	case WHOLE: break;
	}
	if (m.dns.flags & DNS_QR)
		return 0; /* an answer to a server that asks from port 53 */
	type = m.dns.flags & DNS_OPCODE ? DNS_TYPE_OTHER : type_of(&s, &m);
	if (type == DNS_TYPES) {
		sg_count(part, DNS_MALFORMED, 1, false);
		return 0;
	}
	key_of(&key, &m, netns_of(skb), false);
	if (remember(&key, skb, part))
		count_query(type, part);
	return 0;
}

/* Whether a socket may have sent to port 53; one that is not connected may have sent anywhere. */
SG_FLATTEN bool may_ask(struct sock *sk, bool btf)
{
	__be16 port;

	if (!sk || GET(sk, sk_protocol, btf) != IPPROTO_UDP)
		return false;
	port = GET(sk, __sk_common.skc_dport, btf);
	return !port || port == DNS_PORT;
}

SG_FLATTEN int on_sent(struct sk_buff *skb, bool btf)
{
	__u16 network, link;
	struct span s;

	sg_count(sg_part(), DNS_RUNS_SEND, 1, true);
	if (!may_ask(GET(skb, sk, btf), btf))
		return 0;
	network = GET(skb, network_header, btf);
	link = network - GET(skb, mac_header, btf); /* both are set by now */
	s.at = GET(skb, head, btf) + network;
	s.len = GET(skb, len, btf) - GET(skb, data_len, btf);
	if (link > s.len)
		return 0;
	s.len -= link;
	if (may_be_dns(&s, GET(skb, protocol, btf), false))
		on_to_dns(skb, s.at, s.len);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(net_dev_queue_btf, struct sk_buff *skb)
{
	return on_sent(skb, true);
}

SEC("raw_tp/net_dev_queue")
int BPF_PROG(net_dev_queue_raw, struct sk_buff *skb)
{
	return on_sent(skb, false);
}

/* ---- answers -------------------------------------------------------------------------- */

/*
 * Servers that are told apart, so that a host that asks a thousand of them does not
 * take all of the pool: a place is had by the first that comes, until it was not seen
 * for IDLE_TICKS.
 */
#define SERVERS 64
#define SERVER_PLACES 4 /* where one may be */
#define IDLE_TICKS 600

struct server {
	__u64 hash;
	__u32 tick; /* when it was seen last */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVERS);
	__type(key, __u32);
	__type(value, struct server);
} dns_servers SEC(".maps");

SG_FLATTEN bool is_told_apart(__u64 hash)
{
	__u32 tick = *(volatile __u32 *)&sg_state.tick;
	struct server *s, *free = NULL;

	for (__u32 i = 0; i < SERVER_PLACES; i++) {
		__u32 at = (hash + i) & (SERVERS - 1);

		s = bpf_map_lookup_elem(&dns_servers, &at);
		if (s && s->hash == hash) {
			s->tick = tick;
			return true;
		}
		if (s && !free && (!s->hash || tick - s->tick > IDLE_TICKS))
			free = s;
	}
	if (!free)
		return false;
	free->hash = hash;
	free->tick = tick;
	return true;
}

SG_FLATTEN char digit(__u8 n)
{
	return n < 10 ? '0' + n : 'a' + n - 10;
}

SG_FLATTEN void write_name(char name[SG_DNS_NAME_LEN + 1], const __u8 address[16])
{
	for (int i = 0; i < 16; i++) {
		name[2 * i] = digit(address[i] >> 4);
		name[2 * i + 1] = digit(address[i] & 15);
	}
	name[SG_DNS_NAME_LEN] = '\0';
}

SG_FLATTEN void observe(const struct sg_dns_key *q, __u32 rcode, __u64 ns, __u32 part)
{
	char name[SG_DNS_NAME_LEN + 1];
	const struct sg_who nobody = sg_who_nobody();
	struct sg_pool_key key;
	__u64 address[2], hash;

	__builtin_memcpy(address, q->server, sizeof(address));
	hash = sg_hash64(address[0], address[1]);
	key = sg_key(DNS_LATENCY, rcode, hash);
	if (!is_told_apart(hash))
		key = (struct sg_pool_key){
			.domain = key.domain, .signal = key.signal, .kind = SG_KEY_OTHER};
	write_name(name, q->server);
	sg_pool_observe(&key, name, part, ns, false, &nobody);
}

/* The query is this answer's if it was still there to be taken: it may have been given up, or answered. */
SG_FLATTEN bool claim(const struct sg_dns_key *key, __u64 *ns)
{
	struct sg_dns_query *q = bpf_map_lookup_elem(&dns_queries, key);

	if (!q)
		return false;
	*ns = bpf_ktime_get_ns() - q->sent;
	return bpf_map_delete_elem(&dns_queries, key) == 0;
}

/* Not inlined: of packets from port 53 only. */
static __noinline int on_from_dns(struct sk_buff *skb, const unsigned char *at, __u32 len)
{
	struct sg_dns_key key;
	struct span s = {at, len};
	struct message m = {};
	__u32 part = sg_part();
	__u32 rcode;
	__u64 ns;

	if (!skb)
		return 0;
	switch (take_message(&s, &m, true)) {
	case NOT_OURS: return 0;
	case BROKEN: sg_count(part, DNS_MALFORMED, 1, false); return 0;
	case WHOLE: break;
	}
	if (!(m.dns.flags & DNS_QR))
		return 0;
	key_of(&key, &m, netns_of(skb), true);
	if (!claim(&key, &ns))
		return 0;
	rcode = m.dns.rcode & (SG_DNS_RCODES - 1);
	sg_opaque(rcode);
	if (rcode < SG_DNS_RCODES)
		sg_count(part, DNS_BY_RCODE + rcode, 1, false);
	if (m.dns.flags & DNS_TC)
		sg_count(part, DNS_TRUNCATED, 1, false);
	if (sg_sane(part, ns))
		observe(&key, rcode, ns, part);
	return 0;
}

SG_FLATTEN int on_received(struct sk_buff *skb, bool btf)
{
	struct span s = {
		.at = GET(skb, data, btf),
		.len = GET(skb, len, btf) - GET(skb, data_len, btf),
	};

	sg_count(sg_part(), DNS_RUNS_RECEIVE, 1, true);
	if (may_be_dns(&s, GET(skb, protocol, btf), true))
		on_from_dns(skb, s.at, s.len);
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(netif_receive_skb_btf, struct sk_buff *skb)
{
	return on_received(skb, true);
}

SEC("raw_tp/netif_receive_skb")
int BPF_PROG(netif_receive_skb_raw, struct sk_buff *skb)
{
	return on_received(skb, false);
}
