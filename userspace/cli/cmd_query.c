// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "result.h"
#include "source.h"

#define STEP_MIN_MS 1000

struct ask {
	int64_t time, from, to; /* -1: not given */
	uint64_t step_ns, last_ns; /* 0: not given */
	bool csv, plot, table;
	const char *unit; /* NULL: guessed */
};

static bool is_range(const struct ask *a)
{
	return a->from >= 0 || a->last_ns || a->to >= 0;
}

/* A whole number of seconds with which the range fills the plot's columns, two dots each. */
static int64_t step_ms(const struct ask *a)
{
	int64_t step = (a->to - a->from) / (2 * (int64_t)SG_MAX(sg_cli_width() - 9, 20U));

	if (a->step_ns)
		return SG_MAX((int64_t)(a->step_ns / 1000000), 1);
	if (!a->plot)
		return 10000;
	return SG_MAX((step + 999) / 1000 * 1000, (int64_t)STEP_MIN_MS);
}

static int fetch(struct sg_src *src, const char *expr, struct ask *a, json_t **data,
		 struct sg_error *err)
{
	int64_t newest;
	int r = sg_src_newest(src, &newest, err);

	if (r < 0)
		return r;
	if (!is_range(a))
		return sg_src_query(src, expr, a->time >= 0 ? a->time : newest, data, err);
	if (a->to < 0) { /* now has milliseconds that nobody means */
		a->to = newest - newest % 1000;
		a->from -= a->from > 0 ? a->from % 1000 : 0;
	}
	if (a->from < 0)
		a->from = a->to - (int64_t)((a->last_ns ? a->last_ns : 600000000000ULL) / 1000000);
	if (a->from > a->to)
		return sg_fail(err, -EINVAL, "the range ends before it begins");
	return sg_src_range(src, expr, a->from, a->to, step_ms(a), data, err);
}

/* ---- where a mistake is ---------------------------------------------------------------- */

/* "LINE:COLUMN: parse error" somewhere in a message; false: it has none. */
static bool find_place(const char *msg, unsigned long *line, unsigned long *column)
{
	const char *p = strstr(msg, ": parse error"), *colon;

	if (!p)
		return false;
	colon = p;
	while (colon > msg && isdigit((unsigned char)colon[-1]))
		colon--;
	if (colon == p || colon == msg || colon[-1] != ':')
		return false;
	*column = strtoul(colon, NULL, 10);
	colon--;
	while (colon > msg && isdigit((unsigned char)colon[-1]))
		colon--;
	*line = strtoul(colon, NULL, 10);
	return *line > 0 && *column > 0;
}

/* The line of the expression, and a caret below the place. */
static void show_place(const char *expr, const char *msg)
{
	unsigned long line, column;
	sg_auto_buf text = {0}, safe = {0}, before = {0};
	const char *end;

	if (!find_place(msg, &line, &column))
		return;
	for (; line > 1 && expr; line--) {
		expr = strchr(expr, '\n');
		expr = expr ? expr + 1 : NULL;
	}
	if (!expr)
		return;
	end = expr + strcspn(expr, "\n");
	column = SG_MIN(column - 1, (unsigned long)(end - expr));
	sg_buf_add(&text, expr, (size_t)(end - expr));
	sg_term_str(&safe, text.data);
	sg_buf_reset(&text);
	sg_buf_add(&text, expr, column);
	sg_term_str(&before, text.data);
	fprintf(stderr, "  %s\n  %*s^\n", safe.data ? safe.data : "",
		before.data ? (int)sg_columns(before.data) : 0, "");
}

/* ---- output ---------------------------------------------------------------------------- */

/* What a value is measured in: only where the expression leaves no doubt. */
static const char *guess_unit(const char *expr)
{
	static const char *const keep[] = {"histogram_quantile(", "histogram_avg(",
					   "max_over_time(",	  "min_over_time(",
					   "avg_over_time(",	  "last_over_time("};
	bool plain = strspn(expr, "abcdefghijklmnopqrstuvwxyz_0123456789") == strcspn(expr, "{ ");

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		plain |= strncmp(expr, keep[i], strlen(keep[i])) == 0;
	if (!plain || strpbrk(expr, "*/"))
		return "";
	if (strstr(expr, "_seconds"))
		return "seconds";
	return strstr(expr, "_bytes") && !strstr(expr, "rate(") ? "bytes" : "";
}

