// SPDX-License-Identifier: GPL-2.0
/* Where what a query gives is heading; and, without one, when what can run out will. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <sgprobe/analysis.h>
#include <sgprobe/query.h>
#include <sgprobe/trend.h>

#include "document.h"
#include "prefetch.h"

#define STEPS 720
#define SERIES_MAX 16 /* of one expression; of more it is said how many were left out */
#define POINTS_MAX 120 /* of a forecast in the document */
#define ARENA_BYTES (128UL << 20)
#define TREND_LEVEL 0.95
#define LOOKBACK_MS 300000 /* of PromQL: what a value may be old */

struct ask {
	struct sg_reader *r;
	const struct sg_forecast_wish *w;
	int64_t from_ms, to_ms, step_ms;
	size_t horizon; /* steps */
	size_t n; /* values */
	struct sg_arena *arena;
	struct sg_query_limits lim;
};

/* ---- the range ------------------------------------------------------------------------------ */

/* A step that divides an hour or a day, as seasons do. */
static int64_t step_for(int64_t span_ms)
{
	static const int seconds[] = {1,   2,	5,   10,  15,	20,   30,   60,	  120,	 180,
				      300, 360, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400};

	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		if (span_ms <= seconds[i] * 1000LL * STEPS)
			return seconds[i] * 1000LL;
	return span_ms / STEPS;
}

static int plan(struct ask *a, struct sg_error *err)
{
	const struct sg_forecast_wish *w = a->w;
	int64_t oldest = 0, newest = 0, span, horizon;
	int r = a->r->range(a->r, &oldest, &newest);

	if (r < 0)
		return sg_fail(err, r, "the store is empty");
	a->to_ms = SG_MIN(w->to_ms, newest);
	a->from_ms = SG_MAX(w->from_ms, oldest);
	span = a->to_ms - a->from_ms;
	if (span <= 0)
		return sg_fail(err, -ENODATA, "nothing was seen in this time");
	a->step_ms = w->step_ms > 0 ? w->step_ms : step_for(span);
	a->n = (size_t)(span / a->step_ms) + 1;
	horizon = w->horizon_ms > 0 ? w->horizon_ms : span / 4;
	a->horizon = (size_t)SG_MAX((horizon + a->step_ms - 1) / a->step_ms, 1);
	if (a->n > SG_FORECAST_MAX || a->horizon > SG_FORECAST_MAX)
		return sg_fail(err, -EINVAL, "more than %d steps; take a larger step",
			       SG_FORECAST_MAX);
	if (a->n < SG_FORECAST_MIN)
		return sg_fail(
			err, -ENODATA,
			"there are %zu values and a forecast takes %d; look further back, or take a smaller step",
			a->n, SG_FORECAST_MIN);
	a->from_ms = a->to_ms - (int64_t)(a->n - 1) * a->step_ms;
	return 0;
}

/* "$step" stands for the step, at least ten seconds, so that rates have what to be made of. */
static const char *expand(struct ask *a, const char *expr)
{
	int64_t s = SG_MAX(a->step_ms, 10000) / 1000;
	const char *p;
	sg_auto_buf b = {0};

	while ((p = strstr(expr, "$step"))) {
		sg_buf_add(&b, expr, (size_t)(p - expr));
		sg_buf_printf(&b, "%" PRId64 "s", s);
		expr = p + 5;
	}
	sg_buf_str(&b, expr);
	return b.err ? NULL : sg_arena_strdup(a->arena, b.data);
}

static int query(struct ask *a, const char *expr, struct sg_value *ret, struct sg_error *err)
{
	const char *text = expand(a, expr);

	if (!text)
		return -ENOMEM;
	return sg_query_range(a->r, text, a->from_ms, a->to_ms, a->step_ms, &a->lim, a->arena, ret,
			      err);
}

