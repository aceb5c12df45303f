/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The evaluator. Every expression is evaluated for all steps at once: an instant
 * vector is a set of rows, one per label set, each with a cell per step; a scalar
 * is one row without labels. What a selector needs is read from the store once,
 * before the evaluation, and windows slide over it.
 *
 * Where there are many steps all this is done a part of them at a time (parts.c).
 *
 * All memory is in the query's own arena, whose size is the memory limit, and in that of
 * a part, which gets what the other leaves.
 */
#ifndef QUERY_ENGINE_H
#define QUERY_ENGINE_H

#include <errno.h>

#include <sgprobe/query.h>

#include "ast.h"
#include "functions.h"
#include "hists.h"

#define PQ_LOOKBACK_MS 300000
#define PQ_SUBQUERY_STEP_MS 60000
#define PQ_MAX_WARNINGS 32

extern const struct sg_native pq_absent; /* a cell whose hist is this has no sample */

struct pq_cell {
	double v;
	const struct sg_native *h; /* NULL: a float; &pq_absent: nothing */
};
static inline bool pq_has(const struct pq_cell *c)
{
	return c->h != &pq_absent;
}
static inline bool pq_is_float(const struct pq_cell *c)
{
	return !c->h;
}
static inline bool pq_is_hist(const struct pq_cell *c)
{
	return c->h && c->h != &pq_absent;
}

/*
 * Functions and arithmetic drop the metric's name, but only from the result of the
 * whole query, as Prometheus does with delayed name removal: until then
 * label_replace can still see it, and two metrics do not collide within a sum.
 */
struct pq_row {
	struct sg_series series;
	bool drop_name;
	struct pq_cell *cells; /* one a step */
};
struct pq_rows {
	size_t n, cap;
	struct pq_row **rows;
	struct sg_map *by_labels; /* private to pq_rows_get */
};
/* Frees the lookup table, not the rows. */
void pq_rows_done(struct pq_rows *rs);

/* The steps of an evaluation. */
struct pq_grid {
	int64_t start_ms, step_ms;
	size_t n;
};
static inline int64_t pq_grid_time(const struct pq_grid *g, size_t i)
{
	return g->start_ms + g->step_ms * (int64_t)i;
}

/* The samples of one series, in time order. */
struct pq_track {
	const struct sg_series *series;
	bool drop_name; /* of a subquery's result */
	size_t n;
	const int64_t *t_ms;
	const double *values; /* NULL when all are histograms */
	/*
	 * NULL when all are floats; else NULL per float. Of sgprobe's own histograms it
	 * is filled when one is asked for (pq_hist_at): most never are.
	 */
	const struct sg_native **hists;
	const struct sg_hist *own; /* of the reader; NULL: it gave any histograms */
	struct pq_engine *e;
	bool gauges; /* some histogram is marked as a gauge */
	bool layouts; /* the histograms are not all of one schema */
	size_t sought; /* where windows began last */
	/* Where a counter was reset, found once: ascending indices of the sample after it. */
	size_t *resets, n_resets, cap_resets;
	size_t resets_until; /* samples before it are looked through */
};
struct pq_tracks {
	size_t n;
	struct pq_track *tracks;
};

/* select.c: the i-th of the reader's own histograms; when memory is short the query fails later. */
const struct sg_native *pq_make_hist(const struct pq_track *t, size_t i);
/* The i-th sample as a histogram; NULL: it is a float. */
static inline const struct sg_native *pq_hist_at(const struct pq_track *t, size_t i)
{
	if (!t->hists)
		return NULL;
	return t->hists[i] || !t->own ? t->hists[i] : pq_make_hist(t, i);
}

/* Samples [lo, hi) of a track: those within (start, end]. */
struct pq_window {
	struct pq_track *track;
	size_t lo, hi;
	int64_t start_ms, end_ms, range_ms;
	int64_t now_ms; /* the time of the step */
	const struct pq_node *call;
	const struct pq_node *arg; /* the range vector, for messages */
	const double *params; /* scalar arguments at this step */
};

