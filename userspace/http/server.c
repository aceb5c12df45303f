// SPDX-License-Identifier: GPL-2.0
/* The thread: frames and status come in by a bounded queue, connections by epoll, WebSockets by libwebsockets. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <sgprobe/frame.h>

#include "route.h"
#include "server.h"
#include "ws.h"

#define QUEUE_MAX 128
#define QUEUE_MAX_BYTES (16U << 20)
#define JOBS_MAX 16
#define CHANGES_MAX 8
#define READS_MAX 256
#define STATUS_EMPTY "{}"

struct message {
	struct message *next;
	size_t len;
	unsigned char data[];
};

struct adoption {
	struct adoption *next;
	int fd;
	char key[32];
	struct sg_buf rest;
};

struct sg_http {
	struct http_server s;
	struct sg_http_options options;
	pthread_t thread;
	bool started;
	int wake_fd, timer_fd;
	struct adoption *adoptions; /* made outside of libwebsockets' callbacks */
	uint64_t refused;

	pthread_mutex_t lock; /* of what follows */
	struct message *first, **last;
	size_t n, bytes;
	int64_t lost_from, lost_to; /* 0: none */
	char *status;
	bool status_new, stop;
	struct sg_http_stats stats;
};

static struct sg_http *of_server(struct http_server *s)
{
	return (struct sg_http *)((char *)s - offsetof(struct sg_http, s));
}

int http_server_wake_fd(struct http_server *s)
{
	return of_server(s)->wake_fd;
}

static void wake(struct sg_http *h)
{
	eventfd_write(h->wake_fd, 1);
}

/* ---- any thread ---- */

static void drop_oldest(struct sg_http *h)
{
	struct message *m = h->first;
	struct sg_frame head;

	if (!sg_frame_decode_header(m->data, m->len, &head)) {
		if (!h->lost_to)
			h->lost_from = head.t_ms;
		h->lost_to = head.t_ms;
	}
	h->first = m->next;
	if (!h->first)
		h->last = &h->first;
	h->n--;
	h->bytes -= m->len;
	h->stats.queue_dropped++;
	free(m);
}

