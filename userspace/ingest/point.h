/* SPDX-License-Identifier: GPL-2.0 */
/* What a parser makes of a line: a series in the making, and what happens to it. */
#ifndef SG_INGEST_POINT_H
#define SG_INGEST_POINT_H

#include <sgprobe/series.h>

#define INGEST_RATE_MAX                                                                            \
	1000000ULL /* a sampling rate has six decimals: counts of a tick stay exact */

enum ingest_reason {
#define INGEST_REASON(id, name, help) INGEST_##id,
#include "reasons.def"
#undef INGEST_REASON
	INGEST_REASONS,
	INGEST_OK = INGEST_REASONS,
};
const char *ingest_reason_name(enum ingest_reason r);
const char *ingest_reason_help(enum ingest_reason r);

/* A name and labels while they are put together; zero-initialise. Names become valid ones. */
struct ingest_draft {
	char name[SG_NAME_MAX + 1];
	size_t n, used;
	struct sg_label labels[SG_LABELS_MAX];
	char text[8192];
};
void ingest_draft_reset(struct ingest_draft *d);
/* What no name may hold becomes '_'. False: empty or too long. */
bool ingest_draft_name(struct ingest_draft *d, const char *p, size_t n);
/* False when it does not fit any more. Does nothing when the name ends so already. */
bool ingest_draft_suffix(struct ingest_draft *d, const char *suffix);
/* A second one of the same name replaces the first. False: too many, too long, not UTF-8. */
bool ingest_draft_label(struct ingest_draft *d, const char *name, size_t name_len,
			const char *value, size_t value_len);
/* The same, but a label of that name becomes exported_NAME first, as Prometheus does it. */
bool ingest_draft_own_label(struct ingest_draft *d, const char *name, const char *value);

enum ingest_op {
	INGEST_ADD, /* a counter grows by value / rate */
	INGEST_TOTAL, /* a counter stands at value since its own start */
	INGEST_SET, /* a gauge is value */
	INGEST_SHIFT, /* a gauge changes by value */
	INGEST_OBSERVE, /* a distribution gets value, 1 / rate times */
	INGEST_MEMBER, /* a set has a member */
};

struct ingest_point {
	struct ingest_draft *series; /* its labels may be put in order by the receiver */
	enum ingest_op op;
	double value;
	uint64_t rate_num, rate_den; /* 3 and 10 for a rate of 0.3; 1 and 1 */
	uint64_t member; /* hash of it */
	int64_t t_ms; /* 0: none was given */
};

/* Where parsers put what they found; line is what to show of it. */
struct ingest_sink {
	void (*point)(void *ctx, const struct ingest_point *p, const char *line, size_t n);
	void (*refused)(void *ctx, enum ingest_reason why, const char *line, size_t n);
	void *ctx;
};

/* ---- the parsers: of any bytes ---- */

struct ingest_label_set {
	const struct sg_label *labels; /* of ours */
	size_t n;
};

void ingest_statsd(const char *p, size_t n, const struct ingest_sink *sink);

/* Text may come in pieces of whole lines; the state goes on over them. Zero-initialise. */
struct ingest_prom {
	struct ingest_label_set own;
	bool openmetrics; /* timestamps are seconds */
	char family[SG_NAME_MAX + 1]; /* of the last TYPE line */
	int type;
};
void ingest_prom(struct ingest_prom *s, const char *p, size_t n, const struct ingest_sink *sink);

struct ingest_influx {
	struct ingest_label_set own;
	uint64_t unit_ns; /* of timestamps */
};
/* One point, or what is skipped because it is none. Bytes that were used, at least 1. */
size_t ingest_influx_one(const struct ingest_influx *s, const char *p, size_t n,
			 const struct ingest_sink *sink);
void ingest_influx(const struct ingest_influx *s, const char *p, size_t n,
		   const struct ingest_sink *sink);

/* A whole decimal number, NaN or Inf. False: it is none, or longer than 63 bytes. */
bool ingest_number(const char *p, size_t n, double *ret);
/* A decimal integer of at most 19 digits, with a sign or not. */
bool ingest_integer(const char *p, size_t n, int64_t *ret);

#endif
