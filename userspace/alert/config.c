// SPDX-License-Identifier: GPL-2.0
// The file that says who is told what.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>

#include "config.h"

#define ARENA_MAX (128UL << 20)
#define RESOLVE_TIMEOUT_MS 300000
#define REOPEN_AFTER_MS 600000

struct raw {
	struct sg_alert_config *c;
	struct al_texts rule_files;
	struct al_raw_route route;
	bool has_route;
};

/* ---- options of rules --------------------------------------------------------------- */

static void set_policy(struct al_doc *d, const yaml_node_t *v, void *to)
{
	static const char *const names[] = {
		[SG_POLICY_KEEP] = "keep", [SG_POLICY_OK] = "ok", [SG_POLICY_ALERT] = "alert"};
	const char *s = al_doc_text(d, v);

	for (size_t i = 0; s && i < ARRAY_SIZE(names); i++)
		if (!strcmp(s, names[i])) {
			*(enum sg_rule_policy *)to = (enum sg_rule_policy)i;
			return;
		}
	if (s)
		al_doc_problem(d, al_doc_line(v), "\"%.40s\" is none of keep, ok and alert", s);
}

static const struct al_key option_keys[] = {
	{"no_data", set_policy, offsetof(struct sg_rule_option, no_data)},
	{"exec_error", set_policy, offsetof(struct sg_rule_option, exec_error)},
	{"recover_expr", al_set_text, offsetof(struct sg_rule_option, recover_expr)},
	{"escalation", al_set_text, offsetof(struct sg_rule_option, escalation)},
	{"flap_changes", al_set_uint, offsetof(struct sg_rule_option, flap_changes)},
	{"flap_window", al_set_duration, offsetof(struct sg_rule_option, flap_window_ms)},
};

static void add_option(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	struct sg_alert_config *c = ctx;
	struct sg_rule_option o = {.rule = key, .line = al_doc_line(v)}, *to;
	struct sg_error err = {""};

	al_doc_map(d, v, "rule_options", option_keys, ARRAY_SIZE(option_keys), &o);
	if (o.recover_expr && sg_query_check(o.recover_expr, &err) < 0)
		al_doc_problem(d, o.line, "recover_expr: %s", err.msg);
	if (o.flap_changes && !o.flap_window_ms)
		o.flap_window_ms = 600000;
	to = AL_DOC_ADD(d, c->options, c->n_options);
	if (to)
		*to = o;
}

static void set_options(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	al_doc_pairs(d, v, "rule_options", add_option, raw->c);
}

size_t sg_alert_config_apply(const struct sg_alert_config *c, struct sg_rule_file *f)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_options; i++)
		for (size_t g = 0; g < f->n_groups; g++)
			for (size_t k = 0; k < f->groups[g].n_rules; k++) {
				const struct sg_rule_option *o = &c->options[i];
				struct sg_rule *rule = &f->groups[g].rules[k];

				if (rule->kind != SG_RULE_ALERT || strcmp(rule->name, o->rule) != 0)
					continue;
				rule->no_data = o->no_data;
				rule->exec_error = o->exec_error;
				rule->recover_expr = o->recover_expr;
				rule->escalation = o->escalation;
				rule->flap_changes = o->flap_changes;
				rule->flap_window_ms = o->flap_window_ms;
				n++;
			}
	return n;
}

/* ---- the whole --------------------------------------------------------------------- */

static void set_receivers(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	al_set_receivers(d, v, raw->c);
}

static void set_policies(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	al_set_policies(d, v, raw->c);
}

static void set_inhibit(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	al_set_inhibit(d, v, raw->c);
}

static void set_intervals(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	al_set_intervals(d, v, raw->c);
}

static void set_route(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	raw->has_route = true;
	al_set_route(d, v, &raw->route);
}

static void set_resolve_timeout(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct sg_alert_config *c = *(struct sg_alert_config **)to;

	al_set_duration(d, v, &c->resolve_timeout_ms);
}

static void global_key(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	/* The rest of it is the receivers'. */
	if (!strcmp(key, "resolve_timeout"))
		set_resolve_timeout(d, v, ctx);
}

static void set_global(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_pairs(d, v, "global", global_key, to);
}

