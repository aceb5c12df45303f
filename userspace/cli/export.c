// SPDX-License-Identifier: GPL-2.0
/* The formats of 'sgprobe export': CSV, OpenMetrics 1.0 with times, JSON lines. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <sgprobe/metric.h>

#include "export.h"
#include "table.h"

static void put_seconds(struct sg_buf *b, int64_t ms)
{
	sg_buf_printf(b, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

static void put_labels_json(struct sg_buf *b, const struct sg_series *s, bool with_name)
{
	bool first = true;

	sg_buf_char(b, '{');
	if (with_name && s->name[0]) {
		sg_buf_str(b, "\"__name__\":");
		sg_json_str(b, s->name);
		first = false;
	}
	for (uint16_t i = 0; i < s->n_labels; i++) {
		if (!first)
			sg_buf_char(b, ',');
		first = false;
		sg_json_str(b, s->labels[i].name);
		sg_buf_char(b, ':');
		sg_json_str(b, s->labels[i].value);
	}
	sg_buf_char(b, '}');
}

/* [[lower,upper,count],...]; infinite bounds as null, as JSON has no other word. */
static void put_buckets_json(struct sg_buf *b, const struct sg_native *h)
{
	size_t n = sg_native_n_buckets(h);

	sg_buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		struct sg_native_bucket k;

		sg_native_bucket(h, i, &k);
		sg_buf_str(b, i ? ",[" : "[");
		sg_json_num(b, k.lower);
		sg_buf_char(b, ',');
		sg_json_num(b, k.upper);
		sg_buf_char(b, ',');
		sg_json_num(b, k.count);
		sg_buf_char(b, ']');
	}
	sg_buf_char(b, ']');
}

/* ---- CSV ------------------------------------------------------------------------------------ */

static void csv_begin(struct sg_buf *b)
{
	sg_buf_str(b, "time,name,labels,type,value,count,sum,buckets\n");
}

static void csv_hist(struct sg_buf *b, const struct sg_native *h)
{
	sg_auto_buf buckets = {0};

	sg_buf_char(b, ',');
	sg_fmt_float(b, h->count);
	sg_buf_char(b, ',');
	sg_fmt_float(b, h->sum);
	sg_buf_char(b, ',');
	put_buckets_json(&buckets, h);
	sg_csv_str(b, buckets.data ? buckets.data : "");
}

static void csv_run(struct sg_buf *b, const struct sg_run *r, bool family)
{
	sg_auto_buf head = {0}, labels = {0};

	put_labels_json(&labels, r->series, false);
	sg_csv_str(&head, r->series->name);
	sg_buf_char(&head, ',');
	sg_csv_str(&head, labels.data ? labels.data : "");
	sg_buf_printf(&head, ",%s,", r->type);
	for (size_t i = 0; i < r->n; i++) {
		struct sg_native h;
		double v;
		int64_t t;
		bool hist = r->get(r, i, &t, &v, &h);

		put_seconds(b, t);
		sg_buf_char(b, ',');
		sg_buf_add(b, head.data, head.len);
		if (hist) {
			csv_hist(b, &h);
		} else {
			sg_fmt_float(b, v);
			sg_buf_str(b, ",,,");
		}
		sg_buf_char(b, '\n');
	}
}

/* ---- JSON lines ------------------------------------------------------------------------------ */

static void put_value_json(struct sg_buf *b, double v)
{
	if (isfinite(v)) {
		sg_json_num(b, v);
		return;
	}
	sg_buf_char(b, '"');
	sg_fmt_float(b, v);
	sg_buf_char(b, '"');
}

static void put_sample_json(struct sg_buf *b, const struct sg_run *r, size_t i)
{
	struct sg_native h;
	double v;
	int64_t t;

	if (!r->get(r, i, &t, &v, &h)) {
		put_value_json(b, v);
		return;
	}
	sg_buf_str(b, "{\"count\":");
	sg_json_num(b, h.count);
	sg_buf_str(b, ",\"sum\":");
	put_value_json(b, h.sum);
	sg_buf_str(b, ",\"buckets\":");
	put_buckets_json(b, &h);
	sg_buf_char(b, '}');
}

