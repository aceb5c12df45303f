// SPDX-License-Identifier: GPL-2.0
// The routing tree as it is written, and with what routes inherit.
#include <errno.h>
#include <string.h>

#include "config.h"
#include "model/names.h"

#define GROUP_WAIT_MS 1000
#define GROUP_INTERVAL_MS 30000
#define REPEAT_INTERVAL_MS (4 * 3600000)

/* ---- matchers ---------------------------------------------------------------------- */

struct matcher_list {
	struct sg_matcher **m;
	size_t *n;
};

static void add_matcher(struct al_doc *d, const struct matcher_list *l, const struct sg_matcher *m)
{
	struct sg_matcher *to = al_doc_add(d, l->m, l->n, sizeof(*to));

	if (to)
		*to = *m;
}

static void add_matchers(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	const char *s = al_doc_text(d, v);
	struct sg_error err = {""};
	struct sg_selector sel;
	int r = s ? sg_matchers_parse(s, d->arena, &sel, &err) : 0;

	if (r < 0)
		al_doc_problem(d, al_doc_line(v), "%s", err.msg);
	for (size_t i = 0; s && r == 0 && i < sel.n; i++)
		add_matcher(d, ctx, &sel.matchers[i]);
}

void al_set_matchers(struct al_doc *d, const yaml_node_t *v, struct sg_matcher **m, size_t *n)
{
	struct matcher_list l = {m, n};

	al_doc_list(d, v, "matchers", add_matchers, &l);
}

struct match_map {
	struct matcher_list list;
	enum sg_match_op op;
};

static void add_match(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	const struct match_map *m = ctx;
	const char *value = al_doc_text(d, v);
	struct sg_matcher one = {.op = m->op, .name = key, .value = value};

	if (!sg_label_name_valid(key))
		al_doc_problem(d, d->key_line, "invalid label name: %.100s", key);
	else if (value)
		add_matcher(d, &m->list, &one);
}

void al_set_match(struct al_doc *d, const yaml_node_t *v, enum sg_match_op op,
		  struct sg_matcher **m, size_t *n)
{
	struct match_map map = {{m, n}, op};

	al_doc_pairs(d, v, "match", add_match, &map);
}

static void set_match(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct al_raw_route *r = to;

	al_set_match(d, v, SG_MATCH_EQ, &r->matchers, &r->n_matchers);
}

static void set_match_re(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct al_raw_route *r = to;

	al_set_match(d, v, SG_MATCH_RE, &r->matchers, &r->n_matchers);
}

static void set_matchers(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct al_raw_route *r = to;

	al_set_matchers(d, v, &r->matchers, &r->n_matchers);
}

/* ---- one route --------------------------------------------------------------------- */

static void set_group_by(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct al_raw_route *r = to;

	r->has_group_by = true;
	al_set_texts(d, v, &r->group_by);
}

static void set_routes(struct al_doc *d, const yaml_node_t *v, void *to);

static const struct al_key route_keys[] = {
	{"receiver", al_set_text, offsetof(struct al_raw_route, receiver)},
	{"matchers", set_matchers, 0},
	{"match", set_match, 0}, /* the older way */
	{"match_re", set_match_re, 0},
	{"continue", al_set_bool, offsetof(struct al_raw_route, cont)},
	{"group_by", set_group_by, 0},
	{"group_wait", al_set_duration, offsetof(struct al_raw_route, group_wait_ms)},
	{"group_interval", al_set_duration, offsetof(struct al_raw_route, group_interval_ms)},
	{"repeat_interval", al_set_duration, offsetof(struct al_raw_route, repeat_interval_ms)},
	{"mute_time_intervals", al_set_texts, offsetof(struct al_raw_route, mute)},
	{"active_time_intervals", al_set_texts, offsetof(struct al_raw_route, active)},
	{"escalation", al_set_text, offsetof(struct al_raw_route, escalation)},
	{"routes", set_routes, 0},
};

static void read_route(struct al_doc *d, const yaml_node_t *v, struct al_raw_route *r)
{
	r->line = al_doc_line(v);
	r->group_wait_ms = r->group_interval_ms = r->repeat_interval_ms = -1;
	if (r->depth > SG_ROUTE_DEPTH_MAX) {
		al_doc_problem(d, r->line, "routes are nested too deeply");
		return;
	}
	al_doc_map(d, v, "route", route_keys, ARRAY_SIZE(route_keys), r);
}

static void add_route(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct al_raw_route *parent = ctx;
	struct al_raw_route child = {.depth = parent->depth + 1}, *to;

	read_route(d, v, &child);
	to = AL_DOC_ADD(d, parent->routes, parent->n_routes);
	if (to)
		*to = child;
}

static void set_routes(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "routes", add_route, to);
}

void al_set_route(struct al_doc *d, const yaml_node_t *v, void *to)
{
	read_route(d, v, to);
}

/* ---- names and what is inherited ---------------------------------------------------- */

bool al_known_receiver(const struct sg_alert_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_receivers; i++)
		if (!strcmp(c->receivers[i].name, name))
			return true;
	return false;
}

void al_check_receiver(struct al_doc *d, const struct sg_alert_config *c, unsigned int line,
		       const char *name)
{
	const char *names[64];
	size_t n = 0;

	if (al_known_receiver(c, name))
		return;
	for (; n < c->n_receivers && n < ARRAY_SIZE(names); n++)
		names[n] = c->receivers[n].name;
	al_doc_problem(d, line, "undefined receiver \"%.60s\"%s", name,
		       al_doc_guess(d, name, names, n));
}

