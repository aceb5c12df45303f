// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sink.h"

static void expect_as(struct ingest_prom s, const char *text, const char *want)
{
	sg_auto_buf b = {0};
	const struct ingest_sink sink = SINK(&b);

	ingest_prom(&s, text, strlen(text), &sink);
	assert_string_equal(b.data ? b.data : "", want);
}

static void expect(const char *text, const char *want)
{
	expect_as((struct ingest_prom){0}, text, want);
}

static void what_has_no_type_is_a_gauge(void **state)
{
	expect("up 1\n", "set up 1\n");
	expect("a_total 5\n", "set a_total 5\n");
	expect("a{} 5", "set a 5\n");
	expect("  a  5  \n\n", "set a 5\n");
}

static void counters_are_totals(void **state)
{
	expect("# HELP a_total What.\n# TYPE a_total counter\na_total{x=\"y\"} 1e3\nb 1\n",
	       "total a_total{x=y} 1000\nset b 1\n");
	expect("# TYPE a gauge\na 1\n", "set a 1\n");
	expect("# TYPE a counter\na_total 1\na_created 2\n", "total a_total 1\nset a_created 2\n");
}

static void classic_histograms_stay_series(void **state)
{
	expect("# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
	       "total h_bucket{le=0.5} 1\ntotal h_bucket{le=+Inf} 2\ntotal h_sum 3\ntotal h_count 2\n");
	expect("# TYPE s summary\ns{quantile=\"0.9\"} NaN\ns_sum 3\ns_count 2\n",
	       "set s{quantile=0.9} NaN\ntotal s_sum 3\ntotal s_count 2\n");
}

static void labels_have_escapes(void **state)
{
	expect("a{x=\"a\\\\b\\\"c\\nd\",y=\"{,}\",} 1\n", "set a{x=a\\b\"c\nd,y={,}} 1\n");
	expect("a { x = \"1\" , y=\"2\" } 1\n", "set a{x=1,y=2} 1\n");
}

static void numbers_are_as_go_writes_them(void **state)
{
	expect("a +Inf\na -Inf\na NaN\na 1.5e-07\na -3\n",
	       "set a +Inf\nset a -Inf\nset a NaN\nset a 0.00000015\nset a -3\n");
}

static void a_time_is_in_milliseconds(void **state)
{
	expect("a 1 1700000000123\n", "set a 1 at 1700000000123\n");
	expect("a 1 1.5\n", "malformed: a 1 1.5\n");
}

static void openmetrics_has_seconds_and_exemplars(void **state)
{
	const struct ingest_prom om = {.openmetrics = true};

	expect_as(om, "a 1 1700000000.123\n", "set a 1 at 1700000000123\n");
	expect_as(om, "# TYPE a counter\na_total 5 # {trace=\"1\"} 0.5 1.2\n# EOF\n",
		  "total a_total 5\n");
	expect_as(om, "a 1 1e300\n", "malformed: a 1 1e300\n");
}

static void a_scrapes_own_labels_win_and_move_others(void **state)
{
	const struct sg_label own[] = {{"instance", "h:1"}, {"job", "node"}};
	const struct ingest_prom s = {.own = {own, 2}};

	expect_as(s, "a{x=\"y\"} 1\n", "set a{x=y,instance=h:1,job=node} 1\n");
	expect_as(s, "a{job=\"theirs\"} 1\n",
		  "set a{job=node,instance=h:1,exported_job=theirs} 1\n");
	expect_as(s, "a{job=\"1\",exported_job=\"2\"} 1\n",
		  "set a{job=node,exported_job=2,instance=h:1,exported_exported_job=1} 1\n");
}

static void what_is_wrong_is_refused_line_by_line(void **state)
{
	static const char *const lines[] = {
		"a",
		"a{",
		"a{x}",
		"a{x=} 1",
		"a{x=1} 1",
		"a{x=\"1} 1",
		"a{x=\"1\" 1",
		"a{x=\"\\q\"} 1",
		"a b",
		"a 1 2 3",
		"5a 1",
		"a-b 1",
		"a{x=\"1\"y=\"2\"} 1",
		"{} 1",
		"a{=\"1\"} 1",
		"a{x:y=\"1\"} 1",
		"a{,} 1",
		"a 0x1p3",
		"a{x=\"1\\",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[64], want[96];

		snprintf(text, sizeof(text), "%s\nb 2\n", lines[i]);
		snprintf(want, sizeof(want), "malformed: %s\nset b 2\n", lines[i]);
		expect(text, want);
	}
}

static void a_name_that_only_begins_like_the_family_is_another(void **state)
{
	expect("# TYPE a counter\nab 1\na 2\n", "set ab 1\ntotal a 2\n");
	expect("# TYPE counter\nx 1\n# TYPE\nx 1\n#\nx 1\n", "set x 1\nset x 1\nset x 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_type_is_a_gauge),
		cmocka_unit_test(counters_are_totals),
		cmocka_unit_test(classic_histograms_stay_series),
		cmocka_unit_test(labels_have_escapes),
		cmocka_unit_test(numbers_are_as_go_writes_them),
		cmocka_unit_test(a_time_is_in_milliseconds),
		cmocka_unit_test(openmetrics_has_seconds_and_exemplars),
		cmocka_unit_test(a_scrapes_own_labels_win_and_move_others),
		cmocka_unit_test(what_is_wrong_is_refused_line_by_line),
		cmocka_unit_test(a_name_that_only_begins_like_the_family_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
