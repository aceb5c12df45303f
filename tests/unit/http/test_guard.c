// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sgprobe/mem.h>

#include "http/guard.h"

static void expect(const struct http_guard *g, bool allowed, const char *const *hosts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (http_host_allowed(g, hosts[i]) != allowed)
			fail_msg("%s: expected %d", hosts[i], allowed);
}

static void loopback_the_own_address_and_listed_names_are_served(void **state)
{
	static const char *const good[] = {"localhost",		 "LocalHost:80", "127.0.0.1",
					   "127.255.0.1:9",	 "[::1]",	 "[::1]:9470",
					   "10.1.2.3:9470",	 "10.1.2.3",	 "probe.example",
					   "Probe.Example.:443", "b.c"};
	static const char *const bad[] = {"",
					  ":80",
					  "evil.example",
					  "localhost.evil.example",
					  "127.0.0.1.evil.example",
					  "10.1.2.4",
					  "::1",
					  "[::1",
					  "[]",
					  "[::2]",
					  "localhost:",
					  "localhost:0",
					  "localhost:65536",
					  "localhost:x",
					  "localhost:80:80",
					  "a@localhost",
					  "localhost/",
					  "probe",
					  "example",
					  "local host",
					  "128.0.0.1",
					  "0.0.0.0",
					  "[::ffff:127.0.0.1]:x"};
	struct http_guard g;

	http_guard_init(&g, "10.1.2.3:9470", "probe.example, b.c,");
	expect(&g, true, good, ARRAY_SIZE(good));
	expect(&g, false, bad, ARRAY_SIZE(bad));
	assert_false(http_host_allowed(&g, NULL));
}

static void a_wildcard_listener_serves_addresses_but_no_foreign_names(void **state)
{
	struct http_guard g;

	http_guard_init(&g, "0.0.0.0:9470", "");
	assert_true(http_host_allowed(&g, "10.1.2.3:9470"));
	assert_true(http_host_allowed(&g, "[fe80::1]:9470"));
	assert_false(http_host_allowed(&g, "evil.example"));
	http_guard_init(&g, "[::]:9470", "");
	assert_true(http_host_allowed(&g, "10.1.2.3"));
	http_guard_init(&g, "[::1]:9470", "");
	assert_false(http_host_allowed(&g, "10.1.2.3"));
}

static void an_origin_is_the_own_host_or_nothing(void **state)
{
	assert_true(http_origin_allowed("http://localhost:9470", "localhost:9470"));
	assert_true(http_origin_allowed("HTTPS://Probe.example", "probe.EXAMPLE"));
	assert_false(http_origin_allowed("http://localhost:9471", "localhost:9470"));
	assert_false(http_origin_allowed("http://localhost", "localhost:9470"));
	assert_false(http_origin_allowed("http://localhost:9470/", "localhost:9470"));
	assert_false(http_origin_allowed("null", "null"));
	assert_false(http_origin_allowed("http://", ""));
	assert_false(http_origin_allowed("", "localhost"));
	assert_false(http_origin_allowed("http://localhost", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_the_own_address_and_listed_names_are_served),
		cmocka_unit_test(a_wildcard_listener_serves_addresses_but_no_foreign_names),
		cmocka_unit_test(an_origin_is_the_own_host_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
