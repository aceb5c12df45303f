// SPDX-License-Identifier: GPL-2.0
// Escalation: who is told next when nobody answers.
#include <errno.h>
#include <string.h>

#include "router.h"

#define LOOP_WAIT_MS 60000 /* at least, before a policy begins again */

void rt_policy_free(struct rt_policy *p)
{
	if (p)
		sg_arena_free(p->arena);
	free(p);
}

static bool copy_level(struct sg_arena *a, const struct sg_escalation_level *from,
		       struct sg_escalation_level *to)
{
	*to = *from;
	to->notify = sg_arena_zalloc(a, (from->n_notify + 1) * sizeof(*to->notify));
	for (size_t i = 0; to->notify && i < from->n_notify; i++)
		if (!(to->notify[i] = sg_arena_strdup(a, from->notify[i])))
			return false;
	return to->notify;
}

struct rt_policy *rt_policy_copy(const struct sg_escalation *e)
{
	struct rt_policy *p = calloc(1, sizeof(*p));
	bool ok = p && (p->arena = sg_arena_new(1U << 20));

	if (ok) {
		p->e = *e;
		p->e.name = sg_arena_strdup(p->arena, e->name);
		p->e.final = e->final ? sg_arena_strdup(p->arena, e->final) : NULL;
		p->e.levels = sg_arena_zalloc(p->arena, (e->n_levels + 1) * sizeof(*p->e.levels));
		ok = p->e.name && p->e.levels && (!e->final || p->e.final);
	}
	for (size_t i = 0; ok && i < e->n_levels; i++)
		ok = copy_level(p->arena, &e->levels[i], &p->e.levels[i]);
	if (ok)
		return p;
	rt_policy_free(p);
	return NULL;
}

static void restart(struct rt_group *g, int64_t now)
{
	g->level = 0;
	g->loops = 0;
	g->final_told = false;
	g->repeat_due_ms = 0;
	g->level_due_ms = g->policy ? now + g->policy->e.levels[0].after_ms : 0;
}

int rt_escalation_begin(struct rt_group *g, int64_t now)
{
	if (!g->route->escalation)
		return 0;
	rt_policy_free(g->policy);
	g->policy = rt_policy_copy(g->route->escalation);
	if (!g->policy)
		return -ENOMEM;
	restart(g, now);
	return 0;
}

void rt_escalation_end(struct rt_group *g)
{
	rt_policy_free(g->policy);
	g->policy = NULL;
	g->level = 0;
	g->level_due_ms = g->repeat_due_ms = 0;
	g->acked_ms = 0;
	free(g->acked_by);
	free(g->note);
	g->acked_by = g->note = NULL;
}

static size_t add_target(const char **ret, size_t n, size_t max, const char *receiver)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(ret[i], receiver))
			return n;
	if (n < max)
		ret[n++] = receiver;
	return n;
}

size_t rt_targets(const struct rt_group *g, const char **ret, size_t max)
{
	unsigned int reached = g->level;
	size_t n = 0;

	if (!g->policy)
		return add_target(ret, 0, max, g->route->receiver);
	if (g->loops)
		reached = (unsigned int)g->policy->e.n_levels;
	if (g->acked_ms)
		reached = 0; /* levels that it went past were not told */
	for (unsigned int l = 0; l < reached; l++)
		for (size_t i = 0; i < g->policy->e.levels[l].n_notify; i++)
			n = add_target(ret, n, max, g->policy->e.levels[l].notify[i]);
	if (g->final_told && !g->acked_ms)
		n = add_target(ret, n, max, g->policy->e.final);
	/* After a restart of the levels, whoever knows of it still hears of its end. */
	for (size_t i = 0; i < g->n_logs; i++)
		if (g->logs[i].firing.n)
			n = add_target(ret, n, max, g->logs[i].receiver);
	return n;
}

/* ---- levels ------------------------------------------------------------------------ */

static int64_t loop_wait(const struct sg_escalation *e)
{
	int64_t wait = e->levels[0].after_ms;

	if (!wait)
		wait = e->levels[e->n_levels - 1].after_ms;
	return SG_MAX(wait, LOOP_WAIT_MS);
}

/* When the one after the level that was just reached is due. */
static void plan_next(struct rt_group *g)
{
	const struct sg_escalation *e = &g->policy->e;

	if (g->level < e->n_levels)
		g->level_due_ms += e->levels[g->level].after_ms;
	else if (g->loops < e->loops || (e->final && !g->final_told))
		g->level_due_ms += loop_wait(e);
	else
		g->level_due_ms = 0;
}

