// SPDX-License-Identifier: GPL-2.0
/* What programs cost: split among cgroups to the nanosecond, and what a run costs besides its program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "probe/cost.h"

#define N 4

static uint64_t sum(const uint64_t *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < N; i++)
		n += v[i];
	return n;
}

static struct sg_weights weights(const uint64_t *of)
{
	return (struct sg_weights){of, N, sum(of)};
}

static void time_is_split_by_events(void **state)
{
	const uint64_t events[N] = {0, 30, 10, 0}, none[N] = {0};
	struct sg_weights counted = weights(events), context = weights(none);
	uint64_t paid[N] = {0};

	sg_cost_split(4000, 40, &counted, &context, paid);
	assert_int_equal(paid[1], 3000);
	assert_int_equal(paid[2], 1000);
	assert_int_equal(paid[0] + paid[3], 0);
}

static void runs_without_an_event_go_by_context_or_to_other(void **state)
{
	const uint64_t events[N] = {0, 10, 0, 0}, calls[N] = {0, 0, 1, 3}, none[N] = {0};
	struct sg_weights counted = weights(events), context = weights(calls);
	uint64_t paid[N] = {0}, without[N] = {0};

	sg_cost_split(5000, 50, &counted, &context, paid);
	assert_int_equal(paid[1], 1000);
	assert_int_equal(paid[2], 1000);
	assert_int_equal(paid[3], 3000);
	context = weights(none);
	sg_cost_split(5000, 50, &counted, &context, without);
	assert_int_equal(without[0], 4000);
}

/* Sampled events stand for others: they may be more than the runs. */
static void more_events_than_runs_share_it_all(void **state)
{
	const uint64_t events[N] = {0, 64, 64, 0}, none[N] = {0};
	struct sg_weights counted = weights(events), context = weights(none);
	uint64_t paid[N] = {0};

	sg_cost_split(1000, 100, &counted, &context, paid);
	assert_int_equal(paid[1], 500);
	assert_int_equal(paid[2], 500);
}

static void parts_add_up_to_the_nanosecond(void **state)
{
	for (uint64_t i = 1; i < 2000; i++) {
		const uint64_t events[N] = {i % 3, i % 7, i * 31 % 11, 1},
			       calls[N] = {0, i % 5, 2, 3};
		struct sg_weights counted = weights(events), context = weights(calls);
		uint64_t paid[N] = {0}, ns = i * 2654435761u;

		sg_cost_split(ns, i % 40, &counted, &context, paid);
		assert_int_equal(sum(paid), ns);
	}
}

static void no_product_overflows(void **state)
{
	const uint64_t events[N] = {0, UINT64_MAX / 4, UINT64_MAX / 4, 0}, none[N] = {0};
	struct sg_weights counted = weights(events), context = weights(none);
	uint64_t paid[N] = {0};

	sg_cost_split(UINT64_MAX / 2, UINT64_MAX, &counted, &context, paid);
	assert_int_equal(sum(paid), UINT64_MAX / 2);
	assert_true(paid[1] == paid[2] && paid[1] > UINT64_MAX / 10);
}

static void what_the_kernel_leaves_out_is_the_difference(void **state)
{
	const struct sg_entry_times t = {
		.bare = 100, .one = 220, .three = 300, .three_stats = 600, .mean = 40};
	struct sg_entry e;

	sg_entry_defaults(&e);
	assert_false(e.measured);
	assert_true(sg_entry_of_times(&t, &e));
	assert_true(e.measured);
	assert_float_equal(sg_entry_ns(&e, "sys_enter"), 20, 1e-9);
	assert_float_equal(sg_entry_ns(&e, "sched_switch"), -20, 1e-9);
	assert_float_equal(e.stats_ns, 50, 1e-9);
}

static void times_without_sense_change_nothing(void **state)
{
	static const struct sg_entry_times bad[] = {
		{100, 90, 300, 600, 40}, /* watched faster than not watched */
		{100, 220, 210, 600, 40}, {100, 220, 300, 250, 40},
		{100, 220, 300, 600, -1}, /* the kernel does not say */
		{100, 1e7, 2e7, 3e7, 40},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sg_entry e;

		sg_entry_defaults(&e);
		assert_false(sg_entry_of_times(&bad[i], &e));
		assert_float_equal(sg_entry_ns(&e, "sys_exit"), 15, 1e-9);
	}
}

/* In the running kernel, if it lets us; never longer than asked for. */
static void it_is_measured_in_time(void **state)
{
	struct sg_entry_job job;
	struct sg_entry e;

	sg_entry_begin(&job);
	sg_entry_end(&job, 1000, &e);
	assert_int_equal(job.pid, 0);
	if (!e.measured)
		skip();
	assert_true(e.ns[SG_ENTRY_SYSCALL] > -1000 && e.ns[SG_ENTRY_SYSCALL] < 2000);
	assert_true(e.stats_ns > 0);
}

static void a_measurement_that_hangs_is_given_up(void **state)
{
	struct sg_entry_job job;
	struct sg_entry e;
	int p[2];

	assert_int_equal(pipe(p), 0);
	job.fd = p[0];
	job.pid = fork();
	if (job.pid == 0) {
		pause();
		_exit(0);
	}
	sg_entry_end(&job, 10, &e);
	close(p[1]);
	assert_false(e.measured);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it is gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_is_split_by_events),
		cmocka_unit_test(runs_without_an_event_go_by_context_or_to_other),
		cmocka_unit_test(more_events_than_runs_share_it_all),
		cmocka_unit_test(parts_add_up_to_the_nanosecond),
		cmocka_unit_test(no_product_overflows),
		cmocka_unit_test(what_the_kernel_leaves_out_is_the_difference),
		cmocka_unit_test(times_without_sense_change_nothing),
		cmocka_unit_test(it_is_measured_in_time),
		cmocka_unit_test(a_measurement_that_hangs_is_given_up),
	};

	return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
