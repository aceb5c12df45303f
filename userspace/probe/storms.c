// SPDX-License-Identifier: GPL-2.0
#include "storms.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS 1000

void sg_storms_free(struct sg_storms *s)
{
	free(s->at);
	*s = (struct sg_storms){0};
}

static struct sg_storm *find(struct sg_storms *s, const char *comm, const char *cgroup)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->at[i].comm, comm) == 0 && strcmp(s->at[i].cgroup, cgroup) == 0)
			return &s->at[i];
	return NULL;
}

static struct sg_storm *begin(struct sg_storms *s, const char *comm, const char *cgroup)
{
	struct sg_storm *t;

	if (s->n == SG_STORMS_MAX || SG_GROW(s->at, s->cap, s->n) < 0)
		return NULL;
	t = &s->at[s->n++];
	*t = (struct sg_storm){0};
	snprintf(t->comm, sizeof(t->comm), "%s", comm);
	snprintf(t->cgroup, sizeof(t->cgroup), "%s", cgroup);
	return t;
}

enum sg_storm_news sg_storms_see(struct sg_storms *s, const char *comm, const char *cgroup,
				 uint64_t forks, int64_t t_ms)
{
	struct sg_storm *t = find(s, comm, cgroup);
	bool begins = !t;

	if (begins)
		t = begin(s, comm, cgroup);
	if (!t)
		return SG_STORM_NO_ROOM;
	if (t->seen)
		return SG_STORM_GOES_ON;
	if (begins)
		t->from_ms = t_ms - TICK_MS;
	t->to_ms = t_ms;
	t->seen = true;
	t->forks += forks;
	t->peak = SG_MAX(t->peak, forks);
	return begins ? SG_STORM_BEGINS : SG_STORM_GOES_ON;
}

void sg_storms_tick(struct sg_storms *s, sg_storm_cb ended, void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct sg_storm *t = &s->at[i];

		t->calm = t->seen ? 0 : t->calm + 1;
		t->seen = false;
		if (t->calm >= SG_STORM_CALM)
			ended(t, ctx);
		else
			s->at[kept++] = *t;
	}
	s->n = kept;
}
