// SPDX-License-Identifier: GPL-2.0
/*
 * Sends an exact number of UDP datagrams of one size, or takes them, and prints what
 * it did as "key value" lines: for tests that compare counts.
 *
 *   udp-send [-a ADDRESS] [-p PORT] [-n DATAGRAMS] [-s BYTES] [-l [-b BYTES]] [-q] [-e]
 *
 * -l: receives until n datagrams came or none came for a second; -b: the size of its
 * receive buffer; -q: only after SIGUSR1, so that the buffer overflows meanwhile.
 * Prints "listening" when it does. -e: sends pings instead, from a socket with a small buffer
 * that it never reads, and stays until SIGUSR1.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SIZE_MAX_UDP 65507

static struct {
	const char *address;
	int port, buffer;
	long n;
	size_t size;
	bool listen, wait, echo;
} opt = {.address = "127.0.0.1", .port = 19430, .n = 1, .size = 100};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static socklen_t address(struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (strchr(opt.address, ':')) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((unsigned short)opt.port);
		if (inet_pton(AF_INET6, opt.address, &a6->sin6_addr) != 1)
			die(opt.address);
		return sizeof(*a6);
	}
	a4->sin_family = AF_INET;
	a4->sin_port = htons((unsigned short)opt.port);
	if (inet_pton(AF_INET, opt.address, &a4->sin_addr) != 1)
		die(opt.address);
	return sizeof(*a4);
}

static void wait_for_signal(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
}

static void take(int fd)
{
	const struct timeval second = {.tv_sec = 1};
	static char data[SIZE_MAX_UDP];
	long n = 0, bytes = 0;
	ssize_t r;

	if (opt.buffer && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &opt.buffer, sizeof(opt.buffer)))
		die("SO_RCVBUF");
	puts("listening");
	fflush(stdout);
	if (opt.wait) {
		wait_for_signal();
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	}
	while (n < opt.n && (r = recv(fd, data, sizeof(data), 0)) >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
		n++;
		bytes += r;
	}
	printf("received %ld\nbytes %ld\n", n, bytes);
}

static void give(int fd)
{
	static char data[SIZE_MAX_UDP];
	long n = 0, failed = 0;

	for (long i = 0; i < opt.n; i++) {
		if (send(fd, data, opt.size, 0) == (ssize_t)opt.size)
			n++;
		else
			failed++;
	}
	printf("sent %ld\nfailed %ld\n", n, failed);
}

static void echo(const struct sockaddr *to, socklen_t len)
{
	static unsigned char data[SIZE_MAX_UDP] = {8}; /* an echo request */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP), small = 4096;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)))
		die("ping socket");
	for (long i = 0; i < opt.n; i++)
		if (sendto(fd, data, opt.size, 0, to, len) < 0)
			perror("sendto");
	printf("sent %ld\n", opt.n);
	fflush(stdout);
	wait_for_signal();
	close(fd);
}

static int options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:p:n:s:lb:qe")) != -1) {
		switch (c) {
		case 'a': opt.address = optarg; break;
		case 'p': opt.port = atoi(optarg); break;
		case 'n': opt.n = atol(optarg); break;
		case 's': opt.size = (size_t)atol(optarg); break;
		case 'l': opt.listen = true; break;
		case 'b': opt.buffer = atoi(optarg); break;
		case 'e': opt.echo = true; break;
		case 'q': opt.wait = true; break;
		default: return -1;
		}
	}
	return opt.size <= SIZE_MAX_UDP ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct sockaddr_storage ss;
	socklen_t len;
	sigset_t set;
	int fd;

	if (options(argc, argv) < 0)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	len = address(&ss);
	if (opt.echo) {
		echo((void *)&ss, len);
		return 0;
	}
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (opt.listen ? bind(fd, (void *)&ss, len) : connect(fd, (void *)&ss, len))
		die(opt.listen ? "bind" : "connect");
	if (opt.listen)
		take(fd);
	else
		give(fd);
	return 0;
}
