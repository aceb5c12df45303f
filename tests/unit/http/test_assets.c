// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/assets.h"

#define TEXT "<!doctype html><p>hello hello hello hello</p>"

static unsigned char packed[256];
static struct sg_asset table[] = {
	{"/app-3F9A01BC.js", (const unsigned char *)"1", (const unsigned char *)"1" + 1},
	{"/index.html.gz", packed, packed},
	{"/torn.css.gz", (const unsigned char *)"\x1f\x8b\x08",
	 (const unsigned char *)"\x1f\x8b\x08" + 3},
	{NULL, NULL, NULL},
};

static int pack(void **state)
{
	struct http_response r = {0};

	while (r.body.len < 2000)
		sg_buf_str(&r.body, TEXT);
	http_response_gzip(&r);
	assert_true(r.gzip);
	memcpy(packed, r.body.data, r.body.len);
	table[1].end = packed + r.body.len;
	http_response_free(&r);
	return 0;
}

static struct http_response ask(const char *path, const char *encodings, const char *tag)
{
	struct http_request q = {.path = path, .accept_encoding = encodings, .if_none_match = tag};
	struct http_response r = {0};

	if (!http_asset(table, &q, &r))
		r.status = 404;
	return r;
}

static void a_packed_file_goes_out_as_it_is(void **state)
{
	struct http_response r = ask("/", "gzip", NULL);

	assert_int_equal(r.status, 200);
	assert_ptr_equal(http_response_body(&r), packed);
	assert_true(r.gzip && r.vary);
	assert_string_equal(r.type, "text/html; charset=utf-8");
	assert_string_equal(r.cache, "no-cache");
}

static void it_is_unpacked_for_those_who_cannot(void **state)
{
	struct http_response r = ask("/index.html", NULL, NULL);

	assert_int_equal(r.status, 200);
	assert_false(r.gzip);
	assert_memory_equal(r.body.data, TEXT TEXT, 2 * strlen(TEXT));
	assert_true(r.body.len >= 2000);
	http_response_free(&r);
}

static void a_known_tag_is_304_in_its_own_encoding(void **state)
{
	struct http_response plain = ask("/", NULL, NULL), gzip = ask("/", "gzip", NULL);
	char list[128];

	assert_string_not_equal(plain.etag, gzip.etag);
	snprintf(list, sizeof(list), "\"other\", W/%s", gzip.etag);
	assert_int_equal(ask("/", "gzip", list).status, 304);
	assert_int_equal(ask("/", "gzip", "*").status, 304);
	http_response_free(&plain);
	plain = ask("/", NULL, list);
	assert_int_equal(plain.status, 200);
	http_response_free(&plain);
}

static void names_with_a_hash_never_change(void **state)
{
	assert_string_equal(ask("/app-3F9A01BC.js", NULL, NULL).cache,
			    "public, max-age=31536000, immutable");
	assert_true(http_asset_immutable("/a/b-c-0123abcd.css"));
	assert_false(http_asset_immutable("/app-1.js"));
	assert_false(http_asset_immutable("/app-3F9A01BC"));
	assert_false(http_asset_immutable("/app.js"));
}

static void what_is_no_row_does_not_exist(void **state)
{
	static const char *const paths[] = {"/index.html.gz.gz",   "/index.htm",    "/index.html.",
					    "/app-3F9A01BC.js.gz", "/app-3F9A01BC", "",
					    "index.html",	   "//index.html",  "/index.html/"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_int_equal(ask(paths[i], NULL, NULL).status, 404);
}

static void a_torn_file_is_500(void **state)
{
	struct http_response r = ask("/torn.css", NULL, NULL);

	assert_int_equal(r.status, 500);
	http_response_free(&r);
}

static void unpacking_is_bounded(void **state)
{
	sg_auto_buf out = {0};

	assert_int_equal(sg_gunzip(packed, table[1].end - packed, 100, &out), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_file_goes_out_as_it_is),
		cmocka_unit_test(it_is_unpacked_for_those_who_cannot),
		cmocka_unit_test(a_known_tag_is_304_in_its_own_encoding),
		cmocka_unit_test(names_with_a_hash_never_change),
		cmocka_unit_test(what_is_no_row_does_not_exist),
		cmocka_unit_test(a_torn_file_is_500),
		cmocka_unit_test(unpacking_is_bounded),
	};

	return cmocka_run_group_tests(tests, pack, NULL);
}
