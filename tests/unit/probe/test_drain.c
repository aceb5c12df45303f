// SPDX-License-Identifier: GPL-2.0
#include "fake_domain.h"

static int setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct sg_config cfg;

	sg_config_defaults(&cfg);
	cfg.max_comms = 3;
	fake_new(f, &cfg);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	free(*state);
	return 0;
}

static void what_is_written_between_two_ticks_is_reported_once(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 5);
	fake_observe(f, 0, 1, F_FIXED + 1, 1, 2000, 2);
	fake_tick(f, 0);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 7);
	fake_tick(f, 1);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 0);
	fake_tick(f, 0);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 0);
}

static void sum_count_and_buckets_belong_together(void **state)
{
	struct fake *f = *state;
	const struct sg_sample *s;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 5);
	fake_observe(f, 0, 1, F_FIXED + 1, 1, 3000000, 2);
	fake_tick(f, 0);
	s = fake_sample(f, "sgprobe_fake_wait_seconds");
	assert_non_null(s);
	assert_int_equal(s->hist.n, 2);
	assert_int_equal(s->hist.buckets[0].count, 5);
	assert_int_equal(s->hist.buckets[0].index, sg_bucket_index(1e-6));
	assert_int_equal(s->hist.buckets[1].index, sg_bucket_index(3e-3));
	assert_true(s->hist.sum > 0.0060049 && s->hist.sum < 0.0060051);
}

static void what_comes_late_into_a_closed_bank_is_found_at_its_next_reading(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_tick(f, 0);
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 1);
	fake_tick(f, 1);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 0);
	fake_tick(f, 0);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 1);
}

static void every_dimension_adds_up_to_the_host(void **state)
{
	struct fake *f = *state;
	static const char *const comms[] = {"one", "two", "three", "four", "five"};

	for (uint32_t i = 0; i < 5; i++)
		fake_slot(f, i + 1, comms[i]);
	for (uint32_t i = 0; i < F_SLOTS; i++)
		for (uint32_t shard = 0; shard < F_SHARDS; shard++)
			fake_observe(f, 0, shard, F_FIXED + i, 1, 1000 * (i + 1), i + 3);
	fake_tick(f, 0);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 2 * (16 * 3 + 120));
	assert_int_equal(fake_sum(f, "sgprobe_cgroup_fake_wait_seconds"), 2 * (16 * 3 + 120));
	assert_int_equal(fake_sum(f, "sgprobe_comm_fake_wait_seconds"), 2 * (16 * 3 + 120));
}

static void what_is_beyond_the_limit_of_names_is_other(void **state)
{
	struct fake *f = *state;
	static const char *const comms[] = {"one", "two", "three", "four", "five"};

	for (uint32_t i = 0; i < 5; i++) {
		fake_slot(f, i + 1, comms[i]);
		fake_observe(f, 0, 0, F_FIXED + i + 1, 1, 1000, 1);
	}
	fake_tick(f, 0);
	assert_int_equal(
		fake_sample(f, "sgprobe_comm_fake_wait_seconds{comm=\"three\"}")->hist.count, 1);
	assert_null(fake_sample(f, "sgprobe_comm_fake_wait_seconds{comm=\"four\"}"));
	assert_int_equal(
		fake_sample(f, "sgprobe_comm_fake_wait_seconds{comm=\"other\"}")->hist.count, 2);
}

static void a_bucket_that_wraps_loses_nothing(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 0xfffffff0u);
	fake_tick(f, 0);
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 0x20);
	fake_tick(f, 0);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 0x20);
}

static void an_event_of_no_nanoseconds_is_not_overlooked(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 0, 1);
	fake_tick(f, 0);
	assert_int_equal(fake_sum(f, "sgprobe_fake_wait_seconds"), 1);
}

static void fixed_blocks_have_the_label_and_their_slots_the_dimensions(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, 1, 0, 1000, 4);
	fake_observe(f, 0, 0, F_FIXED + 1, 0, 1000, 4);
	fake_count(f, 0, 1, SG_COMMON_COUNTERS + 3, 2);
	fake_count(f, 0, 0, SG_COMMON_COUNTERS, 9);
	fake_tick(f, 0);
	assert_int_equal(fake_sample(f, "sgprobe_fake_call_seconds{call=\"b\"}")->hist.count, 4);
	assert_null(fake_sample(f, "sgprobe_fake_call_seconds{call=\"a\"}"));
	assert_int_equal(fake_sample(f, "sgprobe_comm_fake_call_seconds{comm=\"one\"}")->hist.count,
			 4);
	assert_int_equal(fake_sample(f, "sgprobe_fake_calls_total{call=\"b\"}")->value, 6);
	assert_int_equal(fake_sample(f, "sgprobe_fake_events_total")->value, 9);
	assert_int_equal(f->drain->balance, 0);
}

static void a_half_counted_event_is_an_imbalance(void **state)
{
	struct fake *f = *state;

	fake_observe(f, 0, 0, 1, 0, 1000, 1);
	fake_tick(f, 0);
	assert_int_equal(f->drain->balance, 1);
}

