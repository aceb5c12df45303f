// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sgprobe/exemplar.h>
#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "client.h"
#include "metrics.h"
#include "opts.h"
#include "source.h"

#define STEP_MS 1000
#define LIMIT 10

struct wish {
	struct sg_cli *cli;
	const char *metric; /* NULL: the slowest one of each latency of the host */
	int64_t from_ms, to_ms; /* -1: not given */
	uint64_t last_ns, limit;
};

/* ---- asking ---------------------------------------------------------------------------- */

static int add_name(const struct sg_metric_info *m, void *ctx)
{
	struct sg_buf *b = ctx;

	if (m->type == SG_HISTOGRAM && !m->of && sg_metric_is_latency(m))
		sg_buf_printf(b, "%s%s", b->len ? "|" : "", m->name);
	return 0;
}

static int selector_of(const struct wish *w, struct sg_buf *out, struct sg_error *err)
{
	sg_auto_buf names = {0};

	if (w->metric)
		return sg_metric_resolve(w->metric, out, err);
	sg_metrics_each(add_name, &names);
	sg_buf_printf(out, "{__name__=~\"%s\"}", names.data ? names.data : "");
	return names.err ? names.err : out->err;
}

static int from_daemon(struct sg_src *src, const struct wish *w, const char *selector, json_t **ret,
		       struct sg_error *err)
{
	sg_auto_buf path = {0};
	json_t *doc = NULL;
	int r;

	sg_buf_str(&path, "/api/v1/query_exemplars?frames=1&query=");
	sg_url_escape(&path, selector);
	sg_buf_printf(&path, "&step=1&start=%" PRId64 ".%03d&end=%" PRId64 ".%03d",
		      w->from_ms / 1000, (int)(w->from_ms % 1000), w->to_ms / 1000,
		      (int)(w->to_ms % 1000));
	r = path.err ? path.err : sg_src_get(src, path.data, &doc, err);
	if (r < 0)
		return r;
	*ret = json_incref(json_object_get(doc, "data"));
	json_decref(doc);
	return json_is_array(*ret) ? 0 : sg_fail(err, -EBADMSG, "the daemon's answer is not valid");
}

static int read_store(struct sg_src *src, const struct wish *w, const char *selector,
		      struct sg_exemplars *x, struct sg_error *err)
{
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_selector sel = {0};
	size_t n = 0;
	int r = arena ? sg_query_selectors(selector, arena, &sel, 1, &n, err) : -ENOMEM;

	if (r == 0)
		r = src->reader->exemplars(src->reader, &sel, 1, w->from_ms - 1, w->to_ms,
					   sg_mono_ns() + 60000000000ULL, sg_exemplars_take, x);
	if (n)
		sg_selector_release(&sel);
	return r < 0 && !err->msg[0] ? sg_fail(err, r, "cannot read the store: %s", strerror(-r))
				     : r;
}

static int from_store(struct sg_src *src, const struct wish *w, const char *selector, json_t **ret,
		      struct sg_error *err)
{
	sg_auto(sg_exemplars) x = sg_exemplars_new(STEP_MS);
	sg_auto_buf b = {0};
	int r = x ? read_store(src, w, selector, x, err) : -ENOMEM;

	if (r < 0)
		return r;
	sg_exemplars_json(&b, x, true);
	*ret = b.err ? NULL : json_loadb(b.data, b.len, 0, NULL);
	return *ret ? 0 : -ENOMEM;
}

/* ---- the slowest ----------------------------------------------------------------------- */

struct item {
	const json_t *series, *e;
	double value;
};

static int slowest_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->value < y->value) - (x->value > y->value);
}

static double value_of(const json_t *e)
{
	const char *s = json_string_value(json_object_get(e, "value"));

	return s ? strtod(s, NULL) : 0;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The slowest of one series. */
static void add_slowest(const json_t *group, struct item *items, size_t *n)
{
	struct item best = {0};
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(group, "exemplars"), i, e)
	{
		if (!best.e || value_of(e) > best.value)
			best = (struct item){json_object_get(group, "seriesLabels"), e,
					     value_of(e)};
	}
	if (best.e)
		items[(*n)++] = best;
}

static void add_all(const json_t *group, struct item *items, size_t *n)
{
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(group, "exemplars"), i, e) items[(*n)++] =
		(struct item){json_object_get(group, "seriesLabels"), e, value_of(e)};
}

/* Of sorted ones the first of each metric. */
static size_t one_of_each(struct item *items, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < kept && strcmp(text_of(items[j].series, "__name__"),
					  text_of(items[i].series, "__name__")) != 0)
			j++;
		if (j == kept)
			items[kept++] = items[i];
	}
	return kept;
}

static size_t count_all(const json_t *data)
{
	const json_t *group;
	size_t i, n = 0;

	json_array_foreach(data, i, group) n +=
		json_array_size(json_object_get(group, "exemplars"));
	return n;
}

/* ---- printing -------------------------------------------------------------------------- */

static void put_time(struct sg_buf *b, double seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, sizeof(text), "?");
	sg_buf_printf(b, "%s.%03d", text, (int)((seconds - (double)t) * 1000));
}

