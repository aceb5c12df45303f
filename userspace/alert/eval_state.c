// SPDX-License-Identifier: GPL-2.0
// The states of one rule's alerts: inactive, pending, firing, and inactive again.
#include <errno.h>
#include <string.h>

#include "eval.h"

/* ---- instances --------------------------------------------------------------------- */

int al_same_labels(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct al_instance *)entry)->a.labels, key);
}

void al_instance_free(struct al_instance *i)
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
	al_instance_free(i);
	return NULL;
}

static void remove_instance(struct al_rule_state *s, size_t at)
{
	struct al_instance *i = s->alerts[at];

	sg_map_del(s->by_labels, i->labels->hash, i->labels);
	memmove(&s->alerts[at], &s->alerts[at + 1], (s->n - at - 1) * sizeof(*s->alerts));
	s->n--;
	al_instance_free(i);
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

	if (p->hooks && p->hooks->change)
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

/* ---- two thresholds in one rule ---------------------------------------------------- */

static bool varies_in_severity(const struct sg_rule *rule)
{
	for (size_t i = 0; i < rule->n_labels; i++)
		if (!strcmp(rule->labels[i].name, "severity"))
			return strstr(rule->labels[i].value, "{{");
	return false;
}

static bool same_but_severity(const struct sg_series *a, const struct sg_series *b)
{
	if (a->n_labels != b->n_labels)
		return false;
	for (size_t i = 0; i < a->n_labels; i++)
		if (strcmp(a->labels[i].name, b->labels[i].name) != 0 ||
		    (strcmp(a->labels[i].name, "severity") != 0 &&
		     strcmp(a->labels[i].value, b->labels[i].value) != 0))
			return false;
	return true;
}

/* The alert whose severity is now another one: its clocks go on. */
static bool inherit(struct al_pass *p, struct al_instance *i)
{
	struct al_rule_state *s = p->s;

	if (p->e->o.plain || !varies_in_severity(p->rule))
		return false;
	for (size_t k = 0; k < s->n; k++) {
		struct al_instance *old = s->alerts[k];

		if (old == i || old->seen || old->a.state == SG_ALERT_INACTIVE ||
		    !same_but_severity(&old->a.labels, &i->a.labels))
			continue;
		i->a.state = old->a.state;
		i->a.active_ms = old->a.active_ms;
		i->a.fired_ms = old->a.fired_ms;
		i->was_true = old->was_true;
		i->n_changes = old->n_changes;
		memcpy(i->changes, old->changes, sizeof(i->changes));
		remove_instance(s, k);
		return true;
	}
	return false;
}

/* ---- true and false ---------------------------------------------------------------- */

static const char *reason_for(const struct al_element *e, enum sg_alert_state from, bool inherited)
{
	if (e->health == SG_HEALTH_NO_DATA)
		return "no data";
	if (e->health == SG_HEALTH_ERROR)
		return "the rule fails";
	if (inherited)
		return "the severity changed";
	return from == SG_ALERT_PENDING ? "for has passed" : "the rule is true";
}

static int take_element(struct al_pass *p, const struct al_element *e)
{
	struct al_instance *i = sg_map_get(p->s->by_labels, e->labels.hash, &e->labels);
	enum sg_alert_state from;
	bool inherited = false;

	if (!i) {
		i = instance_new(p->s, &e->labels);
		if (!i)
			return -ENOMEM;
		inherited = inherit(p, i);
	}
	from = i->a.state;
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
	if (from != i->a.state || inherited)
		tell(p, i, from, reason_for(e, from, inherited));
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

int al_update_alerts(struct al_pass *p, const struct al_elements *es,
		     const struct al_elements *recovered)
{
	struct al_rule_state *s = p->s;
	int r = 0;

	for (size_t i = 0; i < s->n; i++)
		s->alerts[i]->seen = false;
	for (size_t i = 0; i < es->n; i++) {
		struct al_instance *known =
			sg_map_get(s->by_labels, es->v[i].labels.hash, &es->v[i].labels);

		if (known)
			known->seen = true;
	}
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
