// SPDX-License-Identifier: GPL-2.0
// The queries themselves: parse, read, evaluate, and hand over a result.
#include <sgprobe/query.h>

#include <errno.h>
#include <string.h>

#include "engine.h"
#include "parser.h"

#define DEFAULT_SAMPLES 5000000
#define DEFAULT_BYTES (64UL << 20)
#define DEFAULT_STEPS 11000

/* One query while it runs. All its memory goes when it ends, but the result's. */
struct job {
	struct pq_engine engine;
	struct pq_ast ast;
	struct pq_grid grid;
};

static void job_free(struct job *j)
{
	if (!j)
		return;
	pq_release(&j->ast);
	sg_arena_free(j->engine.arena);
	free(j);
}
SG_DEFINE_AUTO(job, job_free)

static struct job *job_new(struct sg_reader *r, const struct sg_query_limits *lim,
			   struct sg_error *err)
{
	static const struct sg_query_limits none;
	struct job *j = calloc(1, sizeof(*j));
	struct pq_engine *e;

	if (!j)
		return NULL;
	if (!lim)
		lim = &none;
	e = &j->engine;
	*e = (struct pq_engine){.reader = r,
				.ast = &j->ast,
				.err = err,
				.max_bytes = lim->max_bytes ? lim->max_bytes : DEFAULT_BYTES,
				.max_samples =
					lim->max_samples ? lim->max_samples : DEFAULT_SAMPLES,
				.deadline_ns = lim->deadline_ns};
	e->hist_sum.hi = -1;
	e->arena = e->lasting = sg_arena_new(e->max_bytes);
	if (!e->arena) {
		job_free(j);
		return NULL;
	}
	return j;
}

/* ---- results: copied to the caller's arena ------------------------------------------- */

struct result {
	struct job *job;
	struct sg_arena *arena;
	struct sg_value *v;
};

static int no_memory(const struct result *res)
{
	return sg_fail(res->job->engine.err, -ENOMEM, "out of memory for the result of the query");
}

static int copy_series(const struct result *res, const struct sg_series *s, size_t n,
		       struct sg_value_series *out)
{
	struct sg_series *copy = sg_series_copy(res->arena, s);

	if (!copy)
		return no_memory(res);
	*out = (struct sg_value_series){.series = *copy};
	out->points = sg_arena_alloc(res->arena, (n ? n : 1) * sizeof(*out->points));
	return out->points ? 0 : no_memory(res);
}

static int add_point(const struct result *res, struct sg_value_series *s, int64_t t, double v,
		     const struct sg_native *h)
{
	struct sg_point *p = &s->points[s->n++];

	*p = (struct sg_point){.t_ms = t, .value = v};
	if (!h)
		return 0;
	p->hist = pq_hist_copy(res->arena, h);
	return p->hist ? 0 : no_memory(res);
}

static int row_result(const struct result *res, const struct pq_row *row)
{
	const struct pq_grid *g = &res->job->grid;
	struct sg_value_series *s = &res->v->series[res->v->n];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < g->n; i++)
		n += pq_has(&row->cells[i]);
	if (!n)
		return 0;
	r = copy_series(res, &row->series, n, s);
	for (size_t i = 0; !r && i < g->n; i++)
		if (pq_has(&row->cells[i]))
			r = add_point(res, s, pq_grid_time(g, i), row->cells[i].v, row->cells[i].h);
	if (!r)
		res->v->n++;
	return r;
}

static int by_labels(const void *a, const void *b)
{
	const struct sg_value_series *x = a, *y = b;

	return sg_series_cmp(&x->series, &y->series);
}

static int alloc_series(const struct result *res, size_t n)
{
	res->v->series = sg_arena_alloc(res->arena, (n ? n : 1) * sizeof(*res->v->series));
	return res->v->series ? 0 : no_memory(res);
}

static int rows_result(const struct result *res, const struct pq_rows *rows)
{
	int r = alloc_series(res, rows->n);

	for (size_t i = 0; !r && i < rows->n; i++)
		r = row_result(res, rows->rows[i]);
	if (!r && res->v->kind == SG_MATRIX && res->v->n)
		qsort(res->v->series, res->v->n, sizeof(*res->v->series), by_labels);
	return r;
}