struct pq_selection { /* what was read for one distinct selector */
	const struct sg_selector *sel;
	int64_t from_ms, to_ms;
	bool totals; /* only counts and sums of histograms are asked for */
	uint32_t pos;
	int64_t res_ms; /* a resolution that is enough; 0: the best */
	enum sg_field field;
	int64_t lookback_ms; /* of instant selectors */
	struct pq_tracks tracks;
	struct pq_tracks live; /* without the markers of stale series */
};

struct pq_engine {
	const struct pq_ast *ast;
	struct sg_reader *reader;
	struct sg_arena *arena; /* where results go: of the query, or of a part of its steps */
	struct sg_arena *lasting; /* of the query */
	bool in_parts;
	bool any_buckets; /* histograms were read, and with their buckets */
	size_t max_bytes, max_samples;
	uint64_t deadline_ns;
	unsigned int ticks;
	int64_t start_ms, end_ms, step_ms; /* of the query, for @ start(), step() ... */
	bool instant; /* one step, where order has a meaning */
	size_t n_selections, cap_selections;
	struct pq_selection *selections;
	size_t n_samples;
	size_t n_warnings;
	const char *warnings[PQ_MAX_WARNINGS];
	struct pq_hist_sum hist_sum;
	struct sg_native *made; /* room for histograms that pq_make_hist makes */
	size_t made_left;
	bool short_of_memory; /* found where it could not be said */
	struct sg_error *err;
};

/* engine.c */
int pq_eval(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
	    struct pq_rows *out);
