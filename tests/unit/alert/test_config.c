// SPDX-License-Identifier: GPL-2.0
// The alert configuration: what is refused and with which words, matchers, time intervals.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/alert_config.h>

#define REST "receivers: [{name: x}]\n"

static struct sg_rule_problems ps;

static void refused(const char *yaml, unsigned int line, const char *why)
{
	struct sg_alert_config *c = NULL;

	if (sg_alert_config_parse("f", yaml, strlen(yaml), &c, &ps) != -EINVAL)
		fail_msg("this was accepted: %s", yaml);
	if (!strstr(ps.list[0].text, why) || ps.list[0].line != line)
		fail_msg("line %u: %s", ps.list[0].line, ps.list[0].text);
}

static struct sg_alert_config *accepted(const char *yaml)
{
	struct sg_alert_config *c = NULL;

	if (sg_alert_config_parse("f", yaml, strlen(yaml), &c, &ps) < 0)
		fail_msg("line %u: %s", ps.list[0].line, ps.list[0].text);
	return c;
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	refused(REST "route: {group_by: [a]}\n", 2, "root route needs a receiver");
	refused(REST, 1, "no route");
	refused(REST "route: {receiver: x, group_by: [a-b]}\n", 2, "invalid label name");
	refused(REST "route: {receiver: y}\n", 2, "undefined receiver \"y\"");
	refused("receivers: [{name: chat}]\nroute: {receiver: chta}\n", 2, "did you mean chat?");
	refused(REST "route: {receiver: x, matchers: [a=b]}\n", 2, "matches everything");
	refused(REST "rout: {receiver: x}\n", 2, "did you mean route?");
	refused(REST "route: {receiver: x, group_wiat: 1s}\n", 2, "did you mean group_wait?");
	refused(REST "route: {receiver: x, group_interval: 0s}\n", 2, "cannot be zero");
	refused(REST "route: {receiver: x, group_by: [a, a]}\n", 2, "duplicated label");
	refused(REST "route: {receiver: x, group_by: ['...', a]}\n", 2, "exclude each other");
	refused(REST "route:\n  receiver: x\n  routes:\n  - {matchers: ['a']}\n", 5, "bad matcher");
	refused(REST "route:\n  receiver: x\n  routes:\n  - {matchers: ['a=~\"(\"']}\n", 5, "");
	refused(REST "route: {receiver: x, routes: [{mute_time_intervals: [n]}]}\n", 2,
		"undefined time interval \"n\"");
	refused(REST "route: {receiver: x, escalation: e}\n", 2, "undefined escalation policy");
	refused("receivers: [{name: x}, {name: x}]\nroute: {receiver: x}\n", 1, "not unique");
	refused(REST
		"route: {receiver: x}\nescalation_policies: [{name: e, levels: [{notify: [q]}]}]\n",
		1, "undefined receiver \"q\"");
	refused(REST "route: {receiver: x}\nrule_options: {A: {no_data: maybe}}\n", 3,
		"none of keep, ok and alert");
	refused(REST "route: {receiver: x}\nrule_options: {A: {recover_expr: 'm <'}}\n", 3,
		"recover_expr: 1:4: parse error");
}

static void an_empty_file_tells_nobody(void **state)
{
	struct sg_alert_config *c = accepted("");

	assert_string_equal(c->root.receiver, SG_DEFAULT_RECEIVER);
	sg_alert_config_free(c);
}

static void routes_inherit(void **state)
{
	struct sg_alert_config *c = accepted(
		REST "route:\n  receiver: x\n  group_by: [a]\n  group_wait: 7s\n  routes:\n"
		     "  - {matchers: [b=c], repeat_interval: 1h, routes: [{matchers: [d=e]}]}\n");
	const struct sg_route *leaf = &c->root.routes[0].routes[0];

	assert_string_equal(leaf->receiver, "x");
	assert_int_equal(leaf->group_wait_ms, 7000);
	assert_int_equal(leaf->group_interval_ms, 30000);
	assert_int_equal(leaf->repeat_interval_ms, 3600000);
	assert_string_equal(leaf->key, "{}/{b=\"c\"}/{d=\"e\"}");
	assert_int_equal(leaf->n_group_by, 1);
	sg_alert_config_free(c);
}

