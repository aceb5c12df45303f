// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"

void sg_url_escape(struct sg_buf *b, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++)
		if (strchr(plain, *text))
			sg_buf_char(b, *text);
		else
			sg_buf_printf(b, "%%%02X", (unsigned char)*text);
}

static int open_socket(const char *path, struct sg_error *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	sg_auto_fd int fd = -1;

	if (strlen(path) >= sizeof(a.sun_path))
		return sg_fail(err, -EINVAL, "the socket's path is too long: %s", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sg_fail(err, -errno, "cannot open a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return sg_take_fd(fd);
	if (errno == EACCES || errno == EPERM)
		return sg_fail(err, -EACCES,
			       "%s is for root and the group of the server; type: sudo sgprobe ...",
			       path);
	return sg_fail(err, -ECONNREFUSED,
		       "no daemon answers on %s; start one: sudo sgprobe daemon", path);
}

static int send_request(int fd, const char *method, const char *path, struct sg_error *err)
{
	sg_auto_buf b = {0};
	size_t at = 0;

	sg_buf_printf(&b,
		      "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: sgprobe/" SG_VERSION
		      "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		      method, path);
	if (b.err)
		return b.err;
	while (at < b.len) {
		ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return sg_fail(err, -errno, "cannot ask the daemon: %s", strerror(errno));
		at += n > 0 ? n : 0;
	}
	return 0;
}

static int receive(int fd, struct sg_reply *reply, int timeout_ms)
{
	char chunk[65536];

	while (!reply->done) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int r = poll(&p, 1, timeout_ms);
		ssize_t n;

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0) /* a signal: the user wants to stop */
			return -errno;
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n < 0)
			return -errno;
		if (n == 0)
			return sg_reply_end(reply);
		r = sg_reply_feed(reply, chunk, n);
		if (r < 0)
			return r;
	}
	return 0;
}

static int ask(const char *socket, const char *method, const char *path, int timeout_ms,
	       sg_client_on_body cb, void *ctx, struct sg_error *err)
{
	sg_auto_fd int fd = open_socket(socket, err);
	struct sg_reply reply;
	int r;

	if (fd < 0)
		return fd;
	r = send_request(fd, method, path, err);
	if (r < 0)
		return r;
	sg_reply_init(&reply, cb, ctx);
	r = receive(fd, &reply, timeout_ms);
	sg_reply_free(&reply);
	if (r == -ETIMEDOUT)
		return sg_fail(err, r, "the daemon did not answer in %d s", timeout_ms / 1000);
	if (r == -EBADMSG)
		return sg_fail(err, r, "the answer on %s is not a whole HTTP answer", socket);
	if (r < 0)
		return sg_fail(err, r, "cannot read the daemon's answer: %s", strerror(-r));
	return reply.status;
}

int sg_client_stream(const char *socket, const char *path, int timeout_ms, sg_client_on_body cb,
		     void *ctx, struct sg_error *err)
{
	return ask(socket, "GET", path, timeout_ms, cb, ctx, err);
}

static int keep(const void *p, size_t n, void *ctx)
{
	struct sg_buf *b = ctx;

	sg_buf_add(b, p, n);
	return b->err;
}

int sg_client_get(const char *socket, const char *path, struct sg_buf *body, struct sg_error *err)
{
	body->max = SG_CLIENT_MAX_BODY;
	return sg_client_stream(socket, path, SG_CLIENT_TIMEOUT_MS, keep, body, err);
}

int sg_client_post(const char *socket, const char *path, struct sg_buf *body, struct sg_error *err)
{
	body->max = SG_CLIENT_MAX_BODY;
	return ask(socket, "POST", path, SG_CLIENT_TIMEOUT_MS, keep, body, err);
}
