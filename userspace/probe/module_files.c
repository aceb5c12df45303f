// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "elf_symbols.h"
#include "module_files.h"
#include "process_files.h"

#define PROCESSES_MAX 1024 /* whose mappings are known in a tick */
#define ARENA_MAX (16u << 20)
#define KNOWN 1024 /* files whose build id is known; a power of two */

struct process {
	uint32_t pid;
	int error;
	struct sg_mappings maps;
};

/* Only where to look first: the file that is opened is asked again. */
struct known {
	uint64_t inode;
	uint32_t major, minor;
	uint8_t n; /* bytes of its id; 0: it has none */
	uint8_t id[SG_BUILD_ID_MAX];
};

struct sg_module_files {
	int proc;
	struct sg_arena *arena;
	struct process processes[PROCESSES_MAX];
	size_t n;
	struct known known[KNOWN];
};

int sg_module_files_new(int proc, struct sg_module_files **ret)
{
	struct sg_module_files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->proc = proc;
	f->arena = sg_arena_new(ARENA_MAX);
	if (!f->arena) {
		free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void sg_module_files_free(struct sg_module_files *f)
{
	if (!f)
		return;
	sg_arena_free(f->arena);
	free(f);
}

void sg_module_files_tick(struct sg_module_files *f)
{
	f->n = 0;
	sg_arena_reset(f->arena);
}

static struct process *process_of(struct sg_module_files *f, uint32_t pid)
{
	struct process *p;

	for (size_t i = 0; i < f->n; i++)
		if (f->processes[i].pid == pid)
			return &f->processes[i];
	if (f->n == PROCESSES_MAX)
		return NULL;
	p = &f->processes[f->n++];
	p->pid = pid;
	p->error = sg_process_mappings(f->proc, pid, f->arena, &p->maps);
	return p;
}

int sg_module_files_mapping(struct sg_module_files *f, uint32_t pid, uint64_t address,
			    const struct sg_mapping **ret)
{
	struct process *p = process_of(f, pid);

	if (!p || p->error)
		return p ? p->error : -ENOSPC;
	*ret = sg_mapping_at(&p->maps, address);
	return *ret ? 0 : -ENOENT;
}

int sg_module_files_perf_map(struct sg_module_files *f, uint32_t pid)
{
	return sg_process_open_perf_map(f->proc, pid);
}

/* ---- whether it is the one ----------------------------------------------------------- */

static bool has_build_id(int fd, const uint8_t id[SG_BUILD_ID_MAX])
{
	uint8_t own[SG_BUILD_ID_MAX];

	return sg_elf_build_id(fd, own) > 0 && memcmp(own, id, sizeof(own)) == 0;
}

void sg_module_file_id(uint32_t major, uint32_t minor, uint64_t inode, uint8_t id[20])
{
	memset(id, 0, 20);
	memcpy(id, &major, 4);
	memcpy(id + 4, &minor, 4);
	memcpy(id + 8, &inode, 8);
}

static bool is_mapping(const struct sg_module_key *key, const struct sg_mapping *m)
{
	uint8_t id[20];

	sg_module_file_id(m->major, m->minor, m->inode, id);
	return memcmp(id, key->id, sizeof(id)) == 0;
}

static struct known *known_of(struct sg_module_files *f, const struct sg_mapping *m)
{
	uint64_t hash = sg_hash(&m->inode, sizeof(m->inode), (uint64_t)m->major << 32 | m->minor);

	return &f->known[hash & (KNOWN - 1)];
}

static bool is_known(const struct known *k, const struct sg_mapping *m)
{
	return k->inode == m->inode && k->major == m->major && k->minor == m->minor;
}

/* The mapping's file when it has this build id. */
static int open_with_id(struct sg_module_files *f, uint32_t pid, const struct sg_mapping *m,
			const uint8_t id[SG_BUILD_ID_MAX])
{
	struct known *k = known_of(f, m);
	sg_auto_fd int fd = -1;
	int n;

	if (is_known(k, m) && (!k->n || memcmp(k->id, id, SG_BUILD_ID_MAX) != 0))
		return -ENOENT;
	fd = sg_process_open_mapping(f->proc, pid, m);
	if (fd < 0)
		return fd;
	*k = (struct known){.inode = m->inode, .major = m->major, .minor = m->minor};
	n = sg_elf_build_id(fd, k->id);
	k->n = (uint8_t)SG_MAX(n, 0);
	return k->n && memcmp(k->id, id, SG_BUILD_ID_MAX) == 0 ? sg_take_fd(fd) : -ENOENT;
}

static int open_in_process(struct sg_module_files *f, const struct sg_module_key *key, uint32_t pid,
			   char path[SG_MODULE_PATH_MAX])
{
	struct process *p = process_of(f, pid);
	int fd = -ENOENT;

	if (!p || p->error)
		return p ? p->error : -ENOSPC;
	for (size_t i = 0; fd < 0 && i < p->maps.n; i++) {
		const struct sg_mapping *m = &p->maps.m[i];

		if (!m->inode)
			continue;
		if (key->kind == SG_MODULE_BUILD_ID)
			fd = open_with_id(f, pid, m, key->id);
		else if (is_mapping(key, m))
			fd = sg_process_open_mapping(f->proc, pid, m);
		if (fd >= 0)
			snprintf(path, SG_MODULE_PATH_MAX, "%s", m->path);
	}
	return fd;
}

int sg_module_files_nth(struct sg_module_files *f, uint32_t pid, size_t i,
			uint8_t id[SG_BUILD_ID_MAX], char path[SG_MODULE_PATH_MAX])
{
	struct process *p = process_of(f, pid);
	sg_auto_fd int fd = -1;

	memset(id, 0, SG_BUILD_ID_MAX);
	if (!p || p->error || i >= p->maps.n)
		return -ENOENT;
	snprintf(path, SG_MODULE_PATH_MAX, "%s", p->maps.m[i].path);
	fd = sg_process_open_mapping(f->proc, pid, &p->maps.m[i]);
	if (fd >= 0 && sg_elf_build_id(fd, id) <= 0)
		memset(id, 0, SG_BUILD_ID_MAX);
	return 0;
}

/* ---- without the process ------------------------------------------------------------- */

/* Where nobody but root puts anything, so that nothing there holds up who opens it. */
static bool is_trusted(const char *path)
{
	static const char *const below[] = {"/usr/", "/bin/",	"/sbin/",
					    "/lib/", "/lib64/", "/opt/"};

	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		if (strncmp(path, below[i], strlen(below[i])) == 0)
			return !strstr(path, "/../");
	return false;
}

static int open_by_path(const struct sg_module_key *key, const char *path)
{
	sg_auto_fd int fd = -1;

	if (!is_trusted(path))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return has_build_id(fd, key->id) ? sg_take_fd(fd) : -ENOENT;
}

static int open_program(const struct sg_module_key *key, const char *exe,
			char path[SG_MODULE_PATH_MAX])
{
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin",
					      "/usr/local/sbin", "/usr/libexec"};
	int fd = -ENOENT;

	for (size_t i = 0; fd < 0 && exe[0] && !strchr(exe, '/') && i < ARRAY_SIZE(folders); i++) {
		snprintf(path, SG_MODULE_PATH_MAX, "%s/%s", folders[i], exe);
		fd = open_by_path(key, path);
	}
	if (fd < 0)
		path[0] = '\0';
	return fd;
}

int sg_module_files_open(struct sg_module_files *f, const struct sg_module_key *key,
			 struct sg_module_source *s, char path[SG_MODULE_PATH_MAX])
{
	int fd = open_in_process(f, key, s->pid, path);

	if (fd < 0 && key->kind == SG_MODULE_BUILD_ID) {
		snprintf(path, SG_MODULE_PATH_MAX, "%s", s->path);
		fd = open_by_path(key, path);
		if (fd < 0)
			fd = open_program(key, s->exe, path);
	}
	if (fd >= 0)
		snprintf(s->path, sizeof(s->path), "%s", path);
	return fd;
}

/* ---- files of symbols ---------------------------------------------------------------- */

static int open_debug(const char *path, const struct sg_module_key *key)
{
	return open_by_path(key, path);
}

int sg_module_files_debug(int fd, const struct sg_module_key *key, const char *path)
{
	char file[2 * SG_MODULE_PATH_MAX], hex[41], link[SG_DEBUGLINK_MAX];
	const char *end = strrchr(path, '/');
	int found;

	if (key->kind != SG_MODULE_BUILD_ID)
		return -ENOENT;
	for (size_t i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", key->id[i]);
	snprintf(file, sizeof(file), "/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
	found = open_debug(file, key);
	if (found >= 0 || sg_elf_debuglink(fd, link) <= 0 || !end)
		return found;
	snprintf(file, sizeof(file), "/usr/lib/debug%.*s/%s", (int)(end - path), path, link);
	return open_debug(file, key);
}
