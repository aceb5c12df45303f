// SPDX-License-Identifier: GPL-2.0
/*
 * A DNS server, a client and an attacker over UDP port 53, for tests in a network
 * namespace; they know no names. Each prints what it did as "key value" lines.
 *
 *   dns-play -l [-a ADDRESS] [-d MS] [-r RCODE] [-c BYTES] [-t]   serves: answers after d ms with
 *            that rcode, cut to c bytes, -t: as truncated; prints "listening"
 *   dns-play [-a ADDRESS] [-n QUERIES] [-q TYPE] [-w MS]   asks, one after the other, and waits
 *            w ms for each answer; with -s always with the same id and port
 *   dns-play -x [-a ADDRESS]   sends queries that are broken in all kinds of ways
 *   dns-play -x -i DEVICE      sends packets whose headers are
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEADER 12
#define BYTES_MAX 1400

static struct {
	const char *address, *device;
	int delay_ms, rcode, cut, type, wait_ms;
	long n;
	bool listen, hostile, truncated, same;
} opt = {.address = "127.0.0.1", .cut = BYTES_MAX, .type = 1, .wait_ms = 2000, .n = 1};

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
		a6->sin6_port = htons(53);
		if (inet_pton(AF_INET6, opt.address, &a6->sin6_addr) != 1)
			die(opt.address);
		return sizeof(*a6);
	}
	a4->sin_family = AF_INET;
	a4->sin_port = htons(53);
	if (inet_pton(AF_INET, opt.address, &a4->sin_addr) != 1)
		die(opt.address);
	return sizeof(*a4);
}

static int open_socket(bool server)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (server ? bind(fd, (void *)&ss, len) : connect(fd, (void *)&ss, len))
		die(server ? "bind" : "connect");
	return fd;
}

/* ---- server --------------------------------------------------------------------------- */

static void serve(void)
{
	unsigned char p[BYTES_MAX];
	struct sockaddr_storage from;
	int fd = open_socket(true);

	puts("listening");
	fflush(stdout);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, p, sizeof(p), 0, (void *)&from, &len);

		if (n < HEADER)
			continue;
		usleep((useconds_t)opt.delay_ms * 1000);
		p[2] |= (unsigned char)(0x80 | (opt.truncated ? 2 : 0));
		p[3] = (unsigned char)opt.rcode;
		if (n > opt.cut)
			n = opt.cut;
		sendto(fd, p, (size_t)n, 0, (void *)&from, len);
	}
}

/* ---- client --------------------------------------------------------------------------- */

static size_t make_query(unsigned char *p, unsigned int id, int type)
{
	static const unsigned char name[] = "\4host\7example";
	size_t n = HEADER;

	memset(p, 0, HEADER);
	p[0] = (unsigned char)(id >> 8);
	p[1] = (unsigned char)id;
	p[2] = 1; /* recursion is desired */
	p[5] = 1; /* one question */
	memcpy(p + n, name, sizeof(name)); /* the last label is the empty one */
	n += sizeof(name);
	p[n++] = (unsigned char)(type >> 8);
	p[n++] = (unsigned char)type;
	p[n++] = 0;
	p[n++] = 1; /* Internet */
	return n;
}

static void ask(void)
{
	const struct timeval wait = {opt.wait_ms / 1000, opt.wait_ms % 1000 * 1000};
	unsigned char query[BYTES_MAX], answer[BYTES_MAX];
	long answered = 0;
	int fd = open_socket(false);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		die("SO_RCVTIMEO");
	for (long i = 0; i < opt.n; i++) {
		size_t n = make_query(query, opt.same ? 1 : (unsigned int)i + 1, opt.type);

		if (send(fd, query, n, 0) != (ssize_t)n)
			perror("send");
		answered += recv(fd, answer, sizeof(answer), 0) > 0;
	}
	printf("asked %ld\nanswered %ld\n", opt.n, answered);
}