static double *values(const struct ask *a, const struct sg_value_series *s)
{
	double *v = sg_arena_alloc(a->arena, a->n * sizeof(*v));

	for (size_t i = 0; v && i < a->n; i++)
		v[i] = NAN;
	for (size_t i = 0; v && i < s->n; i++) {
		size_t at = (size_t)((s->points[i].t_ms - a->from_ms) / a->step_ms);

		if (at < a->n && !s->points[i].hist)
			v[at] = s->points[i].value;
	}
	return v;
}

static double last_of(const double *v, size_t n)
{
	while (n && !isfinite(v[n - 1]))
		n--;
	return n ? v[n - 1] : NAN;
}

/* ---- parts of the document ------------------------------------------------------------------ */

static void put_when(struct sg_buf *b, const struct ask *a, const char *key, long steps)
{
	sg_buf_printf(b, "\"%s\":", key);
	if (steps < 0)
		sg_buf_str(b, "null");
	else
		sg_buf_printf(b, "%" PRId64, a->to_ms + steps * a->step_ms);
}

static void put_cross(struct sg_buf *b, const struct ask *a, double at, const struct sg_forecast *f)
{
	sg_buf_str(b, "\"cross\":{");
	report_num(b, "value", at);
	sg_buf_char(b, ',');
	put_when(b, a, "earliest_ms", f->cross_earliest);
	sg_buf_char(b, ',');
	put_when(b, a, "likely_ms", f->cross_likely);
	sg_buf_char(b, ',');
	put_when(b, a, "latest_ms", f->cross_latest);
	sg_buf_char(b, '}');
}

static void put_backtest(struct sg_buf *b, const struct ask *a, const struct sg_forecast *f)
{
	sg_buf_printf(b,
		      "\"backtest\":{\"origins\":%zu,\"values\":%zu,\"ahead_ms\":%" PRId64
		      ",\"naive_season_ms\":%" PRId64 ",",
		      f->origins, f->tested, (int64_t)f->tested_steps * a->step_ms, f->naive_ms);
	report_num(b, "error", f->error);
	sg_buf_char(b, ',');
	report_num(b, "naive_error", f->naive_error);
	sg_buf_char(b, ',');
	report_num(b, "last_value_error", f->last_error);
	sg_buf_char(b, ',');
	report_num(b, "mase", f->mase);
	sg_buf_char(b, ',');
	report_num(b, "coverage", f->coverage);
	sg_buf_char(b, '}');
}

static void put_points(struct sg_buf *b, const struct ask *a, const struct sg_forecast *f)
{
	size_t every = (f->n_points + POINTS_MAX - 1) / POINTS_MAX;

	sg_buf_str(b, "\"points\":[");
	for (size_t i = 0, first = 1; i < f->n_points; i++) {
		if ((i + 1) % every && i + 1 != f->n_points)
			continue;
		sg_buf_printf(b, "%s[%" PRId64 ",", first ? "" : ",",
			      a->to_ms + (int64_t)(i + 1) * a->step_ms);
		sg_json_num(b, f->points[i].mean);
		sg_buf_char(b, ',');
		sg_json_num(b, f->points[i].lo);
		sg_buf_char(b, ',');
		sg_json_num(b, f->points[i].hi);
		sg_buf_char(b, ']');
		first = 0;
	}
	sg_buf_char(b, ']');
}

static int put_trend(struct sg_buf *b, const struct ask *a, const double *v, size_t n,
		     const char *sep)
{
	struct sg_trend t;
	int r = sg_trend(v + a->n - n, n, a->step_ms, TREND_LEVEL, &t);

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	sg_buf_printf(b, "%s{\"over_ms\":%" PRId64 ",", sep, (int64_t)(n - 1) * a->step_ms);
	report_num(b, "slope", t.slope);
	sg_buf_char(b, ',');
	report_num(b, "lo", t.lo);
	sg_buf_char(b, ',');
	report_num(b, "hi", t.hi);
	sg_buf_char(b, ',');
	report_num(b, "p", t.p);
	sg_buf_printf(b, ",\"pieces\":%zu,", t.n);
	report_num(b, "rho", t.rho);
	sg_buf_char(b, '}');
	return 1;
}

