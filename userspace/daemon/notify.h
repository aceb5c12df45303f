/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_DAEMON_NOTIFY_H
#define SG_DAEMON_NOTIFY_H

#include <stdbool.h>

/* One datagram to the service manager, as sd_notify does: "READY=1". Nothing when there is none. */
void sg_notify(const char *state);
bool sg_notify_wanted(void);

#endif
