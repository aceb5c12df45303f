// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/request.h"

static char *copy; /* exactly as long as the head, so that a sanitizer sees a byte too far */

static int parse(const char *text, struct http_request *r)
{
	size_t n = strlen(text);

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, text, n);
	return http_request_parse(copy, n, r);
}

static int teardown(void **state)
{
	free(copy);
	copy = NULL;
	return 0;
}

static void a_browsers_head_is_understood(void **state)
{
	struct http_request r;

	assert_int_equal(parse("GET /a%20b/%C3%A4?x=1&y=%2F HTTP/1.1\r\nHost: localhost:1\r\n"
			       "User-Agent: M\xc3\xb6\r\nACCEPT-ENCODING:  gzip, br \r\n"
			       "Origin: http://localhost:1\r\nIf-None-Match: \"x\"\r\n\r\n",
			       &r),
			 0);
	assert_string_equal(r.path, "/a b/\xc3\xa4");
	assert_string_equal(r.query, "x=1&y=%2F");
	assert_string_equal(r.host, "localhost:1");
	assert_string_equal(r.accept_encoding, "gzip, br");
	assert_string_equal(r.origin, "http://localhost:1");
	assert_string_equal(r.if_none_match, "\"x\"");
	assert_true(r.keep_alive);
	assert_false(r.head);
	assert_null(r.upgrade);
}

static void connection_and_version_decide_on_keeping_it(void **state)
{
	struct http_request r;

	assert_int_equal(parse("HEAD / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n", &r), 0);
	assert_true(r.head);
	assert_false(r.keep_alive);
	assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &r), 0);
	assert_false(r.keep_alive);
	assert_string_equal(r.query, "");
}

static void what_is_no_request_has_its_status(void **state)
{
	static const struct {
		const char *head;
		int status;
	} cases[] = {
		{"", 400},
		{"\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\nx\r\n\r\n", 400},
		{"GET / HTTP/1.1 \r\n\r\n", 400},
		{"GET / HTTP/3.0\r\n\r\n", 505},
		{"GET / HTTX/1.1\r\n\r\n", 400},
		{"G\x01T / HTTP/1.1\r\n\r\n", 400},
		{"PUT / HTTP/1.1\r\n\r\n", 405},
		{"get / HTTP/1.1\r\n\r\n", 405},
		{"GET a HTTP/1.1\r\n\r\n", 400},
		{"GET /# HTTP/1.1\r\n\r\n", 400},
		{"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", 400},
		{"GET /%00 HTTP/1.1\r\n\r\n", 400},
		{"GET /%2f HTTP/1.1\r\n\r\n", 400},
		{"GET /%2e%2E HTTP/1.1\r\n\r\n", 400},
		{"GET /a/./b HTTP/1.1\r\n\r\n", 400},
		{"GET /%c0%ae HTTP/1.1\r\n\r\n", 400},
		{"GET /%0a HTTP/1.1\r\n\r\n", 400},
		{"GET /% HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nA\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", 413},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", 413},
		{"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0},
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 0},
		{"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413},
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 0},
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\n", 417},
		{"POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", 417},
		{"GET /...a/.b/c. HTTP/1.1\r\n\r\n", 0},
	};
	struct http_request r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].head, &r), cases[i].status);
		if (cases[i].status)
			assert_false(r.keep_alive);
	}
}

static void a_torn_head_is_not_whole_and_never_read_past(void **state)
{
	static const char head[] = "GET /a?b HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n";
	struct http_request r;

	for (size_t n = 0; n < sizeof(head) - 1; n++) {
		char *part = malloc(n ? n : 1);

		memcpy(part, head, n);
		assert_int_equal(http_head_length(part, n), 0);
		assert_int_equal(http_request_parse(part, n, &r), 400);
		free(part);
	}
	assert_int_equal(http_head_length(head, sizeof(head) - 1), sizeof(head) - 1);
	assert_int_equal(http_head_length("a\r\n\r\nb\r\n\r\n", 10), 5);
}

static void tokens_are_found_whole_and_unless_q_is_0(void **state)
{
	assert_true(http_has_token("gzip", "gzip"));
	assert_true(http_has_token("br, GZIP;q=0.5", "gzip"));
	assert_true(http_has_token("gzip; q=1", "gzip"));
	assert_true(http_has_token("br,\tgzip , x", "gzip"));
	assert_false(http_has_token("gzip;q=0", "gzip"));
	assert_false(http_has_token("gzip; q=0.000", "gzip"));
	assert_true(http_has_token("gzip; q=0.01", "gzip"));
	assert_false(http_has_token("gzipped, xgzip", "gzip"));
	assert_false(http_has_token("", "gzip"));
	assert_false(http_has_token(NULL, "gzip"));
}

static void decoding_is_strict(void **state)
{
	char plus[] = "a+b%2Bc%0A", path[] = "a+b", bad[] = "%u0041", half[] = "a%4", low[] = "%1f";

	assert_true(http_url_decode(plus, true));
	assert_string_equal(plus, "a b+c\n");
	assert_true(http_url_decode(path, false));
	assert_string_equal(path, "a+b");
	assert_false(http_url_decode(bad, true));
	assert_false(http_url_decode(half, true));
	assert_false(http_url_decode(low, true));
}

static void a_form_has_one_length(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nAccept: a/b\r\nAccept: c/d\r\n"
				   "Content-Type: application/x-www-form-urlencoded;x=y\r\n";
	static const struct {
		const char *more;
		int status;
		size_t length;
	} cases[] = {
		{"Content-Length: 12\r\n", 0, 12},
		{"Content-Length: 0\r\n", 0, 0},
		{"", 0, 0},
		{"Content-Length: 1\r\nContent-Length: 1\r\n", 400, 0},
		{"Content-Length: -1\r\n", 400, 0},
		{"Content-Length: 18446744073709551616\r\n", 400, 0},
		{"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 413, 0},
	};
	struct http_request r;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "%s%s\r\n", head, cases[i].more);
		assert_int_equal(parse(text, &r), cases[i].status);
		if (cases[i].status)
			continue;
		assert_true(r.post && http_is_form(&r));
		assert_int_equal(r.content_length, cases[i].length);
		assert_string_equal(r.accept, "a/b");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_browsers_head_is_understood, teardown),
		cmocka_unit_test_teardown(connection_and_version_decide_on_keeping_it, teardown),
		cmocka_unit_test_teardown(what_is_no_request_has_its_status, teardown),
		cmocka_unit_test(a_torn_head_is_not_whole_and_never_read_past),
		cmocka_unit_test(tokens_are_found_whole_and_unless_q_is_0),
		cmocka_unit_test(decoding_is_strict),
		cmocka_unit_test_teardown(a_form_has_one_length, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
