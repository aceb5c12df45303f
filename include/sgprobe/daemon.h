/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon: a supervisor that starts the two halves, the probe process (kernel
 * privileges, no network) and the server process (network, no privileges), and
 * starts either again when it dies.
 */
#ifndef SGPROBE_DAEMON_H
#define SGPROBE_DAEMON_H

#include <sgprobe/config.h>

/*
 * Runs until SIGTERM or SIGINT, in the foreground; SIGHUP makes it read cfg from its origin again. argc and argv are those of
 * main: they are overwritten so that ps tells the processes apart. Returns the
 * exit status: 0 after an orderly stop, 1 on failure, 5 without the privileges;
 * what is wrong and what to do has been said on stderr.
 */
int sg_daemon_run(const struct sg_config *cfg, const struct sg_config_origin *origin, int argc,
		  char **argv);

/*
 * Serves a store folder with the dashboard and without a probe, until SIGTERM or
 * SIGINT: 'sgprobe replay --serve'. No privileges needed.
 */
int sg_daemon_serve(const struct sg_config *cfg);

/* The pid that holds the data folder (another daemon), 0 when it is held by one that /proc/locks does not name, or -ENOENT when nobody has it. */
int sg_daemon_holder(const char *data_dir);

#endif
