// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "assets.h"
#include "pipe.h"
#include "route.h"
#include "server.h"

#define ARENA_MAX (256U << 20)
#define BODY_MAX (64U << 20)
#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 30000

#define ROUTE_PUSH (ROUTE_WAITS | ROUTE_POST | ROUTE_BODY | ROUTE_UNIX_ONLY)

const struct http_route http_routes[] = {
	{"/-/healthy", http_get_healthy, 0, "", "200 while the server runs"},
	{"/-/ready", http_get_ready, 0, "", "200 once the first tick is stored"},
	{"/metrics", http_get_metrics, ROUTE_READS,
	 "match[]=", "every newest value, to be scraped"},
	{"/federate", http_get_federate, ROUTE_READS,
	 "match[]=", "the same of some series, with their times"},
	{"/api/v1/query", http_get_query, ROUTE_READS | ROUTE_EITHER,
	 "query=&time=&timeout=&limit=", "Prometheus' instant query"},
	{"/api/v1/query_range", http_get_query_range, ROUTE_READS | ROUTE_EITHER,
	 "query=&start=&end=&step=&timeout=&limit=", "Prometheus' range query"},
	{"/api/v1/series", http_get_series, ROUTE_READS | ROUTE_EITHER,
	 "match[]=&start=&end=&limit=", "Prometheus' series list"},
	{"/api/v1/labels", http_get_labels, ROUTE_READS | ROUTE_EITHER,
	 "match[]=&start=&end=&limit=", "Prometheus' label names"},
	{"/api/v1/label/{}/values", http_get_label_values, ROUTE_READS,
	 "match[]=&start=&end=&limit=", "Prometheus' label values"},
	{"/api/v1/metadata", http_get_metadata, ROUTE_READS,
	 "metric=&limit=", "type, help and unit of metrics"},
	{"/api/v1/format_query", http_get_format_query, ROUTE_EITHER,
	 "query=", "the expression, laid out"},
	{"/api/v1/rules", http_get_rules, 0, "", "no rules"},
	{"/api/v1/alerts", http_get_alerts, 0, "", "no alerts"},
	{"/api/v1/status/buildinfo", http_get_buildinfo, 0, "", "the version, as Grafana asks it"},
	{"/api/v1/profile", http_get_profile, ROUTE_READS,
	 "start=&end=&kind=&cgroup=&comm=&frames=&timeout=", "stacks and their time"},
	{"/api/v1/events", http_get_events, ROUTE_READS,
	 "start=&end=&kind=&limit=&timeout=", "events, newest first"},
	{"/api/v1/query_exemplars", http_get_exemplars, ROUTE_READS | ROUTE_EITHER,
	 "query=&start=&end=&step=&frames=&timeout=", "Prometheus' exemplars: the slowest events"},
	{"/api/sg/v1/catalog", http_get_catalog, 0, "", "every metric"},
	{"/api/sg/v1/status", http_get_status, 0, "", "the daemon"},
	{"/api/sg/v1/heat", http_get_heat, ROUTE_READS,
	 "match=&from=&to=&step=", "one histogram as columns"},
	{"/api/sg/v1/report", http_get_report, ROUTE_READS, "from=&to=", "the report document"},
	{"/api/sg/v1/diff", http_get_diff, ROUTE_READS,
	 "from=&to=&ago=&base_from=&base_to=&mark=&limit=&timeout=",
	 "what differs between two windows"},
	{"/api/sg/v1/explain", http_get_explain, ROUTE_READS,
	 "metric=&by=&q=&threshold=&from=&to=&ago=&base_from=&base_to=&mark=&limit=&timeout=",
	 "who explains how a metric differs"},
	{"/api/sg/v1/forecast", http_get_forecast, ROUTE_READS,
	 "query=&cross=&from=&to=&step=&horizon=&timeout=", "where it is heading"},
	{"/api/sg/v1/annotate", http_annotate, ROUTE_WAITS | ROUTE_POST | ROUTE_UNIX_ONLY,
	 "text=&kind=&at=", "notes something (unix socket only)"},
	{"/api/sg/v1/gaps", http_get_gaps, ROUTE_READS, "from=&to=", "time that was not watched"},
	{"/api/sg/v1/probes", http_get_probes, ROUTE_WAITS, "", "named probes"},
	{"/api/sg/v1/probes/add", http_add_probe, ROUTE_WAITS | ROUTE_POST | ROUTE_UNIX_ONLY,
	 "name=&probe=&by_arg=&latency=", "adds a named probe (root only)"},
	{"/api/sg/v1/probes/remove", http_remove_probe, ROUTE_WAITS | ROUTE_POST | ROUTE_UNIX_ONLY,
	 "name=", "removes a named probe (root only)"},
	{"/api/sg/v1/config", http_get_config, ROUTE_UNIX_ONLY, "", "every setting in force"},
	{"/api/sg/v1/reload", http_reload, ROUTE_WAITS | ROUTE_POST | ROUTE_UNIX_ONLY, "",
	 "reads the settings again (root only)"},
	{"/api/sg/v1/ingest/prometheus", http_push_prometheus, ROUTE_PUSH,
	 "job=&instance=", "takes in metrics as text: Prometheus 0.0.4 or OpenMetrics"},
	{"/api/sg/v1/ingest/influx", http_push_influx, ROUTE_PUSH,
	 "precision=", "takes in metrics as Influx line protocol"},
	{"/write", http_push_influx, ROUTE_PUSH, "precision=", "the same, where InfluxDB 1 has it"},
	{"/api/v2/write", http_push_influx, ROUTE_PUSH,
	 "precision=", "the same, where InfluxDB 2 has it"},
	{"/api/sg/v1/frames", http_get_frames, ROUTE_UNIX_ONLY | ROUTE_STREAM,
	 "seconds=", "raw frames as they arrive"},
};
const size_t http_n_routes = ARRAY_SIZE(http_routes);

