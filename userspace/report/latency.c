// SPDX-License-Identifier: GPL-2.0
// The report's histograms: numbers, trend, columns, heat rows, and who did it.
#include <math.h>
#include <string.h>

#include "document.h"

#define TOP 10
/* A p99 of fewer events than this ranks nobody. */
#define TOP_MIN_COUNT 20
#define HEAT_ROWS 12
#define OCTAVE 8 /* buckets per power of two */

static void put_quantiles(struct sg_buf *b, const struct sg_hist *h)
{
	static const struct {
		const char *key;
		double q;
	} qs[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p999", .999}};

	for (size_t i = 0; i < ARRAY_SIZE(qs); i++) {
		sg_buf_char(b, ',');
		report_num(b, qs[i].key, h->count > 0 ? sg_hist_quantile(h, qs[i].q) : NAN);
	}
	sg_buf_char(b, ',');
	report_num(b, "max", h->count > 0 ? sg_hist_max(h) : NAN);
}

static void put_numbers(struct sg_buf *b, const struct report_data *d, const struct sg_hist *h)
{
	report_num(b, "count", h->count);
	sg_buf_char(b, ',');
	report_num(b, "rate", d->watched_s ? h->count / (double)d->watched_s : NAN);
	sg_buf_char(b, ',');
	report_num(b, "sum", h->sum);
	sg_buf_char(b, ',');
	report_num(b, "mean", h->count > 0 ? h->sum / h->count : NAN);
	put_quantiles(b, h);
}

static void put_trend(struct sg_buf *b, const struct report_metric *m)
{
	struct report_trend t = report_trend(m);

	sg_buf_str(b, "\"trend\":{");
	report_num(b, "first_p99", t.first);
	sg_buf_char(b, ',');
	report_num(b, "last_p99", t.last);
	sg_buf_char(b, ',');
	report_num(b, "ratio", t.ratio);
	sg_buf_char(b, ',');
	report_num(b, "first_count", m->thirds[0].count);
	sg_buf_char(b, ',');
	report_num(b, "last_count", m->thirds[REPORT_THIRDS - 1].count);
	sg_buf_printf(b, ",\"change\":\"%s\"}", t.slower ? "slower" : t.faster ? "faster" : "none");
}

static void put_columns(struct sg_buf *b, const struct report_data *d,
			const struct report_metric *m)
{
	sg_buf_str(b, "\"columns\":[");
	for (size_t i = 0; i < d->n_columns; i++) {
		const struct sg_hist *h = &m->columns[i];

		sg_buf_printf(b, "%s[%lld,", i ? "," : "",
			      (long long)(d->o->from_ms + (int64_t)i * d->step_ms));
		sg_json_num(b, h->count);
		sg_buf_char(b, ',');
		sg_json_num(b, h->count > 0 ? sg_hist_quantile(h, 0.5) : NAN);
		sg_buf_char(b, ',');
		sg_json_num(b, h->count > 0 ? sg_hist_quantile(h, 0.99) : NAN);
		sg_buf_char(b, ']');
	}
	sg_buf_char(b, ']');
}

/* ---- heat: rows of octaves, merged until there are few enough ----------------------------- */

static int floor_div(int a, int b)
{
	return a / b - (a % b < 0);
}

/* Bucket i ends at 2^(i/8): its octave ends at the next whole power of two. */
static int octave_of(int index)
{
	return floor_div(index - 1, OCTAVE) + 1;
}

static double band_count(const struct sg_hist *h, int lo, int hi)
{
	double n = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		int o = octave_of(h->buckets[i].index);

		if (o >= lo && o <= hi)
			n += h->buckets[i].count;
	}
	return n;
}

static void put_heat_row(struct sg_buf *b, const struct report_data *d,
			 const struct report_metric *m, int lo, int hi)
{
	sg_buf_char(b, '{');
	report_num(b, "above", ldexp(1, lo - 1));
	sg_buf_char(b, ',');
	report_num(b, "upto", ldexp(1, hi));
	sg_buf_str(b, ",\"counts\":[");
	for (size_t i = 0; i < d->n_columns; i++) {
		if (i)
			sg_buf_char(b, ',');
		sg_json_num(b, band_count(&m->columns[i], lo, hi));
	}
	sg_buf_str(b, "]}");
}

