// SPDX-License-Identifier: GPL-2.0
// Network: /proc/net. It shows the network namespace that the probe runs in, which is the
// host's unless the probe itself was put into a container.
#include <string.h>
#include <unistd.h>

#include "procfs_source.h"

#define HERE "; of the probe's own network namespace"

/* ---- /proc/net/dev ------------------------------------------------------------------ */

#define DEV(what, title, help, unit)                                                               \
	{                                                                                          \
		NULL, "sgprobe_net_" what "_total", title, help HERE, unit, {"device"}, 1,         \
			SG_COUNTER, SG_PROC_DEVICE                                                 \
	}
#define DEV_NUMBERS 16

static const struct sg_proc_metric dev_metrics[] = {
	DEV("receive_bytes", "Bytes received", "Bytes that the device received", "bytes"),
	DEV("receive_packets", "Packets received", "Packets that the device received", ""),
	DEV("receive_errors", "Receive errors", "Packets received broken", ""),
	DEV("receive_drops", "Receive drops", "Packets received and dropped", ""),
	DEV("transmit_bytes", "Bytes sent", "Bytes that the device sent", "bytes"),
	DEV("transmit_packets", "Packets sent", "Packets that the device sent", ""),
	DEV("transmit_errors", "Transmit errors", "Packets that could not be sent", ""),
	DEV("transmit_drops", "Transmit drops", "Packets dropped instead of sent", ""),
};
static const unsigned char dev_column[ARRAY_SIZE(dev_metrics)] = {0, 1, 2, 3, 8, 9, 10, 11};

/* "  eth0: 194838027 3861 0 ..." */
static void parse_net_dev(const struct sg_proc_source *src, struct sg_text text,
			  struct sg_proc_sink *out)
{
	struct sg_text line, head, name;
	uint64_t v[DEV_NUMBERS];
	int n;

	while (sg_text_line(&text, &line)) {
		if (!sg_text_until(&line, ':', &head) || !sg_text_word(&head, &name))
			continue;
		for (n = 0; n < DEV_NUMBERS && sg_text_u64(&line, &v[n]); n++)
			;
		if (n < DEV_NUMBERS)
			continue;
		for (size_t i = 0; i < src->n_metrics; i++)
			out->put(out, &src->metrics[i], name, (struct sg_text){0},
				 v[dev_column[i]]);
	}
}

const struct sg_proc_source sg_proc_net_dev = {
	"net/dev", 1 << 20, parse_net_dev, NULL, dev_metrics, ARRAY_SIZE(dev_metrics),
};

/* ---- /proc/net/snmp, netstat: a line of names, a line of numbers --------------------- */

#define STAT(key, what, title, help)                                                               \
	{                                                                                          \
		key, "sgprobe_netstat_" what "_total", title, help HERE, "", {NULL}, 1,            \
			SG_COUNTER, 0                                                              \
	}

static const struct sg_proc_metric snmp_metrics[] = {
	STAT("Tcp.ActiveOpens", "tcp_active_opens", "Connections opened",
	     "TCP connections that this side opened"),
	STAT("Tcp.PassiveOpens", "tcp_passive_opens", "Connections accepted",
	     "TCP connections that the other side opened"),
	STAT("Tcp.AttemptFails", "tcp_attempt_fails", "Connection attempts failed",
	     "TCP connections that ended before they were established"),
	STAT("Tcp.EstabResets", "tcp_established_resets", "Connections reset",
	     "TCP connections that were reset while established"),
	{"Tcp.CurrEstab",
	 "sgprobe_netstat_tcp_established",
	 "Connections established",
	 "TCP connections established or waiting for a close" HERE,
	 "",
	 {NULL},
	 1,
	 SG_GAUGE,
	 0},
	STAT("Tcp.InSegs", "tcp_in_segments", "TCP segments received", "TCP segments received"),
	STAT("Tcp.OutSegs", "tcp_out_segments", "TCP segments sent",
	     "TCP segments sent, retransmitted ones not included"),
	STAT("Tcp.RetransSegs", "tcp_retransmitted_segments", "TCP segments retransmitted",
	     "TCP segments sent again"),
	STAT("Tcp.InErrs", "tcp_in_errors", "TCP receive errors", "TCP segments received broken"),
	STAT("Tcp.InCsumErrors", "tcp_in_checksum_errors", "TCP checksum errors",
	     "TCP segments received with a wrong checksum"),
	STAT("Tcp.OutRsts", "tcp_out_resets", "Resets sent", "TCP resets sent"),
	STAT("Udp.InDatagrams", "udp_in_datagrams", "Datagrams received",
	     "UDP datagrams received over IPv4"),
	STAT("Udp.OutDatagrams", "udp_out_datagrams", "Datagrams sent",
	     "UDP datagrams sent over IPv4"),
	STAT("Udp.NoPorts", "udp_no_ports", "Datagrams nobody listens to",
	     "UDP datagrams to a port without a socket"),
	STAT("Udp.RcvbufErrors", "udp_receive_buffer_errors", "Datagrams that found no room",
	     "UDP datagrams dropped because the receiver was too slow"),
	STAT("Udp.InErrors", "udp_in_errors", "Datagrams not delivered",
	     "UDP datagrams that could not be delivered to their socket"),
	STAT("Udp.InCsumErrors", "udp_in_checksum_errors", "UDP checksum errors",
	     "UDP datagrams received with a wrong checksum"),
	STAT("Udp.MemErrors", "udp_memory_errors", "Datagrams dropped for want of memory",
	     "UDP datagrams dropped because UDP as a whole had no memory left"),
	STAT("Udp.SndbufErrors", "udp_send_buffer_errors", "Datagrams not sent for want of room",
	     "UDP datagrams dropped because the send buffer was full"),
};

