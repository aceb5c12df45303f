// SPDX-License-Identifier: GPL-2.0
/* What differs, who explains it, where it is heading. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/analysis.h>

#include "route.h"

#define SPAN_MS 900000
#define PAST_MS 21600000
#define LIMIT_MAX 1000

/* A positive number; *ret stays where it is absent. */
static int number_param(struct http_call *c, const char *name, double *ret, bool *given)
{
	const char *s = http_param(&c->params, name);
	double v;

	if (!s || !*s)
		return 0;
	if (sg_parse_number(s, &v) < 0)
		return sg_fail(&c->err, -EINVAL, "\"%s\" must be a number", name);
	*ret = v;
	if (given)
		*given = true;
	return 0;
}

static int limit_param(struct http_call *c, size_t *ret)
{
	const char *s = http_param(&c->params, "limit");
	uint64_t n = 0;

	if (s && *s && sg_parse_u64(s, 1, LIMIT_MAX, &n) < 0)
		return sg_fail(&c->err, -EINVAL, "\"limit\" must be a number from 1 to %d",
			       LIMIT_MAX);
	*ret = n;
	return 0;
}

static int window_params(struct http_call *c, struct sg_window w[2])
{
	struct sg_windows_wish wish = {.mark = http_param(&c->params, "mark")};
	int r = http_param_range(c, SPAN_MS, &wish.from_ms, &wish.to_ms);

	if (!r)
		r = http_param_ms(&c->params, "ago", http_parse_step, false, &wish.ago_ms, &c->err);
	if (!r)
		r = http_param_ms(&c->params, "base_from", http_parse_ms, false, &wish.base_from_ms,
				  &c->err);
	if (!r)
		r = http_param_ms(&c->params, "base_to", http_parse_ms, false, &wish.base_to_ms,
				  &c->err);
	return r < 0 ? r : sg_windows_find(c->reader, &wish, c->deadline_ns, w, &c->err);
}

int http_get_diff(struct http_call *c)
{
	struct sg_diff_options o = {.deadline_ns = c->deadline_ns};
	int r = limit_param(c, &o.limit);

	if (!r)
		r = window_params(c, o.window);
	return r < 0 ? r : sg_diff_json(c->reader, &o, &c->resp.body, &c->err);
}

static int measure_param(struct http_call *c, enum sg_measure *ret)
{
	const char *by = http_param(&c->params, "by");

	*ret = SG_BY_TIME;
	if (!by || !*by)
		return 0;
	for (size_t m = 0; m < SG_MEASURES; m++)
		if (!strcmp(by, sg_measure_names[m])) {
			*ret = (enum sg_measure)m;
			return 0;
		}
	return sg_fail(&c->err, -EINVAL, "\"by\" is time, mean, quantile or above");
}

int http_get_explain(struct http_call *c)
{
	struct sg_explain_options o = {.metric = http_param(&c->params, "metric"),
				       .deadline_ns = c->deadline_ns};
	int r = limit_param(c, &o.limit);

	if (!r && (!o.metric || !*o.metric))
		r = sg_fail(&c->err, -EINVAL, "\"metric\" is missing");
	if (!r)
		r = measure_param(c, &o.by);
	if (!r)
		r = number_param(c, "q", &o.q, NULL);
	if (!r)
		r = number_param(c, "threshold", &o.threshold, NULL);
	if (!r && !(o.q >= 0 && o.q < 1))
		r = sg_fail(&c->err, -EINVAL, "\"q\" lies between 0 and 1");
	if (!r && !(o.threshold >= 0))
		r = sg_fail(&c->err, -EINVAL, "\"threshold\" is not negative");
	if (!r)
		r = window_params(c, o.window);
	return r < 0 ? r : sg_explain_json(c->reader, &o, &c->resp.body, &c->err);
}

int http_get_forecast(struct http_call *c)
{
	struct sg_forecast_wish w = {.expr = http_param(&c->params, "query"),
				     .deadline_ns = c->deadline_ns};
	int r = http_param_range(c, PAST_MS, &w.from_ms, &w.to_ms);

	if (!r)
		r = http_param_ms(&c->params, "step", http_parse_step, false, &w.step_ms, &c->err);
	if (!r)
		r = http_param_ms(&c->params, "horizon", http_parse_step, false, &w.horizon_ms,
				  &c->err);
	if (!r)
		r = number_param(c, "cross", &w.cross, &w.has_cross);
	return r < 0 ? r : sg_forecast_json(c->reader, &w, &c->resp.body, &c->err);
}
