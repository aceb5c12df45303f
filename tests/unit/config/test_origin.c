// SPDX-License-Identifier: GPL-2.0
/* Settings that are read again: all mistakes at once, what changed, and what may be taken over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/load.h"
#include "config/setting.h"

#include <sgprobe/file.h>

static void all_mistakes_are_told(void **state)
{
	static const char text[] =
		"store:\n  flsh: 1s\n  flush: 2s\n  flush: 3s\nwbe:\n  a: {b: c}\n"
		"  d: 1\nprobe:\n  tcp: x\n  dns: false\n";
	struct sg_config_trace t = {0};
	struct sg_error err = {""};
	struct sg_config c, before;

	sg_config_defaults(&c);
	before = c;
	assert_int_equal(sg_config_trace_text(&c, text, strlen(text), "f", &t, &err), -EINVAL);
	assert_int_equal(t.n_errors, 4);
	assert_string_equal(t.errors[0].msg,
			    "f:2: store.flsh: there is no such setting; did you mean store.flush?");
	assert_string_equal(t.errors[1].msg,
			    "f:4: store.flush: is set a second time; the first is in line 3");
	assert_non_null(strstr(t.errors[2].msg, "f:6: wbe: there is no such setting"));
	assert_string_equal(t.errors[3].msg, "f:9: probe.tcp: 'x' is neither true nor false");
	assert_string_equal(err.msg, t.errors[0].msg);
	assert_memory_equal(&c, &before, sizeof(c));
	sg_config_trace_free(&t);
}

static void what_is_no_yaml_ends_the_reading(void **state)
{
	static const char text[] = "user: [\nstore:\n";
	struct sg_config_trace t = {0};
	struct sg_error err = {""};
	struct sg_config c;

	sg_config_defaults(&c);
	assert_int_equal(sg_config_trace_text(&c, text, strlen(text), "f", &t, &err), -EINVAL);
	assert_int_equal(t.n_errors, 1);
	sg_config_trace_free(&t);
}

static void mistakes_are_bounded(void **state)
{
	struct sg_config_trace t = {0};
	struct sg_error err = {""};
	sg_auto_buf b = {0};
	struct sg_config c;

	for (int i = 0; i < 100; i++)
		sg_buf_printf(&b, "nonsense%d: 1\n", i);
	sg_config_defaults(&c);
	assert_int_equal(sg_config_trace_text(&c, b.data, b.len, "f", &t, &err), -EINVAL);
	assert_int_equal(t.n_errors, SG_CONFIG_ERRORS_MAX);
	sg_config_trace_free(&t);
}

static void lines_are_known(void **state)
{
	static const char text[] = "\nuser: x\nstore:\n  flush: 2s\n";
	struct sg_config_trace t = {0};
	struct sg_config c;

	sg_config_defaults(&c);
	assert_int_equal(sg_config_trace_text(&c, text, strlen(text), "f", &t, NULL), 0);
	assert_int_equal(t.lines[sg_setting_find("user") - sg_settings], 2);
	assert_int_equal(t.lines[sg_setting_find("store.flush") - sg_settings], 4);
	assert_int_equal(t.lines[sg_setting_find("listen") - sg_settings], 0);
	sg_config_trace_free(&t);
}

static void flags_stay_over_the_file(void **state)
{
	struct sg_config_origin o = {.required = true};
	struct sg_error err = {""};
	struct sg_config c;

	snprintf(o.path, sizeof(o.path), "/tmp/sgprobe-test-origin-%d", getpid());
	assert_int_equal(sg_write_file(o.path, "user: a\nlisten: none\n", 21, 0600), 0);
	assert_int_equal(sg_config_origin_flag(&o, "user", "b"), 0);
	assert_int_equal(sg_config_origin_flag(&o, "nonsense", "b"), -E2BIG);
	assert_int_equal(sg_config_origin_read(&o, &c, &err), 0);
	assert_string_equal(c.user, "b");
	assert_string_equal(c.listen, "none");
	unlink(o.path);
	assert_int_equal(sg_config_origin_read(&o, &c, &err), -ENOENT);
	o.required = false;
	assert_int_equal(sg_config_origin_read(&o, &c, &err), 0);
	assert_string_equal(c.user, "b");
	assert_string_equal(c.listen, "127.0.0.1:9470");
}

static void changes_are_told_and_taken_by_what_they_take(void **state)
{
	struct sg_config_change changes[SG_CONFIG_CHANGES_MAX];
	struct sg_config a, b;

	sg_config_defaults(&a);
	b = a;
	assert_int_equal(sg_config_changes(&a, &b, changes, SG_CONFIG_CHANGES_MAX), 0);
	sg_config_set(&b, "listen", "none", NULL);
	sg_config_set(&b, "store.flush", "3s", NULL);
	sg_config_set(&b, "probe.tcp", "false", NULL);
	b.n_probes = 1;
	assert_int_equal(sg_config_changes(&a, &b, changes, SG_CONFIG_CHANGES_MAX), 4);
	assert_string_equal(changes[0].key, "listen");
	assert_int_equal(changes[0].scope, SG_SCOPE_DAEMON);
	assert_int_equal(changes[1].scope, SG_SCOPE_SERVER);
	assert_string_equal(changes[1].before, "10s");
	assert_string_equal(changes[1].after, "3s");
	assert_int_equal(changes[2].scope, SG_SCOPE_PROBE);
	assert_string_equal(changes[3].key, "probes");
	sg_config_take(&a, &b);
	assert_string_equal(a.listen, "127.0.0.1:9470");
	assert_int_equal(a.flush_ns, 3000000000);
	assert_false(a.domain_tcp);
	assert_int_equal(a.n_probes, 0);
	assert_true(sg_n_settings < SG_CONFIG_CHANGES_MAX);
}

static void secrets_are_not_shown(void **state)
{
	const struct sg_setting s = {.key = "x",
				     .kind = SG_SETTING_SECRET,
				     .offset = offsetof(struct sg_config, user),
				     .size = sizeof(((struct sg_config *)0)->user),
				     .def = "",
				     .min = "0"};
	sg_auto_buf set = {0}, unset = {0};
	struct sg_config c;

	sg_config_defaults(&c);
	assert_int_equal(sg_setting_parse(&s, &c, "hunter2", NULL), 0);
	sg_setting_show(&s, &c, &set);
	assert_string_equal(set.data, "***");
	c.user[0] = '\0';
	sg_setting_show(&s, &c, &unset);
	assert_string_equal(unset.data, "\"\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_mistakes_are_told),
		cmocka_unit_test(what_is_no_yaml_ends_the_reading),
		cmocka_unit_test(mistakes_are_bounded),
		cmocka_unit_test(lines_are_known),
		cmocka_unit_test(flags_stay_over_the_file),
		cmocka_unit_test(changes_are_told_and_taken_by_what_they_take),
		cmocka_unit_test(secrets_are_not_shown),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