static void json_run(struct sg_buf *b, const struct sg_run *r, bool family)
{
	sg_buf_str(b, "{\"metric\":");
	put_labels_json(b, r->series, true);
	sg_buf_printf(b, ",\"type\":\"%s\",\"values\":[", r->type);
	for (size_t i = 0; i < r->n; i++) {
		if (i)
			sg_buf_char(b, ',');
		put_sample_json(b, r, i);
	}
	sg_buf_str(b, "],\"timestamps\":[");
	for (size_t i = 0; i < r->n; i++) {
		struct sg_native h;
		double v;
		int64_t t;

		r->get(r, i, &t, &v, &h);
		sg_buf_printf(b, "%s%" PRId64, i ? "," : "", t);
	}
	sg_buf_str(b, "]}\n");
}

/* ---- OpenMetrics ------------------------------------------------------------------------------- */

/* In a label's value and in help the same three are escaped. */
static void om_escape(struct sg_buf *b, const char *s)
{
	for (; *s; s++)
		if (*s == '\n')
			sg_buf_str(b, "\\n");
		else if (*s == '\\' || *s == '"')
			sg_buf_printf(b, "\\%c", *s);
		else
			sg_buf_char(b, *s);
}

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n > m && memcmp(s + n - m, end, m) == 0;
}

struct family {
	char name[SG_NAME_MAX + 1];
	const char *type;
	const char *suffix; /* of a float's sample */
};

/* A counter's samples end in _total, its family does not; one without it is of no known type. */
static void name_family(const struct sg_run *r, struct family *f)
{
	const char *name = r->series->name[0] ? r->series->name : "value";
	size_t n = strlen(name);
	bool total = strcmp(r->type, "counter") == 0 && ends_with(name, n, "_total");

	if (total)
		n -= strlen("_total");
	f->type = strcmp(r->type, "counter") == 0 && !total ? "unknown" : r->type;
	f->suffix = total ? "_total" : "";
	snprintf(f->name, sizeof(f->name), "%.*s", (int)n, name);
}

struct about {
	const char *name;
	struct sg_buf *b;
};

static int put_help(const struct sg_metric_info *m, void *ctx)
{
	const struct about *a = ctx;

	if (strcmp(m->name, a->name) != 0)
		return 0;
	om_escape(a->b, m->help);
	return 1;
}

static void om_head(struct sg_buf *b, const struct sg_run *r, const struct family *f)
{
	const char *unit = sg_metric_unit(r->series->name);
	sg_auto_buf help = {0};
	char end[32];

	snprintf(end, sizeof(end), "_%s", unit);
	sg_buf_printf(b, "# TYPE %s %s\n", f->name, f->type);
	if (*unit && ends_with(f->name, strlen(f->name), end))
		sg_buf_printf(b, "# UNIT %s %s\n", f->name, unit);
	sg_metrics_each(put_help, &(struct about){r->series->name, &help});
	if (help.len)
		sg_buf_printf(b, "# HELP %s %s\n", f->name, help.data);
}

/* name_suffix{labels,le="..."} value time */
static void om_sample(struct sg_buf *b, const struct family *f, const char *suffix,
		      const struct sg_series *s, const char *le, double v, int64_t t)
{
	const char *sep = "{";

	sg_buf_printf(b, "%s%s", f->name, suffix);
	for (uint16_t i = 0; i < s->n_labels; i++, sep = ",") {
		sg_buf_printf(b, "%s%s=\"", sep, s->labels[i].name);
		om_escape(b, s->labels[i].value);
		sg_buf_char(b, '"');
	}
	if (le) {
		sg_buf_printf(b, "%sle=\"%s\"", sep, le);
		sep = ",";
	}
	sg_buf_str(b, *sep == ',' ? "} " : " ");
	sg_fmt_float(b, v);
	sg_buf_char(b, ' ');
	put_seconds(b, t);
	sg_buf_char(b, '\n');
}

