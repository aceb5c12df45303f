/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readers for the HTTP thread while the store may not be open yet: until it is,
 * they answer with what is wrong with it.
 */
#ifndef SG_DAEMON_LAZY_READER_H
#define SG_DAEMON_LAZY_READER_H

#include <pthread.h>

#include <sgprobe/store.h>

struct sg_door { /* shared by the server's threads; outlives the readers */
	pthread_mutex_t lock;
	const char *data_dir;
	bool open;
	struct sg_head *head; /* may be NULL while open: a folder without its daemon */
	char why[256]; /* why it is not open */
};
void sg_door_init(struct sg_door *d, const char *data_dir);
void sg_door_open(struct sg_door *d, struct sg_head *head);
void sg_door_shut(struct sg_door *d, const char *why);
int sg_lazy_reader(struct sg_door *d, struct sg_reader **ret);

#endif
