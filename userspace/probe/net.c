// SPDX-License-Identifier: GPL-2.0
// Network devices: see bpf/net.bpf.c.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/bpf/net.h>

#include "btf_enum.h"
#include "domain.h"
#include "label.h"

SG_DECLARE_OBJECT(net);

/* ---- labels --------------------------------------------------------------------------- */

static void device_name(char out[64], const struct sg_pool_key *key, const char *name)
{
	snprintf(out, 64, "%s%.*s", key->a & SG_NET_ELSEWHERE ? "netns/" : "",
		 (int)strcspn(name, "/"), name);
}

static void device_labels(const struct sg_pool_key *key, const char *name,
			  struct sg_key_labels *out)
{
	device_name(out->value[0], key, name);
}

/* What the kernel itself queues for a CPU is polled like a device. */
static void poll_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	if (name[0])
		device_name(out->value[0], key, name);
	else
		strcpy(out->value[0], "backlog");
}

/* "eth0////.../fq_codel" */
static void queue_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	const char *kind = strrchr(name, '/');

	device_name(out->value[0], key, name);
	snprintf(out->value[1], sizeof(out->value[1]), "%s", kind ? kind + 1 : "");
}

/* The low 31 bits of what the driver returned: include/linux/netdevice.h, or -errno. */
static void result_name(char *out, size_t cap, uint32_t low)
{
	static const char *const names[] = {[1] = "drop", [2] = "congestion", [0x10] = "busy"};
	int rc = (int)(low << 1) >> 1;

	if (rc < 0)
		sg_label_errno(out, cap, -rc);
	else if ((size_t)rc < ARRAY_SIZE(names) && names[rc])
		snprintf(out, cap, "%s", names[rc]);
}

static void failure_labels(const struct sg_pool_key *key, const char *name,
			   struct sg_key_labels *out)
{
	device_name(out->value[0], key, name);
	result_name(out->value[1], sizeof(out->value[1]), key->a & ~SG_NET_ELSEWHERE);
}

static const char *protocol_name(unsigned int i)
{
	static const char *const names[NET_PROTOCOLS] = {"other", "tcp", "udp", "icmp", "icmpv6"};

	return names[i];
}

/* ---- reasons of drops, as the running kernel calls them ------------------------------- */

struct reasons {
	char name[SG_NET_REASONS][48];
};

/* SKB_DROP_REASON_NO_SOCKET: no_socket. */
static int learn_reason(const char *name, int64_t value, void *ctx)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	struct reasons *r = ctx;

	if (value < 0 || value >= SG_NET_REASONS - 1)
		return 0;
	if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	sg_label_lower(r->name[value], sizeof(r->name[value]), name);
	return 0;
}

static int start(const struct sg_config *cfg, const struct sg_loaded *l, void **state)
{
	struct reasons *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	for (unsigned int i = 0; i < SG_NET_REASONS; i++)
		snprintf(r->name[i], sizeof(r->name[i]), "reason_%u", i);
	strcpy(r->name[SG_NET_REASONS - 1], "module");
	e = sg_btf_enum_kernel("skb_drop_reason", learn_reason, r);
	if (e == -ENOENT) /* a kernel that gives none */
		strcpy(r->name[0], "unknown");
	*state = r;
	return 0;
}

static const char *reason_name(const void *state, unsigned int i)
{
	return ((const struct reasons *)state)->name[i];
}

/* ---- metrics --------------------------------------------------------------------------- */