static const struct sg_time_interval **find_intervals(struct al_doc *d,
						      const struct sg_alert_config *c,
						      const struct al_texts *names,
						      unsigned int line)
{
	const struct sg_time_interval **list =
		sg_arena_zalloc(d->arena, (names->n + 1) * sizeof(*list));

	for (size_t i = 0; list && i < names->n; i++) {
		for (size_t k = 0; k < c->n_intervals; k++)
			if (!strcmp(c->intervals[k].name, names->v[i]))
				list[i] = &c->intervals[k];
		if (!list[i])
			al_doc_problem(d, line, "undefined time interval \"%.60s\"", names->v[i]);
	}
	if (!list)
		d->r = -ENOMEM;
	return list;
}

static const struct sg_escalation *find_escalation(struct al_doc *d,
						   const struct sg_alert_config *c,
						   const char *name, unsigned int line)
{
	for (size_t i = 0; i < c->n_escalations; i++)
		if (!strcmp(c->escalations[i].name, name))
			return &c->escalations[i];
	al_doc_problem(d, line, "undefined escalation policy \"%.60s\"", name);
	return NULL;
}

static const char *route_key(struct al_doc *d, const struct sg_route *parent,
			     const struct sg_selector *sel)
{
	sg_auto_buf b = {0};
	const char *s;

	if (parent) {
		sg_buf_str(&b, parent->key);
		sg_buf_char(&b, '/');
	}
	sg_matchers_format(&b, sel);
	s = b.err ? NULL : sg_arena_strdup(d->arena, b.data);
	if (!s)
		d->r = -ENOMEM;
	return s ? s : "";
}

static void group_by(struct al_doc *d, const struct al_raw_route *raw, struct sg_route *r)
{
	r->group_by_all = false;
	r->group_by = raw->group_by.v;
	r->n_group_by = raw->group_by.n;
	for (size_t i = 0; i < r->n_group_by; i++) {
		r->group_by_all |= !strcmp(r->group_by[i], "...");
		if (!sg_label_name_valid(r->group_by[i]) && strcmp(r->group_by[i], "...") != 0)
			al_doc_problem(d, raw->line, "invalid label name \"%.60s\" in group_by",
				       r->group_by[i]);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(r->group_by[i], r->group_by[k]))
				al_doc_problem(d, raw->line,
					       "duplicated label \"%.60s\" in group_by",
					       r->group_by[i]);
	}
	if (r->group_by_all && r->n_group_by > 1)
		al_doc_problem(d, raw->line, "group_by: ... and label names exclude each other");
}

static void own_values(struct al_doc *d, const struct sg_alert_config *c,
		       const struct al_raw_route *raw, struct sg_route *r)
{
	if (raw->receiver)
		r->receiver = raw->receiver;
	if (raw->has_group_by)
		group_by(d, raw, r);
	if (raw->group_wait_ms >= 0)
		r->group_wait_ms = raw->group_wait_ms;
	if (raw->group_interval_ms >= 0)
		r->group_interval_ms = raw->group_interval_ms;
	if (raw->repeat_interval_ms >= 0)
		r->repeat_interval_ms = raw->repeat_interval_ms;
	if (raw->escalation)
		r->escalation = find_escalation(d, c, raw->escalation, raw->line);
	if (!r->group_interval_ms || !r->repeat_interval_ms)
		al_doc_problem(d, raw->line, "%s cannot be zero",
			       r->group_interval_ms ? "repeat_interval" : "group_interval");
}

static void resolve(struct al_doc *d, struct sg_alert_config *c, const struct al_raw_route *raw,
		    const struct sg_route *parent, struct sg_route *r, size_t *total)
{
	struct sg_error err = {""};

	if (++*total > SG_ROUTES_MAX) {
		if (*total == SG_ROUTES_MAX + 1)
			al_doc_problem(d, raw->line, "more than %d routes", SG_ROUTES_MAX);
		return;
	}
	r->matchers = (struct sg_selector){raw->n_matchers, raw->matchers};
	r->cont = raw->cont;
	r->line = raw->line;
	r->n_mute = raw->mute.n;
	r->n_active = raw->active.n;
	own_values(d, c, raw, r);
	r->mute = find_intervals(d, c, &raw->mute, raw->line);
	r->active = find_intervals(d, c, &raw->active, raw->line);
	if (r->receiver)
		al_check_receiver(d, c, raw->line, r->receiver);
	r->key = route_key(d, parent, &r->matchers);
	if (sg_selector_compile(&r->matchers, &err) < 0)
		al_doc_problem(d, raw->line, "%s", err.msg);
	r->routes = sg_arena_zalloc(d->arena, (raw->n_routes + 1) * sizeof(*r->routes));
	if (!r->routes) {
		d->r = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < raw->n_routes; i++) {
		struct sg_route *child = &r->routes[r->n_routes++];

		*child = *r;
		child->n_routes = 0;
		child->routes = NULL;
		child->matchers = (struct sg_selector){0};
		resolve(d, c, &raw->routes[i], r, child, total);
	}
}

void al_finish_routes(struct al_doc *d, struct sg_alert_config *c, const struct al_raw_route *raw)
{
	size_t total = 0;

	c->root = (struct sg_route){.group_wait_ms = GROUP_WAIT_MS,
				    .group_interval_ms = GROUP_INTERVAL_MS,
				    .repeat_interval_ms = REPEAT_INTERVAL_MS,
				    .line = raw->line};
	if (!raw->receiver)
		al_doc_problem(d, raw->line, "the root route needs a receiver");
	if (raw->n_matchers || raw->cont)
		al_doc_problem(d, raw->line,
			       "the root route matches everything: no matchers, no continue");
	if (raw->mute.n || raw->active.n)
		al_doc_problem(d, raw->line, "the root route must not have time intervals");
	resolve(d, c, raw, NULL, &c->root, &total);
}
