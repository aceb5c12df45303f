// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "opts.h"
#include "source.h"

struct ask {
	int64_t time, from, to; /* -1: not given */
	uint64_t step_ns;
};

/* name{a="b"} of Prometheus' "metric" object. */
static void put_labels(struct sg_buf *b, const json_t *metric)
{
	const char *name = json_string_value(json_object_get(metric, "__name__")), *key;
	const char *sep = "{";
	json_t *v;

	sg_term_str(b, name ? name : "");
	json_object_foreach((json_t *)metric, key, v)
	{
		if (strcmp(key, "__name__") == 0)
			continue;
		sg_buf_str(b, sep);
		sg_term_str(b, key);
		sg_buf_str(b, "=\"");
		sg_term_str(b, json_string_value(v) ? json_string_value(v) : "");
		sg_buf_char(b, '"');
		sep = ",";
	}
	if (*sep == ',')
		sg_buf_char(b, '}');
	else if (!name)
		sg_buf_str(b, "{}");
}

static void put_histogram(struct sg_buf *b, const json_t *h)
{
	json_t *buckets = json_object_get(h, "buckets"), *one;
	const char *count = json_string_value(json_object_get(h, "count"));
	const char *sum = json_string_value(json_object_get(h, "sum"));
	size_t i;

	sg_buf_printf(b, "count %s, sum %s", count ? count : "?", sum ? sum : "?");
	json_array_foreach(buckets, i, one)
	{
		const char *lo = json_string_value(json_array_get(one, 1));
		const char *hi = json_string_value(json_array_get(one, 2));
		const char *n = json_string_value(json_array_get(one, 3));
		char a[32], z[32];

		sg_buf_printf(b, "\n    %10s .. %-10s %s",
			      sg_fmt_seconds(lo ? atof(lo) : 0, a, sizeof(a)),
			      sg_fmt_seconds(hi ? atof(hi) : 0, z, sizeof(z)), n ? n : "?");
	}
}

/* [t, "value"] or [t, {histogram}] */
static void put_point(struct sg_buf *b, const json_t *point, bool with_time)
{
	const json_t *v = json_array_get(point, 1);

	if (with_time)
		sg_buf_printf(b, "  %.3f  ", json_number_value(json_array_get(point, 0)));
	if (json_is_object(v))
		put_histogram(b, v);
	else
		sg_buf_str(b, json_string_value(v) ? json_string_value(v) : "?");
	sg_buf_char(b, '\n');
}

static void put_series(struct sg_buf *b, const json_t *s)
{
	const json_t *one = json_object_get(s, "value");
	static const char *const lists[] = {"values", "histograms"};

	if (!one)
		one = json_object_get(s, "histogram");
	put_labels(b, json_object_get(s, "metric"));
	if (one) {
		sg_buf_char(b, ' ');
		put_point(b, one, false);
		return;
	}
	sg_buf_char(b, '\n');
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		json_t *list = json_object_get(s, lists[k]), *p;
		size_t i;

		json_array_foreach(list, i, p)
		{
			put_point(b, p, true);
		}
	}
}

static void put_result(struct sg_buf *b, const json_t *data)
{
	const char *type = json_string_value(json_object_get(data, "resultType"));
	json_t *result = json_object_get(data, "result"), *s;
	size_t i;

	if (type && (strcmp(type, "scalar") == 0 || strcmp(type, "string") == 0)) {
		put_point(b, result, false);
		return;
	}
	json_array_foreach(result, i, s)
	{
		put_series(b, s);
	}
}

static int fetch(struct sg_src *src, const char *expr, struct ask *a, json_t **data,
		 struct sg_error *err)
{
	int64_t newest;
	int r = sg_src_newest(src, &newest, err);

	if (r < 0)
		return r;
	if (a->from < 0)
		return sg_src_query(src, expr, a->time >= 0 ? a->time : newest, data, err);
	if (a->to < 0)
		a->to = newest;
	return sg_src_range(src, expr, a->from, a->to, (int64_t)(a->step_ns / 1000000), data, err);
}

static int print(struct sg_cli *cli, const json_t *data)
{
	sg_auto_buf b = {0};

	if (cli->json) {
		char *text = json_dumps(data, JSON_COMPACT);

		sg_buf_str(&b, text ? text : "");
		sg_buf_char(&b, '\n');
		free(text);
	} else {
		put_result(&b, data);
	}
	return sg_cli_put(&b);
}

int sg_cmd_query(struct sg_cli *cli, int argc, char **argv)
{
	struct ask a = {-1, -1, -1, 10000000000ULL};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"time", 't', SG_OPT_TIME, &a.time, "T", "the moment asked about (now)"},
		{"from", 0, SG_OPT_TIME, &a.from, "T", "the beginning of a range"},
		{"to", 0, SG_OPT_TIME, &a.to, "T", "its end (now)"},
		{"step", 0, SG_OPT_DURATION, &a.step_ns, "DURATION", "between two values (10s)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);
	struct sg_error err = {0};
	struct sg_src src;
	json_t *data = NULL;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	r = sg_src_open(&src, &cli->cfg, &err);
	if (r == 0)
		r = fetch(&src, argv[1], &a, &data, &err);
	sg_src_close(&src);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	r = print(cli, data);
	json_decref(data);
	return r;
}
