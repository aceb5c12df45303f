/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One HTTP/1.1 request head, read strictly: CRLF line ends, no folding, one Host,
 * one Origin, an absolute path, and a body of known length for POST alone. Whatever is unclear is refused here, so
 * that no two parts can understand the same bytes differently.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 8192

struct http_request {
	const char *path; /* decoded, valid UTF-8, no control bytes, no dot segments */
	const char *query; /* as sent, after the '?'; "" when there is none */
	const char *host, *origin, *accept_encoding, *if_none_match; /* NULL when absent */
	const char *upgrade, *connection, *ws_key, *ws_version, *ws_protocol;
	const char *accept, *content_type, *content_encoding;
	const char *method;
	const char *body; /* of a POST: content_length bytes and a NUL; NULL until it is whole */
	size_t content_length; /* 0 unless POST */
	bool has_length;
	bool http11; /* not 1.0 */
	bool expects; /* to be told before it sends the body */
	bool head; /* HEAD: answered without a body */
	bool post;
	bool keep_alive; /* the client allows another request on this connection */
};

/* Length of the head that starts at p, its empty line included; 0: not whole yet. */
size_t http_head_length(const char *p, size_t n);

/*
 * Parses a whole head of n bytes in place; the strings of r point into it. 0, or
 * the HTTP status to refuse it with; r->head and r->keep_alive are then false.
 */
int http_request_parse(char *p, size_t n, struct http_request *r);

/* Decodes %xx in place. '+' means a space when plus is set. False: malformed, NUL, control byte or not UTF-8. */
bool http_url_decode(char *s, bool plus);

/* Whether a body says that it is an HTML form's: application/x-www-form-urlencoded. */
bool http_is_form(const struct http_request *r);

/* True when a comma separated header value has the token (case ignored; ";q=0" means not). */
bool http_has_token(const char *value, const char *token);

#endif
