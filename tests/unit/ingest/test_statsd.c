// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink.h"

static void expect(const char *packet, const char *want)
{
	sg_auto_buf b = {0};
	const struct ingest_sink sink = SINK(&b);

	ingest_statsd(packet, strlen(packet), &sink);
	assert_string_equal(b.data ? b.data : "", want);
}

static void each_type_does_what_it_is_for(void **state)
{
	expect("web.hits:3|c", "add web_hits_total 3\n");
	expect("depth:12.5|g", "set depth 12.5\n");
	expect("api.time:250|ms", "observe api_time_seconds 0.25\n");
	expect("size:100|h\nsize2:7|d", "observe size 100\nobserve size2 7\n");
	expect("users:alice|s", "member users\n");
}

static void a_gauge_with_a_sign_is_a_change(void **state)
{
	expect("depth:+3|g", "shift depth 3\n");
	expect("depth:-3|g", "shift depth -3\n");
	expect("hits:+3|c", "add hits_total 3\n");
}

static void a_suffix_is_not_doubled(void **state)
{
	expect("hits_total:1|c", "add hits_total 1\n");
	expect("wait_seconds:1|ms", "observe wait_seconds 0.001\n");
}

static void a_rate_is_an_exact_fraction(void **state)
{
	expect("a:1|c|@0.3", "add a_total 1 3/10\n");
	expect("a:1|ms|@.25", "observe a_seconds 0.001 25/100\n");
	expect("a:1|c|@1.0", "add a_total 1\n");
	expect("a:1|c|@0", "malformed: a:1|c|@0\n");
	expect("a:1|c|@1.5", "malformed: a:1|c|@1.5\n");
	expect("a:1|c|@x", "malformed: a:1|c|@x\n");
	expect("a:1|c|@", "malformed: a:1|c|@\n");
	expect("a:1|c|@0.00000001", "malformed: a:1|c|@0.00000001\n");
}

static void tags_become_labels(void **state)
{
	expect("a:1|c|#env:prod,route:/x:y,canary",
	       "add a_total{env=prod,route=/x:y,canary=true} 1\n");
	expect("a:1|c|#my-tag:1,my_tag:2", "add a_total{my_tag=2} 1\n"); /* the last one counts */
	expect("a:1|c|#", "add a_total 1\n");
	expect("a:1|c|#__name__:x", "label: a:1|c|#__name__:x\n");
	expect("a:1|c|#x:\xff", "label: a:1|c|#x:\xff\n");
}

static void several_values_are_several_samples(void **state)
{
	expect("a:1:2:3|ms",
	       "observe a_seconds 0.001\nobserve a_seconds 0.002\nobserve a_seconds 0.003\n");
	expect("a:1:2|c|@0.5|#x:y", "add a_total{x=y} 1 5/10\nadd a_total{x=y} 2 5/10\n");
	expect("urls:http://a:80/|s", "member urls\n"); /* of a set it is one member */
}

static void a_time_and_where_it_came_from_may_follow(void **state)
{
	expect("a:1|g|T1700000000", "set a 1 at 1700000000000\n");
	expect("a:1|g|#x:y|c:in-1234|e:it-false|card:low", "set a{x=y} 1\n");
	expect("a:1|g|T-5", "malformed: a:1|g|T-5\n");
	expect("a:1|g|T99999999999999999999", "malformed: a:1|g|T99999999999999999999\n");
}

static void names_become_valid_ones(void **state)
{
	expect("my.app/requests-per second:1|g", "set my_app_requests_per_second 1\n");
	expect("5xx:1|g", "set _5xx 1\n");
	expect(":1|g", "name: :1|g\n");
	expect("", "");
	expect("\n\r\n", "");
	expect("a:1|g\r\nb:2|g\n", "set a 1\nset b 2\n");
}

static void a_name_has_at_most_127_bytes(void **state)
{
	char line[256];

	memset(line, 'a', 127);
	strcpy(line + 127, ":1|g");
	sg_auto_buf b = {0};
	const struct ingest_sink sink = SINK(&b);

	ingest_statsd(line, strlen(line), &sink);
	assert_memory_equal(b.data, "set aaa", 7);
	sg_buf_reset(&b);
	strcpy(line + 127, ":1|c"); /* the suffix does not fit */
	ingest_statsd(line, strlen(line), &sink);
	assert_memory_equal(b.data, "name: aaa", 9);
}

static void what_is_wrong_is_refused_whole(void **state)
{
	static const char *const lines[] = {
		"a",	    "a:1",	"a:|c",	  "a:1|",     "a:1|x",	 "a:one|c", "a:1|c|what",
		"a:1|c||@", "a:1:x|ms", "a:1e|c", "a:0x10|c", "a:1|c|T", "a|c",	    "|c",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		sg_auto_buf b = {0};
		const struct ingest_sink sink = SINK(&b);

		ingest_statsd(lines[i], strlen(lines[i]), &sink);
		assert_non_null(b.data);
		if (!strstr(b.data, "malformed: "))
			fail_msg("%s: %s", lines[i], b.data);
	}
}

static void events_and_checks_are_not_mistaken_for_metrics(void **state)
{
	expect("_e{5,4}:title|text|#a:b", "unsupported: _e{5,4}:title|text|#a:b\n");
	expect("_sc|db|0", "unsupported: _sc|db|0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_does_what_it_is_for),
		cmocka_unit_test(a_gauge_with_a_sign_is_a_change),
		cmocka_unit_test(a_suffix_is_not_doubled),
		cmocka_unit_test(a_rate_is_an_exact_fraction),
		cmocka_unit_test(tags_become_labels),
		cmocka_unit_test(several_values_are_several_samples),
		cmocka_unit_test(a_time_and_where_it_came_from_may_follow),
		cmocka_unit_test(names_become_valid_ones),
		cmocka_unit_test(a_name_has_at_most_127_bytes),
		cmocka_unit_test(what_is_wrong_is_refused_whole),
		cmocka_unit_test(events_and_checks_are_not_mistaken_for_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
