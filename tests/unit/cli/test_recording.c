// SPDX-License-Identifier: GPL-2.0
/*
 * tests/data/small.sgf, which end-to-end tests put into a store, is what is made here: two
 * minutes of a few series. SGPROBE_WRITE_DATA=1 writes it anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/file.h>
#include <sgprobe/frame.h>

#define T0 1700000000000LL
#define TICKS 120
#define FILE_NAME "tests/data/small.sgf"

static struct sg_series *series(struct sg_frame *f, enum sg_type type, const char *name,
				const char *label, const char *value)
{
	struct sg_label l = {label, value};
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, type, name, &l, 1), 0);
	return sg_series_copy(f->arena, &s);
}

static void add(struct sg_frame *f, enum sg_type type, const char *name, const char *label,
		const char *value, double v)
{
	assert_int_equal(sg_frame_add_value(f, series(f, type, name, label, value), v), 0);
}

/* Half of them in one bucket, half in another. */
static void add_latency(struct sg_frame *f, const char *call, int32_t index, double count)
{
	struct sg_bucket *b = sg_arena_alloc(f->arena, 2 * sizeof(*b));
	struct sg_hist h = {
		.count = count, .sum = count * sg_bucket_upper(index), .n = 2, .buckets = b};

	b[0] = (struct sg_bucket){index, count / 2};
	b[1] = (struct sg_bucket){index + 4, count / 2};
	assert_int_equal(
		sg_frame_add_hist(
			f,
			series(f, SG_HISTOGRAM, "sgprobe_syscall_latency_seconds", "syscall", call),
			&h),
		0);
}

static void make(struct sg_buf *b, int i)
{
	sg_auto(sg_frame) f = sg_frame_new();
	struct sg_event e;

	f->session = 1;
	f->seq = (uint64_t)i + 1;
	f->t_ms = T0 + i * 1000;
	f->span_ns = 1000000000;
	f->flags = i ? 0 : SG_FRAME_FIRST;
	add(f, SG_GAUGE, "sgprobe_load", "period", "1m", 1 + (i % 40) * 0.05);
	add(f, SG_COUNTER, "sgprobe_syscall_calls_total", "syscall", "read", 100);
	add(f, SG_COUNTER, "sgprobe_syscall_calls_total", "syscall", "write", 10);
	add(f, SG_COUNTER, "sgprobe_syscall_calls_total", "syscall", "fsync", 2);
	add_latency(f, "read", -140 + i % 8, 100);
	add_latency(f, "fsync", -60 + i / 10, 2);
	add(f, SG_COUNTER, "test_odd_total", "name", "x,\"y\"\nz", 1);
	if (i == 60) {
		sg_event_init(&e, SG_EVENT_OOM_KILL, f->t_ms);
		sg_event_text(&e, "comm", "hungry");
		assert_int_equal(sg_frame_add_event(f, &e), 0);
	}
	assert_int_equal(sg_frame_encode(f, b), 0);
}

static void the_recording_is_as_it_is_made(void **state)
{
	sg_auto_buf want = {0}, got = {0};

	for (int i = 0; i < TICKS; i++)
		make(&want, i);
	if (getenv("SGPROBE_WRITE_DATA"))
		assert_int_equal(sg_write_file(FILE_NAME, want.data, want.len, 0644), 0);
	assert_int_equal(sg_read_file(FILE_NAME, 1 << 20, &got), 0);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_recording_is_as_it_is_made)};

	return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
