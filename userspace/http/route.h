/* SPDX-License-Identifier: GPL-2.0 */
/* The routes are the table in route.c; a new one is a row and a handler. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <sgprobe/reader.h>

#include "conn.h"
#include "params.h"
#include "worker.h"

struct http_server;
struct http_call;

enum http_route_flags {
	ROUTE_READS = 1 << 0, /* needs the reader: runs in the worker thread */
	ROUTE_UNIX_ONLY = 1 << 1, /* not over TCP */
	ROUTE_STREAM = 1 << 2, /* takes the connection over itself, in the serving thread */
	ROUTE_WAITS = 1 << 3, /* for the supervisor: in a thread of its own, without the reader */
	ROUTE_POST = 1 << 4, /* changes something: POST, and nothing else */
	ROUTE_EITHER = 1 << 5, /* GET, or POST with the same parameters, in the URL or as a form */
	ROUTE_BODY = 1 << 6, /* with ROUTE_POST: what is posted is its body */
};

struct http_route {
	const char *path; /* "{}" stands for one segment, call->arg */
	/*
	 * Fills call->resp.body. 0, or -errno with a sentence in call->err:
	 * -EINVAL 400 bad_data, -E2BIG and -EOPNOTSUPP 422 execution, -ETIMEDOUT 503
	 * timeout, -EAGAIN 503 unavailable, anything else 500 internal.
	 */
	int (*run)(struct http_call *c);
	unsigned int flags;
	const char *params, *help;
};
extern const struct http_route http_routes[];
extern const size_t http_n_routes;

/* One request on its way through a handler. */
struct http_call {
	struct http_job job;
	struct http_server *server;
	struct http_conn *conn; /* serving thread only; NULL once the client is gone */
	const struct http_route *route;
	struct http_params params;
	const char *arg;
	const char *accept; /* the header, or NULL */
	bool accepts_gzip, takes_chunks;
	struct http_pipe *pipe; /* of an answer that has become long */
	atomic_bool piping; /* its head may be sent */
	const char *body; /* ROUTE_BODY: body_len bytes */
	size_t body_len;
	const char *body_type, *body_coding; /* as the client said; NULL: it did not */
	int peer; /* ROUTE_WAITS: the connection, for the kernel to tell who it is; -1 */
	struct sg_arena *arena;
	struct sg_reader *reader; /* ROUTE_READS only */
	struct sg_error err;
	struct http_response resp;
	uint64_t deadline_ns;
};

/*
 * For whoever writes long answers into call->resp.body, ctx the call: when there is much it is
 * sent away, and the body emptied; status and type must be set before. 0, or -errno: the call
 * must fail with it.
 */
int http_call_more(struct sg_buf *b, void *ctx);

/* The route of a path, or NULL; arg gets the bounds of what {} stands for (NULL when nothing). */
const struct http_route *http_route_find(const char *path, const char **arg, size_t *arg_len);

#define HTTP_FORM_MAX (256U << 10) /* bytes of a form that is posted */
#define HTTP_BODY_MAX (4U << 20) /* bytes of what is posted */
/* The status to refuse a request with before its body is read, or 0; local: it comes over the unix socket. */
int http_admit(const struct http_request *req, bool local);

/* Answers a request from the table, or with a file of the dashboard, or 404. */
void http_dispatch(struct http_server *s, struct http_conn *conn, const struct http_request *req);

/* An answer that says what is wrong, as Prometheus does. */
void http_error(struct http_response *resp, int r, const char *message);

/* Handlers, by the file that holds them. */
int http_get_query(struct http_call *c); /* api_prom.c */
int http_get_query_range(struct http_call *c);
int http_get_format_query(struct http_call *c);
int http_get_series(struct http_call *c); /* api_lists.c */
int http_get_label_values(struct http_call *c);
int http_get_labels(struct http_call *c);
int http_get_buildinfo(struct http_call *c); /* api_info.c */
int http_get_metadata(struct http_call *c);
int http_get_rules(struct http_call *c);
int http_get_alerts(struct http_call *c);
int http_get_metrics(struct http_call *c); /* api_metrics.c */
int http_get_federate(struct http_call *c);
int http_get_profile(struct http_call *c); /* api_profile.c */
int http_get_exemplars(struct http_call *c); /* api_exemplars.c */
int http_get_events(struct http_call *c); /* api_events.c */
int http_get_heat(struct http_call *c); /* heat.c */
int http_get_report(struct http_call *c); /* api_sg.c */
int http_get_gaps(struct http_call *c);
int http_get_catalog(struct http_call *c);
int http_get_status(struct http_call *c);
int http_get_frames(struct http_call *c);
int http_get_probes(struct http_call *c); /* api_probes.c */
int http_add_probe(struct http_call *c);
int http_remove_probe(struct http_call *c);
int http_reload(struct http_call *c);
int http_get_config(struct http_call *c); /* api_sg.c */
int http_get_diff(struct http_call *c); /* api_analysis.c */
int http_get_explain(struct http_call *c);
int http_get_forecast(struct http_call *c);
int http_annotate(struct http_call *c); /* api_annotate.c */
int http_push_prometheus(struct http_call *c); /* api_ingest.c */
int http_push_influx(struct http_call *c);
int http_get_healthy(struct http_call *c);
int http_get_ready(struct http_call *c);

/* "from", "to" in milliseconds: to is now when absent, from is span_ms before it. */
int http_param_range(struct http_call *c, int64_t span_ms, int64_t *from_ms, int64_t *to_ms);
/* A selector text, parsed and compiled; released with sg_selector_release. */
int http_selector(const char *text, struct sg_arena *arena, struct sg_selector *ret,
		  struct sg_error *err);

#endif
