// SPDX-License-Identifier: GPL-2.0
/* The two listening sockets. They are made by the supervisor, before privileges go. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <sgprobe/http.h>

#include "guard.h"

#define BACKLOG 64

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
	bool loopback;
};

static int resolve(const char *hostport, struct address *a, struct sg_error *err)
{
	char host[128];
	unsigned int port;

	memset(a, 0, sizeof(*a));
	if (!http_split_host(hostport, host, sizeof(host), &port) || !port)
		return sg_fail(
			err, -EINVAL,
			"listen: '%s' is not ADDRESS:PORT, such as 127.0.0.1:9470 or [::1]:9470",
			hostport);
	if (!strcmp(host, "localhost"))
		snprintf(host, sizeof(host), "127.0.0.1");
	if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		a->len = sizeof(a->v4);
		a->loopback = ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	} else if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		a->len = sizeof(a->v6);
		a->loopback = IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
	} else {
		return sg_fail(err, -EINVAL, "listen: '%s' is not a numeric address", host);
	}
	return 0;
}

int sg_http_listen_tcp(const char *hostport, bool allow_nonloopback, struct sg_error *err)
{
	struct address a;
	sg_auto_fd int fd = -1;
	int one = 1, r = resolve(hostport, &a, err);

	if (r < 0)
		return r;
	if (!a.loopback && !allow_nonloopback)
		return sg_fail(
			err, -EACCES,
			"listen: %s is reachable from the network, and there is no login yet; "
			"use 127.0.0.1 behind ssh -L or a proxy, or set web.insecure_listen: true",
			hostport);
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sg_fail(err, -errno, "cannot open a socket for %s: %m", hostport);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &a.any, a.len) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		return sg_fail(err, r, "cannot listen on %s: %s%s", hostport, strerror(-r),
			       r == -EADDRINUSE
				       ? "; stop the other program or choose another --listen"
				       : "");
	}
	return sg_take_fd(fd);
}

/* True when somebody answers behind the socket file. */
static bool is_alive(const struct sockaddr_un *a)
{
	sg_auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* EAGAIN: its backlog is full, so it lives. */
	return fd >= 0 && (!connect(fd, (const struct sockaddr *)a, sizeof(*a)) || errno == EAGAIN);
}

static int remove_stale(const struct sockaddr_un *a, struct sg_error *err)
{
	struct stat st;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0
				       : sg_fail(err, -errno, "cannot look at %s: %m", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return sg_fail(err, -EEXIST,
			       "%s exists and is not a socket; remove it or choose "
			       "another --socket",
			       a->sun_path);
	if (is_alive(a))
		return sg_fail(
			err, -EADDRINUSE,
			"another sgprobe daemon answers on %s; stop it or choose another --socket",
			a->sun_path);
	if (unlink(a->sun_path) < 0)
		return sg_fail(err, -errno, "cannot remove the old socket %s: %m", a->sun_path);
	return 0;
}

int sg_http_listen_unix(const char *path, struct sg_error *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	sg_auto_fd int fd = -1;
	mode_t mask;
	int r;

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return sg_fail(err, -ENAMETOOLONG, "socket: the path must have 1 to %zu bytes",
			       sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	r = remove_stale(&a, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sg_fail(err, -errno, "cannot open a unix socket: %m");
	mask = umask(0117); /* 0660 from its first moment on */
	r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	umask(mask);
	if (!r && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0)
		return sg_fail(err, r, "cannot listen on %s: %s", path, strerror(-r));
	return sg_take_fd(fd);
}
