// SPDX-License-Identifier: GPL-2.0
// Runs promtool's unit tests of rules.
#include "unit_test.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <string.h>

#include "eval.h"
#include "notation.h"

#define EVALUATIONS_MAX 1000000
#define ARENA_MAX (256UL << 20)

void ut_fail(struct ut_run *r, const struct ut_test *t)
{
	if (!r->failed++)
		sg_buf_str(r->out, "  FAILED:\n");
	if (t && t->name)
		sg_buf_printf(r->out, "    name: %s,\n", t->name);
}

/* ---- rules ------------------------------------------------------------------------- */

static int load_file(struct ut_run *r, const char *path)
{
	struct sg_rule_problems *ps = calloc(1, sizeof(*ps));
	int k = ps ? 0 : -ENOMEM;

	if (k == 0 && r->n_rule_files == UT_FILES_MAX)
		k = -E2BIG;
	if (k == 0)
		k = sg_rules_load(path, &r->rule_files[r->n_rule_files], ps);
	if (k == 0)
		r->n_rule_files++;
	else if (ps)
		ut_fail(r, NULL);
	for (size_t i = 0; ps && i < SG_MIN(ps->n, SG_RULE_PROBLEMS_MAX); i++)
		sg_buf_printf(r->out, "    %s:%u: %s\n", path, ps->list[i].line, ps->list[i].text);
	free(ps);
	return k == -ENOMEM ? k : 0;
}

/* Patterns are relative to the test file. */
static int load_pattern(struct ut_run *r, const char *pattern)
{
	const char *slash = strrchr(r->file.path, '/');
	const char *full = *pattern == '/' || !slash ? pattern
						     : sg_arena_printf(r->file.arena, "%.*s/%s",
								       (int)(slash - r->file.path),
								       r->file.path, pattern);
	glob_t g = {0};
	int k = 0;

	if (!full)
		return -ENOMEM;
	if (glob(full, 0, NULL, &g) != 0)
		sg_buf_printf(r->out, "  WARNING: no file match pattern %s\n", full);
	for (size_t i = 0; k == 0 && i < g.gl_pathc; i++)
		k = load_file(r, g.gl_pathv[i]);
	globfree(&g);
	return k;
}

static size_t order_of(const struct ut_run *r, const char *name)
{
	for (size_t i = 0; i < r->file.order.n; i++)
		if (!strcmp(r->file.order.v[i], name))
			return i;
	return 0;
}

static int check_order(struct ut_run *r, struct sg_error *err)
{
	const struct al_texts *o = &r->file.order;

	for (size_t i = 0; i < o->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(o->v[i], o->v[k]))
				return sg_fail(err, -EINVAL,
					       "group name repeated in evaluation order: %s",
					       o->v[i]);
	return 0;
}

static void add_group(struct ut_run *r, const struct sg_rule_group *g)
{
	size_t at = r->n_groups, order = order_of(r, g->name);

	if (r->n_groups == UT_GROUPS_MAX)
		return;
	for (; at > 0 && r->groups[at - 1].order > order; at--)
		r->groups[at] = r->groups[at - 1];
	r->groups[at] = (struct ut_group){.g = g, .order = order};
	r->n_groups++;
}

static int load_rules(struct ut_run *r)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < r->file.rule_files.n; i++)
		k = load_pattern(r, r->file.rule_files.v[i]);
	for (size_t i = 0; i < r->n_rule_files; i++)
		for (size_t g = 0; g < r->rule_files[i]->n_groups; g++)
			add_group(r, &r->rule_files[i]->groups[g]);
	return k;
}

/* ---- one test ---------------------------------------------------------------------- */

int ut_ask(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena, struct sg_value *ret,
	   struct sg_error *err)
{
	const struct ut_run *r = ctx;

	return sg_query_instant(al_mem_reader(r->mem), expr, t_ms, NULL, arena, ret, err);
}

static void on_sample(void *ctx, const struct sg_series *s, int64_t t_ms, double v,
		      const struct sg_native *hist)
{
	const struct ut_run *r = ctx;

	al_mem_add(r->mem, s, t_ms, v, hist);
}

static int load_inputs(struct ut_run *r, const struct ut_test *t)
{
	struct sg_error err = {""};
	struct sg_series s;

	for (size_t i = 0; i < t->n_inputs; i++) {
		const struct ut_input *in = &t->inputs[i];
		int k = al_notation_series(in->series ? in->series : "", r->arena, &s, &err);

		if (k == 0)
			k = al_notation_values(in->values ? in->values : "", t->interval_ms, r->mem,
					       &s, &err);
		if (k < 0) {
			ut_fail(r, t);
			sg_buf_printf(r->out, "    series %s: %s\n",
				      in->series ? in->series : "(none)", err.msg);
			return k == -ENOMEM ? k : 1;
		}
	}
	return 0;
}

static void free_evals(struct ut_run *r)
{
	for (size_t i = 0; i < r->n_groups; i++) {
		sg_rules_eval_free(r->groups[i].eval);
		r->groups[i].eval = NULL;
	}
}

static int make_evals(struct ut_run *r, const struct ut_test *t, struct sg_series *external)
{
	struct sg_rules_options o = {
		.external_labels = external, .external_url = t->external_url, .plain = true};
	int k = al_series_make(r->arena, "", t->external_labels.v, t->external_labels.n, external)
			? 0
			: -ENOMEM;

	for (size_t i = 0; k == 0 && i < r->n_groups; i++)
		k = sg_rules_eval_new(r->groups[i].g, &o, &r->groups[i].eval);
	return k;
}

