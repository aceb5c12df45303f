/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_DAEMON_TITLE_H
#define SG_DAEMON_TITLE_H

struct sg_title { /* where main's arguments lie */
	char *start;
	unsigned long len;
};
struct sg_title sg_title_find(int argc, char **argv);
/* What ps shows: comm (15 bytes) and the command line. */
void sg_title_set(const struct sg_title *t, const char *comm, const char *line);

#endif
