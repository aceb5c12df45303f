// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <sgprobe/time.h>

#include "render.h"
#include "windows.h"

#define PATIENCE_NS 60000000000ULL

struct wish {
	struct sg_cli_windows windows;
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

static int from_store(struct sg_src *src, const struct wish *w, const struct sg_windows_wish *wish,
		      json_t **ret, struct sg_error *err)
{
	struct sg_diff_options o = {.limit = w->limit, .deadline_ns = sg_mono_ns() + PATIENCE_NS};
	sg_auto_buf b = {0};
	int r = sg_windows_find(src->reader, wish, o.deadline_ns, o.window, err);

	if (r == 0)
		r = sg_diff_json(src->reader, &o, &b, err);
	if (r < 0)
		return r;
	*ret = b.err ? NULL : json_loadb(b.data, b.len, 0, NULL);
	return *ret ? 0 : -ENOMEM;
}

static int ask(struct sg_src *src, const struct wish *w, json_t **ret, struct sg_error *err)
{
	struct sg_windows_wish wish;
	sg_auto_buf path = {0};
	char mark[32];
	int r = sg_cli_windows_wish(src, &w->windows, &wish, mark, err);

	if (r < 0)
		return r;
	if (src->reader)
		return from_store(src, w, &wish, ret, err);
	sg_buf_printf(&path, "/api/sg/v1/diff?timeout=30&limit=%" PRIu64, w->limit);
	sg_cli_windows_params(&path, &wish);
	return path.err ? path.err : sg_src_get(src, path.data, ret, err);
}

int sg_cmd_diff(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {.windows = SG_CLI_WINDOWS_INIT, .limit = 40};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		SG_CLI_WINDOWS_OPTS(&w.windows),
		{"limit", 'n', SG_OPT_NUMBER, &w.limit, "N", "at most so many rows (40)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	struct sg_error err = {0};
	struct sg_src src;
	json_t *doc = NULL;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	w.limit = SG_MIN(w.limit, (uint64_t)1000);
	r = sg_src_open(&src, &cli->cfg, &err);
	if (r == 0)
		r = ask(&src, &w, &doc, &err);
	sg_src_close(&src);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	r = sg_cli_print(cli, doc, put_text);
	json_decref(doc);
	return r;
}
