/* SPDX-License-Identifier: GPL-2.0 */
/* Numeric addresses: nothing is looked up, so nobody else says where to send to. */
#ifndef SG_INGEST_ADDRESS_H
#define SG_INGEST_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct ingest_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	};
	socklen_t len;
	bool loopback; /* or a unix socket */
};

/* "127.0.0.1:8125", "[::1]:8125", "localhost:8125". 0 or -EINVAL. */
int ingest_address(const char *hostport, struct ingest_address *a);

#endif
