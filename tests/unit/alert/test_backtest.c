// SPDX-License-Identifier: GPL-2.0
// Rules over the past.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/alert_rules.h>

#include "query/fake_reader.h"

#define HOUR 3600

struct fixture {
	struct fake_reader *reader;
	struct sg_rule_file *f;
	struct sg_buf out;
};

/* m is 9 for five minutes at the beginning of each hour but the last, which it ends with, and 1 else. */
static void begin(struct fixture *f, const char *rules)
{
	static struct sg_rule_problems ps;
	struct fake_series *m;

	f->reader = fake_new();
	m = fake_series(f->reader, SG_GAUGE, "m", NULL);
	for (int64_t s = 0; s <= 6 * HOUR; s += 15)
		fake_add(m, s * 1000, s % HOUR < 300 || s > 6 * HOUR - 120 ? 9 : 1);
	if (sg_rules_parse("r", rules, strlen(rules), &f->f, &ps) < 0)
		fail_msg("%s", ps.list[0].text);
}

static void run(struct fixture *f, bool json)
{
	struct sg_backtest_options o = {.to_ms = 6LL * HOUR * 1000, .interval_ms = 15000};
	struct sg_error err = {""};

	if (sg_rules_backtest(f->f, &f->reader->reader, &o, json, &f->out, &err) < 0)
		fail_msg("%s", err.msg);
}

static void finish(struct fixture *f)
{
	sg_rules_free(f->f);
	sg_buf_free(&f->out);
	sg_reader_close(&f->reader->reader);
}

static void it_counts_what_would_have_fired(void **state)
{
	struct fixture f = {0};

	begin(&f, "groups:\n- name: g\n  rules:\n"
		  "  - {alert: Often, expr: m > 5}\n"
		  "  - {alert: Waits, expr: m > 5, for: 4m}\n"
		  "  - {alert: TooLong, expr: m > 5, for: 10m}\n");
	run(&f, false);
	assert_non_null(strstr(f.out.data, "Often: would have fired 7 times, 31m45s in all\n"));
	assert_non_null(
		strstr(f.out.data, "    1970-01-01T01:00:00Z  for 5m  {alertname=\"Often\"}\n"));
	assert_non_null(strstr(f.out.data, "still, since"));
	assert_non_null(strstr(f.out.data, "Waits: would have fired 6 times, 6m in all\n"));
	assert_non_null(strstr(f.out.data, "TooLong: would have fired 0 times\n"));
	finish(&f);
}

static void rules_see_what_others_record(void **state)
{
	struct fixture f = {0};

	begin(&f, "groups:\n- name: g\n  interval: 1m\n  rules:\n"
		  "  - {record: 'm:double', expr: m * 2}\n"
		  "  - {alert: Doubled, expr: 'm:double > 10'}\n"
		  "  - {alert: After, expr: 'ALERTS{alertname=\"Doubled\"} == 1', for: 2m}\n");
	run(&f, true);
	assert_non_null(strstr(f.out.data,
			       "{\"alert\":\"Doubled\",\"error\":null,\"fired\":[{\"from_ms\":0,"
			       "\"to_ms\":300000,\"labels\":\"{alertname="));
	assert_non_null(strstr(
		f.out.data, "{\"alert\":\"After\",\"error\":null,\"fired\":[{\"from_ms\":120000,"));
	finish(&f);
}

static void errors_are_told(void **state)
{
	struct fixture f = {0};

	begin(&f, "groups:\n- name: g\n  rules:\n  - {alert: Bad, expr: 'm[5m]'}\n");
	run(&f, false);
	assert_non_null(strstr(f.out.data, "could not always be evaluated"));
	finish(&f);
}

/* Far fewer readings than evaluations. */
static void it_reads_the_past_in_pieces(void **state)
{
	struct fixture f = {0};

	begin(&f, "groups:\n- name: g\n  rules: [{alert: A, expr: m > 5}]\n");
	f.reader->selects = 0;
	run(&f, false);
	assert_true(f.reader->selects < 20);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_counts_what_would_have_fired),
		cmocka_unit_test(rules_see_what_others_record),
		cmocka_unit_test(errors_are_told),
		cmocka_unit_test(it_reads_the_past_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