static void tell_errors(struct ut_run *r, const struct ut_test *t, const struct ut_group *g,
			int64_t t_ms)
{
	char time[64];

	for (size_t i = 0; i < g->g->n_rules; i++) {
		struct sg_rule_status s;

		sg_rules_eval_status(g->eval, i, &s);
		if (!s.error)
			continue;
		ut_fail(r, t);
		sg_buf_printf(r->out, "    rule: %s, time: %s, err: %s\n", g->g->rules[i].name,
			      sg_fmt_prom_duration(t_ms, time, sizeof(time)), s.error);
	}
}

/* ---- the loop ---------------------------------------------------------------------- */

static int64_t last_time(const struct ut_test *t)
{
	int64_t last = 0;

	for (size_t i = 0; i < t->n_alerts; i++)
		last = SG_MAX(last, t->alerts[i].at_ms);
	for (size_t i = 0; i < t->n_exprs; i++)
		last = SG_MAX(last, t->exprs[i].at_ms);
	return last;
}

/* Those whose time lies before the next evaluation see the result of this one. */
static int check_alerts_at(struct ut_run *r, const struct ut_test *t, int64_t t_ms)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < t->n_alerts; i++)
		if (t->alerts[i].at_ms >= t_ms && t->alerts[i].at_ms < t_ms + r->file.interval_ms)
			k = ut_check_alert(r, t, &t->alerts[i]);
	return k;
}

/* 1: rules failed, and the test ends. */
static int evaluate(struct ut_run *r, const struct ut_test *t, int64_t t_ms)
{
	const struct sg_rule_query q = {ut_ask, r};
	const struct sg_rules_hooks hooks = {.sample = on_sample, .ctx = r};
	int bad = 0;

	al_mem_until(r->mem, t_ms);
	for (size_t i = 0; i < r->n_groups; i++) {
		int k = sg_rules_eval_run(r->groups[i].eval, t_ms, &q, &hooks);

		if (k < 0)
			return k;
		if (k > 0)
			tell_errors(r, t, &r->groups[i], t_ms);
		bad += k;
	}
	return bad ? 1 : check_alerts_at(r, t, t_ms);
}

static int run_loaded(struct ut_run *r, const struct ut_test *t)
{
	int64_t last = last_time(t);
	struct sg_series external;
	int k = make_evals(r, t, &external);

	for (int64_t at = 0; k == 0 && at <= last; at += r->file.interval_ms)
		k = evaluate(r, t, at);
	for (size_t i = 0; k == 0 && i < t->n_exprs; i++)
		k = ut_check_expr(r, t, &t->exprs[i]);
	free_evals(r);
	return k;
}

static int check_test(struct ut_run *r, const struct ut_test *t)
{
	char time[64];

	for (size_t i = 0; i < t->n_alerts; i++)
		if (!t->alerts[i].name || !*t->alerts[i].name) {
			ut_fail(r, t);
			sg_buf_printf(r->out,
				      "    an item under alert_rule_test misses required attribute "
				      "alertname at eval_time %s\n",
				      sg_fmt_prom_duration(t->alerts[i].at_ms, time, sizeof(time)));
			return 1;
		}
	if (last_time(t) / r->file.interval_ms <= EVALUATIONS_MAX)
		return 0;
	ut_fail(r, t);
	sg_buf_printf(r->out, "    more than %d evaluations; make evaluation_interval longer\n",
		      EVALUATIONS_MAX);
	return 1;
}

static int run_test(struct ut_run *r, const struct ut_test *t)
{
	int k = check_test(r, t);

	if (k)
		return k < 0 ? k : 0;
	r->mem = al_mem_new(NULL);
	r->arena = sg_arena_new(ARENA_MAX);
	k = r->mem && r->arena ? load_inputs(r, t) : -ENOMEM;
	if (k == 0)
		k = run_loaded(r, t);
	al_mem_free(r->mem);
	sg_arena_free(r->arena);
	return k < 0 ? k : 0;
}

static void free_run(struct ut_run *r)
{
	for (size_t i = 0; i < r->n_rule_files; i++)
		sg_rules_free(r->rule_files[i]);
	sg_arena_free(r->file.arena);
	free(r);
}

static int read_tests(struct ut_run *r, const char *path, struct sg_error *err)
{
	struct sg_rule_problems *ps = calloc(1, sizeof(*ps));
	int k = ps ? ut_read(&r->file, path, ps) : -ENOMEM;

	if (k == -ENOMEM)
		sg_fail(err, k, "out of memory");
	else if (k < 0)
		sg_fail(err, k, "%s:%u: %s", path, ps->list[0].line, ps->list[0].text);
	free(ps);
	return k;
}

int sg_rules_test(const char *path, struct sg_buf *out, struct sg_error *err)
{
	struct ut_run *r = calloc(1, sizeof(*r));
	int k;

	if (!r || !(r->file.arena = sg_arena_new(ARENA_MAX))) {
		free(r);
		return sg_fail(err, -ENOMEM, "out of memory");
	}
	r->out = out;
	sg_buf_printf(out, "Unit Testing:  %s\n", path);
	k = read_tests(r, path, err);
	if (k == 0)
		k = check_order(r, err);
	if (k == 0)
		k = load_rules(r);
	for (size_t i = 0; k == 0 && i < r->file.n_tests && (!r->failed || r->n_rule_files); i++)
		k = run_test(r, &r->file.tests[i]);
	if (k == 0 && !r->failed)
		sg_buf_str(out, "  SUCCESS\n");
	if (k < 0 && !err->msg[0])
		sg_fail(err, k, "%s", strerror(-k));
	k = k < 0 ? k : r->failed > 0;
	free_run(r);
	return k;
}