/* Every bound that a bucket of the run has: classic buckets must be the same at all times. */
struct bounds {
	double *v;
	size_t n, cap;
	int err;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void add_bound(struct bounds *k, double v)
{
	double *at = k->n ? bsearch(&v, k->v, k->n, sizeof(v), by_value) : NULL;

	if (at || !isfinite(v) || k->err)
		return;
	k->err = SG_GROW(k->v, k->cap, k->n);
	if (k->err)
		return;
	k->v[k->n++] = v;
	if (k->n > 1 && k->v[k->n - 2] > v)
		qsort(k->v, k->n, sizeof(v), by_value);
}

static void find_bounds(const struct sg_run *r, struct bounds *k)
{
	for (size_t i = 0; i < r->n; i++) {
		struct sg_native h;
		struct sg_native_bucket one;
		double v;
		int64_t t;

		if (!r->get(r, i, &t, &v, &h))
			continue;
		for (size_t j = 0; j < sg_native_n_buckets(&h); j++) {
			sg_native_bucket(&h, j, &one);
			add_bound(k, one.upper);
		}
	}
}

static void om_hist(struct sg_buf *b, const struct family *f, const struct sg_run *r,
		    const struct bounds *k, const struct sg_native *h, int64_t t)
{
	bool gauge = strcmp(f->type, "histogram") != 0;
	size_t j = 0, n = sg_native_n_buckets(h);
	double below = 0;

	for (size_t i = 0; i < k->n; i++) {
		struct sg_native_bucket one;
		sg_auto_buf le = {0};

		for (; j < n; j++) {
			sg_native_bucket(h, j, &one);
			if (one.upper > k->v[i])
				break;
			below += one.count;
		}
		sg_fmt_float(&le, k->v[i]);
		om_sample(b, f, "_bucket", r->series, le.data, below, t);
	}
	om_sample(b, f, "_bucket", r->series, "+Inf", h->count, t);
	om_sample(b, f, gauge ? "_gcount" : "_count", r->series, NULL, h->count, t);
	om_sample(b, f, gauge ? "_gsum" : "_sum", r->series, NULL, h->sum, t);
}

static bool has_hists(const struct sg_run *r)
{
	struct sg_native h;
	double v;
	int64_t t;

	return r->n && r->get(r, 0, &t, &v, &h);
}

static void om_run(struct sg_buf *b, const struct sg_run *r, bool family)
{
	struct bounds k = {0};
	struct family f;

	name_family(r, &f);
	if (has_hists(r) && strcmp(f.type, "histogram") != 0)
		f.type = "gaugehistogram";
	if (family)
		om_head(b, r, &f);
	find_bounds(r, &k);
	if (k.err)
		b->err = k.err;
	for (size_t i = 0; i < r->n; i++) {
		struct sg_native h;
		double v;
		int64_t t;

		if (r->get(r, i, &t, &v, &h))
			om_hist(b, &f, r, &k, &h, t);
		else
			om_sample(b, &f, f.suffix, r->series, NULL, v, t);
	}
	free(k.v);
}

static void om_end(struct sg_buf *b)
{
	sg_buf_str(b, "# EOF\n");
}

static void nothing(struct sg_buf *b)
{
}

const struct sg_writer sg_writers[] = {
	{"csv", false, csv_begin, csv_run, nothing},
	{"openmetrics", true, nothing, om_run, om_end},
	{"jsonl", false, nothing, json_run, nothing},
	{0},
};

const struct sg_writer *sg_writer_find(const char *name)
{
	for (const struct sg_writer *w = sg_writers; w->name; w++)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}