static bool path_matches(const char *pattern, const char *path, const char **arg, size_t *len)
{
	const char *hole = strstr(pattern, "{}");
	size_t before, n;

	if (!hole)
		return !strcmp(pattern, path);
	before = hole - pattern;
	if (strncmp(pattern, path, before) != 0)
		return false;
	n = strcspn(path + before, "/");
	if (!n || strcmp(path + before + n, hole + 2) != 0)
		return false;
	*arg = path + before;
	*len = n;
	return true;
}

const struct http_route *http_route_find(const char *path, const char **arg, size_t *arg_len)
{
	*arg = NULL;
	for (size_t i = 0; i < http_n_routes; i++)
		if (path_matches(http_routes[i].path, path, arg, arg_len))
			return &http_routes[i];
	return NULL;
}

static const struct error_kind {
	int r, status;
	const char *type;
} error_kinds[] = {
	{-EINVAL, 400, "bad_data"},	 {-E2BIG, 422, "execution"},
	{-EOPNOTSUPP, 422, "execution"}, {-ETIMEDOUT, 503, "timeout"},
	{-EAGAIN, 503, "unavailable"},	 {-ENOENT, 404, "not_found"},
	{-EACCES, 403, "forbidden"},	 {-EPERM, 403, "forbidden"},
	{-EEXIST, 409, "conflict"},	 {-ENOSPC, 409, "conflict"},
	{-ENODATA, 404, "not_found"},	 {-EBUSY, 409, "conflict"},
	{-ENOEXEC, 422, "execution"},
};

void http_error(struct http_response *resp, int r, const char *message)
{
	const struct error_kind *k = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(error_kinds) && !k; i++)
		if (error_kinds[i].r == r)
			k = &error_kinds[i];
	sg_buf_reset(&resp->body);
	resp->fixed = NULL;
	resp->status = k ? k->status : 500;
	resp->type = "application/json";
	sg_buf_printf(&resp->body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":",
		      k ? k->type : "internal");
	sg_json_str(&resp->body, *message ? message : strerror(-r));
	sg_buf_str(&resp->body, "}\n");
}

/* ---- answers that are sent while they are made ---- */

#define MORE_BYTES (128U << 10) /* a shorter answer goes in one piece, with its length */

static int begin_pipe(struct http_call *c)
{
	c->pipe = http_pipe_new(c->accepts_gzip, c->takes_chunks, http_server_wake_fd(c->server));
	if (!c->pipe)
		return -ENOMEM;
	if (!c->resp.status)
		c->resp.status = 200;
	atomic_store(&c->piping, true);
	return 0;
}

int http_call_more(struct sg_buf *b, void *ctx)
{
	struct http_call *c = ctx;
	int r;

	if (b->len < MORE_BYTES || b->err || !c->takes_chunks)
		return 0;
	if (atomic_load(&c->job.cancelled))
		return -EPIPE;
	r = c->pipe ? 0 : begin_pipe(c);
	if (!r)
		r = http_pipe_write(c->pipe, b->data, b->len, c->deadline_ns);
	sg_buf_reset(b);
	return r;
}

/* The maker's end; what it could not say is said by the connection that ends too early. */
static void end_pipe(struct http_call *c, int r)
{
	if (!r && c->resp.body.err)
		r = c->resp.body.err;
	if (!r && c->resp.body.len)
		r = http_pipe_write(c->pipe, c->resp.body.data, c->resp.body.len, c->deadline_ns);
	http_pipe_end(c->pipe, r, c->deadline_ns);
}

