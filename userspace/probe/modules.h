/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of user functions, by module: a file that code comes from, or the code that a
 * process made itself. Of a module only the functions that were met are kept, so that a
 * large program costs no more than a small one; its file is looked at again when a
 * new place turns up, and all new places of a tick are found in one go.
 *
 * Bounded in modules, in functions, and in the time that a tick spends on files. What is
 * not found is "[module]+0xoffset".
 */
#ifndef SG_PROBE_MODULES_H
#define SG_PROBE_MODULES_H

#include <stdbool.h>

#include <sgprobe/profile.h>

#define SG_MODULES_MAX 1024
#define SG_PLACE_NAME_MAX (SG_FRAME_NAME_MAX + 32)

enum sg_module_kind {
	SG_MODULE_BUILD_ID, /* id is the file's build id, places are offsets in the file */
	SG_MODULE_FILE, /* a file without one: its device and inode */
	SG_MODULE_JIT, /* id is the process, places are addresses */
};

struct sg_module_key {
	uint8_t kind;
	uint8_t id[20];
};

struct sg_module;
struct sg_modules;
/* proc: a descriptor of /proc, the caller's. */
int sg_modules_new(int proc, struct sg_modules **ret);
void sg_modules_free(struct sg_modules *ms);
SG_DEFINE_AUTO(sg_modules, sg_modules_free)

/* A tick begins: modules that have not been met for long go. No module of before is valid. */
void sg_modules_tick(struct sg_modules *ms);
/*
 * The module, whose code was seen in process pid; path: what the process calls the file,
 * or NULL. NULL: there is no room for one more.
 */
struct sg_module *sg_modules_get(struct sg_modules *ms, const struct sg_module_key *key,
				 uint32_t pid, const char *path);
/*
 * The same for an address in a process that began then, and the place in the module. NULL
 * when nothing is known of it: the process may have ended.
 */
struct sg_module *sg_modules_at(struct sg_modules *ms, uint32_t pid, uint64_t born_ns,
				uint64_t address, uint64_t *at);
/* The name of a place will be asked for. */
void sg_module_want(struct sg_modules *ms, struct sg_module *m, uint64_t at);
/*
 * A process that may have ended: what its program is called. Its file is looked for where
 * programs usually are, and stands for a module of which no file is known.
 */
void sg_module_program(struct sg_module *m, const char *exe);
/* Takes note of the files of a process. */
void sg_modules_learn(struct sg_modules *ms, uint32_t pid);
/* Looks at files, for at most ns. */
void sg_modules_resolve(struct sg_modules *ms, uint64_t ns);
void sg_module_name(const struct sg_module *m, uint64_t at, char out[SG_PLACE_NAME_MAX]);

size_t sg_modules_bytes(const struct sg_modules *ms); /* of memory, about */

#endif
