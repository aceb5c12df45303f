/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is told, when and how often: Alertmanager's routing tree, inhibition rules and time
 * intervals and PagerDuty's escalation policies, from YAML under their names. Receivers are
 * known by name and by whether they want to hear of ends; what they are is for whoever
 * delivers.
 */
#ifndef SGPROBE_ALERT_CONFIG_H
#define SGPROBE_ALERT_CONFIG_H

#include <sgprobe/alert_rules.h>

/* ---- time intervals ---------------------------------------------------------------- */

struct sg_zone; /* a time zone's history */
/* Reads /usr/share/zoneinfo/NAME ("UTC" without); -ENOENT, -EINVAL. Freed with free(). */
int sg_zone_load(const char *name, struct sg_zone **ret);
/* From the bytes of such a file. */
int sg_zone_parse(const void *p, size_t n, struct sg_zone **ret);
/* Seconds to add to UTC at this moment. */
int32_t sg_zone_offset(const struct sg_zone *z, int64_t t_s);

struct sg_time_range {
	int from, to; /* both inclusive, but minutes: to is exclusive */
};
struct sg_time_span { /* all parts that are given must hold; each by any of its ranges */
	size_t n_times, n_weekdays, n_days, n_months, n_years;
	struct sg_time_range *times; /* minutes of the day */
	struct sg_time_range *weekdays; /* 0: Sunday */
	struct sg_time_range *days; /* of the month, from 1; below 0: from its end */
	struct sg_time_range *months, *years;
	const char *location; /* NULL: UTC */
	struct sg_zone *zone;
};
struct sg_time_interval {
	const char *name;
	size_t n;
	struct sg_time_span *spans;
};
bool sg_time_interval_holds(const struct sg_time_interval *i, int64_t t_ms);

/* ---- routes ------------------------------------------------------------------------ */

struct sg_receiver {
	const char *name;
	bool send_resolved; /* false: all that it consists of say so */
};

struct sg_escalation_level {
	int64_t after_ms; /* after the level before; of the first: after the incident began */
	int64_t repeat_every_ms; /* 0: not by itself */
	size_t n_notify;
	const char **notify; /* receivers */
	bool even_acked; /* condition: not_resolved; else not_acked */
};
struct sg_escalation {
	const char *name;
	int64_t ack_timeout_ms; /* 0: none */
	unsigned int loops; /* how often it is gone through again */
	const char *final; /* receiver after the last loop, or NULL */
	size_t n_levels;
	struct sg_escalation_level *levels;
};

struct sg_route {
	const char *key; /* {}/{severity="critical"} */
	const char *receiver;
	struct sg_selector matchers;
	bool cont; /* continue */
	bool group_by_all; /* ['...'] */
	size_t n_group_by, n_mute, n_active, n_routes;
	const char **group_by;
	int64_t group_wait_ms, group_interval_ms, repeat_interval_ms;
	const struct sg_time_interval **mute, **active;
	const struct sg_escalation *escalation; /* or NULL */
	struct sg_route *routes;
	unsigned int line;
};

struct sg_inhibit_rule {
	struct sg_selector source, target;
	size_t n_equal;
	const char **equal;
};

struct sg_rule_option {
	const char *rule;
	enum sg_rule_policy no_data, exec_error;
	const char *recover_expr, *escalation;
	unsigned int flap_changes;
	int64_t flap_window_ms;
	unsigned int line;
};

struct sg_alert_config {
	struct sg_arena *arena; /* all of it lies here */
	size_t n_rule_files, n_options, n_receivers, n_intervals, n_escalations, n_inhibit;
	const char **rule_files; /* patterns, relative to the file */
	struct sg_rule_option *options;
	struct sg_receiver *receivers;
	struct sg_time_interval *intervals;
	struct sg_escalation *escalations;
	struct sg_inhibit_rule *inhibit;
	struct sg_route root;
	int64_t resolve_timeout_ms; /* of alerts from elsewhere that say no end */
	int64_t reopen_after_ms; /* of incidents that were resolved by hand */
};

#define SG_ROUTES_MAX 1000
#define SG_ROUTE_DEPTH_MAX 32
#define SG_DEFAULT_RECEIVER "none" /* that of an empty configuration: nobody is told */

/* As sg_rules_load and sg_rules_parse. */
int sg_alert_config_load(const char *path, struct sg_alert_config **ret,
			 struct sg_rule_problems *problems);
int sg_alert_config_parse(const char *path, const char *text, size_t n,
			  struct sg_alert_config **ret, struct sg_rule_problems *problems);
void sg_alert_config_free(struct sg_alert_config *c);
SG_DEFINE_AUTO(sg_alert_config, sg_alert_config_free)
/* Writes the options into the file's rules; strings are borrowed. How many rules had some. */
size_t sg_alert_config_apply(const struct sg_alert_config *c, struct sg_rule_file *f);

/*
 * Matchers as Alertmanager writes them: a="b", c=~"d|e" or {a="b",c!="d"}; quotes may be left
 * out. Into the arena, not compiled. -EINVAL with err.
 */
int sg_matchers_parse(const char *text, struct sg_arena *a, struct sg_selector *ret,
		      struct sg_error *err);
void sg_matchers_format(struct sg_buf *b, const struct sg_selector *sel); /* {a="b",c=~"d"} */

/* The routes that an alert goes to, in order; at most max. */
size_t sg_routes_of(const struct sg_alert_config *c, const struct sg_series *labels,
		    const struct sg_route **ret, size_t max);
/* info 1, warning 2, error 3, critical 4 ("page" as critical, "ticket" as warning); else 0. */
int sg_severity_rank(const struct sg_series *labels);

#endif
