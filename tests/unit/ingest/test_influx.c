// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink.h"

static void expect_in(uint64_t unit_ns, const char *text, const char *want)
{
	const struct ingest_influx s = {.unit_ns = unit_ns};
	sg_auto_buf b = {0};
	const struct ingest_sink sink = SINK(&b);

	ingest_influx(&s, text, strlen(text), &sink);
	assert_string_equal(b.data ? b.data : "", want);
}

static void expect(const char *text, const char *want)
{
	expect_in(1, text, want);
}

static void each_field_is_a_gauge(void **state)
{
	expect("cpu,host=a,cpu=0 user=1.5,sys=2i 1700000000000000000\n",
	       "set cpu_user{host=a,cpu=0} 1.5 at 1700000000000\nset cpu_sys{host=a,cpu=0} 2 at 1700000000000\n");
	expect("temp value=21.5", "set temp 21.5\n");
}

static void all_kinds_of_numbers(void **state)
{
	expect("m a=1,b=-2i,c=3u,d=1e3,e=t,f=False,g=-.5\n",
	       "set m_a 1\nset m_b -2\nset m_c 3\nset m_d 1000\nset m_e 1\nset m_f 0\nset m_g -0.5\n");
}

static void a_text_is_no_number_but_no_mistake(void **state)
{
	expect("m s=\"a b,c=\\\"d\\\"\",v=1\n",
	       "unsupported: m s=\"a b,c=\\\"d\\\"\",v=1\nset m_v 1\n");
	expect("m s=\"two\nlines\",v=1 5000000\nn v=2\n",
	       "unsupported: m s=\"two\nlines\",v=1 5000000\nset m_v 1 at 5\nset n_v 2\n");
}

static void escapes_are_undone(void **state)
{
	expect("my\\ m\\,x,tag\\ k=v\\,a\\=b fi\\=eld=1\n", "set my_m_x_fi_eld{tag_k=v,a=b} 1\n");
	expect("m,t=back\\slash v=1\n", "set m_v{t=back\\slash} 1\n");
}

static void the_precision_says_what_a_time_counts(void **state)
{
	expect_in(1000000000, "m v=1 1700000000\n", "set m_v 1 at 1700000000000\n");
	expect_in(1000000, "m v=1 1700000000123\n", "set m_v 1 at 1700000000123\n");
	expect_in(3600000000000, "m v=1 9223372036854775807\n",
		  "malformed: m v=1 9223372036854775807\n");
}

static void comments_and_blank_lines_are_passed_over(void **state)
{
	expect("# m v=1\n\n \r\nm v=1\r\nn v=2 5000000\r\n", "set m_v 1\nset n_v 2 at 5\n");
}

static void what_is_wrong_is_refused_and_does_not_half_happen(void **state)
{
	static const char *const lines[] = {
		"m",	    "m v",	"m v=",	  "m v=x",     "m,t v=1",
		"m,=x v=1", ",t=x v=1", "m v=1,", "m v=1 now", "m v=1 1 2",
		"m v=1i5",  "m v=-1u",	"m =1",	  "m v=0x10",  "m v=1,w=bad",
		"m v=inf",  "m v=nan",	"m  ",	  "m v=\"x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		sg_auto_buf b = {0};
		const struct ingest_sink sink = SINK(&b);
		const struct ingest_influx s = {.unit_ns = 1};

		ingest_influx(&s, lines[i], strlen(lines[i]), &sink);
		if (!b.data || strncmp(b.data, "malformed: ", 11) != 0 || strstr(b.data, "set "))
			fail_msg("%s: %s", lines[i], b.data ? b.data : "");
	}
}

static void a_wrong_line_spoils_no_other(void **state)
{
	expect("m v=x\nn v=1\n", "malformed: m v=x\nset n_v 1\n");
	expect("m v=1 now\nn v=1\n", "malformed: m v=1 now\nset n_v 1\n");
	expect("m s=\"x\nn v=1\n", "malformed: m s=\"x\nset n_v 1\n");
	expect("\nm\nn v=1\n", "malformed: m\nset n_v 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_a_gauge),
		cmocka_unit_test(all_kinds_of_numbers),
		cmocka_unit_test(a_text_is_no_number_but_no_mistake),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(the_precision_says_what_a_time_counts),
		cmocka_unit_test(comments_and_blank_lines_are_passed_over),
		cmocka_unit_test(what_is_wrong_is_refused_and_does_not_half_happen),
		cmocka_unit_test(a_wrong_line_spoils_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
