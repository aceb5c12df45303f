/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds the file of a module: as a living process has it mapped, whatever its path
 * is; else where a program of that name, or the path that another process had, is below a
 * folder that only root writes to. By its build id, a file is known to be the one.
 */
#ifndef SG_PROBE_MODULE_FILES_H
#define SG_PROBE_MODULE_FILES_H

#include "modules.h"

#define SG_MODULE_PATH_MAX 512

struct sg_module_source {
	uint32_t pid; /* of the process that had it last */
	char path[SG_MODULE_PATH_MAX]; /* where it was found; "": nowhere yet */
	char exe[32]; /* what the program of the process is called */
};

struct sg_module_files;
int sg_module_files_new(int proc, struct sg_module_files **ret);
void sg_module_files_free(struct sg_module_files *f);
void sg_module_files_tick(struct sg_module_files *f); /* what processes have mapped is asked anew */

/* The id of a file that has no build id. */
void sg_module_file_id(uint32_t major, uint32_t minor, uint64_t inode, uint8_t id[20]);
/* A descriptor to read and what the file is called, or -errno. */
int sg_module_files_open(struct sg_module_files *f, const struct sg_module_key *key,
			 struct sg_module_source *s, char path[SG_MODULE_PATH_MAX]);
/* The build id and path of the code mapping number i of a process; id zero: none. -ENOENT: there are no more. */
int sg_module_files_nth(struct sg_module_files *f, uint32_t pid, size_t i, uint8_t id[20],
			char path[SG_MODULE_PATH_MAX]);
int sg_module_files_perf_map(struct sg_module_files *f, uint32_t pid);
/* The file below /usr/lib/debug with the symbols of fd, or -errno. */
int sg_module_files_debug(int fd, const struct sg_module_key *key, const char *path);
/* What is at the address in the process: 0, -ENOENT or another -errno. The path is valid until the next tick. */
struct sg_mapping;
int sg_module_files_mapping(struct sg_module_files *f, uint32_t pid, uint64_t address,
			    const struct sg_mapping **ret);

#endif
