// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sgprobe/mem.h>

#include "ctl.h"

/* Room for the descriptors of one message. */
union control {
	char buf[CMSG_SPACE(SG_KEPT_PARTS * sizeof(int))];
	struct cmsghdr align;
};

static int send_parts(int ctl, struct iovec *iov, size_t n_iov, const int *fds, size_t n)
{
	union control u = {0};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = n_iov};

	if (n) {
		struct cmsghdr *c;

		h.msg_control = u.buf;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	return sendmsg(ctl, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sg_ctl_send(int ctl, const struct sg_ctl_msg *m, int fd)
{
	struct iovec iov = {(void *)m, sizeof(*m)};

	return send_parts(ctl, &iov, 1, &fd, fd >= 0);
}

/* The part of a set that is sent as bytes. */
static size_t set_bytes(uint32_t n)
{
	return offsetof(struct sg_kept, parts) + n * sizeof(struct sg_kept_part);
}

int sg_ctl_send_kept(int ctl, uint32_t set, const struct sg_kept *k)
{
	struct sg_ctl_msg m = {.type = SG_CTL_KEEP, .arg = set};
	struct iovec iov[] = {{&m, sizeof(m)}, {(void *)k, set_bytes(k->n)}};

	return send_parts(ctl, iov, ARRAY_SIZE(iov), k->fds, k->n);
}

struct received {
	ssize_t bytes;
	bool cut; /* there were more bytes */
	int fds[SG_KEPT_PARTS];
	size_t n;
};

static void close_from(struct received *r, size_t first)
{
	for (size_t i = first; i < r->n; i++)
		close(r->fds[i]);
	r->n = SG_MIN(r->n, first);
}

static void take_fds(struct msghdr *h, struct received *r)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = SG_MIN(n, SG_KEPT_PARTS - r->n);
		memcpy(r->fds + r->n, CMSG_DATA(c), n * sizeof(int));
		r->n += n;
	}
}

/* 1: something came; 0: nothing; -EPIPE or another -errno. */
static int receive(int ctl, struct iovec *iov, size_t n_iov, struct received *r)
{
	union control u;
	struct msghdr h = {.msg_iov = iov,
			   .msg_iovlen = n_iov,
			   .msg_control = u.buf,
			   .msg_controllen = sizeof(u.buf)};

	*r = (struct received){0};
	do
		r->bytes = recvmsg(ctl, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (r->bytes < 0 && errno == EINTR);
	if (r->bytes < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (r->bytes == 0)
		return -EPIPE;
	r->cut = h.msg_flags & MSG_TRUNC;
	take_fds(&h, r);
	return 1;
}

static bool is_plain(const struct sg_ctl_msg *m, const struct received *r)
{
	return r->bytes == sizeof(*m) && !r->cut && r->n <= 1 && m->type > 0 &&
	       m->type < SG_CTL_TYPES && m->type != SG_CTL_KEEP && m->type != SG_CTL_COMMAND;
}

int sg_ctl_recv(int ctl, struct sg_ctl_msg *m, int *fd)
{
	struct iovec iov = {m, sizeof(*m)};
	struct received got;
	int r = receive(ctl, &iov, 1, &got);

	*fd = -1;
	if (r <= 0)
		return r;
	if (!is_plain(m, &got)) {
		close_from(&got, 0);
		return -EBADMSG;
	}
	if (got.n)
		*fd = got.fds[0];
	return 1;
}

static bool is_set(const struct sg_ctl_msg *m, const struct sg_kept *k, const struct received *r)
{
	size_t n = (size_t)r->bytes;

	return m->type == SG_CTL_KEEP && !r->cut && n >= sizeof(*m) + set_bytes(0) &&
	       k->n <= SG_KEPT_PARTS && n == sizeof(*m) + set_bytes(k->n) && r->n <= k->n &&
	       sg_kept_valid(k);
}

int sg_ctl_recv_kept(int ctl, struct sg_ctl_msg *m, struct sg_kept *k)
{
	struct iovec iov[] = {{m, sizeof(*m)}, {k, set_bytes(SG_KEPT_PARTS)}};
	struct received got;
	int r = receive(ctl, iov, ARRAY_SIZE(iov), &got);
	bool set = r > 0 && is_set(m, k, &got);

	if (set && got.n == k->n) {
		memcpy(k->fds, got.fds, got.n * sizeof(int));
		return 1;
	}
	k->n = 0;
	if (r <= 0)
		return r;
	close_from(&got, 0);
	/* Not all of a set came when this process may open no more: it is as good as none. */
	return set || is_plain(m, &got) ? 1 : -EBADMSG;
}

int sg_ctl_send_command(int ctl, const struct sg_named_command *c, int client, int answer)
{
	struct sg_ctl_msg m = {.type = SG_CTL_COMMAND};
	struct iovec iov[] = {{&m, sizeof(m)}, {(void *)c, sizeof(*c)}};
	int fds[] = {client, answer};

	return send_parts(ctl, iov, ARRAY_SIZE(iov), fds, ARRAY_SIZE(fds));
}

int sg_ctl_recv_command(int ctl, struct sg_ctl_msg *m, struct sg_named_command *c, int fds[2])
{
	struct iovec iov[] = {{m, sizeof(*m)}, {c, sizeof(*c)}};
	struct received got;
	int r = receive(ctl, iov, ARRAY_SIZE(iov), &got);

	if (r <= 0)
		return r;
	if (m->type == SG_CTL_COMMAND && !got.cut && got.bytes == sizeof(*m) + sizeof(*c) &&
	    got.n == 2 && sg_named_command_valid(c)) {
		memcpy(fds, got.fds, 2 * sizeof(int));
		return 1;
	}
	close_from(&got, 0);
	return is_plain(m, &got) ? 1 : -EBADMSG;
}

int sg_ctl_send_bytes(int ctl, const void *p, size_t n, const int *fds, size_t n_fds)
{
	struct iovec iov = {(void *)p, n};

	return send_parts(ctl, &iov, 1, fds, n_fds);
}

int sg_ctl_recv_bytes(int ctl, void *p, size_t n, int *fds, size_t room, size_t *n_fds)
{
	struct iovec iov = {p, n};
	struct received got;
	int r = receive(ctl, &iov, 1, &got);

	*n_fds = 0;
	if (r <= 0)
		return r;
	if (got.cut || got.bytes != (ssize_t)n || got.n > room) {
		close_from(&got, 0);
		return -EBADMSG;
	}
	if (got.n)
		memcpy(fds, got.fds, got.n * sizeof(int));
	*n_fds = got.n;
	return 1;
}
