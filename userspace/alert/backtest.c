// SPDX-License-Identifier: GPL-2.0
/*
 * Rules over the past. An expression is asked for many steps at once, and the evaluation is
 * given the steps one after the other; only what reads series that the rules themselves write
 * is asked step by step.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sgprobe/alert_rules.h>

#include "mem_reader.h"

#define STEPS 600 /* of one query */
#define SELECTORS_MAX 32
#define FIRINGS_SHOWN 10
#define CACHE_BYTES (64UL << 20)

struct firing {
	int64_t from_ms, to_ms; /* to_ms 0: still, at the end */
	char *labels;
};

struct cached {
	const char *expr;
	bool dependent; /* reads what the rules write */
	struct sg_arena *arena;
	struct sg_value v;
	int64_t from_ms, to_ms; /* steps that are in v; from > to: none */
	size_t *at; /* by series: the next point */
};

struct tested {
	const struct sg_rule *rule;
	size_t n, cap;
	struct firing *list;
	char *error;
};

struct backtest {
	const struct sg_rule_file *f;
	const struct sg_backtest_options *o;
	struct al_mem *mem;
	size_t n_cached, n_tested;
	struct cached *cached;
	struct tested *tested;
	int64_t step_ms; /* of the group that runs */
	int64_t offset_ms;
	int r; /* -ENOMEM in a hook */
};

/* ---- answers ----------------------------------------------------------------------- */

static bool is_written(const struct sg_rule_file *f, const struct sg_selector *sel)
{
	const char *name = sg_selector_name(sel);

	if (!name || !strcmp(name, "ALERTS") || !strcmp(name, "ALERTS_FOR_STATE"))
		return true;
	for (size_t g = 0; g < f->n_groups; g++)
		for (size_t i = 0; i < f->groups[g].n_rules; i++)
			if (f->groups[g].rules[i].kind == SG_RULE_RECORD &&
			    !strcmp(f->groups[g].rules[i].name, name))
				return true;
	return false;
}

static bool is_dependent(const struct sg_rule_file *f, const char *expr, struct sg_arena *a)
{
	struct sg_selector sels[SELECTORS_MAX];
	size_t n = 0;
	bool yes = sg_query_selectors(expr, a, sels, SELECTORS_MAX, &n, NULL) < 0;

	for (size_t i = 0; i < n; i++) {
		yes = yes || is_written(f, &sels[i]);
		sg_selector_release(&sels[i]);
	}
	return yes;
}

static int fetch(struct backtest *b, struct cached *c, int64_t t_ms, struct sg_error *err)
{
	const struct sg_query_limits lim = {.max_samples = 50U << 20, .max_bytes = 512UL << 20};
	int64_t to = SG_MIN(t_ms + b->step_ms * (STEPS - 1), b->o->to_ms - b->offset_ms);
	int r;

	sg_arena_reset(c->arena);
	c->from_ms = 1;
	c->to_ms = 0;
	r = sg_query_range(al_mem_reader(b->mem), c->expr, t_ms, SG_MAX(to, t_ms), b->step_ms, &lim,
			   c->arena, &c->v, err);
	if (r < 0)
		return r;
	c->at = sg_arena_zalloc(c->arena, (c->v.n + 1) * sizeof(*c->at));
	if (!c->at)
		return -ENOMEM;
	c->from_ms = t_ms;
	c->to_ms = SG_MAX(to, t_ms);
	return 0;
}

/* One step of the matrix, as a vector. */
static int slice(struct cached *c, int64_t t_ms, struct sg_arena *arena, struct sg_value *ret)
{
	struct sg_value v = {.kind = SG_VECTOR};

	v.series = sg_arena_alloc(arena, (c->v.n + 1) * sizeof(*v.series));
	if (!v.series)
		return -ENOMEM;
	for (size_t i = 0; i < c->v.n; i++) {
		const struct sg_value_series *s = &c->v.series[i];

		while (c->at[i] < s->n && s->points[c->at[i]].t_ms < t_ms)
			c->at[i]++;
		if (c->at[i] == s->n || s->points[c->at[i]].t_ms != t_ms)
			continue;
		v.series[v.n] = *s;
		v.series[v.n].n = 1;
		v.series[v.n++].points = &s->points[c->at[i]];
	}
	*ret = v;
	return 0;
}

static struct cached *find(struct backtest *b, const char *expr)
{
	for (size_t i = 0; i < b->n_cached; i++)
		if (b->cached[i].expr == expr)
			return &b->cached[i];
	return NULL;
}

