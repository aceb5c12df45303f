// SPDX-License-Identifier: GPL-2.0
// What Prometheus' rules cannot say, and promtool's tests therefore not show: no data, errors,
// hysteresis, flapping, clocks over a restart, limits.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/alert_config.h>

#include "query/fake_reader.h"

struct fixture {
	struct fake_reader *reader;
	struct sg_rule_file *f;
	struct sg_rules_eval *e;
	struct fake_series *m;
	struct sg_buf said;
	int fail; /* what queries answer, when not 0 */
	unsigned int samples;
};

static int ask(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena,
	       struct sg_value *ret, struct sg_error *err)
{
	struct fixture *f = ctx;

	if (f->fail)
		return sg_fail(err, f->fail, "the test lets it fail");
	return sg_query_instant(&f->reader->reader, expr, t_ms, NULL, arena, ret, err);
}

static void on_change(void *ctx, const struct sg_alert_change *c)
{
	struct fixture *f = ctx;

	sg_buf_printf(&f->said, "%lld %s %s>%s: %s\n", (long long)c->t_ms / 1000, c->rule->name,
		      sg_alert_state_name(c->from), sg_alert_state_name(c->alert->state),
		      c->reason);
}

static void on_sample(void *ctx, const struct sg_series *s, int64_t t_ms, double v,
		      const struct sg_native *hist)
{
	((struct fixture *)ctx)->samples++;
}

static struct sg_rule *rule(struct fixture *f)
{
	return &f->f->groups[0].rules[0];
}

/* One alert A of an expression; its options are set by the test. */
static void begin(struct fixture *f, const char *expr, const char *more)
{
	struct sg_rule_problems *ps = calloc(1, sizeof(*ps));
	char text[1024];

	snprintf(text, sizeof(text),
		 "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '%s'\n%s", expr, more);
	if (sg_rules_parse("t", text, strlen(text), &f->f, ps) < 0)
		fail_msg("%s", ps->list[0].text);
	free(ps);
	f->reader = fake_new();
	f->m = fake_series(f->reader, SG_GAUGE, "m", (const char *[]){"i", "1", NULL});
	assert_int_equal(sg_rules_eval_new(&f->f->groups[0], NULL, &f->e), 0);
}

static int eval(struct fixture *f, int64_t s)
{
	const struct sg_rule_query q = {ask, f};
	const struct sg_rules_hooks hooks = {on_sample, on_change, f};

	return sg_rules_eval_run(f->e, s * 1000, &q, &hooks);
}

/* The gauge has this value at s, and the rule is evaluated. */
static void at(struct fixture *f, int64_t s, double v)
{
	fake_add(f->m, s * 1000, v);
	assert_int_equal(eval(f, s), 0);
}

static const struct sg_alert *first(const struct fixture *f)
{
	struct sg_rule_status s;

	sg_rules_eval_status(f->e, 0, &s);
	assert_true(s.n_alerts > 0);
	return s.alerts[0];
}

#define said(f, text)                                                                              \
	do {                                                                                       \
		assert_string_equal((f)->said.data ? (f)->said.data : "", text);                   \
		sg_buf_reset(&(f)->said);                                                          \
		if ((f)->said.data)                                                                \
			(f)->said.data[0] = '\0';                                                  \
	} while (0)

static void finish(struct fixture *f)
{
	sg_rules_eval_free(f->e);
	sg_rules_free(f->f);
	sg_buf_free(&f->said);
	sg_reader_close(&f->reader->reader);
}

#define BEGUN "0 A inactive>firing: the rule is true\n"

static void without_data_it_stays(void **state)
{
	struct fixture f = {0};

	begin(&f, "m > 1", "");
	at(&f, 0, 2);
	assert_int_equal(eval(&f, 1000), 0);
	said(&f, BEGUN);
	assert_int_equal(first(&f)->state, SG_ALERT_FIRING);
	assert_int_equal(first(&f)->health, SG_HEALTH_NO_DATA);
	at(&f, 1001, 0);
	said(&f, "1001 A firing>inactive: the rule is false\n");
	finish(&f);
}

