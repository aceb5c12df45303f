/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/service.bpf.c and userspace/probe/service.c share. */
#ifndef SGPROBE_BPF_SERVICE_H
#define SGPROBE_BPF_SERVICE_H

#include <sgprobe/bpf/sgprobe.h>

/*
 * Rows and cells of the pool. Each is counted twice from the same event: by the local
 * port (b; a is what else there is), and by slot under the same number.
 */
enum sg_service_signal {
	SERVICE_RESPONSE, /* rows */
	SERVICE_READ,
	SERVICE_ACCEPT,
	SERVICE_REQUESTS, /* cells */
	SERVICE_RECEIVED,
	SERVICE_SENT,
	SERVICE_OFTEN, /* those so far are counted with every request */
	SERVICE_PIPELINED = SERVICE_OFTEN,
	SERVICE_CONNECTIONS,
	SERVICE_ERRORS, /* a: enum sg_service_error */
	SERVICE_DROPS, /* by port alone; as the next */
	SERVICE_HTTP, /* a: method | status class << 8 */
	SERVICE_SIGNALS,
};

/* How a connection ended that owed an answer. */
enum sg_service_error {
	SERVICE_RESET_BY_CLIENT,
	SERVICE_RESET_BY_SERVER,
	SERVICE_LOST, /* the other side is silent */
	SERVICE_UNANSWERED, /* closed like any other */
	SERVICE_ERROR_KINDS,
};

/* Map service_listeners: sockets that listen, by their address in the kernel. */
#define SG_SERVICE_LISTENERS 4096
struct sg_service_listener {
	__u32 port;
	__u32 waiting, most; /* connections that nobody has accepted yet, and how many may be */
	__u32 drops; /* that are counted */
};

/* Methods that are told apart; the status is told by its first digit, 0 for none. */
enum sg_service_method {
	SERVICE_METHOD_OTHER,
	SERVICE_GET,
	SERVICE_HEAD,
	SERVICE_POST,
	SERVICE_PUT,
	SERVICE_DELETE,
	SERVICE_PATCH,
	SERVICE_OPTIONS,
	SERVICE_METHODS,
};
#define SG_SERVICE_HTTP_PORTS 32

enum sg_service_counter {
	SERVICE_RUNS_STATE = SG_COMMON_COUNTERS, /* runs of the programs */
	SERVICE_RUNS_PROBE,
	SERVICE_RUNS_READ,
	SERVICE_RUNS_SEND,
	SERVICE_RUNS_QUEUE,
	SERVICE_RUNS_LISTENERS,
	SERVICE_RUNS_EXIT,
	SERVICE_RUNS_ACCEPT,
	SERVICE_COUNTERS,
};

#endif
