/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of functions and aggregations. A function is one row: its name,
 * its types, and the one implementation pointer that fits its shape.
 */
#ifndef QUERY_FUNCTIONS_H
#define QUERY_FUNCTIONS_H

#include <time.h>

#include "ast.h"

struct pq_engine;
struct pq_grid;
struct pq_rows;
struct pq_window;
struct pq_cell;
struct pq_agg_step;

#define PQ_MAX_PARAMS 8
#define PQ_INFO "info" /* the function whose second argument is a selector of labels */

struct pq_func {
	const char *name;
	enum pq_type ret;
	uint8_t n_args; /* of args; the last one repeats when variadic */
	int8_t variadic; /* 0: exactly n_args; n: the last may be missing or come n times; -1: any number */
	enum pq_type args[5];
	bool keep_name; /* the metric's name stays */

	/* One of these. A float to a float, histograms left out: */
	double (*math)(double v);
	/* A time to a number: year(), hour(), ... */
	double (*date)(const struct tm *tm);
	/* A sample and scalar parameters to a sample; false: no sample. */
	bool (*cell)(struct pq_engine *e, const struct pq_node *call, const struct pq_cell *in,
		     const double *params, struct pq_cell *out);
	/* A window of samples to a sample: 1, 0 for none, or -errno. */
	int (*window)(struct pq_engine *e, const struct pq_window *w, struct pq_cell *out);
	/* Anything else. */
	int (*whole)(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *call,
		     struct pq_rows *out);
};
const struct pq_func *pq_func_find(const char *name);

struct pq_agg {
	const char *name;
	bool has_param;
	enum pq_type param;
	/* One value a group and step: fills out and returns 1, 0 for none, or -errno. */
	int (*reduce)(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out);
	/* Picks members: their indices in order; how many, or -errno. order has room for all. */
	int (*pick)(struct pq_engine *e, const struct pq_agg_step *s, size_t *order);
	/* Anything else. */
	int (*whole)(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		     const struct pq_rows *in, struct pq_rows *out);
};
const struct pq_agg *pq_agg_find(const char *name);

#endif
