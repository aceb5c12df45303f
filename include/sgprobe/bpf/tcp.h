/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/tcp.bpf.c and userspace/probe/tcp.c share. */
#ifndef SGPROBE_BPF_TCP_H
#define SGPROBE_BPF_TCP_H

#include <sgprobe/bpf/sgprobe.h>

/* include/net/tcp_states.h; 0 means "not counted in any". */
enum sg_tcp_state {
	SG_TCP_NONE,
	SG_TCP_ESTABLISHED,
	SG_TCP_SYN_SENT,
	SG_TCP_SYN_RECV,
	SG_TCP_FIN_WAIT1,
	SG_TCP_FIN_WAIT2,
	SG_TCP_TIME_WAIT,
	SG_TCP_CLOSE,
	SG_TCP_CLOSE_WAIT,
	SG_TCP_LAST_ACK,
	SG_TCP_LISTEN,
	SG_TCP_CLOSING,
	SG_TCP_STATES = 16, /* a power of two: numbers are masked with it */
};

enum sg_tcp_signal { TCP_CONNECT, TCP_RTT, TCP_LIFETIME, TCP_SIGNALS };

/* Kinds of retransmits. */
enum sg_tcp_again {
	TCP_AGAIN_SYN,
	TCP_AGAIN_SYNACK,
	TCP_AGAIN_FAST,
	TCP_AGAIN_TIMEOUT,
	TCP_AGAIN_PROBE,
	TCP_AGAIN_KINDS,
};

enum sg_tcp_counter {
	TCP_CONNECTS = SG_COMMON_COUNTERS,
	TCP_CONNECT_FAILURES,
	TCP_ACCEPTS,
	TCP_RETRANSMITS,
	TCP_RESETS_SENT,
	TCP_RESETS_RECEIVED,
	TCP_RECEIVED_BYTES,
	TCP_SENT_BYTES,
	TCP_RUNS_STATE, /* runs of the programs: for their measured cost */
	TCP_RUNS_STATE_LAST,
	TCP_RUNS_PROBE,
	TCP_RUNS_RETRANSMIT,
	TCP_RUNS_SYNACK,
	TCP_BAD_CHECKSUMS,
	TCP_AGAIN, /* by kind */
	TCP_TRANSITIONS = TCP_AGAIN + TCP_AGAIN_KINDS, /* into each state */
	TCP_LEVEL = TCP_TRANSITIONS +
		    SG_TCP_STATES, /* sockets in each state now, as a sum of +1 and -1 */
	TCP_COUNTERS = TCP_LEVEL + SG_TCP_STATES,
};

#endif