void sg_http_push(struct sg_http *h, const void *frame, size_t n)
{
	struct message *m = malloc(sizeof(*m) + n);

	pthread_mutex_lock(&h->lock);
	if (m) {
		*m = (struct message){.len = n};
		memcpy(m->data, frame, n);
		*h->last = m;
		h->last = &m->next;
		h->n++;
		h->bytes += n;
	} else {
		h->stats.queue_dropped++;
	}
	while (h->n > QUEUE_MAX || (h->bytes > QUEUE_MAX_BYTES && h->n > 1))
		drop_oldest(h);
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

void sg_http_status(struct sg_http *h, const char *json)
{
	char *copy = strdup(json);

	if (!copy)
		return;
	pthread_mutex_lock(&h->lock);
	h->status_new = h->status_new || !h->status || strcmp(h->status, copy) != 0;
	free(h->status);
	h->status = copy;
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

void http_server_put_status(struct http_server *s, struct sg_buf *b)
{
	struct sg_http *h = of_server(s);

	pthread_mutex_lock(&h->lock);
	sg_buf_str(b, h->status ? h->status : STATUS_EMPTY);
	pthread_mutex_unlock(&h->lock);
}

void sg_http_ready(struct sg_http *h, bool ready)
{
	atomic_store(&h->s.ready, ready);
}

void sg_http_stats(struct sg_http *h, struct sg_http_stats *ret)
{
	pthread_mutex_lock(&h->lock);
	*ret = h->stats;
	pthread_mutex_unlock(&h->lock);
}

/* ---- the thread ---- */

static void take_frames(struct sg_http *h)
{
	struct message *m;
	int64_t from, to;

	pthread_mutex_lock(&h->lock);
	m = h->first;
	h->first = NULL;
	h->last = &h->first;
	h->n = h->bytes = 0;
	from = h->lost_from;
	to = h->lost_to;
	h->lost_to = 0;
	pthread_mutex_unlock(&h->lock);
	if (to)
		http_feed_lost(h->s.feed, from, to);
	while (m) {
		struct message *next = m->next;

		http_feed_frame(h->s.feed, m->data, m->len);
		free(m);
		m = next;
	}
}

/* At most once a second: it is called by the timer. */
static void take_status(struct sg_http *h)
{
	sg_auto_free char *copy = NULL;

	pthread_mutex_lock(&h->lock);
	if (h->status_new && h->status)
		copy = strdup(h->status);
	h->status_new = false;
	pthread_mutex_unlock(&h->lock);
	if (copy)
		http_feed_status(h->s.feed, copy);
}

static void publish_stats(struct sg_http *h)
{
	const struct http_conns_stats *conns = http_conns_stats(h->s.conns);
	const struct feed_stats *feed = http_feed_stats(h->s.feed);

	pthread_mutex_lock(&h->lock);
	h->stats.requests = conns->requests;
	h->stats.refused = conns->refused + h->refused;
	h->stats.ws_clients = feed->clients;
	h->stats.ws_sent_bytes = feed->sent_bytes;
	h->stats.ws_gaps = feed->gaps;
	pthread_mutex_unlock(&h->lock);
}

static void adopt_all(struct sg_http *h)
{
	while (h->adoptions) {
		struct adoption *a = h->adoptions;

		h->adoptions = a->next;
		http_ws_adopt(h->s.ws, a->fd, a->key, &a->rest);
		sg_buf_free(&a->rest);
		free(a);
	}
}

static bool drain(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n);
}

static bool stopping(struct sg_http *h)
{
	bool stop;

	pthread_mutex_lock(&h->lock);
	stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	return stop;
}

static void *http_main(void *arg)
{
	struct sg_http *h = arg;

	while (!stopping(h) && http_ws_wait(h->s.ws) >= 0) {
		if (drain(h->wake_fd)) {
			take_frames(h);
			http_worker_collect(h->s.queries);
			http_worker_collect(h->s.changes);
			http_worker_collect(h->s.reads);
			http_conns_kick(h->s.conns);
		}
		http_conns_step(h->s.conns);
		adopt_all(h);
		if (drain(h->timer_fd)) {
			take_status(h);
			http_feed_tick(h->s.feed);
			http_conns_tick(h->s.conns);
			publish_stats(h);
		}
	}
	return NULL;
}

/* ---- requests ---- */

static void answer_text(struct http_conn *c, int status, const char *text)
{
	struct http_response r = {0};

	http_response_text(&r, status, text);
	http_conn_respond(c, &r);
}

/* Over the unix socket there is no browser, so no foreign page speaks through one. */
static bool guard(struct sg_http *h, struct http_conn *c, const struct http_request *req)
{
	if (http_conn_local(c))
		return true;
	if (!http_host_allowed(&h->s.guard, req->host)) {
		h->refused++;
		answer_text(c, 421,
			    "this name is not served here; add it to web.hosts if it should be");
		return false;
	}
	if (req->origin && !http_origin_allowed(req->origin, req->host)) {
		h->refused++;
		answer_text(c, 403, "another site's page may not ask this");
		return false;
	}
	return true;
}

static void on_request(void *ctx, struct http_conn *c, const struct http_request *req)
{
	struct sg_http *h = ctx;

	if (!guard(h, c, req))
		return;
	if (strcmp(req->path, "/feed") != 0)
		http_dispatch(&h->s, c, req);
	else
		answer_text(c, 426, "/feed is a WebSocket, subprotocol sgprobe.v1");
}

static void on_upgrade(void *ctx, struct http_conn *c, const struct http_request *req)
{
	struct sg_http *h = ctx;
	struct adoption *a;
	int status;

	if (!guard(h, c, req))
		return;
	status = http_ws_check(req);
	if (!status && http_ws_full(h->s.ws))
		status = 503;
	a = status ? NULL : calloc(1, sizeof(*a));
	if (!a) {
		h->refused++;
		answer_text(c, status ? status : 500, "this upgrade is not possible");
		return;
	}
	memcpy(a->key, req->ws_key, strnlen(req->ws_key, sizeof(a->key) - 1));
	a->fd = http_conn_detach(c, &a->rest);
	a->next = h->adoptions;
	h->adoptions = a;
}

static int on_admit(void *ctx, struct http_conn *c, const struct http_request *req)
{
	return http_admit(req, http_conn_local(c));
}

static const struct http_conn_ops conn_ops = {
	.admit = on_admit, .request = on_request, .upgrade = on_upgrade};

/* ---- starting and stopping ---- */

static int make_timer(struct sg_http *h)
{
	struct itimerspec every = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};

	h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (h->wake_fd < 0 || h->timer_fd < 0 || timerfd_settime(h->timer_fd, 0, &every, NULL) < 0)
		return -errno;
	return 0;
}

