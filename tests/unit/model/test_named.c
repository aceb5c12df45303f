// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/mem.h>
#include <sgprobe/named.h>

static void takes_specifications_apart(void **state)
{
	struct sg_named_target t;

	assert_int_equal(sg_named_parse("uprobe:/usr/bin/x:main.(*T).Get", &t, NULL), 0);
	assert_int_equal(t.kind, SG_NAMED_UPROBE);
	assert_string_equal(t.path, "/usr/bin/x");
	assert_string_equal(t.symbol, "main.(*T).Get");
	assert_int_equal(sg_named_parse("usdt:libc:libc:setjmp", &t, NULL), 0);
	assert_string_equal(t.path, "libc");
	assert_string_equal(t.group, "libc");
	assert_string_equal(t.symbol, "setjmp");
	assert_int_equal(sg_named_parse("tracepoint:sched:sched_switch", &t, NULL), 0);
	assert_string_equal(t.group, "sched");
	assert_string_equal(t.symbol, "sched_switch");
	assert_int_equal(sg_named_parse("kernel:vfs_read", &t, NULL), 0);
	assert_string_equal(t.symbol, "vfs_read");
}

static void refuses_what_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"uprobe",
		"uprobe:",
		"uprobe:/x",
		"uprobe::f",
		"uprobe:/x:",
		"uprobe:../x:f",
		"uprobe:a/b:f",
		"kprobe:f",
		"kernel:",
		"kernel:a b",
		"kernel:../x",
		"usdt:/x:p",
		"usdt:/x::n",
		"tracepoint:sched",
		"tracepoint:../..:x",
		"kernel:a/b",
		"uprobe:/x:f\n",
		"tracepoint:sched:a/b",
		"uprobe:/x:\xc3\xa9",
	};
	struct sg_named_target t;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sg_error err = {""};

		assert_int_equal(sg_named_parse(bad[i], &t, &err), -EINVAL);
		assert_true(err.msg[0]);
	}
}

static void checks_names_and_arguments(void **state)
{
	struct sg_named n = {.name = "a.b-c_1", .spec = "kernel:vfs_read", .arg = 6};

	assert_int_equal(sg_named_check(&n, NULL), 0);
	n.arg = 7;
	assert_int_equal(sg_named_check(&n, NULL), -EINVAL);
	n.arg = 0;
	strcpy(n.name, "1a");
	assert_int_equal(sg_named_check(&n, NULL), -EINVAL);
	strcpy(n.name, "a b");
	assert_int_equal(sg_named_check(&n, NULL), -EINVAL);
	assert_int_equal(sg_named_parse_arg("2:string", &n, NULL), 0);
	assert_true(n.arg == 2 && n.text);
	assert_int_equal(sg_named_parse_arg("3", &n, NULL), 0);
	assert_true(n.arg == 3 && !n.text);
	assert_int_equal(sg_named_parse_arg("0", &n, NULL), -EINVAL);
	assert_int_equal(sg_named_parse_arg("1:int", &n, NULL), -EINVAL);
	assert_int_equal(sg_named_parse_arg("33", &n, NULL), -EINVAL);
}

/* As it may come from a server process that was taken over. */
static void checks_commands(void **state)
{
	struct sg_named_command c = {.verb = SG_NAMED_ADD};

	assert_true(sg_named_command_valid(&c));
	c.verb = SG_NAMED_VERBS;
	assert_false(sg_named_command_valid(&c));
	c.verb = SG_NAMED_REMOVE;
	memset(c.probe.name, 'x', sizeof(c.probe.name));
	assert_false(sg_named_command_valid(&c));
	c.probe.name[0] = 0;
	memset(c.probe.spec, 'x', sizeof(c.probe.spec));
	assert_false(sg_named_command_valid(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_specifications_apart),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(checks_names_and_arguments),
		cmocka_unit_test(checks_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
