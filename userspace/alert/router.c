// SPDX-License-Identifier: GPL-2.0
// Alerts, their groups, and when a group is looked at.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "router.h"

#define ARENA_MAX (64UL << 20)

uint64_t sg_alert_fingerprint(const struct sg_series *s)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < s->n_labels; i++) {
		const char *parts[] = {s->labels[i].name, s->labels[i].value};

		for (int k = 0; k < 2; k++) {
			for (const char *c = parts[k]; *c; c++)
				h = (h ^ (unsigned char)*c) * 1099511628211ULL;
			h = (h ^ 255) * 1099511628211ULL;
		}
	}
	return h;
}

void rt_audit(struct sg_router *r, int64_t now, const char *who, const char *what,
	      const char *subject, const char *detail)
{
	if (r->hooks.audit)
		r->hooks.audit(r->hooks.ctx, now, who, what, subject, detail ? detail : "");
}

/* ---- alerts ------------------------------------------------------------------------ */

static int same_identity(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct rt_alert *)entry)->identity, key);
}

static bool identity_of(struct sg_arena *a, const struct sg_series *labels, struct sg_series *ret)
{
	struct sg_label *l = sg_arena_alloc(a, (labels->n_labels + 1UL) * sizeof(*l));
	size_t n = 0;

	for (size_t i = 0; l && i < labels->n_labels; i++)
		if (strcmp(labels->labels[i].name, "severity") != 0)
			l[n++] = labels->labels[i];
	return l && al_series_make(a, "", l, n, ret);
}

struct rt_alert *rt_find(const struct sg_router *r, const struct sg_series *labels)
{
	struct sg_series id;

	sg_arena_reset(r->arena);
	return identity_of(r->arena, labels, &id) ? sg_map_get(r->alerts, id.hash, &id) : NULL;
}

struct sg_label *rt_dup_labels(const struct sg_label *l, size_t n)
{
	size_t bytes = (n + 1) * sizeof(*l);
	struct sg_label *copy;
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(l[i].name) + strlen(l[i].value) + 2;
	copy = malloc(bytes);
	text = (char *)(copy + n + 1);
	for (size_t i = 0; copy && i < n; i++) {
		copy[i].name = strcpy(text, l[i].name);
		text += strlen(text) + 1;
		copy[i].value = strcpy(text, l[i].value);
		text += strlen(text) + 1;
	}
	return copy;
}

static void alert_free(struct rt_alert *a)
{
	if (!a)
		return;
	free(a->labels);
	free(a->ident);
	free(a->annotations);
	free(a);
}

static int set_texts(struct rt_alert *a, const struct sg_router_alert *from)
{
	struct sg_series *labels = sg_series_dup(&from->labels);
	struct sg_label *notes = rt_dup_labels(from->annotations, from->n_annotations);

	if (!labels || !notes) {
		free(labels);
		free(notes);
		return -ENOMEM;
	}
	free(a->labels);
	free(a->annotations);
	a->labels = labels;
	a->annotations = notes;
	a->n_annotations = from->n_annotations;
	a->fingerprint = sg_alert_fingerprint(labels);
	return 0;
}

struct rt_alert *rt_new_alert(struct sg_router *r, const struct sg_router_alert *from)
{
	struct rt_alert *a = calloc(1, sizeof(*a));
	struct sg_series id;

	sg_arena_reset(r->arena);
	if (!a || !identity_of(r->arena, &from->labels, &id) || !(a->ident = sg_series_dup(&id)) ||
	    set_texts(a, from) < 0) {
		alert_free(a);
		return NULL;
	}
	a->identity = *a->ident;
	if (sg_map_put(r->alerts, id.hash, a) == 0)
		return a;
	alert_free(a);
	return NULL;
}

static void drop_alert(struct sg_router *r, struct rt_alert *a)
{
	r->index_stale = true;
	sg_map_del(r->alerts, a->identity.hash, &a->identity);
	alert_free(a);
}

/* ---- groups ------------------------------------------------------------------------ */

static int same_key(const void *entry, const void *key)
{
	return !strcmp(((const struct rt_group *)entry)->key, key);
}

static bool group_labels(struct sg_arena *a, const struct sg_route *route,
			 const struct sg_series *s, struct sg_series *ret)
{
	struct sg_label *l = sg_arena_alloc(a, (s->n_labels + 1UL) * sizeof(*l));
	size_t n = 0;

	for (size_t i = 0; l && i < s->n_labels; i++) {
		bool take = route->group_by_all;

		for (size_t k = 0; k < route->n_group_by; k++)
			take |= !strcmp(route->group_by[k], s->labels[i].name);
		if (take)
			l[n++] = s->labels[i];
	}
	return l && al_series_make(a, "", l, n, ret);
}

