// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <sgprobe/mem.h>
#include <sgprobe/str.h>

#include "request.h"

size_t http_head_length(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	return end ? (size_t)(end - p) + 4 : 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_url_decode(char *s, bool plus)
{
	const char *in = s;
	char *out = s;

	while (*in) {
		unsigned char c = *in++;

		if (c == '+' && plus)
			c = ' ';
		if (c == '%') {
			int hi = hex(in[0]), lo = hi < 0 ? -1 : hex(in[1]);

			if (lo < 0)
				return false;
			c = hi << 4 | lo;
			in += 2;
		}
		if ((c < 0x20 && !(plus && (c == '\n' || c == '\t' || c == '\r'))) || c == 0x7f)
			return false;
		*out++ = c;
	}
	*out = '\0';
	return sg_utf8_valid(s, out - s);
}

bool http_has_token(const char *value, const char *token)
{
	size_t len = strlen(token);

	for (const char *p = value; p && *p;) {
		const char *end = p + strcspn(p, ",");

		p += strspn(p, " \t");
		if (!strncasecmp(p, token, len) && strchr(" \t;,", p[len])) {
			const char *q = p + len + strspn(p + len, " \t;");

			return strncasecmp(q, "q=0", 3) != 0 ||
			       strspn(q + 3, ".0") != strcspn(q + 3, ", \t");
		}
		p = *end ? end + 1 : end;
	}
	return false;
}

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

/* No encoded slash or backslash, no dot segment: nothing that a later reader could take for a way up. */
static bool path_is_plain(const char *path)
{
	for (const char *p = path; *p; p++) {
		if (*p == '\\')
			return false;
		if (*p != '/')
			continue;
		if (p[1] == '.' &&
		    (!p[2] || p[2] == '/' || (p[2] == '.' && (!p[3] || p[3] == '/'))))
			return false;
	}
	return true;
}

static int parse_target(char *target, struct http_request *r)
{
	char *q;

	if (target[0] != '/')
		return 400;
	for (const char *c = target; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '#')
			return 400;
	q = strchr(target, '?');
	if (q)
		*q++ = '\0';
	if (strcasestr(target, "%2f") || strcasestr(target, "%5c"))
		return 400;
	if (!http_url_decode(target, false) || !path_is_plain(target))
		return 400;
	r->path = target;
	r->query = q ? q : "";
	return 0;
}

static bool is_version(const char *s)
{
	return !strncmp(s, "HTTP/", 5) && isdigit((unsigned char)s[5]) && s[6] == '.' &&
	       isdigit((unsigned char)s[7]) && !s[8];
}

static int parse_request_line(char *line, struct http_request *r)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line))
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return is_version(version) ? 505 : 400;
	r->method = line;
	r->keep_alive = r->http11 = version[7] == '1';
	return parse_target(target, r);
}

/* The headers that mean something here; every other one is read over. */
static const struct known_header {
	const char *name;
	size_t field;
} known_headers[] = {
	{"host", offsetof(struct http_request, host)},
	{"origin", offsetof(struct http_request, origin)},
	{"accept", offsetof(struct http_request, accept)},
	{"accept-encoding", offsetof(struct http_request, accept_encoding)},
	{"content-type", offsetof(struct http_request, content_type)},
	{"content-encoding", offsetof(struct http_request, content_encoding)},
	{"if-none-match", offsetof(struct http_request, if_none_match)},
	{"connection", offsetof(struct http_request, connection)},
	{"upgrade", offsetof(struct http_request, upgrade)},
	{"sec-websocket-key", offsetof(struct http_request, ws_key)},
	{"sec-websocket-version", offsetof(struct http_request, ws_version)},
	{"sec-websocket-protocol", offsetof(struct http_request, ws_protocol)},
};

/* Once, and in digits alone: two that differ are how one request is smuggled in another. */
static int take_length(const char *value, struct http_request *r)
{
	uint64_t n;

	if (r->has_length || sg_parse_u64(value, 0, SIZE_MAX, &n) < 0)
		return 400;
	r->has_length = true;
	r->content_length = n;
	return 0;
}

static int take_header(const char *name, const char *value, struct http_request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_headers); i++) {
		const char **field = (const char **)((char *)r + known_headers[i].field);

		if (strcasecmp(name, known_headers[i].name) != 0)
			continue;
		if (*field) /* of Accept the first is enough; two of the others are a riddle */
			return field == (const char **)&r->accept ? 0 : 400;
		*field = value;
		return 0;
	}
	if (!strcasecmp(name, "content-length"))
		return take_length(value, r);
	if (!strcasecmp(name, "transfer-encoding"))
		return 413;
	if (strcasecmp(name, "expect") != 0)
		return 0;
	r->expects = !strcasecmp(value, "100-continue");
	return r->expects ? 0 : 417;
}

static int parse_header(char *line, struct http_request *r)
{
	char *colon = strchr(line, ':');
	char *value, *end;

	if (!colon)
		return 400;
	*colon = '\0';
	if (!is_token(line))
		return 400;
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && strchr(" \t", end[-1]))
		*--end = '\0';
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return 400;
	return take_header(line, value, r);
}

static int parse_lines(char *p, char *end, struct http_request *r)
{
	bool first = true;

	while (p < end) {
		char *eol = memmem(p, end - p, "\r\n", 2);
		int status;

		if (!eol)
			return 400;
		*eol = '\0';
		if (eol == p)
			return eol + 2 == end && !first ? 0 : 400;
		status = first ? parse_request_line(p, r) : parse_header(p, r);
		if (status)
			return status;
		first = false;
		p = eol + 2;
	}
	return 400;
}

bool http_is_form(const struct http_request *r)
{
	static const char form[] = "application/x-www-form-urlencoded";
	size_t n = sizeof(form) - 1;

	return r->content_type && !strncasecmp(r->content_type, form, n) &&
	       (!r->content_type[n] || strchr(" \t;", r->content_type[n]));
}

static int check_method(struct http_request *r)
{
	if (!strcmp(r->method, "GET"))
		return 0;
	r->post = !strcmp(r->method, "POST");
	if (r->post)
		return 0;
	if (strcmp(r->method, "HEAD") != 0)
		return 405;
	r->head = true;
	return 0;
}

int http_request_parse(char *p, size_t n, struct http_request *r)
{
	int status;

	memset(r, 0, sizeof(*r));
	if (n < 4 || memchr(p, '\0', n))
		return 400;
	if (memcmp(p + n - 4, "\r\n\r\n", 4) != 0)
		return 400;
	status = parse_lines(p, p + n, r);
	if (!status)
		status = check_method(r);
	if (!status && r->content_length && !r->post)
		status = 413;
	if (!status && r->expects && !r->content_length)
		status = 417;
	if (status) {
		r->head = r->post = r->keep_alive = false;
		return status;
	}
	if (r->connection && http_has_token(r->connection, "close"))
		r->keep_alive = false;
	return 0;
}
