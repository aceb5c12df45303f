// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/params.h"
#include "http/route.h"

static void pairs_are_split_before_they_are_decoded(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_error err = {""};
	struct http_params ps;

	assert_int_equal(
		http_params_parse(&ps, "a=1&match[]=x%26y%3Dz&match%5B%5D=b+c&&d&=e", a, &err), 0);
	assert_int_equal(ps.n, 5);
	assert_string_equal(http_param(&ps, "a"), "1");
	assert_string_equal(http_param(&ps, "match[]"), "x&y=z");
	assert_string_equal(ps.p[2].name, "match[]");
	assert_string_equal(ps.p[2].value, "b c");
	assert_string_equal(http_param(&ps, "d"), "");
	assert_null(http_param(&ps, "e"));
}

static void broken_or_too_many_pairs_are_refused(void **state)
{
	static const char *const bad[] = {"a=%", "a=%1", "a=%zz", "a=%00", "%ff=1", "a=%c0%80"};
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_error err = {""};
	struct http_params ps;
	char many[2 * (HTTP_PARAMS_MAX + 1) + 1] = "";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(http_params_parse(&ps, bad[i], a, &err), -EINVAL);
	for (int i = 0; i <= HTTP_PARAMS_MAX; i++)
		strcat(many, "a&");
	assert_int_equal(http_params_parse(&ps, many, a, &err), -EINVAL);
	many[2 * HTTP_PARAMS_MAX] = '\0';
	assert_int_equal(http_params_parse(&ps, many, a, &err), 0);
}

static void times_are_seconds_or_rfc3339(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"0", 0},
		{"1700000000", 1700000000000},
		{"1700000000.123", 1700000000123},
		{"1.7e9", 1700000000000},
		{"2023-11-14T22:13:20Z", 1700000000000},
		{"2023-11-14T22:13:20.5Z", 1700000000500},
		{"2023-11-15T00:13:20+02:00", 1700000000000},
		{"2023-11-14T20:43:20.001-01:30", 1700000000001},
		{"2024-02-29T00:00:00z", 1709164800000},
	};
	static const char *const bad[] = {
		"",
		"now",
		"nan",
		"inf",
		"0x10",
		"1 ",
		" 1",
		"1e400",
		"-1",
		"1e300",
		"253402300800",
		"2023-11-14",
		"2023-11-14T22:13:20",
		"2023-11-14T22:13Z",
		"2023-02-29T00:00:00Z",
		"2023-13-01T00:00:00Z",
		"2023-11-14T24:00:00Z",
		"2023-11-14T22:13:20+2:00",
		"2023-11-14T22:13:20+02:00x",
		"2023-11-14T22:13:20+0200",
		"23-11-14T22:13:20Z",
		"2023-11-14T22:13:20.5",
		"2023-11-14 22:13:20+99:00",
	};
	int64_t ms;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (http_parse_time(good[i].text, &ms))
			fail_msg("%s", good[i].text);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!http_parse_time(bad[i], &ms))
			fail_msg("%s was taken", bad[i]);
}

static void steps_are_seconds_or_durations(void **state)
{
	int64_t ms;

	assert_int_equal(http_parse_step("15", &ms), 0);
	assert_int_equal(ms, 15000);
	assert_int_equal(http_parse_step("0.25", &ms), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(http_parse_step("1m30s", &ms), 0);
	assert_int_equal(ms, 90000);
	assert_true(http_parse_step("0", &ms) < 0);
	assert_true(http_parse_step("-5", &ms) < 0);
	assert_true(http_parse_step("100us", &ms) < 0);
	assert_true(http_parse_step("abc", &ms) < 0);
	assert_true(http_parse_step("nan", &ms) < 0);
}

static void a_missing_parameter_keeps_the_default_unless_required(void **state)
{
	struct http_params ps = {.n = 1, .p = {{"step", "1h"}}};
	struct sg_error err = {""};
	int64_t v = 7;

	assert_int_equal(http_param_ms(&ps, "time", http_parse_time, false, &v, &err), 0);
	assert_int_equal(v, 7);
	assert_int_equal(http_param_ms(&ps, "time", http_parse_time, true, &v, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "\"time\""));
	assert_int_equal(http_param_ms(&ps, "step", http_parse_time, false, &v, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "\"1h\""));
	assert_int_equal(v, 7);
}

static void routes_match_whole_paths_and_one_segment(void **state)
{
	const char *arg;
	size_t n;

	assert_string_equal(http_route_find("/api/v1/query", &arg, &n)->path, "/api/v1/query");
	assert_null(arg);
	assert_non_null(http_route_find("/api/v1/label/syscall/values", &arg, &n));
	assert_int_equal(n, 7);
	assert_memory_equal(arg, "syscall", 7);
	assert_null(http_route_find("/api/v1/label//values", &arg, &n));
	assert_null(http_route_find("/api/v1/label/a/b/values", &arg, &n));
	assert_null(http_route_find("/api/v1/label/a/values/", &arg, &n));
	assert_null(http_route_find("/api/v1/query/", &arg, &n));
	assert_null(http_route_find("/api/v1/quer", &arg, &n));
	assert_null(http_route_find("/", &arg, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_split_before_they_are_decoded),
		cmocka_unit_test(broken_or_too_many_pairs_are_refused),
		cmocka_unit_test(times_are_seconds_or_rfc3339),
		cmocka_unit_test(steps_are_seconds_or_durations),
		cmocka_unit_test(a_missing_parameter_keeps_the_default_unless_required),
		cmocka_unit_test(routes_match_whole_paths_and_one_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
