// SPDX-License-Identifier: GPL-2.0
// Time misbehaves in every way that it can; frames stay strictly ascending and say what happened.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/frame.h>
#include <sgprobe/tick.h>

#define MS 1000000ULL
#define T0 1800000000000LL /* a whole second */

struct world { /* the clocks, set by the test */
	struct sg_tick tick;
	struct sg_clocks now;
	struct sg_tick_out out;
};

static struct world *fresh(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	sg_tick_init(&w.tick, 1000 * MS);
	w.now = (struct sg_clocks){T0 + 3, 5000000 * MS, 6000000 * MS};
	return &w;
}

static void pass(struct world *w, int64_t ms)
{
	w->now.real_ms += ms;
	w->now.mono_ns += (uint64_t)ms * MS;
	w->now.boot_ns += (uint64_t)ms * MS;
}

static int wake(struct world *w)
{
	return sg_tick_at(&w->tick, &w->now, &w->out);
}

/* Passes time and expects a frame with this stamp, relative to T0, and these flags. */
static void expect(struct world *w, int64_t after_ms, int64_t t_ms, uint32_t flags)
{
	pass(w, after_ms);
	assert_int_equal(wake(w), 1);
	assert_true(w->out.emit);
	assert_int_equal(w->out.t_ms - T0, t_ms);
	assert_int_equal(w->out.flags, flags);
}

static void expect_none(struct world *w, int64_t after_ms)
{
	pass(w, after_ms);
	assert_int_equal(wake(w), 0);
	assert_false(w->out.emit);
}

static struct world *running(void **state)
{
	struct world *w = fresh(state);

	expect(w, 0, 0, SG_FRAME_FIRST | SG_FRAME_GAP);
	return w;
}

static void the_first_frame_says_so_and_the_next_are_plain(void **state)
{
	struct world *w = running(state);

	assert_int_equal(w->out.span_ns, 0);
	for (int i = 1; i <= 5; i++) {
		expect(w, 1000, 1000 * i, 0);
		assert_int_equal(w->out.span_ns, 1000 * MS);
		assert_int_equal(
			w->out.late + w->out.skipped + w->out.clock_steps + w->out.suspends, 0);
	}
}

static void a_second_wake_up_in_a_tick_makes_no_frame(void **state)
{
	struct world *w = running(state);

	expect_none(w, 1);
	expect_none(w, 900);
	expect(w, 99, 1000, 0);
}

static void a_wake_up_a_hair_early_belongs_to_its_tick(void **state)
{
	struct world *w = running(state);

	expect(w, 985, 1000, 0);
	expect(w, 1015, 2000, 0);
}

static void a_late_tick_is_late_and_the_next_is_not(void **state)
{
	struct world *w = running(state);

	expect(w, 1700, 1000, SG_FRAME_LATE);
	assert_int_equal(w->out.late, 1);
	expect(w, 300, 2000, 0);
	assert_int_equal(w->out.span_ns, 300 * MS);
}

static void an_overrun_of_two_ticks_is_one_frame(void **state)
{
	struct world *w = running(state);

	expect(w, 2100, 2000, SG_FRAME_SKIPPED);
	assert_int_equal(w->out.skipped, 1);
	assert_int_equal(w->out.span_ns, 2100 * MS);
	expect(w, 900, 3000, 0);
}

static void a_process_stopped_for_30_seconds_covers_them_in_one_frame(void **state)
{
	struct world *w = running(state);

	expect(w, 30600, 30000, SG_FRAME_SKIPPED | SG_FRAME_LATE);
	assert_int_equal(w->out.skipped, 29);
	assert_int_equal(w->out.span_ns, 30600 * MS);
	expect(w, 400, 31000, 0);
}

static void a_suspended_machine_is_a_gap_not_missed_ticks(void **state)
{
	struct world *w = running(state);

	pass(w, 400);
	w->now.real_ms += 3600500;
	w->now.boot_ns += 3600500 * MS;
	expect_none(w, 0); /* woken in the middle of a second */
	assert_int_equal(w->out.suspends, 1);
	expect(w, 97, 3601000, SG_FRAME_SUSPENDED | SG_FRAME_GAP);
	assert_int_equal(w->out.suspends, 0);
	assert_int_equal(w->out.skipped, 0);
	assert_int_equal(w->out.clock_steps, 0);
	assert_int_equal(w->out.span_ns, 497 * MS);
	expect(w, 1000, 3602000, 0);
}

