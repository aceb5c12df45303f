/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the settings again while the daemon runs. */
#ifndef SG_DAEMON_RELOAD_H
#define SG_DAEMON_RELOAD_H

#include <sgprobe/config.h>

struct sg_reload {
	bool server, probe; /* which process has to be started again */
	char text[480]; /* what changed, for people */
};
/*
 * Takes over what may change, all or nothing: on failure cfg is as before and err says what is
 * wrong with the file.
 */
int sg_reload(const struct sg_config_origin *o, struct sg_config *cfg, struct sg_reload *ret,
	      struct sg_error *err);

#endif
