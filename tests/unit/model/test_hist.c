// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>

#include "make.h"

#include <sgprobe/bpf/bucket.h>

#define ROUNDS 300

static void assert_tidy(const struct sg_hist *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		assert_true(h->buckets[i].count != 0);
		assert_true(!i || h->buckets[i].index > h->buckets[i - 1].index);
	}
}

static struct sg_hist sum_of(const struct sg_hist *a, const struct sg_hist *b)
{
	struct sg_hist h = {0};

	assert_int_equal(sg_hist_copy(&h, a), 0);
	assert_int_equal(sg_hist_add(&h, b), 0);
	assert_tidy(&h);
	return h;
}

static void adding_commutes(void **state)
{
	struct random r = {11};

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct sg_hist a = make_hist(&r, rnd_below(&r, 40)),
			       b = make_hist(&r, rnd_below(&r, 40));
		struct sg_hist ab = sum_of(&a, &b), ba = sum_of(&b, &a);

		assert_true(sg_hist_equal(&ab, &ba));
		sg_hist_free(&a), sg_hist_free(&b), sg_hist_free(&ab), sg_hist_free(&ba);
	}
}

static void adding_associates(void **state)
{
	struct random r = {12};

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct sg_hist a = make_hist(&r, 20), b = make_hist(&r, 20), c = make_hist(&r, 20);
		struct sg_hist ab = sum_of(&a, &b), bc = sum_of(&b, &c);
		struct sg_hist left = sum_of(&ab, &c), right = sum_of(&a, &bc);

		assert_true(sg_hist_equal(&left, &right));
		sg_hist_free(&a), sg_hist_free(&b), sg_hist_free(&c), sg_hist_free(&ab);
		sg_hist_free(&bc), sg_hist_free(&left), sg_hist_free(&right);
	}
}

static void subtracting_undoes_adding(void **state)
{
	struct random r = {13};

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct sg_hist a = make_hist(&r, rnd_below(&r, 40)),
			       b = make_hist(&r, rnd_below(&r, 40));
		struct sg_hist h = sum_of(&a, &b);

		assert_int_equal(sg_hist_sub(&h, &b), 0);
		assert_tidy(&h);
		assert_true(sg_hist_equal(&h, &a));
		sg_hist_free(&a), sg_hist_free(&b), sg_hist_free(&h);
	}
}

static void subtracting_itself_leaves_nothing(void **state)
{
	struct random r = {14};
	struct sg_hist a = make_hist(&r, 30), b = {0};

	assert_int_equal(sg_hist_copy(&b, &a), 0);
	assert_int_equal(sg_hist_sub(&a, &b), 0);
	assert_int_equal(a.n, 0);
	assert_true(a.count == 0 && a.sum == 0);
	assert_int_equal(sg_hist_add(&b, &b), 0);
	assert_tidy(&b);
	assert_int_equal(sg_hist_scale(&b, 0.5), 0);
	sg_hist_free(&a), sg_hist_free(&b);
}

static void a_difference_may_be_negative(void **state)
{
	struct sg_hist a = {0}, b = {0};

	assert_int_equal(sg_hist_observe(&b, 0.5), 0);
	assert_int_equal(sg_hist_sub(&a, &b), 0);
	assert_int_equal(a.n, 1);
	assert_true(a.buckets[0].count == -1 && a.count == -1 && a.sum == -0.5);
	sg_hist_free(&a), sg_hist_free(&b);
}

static void a_borrowed_array_is_copied_before_it_is_changed(void **state)
{
	struct sg_bucket b[] = {{-8, 3}, {0, 4}};
	struct sg_hist h = {.count = 7, .sum = 5, .n = 2, .buckets = b};
	struct sg_hist more = {0};

	assert_int_equal(sg_hist_observe(&more, 0.5), 0);
	assert_int_equal(sg_hist_add(&h, &more), 0);
	assert_true(h.buckets != b && h.cap > 0);
	assert_true(b[0].count == 3 && h.buckets[0].count == 4);
	sg_hist_free(&h);

	h = (struct sg_hist){.count = 7, .sum = 5, .n = 2, .buckets = b};
	assert_int_equal(sg_hist_scale(&h, 2), 0);
	assert_true(b[0].count == 3 && h.buckets[0].count == 6 && h.count == 14 && h.sum == 10);
	sg_hist_free(&h), sg_hist_free(&more);

	h = (struct sg_hist){.count = 7, .sum = 5, .n = 2, .buckets = b};
	sg_hist_free(&h); /* does not free what it does not own */
	assert_true(b[1].count == 4);
}

