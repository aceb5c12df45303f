// SPDX-License-Identifier: GPL-2.0
/*
 * Answers every connection with the bytes of a file, whatever is asked: serve-raw PORT|/PATH FILE
 * For tests that need a server that says exactly this. Each request's head goes to FILE.asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *where)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int tcp = *where != '/', one = 1;
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (tcp)
		in.sin_port = htons((uint16_t)atoi(where));
	else
		strncpy(un.sun_path, where, sizeof(un.sun_path) - 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 ||
	    bind(fd, tcp ? (struct sockaddr *)&in : (struct sockaddr *)&un,
		 tcp ? sizeof(in) : sizeof(un)) < 0 ||
	    listen(fd, 16) < 0) {
		perror(where);
		exit(1);
	}
	if (!tcp)
		chmod(where, 0666);
	return fd;
}

static void read_head(int fd, const char *log)
{
	char head[4096];
	size_t n = 0;
	ssize_t r;
	int out;

	while (n < sizeof(head) - 1 && (r = read(fd, head + n, sizeof(head) - 1 - n)) > 0) {
		n += (size_t)r;
		head[n] = '\0';
		if (strstr(head, "\r\n\r\n"))
			break;
	}
	out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out >= 0 && write(out, head, n) == (ssize_t)n)
		close(out);
}

static void answer(int fd, const char *path)
{
	char some[65536];
	int in = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (in >= 0 && (n = read(in, some, sizeof(some))) > 0)
		if (send(fd, some, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	if (in >= 0)
		close(in);
}

int main(int argc, char **argv)
{
	char log[4096];
	int listener;

	if (argc != 3) {
		fprintf(stderr, "usage: serve-raw PORT|/PATH FILE\n");
		return 2;
	}
	snprintf(log, sizeof(log), "%s.asked", argv[2]);
	listener = listen_at(argv[1]);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		read_head(fd, log);
		answer(fd, argv[2]);
		close(fd);
	}
}
