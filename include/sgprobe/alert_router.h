/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From alerts to notices: grouping, deduplication, silences, inhibition, muting, escalation,
 * acknowledgement. It has no clock and does no I/O: time comes with each call, notices leave
 * through a hook, and its whole state can be saved as text and restored. One owner; bounded
 * by SG_ROUTER_ALERTS_MAX: past it new alerts are refused with -ENOSPC and counted.
 */
#ifndef SGPROBE_ALERT_ROUTER_H
#define SGPROBE_ALERT_ROUTER_H

#include <sgprobe/alert_config.h>
#include <sgprobe/notice.h>

#define SG_ROUTER_ALERTS_MAX 50000
#define SG_SILENCES_MAX 1000

struct sg_router_hooks {
	void (*notice)(void *ctx, const struct sg_notice *n);
	/* What was done and why: "acknowledged", "silenced", "notified", ... */
	void (*audit)(void *ctx, int64_t t_ms, const char *who, const char *what,
		      const char *subject, const char *detail);
	void *ctx;
};

struct sg_router_alert {
	struct sg_series labels; /* name "" */
	size_t n_annotations;
	const struct sg_label *annotations;
	int64_t starts_ms;
	int64_t ends_ms; /* 0: fires until it is said to have ended; in the future: until then */
	bool external; /* without an end it ends resolve_timeout after it was put last */
	bool flapping;
};

struct sg_silence {
	char id[37];
	const char *matchers; /* {a="b",c=~"d"} */
	int64_t starts_ms, ends_ms;
	const char *created_by, *comment;
};
enum sg_silence_state { SG_SILENCE_PENDING, SG_SILENCE_ACTIVE, SG_SILENCE_EXPIRED };

struct sg_router;
/* The configuration must outlive it. */
int sg_router_new(const struct sg_alert_config *c, const struct sg_router_hooks *hooks,
		  struct sg_router **ret);
void sg_router_free(struct sg_router *r);
SG_DEFINE_AUTO(sg_router, sg_router_free)

/*
 * A new alert, or news of one: it is known by its labels without severity, so that a change of
 * severity is a change of the same alert. 0, -ENOSPC, -ENOMEM.
 */
int sg_router_put(struct sg_router *r, const struct sg_router_alert *a, int64_t now_ms);
/* Sends what is due. To be called each second, and after sg_router_put. */
int sg_router_tick(struct sg_router *r, int64_t now_ms);
/* When the next tick has something to do; INT64_MAX: never. */
int64_t sg_router_next_ms(const struct sg_router *r);
uint64_t sg_router_refused(const struct sg_router *r);

/*
 * Adds a silence (id empty: a new one is written into s->id) or changes it. -EINVAL with err;
 * -ENOSPC. Silences that ended are kept for five days.
 */
int sg_router_silence(struct sg_router *r, struct sg_silence *s, int64_t now_ms,
		      struct sg_error *err);
int sg_router_unsilence(struct sg_router *r, const char *id, const char *who, int64_t now_ms);
size_t sg_router_silences(const struct sg_router *r, struct sg_silence *ret, size_t max);
enum sg_silence_state sg_silence_state(const struct sg_silence *s, int64_t now_ms);

/*
 * what: an alert's fingerprint (16 hexadecimal digits), or a group key. Acknowledging stops
 * escalation and repeats until something new or more severe comes, or ack_timeout. -ENOENT;
 * -EALREADY.
 */
int sg_router_ack(struct sg_router *r, const char *what, const char *who, const char *note,
		  int64_t now_ms);
/* Ends the incident; what still fires after reopen_after opens it again, or never, until it ended once. */
int sg_router_resolve(struct sg_router *r, const char *what, const char *who, const char *note,
		      bool until_clear, int64_t now_ms);

/* Why an alert is told to whom, and when next, as text. -ENOENT. */
int sg_router_explain(struct sg_router *r, const char *fingerprint, int64_t now_ms,
		      struct sg_buf *out);

/* The state as JSON, and back, into a new router. -EBADMSG: it is none. */
void sg_router_save(const struct sg_router *r, struct sg_buf *out);
int sg_router_restore(struct sg_router *r, const char *json, size_t n, struct sg_error *err);

/* Alertmanager's fingerprint of a label set. */
uint64_t sg_alert_fingerprint(const struct sg_series *labels);

#endif
