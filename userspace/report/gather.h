/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a report is made from: one pass over the increases of every metric of the
 * catalogue, read in pieces of a minute so that a day needs no more memory than
 * an hour, and added up per metric and per label value.
 */
#ifndef REPORT_GATHER_H
#define REPORT_GATHER_H

#include <sgprobe/metric.h>
#include <sgprobe/report.h>

#define REPORT_MAX_COLUMNS 60
#define REPORT_THIRDS 3
#define REPORT_MAX_EVENTS 2000 /* the newest; of more it is said that there are more */

/* One label value of a metric. */
struct report_part {
	const char *value; /* label values, joined by spaces; "" without labels */
	struct sg_hist total; /* histogram */
	double sum; /* counter: increase; gauge: sum of readings */
	double min, max, last;
	size_t n; /* readings */
};

struct report_metric {
	struct sg_metric_info info;
	size_t n_parts, cap_parts;
	struct report_part **parts;
	struct sg_hist total; /* histograms: all parts */
	struct sg_hist thirds[REPORT_THIRDS];
	struct sg_hist *columns; /* one a step; NULL for dimension metrics */
	double sum; /* counters: all parts */
};

struct report_data {
	struct sg_arena *arena; /* names, parts */
	const struct sg_report_options *o;
	int64_t step_ms;
	size_t n_columns;
	size_t n_metrics, cap_metrics;
	struct report_metric **metrics; /* in the order of the catalogue */
	struct sg_map *by_name, *by_part;
	int64_t watched_s; /* seconds in which the probe reported */
	bool any; /* some sample was there */
	int64_t oldest_ms, newest_ms; /* of the store; both 0 when it is empty */
	size_t n_gaps;
	struct sg_gap *gaps;
	size_t n_events;
	struct sg_event *events; /* newest first */
};

/* A catalogue: calls cb for each metric, as sg_metrics_each. */
typedef int (*report_catalogue)(sg_metric_cb cb, void *ctx);

int report_gather(struct sg_reader *r, const struct sg_report_options *o, report_catalogue cat,
		  struct report_data *d, struct sg_error *err);
void report_data_free(struct report_data *d);
const struct report_metric *report_find(const struct report_data *d, const char *name);
/* Of what: the metric of dimension 'dim' of a host metric, or NULL. */
const struct report_metric *report_dimension(const struct report_data *d, const char *of,
					     const char *dim);
/* Counter increase over all its parts; 0 when it is not there. */
double report_sum(const struct report_data *d, const char *name);

/* Document: with any catalogue, for tests. */
int report_json_of(struct sg_reader *r, const struct sg_report_options *o, report_catalogue cat,
		   struct sg_buf *out, struct sg_error *err);

#endif
