// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include <sgprobe/metric.h>

#include "promhist.h"
#include "render.h"
#include "result.h"

#define LABELS_MAX 64 /* columns of labels */
#define FIXED 6 /* columns beside labels */

struct sheet {
	const json_t *result;
	const char *labels[LABELS_MAX];
	size_t n_labels;
	bool timed, values, hists; /* what there is */
	bool for_people;
	struct sg_table *t;
};

void sg_result_labels(struct sg_buf *b, const json_t *metric)
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

/* ---- which columns ------------------------------------------------------------------- */

static void note_label(struct sheet *s, const char *name)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (strcmp(s->labels[i], name) == 0)
			return;
	if (s->n_labels < LABELS_MAX)
		s->labels[s->n_labels++] = name;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void survey(struct sheet *s)
{
	const json_t *series;
	size_t i;

	json_array_foreach((json_t *)s->result, i, series)
	{
		const char *key;
		json_t *v;

		json_object_foreach(json_object_get(series, "metric"), key, v)
		{
			note_label(s, key);
		}
		s->timed |=
			json_object_get(series, "values") || json_object_get(series, "histograms");
		s->values |= json_object_get(series, "values") || json_object_get(series, "value");
		s->hists |= json_object_get(series, "histograms") ||
			    json_object_get(series, "histogram");
	}
	qsort(s->labels, s->n_labels, sizeof(s->labels[0]), by_name);
}

static size_t head(const struct sheet *s, struct sg_column *c)
{
	static const char *const of_hist[] = {"count", "sum", "p50", "p90", "p99"};
	size_t n = 0;

	if (s->timed || !s->for_people)
		c[n++] = (struct sg_column){s->for_people ? "TIME" : "time", false};
	for (size_t i = 0; i < s->n_labels; i++)
		c[n++] = (struct sg_column){s->labels[i], false};
	if (s->values || !s->hists)
		c[n++] = (struct sg_column){s->for_people ? "VALUE" : "value", true};
	for (size_t i = 0; i < ARRAY_SIZE(of_hist) && s->hists; i++)
		c[n++] = (struct sg_column){of_hist[i], true};
	return n;
}

/* ---- cells --------------------------------------------------------------------------- */

