/* SPDX-License-Identifier: GPL-2.0 */
/* What the supervisor prepares before it starts anything: the user, the data folder, the sockets. */
#ifndef SG_DAEMON_SETUP_H
#define SG_DAEMON_SETUP_H

#include <sys/types.h>

#include <sgprobe/config.h>
#include <sgprobe/ingest.h>

struct sg_setup {
	uid_t uid; /* of the server process */
	gid_t gid;
	char user[64];
	int lock_fd; /* the data folder, flocked */
	int listen_fd; /* TCP, or -1 when 'listen' is none */
	int unix_fd;
	struct sg_ingest_sockets ingest;
};

/* 0, -EPERM (not root), -EBUSY (another daemon), or another -errno; err says what to do. cfg->data_dir becomes absolute. */
int sg_setup_open(struct sg_config *cfg, struct sg_setup *s, struct sg_error *err);
/* Closes everything and removes the unix socket. */
void sg_setup_close(const struct sg_config *cfg, struct sg_setup *s);

/* Whom the server runs as; nobody when cfg->user does not exist (then *fallback). */
int sg_setup_user(const struct sg_config *cfg, struct sg_setup *s, bool *fallback,
		  struct sg_error *err);
/* Creates the folder, makes it and the regular files in it the server's. */
int sg_setup_folder(struct sg_config *cfg, const struct sg_setup *s, struct sg_error *err);

#endif
