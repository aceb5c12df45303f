/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs cost, by the kernel's own statistics (on for one second in thirty). */
#ifndef SG_PROBE_BPFSTAT_H
#define SG_PROBE_BPFSTAT_H

#include "load.h"

/* Takes the readings of the beginning of a window. */
void sg_bpfstat_open(struct sg_loaded *l);
/* The mean of each program that ran in the window; of one that did not, the last mean stays. */
void sg_bpfstat_close(struct sg_loaded *l);

#endif
