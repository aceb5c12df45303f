// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/gapwatch.h"

static struct sg_frame at(uint64_t session, uint64_t seq, int64_t t_ms, int64_t span_ms,
			  uint32_t flags)
{
	return (struct sg_frame){.session = session,
				 .seq = seq,
				 .t_ms = t_ms,
				 .span_ns = (uint64_t)span_ms * 1000000,
				 .flags = flags};
}

static bool see(struct sg_gapwatch *w, struct sg_frame f, struct sg_gap *gap)
{
	return sg_gapwatch_see(w, &f, gap);
}

static void frames_in_unbroken_order_have_no_gap_however_late(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	assert_false(see(&w, at(1, 1, 10000, 300, SG_FRAME_FIRST | SG_FRAME_GAP), &g));
	assert_false(see(&w, at(1, 2, 11000, 1600, SG_FRAME_LATE), &g));
	assert_false(see(&w, at(1, 3, 12000, 400, 0), &g));
	assert_false(see(&w, at(1, 4, 42000, 30000, SG_FRAME_SKIPPED), &g));
}

static void a_restart_of_the_probe_is_a_gap_until_it_watched_again(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	see(&w, at(1, 7, 10000, 1000, 0), &g);
	assert_true(see(&w, at(2, 1, 13000, 400, SG_FRAME_FIRST | SG_FRAME_GAP), &g));
	assert_int_equal(g.from_ms, 10000);
	assert_int_equal(g.to_ms, 12600);
	assert_string_equal(g.reason, "probe restarted");
	assert_false(see(&w, at(2, 2, 14000, 1000, 0), &g));
}

static void a_probe_that_went_on_at_once_marks_its_first_tick(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	see(&w, at(1, 7, 10000, 1000, 0), &g);
	assert_true(see(&w, at(2, 1, 11000, 999, SG_FRAME_FIRST | SG_FRAME_GAP), &g));
	assert_int_equal(g.from_ms, 10000);
	assert_int_equal(g.to_ms, 11000);
	see(&w, at(2, 2, 12000, 1000, 0), &g);
	/* It died while it read the tick of 13000: that one is missing, and nothing else. */
	assert_true(see(&w, at(3, 1, 14000, 1000, SG_FRAME_FIRST | SG_FRAME_GAP), &g));
	assert_int_equal(g.from_ms, 12000);
	assert_int_equal(g.to_ms, 13000);
}

static void after_a_start_of_the_daemon_the_reason_is_another(void **state)
{
	struct sg_gapwatch w = {.last_ms = 10000, .session = 1, .seq = 9};
	struct sg_gap g;

	assert_true(see(&w, at(2, 1, 99000, 500, SG_FRAME_FIRST), &g));
	assert_string_equal(g.reason, "sgprobe did not run");
	assert_int_equal(g.from_ms, 10000);
	assert_int_equal(g.to_ms, 98500);
}

static void a_new_server_that_gets_the_next_frame_sees_no_gap(void **state)
{
	struct sg_gapwatch w = {.last_ms = 10000, .session = 1, .seq = 9};
	struct sg_gap g;

	assert_false(see(&w, at(1, 10, 11000, 1000, 0), &g));
}

static void frames_that_fell_off_are_a_gap(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	see(&w, at(1, 1, 10000, 1000, 0), &g);
	assert_true(see(&w, at(1, 5, 14000, 1000, 0), &g));
	assert_int_equal(g.from_ms, 10000);
	assert_int_equal(g.to_ms, 13000);
	assert_string_equal(g.reason, "frames lost");
}

static void sleep_of_the_machine_is_a_gap(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	see(&w, at(1, 1, 10000, 1000, 0), &g);
	assert_true(see(&w, at(1, 2, 3610000, 1000, SG_FRAME_SUSPENDED | SG_FRAME_GAP), &g));
	assert_string_equal(g.reason, "suspended");
	assert_int_equal(g.to_ms, 3609000);
}

static void a_clock_that_was_set_forward_is_a_gap_and_backward_is_none(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	see(&w, at(1, 1, 10000, 1000, 0), &g);
	assert_true(see(&w, at(1, 2, 100000, 1000, SG_FRAME_CLOCK_STEP), &g));
	assert_string_equal(g.reason, "clock set");
	assert_false(see(&w, at(1, 3, 100500, 5000, SG_FRAME_CLOCK_STEP | SG_FRAME_SKIPPED), &g));
}

static void a_frame_sent_again_changes_nothing(void **state)
{
	struct sg_gapwatch w = {0};
	struct sg_gap g;

	see(&w, at(1, 5, 10000, 1000, 0), &g);
	assert_false(see(&w, at(1, 4, 9000, 1000, 0), &g));
	assert_int_equal(w.last_ms, 10000);
	assert_false(see(&w, at(1, 6, 11000, 1000, 0), &g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_in_unbroken_order_have_no_gap_however_late),
		cmocka_unit_test(a_restart_of_the_probe_is_a_gap_until_it_watched_again),
		cmocka_unit_test(a_probe_that_went_on_at_once_marks_its_first_tick),
		cmocka_unit_test(after_a_start_of_the_daemon_the_reason_is_another),
		cmocka_unit_test(a_new_server_that_gets_the_next_frame_sees_no_gap),
		cmocka_unit_test(frames_that_fell_off_are_a_gap),
		cmocka_unit_test(sleep_of_the_machine_is_a_gap),
		cmocka_unit_test(a_clock_that_was_set_forward_is_a_gap_and_backward_is_none),
		cmocka_unit_test(a_frame_sent_again_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
