// SPDX-License-Identifier: GPL-2.0
// DNS: see bpf/dns.bpf.c. Queries that get no answer are found here, once a tick.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/bpf/dns.h>
#include <sgprobe/time.h>

#include "domain.h"
#include "drain.h"
#include "load.h"

SG_DECLARE_OBJECT(dns);

/* ---- labels --------------------------------------------------------------------------- */

static void address_text(char *out, size_t cap, const uint8_t address[16])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(address, v4, sizeof(v4)) == 0)
		inet_ntop(AF_INET, address + sizeof(v4), out, (socklen_t)cap);
	else
		inet_ntop(AF_INET6, address, out, (socklen_t)cap);
}

/* The digits that the program wrote; false: it is none of its names. */
static bool read_name(uint8_t address[16], const char *name)
{
	if (strlen(name) != SG_DNS_NAME_LEN || strspn(name, "0123456789abcdef") != SG_DNS_NAME_LEN)
		return false;
	for (size_t i = 0; i < 16; i++) {
		const char pair[3] = {name[2 * i], name[2 * i + 1]};

		address[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* RFC 1035, 2136, 2671 */
static const char *rcode_name(unsigned int i)
{
	static const char *const names[SG_DNS_RCODES] = {
		"noerror",  "formerr", "servfail", "nxdomain", "notimp",  "refused",
		"yxdomain", "yxrrset", "nxrrset",  "notauth",  "notzone", "dsotypeni",
		"rcode12",  "rcode13", "rcode14",  "rcode15",
	};

	return names[i];
}

static const char *type_name(unsigned int i)
{
	static const char *const names[DNS_TYPES] = {
#define SG_DNS_TYPE(number, name) [DNS_TYPE_##name] = #name,
		SG_DNS_TYPES(SG_DNS_TYPE)
#undef SG_DNS_TYPE
			[DNS_TYPE_OTHER] = "other",
	};

	return names[i];
}

static void latency_labels(const struct sg_pool_key *key, const char *name,
			   struct sg_key_labels *out)
{
	uint8_t address[16];

	if (read_name(address, name))
		address_text(out->value[0], sizeof(out->value[0]), address);
	snprintf(out->value[1], sizeof(out->value[1]), "%s",
		 rcode_name(key->a & (SG_DNS_RCODES - 1)));
}

/* ---- queries without an answer ---------------------------------------------------------- */

#define SERVERS 32 /* told apart; [0] is what finds no room */
#define BATCH 256

struct server {
	uint8_t address[16];
	struct sg_series *series;
	double timeouts; /* of this tick */
	unsigned int idle; /* ticks */
};

struct waiting {
	int fd;
	struct server servers[SERVERS];
	struct sg_dns_key keys[BATCH];
	struct sg_dns_query queries[BATCH];
};

static struct sg_series *timeouts_series(const char *server)
{
	struct sg_label label = {"server", server};
	struct sg_series s;

	return sg_series_init(&s, SG_COUNTER, "sgprobe_dns_timeouts_total", &label, 1) < 0
		       ? NULL
		       : sg_series_dup(&s);
}

/* One that has no series is free, or could not get one. */
static struct server *server_of(struct waiting *w, const uint8_t address[16])
{
	struct server *free = NULL;
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 1; i < SERVERS; i++) {
		struct server *s = &w->servers[i];

		if (s->series && memcmp(s->address, address, 16) == 0)
			return s;
		if (!s->series && !free)
			free = s;
	}
	if (!free)
		return &w->servers[0];
	address_text(text, sizeof(text), address);
	free->series = timeouts_series(text);
	memcpy(free->address, address, 16);
	return free->series ? free : &w->servers[0];
}

/* Who deletes it counts it: its answer may come at the same time. */
static void give_up(struct waiting *w, const struct sg_dns_key *key)
{
	struct server *s = server_of(w, key->server);

	if (bpf_map_delete_elem(w->fd, key) < 0)
		return;
	s->timeouts++;
	s->idle = 0;
}

static void look_through(struct waiting *w)
{
	uint64_t now = sg_mono_ns();
	uint32_t at, next, *from = NULL;
	int r = 0;

	for (size_t seen = 0; r == 0 && seen < 4 * SG_DNS_QUERIES; seen += BATCH) {
		uint32_t n = BATCH;

		r = bpf_map_lookup_batch(w->fd, from, &next, w->keys, w->queries, &n, NULL);
		if (r < 0 && r != -ENOENT) /* the last one: what there was is here all the same */
			return;
		for (uint32_t i = 0; i < n; i++)
			if (w->queries[i].sent + SG_DNS_TIMEOUT_NS < now)
				give_up(w, &w->keys[i]);
		at = next;
		from = &at;
	}
}

static int report(struct waiting *w, struct sg_frame *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < SERVERS; i++) {
		struct server *s = &w->servers[i];

		if (!s->series)
			continue;
		r = sg_frame_add_value(f, s->series, s->timeouts);
		s->timeouts = 0;
		s->idle++;
	}
	return r;
}

/* The frame of the tick before borrowed the names. */
static void forget_idle(struct waiting *w)
{
	for (size_t i = 1; i < SERVERS; i++)
		if (w->servers[i].idle > SG_IDLE_TICKS)
			free(sg_take(w->servers[i].series));
}

static int tick(void *state, struct sg_frame *f)
{
	struct waiting *w = state;

	forget_idle(w);
	look_through(w);
	return report(w, f);
}

static void stop(void *state)
{
	struct waiting *w = state;

	for (size_t i = 0; i < SERVERS; i++)
		free(w->servers[i].series);
	free(w);
}

static int start(const struct sg_config *cfg, const struct sg_loaded *l, void **state)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = sg_map_fd(l, "dns_queries");
	w->servers[0].series = timeouts_series("other");
	if (w->fd < 0 || !w->servers[0].series) {
		stop(w);
		return -ENOMEM;
	}
	*state = w;
	return 0;
}

