/* SPDX-License-Identifier: GPL-2.0 */
/* The two processes that the supervisor forks. Each runs until it is told to stop and returns its exit status. */
#ifndef SG_DAEMON_CHILD_H
#define SG_DAEMON_CHILD_H

#include <sys/types.h>

#include <sgprobe/config.h>
#include <sgprobe/ingest.h>
#include <sgprobe/loop.h>

#include "ctl.h"

#define SG_EXIT_HOPELESS 5 /* starting it again cannot help: the daemon ends with this status */
#define SG_STOP_MS 1500 /* from the wish to stop to SIGKILL */

struct sg_child_env {
	const struct sg_config *cfg;
	int ctl; /* to the supervisor */
	uid_t uid; /* server: whom to become; 0: stay */
	gid_t gid;
	int listen_fd, unix_fd; /* server */
	struct sg_ingest_sockets ingest; /* server */
	struct sg_kept_sets *kept; /* probe: what the one before left; NULL: nothing */
};
int sg_probe_main(const struct sg_child_env *env);
int sg_server_main(const struct sg_child_env *env);

/*
 * What both do alike: a loop that a heartbeat, the control socket, SIGTERM and the
 * end of the supervisor wake. on_msg owns m's descriptor; on_stop is called once.
 */
struct sg_child {
	struct sg_loop *loop;
	int ctl;
	int stopping;
	void (*on_msg)(const struct sg_ctl_msg *m, int fd, void *ctx);
	void (*on_stop)(void *ctx);
	void *ctx;
};
int sg_child_init(struct sg_child *c, int ctl);
/* Tells the supervisor that the child does its work. */
void sg_child_ready(struct sg_child *c);

#endif
