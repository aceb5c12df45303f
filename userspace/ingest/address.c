// SPDX-License-Identifier: GPL-2.0
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <sgprobe/str.h>

/* Splits in place at the last colon; brackets of IPv6 go. */
static char *split(char *text, uint16_t *port)
{
	char *colon = strrchr(text, ':'), *end;
	uint64_t v;

	if (!colon || sg_parse_u64(colon + 1, 1, 65535, &v) < 0)
		return NULL;
	*colon = '\0';
	*port = htons((uint16_t)v);
	end = colon - 1;
	if (*text != '[')
		return text;
	if (end <= text || *end != ']')
		return NULL;
	*end = '\0';
	return text + 1;
}

int ingest_address(const char *hostport, struct ingest_address *a)
{
	char text[128];
	size_t n = strlen(hostport);
	const char *host;
	uint16_t port;

	*a = (struct ingest_address){.len = 0};
	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, hostport, n + 1);
	host = split(text, &port);
	if (!host)
		return -EINVAL;
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = port;
		a->len = sizeof(a->v4);
		a->loopback = ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) != 1)
		return -EINVAL;
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = port;
	a->len = sizeof(a->v6);
	a->loopback = IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
	return 0;
}