static void put_series(struct sg_buf *b, const json_t *labels)
{
	const char *key;
	json_t *value;
	bool any = false;

	sg_term_str(b, text_of(labels, "__name__"));
	json_object_foreach((json_t *)labels, key, value)
	{
		if (strcmp(key, "__name__") == 0)
			continue;
		sg_buf_str(b, any ? ", " : "{");
		sg_term_str(b, key);
		sg_buf_str(b, "=\"");
		sg_term_str(b, json_string_value(value) ? json_string_value(value) : "");
		sg_buf_char(b, '"');
		any = true;
	}
	sg_buf_str(b, any ? "}" : "");
}

/* Innermost first, as debuggers do. */
static void put_stack(struct sg_buf *b, const json_t *e)
{
	const json_t *frames = json_object_get(e, "frames");
	size_t n = json_array_size(frames);
	json_int_t kernel = json_integer_value(json_object_get(e, "kernel"));

	for (size_t i = n; i-- > 0;) {
		const char *name = json_string_value(json_array_get(frames, i));

		sg_buf_str(b, "        ");
		sg_term_str(b, name ? name : "?");
		sg_buf_str(b, (json_int_t)(n - i) <= kernel ? "_[k]\n" : "\n");
	}
}

static void put_item(struct sg_buf *b, const struct item *it)
{
	const json_t *labels = json_object_get(it->e, "labels");
	const char *comm = text_of(labels, "comm"), *cgroup = text_of(it->e, "cgroup");
	char value[32];

	sg_buf_printf(b, "%-9s ", sg_fmt_unit("seconds", it->value, value, sizeof(value)));
	put_time(b, json_number_value(json_object_get(it->e, "timestamp")));
	sg_buf_str(b, "  ");
	put_series(b, it->series);
	sg_buf_str(b, "\n    ");
	if (!*text_of(labels, "pid")) {
		sg_buf_printf(b, "nobody's, on CPU %" JSON_INTEGER_FORMAT "\n",
			      json_integer_value(json_object_get(it->e, "cpu")));
		return;
	}
	sg_term_str(b, *comm ? comm : "?");
	sg_buf_printf(b, " (pid %s, thread %s)", text_of(labels, "pid"), text_of(labels, "tid"));
	if (*cgroup) {
		sg_buf_str(b, " of ");
		sg_term_str(b, cgroup);
	}
	sg_buf_printf(b, ", on CPU %" JSON_INTEGER_FORMAT "\n",
		      json_integer_value(json_object_get(it->e, "cpu")));
	put_stack(b, it->e);
}

static void put_json(struct sg_buf *b, const struct item *it)
{
	json_t *line = json_deep_copy(it->e);
	char *text;

	json_object_set(line, "series", (json_t *)it->series);
	text = json_dumps(line, JSON_COMPACT);
	sg_buf_printf(b, "%s\n", text ? text : "{}");
	free(text);
	json_decref(line);
}

static int print(const struct wish *w, const json_t *data)
{
	sg_auto_free struct item *items = calloc(count_all(data) + 1, sizeof(*items));
	sg_auto_buf b = {0};
	const json_t *group;
	size_t i, n = 0;

	if (!items)
		return -ENOMEM;
	json_array_foreach(data, i, group)(w->metric ? add_all : add_slowest)(group, items, &n);
	qsort(items, n, sizeof(*items), slowest_first);
	if (!w->metric)
		n = one_of_each(items, n);
	for (i = 0; i < SG_MIN(n, (size_t)w->limit); i++)
		(w->cli->json ? put_json : put_item)(&b, &items[i]);
	if (!n && !w->cli->json)
		sg_buf_str(&b, "nothing was recorded in this time\n");
	return b.err ? b.err : sg_cli_put(&b);
}

static int ask(struct sg_src *src, struct wish *w, struct sg_error *err)
{
	sg_auto_buf selector = {0};
	json_t *data = NULL;
	int r = selector_of(w, &selector, err);

	if (r == 0)
		r = src->reader ? from_store(src, w, selector.data, &data, err)
				: from_daemon(src, w, selector.data, &data, err);
	if (r == 0)
		r = print(w, data);
	json_decref(data);
	return r;
}

static int run(struct wish *w, struct sg_error *err)
{
	int64_t newest = 0;
	struct sg_src src;
	int r = sg_src_open(&src, &w->cli->cfg, err);

	if (r < 0)
		return r;
	if (w->to_ms < 0)
		r = sg_src_newest(&src, &newest, err);
	if (w->to_ms < 0)
		w->to_ms = newest;
	if (w->from_ms < 0)
		w->from_ms = SG_MAX(w->to_ms - (int64_t)(w->last_ns / 1000000), 0);
	if (r == 0 && w->from_ms >= w->to_ms)
		r = sg_fail(err, -EINVAL, "the range ends before it begins");
	if (r == 0)
		r = ask(&src, w, err);
	sg_src_close(&src);
	return r;
}

int sg_cmd_worst(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {
		.cli = cli, .from_ms = -1, .to_ms = -1, .last_ns = 300000000000ULL, .limit = LIMIT};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"last", 0, SG_OPT_DURATION, &w.last_ns, "DURATION",
		 "how long before the end (5m)"},
		{"since", 0, SG_OPT_TIME, &w.from_ms, "T", "the beginning"},
		{"until", 0, SG_OPT_TIME, &w.to_ms, "T", "the end (now)"},
		{"limit", 'n', SG_OPT_NUMBER, &w.limit, "N", "so many (10)"},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, &n);
	struct sg_error err = {0};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	w.metric = n ? argv[1] : NULL;
	r = run(&w, &err);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r))
		     : r;
}