/* ---- attacker ------------------------------------------------------------------------- */

static void send_bytes(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, 0) != (ssize_t)n)
		perror("send");
	usleep(1000); /* an ICMP error would fail the next one */
}

/* Prints how many have no question that can be understood, and how many have one. */
static void break_queries(void)
{
	unsigned char p[BYTES_MAX], q[BYTES_MAX];
	size_t n = make_query(q, 7, 1);
	int fd = open_socket(false);
	long broken = 0;

	for (size_t i = 1; i < n - 2; i++, broken++) /* cut anywhere before the type's end */
		send_bytes(fd, q, i);
	memcpy(p, q, n);
	memset(p + 4, 0xff, 8); /* 65535 of everything */
	send_bytes(fd, p, n);
	memcpy(p, q, n);
	p[HEADER] = 0xc0; /* points at itself */
	p[HEADER + 1] = HEADER;
	send_bytes(fd, p, n);
	p[HEADER] = 64; /* a kind of label that there is not */
	send_bytes(fd, p, n);
	p[HEADER] = 63; /* longer than the packet */
	send_bytes(fd, p, n);
	memset(p + HEADER, 0xff, sizeof(p) - HEADER);
	send_bytes(fd, p, sizeof(p));
	broken += 5;
	for (size_t i = HEADER; i < sizeof(p); i += 2) /* a name without end */
		memcpy(p + i, "\1x", 2);
	send_bytes(fd, p, sizeof(p));
	printf("broken %ld\nendless 1\n", broken);
}

static void send_frame(int fd, uint16_t protocol, const void *p, size_t n)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(opt.device),
		.sll_halen = 6,
		.sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	};

	if (sendto(fd, p, n, 0, (void *)&to, sizeof(to)) != (ssize_t)n)
		perror("sendto");
}

/* An answer of port 53 to port 9, cut anywhere, with headers of every length. */
static void break_headers(void)
{
	unsigned char p[128] = {0};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long frames = 0;

	if (fd < 0)
		die("packet socket");
	p[9] = 17;
	for (int words = 0; words < 16; words++) {
		p[0] = (unsigned char)(0x40 | words);
		memset(p + 20, 0, sizeof(p) - 20);
		p[words * 4 + 1] |= 53;
		p[words * 4 + 3] |= 9;
		p[words * 4 + 5] |= 200; /* more than there is */
		for (size_t n = 1; n <= sizeof(p); n++, frames++)
			send_frame(fd, ETHERTYPE_IP, p, n);
	}
	memset(p, 0, sizeof(p));
	p[0] = 0x60;
	p[6] = 17;
	p[41] = 53;
	for (size_t n = 1; n <= sizeof(p); n++, frames++)
		send_frame(fd, ETHERTYPE_IPV6, p, n);
	printf("frames %ld\n", frames);
}

static int options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:c:d:i:ln:q:r:stw:x")) != -1) {
		switch (c) {
		case 'a': opt.address = optarg; break;
		case 'c': opt.cut = atoi(optarg); break;
		case 'd': opt.delay_ms = atoi(optarg); break;
		case 'i': opt.device = optarg; break;
		case 'l': opt.listen = true; break;
		case 'n': opt.n = atol(optarg); break;
		case 'q': opt.type = atoi(optarg); break;
		case 'r': opt.rcode = atoi(optarg); break;
		case 's': opt.same = true; break;
		case 't': opt.truncated = true; break;
		case 'w': opt.wait_ms = atoi(optarg); break;
		case 'x': opt.hostile = true; break;
		default: return -1;
		}
	}
	return opt.rcode >= 0 && opt.rcode < 16 && opt.wait_ms > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	if (options(argc, argv) < 0)
		return 2;
	if (opt.listen)
		serve();
	else if (opt.hostile && opt.device)
		break_headers();
	else if (opt.hostile)
		break_queries();
	else
		ask();
	return 0;
}