/* Over the whole past, and over each of an hour, a day, a week and a month that it is longer than. */
static int put_trends(struct sg_buf *b, const struct ask *a, const double *v)
{
	static const int64_t hours[] = {1, 24, 168, 720};
	int r = 0, any = 0;

	sg_buf_str(b, "\"trends\":[");
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(hours); i++) {
		size_t n = (size_t)(hours[i] * 3600000 / a->step_ms) + 1;

		if (n < a->n)
			any |= r = put_trend(b, a, v, n, any ? "," : "");
	}
	if (r >= 0)
		r = put_trend(b, a, v, a->n, any ? "," : "");
	sg_buf_char(b, ']');
	return SG_MIN(r, 0);
}

/* ---- one expression ------------------------------------------------------------------------- */

static int run(const struct ask *a, const double *v, bool cross, double at, struct sg_forecast *f)
{
	const struct sg_forecast_options o = {
		.step_ms = a->step_ms, .horizon = a->horizon, .has_cross = cross, .cross = at};

	return sg_forecast(v, a->n, &o, f);
}

static void put_name(struct sg_buf *b, const struct sg_series *s)
{
	sg_auto_buf name = {0};

	sg_series_format(&name, s);
	report_str(b, "series", name.data ? name.data : "");
}

static int put_series(struct sg_buf *b, const struct ask *a, const struct sg_value_series *s)
{
	double *v = values(a, s);
	struct sg_forecast f;
	int r = v ? run(a, v, a->w->has_cross, a->w->cross, &f) : -ENOMEM;

	if (r < 0 && r != -ENODATA)
		return r;
	sg_buf_char(b, '{');
	put_name(b, &s->series);
	sg_buf_char(b, ',');
	if (r == -ENODATA) {
		sg_buf_str(b, "\"error\":\"too few values\"}");
		return 0;
	}
	report_num(b, "last", last_of(v, a->n));
	sg_buf_char(b, ',');
	report_num(b, "slope", f.slope);
	sg_buf_printf(b, ",\"level\":%g,\"season_ms\":%" PRId64 ",", f.level, f.season_ms);
	if (a->w->has_cross) {
		put_cross(b, a, a->w->cross, &f);
		sg_buf_char(b, ',');
	}
	put_backtest(b, a, &f);
	sg_buf_char(b, ',');
	r = put_trends(b, a, v);
	sg_buf_char(b, ',');
	put_points(b, a, &f);
	sg_buf_char(b, '}');
	sg_forecast_free(&f);
	return r;
}

static void put_head(struct sg_buf *b, const struct ask *a)
{
	sg_buf_printf(b,
		      "{\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64 ",\"step_ms\":%" PRId64
		      ",\"horizon_ms\":%" PRId64 ",",
		      a->from_ms, a->to_ms, a->step_ms, (int64_t)a->horizon * a->step_ms);
}

static int put_expr(struct sg_buf *b, struct ask *a, struct sg_error *err)
{
	struct sg_value v = {0};
	int r = query(a, a->w->expr, &v, err);

	if (r < 0)
		return r;
	if (v.kind != SG_MATRIX || !v.n)
		return sg_fail(err, -ENOENT, "the expression gave no series in this time");
	put_head(b, a);
	report_str(b, "expr", a->w->expr);
	sg_buf_printf(b, ",\"left_out\":%zu,\"series\":[", v.n > SERIES_MAX ? v.n - SERIES_MAX : 0);
	for (size_t i = 0; r == 0 && i < SG_MIN(v.n, (size_t)SERIES_MAX); i++) {
		sg_buf_str(b, i ? ",\n" : "");
		r = put_series(b, a, &v.series[i]);
	}
	sg_buf_str(b, "]}\n");
	return r;
}

/* ---- everything that can run out ------------------------------------------------------------ */

