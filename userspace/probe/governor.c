// SPDX-License-Identifier: GPL-2.0
#include "governor.h"

#include <stdio.h>

#include <sgprobe/mem.h>

#define EVENT_NS 300 /* what it takes to time one event, about; docs/OVERHEAD.md */
#define FULL_MIN 64 /* events of a tick and shard that are timed in any case */
#define CALM_SHARE 0.6 /* of the budget: below it there is room for more */
#define LEAST_SHARE 0.02 /* of the budget: who takes less has nothing to give */
#define WAIT_MAX 3600

/* share: one part in so many of the budget is for timing a domain's events one by one. */
static const struct {
	const char *name;
	uint32_t share, shift;
} steps[SG_STEPS] = {
	[SG_STEP_FULL] = {"full", 4, 4},
	[SG_STEP_SAMPLED] = {"sampled", 16, 6},
	[SG_STEP_SPARSE] = {"sparse", UINT32_MAX, 8},
	[SG_STEP_OFF] = {"off", UINT32_MAX, SG_MAX_SHIFT},
};

const char *sg_step_name(enum sg_step s)
{
	return steps[s].name;
}

struct sg_bpf_limit sg_governor_limit(uint64_t budget_ns, enum sg_step step, uint32_t shards)
{
	uint64_t full = budget_ns / steps[step].share / EVENT_NS / SG_MAX(shards, 1u);

	if (budget_ns == 0)
		return (struct sg_bpf_limit){SG_NO_LIMIT, 0};
	return (struct sg_bpf_limit){(uint32_t)SG_MIN(SG_MAX(full, FULL_MIN), SG_NO_LIMIT - 1),
				     steps[step].shift};
}

static enum sg_step next_down(const struct sg_governed *d, enum sg_step s)
{
	return d->limited && s < SG_STEP_SPARSE ? s + 1 : SG_STEP_OFF;
}

static enum sg_step next_up(const struct sg_governed *d, enum sg_step s)
{
	return d->limited ? s - 1 : SG_STEP_FULL;
}

/* Detail goes first; programs only when that has not helped for long. */
static bool may_lose(const struct sg_governor *g, const struct sg_governed *d, size_t i, bool off)
{
	return d[i].up && d[i].cost_ns >= (double)g->budget_ns * LEAST_SHARE &&
	       g->at[i].step != SG_STEP_OFF &&
	       (next_down(&d[i], g->at[i].step) == SG_STEP_OFF) == off;
}

static int costliest(const struct sg_governor *g, const struct sg_governed *d, size_t n)
{
	int rounds = g->hot < SG_GOVERNOR_PATIENCE ? 1 : 2, worst = -1;

	for (int off = 0; worst < 0 && off < rounds; off++)
		for (size_t i = 0; i < n; i++)
			if (may_lose(g, d, i, off) &&
			    (worst < 0 || d[i].cost_ns > d[worst].cost_ns))
				worst = (int)i;
	return worst;
}

/* Who was shed last is the first to come back: what it costs is known best. */
static int latest_shed(const struct sg_governor *g, const struct sg_governed *d, size_t n)
{
	int last = -1;

	for (size_t i = 0; i < n; i++)
		if (d[i].up && g->at[i].step != SG_STEP_FULL &&
		    (last < 0 || g->at[i].shed_tick > g->at[last].shed_tick))
			last = (int)i;
	return last;
}

/* As the log and the user read it; a tick is a second. */
static void say_why(struct sg_governor *g, size_t i, const char *more, double n, const char *unit)
{
	snprintf(g->at[i].reason, sizeof(g->at[i].reason),
		 "watching took %.1f ms a second of %.1f ms (probe.budget), %s %.1f %s",
		 g->total_ns * 1e-6, (double)g->budget_ns * 1e-6, more, n, unit);
}

static int step_down(struct sg_governor *g, const struct sg_governed *d, size_t n)
{
	int i = costliest(g, d, n);

	if (i < 0)
		return -1;
	/* Back so soon after a step up: that one was too early. */
	g->at[i].wait = g->at[i].wait ? SG_MIN(g->at[i].wait * 2, WAIT_MAX) : SG_GOVERNOR_CALM;
	g->at[i].step = next_down(&d[i], g->at[i].step);
	g->at[i].shed_tick = g->tick;
	g->at[i].cost_ns = d[i].cost_ns;
	say_why(g, i, "this domain", d[i].cost_ns * 1e-6, "ms");
	return i;
}

static int step_up(struct sg_governor *g, const struct sg_governed *d, size_t n)
{
	int i = latest_shed(g, d, n);

	if (i < 0 || g->calm < g->at[i].wait)
		return -1;
	g->at[i].step = next_up(&d[i], g->at[i].step);
	say_why(g, i, "and little for", g->calm, "seconds");
	return i;
}

/* A domain that stayed as it is for long has no bad record any more. */
static void forgive(struct sg_governor *g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (g->at[i].step == SG_STEP_FULL && g->at[i].wait &&
		    g->tick - g->at[i].shed_tick > 2 * (uint64_t)WAIT_MAX)
			g->at[i].wait = 0;
}

int sg_governor_tick(struct sg_governor *g, const struct sg_governed *d, size_t n, double own_ns)
{
	double total = own_ns, budget = (double)g->budget_ns;
	int changed = -1;

	g->tick++;
	for (size_t i = 0; i < n; i++)
		total += d[i].up && g->at[i].step != SG_STEP_OFF ? d[i].cost_ns : 0;
	g->total_ns = total;
	if (!g->budget_ns)
		return -1;
	g->hot = total > budget ? g->hot + 1 : 0;
	g->calm = total < budget * CALM_SHARE ? g->calm + 1 : 0;
	forgive(g, n);
	if (g->hot >= SG_GOVERNOR_HOT)
		changed = step_down(g, d, n);
	else if (g->calm >= SG_GOVERNOR_CALM)
		changed = step_up(g, d, n);
	if (changed >= 0) {
		g->hot = g->calm = 0; /* what it brought is measured first */
		g->changed_tick = g->tick;
	}
	return changed;
}
