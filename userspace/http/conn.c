// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <sgprobe/err.h>
#include <sgprobe/time.h>

#include "conn.h"
#include "pipe.h"

#define SECOND 1000000000ULL
#define HEAD_NS (30 * SECOND) /* for a whole head, and between requests */
#define ANSWER_NS (45 * SECOND) /* for whoever answers; queries end by themselves long before */
#define SEND_NS (30 * SECOND) /* without one byte taken */
#define LINGER_NS (2 * SECOND)
#define STREAM_MAX (4U << 20) /* waiting bytes of a streamed body */
#define LISTENERS_MAX 4
#define BODIES_MAX (16U << 20) /* of all requests together */

enum state {
	READ_HEAD,
	READ_BODY,
	WAIT, /* somebody else makes the answer */
	SEND, /* head, then body */
	STREAM, /* the body grows until http_conn_end */
	LINGER, /* answered; what the client still sends is read away, or a reset would overtake the answer */
};

struct http_conn {
	struct http_conn *next;
	struct http_conns *set;
	int fd;
	enum state state;
	bool local, dead, keep, ending;
	uint32_t events;
	uint64_t deadline;
	struct in6_addr peer;
	unsigned int served;
	size_t in_len, head_len; /* head_len: and what of the body came with it */
	struct http_request req; /* while its body is read; points into in */
	struct sg_buf body; /* of the request */
	struct sg_buf head; /* of the answer */
	struct http_response resp;
	size_t sent; /* of head and body */
	bool no_body;
	void (*gone)(void *arg);
	void *gone_arg;
	void (*offer)(void *arg);
	void *offer_arg;
	char in[HTTP_HEAD_MAX + 1];
};

struct listener {
	int fd;
	bool local, paused;
};

struct http_conns {
	int epoll;
	const struct http_conn_ops *ops;
	void *ctx;
	struct http_conn *list;
	size_t n;
	struct listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	struct http_conns_stats stats;
};

static void try_read(struct http_conn *c);
static void try_send(struct http_conn *c);

int http_conns_new(const struct http_conn_ops *ops, void *ctx, struct http_conns **ret)
{
	struct http_conns *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return -ENOMEM;
	cs->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (cs->epoll < 0) {
		free(cs);
		return -errno;
	}
	cs->ops = ops;
	cs->ctx = ctx;
	*ret = cs;
	return 0;
}

int http_conns_fd(const struct http_conns *cs)
{
	return cs->epoll;
}

const struct http_conns_stats *http_conns_stats(const struct http_conns *cs)
{
	return &cs->stats;
}

bool http_conn_takes_chunks(const struct http_conn *c)
{
	return c->req.http11 && !c->no_body;
}

bool http_conn_local(const struct http_conn *c)
{
	return c->local;
}

int http_conn_dup(const struct http_conn *c)
{
	return fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
}

static void watch(struct http_conn *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};

	if (events == c->events)
		return;
	c->events = events;
	epoll_ctl(c->set->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static void enter(struct http_conn *c, enum state state, uint64_t limit, uint32_t events)
{
	c->state = state;
	c->deadline = sg_mono_ns() + limit;
	watch(c, events);
}

/* Freed by reap(), so that whoever is on the stack with it may go on. */
static void drop(struct http_conn *c)
{
	void (*gone)(void *) = c->gone;

	if (c->dead)
		return;
	c->dead = true;
	c->gone = NULL;
	c->offer = NULL;
	if (c->resp.pipe)
		http_pipe_close(c->resp.pipe);
	if (c->fd >= 0)
		close(sg_take_fd(c->fd));
	if (gone)
		gone(c->gone_arg);
}

static void reap(struct http_conns *cs)
{
	struct http_conn **p = &cs->list, *c;

	while ((c = *p)) {
		if (!c->dead) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		http_response_free(&c->resp);
		sg_buf_free(&c->head);
		sg_buf_free(&c->body);
		free(c);
		cs->n--;
	}
}

void http_conns_free(struct http_conns *cs)
{
	if (!cs)
		return;
	for (struct http_conn *c = cs->list; c; c = c->next)
		drop(c);
	reap(cs);
	close(cs->epoll);
	free(cs);
}

/* ---- accepting ---- */

static int watch_listener(struct http_conns *cs, struct listener *l)
{
	/* The low bit tells a listener from a connection: both are aligned. */
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (uintptr_t)l | 1};

	return epoll_ctl(cs->epoll, EPOLL_CTL_ADD, l->fd, &ev) < 0 ? -errno : 0;
}

