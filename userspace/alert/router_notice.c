// SPDX-License-Identifier: GPL-2.0
// What a receiver knows of a group, whether there is news for it, and the notice.
#include <errno.h>
#include <string.h>

#include "router.h"

#define RANKS 5

const char *sg_notice_reason_name(enum sg_notice_reason r)
{
	static const char *const names[] = {"new",	    "firing",	 "severity",	"resolved",
					    "repeat",	    "escalated", "ack_timeout", "reopened",
					    "acknowledged", "closed",	 "flapping"};

	return names[r];
}

/* ---- logs -------------------------------------------------------------------------- */

static uint64_t mark(const struct rt_alert *a, int rank)
{
	return a->identity.hash ^ (uint64_t)rank * 0x9e3779b97f4a7c15ULL;
}

uint64_t rt_mark(const struct rt_alert *a)
{
	return mark(a, sg_severity_rank(a->labels));
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool has(const struct rt_set *s, uint64_t v)
{
	return s->n && bsearch(&v, s->v, s->n, sizeof(v), by_value);
}

bool rt_knows(const struct rt_log *l, const struct rt_alert *a)
{
	for (int rank = 0; rank < RANKS; rank++)
		if (has(&l->firing, mark(a, rank)))
			return true;
	return false;
}

int rt_set_copy(struct rt_set *to, const uint64_t *v, size_t n)
{
	if (SG_GROW(to->v, to->cap, n) < 0)
		return -ENOMEM;
	to->n = n;
	if (n) {
		memcpy(to->v, v, n * sizeof(*v));
		qsort(to->v, n, sizeof(*to->v), by_value);
	}
	return 0;
}

void rt_log_free(struct rt_log *l)
{
	free(l->receiver);
	free(l->firing.v);
	free(l->resolved.v);
}

struct rt_log *rt_log_of(struct rt_group *g, const char *receiver, bool make)
{
	for (size_t i = 0; i < g->n_logs; i++)
		if (!strcmp(g->logs[i].receiver, receiver))
			return &g->logs[i];
	if (!make || SG_GROW(g->logs, g->cap_logs, g->n_logs) < 0)
		return NULL;
	g->logs[g->n_logs] = (struct rt_log){.receiver = strdup(receiver)};
	return g->logs[g->n_logs].receiver ? &g->logs[g->n_logs++] : NULL;
}

bool rt_told(const struct rt_group *g)
{
	for (size_t i = 0; i < g->n_logs; i++)
		if (g->logs[i].firing.n)
			return true;
	return false;
}

/* ---- what there is to say ----------------------------------------------------------- */

struct content {
	size_t n_firing, n_resolved;
	struct rt_member **firing, **resolved;
	uint64_t *firing_marks, *resolved_marks;
};

static int gather(struct sg_router *r, struct rt_group *g, const struct rt_log *l, int64_t now,
		  struct content *c)
{
	size_t bytes = (g->n + 1) * sizeof(void *);

	sg_arena_reset(r->arena);
	*c = (struct content){.firing = sg_arena_alloc(r->arena, bytes),
			      .resolved = sg_arena_alloc(r->arena, bytes),
			      .firing_marks = sg_arena_alloc(r->arena, bytes),
			      .resolved_marks = sg_arena_alloc(r->arena, bytes)};
	if (!c->firing || !c->resolved || !c->firing_marks || !c->resolved_marks)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++) {
		struct rt_member *m = &g->members[i];

		if (m->a->firing && !rt_suppressed(r, m, now)) {
			c->firing_marks[c->n_firing] = rt_mark(m->a);
			c->firing[c->n_firing++] = m;
		} else if (!m->a->firing && l && rt_knows(l, m->a)) {
			/* What was told to fire is told to have ended, silenced or not. */
			c->resolved_marks[c->n_resolved] = rt_mark(m->a);
			c->resolved[c->n_resolved++] = m;
		}
	}
	return 0;
}

