// SPDX-License-Identifier: GPL-2.0
/* Prometheus' read API, as Grafana and promtool ask it. */
#include <errno.h>
#include <string.h>

#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "route.h"

#define MATCHES_MAX 16
#define LIST_SPAN_MS 300000 /* of a list without a start */
#define LIST_WINDOW_MS 60000
#define LIST_WINDOWS 32
#define STEPS_MAX 11000

static int required(struct http_call *c, const char *name, const char **ret)
{
	*ret = http_param(&c->params, name);
	if (!*ret || !**ret)
		return sg_fail(&c->err, -EINVAL, "the parameter \"%s\" is missing", name);
	return 0;
}

/* Warnings and the milder notes, as Prometheus tells them apart. */
static void put_notes(struct sg_buf *b, const struct sg_value *v, const char *list,
		      const char *kind)
{
	bool first = true;

	for (size_t i = 0; i < v->n_warnings; i++) {
		if (strncmp(v->warnings[i], kind, strlen(kind)))
			continue;
		if (first)
			sg_buf_printf(b, ",\"%s\":[", list);
		else
			sg_buf_char(b, ',');
		sg_json_str(b, v->warnings[i]);
		first = false;
	}
	if (!first)
		sg_buf_char(b, ']');
}

static void put_result(struct http_call *c, const struct sg_value *v)
{
	struct sg_buf *b = &c->resp.body;

	sg_buf_str(b, "{\"status\":\"success\",\"data\":");
	sg_query_json(b, v);
	put_notes(b, v, "warnings", "PromQL warning");
	put_notes(b, v, "infos", "PromQL info");
	sg_buf_str(b, "}\n");
}

int http_get_query(struct http_call *c)
{
	struct sg_query_limits lim = {.deadline_ns = c->deadline_ns};
	struct sg_value v = {0};
	int64_t t_ms = sg_real_ms();
	const char *expr;
	int r = required(c, "query", &expr);

	if (!r)
		r = http_param_ms(&c->params, "time", http_parse_time, false, &t_ms, &c->err);
	if (!r)
		r = sg_query_instant(c->reader, expr, t_ms, &lim, c->arena, &v, &c->err);
	if (!r)
		put_result(c, &v);
	return r;
}

static int range_params(struct http_call *c, int64_t *start, int64_t *end, int64_t *step)
{
	const struct http_params *ps = &c->params;
	int r = http_param_ms(ps, "start", http_parse_time, true, start, &c->err);

	if (!r)
		r = http_param_ms(ps, "end", http_parse_time, true, end, &c->err);
	if (!r)
		r = http_param_ms(ps, "step", http_parse_step, true, step, &c->err);
	if (!r && *end < *start)
		return sg_fail(
			&c->err, -EINVAL,
			"invalid parameter \"end\": end timestamp must not be before start time");
	if (!r && (*end - *start) / *step >= STEPS_MAX)
		return sg_fail(&c->err, -EINVAL,
			       "exceeded maximum resolution of %d points per timeseries. Try "
			       "decreasing the query resolution (?step=XX)",
			       STEPS_MAX);
	return r;
}

int http_get_query_range(struct http_call *c)
{
	struct sg_query_limits lim = {.deadline_ns = c->deadline_ns};
	struct sg_value v = {0};
	int64_t start, end, step;
	const char *expr;
	int r = required(c, "query", &expr);

	if (!r)
		r = range_params(c, &start, &end, &step);
	if (!r)
		r = sg_query_range(c->reader, expr, start, end, step, &lim, c->arena, &v, &c->err);
	if (!r)
		put_result(c, &v);
	return r;
}

/* ---- lists: which series there are ---- */

struct list {
	struct http_call *call;
	struct sg_selector sels[MATCHES_MAX];
	size_t n_sels;
	int64_t start, end;
	const struct sg_series **found; /* ascending, no doubles */
	size_t n, cap;
};

static int add_selector(struct list *l, const char *text)
{
	struct http_call *c = l->call;

	if (l->n_sels == MATCHES_MAX)
		return sg_fail(&c->err, -EINVAL, "more than %d match[] parameters", MATCHES_MAX);
	return http_selector(text, c->arena, &l->sels[l->n_sels++], &c->err);
}

static int list_params(struct list *l, bool need_match)
{
	const struct http_params *ps = &l->call->params;
	int r;

	l->end = sg_real_ms();
	r = http_param_ms(ps, "end", http_parse_time, false, &l->end, &l->call->err);
	l->start = l->end - LIST_SPAN_MS;
	if (!r)
		r = http_param_ms(ps, "start", http_parse_time, false, &l->start, &l->call->err);
	for (size_t i = 0; i < ps->n && !r; i++)
		if (!strcmp(ps->p[i].name, "match[]"))
			r = add_selector(l, ps->p[i].value);
	if (r || l->n_sels)
		return r;
	if (need_match)
		return sg_fail(&l->call->err, -EINVAL, "no match[] parameter provided");
	return add_selector(l, "{__name__=~\".+\"}");
}

