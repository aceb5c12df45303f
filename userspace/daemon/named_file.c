// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "config/load.h"
#include "named_file.h"

#define FILE_MAX_BYTES (128U << 10)
#define TEMPORARY SG_NAMED_FILE ".new"

static bool is_roots(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       st->st_nlink == 1 && !(st->st_mode & 022) && st->st_size <= (off_t)FILE_MAX_BYTES;
}

int sg_named_file_read(int folder, struct sg_config *c, struct sg_error *err)
{
	sg_auto_fd int fd =
		openat(folder, SG_NAMED_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	sg_auto_free char *text = NULL;
	struct stat st;
	int r;

	c->n_probes = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!is_roots(fd, &st))
		return sg_fail(err, -EPERM,
			       SG_NAMED_FILE
			       " in the data folder is not root's own file, so nothing "
			       "in it is believed; remove it");
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = sg_read_full(fd, text, (size_t)st.st_size);
	return r < 0 ? r : sg_config_load_text(c, text, (size_t)st.st_size, SG_NAMED_FILE, err);
}

int sg_named_file_write(int folder, const struct sg_named *const *probes, size_t n)
{
	sg_auto_buf b = {0};
	sg_auto_fd int fd = -1;
	int r;

	sg_buf_str(&b, "# Written by 'sgprobe probes add' and 'remove'.\nprobes:\n");
	for (size_t i = 0; i < n; i++)
		sg_named_print(&b, probes[i]);
	if (b.err)
		return b.err;
	unlinkat(folder, TEMPORARY, 0);
	fd = openat(folder, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = sg_write_full(fd, b.data, b.len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(folder, TEMPORARY, folder, SG_NAMED_FILE) < 0)
		r = -errno;
	if (r == 0 && fsync(folder) < 0)
		r = -errno;
	return r;
}