static bool is_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int put_picture(struct sg_cli *cli, const struct ask *a, const char *expr,
		       const json_t *data)
{
	struct sg_size size = sg_tty_size();
	bool color = sg_cli_color(cli, stdout);
	const struct sg_picture p = {
		.from_ms = a->from,
		.to_ms = a->to,
		.step_ms = step_ms(a),
		.unit = a->unit ? a->unit : guess_unit(expr),
		.hist_unit = a->unit		      ? a->unit
			     : strstr(expr, "_bytes") ? "bytes"
						      : "seconds",
		.title = expr,
		.style = {.columns = size.columns,
			  .rows = SG_MIN(SG_MAX(size.rows / 2, 12U), 24U),
			  .depth = sg_tty_depth(color),
			  .ascii = !is_utf8()},
	};
	sg_auto_buf b = {0};
	int r = sg_result_plot(&b, data, &p);

	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "cannot draw this: %s", strerror(-r))
		     : sg_cli_put(&b);
}

static int put_json(const json_t *data)
{
	sg_auto_buf b = {0};
	char *text = json_dumps(data, JSON_COMPACT);

	sg_buf_str(&b, text ? text : "");
	sg_buf_char(&b, '\n');
	free(text);
	return sg_cli_put(&b);
}

static int print(struct sg_cli *cli, const struct ask *a, const char *expr, const json_t *data)
{
	bool tty = isatty(STDOUT_FILENO);
	int r;

	if (cli->json)
		return put_json(data);
	if (a->plot)
		return put_picture(cli, a, expr, data);
	r = sg_result_table(stdout, data, a->csv ? SG_AS_CSV : SG_AS_TABLE,
			    tty && !a->csv ? sg_cli_width() : 0);
	return r < 0 && r != -EPIPE ? SG_EXIT_FAILED : SG_EXIT_OK;
}

static int check(struct sg_cli *cli, struct ask *a)
{
	if (cli->json + a->csv + a->plot + a->table > 1)
		return sg_cli_fail(cli, SG_EXIT_USAGE,
				   "--json, --csv, --table and --plot exclude "
				   "each other");
	if (a->time >= 0 && is_range(a))
		return sg_cli_fail(cli, SG_EXIT_USAGE,
				   "--time is of one moment; a range has --from, "
				   "--to or --last");
	if (a->from >= 0 && a->last_ns)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--from and --last exclude each other");
	if (a->plot && !is_range(a))
		a->last_ns = 600000000000ULL;
	if (is_range(a) && !cli->json && !a->csv && !a->table && isatty(STDOUT_FILENO))
		a->plot = true;
	return 0;
}

int sg_cmd_query(struct sg_cli *cli, int argc, char **argv)
{
	struct ask a = {.time = -1, .from = -1, .to = -1};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"csv", 0, SG_OPT_FLAG, &a.csv, NULL, "print CSV", NULL},
		{"plot", 'p', SG_OPT_FLAG, &a.plot, NULL,
		 "draw it (a range on a terminal is drawn)", NULL},
		{"table", 0, SG_OPT_FLAG, &a.table, NULL, "print a table, also of a range", NULL},
		{"time", 't', SG_OPT_TIME, &a.time, "T", "the moment asked about (now)"},
		{"last", 0, SG_OPT_DURATION, &a.last_ns, "DURATION", "a range that ends now"},
		{"from", 0, SG_OPT_TIME, &a.from, "T", "the beginning of a range"},
		{"to", 0, SG_OPT_TIME, &a.to, "T", "its end (now)"},
		{"step", 0, SG_OPT_DURATION, &a.step_ns, "DURATION",
		 "between two values (10s; of a plot: as it is wide)"},
		{"unit", 0, SG_OPT_TEXT, &a.unit, "UNIT",
		 "of a plot's scale: seconds, bytes or none"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);
	struct sg_error err = {0};
	struct sg_src src;
	json_t *data = NULL;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	r = check(cli, &a);
	if (r)
		return r;
	r = sg_src_open(&src, &cli->cfg, &err);
	if (r == 0)
		r = fetch(&src, argv[1], &a, &data, &err);
	sg_src_close(&src);
	if (r < 0) {
		sg_cli_fail(cli, 0, "%s", err.msg[0] ? err.msg : strerror(-r));
		show_place(argv[1], err.msg);
		return sg_cli_code(r);
	}
	r = print(cli, &a, argv[1], data);
	json_decref(data);
	return r;
}
