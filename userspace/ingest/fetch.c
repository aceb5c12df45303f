// SPDX-License-Identifier: GPL-2.0
#include "fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define HEAD_MAX 8192
#define READ_AT_ONCE (64U << 10)

struct ingest_fetch {
	struct ingest_fetch_options o;
	int fd;
	bool connected;
	struct sg_source *source, *timer;
	char request[1024];
	size_t request_len, sent;
	struct sg_buf answer;
};

int ingest_target_address(const struct sg_target *t, struct ingest_address *a)
{
	size_t n = strlen(t->instance);

	if (!t->unix_socket)
		return ingest_address(t->instance, a);
	*a = (struct ingest_address){.len = sizeof(a->un), .loopback = true};
	if (n >= sizeof(a->un.sun_path))
		return -EINVAL;
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, t->instance, n + 1);
	return 0;
}

void ingest_fetch_free(struct ingest_fetch *f)
{
	if (!f)
		return;
	sg_loop_remove(f->source);
	sg_loop_remove(f->timer);
	if (f->fd >= 0)
		close(f->fd);
	sg_buf_free(&f->answer);
	free(f);
}

/* Tells the result; f is gone after. */
static void finish(struct ingest_fetch *f, const char *failure)
{
	const struct ingest_fetch_options o = f->o;
	struct sg_error why = {""};
	sg_auto_buf body = {0};
	bool openmetrics = false;

	if (failure)
		sg_fail(&why, -EIO, "%s", failure);
	else if (ingest_fetch_parse(f->answer.data ? f->answer.data : "", f->answer.len,
				    o.max_bytes, &body, &openmetrics, &why) < 0 &&
		 !why.msg[0])
		sg_fail(&why, -ENOMEM, "no memory is left");
	ingest_fetch_free(f);
	o.done(o.ctx, body.data ? body.data : "", why.msg[0] ? 0 : body.len, openmetrics, why.msg);
}

static void finish_errno(struct ingest_fetch *f, const char *what)
{
	char text[128];

	snprintf(text, sizeof(text), "%s: %m", what);
	finish(f, text);
}

static void on_timeout(struct sg_source *s, uint64_t n, void *ctx)
{
	struct ingest_fetch *f = ctx;

	f->timer = NULL; /* it removes itself */
	finish(f, "it took longer than ingest.scrape_timeout");
}

static void ask(struct ingest_fetch *f)
{
	ssize_t n = send(f->fd, f->request + f->sent, f->request_len - f->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		finish_errno(f, "it cannot be asked");
		return;
	}
	f->sent += n > 0 ? (size_t)n : 0;
	if (f->sent == f->request_len)
		sg_loop_fd_events(f->source, EPOLLIN);
}

/* One piece a turn: datagrams come in between. */
static void take(struct ingest_fetch *f)
{
	char *room = sg_buf_reserve(&f->answer, READ_AT_ONCE);
	ssize_t n;

	if (!room) {
		finish(f, f->answer.err == -EMSGSIZE ? "it is larger than ingest.scrape_bytes"
						     : "no memory is left");
		return;
	}
	n = recv(f->fd, room, READ_AT_ONCE, MSG_DONTWAIT);
	if (n > 0)
		f->answer.len += (size_t)n;
	else if (n == 0)
		finish(f, NULL);
	else if (errno != EAGAIN && errno != EINTR)
		finish_errno(f, "it cannot be read");
}

static bool check_connected(struct ingest_fetch *f)
{
	socklen_t len = sizeof(errno);
	int e = 0;

	if (f->connected)
		return true;
	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		e = errno;
	errno = e;
	f->connected = !e;
	if (e)
		finish_errno(f, "cannot connect");
	return !e;
}

static void on_event(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	struct ingest_fetch *f = ctx;

	if (!check_connected(f))
		return;
	if (f->sent < f->request_len)
		ask(f);
	else
		take(f);
}

static void make_request(struct ingest_fetch *f)
{
	const struct sg_target *t = f->o.target;

	f->request_len = (size_t)snprintf(
		f->request, sizeof(f->request),
		"GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: sgprobe/%s\r\n"
		"Accept: text/plain;version=0.0.4,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n\r\n",
		t->path, t->unix_socket ? "localhost" : t->instance, SG_VERSION);
}

static int open_connection(struct ingest_fetch *f)
{
	const struct ingest_address *a = f->o.address;

	f->fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return -errno;
	return connect(f->fd, &a->any, a->len) < 0 && errno != EINPROGRESS ? -errno : 0;
}

int ingest_fetch_start(struct sg_loop *loop, const struct ingest_fetch_options *o,
		       struct ingest_fetch **ret)
{
	struct ingest_fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->o = *o;
	f->fd = -1;
	f->answer.max = o->max_bytes + HEAD_MAX + READ_AT_ONCE; /* room that is not used counts */
	make_request(f);
	r = open_connection(f);
	if (r == 0)
		r = sg_loop_fd(loop, f->fd, EPOLLOUT, on_event, f, &f->source);
	if (r == 0)
		r = sg_loop_after(loop, o->timeout_ns, on_timeout, f, &f->timer);
	if (r < 0)
		ingest_fetch_free(f);
	else
		*ret = f;
	return r;
}
