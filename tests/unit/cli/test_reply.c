// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cli/client.h"

static int keep(const void *p, size_t n, void *ctx)
{
	sg_buf_add(ctx, p, n);
	return 0;
}

/* Feeds text in pieces of n bytes; the body goes to b. 0 when the answer is whole. */
static int feed(const char *text, size_t len, size_t n, int *status, struct sg_buf *b)
{
	struct sg_reply r;
	int res = 0;

	sg_buf_reset(b);
	sg_reply_init(&r, keep, b);
	for (size_t i = 0; i < len && res == 0; i += n)
		res = sg_reply_feed(&r, text + i, SG_MIN(n, len - i));
	if (res == 0)
		res = sg_reply_end(&r);
	*status = r.status;
	sg_reply_free(&r);
	return res;
}

static void assert_answer(const char *text, int status, const char *body)
{
	sg_auto_buf b = {0};
	int got;

	for (size_t n = 1; n <= strlen(text); n++) {
		assert_int_equal(feed(text, strlen(text), n, &got, &b), 0);
		assert_int_equal(got, status);
		assert_string_equal(b.data ? b.data : "", body);
	}
}

static void assert_refused(const char *text)
{
	sg_auto_buf b = {0};
	int got;

	for (size_t n = 1; n <= strlen(text); n++)
		assert_int_equal(feed(text, strlen(text), n, &got, &b), -EBADMSG);
}

static void a_body_of_known_length_is_read_in_any_pieces(void **state)
{
	assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
	assert_answer("HTTP/1.1 404 Not Found\r\ncontent-length:0\r\nX: y\r\n\r\n", 404, "");
}

static void chunks_are_put_together(void **state)
{
	assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\n\r\n",
		      200, "hello, world!!!");
	assert_answer(
		"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n",
		200, "a");
}

static void a_body_may_end_with_the_connection(void **state)
{
	assert_answer("HTTP/1.0 200 OK\r\n\r\nall", 200, "all");
}

static void what_is_cut_off_is_refused(void **state)
{
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nContent-Le");
}

static void what_is_no_http_is_refused(void **state)
{
	assert_refused("SSH-2.0-OpenSSH_9.2\r\n\r\n");
	assert_refused("HTTP/1.1 2x0 OK\r\n\r\n");
	assert_refused("HTTP/1.1 099 OK\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
	assert_refused(
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n");
}

static void a_head_without_end_is_refused(void **state)
{
	static char text[40000];
	sg_auto_buf b = {0};
	int got;

	memset(text, 'a', sizeof(text));
	memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_int_equal(feed(text, sizeof(text), 4096, &got, &b), -EBADMSG);
}

static void a_query_is_escaped_for_a_url(void **state)
{
	sg_auto_buf b = {0};

	sg_url_escape(&b, "a{b=\"c d\"}+\xc3\xa9");
	assert_string_equal(b.data, "a%7Bb%3D%22c%20d%22%7D%2B%C3%A9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_of_known_length_is_read_in_any_pieces),
		cmocka_unit_test(chunks_are_put_together),
		cmocka_unit_test(a_body_may_end_with_the_connection),
		cmocka_unit_test(what_is_cut_off_is_refused),
		cmocka_unit_test(what_is_no_http_is_refused),
		cmocka_unit_test(a_head_without_end_is_refused),
		cmocka_unit_test(a_query_is_escaped_for_a_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
