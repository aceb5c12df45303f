// SPDX-License-Identifier: GPL-2.0
// Prometheus' rule files.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>

#include "doc.h"
#include "model/names.h"
#include "template.h"

#define ARENA_MAX (256UL << 20)

struct raw_rule {
	const char *record, *alert, *expr;
	int64_t for_ms, keep_ms;
	unsigned int expr_line;
	struct raw_labels {
		size_t n;
		struct sg_rule_label *v;
		unsigned int line;
	} labels, annotations;
};

struct raw_group {
	struct sg_rule_group g;
	struct raw_labels labels;
};

/* ---- labels ------------------------------------------------------------------------ */

static void add_label(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	struct raw_labels *l = ctx;
	const char *value = al_doc_text(d, v);
	struct sg_rule_label *to = NULL;

	if (value)
		to = AL_DOC_ADD(d, l->v, l->n);
	if (to)
		*to = (struct sg_rule_label){.name = key, .value = value};
}

static void set_labels(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw_labels *l = to;

	l->line = al_doc_line(v);
	al_doc_pairs(d, v, "labels", add_label, l);
}

static void set_expr(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw_rule *raw = to;

	raw->expr_line = al_doc_line(v);
	al_set_text(d, v, &raw->expr);
}

/* Labels that are copied into a series must fit into one. */
static void check_labels(struct al_doc *d, const struct raw_labels *l, bool annotation)
{
	if (!annotation && l->n > SG_LABELS_MAX)
		al_doc_problem(d, l->line, "more than %d labels", SG_LABELS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		if (!sg_label_name_valid(l->v[i].name))
			al_doc_problem(d, l->line,
				       "invalid %s name: %.100s; letters, digits and _ are allowed",
				       annotation ? "annotation" : "label", l->v[i].name);
	}
}

static void parse_templates(struct al_doc *d, const struct raw_labels *l, const char *what)
{
	for (size_t i = 0; i < l->n; i++) {
		struct al_tmpl *t = sg_arena_zalloc(d->arena, sizeof(*t));
		struct sg_error err = {""};
		int r = t ? al_tmpl_parse(l->v[i].value, d->arena, t, &err) : -ENOMEM;

		l->v[i].tmpl = t;
		if (r == -ENOMEM)
			d->r = r;
		else if (r < 0)
			al_doc_problem(d, l->line, "%s \"%.60s\": template: %s", what, l->v[i].name,
				       err.msg);
	}
}

/* ---- rules ------------------------------------------------------------------------- */

static const struct al_key rule_keys[] = {
	{"record", al_set_text, offsetof(struct raw_rule, record)},
	{"alert", al_set_text, offsetof(struct raw_rule, alert)},
	{"expr", set_expr, 0},
	{"for", al_set_duration, offsetof(struct raw_rule, for_ms)},
	{"keep_firing_for", al_set_duration, offsetof(struct raw_rule, keep_ms)},
	{"labels", set_labels, offsetof(struct raw_rule, labels)},
	{"annotations", set_labels, offsetof(struct raw_rule, annotations)},
};

static void check_recording(struct al_doc *d, unsigned int line, const struct raw_rule *raw)
{
	if (raw->annotations.n)
		al_doc_problem(d, raw->annotations.line,
			       "invalid field 'annotations' in recording rule");
	if (raw->for_ms)
		al_doc_problem(d, line, "invalid field 'for' in recording rule");
	if (raw->keep_ms)
		al_doc_problem(d, line, "invalid field 'keep_firing_for' in recording rule");
	if (!sg_metric_name_valid(raw->record))
		al_doc_problem(d, line, "invalid recording rule name: %.100s", raw->record);
}

static void check_kind(struct al_doc *d, unsigned int line, const struct raw_rule *raw)
{
	if (raw->record && *raw->record && raw->alert && *raw->alert)
		al_doc_problem(d, line, "only one of 'record' and 'alert' must be set");
	else if (!(raw->record && *raw->record) && !(raw->alert && *raw->alert))
		al_doc_problem(d, line, "one of 'record' or 'alert' must be set");
	else if (raw->record && *raw->record)
		check_recording(d, line, raw);
}

static void check_expr(struct al_doc *d, unsigned int line, const struct raw_rule *raw)
{
	struct sg_error err = {""};

	if (!raw->expr || !*raw->expr)
		al_doc_problem(d, line, "field 'expr' must be set in rule");
	else if (sg_query_check(raw->expr, &err) < 0)
		al_doc_problem(d, raw->expr_line, "could not parse expression: %s", err.msg);
}