static char *group_key(const struct sg_route *route, const struct sg_series *labels)
{
	sg_auto_buf b = {0};

	sg_buf_str(&b, route->key);
	sg_buf_char(&b, ':');
	if (labels->n_labels)
		sg_series_format(&b, labels);
	else
		sg_buf_str(&b, "{}");
	return b.err ? NULL : strdup(b.data);
}

static struct rt_group *new_group(struct sg_router *r, const struct sg_route *route, char *key,
				  const struct sg_series *labels)
{
	struct rt_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	*g = (struct rt_group){.key = key,
			       .route = route,
			       .labels = sg_series_dup(labels),
			       .next_flush_ms = INT64_MAX,
			       .why = -1};
	if (g->labels && sg_map_put(r->groups, sg_hash_str(key, 0), g) == 0)
		return g;
	free(g->labels);
	free(g);
	return NULL;
}

struct rt_group *rt_group_of(struct sg_router *r, const struct sg_route *route,
			     const struct sg_series *labels, bool make)
{
	struct sg_series by;
	struct rt_group *g;
	char *key;

	sg_arena_reset(r->arena);
	if (!group_labels(r->arena, route, labels, &by) || !(key = group_key(route, &by)))
		return NULL;
	g = sg_map_get(r->groups, sg_hash_str(key, 0), key);
	if (!g && make) {
		g = new_group(r, route, key, &by);
		if (g)
			return g;
	}
	free(key);
	return g;
}

struct rt_member *rt_join(struct sg_router *r, struct rt_group *g, struct rt_alert *a)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i].a == a)
			return &g->members[i];
	if (SG_GROW(g->members, g->cap, g->n) < 0)
		return NULL;
	g->members[g->n] = (struct rt_member){.a = a, .told_rank = -1};
	a->groups++;
	return &g->members[g->n++];
}

void rt_leave(struct sg_router *r, struct rt_group *g, size_t i)
{
	struct rt_alert *a = g->members[i].a;

	g->members[i] = g->members[--g->n];
	if (--a->groups == 0)
		drop_alert(r, a);
}

void rt_group_free(struct rt_group *g)
{
	for (size_t i = 0; i < g->n_logs; i++)
		rt_log_free(&g->logs[i]);
	rt_policy_free(g->policy);
	free(g->logs);
	free(g->members);
	free(g->labels);
	free(g->acked_by);
	free(g->note);
	free(g->key);
	free(g);
}

int rt_count_firing(const struct rt_group *g)
{
	int n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->members[i].a->firing;
	return n;
}

/* ---- news of an alert -------------------------------------------------------------- */

static int told_most(const struct rt_group *g)
{
	int most = -1;

	for (size_t i = 0; i < g->n; i++)
		if (g->members[i].a->firing)
			most = SG_MAX(most, g->members[i].told_rank);
	return most;
}

void rt_hurry(struct rt_group *g, int why, int64_t now)
{
	g->next_flush_ms = SG_MIN(g->next_flush_ms, now);
	if (why >= 0)
		g->why = why;
}

static void joined(struct sg_router *r, struct rt_group *g, const struct rt_member *m, bool is_new,
		   int64_t now)
{
	int rank = sg_severity_rank(m->a->labels), most = told_most(g);

	if (g->next_flush_ms == INT64_MAX)
		g->next_flush_ms =
			now + (g->flushed ? g->route->group_interval_ms : g->route->group_wait_ms);
	if (g->acked_ms && (is_new || rank > SG_MAX(m->told_rank, 0)))
		rt_unack(r, g, is_new ? "a new alert joined" : "the severity rose", now);
	if (g->flushed &&
	    ((most >= 0 && rank > most) || (!is_new && m->told_rank >= 0 && rank > m->told_rank)))
		rt_hurry(g, SG_NOTICE_SEVERITY, now);
}

/* What ended without ever having been told leaves silently; the end of all is told at once. */
static void ended(struct sg_router *r, struct rt_group *g, struct rt_alert *a, int64_t now)
{
	for (size_t i = g->n; i > 0; i--)
		if (g->members[i - 1].a == a &&
		    (g->members[i - 1].told_rank < 0 || g->members[i - 1].closed_until_ms)) {
			rt_leave(r, g, i - 1);
			a = NULL;
			break;
		}
	if (!rt_count_firing(g) && rt_told(g))
		rt_hurry(g, -1, now);
}