/* People read a clock, programs Unix seconds. */
static void put_time(struct sheet *s, double t)
{
	int64_t ms = (int64_t)llround(t * 1000);
	time_t sec = ms / 1000;
	char text[64] = "";
	struct tm tm;

	if (!s->timed && s->for_people)
		return;
	if (!s->for_people)
		snprintf(text, sizeof(text), "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
	else if (localtime_r(&sec, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	if (s->for_people && ms % 1000)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ".%03d",
			 (int)(ms % 1000));
	sg_table_text(s->t, text);
}

static void put_hist(struct sheet *s, const json_t *o, const char *unit)
{
	static const double qs[] = {0.5, 0.9, 0.99};
	struct sg_hist h = {0};
	char text[32];

	if (!json_is_object(o) || sg_promhist_parse(&h, o) < 0) {
		for (size_t i = 0; i < 5; i++)
			sg_table_text(s->t, NULL);
		return;
	}
	sg_table_float(s->t, h.count);
	if (s->for_people)
		sg_table_text(s->t, sg_fmt_unit(unit, h.sum, text, sizeof(text)));
	else
		sg_table_float(s->t, h.sum);
	for (size_t i = 0; i < ARRAY_SIZE(qs); i++) {
		double q = sg_hist_quantile(&h, qs[i]);

		if (s->for_people)
			sg_table_text(s->t, sg_fmt_observed(unit, q, text, sizeof(text)));
		else
			sg_table_float(s->t, q);
	}
	sg_hist_free(&h);
}

static void put_row(struct sheet *s, const json_t *metric, const json_t *point)
{
	const json_t *v = json_array_get(point, 1);
	const char *name = json_string_value(json_object_get(metric, "__name__"));

	put_time(s, json_number_value(json_array_get(point, 0)));
	for (size_t i = 0; i < s->n_labels; i++)
		sg_table_text(s->t, json_string_value(json_object_get(metric, s->labels[i])));
	if (s->values || !s->hists)
		sg_table_number(s->t, json_string_value(v));
	if (s->hists)
		put_hist(s, v, name ? sg_metric_unit(name) : "seconds");
}

static void put_series(struct sheet *s, const json_t *series)
{
	static const char *const one[] = {"value", "histogram"};
	static const char *const many[] = {"values", "histograms"};
	const json_t *metric = json_object_get(series, "metric");

	for (size_t k = 0; k < ARRAY_SIZE(one); k++) {
		json_t *p = json_object_get(series, one[k]),
		       *list = json_object_get(series, many[k]);
		size_t i;

		if (p)
			put_row(s, metric, p);
		json_array_foreach(list, i, p)
		{
			put_row(s, metric, p);
			if (sg_table_error(s->t) < 0)
				return;
		}
	}
}

static int put_single(FILE *out, const json_t *point, enum sg_format format)
{
	const char *text = json_string_value(json_array_get(point, 1));
	sg_auto_buf b = {0};

	if (format == SG_AS_CSV) {
		sg_buf_str(&b, "value\n");
		sg_csv_str(&b, text ? text : "");
	} else {
		sg_term_str(&b, text ? text : "");
	}
	sg_buf_char(&b, '\n');
	if (b.err)
		return b.err;
	return fputs(b.data, out) < 0 ? -EIO : 0;
}

int sg_result_table(FILE *out, const json_t *data, enum sg_format format, unsigned int width)
{
	const char *type = json_string_value(json_object_get(data, "resultType"));
	struct sheet s = {.result = json_object_get(data, "result"),
			  .for_people = format == SG_AS_TABLE};
	struct sg_column columns[LABELS_MAX + FIXED + 1];
	const json_t *series;
	size_t i;
	int r;

	if (type && (strcmp(type, "scalar") == 0 || strcmp(type, "string") == 0))
		return put_single(out, s.result, format);
	survey(&s);
	if (!json_array_size(s.result) && s.for_people)
		return fputs("(no series)\n", out) < 0 ? -EIO : 0;
	s.t = sg_table_new(out, format, width, columns, head(&s, columns));
	if (!s.t)
		return -ENOMEM;
	json_array_foreach((json_t *)s.result, i, series)
	{
		put_series(&s, series);
	}
	r = sg_table_end(s.t);
	sg_table_free(s.t);
	return r;
}

/* ---- pictures ------------------------------------------------------------------------- */

struct line {
	int64_t *t;
	double *v;
	size_t n;
	double peak;
	struct sg_buf label;
};

/* Its name and labels, or what was asked. */
static void put_title(struct sg_buf *b, const json_t *series, const struct sg_picture *p)
{
	const json_t *metric = json_object_get(series, "metric");

	if (json_object_size(metric))
		sg_result_labels(b, metric);
	else
		sg_term_str(b, p->title);
}

static int read_line(struct line *l, const json_t *series, const struct sg_picture *p)
{
	const json_t *values = json_object_get(series, "values"), *point;
	size_t i, n = json_array_size(values);

	l->t = calloc(n ? n : 1, sizeof(*l->t));
	l->v = calloc(n ? n : 1, sizeof(*l->v));
	l->peak = -INFINITY;
	if (!l->t || !l->v)
		return -ENOMEM;
	json_array_foreach((json_t *)values, i, point)
	{
		const char *text = json_string_value(json_array_get(point, 1));

		l->t[i] = (int64_t)llround(json_number_value(json_array_get(point, 0)) * 1000);
		l->v[i] = text ? strtod(text, NULL) : NAN;
		if (isfinite(l->v[i]))
			l->peak = fmax(l->peak, l->v[i]);
	}
	l->n = n;
	put_title(&l->label, series, p);
	return l->label.err;
}

static void free_lines(struct line *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(l[i].t);
		free(l[i].v);
		sg_buf_free(&l[i].label);
	}
	free(l);
}

static int higher_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->peak < y->peak) - (x->peak > y->peak);
}

static int read_lines(const json_t *result, const struct sg_picture *p, struct line **ret,
		      size_t *n)
{
	struct line *l = calloc(json_array_size(result) + 1, sizeof(*l));
	const json_t *series;
	size_t i, k = 0;
	int r = l ? 0 : -ENOMEM;

	json_array_foreach((json_t *)result, i, series)
	{
		if (r == 0 && json_array_size(json_object_get(series, "values")))
			r = read_line(&l[k++], series, p);
	}
	*ret = l;
	*n = k;
	return r;
}

