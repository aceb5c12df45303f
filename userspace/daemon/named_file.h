/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The probes that were added at run time, in a file of the data folder. That folder
 * belongs to the server's user, who must not be able to have root probe something: the
 * file is believed only while it is root's own.
 */
#ifndef SG_DAEMON_NAMED_FILE_H
#define SG_DAEMON_NAMED_FILE_H

#include <sgprobe/config.h>

#define SG_NAMED_FILE "probes.yaml"

/* The list into c->probes; none when there is no file. -errno with a sentence: it is left as it is. */
int sg_named_file_read(int folder, struct sg_config *c, struct sg_error *err);
/* Replaces it atomically. */
int sg_named_file_write(int folder, const struct sg_named *const *probes, size_t n);

#endif
