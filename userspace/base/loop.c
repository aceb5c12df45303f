// SPDX-License-Identifier: GPL-2.0
/*
 * A source that is removed while events are being handed out may still be named
 * by an event of the same round; so it is only marked then, and freed after it.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include <sgprobe/loop.h>
#include <sgprobe/time.h>

#define EVENTS_PER_ROUND 64

enum kind { KIND_FD, KIND_TIMER, KIND_ONCE, KIND_ALIGNED, KIND_SIGNAL };

struct sg_source {
	struct sg_loop *loop;
	struct sg_source *prev, *next; /* of loop->live, or, when dead, next of loop->dead */
	enum kind kind;
	bool dead;
	int fd;
	uint64_t period_ns; /* aligned timers */
	union {
		sg_on_fd on_fd;
		sg_on_timer on_timer;
		sg_on_signal on_signal;
	};
	void *ctx;
};

struct sg_loop {
	int epfd;
	unsigned depth; /* rounds in progress: callbacks may run rounds themselves */
	bool stopped;
	int code;
	struct sg_source *live, *dead;
};

int sg_loop_new(struct sg_loop **ret)
{
	sg_auto_free struct sg_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0)
		return -errno;
	*ret = sg_take(l);
	return 0;
}

static void free_list(struct sg_source *s)
{
	while (s) {
		struct sg_source *next = s->next;

		free(s);
		s = next;
	}
}

void sg_loop_free(struct sg_loop *l)
{
	if (!l)
		return;
	for (struct sg_source *s = l->live, *next; s; s = next) {
		next = s->next;
		sg_loop_remove(s);
	}
	free_list(l->dead);
	close(l->epfd);
	free(l);
}

/* Takes no ownership of fd when it fails. */
static int add_source(struct sg_loop *l, const struct sg_source *init, uint32_t events,
		      struct sg_source **ret)
{
	sg_auto_free struct sg_source *s = malloc(sizeof(*s));
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (!s)
		return -ENOMEM;
	*s = *init;
	s->loop = l;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return -errno;
	s->next = l->live;
	if (s->next)
		s->next->prev = s;
	l->live = s;
	if (ret)
		*ret = s;
	s = NULL;
	return 0;
}

