// SPDX-License-Identifier: GPL-2.0
#include <math.h>

#include "make.h"

#include <sgprobe/bpf/bucket.h>

static void assert_near(double got, double want)
{
	if (!(fabs(got - want) <= fabs(want) * 1e-12))
		fail_msg("%.17g is not %.17g", got, want);
}

static void what_cannot_be_said_is_said_as_prometheus_says_it(void **state)
{
	struct sg_hist h = {0};

	assert_true(isnan(sg_hist_quantile(&h, 0.5)));
	assert_true(isnan(sg_hist_max(&h)));
	assert_true(isnan(sg_hist_fraction(&h, 0, 1)));
	assert_int_equal(sg_hist_observe(&h, 1), 0);
	assert_true(sg_hist_quantile(&h, -0.1) == -INFINITY);
	assert_true(sg_hist_quantile(&h, 1.1) == INFINITY);
	assert_true(isnan(sg_hist_quantile(&h, NAN)));
	assert_true(isnan(sg_hist_fraction(&h, NAN, 1)));
	assert_true(isnan(sg_hist_fraction(&h, 0, NAN)));
	assert_true(sg_hist_fraction(&h, 2, 1) == 0);
	assert_true(sg_hist_fraction(&h, -INFINITY, INFINITY) == 1);
	sg_hist_free(&h);
}

static void interpolation_is_linear_in_the_logarithm(void **state)
{
	struct sg_bucket b[] = {{8, 4}}; /* (2^(7/8), 2] */
	struct sg_hist h = {.count = 4, .sum = 7, .n = 1, .buckets = b};

	assert_near(sg_hist_quantile(&h, 0), exp2(7 / 8.0));
	assert_near(sg_hist_quantile(&h, 0.25), exp2(7 / 8.0 + 1 / 32.0));
	assert_near(sg_hist_quantile(&h, 0.5), exp2(7 / 8.0 + 1 / 16.0));
	assert_near(sg_hist_quantile(&h, 1), 2);
	assert_near(sg_hist_max(&h), 2);
	assert_near(sg_hist_fraction(&h, -INFINITY, exp2(7 / 8.0 + 1 / 16.0)), 0.5);
}

/* Prometheus walks from the nearer end, which tells the two sides of a hole apart. */
static void between_two_buckets_the_nearer_end_decides(void **state)
{
	struct sg_bucket b[] = {{0, 1}, {16, 1}};
	struct sg_hist h = {.count = 2, .sum = 5, .n = 2, .buckets = b};

	assert_near(sg_hist_quantile(&h, 0.5), sg_bucket_lower(16));
	assert_true(sg_hist_quantile(&h, nextafter(0.5, 0)) <= 1);
	h.sum = NAN;
	assert_near(sg_hist_quantile(&h, 0.5), 1);
}

/* Values that Prometheus 3 gives for this histogram, worked out by its own rules. */
static void several_buckets_give_what_prometheus_gives(void **state)
{
	struct sg_bucket b[] = {{-16, 10}, {-8, 30}, {0, 50}, {8, 10}};
	struct sg_hist h = {.count = 100, .sum = 70, .n = 4, .buckets = b};

	assert_near(sg_hist_quantile(&h, 0.1), 0.25);
	assert_near(sg_hist_quantile(&h, 0.25), exp2(-9 / 8.0 + 0.5 / 8));
	assert_near(sg_hist_quantile(&h, 0.5), exp2(-1 / 8.0 + 10.0 / 50 / 8));
	assert_near(sg_hist_quantile(&h, 0.9), sg_bucket_lower(8));
	assert_near(sg_hist_quantile(&h, 0.99), exp2(7 / 8.0 + 9.0 / 10 / 8));
	assert_near(sg_hist_fraction(&h, 0.5, 1), 0.5);
	assert_near(sg_hist_fraction(&h, 0, 0.25), 0.1);
	assert_true(sg_hist_fraction(&h, 1.2, 1.3) == 0);
}

static void quantiles_ascend_and_fractions_undo_them(void **state)
{
	struct random r = {21};

	for (unsigned i = 0; i < 200; i++) {
		struct sg_hist h = make_hist(&r, 1 + rnd_below(&r, 60));
		double last = 0;

		for (int k = 0; k <= 1000; k++) {
			double q = k / 1000.0, v = sg_hist_quantile(&h, q);

			assert_true(v >= last * (1 - 1e-12));
			assert_true(v <= sg_hist_max(&h) * (1 + 1e-12));
			assert_true(fabs(sg_hist_fraction(&h, -INFINITY, v) - q) < 1e-9);
			last = v;
		}
		sg_hist_free(&h);
	}
}

static void fractions_of_neighbours_add_up(void **state)
{
	struct random r = {22};

	for (unsigned i = 0; i < 200; i++) {
		struct sg_hist h = make_hist(&r, 1 + rnd_below(&r, 60));
		double a = exp2((double)rnd_below(&r, 800) / 40 - 20);
		double b = a * (1 + (double)rnd_below(&r, 100) / 50);
		double whole = sg_hist_fraction(&h, -INFINITY, a) + sg_hist_fraction(&h, a, b) +
			       sg_hist_fraction(&h, b, INFINITY);

		assert_true(fabs(whole - 1) < 1e-12);
		sg_hist_free(&h);
	}
}

static void a_quantile_is_off_by_at_most_a_bucket(void **state)
{
	struct random r = {23};
	struct sg_hist h = {0};
	double v[1000];

	for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
		v[i] = 1e-6 * (double)(i + 1);
		assert_int_equal(sg_hist_observe(&h, v[i]), 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		unsigned at = (unsigned)rnd_below(&r, ARRAY_SIZE(v));
		double got = sg_hist_quantile(&h, (at + 0.5) / ARRAY_SIZE(v));

		assert_true(got / v[at] < exp2(1 / 8.0) && v[at] / got < exp2(1 / 8.0));
	}
	sg_hist_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_said_is_said_as_prometheus_says_it),
		cmocka_unit_test(interpolation_is_linear_in_the_logarithm),
		cmocka_unit_test(between_two_buckets_the_nearer_end_decides),
		cmocka_unit_test(several_buckets_give_what_prometheus_gives),
		cmocka_unit_test(quantiles_ascend_and_fractions_undo_them),
		cmocka_unit_test(fractions_of_neighbours_add_up),
		cmocka_unit_test(a_quantile_is_off_by_at_most_a_bucket),
	};

	return cmocka_run_group_tests_name("quantile", tests, NULL, NULL);
}
