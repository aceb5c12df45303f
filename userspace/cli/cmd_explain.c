// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "client.h"
#include "metrics.h"
#include "question.h"
#include "render.h"
#include "windows.h"

#define BAR 20

struct wish {
	struct sg_cli_windows windows;
	struct sg_windows_wish found;
	char mark[32]; /* of found */
	const char *by, *q, *threshold;
	enum sg_measure measure;
	double quantile, above;
	uint64_t limit;
	const char *match; /* resolved */
};

/* ---- printing ----------------------------------------------------------------------------- */

/* What the measure is measured in: "12.0ms", "12.0ms/s", "40.0/s". */
static const char *put_measure(const json_t *doc, const char *by, double v, char *out, size_t n)
{
	const char *unit = sg_json_text(doc, "unit");
	char text[40];

	if (strcmp(by, "above") == 0)
		snprintf(out, n, "%s/s", sg_fmt_count(v, text, sizeof(text)));
	else
		snprintf(out, n, "%s%s", sg_fmt_unit(unit, v, text, sizeof(text)),
			 strcmp(by, "time") == 0 ? "/s" : "");
	return out;
}

static void put_whole(struct sg_buf *b, const json_t *doc)
{
	static const char *const names[] = {"time", "mean", "quantile", "above"};
	const json_t *value = json_object_get(doc, "value");
	char from[48], to[48], text[32], q[32];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		double x = sg_json_at(value, names[i], 0), y = sg_json_at(value, names[i], 1);

		if (!json_object_get(value, names[i]))
			continue;
		snprintf(q, sizeof(q), "%s", names[i]);
		if (i == SG_BY_QUANTILE)
			snprintf(q, sizeof(q), "p%g", 100 * sg_json_of(doc, "q"));
		if (i == SG_BY_ABOVE)
			snprintf(q, sizeof(q), "above %s",
				 sg_fmt_unit(sg_json_text(doc, "unit"),
					     sg_json_of(doc, "threshold"), text, sizeof(text)));
		sg_buf_printf(b, "  %-14s ", q);
		sg_put_right(b, put_measure(doc, names[i], x, from, sizeof(from)), 12);
		sg_buf_str(b, " -> ");
		sg_put_right(b, put_measure(doc, names[i], y, to, sizeof(to)), 12);
		if (x > 0 && isfinite(y / x))
			sg_buf_printf(b, "   x %.2f", y / x);
		sg_buf_char(b, '\n');
	}
}

static void put_bar(struct sg_buf *b, double share)
{
	int n = (int)lround(fmin(fabs(share), 1) * BAR);

	sg_buf_str(b, " ");
	for (int i = 0; i < BAR; i++)
		sg_buf_char(b, i < n ? share < 0 ? '-' : '#' : ' ');
}

static void put_part(struct sg_buf *b, const json_t *doc, const json_t *part, const char *name)
{
	const char *by = sg_json_text(doc, "by");
	double share = sg_json_of(json_object_get(part, "share"), by);
	double delta = sg_json_of(json_object_get(part, "delta"), by);
	double p = sg_json_of(part, "p");
	char text[48], signed_text[56];

	put_measure(doc, by, fabs(delta), text, sizeof(text));
	snprintf(signed_text, sizeof(signed_text), "%c%s", delta < 0 ? '-' : '+', text);
	if (isfinite(share))
		sg_buf_printf(b, "  %6.1f%%", 100 * share);
	else
		sg_buf_printf(b, "  %7s", "-");
	put_bar(b, isfinite(share) ? share : 0);
	sg_put_right(b, signed_text, 13);
	sg_buf_str(b, isfinite(p) && p > .01 ? " ?  " : "    ");
	sg_term_str(b, *name ? name : "(none)");
	sg_buf_char(b, '\n');
}

static void put_dimension(struct sg_buf *b, const json_t *doc, const json_t *d)
{
	json_t *parts = json_object_get(d, "parts"), *p;
	const json_t *others = json_object_get(d, "others");
	const char *by = sg_json_text(doc, "by");
	json_int_t n = json_integer_value(json_object_get(others, "n"));
	char name[48];
	size_t i;

	sg_buf_str(b, "\nby ");
	sg_term_str(b, sg_json_text(d, "dimension"));
	sg_buf_char(b, '\n');
	json_array_foreach(parts, i, p)
	{
		if (fabs(sg_json_of(json_object_get(p, "delta"), by)) > 0)
			put_part(b, doc, p, sg_json_text(p, "value"));
	}
	snprintf(name, sizeof(name), "(%lld others)", (long long)n);
	if (n)
		put_part(b, doc, others, name);
}

