// SPDX-License-Identifier: GPL-2.0
// UDP: see bpf/udp.bpf.c.
#include <stdio.h>
#include <string.h>

#include <sgprobe/bpf/udp.h>

#include "domain.h"
#include "label.h"

SG_DECLARE_OBJECT(udp);

static void error_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	sg_label_errno(out->value[0], sizeof(out->value[0]), (int)key->a);
}

/* The reasons are called as those of sgprobe_net_drops_total. */
static void drop_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	unsigned int port = key->a & 0xffff;

	if (port < SG_UDP_EPHEMERAL)
		snprintf(out->value[0], sizeof(out->value[0]), "%u", port);
	else
		strcpy(out->value[0], "ephemeral");
	strcpy(out->value[1], key->a & SG_UDP_NO_MEMORY ? "proto_mem" : "socket_rcvbuff");
}

#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"sent_size_bytes", SG_HISTOGRAM, SG_FROM_SIGNAL, UDP_SENT_SIZE, .units = true,
	 .dims = BOTH, .title = "UDP messages sent",
	 .help = "Bytes of each UDP message that a program sent; with segmentation offload "
		 "(UDP_SEGMENT) one message is several datagrams."},
	{"received_size_bytes", SG_HISTOGRAM, SG_FROM_SIGNAL, UDP_RECEIVED_SIZE, .units = true,
	 .dims = BOTH, .title = "UDP messages received",
	 .help = "Bytes of each UDP message that a program received."},
	{"send_errors_total", SG_COUNTER, SG_FROM_CELLS, UDP_SEND_ERRORS, .label = "error",
	 .key = error_labels, .units = true, .title = "UDP send errors",
	 .help = "UDP messages that could not be sent, but for those of sockets that do not wait "
		 "(EAGAIN)."},
	{"receive_errors_total", SG_COUNTER, SG_FROM_CELLS, UDP_RECEIVE_ERRORS, .label = "error",
	 .key = error_labels, .units = true, .title = "UDP receive errors",
	 .help = "Calls that received an error instead of a UDP message: econnrefused says that "
		 "nobody listens to what was sent before."},
	{"queue_drops_total", SG_COUNTER, SG_FROM_CELLS, UDP_QUEUE_DROPS, .label = "port",
	 .label2 = "reason", .key = drop_labels, .units = true, .title = "UDP receive queue drops",
	 .help = "Datagrams dropped because the receive queue of the socket at that local port "
		 "was full, or UDP had no memory left; ports from 32768 on are ephemeral."},
};

static const struct sg_program programs[] = {
	{"sock_send_length", UDP_RUNS_SEND, .optional = true, .rate = SG_HOT, .since = "6.3",
	 .in = SG_IN_TASK},
	{"sock_recv_length", UDP_RUNS_RECEIVE, .optional = true, .rate = SG_HOT, .since = "6.3",
	 .in = SG_IN_TASK},
	{"udp_fail_queue_rcv_skb", UDP_RUNS_DROP},
};

const struct sg_domain sg_domain_udp = {
	.name = "udp",
	.title = "UDP",
	SG_OBJECT(udp),
	.pooled = UDP_SIGNALS_END,
	.counters = UDP_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_udp),
};