int http_conns_listen(struct http_conns *cs, int fd, bool local)
{
	struct listener *l = &cs->listeners[cs->n_listeners];
	int r;

	if (cs->n_listeners == LISTENERS_MAX)
		return -ENOSPC;
	*l = (struct listener){.fd = fd, .local = local};
	r = watch_listener(cs, l);
	if (!r)
		cs->n_listeners++;
	return r;
}

static void peer_address(int fd, struct in6_addr *ret)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	*ret = in6addr_loopback;
	if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0)
		return;
	if (ss.ss_family == AF_INET6) {
		*ret = ((struct sockaddr_in6 *)&ss)->sin6_addr;
	} else if (ss.ss_family == AF_INET) {
		struct in_addr v4 = ((struct sockaddr_in *)&ss)->sin_addr;

		if (ntohl(v4.s_addr) >> 24 == 127)
			return;
		*ret = (struct in6_addr){.s6_addr = {[10] = 0xff, 0xff}};
		memcpy(&ret->s6_addr[12], &v4, 4);
	}
}

static bool peer_has_room(struct http_conns *cs, const struct in6_addr *peer)
{
	size_t n = 0;

	if (IN6_IS_ADDR_LOOPBACK(peer))
		return true;
	for (struct http_conn *c = cs->list; c; c = c->next)
		n += !c->dead && IN6_ARE_ADDR_EQUAL(&c->peer, peer);
	return n < HTTP_CONNS_PER_PEER;
}

/* A kept-alive connection that asks nothing makes room for one that does. */
static void evict_idle(struct http_conns *cs)
{
	struct http_conn *oldest = NULL;

	for (struct http_conn *c = cs->list; c; c = c->next)
		if (!c->dead && c->state == READ_HEAD && !c->in_len && c->served &&
		    (!oldest || c->deadline < oldest->deadline))
			oldest = c;
	if (oldest)
		drop(oldest);
	reap(cs);
}

static int add_conn(struct http_conns *cs, int fd, bool local)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct http_conn *c;
	struct in6_addr peer;

	if (cs->n >= HTTP_CONNS_MAX)
		evict_idle(cs);
	peer_address(fd, &peer);
	if (cs->n >= HTTP_CONNS_MAX || !peer_has_room(cs, &peer))
		return -EMFILE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	ev.data.ptr = c;
	if (epoll_ctl(cs->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(c);
		return -errno;
	}
	*c = (struct http_conn){
		.set = cs, .fd = fd, .local = local, .peer = peer, .next = cs->list};
	c->events = EPOLLIN;
	c->deadline = sg_mono_ns() + HEAD_NS;
	cs->list = c;
	cs->n++;
	return 0;
}

static void accept_all(struct http_conns *cs, struct listener *l)
{
	for (int i = 0; i < HTTP_CONNS_MAX; i++) {
		int one = 1, fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
			/* Until the next tick, or this would spin. */
			l->paused = !epoll_ctl(cs->epoll, EPOLL_CTL_DEL, l->fd, NULL);
			sg_warn("cannot accept a connection: too many open files");
		}
		if (fd < 0)
			return;
		if (!l->local)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (add_conn(cs, fd, l->local) < 0) {
			cs->stats.refused++;
			close(fd);
		}
	}
}

/* ---- answering ---- */

static size_t body_length(const struct http_conn *c)
{
	return c->no_body ? 0 : http_response_length(&c->resp);
}

static void after_answer(struct http_conn *c)
{
	size_t rest = c->in_len - c->head_len;

	http_response_free(&c->resp);
	sg_buf_reset(&c->head);
	c->resp = (struct http_response){0};
	c->sent = 0;
	if (!c->keep) {
		shutdown(c->fd, SHUT_WR);
		enter(c, LINGER, LINGER_NS, EPOLLIN);
		return;
	}
	memmove(c->in, c->in + c->head_len, rest);
	c->in_len = rest;
	c->head_len = 0;
	c->served++;
	enter(c, READ_HEAD, HEAD_NS, EPOLLIN);
}

/* One piece of what is left: of the head first, then of the body. Bytes sent, or -errno. */
static ssize_t send_some(struct http_conn *c)
{
	const char *p = c->head.data;
	size_t off = c->sent, n = c->head.len;
	ssize_t r;

	if (off >= n) {
		off -= n;
		p = http_response_body(&c->resp);
		n = body_length(c);
	}
	if (off >= n)
		return 0;
	r = send(c->fd, p + off, n - off, MSG_NOSIGNAL | MSG_DONTWAIT);
	return r < 0 ? -errno : r;
}

