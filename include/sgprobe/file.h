/* SPDX-License-Identifier: GPL-2.0 */
/* Small file helpers. Everything read is bounded. */
#ifndef SGPROBE_FILE_H
#define SGPROBE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include <sgprobe/str.h>

/* Appends the file's bytes to b. -EFBIG when it holds more than max bytes. */
int sg_read_file(const char *path, size_t max, struct sg_buf *b);

/* pread(fd, 0) of the whole file (for /proc files kept open); replaces b's content. */
int sg_reread_fd(int fd, size_t max, struct sg_buf *b);

/* Writes path atomically: temporary file in the same folder, fsync, rename, fsync of the folder. */
int sg_write_file(const char *path, const void *p, size_t n, mode_t mode);

/* mkdir -p; existing folders are fine. */
int sg_mkdir_p(const char *path, mode_t mode);

/* All of it or an error: retries EINTR and short transfers. read returns -EPIPE at an early end. */
int sg_read_full(int fd, void *p, size_t n);
int sg_write_full(int fd, const void *p, size_t n);

#endif