static int no_reader(void *ctx, struct sg_reader **ret, struct sg_error *err)
{
	return -EAGAIN;
}

static int make_parts(struct sg_http *h)
{
	const struct sg_http_options *o = &h->options;
	int r = make_timer(h);

	if (!r)
		r = http_worker_start("sg-query", o->open_reader, o->ctx, JOBS_MAX, h->wake_fd,
				      &h->s.queries);
	if (!r)
		r = http_worker_start("sg-change", no_reader, NULL, CHANGES_MAX, h->wake_fd,
				      &h->s.changes);
	if (!r)
		r = http_worker_start("sg-feed", o->open_reader, o->ctx, READS_MAX, h->wake_fd,
				      &h->s.reads);
	if (!r)
		r = http_feed_new(h->s.reads, o->boot_id, &http_ws_peer_ops, &h->s.feed);
	if (!r)
		r = http_ws_new(o->cfg->max_clients, &h->s.ws);
	if (!r)
		r = http_conns_new(&conn_ops, h, &h->s.conns);
	if (!r)
		http_ws_feed(h->s.ws, h->s.feed);
	return r;
}

static int watch_all(struct sg_http *h)
{
	const struct sg_http_options *o = &h->options;
	int r = http_ws_watch(h->s.ws, http_conns_fd(h->s.conns));

	if (!r)
		r = http_ws_watch(h->s.ws, h->wake_fd);
	if (!r)
		r = http_ws_watch(h->s.ws, h->timer_fd);
	if (!r && o->listen_fd >= 0)
		r = http_conns_listen(h->s.conns, o->listen_fd, false);
	if (!r && o->unix_fd >= 0)
		r = http_conns_listen(h->s.conns, o->unix_fd, true);
	return r;
}

/* Signals are the main thread's. */
static int start_thread(struct sg_http *h)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&h->thread, NULL, http_main, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		pthread_setname_np(h->thread, "sg-http");
	h->started = !r;
	return -r;
}

static void free_http(struct sg_http *h)
{
	bool joined;

	http_conns_free(h->s.conns); /* first: their calls forget them before the workers finish */
	adopt_all(h);
	http_ws_free(h->s.ws);
	joined = http_worker_stop(h->s.queries);
	joined = http_worker_stop(h->s.changes) && joined;
	joined = http_worker_stop(h->s.reads) && joined;
	if (!joined)
		return; /* the rest stays for the thread that is left */
	http_feed_free(h->s.feed);
	while (h->first)
		drop_oldest(h);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
	if (h->timer_fd >= 0)
		close(h->timer_fd);
	pthread_mutex_destroy(&h->lock);
	free(h->status);
	free(h);
}

int sg_http_start(const struct sg_http_options *o, struct sg_http **ret, struct sg_error *err)
{
	struct sg_http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return sg_fail(err, -ENOMEM, "cannot start the web server: out of memory");
	h->options = *o;
	h->last = &h->first;
	h->wake_fd = h->timer_fd = -1;
	pthread_mutex_init(&h->lock, NULL);
	h->s.assets = sg_assets;
	h->s.named = o->named;
	h->s.named_ctx = o->named_ctx;
	h->s.cfg = o->cfg;
	h->s.annotate = o->annotate;
	h->s.ingest = o->ingest;
	http_guard_init(&h->s.guard, o->cfg->listen, o->cfg->hosts);
	r = make_parts(h);
	if (!r)
		r = watch_all(h);
	if (!r)
		r = start_thread(h);
	if (r < 0) {
		free_http(h);
		return sg_fail(err, r, "cannot start the web server: %s", strerror(-r));
	}
	h->options.cfg = NULL; /* only promised for the call */
	*ret = h;
	return 0;
}

void sg_http_stop(struct sg_http *h)
{
	struct sg_http_options o;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	wake(h);
	if (h->started)
		pthread_join(h->thread, NULL);
	o = h->options;
	free_http(h);
	if (o.listen_fd >= 0)
		close(o.listen_fd);
	if (o.unix_fd >= 0)
		close(o.unix_fd);
}
