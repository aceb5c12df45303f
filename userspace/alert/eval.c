// SPDX-License-Identifier: GPL-2.0
// The states of alerts: inactive, pending, firing, and inactive again.
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

/* ---- instances --------------------------------------------------------------------- */

static int same_labels(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct al_instance *)entry)->a.labels, key);
}

static void instance_free(struct al_instance *i)
{
	if (!i)
		return;
	free(i->labels);
	free(i->annotations);
	free(i);
}

/* One block: the labels, then the texts they point to. */
static struct sg_label *dup_labels(const struct sg_label *l, size_t n)
{
	size_t bytes = (n + 1) * sizeof(*l);
	struct sg_label *copy;
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(l[i].name) + strlen(l[i].value) + 2;
	copy = malloc(bytes);
	if (!copy)
		return NULL;
	text = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i].name = strcpy(text, l[i].name);
		text += strlen(text) + 1;
		copy[i].value = strcpy(text, l[i].value);
		text += strlen(text) + 1;
	}
	return copy;
}

static int set_annotations(struct al_instance *i, const struct sg_label *l, size_t n)
{
	struct sg_label *copy = dup_labels(l, n);

	if (!copy)
		return -ENOMEM;
	free(i->annotations);
	i->annotations = copy;
	i->a.annotations = copy;
	i->a.n_annotations = n;
	return 0;
}

static struct al_instance *instance_new(struct al_rule_state *s, const struct sg_series *labels)
{
	struct al_instance *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->labels = sg_series_dup(labels);
	if (!i->labels || SG_GROW(s->alerts, s->cap, s->n) < 0)
		goto fail;
	i->a.labels = *i->labels;
	i->a.fingerprint = i->labels->hash;
	if (sg_map_put(s->by_labels, i->labels->hash, i) < 0)
		goto fail;
	s->alerts[s->n++] = i;
	return i;
fail:
	instance_free(i);
	return NULL;
}

static void remove_instance(struct al_rule_state *s, size_t at)
{
	struct al_instance *i = s->alerts[at];

	sg_map_del(s->by_labels, i->labels->hash, i->labels);
	memmove(&s->alerts[at], &s->alerts[at + 1], (s->n - at - 1) * sizeof(*s->alerts));
	s->n--;
	instance_free(i);
}

/* ---- changes ----------------------------------------------------------------------- */

static void tell(struct al_pass *p, struct al_instance *i, enum sg_alert_state from,
		 const char *reason)
{
	struct sg_alert_change c = {.group = p->e->group,
				    .rule = p->rule,
				    .alert = &i->a,
				    .from = from,
				    .t_ms = p->t_ms,
				    .reason = reason};

	if (p->hooks && p->hooks->change && from != i->a.state)
		p->hooks->change(p->hooks->ctx, &c);
}

/* Counts how often it became true or false within the window. */
static void note_truth(struct al_pass *p, struct al_instance *i, bool now)
{
	const struct sg_rule *rule = p->rule;
	unsigned int n = 0, known;

	if (p->e->o.plain || !rule->flap_changes)
		return;
	if (now != i->was_true)
		i->changes[i->n_changes++ % AL_CHANGES_MAX] = p->t_ms;
	i->was_true = now;
	known = SG_MIN(i->n_changes, AL_CHANGES_MAX);
	for (unsigned int k = 0; k < known; k++)
		n += i->changes[k] > p->t_ms - rule->flap_window_ms;
	i->a.changes = n;
	i->a.flapping = n >= SG_MIN(rule->flap_changes, AL_CHANGES_MAX);
}

static void start_again(struct al_pass *p, struct al_instance *i)
{
	i->a.state = SG_ALERT_PENDING;
	i->a.active_ms = p->t_ms;
	i->a.fired_ms = i->a.resolved_ms = i->a.keep_since_ms = 0;
}

