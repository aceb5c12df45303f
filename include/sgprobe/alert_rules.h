/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules: Prometheus rule files, and the states of their alerts over time.
 *
 * Nothing here has a clock or does I/O but sg_rules_load: time and answers to queries come
 * from the caller, so that the same code runs live, in unit tests of rules and over the past.
 * Not thread safe; one owner.
 */
#ifndef SGPROBE_ALERT_RULES_H
#define SGPROBE_ALERT_RULES_H

#include <sgprobe/query.h>

#define SG_RULES_MAX 10000 /* in one file */
#define SG_RULE_ALERTS_MAX 20000 /* of one rule at a time, without a limit of its own */

/* ---- files ------------------------------------------------------------------------- */

enum sg_rule_kind { SG_RULE_RECORD, SG_RULE_ALERT };

/* What becomes of an alert whose rule gives no answer, or an error. */
enum sg_rule_policy { SG_POLICY_KEEP, SG_POLICY_OK, SG_POLICY_ALERT };

struct al_tmpl;
struct sg_rule_label {
	const char *name, *value; /* value: as written */
	struct al_tmpl *tmpl; /* of alerting rules; private */
};

struct sg_rule {
	enum sg_rule_kind kind;
	const char *name; /* the alert's, or the series that is recorded */
	const char *expr;
	int64_t for_ms, keep_firing_for_ms;
	size_t n_labels, n_annotations;
	struct sg_rule_label *labels, *annotations;
	unsigned int line;

	/* rule_options: what Prometheus' rules cannot say. */
	const char *
		recover_expr; /* a firing alert ends only when this is true for its labels; or NULL */
	enum sg_rule_policy no_data, exec_error;
	const char *escalation; /* name of a policy, or NULL */
	unsigned int flap_changes; /* this many changes within flap_window_ms: flapping; 0: never */
	int64_t flap_window_ms;
};

struct sg_rule_group {
	const char *name, *file;
	int64_t interval_ms; /* 0: the default of who evaluates */
	int64_t query_offset_ms;
	uint64_t limit; /* of alerts or series of a rule; 0: none */
	size_t n_labels;
	struct sg_rule_label *labels; /* added to those of each rule; not templates */
	size_t n_rules;
	struct sg_rule *rules;
	unsigned int line;
};

struct sg_rule_file {
	struct sg_arena *arena; /* all of it lies here */
	const char *path;
	size_t n_groups, n_rules;
	struct sg_rule_group *groups;
};

/* A problem in a file: where and what. Several are found in one reading. */
struct sg_rule_problem {
	unsigned int line;
	char text[400];
};
#define SG_RULE_PROBLEMS_MAX 64
struct sg_rule_problems {
	size_t n; /* of them; those past the array's end are only counted */
	struct sg_rule_problem list[SG_RULE_PROBLEMS_MAX];
};

/*
 * Reads a rule file (at most 4 MiB). -EINVAL: problems says what is wrong where; -ENOENT and
 * the like of open: one problem with line 0. ret is freed with sg_rules_free.
 */
int sg_rules_load(const char *path, struct sg_rule_file **ret, struct sg_rule_problems *problems);
/* The same of text; path is only its name. */
int sg_rules_parse(const char *path, const char *text, size_t n, struct sg_rule_file **ret,
		   struct sg_rule_problems *problems);
void sg_rules_free(struct sg_rule_file *f);
SG_DEFINE_AUTO(sg_rule_file, sg_rules_free)

/* Prometheus' durations: "1h30m", "5d", "0"; no fractions. 0 or -EINVAL. */
int sg_prom_duration(const char *s, int64_t *ret_ms);
/* The other way: "1h30m"; "0s". Writes at most n bytes, returns out. */
char *sg_fmt_prom_duration(int64_t ms, char *out, size_t n);

/* ---- evaluation -------------------------------------------------------------------- */

/* Who answers queries: as sg_query_instant. */
struct sg_rule_query {
	int (*run)(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena,
		   struct sg_value *ret, struct sg_error *err);
	void *ctx;
};

enum sg_alert_state { SG_ALERT_INACTIVE, SG_ALERT_PENDING, SG_ALERT_FIRING };
const char *sg_alert_state_name(enum sg_alert_state s); /* "inactive", "pending", "firing" */

