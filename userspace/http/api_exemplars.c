// SPDX-License-Identifier: GPL-2.0
/* Prometheus' exemplars, of every selector of an expression. */
#include <errno.h>

#include <sgprobe/exemplar.h>
#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "route.h"

#define SPAN_MS 300000
#define SELECTORS_MAX 16

static int range_params(struct http_call *c, int64_t *from, int64_t *to, int64_t *step)
{
	int r;

	*to = sg_real_ms();
	r = http_param_ms(&c->params, "end", http_parse_time, false, to, &c->err);
	*from = *to - SPAN_MS;
	*step = 0;
	if (!r)
		r = http_param_ms(&c->params, "start", http_parse_time, false, from, &c->err);
	if (!r)
		r = http_param_ms(&c->params, "step", http_parse_step, false, step, &c->err);
	if (!r && *from > *to)
		r = sg_fail(&c->err, -EINVAL, "end timestamp must not be before start timestamp");
	return r;
}

static int read_all(struct http_call *c, const struct sg_selector *sels, size_t n, int64_t from,
		    int64_t to, struct sg_exemplars *x)
{
	int r = c->reader->exemplars(c->reader, sels, n, from - 1, to, c->deadline_ns,
				     sg_exemplars_take, x);

	if (r == -E2BIG)
		return sg_fail(&c->err, r, "too many exemplars: ask for less time, or for a step");
	if (r == -ETIMEDOUT)
		return sg_fail(&c->err, r, "it took too long: ask for less time");
	return r;
}

int http_get_exemplars(struct http_call *c)
{
	const char *query = http_param(&c->params, "query");
	const char *whole = http_param(&c->params, "frames");
	struct sg_selector sels[SELECTORS_MAX] = {0};
	sg_auto(sg_exemplars) x = NULL;
	int64_t from = 0, to = 0, step = 0;
	size_t n = 0;
	int r = range_params(c, &from, &to, &step);

	if (!r)
		r = sg_query_selectors(query ? query : "", c->arena, sels, SELECTORS_MAX, &n,
				       &c->err);
	x = sg_exemplars_new(step);
	if (!r)
		r = x ? read_all(c, sels, n, from, to, x) : -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sg_selector_release(&sels[i]);
	if (r < 0)
		return r;
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":");
	sg_exemplars_json(&c->resp.body, x, whole && *whole == '1');
	sg_buf_str(&c->resp.body, "}\n");
	return 0;
}
