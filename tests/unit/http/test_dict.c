// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/dict.h"

static uint32_t number(struct feed_dict *d, const char *name, const char *comm)
{
	struct sg_label label = {"comm", comm};
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, SG_COUNTER, name, &label, 1), 0);
	return feed_dict_number(d, &s);
}

static struct feed_group *group(struct feed_dict *d, const char *text)
{
	struct feed_group *g = NULL;
	struct sg_error err = {""};

	if (feed_group_get(d, &text, 1, &g, &err))
		fail_msg("%s: %s", text, err.msg);
	return g;
}

static int setup(void **state)
{
	struct feed_dict *d = malloc(sizeof(*d));

	*state = d;
	return feed_dict_init(d);
}

static int teardown(void **state)
{
	feed_dict_release(*state);
	free(*state);
	return 0;
}

static void a_series_keeps_its_number(void **state)
{
	uint32_t a = number(*state, "m", "a"), b = number(*state, "m", "b");

	assert_int_equal(a, 0);
	assert_int_equal(b, 1);
	assert_int_equal(number(*state, "m", "a"), a);
	assert_int_equal(number(*state, "n", "a"), 2);
	assert_int_equal(number(*state, "m", "b"), b);
}

static void a_group_numbers_what_matches_in_order_of_appearance(void **state)
{
	struct feed_dict *d = *state;
	struct feed_group *g = group(d, "m{comm!=\"b\"}");

	assert_int_equal(feed_group_index(d, g, number(d, "m", "c")), 0);
	assert_int_equal(feed_group_index(d, g, number(d, "m", "b")), DICT_NONE);
	assert_int_equal(feed_group_index(d, g, number(d, "m", "a")), 1);
	assert_int_equal(feed_group_index(d, g, number(d, "n", "a")), DICT_NONE);
	assert_int_equal(feed_group_index(d, g, number(d, "m", "c")), 0);
	assert_int_equal(feed_group_index(d, g, DICT_NONE), DICT_NONE);
	assert_int_equal(g->n_members, 2);
	feed_group_put(d, g);
}

static void same_selectors_share_a_group_and_others_do_not(void **state)
{
	struct feed_dict *d = *state;
	const char *two[] = {"m", "n"}, *one[] = {"m\nn"};
	struct feed_group *g = group(d, "m"), *h = group(d, "m"), *k;
	struct sg_error err = {""};

	assert_ptr_equal(g, h);
	feed_group_put(d, h);
	assert_ptr_equal(d->groups, g);
	assert_int_equal(feed_group_get(d, two, 2, &k, &err), 0);
	assert_ptr_not_equal(k, g);
	assert_int_not_equal(k->epoch, g->epoch);
	assert_int_equal(feed_group_index(d, k, number(d, "n", "a")), 0);
	assert_true(feed_group_get(d, one, 1, &h, &err) < 0); /* a line break joins no two */
	feed_group_put(d, g);
	feed_group_put(d, k);
	assert_null(d->groups);
}

static void a_bad_selector_says_why_and_leaves_nothing(void **state)
{
	static const char *const bad[] = {"",	"{", "rate(m[5m])", "m{a=~\"(\"}", "m[5m]",
					  "{}", "1"};
	struct feed_dict *d = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sg_error err = {""};
		struct feed_group *g = NULL;

		if (feed_group_get(d, &bad[i], 1, &g, &err) >= 0)
			fail_msg("%s was taken", bad[i]);
		assert_true(err.msg[0]);
		assert_null(d->groups);
	}
}

static void too_many_series_start_a_new_epoch(void **state)
{
	struct feed_dict *d = *state;
	struct feed_group *g = group(d, "m");
	uint32_t before = g->epoch;
	char comm[16];

	for (int i = 0; i < 100; i++) {
		snprintf(comm, sizeof(comm), "c%d", i);
		feed_group_index(d, g, number(d, "m", comm));
	}
	feed_dict_trim(d, 100);
	assert_int_equal(g->epoch, before);
	feed_dict_trim(d, 99);
	assert_int_not_equal(g->epoch, before);
	assert_int_equal(g->n_members, 0);
	assert_int_equal(d->n, 0);
	assert_int_equal(feed_group_index(d, g, number(d, "m", "c5")), 0);
	feed_group_put(d, g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_series_keeps_its_number, setup, teardown),
		cmocka_unit_test_setup_teardown(a_group_numbers_what_matches_in_order_of_appearance,
						setup, teardown),
		cmocka_unit_test_setup_teardown(same_selectors_share_a_group_and_others_do_not,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_selector_says_why_and_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(too_many_series_start_a_new_epoch, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