/* The next piece, in place of the one that is sent. False: the stream has ended or waits. */
static bool pull(struct http_conn *c)
{
	int r;

	if (c->state != STREAM || !c->resp.pipe || c->ending)
		return false;
	r = http_pipe_take(c->resp.pipe, &c->resp.body);
	if (r > 0)
		c->sent = c->head.len;
	else if (r == -ENODATA)
		c->ending = true;
	else if (r < 0)
		drop(c);
	return r > 0;
}

static ssize_t send_all(struct http_conn *c)
{
	ssize_t r;

	do {
		while ((r = send_some(c)) > 0) {
			c->sent += r;
			c->deadline = sg_mono_ns() + SEND_NS;
		}
	} while (!r && pull(c));
	return r;
}

static void try_send(struct http_conn *c)
{
	ssize_t r = send_all(c);

	if (c->dead)
		return;
	if (r == -EAGAIN || r == -EINTR)
		watch(c, EPOLLOUT);
	else if (r < 0)
		drop(c);
	else if (c->state == SEND || c->ending)
		after_answer(c);
	else /* a stream that waits for more: sent bytes go, the client may hang up */
		watch(c, EPOLLRDHUP);
}

void http_conn_respond(struct http_conn *c, struct http_response *r)
{
	c->gone = NULL;
	c->offer = NULL;
	c->resp = *r;
	*r = (struct http_response){0};
	if (c->resp.body.err) {
		http_response_text(&c->resp, 500, "out of memory, or the answer is too large");
		c->resp.gzip = false;
	}
	c->keep = c->keep && (!c->resp.stream || c->resp.chunked);
	c->ending = false;
	c->sent = 0;
	sg_buf_reset(&c->head);
	http_response_head(&c->head, &c->resp, c->keep);
	if (c->resp.status == 304)
		c->no_body = true;
	enter(c, c->resp.stream ? STREAM : SEND, SEND_NS, EPOLLOUT);
}

void http_conn_wait(struct http_conn *c, void (*gone)(void *arg), void *arg)
{
	c->gone = gone;
	c->gone_arg = arg;
	if (c->state != STREAM)
		enter(c, WAIT, ANSWER_NS, EPOLLRDHUP);
}

void http_conn_offer(struct http_conn *c, void (*offer)(void *arg), void *arg)
{
	c->offer = offer;
	c->offer_arg = arg;
}

/* A connection that waits to be sendable is told so by itself. */
void http_conns_kick(struct http_conns *cs)
{
	for (struct http_conn *c = cs->list; c; c = c->next) {
		if (!c->dead && c->state == WAIT && c->offer)
			c->offer(c->offer_arg);
		if (!c->dead && c->state == STREAM && c->resp.pipe && !(c->events & EPOLLOUT))
			enter(c, STREAM, SEND_NS, EPOLLOUT);
	}
}

int http_conn_write(struct http_conn *c, const void *p, size_t n)
{
	size_t done = c->sent > c->head.len ? c->sent - c->head.len : 0;
	struct sg_buf *b = &c->resp.body;

	if (c->dead)
		return -EPIPE;
	if (done) { /* what is sent goes */
		memmove(b->data, b->data + done, b->len - done);
		b->len -= done;
		c->sent -= done;
	}
	if (b->len + n > STREAM_MAX) {
		drop(c);
		return -EAGAIN;
	}
	sg_buf_add(b, p, n);
	c->deadline = sg_mono_ns() + SEND_NS;
	watch(c, EPOLLOUT);
	return 0;
}

void http_conn_end(struct http_conn *c)
{
	c->gone = NULL;
	c->ending = true;
	watch(c, EPOLLOUT);
}