/* *ret is NULL where it is not measured here. */
static int resource_values(struct ask *a, const char *expr, const double **ret,
			   struct sg_error *err)
{
	struct sg_value v = {0};
	int r = query(a, expr, &v, err);

	*ret = NULL;
	if (r < 0 || v.kind != SG_MATRIX || !v.n)
		return r;
	*ret = values(a, &v.series[0]);
	return *ret ? 0 : -ENOMEM;
}

static int put_resource(struct sg_buf *b, struct ask *a, const struct sg_resource *res,
			const char *sep, struct sg_error *err)
{
	const double *used = NULL, *limit = NULL;
	struct sg_forecast f;
	double most;
	int r = resource_values(a, res->used, &used, err);

	if (!r)
		r = resource_values(a, res->limit, &limit, err);
	if (r < 0)
		return r;
	most = limit ? last_of(limit, a->n) : NAN;
	if (!used || !isfinite(most))
		return 0;
	r = run(a, used, true, most, &f);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	sg_buf_printf(b, "%s{", sep);
	report_str(b, "name", res->name);
	sg_buf_char(b, ',');
	report_str(b, "title", res->title);
	sg_buf_char(b, ',');
	report_str(b, "unit", res->unit);
	sg_buf_char(b, ',');
	report_str(b, "expr", res->used);
	sg_buf_char(b, ',');
	report_num(b, "used", last_of(used, a->n));
	sg_buf_char(b, ',');
	report_num(b, "limit", most);
	sg_buf_char(b, ',');
	report_num(b, "slope", f.slope);
	sg_buf_char(b, ',');
	put_cross(b, a, most, &f);
	sg_buf_char(b, ',');
	put_backtest(b, a, &f);
	sg_buf_char(b, '}');
	sg_forecast_free(&f);
	return 1;
}

static int put_all(struct sg_buf *b, struct ask *a, struct sg_error *err)
{
	int r = 0, any = 0;

	put_head(b, a);
	sg_buf_str(b, "\"resources\":[");
	for (size_t i = 0; r >= 0 && i < sg_n_resources; i++) {
		r = put_resource(b, a, &sg_resources[i], any ? ",\n" : "", err);
		any |= r > 0;
	}
	sg_buf_str(b, "]}\n");
	return SG_MIN(r, 0);
}

static int put_resources(struct sg_buf *b, struct ask *a, struct sg_error *err)
{
	int64_t before = LOOKBACK_MS + a->step_ms;
	struct prefetch p = {0};
	int r = 0;

	for (size_t i = 0; !r && i < sg_n_resources; i++) {
		r = prefetch_add(&p, expand(a, sg_resources[i].used), a->arena, err);
		if (!r)
			r = prefetch_add(&p, expand(a, sg_resources[i].limit), a->arena, err);
	}
	if (!r)
		r = prefetch_read(&p, a->r, a->from_ms - before, a->to_ms, a->lim.deadline_ns,
				  a->arena, err);
	if (!r) {
		struct ask fetched = *a;

		fetched.r = &p.reader;
		r = put_all(b, &fetched, err);
	}
	prefetch_free(&p);
	return r;
}

int sg_forecast_json(struct sg_reader *r, const struct sg_forecast_wish *w, struct sg_buf *out,
		     struct sg_error *err)
{
	struct ask a = {.r = r,
			.w = w,
			.arena = sg_arena_new(ARENA_BYTES),
			.lim = {.deadline_ns = w->deadline_ns, .max_steps = SG_FORECAST_MAX + 1}};
	int k = a.arena ? plan(&a, err) : -ENOMEM;

	if (!k)
		k = w->expr && *w->expr ? put_expr(out, &a, err) : put_resources(out, &a, err);
	if (k == -ENOMEM)
		k = sg_fail(err, -E2BIG, "this is too much to hold in memory: look less far back");
	if (k == -ETIMEDOUT)
		sg_fail(err, k, "it took too long: look less far back, or take a larger step");
	sg_arena_free(a.arena);
	return k;
}
