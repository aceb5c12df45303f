/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_PROBE_SIGNALS_H
#define SG_PROBE_SIGNALS_H

/* "SIGKILL"; NULL: this number has none. i below PROCESS_SIGNAL_NUMBERS. process.c. */
const char *sg_signal_name(unsigned int i);

#endif
