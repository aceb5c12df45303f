// SPDX-License-Identifier: GPL-2.0
// Native histograms of every layout: how they add up, and how they are printed.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <sgprobe/query.h>

#include "query/fake_reader.h"

struct fixture {
	struct fake_reader *f;
	struct sg_arena *arena;
	struct sg_value v;
	struct sg_error err;
	struct sg_buf json;
};

static const struct sg_bucket fine[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}};
static const struct sg_bucket coarse[] = {{1, 10}, {2, 20}};
static const struct sg_bucket low[] = {{1, 5}};
static const double bounds_a[] = {1, 2, 5}, bounds_b[] = {2, 3, 5};

static void load(struct fake_reader *f, const char *name, const char *a, const struct sg_native *h)
{
	const char *labels[] = {"a", a, NULL};

	fake_add_native(f, fake_series(f, SG_HISTOGRAM, name, labels), 0, h, 0);
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct fake_reader *f = x->f = fake_new();

	x->arena = sg_arena_new(64UL << 20);
	load(f, "e", "fine",
	     &(struct sg_native){.schema = 1, .count = 10, .sum = 1, .pos = fine, .n_pos = 4});
	load(f, "e", "coarse",
	     &(struct sg_native){.schema = 0, .count = 30, .sum = 2, .pos = coarse, .n_pos = 2});
	load(f, "z", "wide",
	     &(struct sg_native){.count = 32,
				 .sum = 3,
				 .zero_count = 2,
				 .zero_threshold = 2,
				 .pos = coarse + 1,
				 .n_pos = 1,
				 .neg = coarse + 1,
				 .n_neg = 1});
	load(f, "z", "narrow",
	     &(struct sg_native){.count = 35, .pos = coarse, .n_pos = 2, .neg = low, .n_neg = 1});
	load(f, "b", "a",
	     &(struct sg_native){.schema = SG_SCHEMA_CUSTOM,
				 .count = 10,
				 .bounds = bounds_a,
				 .n_bounds = 3,
				 .pos = fine,
				 .n_pos = 3});
	load(f, "b", "b",
	     &(struct sg_native){.schema = SG_SCHEMA_CUSTOM,
				 .count = 10,
				 .bounds = bounds_b,
				 .n_bounds = 3,
				 .pos = fine,
				 .n_pos = 3});
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

static int ask(struct fixture *x, const char *expr)
{
	x->err.msg[0] = '\0';
	return sg_query_instant(&x->f->reader, expr, 0, NULL, x->arena, &x->v, &x->err);
}

static const struct sg_native *hist(struct fixture *x, const char *expr)
{
	assert_int_equal(ask(x, expr), 0);
	assert_int_equal(x->v.n, 1);
	assert_non_null(x->v.series[0].points[0].hist);
	return x->v.series[0].points[0].hist;
}

static const char *say(struct fixture *x, const char *expr)
{
	sg_buf_reset(&x->json);
	if (ask(x, expr) < 0)
		return x->err.msg;
	sg_query_json(&x->json, &x->v);
	return x->json.data;
}

static void a_sum_has_the_coarser_schema(void **state)
{
	const struct sg_native *h = hist(*state, "sum(e)");

	assert_int_equal(h->schema, 0);
	assert_int_equal(h->n_pos, 2);
	/* (1, 1.41] and (1.41, 2] are in (1, 2], which is index 1. */
	assert_true(h->pos[0].index == 1 && h->pos[0].count == 10 + 1 + 2);
	assert_true(h->pos[1].index == 2 && h->pos[1].count == 20 + 3 + 4);
	assert_true(h->count == 40 && h->sum == 3);
}

static void a_sum_has_the_wider_zero_bucket(void **state)
{
	const struct sg_native *h = hist(*state, "sum(z)");

	assert_true(h->zero_threshold == 2 && h->zero_count == 2 + 10 + 5);
	assert_true(h->n_pos == 1 && h->pos[0].index == 2 && h->pos[0].count == 40);
	assert_true(h->n_neg == 1 && h->neg[0].index == 2 && h->neg[0].count == 20);
}

static void a_sum_has_the_bounds_that_both_have(void **state)
{
	struct fixture *x = *state;
	const struct sg_native *h = hist(x, "sum(b)");

	assert_int_equal(h->n_bounds, 2);
	assert_true(h->bounds[0] == 2 && h->bounds[1] == 5);
	/* (1, 2] of the one; (2, 5] and what lies above of both. */
	assert_true(h->n_pos == 3 && h->pos[0].count == 1);
	assert_true(h->pos[1].count == 2 + 1 + 2 && h->pos[2].count == 3 + 3);
	assert_int_equal(x->v.n_warnings, 1);
	assert_string_equal(x->v.warnings[0], "PromQL info: mismatched custom buckets were "
					      "reconciled during aggregation (1:5)");
}

static void exponential_and_custom_buckets_do_not_go_together(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(ask(x, "sum({a=~\"fine|b\"})"), 0);
	assert_int_equal(x->v.n, 0);
	assert_int_equal(x->v.n_warnings, 1);
	assert_int_equal(ask(x, "e{a=\"fine\"} + on() b{a=\"a\"}"), 0);
	assert_int_equal(x->v.n, 0);
	assert_string_equal(x->v.warnings[0], "PromQL warning: incompatible bucket layout "
					      "encountered for binary operator + (1:1)");
}

static void json_says_which_bounds_belong_to_a_bucket(void **state)
{
	assert_string_equal(
		say(*state, "z{a=\"wide\"}"),
		"{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"z\",\"a\":"
		"\"wide\"},\"histogram\":[0,{\"count\":\"32\",\"sum\":\"3\",\"buckets\":"
		"[[1,\"-4\",\"-2\",\"20\"],[3,\"-2\",\"2\",\"2\"],[0,\"2\",\"4\",\"20\"]]}]}]}");
	assert_string_equal(
		say(*state, "b{a=\"a\"}"),
		"{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"b\",\"a\":"
		"\"a\"},\"histogram\":[0,{\"count\":\"10\",\"sum\":\"0\",\"buckets\":"
		"[[0,\"1\",\"2\",\"1\"],[0,\"2\",\"5\",\"2\"],[0,\"5\",\"+Inf\",\"3\"]]}]}]}");
}

static void trimming_keeps_one_side(void **state)
{
	const struct sg_native *h = hist(*state, "e{a=\"coarse\"} </ 2");

	assert_true(h->count == 10 && h->n_pos == 1);
	h = hist(*state, "e{a=\"coarse\"} >/ 2");
	assert_true(h->count == 20 && h->n_pos == 1 && h->pos[0].index == 2);
}

static void a_stale_marker_ends_a_series(void **state)
{
	struct fixture *x = *state;
	struct fake_series *s = fake_series(x->f, SG_GAUGE, "s", NULL);
	uint64_t bits = SG_STALE_BITS;
	double stale;

	memcpy(&stale, &bits, sizeof(stale));
	fake_add_native(x->f, s, -2000, NULL, 7);
	fake_add_native(x->f, s, -1000, NULL, stale);
	assert_int_equal(ask(x, "s"), 0);
	assert_int_equal(x->v.n, 0);
	assert_int_equal(ask(x, "count_over_time(s[1m])"), 0);
	assert_true(x->v.series[0].points[0].value == 1);
	assert_int_equal(ask(x, "timestamp(s)"), 0);
	assert_int_equal(x->v.n, 0);
}

static void info_adds_the_labels_of_the_target(void **state)
{
	static const char *const target[] = {"instance", "i", "job", "j", "version", "2", NULL};
	static const char *const of[] = {"instance", "i", "job", "j", NULL};
	struct fixture *x = *state;

	fake_add(fake_series(x->f, SG_GAUGE, "target_info", target), 0, 1);
	fake_add(fake_series(x->f, SG_GAUGE, "m", of), 0, 5);
	assert_int_equal(ask(x, "info(m)"), 0);
	assert_string_equal(sg_series_label(&x->v.series[0].series, "version"), "2");
	assert_int_equal(ask(x, "info(m, {job=~\".*\"})"), 0);
	assert_string_equal(sg_series_label(&x->v.series[0].series, "version"), "");
	assert_int_equal(ask(x, "info(m, {version=\"3\"})"), 0);
	assert_int_equal(x->v.n, 0);
	assert_int_equal(ask(x, "info(m, sum(m))"), -EINVAL);
}

static void layouts_stay_within_the_memory_limit(void **state)
{
	struct sg_query_limits lim = {.max_bytes = 64 << 10};
	struct fixture *x = *state;
	int r = sg_query_range(&x->f->reader, "sum(e) + sum(e) - sum(e)", 0, 290000, 100, &lim,
			       x->arena, &x->v, &x->err);

	assert_int_equal(r, -E2BIG);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_sum_has_the_coarser_schema),
		T(a_sum_has_the_wider_zero_bucket),
		T(a_sum_has_the_bounds_that_both_have),
		T(exponential_and_custom_buckets_do_not_go_together),
		T(json_says_which_bounds_belong_to_a_bucket),
		T(trimming_keeps_one_side),
		T(a_stale_marker_ends_a_series),
		T(info_adds_the_labels_of_the_target),
		T(layouts_stay_within_the_memory_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
