/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may ask: the Host header must be a name of this server, so that a foreign
 * name which was pointed at a loopback address (DNS rebinding) is refused, and an
 * Origin must be the page's own, so that a foreign page cannot open the feed.
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>

struct http_guard {
	char listen[128]; /* host part of the listening address; "" when it is a wildcard */
	bool any_address; /* listens on a wildcard: every literal address is its own */
	char hosts[1024]; /* further names, comma separated */
};

/* listen as in the settings ("127.0.0.1:9470", "[::1]:9470"). */
void http_guard_init(struct http_guard *g, const char *listen, const char *hosts);
bool http_host_allowed(const struct http_guard *g, const char *host);
bool http_origin_allowed(const char *origin, const char *host);

/* Splits "host:port", "[v6]:port", "host" or "[v6]": false when malformed. port 0: none. */
bool http_split_host(const char *s, char *host, unsigned int size, unsigned int *port);

#endif
