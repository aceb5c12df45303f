// SPDX-License-Identifier: GPL-2.0
// The router's state back from JSON. What it says is checked: it may be of another version, or damaged.
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "eval.h"
#include "router.h"

static int64_t get(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *get_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool get_labels(struct sg_arena *arena, const json_t *o, struct sg_series *ret)
{
	struct sg_label *l = sg_arena_alloc(arena, (json_object_size(o) + 1) * sizeof(*l));
	const char *key;
	json_t *v;
	size_t n = 0;

	if (!l || !json_is_object(o) || json_object_size(o) > UINT16_MAX)
		return false;
	json_object_foreach((json_t *)o, key, v)
	{
		if (json_is_string(v))
			l[n++] = (struct sg_label){key, json_string_value(v)};
	}
	return al_series_make(arena, "", l, n, ret);
}

static int restore_alert(struct sg_router *r, struct sg_arena *arena, const json_t *o)
{
	struct sg_router_alert in = {0};
	struct sg_series notes;
	struct rt_alert *a;

	if (!get_labels(arena, json_object_get(o, "labels"), &in.labels) ||
	    !get_labels(arena, json_object_get(o, "annotations"), &notes))
		return -EBADMSG;
	in.annotations = notes.labels;
	in.n_annotations = notes.n_labels;
	if (rt_find(r, &in.labels))
		return -EBADMSG;
	a = rt_new_alert(r, &in);
	if (!a)
		return -ENOMEM;
	a->firing = get(o, "firing");
	a->external = get(o, "external");
	a->flapping = get(o, "flapping");
	a->starts_ms = get(o, "starts");
	a->ends_ms = get(o, "ends");
	a->until_ms = get(o, "until");
	return 0;
}

static int restore_set(struct rt_set *s, const json_t *list)
{
	size_t n = json_array_size(list), i;
	uint64_t *v = calloc(n + 1, sizeof(*v));
	json_t *one;
	int k;

	if (!v)
		return -ENOMEM;
	json_array_foreach(list, i, one)
	{
		v[i] = strtoull(json_string_value(one) ? json_string_value(one) : "", NULL, 16);
	}
	k = rt_set_copy(s, v, n);
	free(v);
	return k;
}

static int restore_log(struct rt_group *g, const json_t *o)
{
	const char *receiver = get_text(o, "receiver");
	struct rt_log *l = receiver ? rt_log_of(g, receiver, true) : NULL;
	int k;

	if (!l)
		return receiver ? -ENOMEM : -EBADMSG;
	l->sent_ms = get(o, "sent");
	k = restore_set(&l->firing, json_object_get(o, "firing"));
	return k < 0 ? k : restore_set(&l->resolved, json_object_get(o, "resolved"));
}

static bool restore_level(struct sg_arena *arena, const json_t *o, struct sg_escalation_level *l)
{
	const json_t *to = json_object_get(o, "notify");

	*l = (struct sg_escalation_level){.after_ms = get(o, "after"),
					  .repeat_every_ms = get(o, "repeat_every"),
					  .even_acked = get(o, "even_acked"),
					  .n_notify = json_array_size(to)};
	l->notify = sg_arena_zalloc(arena, (l->n_notify + 1) * sizeof(*l->notify));
	for (size_t i = 0; l->notify && i < l->n_notify; i++) {
		l->notify[i] = json_string_value(json_array_get(to, i));
		if (!l->notify[i])
			return false;
	}
	return l->notify && l->n_notify;
}

static int restore_policy(struct rt_group *g, struct sg_arena *arena, const json_t *o)
{
	const json_t *levels = json_object_get(o, "levels");
	struct sg_escalation e = {.name = get_text(o, "name"),
				  .final = get_text(o, "final"),
				  .ack_timeout_ms = get(o, "ack_timeout"),
				  .loops = (unsigned int)get(o, "loops"),
				  .n_levels = json_array_size(levels)};

	if (!o)
		return 0;
	e.levels = sg_arena_zalloc(arena, (e.n_levels + 1) * sizeof(*e.levels));
	if (!e.levels || !e.name || !e.n_levels)
		return -EBADMSG;
	for (size_t i = 0; i < e.n_levels; i++)
		if (!restore_level(arena, json_array_get(levels, i), &e.levels[i]))
			return -EBADMSG;
	g->policy = rt_policy_copy(&e);
	return g->policy ? 0 : -ENOMEM;
}

static int restore_members(struct sg_router *r, struct rt_group *g, struct sg_arena *arena,
			   const json_t *list)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
	{
		struct sg_series id;
		struct rt_alert *a;
		struct rt_member *m;

		if (!get_labels(arena, json_object_get(o, "alert"), &id))
			return -EBADMSG;
		a = rt_find(r, &id);
		if (!a)
			continue;
		m = rt_join(r, g, a);
		if (!m)
			return -ENOMEM;
		m->told_rank = (int)get(o, "told_rank");
		m->closed_until_ms = get(o, "closed_until");
	}
	return 0;
}

static const struct sg_route *find_route(const struct sg_route *r, const char *key)
{
	const struct sg_route *found = strcmp(r->key, key) ? NULL : r;

	for (size_t i = 0; !found && i < r->n_routes; i++)
		found = find_route(&r->routes[i], key);
	return found;
}

