/* SPDX-License-Identifier: GPL-2.0 */
/* The data folder: who has it, how much room it has, setting a damaged file aside. */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include <sgprobe/err.h>

/*
 * Locks DIR/lock for this process; *fd holds it until closed. -EBUSY: err names
 * the process that has it. A folder that cannot be written to and has no lock
 * file yet gives 0 and *fd = -1: nobody can write there.
 */
int sg_folder_lock(const char *dir, int *fd, struct sg_error *err);

/* Renames DIR/FILE, -wal, -shm to FILE.corrupt-TIME and deletes older ones; name gets the new name. */
int sg_folder_set_aside(const char *dir, const char *file, int64_t now_ms, char *name, size_t n);

/* Bytes that this user may still write to the file system; UINT64_MAX when unknown. */
uint64_t sg_folder_free(const char *dir);

#endif
