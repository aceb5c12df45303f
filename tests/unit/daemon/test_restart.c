// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/restart.h"

#define S 1000000000ULL

static void the_first_restart_comes_at_once_and_later_ones_wait_longer(void **state)
{
	struct sg_restart r = {0};

	assert_int_equal(sg_restart_after(&r, 0), 0);
	assert_int_equal(sg_restart_after(&r, S), S / 10);
	assert_int_equal(sg_restart_after(&r, S), S / 5);
	assert_int_equal(sg_restart_after(&r, S), 2 * S / 5);
	for (int i = 0; i < 20; i++)
		assert_true(sg_restart_after(&r, S) <= 5 * S);
	assert_int_equal(sg_restart_after(&r, S), 5 * S);
	assert_int_equal(r.count, 25);
}

static void one_that_ran_well_for_a_while_is_restarted_at_once_again(void **state)
{
	struct sg_restart r = {0};

	for (int i = 0; i < 10; i++)
		sg_restart_after(&r, 0);
	assert_int_equal(sg_restart_after(&r, 3600 * S), 0);
}

static void a_child_that_beats_is_not_hung(void **state)
{
	struct sg_watch w = {.beat_ns = S};

	for (uint64_t t = 1; t < 300; t++) {
		if (t % 5 == 0)
			w.beat_ns = t * S;
		assert_false(sg_watch_hung(&w, t * S, false));
	}
}

static void a_child_without_a_beat_for_a_minute_is_hung(void **state)
{
	struct sg_watch w = {.beat_ns = S};
	uint64_t t = 1;

	while (!sg_watch_hung(&w, t * S, false))
		assert_true(++t < 100);
	assert_int_equal(t, 62);
}

static void a_stopped_child_is_never_hung_and_has_a_minute_after_it_goes_on(void **state)
{
	struct sg_watch w = {.beat_ns = S};
	uint64_t t = 1;

	for (; t < 1000; t++)
		assert_false(sg_watch_hung(&w, t * S, true));
	for (; t < 1059; t++)
		assert_false(sg_watch_hung(&w, t * S, false));
	assert_true(sg_watch_hung(&w, 1061 * S, false));
}

static void a_pause_of_the_supervisor_itself_is_not_the_childs(void **state)
{
	struct sg_watch w = {.beat_ns = S};

	assert_false(sg_watch_hung(&w, 2 * S, false));
	assert_false(sg_watch_hung(&w, 5000 * S, false)); /* it stood, or the machine slept */
	assert_false(sg_watch_hung(&w, 5001 * S, false));
}

static void what_two_in_a_row_die_of_early_is_dropped(void **state)
{
	struct sg_trust t = {0};

	assert_false(sg_trust_lost(&t, true, true, S));
	assert_true(sg_trust_lost(&t, true, true, S));
	assert_false(sg_trust_lost(&t, false, false, 0)); /* it was given nothing */
	assert_false(sg_trust_lost(&t, true, true, S));
}

static void what_one_has_worked_with_is_trusted_again(void **state)
{
	struct sg_trust t = {0};

	assert_false(sg_trust_lost(&t, true, true, S));
	assert_false(sg_trust_lost(&t, true, true, 11 * S));
	assert_false(sg_trust_lost(&t, true, true, S));
	assert_true(sg_trust_lost(&t, true, false, 3600 * S)); /* it hung */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_restart_comes_at_once_and_later_ones_wait_longer),
		cmocka_unit_test(one_that_ran_well_for_a_while_is_restarted_at_once_again),
		cmocka_unit_test(what_two_in_a_row_die_of_early_is_dropped),
		cmocka_unit_test(what_one_has_worked_with_is_trusted_again),
		cmocka_unit_test(a_child_that_beats_is_not_hung),
		cmocka_unit_test(a_child_without_a_beat_for_a_minute_is_hung),
		cmocka_unit_test(a_stopped_child_is_never_hung_and_has_a_minute_after_it_goes_on),
		cmocka_unit_test(a_pause_of_the_supervisor_itself_is_not_the_childs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