static int ask(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena,
	       struct sg_value *ret, struct sg_error *err)
{
	struct backtest *b = ctx;
	struct cached *c = find(b, expr);
	int r = 0;

	if (!c || c->dependent)
		return sg_query_instant(al_mem_reader(b->mem), expr, t_ms, NULL, arena, ret, err);
	if (t_ms < c->from_ms || t_ms > c->to_ms)
		r = fetch(b, c, t_ms, err);
	return r < 0 ? r : slice(c, t_ms, arena, ret);
}

/* ---- what happened ----------------------------------------------------------------- */

static struct tested *tested_of(struct backtest *b, const struct sg_rule *rule)
{
	for (size_t i = 0; i < b->n_tested; i++)
		if (b->tested[i].rule == rule)
			return &b->tested[i];
	return NULL;
}

static void fired(struct backtest *b, struct tested *t, const struct sg_alert_change *c)
{
	sg_auto_buf text = {0};

	sg_series_format(&text, &c->alert->labels);
	if (SG_GROW(t->list, t->cap, t->n) < 0 || !text.data) {
		b->r = -ENOMEM;
		return;
	}
	t->list[t->n++] = (struct firing){c->t_ms, 0, strdup(text.data)};
}

static void ended(struct tested *t, const struct sg_alert_change *c)
{
	sg_auto_buf text = {0};

	sg_series_format(&text, &c->alert->labels);
	for (size_t i = t->n; i > 0 && text.data; i--) {
		struct firing *f = &t->list[i - 1];

		if (f->to_ms == 0 && f->labels && !strcmp(f->labels, text.data)) {
			f->to_ms = c->t_ms;
			return;
		}
	}
}

static void on_change(void *ctx, const struct sg_alert_change *c)
{
	struct backtest *b = ctx;
	struct tested *t = tested_of(b, c->rule);

	if (t && c->alert->state == SG_ALERT_FIRING)
		fired(b, t, c);
	else if (t && c->from == SG_ALERT_FIRING)
		ended(t, c);
}

static void on_sample(void *ctx, const struct sg_series *s, int64_t t_ms, double v,
		      const struct sg_native *hist)
{
	struct backtest *b = ctx;

	if (al_mem_add(b->mem, s, t_ms, v, hist) == -ENOMEM)
		b->r = -ENOMEM;
}

static void note_errors(struct backtest *b, const struct sg_rules_eval *e,
			const struct sg_rule_group *g)
{
	for (size_t i = 0; i < g->n_rules; i++) {
		struct tested *t = tested_of(b, &g->rules[i]);
		struct sg_rule_status s;

		sg_rules_eval_status(e, i, &s);
		if (t && s.error && !t->error)
			t->error = strdup(s.error);
	}
}

static int run_group(struct backtest *b, const struct sg_rule_group *g)
{
	const struct sg_rule_query q = {ask, b};
	const struct sg_rules_hooks hooks = {on_sample, on_change, b};
	sg_auto(sg_rules_eval) e = NULL;
	int r = sg_rules_eval_new(g, NULL, &e);

	b->step_ms = g->interval_ms ? g->interval_ms : b->o->interval_ms;
	b->offset_ms = g->query_offset_ms;
	for (int64_t t = b->o->from_ms; r == 0 && t <= b->o->to_ms; t += b->step_ms) {
		int k = sg_rules_eval_run(e, t, &q, &hooks);

		r = k < 0 ? k : b->r;
		if (k > 0)
			note_errors(b, e, g);
	}
	return r;
}

/* ---- the answer -------------------------------------------------------------------- */

static void put_time(struct sg_buf *out, int64_t ms)
{
	time_t s = ms / 1000;
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	sg_buf_str(out, text);
}

static int64_t lasted(const struct backtest *b, const struct firing *f)
{
	return (f->to_ms ? f->to_ms : b->o->to_ms) - f->from_ms;
}

static void put_firings(struct sg_buf *out, const struct backtest *b, const struct tested *t)
{
	char text[64];

	for (size_t i = 0; i < t->n && i < FIRINGS_SHOWN; i++) {
		const struct firing *f = &t->list[i];

		sg_buf_str(out, "    ");
		put_time(out, f->from_ms);
		sg_buf_printf(out, "  %s%s  ", f->to_ms ? "for " : "still, since ",
			      sg_fmt_prom_duration(lasted(b, f) / 1000 * 1000, text, sizeof(text)));
		sg_term_str(out, f->labels ? f->labels : "");
		sg_buf_char(out, '\n');
	}
	if (t->n > FIRINGS_SHOWN)
		sg_buf_printf(out, "    and %zu more; --json lists all\n", t->n - FIRINGS_SHOWN);
}

