/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is to be told to a receiver: the alert engine makes one, whoever delivers reads it. It
 * borrows everything that it points to and is valid during the call that hands it over.
 */
#ifndef SGPROBE_NOTICE_H
#define SGPROBE_NOTICE_H

#include <sgprobe/series.h>

enum sg_notice_reason {
	SG_NOTICE_NEW, /* the group's first */
	SG_NOTICE_FIRING, /* more alerts fire */
	SG_NOTICE_SEVERITY, /* one became more severe */
	SG_NOTICE_RESOLVED, /* some, or all, ended */
	SG_NOTICE_REPEAT, /* repeat_interval, or a level's repeat_every, has passed */
	SG_NOTICE_ESCALATED, /* nobody acknowledged in time */
	SG_NOTICE_ACK_TIMEOUT, /* acknowledged, but not resolved in time */
	SG_NOTICE_REOPENED, /* resolved by hand, and still firing */
	SG_NOTICE_ACKNOWLEDGED, /* for receivers that keep an incident of their own */
	SG_NOTICE_CLOSED, /* resolved by hand */
	SG_NOTICE_FLAPPING, /* an alert comes and goes */
};
const char *sg_notice_reason_name(enum sg_notice_reason r); /* "new", "firing", ... */

struct sg_notice_alert {
	const struct sg_series *labels; /* name "" */
	size_t n_annotations;
	const struct sg_label *annotations; /* ascending by name */
	bool firing; /* else resolved */
	bool flapping;
	int64_t starts_ms, ends_ms; /* ends_ms 0: firing */
	uint64_t fingerprint; /* as Alertmanager computes it; printed as 16 hexadecimal digits */
};

struct sg_notice {
	uint64_t seq; /* of the engine's, ascending over restarts: makes idempotency keys */
	int64_t t_ms;
	const char *receiver;
	const char
		*group_key; /* {}/{severity="critical"}:{alertname="X"}; constant for the group */
	struct sg_series group_labels;
	struct sg_series common_labels; /* that all alerts have alike */
	size_t n_common_annotations;
	const struct sg_label *common_annotations;
	size_t n_alerts; /* firing first, then those that resolved since the last notice */
	const struct sg_notice_alert *alerts;
	size_t n_truncated; /* alerts that are not in the list: it holds SG_NOTICE_ALERTS_MAX */
	size_t n_firing; /* with those that are not in the list; 0: all is resolved */
	enum sg_notice_reason reason;
	uint64_t incident; /* changes when a group that was resolved fires again */
	unsigned int level; /* of the escalation policy, from 1; 0: there is none */
	const char *by, *note; /* who acknowledged or resolved, and what they said; or NULL */
};
#define SG_NOTICE_ALERTS_MAX 1000

#endif
