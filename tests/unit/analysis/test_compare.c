// SPDX-License-Identifier: GPL-2.0
/* Comparison and explanation: known answers, honest significance, shares that add up. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/compare.h>
#include <sgprobe/explain.h>

#include "noise.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

/* ---- distributions ----------------------------------------------------------------------- */

static void tails_are_those_of_the_tables(void **state)
{
	NEAR(sg_f_tail(4.9646, 1, 10), .05, 1e-5);
	NEAR(sg_f_tail(2.7108898372, 5, 20), .05, 1e-6);
	NEAR(sg_f_tail(1, 1e6, 1e6), .5, 1e-3);
	NEAR(sg_f_tail(3.8414588, 1, 1e7), .05, 1e-5);
	assert_true(sg_f_tail(0, 3, 4) == 1);
	assert_true(sg_f_tail(1e9, 3, 40) < 1e-12);
	NEAR(sg_normal_within(.95), 1.959963985, 1e-8);
}

/* By hand: means 2 and 6, variances 1.2 and 4.8, so t = 4 with 125/17 degrees of freedom. */
static void a_single_value_is_welchs_t_test(void **state)
{
	const double one[] = {1, 1, 1, 1, 1, 1}, a[] = {1, 3, 1, 3, 1, 3}, b[] = {4, 8, 4, 8, 4, 8};
	const struct sg_blocks x = {6, 1, one, a}, y = {6, 1, one, b};
	struct sg_shift_test t;

	assert_int_equal(sg_shift_test(&x, &y, &t), 0);
	assert_true(t.rho[0] == 0 && t.rho[1] == 0);
	NEAR(t.f, 16, 1e-9);
	NEAR(t.df1, 1, 1e-9);
	NEAR(t.df2, 125. / 17, 1e-9);
	NEAR(t.p, 0.00469244, 1e-6);
}

/* Events of n blocks; from one block to the next a share of the level is remembered. */
static void make(struct noise *r, struct sg_hist *h, size_t n, double memory, double factor)
{
	double level = 0;

	memset(h, 0, n * sizeof(*h));
	for (size_t i = 0; i < n; i++) {
		level = memory * level + sqrt(1 - memory * memory) * noise_normal(r);
		for (size_t k = 0; k < 40; k++)
			assert_int_equal(sg_hist_observe(&h[i], factor * 1e-3 *
									exp(.4 * level +
									    .5 * noise_normal(r))),
					 0);
	}
}

static void drop(struct sg_hist *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sg_hist_free(&h[i]);
}

static double rejected(double memory, double factor, double alpha)
{
	struct noise r = {17};
	double k = 0;

	for (size_t i = 0; i < 300; i++) {
		struct sg_hist a[30], b[30];
		struct sg_shift s;

		make(&r, a, 30, memory, 1);
		make(&r, b, 30, memory, factor);
		assert_int_equal(sg_compare_hists(a, 30, b, 30, &s), 0);
		assert_true(s.enough);
		k += s.test.p < alpha;
		drop(a, 30);
		drop(b, 30);
	}
	return k / 300;
}

static void chance_is_called_a_shift_as_often_as_said(void **state)
{
	double f = rejected(0, 1, .05);

	assert_true(f > .01 && f < .09);
	/* Blocks that resemble their neighbours: taken for independent ones this is above 0.25. */
	assert_true(rejected(.5, 1, .05) < .12);
}

static void a_shift_is_seen(void **state)
{
	assert_true(rejected(0, 1.6, .001) > .6);
}

static void a_distance_is_in_octaves(void **state)
{
	struct sg_hist a[12] = {{0}}, b[12] = {{0}};
	struct sg_shift s;

	for (size_t i = 0; i < 12; i++)
		for (size_t k = 0; k < 50; k++) {
			sg_hist_observe(&a[i], 1e-3 * (1 + (double)((k + 7 * i) % 50) / 50));
			sg_hist_observe(&b[i], 4e-3 * (1 + (double)((k + 7 * i) % 50) / 50));
		}
	assert_int_equal(sg_compare_hists(a, 12, b, 12, &s), 0);
	NEAR(s.distance, 2, 1e-9);
	NEAR(s.octaves, 2, 1e-9);
	NEAR(s.mean[1] / s.mean[0], 4, 1e-9);
	NEAR(s.p50[1] / s.p50[0], 4, 1e-9);
	assert_true(s.test.p < 1e-4);
	drop(a, 12);
	drop(b, 12);
}