static bool subset(const uint64_t *v, size_t n, const struct rt_set *of)
{
	for (size_t i = 0; i < n; i++)
		if (!has(of, v[i]))
			return false;
	return true;
}

static bool wants_resolved(const struct sg_router *r, const char *receiver)
{
	for (size_t i = 0; i < r->c->n_receivers; i++)
		if (!strcmp(r->c->receivers[i].name, receiver))
			return r->c->receivers[i].send_resolved;
	return true;
}

/* The alerts are known, but not at this severity. */
static bool only_severity(const struct content *c, const struct rt_log *l)
{
	for (size_t i = 0; i < c->n_firing; i++)
		if (!rt_knows(l, c->firing[i]->a))
			return false;
	return true;
}

/* The reason for a notice, or -1. */
static int news(const struct sg_router *r, const struct rt_group *g, const struct rt_log *l,
		const char *receiver, const struct content *c, int64_t now)
{
	if (!l || (!l->firing.n && !l->sent_ms))
		return c->n_firing ? SG_NOTICE_NEW : -1;
	if (!subset(c->firing_marks, c->n_firing, &l->firing))
		return !l->firing.n	     ? SG_NOTICE_NEW
		       : only_severity(c, l) ? SG_NOTICE_SEVERITY
					     : SG_NOTICE_FIRING;
	if (c->n_resolved && (wants_resolved(r, receiver) || !c->n_firing) &&
	    !subset(c->resolved_marks, c->n_resolved, &l->resolved))
		return SG_NOTICE_RESOLVED;
	if (c->n_firing && !g->acked_ms && now - l->sent_ms >= g->route->repeat_interval_ms)
		return SG_NOTICE_REPEAT;
	return -1;
}

/* ---- the notice -------------------------------------------------------------------- */

static void put_alert(const struct rt_member *m, struct sg_notice_alert *to)
{
	*to = (struct sg_notice_alert){.labels = m->a->labels,
				       .annotations = m->a->annotations,
				       .n_annotations = m->a->n_annotations,
				       .firing = m->a->firing,
				       .flapping = m->a->flapping,
				       .starts_ms = m->a->starts_ms,
				       .ends_ms = m->a->ends_ms,
				       .fingerprint = m->a->fingerprint};
}

static bool has_label(const struct sg_label *l, size_t n, const struct sg_label *what)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(l[i].name, what->name))
			return !strcmp(l[i].value, what->value);
	return false;
}

static bool all_have(const struct sg_notice *n, bool annotations, const struct sg_label *what)
{
	for (size_t i = 1; i < n->n_alerts; i++) {
		const struct sg_notice_alert *a = &n->alerts[i];

		if (annotations ? !has_label(a->annotations, a->n_annotations, what)
				: !has_label(a->labels->labels, a->labels->n_labels, what))
			return false;
	}
	return true;
}

static int common(struct sg_router *r, struct sg_notice *n)
{
	const struct sg_notice_alert *a = n->n_alerts ? &n->alerts[0] : NULL;
	size_t max = a ? a->labels->n_labels : 0, notes = a ? a->n_annotations : 0;
	struct sg_label *l = sg_arena_alloc(r->arena, (max + 1) * sizeof(*l));
	struct sg_label *t = sg_arena_alloc(r->arena, (notes + 1) * sizeof(*t));
	uint16_t k = 0;

	if (!l || !t)
		return -ENOMEM;
	for (size_t i = 0; i < max; i++)
		if (all_have(n, false, &a->labels->labels[i]))
			l[k++] = a->labels->labels[i];
	n->common_labels = (struct sg_series){
		.name = "", .n_labels = k, .labels = l, .hash = sg_series_hash("", l, k)};
	n->common_annotations = t;
	for (size_t i = 0; i < notes; i++)
		if (all_have(n, true, &a->annotations[i]))
			t[n->n_common_annotations++] = a->annotations[i];
	return 0;
}