/* Highest latencies first, as a heat map stands on a page. */
static void put_heat(struct sg_buf *b, const struct report_data *d, const struct report_metric *m)
{
	int lo, hi, width, first = 1;

	sg_buf_str(b, "\"heat\":[");
	if (m->total.n) {
		lo = octave_of(m->total.buckets[0].index);
		hi = octave_of(m->total.buckets[m->total.n - 1].index);
		width = (hi - lo) / HEAT_ROWS + 1;
		for (int top = hi; top >= lo; top -= width, first = 0) {
			if (!first)
				sg_buf_char(b, ',');
			put_heat_row(b, d, m, SG_MAX(lo, top - width + 1), top);
		}
	}
	sg_buf_char(b, ']');
}

/* ---- who ------------------------------------------------------------------------------------ */

static double part_p99(const struct report_part *p)
{
	return p->total.count >= TOP_MIN_COUNT ? sg_hist_quantile(&p->total, 0.99) : -1;
}

static double part_time(const struct report_part *p)
{
	return p->total.count > 0 ? p->total.sum : -1;
}

static void put_part(struct sg_buf *b, const struct report_data *d, const struct report_part *p)
{
	sg_buf_char(b, '{');
	report_str(b, "value", p->value);
	sg_buf_char(b, ',');
	put_numbers(b, d, &p->total);
	sg_buf_char(b, '}');
}

/* Selection by repeated search: the lists are short and the order is total. */
static void put_top(struct sg_buf *b, const struct report_data *d, const struct report_metric *m,
		    const char *key, double (*rank)(const struct report_part *))
{
	const struct report_part *last = NULL;

	sg_buf_printf(b, "\"%s\":[", key);
	for (int n = 0; n < TOP; n++) {
		const struct report_part *best = NULL;

		for (size_t i = 0; i < m->n_parts; i++) {
			const struct report_part *p = m->parts[i];
			double v = rank(p);

			if (v < 0 ||
			    (last && (v > rank(last) ||
				      (v == rank(last) && strcmp(p->value, last->value) <= 0))))
				continue;
			if (!best || v > rank(best))
				best = p;
		}
		if (!best)
			break;
		if (n)
			sg_buf_char(b, ',');
		put_part(b, d, best);
		last = best;
	}
	sg_buf_char(b, ']');
}

static void put_who(struct sg_buf *b, const struct report_data *d, const struct report_metric *m,
		    const char *dim, bool *first)
{
	if (!*first)
		sg_buf_char(b, ',');
	*first = false;
	sg_buf_char(b, '{');
	report_str(b, "by", dim);
	sg_buf_char(b, ',');
	put_top(b, d, m, "top_p99", part_p99);
	sg_buf_char(b, ',');
	put_top(b, d, m, "top_time", part_time);
	sg_buf_char(b, '}');
}

static void put_whos(struct sg_buf *b, const struct report_data *d, const struct report_metric *m)
{
	static const char *const dims[] = {"comm", "cgroup"};
	bool first = true;

	sg_buf_str(b, "\"who\":[");
	if (m->info.label)
		put_who(b, d, m, m->info.label, &first);
	for (size_t i = 0; i < ARRAY_SIZE(dims); i++) {
		const struct report_metric *dim = report_dimension(d, m->info.name, dims[i]);

		if (dim)
			put_who(b, d, dim, dims[i], &first);
	}
	sg_buf_char(b, ']');
}

static void put_metric(struct sg_buf *b, const struct report_data *d, const struct report_metric *m)
{
	sg_buf_char(b, '{');
	report_str(b, "name", m->info.name);
	sg_buf_char(b, ',');
	report_str(b, "title", m->info.title);
	sg_buf_char(b, ',');
	report_str(b, "unit", m->info.unit);
	sg_buf_char(b, ',');
	report_str(b, "group", m->info.group);
	sg_buf_char(b, ',');
	put_numbers(b, d, &m->total);
	sg_buf_char(b, ',');
	put_trend(b, m);
	sg_buf_char(b, ',');
	put_columns(b, d, m);
	sg_buf_char(b, ',');
	put_heat(b, d, m);
	sg_buf_char(b, ',');
	put_whos(b, d, m);
	sg_buf_char(b, '}');
}

void report_put_latency(struct sg_buf *b, const struct report_data *d)
{
	bool first = true;

	sg_buf_str(b, "\"latency\":[");
	for (size_t i = 0; i < d->n_metrics; i++) {
		const struct report_metric *m = d->metrics[i];

		if (m->info.type != SG_HISTOGRAM || m->info.dim)
			continue;
		if (!first)
			sg_buf_char(b, ',');
		first = false;
		put_metric(b, d, m);
	}
	sg_buf_char(b, ']');
}