int http_conn_detach(struct http_conn *c, struct sg_buf *rest)
{
	sg_buf_add(rest, c->in + c->head_len, c->in_len - c->head_len);
	epoll_ctl(c->set->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->dead = true;
	return sg_take_fd(c->fd);
}

/* ---- requests ---- */

static void refuse(struct http_conn *c, int status)
{
	struct http_response r = {.allow = status == 405 ? "GET, HEAD" : NULL};

	sg_buf_free(&c->body);
	c->set->stats.refused++;
	c->keep = c->no_body = false;
	http_response_text(&r, status, http_reason(status));
	http_conn_respond(c, &r);
}

static void pass_on(struct http_conn *c)
{
	c->req.body = c->body.data;
	enter(c, WAIT, ANSWER_NS, EPOLLRDHUP);
	if (c->req.upgrade)
		c->set->ops->upgrade(c->set->ctx, c, &c->req);
	else
		c->set->ops->request(c->set->ctx, c, &c->req);
	sg_buf_free(&c->body);
}

static void take_body(struct http_conn *c, const char *p, size_t n)
{
	sg_buf_add(&c->body, p, n);
	if (c->body.err)
		refuse(c, 500);
	else if (c->body.len == c->req.content_length)
		pass_on(c);
}

/* Whether memory for another body may be taken. */
static bool body_has_room(const struct http_conn *c)
{
	size_t bytes = c->req.content_length;

	for (const struct http_conn *o = c->set->list; o; o = o->next)
		if (!o->dead && o->state == READ_BODY)
			bytes += o->req.content_length;
	return bytes <= BODIES_MAX;
}

/* Nothing else is on its way: the answer before is sent. */
static bool invite(struct http_conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	return send(c->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       sizeof(go_on) - 1;
}

static void take_request(struct http_conn *c)
{
	int status = http_request_parse(c->in, c->head_len, &c->req);
	size_t here = SG_MIN(c->in_len - c->head_len, c->req.content_length);

	c->set->stats.requests++;
	if (!status)
		status = c->set->ops->admit(c->set->ctx, c, &c->req);
	if (!status && !body_has_room(c))
		status = 503;
	if (status) {
		refuse(c, status);
		return;
	}
	c->keep = c->req.keep_alive;
	c->no_body = c->req.head;
	if (!c->req.content_length) {
		pass_on(c);
		return;
	}
	if (c->req.expects && !here && !invite(c)) {
		drop(c);
		return;
	}
	c->state = READ_BODY; /* within the time that the head has */
	c->head_len += here;
	take_body(c, c->in + c->head_len - here, here);
}

static void read_body(struct http_conn *c)
{
	char some[16384];
	size_t left = c->req.content_length - c->body.len;
	ssize_t n = recv(c->fd, some, SG_MIN(left, sizeof(some)), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		drop(c);
	else
		take_body(c, some, n);
}

static void try_head(struct http_conn *c)
{
	c->head_len = http_head_length(c->in, c->in_len);
	if (c->head_len) {
		take_request(c);
	} else if (c->in_len == HTTP_HEAD_MAX) {
		c->head_len = c->in_len;
		refuse(c, 431);
	}
}

static void discard(struct http_conn *c)
{
	char sink[4096];
	ssize_t n = recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT);

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop(c);
}

static void try_read(struct http_conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, HTTP_HEAD_MAX - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->in_len += n;
	try_head(c);
}

static void on_event(struct http_conn *c, uint32_t events)
{
	if (c->dead)
		return;
	if (c->state == READ_HEAD && (events & EPOLLIN))
		try_read(c);
	else if (c->state == READ_BODY && (events & EPOLLIN))
		read_body(c);
	else if (c->state == LINGER && (events & EPOLLIN))
		discard(c);
	else if ((c->state == SEND || c->state == STREAM) && (events & EPOLLOUT))
		try_send(c);
	else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		drop(c);
	/* A request that came in one piece with the one before has no event of its own. */
	if (!c->dead && c->state == READ_HEAD && c->in_len)
		try_head(c);
}

void http_conns_step(struct http_conns *cs)
{
	struct epoll_event ev[64];
	int n = epoll_wait(cs->epoll, ev, ARRAY_SIZE(ev), 0);

	for (int i = 0; i < n; i++)
		if (!(ev[i].data.u64 & 1))
			on_event(ev[i].data.ptr, ev[i].events);
	reap(cs);
	/* Afterwards: making room frees connections that an event may still point to. */
	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 & 1)
			accept_all(cs, (struct listener *)(uintptr_t)(ev[i].data.u64 & ~1ULL));
}

void http_conns_tick(struct http_conns *cs)
{
	uint64_t now = sg_mono_ns();

	for (struct http_conn *c = cs->list; c; c = c->next) {
		if (c->dead || now < c->deadline)
			continue;
		if ((c->state == READ_HEAD && c->in_len) || c->state == READ_BODY)
			refuse(c, 408);
		else if (c->state != STREAM || c->events & EPOLLOUT)
			drop(c);
	}
	reap(cs);
	for (size_t i = 0; i < cs->n_listeners; i++)
		if (cs->listeners[i].paused && !watch_listener(cs, &cs->listeners[i]))
			cs->listeners[i].paused = false;
}