static const struct sg_proc_metric netstat_metrics[] = {
	STAT("TcpExt.ListenOverflows", "tcp_listen_overflows", "Accept queue overflows",
	     "TCP connections that found a full accept queue"),
	STAT("TcpExt.ListenDrops", "tcp_listen_drops", "Connections dropped by listeners",
	     "TCP connections that a listening socket dropped, full queue included"),
	STAT("TcpExt.TCPTimeouts", "tcp_timeouts", "Retransmission timeouts",
	     "Times that a retransmission timer expired"),
	STAT("TcpExt.TCPSynRetrans", "tcp_syn_retransmits", "SYNs sent again",
	     "SYN and SYN-ACK segments sent again"),
	STAT("TcpExt.TCPLostRetransmit", "tcp_lost_retransmits", "Retransmissions lost",
	     "Retransmitted segments that were lost again"),
	STAT("TcpExt.TCPBacklogDrop", "tcp_backlog_drops", "Backlog drops",
	     "Segments dropped because the socket's backlog was full"),
	STAT("TcpExt.SyncookiesSent", "tcp_syncookies_sent", "SYN cookies sent",
	     "SYN cookies sent because too many connections were half open"),
	STAT("TcpExt.TCPAbortOnMemory", "tcp_aborts_on_memory",
	     "Connections ended for want of memory",
	     "TCP connections ended because TCP had no memory left"),
	STAT("TcpExt.TCPToZeroWindowAdv", "tcp_zero_windows_sent", "Windows closed",
	     "Times that this side told the other to stop sending: a program is slow to read"),
	STAT("TcpExt.TCPFromZeroWindowAdv", "tcp_zero_windows_ended", "Windows opened again",
	     "Times that this side let the other send again"),
	STAT("TcpExt.TCPZeroWindowDrop", "tcp_zero_window_drops", "Segments dropped, window closed",
	     "Segments dropped because they came while the window was closed"),
	STAT("TcpExt.TCPRcvQDrop", "tcp_receive_queue_drops", "Segments dropped, buffer full",
	     "Segments dropped because the receive buffer was full"),
	STAT("TcpExt.TCPReqQFullDrop", "tcp_syn_queue_drops", "SYNs dropped",
	     "SYN segments dropped because too many connections were half open"),
	STAT("TcpExt.TCPMemoryPressures", "tcp_memory_pressures", "TCP memory pressure",
	     "Times that TCP as a whole ran short of memory"),
	STAT("TcpExt.PruneCalled", "tcp_prunes", "Receive queues pruned",
	     "Times that a receive queue had to be pruned to its limit"),
};

/* The metric "group.name", without making that string. */
static const struct sg_proc_metric *find_stat(const struct sg_proc_source *src,
					      struct sg_text group, struct sg_text name)
{
	for (size_t i = 0; i < src->n_metrics; i++) {
		struct sg_text key = {src->metrics[i].key, strlen(src->metrics[i].key)}, head;

		if (sg_text_until(&key, '.', &head) && head.n == group.n && key.n == name.n &&
		    !memcmp(head.p, group.p, group.n) && !memcmp(key.p, name.p, name.n))
			return &src->metrics[i];
	}
	return NULL;
}

