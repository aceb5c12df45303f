/* SPDX-License-Identifier: GPL-2.0 */
/* Giving up what a process does not need. Best effort where the kernel is too old, never silently. */
#ifndef SG_DAEMON_CONFINE_H
#define SG_DAEMON_CONFINE_H

#include <sys/types.h>

#include <sgprobe/err.h>

/*
 * The server: ordinary user, no capability, no way to get one back. Fatal when it
 * fails. uid 0: the caller is unprivileged already and only shuts the door.
 */
int sg_confine_user(uid_t uid, gid_t gid, struct sg_error *err);
/* Landlock: only data_dir is writable and little else readable; no TCP connect or bind. Returns the ABI, 0 when the kernel has none. */
int sg_confine_files(const char *data_dir);
/* seccomp for the server: what is not on the list answers EPERM; what only an attacker calls kills the process. */
int sg_confine_server_calls(void);
/* seccomp for the probe, after it has loaded its programs: no execve, no network socket, no ptrace, mount, module. */
int sg_confine_probe_calls(void);

#endif
