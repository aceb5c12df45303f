// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sgprobe/err.h>

#include "child.h"

#define BEAT_NS 5000000000ULL

static void stop(struct sg_child *c)
{
	if (c->stopping)
		return;
	c->stopping = 1;
	alarm(3); /* the supervisor may be gone: nothing may keep this process alive */
	c->on_stop(c->ctx);
}

static void on_ctl(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	struct sg_child *c = ctx;
	struct sg_ctl_msg m = {0};
	int r, passed;

	while ((r = sg_ctl_recv(fd, &m, &passed)) > 0) {
		if (m.type == SG_CTL_STOP)
			stop(c);
		else
			c->on_msg(&m, passed, c->ctx);
	}
	if (r < 0) { /* the supervisor is gone */
		sg_loop_remove(s);
		stop(c);
	}
}

static void on_beat(struct sg_source *s, uint64_t n, void *ctx)
{
	struct sg_child *c = ctx;

	sg_ctl_send(c->ctl, &(struct sg_ctl_msg){.type = SG_CTL_BEAT}, -1);
}

static void on_signal(struct sg_source *s, const struct signalfd_siginfo *si, void *ctx)
{
	stop(ctx);
}

void sg_child_ready(struct sg_child *c)
{
	sg_ctl_send(c->ctl, &(struct sg_ctl_msg){.type = SG_CTL_READY}, -1);
}

int sg_child_init(struct sg_child *c, int ctl)
{
	sigset_t set;
	int r = sg_loop_new(&c->loop);

	if (r < 0)
		return r;
	c->ctl = ctl;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; the supervisor decides */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	r = sg_loop_signals(c->loop, &set, on_signal, c, NULL);
	if (r == 0)
		r = sg_loop_fd(c->loop, ctl, EPOLLIN, on_ctl, c, NULL);
	if (r == 0)
		r = sg_loop_every(c->loop, BEAT_NS, on_beat, c, NULL);
	return r;
}
