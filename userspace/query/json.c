// SPDX-License-Identifier: GPL-2.0
// Results as Prometheus' HTTP API prints them.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/query.h>

/* Seconds, with three decimals when there are milliseconds. */
static void put_time(struct sg_buf *b, int64_t ms)
{
	uint64_t u = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;

	if (ms < 0)
		sg_buf_char(b, '-');
	sg_buf_printf(b, "%" PRIu64, u / 1000);
	if (u % 1000)
		sg_buf_printf(b, ".%03u", (unsigned int)(u % 1000));
}

static void put_float(struct sg_buf *b, double v)
{
	sg_buf_char(b, '"');
	sg_fmt_float_json(b, v);
	sg_buf_char(b, '"');
}

/* The number before a bucket says which of its bounds belong to it. */
static void put_bucket(struct sg_buf *b, const struct sg_native_bucket *k)
{
	static const char rules[2][2] = {{'2', '0'}, {'1', '3'}};

	sg_buf_char(b, '[');
	sg_buf_char(b, rules[k->lower_in][k->upper_in]);
	sg_buf_char(b, ',');
	put_float(b, k->lower);
	sg_buf_char(b, ',');
	put_float(b, k->upper);
	sg_buf_char(b, ',');
	put_float(b, k->count);
	sg_buf_char(b, ']');
}

static void put_hist(struct sg_buf *b, const struct sg_native *h)
{
	bool first = true;

	sg_buf_str(b, "{\"count\":");
	put_float(b, h->count);
	sg_buf_str(b, ",\"sum\":");
	put_float(b, h->sum);
	for (size_t i = 0; i < sg_native_n_buckets(h); i++) {
		struct sg_native_bucket k;

		sg_native_bucket(h, i, &k);
		if (k.count == 0)
			continue;
		sg_buf_str(b, first ? ",\"buckets\":[" : ",");
		first = false;
		put_bucket(b, &k);
	}
	sg_buf_str(b, first ? "}" : "]}");
}

static void put_point(struct sg_buf *b, const struct sg_point *p)
{
	sg_buf_char(b, '[');
	put_time(b, p->t_ms);
	sg_buf_char(b, ',');
	if (p->hist)
		put_hist(b, p->hist);
	else
		put_float(b, p->value);
	sg_buf_char(b, ']');
}

static void put_label(struct sg_buf *b, bool *first, const char *name, const char *value)
{
	if (!*first)
		sg_buf_char(b, ',');
	*first = false;
	sg_json_str(b, name);
	sg_buf_char(b, ':');
	sg_json_str(b, value);
}

/* Labels in order; the name is one of them. */
static void put_metric(struct sg_buf *b, const struct sg_series *s)
{
	bool first = true, name = *s->name != '\0';

	sg_buf_str(b, "\"metric\":{");
	for (size_t i = 0; i < s->n_labels; i++) {
		if (name && strcmp("__name__", s->labels[i].name) < 0) {
			put_label(b, &first, "__name__", s->name);
			name = false;
		}
		put_label(b, &first, s->labels[i].name, s->labels[i].value);
	}
	if (name)
		put_label(b, &first, "__name__", s->name);
	sg_buf_char(b, '}');
}

/* Where the text goes when it has become long. */
struct parts {
	sg_query_more more;
	void *ctx;
};

/* The floats, or the histograms, of a series: Prometheus keeps them in two lists. */
static int put_points(struct sg_buf *b, const struct sg_value_series *s, bool hists,
		      const struct parts *to)
{
	bool first = true;
	int r = 0;

	for (size_t i = 0; i < s->n && !r; i++) {
		if ((s->points[i].hist != NULL) != hists)
			continue;
		sg_buf_str(b, !first ? "," : hists ? ",\"histograms\":[" : ",\"values\":[");
		first = false;
		put_point(b, &s->points[i]);
		r = to->more ? to->more(b, to->ctx) : 0;
	}
	if (!first)
		sg_buf_char(b, ']');
	return r;
}

static int put_series(struct sg_buf *b, const struct sg_value *v, const struct parts *to)
{
	int r = 0;

	sg_buf_char(b, '[');
	for (size_t i = 0; i < v->n && !r; i++) {
		const struct sg_value_series *s = &v->series[i];

		sg_buf_str(b, i ? ",{" : "{");
		put_metric(b, &s->series);
		if (v->kind == SG_MATRIX) {
			r = put_points(b, s, false, to);
			if (!r)
				r = put_points(b, s, true, to);
		} else {
			sg_buf_str(b, s->points[0].hist ? ",\"histogram\":" : ",\"value\":");
			put_point(b, &s->points[0]);
			r = to->more ? to->more(b, to->ctx) : 0;
		}
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ']');
	return r;
}

int sg_query_json_parts(struct sg_buf *b, const struct sg_value *v, sg_query_more more, void *ctx)
{
	static const char *const types[] = {"scalar", "string", "vector", "matrix"};
	int r = 0;

	sg_buf_printf(b, "{\"resultType\":\"%s\",\"result\":", types[v->kind]);
	if (v->kind == SG_SCALAR) {
		put_point(b, &v->scalar);
	} else if (v->kind == SG_STRING) {
		sg_buf_char(b, '[');
		put_time(b, v->scalar.t_ms);
		sg_buf_char(b, ',');
		sg_json_str(b, v->string);
		sg_buf_char(b, ']');
	} else {
		r = put_series(b, v, &(struct parts){more, ctx});
	}
	sg_buf_char(b, '}');
	return r;
}

void sg_query_json(struct sg_buf *b, const struct sg_value *v)
{
	sg_query_json_parts(b, v, NULL, NULL);
}