static void options_reach_their_rules(void **state)
{
	static const char rules[] = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: m}\n"
				    "  - {record: A, expr: m}\n";
	struct sg_alert_config *c =
		accepted(REST "route: {receiver: x}\n"
			      "rule_options: {A: {no_data: alert, recover_expr: m < 1, "
			      "flap_changes: 4}}\n");
	struct sg_rule_file *f = NULL;

	assert_int_equal(sg_rules_parse("r", rules, strlen(rules), &f, &ps), 0);
	assert_int_equal(sg_alert_config_apply(c, f), 1);
	assert_int_equal(f->groups[0].rules[0].no_data, SG_POLICY_ALERT);
	assert_int_equal(f->groups[0].rules[0].flap_window_ms, 600000);
	assert_null(f->groups[0].rules[1].recover_expr);
	sg_rules_free(f);
	sg_alert_config_free(c);
}

/* ---- matchers ---------------------------------------------------------------------- */

static void matchers_are_read_as_alertmanager_does(void **state)
{
	static const struct {
		const char *text, *formatted; /* NULL: refused */
	} cases[] = {
		{"a=b", "{a=\"b\"}"},
		{"{a=\"b\",c=~\"d|e\"}", "{a=\"b\",c=~\"d|e\"}"},
		{" a != \"x y\" ", "{a!=\"x y\"}"},
		{"a!~\"q\\\"\\\\\\n\"", "{a!~\"q\\\"\\\\\\n\"}"},
		{"{a=b,}", "{a=\"b\"}"},
		{"a=", "{a=\"\"}"},
		{"a", NULL},
		{"", NULL},
		{"{}", NULL},
		{"=b", NULL},
		{"1a=b", NULL},
		{"a=\"b", NULL},
		{"a=b\"c", NULL},
		{"{a=b", NULL},
		{"a=b}", NULL},
		{"a==b,", "{a=\"=b\"}"},
		{"a=\"b\"c", NULL},
	};
	sg_auto(sg_arena) a = sg_arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_selector sel;
		struct sg_error err;
		sg_auto_buf b = {0};
		int r = sg_matchers_parse(cases[i].text, a, &sel, &err);

		if ((r == 0) != (cases[i].formatted != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r < 0)
			continue;
		sg_matchers_format(&b, &sel);
		assert_string_equal(b.data, cases[i].formatted);
	}
}

/* ---- time intervals ---------------------------------------------------------------- */

static struct sg_alert_config *interval(const char *spans)
{
	char text[512];

	snprintf(text, sizeof(text),
		 REST "route: {receiver: x}\ntime_intervals: [{name: n, time_intervals: %s}]\n",
		 spans);
	return accepted(text);
}

static void holds(const char *spans, int64_t t_s, bool expected)
{
	struct sg_alert_config *c = interval(spans);

	if (sg_time_interval_holds(&c->intervals[0], t_s * 1000) != expected)
		fail_msg("%s at %lld", spans, (long long)t_s);
	sg_alert_config_free(c);
}

/* 1767607200 is Mon 2026-01-05 10:00 UTC. */
static void intervals_hold_when_they_should(void **state)
{
	static const int64_t mon = 1767607200, day = 86400;

	holds("[{}]", mon, true);
	holds("[{weekdays: [monday]}]", mon, true);
	holds("[{weekdays: ['tuesday:friday']}]", mon, false);
	holds("[{weekdays: ['tuesday:friday', 'monday']}]", mon, true);
	holds("[{times: [{start_time: '10:00', end_time: '10:01'}]}]", mon, true);
	holds("[{times: [{start_time: '10:00', end_time: '10:01'}]}]", mon + 60, false);
	holds("[{times: [{start_time: '09:00', end_time: '10:00'}]}]", mon, false);
	holds("[{days_of_month: ['5']}]", mon, true);
	holds("[{days_of_month: ['1:4', '6:-1']}]", mon, false);
	holds("[{days_of_month: ['-27']}]", mon, true);
	holds("[{days_of_month: ['-27']}]", mon - day, false);
	holds("[{days_of_month: ['-27']}]", mon + day, false);
	holds("[{days_of_month: ['-1']}]", mon + 26 * day, true); /* 31 January */
	holds("[{days_of_month: ['-1']}]", mon + 54 * day, true); /* 28 February */
	holds("[{days_of_month: ['31']}]", mon + 54 * day, false);
	holds("[{months: ['january:march'], years: ['2025:2026']}]", mon, true);
	holds("[{months: ['2:12']}]", mon, false);
	holds("[{years: ['2027']}]", mon, false);
	holds("[{weekdays: [tuesday]}, {weekdays: [monday]}]", mon, true);
}

