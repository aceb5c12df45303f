// SPDX-License-Identifier: GPL-2.0
// Queries over a reader in memory: meaning, messages, limits, JSON.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "query/fake_reader.h"

struct fixture {
	struct fake_reader *f;
	struct sg_arena *arena;
	struct sg_value v;
	struct sg_error err;
	struct sg_buf json;
};

static struct fake_series *put(struct fake_reader *f, enum sg_type type, const char *name,
			       const char *key, const char *value)
{
	const char *labels[] = {key, value, NULL};

	return fake_series(f, type, name, key ? labels : NULL);
}

/* c_total{a=x}: 0, 10, 20 ... every 10 s; {a=y} twice that; g: 1, 2, 3 ... */
static void load_floats(struct fake_reader *f)
{
	struct fake_series *x = put(f, SG_COUNTER, "c_total", "a", "x");
	struct fake_series *y = put(f, SG_COUNTER, "c_total", "a", "y");
	struct fake_series *g = put(f, SG_GAUGE, "g", NULL, NULL);

	for (int i = 0; i <= 60; i++) {
		fake_add(x, i * 10000, i * 10);
		fake_add(y, i * 10000, i * 20);
		fake_add(g, i * 10000, i + 1);
	}
}

/* h_seconds: 8 observations a second in buckets 1..8 (1 to 2 s), and a reset at 300 s. */
static void load_hists(struct fake_reader *f)
{
	struct fake_series *h = put(f, SG_HISTOGRAM, "h_seconds", NULL, NULL);
	struct sg_hist sum = {0};

	for (int i = 0; i <= 60; i++) {
		if (i == 30)
			sg_hist_clear(&sum);
		for (int b = 1; i && b <= 8; b++)
			sg_hist_add_bucket(&sum, b, 10);
		sum.count += i ? 80 : 0;
		sum.sum += i ? 120 : 0;
		fake_add_hist(h, i * 10000, &sum);
	}
	sg_hist_free(&sum);
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	x->f = fake_new();
	x->arena = sg_arena_new(64UL << 20);
	load_floats(x->f);
	load_hists(x->f);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	sg_reader_close(&x->f->reader);
	sg_arena_free(x->arena);
	sg_buf_free(&x->json);
	free(x);
	return 0;
}

static int ask(struct fixture *x, const char *expr, int64_t t)
{
	x->err.msg[0] = '\0';
	return sg_query_instant(&x->f->reader, expr, t, NULL, x->arena, &x->v, &x->err);
}

/* The result as JSON, or the error. */
static const char *say(struct fixture *x, const char *expr, int64_t t)
{
	sg_buf_reset(&x->json);
	if (ask(x, expr, t) < 0)
		return x->err.msg;
	sg_query_json(&x->json, &x->v);
	assert_int_equal(x->json.err, 0);
	return x->json.data;
}

static const char *say_range(struct fixture *x, const char *expr, int64_t from, int64_t to,
			     int64_t step)
{
	sg_buf_reset(&x->json);
	x->err.msg[0] = '\0';
	if (sg_query_range(&x->f->reader, expr, from, to, step, NULL, x->arena, &x->v, &x->err) < 0)
		return x->err.msg;
	sg_query_json(&x->json, &x->v);
	return x->json.data;
}

static double number(struct fixture *x, const char *expr, int64_t t)
{
	if (ask(x, expr, t) < 0)
		fail_msg("%s: %s", expr, x->err.msg);
	if (x->v.kind == SG_SCALAR)
		return x->v.scalar.value;
	if (x->v.n != 1)
		fail_msg("%s: %zu series", expr, x->v.n);
	assert_null(x->v.series[0].points[0].hist);
	return x->v.series[0].points[0].value;
}

static void near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * fmax(1, fabs(want))))
		fail_msg("got %.17g, want %.17g", got, want);
}