static void unlink_source(struct sg_source *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		s->loop->live = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

void sg_loop_remove(struct sg_source *s)
{
	if (!s || s->dead)
		return;
	unlink_source(s);
	/* Fails when the owner has closed its descriptor already: then it is gone as well. */
	epoll_ctl(s->loop->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	if (s->kind != KIND_FD)
		close(s->fd);
	if (!s->loop->depth) {
		free(s);
		return;
	}
	s->dead = true;
	s->next = s->loop->dead;
	s->loop->dead = s;
}

int sg_loop_fd(struct sg_loop *l, int fd, uint32_t events, sg_on_fd cb, void *ctx,
	       struct sg_source **ret)
{
	struct sg_source s = {.kind = KIND_FD, .fd = fd, .on_fd = cb, .ctx = ctx};

	return add_source(l, &s, events, ret);
}

int sg_loop_fd_events(struct sg_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	return epoll_ctl(s->loop->epfd, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static int arm_aligned(int fd, uint64_t ns)
{
	uint64_t next = ((uint64_t)sg_real_ns() / ns + 1) * ns;
	struct itimerspec its = {.it_value = to_timespec(next), .it_interval = to_timespec(ns)};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL) < 0
		       ? -errno
		       : 0;
}

static int arm_relative(int fd, uint64_t ns, bool repeat)
{
	/* A value of zero would disarm the timer. */
	struct itimerspec its = {.it_value = to_timespec(ns ? ns : 1)};

	if (repeat)
		its.it_interval = its.it_value;
	return timerfd_settime(fd, 0, &its, NULL) < 0 ? -errno : 0;
}

/* Closes the descriptor that the source brought when it cannot be added. */
static int add_own(struct sg_loop *l, const struct sg_source *s, int r, struct sg_source **ret)
{
	if (!r)
		r = add_source(l, s, EPOLLIN, ret);
	if (r < 0)
		close(s->fd);
	return r;
}

static int add_timer(struct sg_loop *l, enum kind kind, uint64_t ns, sg_on_timer cb, void *ctx,
		     struct sg_source **ret)
{
	struct sg_source s = {.kind = kind, .period_ns = ns, .on_timer = cb, .ctx = ctx};
	int r;

	s.fd = timerfd_create(kind == KIND_ALIGNED ? CLOCK_REALTIME : CLOCK_MONOTONIC,
			      TFD_NONBLOCK | TFD_CLOEXEC);
	if (s.fd < 0)
		return -errno;
	if (kind == KIND_ALIGNED)
		r = arm_aligned(s.fd, ns);
	else
		r = arm_relative(s.fd, ns, kind == KIND_TIMER);
	return add_own(l, &s, r, ret);
}

int sg_loop_every(struct sg_loop *l, uint64_t ns, sg_on_timer cb, void *ctx, struct sg_source **ret)
{
	return add_timer(l, KIND_TIMER, ns, cb, ctx, ret);
}

int sg_loop_after(struct sg_loop *l, uint64_t ns, sg_on_timer cb, void *ctx, struct sg_source **ret)
{
	return add_timer(l, KIND_ONCE, ns, cb, ctx, ret);
}

int sg_loop_aligned(struct sg_loop *l, uint64_t ns, sg_on_timer cb, void *ctx,
		    struct sg_source **ret)
{
	return ns ? add_timer(l, KIND_ALIGNED, ns, cb, ctx, ret) : -EINVAL;
}

int sg_loop_signals(struct sg_loop *l, const sigset_t *set, sg_on_signal cb, void *ctx,
		    struct sg_source **ret)
{
	struct sg_source s = {.kind = KIND_SIGNAL, .on_signal = cb, .ctx = ctx};
	int r = pthread_sigmask(SIG_BLOCK, set, NULL);

	if (r)
		return -r;
	s.fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s.fd < 0)
		return -errno;
	return add_own(l, &s, 0, ret);
}

static void dispatch_timer(struct sg_source *s)
{
	uint64_t n = 0;

	if (read(s->fd, &n, sizeof(n)) < 0) {
		if (errno != ECANCELED)
			return;
		/* The clock was set, so the old absolute time means nothing any more. */
		n = 0;
		arm_aligned(s->fd, s->period_ns);
	}
	s->on_timer(s, n, s->ctx);
	if (s->kind == KIND_ONCE)
		sg_loop_remove(s);
}

static void dispatch_signals(struct sg_source *s)
{
	struct signalfd_siginfo si;

	while (!s->dead && read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		s->on_signal(s, &si, s->ctx);
}

static void dispatch(struct sg_source *s, uint32_t events)
{
	if (s->dead)
		return;
	switch (s->kind) {
	case KIND_FD: s->on_fd(s, s->fd, events, s->ctx); break;
	case KIND_SIGNAL: dispatch_signals(s); break;
	default: dispatch_timer(s);
	}
}

int sg_loop_step(struct sg_loop *l, int timeout_ms)
{
	struct epoll_event ev[EVENTS_PER_ROUND];
	int n = epoll_wait(l->epfd, ev, EVENTS_PER_ROUND, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->depth++;
	for (int i = 0; i < n; i++)
		dispatch(ev[i].data.ptr, ev[i].events);
	if (!--l->depth) {
		free_list(l->dead);
		l->dead = NULL;
	}
	return n;
}

int sg_loop_run(struct sg_loop *l)
{
	while (!l->stopped) {
		int r = sg_loop_step(l, -1);

		if (r < 0)
			return r;
	}
	l->stopped = false;
	return l->code;
}

void sg_loop_stop(struct sg_loop *l, int code)
{
	l->stopped = true;
	l->code = code;
}