static void parse_pair(const struct sg_proc_source *src, struct sg_text group, struct sg_text names,
		       struct sg_text values, struct sg_proc_sink *out)
{
	const struct sg_proc_metric *m;
	struct sg_text name, value;
	uint64_t v;

	while (sg_text_word(&names, &name) && sg_text_word(&values, &value)) {
		m = find_stat(src, group, name);
		if (m && sg_text_u64(&value, &v)) /* MaxConn is -1: not one of ours */
			sg_proc_put(out, m, v);
	}
}

static void parse_pairs(const struct sg_proc_source *src, struct sg_text text,
			struct sg_proc_sink *out)
{
	struct sg_text names, values, group, group2;

	while (sg_text_line(&text, &names) && sg_text_line(&text, &values)) {
		if (sg_text_until(&names, ':', &group) && sg_text_until(&values, ':', &group2) &&
		    group.n == group2.n && !memcmp(group.p, group2.p, group.n))
			parse_pair(src, group, names, values, out);
	}
}

const struct sg_proc_source sg_proc_snmp = {
	"net/snmp", 1 << 16, parse_pairs, NULL, snmp_metrics, ARRAY_SIZE(snmp_metrics),
};
const struct sg_proc_source sg_proc_netstat = {
	"net/netstat", 1 << 16, parse_pairs, NULL, netstat_metrics, ARRAY_SIZE(netstat_metrics),
};

/* ---- /proc/net/snmp6: "Udp6InDatagrams   12" ------------------------------------------ */

static const struct sg_proc_metric snmp6_metrics[] = {
	STAT("Udp6InDatagrams", "udp6_in_datagrams", "IPv6 datagrams received",
	     "UDP datagrams received over IPv6"),
	STAT("Udp6OutDatagrams", "udp6_out_datagrams", "IPv6 datagrams sent",
	     "UDP datagrams sent over IPv6"),
	STAT("Udp6RcvbufErrors", "udp6_receive_buffer_errors", "IPv6 datagrams that found no room",
	     "UDP datagrams over IPv6 dropped because the receiver was too slow"),
};

const struct sg_proc_source sg_proc_snmp6 = {
	"net/snmp6", 1 << 16, sg_proc_parse_keys, NULL, snmp6_metrics, ARRAY_SIZE(snmp6_metrics),
};

/* ---- /proc/net/sockstat: "TCP: inuse 1 orphan 0 tw 2 alloc 1 mem 92" ------------------ */

enum { SOCK_TCP, SOCK_MEM };

static const struct sg_proc_metric sockstat_metrics[] = {
	[SOCK_TCP] = {NULL,
		      "sgprobe_sockets_tcp",
		      "TCP sockets",
		      "IPv4 TCP sockets: in use (IPv6 not counted), orphaned, in TIME_WAIT, "
		      "allocated" HERE,
		      "",
		      {"state"},
		      1,
		      SG_GAUGE,
		      0},
	[SOCK_MEM] = {NULL,
		      "sgprobe_sockets_tcp_memory_bytes",
		      "TCP buffer memory",
		      "Memory that TCP buffers use on the whole machine",
		      "bytes",
		      {NULL},
		      1,
		      SG_GAUGE,
		      SG_PROC_PAGES},
};

static void put_tcp(const struct sg_proc_source *src, struct sg_text line, struct sg_proc_sink *out)
{
	static const struct {
		const char *key, *state;
	} states[] = {{"inuse", "in_use"},
		      {"orphan", "orphan"},
		      {"tw", "time_wait"},
		      {"alloc", "allocated"}};
	struct sg_text key;
	uint64_t v;

	while (sg_text_word(&line, &key) && sg_text_u64(&line, &v)) {
		for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
			if (sg_text_is(key, states[i].key))
				out->put(out, &src->metrics[SOCK_TCP],
					 (struct sg_text){states[i].state, strlen(states[i].state)},
					 (struct sg_text){0}, v);
		}
		if (sg_text_is(key, "mem"))
			sg_proc_put(out, &src->metrics[SOCK_MEM], v);
	}
}

static void parse_sockstat(const struct sg_proc_source *src, struct sg_text text,
			   struct sg_proc_sink *out)
{
	struct sg_text line, key;

	while (sg_text_line(&text, &line)) {
		if (sg_text_word(&line, &key) && sg_text_is(key, "TCP:"))
			put_tcp(src, line, out);
	}
}

const struct sg_proc_source sg_proc_sockstat = {
	"net/sockstat", 1 << 16,	  parse_sockstat,
	NULL,		sockstat_metrics, ARRAY_SIZE(sockstat_metrics),
};