static void restore_numbers(struct rt_group *g, const json_t *o)
{
	int64_t why = get(o, "why");

	g->next_flush_ms = get(o, "next_flush");
	g->flushed = get(o, "flushed");
	g->why = why >= 0 && why <= SG_NOTICE_FLAPPING ? (int)why : -1;
	g->incident = (uint64_t)get(o, "incident");
	g->acked_ms = get(o, "acked");
	g->level_due_ms = get(o, "level_due");
	g->repeat_due_ms = get(o, "repeat_due");
	g->loops = (unsigned int)get(o, "loops");
	g->level = (unsigned int)get(o, "level");
	g->final_told = get(o, "final_told") && g->policy && g->policy->e.final;
	g->seen_ms = get(o, "seen");
	if (!g->policy || g->level > g->policy->e.n_levels)
		g->level = 0;
}

/*
 * Groups of a route that is no longer there: their alerts are routed anew, as if they had
 * just begun, so that none is forgotten.
 */
static int restore_group(struct sg_router *r, struct sg_arena *arena, const json_t *o)
{
	const char *key = get_text(o, "route"), *by = get_text(o, "acked_by"),
		   *note = get_text(o, "note");
	const struct sg_route *route = key ? find_route(&r->c->root, key) : NULL;
	struct sg_series by_labels;
	struct rt_group *g;
	json_t *l;
	size_t i;
	int k;

	if (!key || !get_labels(arena, json_object_get(o, "labels"), &by_labels))
		return -EBADMSG;
	if (!route)
		return 0;
	g = rt_group_of(r, route, &by_labels, true);
	if (!g)
		return -ENOMEM;
	k = g->policy ? -EBADMSG : restore_policy(g, arena, json_object_get(o, "policy"));
	if (k == 0)
		k = restore_members(r, g, arena, json_object_get(o, "members"));
	json_array_foreach(json_object_get(o, "logs"), i, l)
	{
		if (k == 0)
			k = restore_log(g, l);
	}
	if (k < 0)
		return k;
	restore_numbers(g, o);
	g->acked_by = by ? strdup(by) : NULL;
	g->note = note ? strdup(note) : NULL;
	return 0;
}

static int restore_silence(struct sg_router *r, const json_t *o)
{
	struct rt_silence *to;
	const char *id = get_text(o, "id");
	struct sg_silence s = {.matchers = get_text(o, "matchers"),
			       .created_by = get_text(o, "created_by"),
			       .comment = get_text(o, "comment")};
	int64_t starts = get(o, "starts"), ends = get(o, "ends");
	int k;

	if (!id || strlen(id) >= sizeof(s.id) || !s.matchers || !s.created_by || !s.comment ||
	    r->n_silences == SG_SILENCES_MAX)
		return -EBADMSG;
	s.starts_ms = 0;
	s.ends_ms = INT64_MAX;
	k = sg_router_silence(r, &s, 1, NULL);
	if (k < 0)
		return k;
	to = &r->silences[r->n_silences - 1];
	strcpy(to->s.id, id);
	to->s.starts_ms = starts;
	to->s.ends_ms = ends;
	return 0;
}

/* Alerts that no group holds, since their route has gone. */
static int adopt(struct sg_router *r)
{
	size_t n = 0, it = 0, max = sg_map_len(r->alerts);
	struct rt_alert *a, **lost = calloc(max + 1, sizeof(*lost));
	int k = lost ? 0 : -ENOMEM;

	while (lost && (a = sg_map_next(r->alerts, &it)))
		if (!a->groups)
			lost[n++] = a;
	for (size_t i = 0; k == 0 && i < n; i++) {
		struct sg_router_alert in = {.labels = *lost[i]->labels,
					     .annotations = lost[i]->annotations,
					     .n_annotations = lost[i]->n_annotations,
					     .starts_ms = lost[i]->starts_ms,
					     .external = lost[i]->external,
					     .flapping = lost[i]->flapping,
					     .ends_ms = lost[i]->until_ms};

		k = rt_adopt(r, lost[i], &in);
	}
	free(lost);
	return k;
}

static int restore_all(struct sg_router *r, struct sg_arena *arena, const json_t *o)
{
	struct sg_router_hooks hooks = r->hooks;
	int k = 0;
	size_t i;
	json_t *v;

	r->hooks = (struct sg_router_hooks){0};
	json_array_foreach(json_object_get(o, "alerts"), i, v)
	{
		k = k ? k : restore_alert(r, arena, v);
	}
	json_array_foreach(json_object_get(o, "groups"), i, v)
	{
		k = k ? k : restore_group(r, arena, v);
	}
	json_array_foreach(json_object_get(o, "silences"), i, v)
	{
		k = k ? k : restore_silence(r, v);
	}
	if (k == 0)
		k = adopt(r);
	r->seq = (uint64_t)get(o, "seq");
	r->incidents = (uint64_t)get(o, "incidents");
	r->ids = (uint64_t)get(o, "ids");
	r->hooks = hooks;
	return k;
}

int sg_router_restore(struct sg_router *r, const char *json, size_t n, struct sg_error *err)
{
	sg_auto(sg_arena) arena = sg_arena_new(256UL << 20);
	json_error_t e;
	json_t *o = json_loadb(json, n, 0, &e);
	int k;

	if (!o || get(o, "version") != RT_VERSION) {
		json_decref(o);
		return sg_fail(err, -EBADMSG, "the state of alerts cannot be read: %s",
			       o ? "it is of another version" : e.text);
	}
	k = arena ? restore_all(r, arena, o) : -ENOMEM;
	json_decref(o);
	if (k < 0)
		sg_fail(err, k, "the state of alerts cannot be read: it is damaged");
	return k;
}
