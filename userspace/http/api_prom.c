// SPDX-License-Identifier: GPL-2.0
/* Prometheus' queries, as Grafana and promtool ask them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "prom.h"

#define STEPS_MAX 11000

int http_param_limit(struct http_call *c, size_t *ret)
{
	const char *s = http_param(&c->params, "limit");
	uint64_t n;

	*ret = 0;
	if (!s || !*s)
		return 0;
	if (sg_parse_u64(s, 0, SIZE_MAX, &n) < 0)
		return sg_fail(&c->err, -EINVAL,
			       "invalid parameter \"limit\": cannot parse \"%.64s\" to a whole "
			       "number that is not negative",
			       s);
	*ret = n;
	return 0;
}

int http_bad_param(struct http_call *c, const char *name, int r)
{
	char what[sizeof(c->err.msg)];

	if (r != -EINVAL || !strstr(c->err.msg, "parse error"))
		return r;
	snprintf(what, sizeof(what), "%s", c->err.msg);
	return sg_fail(&c->err, r, "invalid parameter \"%s\": %.450s", name, what);
}

/* Warnings and the milder notes, as Prometheus tells them apart. */
static void put_notes(struct sg_buf *b, const struct sg_value *v, const char *list,
		      const char *kind, bool cut)
{
	bool first = !cut;

	if (cut)
		sg_buf_printf(b, ",\"%s\":[\"" HTTP_CUT "\"", list);
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

static int put_result(struct http_call *c, struct sg_value *v, size_t limit)
{
	struct sg_buf *b = &c->resp.body;
	bool cut = limit && v->n > limit;
	int r;

	if (cut)
		v->n = limit;
	sg_buf_str(b, "{\"status\":\"success\",\"data\":");
	r = sg_query_json_parts(b, v, http_call_more, c);
	put_notes(b, v, "warnings", "PromQL warning", cut);
	put_notes(b, v, "infos", "PromQL info", false);
	sg_buf_str(b, "}\n");
	return r;
}

/* What both have. How far an instant selector looks back is not a query's to say here. */
static int query_params(struct http_call *c, const char **expr, size_t *limit)
{
	const struct http_params *ps = &c->params;
	int64_t ignored;
	int r = http_param_limit(c, limit);

	*expr = http_param(ps, "query");
	if (!*expr)
		*expr = "";
	if (!r)
		r = http_param_ms(ps, "lookback_delta", http_parse_step, false, &ignored, &c->err);
	return r;
}

int http_get_query(struct http_call *c)
{
	struct sg_query_limits lim = {.deadline_ns = c->deadline_ns};
	struct sg_value v = {0};
	int64_t t_ms = sg_real_ms();
	const char *expr;
	size_t limit;
	int r = query_params(c, &expr, &limit);

	if (!r)
		r = http_param_ms(&c->params, "time", http_parse_time, false, &t_ms, &c->err);
	if (!r)
		r = sg_query_instant(c->reader, expr, t_ms, &lim, c->arena, &v, &c->err);
	return r < 0 ? http_bad_param(c, "query", r) : put_result(c, &v, limit);
}

/* What is a number, but no width. */
static bool is_zero_or_less(const char *s)
{
	char *end;

	return s && *s && strtod(s, &end) <= 0 && !*end;
}

static int range_params(struct http_call *c, int64_t *start, int64_t *end, int64_t *step)
{
	const struct http_params *ps = &c->params;
	int r = http_param_ms(ps, "start", http_parse_time, true, start, &c->err);

	if (!r)
		r = http_param_ms(ps, "end", http_parse_time, true, end, &c->err);
	if (!r && *end < *start)
		return sg_fail(
			&c->err, -EINVAL,
			"invalid parameter \"end\": end timestamp must not be before start time");
	if (!r && is_zero_or_less(http_param(ps, "step")))
		return sg_fail(&c->err, -EINVAL,
			       "invalid parameter \"step\": zero or negative query resolution step "
			       "widths are not accepted. Try a positive integer");
	if (!r)
		r = http_param_ms(ps, "step", http_parse_step, true, step, &c->err);
	if (!r && (*end - *start) / *step > STEPS_MAX)
		return sg_fail(&c->err, -EINVAL,
			       "exceeded maximum resolution of 11,000 points per timeseries. Try "
			       "decreasing the query resolution (?step=XX)");
	return r;
}

int http_get_query_range(struct http_call *c)
{
	struct sg_query_limits lim = {.deadline_ns = c->deadline_ns};
	struct sg_value v = {0};
	int64_t start = 0, end = 0, step = 1;
	const char *expr;
	size_t limit;
	int r = query_params(c, &expr, &limit);

	if (!r)
		r = range_params(c, &start, &end, &step);
	if (!r)
		r = sg_query_range(c->reader, expr, start, end, step, &lim, c->arena, &v, &c->err);
	return r < 0 ? http_bad_param(c, "query", r) : put_result(c, &v, limit);
}

int http_get_format_query(struct http_call *c)
{
	const char *expr = http_param(&c->params, "query");
	sg_auto_buf text = {0};
	int r = sg_query_format(expr ? expr : "", &text, &c->err);

	if (r < 0)
		return http_bad_param(c, "query", r);
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":");
	sg_json_str(&c->resp.body, text.data);
	sg_buf_str(&c->resp.body, "}\n");
	return 0;
}