static int plot_lines(struct sg_buf *b, const json_t *result, const struct sg_picture *p)
{
	struct sg_plot_line lines[SG_PLOT_SERIES_MAX];
	struct sg_plot plot = {.from_ms = p->from_ms,
			       .to_ms = p->to_ms,
			       .step_ms = p->step_ms,
			       .unit = p->unit,
			       .lines = lines};
	struct line *l = NULL;
	size_t n = 0;
	int r = read_lines(result, p, &l, &n);

	if (r == 0 && n > SG_PLOT_SERIES_MAX)
		qsort(l, n, sizeof(*l), higher_first);
	plot.n = SG_MIN(n, (size_t)SG_PLOT_SERIES_MAX);
	plot.left_out = n - plot.n;
	for (size_t i = 0; i < plot.n && r == 0; i++)
		lines[i] = (struct sg_plot_line){l[i].label.data ? l[i].label.data : "", l[i].n,
						 l[i].t, l[i].v};
	if (r == 0 && n)
		sg_plot_render(b, &plot, &p->style);
	if (l)
		free_lines(l, n);
	return r;
}

static int read_columns(struct sg_heat *h, const json_t *hists)
{
	const json_t *p;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)hists, i, p)
	{
		int64_t t = (int64_t)llround(json_number_value(json_array_get(p, 0)) * 1000);
		int64_t at = (t - h->from_ms) / h->step_ms;
		struct sg_hist one = {0};

		if (r < 0 || t < h->from_ms || (size_t)at >= h->n)
			continue;
		r = sg_promhist_parse(&one, json_array_get(p, 1));
		if (r == 0)
			r = sg_hist_add(&h->columns[at], &one);
		sg_hist_free(&one);
	}
	return r;
}

static int plot_heat(struct sg_buf *b, const json_t *series, const struct sg_picture *p,
		     unsigned int rows)
{
	const json_t *metric = json_object_get(series, "metric");
	const char *name = json_string_value(json_object_get(metric, "__name__"));
	const struct sg_heat_style style = {p->style.columns, rows, p->style.depth};
	struct sg_heat h = {.from_ms = p->from_ms, .step_ms = p->step_ms};
	unsigned int room = p->style.columns - SG_HEAT_LEFT;
	sg_auto_buf label = {0};
	int r;

	/* Steps that find no column of their own share one. */
	h.step_ms *= (p->to_ms - p->from_ms) / p->step_ms / (int64_t)room + 1;
	h.n = (size_t)((p->to_ms - p->from_ms) / h.step_ms) + 1;
	h.columns = calloc(h.n, sizeof(*h.columns));
	if (!h.columns)
		return -ENOMEM;
	put_title(&label, series, p);
	snprintf(h.name, sizeof(h.name), "%s", label.data ? label.data : "");
	snprintf(h.unit, sizeof(h.unit), "%s", name ? sg_metric_unit(name) : p->hist_unit);
	r = read_columns(&h, json_object_get(series, "histograms"));
	if (r == 0)
		sg_heat_render(b, &h, &style);
	sg_heat_free(&h);
	return r;
}

#define HEATS_MAX 4

static int plot_heats(struct sg_buf *b, const json_t *result, const struct sg_picture *p)
{
	const json_t *series;
	size_t i, n = 0, shown = 0;
	int r = 0;

	json_array_foreach((json_t *)result, i, series)
	{
		n += json_object_get(series, "histograms") != NULL;
	}
	json_array_foreach((json_t *)result, i, series)
	{
		if (r < 0 || shown == HEATS_MAX || !json_object_get(series, "histograms"))
			continue;
		if (shown++)
			sg_buf_char(b, '\n');
		r = plot_heat(b, series, p, n == 1 ? p->style.rows : 12);
	}
	if (n > shown)
		sg_buf_printf(b, "and %zu more distributions; sum() adds them up\n", n - shown);
	return r;
}

int sg_result_plot(struct sg_buf *b, const json_t *data, const struct sg_picture *p)
{
	const json_t *result = json_object_get(data, "result");
	int r = plot_lines(b, result, p);

	if (r == 0)
		r = plot_heats(b, result, p);
	if (r == 0 && !b->len)
		sg_buf_str(b, "(no series)\n");
	return r < 0 ? r : b->err;
}
