// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <sgprobe/file.h>

#include "privileges.h"
#include "process_files.h"

#define MAPS_MAX (8u << 20)
#define MOUNTS_MAX (4u << 20)
#define STATUS_MAX 65536u
#define MAPPINGS_MAX 8192u

static int open_in(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Opened with the right to look at other users' processes, read without. */
static int open_of(int proc, uint32_t pid, const char *what, int flags)
{
	char path[96];
	void *own;
	int fd;

	snprintf(path, sizeof(path), "%" PRIu32 "/%s", pid, what);
	own = sg_privileges_raise();
	fd = openat(proc, path, flags | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fd = -errno;
	sg_privileges_restore(own);
	return fd;
}

static int read_of(int proc, uint32_t pid, const char *what, size_t max, struct sg_buf *b)
{
	sg_auto_fd int fd = open_of(proc, pid, what, O_RDONLY);
	char *to;
	ssize_t n;

	if (fd < 0)
		return fd;
	b->max = max;
	while ((to = sg_buf_reserve(b, 16384)) && (n = read(fd, to, 16384)) > 0)
		b->len += (size_t)n;
	if (!to)
		return b->err;
	sg_buf_add(b, "", 0);
	return n < 0 ? -errno : b->err;
}

/* ---- mappings ------------------------------------------------------------------------ */

/* "START-END PERMISSIONS OFFSET MAJOR:MINOR INODE    PATH" of code. */
static bool parse_mapping(char *line, struct sg_mapping *m)
{
	char perms[8] = "";
	int at = 0;

	*m = (struct sg_mapping){.path = ""};
	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %" SCNx32 ":%" SCNx32 " %" SCNu64 " %n",
		   &m->start, &m->end, perms, &m->offset, &m->major, &m->minor, &m->inode,
		   &at) < 7 ||
	    !strchr(perms, 'x') || m->start >= m->end)
		return false;
	if (at)
		m->path = line + at;
	return true;
}

int sg_mappings_parse(char *text, struct sg_arena *arena, struct sg_mappings *ret)
{
	char *line;
	struct sg_mapping m;
	size_t n = 0, max = 0;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		max++;
	max = SG_MIN(max + 1, (size_t)MAPPINGS_MAX);
	*ret = (struct sg_mappings){.m = sg_arena_alloc(arena, max * sizeof(m))};
	if (!ret->m)
		return -ENOMEM;
	while (n < max && (line = strsep(&text, "\n"))) {
		if (!parse_mapping(line, &m))
			continue;
		m.path = sg_arena_strdup(arena, m.path);
		if (!m.path)
			return -ENOMEM;
		ret->m[n++] = m;
	}
	ret->n = n;
	return 0;
}

int sg_process_mappings(int proc, uint32_t pid, struct sg_arena *arena, struct sg_mappings *ret)
{
	sg_auto_buf b = {0};
	int r = read_of(proc, pid, "maps", MAPS_MAX, &b);

	*ret = (struct sg_mappings){0};
	if (r < 0 && r != -EMSGSIZE)
		return r;
	return b.len ? sg_mappings_parse(b.data, arena, ret) : -ESRCH;
}

const struct sg_mapping *sg_mapping_at(const struct sg_mappings *m, uint64_t address)
{
	for (size_t i = 0; i < m->n; i++)
		if (address >= m->m[i].start && address < m->m[i].end)
			return &m->m[i];
	return NULL;
}

/* ---- file systems -------------------------------------------------------------------- */

static bool may_hang(const char *type)
{
	static const char *const prefixes[] = {"fuse",	 "nfs",	   "cifs",     "smb",
					       "9p",	 "ceph",   "afs",      "coda",
					       "autofs", "lustre", "glusterfs"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(type, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

bool sg_mount_may_hang(const char *mountinfo, uint32_t major, uint32_t minor)
{
	for (const char *p = mountinfo, *end; *p; p = *end ? end + 1 : end) {
		const char *type = strstr(p, " - ");
		uint32_t a, b;

		end = strchrnul(p, '\n');
		if (sscanf(p, "%*d %*d %" SCNu32 ":%" SCNu32, &a, &b) != 2 || a != major ||
		    b != minor)
			continue;
		if (!type || type > end || may_hang(type + 3))
			return true;
	}
	return false;
}

/* Those all have no device, so number 0; of one that has the mount table is not read. */
static bool is_local(int proc, uint32_t pid, uint32_t major, uint32_t minor)
{
	sg_auto_buf b = {0};

	if (major)
		return true;
	return read_of(proc, pid, "mountinfo", MOUNTS_MAX, &b) == 0 && b.len &&
	       !sg_mount_may_hang(b.data, major, minor);
}

/* fd was opened with O_PATH, so nobody has been asked anything yet. */
static bool is_local_dir(int proc, uint32_t pid, int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE,
		     &st) == 0 &&
	       S_ISDIR(st.stx_mode) && is_local(proc, pid, st.stx_dev_major, st.stx_dev_minor);
}

/* ---- files --------------------------------------------------------------------------- */

static int open_map_file(int proc, uint32_t pid, const struct sg_mapping *m)
{
	char name[64];

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, m->start, m->end);
	return open_of(proc, pid, name, O_RDONLY | O_NONBLOCK);
}

int sg_process_open_mapping(int proc, uint32_t pid, const struct sg_mapping *m)
{
	struct stat st;
	int fd;

	if (!m->inode || !is_local(proc, pid, m->major, m->minor))
		return -ENOENT;
	fd = open_map_file(proc, pid, m);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EBADF;
	}
	return fd;
}

/* The process' number where it lives, and whose it is. */
static int who_it_is(int proc, uint32_t pid, uint32_t *own_pid, uint32_t *uid)
{
	sg_auto_buf b = {0};
	int r = read_of(proc, pid, "status", STATUS_MAX, &b);
	char *ns, *u, *end;

	if (r < 0)
		return r;
	ns = b.data ? strstr(b.data, "\nNSpid:") : NULL;
	u = b.data ? strstr(b.data, "\nUid:\t") : NULL;
	if (!ns || !u || sscanf(u, "\nUid:\t%*u\t%" SCNu32, uid) != 1)
		return -EBADMSG;
	end = strchrnul(ns + 1, '\n');
	*end = '\0';
	return sscanf(strrchr(ns, '\t') ?: ns, "%" SCNu32, own_pid) == 1 ? 0 : -EBADMSG;
}

static int open_tmp(int proc, uint32_t pid)
{
	sg_auto_fd int root = open_of(proc, pid, "root", O_PATH | O_DIRECTORY);
	int tmp;

	if (root < 0 || !is_local_dir(proc, pid, root))
		return root < 0 ? root : -ENOENT;
	tmp = open_in(root, "tmp", O_PATH | O_DIRECTORY,
		      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (tmp >= 0 && !is_local_dir(proc, pid, tmp)) {
		close(tmp);
		return -ENOENT;
	}
	return tmp;
}

int sg_process_open_perf_map(int proc, uint32_t pid)
{
	sg_auto_fd int tmp = open_tmp(proc, pid), fd = -1;
	uint32_t own_pid, uid;
	struct stat st;
	char name[32];
	void *own;
	int r = tmp < 0 ? tmp : who_it_is(proc, pid, &own_pid, &uid);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "perf-%" PRIu32 ".map", own_pid);
	own = sg_privileges_raise();
	fd = open_in(tmp, name, O_RDONLY | O_NONBLOCK,
		     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	sg_privileges_restore(own);
	if (fd < 0)
		return fd;
	/* What another user put there says nothing about this process. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != uid)
		return -EPERM;
	return sg_take_fd(fd);
}
