// SPDX-License-Identifier: GPL-2.0
// The tables: every function and aggregation of PromQL.
#include "functions.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "aggregate.h"
#include "engine.h"

#define S PQ_SCALAR
#define T PQ_STRING
#define V PQ_VECTOR
#define M PQ_MATRIX

static double sgn(double v)
{
	return isnan(v) ? v : (v > 0) - (v < 0);
}

static double deg(double v)
{
	return v * 180 / M_PI;
}

static double rad(double v)
{
	return v * M_PI / 180;
}

static double year(const struct tm *tm)
{
	return tm->tm_year + 1900;
}

static double month(const struct tm *tm)
{
	return tm->tm_mon + 1;
}

static double day_of_month(const struct tm *tm)
{
	return tm->tm_mday;
}

static double day_of_week(const struct tm *tm)
{
	return tm->tm_wday;
}

static double day_of_year(const struct tm *tm)
{
	return tm->tm_yday + 1;
}

static double hour(const struct tm *tm)
{
	return tm->tm_hour;
}

static double minute(const struct tm *tm)
{
	return tm->tm_min;
}

static double days_in_month(const struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y = tm->tm_year + 1900;

	return days[tm->tm_mon] + (tm->tm_mon == 1 && (y % 4 == 0 && (y % 100 || y % 400 == 0)));
}

#define MATH(name_, fn)                                                                            \
	{                                                                                          \
		.name = name_, .ret = V, .n_args = 1, .args = {V}, .math = fn                      \
	}
#define DATE(fn)                                                                                   \
	{                                                                                          \
		.name = #fn, .ret = V, .n_args = 1, .variadic = 1, .args = {V}, .date = fn         \
	}
#define WINDOW(fn)                                                                                 \
	{                                                                                          \
		.name = #fn, .ret = V, .n_args = 1, .args = {M}, .window = pq_fn_##fn              \
	}
#define CELL(fn)                                                                                   \
	{                                                                                          \
		.name = #fn, .ret = V, .n_args = 1, .args = {V}, .cell = pq_fn_##fn                \
	}