static void set_nothing(struct al_doc *d, const yaml_node_t *v, void *to)
{
}

static void set_reopen(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw *raw = to;

	al_set_duration(d, v, &raw->c->reopen_after_ms);
}

static const struct al_key file_keys[] = {
	{"global", set_global, offsetof(struct raw, c)},
	{"templates", set_nothing, 0},
	{"rule_files", al_set_texts, offsetof(struct raw, rule_files)},
	{"rule_options", set_options, 0},
	{"reopen_after", set_reopen, 0},
	{"route", set_route, 0},
	{"receivers", set_receivers, 0},
	{"inhibit_rules", set_inhibit, 0},
	{"time_intervals", set_intervals, 0},
	{"mute_time_intervals", set_intervals, 0},
	{"escalation_policies", set_policies, 0},
};

static void release_routes(struct sg_route *r)
{
	sg_selector_release(&r->matchers);
	for (size_t i = 0; i < r->n_routes; i++)
		release_routes(&r->routes[i]);
}

void sg_alert_config_free(struct sg_alert_config *c)
{
	if (!c)
		return;
	release_routes(&c->root);
	for (size_t i = 0; i < c->n_inhibit; i++) {
		sg_selector_release(&c->inhibit[i].source);
		sg_selector_release(&c->inhibit[i].target);
	}
	for (size_t i = 0; i < c->n_intervals; i++)
		for (size_t k = 0; k < c->intervals[i].n; k++)
			free(c->intervals[i].spans[k].zone);
	sg_arena_free(c->arena); /* the configuration lies in it */
}

static struct sg_alert_config *new_config(void)
{
	struct sg_arena *a = sg_arena_new(ARENA_MAX);
	struct sg_alert_config *c = a ? sg_arena_zalloc(a, sizeof(*c)) : NULL;

	if (!c) {
		sg_arena_free(a);
		return NULL;
	}
	c->arena = a;
	c->resolve_timeout_ms = RESOLVE_TIMEOUT_MS;
	c->reopen_after_ms = REOPEN_AFTER_MS;
	return c;
}

static void finish(struct al_doc *d, struct sg_alert_config *c, struct raw *raw)
{
	struct sg_receiver *none;

	c->rule_files = raw->rule_files.v;
	c->n_rule_files = raw->rule_files.n;
	if (!raw->has_route && c->n_receivers)
		al_doc_problem(d, 1, "there are receivers, but no route to them");
	if (!raw->has_route) {
		raw->route.receiver = SG_DEFAULT_RECEIVER;
		raw->route.group_wait_ms = raw->route.group_interval_ms = -1;
		raw->route.repeat_interval_ms = -1;
		none = AL_DOC_ADD(d, c->receivers, c->n_receivers);
		if (none)
			*none = (struct sg_receiver){SG_DEFAULT_RECEIVER, true};
	}
	al_check_policies(d, c);
	al_finish_routes(d, c, &raw->route);
}

int sg_alert_config_parse(const char *path, const char *text, size_t n,
			  struct sg_alert_config **ret, struct sg_rule_problems *problems)
{
	sg_auto(sg_alert_config) c = new_config();
	struct raw raw = {.c = c};
	struct al_doc d;
	int r;

	problems->n = 0;
	if (!c)
		return -ENOMEM;
	r = al_doc_open(&d, path, text, n, c->arena, problems);
	if (r == 0 && al_doc_root(&d))
		al_doc_map(&d, al_doc_root(&d), "alert configuration", file_keys,
			   ARRAY_SIZE(file_keys), &raw);
	if (r == 0)
		finish(&d, c, &raw);
	if (r == 0)
		r = d.r;
	al_doc_close(&d);
	if (r == 0 && problems->n)
		r = -EINVAL;
	if (r == 0)
		*ret = sg_take(c);
	return r;
}

int sg_alert_config_load(const char *path, struct sg_alert_config **ret,
			 struct sg_rule_problems *problems)
{
	sg_auto_buf b = {0};
	int r = al_doc_read(path, &b, problems);

	if (r < 0)
		return r;
	return sg_alert_config_parse(path, b.data ? b.data : "", b.len, ret, problems);
}
