/* SPDX-License-Identifier: GPL-2.0 */
/* The aggregations that the table in functions.c lists. */
#ifndef QUERY_AGGREGATE_H
#define QUERY_AGGREGATE_H

#include "engine.h"

#define PQ_REDUCE_FN(name)                                                                         \
	int name(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
PQ_REDUCE_FN(pq_agg_sum);
PQ_REDUCE_FN(pq_agg_avg);
PQ_REDUCE_FN(pq_agg_min);
PQ_REDUCE_FN(pq_agg_max);
PQ_REDUCE_FN(pq_agg_count);
PQ_REDUCE_FN(pq_agg_group);
PQ_REDUCE_FN(pq_agg_stddev);
PQ_REDUCE_FN(pq_agg_stdvar);
PQ_REDUCE_FN(pq_agg_quantile);

int pq_agg_topk(struct pq_engine *e, const struct pq_agg_step *s, size_t *order);
int pq_agg_bottomk(struct pq_engine *e, const struct pq_agg_step *s, size_t *order);
int pq_agg_limitk(struct pq_engine *e, const struct pq_agg_step *s, size_t *order);
int pq_agg_limit_ratio(struct pq_engine *e, const struct pq_agg_step *s, size_t *order);
int pq_count_values(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		    const struct pq_rows *in, struct pq_rows *out);

/* Refuses a k that is no number of rows. */
int pq_agg_check_k(struct pq_engine *e, double k);
int pq_agg_check_ratio(struct pq_engine *e, double ratio);
/* A sample value as text in the arena. */
const char *pq_float_text(struct pq_engine *e, double v);

#endif
