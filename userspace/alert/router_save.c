// SPDX-License-Identifier: GPL-2.0
// The router's state as JSON. Times are Unix milliseconds.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "router.h"

static void labels(json_t *to, const char *key, const struct sg_label *l, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, l[i].name, json_string(l[i].value));
	json_object_set_new(to, key, o);
}

static void number(json_t *to, const char *key, int64_t v)
{
	json_object_set_new(to, key, json_integer(v));
}

static void text(json_t *to, const char *key, const char *v)
{
	if (v)
		json_object_set_new(to, key, json_string(v));
}

static json_t *alert_json(const struct rt_alert *a)
{
	json_t *o = json_object();

	labels(o, "labels", a->labels->labels, a->labels->n_labels);
	labels(o, "annotations", a->annotations, a->n_annotations);
	number(o, "firing", a->firing);
	number(o, "external", a->external);
	number(o, "flapping", a->flapping);
	number(o, "starts", a->starts_ms);
	number(o, "ends", a->ends_ms);
	number(o, "until", a->until_ms);
	return o;
}

/* 64 bits do not fit into every reader's numbers. */
static json_t *set_json(const struct rt_set *s)
{
	json_t *list = json_array();
	char hex[17];

	for (size_t i = 0; i < s->n; i++) {
		snprintf(hex, sizeof(hex), "%016" PRIx64, s->v[i]);
		json_array_append_new(list, json_string(hex));
	}
	return list;
}

static json_t *policy_json(const struct sg_escalation *e)
{
	json_t *o = json_object(), *levels = json_array();

	text(o, "name", e->name);
	text(o, "final", e->final);
	number(o, "ack_timeout", e->ack_timeout_ms);
	number(o, "loops", e->loops);
	for (size_t i = 0; i < e->n_levels; i++) {
		json_t *l = json_object(), *to = json_array();

		number(l, "after", e->levels[i].after_ms);
		number(l, "repeat_every", e->levels[i].repeat_every_ms);
		number(l, "even_acked", e->levels[i].even_acked);
		for (size_t k = 0; k < e->levels[i].n_notify; k++)
			json_array_append_new(to, json_string(e->levels[i].notify[k]));
		json_object_set_new(l, "notify", to);
		json_array_append_new(levels, l);
	}
	json_object_set_new(o, "levels", levels);
	return o;
}

static json_t *member_json(const struct rt_member *m)
{
	json_t *o = json_object();

	labels(o, "alert", m->a->identity.labels, m->a->identity.n_labels);
	number(o, "told_rank", m->told_rank);
	number(o, "closed_until", m->closed_until_ms);
	return o;
}

static json_t *log_json(const struct rt_log *l)
{
	json_t *o = json_object();

	text(o, "receiver", l->receiver);
	number(o, "sent", l->sent_ms);
	json_object_set_new(o, "firing", set_json(&l->firing));
	json_object_set_new(o, "resolved", set_json(&l->resolved));
	return o;
}

static json_t *group_json(const struct rt_group *g)
{
	json_t *o = json_object(), *members = json_array(), *logs = json_array();

	text(o, "route", g->route->key);
	labels(o, "labels", g->labels->labels, g->labels->n_labels);
	for (size_t i = 0; i < g->n; i++)
		json_array_append_new(members, member_json(&g->members[i]));
	for (size_t i = 0; i < g->n_logs; i++)
		json_array_append_new(logs, log_json(&g->logs[i]));
	json_object_set_new(o, "members", members);
	json_object_set_new(o, "logs", logs);
	number(o, "next_flush", g->next_flush_ms);
	number(o, "flushed", g->flushed);
	number(o, "why", g->why);
	number(o, "incident", (int64_t)g->incident);
	number(o, "acked", g->acked_ms);
	text(o, "acked_by", g->acked_by);
	text(o, "note", g->note);
	number(o, "level", g->level);
	number(o, "loops", g->loops);
	number(o, "final_told", g->final_told);
	number(o, "level_due", g->level_due_ms);
	number(o, "repeat_due", g->repeat_due_ms);
	number(o, "seen", g->seen_ms);
	if (g->policy)
		json_object_set_new(o, "policy", policy_json(&g->policy->e));
	return o;
}

static json_t *silence_json(const struct sg_silence *s)
{
	json_t *o = json_object();

	text(o, "id", s->id);
	text(o, "matchers", s->matchers);
	number(o, "starts", s->starts_ms);
	number(o, "ends", s->ends_ms);
	text(o, "created_by", s->created_by);
	text(o, "comment", s->comment);
	return o;
}

void sg_router_save(const struct sg_router *r, struct sg_buf *out)
{
	json_t *o = json_object(), *alerts = json_array(), *groups = json_array(),
	       *silences = json_array();
	const struct rt_alert *a;
	const struct rt_group *g;
	char *s;

	for (size_t it = 0; (a = sg_map_next(r->alerts, &it));)
		json_array_append_new(alerts, alert_json(a));
	for (size_t it = 0; (g = sg_map_next(r->groups, &it));)
		json_array_append_new(groups, group_json(g));
	for (size_t i = 0; i < r->n_silences; i++)
		json_array_append_new(silences, silence_json(&r->silences[i].s));
	number(o, "version", RT_VERSION);
	number(o, "seq", (int64_t)r->seq);
	number(o, "incidents", (int64_t)r->incidents);
	number(o, "ids", (int64_t)r->ids);
	json_object_set_new(o, "alerts", alerts);
	json_object_set_new(o, "groups", groups);
	json_object_set_new(o, "silences", silences);
	s = json_dumps(o, JSON_COMPACT);
	if (s)
		sg_buf_str(out, s);
	else if (!out->err)
		out->err = -ENOMEM;
	free(s);
	json_decref(o);
}
