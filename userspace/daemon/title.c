// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "title.h"

struct sg_title sg_title_find(int argc, char **argv)
{
	struct sg_title t = {0};
	char *end;

	if (argc < 1 || !argv || !argv[0])
		return t;
	end = argv[0];
	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(end) + 1; /* only what lies side by side */
	t.start = argv[0];
	t.len = end - argv[0];
	return t;
}

void sg_title_set(const struct sg_title *t, const char *comm, const char *line)
{
	prctl(PR_SET_NAME, comm, 0, 0, 0);
	if (t->len < 2)
		return;
	memset(t->start, 0, t->len);
	snprintf(t->start, t->len, "%s", line);
}
