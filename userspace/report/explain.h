/* SPDX-License-Identifier: GPL-2.0 */
/* What an explanation is made of. */
#ifndef REPORT_EXPLAIN_H
#define REPORT_EXPLAIN_H

#include "window.h"

#define EXPLAIN_DIMS_MAX 10

struct explain_part {
	const char *value;
	struct sg_hist in[2];
	double sum[2][WINDOW_BLOCKS_MAX]; /* what it added, per block */
	double p;
	struct sg_explain_part *result;
};

struct explain_dim {
	const char *label;
	char metric[SG_NAME_MAX + 1]; /* whose series are its values' */
	struct explain_part **parts;
	size_t n, cap;
	struct sg_explain e;
	struct sg_explain_part *results;
	double score;
};

struct explain {
	const struct sg_explain_options *o;
	struct sg_arena *arena;
	struct sg_map *map;
	struct sg_metric_info info;
	char name[SG_NAME_MAX + 1];
	struct sg_selector sel; /* as asked */
	struct window_cut cut[2];
	struct explain_dim dims[EXPLAIN_DIMS_MAX];
	size_t n_dims;
	struct explain_part host;
	struct sg_hist blocks[2][WINDOW_BLOCKS_MAX]; /* of the host */
	struct sg_shift shift;
};

/* What parts are ranked by. */
enum sg_measure explain_measure(const struct explain *x);
/* The document; sorts dimensions and parts. */
void explain_put(struct sg_buf *b, struct explain *x);

#endif
