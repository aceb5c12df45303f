// SPDX-License-Identifier: GPL-2.0
/* Which series, labels and values there are. */
#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "model/names.h"
#include "prom.h"

#define MATCHES_MAX 16
#define LIST_SPAN_MS 300000 /* of a list without a start */
#define LIST_WINDOW_MS 60000
#define LIST_WINDOWS 32

struct list {
	struct http_call *call;
	struct sg_selector sels[MATCHES_MAX];
	size_t n_sels;
	int64_t start, end;
	size_t limit; /* of what is answered; 0: none */
	const struct sg_series **found; /* ascending, no doubles */
	size_t n, cap;
};

static int add_selector(struct list *l, const char *text)
{
	struct http_call *c = l->call;

	if (l->n_sels == MATCHES_MAX)
		return sg_fail(&c->err, -EINVAL, "more than %d match[] parameters", MATCHES_MAX);
	return http_bad_param(c, "match[]",
			      http_selector(text, c->arena, &l->sels[l->n_sels++], &c->err));
}

static int list_params(struct list *l, bool need_match)
{
	const struct http_params *ps = &l->call->params;
	int r;

	l->end = sg_real_ms();
	r = http_param_limit(l->call, &l->limit);
	if (!r)
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

static void end_list(struct sg_buf *b, bool cut)
{
	sg_buf_str(b, cut ? "],\"warnings\":[\"" HTTP_CUT "\"]}\n" : "]}\n");
}

int http_get_series(struct http_call *c)
{
	struct list l = {.call = c};
	int r = read_list(&l, true);
	size_t n = l.limit ? SG_MIN(l.limit, l.n) : l.n;

	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":[");
	for (size_t i = 0; i < n && !r; i++) {
		if (i)
			sg_buf_char(&c->resp.body, ',');
		put_series(&c->resp.body, l.found[i]);
		r = http_call_more(&c->resp.body, c);
	}
	end_list(&c->resp.body, n < l.n);
	list_release(&l);
	return r;
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted and without doubles. */
static void put_texts(struct http_call *c, const char **texts, size_t n, size_t limit)
{
	struct sg_buf *b = &c->resp.body;
	size_t put = 0;

	if (n)
		qsort(texts, n, sizeof(*texts), cmp_text);
	sg_buf_str(b, "{\"status\":\"success\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(texts[i], texts[i - 1]))
			continue;
		if (put++ == limit && limit)
			break;
		if (i)
			sg_buf_char(b, ',');
		sg_json_str(b, texts[i]);
	}
	end_list(b, limit && put > limit);
}

int http_get_label_values(struct http_call *c)
{
	struct list l = {.call = c};
	bool is_name = !strcmp(c->arg, "__name__") || sg_label_name_valid(c->arg);
	int r = is_name ? read_list(&l, false)
			: sg_fail(&c->err, -EINVAL, "invalid label name: \"%.64s\"", c->arg);
	const char **values = r ? NULL : calloc(l.n + 1, sizeof(*values));
	size_t n = 0;

	if (!r && !values)
		r = -ENOMEM;
	for (size_t i = 0; i < l.n && !r; i++) {
		values[n] = sg_series_label(l.found[i], c->arg);
		n += *values[n] != '\0';
	}
	if (!r)
		put_texts(c, values, n, l.limit);
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
		put_texts(c, names, n, l.limit);
	free(names);
	list_release(&l);
	return r;
}