#define BY_DEVICE .label = "device", .key = device_labels
#define BY_QUEUE .label = "device", .label2 = "qdisc", .key = queue_labels
#define BY_POLL .label = "device", .key = poll_labels
#define BY_PROTOCOL .n = NET_PROTOCOLS, .label = "protocol", .value = protocol_name, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"receive_size_bytes", SG_HISTOGRAM, SG_FROM_KEYS, NET_RECEIVE_SIZE, BY_DEVICE,
	 .units = true, .title = "Received packet sizes",
	 .help = "Bytes of each packet that came from a device, link header included, after "
		 "packets were merged (GRO); devices of other network namespaces are netns/NAME."},
	{"transmit_size_bytes", SG_HISTOGRAM, SG_FROM_KEYS, NET_TRANSMIT_SIZE, BY_DEVICE,
	 .units = true, .title = "Sent packet sizes",
	 .help = "Bytes of each packet that a device took to send, link header included, before "
		 "the device splits it (TSO)."},
	{"transmit_failures_total", SG_COUNTER, SG_FROM_CELLS, NET_TRANSMIT_FAILURES,
	 .label = "device", .label2 = "result", .key = failure_labels, .units = true,
	 .title = "Failed transmits",
	 .help = "Packets that a device did not take: busy ones are tried again, others are "
		 "lost."},
	{"transmit_timeouts_total", SG_COUNTER, SG_FROM_CELLS, NET_TRANSMIT_TIMEOUTS, BY_DEVICE,
	 .units = true, .title = "Transmit timeouts",
	 .help = "Times that a device did not finish sending for so long that it was reset."},
	{"queue_seconds", SG_HISTOGRAM, SG_FROM_KEYS, NET_QUEUE_TIME, BY_QUEUE,
	 .title = "Time in transmit queues",
	 .help = "Time that a packet waited in the queue of a device; one that finds it empty and "
		 "the device free does not wait and is not counted."},
	{"queued_packets_total", SG_COUNTER, SG_FROM_CELLS, NET_QUEUED, BY_QUEUE, .units = true,
	 .title = "Packets queued", .help = "Packets that were put into the queue of a device."},
	{"queue_stalls_total", SG_COUNTER, SG_FROM_COUNTER, NET_DQL_STALLS,
	 .title = "Stalled transmit queues",
	 .help = "Times that a device sent nothing of a full queue for longer than its "
		 "stall_thrs allows."},
	{"napi_work_packets", SG_HISTOGRAM, SG_FROM_KEYS, NET_NAPI_WORK, BY_POLL, .units = true,
	 .title = "Packets per poll",
	 .help = "Packets that a driver found when it was polled, empty polls left out; backlog: "
		 "packets queued for a CPU."},
	{"napi_budget_exhausted_total", SG_COUNTER, SG_FROM_CELLS, NET_NAPI_EXHAUSTED, BY_POLL,
	 .units = true, .title = "Polls out of budget",
	 .help = "Polls that found as many packets as they may: more were waiting."},
	{"napi_idle_polls_total", SG_COUNTER, SG_FROM_CELLS, NET_NAPI_IDLE, BY_POLL, .units = true,
	 .title = "Empty polls",
	 .help = "Polls that found no received packet; they may have freed sent ones."},
	{"drops_total", SG_COUNTER, SG_FROM_COUNTER, NET_DROPS, SG_NET_REASONS, .label = "reason",
	 .value_of = reason_name, .sparse = true, .title = "Packets dropped",
	 .help = "Packets that the kernel dropped, by its own reason, on all devices and in all "
		 "network namespaces; not_specified ones need not be losses."},
	{"socket_queue_full_total", SG_COUNTER, SG_FROM_COUNTER, NET_QUEUE_FULL, BY_PROTOCOL,
	 .title = "Full receive queues of sockets",
	 .help = "Packets dropped because the receive queue of a socket was full, but for TCP and "
		 "UDP, which have counters of their own."},
	{"socket_memory_limit_total", SG_COUNTER, SG_FROM_COUNTER, NET_MEMORY_LIMIT, BY_PROTOCOL,
	 .title = "Sockets at a memory limit",
	 .help = "Times that a socket got no buffer because its protocol or its control group is "
		 "at its limit of memory."},
};

static const struct sg_program programs[] = {
	{"netif_receive_skb", NET_RECEIVES, .rate = SG_HOT, .in = SG_IN_INTERRUPT},
	{"net_dev_xmit", NET_TRANSMITS, .rate = SG_HOT, .in = SG_IN_TASK},
	{"net_dev_xmit_timeout", NET_TIMEOUTS, .optional = true},
	{"dql_stall_detected", NET_DQL_STALLS, .optional = true, .since = "6.9"},
	{"napi_poll", NET_POLLS, .rate = SG_HOT, .in = SG_IN_INTERRUPT},
	{"qdisc_enqueue", NET_ENQUEUES, .optional = true, .rate = SG_HOT, .since = "5.15",
	 .in = SG_IN_TASK},
	{"qdisc_dequeue", NET_DEQUEUES, .optional = true, .rate = SG_HOT, .in = SG_IN_TASK},
	{"kfree_skb", NET_DROPS, SG_NET_REASONS, .rate = SG_BUSY, .in = SG_IN_TASK},
	{"sock_rcvqueue_full", NET_QUEUE_FULL, NET_PROTOCOLS},
	{"sock_exceed_buf_limit", NET_MEMORY_LIMIT, NET_PROTOCOLS},
};

const struct sg_domain sg_domain_net = {
	.name = "net",
	.title = "Network devices",
	SG_OBJECT(net),
	.pooled = NET_SIGNALS_END,
	.counters = NET_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.limited = true,
	.enabled = offsetof(struct sg_config, domain_net),
	.start = start,
	.stop = free,
};