/* The last Sunday of March 2026 is the 29th: 01:00 UTC is 03:00 in Berlin; 2040: from the rule. */
static void summer_time_is_kept(void **state)
{
	static const char berlin[] =
		"[{times: [{start_time: '03:00', end_time: '03:01'}], location: Europe/Berlin}]";
	static const char last_sunday[] =
		"[{days_of_month: ['-3'], times: [{start_time: '01:00', end_time: '04:00'}], "
		"location: Europe/Berlin}]";

	holds(berlin, 1774746000, true); /* 2026-03-29 01:00 UTC */
	holds(berlin, 1774746000 - 60, false); /* 01:59 */
	holds(berlin, 1774746000 + 3600, false);
	holds(last_sunday, 1774746000, true);
	holds(last_sunday, 1774746000 - 1, true);
	holds(berlin, 1792890000 + 3600, true); /* 2026-10-25 02:00 UTC: 03:00 again */
	holds(berlin, 1792890000, false);
	holds(berlin, 2216163600 + 7200, false); /* 2040-03-24 03:00 UTC: 04:00 */
	holds(berlin, 2216163600 + 3600, true);
	holds("[{times: [{start_time: '10:00', end_time: '10:01'}], location: Asia/Kolkata}]",
	      1767607200 - 19800, true);
}

static void bad_intervals_are_refused(void **state)
{
	static const char *const bad[] = {
		"[{times: [{start_time: '10:00', end_time: '09:00'}]}]",
		"[{times: [{start_time: '10:00', end_time: '24:01'}]}]",
		"[{times: [{start_time: '1:00', end_time: '24:00'}]}]",
		"[{times: [{start_time: '10:60', end_time: '24:00'}]}]",
		"[{weekdays: ['friday:monday']}]",
		"[{weekdays: [fryday]}]",
		"[{days_of_month: ['0']}]",
		"[{days_of_month: ['32']}]",
		"[{days_of_month: ['-1:-5']}]",
		"[{days_of_month: ['-1:5']}]",
		"[{months: ['13']}]",
		"[{years: ['2027:2026']}]",
		"[{location: Europe/Berlln}]",
		"[{location: ../../etc/passwd}]",
		"[{hours: [1]}]",
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text),
			 REST
			 "route: {receiver: x}\ntime_intervals: [{name: n, time_intervals: %s}]\n",
			 bad[i]);
		refused(text, 3, "");
	}
}

static void durations_are_prometheus(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {{"0", 0},
		     {"1h30m", 5400000},
		     {"1y", 31536000000},
		     {"1w2d", 777600000},
		     {"100ms", 100},
		     {"1s500ms", 1500},
		     {"", -1},
		     {"5", -1},
		     {"1.5h", -1},
		     {"1m1h", -1},
		     {"1h1h", -1},
		     {"-1m", -1},
		     {"1 m", -1},
		     {"99999999999y", -1}};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t v = -1;

		if (sg_prom_duration(cases[i].text, &v) < 0)
			v = -1;
		assert_int_equal(v, cases[i].ms);
	}
	assert_string_equal(sg_fmt_prom_duration(5400000, text, sizeof(text)), "1h30m");
	assert_string_equal(sg_fmt_prom_duration(0, text, sizeof(text)), "0s");
	assert_string_equal(sg_fmt_prom_duration(90061001, text, sizeof(text)), "1d1h1m1s1ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(an_empty_file_tells_nobody),
		cmocka_unit_test(routes_inherit),
		cmocka_unit_test(options_reach_their_rules),
		cmocka_unit_test(matchers_are_read_as_alertmanager_does),
		cmocka_unit_test(intervals_hold_when_they_should),
		cmocka_unit_test(summer_time_is_kept),
		cmocka_unit_test(bad_intervals_are_refused),
		cmocka_unit_test(durations_are_prometheus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
