// SPDX-License-Identifier: GPL-2.0
/*
 * A service and its client, both of which do exactly what they are told, for tests that
 * look for it: N requests over K connections, one after the other, each answered after a
 * known time. Prints what happened as "key value" lines.
 *
 *   service-play [-l | -c] [-6] [-p PORT] [-a ADDRESS] [-k CONNECTIONS] [-n REQUESTS]
 *                [-q BYTES] [-u PARTS] [-g MS] [-P REQUESTS] [-e END] [-w MS]
 *                [-r BYTES] [-s PARTS] [-G MS] [-d MS] [-D MS] [-b BACKLOG] [-N]
 *                [-M METHOD] [-S STATUS] [-V] [-o]
 *
 * Requests have -q bytes, sent in -u parts with -g ms between them; -P of them are sent
 * before their answers are read. The server waits -D ms before it reads what is there,
 * thinks for -d ms, and answers with -r bytes, in -s parts with -G ms between them. The
 * client stays for -w ms. -N: the server accepts nobody, and the client only connects. -l
 * serves until SIGTERM, -c is only the client; else one process is both.
 *
 * -M, -S: requests and answers begin as those of HTTP/1 do, with this method and status;
 * -V: both are read and sent by readv and writev.
 * -o: nobody listens any more after the first connection.
 *
 * -e: how a connection ends, after its requests:
 *   close      the client closes it (as if nothing were said)
 *   reset      the client sends one request more and resets the connection
 *   leave      the client sends one more and closes; the server answers into the void
 *   drop       one more, and the server closes without an answer
 *   abort      one more, and the server resets the connection
 * The server has to be told the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
	bool v6, no_server, no_client, accept_nobody;
	int port, connections, requests, ahead, wait_ms;
	int request_parts, request_gap_ms, answer_parts, answer_gap_ms;
	int think_ms, read_ms, backlog;
	size_t request, answer;
	const char *address, *end, *method, *status;
	bool vectors, once;
} opt = {.port = 19440,
	 .connections = 1,
	 .requests = 1,
	 .ahead = 1,
	 .request_parts = 1,
	 .answer_parts = 1,
	 .request = 100,
	 .answer = 100,
	 .backlog = 128,
	 .end = "close"};

static struct { /* the server and the client add to it at the same time */
	_Atomic long connected, accepted, ended, requested, answered, failed;
} did;

#define LAST_US 20000 /* until the last request is with the server */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void sleep_ms(int ms)
{
	if (ms)
		usleep((useconds_t)ms * 1000);
}

static bool ends(const char *how)
{
	return strcmp(opt.end, how) == 0;
}

static socklen_t address(struct sockaddr_storage *ss)
{
	const char *a = opt.address ? opt.address : opt.v6 ? "::1" : "127.0.0.1";
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (opt.v6) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)opt.port);
		if (inet_pton(AF_INET6, a, &a6->sin6_addr) != 1)
			die(a);
		return sizeof(*a6);
	}
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)opt.port);
	if (inet_pton(AF_INET, a, &a4->sin_addr) != 1)
		die(a);
	return sizeof(*a4);
}

static bool read_all(int fd, size_t n)
{
	static __thread char buf[1 << 16];
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		struct iovec v = {buf, sizeof(buf) < n - got ? sizeof(buf) : n - got};

		r = opt.vectors ? readv(fd, &v, 1) : read(fd, v.iov_base, v.iov_len);
		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	return true;
}

static size_t at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

/* The first bytes are the head. */
static bool write_all(int fd, const char *head, size_t n)
{
	static __thread char buf[1 << 16];
	size_t done = 0;
	ssize_t r;

	memset(buf, '.', sizeof(buf));
	memcpy(buf, head, at_most(strlen(head), n));
	while (done < n) {
		struct iovec v = {buf, at_most(n - done, sizeof(buf))};

		r = opt.vectors ? writev(fd, &v, 1) : send(fd, v.iov_base, v.iov_len, MSG_NOSIGNAL);
		if (r <= 0)
			return false;
		done += (size_t)r;
	}
	return true;
}

static bool write_parts(int fd, const char *head, size_t n, int parts, int gap_ms)
{
	size_t each = n / (size_t)parts;

	for (int i = 0; i < parts; i++) {
		if (i)
			sleep_ms(gap_ms);
		if (!write_all(fd, i ? "" : head, i == parts - 1 ? n - each * (size_t)i : each))
			return false;
	}
	return true;
}

