/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the router share. */
#ifndef ALERT_ROUTER_H
#define ALERT_ROUTER_H

#include <sgprobe/alert_router.h>

#define RT_VERSION 1 /* of the saved state */
#define RT_ROUTES_MAX 16 /* that one alert takes */
#define RT_RESOLVED_KEPT_MS (15 * 60000)
#define RT_SILENCE_KEPT_MS (5LL * 86400000)

struct rt_alert {
	struct sg_series *labels;
	struct sg_series identity; /* labels without severity; borrows from ident */
	struct sg_series *ident;
	struct sg_label *annotations;
	size_t n_annotations;
	uint64_t fingerprint;
	bool firing, external, flapping;
	int64_t starts_ms, ends_ms, until_ms; /* until_ms: ends by itself then; 0: not */
	unsigned int groups; /* that hold it */
};

struct rt_member {
	struct rt_alert *a;
	int told_rank; /* severity of the last notice; -1: none yet */
	int64_t closed_until_ms; /* resolved by hand: not told before; 0: no */
};

/* What a receiver knows of a group. */
struct rt_log {
	char *receiver;
	struct rt_set {
		size_t n, cap;
		uint64_t *v; /* rt_mark of alerts, ascending */
	} firing, resolved;
	int64_t sent_ms;
};

struct rt_policy { /* as it was when the incident began */
	struct sg_arena *arena;
	struct sg_escalation e;
};

struct rt_group {
	char *key;
	const struct sg_route *route;
	struct sg_series *labels;
	size_t n, cap, n_logs, cap_logs;
	struct rt_member *members;
	struct rt_log *logs;
	int64_t next_flush_ms;
	bool flushed; /* group_wait is over */
	int why; /* reason of the next notice, when something special; -1 */
	uint64_t incident; /* 0: none is open */
	int64_t acked_ms; /* 0: not */
	char *acked_by, *note;
	struct rt_policy *policy;
	unsigned int level, loops; /* level: reached, from 1 */
	bool final_told;
	int64_t level_due_ms, repeat_due_ms; /* 0: none */
	int64_t seen_ms; /* of the last tick: how long a pause was */
};

struct rt_silence {
	struct sg_silence s; /* strings owned by arena */
	struct sg_arena *arena;
	struct sg_selector sel;
};

/* An index of what fires and matches the source of an inhibition rule. */
struct rt_source {
	uint64_t hash; /* of the equal labels */
	const struct rt_alert *a;
	bool both; /* matches the target side, too */
};
struct rt_index {
	size_t n, cap;
	struct rt_source *v;
};

struct sg_router {
	const struct sg_alert_config *c;
	struct sg_router_hooks hooks;
	struct sg_map *alerts, *groups;
	struct rt_silence *silences;
	size_t n_silences, cap_silences;
	struct rt_index *index; /* one an inhibition rule */
	bool index_stale;
	uint64_t seq, incidents, ids, refused;
	struct sg_arena *arena; /* of one notice */
};

/* router.c */
struct rt_alert *rt_find(const struct sg_router *r, const struct sg_series *labels);
struct rt_group *rt_group_of(struct sg_router *r, const struct sg_route *route,
			     const struct sg_series *labels, bool make);
void rt_audit(struct sg_router *r, int64_t now, const char *who, const char *what,
	      const char *subject, const char *detail);
struct rt_member *rt_join(struct sg_router *r, struct rt_group *g, struct rt_alert *a);
struct rt_alert *rt_new_alert(struct sg_router *r, const struct sg_router_alert *a);
/* Routes an alert that was restored without a group. */
int rt_adopt(struct sg_router *r, struct rt_alert *a, const struct sg_router_alert *in);
struct sg_label *rt_dup_labels(const struct sg_label *l, size_t n);
void rt_policy_free(struct rt_policy *p);

void rt_leave(struct sg_router *r, struct rt_group *g, size_t member);
void rt_group_free(struct rt_group *g);
int rt_count_firing(const struct rt_group *g);
/* Looks at the group now; why: a reason of the next notice, or -1. */
void rt_hurry(struct rt_group *g, int why, int64_t now);
/* An alert ended: its groups hear of it. It may be gone after. */
void rt_end(struct sg_router *r, struct rt_alert *a, int64_t now);

/* router_suppress.c */
const struct rt_silence *rt_silenced_by(const struct sg_router *r, const struct sg_series *labels,
					int64_t now);
/* The alert that inhibits this one, or NULL. */
const struct rt_alert *rt_inhibited_by(struct sg_router *r, const struct rt_alert *a);
/* The name of the interval that mutes the route now, "" when none of its active ones holds; NULL: not muted. */
const char *rt_muted_by(const struct sg_route *route, int64_t now);
bool rt_suppressed(struct sg_router *r, const struct rt_member *m, int64_t now);
void rt_index_free(struct sg_router *r);
void rt_silence_free(struct rt_silence *s);

/* router_notice.c */
struct rt_log *rt_log_of(struct rt_group *g, const char *receiver, bool make);
bool rt_told(const struct rt_group *g); /* some receiver knows of something that fires */
void rt_log_free(struct rt_log *l);
/* An alert as it was told: with its severity, so that a change of it is news. */
uint64_t rt_mark(const struct rt_alert *a);
bool rt_knows(const struct rt_log *l,
	      const struct rt_alert *a); /* that it fires, at any severity */
int rt_set_copy(struct rt_set *to, const uint64_t *v, size_t n);
/*
 * Tells one receiver of the group, if there is news (reason -1) or always. 0: nothing was sent;
 * 1: sent; -ENOMEM.
 */
int rt_tell(struct sg_router *r, struct rt_group *g, const char *receiver, int reason, int64_t now);
/* Tells those who know of the incident that it was acknowledged, or ended by hand. */
int rt_tell_all(struct sg_router *r, struct rt_group *g, enum sg_notice_reason reason,
		const char *who, const char *note, int64_t now);

/* router_escalate.c */
int rt_escalation_begin(struct rt_group *g, int64_t now);
/* Goes on to the levels that are due, and tells their receivers; the first one for this reason. */
int rt_escalate(struct sg_router *r, struct rt_group *g, bool paused, int reason, int64_t now);
void rt_escalation_end(struct rt_group *g);
/* Who hears of news of the group: the route's receiver, or those of the levels reached. */
size_t rt_targets(const struct rt_group *g, const char **ret, size_t max);
void rt_unack(struct sg_router *r, struct rt_group *g, const char *why, int64_t now);
int64_t rt_escalation_next(const struct rt_group *g);
struct rt_policy *rt_policy_copy(const struct sg_escalation *e);

#endif
