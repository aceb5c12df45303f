/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a command's data comes from: the daemon, or, when none answers, the store
 * itself. Commands do not see the difference.
 */
#ifndef SG_CLI_SOURCE_H
#define SG_CLI_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

#include <sgprobe/reader.h>

#include "cli.h"

struct sg_src {
	const struct sg_config *cfg;
	struct sg_reader *reader; /* NULL: the daemon answers */
};

/* 0, or -ECONNREFUSED (neither daemon nor store), -EACCES, ...; err is a sentence. */
int sg_src_open(struct sg_src *src, const struct sg_config *cfg, struct sg_error *err);
void sg_src_close(struct sg_src *src);

/* Prometheus' {"resultType","result"}, owned by the caller. */
int sg_src_query(struct sg_src *src, const char *expr, int64_t t_ms, json_t **ret,
		 struct sg_error *err);
int sg_src_range(struct sg_src *src, const char *expr, int64_t from_ms, int64_t to_ms,
		 int64_t step_ms, json_t **ret, struct sg_error *err);

/*
 * The sum over the series of an instant vector whose label starts with prefix (label NULL: all);
 * histograms and failures count as nothing. False: there was no such series.
 */
bool sg_src_sum(struct sg_src *src, const char *expr, const char *label, const char *prefix,
		double *ret);

/* Adds the stacks of (from, to] that the filter wants. -E2BIG with a sentence: too many. */
int sg_src_profile(struct sg_src *src, const struct sg_profile_filter *f, int64_t from_ms,
		   int64_t to_ms, struct sg_profile *p, struct sg_error *err);
/* Adds those of the daemon's document; -EBADMSG. */
int sg_profile_parse(struct sg_profile *p, const json_t *data);

/* A document of the daemon's own API, parsed. Only where src->reader is NULL. */
int sg_src_get(struct sg_src *src, const char *path, json_t **ret, struct sg_error *err);
/* What changes something. */
int sg_src_post(struct sg_src *src, const char *path, json_t **ret, struct sg_error *err);
/* The newest tick there is, for the default end of a range: now when a daemon runs. */
int sg_src_newest(struct sg_src *src, int64_t *t_ms, struct sg_error *err);

/* One histogram over time, column i for (from + i * step, from + (i + 1) * step]. */
struct sg_heat {
	char name[SG_NAME_MAX + 1], unit[16];
	int64_t from_ms, step_ms;
	size_t n;
	struct sg_hist *columns;
};
int sg_src_heat(struct sg_src *src, const char *match, int64_t from_ms, int64_t to_ms,
		int64_t step_ms, struct sg_heat *ret, struct sg_error *err);
void sg_heat_free(struct sg_heat *h);
/* Fills h (columns allocated, empty) from the daemon's document; -EBADMSG. */
int sg_heat_parse(struct sg_heat *h, const json_t *doc);

#endif
