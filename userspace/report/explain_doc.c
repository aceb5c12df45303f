// SPDX-License-Identifier: GPL-2.0
/* An explanation as a document. */
#include <math.h>
#include <string.h>

#include "document.h"
#include "explain.h"

#define LIMIT 10
#define LIMIT_MAX 1000

static int by_dim_score(const void *a, const void *b)
{
	double x = ((const struct explain_dim *)a)->score,
	       y = ((const struct explain_dim *)b)->score;

	return x > y ? -1 : x < y;
}

static void put_measures(struct sg_buf *b, const char *key, const double v[SG_MEASURES], bool one)
{
	sg_buf_printf(b, "\"%s\":{", key);
	for (size_t m = 0; m < (one ? 1 : SG_MEASURES); m++) {
		sg_buf_str(b, m ? "," : "");
		report_num(b, sg_measure_names[m], v[m]);
	}
	sg_buf_char(b, '}');
}

static void put_part(struct sg_buf *b, const struct explain *x, const struct explain_part *p)
{
	bool counter = x->info.type == SG_COUNTER;
	double rate[2], time[2], mean[2], quantile[2];

	for (size_t w = 0; w < 2; w++) {
		rate[w] = p->in[w].count / x->cut[w].seconds;
		time[w] = p->in[w].sum / x->cut[w].seconds;
		mean[w] = p->in[w].count > 0 ? p->in[w].sum / p->in[w].count : NAN;
		quantile[w] = sg_hist_quantile(&p->in[w], x->dims[0].e.q);
	}
	sg_buf_char(b, '{');
	report_str(b, "value", p->value);
	sg_buf_char(b, ',');
	put_measures(b, "delta", p->result->delta, counter);
	sg_buf_char(b, ',');
	put_measures(b, "share", p->result->share, counter);
	sg_buf_char(b, ',');
	report_num(b, "p", p->p);
	sg_buf_char(b, ',');
	window_put_pair(b, "time", time);
	if (!counter) {
		sg_buf_char(b, ',');
		window_put_pair(b, "rate", rate);
		sg_buf_char(b, ',');
		window_put_pair(b, "mean", mean);
		sg_buf_char(b, ',');
		window_put_pair(b, "quantile", quantile);
	}
	sg_buf_char(b, '}');
}

static int by_share(const void *a, const void *b, void *measure_of)
{
	const struct explain_part *x = *(struct explain_part *const *)a,
				  *y = *(struct explain_part *const *)b;
	enum sg_measure m = *(enum sg_measure *)measure_of;
	double u = x->result->share[m], v = y->result->share[m];

	u = isfinite(u) ? u : 0;
	v = isfinite(v) ? v : 0;
	if (u != v)
		return u > v ? -1 : 1;
	return strcmp(x->value, y->value);
}

/* The largest at either end; those between are one row, so that what is shown adds up. */
static void put_parts(struct sg_buf *b, const struct explain *x, const struct explain_dim *d,
		      size_t limit)
{
	size_t tail = d->n > limit ? limit / 4 : 0, head = d->n > limit ? limit - tail : d->n;
	double delta[SG_MEASURES] = {0}, share[SG_MEASURES] = {0};

	for (size_t i = 0; i < d->n; i++) {
		if (i >= head && i < d->n - tail) {
			for (size_t m = 0; m < SG_MEASURES; m++) {
				delta[m] += d->parts[i]->result->delta[m];
				share[m] += d->parts[i]->result->share[m];
			}
			continue;
		}
		sg_buf_str(b, i ? ",\n" : "");
		put_part(b, x, d->parts[i]);
	}
	sg_buf_printf(b, "],\"others\":{\"n\":%zu,", d->n - head - tail);
	put_measures(b, "delta", delta, x->info.type == SG_COUNTER);
	sg_buf_char(b, ',');
	put_measures(b, "share", share, x->info.type == SG_COUNTER);
	sg_buf_char(b, '}');
}

static void put_dim(struct sg_buf *b, const struct explain *x, struct explain_dim *d)
{
	size_t limit = x->o->limit ? SG_MIN(x->o->limit, (size_t)LIMIT_MAX) : LIMIT;
	enum sg_measure m = explain_measure(x);

	qsort_r(d->parts, d->n, sizeof(*d->parts), by_share, &m);
	sg_buf_char(b, '{');
	report_str(b, "dimension", d->label);
	sg_buf_printf(b, ",\"values\":%zu,\"parts\":[", d->n);
	put_parts(b, x, d, limit);
	sg_buf_char(b, '}');
}

static void put_whole(struct sg_buf *b, const struct explain *x)
{
	const struct sg_explain *e = &x->dims[0].e;

	sg_buf_str(b, "\"value\":{");
	for (size_t m = 0; m < (x->info.type == SG_COUNTER ? 1 : SG_MEASURES); m++) {
		sg_buf_str(b, m ? "," : "");
		window_put_pair(b, sg_measure_names[m], e->value[m]);
	}
	sg_buf_str(b, "},");
	if (x->info.type != SG_HISTOGRAM)
		return;
	report_num(b, "q", e->q);
	sg_buf_char(b, ',');
	report_num(b, "threshold", e->threshold);
	sg_buf_str(b, ",\"shift\":{");
	report_num(b, "octaves", x->shift.octaves);
	sg_buf_char(b, ',');
	report_num(b, "distance", x->shift.distance);
	sg_buf_char(b, ',');
	report_num(b, "p", x->shift.test.p);
	sg_buf_char(b, ',');
	window_put_pair(b, "count", x->shift.count);
	sg_buf_char(b, ',');
	window_put_pair(b, "p50", x->shift.p50);
	sg_buf_str(b, "},");
}

void explain_put(struct sg_buf *b, struct explain *x)
{
	qsort(x->dims, x->n_dims, sizeof(*x->dims), by_dim_score);
	sg_buf_char(b, '{');
	report_str(b, "metric", x->o->metric);
	sg_buf_char(b, ',');
	report_str(b, "title", x->info.title);
	sg_buf_char(b, ',');
	report_str(b, "unit", x->info.unit);
	sg_buf_char(b, ',');
	report_str(b, "type", sg_type_name(x->info.type));
	sg_buf_char(b, ',');
	report_str(b, "by", sg_measure_names[explain_measure(x)]);
	sg_buf_char(b, ',');
	window_put(b, x->cut);
	sg_buf_char(b, ',');
	put_whole(b, x);
	sg_buf_str(b, "\"dimensions\":[");
	for (size_t i = 0; i < x->n_dims; i++) {
		sg_buf_str(b, i ? ",\n" : "");
		put_dim(b, x, &x->dims[i]);
	}
	sg_buf_str(b, "]}\n");
}