/* Serving thread: the head is sent, and from then on the connection takes from the pipe. */
static void offer_pipe(void *arg)
{
	struct http_call *c = arg;
	struct http_response r;

	if (!c->conn || !atomic_load(&c->piping))
		return;
	r = (struct http_response){.status = c->resp.status,
				   .type = c->resp.type,
				   .gzip = c->accepts_gzip,
				   .vary = true,
				   .vary_accept = c->resp.vary_accept,
				   .stream = true,
				   .chunked = true,
				   .pipe = http_pipe_ref(c->pipe)};
	http_conn_respond(sg_take(c->conn), &r);
}

static void free_call(struct http_call *c)
{
	if (!c)
		return;
	if (c->peer >= 0)
		close(c->peer);
	http_pipe_unref(c->pipe);
	sg_arena_free(c->arena);
	http_response_free(&c->resp);
	free(c);
}

/* Runs a handler and turns its result into an answer; in whichever thread it belongs. */
static int run_handler(struct http_call *c)
{
	int r = c->route->run(c);

	if (c->pipe) {
		end_pipe(c, r);
		return r;
	}
	if (!r && c->resp.body.err)
		r = sg_fail(&c->err, c->resp.body.err == -EMSGSIZE ? -E2BIG : -ENOMEM,
			    "the answer is too large; ask for less time or a larger step");
	if (r < 0)
		http_error(&c->resp, r, c->err.msg);
	else if (!c->resp.status)
		c->resp.status = 200;
	if (c->accepts_gzip)
		http_response_gzip(&c->resp);
	else
		c->resp.vary = true;
	return r;
}

static int job_run(struct http_job *j, struct sg_reader *reader, struct sg_error *err)
{
	struct http_call *c = (struct http_call *)j;

	c->reader = reader;
	if (c->route->flags & ROUTE_WAITS)
		return run_handler(c), 0;
	if (!reader) {
		http_error(&c->resp, -EAGAIN,
			   *err->msg ? err->msg : "the store cannot be read yet");
		return 0;
	}
	return run_handler(c);
}

static void job_done(struct http_job *j)
{
	struct http_call *c = (struct http_call *)j;

	if (c->pipe)
		offer_pipe(c);
	else if (c->conn)
		http_conn_respond(c->conn, &c->resp);
	free_call(c);
}

static void client_gone(void *arg)
{
	struct http_call *c = arg;

	c->conn = NULL;
	atomic_store(&c->job.cancelled, true);
}

/* What came with the request lives as long as the call. */
static int keep_body(struct http_call *c, const struct http_request *req)
{
	char *copy = sg_arena_alloc(c->arena, req->content_length + 1);

	if (!copy)
		return -ENOMEM;
	if (req->content_length)
		memcpy(copy, req->body, req->content_length);
	c->body = copy;
	c->body_len = req->content_length;
	c->body_type = req->content_type ? sg_arena_strdup(c->arena, req->content_type) : NULL;
	c->body_coding =
		req->content_encoding ? sg_arena_strdup(c->arena, req->content_encoding) : NULL;
	return 0;
}

static int add_form(struct http_call *c, const struct http_request *req)
{
	if (strlen(req->body) != req->content_length)
		return sg_fail(&c->err, -EINVAL, "a form has no NUL bytes");
	return http_params_add(&c->params, req->body, c->arena, &c->err);
}

static int prepare_call(struct http_call *c, const struct http_request *req, const char *arg,
			size_t arg_len)
{
	int64_t timeout_ms = TIMEOUT_DEFAULT_MS;
	int r = 0;

	c->resp.type = "application/json";
	c->resp.body.max = BODY_MAX;
	c->accepts_gzip = http_has_token(req->accept_encoding, "gzip");
	c->arena = sg_arena_new(ARENA_MAX);
	c->arg = arg ? sg_arena_strndup(c->arena, arg, arg_len) : NULL;
	c->accept = req->accept ? sg_arena_strdup(c->arena, req->accept) : NULL;
	c->takes_chunks = c->route->flags & ROUTE_READS && http_conn_takes_chunks(c->conn);
	if (!c->arena || (arg && !c->arg) || (req->accept && !c->accept))
		return -ENOMEM;
	if (c->route->flags & ROUTE_BODY)
		r = keep_body(c, req);
	else if (req->body)
		r = add_form(c, req);
	if (!r)
		r = http_params_add(&c->params, req->query, c->arena, &c->err);
	if (!r)
		r = http_param_ms(&c->params, "timeout", http_parse_step, false, &timeout_ms,
				  &c->err);
	c->deadline_ns = sg_mono_ns() + SG_MIN(timeout_ms, TIMEOUT_MAX_MS) * 1000000ULL;
	return r;
}

