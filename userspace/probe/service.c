// SPDX-License-Identifier: GPL-2.0
// Services: see bpf/service.bpf.c. The queues of listeners are asked for here, once a tick.
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/bpf/service.h>

#include "domain.h"
#include "drain.h"
#include "load.h"

SG_DECLARE_OBJECT(service);

/* ---- labels --------------------------------------------------------------------------- */

static void port_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	snprintf(out->value[0], sizeof(out->value[0]), "%u", (unsigned int)(key->b & 0xffff));
}

static void error_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	static const char *const kinds[SERVICE_ERROR_KINDS] = {
		[SERVICE_RESET_BY_CLIENT] = "reset_by_client",
		[SERVICE_RESET_BY_SERVER] = "reset_by_server",
		[SERVICE_LOST] = "lost",
		[SERVICE_UNANSWERED] = "unanswered",
	};

	port_labels(key, name, out);
	if (key->a < SERVICE_ERROR_KINDS)
		snprintf(out->value[1], sizeof(out->value[1]), "%s", kinds[key->a]);
}

static void http_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	static const char *const methods[SERVICE_METHODS] = {
		"other", "get", "head", "post", "put", "delete", "patch", "options",
	};
	uint32_t method = key->a & 255, status = key->a >> 8;

	port_labels(key, name, out);
	if (method < SERVICE_METHODS)
		snprintf(out->value[1], sizeof(out->value[1]), "%s", methods[method]);
	if (status >= 1 && status <= 5)
		snprintf(out->value[2], sizeof(out->value[2]), "%uxx", status);
}

/* ---- queues of listeners ---------------------------------------------------------------- */

#define QUEUES 256 /* ports; [0] is what finds no room */
#define BATCH 128

/* All listeners of a port together. */
struct queue {
	uint32_t port;
	struct sg_series *waiting, *most; /* NULL: free */
	double n_waiting, n_most; /* of this tick */
	unsigned int idle; /* ticks without a listener */
};

struct queues {
	int map_fd, program_fd;
	struct queue at[QUEUES];
	uint64_t addresses[BATCH];
	struct sg_service_listener listeners[BATCH];
};

static struct sg_series *series_of(const char *name, const char *port)
{
	struct sg_label label = {"port", port};
	struct sg_series s;

	return sg_series_init(&s, SG_GAUGE, name, &label, 1) < 0 ? NULL : sg_series_dup(&s);
}

static bool make_series(struct queue *q, const char *port)
{
	q->waiting = series_of("sgprobe_service_accept_queue_connections", port);
	q->most = series_of("sgprobe_service_accept_queue_limit_connections", port);
	return q->waiting && q->most;
}

static void forget(struct queue *q)
{
	free(q->waiting);
	free(q->most);
	*q = (struct queue){0};
}

/* One that is not known yet gets a place while there is one. */
static struct queue *queue_of(struct queues *qs, uint32_t port)
{
	struct queue *none = NULL;
	char text[16];

	for (size_t i = 1; i < QUEUES; i++) {
		struct queue *q = &qs->at[i];

		if (q->waiting && q->port == port)
			return q;
		if (!q->waiting && !none)
			none = q;
	}
	if (!none)
		return &qs->at[0];
	snprintf(text, sizeof(text), "%u", port);
	if (make_series(none, text)) {
		none->port = port;
		return none;
	}
	forget(none);
	return &qs->at[0];
}

static void add(struct queues *qs, const struct sg_service_listener *l)
{
	struct queue *q = queue_of(qs, l->port);

	q->n_waiting += l->waiting;
	q->n_most += l->most;
	q->idle = 0;
}

/* Has the program look at one. */
static bool ask(const struct queues *qs, uint64_t address, struct sg_service_listener *l)
{
	const uint64_t args[] = {address};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));

	return bpf_prog_test_run_opts(qs->program_fd, &opts) == 0 &&
	       bpf_map_lookup_elem(qs->map_fd, &address, l) == 0;
}

