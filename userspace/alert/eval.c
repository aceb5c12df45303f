// SPDX-License-Identifier: GPL-2.0
// The evaluation of a group: its rules one after the other, and what happens when one gives no answer.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "eval.h"

#define ARENA_MAX (128UL << 20)

const char *sg_alert_state_name(enum sg_alert_state s)
{
	static const char *const names[] = {"inactive", "pending", "firing"};

	return names[s];
}

/* ---- no data, and errors ----------------------------------------------------------- */

static bool any_active(const struct al_rule_state *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->alerts[i]->a.state != SG_ALERT_INACTIVE)
			return true;
	return false;
}

/* Nothing changes but why: what is pending stays so. */
static int keep_all(struct al_pass *p, enum sg_alert_health why)
{
	int r = 0;

	for (size_t i = 0; i < p->s->n && r == 0; i++) {
		struct al_instance *a = p->s->alerts[i];

		if (a->a.state == SG_ALERT_INACTIVE)
			continue;
		a->a.health = why;
		r = al_emit_alert(p, &a->a);
	}
	return r;
}

static int apply_policy(struct al_pass *p, enum sg_rule_policy policy, enum sg_alert_health why)
{
	struct al_elements es = {0};
	int r = 0;

	if (policy == SG_POLICY_KEEP)
		return keep_all(p, why);
	if (policy == SG_POLICY_ALERT)
		r = al_elements_stand_in(p, why, &es);
	return r < 0 ? r : al_update_alerts(p, &es, NULL);
}

/* 1: there is no data, and the policy was applied. */
static int without_data(struct al_pass *p)
{
	const struct sg_rule *rule = p->rule;
	int r;

	if (p->e->o.plain || rule->no_data == SG_POLICY_OK ||
	    (rule->no_data == SG_POLICY_KEEP && !any_active(p->s)))
		return 0;
	r = al_no_data(p);
	if (r <= 0)
		return r;
	r = apply_policy(p, rule->no_data, SG_HEALTH_NO_DATA);
	return r < 0 ? r : 1;
}

/* ---- rules ------------------------------------------------------------------------- */

static int eval_alert(struct al_pass *p)
{
	struct al_elements es = {0}, recovered = {0};
	int r = al_elements_ask(p, &es);

	if (r < 0)
		return r;
	if (!es.n) {
		r = without_data(p);
		if (r)
			return r < 0 ? r : 0;
	}
	if (!p->e->o.plain && p->rule->recover_expr && any_active(p->s))
		r = al_recovered(p, &recovered);
	return r < 0 ? r : al_update_alerts(p, &es, &recovered);
}

static int eval_record(struct al_pass *p)
{
	struct al_elements es = {0};
	int r = al_elements_ask(p, &es);

	for (size_t i = 0; r == 0 && i < es.n; i++)
		r = al_emit(p, &es.v[i].labels, es.v[i].value, es.v[i].hist);
	return r;
}

static void set_error(struct al_rule_state *s, const char *text)
{
	free(s->error);
	s->error = text ? strdup(text) : NULL;
}

static int failed(struct al_pass *p, int r)
{
	if (!p->err.msg[0])
		sg_fail(&p->err, r, "%s", strerror(-r));
	set_error(p->s, p->err.msg);
	if (p->rule->kind == SG_RULE_ALERT && !p->e->o.plain) {
		apply_policy(p,
			     p->rule->exec_error == SG_POLICY_OK ? SG_POLICY_KEEP
								 : p->rule->exec_error,
			     SG_HEALTH_ERROR);
		al_emit_ends(p);
	}
	return 1;
}

static int eval_rule(struct al_pass *p)
{
	int r;

	sg_arena_reset(p->e->arena);
	p->e->round++;
	p->s->last_ms = p->t_ms;
	r = p->rule->kind == SG_RULE_ALERT ? eval_alert(p) : eval_record(p);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return failed(p, r);
	set_error(p->s, NULL);
	al_emit_ends(p);
	return 0;
}

int sg_rules_eval_run(struct sg_rules_eval *e, int64_t t_ms, const struct sg_rule_query *q,
		      const struct sg_rules_hooks *hooks)
{
	int bad = 0;

	for (size_t i = 0; i < e->group->n_rules; i++) {
		struct al_pass p = {.e = e,
				    .s = &e->rules[i],
				    .rule = e->rules[i].rule,
				    .t_ms = t_ms,
				    .query = q,
				    .hooks = hooks};
		int r = eval_rule(&p);

		if (r < 0)
			return r;
		bad += r;
	}
	return bad;
}

/* ---- life -------------------------------------------------------------------------- */

int sg_rules_eval_new(const struct sg_rule_group *g, const struct sg_rules_options *o,
		      struct sg_rules_eval **ret)
{
	sg_auto(sg_rules_eval) e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->group = g;
	if (o)
		e->o = *o;
	if (!e->o.resolved_retention_ms)
		e->o.resolved_retention_ms = AL_RETENTION_MS;
	e->arena = sg_arena_new(ARENA_MAX);
	e->rules = calloc(g->n_rules + 1, sizeof(*e->rules));
	if (!e->arena || !e->rules)
		return -ENOMEM;
	for (size_t i = 0; i < g->n_rules; i++) {
		e->rules[i].rule = &g->rules[i];
		e->rules[i].by_labels = sg_map_new(al_same_labels);
		if (!e->rules[i].by_labels)
			return -ENOMEM;
	}
	*ret = sg_take(e);
	return 0;
}

void sg_rules_eval_free(struct sg_rules_eval *e)
{
	if (!e)
		return;
	for (size_t i = 0; e->rules && i < e->group->n_rules; i++) {
		struct al_rule_state *s = &e->rules[i];

		for (size_t k = 0; k < s->n; k++)
			al_instance_free(s->alerts[k]);
		free(s->alerts);
		free(s->error);
		sg_map_free(s->by_labels);
		al_emit_free(s);
	}
	free(e->rules);
	sg_arena_free(e->arena);
	free(e);
}

void sg_rules_eval_status(const struct sg_rules_eval *e, size_t rule, struct sg_rule_status *ret)
{
	const struct al_rule_state *s = &e->rules[rule];

	/* An instance begins with its alert. */
	*ret = (struct sg_rule_status){.error = s->error,
				       .last_ms = s->last_ms,
				       .n_alerts = s->n,
				       .alerts = (const struct sg_alert *const *)s->alerts};
}