/* Called in loops: -ETIMEDOUT past the deadline. */
int pq_tick(struct pq_engine *e);
/* Memory of the evaluation; NULL past the limit: 'return pq_oom(e)' then says so. */
void *pq_alloc(struct pq_engine *e, size_t n);
void *pq_alloc_n(struct pq_engine *e, size_t n, size_t size);
/* Memory that stays until the query ends: for what is found once and kept in a track. */
void *pq_alloc_lasting(struct pq_engine *e, size_t n, size_t size);
void pq_say_oom(struct pq_engine *e);
static inline int pq_oom(struct pq_engine *e)
{
	pq_say_oom(e);
	return -E2BIG;
}
/* Adds "PromQL warning: <text> (line:col)" once; info: the milder kind. */
void pq_warn(struct pq_engine *e, uint32_t pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void pq_info(struct pq_engine *e, uint32_t pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A number as Go's %g writes it: the shortest digits. In the arena; "" when memory is short. */
const char *pq_go_g(struct pq_engine *e, double v);
/* What histograms of one series that do not go together give: a warning. */
void pq_warn_mixed_buckets(struct pq_engine *e, uint32_t pos, const char *name);
/* What an operation ("addition", ...) on histograms had to reconcile: warnings. */
void pq_note_hist_sum(struct pq_engine *e, uint32_t pos, const struct pq_hist_sum *a,
		      const char *operation);
/* A scalar argument, as one cell a step. */
int pq_eval_scalar(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   const struct pq_cell **ret);
int pq_eval_call(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		 struct pq_rows *out);

/* parts.c */
/* The whole expression, names dropped. */
int pq_eval_steps(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		  struct pq_rows *out);
/* What an evaluation returns that has something to say of all steps together, while in_parts. */
#define PQ_NEEDS_ALL_STEPS (-EAGAIN)

/* rows.c */
/* Two samples of one label set at one step: -EINVAL. */
int pq_duplicate(struct pq_engine *e);
/* The row of a label set, made with all cells absent when there is none yet. */
struct pq_row *pq_rows_get(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs,
			   const struct sg_series *s);
/* Adds a row without looking for an equal one. */
int pq_rows_add(struct pq_engine *e, struct pq_rows *rs, const struct sg_series *s, bool drop_name,
		struct pq_cell *cells);
struct pq_cell *pq_cells(struct pq_engine *e, const struct pq_grid *g);
/* One row without labels. */
struct pq_cell *pq_rows_scalar(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs);
/* Puts a sample into the row with the labels of 'like'; -EINVAL when there is one already. */
int pq_rows_put(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs,
		const struct pq_row *like, size_t step, const struct pq_cell *c);
/* Takes the names away that are to be dropped, and merges. */
int pq_rows_drop_names(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs);
/* Merges rows of equal labels; -EINVAL when two have a sample at one step. */
int pq_rows_merge(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *rs);

/* "{a="b", c="d"}" with the name as __name__, for messages. */
void pq_labels_text(const struct sg_series *s, char *out, size_t n);
/* Refuses a label name that is empty or not UTF-8: "<what>\"name\"". */
int pq_check_label(struct pq_engine *e, const char *name, const char *what);
/* labels.c: derived label sets; fail with a message when memory is short. */
int pq_labels_keep(struct pq_engine *e, const struct sg_series *s, const struct pq_names *names,
		   struct sg_series *ret);
int pq_labels_drop(struct pq_engine *e, const struct sg_series *s, const struct pq_names *names,
		   struct sg_series *ret); /* and the name */
/* value "" removes; name may be "__name__". */
int pq_labels_set(struct pq_engine *e, const struct sg_series *s, const char *name,
		  const char *value, struct sg_series *ret);

/* select.c */
int pq_read_all(struct pq_engine *e, struct pq_node *root, const struct pq_grid *g);
int pq_eval_selector(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		     struct pq_rows *out);
/* The samples of a range selector or subquery, over all steps of g. */
int pq_eval_tracks(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   struct pq_tracks *ret);
/* Whether a sample marks the end of a series. */
bool pq_is_stale(const struct pq_track *t, size_t i);
/* Where the window of a step lies, or the time an instant selector looks at (start == end). */
void pq_window_at(const struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		  size_t step, int64_t *start, int64_t *end);
/* Moves lo and hi to the samples in (start, end]; both only move forward. */
void pq_window_slide(struct pq_window *w, int64_t start, int64_t end);

/* One group at one step: what an aggregation sees. */
struct pq_agg_step {
	const struct pq_node *node;
	const struct pq_cell **cells; /* present ones only */
	const struct sg_series **series;
	size_t n;
	double param;
	double *scratch; /* n doubles */
};

/* aggregate.c, binary.c */
int pq_eval_aggregate(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		      struct pq_rows *out);
int pq_eval_binary(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   struct pq_rows *out);
/* binary_match.c: operators between two vectors. */
int pq_eval_vectors(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		    const struct pq_rows *l, const struct pq_rows *r, struct pq_rows *out);
int pq_eval_set(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		const struct pq_rows *l, const struct pq_rows *r, struct pq_rows *out);
/*
 * One operation on two samples. 1: out holds the result (for a comparison the left
 * sample, or 1 or 0 with bool). 0: no result. -errno.
 */
int pq_apply(struct pq_engine *e, const struct pq_node *n, const struct pq_cell *a,
	     const struct pq_cell *b, struct pq_cell *out);
double pq_mean(double (*get)(const void *ctx, size_t i), const void *ctx, size_t n);

/* fn_*.c: implementations that functions.c lists. */
#define PQ_WINDOW_FN(name)                                                                         \
	int name(struct pq_engine *e, const struct pq_window *w, struct pq_cell *out)
PQ_WINDOW_FN(pq_fn_rate);
PQ_WINDOW_FN(pq_fn_increase);
PQ_WINDOW_FN(pq_fn_delta);
PQ_WINDOW_FN(pq_fn_irate);
PQ_WINDOW_FN(pq_fn_idelta);
PQ_WINDOW_FN(pq_fn_resets);
PQ_WINDOW_FN(pq_fn_changes);
PQ_WINDOW_FN(pq_fn_deriv);
PQ_WINDOW_FN(pq_fn_predict_linear);
PQ_WINDOW_FN(pq_fn_sum_over_time);
PQ_WINDOW_FN(pq_fn_avg_over_time);
PQ_WINDOW_FN(pq_fn_min_over_time);
PQ_WINDOW_FN(pq_fn_max_over_time);
PQ_WINDOW_FN(pq_fn_count_over_time);
PQ_WINDOW_FN(pq_fn_last_over_time);
PQ_WINDOW_FN(pq_fn_first_over_time);
PQ_WINDOW_FN(pq_fn_present_over_time);
PQ_WINDOW_FN(pq_fn_stddev_over_time);
PQ_WINDOW_FN(pq_fn_stdvar_over_time);
PQ_WINDOW_FN(pq_fn_quantile_over_time);
PQ_WINDOW_FN(pq_fn_mad_over_time);

#define PQ_CELL_FN(name)                                                                           \
	bool name(struct pq_engine *e, const struct pq_node *call, const struct pq_cell *in,       \
		  const double *params, struct pq_cell *out)
PQ_CELL_FN(pq_fn_round);
PQ_CELL_FN(pq_fn_clamp);
PQ_CELL_FN(pq_fn_clamp_min);
PQ_CELL_FN(pq_fn_clamp_max);
PQ_WINDOW_FN(pq_fn_ts_of_first_over_time);
PQ_WINDOW_FN(pq_fn_ts_of_last_over_time);
PQ_WINDOW_FN(pq_fn_ts_of_min_over_time);
PQ_WINDOW_FN(pq_fn_ts_of_max_over_time);
PQ_WINDOW_FN(pq_fn_double_exponential_smoothing);
PQ_CELL_FN(pq_fn_histogram_count);
PQ_CELL_FN(pq_fn_histogram_sum);
PQ_CELL_FN(pq_fn_histogram_avg);
PQ_CELL_FN(pq_fn_histogram_stddev);
PQ_CELL_FN(pq_fn_histogram_stdvar);

#define PQ_WHOLE_FN(name)                                                                          \
	int name(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *call,         \
		 struct pq_rows *out)
PQ_WHOLE_FN(pq_fn_histogram_quantile);
PQ_WHOLE_FN(pq_fn_histogram_quantiles);
PQ_WHOLE_FN(pq_fn_histogram_fraction);
PQ_WHOLE_FN(pq_fn_info);
PQ_WHOLE_FN(pq_fn_time);
PQ_WHOLE_FN(pq_fn_pi);
PQ_WHOLE_FN(pq_fn_start);
PQ_WHOLE_FN(pq_fn_end);
PQ_WHOLE_FN(pq_fn_step);
PQ_WHOLE_FN(pq_fn_range);
PQ_WHOLE_FN(pq_fn_min_of);
PQ_WHOLE_FN(pq_fn_max_of);
PQ_WHOLE_FN(pq_fn_vector);
PQ_WHOLE_FN(pq_fn_scalar);
PQ_WHOLE_FN(pq_fn_absent);
PQ_WHOLE_FN(pq_fn_absent_over_time);
PQ_WHOLE_FN(pq_fn_timestamp);
PQ_WHOLE_FN(pq_fn_sort);
PQ_WHOLE_FN(pq_fn_sort_desc);
PQ_WHOLE_FN(pq_fn_sort_by_label);
PQ_WHOLE_FN(pq_fn_sort_by_label_desc);
PQ_WHOLE_FN(pq_fn_label_replace);
PQ_WHOLE_FN(pq_fn_label_join);

/* Quantile of n floats (NaN smallest), which are sorted in place. */
double pq_quantile(double q, double *v, size_t n);
int pq_compare_doubles(const void *a, const void *b);

#endif
