/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages between the supervisor and its two children, on a SOCK_SEQPACKET
 * socket each. Of fixed size, but for a set of descriptors; what comes from a child
 * is not trusted.
 */
#ifndef SG_DAEMON_CTL_H
#define SG_DAEMON_CTL_H

#include <stdint.h>

#include <sgprobe/kept.h>
#include <sgprobe/named.h>

enum sg_ctl_type {
	SG_CTL_BEAT = 1, /* child: alive */
	SG_CTL_READY, /* child: doing its work; the server after its first frame */
	SG_CTL_STOP, /* supervisor: finish and exit */
	SG_CTL_STATS, /* supervisor to probe: kernel BPF statistics are on (arg 1) or off (0) */
	SG_CTL_PEER, /* supervisor: a new socket to the other child comes with this message */
	SG_CTL_INFO, /* supervisor to server: info is valid */
	SG_CTL_KEEP, /* probe: keep this set (its number is arg) for the next one, in place of the last */
	SG_CTL_DETACH, /* probe: take the programs of the set arg off their hooks */
	SG_CTL_ATTACH, /* probe: and put them back */
	SG_CTL_NAMED, /* supervisor to probe: the map in which named probes count comes with it, or there is none */
	SG_CTL_NAMED_OFF, /* probe: take the named probe named.id off, or all of them (0) */
	SG_CTL_NAMED_ON, /* probe: and put all back */
	SG_CTL_COMMAND, /* server: what a client asks for about named probes */
	SG_CTL_TYPES,
};

struct sg_ctl_info {
	int64_t start_ms; /* of the daemon */
	uint32_t supervisor_pid, probe_pid, server_pid;
	uint32_t probe_restarts, server_restarts;
};

struct sg_ctl_named {
	uint64_t id;
	uint64_t rate; /* calls a second */
};

struct sg_ctl_msg {
	uint32_t type;
	uint32_t arg;
	union {
		struct sg_ctl_info info;
		struct sg_ctl_named named;
	};
};

/* Never blocks. fd (or -1) is passed along and stays the caller's. 0 or -errno (-EAGAIN: the peer is not reading). */
int sg_ctl_send(int ctl, const struct sg_ctl_msg *m, int fd);
/* Never blocks. 1: a message; *fd is the descriptor that came with it, the caller's, or -1. 0: none. -EPIPE: the peer is gone. */
int sg_ctl_recv(int ctl, struct sg_ctl_msg *m, int *fd);

/* As sg_ctl_send; the descriptors stay the caller's. */
int sg_ctl_send_kept(int ctl, uint32_t set, const struct sg_kept *k);
/*
 * As sg_ctl_recv, from a child that may send sets: with SG_CTL_KEEP, k is the set,
 * from now on the caller's (empty when its descriptors were too many for this
 * process); else it is empty, and a descriptor that came is closed.
 */
int sg_ctl_recv_kept(int ctl, struct sg_ctl_msg *m, struct sg_kept *k);

/*
 * A command, with the socket of the client that gives it and one for the answer; both
 * stay the caller's.
 */
int sg_ctl_send_command(int ctl, const struct sg_named_command *c, int client, int answer);
/* As sg_ctl_recv, from the server; with SG_CTL_COMMAND, c is valid and both of fds are the caller's. */
int sg_ctl_recv_command(int ctl, struct sg_ctl_msg *m, struct sg_named_command *c, int fds[2]);

/* Other messages on sockets of this kind: n bytes exactly, and up to SG_KEPT_PARTS descriptors. */
int sg_ctl_send_bytes(int ctl, const void *p, size_t n, const int *fds, size_t n_fds);
int sg_ctl_recv_bytes(int ctl, void *p, size_t n, int *fds, size_t room, size_t *n_fds);

#endif
