// SPDX-License-Identifier: GPL-2.0
/*
 * Makes an exact number of TCP connections, one after the other, and prints what
 * happened as "key value" lines: for tests that compare counts.
 *
 *   tcp-churn [-6] [-p PORT] [-n CONNECTIONS] [-s BYTES] [-r BYTES] [-x] [-w MS]
 *             [-a ADDRESS] [-b BACKLOG] [-c | -l]
 *
 * Each connection sends -s bytes and is answered with -r bytes, stays open for -w
 * ms, or until SIGUSR1, and is closed by the client, with -x by a reset. It serves
 * itself on -a (loopback); -c: only connects, -l: only serves, so that two of them
 * talk between network namespaces.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	bool v6, reset, no_server, no_client;
	int port, connections, wait_ms, backlog;
	size_t send, reply;
	const char *address;
} opt = {.port = 19420, .connections = 1, .backlog = 128};

static struct { /* the server and the client add to it at the same time */
	_Atomic long connected, failed, accepted, sent, received;
} did;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static socklen_t address(struct sockaddr_storage *ss)
{
	const char *a = opt.address ? opt.address : opt.v6 ? "::1" : "127.0.0.1";
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (opt.v6) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((unsigned short)opt.port);
		if (inet_pton(AF_INET6, a, &a6->sin6_addr) != 1)
			die(a);
		return sizeof(*a6);
	}
	a4->sin_family = AF_INET;
	a4->sin_port = htons((unsigned short)opt.port);
	if (inet_pton(AF_INET, a, &a4->sin_addr) != 1)
		die(a);
	return sizeof(*a4);
}

static size_t read_all(int fd, size_t n)
{
	static __thread char buf[1 << 16];
	size_t got = 0;
	ssize_t r;

	while (got < n && (r = read(fd, buf, sizeof(buf) < n - got ? sizeof(buf) : n - got)) > 0)
		got += (size_t)r;
	return got;
}

static size_t write_all(int fd, size_t n)
{
	static const char buf[1 << 16];
	size_t done = 0;
	ssize_t r;

	while (done < n && (r = send(fd, buf, sizeof(buf) < n - done ? sizeof(buf) : n - done,
				     MSG_NOSIGNAL)) > 0)
		done += (size_t)r;
	return done;
}

static int listen_here(void)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) || listen(fd, opt.backlog))
		die("listen");
	return fd;
}

static void *serve(void *arg)
{
	int l = *(int *)arg;

	for (int i = 0; i < opt.connections; i++) {
		int fd = accept(l, NULL, NULL);

		if (fd < 0)
			die("accept");
		did.accepted++;
		did.received += (long)read_all(fd, opt.send);
		did.sent += (long)write_all(fd, opt.reply);
		read_all(fd, 1); /* the client ends it */
		close(fd);
	}
	return NULL;
}

static void end(int fd)
{
	struct linger l = {1, 0};

	if (opt.reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

static void connect_once(void)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&ss, len)) {
		did.failed++;
		close(fd);
		return;
	}
	did.connected++;
	did.sent += (long)write_all(fd, opt.send);
	did.received += (long)read_all(fd, opt.reply);
	if (opt.wait_ms)
		usleep((useconds_t)opt.wait_ms * 1000);
	end(fd);
}

static void stop_waiting(int sig)
{
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "6xclp:n:s:r:w:a:b:")) != -1) {
		switch (c) {
		case '6': opt.v6 = true; break;
		case 'x': opt.reset = true; break;
		case 'c': opt.no_server = true; break;
		case 'l': opt.no_client = true; break;
		case 'p': opt.port = atoi(optarg); break;
		case 'n': opt.connections = atoi(optarg); break;
		case 's': opt.send = strtoul(optarg, NULL, 10); break;
		case 'r': opt.reply = strtoul(optarg, NULL, 10); break;
		case 'w': opt.wait_ms = atoi(optarg); break;
		case 'a': opt.address = optarg; break;
		case 'b': opt.backlog = atoi(optarg); break;
		default: exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	pthread_t server;
	int l = -1;

	parse(argc, argv);
	signal(SIGUSR1, stop_waiting);
	if (!opt.no_server) {
		l = listen_here();
		if (pthread_create(&server, NULL, serve, &l))
			die("pthread_create");
	}
	if (opt.no_client)
		puts("listening");
	fflush(stdout);
	for (int i = 0; !opt.no_client && i < opt.connections; i++)
		connect_once();
	if (!opt.no_server && !did.failed)
		pthread_join(server, NULL);
	printf("connected %ld\nfailed %ld\naccepted %ld\nsent %ld\nreceived %ld\n", did.connected,
	       did.failed, did.accepted, did.sent, did.received);
	return 0;
}