static void ask_all(struct queues *qs)
{
	uint32_t at, next, *from = NULL;
	int r = 0;

	for (size_t seen = 0; r == 0 && seen < 2 * SG_SERVICE_LISTENERS; seen += BATCH) {
		uint32_t n = BATCH;

		r = bpf_map_lookup_batch(qs->map_fd, from, &next, qs->addresses, qs->listeners, &n,
					 NULL);
		if (r < 0 && r != -ENOENT) /* the last one: what there was is here all the same */
			return;
		for (uint32_t i = 0; i < n; i++)
			if (ask(qs, qs->addresses[i], &qs->listeners[i]))
				add(qs, &qs->listeners[i]);
		at = next;
		from = &at;
	}
}

static int report(struct queues *qs, struct sg_frame *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < QUEUES; i++) {
		struct queue *q = &qs->at[i];

		if (!q->waiting || q->idle > 0)
			continue;
		r = sg_frame_add_value(f, q->waiting, q->n_waiting);
		if (r == 0)
			r = sg_frame_add_value(f, q->most, q->n_most);
	}
	return r;
}

/* The frame of the tick before borrowed the names. */
static void begin_tick(struct queues *qs)
{
	for (size_t i = 0; i < QUEUES; i++) {
		struct queue *q = &qs->at[i];

		q->n_waiting = q->n_most = 0;
		if (q->waiting && ++q->idle > SG_IDLE_TICKS && i)
			forget(q);
	}
}

static int tick(void *state, struct sg_frame *f)
{
	struct queues *qs = state;

	begin_tick(qs);
	ask_all(qs);
	return report(qs, f);
}

static void stop(void *state)
{
	struct queues *qs = state;

	for (size_t i = 0; i < QUEUES; i++)
		forget(&qs->at[i]);
	free(qs);
}

/* The programs look only at what goes to these. */
static int tell_ports(const struct sg_config *cfg, const struct sg_loaded *l)
{
	int fd = sg_map_fd(l, "service_http_ports"), n;
	uint16_t ports[SG_PORTS_MAX];
	const uint32_t yes = 1;

	n = sg_config_ports(cfg->http_ports, ports);
	for (int i = 0; i < n; i++) {
		const uint32_t port = ports[i];

		if (bpf_map_update_elem(fd, &port, &yes, BPF_ANY))
			return -errno;
	}
	return SG_MIN(n, 0);
}

static int start(const struct sg_config *cfg, const struct sg_loaded *l, void **state)
{
	struct queues *qs = calloc(1, sizeof(*qs));
	int r = tell_ports(cfg, l);

	if (r < 0 || !qs) {
		free(qs);
		return r < 0 ? r : -ENOMEM;
	}
	qs->map_fd = sg_map_fd(l, "service_listeners");
	qs->program_fd = sg_program_fd(l, "service_queues");
	if (qs->map_fd < 0 || qs->program_fd < 0 || !make_series(&qs->at[0], "other")) {
		stop(qs);
		return -ENOMEM;
	}
	*state = qs;
	return 0;
}

/* ---- metrics ---------------------------------------------------------------------------- */

