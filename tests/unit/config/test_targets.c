// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/setting.h"

static void a_list_gives_its_targets_in_order(void **state)
{
	const char *list =
		"node=http://127.0.0.1:9100/metrics?x=y, app=unix:/run/a.sock:/m ,b=http://[::1]:1,"
		"c=unix:/run/c.sock";
	struct sg_target t;

	assert_int_equal(sg_config_target(&list, &t, NULL), 1);
	assert_string_equal(t.job, "node");
	assert_string_equal(t.instance, "127.0.0.1:9100");
	assert_string_equal(t.path, "/metrics?x=y");
	assert_false(t.unix_socket);
	assert_int_equal(sg_config_target(&list, &t, NULL), 1);
	assert_string_equal(t.instance, "/run/a.sock");
	assert_string_equal(t.path, "/m");
	assert_true(t.unix_socket);
	assert_int_equal(sg_config_target(&list, &t, NULL), 1);
	assert_string_equal(t.instance, "[::1]:1");
	assert_string_equal(t.path, "/metrics");
	assert_int_equal(sg_config_target(&list, &t, NULL), 1);
	assert_string_equal(t.path, "/metrics");
	assert_int_equal(sg_config_target(&list, &t, NULL), 0);
}

static void what_is_no_target_is_named(void **state)
{
	static const char *const wrong[] = {
		"127.0.0.1:9100", "=http://127.0.0.1:1/",      "a b=http://127.0.0.1:1/",
		"a=https://x:1/", "a=http://127.0.0.1",	       "a=http://",
		"a=unix:",	  "a=unix:relative:/metrics",  "a=unix:/x:metrics",
		"a=/metrics",	  "a=http://127.0.0.1:1/\x01", "a=http://127.0.0.1:1/x#y",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct sg_error err = {""};

		assert_int_equal(sg_targets_check(wrong[i], &err), -EINVAL);
		if (!strstr(err.msg, "is not an endpoint"))
			fail_msg("%s: %s", wrong[i], err.msg);
	}
}

static void none_comes_twice_and_there_are_not_too_many(void **state)
{
	struct sg_error err = {""};
	char many[4096] = "";
	struct sg_config c;

	assert_int_equal(sg_targets_check("a=http://127.0.0.1:1/x,a=http://127.0.0.1:1/y", &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "twice"));
	for (int i = 0; i <= SG_TARGETS_MAX; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
			 "a=http://127.0.0.1:%d/ ", i + 1);
	assert_int_equal(sg_targets_check(many, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "more than"));
	sg_config_defaults(&c);
	assert_int_equal(sg_config_set(&c, "ingest.scrape", "a=b", &err), -EINVAL);
	assert_int_equal(sg_config_set(&c, "ingest.scrape", "a=http://127.0.0.1:1/", &err), 0);
	assert_int_equal(sg_config_set(&c, "ingest.scrape", "", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_gives_its_targets_in_order),
		cmocka_unit_test(what_is_no_target_is_named),
		cmocka_unit_test(none_comes_twice_and_there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