static int take_element(struct al_pass *p, const struct al_element *e)
{
	struct al_instance *i = sg_map_get(p->s->by_labels, e->labels.hash, &e->labels);
	enum sg_alert_state from = i ? i->a.state : SG_ALERT_INACTIVE;

	if (!i && !(i = instance_new(p->s, &e->labels)))
		return -ENOMEM;
	if (i->a.state == SG_ALERT_INACTIVE)
		start_again(p, i);
	i->seen = true;
	i->a.keep_since_ms = 0;
	i->a.value = e->value;
	i->a.health = e->health;
	note_truth(p, i, true);
	if (set_annotations(i, e->annotations, p->rule->n_annotations) < 0)
		return -ENOMEM;
	if (i->a.state == SG_ALERT_PENDING && p->t_ms - i->a.active_ms >= p->rule->for_ms) {
		i->a.state = SG_ALERT_FIRING;
		i->a.fired_ms = p->t_ms;
	}
	tell(p, i, from,
	     e->health == SG_HEALTH_NO_DATA ? "no data"
	     : e->health == SG_HEALTH_ERROR ? "the rule fails"
	     : from == SG_ALERT_PENDING	    ? "for has passed"
					    : "the rule is true");
	return 0;
}

/* Whether a firing alert whose rule is false fires on, and why. */
static bool keeps_firing(struct al_pass *p, struct al_instance *i,
			 const struct al_elements *recovered)
{
	if (i->a.state != SG_ALERT_FIRING)
		return false;
	if (p->rule->keep_firing_for_ms && !i->a.keep_since_ms)
		i->a.keep_since_ms = p->t_ms;
	if (p->rule->keep_firing_for_ms &&
	    p->t_ms - i->a.keep_since_ms < p->rule->keep_firing_for_ms)
		return true;
	if (p->e->o.plain)
		return false;
	if (i->a.flapping)
		return true;
	return p->rule->recover_expr && recovered && !al_elements_have(recovered, &i->a.labels);
}

/* true: it is to be forgotten. */
static bool became_false(struct al_pass *p, struct al_instance *i,
			 const struct al_elements *recovered)
{
	enum sg_alert_state from = i->a.state;
	bool old = i->a.resolved_ms && p->t_ms - i->a.resolved_ms > p->e->o.resolved_retention_ms;

	note_truth(p, i, false);
	if (from == SG_ALERT_INACTIVE)
		return old;
	if (keeps_firing(p, i, recovered))
		return false;
	i->a.state = SG_ALERT_INACTIVE;
	i->a.resolved_ms = p->t_ms;
	tell(p, i, from, "the rule is false");
	return from == SG_ALERT_PENDING;
}

static int update_alerts(struct al_pass *p, const struct al_elements *es,
			 const struct al_elements *recovered)
{
	struct al_rule_state *s = p->s;
	int r = 0;

	for (size_t i = 0; i < s->n; i++)
		s->alerts[i]->seen = false;
	for (size_t i = 0; i < es->n && r == 0; i++)
		r = take_element(p, &es->v[i]);
	for (size_t i = s->n; i > 0 && r == 0; i--)
		if (!s->alerts[i - 1]->seen && became_false(p, s->alerts[i - 1], recovered))
			remove_instance(s, i - 1);
	for (size_t i = 0; i < s->n && r == 0; i++)
		if (s->alerts[i]->a.state != SG_ALERT_INACTIVE)
			r = al_emit_alert(p, &s->alerts[i]->a);
	return r;
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
	return r < 0 ? r : update_alerts(p, &es, NULL);
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
	return r < 0 ? r : update_alerts(p, &es, &recovered);
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
		e->rules[i].by_labels = sg_map_new(same_labels);
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
			instance_free(s->alerts[k]);
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

int sg_rules_eval_restore(struct sg_rules_eval *e, const char *rule, const struct sg_alert *a)
{
	for (size_t i = 0; i < e->group->n_rules; i++) {
		struct al_rule_state *s = &e->rules[i];
		struct al_instance *k;
		struct sg_series labels = a->labels;

		if (s->rule->kind != SG_RULE_ALERT || strcmp(s->rule->name, rule) != 0)
			continue;
		labels.hash = sg_series_hash(labels.name, labels.labels, labels.n_labels);
		if (sg_map_get(s->by_labels, labels.hash, &labels))
			return -EEXIST;
		k = instance_new(s, &labels);
		if (!k || set_annotations(k, a->annotations, a->n_annotations) < 0)
			return -ENOMEM;
		labels = k->a.labels;
		k->a = *a;
		k->a.labels = labels;
		k->a.fingerprint = labels.hash;
		k->a.annotations = k->annotations;
		k->was_true = a->state != SG_ALERT_INACTIVE && !a->keep_since_ms;
		return 0;
	}
	return -ENOENT;
}
