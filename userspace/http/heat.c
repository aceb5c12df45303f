// SPDX-License-Identifier: GPL-2.0
/* One histogram over time as columns: what 'sgprobe heat' draws. */
#include <errno.h>
#include <string.h>

#include <sgprobe/metric.h>

#include "route.h"

#define HEAT_SPAN_MS 300000
#define COLUMNS_MAX 11000

struct heat {
	int64_t from, to, step;
	size_t n;
	struct sg_hist *columns; /* columns[i] ends at first + i * step */
	int64_t first;
};

static int heat_params(struct http_call *c, struct heat *h)
{
	int r = http_param_range(c, HEAT_SPAN_MS, &h->from, &h->to);

	h->step = 1000;
	if (!r)
		r = http_param_ms(&c->params, "step", http_parse_ms, false, &h->step, &c->err);
	if (r < 0)
		return r;
	if (h->step < 1)
		return sg_fail(&c->err, -EINVAL, "\"step\" must be at least 1 ms");
	if ((h->to - h->from) / h->step > COLUMNS_MAX)
		return sg_fail(&c->err, -EINVAL, "more than %d columns; choose a larger \"step\"",
			       COLUMNS_MAX);
	/* Steps end on multiples of their length, so that two requests draw the same columns. */
	h->first = (h->from / h->step + 1) * h->step;
	h->n = (h->to - h->from) / h->step + 2;
	h->columns = calloc(h->n, sizeof(*h->columns));
	return h->columns ? 0 : -ENOMEM;
}

static int add_points(struct heat *h, const struct sg_points *p)
{
	for (size_t i = 0; i < p->n; i++) {
		int64_t behind = p->t_ms[i] - h->first;
		size_t col = behind <= 0 ? 0 : (behind + h->step - 1) / h->step;
		int r = col < h->n ? sg_hist_add(&h->columns[col], &p->hists[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_heat(struct http_call *c, struct heat *h, const char *match,
		     struct sg_points_set *set)
{
	struct sg_read_limits lim = {.res_ms = h->step, .deadline_ns = c->deadline_ns};
	struct sg_selector sel = {0};
	int r = http_selector(match, c->arena, &sel, &c->err);

	if (!r)
		r = c->reader->select_deltas(c->reader, &sel, 1, h->from, h->to, &lim, c->arena,
					     set, &c->err);
	sg_selector_release(&sel);
	for (size_t i = 0; i < set->n && !r; i++) {
		const struct sg_series *s = &set->series[i].series;

		if (s->type != SG_HISTOGRAM)
			return sg_fail(&c->err, -EINVAL, "%s is a %s; a heat map needs a histogram",
				       s->name, sg_type_name(s->type));
		r = add_points(h, &set->series[i]);
	}
	return r;
}

/* The labels that all series share. */
static void put_labels(struct sg_buf *b, const struct sg_points_set *set)
{
	bool first = true;

	sg_buf_str(b, ",\"labels\":{");
	for (size_t k = 0; set->n && k < set->series[0].series.n_labels; k++) {
		const struct sg_label *l = &set->series[0].series.labels[k];
		bool same = true;

		for (size_t i = 1; i < set->n && same; i++)
			same = !strcmp(sg_series_label(&set->series[i].series, l->name), l->value);
		if (!same)
			continue;
		if (!first)
			sg_buf_char(b, ',');
		first = false;
		sg_json_str(b, l->name);
		sg_buf_char(b, ':');
		sg_json_str(b, l->value);
	}
	sg_buf_char(b, '}');
}

static void put_column(struct sg_buf *b, int64_t t_ms, const struct sg_hist *col)
{
	sg_buf_printf(b, "[%lld,", (long long)t_ms);
	sg_json_num(b, col->count);
	sg_buf_char(b, ',');
	sg_json_num(b, col->sum);
	sg_buf_str(b, ",[");
	for (uint32_t i = 0; i < col->n; i++) {
		sg_buf_printf(b, "%s[%d,", i ? "," : "", col->buckets[i].index);
		sg_json_num(b, col->buckets[i].count);
		sg_buf_char(b, ']');
	}
	sg_buf_str(b, "]]");
}

static void put_heat(struct sg_buf *b, const struct heat *h, const struct sg_points_set *set)
{
	const char *name = set->n ? set->series[0].series.name : "";
	const char *comma = "";

	sg_buf_str(b, "{\"name\":");
	sg_json_str(b, name);
	put_labels(b, set);
	sg_buf_str(b, ",\"unit\":");
	sg_json_str(b, sg_metric_unit(name));
	sg_buf_printf(
		b, ",\"schema\":3,\"from_ms\":%lld,\"to_ms\":%lld,\"step_ms\":%lld,\"columns\":[",
		(long long)h->from, (long long)h->to, (long long)h->step);
	for (size_t i = 0; i < h->n; i++) {
		if (!h->columns[i].count)
			continue;
		sg_buf_str(b, comma);
		comma = ",";
		put_column(b, h->first + (int64_t)i * h->step, &h->columns[i]);
	}
	sg_buf_str(b, "]}\n");
}

int http_get_heat(struct http_call *c)
{
	struct heat h = {0};
	struct sg_points_set set = {0};
	const char *match = http_param(&c->params, "match");
	int r;

	if (!match || !*match)
		return sg_fail(&c->err, -EINVAL, "the parameter \"match\" is missing");
	r = heat_params(c, &h);
	if (!r)
		r = read_heat(c, &h, match, &set);
	if (!r)
		put_heat(&c->resp.body, &h, &set);
	for (size_t i = 0; h.columns && i < h.n; i++)
		sg_hist_free(&h.columns[i]);
	free(h.columns);
	return r;
}
