// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include <sgprobe/metric.h>

#include "client.h"
#include "question.h"
#include "render.h"
#include "windows.h"

#define ROWS 8 /* of a forecast */

struct wish {
	const char *expr, *cross_text;
	uint64_t last_ns, horizon_ns, step_ns;
	int64_t from_ms, to_ms;
	double cross;
};

/* ---- printing ----------------------------------------------------------------------------- */

static void put_time(struct sg_buf *b, double ms)
{
	time_t t = (time_t)(ms / 1000);
	char text[32] = "?";
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	sg_buf_str(b, text);
}

/* "12 h", with one figure more where it is short. */
static const char *duration(double ms, char *out, size_t n)
{
	static const struct {
		double ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (ms >= 2 * units[i].ms || i + 1 == ARRAY_SIZE(units)) {
			snprintf(out, n, "%.3g %s", ms / units[i].ms, units[i].unit);
			break;
		}
	return out;
}

static void put_backtest(struct sg_buf *b, const json_t *t)
{
	double mase = sg_json_of(t, "mase"), coverage = sg_json_of(t, "coverage");
	double season = sg_json_of(t, "naive_season_ms");
	char text[32];

	if (!(sg_json_of(t, "values") > 0)) {
		sg_buf_str(b, "  how good it is: not known yet, there is too little past\n");
		return;
	}
	sg_buf_printf(b, "  on its own past: %" JSON_INTEGER_FORMAT " forecasts up to %s ahead, ",
		      json_integer_value(json_object_get(t, "origins")),
		      duration(sg_json_of(t, "ahead_ms"), text, sizeof(text)));
	if (isfinite(mase))
		sg_buf_printf(b, "error %.2f of what \"as %s\" would have had, ", mase,
			      season > 86400000 / 2. ? "a day before"
			      : season > 0	     ? "an hour before"
						     : "now");
	sg_buf_printf(b, "%.0f%% in the interval\n", 100 * coverage);
}

static void put_cross(struct sg_buf *b, const json_t *c, const char *unit, double horizon_ms)
{
	static const char *const keys[] = {"earliest_ms", "likely_ms", "latest_ms"};
	char text[40];

	sg_buf_printf(
		b, "  crosses %s: ", sg_fmt_unit(unit, sg_json_of(c, "value"), text, sizeof(text)));
	if (!isfinite(sg_json_of(c, "earliest_ms"))) {
		sg_buf_printf(b, "not within %s\n", duration(horizon_ms, text, sizeof(text)));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		double ms = sg_json_of(c, keys[i]);

		sg_buf_printf(b, "%s%.*s ", i ? ", " : "", (int)strcspn(keys[i], "_"), keys[i]);
		if (isfinite(ms))
			put_time(b, ms);
		else
			sg_buf_str(b, "later");
	}
	sg_buf_char(b, '\n');
}

static void put_trends(struct sg_buf *b, const json_t *s, const char *unit)
{
	json_t *trends = json_object_get(s, "trends"), *t;
	char over[32], slope[40], lo[40], hi[40];
	size_t i;

	json_array_foreach(trends, i, t)
	{
		double p = sg_json_of(t, "p");

		sg_buf_printf(
			b, "  trend over %s: %s/h (95%%: %s to %s)%s\n",
			duration(sg_json_of(t, "over_ms"), over, sizeof(over)),
			sg_fmt_unit(unit, 3600 * sg_json_of(t, "slope"), slope, sizeof(slope)),
			sg_fmt_unit(unit, 3600 * sg_json_of(t, "lo"), lo, sizeof(lo)),
			sg_fmt_unit(unit, 3600 * sg_json_of(t, "hi"), hi, sizeof(hi)),
			p <= .05 ? "" : ", which may be chance");
	}
}

static void put_points(struct sg_buf *b, const json_t *s, const char *unit)
{
	const json_t *points = json_object_get(s, "points");
	size_t n = json_array_size(points), every = (n + ROWS - 1) / ROWS;
	char text[40];

	sg_buf_printf(b, "  %-19s %12s %12s %12s\n", "", "forecast", "from", "to");
	for (size_t i = 0; i < n; i++) {
		const json_t *p = json_array_get(points, i);

		if ((i + 1) % SG_MAX(every, 1UL) && i + 1 != n)
			continue;
		sg_buf_str(b, "  ");
		put_time(b, json_number_value(json_array_get(p, 0)));
		for (size_t k = 1; k <= 3; k++) {
			sg_buf_char(b, ' ');
			sg_put_right(b,
				     sg_fmt_unit(unit, json_number_value(json_array_get(p, k)),
						 text, sizeof(text)),
				     12);
		}
		sg_buf_char(b, '\n');
	}
}

static void put_series(struct sg_buf *b, const json_t *doc, const json_t *s)
{
	const char *name = sg_json_text(s, "series"), *why = sg_json_text(s, "error");
	const char *unit = sg_metric_unit(*name && *name != '{' ? name : sg_json_text(doc, "expr"));
	char text[40];

	/* A rate of something has another unit. */
	if (strchr(sg_json_text(doc, "expr"), '('))
		unit = "";
	sg_term_str(b, strcmp(name, "{}") == 0 ? sg_json_text(doc, "expr") : name);
	if (*why) {
		sg_buf_printf(b, ": %s\n", why);
		return;
	}
	sg_buf_printf(b, ": %s now", sg_fmt_unit(unit, sg_json_of(s, "last"), text, sizeof(text)));
	if (sg_json_of(s, "season_ms") > 0)
		sg_buf_printf(b, ", a season of %s is learnt",
			      duration(sg_json_of(s, "season_ms"), text, sizeof(text)));
	sg_buf_char(b, '\n');
	if (json_object_get(s, "cross"))
		put_cross(b, json_object_get(s, "cross"), unit, sg_json_of(doc, "horizon_ms"));
	put_trends(b, s, unit);
	put_backtest(b, json_object_get(s, "backtest"));
	put_points(b, s, unit);
}

static void put_resource(struct sg_buf *b, const json_t *r)
{
	const json_t *c = json_object_get(r, "cross"), *t = json_object_get(r, "backtest");
	const char *unit = sg_json_text(r, "unit");
	double used = sg_json_of(r, "used"), limit = sg_json_of(r, "limit"),
	       mase = sg_json_of(t, "mase");
	double earliest = sg_json_of(c, "earliest_ms"), likely = sg_json_of(c, "likely_ms");
	char text[40];

	sg_buf_printf(b, "%-22s", sg_json_text(r, "title"));
	sg_put_right(b, sg_fmt_unit(unit, used, text, sizeof(text)), 12);
	sg_put_right(b, sg_fmt_unit(unit, limit, text, sizeof(text)), 12);
	sg_buf_printf(b, " %5.1f%%", 100 * used / limit);
	sg_put_right(b, sg_fmt_unit(unit, 3600 * sg_json_of(r, "slope"), text, sizeof(text)), 12);
	if (isfinite(mase))
		sg_buf_printf(b, " %6.2f", mase);
	else
		sg_buf_printf(b, " %6s", "-");
	sg_buf_str(b, "  ");
	if (isfinite(likely))
		put_time(b, likely);
	else if (isfinite(earliest)) {
		sg_buf_str(b, "perhaps from ");
		put_time(b, earliest);
	} else
		sg_buf_char(b, '-');
	sg_buf_char(b, '\n');
}

static void put_text(struct sg_buf *b, const json_t *doc)
{
	json_t *list = json_object_get(doc, "resources"), *one;
	char past[32], horizon[32];
	size_t i;

	duration(sg_json_of(doc, "to_ms") - sg_json_of(doc, "from_ms"), past, sizeof(past));
	duration(sg_json_of(doc, "horizon_ms"), horizon, sizeof(horizon));
	if (!list) {
		json_array_foreach(json_object_get(doc, "series"), i, one)
		{
			sg_buf_str(b, i ? "\n" : "");
			put_series(b, doc, one);
		}
		return;
	}
	sg_buf_printf(b, "From the last %s, %s ahead:\n\n%-22s%12s%12s%7s%12s%7s  %s\n", past,
		      horizon, "", "used", "limit", "", "an hour", "error", "runs out");
	json_array_foreach(list, i, one)
	{
		put_resource(b, one);
	}
	sg_buf_str(
		b,
		"\nerror: of forecasts made on its own past, against \"as before\"; below 1 is better.\n");
}

/* ---- asking ------------------------------------------------------------------------------- */

static int prepare(struct sg_src *src, void *ctx, struct sg_error *err)
{
	struct wish *w = ctx;
	int64_t newest;
	int r = sg_src_newest(src, &newest, err);

	if (r < 0)
		return r;
	if (w->to_ms < 0)
		w->to_ms = newest;
	if (w->from_ms < 0)
		w->from_ms = SG_MAX(w->to_ms - (int64_t)(w->last_ns / 1000000), 0);
	return 0;
}

static int make(struct sg_reader *r, const void *ctx, uint64_t deadline_ns, struct sg_buf *b,
		struct sg_error *err)
{
	const struct wish *w = ctx;
	const struct sg_forecast_wish wish = {.expr = w->expr,
					      .from_ms = w->from_ms,
					      .to_ms = w->to_ms,
					      .step_ms = (int64_t)(w->step_ns / 1000000),
					      .horizon_ms = (int64_t)(w->horizon_ns / 1000000),
					      .has_cross = w->cross_text != NULL,
					      .cross = w->cross,
					      .deadline_ns = deadline_ns};

	return sg_forecast_json(r, &wish, b, err);
}

static void path(const void *ctx, struct sg_buf *b)
{
	const struct wish *w = ctx;

	sg_buf_printf(b, "/api/sg/v1/forecast?timeout=30&from=%" PRId64 "&to=%" PRId64, w->from_ms,
		      w->to_ms);
	if (w->expr) {
		sg_buf_str(b, "&query=");
		sg_url_escape(b, w->expr);
	}
	if (w->cross_text)
		sg_buf_printf(b, "&cross=%.17g", w->cross);
	if (w->step_ns)
		sg_buf_printf(b, "&step=%.3f", (double)w->step_ns / 1e9);
	if (w->horizon_ns)
		sg_buf_printf(b, "&horizon=%.3f", (double)w->horizon_ns / 1e9);
}

static const struct sg_cli_question question = {prepare, make, path};

/* "0.9", "64MiB", "10ms". */
static int parse_cross(const char *text, double *ret)
{
	uint64_t v;

	if (sg_parse_number(text, ret) == 0)
		return 0;
	if (sg_parse_bytes(text, &v) == 0) {
		*ret = (double)v;
		return 0;
	}
	if (sg_parse_duration(text, &v) < 0)
		return -EINVAL;
	*ret = (double)v / 1e9;
	return 0;
}

int sg_cmd_forecast(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {.last_ns = 6 * 3600000000000ULL, .from_ms = -1, .to_ms = -1};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"cross", 0, SG_OPT_TEXT, &w.cross_text, "X", "say when it reaches X"},
		{"last", 0, SG_OPT_DURATION, &w.last_ns, "DURATION",
		 "the past it is made from (6h)"},
		{"from", 0, SG_OPT_TIME, &w.from_ms, "T", "where that begins"},
		{"to", 0, SG_OPT_TIME, &w.to_ms, "T", "where it ends (now)"},
		{"horizon", 0, SG_OPT_DURATION, &w.horizon_ns, "DURATION",
		 "how far ahead (a quarter of the past)"},
		{"step", 0, SG_OPT_DURATION, &w.step_ns, "DURATION", "between two values"},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, &n);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	w.expr = n ? argv[1] : NULL;
	if (w.cross_text && (!w.expr || parse_cross(w.cross_text, &w.cross) < 0))
		return sg_cli_fail(
			cli, SG_EXIT_USAGE,
			"--cross takes a number, a size (64MiB) or a duration, and an expression");
	return sg_cli_answer(cli, &question, &w, put_text);
}
