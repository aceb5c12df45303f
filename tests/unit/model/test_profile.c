// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/profile.h>

#include "model/wire.h"

static const char *const frames[] = {"_start", "main", "work", "do_syscall_64"};

static struct sg_stack stack(const char *comm, size_t n, uint64_t us)
{
	return (struct sg_stack){.cgroup = "nginx.service",
				 .comm = comm,
				 .frames = frames,
				 .n = n,
				 .n_kernel = n == 4,
				 .us = us,
				 .count = 1};
}

static struct sg_profile *two_stacks(void)
{
	struct sg_profile *p = sg_profile_new(1 << 20);
	struct sg_stack a = stack("a", 3, 10), b = stack("b", 4, 20);

	assert_int_equal(sg_profile_add(p, &a), 0);
	assert_int_equal(sg_profile_add(p, &b), 0);
	assert_int_equal(sg_profile_add(p, &a), 0);
	return p;
}

static int add(const struct sg_stack *s, void *ctx)
{
	return sg_profile_add(ctx, s);
}

static int see(const struct sg_stack *s, void *ctx)
{
	sg_buf_printf(ctx, "%d %s;%s", s->kind, s->cgroup, s->comm);
	for (size_t i = 0; i < s->n; i++)
		sg_buf_printf(ctx, ";%s%s", s->frames[i], i >= s->n - s->n_kernel ? "*" : "");
	sg_buf_printf(ctx, " %d %d\n", (int)s->us, (int)s->count);
	return 0;
}

static void assert_text(const struct sg_profile *p, const char *want)
{
	sg_auto_buf b = {0};

	sg_profile_each(p, see, &b);
	assert_string_equal(b.data ? b.data : "", want);
}

#define BOTH                                                                                       \
	"0 nginx.service;a;_start;main;work 20 2\n"                                                \
	"0 nginx.service;b;_start;main;work;do_syscall_64* 20 1\n"

static void the_same_stack_is_added_up(void **state)
{
	sg_auto(sg_profile) p = two_stacks();

	assert_int_equal(sg_profile_len(p), 2);
	assert_text(p, BOTH);
	sg_profile_clear(p);
	assert_text(p, "");
}

static void kinds_and_the_border_to_the_kernel_tell_stacks_apart(void **state)
{
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	struct sg_stack s = stack("a", 3, 1);

	sg_profile_add(p, &s);
	s.n_kernel = 1;
	sg_profile_add(p, &s);
	s.kind = SG_PROFILE_OFFCPU;
	sg_profile_add(p, &s);
	assert_int_equal(sg_profile_len(p), 3);
}

static void what_finds_no_room_is_counted(void **state)
{
	sg_auto(sg_profile) p = sg_profile_new(65536);
	uint64_t refused = 0;

	for (int i = 0; i < 5000; i++) {
		char comm[16];
		struct sg_stack s;

		snprintf(comm, sizeof(comm), "c%d", i);
		s = stack(comm, 3, 1);
		refused += sg_profile_add(p, &s) == -ENOSPC;
	}
	assert_true(refused > 0 && sg_profile_len(p) > 0);
	assert_int_equal(sg_profile_left_out(p), refused);
	assert_int_equal(sg_profile_len(p) + refused, 5000);
}

static void too_many_frames_are_refused(void **state)
{
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	struct sg_stack s = stack("a", 3, 1);

	s.n = SG_STACK_FRAMES_MAX + 1;
	assert_int_equal(sg_profile_add(p, &s), -EINVAL);
}

static void encode(struct sg_buf *b)
{
	const struct sg_profile_head h = {.session = 7, .seq = 9, .from_ms = 1000, .to_ms = 11000};
	sg_auto(sg_profile) p = two_stacks();

	assert_int_equal(sg_profile_encode(p, &h, b), 0);
}