static void without_data_it_may_end(void **state)
{
	struct fixture f = {0};

	begin(&f, "m > 1", "");
	rule(&f)->no_data = SG_POLICY_OK;
	at(&f, 0, 2);
	assert_int_equal(eval(&f, 1000), 0);
	said(&f, BEGUN "1000 A firing>inactive: the rule is false\n");
	finish(&f);
}

/* Under the rule's own name, and not another. */
static void without_data_it_may_fire(void **state)
{
	struct fixture f = {0};

	begin(&f, "m > 1", "    for: 10s\n    labels: {severity: page}\n");
	rule(&f)->no_data = SG_POLICY_ALERT;
	at(&f, 0, 0);
	said(&f, "");
	eval(&f, 1000);
	eval(&f, 1010);
	said(&f, "1000 A inactive>pending: no data\n1010 A pending>firing: no data\n");
	assert_string_equal(sg_series_label(&first(&f)->labels, "alertname"), "A");
	assert_string_equal(sg_series_label(&first(&f)->labels, "severity"), "page");
	assert_true(isnan(first(&f)->value));
	at(&f, 1011, 0);
	said(&f, "1011 A firing>inactive: the rule is false\n");
	finish(&f);
}

static void what_is_pending_does_not_fire_for_want_of_data(void **state)
{
	struct fixture f = {0};

	begin(&f, "m > 1", "    for: 10s\n");
	at(&f, 0, 2);
	eval(&f, 1000);
	said(&f, "0 A inactive>pending: the rule is true\n");
	finish(&f);
}

static void an_error_keeps_or_fires(void **state)
{
	struct fixture f = {0};
	struct sg_rule_status s;

	begin(&f, "m > 1", "");
	at(&f, 0, 2);
	f.fail = -EIO;
	assert_int_equal(eval(&f, 1), 1);
	said(&f, BEGUN);
	sg_rules_eval_status(f.e, 0, &s);
	assert_string_equal(s.error, "the test lets it fail");
	assert_int_equal(first(&f)->health, SG_HEALTH_ERROR);
	f.fail = 0;
	at(&f, 2, 0);
	sg_rules_eval_status(f.e, 0, &s);
	assert_null(s.error);
	said(&f, "2 A firing>inactive: the rule is false\n");
	rule(&f)->exec_error = SG_POLICY_ALERT;
	f.fail = -EIO;
	eval(&f, 3);
	said(&f, "3 A inactive>firing: the rule fails\n");
	finish(&f);
}

static void it_ends_where_recover_expr_says(void **state)
{
	struct fixture f = {0};

	begin(&f, "m > 10", "");
	rule(&f)->recover_expr = "m < 5";
	at(&f, 0, 11);
	at(&f, 1, 9);
	at(&f, 2, 6);
	said(&f, BEGUN);
	at(&f, 3, 4);
	said(&f, "3 A firing>inactive: the rule is false\n");
	at(&f, 4, 6);
	said(&f, "");
	finish(&f);
}

static void one_that_flaps_fires_on_until_it_is_quiet(void **state)
{
	struct fixture f = {0};

	begin(&f, "m > 1", "");
	rule(&f)->flap_changes = 4;
	rule(&f)->flap_window_ms = 60000;
	for (int i = 0; i < 10; i++)
		at(&f, i, i % 2 ? 0 : 2);
	said(&f, BEGUN "1 A firing>inactive: the rule is false\n"
		       "2 A inactive>firing: the rule is true\n");
	assert_true(first(&f)->flapping);
	for (int i = 10; i < 80; i++)
		at(&f, i, 0);
	/* The fourth last change was at 6 s. */
	said(&f, "66 A firing>inactive: the rule is false\n");
	finish(&f);
}