static void only_the_shape_counts(void **state)
{
	struct noise r = {23};
	struct sg_hist a[20], b[20];
	struct sg_shift s;

	make(&r, a, 20, 0, 1);
	make(&r, b, 20, 0, 1);
	for (size_t i = 0; i < 20; i++)
		sg_hist_scale(&b[i], 10);
	assert_int_equal(sg_compare_hists(a, 20, b, 20, &s), 0);
	assert_true(s.test.p > .01 && s.count[1] == 10 * s.count[0]);
	drop(a, 20);
	drop(b, 20);
}

static void too_few_are_no_evidence(void **state)
{
	struct sg_hist a[6] = {{0}}, b[6] = {{0}};
	struct sg_shift s;

	for (size_t i = 0; i < 6; i++) {
		sg_hist_observe(&a[i], 1e-3);
		sg_hist_observe(&b[i], 1);
	}
	assert_int_equal(sg_compare_hists(a, 6, b, 6, &s), 0);
	assert_true(!s.enough && s.test.p == 1);
	assert_int_equal(sg_compare_hists(a, 0, b, 6, &s), 0);
	assert_true(!s.enough && s.test.p == 1);
	drop(a, 6);
	drop(b, 6);
}

static void values_are_compared(void **state)
{
	const double w[8] = {10, 10, 10, 10, 10, 10, 10, 10};
	const double a[8] = {100, 103, 98, 101, 97, 102, 99, 100},
		     b[8] = {200, 203, 198, 201, 197, 202, 199, 200};
	const double flat[8] = {80, 80, 80, 80, 80, 80, 80, 80}, zero[8] = {0};
	const struct sg_blocks x = {8, 1, w, a}, y = {8, 1, w, b}, f = {8, 1, w, flat},
			       z = {8, 1, w, zero};
	struct sg_shift s;

	assert_int_equal(sg_compare_values(&x, &y, &s), 0);
	NEAR(s.octaves, 1, .01);
	assert_true(s.test.p < 1e-6 && s.mean[1] == 20 && s.enough);
	assert_int_equal(sg_compare_values(&f, &f, &s), 0);
	assert_true(s.test.p == 1 && s.octaves == 0);
	assert_int_equal(sg_compare_values(&z, &z, &s), 0);
	assert_true(s.test.p == 1 && s.octaves == 0);
	assert_int_equal(sg_compare_values(&f, &z, &s), 0);
	assert_true(s.test.p < 1e-6 && s.octaves < -10);
}

static void many_tests_are_paid_for(void **state)
{
	const double p[] = {.01, .04, .03, .005, 1};
	double q[5];

	assert_int_equal(sg_false_discovery(p, q, 5), 0);
	NEAR(q[3], .025, 1e-12);
	NEAR(q[0], .025, 1e-12);
	NEAR(q[2], .05, 1e-12);
	NEAR(q[1], .05, 1e-12);
	NEAR(q[4], 1, 1e-12);
}

/* ---- explanation ------------------------------------------------------------------------- */

static void events(struct sg_hist *h, size_t n, double v)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sg_hist_observe(h, v), 0);
}

static void drop_parts(struct sg_explain_part *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t w = 0; w < 2; w++)
			sg_hist_free(&p[i].in[w]);
}

static void the_one_that_changed_is_named(void **state)
{
	struct sg_explain_part p[2] = {0};
	struct sg_explain e = {.seconds = {10, 10}, .q = .5, .threshold = 2e-3};

	events(&p[0].in[0], 100, 1e-3);
	events(&p[0].in[1], 100, 1e-3);
	events(&p[1].in[0], 100, 1e-3);
	events(&p[1].in[1], 100, 5e-3);
	assert_int_equal(sg_explain(&e, p, 2), 0);
	for (size_t m = 0; m < SG_MEASURES; m++)
		if (m != SG_BY_QUANTILE) {
			NEAR(p[1].share[m], 1, 1e-9);
			NEAR(p[0].share[m], 0, 1e-9);
		}
	NEAR(p[1].delta[SG_BY_TIME], 100 * 4e-3 / 10, 1e-12);
	NEAR(p[1].delta[SG_BY_MEAN], 2e-3, 1e-12);
	NEAR(p[1].delta[SG_BY_ABOVE], 10, 1e-9);
	drop_parts(p, 2);
}

