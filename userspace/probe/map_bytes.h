/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_PROBE_MAP_BYTES_H
#define SG_PROBE_MAP_BYTES_H

#include <stdint.h>

struct sg_map_shape {
	uint32_t type, key, value, entries, flags; /* as struct bpf_map_info */
};

/*
 * Bytes that a map takes in the kernel, full or not; of storage of tasks and sockets only
 * what it takes empty. As *_map_mem_usage() in kernel/bpf/ reckon it (Linux 6.4 and
 * later tell it as memlock in fdinfo). cpus: possible ones.
 */
uint64_t sg_map_bytes(const struct sg_map_shape *m, unsigned int cpus);
/* The same of a map that there is; 0 when fd is none. */
uint64_t sg_map_bytes_of(int fd);

#endif