static void two_thresholds_are_one_alert(void **state)
{
	struct fixture f = {0};
	struct sg_rule_status s;

	begin(&f, "m > 1",
	      "    for: 10s\n    labels: {severity: \"{{ if gt $value 9.0 }}critical"
	      "{{ else }}warning{{ end }}\"}\n");
	at(&f, 0, 2);
	at(&f, 5, 20);
	at(&f, 9, 20);
	said(&f,
	     "0 A inactive>pending: the rule is true\n5 A pending>pending: the severity changed\n");
	at(&f, 10, 20);
	at(&f, 15, 2);
	said(&f, "10 A pending>firing: for has passed\n15 A firing>firing: the severity changed\n");
	sg_rules_eval_status(f.e, 0, &s);
	assert_int_equal(s.n_alerts, 1);
	assert_string_equal(sg_series_label(&first(&f)->labels, "severity"), "warning");
	assert_int_equal(first(&f)->active_ms, 0);
	at(&f, 20, 0);
	said(&f, "20 A firing>inactive: the rule is false\n");
	finish(&f);
}

static void clocks_go_on_after_a_restart(void **state)
{
	struct fixture f = {0}, g = {0};
	struct sg_alert a;

	begin(&f, "m > 1", "    for: 60s\n    keep_firing_for: 30s\n");
	begin(&g, "m > 1", "    for: 60s\n    keep_firing_for: 30s\n");
	at(&f, 0, 2);
	a = *first(&f);
	assert_int_equal(sg_rules_eval_restore(g.e, "B", &a), -ENOENT);
	assert_int_equal(sg_rules_eval_restore(g.e, "A", &a), 0);
	assert_int_equal(sg_rules_eval_restore(g.e, "A", &a), -EEXIST);
	at(&g, 59, 2);
	said(&g, "");
	at(&g, 60, 2);
	said(&g, "60 A pending>firing: for has passed\n");
	at(&g, 70, 0);
	a = *first(&g);
	finish(&f);
	f = (struct fixture){0};
	begin(&f, "m > 1", "    for: 60s\n    keep_firing_for: 30s\n");
	assert_int_equal(sg_rules_eval_restore(f.e, "A", &a), 0);
	at(&f, 99, 0);
	said(&f, "");
	at(&f, 100, 0);
	said(&f, "100 A firing>inactive: the rule is false\n");
	finish(&f);
	finish(&g);
}

/* Otherwise than in Prometheus, which forgets all alerts of the rule. */
static void past_its_limit_it_keeps_its_alerts(void **state)
{
	struct fixture f = {0};
	struct fake_series *other;

	begin(&f, "m > 1", "  limit: 1\n");
	at(&f, 0, 2);
	other = fake_series(f.reader, SG_GAUGE, "m", (const char *[]){"i", "2", NULL});
	fake_add(other, 1000, 2);
	fake_add(f.m, 1000, 2);
	assert_int_equal(eval(&f, 1), 1);
	said(&f, BEGUN);
	assert_int_equal(first(&f)->state, SG_ALERT_FIRING);
	finish(&f);
}

static void resolved_ones_are_kept_fifteen_minutes(void **state)
{
	struct fixture f = {0};
	struct sg_rule_status s;

	begin(&f, "m > 1", "");
	at(&f, 0, 2);
	at(&f, 1, 0);
	at(&f, 901, 0);
	assert_int_equal(first(&f)->state, SG_ALERT_INACTIVE);
	at(&f, 902, 0);
	sg_rules_eval_status(f.e, 0, &s);
	assert_int_equal(s.n_alerts, 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_data_it_stays),
		cmocka_unit_test(without_data_it_may_end),
		cmocka_unit_test(without_data_it_may_fire),
		cmocka_unit_test(what_is_pending_does_not_fire_for_want_of_data),
		cmocka_unit_test(an_error_keeps_or_fires),
		cmocka_unit_test(it_ends_where_recover_expr_says),
		cmocka_unit_test(one_that_flaps_fires_on_until_it_is_quiet),
		cmocka_unit_test(two_thresholds_are_one_alert),
		cmocka_unit_test(clocks_go_on_after_a_restart),
		cmocka_unit_test(past_its_limit_it_keeps_its_alerts),
		cmocka_unit_test(resolved_ones_are_kept_fifteen_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