/* By hand: shares of events go from (1/2, 1/2) to (1/4, 3/4), means 1 and 3 stay. */
static void a_change_of_the_mix_is_split_as_by_hand(void **state)
{
	struct sg_explain_part p[2] = {0};
	struct sg_explain e = {.seconds = {1, 1}, .q = .5};

	events(&p[0].in[0], 10, 1);
	events(&p[1].in[0], 10, 3);
	events(&p[0].in[1], 5, 1);
	events(&p[1].in[1], 15, 3);
	assert_int_equal(sg_explain(&e, p, 2), 0);
	NEAR(e.value[SG_BY_MEAN][0], 2, 1e-12);
	NEAR(e.value[SG_BY_MEAN][1], 2.5, 1e-12);
	NEAR(p[0].delta[SG_BY_MEAN], (1 - 2.25) * -.25, 1e-12);
	NEAR(p[1].delta[SG_BY_MEAN], (3 - 2.25) * .25, 1e-12);
	drop_parts(p, 2);
}

static void shares_add_up_whatever_happened(void **state)
{
	struct noise r = {29};

	for (size_t run = 0; run < 200; run++) {
		struct sg_explain_part p[7] = {0};
		struct sg_explain e = {.seconds = {1 + 9 * noise_unit(&r), 10},
				       .q = .05 + .9 * noise_unit(&r)};

		for (size_t i = 0; i < 7; i++)
			for (size_t w = 0; w < 2; w++)
				for (size_t k = (size_t)(noise_unit(&r) * (i == w ? 0 : 60)); k > 0;
				     k--)
					sg_hist_observe(&p[i].in[w], exp(3 * noise_normal(&r)));
		assert_int_equal(sg_explain(&e, p, 7), 0);
		for (size_t m = 0; m < SG_MEASURES; m++) {
			double whole = e.value[m][1] - e.value[m][0], sum = 0;

			for (size_t i = 0; i < 7; i++)
				sum += p[i].delta[m];
			if (isfinite(whole))
				NEAR(sum, whole, 1e-9 * (fabs(whole) + e.value[m][0]));
		}
		drop_parts(p, 7);
	}
}

/* A slow newcomer that has 2 % of the events moves the p99, and nobody else does. */
static void a_newcomer_moves_the_quantile(void **state)
{
	struct sg_explain_part p[3] = {0};
	struct sg_explain e = {.seconds = {10, 10}, .q = .99};

	for (size_t w = 0; w < 2; w++) {
		events(&p[0].in[w], 500, 1e-3);
		events(&p[1].in[w], 480, 1.1e-3);
	}
	events(&p[2].in[1], 20, 50e-3);
	assert_int_equal(sg_explain(&e, p, 3), 0);
	assert_true(e.value[SG_BY_QUANTILE][1] > 40e-3);
	assert_true(p[2].share[SG_BY_QUANTILE] > .95);
	NEAR(p[0].share[SG_BY_QUANTILE] + p[1].share[SG_BY_QUANTILE] + p[2].share[SG_BY_QUANTILE],
	     1, 1e-9);
	drop_parts(p, 3);
}

static void nothing_explains_nothing(void **state)
{
	struct sg_explain_part p[2] = {0};
	struct sg_explain e = {.seconds = {10, 10}, .q = .9};

	assert_int_equal(sg_explain(&e, p, 2), 0);
	assert_true(isnan(p[0].share[SG_BY_TIME]) && isnan(e.value[SG_BY_MEAN][0]));
	events(&p[0].in[1], 10, 1);
	assert_int_equal(sg_explain(&e, p, 2), 0);
	NEAR(p[0].share[SG_BY_TIME], 1, 1e-12);
	assert_true(isnan(p[0].share[SG_BY_QUANTILE]));
	drop_parts(p, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tails_are_those_of_the_tables),
		cmocka_unit_test(a_single_value_is_welchs_t_test),
		cmocka_unit_test(chance_is_called_a_shift_as_often_as_said),
		cmocka_unit_test(a_shift_is_seen),
		cmocka_unit_test(a_distance_is_in_octaves),
		cmocka_unit_test(only_the_shape_counts),
		cmocka_unit_test(too_few_are_no_evidence),
		cmocka_unit_test(values_are_compared),
		cmocka_unit_test(many_tests_are_paid_for),
		cmocka_unit_test(the_one_that_changed_is_named),
		cmocka_unit_test(a_change_of_the_mix_is_split_as_by_hand),
		cmocka_unit_test(shares_add_up_whatever_happened),
		cmocka_unit_test(a_newcomer_moves_the_quantile),
		cmocka_unit_test(nothing_explains_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
