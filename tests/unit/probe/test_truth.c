// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/truth.h"

struct fixture {
	struct sg_truth truth;
	struct sg_frame *frame;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->frame = sg_frame_new();
	assert_non_null(f->frame);
	*state = f;
	return 0;
}

static double ratio(struct fixture *f, double seen, double kernel);

/* The first tick in which both are there is the baseline. */
static int begun(void **state)
{
	setup(state);
	assert_true(ratio(*state, 500, 0) == -1);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sg_frame_free(f->frame);
	free(f);
	return 0;
}

static void add(struct fixture *f, const char *name, double v)
{
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, SG_COUNTER, name, NULL, 0), 0);
	assert_int_equal(sg_frame_add_value(f->frame, sg_series_copy(f->frame->arena, &s), v), 0);
}

/* The ratio after a tick that saw so many switches; -1: none is reported. */
static double ratio(struct fixture *f, double seen, double kernel)
{
	sg_frame_reset(f->frame);
	if (seen >= 0)
		add(f, "sgprobe_sched_switches_total", seen);
	add(f, "sgprobe_cpu_context_switches_total", kernel);
	add(f, "sgprobe_cgroup_sched_switches_total", 1e9); /* no host's series */
	assert_int_equal(sg_truth_tick(&f->truth, f->frame), 0);
	for (size_t i = 0; i < f->frame->n; i++)
		if (strcmp(f->frame->samples[i].series.name, "sgprobe_truth_ratio") == 0)
			return f->frame->samples[i].value;
	return -1;
}

static void what_was_missed_shows(void **state)
{
	assert_true(ratio(*state, 1000, 1000) == 1);
	assert_true(ratio(*state, 900, 1000) == 0.95); /* 1900 of 2000 */
}

static void few_events_say_nothing(void **state)
{
	assert_true(ratio(*state, 3, 4) == -1);
}

static void two_readings_apart_do_not_matter_over_a_minute(void **state)
{
	double r = 0;

	ratio(*state, 90, 100);
	ratio(*state, 110, 100);
	for (int i = 0; i < 58; i++)
		r = ratio(*state, 100, 100);
	assert_true(r == 1);
}

static void what_is_a_minute_old_is_forgotten(void **state)
{
	double r = 0;

	ratio(*state, 0, 1000);
	for (int i = 0; i < SG_TRUTH_TICKS; i++)
		r = ratio(*state, 1000, 1000);
	assert_true(r == 1);
}

static void a_domain_that_comes_back_begins_anew(void **state)
{
	ratio(*state, 0, 1000);
	assert_true(ratio(*state, -1, 1000) == -1);
	assert_true(ratio(*state, 5000, 1000) == -1);
	assert_true(ratio(*state, 1000, 1000) == 1);
}

/* The ratio of one signal after a tick of such series; those of one name differ by a label. */
struct given {
	const char *name, *label, *value;
	double v;
};

static double ratio_of(struct fixture *f, const char *signal, const struct given *g, size_t n)
{
	sg_frame_reset(f->frame);
	for (size_t i = 0; i < n; i++) {
		struct sg_label label = {g[i].label, g[i].value};
		struct sg_series s;

		assert_int_equal(
			sg_series_init(&s, SG_COUNTER, g[i].name, &label, g[i].label ? 1 : 0), 0);
		assert_int_equal(
			sg_frame_add_value(f->frame, sg_series_copy(f->frame->arena, &s), g[i].v),
			0);
	}
	assert_int_equal(sg_truth_tick(&f->truth, f->frame), 0);
	for (size_t i = n; i < f->frame->n; i++)
		if (!strcmp(sg_series_label(&f->frame->samples[i].series, "signal"), signal))
			return f->frame->samples[i].value;
	return -1;
}

static void devices_without_requests_are_left_out(void **state)
{
	const struct given g[] = {
		{"sgprobe_block_requests_total", "operation", "read", 200},
		{"sgprobe_block_requests_total", "operation", "write", 7},
		{"sgprobe_disk_reads_total", "device", "sda", 150},
		{"sgprobe_disk_reads_total", "device", "dmz", 50},
		{"sgprobe_disk_reads_total", "device", "dm-0", 100},
		{"sgprobe_disk_reads_total", "device", "md127", 100},
	};

	ratio_of(*state, "disk_reads", g, ARRAY_SIZE(g));
	assert_true(ratio_of(*state, "disk_reads", g, ARRAY_SIZE(g)) == 1);
}

static void a_side_may_be_several_series(void **state)
{
	const struct given g[] = {
		{"sgprobe_udp_queue_drops_total", "reason", "socket_rcvbuff", 300},
		{"sgprobe_udp_queue_drops_total", "reason", "other", 5},
		{"sgprobe_netstat_udp_receive_buffer_errors_total", NULL, NULL, 100},
		{"sgprobe_netstat_udp6_receive_buffer_errors_total", NULL, NULL, 200},
	};

	ratio_of(*state, "udp_drops", g, ARRAY_SIZE(g));
	assert_true(ratio_of(*state, "udp_drops", g, ARRAY_SIZE(g)) == 1);
}

/* 300 tasks were made and there are 100 more: 200 ended. */
static void what_a_gauge_grew_by_is_taken_off(void **state)
{
	struct given g[] = {
		{"sgprobe_sched_exits_total", NULL, NULL, 200},
		{"sgprobe_processes_created_total", NULL, NULL, 300},
		{"sgprobe_processes_tasks", NULL, NULL, 1000},
	};

	ratio_of(*state, "exits", g, ARRAY_SIZE(g));
	g[2].v = 1100;
	assert_true(ratio_of(*state, "exits", g, ARRAY_SIZE(g)) == 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, begun, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_missed_shows),
		TEST(few_events_say_nothing),
		TEST(two_readings_apart_do_not_matter_over_a_minute),
		TEST(what_is_a_minute_old_is_forgotten),
		TEST(a_domain_that_comes_back_begins_anew),
		TEST(devices_without_requests_are_left_out),
		TEST(a_side_may_be_several_series),
		TEST(what_a_gauge_grew_by_is_taken_off),
	};

	return cmocka_run_group_tests_name("truth", tests, NULL, NULL);
}
