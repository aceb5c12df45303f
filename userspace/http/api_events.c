// SPDX-License-Identifier: GPL-2.0
/* Events of a time, newest first. */
#include <errno.h>

#include <sgprobe/event.h>
#include <sgprobe/time.h>

#include "route.h"

#define SPAN_MS 3600000
#define LIMIT 1000
#define LIMIT_MAX 10000

static int kind_param(struct http_call *c, const char **ret)
{
	const char *kind = http_param(&c->params, "kind");

	*ret = kind && *kind ? kind : NULL;
	if (!*ret || sg_event_kind_find(*ret))
		return 0;
	return sg_fail(&c->err, -EINVAL,
		       "there is no kind of event of this name; sgprobe(1) lists them");
}

static int limit_param(struct http_call *c, size_t *ret)
{
	const char *limit = http_param(&c->params, "limit");
	uint64_t n = LIMIT;

	if (limit && *limit && sg_parse_u64(limit, 1, LIMIT_MAX, &n) < 0)
		return sg_fail(&c->err, -EINVAL, "\"limit\" must be a number from 1 to %d",
			       LIMIT_MAX);
	*ret = n;
	return 0;
}

static int range_params(struct http_call *c, int64_t *from, int64_t *to)
{
	int r;

	*to = sg_real_ms();
	r = http_param_ms(&c->params, "end", http_parse_time, false, to, &c->err);
	*from = *to - SPAN_MS;
	if (!r)
		r = http_param_ms(&c->params, "start", http_parse_time, false, from, &c->err);
	if (!r && *from > *to)
		r = sg_fail(&c->err, -EINVAL, "\"start\" is after \"end\"");
	return r;
}

int http_get_events(struct http_call *c)
{
	struct sg_event *events = NULL;
	int64_t from = 0, to = 0;
	const char *kind = NULL;
	size_t n = 0, limit = 0;
	int r = range_params(c, &from, &to);

	if (!r)
		r = kind_param(c, &kind);
	if (!r)
		r = limit_param(c, &limit);
	if (!r)
		r = c->reader->events(c->reader, from - 1, to, kind, limit, c->deadline_ns,
				      c->arena, &events, &n);
	if (r == -ETIMEDOUT)
		return sg_fail(&c->err, r, "it took too long: ask for less time");
	if (r < 0)
		return r;
	sg_buf_printf(&c->resp.body,
		      "{\"status\":\"success\",\"data\":{\"from_ms\":%lld,\"to_ms\":%lld,"
		      "\"limited\":%s,\"events\":[",
		      (long long)from, (long long)to, n == limit ? "true" : "false");
	for (size_t i = 0; i < n; i++) {
		sg_buf_str(&c->resp.body, i ? ",\n" : "");
		sg_event_json(&c->resp.body, &events[i]);
	}
	sg_buf_str(&c->resp.body, "]}}\n");
	return 0;
}
