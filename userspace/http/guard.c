// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sgprobe/str.h>

#include "guard.h"

static bool parse_port(const char *s, unsigned int *port)
{
	uint64_t v;

	if (sg_parse_u64(s, 1, 65535, &v) < 0)
		return false;
	*port = v;
	return true;
}

bool http_split_host(const char *s, char *host, unsigned int size, unsigned int *port)
{
	bool v6 = *s == '[';
	const char *end = v6 ? strchr(s, ']') : s + strcspn(s, ":");
	size_t len;

	*port = 0;
	if (!end)
		return false;
	s += v6;
	len = end - s;
	end += v6;
	if (!len || len >= size)
		return false;
	memcpy(host, s, len);
	host[len] = '\0';
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(v6 ? ":.%" : "-._", *c))
			return false;
	if (!*end)
		return true;
	return *end == ':' && parse_port(end + 1, port);
}

void http_guard_init(struct http_guard *g, const char *listen, const char *hosts)
{
	unsigned int port;

	memset(g, 0, sizeof(*g));
	snprintf(g->hosts, sizeof(g->hosts), "%s", hosts);
	if (!http_split_host(listen, g->listen, sizeof(g->listen), &port))
		g->listen[0] = '\0';
	g->any_address = !strcmp(g->listen, "0.0.0.0") || !strcmp(g->listen, "::");
	if (g->any_address)
		g->listen[0] = '\0';
}

static bool is_address(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return !strcasecmp(host, "localhost");
}

static bool in_list(const char *list, const char *host)
{
	size_t len = strlen(host);

	while (*list) {
		size_t n;

		list += strspn(list, ", \t");
		n = strcspn(list, ", \t");
		if (n == len && !strncasecmp(list, host, n) && n)
			return true;
		list += n;
	}
	return false;
}

/* The port is not looked at: a tunnel (ssh -L) changes it, and rebinding changes the name. */
bool http_host_allowed(const struct http_guard *g, const char *host)
{
	char name[256];
	unsigned int port;
	size_t len;

	if (!host || !http_split_host(host, name, sizeof(name), &port))
		return false;
	len = strlen(name);
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	if (is_loopback(name) || (g->listen[0] && !strcasecmp(name, g->listen)))
		return true;
	return in_list(g->hosts, name) || (g->any_address && is_address(name));
}

bool http_origin_allowed(const char *origin, const char *host)
{
	if (!strncasecmp(origin, "http://", 7))
		origin += 7;
	else if (!strncasecmp(origin, "https://", 8))
		origin += 8;
	else
		return false;
	return host && *host && !strcasecmp(origin, host);
}
