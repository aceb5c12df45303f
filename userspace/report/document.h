/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the report document; docs/REPORT.md describes them. */
#ifndef REPORT_DOCUMENT_H
#define REPORT_DOCUMENT_H

#include "gather.h"

#define REPORT_VERSION 1

/* Each appends one member, without a comma before it. */
void report_put_verdict(struct sg_buf *b, const struct report_data *d);
void report_put_events(struct sg_buf *b, const struct report_data *d);
void report_put_latency(struct sg_buf *b, const struct report_data *d);
void report_put_tables(struct sg_buf *b, const struct report_data *d);
void report_put_resources(struct sg_buf *b, const struct report_data *d);
void report_put_metrics(struct sg_buf *b, const struct report_data *d);
void report_put_quality(struct sg_buf *b, const struct report_data *d);

/* How p99 moved from the first third to the last. */
struct report_trend {
	double first, last; /* p99; NaN when that third is empty */
	double ratio; /* last / first; NaN when it means nothing */
	bool slower, faster; /* by half or more, and with enough events to say so */
};
struct report_trend report_trend(const struct report_metric *m);

/* "key":number */
void report_num(struct sg_buf *b, const char *key, double v);
/* "key":"text" */
void report_str(struct sg_buf *b, const char *key, const char *v);

#endif
