// SPDX-License-Identifier: GPL-2.0
/* What is stored: every metric with its series and how many samples they bring. */
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/metric.h>

#include "opts.h"
#include "source.h"
#include "table.h"

#define HELP_WIDTH 140 /* of a terminal that has room for what a metric is */

struct metric {
	const char *name; /* of series, borrowed */
	double series, rate; /* samples a second */
	char help[160], unit[16];
	const char *type, *group;
};

struct wishes {
	const char *type, *group;
	uint64_t last_ns;
	bool csv, help;
	const char *filter; /* NULL: all */
};

struct metrics {
	struct metric *v;
	size_t n;
	json_t *series, *samples; /* what the names are of */
};

static double value_of(const json_t *s)
{
	const char *v = json_string_value(json_array_get(json_object_get(s, "value"), 1));

	return v ? strtod(v, NULL) : 0;
}

static const char *name_of(const json_t *s)
{
	const char *n =
		json_string_value(json_object_get(json_object_get(s, "metric"), "__name__"));

	return n ? n : "";
}

static struct metric *find(const struct metrics *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].name, name) == 0)
			return &m->v[i];
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct metric *)a)->name, ((const struct metric *)b)->name);
}

/* What the catalogue does not know comes from outside: the name says what it can. */
static void guess(struct metric *m)
{
	size_t n = strlen(m->name);

	m->type = n > 6 && strcmp(m->name + n - 6, "_total") == 0 ? "counter" : "unknown";
	m->group = "";
	snprintf(m->unit, sizeof(m->unit), "%s", sg_metric_unit(m->name));
}

static int describe(const struct sg_metric_info *i, void *ctx)
{
	struct metric *m = find(ctx, i->name);

	if (!m)
		return 0;
	m->type = sg_type_name(i->type);
	m->group = i->group;
	snprintf(m->unit, sizeof(m->unit), "%s", i->unit);
	snprintf(m->help, sizeof(m->help), "%s%s%s", i->help, i->dim ? ", by " : "",
		 i->dim ? i->dim : "");
	return 0;
}

static int gather(struct metrics *m, double seconds)
{
	const json_t *list = json_object_get(m->series, "result"), *s;
	size_t i;

	m->v = calloc(json_array_size(list) + 1, sizeof(*m->v));
	if (!m->v)
		return -ENOMEM;
	json_array_foreach((json_t *)list, i, s)
	{
		struct metric *one = &m->v[m->n++];

		one->name = name_of(s);
		one->series = value_of(s);
		guess(one);
	}
	qsort(m->v, m->n, sizeof(*m->v), by_name);
	list = json_object_get(m->samples, "result");
	json_array_foreach((json_t *)list, i, s)
	{
		struct metric *one = find(m, name_of(s));

		if (one)
			one->rate = value_of(s) / seconds;
	}
	return sg_metrics_each(describe, m);
}

static int ask(struct sg_src *src, struct metrics *m, const struct wishes *w, struct sg_error *err)
{
	unsigned int seconds = (unsigned int)(w->last_ns / 1000000000);
	char expr[256];
	int64_t now;
	int r = sg_src_newest(src, &now, err);

	if (r < 0)
		return r;
	/* The name is put where functions do not drop it. */
	snprintf(expr, sizeof(expr), "count by (__name__) (last_over_time({__name__!=\"\"}[%us]))",
		 seconds);
	r = sg_src_query(src, expr, now, &m->series, err);
	if (r < 0)
		return r;
	snprintf(expr, sizeof(expr),
		 "sum by (__name__) (label_replace(count_over_time({__name__!=\"\"}[%us]), "
		 "\"__name__\", \"$1\", \"__name__\", \"(.*)\"))",
		 seconds);
	r = sg_src_query(src, expr, now, &m->samples, err);
	return r < 0 ? r : gather(m, seconds);
}

