// SPDX-License-Identifier: GPL-2.0
/* Processes by state over a folder like /proc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "probe/process_states.h"

struct fixture {
	struct sg_config cfg;
	struct sg_frame *frame;
	void *states;
	int n;
};

static void add_process(struct fixture *f, const char *stat)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%d", f->cfg.proc_root, ++f->n);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/stat", f->cfg.proc_root, f->n);
	if (!stat)
		return;
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(stat, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	sg_config_defaults(&f->cfg);
	strcpy(f->cfg.proc_root, "/tmp/sg-states-XXXXXX");
	assert_non_null(mkdtemp(f->cfg.proc_root));
	f->frame = sg_frame_new();
	assert_int_equal(sg_process_states_start(&f->cfg, NULL, &f->states), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[512];

	sg_process_states_stop(f->states);
	sg_frame_free(f->frame);
	for (int i = 1; i <= f->n; i++) {
		snprintf(path, sizeof(path), "%s/%d/stat", f->cfg.proc_root, i);
		unlink(path);
		*strrchr(path, '/') = 0;
		rmdir(path);
	}
	rmdir(f->cfg.proc_root);
	free(f);
	return 0;
}

static void tick(struct fixture *f)
{
	sg_frame_reset(f->frame);
	assert_int_equal(sg_process_states_tick(f->states, f->frame), 0);
}

static double in_state(const struct fixture *f, const char *state)
{
	for (size_t i = 0; i < f->frame->n; i++)
		if (strcmp(sg_series_label(&f->frame->samples[i].series, "state"), state) == 0)
			return f->frame->samples[i].value;
	return -1;
}

static void each_process_is_counted_in_its_state(void **state)
{
	struct fixture *f = *state;

	add_process(f, "1 (init) S 0 1 1");
	add_process(f, "2 (a ) Z) S (b) R 1 1");
	add_process(f, "3 (gone) Z 1 1");
	add_process(f, "4 (gone too) Z 1 1");
	add_process(f, "5 (new) ? 1 1");
	tick(f);
	assert_int_equal(in_state(f, "sleeping"), 1);
	assert_int_equal(in_state(f, "running"), 1);
	assert_int_equal(in_state(f, "zombie"), 2);
	assert_int_equal(in_state(f, "other"), 1);
	assert_int_equal(in_state(f, "stopped"), 0);
}

static void what_ends_meanwhile_or_is_torn_is_not_counted(void **state)
{
	struct fixture *f = *state;

	add_process(f, NULL);
	add_process(f, "");
	add_process(f, "3 (torn");
	add_process(f, "4 (torn)");
	add_process(f, "5 (whole) S");
	tick(f);
	assert_int_equal(in_state(f, "sleeping"), 1);
	assert_int_equal(in_state(f, "other"), 0);
}

static void a_new_round_begins_every_ten_ticks(void **state)
{
	struct fixture *f = *state;

	tick(f);
	assert_int_equal(in_state(f, "sleeping"), 0);
	add_process(f, "1 (late) S 0");
	for (int i = 0; i < 9; i++) {
		tick(f);
		assert_int_equal(in_state(f, "sleeping"), 0);
	}
	tick(f);
	assert_int_equal(in_state(f, "sleeping"), 1);
}

static void without_proc_there_is_nothing_to_report(void **state)
{
	struct fixture *f = *state;

	sg_process_states_stop(f->states);
	rmdir(f->cfg.proc_root);
	assert_int_equal(sg_process_states_start(&f->cfg, NULL, &f->states), 0);
	tick(f);
	assert_int_equal(f->frame->n, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_process_is_counted_in_its_state),
		TEST(what_ends_meanwhile_or_is_torn_is_not_counted),
		TEST(a_new_round_begins_every_ten_ticks),
		TEST(without_proc_there_is_nothing_to_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