static void observations_are_counted_where_they_belong(void **state)
{
	struct sg_hist h = {0};

	assert_int_equal(sg_hist_observe(&h, 1), 0);
	assert_int_equal(sg_hist_observe(&h, 1.0001), 0);
	assert_int_equal(sg_hist_observe(&h, 0), 0);
	assert_int_equal(sg_hist_observe(&h, -3), 0);
	assert_int_equal(sg_hist_observe(&h, INFINITY), 0);
	assert_int_equal(sg_hist_observe(&h, NAN), -EINVAL);
	assert_true(h.count == 5);
	assert_int_equal(h.n, 4);
	assert_int_equal(h.buckets[0].index, SG_BUCKET_MIN);
	assert_true(h.buckets[0].count == 2);
	assert_int_equal(h.buckets[1].index, 0);
	assert_int_equal(h.buckets[2].index, 1);
	assert_int_equal(h.buckets[3].index, SG_HIST_INDEX_MAX);
	sg_hist_free(&h);
}

static void a_bucket_that_becomes_zero_is_removed(void **state)
{
	struct sg_hist h = {0};

	assert_int_equal(sg_hist_add_bucket(&h, 3, 2), 0);
	assert_int_equal(sg_hist_add_bucket(&h, 1, 5), 0);
	assert_int_equal(sg_hist_add_bucket(&h, 2, 0), 0);
	assert_int_equal(sg_hist_add_bucket(&h, 3, -2), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.buckets[0].index, 1);
	assert_int_equal(sg_hist_scale(&h, 0), 0);
	assert_int_equal(h.n, 0);
	sg_hist_free(&h);
}

static void clearing_keeps_the_memory(void **state)
{
	struct random r = {15};
	struct sg_hist h = make_hist(&r, 50);
	struct sg_bucket *b = h.buckets;

	sg_hist_clear(&h);
	assert_true(h.n == 0 && h.count == 0 && h.sum == 0 && h.buckets == b && h.cap > 0);
	sg_hist_free(&h);
	sg_hist_free(NULL);
}

static void a_reset_is_seen_in_any_bucket(void **state)
{
	struct sg_bucket b[] = {{1, 5}, {2, 5}}, fewer[] = {{1, 4}, {2, 7}};
	struct sg_bucket gone[] = {{2, 12}}, grown[] = {{0, 1}, {1, 5}, {2, 6}};
	struct sg_hist before = {.count = 10, .n = 2, .buckets = b};
	struct sg_hist h = {.count = 11, .n = 2, .buckets = fewer};

	assert_true(sg_hist_is_reset(&before, &h));
	h = (struct sg_hist){.count = 12, .n = 1, .buckets = gone};
	assert_true(sg_hist_is_reset(&before, &h));
	h = (struct sg_hist){.count = 12, .n = 3, .buckets = grown};
	assert_false(sg_hist_is_reset(&before, &h));
	assert_true(sg_hist_is_reset(&h, &before));
	assert_false(sg_hist_is_reset(&before, &before));
	h = (struct sg_hist){.count = 9, .n = 3, .buckets = grown};
	assert_true(sg_hist_is_reset(&before, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding_commutes),
		cmocka_unit_test(adding_associates),
		cmocka_unit_test(subtracting_undoes_adding),
		cmocka_unit_test(subtracting_itself_leaves_nothing),
		cmocka_unit_test(a_difference_may_be_negative),
		cmocka_unit_test(a_borrowed_array_is_copied_before_it_is_changed),
		cmocka_unit_test(observations_are_counted_where_they_belong),
		cmocka_unit_test(a_bucket_that_becomes_zero_is_removed),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(a_reset_is_seen_in_any_bucket),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
