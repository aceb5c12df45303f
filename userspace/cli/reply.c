// SPDX-License-Identifier: GPL-2.0
/* An HTTP/1.1 answer, decoded as it comes. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client.h"

#define HEAD_MAX 16384
#define LINE_MAX_LEN 256

enum { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK, IN_CHUNK_END, IN_TRAILER };

void sg_reply_init(struct sg_reply *r, sg_client_on_body cb, void *ctx)
{
	*r = (struct sg_reply){.cb = cb, .ctx = ctx, .head = {.max = HEAD_MAX}};
}

void sg_reply_free(struct sg_reply *r)
{
	sg_buf_free(&r->head);
}

/* The value of a header in the whole head, or NULL. */
static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *l = strstr(head, "\r\n"); l; l = strstr(l + 2, "\r\n"))
		if (strncasecmp(l + 2, name, n) == 0 && l[2 + n] == ':')
			return l + 3 + n + strspn(l + 3 + n, " \t");
	return NULL;
}

static int parse_length(struct sg_reply *r, const char *text)
{
	char digits[24] = "";
	size_t n = strcspn(text, "\r \t");

	if (n >= sizeof(digits))
		return -EBADMSG;
	memcpy(digits, text, n);
	if (sg_parse_u64(digits, 0, UINT64_MAX, &r->left) < 0)
		return -EBADMSG;
	r->framing = SG_BODY_LENGTH;
	r->done = r->left == 0;
	return 0;
}

static int parse_head(struct sg_reply *r)
{
	const char *h = r->head.data, *length, *coding;

	if (strncmp(h, "HTTP/1.", 7) != 0 || strlen(h) < 12 || h[8] != ' ')
		return -EBADMSG;
	for (int i = 9; i < 12; i++)
		if (h[i] < '0' || h[i] > '9')
			return -EBADMSG;
	r->status = (h[9] - '0') * 100 + (h[10] - '0') * 10 + (h[11] - '0');
	if (r->status < 200 || r->status > 599)
		return -EBADMSG;
	coding = header(h, "transfer-encoding");
	length = header(h, "content-length");
	r->framing = SG_BODY_TO_END;
	r->state = IN_BODY;
	if (coding) {
		if (strncasecmp(coding, "chunked", 7) != 0)
			return -EBADMSG;
		r->framing = SG_BODY_CHUNKED;
		r->state = IN_CHUNK_SIZE;
		return 0;
	}
	return length ? parse_length(r, length) : 0;
}

static int hand_over(struct sg_reply *r, const char *p, size_t n)
{
	r->total += n;
	return r->cb(p, n, r->ctx);
}

/* Collects up to and with the line's end in r->head. 1: it is whole. */
static int collect_line(struct sg_reply *r, const char **p, const char *end)
{
	while (*p < end) {
		sg_buf_char(&r->head, *(*p)++);
		if (r->head.err || r->head.len > LINE_MAX_LEN)
			return -EBADMSG;
		if (r->head.data[r->head.len - 1] == '\n')
			return 1;
	}
	return 0;
}

static int hex_size(const char *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < 15; n++, s++) {
		int d = *s >= '0' && *s <= '9'	 ? *s - '0'
			: *s >= 'a' && *s <= 'f' ? *s - 'a' + 10
			: *s >= 'A' && *s <= 'F' ? *s - 'A' + 10
						 : -1;
		if (d < 0)
			break;
		v = v * 16 + d;
	}
	*ret = v;
	return n && (*s == '\r' || *s == '\n' || *s == ';') ? 0 : -EBADMSG;
}

static int end_of_line(struct sg_reply *r)
{
	int res = 0;

	switch (r->state) {
	case IN_CHUNK_SIZE:
		res = hex_size(r->head.data, &r->left);
		r->state = r->left ? IN_CHUNK : IN_TRAILER;
		break;
	case IN_CHUNK_END: r->state = IN_CHUNK_SIZE; break;
	default: /* an empty line ends the trailer */
		r->done = r->head.data[0] == '\r' || r->head.data[0] == '\n';
	}
	sg_buf_reset(&r->head);
	return res;
}

static int feed_head(struct sg_reply *r, const char **p, const char *end)
{
	while (*p < end && r->state == IN_HEAD) {
		sg_buf_char(&r->head, *(*p)++);
		if (r->head.err)
			return -EBADMSG;
		if (r->head.len >= 4 &&
		    memcmp(r->head.data + r->head.len - 4, "\r\n\r\n", 4) == 0) {
			int res =
				memchr(r->head.data, '\0', r->head.len) ? -EBADMSG : parse_head(r);

			sg_buf_reset(&r->head);
			return res;
		}
	}
	return 0;
}

static int feed_body(struct sg_reply *r, const char **p, const char *end)
{
	size_t n = end - *p;
	int res;

	if (r->framing != SG_BODY_TO_END)
		n = SG_MIN(n, r->left);
	res = hand_over(r, *p, n);
	*p += n;
	if (r->framing == SG_BODY_TO_END)
		return res;
	r->left -= n;
	if (r->left == 0 && r->framing == SG_BODY_LENGTH)
		r->done = true;
	else if (r->left == 0)
		r->state = IN_CHUNK_END;
	return res;
}

int sg_reply_feed(struct sg_reply *r, const char *p, size_t n)
{
	const char *end = p + n;
	int res = 0;

	while (p < end && !r->done && res >= 0) {
		if (r->state == IN_HEAD) {
			res = feed_head(r, &p, end);
		} else if (r->state == IN_BODY || r->state == IN_CHUNK) {
			res = feed_body(r, &p, end);
		} else {
			res = collect_line(r, &p, end);
			if (res > 0)
				res = end_of_line(r);
		}
	}
	return SG_MIN(res, 0);
}

int sg_reply_end(struct sg_reply *r)
{
	if (r->done)
		return 0;
	return r->state == IN_BODY && r->framing == SG_BODY_TO_END ? 0 : -EBADMSG;
}