static void a_clock_set_forward_gives_the_new_time_at_the_next_boundary(void **state)
{
	struct world *w = running(state);

	pass(w, 400);
	w->now.real_ms += 3600000;
	expect_none(w, 0);
	assert_int_equal(w->out.clock_steps, 1);
	expect(w, 597, 3601000, SG_FRAME_CLOCK_STEP);
	assert_int_equal(w->out.skipped, 0);
	expect(w, 1000, 3602000, 0);
}

static void a_clock_set_back_a_little_holds_until_it_has_passed(void **state)
{
	struct world *w = running(state);

	w->now.real_ms -= 3000;
	for (int i = 0; i < 3; i++)
		expect_none(w, 1000);
	expect(w, 1000, 1000, SG_FRAME_CLOCK_STEP | SG_FRAME_SKIPPED);
	assert_int_equal(w->out.skipped, 3);
	assert_int_equal(w->out.span_ns, 4000 * MS);
	assert_int_equal(w->out.ahead_ms, 0);
	expect(w, 1000, 2000, 0);
}

static void a_clock_set_back_far_does_not_stop_the_frames(void **state)
{
	struct world *w = running(state);

	w->now.real_ms -= 3600000;
	expect_none(w, 0);
	expect(w, 1000, 1000, SG_FRAME_CLOCK_STEP);
	assert_int_equal(w->out.ahead_ms, 3600000);
	expect(w, 1000, 2000, 0);
	expect(w, 2000, 4000, SG_FRAME_SKIPPED);
	w->now.real_ms += 3600000; /* and set right again */
	expect(w, 1000, 5000, SG_FRAME_CLOCK_STEP);
	assert_int_equal(w->out.ahead_ms, 0);
	expect(w, 1000, 6000, 0);
}

static void steps_back_that_add_up_do_not_silence_it_longer_than_one(void **state)
{
	struct world *w = running(state);

	for (int i = 0; i < 60; i++) { /* a minute back, in parts that would each be held */
		w->now.real_ms -= 1000;
		assert_int_equal(wake(w), 0);
	}
	for (int silent = 0; !wake(w); silent++) {
		assert_in_range(silent, 0, SG_TICK_HOLD_MS / 1000);
		pass(w, 1000);
	}
	assert_true(w->out.flags & SG_FRAME_CLOCK_STEP);
	assert_in_range(w->out.ahead_ms, 50000, 60000);
}

static void many_small_steps_are_one_step_when_they_add_up(void **state)
{
	struct world *w = running(state);
	int steps = 0;

	for (int i = 1; i <= 10; i++) {
		w->now.real_ms += 30;
		pass(w, 970);
		assert_int_equal(wake(w), 1);
		steps += (int)w->out.clock_steps;
	}
	assert_int_equal(steps, 2);
}

static void noise_of_reading_the_clocks_is_no_step(void **state)
{
	struct world *w = running(state);

	for (int i = 1; i <= 50; i++) {
		w->now.real_ms += i % 2 ? 40 : -40;
		expect(w, 1000, 1000 * i, 0);
	}
}

static void a_step_and_a_suspend_together_are_both_told(void **state)
{
	struct world *w = running(state);

	w->now.boot_ns += 60000 * MS;
	w->now.real_ms += 7260000;
	expect(w, 1000, 7261000, SG_FRAME_CLOCK_STEP | SG_FRAME_SUSPENDED | SG_FRAME_GAP);
}

/* Whatever the clocks do, stamps are multiples of a second and ascend. */
static void resume(struct world *w, int64_t last_ms, int64_t ago_ms)
{
	sg_tick_resume(&w->tick, &w->now, T0 + last_ms, w->now.mono_ns - (uint64_t)ago_ms * MS);
}

