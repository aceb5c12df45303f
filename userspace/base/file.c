// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sgprobe/file.h>

#define CHUNK 4096

int sg_read_full(int fd, void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t r = read(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			return -EPIPE;
		at += r;
		n -= r;
	}
	return 0;
}

int sg_write_full(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		at += r;
		n -= r;
	}
	return 0;
}

/* Reads from offset (pos >= 0) or the current position to the end. */
static int read_all(int fd, off_t pos, size_t max, struct sg_buf *b)
{
	char chunk[CHUNK];
	size_t total = 0;

	for (;;) {
		ssize_t r = pos < 0 ? read(fd, chunk, sizeof(chunk))
				    : pread(fd, chunk, sizeof(chunk), pos + (off_t)total);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			return b->err;
		total += r;
		if (total > max)
			return -EFBIG;
		sg_buf_add(b, chunk, r);
	}
}

int sg_read_file(const char *path, size_t max, struct sg_buf *b)
{
	sg_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : read_all(fd, -1, max, b);
}

int sg_reread_fd(int fd, size_t max, struct sg_buf *b)
{
	sg_buf_reset(b);
	return read_all(fd, 0, max, b);
}

static int sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	sg_auto_fd int fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int fill_and_sync(int fd, const void *p, size_t n, mode_t mode)
{
	int r = sg_write_full(fd, p, n);

	if (r < 0)
		return r;
	/* fchmod, because the mode that mkostemp gives is 0600 and umask must not decide. */
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int sg_write_file(const char *path, const void *p, size_t n, mode_t mode)
{
	char tmp[PATH_MAX];
	sg_auto_fd int fd = -1;
	int r;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill_and_sync(fd, p, n, mode);
	if (!r && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	return sync_folder_of(path);
}

static int make_folder(const char *path, mode_t mode)
{
	struct stat st;

	if (!mkdir(path, mode))
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int sg_mkdir_p(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (!n || n >= sizeof(part))
		return n ? -ENAMETOOLONG : -ENOENT;
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		int r;

		if (part[i] != '/')
			continue;
		part[i] = 0;
		r = make_folder(part, mode);
		if (r < 0)
			return r;
		part[i] = '/';
	}
	return make_folder(part, mode);
}
