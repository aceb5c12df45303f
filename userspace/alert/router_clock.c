// SPDX-License-Identifier: GPL-2.0
// When a group is looked at, and what happens then.
#include <errno.h>
#include <string.h>

#include "router.h"

static int end_timed_out(struct sg_router *r, int64_t now)
{
	size_t n = 0, it = 0, max = sg_map_len(r->alerts);
	struct rt_alert *a, **due = calloc(max + 1, sizeof(*due));

	if (!due)
		return -ENOMEM;
	while ((a = sg_map_next(r->alerts, &it)))
		if (a->firing && a->until_ms && now >= a->until_ms)
			due[n++] = a;
	for (size_t i = 0; i < n; i++) {
		due[i]->firing = false;
		due[i]->ends_ms = due[i]->until_ms;
		r->index_stale = true;
		rt_end(r, due[i], now);
	}
	free(due);
	return 0;
}

/* What was resolved by hand and still fires comes back. */
static void reopen(struct sg_router *r, struct rt_group *g, int64_t now)
{
	for (size_t i = 0; i < g->n; i++) {
		struct rt_member *m = &g->members[i];

		if (!m->closed_until_ms || m->closed_until_ms > now)
			continue;
		m->closed_until_ms = 0;
		rt_audit(r, now, "sgprobe", "reopened", g->key, "it still fires");
		rt_hurry(g, SG_NOTICE_REOPENED, now);
	}
}

/* Whether all that fires is silenced, inhibited, closed or muted. */
static bool all_suppressed(struct sg_router *r, const struct rt_group *g, int64_t now)
{
	if (rt_muted_by(g->route, now))
		return true;
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i].a->firing && !rt_suppressed(r, &g->members[i], now))
			return false;
	return true;
}

/* Ends that were told, or that nobody needs to hear of, leave the group. */
static void clean(struct sg_router *r, struct rt_group *g)
{
	for (size_t i = g->n; i > 0; i--) {
		const struct rt_alert *a = g->members[i - 1].a;
		bool known = false;

		for (size_t k = 0; !a->firing && k < g->n_logs; k++)
			known |= rt_knows(&g->logs[k], a);
		if (!a->firing && !known)
			rt_leave(r, g, i - 1);
	}
}

/* Whether there is something to say beside what the log of a receiver tells. */
static bool special(const struct rt_group *g, int why, bool suppressed)
{
	return (why == SG_NOTICE_REOPENED || why == SG_NOTICE_FLAPPING) && !g->acked_ms &&
	       !suppressed;
}

/* Who an escalation policy names first is told with it. */
static int begin_incident(struct sg_router *r, struct rt_group *g, int why, int64_t now)
{
	int k;

	g->incident = ++r->incidents;
	k = rt_escalation_begin(g, now);
	return k < 0 ? k : rt_escalate(r, g, false, why, now);
}

static int flush(struct sg_router *r, struct rt_group *g, bool suppressed, int64_t now)
{
	const char *targets[64];
	int why = special(g, g->why, suppressed) ? g->why : -1, k = 0;
	size_t n;

	g->flushed = true;
	g->next_flush_ms = now + g->route->group_interval_ms;
	if (rt_muted_by(g->route, now))
		return 0; /* ends are told when it is over, too */
	g->why = -1;
	if (!g->incident && !suppressed) {
		k = begin_incident(r, g, why, now);
		why = g->policy ? -1 : why;
	}
	n = rt_targets(g, targets, ARRAY_SIZE(targets));
	for (size_t i = 0; k >= 0 && i < n; i++)
		k = rt_tell(r, g, targets[i], why, now);
	if (k < 0)
		return k;
	if (!rt_count_firing(g)) {
		g->incident = 0;
		rt_escalation_end(g);
	}
	clean(r, g);
	return 0;
}

static int look_at(struct sg_router *r, struct rt_group *g, int64_t now)
{
	bool suppressed;
	int k;

	reopen(r, g, now);
	suppressed = all_suppressed(r, g, now);
	k = g->incident ? rt_escalate(r, g, suppressed, -1, now) : 0;
	if (k >= 0 && now >= g->next_flush_ms)
		k = flush(r, g, suppressed, now);
	g->seen_ms = now;
	return k < 0 ? k : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct rt_group *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

int sg_router_tick(struct sg_router *r, int64_t now)
{
	size_t n = 0, it = 0, max = sg_map_len(r->groups);
	struct rt_group *g, **all = calloc(max + 1, sizeof(*all));
	int k = all ? end_timed_out(r, now) : -ENOMEM;

	while (all && (g = sg_map_next(r->groups, &it)))
		all[n++] = g;
	if (n)
		qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 0; k == 0 && i < n; i++)
		k = look_at(r, all[i], now);
	for (size_t i = 0; i < n; i++)
		if (!all[i]->n) {
			sg_map_del(r->groups, sg_hash_str(all[i]->key, 0), all[i]->key);
			rt_group_free(all[i]);
		}
	free(all);
	return k;
}

int64_t sg_router_next_ms(const struct sg_router *r)
{
	int64_t next = INT64_MAX;
	const struct rt_alert *a;
	const struct rt_group *g;

	for (size_t it = 0; (g = sg_map_next(r->groups, &it));) {
		next = SG_MIN(next, SG_MIN(g->next_flush_ms, rt_escalation_next(g)));
		for (size_t i = 0; i < g->n; i++)
			if (g->members[i].closed_until_ms)
				next = SG_MIN(next, g->members[i].closed_until_ms);
	}
	for (size_t it = 0; (a = sg_map_next(r->alerts, &it));)
		if (a->firing && a->until_ms)
			next = SG_MIN(next, a->until_ms);
	return next;
}

uint64_t sg_router_refused(const struct sg_router *r)
{
	return r->refused;
}