static int tell_level(struct sg_router *r, struct rt_group *g, int reason, int64_t now)
{
	const struct sg_escalation_level *l = &g->policy->e.levels[g->level - 1];
	int k = 0;

	for (size_t i = 0; k >= 0 && i < l->n_notify; i++)
		k = rt_tell(r, g, l->notify[i], reason, now);
	g->repeat_due_ms = l->repeat_every_ms ? now + l->repeat_every_ms : 0;
	return k < 0 ? k : 0;
}

static bool may_tell(const struct rt_group *g, unsigned int level)
{
	return !g->acked_ms || g->policy->e.levels[level - 1].even_acked;
}

static int reach_final(struct sg_router *r, struct rt_group *g, int64_t now)
{
	int k;

	g->level_due_ms = 0;
	if (!g->policy->e.final)
		return 0;
	g->final_told = true;
	if (g->acked_ms)
		return 0;
	k = rt_tell(r, g, g->policy->e.final, SG_NOTICE_ESCALATED, now);
	rt_audit(r, now, "sgprobe", "escalated", g->key, g->policy->e.final);
	return k < 0 ? k : 0;
}

static int advance(struct sg_router *r, struct rt_group *g, int reason, int64_t now)
{
	const struct sg_escalation *e = &g->policy->e;
	bool first = g->level == 0 && g->loops == 0;
	int k = 0;

	if (g->level == e->n_levels && g->loops == e->loops)
		return reach_final(r, g, now);
	if (g->level == e->n_levels) {
		g->level = 0;
		g->loops++;
	}
	g->level++;
	if (may_tell(g, g->level)) {
		k = tell_level(r, g, first ? reason : SG_NOTICE_ESCALATED, now);
		if (!first)
			rt_audit(r, now, "sgprobe", "escalated", g->key,
				 e->levels[g->level - 1].notify[0]);
	}
	plan_next(g);
	return k;
}

void rt_unack(struct sg_router *r, struct rt_group *g, const char *why, int64_t now)
{
	if (!g->acked_ms)
		return;
	rt_audit(r, now, "sgprobe", "unacknowledged", g->key, why);
	g->acked_ms = 0;
	free(g->acked_by);
	free(g->note);
	g->acked_by = g->note = NULL;
	restart(g, now);
}

static int ack_timeout(struct sg_router *r, struct rt_group *g, int64_t now)
{
	int64_t timeout = g->policy ? g->policy->e.ack_timeout_ms : 0;
	int k = 0;

	if (!g->acked_ms || !timeout || now < g->acked_ms + timeout)
		return 0;
	rt_unack(r, g, "ack_timeout has passed", now);
	if (g->level_due_ms <= now)
		k = advance(r, g, SG_NOTICE_ACK_TIMEOUT, now);
	return k;
}

static int repeat(struct sg_router *r, struct rt_group *g, int64_t now)
{
	if (!g->repeat_due_ms || now < g->repeat_due_ms || !g->level || !may_tell(g, g->level))
		return 0;
	return tell_level(r, g, SG_NOTICE_REPEAT, now);
}

int rt_escalate(struct sg_router *r, struct rt_group *g, bool paused, int reason, int64_t now)
{
	int k;

	if (!g->policy)
		return 0;
	if (paused) { /* the clocks stand still */
		int64_t by = g->seen_ms ? SG_MAX(now - g->seen_ms, 0) : 0;

		g->level_due_ms += g->level_due_ms ? by : 0;
		g->repeat_due_ms += g->repeat_due_ms ? by : 0;
		return 0;
	}
	k = ack_timeout(r, g, now);
	while (k == 0 && g->level_due_ms && g->level_due_ms <= now)
		k = advance(r, g, reason, now);
	return k < 0 ? k : repeat(r, g, now);
}

int64_t rt_escalation_next(const struct rt_group *g)
{
	int64_t next = INT64_MAX;

	if (!g->policy)
		return next;
	if (g->level_due_ms)
		next = g->level_due_ms;
	if (g->repeat_due_ms)
		next = SG_MIN(next, g->repeat_due_ms);
	if (g->acked_ms && g->policy->e.ack_timeout_ms)
		next = SG_MIN(next, g->acked_ms + g->policy->e.ack_timeout_ms);
	return next;
}
