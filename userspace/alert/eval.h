/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the evaluation share. */
#ifndef ALERT_EVAL_H
#define ALERT_EVAL_H

#include <sgprobe/alert_rules.h>

#define AL_CHANGES_MAX 32 /* that flap control remembers */
#define AL_RETENTION_MS (15 * 60000)

struct al_instance {
	struct sg_alert a; /* first; labels and annotations are owned */
	struct sg_series *labels;
	struct sg_label *annotations;
	bool seen; /* in this evaluation's result */
	bool was_true;
	int64_t changes[AL_CHANGES_MAX]; /* a ring */
	unsigned int n_changes;
};

/* A series that the rule wrote, to be ended when it no longer does. */
struct al_emitted {
	struct sg_series *s;
	uint64_t round;
};

struct al_rule_state {
	const struct sg_rule *rule;
	struct sg_map *by_labels, *emitted;
	size_t n, cap;
	struct al_instance **alerts;
	char *error;
	int64_t last_ms;
};

struct sg_rules_eval {
	const struct sg_rule_group *group;
	struct sg_rules_options o;
	struct al_rule_state *rules;
	struct sg_arena *arena; /* of one rule's evaluation */
	uint64_t round;
};

/* One evaluation of one rule. */
struct al_pass {
	struct sg_rules_eval *e;
	struct al_rule_state *s;
	const struct sg_rule *rule;
	int64_t t_ms;
	const struct sg_rule_query *query;
	const struct sg_rules_hooks *hooks;
	struct sg_error err;
};

/* One element of a result, as the alert that it stands for; all in the arena. */
struct al_element {
	struct sg_series labels; /* with the rule's and alertname, or the recorded series */
	const struct sg_label *annotations;
	double value;
	const struct sg_native *hist;
	enum sg_alert_health health;
};
struct al_elements {
	size_t n;
	struct al_element *v;
};

/* eval_state.c */
int al_same_labels(const void *entry, const void *key); /* struct al_instance, struct sg_series */
void al_instance_free(struct al_instance *i);
/* What the rule's answer makes of its alerts; recovered may be NULL. 0 or -ENOMEM. */
int al_update_alerts(struct al_pass *p, const struct al_elements *es,
		     const struct al_elements *recovered);

/* eval_element.c: the rule's answer at this moment. 0 or -errno with err. */
int al_elements_ask(struct al_pass *p, struct al_elements *ret);
/* The one that stands for the want of an answer. */
int al_elements_stand_in(struct al_pass *p, enum sg_alert_health why, struct al_elements *ret);
/* 1: some selector of the expression finds nothing at all; 0: no; -errno. */
int al_no_data(struct al_pass *p);
/* recover_expr's answer, sorted by the hash of the labels. */
int al_recovered(struct al_pass *p, struct al_elements *ret);
bool al_elements_have(const struct al_elements *sorted, const struct sg_series *labels);

/* eval_emit.c */
int al_emit(struct al_pass *p, const struct sg_series *s, double v, const struct sg_native *hist);
int al_emit_alert(struct al_pass *p, const struct sg_alert *a);
/* Ends what this round did not write. */
void al_emit_ends(struct al_pass *p);
void al_emit_free(struct al_rule_state *s);
/* Sorted, without empty values; hash set. In the arena; false: no memory. */
bool al_series_make(struct sg_arena *a, const char *name, struct sg_label *l, size_t n,
		    struct sg_series *ret);

#endif
