/* SPDX-License-Identifier: GPL-2.0 */
/* Giving up what a process does not need. Best effort where the kernel is too old, never silently. */
#ifndef SG_DAEMON_CONFINE_H
#define SG_DAEMON_CONFINE_H

#include <sys/types.h>

#include <sgprobe/config.h>

/*
 * The server: ordinary user, no capability, no way to get one back. Fatal when it
 * fails. uid 0: the caller is unprivileged already and only shuts the door.
 */
int sg_confine_user(uid_t uid, gid_t gid, struct sg_error *err);
/* Whom the server may connect to; {0}: nobody. */
struct sg_confine_net {
	bool connects; /* by stream sockets, TCP and unix */
	uint16_t ports[SG_TARGETS_MAX]; /* TCP: only to these, where Landlock can say so */
	size_t n_ports;
};

/* Landlock: only data_dir is writable and little else readable; no TCP bind, and no connect but net's. Returns the ABI, 0 when the kernel has none. */
int sg_confine_files(const char *data_dir, const struct sg_confine_net *net);
/* seccomp for the server: what is not on the list answers EPERM; what only an attacker calls kills the process. */
int sg_confine_server_calls(const struct sg_confine_net *net);
/* seccomp for the probe, after it has loaded its programs: no execve, no network socket, no ptrace, mount, module. */
int sg_confine_probe_calls(void);

#endif