static void a_live_series_is_reported_when_nothing_happens(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 1);
	fake_tick(f, 0);
	fake_tick(f, 1);
	assert_non_null(fake_sample(f, "sgprobe_comm_fake_wait_seconds{comm=\"one\"}"));
	assert_int_equal(fake_sample(f, "sgprobe_fake_events_total")->value, 0);
}

static void a_series_ends_after_five_idle_minutes_and_may_begin_again(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 1);
	fake_tick(f, 0);
	for (int i = 0; i <= SG_IDLE_TICKS; i++)
		sg_slots_tick(f->slots);
	sg_slots_forget(f->slots, SG_IDLE_TICKS, sg_drain_release);
	fake_tick(f, 1);
	assert_null(fake_sample(f, "sgprobe_comm_fake_wait_seconds{comm=\"one\"}"));
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 3);
	fake_tick(f, 0);
	assert_int_equal(fake_sample(f, "sgprobe_comm_fake_wait_seconds{comm=\"one\"}")->hist.count,
			 3);
	assert_int_equal(fake_sum(f, "sgprobe_cgroup_fake_wait_seconds"), 3);
}

static void a_name_that_would_break_a_terminal_is_escaped(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "a\033[2Jb");
	fake_observe(f, 0, 0, F_FIXED + 1, 1, 1000, 1);
	fake_tick(f, 0);
	for (size_t i = 0; i < f->frame->n; i++)
		assert_null(strchr(sg_series_label(&f->frame->samples[i].series, "comm"), '\033'));
	assert_int_equal(fake_sum(f, "sgprobe_comm_fake_wait_seconds"), 1);
}

static void a_tally_is_a_counter_per_count_whose_dimensions_add_up(void **state)
{
	struct fake *f = *state;
	double page = (double)sysconf(_SC_PAGESIZE);

	fake_slot(f, 1, "one");
	fake_slot(f, 2, "two");
	fake_tally(f, 0, 0, 1, 10, 5);
	fake_tally(f, 0, 1, 1, 10, 2);
	fake_tally(f, 0, 1, 2, 11, 3);
	fake_tally(f, 0, 1, 2, 12, 4);
	fake_tick(f, 0);
	assert_int_equal(fake_sample(f, "sgprobe_fake_kinds_total{kind=\"a\"}")->value, 7);
	assert_int_equal(fake_sample(f, "sgprobe_fake_kinds_total{kind=\"b\"}")->value, 3);
	assert_int_equal(
		fake_sample(f, "sgprobe_comm_fake_kinds_total{comm=\"one\",kind=\"a\"}")->value, 7);
	assert_null(fake_sample(f, "sgprobe_comm_fake_kinds_total{comm=\"one\",kind=\"b\"}"));
	assert_int_equal(fake_sum(f, "sgprobe_cgroup_fake_kinds_total"), 10);
	assert_int_equal(fake_sum(f, "sgprobe_comm_fake_kinds_total"), 10);
	assert_int_equal(fake_sample(f, "sgprobe_fake_freed_bytes_total")->value, 4 * page);
	assert_int_equal(fake_sum(f, "sgprobe_comm_fake_freed_bytes_total"), 4 * page);
	fake_tick(f, 1);
	assert_int_equal(fake_sum(f, "sgprobe_fake_kinds_total"), 0);
	assert_non_null(fake_sample(f, "sgprobe_comm_fake_kinds_total{comm=\"one\",kind=\"a\"}"));
}

static void a_count_of_a_tally_that_is_idle_for_long_ends(void **state)
{
	struct fake *f = *state;

	fake_slot(f, 1, "one");
	fake_tally(f, 0, 0, 1, 10, 5);
	fake_tick(f, 0);
	for (int i = 0; i <= SG_IDLE_TICKS; i++)
		sg_slots_tick(f->slots);
	fake_tally(f, 0, 0, 1, 11, 1);
	fake_tick(f, 0);
	assert_null(fake_sample(f, "sgprobe_fake_kinds_total{kind=\"a\"}"));
	assert_int_equal(fake_sample(f, "sgprobe_fake_kinds_total{kind=\"b\"}")->value, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_between_two_ticks_is_reported_once),
		TEST(sum_count_and_buckets_belong_together),
		TEST(what_comes_late_into_a_closed_bank_is_found_at_its_next_reading),
		TEST(every_dimension_adds_up_to_the_host),
		TEST(what_is_beyond_the_limit_of_names_is_other),
		TEST(a_bucket_that_wraps_loses_nothing),
		TEST(an_event_of_no_nanoseconds_is_not_overlooked),
		TEST(fixed_blocks_have_the_label_and_their_slots_the_dimensions),
		TEST(a_half_counted_event_is_an_imbalance),
		TEST(a_live_series_is_reported_when_nothing_happens),
		TEST(a_series_ends_after_five_idle_minutes_and_may_begin_again),
		TEST(a_name_that_would_break_a_terminal_is_escaped),
		TEST(a_tally_is_a_counter_per_count_whose_dimensions_add_up),
		TEST(a_count_of_a_tally_that_is_idle_for_long_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
