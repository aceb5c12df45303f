// SPDX-License-Identifier: GPL-2.0
// TCP: see bpf/tcp.bpf.c.
#include <sgprobe/bpf/tcp.h>

#include "domain.h"

SG_DECLARE_OBJECT(tcp);

/* By enum sg_tcp_state. TIME_WAIT is no state of a socket: see sgprobe_sockets_tcp. */
static const char *const states[SG_TCP_STATES] = {
	[SG_TCP_ESTABLISHED] = "established", [SG_TCP_SYN_SENT] = "syn_sent",
	[SG_TCP_SYN_RECV] = "syn_recv",	      [SG_TCP_FIN_WAIT1] = "fin_wait1",
	[SG_TCP_FIN_WAIT2] = "fin_wait2",     [SG_TCP_CLOSE] = "close",
	[SG_TCP_CLOSE_WAIT] = "close_wait",   [SG_TCP_LAST_ACK] = "last_ack",
	[SG_TCP_LISTEN] = "listen",	      [SG_TCP_CLOSING] = "closing",
};

static const char *state_name(unsigned int i)
{
	return states[i];
}

/* Sockets are not counted while they are closed. */
static const char *open_state_name(unsigned int i)
{
	return i == SG_TCP_CLOSE ? NULL : states[i];
}

static const char *retransmit_name(unsigned int i)
{
	static const char *const names[TCP_AGAIN_KINDS] = {"syn", "synack", "fast", "timeout",
							   "probe"};

	return names[i];
}

#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"connect_latency_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, TCP_CONNECT, .dims = BOTH,
	 .title = "TCP connect latency",
	 .help = "Time from the first SYN of a connection that this host opens until it is "
		 "established."},
	{"rtt_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, TCP_RTT, .dims = BOTH,
	 .title = "TCP round-trip time",
	 .help = "Smoothed round-trip time, at most once per 100 ms of a connection that receives, "
		 "and at its end."},
	{"connection_lifetime_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, TCP_LIFETIME, .dims = BOTH,
	 .title = "TCP connection lifetime",
	 .help = "Time from established to closed of connections that ended."},
	{"connects_total", SG_COUNTER, SG_FROM_COUNTER, TCP_CONNECTS,
	 .title = "TCP connections opened",
	 .help = "Connections that this host opened and that were established."},
	{"connect_failures_total", SG_COUNTER, SG_FROM_COUNTER, TCP_CONNECT_FAILURES,
	 .title = "TCP connects failed",
	 .help = "Connections that this host began to open and that were refused, timed out or "
		 "given up."},
	{"accepts_total", SG_COUNTER, SG_FROM_COUNTER, TCP_ACCEPTS,
	 .title = "TCP connections accepted",
	 .help = "Connections that others opened to this host and that were established."},
	{"retransmits_total", SG_COUNTER, SG_FROM_COUNTER, TCP_RETRANSMITS,
	 .title = "TCP retransmits",
	 .help = "Segments sent again, as RetransSegs in /proc/net/snmp, of all network "
		 "namespaces."},
	{"retransmits_by_kind_total", SG_COUNTER, SG_FROM_COUNTER, TCP_AGAIN, TCP_AGAIN_KINDS,
	 .label = "kind", .value = retransmit_name, .title = "TCP retransmits by kind",
	 .help = "Segments sent again: to open a connection (syn, synack), in fast recovery, after "
		 "a timeout, or to probe for a lost tail."},
	{"bad_checksums_total", SG_COUNTER, SG_FROM_COUNTER, TCP_BAD_CHECKSUMS,
	 .title = "TCP checksum errors", .help = "Segments received whose checksum was wrong."},
	{"resets_sent_total", SG_COUNTER, SG_FROM_COUNTER, TCP_RESETS_SENT,
	 .title = "TCP resets sent",
	 .help = "Resets that this host sent; before Linux 6.10 without those that answer where "
		 "nobody listens."},
	{"resets_received_total", SG_COUNTER, SG_FROM_COUNTER, TCP_RESETS_RECEIVED,
	 .title = "TCP resets received",
	 .help = "Resets that this host received for a connection."},
	{"received_bytes_total", SG_COUNTER, SG_FROM_COUNTER, TCP_RECEIVED_BYTES,
	 .title = "TCP bytes received",
	 .help = "Bytes of data received in order, each counted once; exact when a connection "
		 "has ended."},
	{"sent_bytes_total", SG_COUNTER, SG_FROM_COUNTER, TCP_SENT_BYTES, .title = "TCP bytes sent",
	 .help = "Bytes of data sent, retransmits not counted; exact when a connection has "
		 "ended."},
	{"state_transitions_total", SG_COUNTER, SG_FROM_COUNTER, TCP_TRANSITIONS, SG_TCP_STATES,
	 .label = "state", .value = state_name, .title = "TCP state changes",
	 .help = "Times that a socket entered each state."},
	{"connections", SG_GAUGE, SG_FROM_LEVEL, TCP_LEVEL, SG_TCP_STATES, .label = "state",
	 .value = open_state_name, .title = "TCP sockets by state",
	 .help = "Sockets in each state; those that are older than sgprobe are counted from when "
		 "they first do something."},
};

static const struct sg_program programs[] = {
	{"inet_sock_set_state", TCP_RUNS_STATE, .rate = SG_BUSY, .made_up_for = true},
	{"inet_sock_set_state_last", TCP_RUNS_STATE_LAST, .rate = SG_BUSY, .made_up_for = true},
	{"tcp_probe", TCP_RUNS_PROBE, .rate = SG_HOT, .made_up_for = true, .in = SG_IN_INTERRUPT},
	{"tcp_retransmit_skb", TCP_RUNS_RETRANSMIT, .made_up_for = true},
	{"tcp_retransmit_synack", TCP_RUNS_SYNACK, .optional = true},
	{"tcp_bad_csum", TCP_BAD_CHECKSUMS, .optional = true, .since = "5.14"},
	{"tcp_send_reset", TCP_RESETS_SENT},
	{"tcp_receive_reset", TCP_RESETS_RECEIVED},
};

const struct sg_domain sg_domain_tcp = {
	.name = "tcp",
	.title = "TCP",
	SG_OBJECT(tcp),
	.slot_blocks = true,
	.signals = TCP_SIGNALS,
	.counters = TCP_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_tcp),
};