enum sg_alert_health { SG_HEALTH_OK, SG_HEALTH_NO_DATA, SG_HEALTH_ERROR };

struct sg_alert {
	struct sg_series labels; /* name "", with alertname: what identifies it */
	uint64_t fingerprint; /* of labels */
	size_t n_annotations;
	const struct sg_label *annotations;
	enum sg_alert_state state;
	double value; /* of the last evaluation that was true */
	int64_t active_ms, fired_ms; /* since when the rule is true; since when it fires */
	int64_t resolved_ms; /* SG_ALERT_INACTIVE: since when; else 0 */
	int64_t keep_since_ms; /* no longer true, but kept firing since; 0: true */
	enum sg_alert_health health; /* NO_DATA, ERROR: fires for the want of an answer */
	bool flapping;
	unsigned int changes; /* of true and false, within flap_window_ms of the rule */
};

/*
 * A change of an alert's state; pending that ends silently is one, too, and a change of severity
 * alone (then the state is as before): a rule whose severity is a template has one alert for all.
 */
struct sg_alert_change {
	const struct sg_rule_group *group;
	const struct sg_rule *rule;
	const struct sg_alert *alert; /* valid during the call; its state is the new one */
	enum sg_alert_state from;
	int64_t t_ms;
	const char *reason; /* "true", "for elapsed", "false", "no data", ... */
};

struct sg_rules_hooks {
	/* One sample of ALERTS, ALERTS_FOR_STATE or a recorded series; a NaN of SG_STALE_BITS ends it. */
	void (*sample)(void *ctx, const struct sg_series *s, int64_t t_ms, double v,
		       const struct sg_native *hist);
	void (*change)(void *ctx, const struct sg_alert_change *c);
	void *ctx;
};

struct sg_rule_status {
	const char *error; /* of the last evaluation, or NULL */
	int64_t last_ms; /* when it was; 0: never */
	size_t n_alerts; /* with those that are resolved but kept */
	const struct sg_alert *const *alerts;
};

struct sg_rules_options {
	const struct sg_series *external_labels; /* may be NULL; borrowed */
	const char *external_url; /* may be NULL */
	int64_t resolved_retention_ms; /* 0: 15 minutes */
	bool plain; /* as Prometheus: rule_options are not looked at */
};

/*
 * The states of one group's rules. The group must outlive it. At each call all rules are
 * evaluated in order at t_ms (less query_offset); what one records the next ones see if the
 * hook stores it at once. 0, or the number of rules that failed, or -ENOMEM.
 */
struct sg_rules_eval;
int sg_rules_eval_new(const struct sg_rule_group *g, const struct sg_rules_options *o,
		      struct sg_rules_eval **ret);
void sg_rules_eval_free(struct sg_rules_eval *e);
int sg_rules_eval_run(struct sg_rules_eval *e, int64_t t_ms, const struct sg_rule_query *q,
		      const struct sg_rules_hooks *hooks);
void sg_rules_eval_status(const struct sg_rules_eval *e, size_t rule, struct sg_rule_status *ret);
/*
 * Puts an alert back as it was (clocks, state), before the first run; labels, annotations and
 * value are copied. -ENOENT: no rule of that name is in the group; -EEXIST.
 */
int sg_rules_eval_restore(struct sg_rules_eval *e, const char *rule, const struct sg_alert *a);
SG_DEFINE_AUTO(sg_rules_eval, sg_rules_eval_free)

/* ---- unit tests and the past ------------------------------------------------------- */

/*
 * Runs a file of unit tests in promtool's format; what happened is appended to out, as
 * promtool prints it. 0: all pass; 1: some fail; -EINVAL: the file is wrong.
 */
int sg_rules_test(const char *path, struct sg_buf *out, struct sg_error *err);

struct sg_backtest_options {
	int64_t from_ms, to_ms, interval_ms; /* interval: of groups without their own */
};
/*
 * Evaluates a file's groups over the past, as if they had run then, and appends a text: for
 * each alert how often it would have fired, when, and for how long. progress may be NULL.
 */
int sg_rules_backtest(const struct sg_rule_file *f, struct sg_reader *reader,
		      const struct sg_backtest_options *o, bool json, struct sg_buf *out,
		      struct sg_error *err);

#endif
