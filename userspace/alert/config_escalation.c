// SPDX-License-Identifier: GPL-2.0
// Escalation policies.
#include <errno.h>
#include <string.h>

#include "config.h"

#define LOOPS_MAX 9 /* as PagerDuty */

struct raw_level {
	int64_t after_ms, repeat_ms;
	struct al_texts notify;
	const char *condition;
};

static const struct al_key level_keys[] = {
	{"after", al_set_duration, offsetof(struct raw_level, after_ms)},
	{"repeat_every", al_set_duration, offsetof(struct raw_level, repeat_ms)},
	{"notify", al_set_texts, offsetof(struct raw_level, notify)},
	{"condition", al_set_text, offsetof(struct raw_level, condition)},
};

static void add_level(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_escalation *e = ctx;
	struct raw_level raw = {.condition = "not_acked"};
	struct sg_escalation_level *to;

	al_doc_map(d, v, "level", level_keys, ARRAY_SIZE(level_keys), &raw);
	if (!raw.notify.n)
		al_doc_problem(d, al_doc_line(v), "level: notify: names no receiver");
	if (strcmp(raw.condition, "not_acked") != 0 && strcmp(raw.condition, "not_resolved") != 0)
		al_doc_problem(d, al_doc_line(v), "condition: is not_acked or not_resolved");
	to = AL_DOC_ADD(d, e->levels, e->n_levels);
	if (to)
		*to = (struct sg_escalation_level){.after_ms = raw.after_ms,
						   .repeat_every_ms = raw.repeat_ms,
						   .n_notify = raw.notify.n,
						   .notify = raw.notify.v,
						   .even_acked =
							   !strcmp(raw.condition, "not_resolved")};
}

static void set_levels(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "levels", add_level, to);
}

static const struct al_key policy_keys[] = {
	{"name", al_set_text, offsetof(struct sg_escalation, name)},
	{"ack_timeout", al_set_duration, offsetof(struct sg_escalation, ack_timeout_ms)},
	{"loops", al_set_uint, offsetof(struct sg_escalation, loops)},
	{"final", al_set_text, offsetof(struct sg_escalation, final)},
	{"levels", set_levels, 0},
};

static void add_policy(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_alert_config *c = ctx;
	struct sg_escalation e = {0}, *to;

	al_doc_map(d, v, "escalation policy", policy_keys, ARRAY_SIZE(policy_keys), &e);
	if (!e.name || !e.n_levels) {
		al_doc_problem(d, al_doc_line(v), "an escalation policy needs a name and levels");
		return;
	}
	if (e.loops > LOOPS_MAX)
		al_doc_problem(d, al_doc_line(v), "loops: at most %d", LOOPS_MAX);
	to = AL_DOC_ADD(d, c->escalations, c->n_escalations);
	if (to)
		*to = e;
}

void al_set_policies(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "escalation_policies", add_policy, to);
}

void al_check_policies(struct al_doc *d, const struct sg_alert_config *c)
{
	for (size_t i = 0; i < c->n_escalations; i++) {
		const struct sg_escalation *e = &c->escalations[i];

		for (size_t l = 0; l < e->n_levels; l++)
			for (size_t k = 0; k < e->levels[l].n_notify; k++)
				al_check_receiver(d, c, 1, e->levels[l].notify[k]);
		if (e->final)
			al_check_receiver(d, c, 1, e->final);
	}
}