static void who_resumes_in_time_makes_the_next_frame_at_its_time(void **state)
{
	struct world *w = fresh(state);

	pass(w, 437);
	resume(w, 0, 430);
	expect_none(w, 0);
	expect(w, 560, 1000, SG_FRAME_FIRST | SG_FRAME_GAP);
	assert_int_equal(w->out.span_ns, 990 * MS);
	assert_int_equal(w->out.skipped, 0);
	expect(w, 1000, 2000, 0);
}

static void who_resumes_after_the_next_boundary_makes_that_frame_at_once(void **state)
{
	struct world *w = fresh(state);

	pass(w, 1037);
	resume(w, 0, 1030);
	expect(w, 0, 1000, SG_FRAME_FIRST | SG_FRAME_GAP);
	expect(w, 960, 2000, 0);
}

static void who_resumes_late_covers_all_the_ticks_in_one_frame(void **state)
{
	struct world *w = fresh(state);

	pass(w, 5200);
	resume(w, 0, 5200);
	expect(w, 0, 5000, SG_FRAME_FIRST | SG_FRAME_GAP | SG_FRAME_SKIPPED);
	assert_int_equal(w->out.skipped, 4);
}

static void a_stamp_that_makes_no_sense_is_not_resumed(void **state)
{
	static const int64_t stamps[] = {1000, 3600000, -61000, -3600000};

	for (size_t i = 0; i < 4; i++) {
		struct world *w = fresh(state);

		resume(w, stamps[i], 500);
		expect(w, 0, 0, SG_FRAME_FIRST | SG_FRAME_GAP);
	}
}

static void stamps_ascend_whatever_the_clocks_do(void **state)
{
	struct world *w = fresh(state);
	uint64_t x = 88172645463325252ULL;
	int64_t last = INT64_MIN;
	int frames = 0;

	for (int i = 0; i < 200000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		pass(w, (int64_t)(x % 2500));
		if (x >> 32 & 1)
			w->now.real_ms += (int64_t)(x >> 33) % 8000000 - 4000000;
		if ((x >> 40) % 16 == 0)
			w->now.boot_ns += (x >> 44) * MS % 100000;
		if (!wake(w))
			continue;
		frames++;
		assert_int_equal(w->out.t_ms % 1000, 0);
		assert_true(w->out.t_ms > last);
		last = w->out.t_ms;
	}
	assert_true(frames > 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_frame_says_so_and_the_next_are_plain),
		cmocka_unit_test(a_second_wake_up_in_a_tick_makes_no_frame),
		cmocka_unit_test(a_wake_up_a_hair_early_belongs_to_its_tick),
		cmocka_unit_test(a_late_tick_is_late_and_the_next_is_not),
		cmocka_unit_test(an_overrun_of_two_ticks_is_one_frame),
		cmocka_unit_test(a_process_stopped_for_30_seconds_covers_them_in_one_frame),
		cmocka_unit_test(a_suspended_machine_is_a_gap_not_missed_ticks),
		cmocka_unit_test(a_clock_set_forward_gives_the_new_time_at_the_next_boundary),
		cmocka_unit_test(a_clock_set_back_a_little_holds_until_it_has_passed),
		cmocka_unit_test(a_clock_set_back_far_does_not_stop_the_frames),
		cmocka_unit_test(steps_back_that_add_up_do_not_silence_it_longer_than_one),
		cmocka_unit_test(many_small_steps_are_one_step_when_they_add_up),
		cmocka_unit_test(noise_of_reading_the_clocks_is_no_step),
		cmocka_unit_test(a_step_and_a_suspend_together_are_both_told),
		cmocka_unit_test(who_resumes_in_time_makes_the_next_frame_at_its_time),
		cmocka_unit_test(who_resumes_after_the_next_boundary_makes_that_frame_at_once),
		cmocka_unit_test(who_resumes_late_covers_all_the_ticks_in_one_frame),
		cmocka_unit_test(a_stamp_that_makes_no_sense_is_not_resumed),
		cmocka_unit_test(stamps_ascend_whatever_the_clocks_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
