// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "question.h"
#include "render.h"
#include "windows.h"

struct wish {
	struct sg_cli_windows windows;
	struct sg_windows_wish found;
	char mark[32]; /* of found */
	uint64_t limit;
};

/* ---- printing ----------------------------------------------------------------------------- */

static void put_name(struct sg_buf *b, const json_t *c)
{
	const char *name = sg_json_text(c, "name"), *key, *sep = "{";
	json_t *v;

	sg_term_str(b, strncmp(name, "sgprobe_", 8) == 0 ? name + 8 : name);
	json_object_foreach(json_object_get(c, "labels"), key, v)
	{
		sg_buf_str(b, sep);
		sg_term_str(b, key);
		sg_buf_char(b, '=');
		sg_term_str(b, json_string_value(v) ? json_string_value(v) : "");
		sep = ",";
	}
	if (*sep == ',')
		sg_buf_char(b, '}');
}

static void put_value(struct sg_buf *b, const json_t *c, const char *key, size_t which)
{
	bool counter = strcmp(sg_json_text(c, "type"), "counter") == 0;
	double v = sg_json_at(c, key, which);
	char text[40], cell[48];

	sg_fmt_unit(sg_json_text(c, "unit"), v, text, sizeof(text));
	snprintf(cell, sizeof(cell), "%s%s", text, counter && isfinite(v) ? "/s" : "");
	sg_put_right(b, cell, 13);
}

/* Of a histogram the median, where that moved, and the p99. */
static void put_change(struct sg_buf *b, const json_t *c)
{
	bool hist = strcmp(sg_json_text(c, "type"), "histogram") == 0;
	double factor = sg_json_of(c, "factor");
	char text[32];

	if (factor >= 9999)
		snprintf(text, sizeof(text), "new");
	else if (factor <= 1e-4)
		snprintf(text, sizeof(text), "gone");
	else
		snprintf(text, sizeof(text), factor >= 1 ? "x %.2f" : "/ %.2f",
			 factor >= 1 ? factor : 1 / factor);
	sg_buf_printf(b, "%9s", text);
	put_value(b, c, hist ? "p50" : "mean", 0);
	put_value(b, c, hist ? "p50" : "mean", 1);
	put_value(b, c, hist ? "p99" : "", 0);
	put_value(b, c, hist ? "p99" : "", 1);
	sg_buf_str(b, "  ");
	put_name(b, c);
	sg_buf_char(b, '\n');
}

static void put_text(struct sg_buf *b, const json_t *doc)
{
	const json_t *changes = json_object_get(doc, "changes");
	size_t n = (size_t)json_integer_value(json_object_get(doc, "significant"));

	sg_cli_windows_text(b, doc);
	sg_buf_printf(b, ": %zu of %" PRIu64 " series that were tested changed\n", n,
		      (uint64_t)json_integer_value(json_object_get(doc, "tested")));
	if (!n)
		return;
	sg_buf_printf(b, "\n%9s%13s%13s%13s%13s\n", "", "before", "after", "p99 before",
		      "p99 after");
	for (size_t i = 0; i < SG_MIN(n, json_array_size(changes)); i++)
		put_change(b, json_array_get(changes, i));
	if (n > json_array_size(changes))
		sg_buf_printf(b, "and %zu more (--limit)\n", n - json_array_size(changes));
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
	struct sg_diff_options o = {.limit = w->limit, .deadline_ns = deadline_ns};
	int e = sg_windows_find(r, &w->found, deadline_ns, o.window, err);

	return e < 0 ? e : sg_diff_json(r, &o, b, err);
}

static void path(const void *ctx, struct sg_buf *b)
{
	const struct wish *w = ctx;

	sg_buf_printf(b, "/api/sg/v1/diff?timeout=30&limit=%" PRIu64, w->limit);
	sg_cli_windows_params(b, &w->found);
}

static const struct sg_cli_question question = {prepare, make, path};

int sg_cmd_diff(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {.windows = SG_CLI_WINDOWS_INIT, .limit = 40};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		SG_CLI_WINDOWS_OPTS(&w.windows),
		{"limit", 'n', SG_OPT_NUMBER, &w.limit, "N", "at most so many rows (40)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	w.limit = SG_MIN(w.limit, (uint64_t)1000);
	return sg_cli_answer(cli, &question, &w, put_text);
}
