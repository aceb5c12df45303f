// SPDX-License-Identifier: GPL-2.0
/*
 * A wire with a delay, for kernels without netem: one TUN device in each of two
 * network namespaces, between which it carries packets.
 *
 *   net-delay [-d MS] [-l N] NS_A NS_B
 *
 * -d: each way; -l: drops every Nth packet with data from A to B. The devices are
 * called "wire", with 10.94.20.1/24 and fd94:20::1/64 in A, .2 and ::2 in B.
 * Prints "ready"; SIGUSR1: from now on nothing passes; SIGTERM: prints "dropped N"
 * and ends. Run it as root; the namespaces must exist (ip netns add).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 1024
#define PACKET 2048

struct packet {
	int64_t due_ns;
	int len;
	unsigned char data[PACKET];
};

struct way { /* one direction: a ring of packets that are under way */
	int from, to;
	unsigned int head, tail;
	struct packet *ring;
};

static volatile sig_atomic_t stopped, cut;
static int64_t delay_ns;
static long drop_every, with_data, dropped;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		cut = 1;
	else
		stopped = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A TUN device in the namespace; the descriptor works from anywhere. */
static int open_end(const char *ns, int number)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wire"};
	char text[512];
	int self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd, there;

	snprintf(text, sizeof(text), "/run/netns/%s", ns);
	there = open(text, O_RDONLY | O_CLOEXEC);
	if (there < 0 || setns(there, CLONE_NEWNET))
		die(text);
	close(there);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr))
		die("/dev/net/tun");
	snprintf(
		text, sizeof(text),
		"ip link set lo up; ip link set wire mtu 1500 up; ip addr add 10.94.20.%d/24 dev wire; "
		"ip -6 addr add fd94:20::%d/64 dev wire nodad",
		number, number);
	if (system(text) || setns(self, CLONE_NEWNET))
		die("ip");
	close(self);
	return fd;
}

/* A TCP packet that carries data: total length beyond the headers. */
static bool has_data(const unsigned char *p, int len)
{
	int v4 = p[0] >> 4 == 4, ip = v4 ? (p[0] & 15) * 4 : 40;

	if (len < ip + 20 || p[v4 ? 9 : 6] != 6)
		return false;
	return len > ip + (p[ip + 12] >> 4) * 4;
}

static void take(struct way *w, bool lossy)
{
	struct packet *p = &w->ring[w->tail % QUEUE];

	while (w->tail - w->head < QUEUE) {
		p = &w->ring[w->tail % QUEUE];
		p->len = (int)read(w->from, p->data, PACKET);
		if (p->len <= 0)
			return;
		if (cut)
			continue;
		if (lossy && drop_every && has_data(p->data, p->len) &&
		    ++with_data % drop_every == 0) {
			dropped++;
			continue;
		}
		p->due_ns = now_ns() + delay_ns;
		w->tail++;
	}
}

/* Sends what is due; returns when the next one is. */
static int64_t give(struct way *w, int64_t now)
{
	while (w->head != w->tail) {
		struct packet *p = &w->ring[w->head % QUEUE];

		if (p->due_ns > now)
			return p->due_ns;
		if (write(w->to, p->data, (size_t)p->len) < 0 && !stopped)
			perror("write");
		w->head++;
	}
	return INT64_MAX;
}

static void carry(int a, int b)
{
	struct way ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
	struct pollfd p[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};

	for (int i = 0; i < 2; i++) {
		ways[i].ring = calloc(QUEUE, sizeof(struct packet));
		if (!ways[i].ring)
			die("calloc");
	}
	while (!stopped) {
		int64_t now = now_ns(), x = give(&ways[0], now), y = give(&ways[1], now);
		int64_t wait = (x < y ? x : y) - now;
		struct timespec t = {wait / 1000000000, wait % 1000000000};

		if (ppoll(p, 2, x < y || y < INT64_MAX ? &t : NULL, NULL) < 0)
			continue;
		take(&ways[0], true);
		take(&ways[1], false);
	}
	free(ways[0].ring);
	free(ways[1].ring);
}

int main(int argc, char **argv)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	int c, a, b;

	while ((c = getopt(argc, argv, "d:l:")) != -1) {
		if (c == 'd')
			delay_ns = atol(optarg) * 1000000LL;
		else if (c == 'l')
			drop_every = atol(optarg);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	a = open_end(argv[optind], 1);
	b = open_end(argv[optind + 1], 2);
	puts("ready");
	fflush(stdout);
	carry(a, b);
	printf("dropped %ld\n", dropped);
	return 0;
}