/* A part of the name, or a pattern of the shell. */
static bool is_wanted(const struct wishes *w, const struct metric *m)
{
	const char *f = w->filter;

	if (w->type && strcmp(w->type, m->type) != 0)
		return false;
	if (w->group && strcmp(w->group, m->group) != 0)
		return false;
	if (!f)
		return true;
	return strpbrk(f, "*?[") ? fnmatch(f, m->name, 0) == 0 : strstr(m->name, f) != NULL;
}

static void put_metric(struct sg_table *t, const struct metric *m, bool whole, bool people)
{
	char rate[32];

	sg_table_text(t, m->name);
	sg_table_text(t, m->type);
	sg_table_text(t, m->unit);
	sg_table_float(t, m->series);
	snprintf(rate, sizeof(rate), people ? "%.1f" : "%.3f", m->rate);
	sg_table_number(t, rate);
	if (whole)
		sg_table_text(t, m->help);
}

static void put_sum(const struct metrics *m, const struct wishes *w, size_t shown)
{
	double series = 0, rate = 0;

	for (size_t i = 0; i < m->n; i++)
		if (is_wanted(w, &m->v[i])) {
			series += m->v[i].series;
			rate += m->v[i].rate;
		}
	printf("%zu metrics, %.0f series, %.1f samples a second\n", shown, series, rate);
}

static int put(struct sg_cli *cli, const struct metrics *m, const struct wishes *w)
{
	static const struct sg_column people[] = {
		{"METRIC"}, {"TYPE"}, {"UNIT"}, {"SERIES", true}, {"SAMPLES/S", true}, {"HELP"}};
	static const struct sg_column programs[] = {{"name"},	      {"type"},	      {"unit"},
						    {"series", true}, {"rate", true}, {"help"}};
	enum sg_format f = cli->json ? SG_AS_JSON : w->csv ? SG_AS_CSV : SG_AS_TABLE;
	bool table = f == SG_AS_TABLE, tty = isatty(STDOUT_FILENO);
	bool whole = !table || w->help || (tty && sg_cli_width() >= HELP_WIDTH);
	sg_auto(sg_table) t = sg_table_new(stdout, f, table && tty ? sg_cli_width() : 0,
					   table ? people : programs, whole ? 6 : 5);
	size_t shown = 0;
	int r;

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++)
		if (is_wanted(w, &m->v[i])) {
			put_metric(t, &m->v[i], whole, table);
			shown++;
		}
	if (!shown && table)
		return -ENOENT;
	r = sg_table_end(t);
	if (table && r == 0)
		put_sum(m, w, shown);
	return r == -EPIPE ? 0 : r;
}

static int run(struct sg_cli *cli, const struct wishes *w, struct sg_error *err)
{
	struct metrics m = {0};
	struct sg_src src;
	int r = sg_src_open(&src, &cli->cfg, err);

	if (r == 0)
		r = ask(&src, &m, w, err);
	sg_src_close(&src);
	if (r == 0) {
		r = put(cli, &m, w);
		if (r == -ENOENT)
			sg_fail(err, r, "no metric that is stored is like this%s%s",
				w->filter ? ": " : "", w->filter ? w->filter : "");
	}
	free(m.v);
	json_decref(m.series);
	json_decref(m.samples);
	return r;
}

int sg_cmd_metrics(struct sg_cli *cli, int argc, char **argv)
{
	struct wishes w = {.last_ns = 60000000000ULL};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"csv", 0, SG_OPT_FLAG, &w.csv, NULL, "print CSV", NULL},
		{"help-text", 0, SG_OPT_FLAG, &w.help, NULL, "with what each is", NULL},
		{"type", 0, SG_OPT_TEXT, &w.type, "TYPE", "only counter, gauge or histogram", NULL},
		{"group", 'g', SG_OPT_TEXT, &w.group, "GROUP", "only of sched, tcp, ...", NULL},
		{"last", 0, SG_OPT_DURATION, &w.last_ns, "DURATION",
		 "what had samples in this time (1m)", NULL},
	};
	struct sg_error err = {0};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, &n);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	w.filter = n ? argv[1] : NULL;
	r = run(cli, &w, &err);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r))
		     : SG_EXIT_OK;
}
