// SPDX-License-Identifier: GPL-2.0
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <sgprobe/file.h>

static int lock_busy(const char *dir, int fd, struct sg_error *err)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	return sg_fail(err, -EBUSY,
		       "another sgprobe (pid %s) uses %s: stop it first, or give this one a data "
		       "folder of its own (--data-dir)",
		       *pid ? pid : "unknown", dir);
}

static void lock_note_pid(int fd)
{
	char pid[16];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	/* Only for the message above: a full disk must not keep a daemon from starting. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, n, 0) < 0)
		return;
}

int sg_folder_lock(const char *dir, int *fd, struct sg_error *err)
{
	char path[4096];
	sg_auto_fd int f = -1;

	snprintf(path, sizeof(path), "%s/lock", dir);
	f = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (f < 0 && (errno == EROFS || errno == EACCES)) {
		f = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (f < 0) {
			*fd = -1;
			return 0;
		}
	}
	if (f < 0 && errno == ENOSPC) { /* no room for an inode: as above */
		*fd = -1;
		return 0;
	}
	if (f < 0)
		return sg_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (flock(f, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? lock_busy(dir, f, err)
					    : sg_fail(err, -errno, "%s: %s", path, strerror(errno));
	lock_note_pid(f);
	*fd = sg_take_fd(f);
	return 0;
}

static void delete_older(const char *dir, const char *prefix, const char *keep)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (!strncmp(e->d_name, prefix, strlen(prefix)) &&
		    strncmp(e->d_name, keep, strlen(keep)))
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

int sg_folder_set_aside(const char *dir, const char *file, int64_t now_ms, char *name, size_t n)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char prefix[64], aside[128], from[4096], to[4096];

	snprintf(prefix, sizeof(prefix), "%s.corrupt-", file);
	snprintf(aside, sizeof(aside), "%s%" PRId64, prefix, now_ms / 1000);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		snprintf(from, sizeof(from), "%s/%s%s", dir, file, suffixes[i]);
		snprintf(to, sizeof(to), "%s/%s%s", dir, aside, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	delete_older(dir, prefix, aside);
	snprintf(name, n, "%s", aside);
	return 0;
}

uint64_t sg_folder_free(const char *dir)
{
	struct statvfs v;

	if (statvfs(dir, &v) < 0)
		return UINT64_MAX;
	return (uint64_t)v.f_bavail * v.f_frsize;
}
