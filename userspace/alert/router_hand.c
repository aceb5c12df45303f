// SPDX-License-Identifier: GPL-2.0
// What people do to incidents: acknowledge and resolve them.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "router.h"

static bool holds(const struct rt_group *g, const char *what)
{
	char text[17];

	if (!strcmp(g->key, what))
		return true;
	for (size_t i = 0; i < g->n; i++) {
		snprintf(text, sizeof(text), "%016llx",
			 (unsigned long long)g->members[i].a->fingerprint);
		if (!strcmp(text, what))
			return true;
	}
	return false;
}

static int ack_group(struct sg_router *r, struct rt_group *g, const char *who, const char *note,
		     int64_t now)
{
	char *by = strdup(who), *text = strdup(note ? note : "");

	if (!by || !text) {
		free(by);
		free(text);
		return -ENOMEM;
	}
	free(g->acked_by);
	free(g->note);
	g->acked_by = by;
	g->note = text;
	g->acked_ms = now;
	rt_audit(r, now, who, "acknowledged", g->key, note);
	return rt_tell_all(r, g, SG_NOTICE_ACKNOWLEDGED, who, note, now);
}

int sg_router_ack(struct sg_router *r, const char *what, const char *who, const char *note,
		  int64_t now)
{
	int k = -ENOENT;
	struct rt_group *g;

	for (size_t it = 0; (g = sg_map_next(r->groups, &it));) {
		if (!g->incident || !holds(g, what))
			continue;
		if (g->acked_ms) {
			k = k == -ENOENT ? -EALREADY : k;
			continue;
		}
		k = ack_group(r, g, who, note, now);
		if (k < 0)
			return k;
	}
	return k;
}

static int resolve_group(struct sg_router *r, struct rt_group *g, const char *who, const char *note,
			 int64_t until, int64_t now)
{
	int k = rt_tell_all(r, g, SG_NOTICE_CLOSED, who, note, now);

	for (size_t i = 0; i < g->n; i++)
		if (g->members[i].a->firing)
			g->members[i].closed_until_ms = until;
	g->incident = 0;
	rt_escalation_end(g);
	rt_audit(r, now, who, "resolved", g->key, note);
	return k;
}

int sg_router_resolve(struct sg_router *r, const char *what, const char *who, const char *note,
		      bool until_clear, int64_t now)
{
	int64_t until = until_clear ? INT64_MAX : now + r->c->reopen_after_ms;
	int k = -ENOENT;
	struct rt_group *g;

	for (size_t it = 0; (g = sg_map_next(r->groups, &it));) {
		if (!g->incident || !holds(g, what))
			continue;
		k = resolve_group(r, g, who, note, until, now);
		if (k < 0)
			return k;
	}
	return k;
}
