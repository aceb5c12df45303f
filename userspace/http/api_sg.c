// SPDX-License-Identifier: GPL-2.0
/* sgprobe's own API, apart from heat maps and the feed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/metric.h>
#include <sgprobe/report.h>
#include <sgprobe/time.h>

#include "feed.h"
#include "route.h"
#include "server.h"

#define REPORT_SPAN_MS 600000
#define GAPS_SPAN_MS 86400000
#define STREAM_SECONDS_MAX 86400

int http_get_healthy(struct http_call *c)
{
	http_response_text(&c->resp, 200, "sgprobe is healthy");
	return 0;
}

int http_get_ready(struct http_call *c)
{
	if (atomic_load(&c->server->ready))
		http_response_text(&c->resp, 200, "sgprobe is ready");
	else
		http_response_text(&c->resp, 503, "the first tick is not stored yet");
	return 0;
}

static int put_metric(const struct sg_metric_info *m, void *ctx)
{
	struct sg_buf *b = ctx;

	if (b->data[b->len - 1] != '[')
		sg_buf_char(b, ',');
	sg_metric_json(b, m);
	return b->err;
}

struct groups {
	struct sg_buf *b;
	char last[64];
};

/* Metrics of a group follow each other. */
static int put_group(const struct sg_metric_info *m, void *ctx)
{
	const char *title = sg_group_title(m->group);
	struct groups *g = ctx;

	if (strcmp(g->last, m->group) == 0)
		return 0;
	sg_buf_str(g->b, g->last[0] ? ",{\"name\":" : "{\"name\":");
	sg_json_str(g->b, m->group);
	sg_buf_str(g->b, ",\"title\":");
	sg_json_str(g->b, title ? title : m->group);
	sg_buf_char(g->b, '}');
	snprintf(g->last, sizeof(g->last), "%s", m->group);
	return g->b->err;
}

int http_get_catalog(struct http_call *c)
{
	struct groups g = {.b = &c->resp.body};

	sg_buf_str(&c->resp.body, "{\"groups\":[");
	sg_metrics_each(put_group, &g);
	sg_buf_str(&c->resp.body, "],\"metrics\":[");
	if (!c->resp.body.err)
		sg_metrics_each(put_metric, &c->resp.body);
	sg_buf_str(&c->resp.body, "]}\n");
	return 0;
}

int http_get_status(struct http_call *c)
{
	http_server_put_status(c->server, &c->resp.body);
	return 0;
}

int http_get_config(struct http_call *c)
{
	sg_config_json(&c->resp.body, c->server->cfg);
	sg_buf_char(&c->resp.body, '\n');
	return 0;
}

int http_get_report(struct http_call *c)
{
	struct sg_report_options o = {.now_ms = sg_real_ms(), .deadline_ns = c->deadline_ns};
	int r = http_param_range(c, REPORT_SPAN_MS, &o.from_ms, &o.to_ms);

	return r < 0 ? r : sg_report_json(c->reader, &o, &c->resp.body, &c->err);
}

void http_put_gaps(struct sg_buf *b, const struct sg_gap *gaps, size_t n)
{
	sg_buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		sg_buf_printf(b, "%s{\"from_ms\":%lld,\"to_ms\":%lld,\"reason\":", i ? "," : "",
			      (long long)gaps[i].from_ms, (long long)gaps[i].to_ms);
		sg_json_str(b, gaps[i].reason ? gaps[i].reason : "");
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ']');
}

int http_get_gaps(struct http_call *c)
{
	struct sg_gap *gaps = NULL;
	int64_t from, to;
	size_t n = 0;
	int r = http_param_range(c, GAPS_SPAN_MS, &from, &to);

	if (!r)
		r = c->reader->gaps(c->reader, from, to, c->arena, &gaps, &n);
	if (r < 0)
		return r;
	sg_buf_str(&c->resp.body, "{\"gaps\":");
	http_put_gaps(&c->resp.body, gaps, n);
	sg_buf_str(&c->resp.body, "}\n");
	return 0;
}

/* The answer's body grows by every frame that is pushed, until the time is over. */
int http_get_frames(struct http_call *c)
{
	const char *s = http_param(&c->params, "seconds");
	uint64_t seconds = 0;

	if (!s || sg_parse_u64(s, 1, STREAM_SECONDS_MAX, &seconds) < 0)
		return sg_fail(&c->err, -EINVAL, "\"seconds\" must be a number from 1 to %d",
			       STREAM_SECONDS_MAX);
	c->resp.status = 200;
	c->resp.type = "application/octet-stream";
	c->resp.stream = true;
	return http_feed_stream(c->server->feed, c->conn, &c->resp,
				sg_mono_ns() + seconds * 1000000000ULL);
}