static void put_text(struct sg_buf *b, const json_t *doc)
{
	json_t *dims = json_object_get(doc, "dimensions"), *d;
	const json_t *shift = json_object_get(doc, "shift");
	size_t i;

	sg_term_str(b, sg_json_text(doc, "title"));
	sg_buf_str(b, ", ");
	sg_cli_windows_text(b, doc);
	sg_buf_char(b, '\n');
	put_whole(b, doc);
	if (shift)
		sg_buf_printf(b, "  The distribution moved by a factor of %.2f%s.\n",
			      exp2(sg_json_of(shift, "octaves")),
			      sg_json_of(shift, "p") <= .01 ? "" : ", which may be chance");
	sg_buf_str(b, "Who explains it, by ");
	sg_term_str(b, sg_json_text(doc, "by"));
	sg_buf_str(b, " (? may be chance):\n");
	json_array_foreach(dims, i, d)
	{
		put_dimension(b, doc, d);
	}
}

/* ---- asking ------------------------------------------------------------------------------- */

static int prepare(struct sg_src *src, void *ctx, struct sg_error *err)
{
	struct wish *w = ctx;

	return sg_cli_windows_wish(src, &w->windows, &w->found, w->mark, err);
}

static int make(struct sg_reader *r, const void *ctx, uint64_t deadline_ns, struct sg_buf *b,
		struct sg_error *err)
{
	const struct wish *w = ctx;
	struct sg_explain_options o = {.metric = w->match,
				       .by = w->measure,
				       .q = w->quantile,
				       .threshold = w->above,
				       .limit = w->limit,
				       .deadline_ns = deadline_ns};
	int e = sg_windows_find(r, &w->found, deadline_ns, o.window, err);

	return e < 0 ? e : sg_explain_json(r, &o, b, err);
}

static void path(const void *ctx, struct sg_buf *b)
{
	const struct wish *w = ctx;

	sg_buf_printf(b, "/api/sg/v1/explain?timeout=30&by=%s&limit=%" PRIu64 "&metric=",
		      sg_measure_names[w->measure], w->limit);
	sg_url_escape(b, w->match);
	if (w->quantile > 0)
		sg_buf_printf(b, "&q=%.17g", w->quantile);
	if (w->above > 0)
		sg_buf_printf(b, "&threshold=%.17g", w->above);
	sg_cli_windows_params(b, &w->found);
}

static const struct sg_cli_question question = {prepare, make, path};

/* A threshold is written "10ms" or as a number in the metric's unit. */
static int parse(struct wish *w, struct sg_error *err)
{
	uint64_t ns;
	size_t m = 0;

	while (w->by && m < SG_MEASURES && strcmp(w->by, sg_measure_names[m]) != 0)
		m++;
	if (m == SG_MEASURES)
		return sg_fail(err, -EINVAL, "--by is time, mean, quantile or above");
	w->measure = (enum sg_measure)m;
	if (w->q &&
	    (sg_parse_number(w->q, &w->quantile) < 0 || w->quantile <= 0 || w->quantile >= 1))
		return sg_fail(err, -EINVAL, "--q is a number between 0 and 1, such as 0.99");
	if (!w->threshold || (sg_parse_number(w->threshold, &w->above) == 0 && w->above > 0))
		return 0;
	if (sg_parse_duration(w->threshold, &ns) < 0)
		return sg_fail(err, -EINVAL, "--threshold is a number or a duration, such as 10ms");
	w->above = (double)ns / 1e9;
	return 0;
}

static int run(struct sg_cli *cli, struct wish *w, const char *metric, json_t **doc,
	       struct sg_error *err)
{
	struct sg_error ignored;
	sg_auto_buf match = {0};
	struct sg_src src;
	int r = parse(w, err);

	if (r < 0)
		return r;
	/* A histogram by a part of its name, or any metric by its whole one. */
	w->match = sg_metric_resolve(metric, &match, err) == 0 ? match.data : metric;
	r = sg_src_open(&src, &cli->cfg, &ignored);
	if (r < 0) {
		*err = ignored;
		return r;
	}
	ignored = (struct sg_error){0};
	r = sg_cli_ask(&src, &question, w, doc, &ignored);
	if (r < 0 && (w->match != metric || !err->msg[0] || strstr(metric, "sgprobe_")))
		*err = ignored;
	sg_src_close(&src);
	return r;
}

int sg_cmd_explain(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {.windows = SG_CLI_WINDOWS_INIT, .limit = 10};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		SG_CLI_WINDOWS_OPTS(&w.windows),
		{"by", 0, SG_OPT_TEXT, &w.by, "MEASURE", "time (default), mean, quantile or above"},
		{"q", 0, SG_OPT_TEXT, &w.q, "Q", "which quantile (0.99)"},
		{"threshold", 0, SG_OPT_TEXT, &w.threshold, "T",
		 "above what (that quantile before)"},
		{"limit", 'n', SG_OPT_NUMBER, &w.limit, "N", "rows of a dimension (10)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);
	struct sg_error err = {0};
	json_t *doc = NULL;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	w.limit = SG_MIN(w.limit, (uint64_t)1000);
	r = run(cli, &w, argv[1], &doc, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	r = sg_cli_print(cli, doc, put_text);
	json_decref(doc);
	return r;
}