static int set_alert(struct sg_router *r, struct rt_alert *a, const struct sg_router_alert *from,
		     bool firing, int64_t now)
{
	int k = set_texts(a, from);

	if (k < 0)
		return k;
	if (firing && !a->firing)
		a->starts_ms = from->starts_ms ? from->starts_ms : now;
	a->firing = firing;
	a->external = from->external;
	a->ends_ms = firing ? 0 : from->ends_ms;
	a->until_ms = !firing	      ? 0
		      : from->ends_ms ? from->ends_ms
		      : a->external   ? now + r->c->resolve_timeout_ms
				      : 0;
	r->index_stale = true;
	return 0;
}

static int fire(struct sg_router *r, struct rt_alert *a, bool flaps, int64_t now)
{
	const struct sg_route *routes[RT_ROUTES_MAX];
	size_t n = sg_routes_of(r->c, a->labels, routes, RT_ROUTES_MAX);

	for (size_t i = 0; i < n; i++) {
		struct rt_group *g = rt_group_of(r, routes[i], a->labels, true);
		size_t before = g ? g->n : 0;
		struct rt_member *m = g ? rt_join(r, g, a) : NULL;

		if (!m)
			return -ENOMEM;
		joined(r, g, m, g->n > before, now);
		if (flaps && g->flushed)
			rt_hurry(g, SG_NOTICE_FLAPPING, now);
	}
	return 0;
}

void rt_end(struct sg_router *r, struct rt_alert *a, int64_t now)
{
	struct rt_group *g;
	size_t it = 0;

	a->groups++; /* it must not go while its groups are walked */
	while ((g = sg_map_next(r->groups, &it)))
		for (size_t i = 0; i < g->n; i++)
			if (g->members[i].a == a) {
				ended(r, g, a, now);
				break;
			}
	if (--a->groups == 0)
		drop_alert(r, a);
}

int rt_adopt(struct sg_router *r, struct rt_alert *a, const struct sg_router_alert *in)
{
	if (a->firing)
		return fire(r, a, false, in->starts_ms);
	drop_alert(r, a);
	return 0;
}

int sg_router_put(struct sg_router *r, const struct sg_router_alert *in, int64_t now)
{
	struct rt_alert *a = rt_find(r, &in->labels);
	bool firing = !in->ends_ms || in->ends_ms > now, flaps, was;
	int k;

	if (!a && !firing)
		return 0;
	if (!a && sg_map_len(r->alerts) >= SG_ROUTER_ALERTS_MAX) {
		r->refused++;
		return -ENOSPC;
	}
	/* The end of a severity that it no longer has. */
	if (a && !firing && !sg_series_equal(a->labels, &in->labels))
		return 0;
	if (!a && !(a = rt_new_alert(r, in)))
		return -ENOMEM;
	flaps = in->flapping && !a->flapping;
	was = a->firing;
	a->flapping = in->flapping;
	k = set_alert(r, a, in, firing, now);
	if (k < 0)
		return k;
	if (firing)
		return fire(r, a, flaps, now);
	if (was)
		rt_end(r, a, now);
	return 0;
}

/* ---- life -------------------------------------------------------------------------- */

int sg_router_new(const struct sg_alert_config *c, const struct sg_router_hooks *hooks,
		  struct sg_router **ret)
{
	sg_auto(sg_router) r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->c = c;
	r->hooks = *hooks;
	r->index_stale = true;
	r->alerts = sg_map_new(same_identity);
	r->groups = sg_map_new(same_key);
	r->arena = sg_arena_new(ARENA_MAX);
	r->index = calloc(c->n_inhibit + 1, sizeof(*r->index));
	if (!r->alerts || !r->groups || !r->arena || !r->index)
		return -ENOMEM;
	*ret = sg_take(r);
	return 0;
}

void sg_router_free(struct sg_router *r)
{
	struct rt_alert *a;
	struct rt_group *g;

	if (!r)
		return;
	for (size_t it = 0; r->groups && (g = sg_map_next(r->groups, &it));)
		rt_group_free(g);
	for (size_t it = 0; r->alerts && (a = sg_map_next(r->alerts, &it));)
		alert_free(a);
	for (size_t i = 0; i < r->n_silences; i++)
		rt_silence_free(&r->silences[i]);
	rt_index_free(r);
	free(r->silences);
	sg_map_free(r->groups);
	sg_map_free(r->alerts);
	sg_arena_free(r->arena);
	free(r);
}
