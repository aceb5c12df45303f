// SPDX-License-Identifier: GPL-2.0
/* The datagram sockets. They are made by the supervisor, before privileges go. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fetch.h"
#include <sgprobe/ingest.h>

#define RECEIVE_BYTES (8 << 20) /* what a burst of some tenths of a second needs */

bool sg_ingest_wanted(const struct sg_config *cfg)
{
	return strcmp(cfg->ingest_statsd, "none") != 0 || cfg->ingest_statsd_socket[0] ||
	       cfg->ingest_push || cfg->ingest_scrape[0];
}

bool sg_ingest_connects(const struct sg_config *cfg)
{
	return cfg->ingest_scrape[0] != '\0';
}

/* Beyond net.core.rmem_max where the caller may. */
static void widen(int fd)
{
	int bytes = RECEIVE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int listen_udp(const struct sg_config *cfg, struct sg_error *err)
{
	const char *at = cfg->ingest_statsd;
	struct ingest_address a;
	sg_auto_fd int fd = -1;

	if (ingest_address(at, &a) < 0)
		return sg_fail(err, -EINVAL,
			       "ingest.statsd: '%s' is not ADDRESS:PORT, such as 127.0.0.1:8125",
			       at);
	if (!a.loopback && !cfg->ingest_insecure)
		return sg_fail(
			err, -EACCES,
			"ingest.statsd: %s can be reached from other machines, and nobody there has to say who "
			"they are; use 127.0.0.1, or set ingest.insecure: true",
			at);
	fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sg_fail(err, -errno, "cannot open a socket for %s: %m", at);
	widen(fd);
	if (bind(fd, &a.any, a.len) < 0)
		return sg_fail(err, -errno, "ingest.statsd: cannot receive on %s: %m", at);
	return sg_take_fd(fd);
}

/* A datagram socket's file that nobody receives at any more. */
static int remove_stale(const struct sockaddr_un *a, struct sg_error *err)
{
	sg_auto_fd int fd = -1;
	struct stat st;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0
				       : sg_fail(err, -errno, "cannot look at %s: %m", a->sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!S_ISSOCK(st.st_mode))
		return sg_fail(err, -EEXIST,
			       "ingest.statsd_socket: %s exists and is not a socket; remove it or "
			       "choose another path",
			       a->sun_path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0)
		return sg_fail(err, -EADDRINUSE,
			       "ingest.statsd_socket: another program receives on %s", a->sun_path);
	if (unlink(a->sun_path) < 0)
		return sg_fail(err, -errno, "cannot remove the old socket %s: %m", a->sun_path);
	return 0;
}

/* Everybody on this host may write to it, as to the UDP port. */
static int listen_unix(const char *path, struct sg_error *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	sg_auto_fd int fd = -1;
	int r;

	memcpy(a.sun_path, path, strnlen(path, sizeof(a.sun_path) - 1));
	r = remove_stale(&a, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sg_fail(err, -errno, "cannot open a unix socket: %m");
	widen(fd);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, 0666) < 0)
		return sg_fail(err, -errno, "ingest.statsd_socket: cannot receive on %s: %m", path);
	return sg_take_fd(fd);
}

/* What can be known before anything is asked. */
int ingest_check_targets(const struct sg_config *cfg, struct sg_error *err)
{
	const char *list = cfg->ingest_scrape;
	struct ingest_address a;
	struct sg_target t;
	int r;

	while ((r = sg_config_target(&list, &t, err)) > 0) {
		if (ingest_target_address(&t, &a) < 0)
			return sg_fail(err, -EINVAL,
				       "ingest.scrape: %s is not a numeric ADDRESS:PORT",
				       t.instance);
		if (!a.loopback && !cfg->ingest_insecure)
			return sg_fail(
				err, -EACCES,
				"ingest.scrape: %s is another machine, asked without encryption or login; set "
				"ingest.insecure: true if that is meant",
				t.instance);
	}
	return r;
}

size_t sg_ingest_ports(const struct sg_config *cfg, uint16_t ports[SG_TARGETS_MAX])
{
	const char *list = cfg->ingest_scrape;
	struct ingest_address a;
	struct sg_target t;
	size_t n = 0;

	while (n < SG_TARGETS_MAX && sg_config_target(&list, &t, NULL) > 0) {
		if (t.unix_socket || ingest_target_address(&t, &a) < 0)
			continue;
		ports[n++] = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	}
	return n;
}

int sg_ingest_listen(const struct sg_config *cfg, struct sg_ingest_sockets *ret,
		     struct sg_error *err)
{
	int r = ingest_check_targets(cfg, err);

	*ret = (struct sg_ingest_sockets){-1, -1};
	if (r >= 0 && strcmp(cfg->ingest_statsd, "none") != 0)
		ret->udp = r = listen_udp(cfg, err);
	if (r >= 0 && cfg->ingest_statsd_socket[0])
		ret->unix_dgram = r = listen_unix(cfg->ingest_statsd_socket, err);
	if (r < 0)
		sg_ingest_unlisten(cfg, ret);
	return SG_MIN(r, 0);
}

void sg_ingest_unlisten(const struct sg_config *cfg, struct sg_ingest_sockets *s)
{
	if (s->udp >= 0)
		close(s->udp);
	if (s->unix_dgram >= 0) {
		close(s->unix_dgram);
		unlink(cfg->ingest_statsd_socket);
	}
	*s = (struct sg_ingest_sockets){-1, -1};
}