static void a_record_decodes_to_what_went_in(void **state)
{
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	struct sg_profile_head h;
	sg_auto_buf b = {0};

	encode(&b);
	assert_int_equal(sg_profile_peek(b.data, b.len), b.len);
	assert_int_equal(sg_profile_peek(b.data, 11), 0);
	assert_int_equal(sg_profile_peek("SGF1", 4), -EBADMSG);
	assert_int_equal(sg_profile_decode_head(b.data, b.len, &h), 0);
	assert_true(h.session == 7 && h.seq == 9 && h.from_ms == 1000 && h.to_ms == 11000);
	assert_int_equal(sg_profile_decode(b.data, b.len, add, p), 0);
	assert_text(p, BOTH);
}

static void every_changed_bit_is_noticed(void **state)
{
	sg_auto_buf b = {0};

	encode(&b);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= (char)(1 << i % 8);
		assert_true(sg_profile_decode(b.data, b.len, NULL, NULL) < 0);
		b.data[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(sg_profile_decode(b.data, n, NULL, NULL), -EBADMSG);
}

static void another_version_is_told_apart(void **state)
{
	sg_auto_buf b = {0};
	uint8_t *p;

	encode(&b);
	p = (uint8_t *)b.data;
	wire_put_u16(p + 4, 2);
	wire_put_u32(p + 12, sg_crc32c(sg_crc32c(0, p, 12), p + 16, b.len - 16));
	assert_int_equal(sg_profile_decode(p, b.len, NULL, NULL), -EPROTONOSUPPORT);
}

static void a_filter_leaves_out_stacks_and_frames(void **state)
{
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	struct sg_profile_filter f = {.comm = "b", .cgroup = "nginx*"};
	struct sg_stack s = stack("b", 4, 20);

	assert_int_equal(sg_profile_add_filtered(p, &f, &s), 0);
	assert_text(p, "0 nginx.service;b;_start;main;work;do_syscall_64* 20 1\n");
	sg_profile_clear(p);
	f.no_user = true;
	sg_profile_add_filtered(p, &f, &s);
	f.no_user = false;
	f.no_kernel = true;
	sg_profile_add_filtered(p, &f, &s);
	assert_text(p, "0 nginx.service;b;do_syscall_64* 20 1\n"
		       "0 nginx.service;b;_start;main;work 20 1\n");
	f.cgroup = "nginx";
	assert_false(sg_profile_wants(&f, &s));
	f.cgroup = NULL;
	f.kind = SG_PROFILE_OFFCPU;
	assert_false(sg_profile_wants(&f, &s));
	f.all_kinds = true;
	assert_true(sg_profile_wants(&f, &s));
}

static void names_of_frames_are_cleaned(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"main", "main"},
		{"a;b\nc", "a_b_c"},
		{"", "?"},
		{"\x1b[31m", "_[31m"},
		{"\xff\xfe", "??"},
		{"\xef\xbf\xbf", "???"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	};
	char out[SG_FRAME_NAME_MAX + 1], longer[2 * SG_FRAME_NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		sg_frame_name_clean(cases[i].from, strlen(cases[i].from), out);
		assert_string_equal(out, cases[i].to);
	}
	for (size_t i = 0; i < sizeof(longer); i += 2)
		memcpy(longer + i, "\xc3\xbc", 2);
	sg_frame_name_clean(longer + 1, sizeof(longer) - 1, out);
	assert_true(strlen(out) <= SG_FRAME_NAME_MAX);
	sg_frame_name_clean(longer, sizeof(longer), out);
	assert_true(sg_utf8_valid(out, strlen(out)) && strlen(out) == SG_FRAME_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_stack_is_added_up),
		cmocka_unit_test(kinds_and_the_border_to_the_kernel_tell_stacks_apart),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(too_many_frames_are_refused),
		cmocka_unit_test(a_record_decodes_to_what_went_in),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(a_filter_leaves_out_stacks_and_frames),
		cmocka_unit_test(names_of_frames_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
