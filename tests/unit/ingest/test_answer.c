// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <zlib.h>

#include "ingest/fetch.h"

struct said {
	int r;
	bool openmetrics;
	struct sg_buf body;
	struct sg_error why;
};

static void ask(struct said *s, const char *p, size_t n, size_t max)
{
	*s = (struct said){0};
	s->r = ingest_fetch_parse(p, n, max, &s->body, &s->openmetrics, &s->why);
}

static void expect(const char *answer, const char *body)
{
	struct said s;

	ask(&s, answer, strlen(answer), 1000);
	assert_int_equal(s.r, 0);
	assert_string_equal(s.body.data ? s.body.data : "", body);
	sg_buf_free(&s.body);
}

static void expect_no(const char *answer, const char *why)
{
	struct said s;

	ask(&s, answer, strlen(answer), 10);
	assert_true(s.r < 0);
	if (!strstr(s.why.msg, why))
		fail_msg("%s: %s", answer, s.why.msg);
	sg_buf_free(&s.body);
}

static void a_body_goes_to_the_end_or_to_its_length(void **state)
{
	expect("HTTP/1.0 200 OK\r\n\r\na 1\n", "a 1\n");
	expect("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: y\r\n\r\na 1\nmore", "a 1\n");
	expect("HTTP/1.1 200 OK\nContent-Encoding: identity\n\na 1\n", "a 1\n");
	expect("HTTP/1.1 200 OK\r\n\r\n", "");
}

static void what_is_no_whole_answer_is_none(void **state)
{
	expect_no("", "ends early");
	expect_no("HTTP/1.0 200 OK\r\n", "ends early");
	expect_no("HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\na 1\n", "ends early");
	expect_no("HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\n", "no number");
	expect_no("HTTP/1.0 404 Not found\r\n\r\n", "status 404");
	expect_no("HTTP/1.0 302 Found\r\nLocation: http://x/\r\n\r\n", "status 302");
	expect_no("SSH-2.0-OpenSSH_9\r\n\r\n", "does not speak HTTP");
	expect_no("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunks");
	expect_no("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n", "another way");
	expect_no("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot", "damaged");
	expect_no("HTTP/1.0 200 OK\r\n\r\nelevenbytes", "larger");
}

static void gzip_is_undone_and_cannot_explode(void **state)
{
	static const char head[] =
		"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n"
		"Content-Type: application/openmetrics-text; version=1.0.0\r\n\r\n";
	static char zeros[100000];
	char packed[4096];
	z_stream z = {.next_in = (Bytef *)zeros,
		      .avail_in = sizeof(zeros),
		      .next_out = (Bytef *)packed + sizeof(head) - 1,
		      .avail_out = sizeof(packed) - sizeof(head)};
	struct said s;

	memset(zeros, '#', sizeof(zeros));
	memcpy(packed, head, sizeof(head) - 1);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	ask(&s, packed, sizeof(head) - 1 + z.total_out, 100000);
	assert_int_equal(s.r, 0);
	assert_true(s.openmetrics);
	assert_int_equal(s.body.len, 100000);
	sg_buf_free(&s.body);
	ask(&s, packed, sizeof(head) - 1 + z.total_out, 99999);
	assert_int_equal(s.r, -EMSGSIZE);
	sg_buf_free(&s.body);
}

static void addresses_are_numbers_and_paths(void **state)
{
	struct ingest_address a;
	struct sg_target t = {.instance = "/run/x.sock", .unix_socket = true};

	assert_int_equal(ingest_target_address(&t, &a), 0);
	assert_true(a.loopback && a.un.sun_family == AF_UNIX);
	assert_string_equal(a.un.sun_path, "/run/x.sock");
	assert_int_equal(ingest_address("127.0.0.1:8125", &a), 0);
	assert_true(a.loopback && a.v4.sin_port == htons(8125));
	assert_int_equal(ingest_address("[::1]:1", &a), 0);
	assert_true(a.loopback && a.any.sa_family == AF_INET6);
	assert_int_equal(ingest_address("localhost:1", &a), 0);
	assert_true(a.loopback);
	assert_int_equal(ingest_address("10.0.0.1:1", &a), 0);
	assert_false(a.loopback);
	assert_int_equal(ingest_address("example.org:1", &a), -EINVAL);
	assert_int_equal(ingest_address("127.0.0.1", &a), -EINVAL);
	assert_int_equal(ingest_address("127.0.0.1:0", &a), -EINVAL);
	assert_int_equal(ingest_address("[::1:1", &a), -EINVAL);
	assert_int_equal(ingest_address(":1", &a), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_goes_to_the_end_or_to_its_length),
		cmocka_unit_test(what_is_no_whole_answer_is_none),
		cmocka_unit_test(gzip_is_undone_and_cannot_explode),
		cmocka_unit_test(addresses_are_numbers_and_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