static void add_rule(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct raw_group *g = ctx;
	struct raw_rule raw = {0};
	unsigned int line = al_doc_line(v);
	struct sg_rule *rule;
	bool alert;

	al_doc_map(d, v, "rule", rule_keys, ARRAY_SIZE(rule_keys), &raw);
	check_kind(d, line, &raw);
	check_expr(d, line, &raw);
	check_labels(d, &raw.labels, false);
	check_labels(d, &raw.annotations, true);
	alert = raw.alert && *raw.alert;
	if (alert) {
		parse_templates(d, &raw.labels, "label");
		parse_templates(d, &raw.annotations, "annotation");
	}
	if (!raw.expr || (!alert && !raw.record))
		return;
	rule = AL_DOC_ADD(d, g->g.rules, g->g.n_rules);
	if (rule)
		*rule = (struct sg_rule){.kind = alert ? SG_RULE_ALERT : SG_RULE_RECORD,
					 .name = alert ? raw.alert : raw.record,
					 .expr = raw.expr,
					 .for_ms = raw.for_ms,
					 .keep_firing_for_ms = raw.keep_ms,
					 .n_labels = raw.labels.n,
					 .labels = raw.labels.v,
					 .n_annotations = raw.annotations.n,
					 .annotations = raw.annotations.v,
					 .line = line};
}

static void set_rules(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "rules", add_rule, to);
}

/* ---- groups ------------------------------------------------------------------------ */

static const struct al_key group_keys[] = {
	{"name", al_set_text, offsetof(struct raw_group, g.name)},
	{"interval", al_set_duration, offsetof(struct raw_group, g.interval_ms)},
	{"query_offset", al_set_duration, offsetof(struct raw_group, g.query_offset_ms)},
	{"limit", al_set_count, offsetof(struct raw_group, g.limit)},
	{"labels", set_labels, offsetof(struct raw_group, labels)},
	{"rules", set_rules, 0},
};

static void check_group(struct al_doc *d, const struct sg_rule_file *f,
			const struct sg_rule_group *g)
{
	if (!g->name || !*g->name)
		al_doc_problem(d, g->line, "Groupname must not be empty");
	for (size_t i = 0; g->name && i < f->n_groups; i++)
		if (!strcmp(f->groups[i].name, g->name))
			al_doc_problem(d, g->line,
				       "groupname: \"%.100s\" is repeated in the same file",
				       g->name);
}

static void add_group(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_rule_file *f = ctx;
	struct raw_group raw = {.g = {.name = "", .file = d->path, .line = al_doc_line(v)}};
	struct sg_rule_group *to;

	al_doc_map(d, v, "group", group_keys, ARRAY_SIZE(group_keys), &raw);
	check_labels(d, &raw.labels, false);
	check_group(d, f, &raw.g);
	raw.g.n_labels = raw.labels.n;
	raw.g.labels = raw.labels.v;
	f->n_rules += raw.g.n_rules;
	if (f->n_rules > SG_RULES_MAX)
		al_doc_problem(d, raw.g.line, "more than %d rules in one file", SG_RULES_MAX);
	to = AL_DOC_ADD(d, f->groups, f->n_groups);
	if (to)
		*to = raw.g;
}

static void set_groups(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "groups", add_group, to);
}

static const struct al_key file_keys[] = {{"groups", set_groups, 0}};

void sg_rules_free(struct sg_rule_file *f)
{
	if (f)
		sg_arena_free(f->arena); /* the file lies in it */
}

static struct sg_rule_file *new_file(const char *path)
{
	struct sg_arena *a = sg_arena_new(ARENA_MAX);
	struct sg_rule_file *f = a ? sg_arena_zalloc(a, sizeof(*f)) : NULL;

	if (!f) {
		sg_arena_free(a);
		return NULL;
	}
	f->arena = a;
	f->path = sg_arena_strdup(a, path);
	if (f->path)
		return f;
	sg_arena_free(a);
	return NULL;
}

int sg_rules_parse(const char *path, const char *text, size_t n, struct sg_rule_file **ret,
		   struct sg_rule_problems *problems)
{
	sg_auto(sg_rule_file) f = new_file(path);
	struct al_doc d;
	int r;

	problems->n = 0;
	if (!f)
		return -ENOMEM;
	r = al_doc_open(&d, f->path, text, n, f->arena, problems);
	if (r == 0 && al_doc_root(&d))
		al_doc_map(&d, al_doc_root(&d), "rule file", file_keys, ARRAY_SIZE(file_keys), f);
	if (r == 0)
		r = d.r;
	al_doc_close(&d);
	if (r == 0 && problems->n)
		r = -EINVAL;
	if (r == 0)
		*ret = sg_take(f);
	return r;
}

int sg_rules_load(const char *path, struct sg_rule_file **ret, struct sg_rule_problems *problems)
{
	sg_auto_buf b = {0};
	int r = al_doc_read(path, &b, problems);

	if (r < 0)
		return r;
	return sg_rules_parse(path, b.data ? b.data : "", b.len, ret, problems);
}
