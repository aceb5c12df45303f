/* SPDX-License-Identifier: GPL-2.0 */
/* An answer of PromQL, Prometheus' {"resultType","result"}, as a table, CSV or a picture. */
#ifndef SG_CLI_RESULT_H
#define SG_CLI_RESULT_H

#include <jansson.h>

#include "plot.h"
#include "table.h"

/*
 * A row for each sample: its time (of a range), a column for each label that some series has, the
 * value; of histograms count, sum and quantiles. format: SG_AS_TABLE or SG_AS_CSV.
 */
int sg_result_table(FILE *out, const json_t *data, enum sg_format format, unsigned int width);

struct sg_picture {
	int64_t from_ms, to_ms, step_ms;
	const char *unit, *hist_unit; /* of values, and of what distributions are of */
	const char *title; /* of a series without a name and labels */
	struct sg_plot_style style;
};
/* Lines, then a heat map for each series of histograms. 0, -EBADMSG, -ENOMEM. */
int sg_result_plot(struct sg_buf *b, const json_t *data, const struct sg_picture *p);

/* name{a="b"} of Prometheus' "metric" object, escaped for a terminal. */
void sg_result_labels(struct sg_buf *b, const json_t *metric);

#endif