static void put_text(struct sg_buf *out, const struct backtest *b)
{
	for (size_t i = 0; i < b->n_tested; i++) {
		const struct tested *t = &b->tested[i];
		int64_t total = 0;
		char text[64];

		for (size_t k = 0; k < t->n; k++)
			total += lasted(b, &t->list[k]);
		sg_buf_printf(out, "%s: would have fired %zu time%s", t->rule->name, t->n,
			      t->n == 1 ? "" : "s");
		if (t->n)
			sg_buf_printf(
				out, ", %s in all",
				sg_fmt_prom_duration(total / 1000 * 1000, text, sizeof(text)));
		sg_buf_char(out, '\n');
		if (t->error)
			sg_buf_printf(out, "    could not always be evaluated: %s\n", t->error);
		put_firings(out, b, t);
	}
}

static void put_json(struct sg_buf *out, const struct backtest *b)
{
	sg_buf_str(out, "[");
	for (size_t i = 0; i < b->n_tested; i++) {
		const struct tested *t = &b->tested[i];

		sg_buf_str(out, i ? ",\n{\"alert\":" : "{\"alert\":");
		sg_json_str(out, t->rule->name);
		sg_buf_str(out, ",\"error\":");
		if (t->error)
			sg_json_str(out, t->error);
		else
			sg_buf_str(out, "null");
		sg_buf_str(out, ",\"fired\":[");
		for (size_t k = 0; k < t->n; k++) {
			const struct firing *f = &t->list[k];

			sg_buf_printf(out, "%s{\"from_ms\":%" PRId64 ",\"to_ms\":", k ? "," : "",
				      f->from_ms);
			if (f->to_ms)
				sg_buf_printf(out, "%" PRId64, f->to_ms);
			else
				sg_buf_str(out, "null");
			sg_buf_str(out, ",\"labels\":");
			sg_json_str(out, f->labels ? f->labels : "");
			sg_buf_char(out, '}');
		}
		sg_buf_str(out, "]}");
	}
	sg_buf_str(out, "]\n");
}

/* ---- life -------------------------------------------------------------------------- */

static int prepare(struct backtest *b, struct sg_reader *reader)
{
	sg_auto(sg_arena) a = sg_arena_new(16UL << 20);

	b->mem = al_mem_new(reader);
	b->cached = calloc(b->f->n_rules + 1, sizeof(*b->cached));
	b->tested = calloc(b->f->n_rules + 1, sizeof(*b->tested));
	if (!a || !b->mem || !b->cached || !b->tested)
		return -ENOMEM;
	for (size_t g = 0; g < b->f->n_groups; g++)
		for (size_t i = 0; i < b->f->groups[g].n_rules; i++) {
			const struct sg_rule *rule = &b->f->groups[g].rules[i];
			struct cached *c = &b->cached[b->n_cached++];

			sg_arena_reset(a);
			*c = (struct cached){.expr = rule->expr,
					     .dependent = is_dependent(b->f, rule->expr, a),
					     .arena = sg_arena_new(CACHE_BYTES),
					     .from_ms = 1};
			if (!c->arena)
				return -ENOMEM;
			if (rule->kind == SG_RULE_ALERT)
				b->tested[b->n_tested++].rule = rule;
		}
	return 0;
}

static void finish(struct backtest *b)
{
	for (size_t i = 0; b->cached && i < b->n_cached; i++)
		sg_arena_free(b->cached[i].arena);
	for (size_t i = 0; b->tested && i < b->n_tested; i++) {
		for (size_t k = 0; k < b->tested[i].n; k++)
			free(b->tested[i].list[k].labels);
		free(b->tested[i].list);
		free(b->tested[i].error);
	}
	free(b->cached);
	free(b->tested);
	al_mem_free(b->mem);
}

int sg_rules_backtest(const struct sg_rule_file *f, struct sg_reader *reader,
		      const struct sg_backtest_options *o, bool json, struct sg_buf *out,
		      struct sg_error *err)
{
	struct backtest b = {.f = f, .o = o};
	int r = prepare(&b, reader);

	for (size_t g = 0; r == 0 && g < f->n_groups; g++)
		r = run_group(&b, &f->groups[g]);
	if (r == 0 && json)
		put_json(out, &b);
	else if (r == 0)
		put_text(out, &b);
	if (r < 0)
		sg_fail(err, r, "the past cannot be evaluated: %s", strerror(-r));
	finish(&b);
	return r < 0 ? r : out->err;
}