static const struct pq_func functions[] = {
	/* Counters and gauges in a window. */
	WINDOW(rate),
	WINDOW(increase),
	WINDOW(irate),
	WINDOW(delta),
	WINDOW(idelta),
	WINDOW(resets),
	WINDOW(changes),
	WINDOW(deriv),
	{.name = "predict_linear",
	 .ret = V,
	 .n_args = 2,
	 .args = {M, S},
	 .window = pq_fn_predict_linear},
	WINDOW(sum_over_time),
	WINDOW(avg_over_time),
	WINDOW(min_over_time),
	WINDOW(max_over_time),
	WINDOW(count_over_time),
	WINDOW(stddev_over_time),
	WINDOW(stdvar_over_time),
	WINDOW(present_over_time),
	WINDOW(mad_over_time),
	WINDOW(ts_of_first_over_time),
	WINDOW(ts_of_last_over_time),
	WINDOW(ts_of_min_over_time),
	WINDOW(ts_of_max_over_time),
	{.name = "double_exponential_smoothing",
	 .ret = V,
	 .n_args = 3,
	 .args = {M, S, S},
	 .window = pq_fn_double_exponential_smoothing},
	{.name = "last_over_time",
	 .ret = V,
	 .n_args = 1,
	 .args = {M},
	 .keep_name = true,
	 .window = pq_fn_last_over_time},
	{.name = "first_over_time",
	 .ret = V,
	 .n_args = 1,
	 .args = {M},
	 .keep_name = true,
	 .window = pq_fn_first_over_time},
	{.name = "quantile_over_time",
	 .ret = V,
	 .n_args = 2,
	 .args = {S, M},
	 .window = pq_fn_quantile_over_time},
	{.name = "absent_over_time",
	 .ret = V,
	 .n_args = 1,
	 .args = {M},
	 .whole = pq_fn_absent_over_time},

	/* Native histograms. */
	CELL(histogram_count),
	CELL(histogram_sum),
	CELL(histogram_avg),
	CELL(histogram_stddev),
	CELL(histogram_stdvar),
	{.name = "histogram_quantile",
	 .ret = V,
	 .n_args = 2,
	 .args = {S, V},
	 .whole = pq_fn_histogram_quantile},
	{.name = "histogram_quantiles",
	 .ret = V,
	 .n_args = 4,
	 .variadic = 9,
	 .args = {V, T, S, S},
	 .whole = pq_fn_histogram_quantiles},
	{.name = "histogram_fraction",
	 .ret = V,
	 .n_args = 3,
	 .args = {S, S, V},
	 .whole = pq_fn_histogram_fraction},

	/* Numbers. */
	MATH("abs", fabs),
	MATH("ceil", ceil),
	MATH("floor", floor),
	MATH("exp", exp),
	MATH("sqrt", sqrt),
	MATH("ln", log),
	MATH("log2", log2),
	MATH("log10", log10),
	MATH("sgn", sgn),
	MATH("sin", sin),
	MATH("cos", cos),
	MATH("tan", tan),
	MATH("asin", asin),
	MATH("acos", acos),
	MATH("atan", atan),
	MATH("sinh", sinh),
	MATH("cosh", cosh),
	MATH("tanh", tanh),
	MATH("asinh", asinh),
	MATH("acosh", acosh),
	MATH("atanh", atanh),
	MATH("deg", deg),
	MATH("rad", rad),
	{.name = "round",
	 .ret = V,
	 .n_args = 2,
	 .variadic = 1,
	 .args = {V, S},
	 .cell = pq_fn_round},
	{.name = "clamp", .ret = V, .n_args = 3, .args = {V, S, S}, .cell = pq_fn_clamp},
	{.name = "clamp_min", .ret = V, .n_args = 2, .args = {V, S}, .cell = pq_fn_clamp_min},
	{.name = "clamp_max", .ret = V, .n_args = 2, .args = {V, S}, .cell = pq_fn_clamp_max},

	/* Time. */
	{.name = "time", .ret = S, .whole = pq_fn_time},
	{.name = "timestamp", .ret = V, .n_args = 1, .args = {V}, .whole = pq_fn_timestamp},
	DATE(year),
	DATE(month),
	DATE(day_of_month),
	DATE(day_of_week),
	DATE(day_of_year),
	DATE(days_in_month),
	DATE(hour),
	DATE(minute),

	/* Shapes. */
	{.name = "start", .ret = S, .whole = pq_fn_start},
	{.name = "end", .ret = S, .whole = pq_fn_end},
	{.name = "step", .ret = S, .whole = pq_fn_step},
	{.name = "range", .ret = S, .whole = pq_fn_range},
	{.name = "min_of", .ret = S, .n_args = 2, .args = {S, S}, .whole = pq_fn_min_of},
	{.name = "max_of", .ret = S, .n_args = 2, .args = {S, S}, .whole = pq_fn_max_of},
	{.name = "pi", .ret = S, .whole = pq_fn_pi},
	{.name = "vector", .ret = V, .n_args = 1, .args = {S}, .whole = pq_fn_vector},
	{.name = "scalar", .ret = S, .n_args = 1, .args = {V}, .whole = pq_fn_scalar},
	{.name = "absent", .ret = V, .n_args = 1, .args = {V}, .whole = pq_fn_absent},
	{.name = "sort", .ret = V, .n_args = 1, .args = {V}, .whole = pq_fn_sort},
	{.name = "sort_desc", .ret = V, .n_args = 1, .args = {V}, .whole = pq_fn_sort_desc},
	{.name = "sort_by_label",
	 .ret = V,
	 .n_args = 2,
	 .variadic = -1,
	 .args = {V, T},
	 .whole = pq_fn_sort_by_label},
	{.name = "sort_by_label_desc",
	 .ret = V,
	 .n_args = 2,
	 .variadic = -1,
	 .args = {V, T},
	 .whole = pq_fn_sort_by_label_desc},
	{.name = "label_replace",
	 .ret = V,
	 .n_args = 5,
	 .args = {V, T, T, T, T},
	 .whole = pq_fn_label_replace},
	{.name = "label_join",
	 .ret = V,
	 .n_args = 4,
	 .variadic = -1,
	 .args = {V, T, T, T},
	 .whole = pq_fn_label_join},

	{.name = PQ_INFO,
	 .ret = V,
	 .n_args = 2,
	 .variadic = 1,
	 .args = {V, V},
	 .keep_name = true,
	 .whole = pq_fn_info},
};

static const struct pq_agg aggregations[] = {
	{"sum", .reduce = pq_agg_sum},
	{"avg", .reduce = pq_agg_avg},
	{"min", .reduce = pq_agg_min},
	{"max", .reduce = pq_agg_max},
	{"count", .reduce = pq_agg_count},
	{"group", .reduce = pq_agg_group},
	{"stddev", .reduce = pq_agg_stddev},
	{"stdvar", .reduce = pq_agg_stdvar},
	{"quantile", true, S, .reduce = pq_agg_quantile},
	{"topk", true, S, .pick = pq_agg_topk},
	{"bottomk", true, S, .pick = pq_agg_bottomk},
	{"limitk", true, S, .pick = pq_agg_limitk},
	{"count_values", true, T, .whole = pq_count_values},
	{"limit_ratio", true, S, .pick = pq_agg_limit_ratio},
};

const struct pq_func *pq_func_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

const struct pq_agg *pq_agg_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(aggregations); i++)
		if (!strcasecmp(aggregations[i].name, name))
			return &aggregations[i];
	return NULL;
}
