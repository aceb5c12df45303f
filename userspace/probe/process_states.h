/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many processes there are in each state. Only /proc knows, a file per process:
 * it is gone through a little in each tick, and what is reported is the last time
 * that it was gone through to its end.
 */
#ifndef SG_PROBE_PROCESS_STATES_H
#define SG_PROBE_PROCESS_STATES_H

#include <sgprobe/config.h>
#include <sgprobe/frame.h>

struct sg_loaded;

#define SG_PROCESS_STATES 8

/* The functions of a domain (domain.h). */
int sg_process_states_start(const struct sg_config *cfg, const struct sg_loaded *l, void **state);
int sg_process_states_tick(void *state, struct sg_frame *f);
void sg_process_states_stop(void *state);

/* "zombie" and so on. */
const char *sg_process_state_name(unsigned int i);

#endif