static void literals_and_precedence_mean_what_they_mean_in_promql(void **state)
{
	static const struct {
		const char *expr;
		double want;
	} cases[] = {
		{"1", 1},	    {".5", .5},		{"2.", 2},
		{"1e3", 1000},	    {"0x1f", 31},	{"017", 15},
		{"1h30m", 5400},    {"1500ms", 1.5},	{"1 + 2 * 3", 7},
		{"(1 + 2) * 3", 9}, {"2 ^ 3 ^ 2", 512}, {"-2 ^ 2", -4},
		{"2 ^ -1", .5},	    {"7 % 4", 3},	{"-7 % 4", -3},
		{"1 - 2 - 3", -4},  {"8 / 2 / 2", 2},	{"1 < bool 2", 1},
		{"1 == bool 2", 0}, {"- - 3", 3},	{"1 atan2 1", M_PI / 4},
		{"pi()", M_PI},	    {"time()", 100},	{"+1 # a comment", 1},
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		near(number(x, cases[i].expr, 100000), cases[i].want);
	assert_true(isinf(number(x, "1 / 0", 0)));
	assert_true(isnan(number(x, "0 / 0", 0)));
	assert_true(isnan(number(x, "NaN", 0)));
	assert_true(isinf(number(x, "-inF", 0)));
}

static void syntax_errors_name_their_place_as_prometheus_does(void **state)
{
	static const char *const cases[][2] = {
		{"", "1:1: parse error: no expression found in input"},
		{"# nothing", "1:1: parse error: no expression found in input"},
		{"1+", "1:3: parse error: unexpected end of input"},
		{"*1", "1:1: parse error: unexpected <op:*>"},
		{"(1))", "1:4: parse error: unexpected right parenthesis ')'"},
		{"((1)", "1:5: parse error: unclosed left parenthesis"},
		{"1 and 1",
		 "1:3: parse error: set operator \"and\" not allowed in binary scalar expression"},
		{"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
		{"1 + bool 1",
		 "1:3: parse error: bool modifier can only be used on comparison operators"},
		{"1 !~ 1", "1:4: parse error: unexpected character after '!': '~'"},
		{"1 $", "1:3: parse error: unexpected character: '$'"},
		{"0deadbeef", "1:1: parse error: bad number or duration syntax: \"0deadbeef\""},
		{"foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""},
		{"foo[0s]", "1:5: parse error: duration must be greater than 0"},
		{"foo[5m", "1:7: parse error: unclosed left bracket"},
		{"foo{", "1:5: parse error: unexpected end of input inside braces"},
		{"foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected label "
			   "matching operator"},
		{"foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, "
			     "expected string"},
		{"foo{1}", "1:5: parse error: unexpected character inside braces: '1'"},
		{"{}",
		 "1:1: parse error: vector selector must contain at least one non-empty matcher"},
		{"{a=~\".*\"}",
		 "1:1: parse error: vector selector must contain at least one non-empty matcher"},
		{"foo{__name__=\"bar\"}",
		 "1:14: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
		{"\"abc", "1:1: parse error: unterminated quoted string"},
		{"nonsense(1)", "1:1: parse error: unknown function with name \"nonsense\""},
		{"floor()", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"},
		{"rate(foo)", "1:6: parse error: expected type range vector in call to function "
			      "\"rate\", got instant vector"},
		{"sum(1)", "1:5: parse error: expected type instant vector in aggregation "
			   "expression, got scalar"},
		{"topk(foo)",
		 "1:1: parse error: wrong number of arguments for aggregate expression "
		 "provided, expected 2, got 1"},
		{"(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"},
		{"foo offset 5m[5m]",
		 "1:14: parse error: no offset modifiers allowed before range"},
		{"sum(foo) offset 5m",
		 "1:1: parse error: offset modifier must be preceded by an instant vector selector "
		 "or range vector selector or a subquery"},
		{"-foo[5m]",
		 "1:1: parse error: unary expression only allowed on expressions of type "
		 "scalar or instant vector, got \"range vector\""},
		{"foo +\n  * 2", "2:3: parse error: unexpected <op:*>"},
		{"abs(foo,)",
		 "1:8: parse error: trailing commas not allowed in function call args"},
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(sg_query_check(cases[i][0], &x->err), -EINVAL);
		assert_string_equal(x->err.msg, cases[i][1]);
	}
}

static void selectors_look_back_five_minutes_left_open(void **state)
{
	struct fixture *x = *state;

	near(number(x, "g", 600000), 61);
	near(number(x, "g", 609999), 61);
	near(number(x, "g", 899999), 61);
	ask(x, "g", 900000);
	assert_int_equal(x->v.n, 0);
	near(number(x, "g offset 1m", 600000), 55);
	near(number(x, "g offset -1m", 540000), 61);
	near(number(x, "g @ 60", 600000), 7);
	near(number(x, "g @ 60 offset 10s", 0), 6);
	near(number(x, "c_total{a=\"x\"}", 100000), 100);
	near(number(x, "{__name__=~\"c_.*\", a!=\"x\"}", 100000), 200);
	near(number(x, "{\"g\"}", 0), 1);
	near(number(x, "count_over_time(g[20s])", 100000), 2);
}

static void rate_extrapolates_as_prometheus(void **state)
{
	struct fixture *x = *state;

	near(number(x, "rate(c_total{a=\"x\"}[1m])", 300000), 1);
	near(number(x, "increase(c_total{a=\"x\"}[1m])", 300000), 60);
	/* No further back than where the counter would have been zero. */
	near(number(x, "increase(c_total{a=\"x\"}[10m])", 60000), 60);
	near(number(x, "irate(c_total{a=\"y\"}[1m])", 300000), 2);
	near(number(x, "delta(g[1m])", 300000), 6);
	ask(x, "rate(c_total[10s])", 300000);
	assert_int_equal(x->v.n, 0);
	assert_true(ask(x, "rate(g[1m])", 300000) == 0 && x->v.n_warnings == 1);
	assert_string_equal(x->v.warnings[0],
			    "PromQL info: metric might not be a counter, name does not end in "
			    "_total/_sum/_count/_bucket: \"g\" (1:6)");
}

static void far_from_the_samples_rate_goes_on_for_half_an_interval(void **state)
{
	struct fixture *x = *state;
	struct fake_series *s = put(x->f, SG_COUNTER, "m_total", NULL, NULL);

	for (int i = 0; i < 5; i++)
		fake_add(s, 200000 + i * 10000, 100 + i * 10);
	/* 40 in 40 s, and 5 s more at either end. */
	near(number(x, "increase(m_total[200s])", 300000), 50);
	/* 8 s to the end are within 1.1 intervals: up to the edge. */
	near(number(x, "increase(m_total[200s])", 248000), 53);
}

static void a_counter_reset_is_seen_as_a_start_from_zero(void **state)
{
	struct fixture *x = *state;
	struct fake_series *s = put(x->f, SG_COUNTER, "r_total", NULL, NULL);
	static const double v[] = {10, 20, 30, 5, 15, 2, 12};

	for (int i = 0; i < 7; i++)
		fake_add(s, (i + 1) * 10000, v[i]);
	/* 10..30: 20, then 5, 15, then 2, 12: 20 + 15 + 12 = 47 in 60 s. */
	near(number(x, "increase(r_total[61s])", 70000), 47 * 61. / 60);
	near(number(x, "resets(r_total[61s])", 70000), 2);
	near(number(x, "changes(r_total[61s])", 70000), 6);
	near(number(x, "increase(r_total[20s])", 40000), 5 * 2);
}

static void native_histograms_are_values(void **state)
{
	struct fixture *x = *state;

	near(number(x, "histogram_count(increase(h_seconds[1m]))", 200000), 480);
	near(number(x, "histogram_sum(rate(h_seconds[1m]))", 200000), 12);
	near(number(x, "histogram_avg(rate(h_seconds[1m]))", 200000), 1.5);
	near(number(x, "histogram_fraction(1, 2, rate(h_seconds[1m]))", 200000), 1);
	near(number(x, "histogram_quantile(0.5, rate(h_seconds[1m]))", 200000), sqrt(2));
	near(number(x, "histogram_quantile(0.5, sum(rate(h_seconds[1m])))", 200000), sqrt(2));
	/* Over the reset at 300 s nothing is lost. */
	near(number(x, "histogram_count(increase(h_seconds[1m]))", 320000), 480);
	near(number(x, "histogram_count(h_seconds * 2)", 100000), 1600);
	near(number(x, "histogram_count(h_seconds + h_seconds)", 100000), 1600);
	near(number(x, "histogram_count(sum(h_seconds) - avg(h_seconds))", 100000), 0);
	assert_true(isinf(number(x, "histogram_quantile(2, h_seconds)", 100000)));
	assert_int_equal(x->v.n_warnings, 1);
	assert_string_equal(
		x->v.warnings[0],
		"PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)");
}

static void aggregations_group_by_and_without(void **state)
{
	struct fixture *x = *state;

	near(number(x, "sum(c_total)", 100000), 300);
	near(number(x, "max without(a) (c_total)", 100000), 200);
	near(number(x, "avg(c_total) by ()", 100000), 150);
	near(number(x, "count(c_total)", 100000), 2);
	near(number(x, "stddev(c_total)", 100000), 50);
	near(number(x, "quantile(0.5, c_total)", 100000), 150);
	assert_string_equal(say(x, "sum by (a) (c_total)", 100000),
			    "{\"resultType\":\"vector\",\"result\":["
			    "{\"metric\":{\"a\":\"x\"},\"value\":[100,\"100\"]},"
			    "{\"metric\":{\"a\":\"y\"},\"value\":[100,\"200\"]}]}");
	assert_string_equal(say(x, "topk(1, c_total)", 100000),
			    "{\"resultType\":\"vector\",\"result\":["
			    "{\"metric\":{\"__name__\":\"c_total\",\"a\":\"y\"},"
			    "\"value\":[100,\"200\"]}]}");
	assert_string_equal(say(x, "count_values(\"v\", c_total > 100)", 100000),
			    "{\"resultType\":\"vector\",\"result\":["
			    "{\"metric\":{\"v\":\"200\"},\"value\":[100,\"1\"]}]}");
}

static void vectors_match_on_labels(void **state)
{
	struct fixture *x = *state;

	near(number(x, "c_total{a=\"x\"} / on() c_total{a=\"y\"}", 100000), .5);
	near(number(x, "sum(c_total / c_total)", 100000), 2);
	near(number(x, "sum(c_total * on() group_left g)", 100000), 3300);
	near(number(x, "sum(g * on() group_right c_total)", 100000), 3300);
	near(number(x, "count(c_total and c_total{a=\"x\"})", 100000), 1);
	near(number(x, "count(c_total unless c_total{a=\"x\"})", 100000), 1);
	near(number(x, "count(c_total or g)", 100000), 3);
	near(number(x, "c_total > 100", 100000), 200);
	near(number(x, "100 < c_total", 100000), 200);
	near(number(x, "sum(c_total > bool 100)", 100000), 1);
	assert_int_equal(ask(x, "g * on() c_total", 100000), -EINVAL);
	assert_string_equal(
		x->err.msg,
		"found duplicate series for the match group {} on the right hand-side of "
		"the operation: [{__name__=\"c_total\", a=\"x\"}, {__name__=\"c_total\", "
		"a=\"y\"}];many-to-many matching not allowed: matching labels must be "
		"unique on one side");
	assert_int_equal(ask(x, "c_total * on() g", 100000), -EINVAL);
	assert_string_equal(x->err.msg, "multiple matches for labels: many-to-one matching must be "
					"explicit (group_left/group_right)");
}

static void a_range_query_is_the_instant_query_at_every_step(void **state)
{
	static const char *const exprs[] = {
		"g",
		"rate(c_total[45s])",
		"histogram_quantile(0.9, rate(h_seconds[1m]))",
		"sum(rate(h_seconds[35s]))",
		"max_over_time(g[33s])",
		"c_total - c_total offset 30s",
		"sum_over_time(rate(c_total[1m])[2m:20s])",
		"g > 20 or c_total{a=\"x\"}",
		"g @ end()",
		"topk(1, c_total)",
		"absent(g > 30)",
		"timestamp(g)",
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(exprs); i++) {
		struct sg_value range, one;
		size_t points = 0;

		if (strstr(exprs[i], "end()"))
			continue;
		assert_int_equal(sg_query_range(&x->f->reader, exprs[i], 5000, 700000, 7000, NULL,
						x->arena, &range, &x->err),
				 0);
		for (int64_t t = 5000; t <= 700000; t += 7000) {
			assert_int_equal(sg_query_instant(&x->f->reader, exprs[i], t, NULL,
							  x->arena, &one, &x->err),
					 0);
			points += one.n;
			for (size_t k = 0; k < one.n; k++) {
				const struct sg_point *a = &one.series[k].points[0], *b = NULL;

				for (size_t s = 0; s < range.n; s++)
					for (size_t p = 0; p < range.series[s].n; p++)
						if (range.series[s].points[p].t_ms == t &&
						    sg_series_equal(&range.series[s].series,
								    &one.series[k].series))
							b = &range.series[s].points[p];
				assert_non_null(b);
				assert_true((a->hist != NULL) == (b->hist != NULL));
				assert_true(a->hist ? sg_native_equal(a->hist, b->hist)
						    : a->value == b->value ||
							      (isnan(a->value) && isnan(b->value)));
			}
		}
		for (size_t s = 0; s < range.n; s++)
			points -= range.series[s].n;
		assert_int_equal(points, 0);
	}
}

static void a_selector_is_read_once_however_often_it_is_used(void **state)
{
	struct fixture *x = *state;

	x->f->selects = 0;
	say_range(x, "rate(c_total[1m]) / rate(c_total[5m]) + c_total offset 1m", 60000, 600000,
		  10000);
	assert_int_equal(x->f->selects, 1);
}

static void json_is_prometheus_json(void **state)
{
	struct fixture *x = *state;

	assert_string_equal(say(x, "1.5", 1500),
			    "{\"resultType\":\"scalar\",\"result\":[1.500,\"1.5\"]}");
	assert_string_equal(say(x, "\"a\\\"b\"", 1000),
			    "{\"resultType\":\"string\",\"result\":[1,\"a\\\"b\"]}");
	assert_string_equal(
		say(x, "g[15s]", 20050),
		"{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"g\"},"
		"\"values\":[[10,\"2\"],[20,\"3\"]]}]}");
	assert_string_equal(
		say_range(x, "g == 2", 0, 20000, 10000),
		"{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"g\"},"
		"\"values\":[[10,\"2\"]]}]}");
	assert_string_equal(say_range(x, "2", 0, 1, 1),
			    "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},"
			    "\"values\":[[0,\"2\"],[0.001,\"2\"]]}]}");
	assert_string_equal(say(x, "nothing", 0), "{\"resultType\":\"vector\",\"result\":[]}");
}

static void histograms_are_printed_bucket_by_bucket(void **state)
{
	struct fixture *x = *state;
	struct fake_series *s = put(x->f, SG_HISTOGRAM, "p_seconds", NULL, NULL);
	struct sg_hist h = {0};

	sg_hist_add_bucket(&h, 8, 3);
	sg_hist_add_bucket(&h, 16, 1);
	h.count = 4;
	h.sum = 9;
	fake_add_hist(s, 1000, &h);
	sg_hist_free(&h);
	assert_string_equal(
		say(x, "p_seconds", 1000),
		"{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"p_seconds\"},"
		"\"histogram\":[1,{\"count\":\"4\",\"sum\":\"9\",\"buckets\":["
		"[0,\"1.8340080864093424\",\"2\",\"3\"],[0,\"3.668016172818685\",\"4\",\"1\"]]}]}]}");
	assert_string_equal(say_range(x, "p_seconds * 0", 1000, 1000, 1000),
			    "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},"
			    "\"histograms\":[[1,{\"count\":\"0\",\"sum\":\"0\"}]]}]}");
}

static void limits_are_kept(void **state)
{
	struct fixture *x = *state;
	struct sg_query_limits few = {.max_samples = 50};
	struct sg_query_limits small = {.max_bytes = 64 << 10};
	struct sg_query_limits late = {.deadline_ns = 1};
	struct sg_reader *r = &x->f->reader;

	assert_int_equal(sg_query_instant(r, "g[1h]", 600000, &few, x->arena, &x->v, &x->err),
			 -E2BIG);
	assert_int_equal(
		sg_query_range(r, "g * g", 0, 600000, 100, &small, x->arena, &x->v, &x->err),
		-E2BIG);
	assert_int_equal(sg_query_instant(r, "g", 0, &late, x->arena, &x->v, &x->err), -ETIMEDOUT);
	assert_int_equal(sg_query_range(r, "g", 0, 600000, 10, NULL, x->arena, &x->v, &x->err),
			 -EINVAL);
	assert_int_equal(sg_query_range(r, "g", 0, 1, 0, NULL, x->arena, &x->v, &x->err), -EINVAL);
	assert_int_equal(sg_query_range(r, "g", 1, 0, 1, NULL, x->arena, &x->v, &x->err), -EINVAL);
	assert_int_equal(sg_query_range(r, "g[1m]", 0, 1, 1, NULL, x->arena, &x->v, &x->err),
			 -EINVAL);
	x->f->fail = -EIO;
	assert_int_equal(ask(x, "g", 0), -EIO);
	assert_string_equal(x->err.msg, "the fake reader fails, as the test asked");
}

static void nesting_and_length_are_bounded(void **state)
{
	struct fixture *x = *state;
	sg_auto_buf b = {0};

	for (int i = 0; i < 5000; i++)
		sg_buf_char(&b, '(');
	assert_int_equal(sg_query_check(b.data, &x->err), -E2BIG);
	sg_buf_reset(&b);
	for (int i = 0; i < 5000; i++)
		sg_buf_str(&b, "1+");
	sg_buf_char(&b, '1');
	assert_int_equal(sg_query_check(b.data, &x->err), -E2BIG);
	sg_buf_reset(&b);
	for (int i = 0; i < 5000; i++)
		sg_buf_str(&b, "- ");
	assert_int_equal(sg_query_check(b.data, &x->err), -E2BIG);
	while (b.len < (70 << 10))
		sg_buf_char(&b, ' ');
	assert_int_equal(sg_query_check(b.data, &x->err), -E2BIG);
}

static void a_bare_selector_can_be_had_alone(void **state)
{
	struct fixture *x = *state;
	struct sg_selector sel;

	assert_int_equal(sg_query_selector("n{a=\"b\",c!~\"d\"}", x->arena, &sel, &x->err), 0);
	assert_int_equal(sel.n, 3);
	assert_string_equal(sg_selector_name(&sel), "n");
	assert_int_equal(sel.matchers[2].op, SG_MATCH_NRE);
	assert_null(sel.matchers[2].regex);
	assert_int_equal(sg_query_selector("rate(n[5m])", x->arena, &sel, &x->err), -EINVAL);
	assert_int_equal(sg_query_selector("n[5m]", x->arena, &sel, &x->err), -EINVAL);
	assert_int_equal(sg_query_selector("n + 1", x->arena, &sel, &x->err), -EINVAL);
}

static void durations_can_be_computed(void **state)
{
	struct fixture *x = *state;
	static const char *const same[] = {
		"count_over_time(g[60])",
		"count_over_time(g[2m - 1m])",
		"count_over_time(g[(10s + 5) * 2 ^ 2])",
		"count_over_time(g[max(30s, 1m)] offset min(0, 1h))",
		"count_over_time(g[1m] offset (60 % 60s))",
		"count_over_time(g[-1m + 2m:10s])",
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(ask(x, same[i], 300000), 0);
		assert_true(x->v.series[0].points[0].value == 6);
	}
	assert_int_equal(ask(x, "g[1m / 0]", 0), -EINVAL);
	assert_string_equal(x->err.msg, "1:6: parse error: division by zero");
	assert_int_equal(ask(x, "g[1m - 1m]", 0), -EINVAL);
	say_range(x, "count_over_time(g[step()])", 100000, 160000, 20000);
	assert_true(x->v.series[0].points[0].value == 2);
}

static void a_label_can_be_rewritten(void **state)
{
	struct fixture *x = *state;

	assert_string_equal(
		say(x, "label_replace(c_total{a=\"x\"}, \"b\", \"<$1>\", \"a\", \"(.*)\")", 100000),
		"{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":"
		"\"c_total\",\"a\":\"x\",\"b\":\"\\u003cx\\u003e\"},"
		"\"value\":[100,\"100\"]}]}");
	assert_int_equal(ask(x, "label_replace(c_total, \"a\", \"\", \"\", \"\")", 100000),
			 -EINVAL);
	assert_int_equal(ask(x, "label_replace(c_total, \"b\", \"\", \"a\", \"(\")", 100000),
			 -EINVAL);
}

/* What label b becomes when a is "x". */
static const char *rewritten(struct fixture *x, const char *with, const char *pattern)
{
	char expr[200];

	snprintf(
		expr, sizeof(expr),
		"label_replace(label_replace(c_total{a='x'}, 'a', 'x-12.y', '', ''), 'b', '%s', 'a', '%s')",
		with, pattern);
	assert_int_equal(ask(x, expr, 100000), 0);
	return sg_series_label(&x->v.series[0].series, "b");
}

static void patterns_of_labels_are_those_of_re2(void **state)
{
	struct fixture *x = *state;

	assert_string_equal(rewritten(x, "$1", "(.*)"), "x-12.y");
	assert_string_equal(rewritten(x, "$1", "[a-z]-(\\\\d+).*"), "12");
	assert_string_equal(rewritten(x, "$1", "(?:x|z)-(\\\\w+)\\\\.y"), "12");
	assert_string_equal(rewritten(x, "${n}$0", "(?P<n>\\\\w)-.*"), "xx-12.y");
	assert_string_equal(rewritten(x, "$1z", "(.*)"), "");
	assert_string_equal(rewritten(x, "${1}z$$", "(.*?)-[\\\\d\\\\.]+y"), "xz$");
	assert_string_equal(rewritten(x, "yes", "(?i)X.*"), "yes");
	assert_string_equal(rewritten(x, "yes", "x"), "");
	assert_string_equal(rewritten(x, "yes", "x-[0-9]{1,3}.y"), "yes");
	assert_int_equal(ask(x, "label_replace(g, 'b', '', 'a', '((x{99}){99}){99}')", 0), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(literals_and_precedence_mean_what_they_mean_in_promql),
		T(syntax_errors_name_their_place_as_prometheus_does),
		T(selectors_look_back_five_minutes_left_open),
		T(rate_extrapolates_as_prometheus),
		T(far_from_the_samples_rate_goes_on_for_half_an_interval),
		T(a_counter_reset_is_seen_as_a_start_from_zero),
		T(native_histograms_are_values),
		T(aggregations_group_by_and_without),
		T(vectors_match_on_labels),
		T(a_range_query_is_the_instant_query_at_every_step),
		T(a_selector_is_read_once_however_often_it_is_used),
		T(json_is_prometheus_json),
		T(histograms_are_printed_bucket_by_bucket),
		T(limits_are_kept),
		T(nesting_and_length_are_bounded),
		T(a_bare_selector_can_be_had_alone),
		T(a_label_can_be_rewritten),
		T(patterns_of_labels_are_those_of_re2),
		T(durations_can_be_computed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
