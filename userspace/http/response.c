// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "pipe.h"
#include "response.h"

#define GZIP_MIN 1024

/*
 * Nothing is loaded from elsewhere, nothing runs that is not one of our own files,
 * nobody frames us, and no type is guessed: names from the machine (a process is
 * called what its owner likes) reach the page as data only.
 */
static const char strict_headers[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; "
	"form-action 'none'; frame-ancestors 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"X-Frame-Options: DENY\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n"
	"Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n";

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{204, "No Content"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

void http_response_free(struct http_response *r)
{
	sg_buf_free(&r->body);
	http_pipe_unref(r->pipe);
	r->pipe = NULL;
}

size_t http_response_length(const struct http_response *r)
{
	return r->fixed ? r->fixed_len : r->body.len;
}

const void *http_response_body(const struct http_response *r)
{
	return r->fixed ? r->fixed : r->body.data;
}

void http_response_text(struct http_response *r, int status, const char *text)
{
	sg_buf_reset(&r->body);
	r->fixed = NULL;
	r->status = status;
	r->type = "text/plain; charset=utf-8";
	sg_buf_printf(&r->body, "%s\n", text);
}

/* Neither has a body, nor says anything of one. */
static bool is_bare(const struct http_response *r)
{
	return r->status == 304 || r->status == 204;
}

void http_response_head(struct sg_buf *out, const struct http_response *r, bool keep_alive)
{
	sg_buf_printf(out, "HTTP/1.1 %d %s\r\n", r->status, http_reason(r->status));
	if (r->type && !is_bare(r))
		sg_buf_printf(out, "Content-Type: %s\r\n", r->type);
	if (!r->stream && !is_bare(r))
		sg_buf_printf(out, "Content-Length: %zu\r\n", http_response_length(r));
	if (r->chunked)
		sg_buf_str(out, "Transfer-Encoding: chunked\r\n");
	if (r->gzip && r->status != 304)
		sg_buf_str(out, "Content-Encoding: gzip\r\n");
	if (r->vary || r->vary_accept)
		sg_buf_printf(out, "Vary: %s%s\r\n", r->vary_accept ? "Accept, " : "",
			      "Accept-Encoding");
	if (r->etag[0])
		sg_buf_printf(out, "ETag: %s\r\n", r->etag);
	if (r->allow)
		sg_buf_printf(out, "Allow: %s\r\n", r->allow);
	sg_buf_printf(out, "Cache-Control: %s\r\n", r->cache ? r->cache : "no-store");
	sg_buf_str(out, strict_headers);
	sg_buf_printf(out, "Connection: %s\r\n\r\n", keep_alive ? "keep-alive" : "close");
}

static int deflate_all(const struct sg_buf *in, char *out, size_t *n)
{
	z_stream z = {.next_in = (Bytef *)in->data, .avail_in = in->len};
	int r;

	if (deflateInit2(&z, 5, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.next_out = (Bytef *)out;
	z.avail_out = *n;
	r = deflate(&z, Z_FINISH);
	*n = z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -EMSGSIZE;
}

void http_response_gzip(struct http_response *r)
{
	size_t n = r->body.len;
	char *out;

	r->vary = true;
	if (r->fixed || r->gzip || n < GZIP_MIN)
		return;
	out = malloc(n);
	if (!out || deflate_all(&r->body, out, &n) < 0) {
		free(out);
		return;
	}
	free(r->body.data);
	r->body.data = out;
	r->body.cap = r->body.len;
	r->body.len = n;
	r->gzip = true;
}
