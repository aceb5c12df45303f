// SPDX-License-Identifier: GPL-2.0
/* Storms of processes and stalls of tasks: both are told from what each tick saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/str.h>

#include "probe/stalls.h"
#include "probe/storms.h"

#define SECOND 1000000000ULL

/* ---- storms ---------------------------------------------------------------------------- */

static void storm_ended(const struct sg_storm *s, void *ctx)
{
	sg_buf_printf(ctx, "%s:%s %llu/%llu in %lld ", s->comm, s->cgroup,
		      (unsigned long long)s->forks, (unsigned long long)s->peak,
		      (long long)(s->to_ms - s->from_ms));
}

static void a_storm_begins_once_and_ends_when_it_is_calm(void **state)
{
	struct sg_storms s = {0};
	sg_auto_buf ended = {0};

	for (int64_t t = 1; t <= 5; t++) {
		enum sg_storm_news want = t == 1 ? SG_STORM_BEGINS : SG_STORM_GOES_ON;

		assert_int_equal(sg_storms_see(&s, "make", "/", t == 3 ? 900 : 500, t * 1000),
				 want);
		sg_storms_tick(&s, storm_ended, &ended);
	}
	for (int i = 0; i < SG_STORM_CALM; i++) {
		assert_int_equal(ended.len, 0);
		sg_storms_tick(&s, storm_ended, &ended);
	}
	assert_string_equal(ended.data, "make:/ 2900/900 in 5000 ");
	assert_int_equal(sg_storms_see(&s, "make", "/", 1, 9000), SG_STORM_BEGINS);
	sg_storms_free(&s);
}

static void a_storm_that_rests_for_a_tick_is_the_same(void **state)
{
	struct sg_storms s = {0};
	sg_auto_buf ended = {0};

	assert_int_equal(sg_storms_see(&s, "sh", "a", 10, 1000), SG_STORM_BEGINS);
	for (int i = 0; i < SG_STORM_CALM; i++)
		sg_storms_tick(&s, storm_ended, &ended);
	assert_int_equal(sg_storms_see(&s, "sh", "a", 10, 4000), SG_STORM_GOES_ON);
	sg_storms_tick(&s, storm_ended, &ended);
	assert_int_equal(ended.len, 0);
	sg_storms_free(&s);
}

static void told_twice_in_a_tick_it_counts_once(void **state)
{
	struct sg_storms s = {0};
	sg_auto_buf ended = {0};

	sg_storms_see(&s, "sh", "a", 10, 1000);
	sg_storms_see(&s, "sh", "a", 10, 1000);
	for (int i = 0; i <= SG_STORM_CALM; i++)
		sg_storms_tick(&s, storm_ended, &ended);
	assert_string_equal(ended.data, "sh:a 10/10 in 1000 ");
	sg_storms_free(&s);
}

static void the_same_program_elsewhere_is_another_storm(void **state)
{
	struct sg_storms s = {0};
	char name[16];

	assert_int_equal(sg_storms_see(&s, "sh", "a", 1, 1000), SG_STORM_BEGINS);
	assert_int_equal(sg_storms_see(&s, "sh", "b", 1, 1000), SG_STORM_BEGINS);
	for (int i = 2; i < SG_STORMS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(sg_storms_see(&s, name, "a", 1, 1000), SG_STORM_BEGINS);
	}
	assert_int_equal(sg_storms_see(&s, "one more", "a", 1, 1000), SG_STORM_NO_ROOM);
	sg_storms_free(&s);
}

/* ---- stalls ---------------------------------------------------------------------------- */

static void stall(const struct sg_stall *s, bool ended, double seconds, void *ctx)
{
	sg_buf_printf(ctx, "%u%s %.0f ", s->blocked.task.tid, ended ? " ended" : "", seconds);
}

static void walk(struct sg_stalls *s, uint64_t second, uint32_t tid, uint64_t switches,
		 struct sg_buf *told)
{
	const struct sg_event_blocked b = {
		.started_ns = 5, .switches = switches, .task = {.tid = tid, .pid = tid}};

	if (tid)
		sg_stalls_see(s, &b, second * SECOND);
	sg_stalls_walked(s, second * SECOND, stall, told);
}

static void a_task_that_does_not_move_is_told_once_and_then_its_end(void **state)
{
	struct sg_stalls s = {.limit_ns = 5 * SECOND};
	sg_auto_buf told = {0};

	for (uint64_t t = 10; t < 15; t++)
		walk(&s, t, 7, 3, &told);
	assert_int_equal(told.len, 0);
	for (uint64_t t = 15; t < 20; t++)
		walk(&s, t, 7, 3, &told);
	assert_string_equal(told.data, "7 5 ");
	walk(&s, 20, 0, 0, &told);
	assert_string_equal(told.data, "7 5 7 ended 10 ");
	walk(&s, 21, 0, 0, &told);
	assert_string_equal(told.data, "7 5 7 ended 10 ");
	sg_stalls_free(&s);
}

static void a_task_that_blocks_again_and_again_is_no_stall(void **state)
{
	struct sg_stalls s = {.limit_ns = 5 * SECOND};
	sg_auto_buf told = {0};

	for (uint64_t t = 10; t < 40; t++)
		walk(&s, t, 7, t / 4, &told);
	assert_int_equal(told.len, 0);
	sg_stalls_free(&s);
}

static void one_that_stalls_anew_ends_and_begins(void **state)
{
	struct sg_stalls s = {.limit_ns = 2 * SECOND};
	sg_auto_buf told = {0};

	for (uint64_t t = 10; t < 13; t++)
		walk(&s, t, 7, 1, &told);
	for (uint64_t t = 13; t < 16; t++)
		walk(&s, t, 7, 2, &told);
	assert_string_equal(told.data, "7 2 7 ended 3 7 2 ");
	sg_stalls_free(&s);
}

static void those_that_find_no_room_are_counted(void **state)
{
	struct sg_stalls s = {.limit_ns = SECOND};
	struct sg_event_blocked b = {0};

	for (uint32_t i = 0; i < SG_STALLS_MAX + 5; i++) {
		b.task.tid = i;
		sg_stalls_see(&s, &b, SECOND);
	}
	assert_int_equal(s.no_room, 5);
	sg_stalls_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_begins_once_and_ends_when_it_is_calm),
		cmocka_unit_test(a_storm_that_rests_for_a_tick_is_the_same),
		cmocka_unit_test(told_twice_in_a_tick_it_counts_once),
		cmocka_unit_test(the_same_program_elsewhere_is_another_storm),
		cmocka_unit_test(a_task_that_does_not_move_is_told_once_and_then_its_end),
		cmocka_unit_test(a_task_that_blocks_again_and_again_is_no_stall),
		cmocka_unit_test(one_that_stalls_anew_ends_and_begins),
		cmocka_unit_test(those_that_find_no_room_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
