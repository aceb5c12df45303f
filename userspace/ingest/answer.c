// SPDX-License-Identifier: GPL-2.0
/* The answer to a fetch: status line, the few headers that matter, body. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "fetch.h"

struct answer {
	int64_t length; /* -1: until the end */
	bool gzip, openmetrics;
	const char *body;
	size_t n;
};

static bool has_prefix(const char *p, size_t n, const char *prefix)
{
	size_t k = strlen(prefix);

	return n >= k && strncasecmp(p, prefix, k) == 0;
}

static int take_length(struct answer *a, const char *p, size_t n, struct sg_error *why)
{
	char text[24];
	uint64_t v;

	if (n >= sizeof(text))
		return sg_fail(why, -EBADMSG, "its length is no number");
	memcpy(text, p, n);
	text[n] = '\0';
	if (sg_parse_u64(text, 0, INT64_MAX, &v) < 0)
		return sg_fail(why, -EBADMSG, "its length is no number");
	a->length = (int64_t)v;
	return 0;
}

static int take_header(struct answer *a, const char *p, size_t n, struct sg_error *why)
{
	static const char length[] = "content-length:", coding[] = "content-encoding:",
			  transfer[] = "transfer-encoding:", type[] = "content-type:";
	const char *colon = memchr(p, ':', n), *v = colon ? colon + 1 : p + n;
	size_t k;

	while (v < p + n && (*v == ' ' || *v == '\t'))
		v++;
	k = (size_t)(p + n - v);
	while (k && (v[k - 1] == ' ' || v[k - 1] == '\t'))
		k--;
	if (has_prefix(p, n, transfer))
		return sg_fail(why, -EBADMSG, "it answers HTTP/1.0 in chunks");
	if (has_prefix(p, n, length))
		return take_length(a, v, k, why);
	if (has_prefix(p, n, type))
		a->openmetrics = has_prefix(v, k, "application/openmetrics-text");
	if (has_prefix(p, n, coding)) {
		a->gzip = k == 4 && has_prefix(v, k, "gzip");
		if (!a->gzip && !(k == 8 && has_prefix(v, k, "identity")))
			return sg_fail(why, -EBADMSG, "it is packed in another way than gzip");
	}
	return 0;
}

/* "HTTP/1.1 200 OK" */
static int take_status(const char *p, size_t n, struct sg_error *why)
{
	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
		return sg_fail(why, -EBADMSG, "it does not speak HTTP");
	if (memcmp(p + 9, "200", 3) != 0)
		return sg_fail(why, -EBADMSG, "it answers with status %.3s", p + 9);
	return 0;
}

/* All up to the empty line. */
static int take_head(struct answer *a, const char *p, size_t n, struct sg_error *why)
{
	const char *end = p + n, *start = p;

	for (;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len;
		int r;

		if (!nl)
			return sg_fail(why, -EBADMSG, "its answer ends early");
		len = (size_t)(nl - p);
		len -= len && p[len - 1] == '\r';
		if (!len && p != start)
			break;
		r = p == start ? take_status(p, len, why) : take_header(a, p, len, why);
		if (r < 0)
			return r;
		p = nl + 1;
	}
	p = memchr(p, '\n', (size_t)(end - p));
	a->body = p + 1;
	a->n = (size_t)(end - a->body);
	return 0;
}

static int unpack(const struct answer *a, size_t max, struct sg_buf *body, struct sg_error *why)
{
	int r = 0;

	if (a->gzip)
		r = sg_gunzip(a->body, a->n, max, body);
	else
		sg_buf_add(body, a->body, a->n);
	if (r == -EMSGSIZE)
		return sg_fail(why, r, "it is larger than ingest.scrape_bytes");
	if (r < 0)
		return sg_fail(why, r, "its gzip is damaged");
	return body->err;
}

int ingest_fetch_parse(const char *p, size_t n, size_t max_bytes, struct sg_buf *body,
		       bool *openmetrics, struct sg_error *why)
{
	struct answer a = {.length = -1};
	int r = take_head(&a, p, n, why);

	if (r < 0)
		return r;
	if (a.length >= 0 && (uint64_t)a.length > a.n)
		return sg_fail(why, -EBADMSG, "its answer ends early");
	if (a.length >= 0)
		a.n = (size_t)a.length;
	if (a.n > max_bytes)
		return sg_fail(why, -EMSGSIZE, "it is larger than ingest.scrape_bytes");
	*openmetrics = a.openmetrics;
	return unpack(&a, max_bytes, body, why);
}