/* Hands the call on to who answers it; on failure the call answers itself. */
static int start_call(struct http_server *s, struct http_call *c)
{
	int r;

	if (c->route->flags & ROUTE_STREAM)
		return c->route->run(c);
	if (!(c->route->flags & (ROUTE_READS | ROUTE_WAITS))) {
		run_handler(c);
		job_done(&c->job);
		return 1;
	}
	if (c->route->flags & ROUTE_WAITS)
		c->peer = http_conn_dup(c->conn);
	c->job.run = job_run;
	c->job.done = job_done;
	r = http_worker_submit(c->route->flags & ROUTE_WAITS ? s->changes : s->queries, &c->job);
	if (r < 0)
		return sg_fail(&c->err, r, "too many requests are waiting; try again");
	http_conn_wait(c->conn, client_gone, c);
	http_conn_offer(c->conn, offer_pipe, c);
	return 1;
}

static void call_route(struct http_server *s, struct http_conn *conn,
		       const struct http_route *route, const struct http_request *req,
		       const char *arg, size_t arg_len)
{
	struct http_call *c = calloc(1, sizeof(*c));
	struct http_response oom = {0};
	int r;

	if (!c) {
		http_error(&oom, -ENOMEM, "");
		http_conn_respond(conn, &oom);
		return;
	}
	c->server = s;
	c->conn = conn;
	c->peer = -1;
	c->route = route;
	r = prepare_call(c, req, arg, arg_len);
	if (!r && (route->flags & ROUTE_UNIX_ONLY) && !http_conn_local(conn))
		r = sg_fail(&c->err, -EACCES, "only over the unix socket");
	if (!r)
		r = start_call(s, c);
	if (r > 0)
		return;
	if (r < 0) {
		http_error(&c->resp, r, c->err.msg);
		http_conn_respond(conn, &c->resp);
	}
	free_call(c);
}

/*
 * Nothing is changed over TCP; a form is read by who takes its parameters as well from the URL, and
 * only some routes have another body.
 */
int http_admit(const struct http_request *req, bool local)
{
	const struct http_route *route;
	size_t arg_len;
	const char *arg;

	if (!req->post)
		return 0;
	route = http_route_find(req->path, &arg, &arg_len);
	if (route && route->flags & ROUTE_EITHER) {
		if (req->content_length && !http_is_form(req))
			return 415;
		return req->content_length > HTTP_FORM_MAX ? 413 : 0;
	}
	if (!local)
		return 405;
	if (route && route->flags & ROUTE_BODY)
		return req->content_length > HTTP_BODY_MAX ? 413 : 0;
	return req->content_length ? 413 : 0;
}

void http_dispatch(struct http_server *s, struct http_conn *conn, const struct http_request *req)
{
	struct http_response resp = {0};
	const struct http_route *route;
	const char *arg;
	size_t arg_len = 0;

	route = http_route_find(req->path, &arg, &arg_len);
	if (req->post != (route && route->flags & ROUTE_POST) &&
	    !(route && route->flags & ROUTE_EITHER)) {
		resp.allow = req->post ? "GET, HEAD" : "POST";
		http_response_text(&resp, 405, http_reason(405));
		http_conn_respond(conn, &resp);
		return;
	}
	if (route) {
		call_route(s, conn, route, req, arg, arg_len);
		return;
	}
	if (!http_asset(s->assets, req, &resp))
		http_response_text(&resp, 404, "there is nothing here");
	http_conn_respond(conn, &resp);
}

int http_param_range(struct http_call *c, int64_t span_ms, int64_t *from_ms, int64_t *to_ms)
{
	int r;

	*to_ms = sg_real_ms();
	r = http_param_ms(&c->params, "to", http_parse_ms, false, to_ms, &c->err);
	*from_ms = *to_ms - span_ms;
	if (!r)
		r = http_param_ms(&c->params, "from", http_parse_ms, false, from_ms, &c->err);
	if (!r && *from_ms > *to_ms)
		r = sg_fail(&c->err, -EINVAL, "\"from\" is after \"to\"");
	return r;
}

int http_selector(const char *text, struct sg_arena *arena, struct sg_selector *ret,
		  struct sg_error *err)
{
	int r = sg_query_selector(text, arena, ret, err);

	return r < 0 ? r : sg_selector_compile(ret, err);
}
