/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The supervisor's part of probes that a user names: the list, who may change it, and
 * the descriptors of what is attached. Attaching is done by a process that is forked for
 * one probe and ends (<sgprobe/named_attach.h>). The list survives the daemon in a file
 * of root's in the data folder.
 */
#ifndef SG_DAEMON_NAMED_H
#define SG_DAEMON_NAMED_H

#include <sys/types.h>

#include <sgprobe/config.h>
#include <sgprobe/loop.h>

struct sg_named_set;

/* changed: the map in which they count is another one, or gone (-1). */
typedef void (*sg_named_changed_cb)(int cells, void *ctx);
/* folder: the data folder, open. */
/* Settings are to be read again: 0 or -errno, and what came of it. */
typedef int (*sg_named_reload_cb)(char *text, size_t n, void *ctx);
int sg_named_set_new(struct sg_loop *loop, const struct sg_config *cfg, int folder,
		     sg_named_changed_cb changed, void *ctx, struct sg_named_set **ret);
void sg_named_set_on_reload(struct sg_named_set *s, sg_named_reload_cb reload);
/* Ends what is under way and closes everything; NULL is fine. */
void sg_named_set_free(struct sg_named_set *s);

/* What a client asks for; both descriptors are taken over. */
void sg_named_set_command(struct sg_named_set *s, const struct sg_named_command *c, int client,
			  int answer);
/* What the probe process asks for. id 0: all of them. */
void sg_named_set_off(struct sg_named_set *s, uint64_t id, uint64_t rate);
void sg_named_set_on(struct sg_named_set *s);

int sg_named_set_cells(const struct sg_named_set *s); /* -1: nothing is attached */
/* A process ended; true: it was one of this part's. */
bool sg_named_set_reap(struct sg_named_set *s, pid_t pid);

#endif