#define BY_PORT .label = "port", .key = port_labels
#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"response_seconds", SG_HISTOGRAM, SG_FROM_KEYS, SERVICE_RESPONSE, BY_PORT, .dims = BOTH,
	 .by = SERVICE_RESPONSE, .title = "Service response time",
	 .help = "Time from the last byte of a request that a listening TCP socket's connection "
		 "received to the first byte of its answer; an estimate where clients do not wait "
		 "for answers (pipelined_total)."},
	{"read_delay_seconds", SG_HISTOGRAM, SG_FROM_KEYS, SERVICE_READ, BY_PORT, .dims = BOTH,
	 .by = SERVICE_READ, .title = "Service read delay",
	 .help = "Time that data waited in the socket until the application read it: slowness of "
		 "the application, not of the network; of one byte at a time."},
	{"accept_wait_seconds", SG_HISTOGRAM, SG_FROM_KEYS, SERVICE_ACCEPT, BY_PORT, .dims = BOTH,
	 .by = SERVICE_ACCEPT, .title = "Service accept wait",
	 .help = "Time that a connection was established before the application accepted it. Needs "
		 "a kernel whose functions can be hooked; else see "
		 "sgprobe_syscall_accept_wait_seconds."},
	{"requests_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_REQUESTS, BY_PORT, .units = true,
	 .dims = BOTH, .by = SERVICE_REQUESTS, .title = "Service requests",
	 .help = "Requests that were answered: what a client sent until the application sent "
		 "something; an estimate where clients do not wait for answers (pipelined_total)."},
	{"pipelined_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_PIPELINED, BY_PORT, .units = true,
	 .dims = BOTH, .by = SERVICE_PIPELINED, .title = "Pipelined service requests",
	 .help = "Requests that came before the answer to the one before was complete: there, "
		 "response times and numbers of requests are estimates."},
	{"received_bytes_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_RECEIVED, BY_PORT,
	 .units = true, .dims = BOTH, .by = SERVICE_RECEIVED, .title = "Service bytes received",
	 .help = "Bytes that applications read from connections to their ports."},
	{"sent_bytes_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_SENT, BY_PORT, .units = true,
	 .dims = BOTH, .by = SERVICE_SENT, .title = "Service bytes sent",
	 .help = "Bytes that applications wrote to connections to their ports, counted with the "
		 "connection's next packet or call."},
	{"connections_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_CONNECTIONS, BY_PORT,
	 .units = true, .dims = BOTH, .by = SERVICE_CONNECTIONS, .title = "Service connections",
	 .help = "Connections to a listening port that were established."},
	{"errors_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_ERRORS, .label = "port",
	 .label2 = "kind", .key = error_labels, .units = true, .dims = BOTH, .by = SERVICE_ERRORS,
	 .title = "Service errors",
	 .help = "Connections that ended while a request was unanswered, or its answer not "
		 "received: reset by either side, lost, or closed without an answer."},
	{"accept_drops_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_DROPS, BY_PORT, .units = true,
	 .title = "Service accept drops",
	 .help = "Connections, or tries of one, that a listening socket dropped, most often because "
		 "its accept queue was full."},
	{"http_requests_total", SG_COUNTER, SG_FROM_CELLS, SERVICE_HTTP, .label = "port",
	 .label2 = "method", .label3 = "status", .key = http_labels, .units = true,
	 .title = "HTTP requests",
	 .help = "Requests to the ports of probe.http_ports that were answered, by method and class "
		 "of status as the first bytes of both say; other: not plain HTTP/1, or not read or "
		 "sent by a system call of its own."},
	{"accept_queue_connections", SG_GAUGE, SG_FROM_TICK, .label = "port",
	 .title = "Service accept queue",
	 .help = "Established connections that the application has not accepted yet."},
	{"accept_queue_limit_connections", SG_GAUGE, SG_FROM_TICK, .label = "port",
	 .title = "Service accept queue limit",
	 .help = "Connections that may wait to be accepted: what the application gave to listen(), "
		 "at most net.core.somaxconn, over all listeners of the port."},
};

static const struct sg_program programs[] = {
	{"inet_sock_set_state", SERVICE_RUNS_STATE, .rate = SG_BUSY},
	{"tcp_probe", SERVICE_RUNS_PROBE, .rate = SG_HOT, .made_up_for = true,
	 .in = SG_IN_INTERRUPT},
	{"tcp_rcv_space_adjust", SERVICE_RUNS_READ, .rate = SG_HOT, .made_up_for = true,
	 .in = SG_IN_TASK},
	{"tcp_sendmsg_locked", SERVICE_RUNS_SEND, .optional = true, .rate = SG_HOT,
	 .made_up_for = true, .since = "6.16", .in = SG_IN_TASK},
	{"net_dev_queue", SERVICE_RUNS_QUEUE, .optional = true, .unless = "tcp_sendmsg_locked",
	 .rate = SG_HOT, .made_up_for = true, .in = SG_IN_TASK},
	{"sys_exit", SERVICE_RUNS_EXIT, .optional = true,
	 .setting = offsetof(struct sg_config, http_ports), .rate = SG_HOT, .in = SG_IN_TASK},
	{"inet_csk_accept", SERVICE_RUNS_ACCEPT, .function = "inet_csk_accept", .at_return = true},
	{"service_queues", SERVICE_RUNS_LISTENERS, .asked = true},
};

const struct sg_domain sg_domain_service = {
	.name = "service",
	.title = "Services",
	SG_OBJECT(service),
	.pooled = SERVICE_SIGNALS,
	.counters = SERVICE_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.limited = true,
	.enabled = offsetof(struct sg_config, domain_service),
	.start = start,
	.tick = tick,
	.stop = stop,
};
