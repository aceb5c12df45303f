/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/udp.bpf.c and userspace/probe/udp.c share. */
#ifndef SGPROBE_BPF_UDP_H
#define SGPROBE_BPF_UDP_H

#include <sgprobe/bpf/sgprobe.h>

/* Rows of the pool, by slot. */
enum sg_udp_signal { UDP_SENT_SIZE, UDP_RECEIVED_SIZE, UDP_SIGNALS_END };

/* Cells of the pool; a of the key is the errno, or the port with its reason in bit 16. */
enum sg_udp_cell { UDP_SEND_ERRORS, UDP_RECEIVE_ERRORS, UDP_QUEUE_DROPS };

#define SG_UDP_NO_MEMORY (1U << 16)
/* Ports from here on (net.ipv4.ip_local_port_range as it comes) are handed out: one kind. */
#define SG_UDP_EPHEMERAL 32768

enum sg_udp_counter {
	UDP_RUNS_SEND = SG_COMMON_COUNTERS,
	UDP_RUNS_RECEIVE,
	UDP_RUNS_DROP,
	UDP_COUNTERS,
};

#endif
