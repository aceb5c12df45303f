// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/governor.h"

#define MS 1000000.0
enum { SYSCALL, SCHED, TCP, DOMAINS };

struct fixture {
	struct sg_governor g;
	struct sg_governed d[DOMAINS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->g.budget_ns = 10 * (uint64_t)MS;
	for (int i = 0; i < DOMAINS; i++)
		f->d[i].up = true;
	f->d[SYSCALL].limited = true;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* What a domain costs in ms, when full; a step down halves it, off is nothing. */
static void load(struct fixture *f, int domain, double ms)
{
	static const double left[SG_STEPS] = {1, 0.5, 0.25, 0};

	f->d[domain].cost_ns = ms * MS * left[f->g.at[domain].step];
}

/* So many ticks of this load; the last domain that changed, or -1. */
static int run(struct fixture *f, int ticks, double syscall, double sched)
{
	int last = -1;

	while (ticks--) {
		int r;

		load(f, SYSCALL, syscall);
		load(f, SCHED, sched);
		r = sg_governor_tick(&f->g, f->d, DOMAINS, 1 * MS);
		last = r >= 0 ? r : last;
	}
	return last;
}

static void within_the_budget_nothing_is_lost(void **state)
{
	assert_int_equal(run(*state, 1000, 4, 4), -1);
}

static void a_short_burst_is_no_reason(void **state)
{
	for (int i = 0; i < 100; i++) {
		assert_int_equal(run(*state, SG_GOVERNOR_HOT - 1, 50, 4), -1);
		assert_int_equal(run(*state, 1, 4, 4), -1);
	}
}

static void the_costliest_loses_detail_until_it_fits(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, SG_GOVERNOR_HOT, 20, 3), SYSCALL);
	assert_int_equal(f->g.at[SYSCALL].step, SG_STEP_SAMPLED);
	run(f, 30, 20, 3);
	assert_int_equal(f->g.at[SYSCALL].step, SG_STEP_SPARSE); /* 5 + 3 + 1 ms fit */
	assert_int_equal(f->g.at[SCHED].step, SG_STEP_FULL);
}

static void ten_times_the_budget_ends_with_the_programs_off(void **state)
{
	struct fixture *f = *state;

	run(f, 2 * SG_GOVERNOR_HOT + SG_GOVERNOR_PATIENCE, 100, 3);
	assert_int_equal(f->g.at[SYSCALL].step, SG_STEP_OFF);
	assert_int_equal(f->g.at[SCHED].step, SG_STEP_FULL);
}

static void a_domain_that_cannot_be_sampled_is_switched_off(void **state)
{
	struct fixture *f = *state;

	run(f, SG_GOVERNOR_PATIENCE - 1, 1, 50);
	assert_int_equal(f->g.at[SCHED].step, SG_STEP_FULL);
	run(f, 2 * SG_GOVERNOR_PATIENCE, 1, 50);
	assert_int_equal(f->g.at[SCHED].step, SG_STEP_OFF);
}

static void it_comes_back_when_the_host_is_calm(void **state)
{
	struct fixture *f = *state;

	run(f, 3 * SG_GOVERNOR_PATIENCE, 100, 3);
	run(f, 10 * 3600, 1, 1);
	assert_int_equal(f->g.at[SYSCALL].step, SG_STEP_FULL);
}

static void what_comes_back_too_early_waits_longer_each_time(void **state)
{
	struct fixture *f = *state;
	int changes = 0;

	for (int i = 0; i < 3600; i++)
		changes += run(f, 1, 1, 50) >= 0;
	assert_true(changes > 4);
	assert_true(changes < 20); /* 60, 120, 240 ... ticks apart, not 60 times */
}

static void without_a_budget_nothing_is_governed(void **state)
{
	struct fixture *f = *state;

	f->g.budget_ns = 0;
	assert_int_equal(run(f, 100, 1000, 1000), -1);
	assert_int_equal(sg_governor_limit(0, SG_STEP_FULL, 2).full, SG_NO_LIMIT);
}

/* What the costliest cannot give any more is not taken from those that take nothing. */
static void who_takes_next_to_nothing_is_left_alone(void **state)
{
	struct fixture *f = *state;

	f->d[SCHED].limited = true;
	run(f, SG_GOVERNOR_PATIENCE - 1, 400, 0.1);
	assert_int_equal(f->g.at[SYSCALL].step, SG_STEP_SPARSE);
	assert_int_equal(f->g.at[SCHED].step, SG_STEP_FULL);
}

static void the_reason_names_cost_budget_and_who(void **state)
{
	struct fixture *f = *state;

	run(f, SG_GOVERNOR_HOT, 40, 3);
	assert_int_equal(f->g.at[SYSCALL].step, SG_STEP_SAMPLED);
	assert_string_equal(f->g.at[SYSCALL].reason,
			    "watching took 44.0 ms a second of 10.0 ms (probe.budget), this domain "
			    "40.0 ms");
	assert_string_equal(f->g.at[SCHED].reason, "");
}

static void what_watching_takes_is_known_without_a_budget(void **state)
{
	struct fixture *f = *state;

	f->g.budget_ns = 0;
	run(f, 1, 40, 3);
	assert_true(f->g.total_ns == 44 * MS);
}

static void each_step_times_less(void **state)
{
	for (enum sg_step s = SG_STEP_SAMPLED; s < SG_STEPS; s++) {
		struct sg_bpf_limit before = sg_governor_limit(10000000, s - 1, 2),
				    now = sg_governor_limit(10000000, s, 2);

		assert_true(now.full <= before.full);
		assert_true(now.shift > before.shift && now.shift <= SG_MAX_SHIFT);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(within_the_budget_nothing_is_lost),
		TEST(a_short_burst_is_no_reason),
		TEST(the_costliest_loses_detail_until_it_fits),
		TEST(ten_times_the_budget_ends_with_the_programs_off),
		TEST(a_domain_that_cannot_be_sampled_is_switched_off),
		TEST(it_comes_back_when_the_host_is_calm),
		TEST(what_comes_back_too_early_waits_longer_each_time),
		TEST(without_a_budget_nothing_is_governed),
		TEST(who_takes_next_to_nothing_is_left_alone),
		TEST(the_reason_names_cost_budget_and_who),
		TEST(what_watching_takes_is_known_without_a_budget),
		TEST(each_step_times_less),
	};

	return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
