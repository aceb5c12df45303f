// SPDX-License-Identifier: GPL-2.0
// Expressions as Prometheus lays them out: the wanted texts are what its format_query answers.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/query.h>

static void expect(const char *expr, const char *want)
{
	struct sg_error err = {""};
	sg_auto_buf b = {0};

	assert_int_equal(sg_query_format(expr, &b, &err), 0);
	assert_string_equal(b.data, want);
}

static void short_expressions_stand_on_a_line(void **state)
{
	static const char *const table[][2] = {
		{"a+b", "a + b"},
		{"sum by(x,y)(rate(a{z=\"1\",b!~\"c.*\"}[5m]))",
		 "sum by (x, y) (rate(a{b!~\"c.*\",z=\"1\"}[5m]))"},
		{"sum(a)without()", "sum without () (a)"},
		{"topk(3,a) by(x)", "topk by (x) (3, a)"},
		{"a * on(x) group_left(y) b", "a * on (x) group_left (y) b"},
		{"a * on(x) group_left b", "a * on (x) group_left () b"},
		{"a > bool ignoring(z) b", "a > bool ignoring (z) b"},
		{"a and on() b", "a and on () b"},
		{"a atan2 b ^ c", "a atan2 b ^ c"},
		{"-a", "-a"},
		{"+a", "+a"},
		{"((a))", "((a))"},
		{"info(a)", "info(a)"},
		{"time()", "time()"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		expect(table[i][0], table[i][1]);
}

static void selectors_are_as_they_were_written(void **state)
{
	static const char *const table[][2] = {
		{"{__name__=\"b\"}", "{__name__=\"b\"}"},
		{"a{x=\"\"}", "a{x=\"\"}"},
		{"a[90m] offset -1w", "a[1h30m] offset -1w"},
		{"a[1y:1d] @ start() offset 1h1m", "a[1y:1d] @ start() offset 1h1m"},
		{"a @ 1603774568.5", "a @ 1603774568.500"},
		{"a[36h]", "a[1d12h]"},
		{"a[3600s]", "a[1h]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		expect(table[i][0], table[i][1]);
}

static void literals_mean_the_same_again(void **state)
{
	static const char *const table[][2] = {
		{"123456.789*1234567", "123456.789 * 1.234567e+06"},
		{"0.00001", "1e-05"},
		{"Inf", "+Inf"},
		{"0x1F", "31"},
		{"'single'", "\"single\""},
		{"label_replace(a,\"x\",\"$1\\\"\\\\n\\u00e9\",\"y\",\"(.*)\")",
		 "label_replace(a, \"x\", \"$1\\\"\\\\n\xc3\xa9\", \"y\", \"(.*)\")"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		expect(table[i][0], table[i][1]);
}

static void long_ones_are_indented(void **state)
{
	expect("histogram_quantile(0.99,sum by(job,instance,le)(rate(http_request_duration_seconds_"
	       "bucket{job=\"api\",status!~\"5..\"}[5m])))/on(job,instance)group_left(team)topk(5,"
	       "avg_over_time(sum(rate(something_very_long_total{job=\"api\"}[1m]))[30m:1m])) + "
	       "-sum(abc_total_with_a_quite_long_name{with=\"labels that are long too\",as=\"this "
	       "must be over a hundred characters\"})",
	       "    histogram_quantile(\n"
	       "      0.99,\n"
	       "      sum by (job, instance, le) (rate(http_request_duration_seconds_bucket{job="
	       "\"api\",status!~\"5..\"}[5m]))\n"
	       "    )\n"
	       "  / on (job, instance) group_left (team)\n"
	       "    topk(5, avg_over_time(sum(rate(something_very_long_total{job=\"api\"}[1m]))"
	       "[30m:1m]))\n"
	       "+\n"
	       "  -sum(\n"
	       "    abc_total_with_a_quite_long_name{as=\"this must be over a hundred characters\","
	       "with=\"labels that are long too\"}\n"
	       "  )");
	expect("(sum by(job,instance,le)(rate(http_request_duration_seconds_bucket{job=\"api\","
	       "status!~\"5..\",method=\"GET\"}[5m])))[30m:1m] offset 5m",
	       "(\n"
	       "  sum by (job, instance, le) (\n"
	       "    rate(http_request_duration_seconds_bucket{job=\"api\",method=\"GET\",status!~"
	       "\"5..\"}[5m])\n"
	       "  )\n"
	       ")[30m:1m] offset 5m");
}

static void what_is_no_expression_is_refused(void **state)
{
	struct sg_error err = {""};
	sg_auto_buf b = {0};

	assert_int_equal(sg_query_format("a+", &b, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "parse error"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_expressions_stand_on_a_line),
		cmocka_unit_test(selectors_are_as_they_were_written),
		cmocka_unit_test(literals_mean_the_same_again),
		cmocka_unit_test(long_ones_are_indented),
		cmocka_unit_test(what_is_no_expression_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
