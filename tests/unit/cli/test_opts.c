// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/opts.h"

struct values {
	bool flag, json;
	const char *text;
	uint64_t number, duration;
	int64_t time;
};

static int parse(struct values *v, int argc, char **argv, int min, int max, int *n)
{
	static const struct sg_command cmd = {"test", NULL, SG_NEEDS_NOTHING, "", "", NULL};
	struct sg_cli cli = {.command = &cmd};
	const struct sg_opt opts[] = {
		{"flag", 'f', SG_OPT_FLAG, &v->flag, NULL, ""},
		{"text", 't', SG_OPT_TEXT, &v->text, "TEXT", ""},
		{"number", 'n', SG_OPT_NUMBER, &v->number, "N", ""},
		{"last", 0, SG_OPT_DURATION, &v->duration, "DURATION", ""},
		{"time", 0, SG_OPT_TIME, &v->time, "T", ""},
	};

	return sg_opts_parse(&cli, opts, ARRAY_SIZE(opts), argc, argv, min, max, n);
}

#define ARGV(...) ((char *[]){"test", __VA_ARGS__, NULL})
#define PARSE(v, min, max, n, ...)                                                                 \
	parse(v, (int)ARRAY_SIZE(ARGV(__VA_ARGS__)) - 1, ARGV(__VA_ARGS__), min, max, n)

static void options_stand_anywhere_in_any_spelling(void **state)
{
	struct values v = {0};
	char *argv[] = {"test",	  "a",	 "--text=x=y", "-n5", "b", "-f",
			"--last", "10m", "--",	       "--c", NULL};
	int n;

	assert_int_equal(parse(&v, 10, argv, 0, 5, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(argv[1], "a");
	assert_string_equal(argv[2], "b");
	assert_string_equal(argv[3], "--c");
	assert_string_equal(v.text, "x=y");
	assert_int_equal(v.number, 5);
	assert_true(v.flag);
	assert_int_equal(v.duration, 600000000000ULL);
}

static void what_is_wrong_is_refused(void **state)
{
	struct values v = {0};
	int n;

	assert_int_equal(PARSE(&v, 0, 0, &n, "--nothing"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "-x"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--text"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--flag=1"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--number", "0"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--number", "12x"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--last", "1ms"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--time", "yesterday"), -EINVAL);
	assert_int_equal(PARSE(&v, 1, 1, &n, "--flag"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 1, &n, "a", "b"), -EINVAL);
	assert_int_equal(PARSE(&v, 0, 0, &n, "--fla"), -EINVAL);
}

static void a_single_dash_is_an_argument(void **state)
{
	struct values v = {0};
	int n;

	assert_int_equal(PARSE(&v, 1, 1, &n, "-"), 0);
	assert_int_equal(n, 1);
}

static void times_are_relative_absolute_or_unix(void **state)
{
	const int64_t now = 1795478400000;
	int64_t t;

	assert_int_equal(sg_parse_time("now", now, &t), 0);
	assert_int_equal(t, now);
	assert_int_equal(sg_parse_time("-10m", now, &t), 0);
	assert_int_equal(t, now - 600000);
	assert_int_equal(sg_parse_time("1795478400.5", now, &t), 0);
	assert_int_equal(t, now + 500);
	assert_int_equal(sg_parse_time("2026-11-24T00:00:00Z", now, &t), 0);
	assert_int_equal(t, now);
	setenv("TZ", "UTC-2", 1);
	tzset();
	assert_int_equal(sg_parse_time("2026-11-24 02:00", now, &t), 0);
	assert_int_equal(t, now);
	assert_int_equal(sg_parse_time("2026-11-24T02:00:00", now, &t), 0);
	assert_int_equal(t, now);
}

static void times_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {"",	 "-",	"-x",	 "1e400",      "-1e3",
					  "nan", "inf", "12:00", "2026-13-01", "99999999999999",
					  "1 2"};
	int64_t t;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (sg_parse_time(bad[i], 0, &t) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
}

static void distance_counts_edits_and_swaps(void **state)
{
	assert_int_equal(sg_distance("status", "status"), 0);
	assert_int_equal(sg_distance("statsu", "status"), 1);
	assert_int_equal(sg_distance("stat", "status"), 2);
	assert_int_equal(sg_distance("", "abc"), 3);
	assert_int_equal(sg_distance("kitten", "sitting"), 3);
}

static void a_misspelt_command_suggests_the_nearest(void **state)
{
	assert_string_equal(sg_command_suggest("statsu"), "status");
	assert_string_equal(sg_command_suggest("rep"), "report");
	assert_string_equal(sg_command_suggest("hat"), "heat");
	assert_null(sg_command_suggest("frobnicate"));
}

static void every_command_is_whole_and_named_once(void **state)
{
	for (const struct sg_command *c = sg_commands; c->name; c++) {
		assert_non_null(c->run);
		assert_non_null(c->summary);
		assert_non_null(c->usage);
		assert_ptr_equal(sg_command_find(c->name), c);
	}
}

static void errors_of_the_libraries_have_their_exit_status(void **state)
{
	assert_int_equal(sg_cli_code(0), SG_EXIT_OK);
	assert_int_equal(sg_cli_code(-ECONNREFUSED), SG_EXIT_UNREACHABLE);
	assert_int_equal(sg_cli_code(-ENOENT), SG_EXIT_NOT_FOUND);
	assert_int_equal(sg_cli_code(-EACCES), SG_EXIT_PERMISSION);
	assert_int_equal(sg_cli_code(-EOPNOTSUPP), SG_EXIT_UNSUPPORTED);
	assert_int_equal(sg_cli_code(-ETIMEDOUT), 124);
	assert_int_equal(sg_cli_code(-EIO), SG_EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere_in_any_spelling),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(a_single_dash_is_an_argument),
		cmocka_unit_test(times_are_relative_absolute_or_unix),
		cmocka_unit_test(times_that_are_none_are_refused),
		cmocka_unit_test(distance_counts_edits_and_swaps),
		cmocka_unit_test(a_misspelt_command_suggests_the_nearest),
		cmocka_unit_test(every_command_is_whole_and_named_once),
		cmocka_unit_test(errors_of_the_libraries_have_their_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