static void set_nodelay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void close_with_reset(int fd)
{
	const struct linger l = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

/* ---- server ------------------------------------------------------------------------- */

static bool read_request(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (opt.read_ms && poll(&p, 1, -1) == 1)
		sleep_ms(opt.read_ms);
	return read_all(fd, opt.request);
}

static bool answer(int fd)
{
	char head[64] = "";

	if (opt.status)
		snprintf(head, sizeof(head), "HTTP/1.1 %.3s Said\r\n\r\n", opt.status);
	return write_parts(fd, head, opt.answer, opt.answer_parts, opt.answer_gap_ms);
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	bool odd = ends("drop") || ends("abort");

	set_nodelay(fd);
	for (int i = 0; read_request(fd); i++) {
		did.requested++;
		if (odd && i == opt.requests)
			break;
		sleep_ms(opt.think_ms);
		if (!answer(fd))
			break;
	}
	if (ends("abort"))
		close_with_reset(fd);
	else
		close(fd);
	did.ended++;
	return NULL;
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

/* A connection at a time; the client makes the next one when the last has ended. */
static void *serve(void *arg)
{
	int l = (int)(intptr_t)arg, fd;
	pthread_t t;

	while (!opt.accept_nobody && (fd = accept(l, NULL, NULL)) >= 0) {
		did.accepted++;
		if (pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd))
			die("pthread_create");
		pthread_detach(t);
		if (opt.once)
			break;
	}
	if (opt.once)
		close(l);
	return NULL;
}

/* ---- client ------------------------------------------------------------------------- */

static int connect_there(void)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&ss, len)) {
		did.failed++;
		close(fd);
		return -1;
	}
	set_nodelay(fd);
	did.connected++;
	return fd;
}

static bool request(int fd)
{
	char head[64] = "";

	if (opt.method)
		snprintf(head, sizeof(head), "%.16s / HTTP/1.1\r\n\r\n", opt.method);
	return write_parts(fd, head, opt.request, opt.request_parts, opt.request_gap_ms);
}

static void converse(int fd)
{
	for (int i = 0; i < opt.requests; i += opt.ahead) {
		for (int j = 0; j < opt.ahead; j++)
			request(fd);
		for (int j = 0; j < opt.ahead; j++)
			did.answered += read_all(fd, opt.answer);
	}
}

/* The last request is on its way before the connection ends. */
static void end(int fd)
{
	if (!ends("close"))
		request(fd);
	if (ends("reset") || ends("leave"))
		usleep(LAST_US);
	if (ends("drop") || ends("abort"))
		read_all(fd, 1);
	if (ends("reset"))
		close_with_reset(fd);
	else
		close(fd);
}

static void play(void)
{
	for (int i = 0; i < opt.connections; i++) {
		int fd = connect_there();

		if (fd < 0)
			continue;
		if (opt.accept_nobody) /* it stays open until the process ends */
			continue;
		converse(fd);
		sleep_ms(opt.wait_ms);
		end(fd);
	}
}

/* ---- both ----------------------------------------------------------------------------- */

static int number(const char *s)
{
	return (int)strtol(s, NULL, 10);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "lc6NVoM:S:p:a:k:n:q:u:g:P:e:w:r:s:G:d:D:b:")) != -1) {
		switch (c) {
		case 'l': opt.no_client = true; break;
		case 'c': opt.no_server = true; break;
		case '6': opt.v6 = true; break;
		case 'V': opt.vectors = true; break;
		case 'o': opt.once = true; break;
		case 'M': opt.method = optarg; break;
		case 'S': opt.status = optarg; break;
		case 'N': opt.accept_nobody = true; break;
		case 'p': opt.port = number(optarg); break;
		case 'a': opt.address = optarg; break;
		case 'k': opt.connections = number(optarg); break;
		case 'n': opt.requests = number(optarg); break;
		case 'q': opt.request = strtoul(optarg, NULL, 10); break;
		case 'u': opt.request_parts = number(optarg); break;
		case 'g': opt.request_gap_ms = number(optarg); break;
		case 'P': opt.ahead = number(optarg); break;
		case 'e': opt.end = optarg; break;
		case 'w': opt.wait_ms = number(optarg); break;
		case 'r': opt.answer = strtoul(optarg, NULL, 10); break;
		case 's': opt.answer_parts = number(optarg); break;
		case 'G': opt.answer_gap_ms = number(optarg); break;
		case 'd': opt.think_ms = number(optarg); break;
		case 'D': opt.read_ms = number(optarg); break;
		case 'b': opt.backlog = number(optarg); break;
		default: exit(2);
		}
	}
	if (opt.request_parts < 1 || opt.answer_parts < 1 || opt.ahead < 1)
		exit(2);
}

int main(int argc, char **argv)
{
	pthread_t server;

	parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (!opt.no_server) {
		int l = listen_here();

		if (pthread_create(&server, NULL, serve, (void *)(intptr_t)l))
			die("pthread_create");
	}
	if (opt.no_client) {
		puts("listening");
		fflush(stdout);
		pause();
	}
	play();
	while (!opt.no_server && !opt.accept_nobody && did.ended < did.connected)
		usleep(1000);
	printf("connected %ld\nfailed %ld\naccepted %ld\nrequested %ld\nanswered %ld\n",
	       did.connected, did.failed, did.accepted, did.requested, did.answered);
	if (opt.wait_ms && opt.accept_nobody) {
		fflush(stdout);
		sleep_ms(opt.wait_ms);
	}
	return 0;
}
