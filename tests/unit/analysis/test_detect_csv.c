// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include <sgprobe/detect.h>

static void reads(const char *line, int64_t t_ms, double v)
{
	struct sg_error err = {0};
	int64_t t = -1;
	size_t len = 0;
	double got = 0;

	if (sg_detect_csv_line(line, &t, &got, &len, &err) < 0)
		fail_msg("'%s': %s", line, err.msg);
	assert_int_equal(t, t_ms);
	assert_true(got == v || (isnan(v) && isnan(got)));
	assert_int_equal(len, strchr(line, ',') - line);
}

static void refuses(const char *line, const char *why)
{
	struct sg_error err = {0};
	int64_t t;
	size_t len;
	double v;

	assert_int_equal(sg_detect_csv_line(line, &t, &v, &len, &err), -EINVAL);
	assert_non_null(strstr(err.msg, why));
}

static void timestamps_of_all_kinds_are_read(void **state)
{
	reads("1970-01-01 00:00:00,1", 0, 1);
	reads("2014-04-01 00:05:00,20.5", 1396310700000, 20.5);
	reads("2024-02-29T23:59:59Z,-1e3", 1709251199000, -1000);
	reads("2014-07-02 14:09:05.250,7", 1404310145250, 7);
	reads("2014-07-02 14:09,7", 1404310140000, 7);
	reads("1396310700,3", 1396310700000, 3);
	reads("1396310700.5 , 3 ,more", 1396310700500, 3);
}

static void what_is_not_there_is_no_number(void **state)
{
	reads("0,", 0, NAN);
	reads("0,NaN", 0, NAN);
	reads("0,null\r", 0, NAN);
}

static void what_is_wrong_is_named(void **state)
{
	refuses("0;1", "no comma");
	refuses("2014-13-01 00:00:00,1", "'2014-13-01 00:00:00' is no timestamp");
	refuses("2023-02-29 00:00:00,1", "no timestamp");
	refuses("2014-04-01 24:00:00,1", "no timestamp");
	refuses("2014-04-01 00:00:00 +02,1", "no timestamp");
	refuses("-5,1", "no timestamp");
	refuses("1e300,1", "no timestamp");
	refuses("0,ten", "'ten' is no number");
	refuses("0,0x10", "no number");
	refuses("0,1 2", "no number");
	refuses("0000000000000000000000000000000000000000000000000000000000000000,1", "longer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps_of_all_kinds_are_read),
		cmocka_unit_test(what_is_not_there_is_no_number),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