/* ---- metrics ---------------------------------------------------------------------------- */

static const struct sg_metric_row metrics[] = {
	{"latency_seconds", SG_HISTOGRAM, SG_FROM_KEYS, DNS_LATENCY, .label = "server",
	 .label2 = "rcode", .key = latency_labels, .title = "DNS latency",
	 .help = "Time from a DNS query over UDP until its answer, by the server's address and "
		 "what it answered."},
	{"queries_total", SG_COUNTER, SG_FROM_COUNTER, DNS_BY_TYPE, DNS_TYPES, .label = "type",
	 .value = type_name, .sparse = true, .title = "DNS queries",
	 .help = "DNS queries that programs of this host sent over UDP, repeated ones included."},
	{"answers_total", SG_COUNTER, SG_FROM_COUNTER, DNS_BY_RCODE, SG_DNS_RCODES,
	 .label = "rcode", .value = rcode_name, .sparse = true, .title = "DNS answers",
	 .help = "Answers to those queries."},
	{"timeouts_total", SG_COUNTER, SG_FROM_TICK, .label = "server", .title = "DNS timeouts",
	 .help = "Queries that got no answer within ten seconds and were not repeated from the "
		 "same port with the same id."},
	{"retries_total", SG_COUNTER, SG_FROM_COUNTER, DNS_RETRIES, .title = "DNS retries",
	 .help = "Queries that were sent again before they were answered, from the same port with "
		 "the same id."},
	{"truncated_total", SG_COUNTER, SG_FROM_COUNTER, DNS_TRUNCATED,
	 .title = "Truncated DNS answers",
	 .help = "Answers that did not fit and have to be asked for again over TCP."},
	{"malformed_total", SG_COUNTER, SG_FROM_COUNTER, DNS_MALFORMED,
	 .title = "Malformed DNS packets",
	 .help = "Packets to port 53 without a question that could be understood, or from it too "
		 "short for a DNS header."},
	{"untracked_total", SG_COUNTER, SG_FROM_COUNTER, DNS_UNTRACKED,
	 .title = "DNS queries not waited for",
	 .help = "Queries that were counted while too many others waited for their answer: their "
		 "own is not seen."},
};

static const struct sg_program programs[] = {
	{"net_dev_queue", DNS_RUNS_SEND, .rate = SG_HOT, .in = SG_IN_TASK},
	{"netif_receive_skb", DNS_RUNS_RECEIVE, .rate = SG_HOT, .in = SG_IN_INTERRUPT},
};

const struct sg_domain sg_domain_dns = {
	.name = "dns",
	.title = "DNS",
	SG_OBJECT(dns),
	.pooled = DNS_SIGNALS_END,
	.counters = DNS_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_dns),
	.start = start,
	.tick = tick,
	.stop = stop,
};