static int send(struct sg_router *r, struct rt_group *g, const char *receiver,
		const struct content *c, enum sg_notice_reason reason, const char *by,
		const char *note, int64_t now)
{
	size_t all = c->n_firing + c->n_resolved, n = SG_MIN(all, (size_t)SG_NOTICE_ALERTS_MAX);
	struct sg_notice_alert *list = sg_arena_alloc(r->arena, (n + 1) * sizeof(*list));
	struct sg_notice notice = {.seq = ++r->seq,
				   .t_ms = now,
				   .receiver = receiver,
				   .group_key = g->key,
				   .group_labels = *g->labels,
				   .alerts = list,
				   .n_alerts = n,
				   .n_truncated = all - n,
				   .n_firing = c->n_firing,
				   .reason = reason,
				   .incident = g->incident,
				   .level = g->level,
				   .by = by,
				   .note = note};

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		put_alert(i < c->n_firing ? c->firing[i] : c->resolved[i - c->n_firing], &list[i]);
		if (i >= c->n_firing && list[i].firing) { /* ended by hand */
			list[i].firing = false;
			list[i].ends_ms = now;
		}
	}
	if (common(r, &notice) < 0)
		return -ENOMEM;
	r->hooks.notice(r->hooks.ctx, &notice);
	rt_audit(r, now, "sgprobe", "notified", g->key, receiver);
	return 0;
}

/* What is in the log after a notice, or in the place of one. */
static int note(struct rt_group *g, const char *receiver, const struct content *c, int64_t now)
{
	struct rt_log *l = rt_log_of(g, receiver, true);

	if (!l || rt_set_copy(&l->firing, c->firing_marks, c->n_firing) < 0 ||
	    rt_set_copy(&l->resolved, c->resolved_marks, c->n_resolved) < 0)
		return -ENOMEM;
	l->sent_ms = now;
	for (size_t i = 0; i < c->n_firing; i++)
		c->firing[i]->told_rank = sg_severity_rank(c->firing[i]->a->labels);
	return 0;
}

int rt_tell(struct sg_router *r, struct rt_group *g, const char *receiver, int reason, int64_t now)
{
	const struct rt_log *l = rt_log_of(g, receiver, false);
	struct content c;
	int k = gather(r, g, l, now, &c), why;

	if (k < 0)
		return k;
	why = news(r, g, l, receiver, &c, now);
	if (reason >= 0 && c.n_firing)
		why = reason;
	if (why < 0)
		return 0;
	if (!c.n_firing && !wants_resolved(r, receiver))
		return note(g, receiver, &c, now);
	k = send(r, g, receiver, &c, (enum sg_notice_reason)why, NULL, NULL, now);
	if (k == 0)
		k = note(g, receiver, &c, now);
	return k < 0 ? k : 1;
}

/* All that fires goes to the end of what ended. */
static void end_all(struct content *c)
{
	memcpy(c->resolved + c->n_resolved, c->firing, c->n_firing * sizeof(*c->firing));
	memcpy(c->resolved_marks + c->n_resolved, c->firing_marks,
	       c->n_firing * sizeof(*c->firing_marks));
	c->n_resolved += c->n_firing;
	c->n_firing = 0;
}

int rt_tell_all(struct sg_router *r, struct rt_group *g, enum sg_notice_reason reason,
		const char *who, const char *text, int64_t now)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < g->n_logs; i++) {
		struct content c;

		if (!g->logs[i].firing.n)
			continue;
		k = gather(r, g, &g->logs[i], now, &c);
		if (k == 0 && reason == SG_NOTICE_CLOSED)
			end_all(&c);
		if (k == 0)
			k = send(r, g, g->logs[i].receiver, &c, reason, who, text, now);
		if (k == 0 && reason == SG_NOTICE_CLOSED)
			k = note(g, g->logs[i].receiver, &c, now);
	}
	return k;
}