/* The raw samples of an instant query for a range vector. */
static int tracks_result(const struct result *res, const struct pq_node *n,
			 const struct pq_tracks *ts)
{
	int r = alloc_series(res, ts->n);

	for (size_t i = 0; !r && i < ts->n; i++) {
		struct pq_window w = {.track = &ts->tracks[i]};
		struct sg_value_series *s = &res->v->series[res->v->n];
		int64_t start, end;

		pq_window_at(&res->job->engine, &res->job->grid, n, 0, &start, &end);
		pq_window_slide(&w, start, end);
		if (w.lo == w.hi)
			continue;
		r = copy_series(res, w.track->series, w.hi - w.lo, s);
		for (size_t k = w.lo; !r && k < w.hi; k++)
			r = add_point(res, s, w.track->t_ms[k],
				      w.track->values ? w.track->values[k] : 0,
				      pq_hist_at(w.track, k));
		res->v->n++;
	}
	return r;
}

static int copy_warnings(const struct result *res)
{
	const struct pq_engine *e = &res->job->engine;
	const char **w = sg_arena_alloc(res->arena, (e->n_warnings + 1) * sizeof(*w));

	if (!w)
		return no_memory(res);
	for (size_t i = 0; i < e->n_warnings; i++) {
		w[i] = sg_arena_strdup(res->arena, e->warnings[i]);
		if (!w[i])
			return no_memory(res);
	}
	res->v->warnings = w;
	res->v->n_warnings = e->n_warnings;
	return 0;
}

/* ---- running --------------------------------------------------------------------------- */

static int run_rows(const struct result *res)
{
	struct job *j = res->job;
	struct pq_rows rows = {0};
	int r = pq_eval_steps(&j->engine, &j->grid, j->ast.root, &rows);

	pq_rows_done(&rows);
	if (r < 0)
		return r;
	if (res->v->kind == SG_SCALAR) {
		res->v->scalar = (struct sg_point){.t_ms = j->grid.start_ms,
						   .value = rows.rows[0]->cells[0].v};
		return 0;
	}
	return rows_result(res, &rows);
}

static int run_matrix(const struct result *res)
{
	struct job *j = res->job;
	struct pq_tracks ts = {0};
	int r = pq_eval_tracks(&j->engine, &j->grid, j->ast.root, &ts);

	return r < 0 ? r : tracks_result(res, pq_unwrap(j->ast.root), &ts);
}

static int run_text(const struct result *res)
{
	res->v->scalar.t_ms = res->job->grid.start_ms;
	res->v->string = sg_arena_strdup(res->arena, pq_unwrap(res->job->ast.root)->text);
	return res->v->string ? 0 : no_memory(res);
}

static int run(const struct result *res)
{
	struct job *j = res->job;
	int r = pq_read_all(&j->engine, j->ast.root, &j->grid);

	if (r < 0)
		return r;
	if (j->ast.root->type == PQ_STRING)
		r = run_text(res);
	else if (j->ast.root->type == PQ_MATRIX)
		r = run_matrix(res);
	else
		r = run_rows(res);
	if (!r && j->engine.short_of_memory)
		return pq_oom(&j->engine);
	return r < 0 ? r : copy_warnings(res);
}

static bool in_time(int64_t ms)
{
	return ms > -PQ_MAX_TIME && ms < PQ_MAX_TIME;
}

static int start_job(struct job *j, const char *expr, int64_t start, int64_t end)
{
	struct sg_error *err = j->engine.err;

	if (!in_time(start) || !in_time(end))
		return sg_fail(err, -EINVAL, "the time is out of range");
	j->engine.start_ms = start;
	j->engine.end_ms = end;
	j->ast.step_s = (double)j->engine.step_ms / 1000;
	j->ast.range_s = (double)(end - start) / 1000;
	return pq_parse(expr, j->engine.arena, &j->ast, err);
}

int sg_query_instant(struct sg_reader *r, const char *expr, int64_t t_ms,
		     const struct sg_query_limits *lim, struct sg_arena *arena,
		     struct sg_value *ret, struct sg_error *err)
{
	static const enum sg_value_kind kinds[] = {SG_SCALAR, SG_STRING, SG_VECTOR, SG_MATRIX};
	struct sg_value v = {0};
	sg_auto(job) j = job_new(r, lim, err);
	struct result res = {j, arena, &v};
	int k;

