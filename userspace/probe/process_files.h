/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of a process: what is mapped into it, as itself, whatever its mount namespace
 * is and whether it still has a name; and what it says about code that it made. A
 * file system that is somebody's program or another machine could hold up whoever asks
 * it anything: nothing on one is opened.
 */
#ifndef SG_PROBE_PROCESS_FILES_H
#define SG_PROBE_PROCESS_FILES_H

#include <stdbool.h>

#include <sgprobe/mem.h>

struct sg_mapping { /* of code */
	uint64_t start, end, offset;
	uint32_t major, minor;
	uint64_t inode; /* 0: no file */
	const char *path; /* untrusted, never NULL */
};

struct sg_mappings {
	struct sg_mapping *m; /* ascending */
	size_t n;
};

/* proc: a descriptor of /proc. Memory is the arena's. 0 or -errno: it is gone, say. */
int sg_process_mappings(int proc, uint32_t pid, struct sg_arena *arena, struct sg_mappings *ret);
/* The same of text (changed); for the former and tests. */
int sg_mappings_parse(char *text, struct sg_arena *arena, struct sg_mappings *ret);
const struct sg_mapping *sg_mapping_at(const struct sg_mappings *m, uint64_t address); /* or NULL */

/* A descriptor to read, or -errno. */
int sg_process_open_mapping(int proc, uint32_t pid, const struct sg_mapping *m);
int sg_process_open_perf_map(int proc, uint32_t pid);

/* Whether a line of mountinfo of this device is of a file system that may hold up who asks it. */
bool sg_mount_may_hang(const char *mountinfo, uint32_t major, uint32_t minor);

#endif
