/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known at load, as constants in the code of programs: an instruction that
 * loads the placeholder of a field of struct sg_bpf_config (sg_cfg() in sg.bpf.h) is
 * given its value. A constant in a map would be a read of another page with every
 * event, and on the way to all the others.
 */
#ifndef SG_PROBE_CONSTANTS_H
#define SG_PROBE_CONSTANTS_H

#include <stddef.h>

#include <sgprobe/bpf/sgprobe.h>

/* Changes the object file of n bytes in memory. 0, or -EINVAL: it is none. */
int sg_constants_set(void *object, size_t n, const struct sg_bpf_config *cfg);

#endif
