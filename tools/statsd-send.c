// SPDX-License-Identifier: GPL-2.0
/*
 * Sends datagrams: statsd-send udp:PORT|unix:PATH COUNT RATE TEXT
 * COUNT times TEXT ("\n" in it is a line end, "%d" the number of the datagram, modulo 1000), RATE a second
 * or, for 0, as fast as it goes. Prints how many were handed to the kernel and in how many seconds.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int connect_to(const char *where)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int udp = strncmp(where, "udp:", 4) == 0;
	int fd = socket(udp ? AF_INET : AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (udp)
		in.sin_port = htons((uint16_t)atoi(where + 4));
	else
		strncpy(un.sun_path, where + 5, sizeof(un.sun_path) - 1);
	if (fd < 0 || connect(fd, udp ? (struct sockaddr *)&in : (struct sockaddr *)&un,
			      udp ? sizeof(in) : sizeof(un)) < 0) {
		perror(where);
		exit(1);
	}
	return fd;
}

/* Where the number goes, or NULL; "\n" becomes a line end. */
static char *prepare(char *text)
{
	char *to = text;

	for (char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] == 'n') {
			*to++ = '\n';
			p++;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return strstr(text, "%d");
}

static size_t make(char *out, size_t size, const char *text, const char *hole, long i)
{
	int n = hole ? snprintf(out, size, "%.*s%ld%s", (int)(hole - text), text, i % 1000,
				hole + 2)
		     : snprintf(out, size, "%s", text);

	return n < 0 ? 0 : (size_t)n;
}

int main(int argc, char **argv)
{
	static char packet[65536];
	double begin, rate;
	long count, sent = 0;
	char *hole;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: statsd-send udp:PORT|unix:PATH COUNT RATE TEXT\n");
		return 2;
	}
	fd = connect_to(argv[1]);
	count = atol(argv[2]);
	rate = atof(argv[3]);
	hole = prepare(argv[4]);
	begin = now();
	for (long i = 0; i < count; i++) {
		size_t n = make(packet, sizeof(packet), argv[4], hole, i);

		sent += send(fd, packet, n, 0) == (ssize_t)n;
		while (rate > 0 && i % 50 == 49 && now() < begin + i / rate)
			usleep(500);
	}
	printf("%ld %.3f\n", sent, now() - begin);
	return 0;
}