static int cmp_series(const void *a, const void *b)
{
	return sg_series_cmp(*(const struct sg_series *const *)a,
			     *(const struct sg_series *const *)b);
}

static void sort_unique(struct list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->found, l->n, sizeof(*l->found), cmp_series);
	for (size_t i = 0; i < l->n; i++)
		if (!n || sg_series_cmp(l->found[n - 1], l->found[i]))
			l->found[n++] = l->found[i];
	l->n = n;
}

static int read_window(struct list *l, int64_t from, int64_t to)
{
	struct http_call *c = l->call;
	struct sg_read_limits lim = {.deadline_ns = c->deadline_ns};
	struct sg_points_set set = {0};
	sg_auto(sg_arena) scratch = sg_arena_new(0);
	int r;

	if (!scratch)
		return -ENOMEM;
	r = c->reader->select_deltas(c->reader, l->sels, l->n_sels, from, to, &lim, scratch, &set,
				     &c->err);
	for (size_t i = 0; i < set.n && !r; i++) {
		struct sg_series *s = sg_series_copy(c->arena, &set.series[i].series);

		r = s ? SG_GROW(l->found, l->cap, l->n) : -ENOMEM;
		if (!r)
			l->found[l->n++] = s;
	}
	if (!r)
		sort_unique(l);
	return r;
}

/*
 * The samples behind a list are read only to be named, so a long range is looked at
 * through at most LIST_WINDOWS windows: what lives for a minute or more at the
 * usual ranges is found, at a bounded cost.
 */
static int read_list(struct list *l, bool need_match)
{
	int64_t span, step;
	int r = list_params(l, need_match);

	span = l->end - l->start;
	step = SG_MAX(span / LIST_WINDOWS, LIST_WINDOW_MS);
	for (int64_t to = l->end; to > l->start && !r; to -= step)
		r = read_window(l, SG_MAX(to - LIST_WINDOW_MS, l->start), to);
	return r;
}

static void list_release(struct list *l)
{
	for (size_t i = 0; i < l->n_sels; i++)
		sg_selector_release(&l->sels[i]);
	free(l->found);
}

static void put_series(struct sg_buf *b, const struct sg_series *s)
{
	sg_buf_str(b, "{\"__name__\":");
	sg_json_str(b, s->name);
	for (size_t i = 0; i < s->n_labels; i++) {
		sg_buf_char(b, ',');
		sg_json_str(b, s->labels[i].name);
		sg_buf_char(b, ':');
		sg_json_str(b, s->labels[i].value);
	}
	sg_buf_char(b, '}');
}

int http_get_series(struct http_call *c)
{
	struct list l = {.call = c};
	int r = read_list(&l, true);

	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":[");
	for (size_t i = 0; i < l.n && !r; i++) {
		if (i)
			sg_buf_char(&c->resp.body, ',');
		put_series(&c->resp.body, l.found[i]);
	}
	sg_buf_str(&c->resp.body, "]}\n");
	list_release(&l);
	return r;
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted and without doubles. */
static void put_texts(struct http_call *c, const char **texts, size_t n)
{
	struct sg_buf *b = &c->resp.body;

	if (n)
		qsort(texts, n, sizeof(*texts), cmp_text);
	sg_buf_str(b, "{\"status\":\"success\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(texts[i], texts[i - 1]))
			continue;
		if (i)
			sg_buf_char(b, ',');
		sg_json_str(b, texts[i]);
	}
	sg_buf_str(b, "]}\n");
}

int http_get_label_values(struct http_call *c)
{
	struct list l = {.call = c};
	int r = read_list(&l, false);
	const char **values = r ? NULL : calloc(l.n + 1, sizeof(*values));
	size_t n = 0;

	if (!r && !values)
		r = -ENOMEM;
	for (size_t i = 0; i < l.n && !r; i++) {
		values[n] = sg_series_label(l.found[i], c->arg);
		n += *values[n] != '\0';
	}
	if (!r)
		put_texts(c, values, n);
	free(values);
	list_release(&l);
	return r;
}

int http_get_labels(struct http_call *c)
{
	struct list l = {.call = c};
	int r = read_list(&l, false);
	const char **names = r ? NULL : calloc(l.n * SG_LABELS_MAX + 1, sizeof(*names));
	size_t n = 0;

	if (!r && !names)
		r = -ENOMEM;
	if (!r && l.n)
		names[n++] = "__name__";
	for (size_t i = 0; i < l.n && !r; i++)
		for (size_t k = 0; k < l.found[i]->n_labels; k++)
			names[n++] = l.found[i]->labels[k].name;
	if (!r)
		put_texts(c, names, n);
	free(names);
	list_release(&l);
	return r;
}

/* Grafana asks it to tell what kind of Prometheus this is; without "features" it takes it for a plain one. */
int http_get_buildinfo(struct http_call *c)
{
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":{\"version\":\"2.42.0\","
				  "\"application\":\"sgprobe " SG_VERSION "\"}}\n");
	return 0;
}