	if (!j)
		return -ENOMEM;
	k = start_job(j, expr, t_ms, t_ms);
	if (k < 0)
		return k;
	j->engine.instant = true;
	j->grid = (struct pq_grid){.start_ms = t_ms, .step_ms = 1, .n = 1};
	v.kind = kinds[j->ast.root->type];
	k = run(&res);
	if (!k)
		*ret = v;
	return k;
}

static int check_range(const struct sg_query_limits *lim, int64_t start, int64_t end, int64_t step,
		       struct sg_error *err)
{
	size_t max = lim && lim->max_steps ? lim->max_steps : DEFAULT_STEPS;

	if (!in_time(start) || !in_time(end))
		return sg_fail(err, -EINVAL, "the time is out of range");
	if (step <= 0)
		return sg_fail(err, -EINVAL,
			       "zero or negative query resolution step widths are not accepted. "
			       "Try a positive integer");
	if (end < start)
		return sg_fail(err, -EINVAL, "end timestamp must not be before start time");
	if ((uint64_t)(end - start) / (uint64_t)step > max)
		return sg_fail(err, -EINVAL,
			       "exceeded maximum resolution of %zu points per timeseries. Try "
			       "decreasing the query resolution (?step=XX)",
			       max);
	return 0;
}

int sg_query_range(struct sg_reader *r, const char *expr, int64_t start_ms, int64_t end_ms,
		   int64_t step_ms, const struct sg_query_limits *lim, struct sg_arena *arena,
		   struct sg_value *ret, struct sg_error *err)
{
	struct sg_value v = {.kind = SG_MATRIX};
	sg_auto(job) j = job_new(r, lim, err);
	struct result res = {j, arena, &v};
	int k;

	if (!j)
		return -ENOMEM;
	k = check_range(lim, start_ms, end_ms, step_ms, err);
	j->engine.step_ms = step_ms;
	if (!k)
		k = start_job(j, expr, start_ms, end_ms);
	if (k < 0)
		return k;
	if (j->ast.root->type == PQ_MATRIX || j->ast.root->type == PQ_STRING)
		return sg_fail(err, -EINVAL,
			       "invalid expression type \"%s\" for range query, must be Scalar or "
			       "instant Vector",
			       pq_type_name(j->ast.root->type));
	j->grid = (struct pq_grid){.start_ms = start_ms,
				   .step_ms = step_ms,
				   .n = (size_t)((end_ms - start_ms) / step_ms) + 1};
	k = run(&res);
	if (!k)
		*ret = v;
	return k;
}

int sg_query_check(const char *expr, struct sg_error *err)
{
	sg_auto(job) j = job_new(NULL, NULL, err);

	if (!j)
		return -ENOMEM;
	/* Any query will do: it is not known yet. */
	j->ast.step_s = j->ast.range_s = 1;
	return pq_parse(expr, j->engine.arena, &j->ast, err);
}

int sg_query_selector(const char *text, struct sg_arena *arena, struct sg_selector *ret,
		      struct sg_error *err)
{
	return pq_parse_selector(text, arena, ret, err);
}

/* Compiled for itself: those of the expression end with it. */
static int copy_selector(const struct sg_selector *from, struct sg_arena *arena,
			 struct sg_selector *to, struct sg_error *err)
{
	to->n = from->n;
	to->matchers = sg_arena_alloc(arena, (from->n + 1) * sizeof(*to->matchers));
	if (!to->matchers)
		return -ENOMEM;
	for (size_t i = 0; i < from->n; i++) {
		to->matchers[i] = from->matchers[i];
		to->matchers[i].regex = NULL;
	}
	return sg_selector_compile(to, err);
}

int sg_query_selectors(const char *expr, struct sg_arena *arena, struct sg_selector *ret,
		       size_t max, size_t *n, struct sg_error *err)
{
	struct pq_ast ast = {0};
	int r = pq_parse(expr, arena, &ast, err);

	*n = 0;
	for (const struct pq_node *s = ast.selectors; r == 0 && s; s = s->next_selector) {
		if (*n == max)
			r = sg_fail(err, -E2BIG, "more than %zu selectors", max);
		else
			r = copy_selector(&s->sel, arena, &ret[*n], err);
		*n += r == 0;
	}
	pq_release(&ast);
	return r;
}
