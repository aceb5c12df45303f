// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/btf.h>

#include "probe/btf_enum.h"

/* BTF of: int; struct s { int a; }; enum other { X }; enum colour { RED = 0, BLUE = 7 }. */
struct sample {
	struct btf_header h;
	struct btf_type int_type;
	uint32_t int_bits;
	struct btf_type struct_type;
	struct btf_member member;
	struct btf_type other;
	struct btf_enum x;
	struct btf_type colour;
	struct btf_enum red, blue;
	char strings[40];
};

#define INFO(kind, n) ((uint32_t)(kind) << 24 | (n))

static struct sample sample(void)
{
	static const char strings[] = "\0int\0s\0other\0colour\0RED\0BLUE";
	struct sample s = {
		.h = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(struct btf_header)},
		.int_type = {.name_off = 1, .info = INFO(BTF_KIND_INT, 0), .size = 4},
		.int_bits = 32,
		.struct_type = {.name_off = 5, .info = INFO(BTF_KIND_STRUCT, 1), .size = 4},
		.member = {.name_off = 5, .type = 1},
		.other = {.name_off = 7, .info = INFO(BTF_KIND_ENUM, 1), .size = 4},
		.x = {.name_off = 5, .val = 3},
		.colour = {.name_off = 13, .info = INFO(BTF_KIND_ENUM, 2), .size = 4},
		.red = {.name_off = 20, .val = 0},
		.blue = {.name_off = 24, .val = 7},
	};

	memcpy(s.strings, strings, sizeof(strings));
	s.h.type_len = offsetof(struct sample, strings) - sizeof(s.h);
	s.h.str_off = s.h.type_len;
	s.h.str_len = sizeof(s.strings);
	return s;
}

static int write_down(const char *name, int64_t value, void *ctx)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s=%lld ", name, (long long)value);
	return 0;
}

static void the_values_of_one_enumeration_come_in_order(void **state)
{
	struct sample s = sample();
	char text[200] = "";

	assert_int_equal(sg_btf_enum(&s, sizeof(s), "colour", write_down, text), 0);
	assert_string_equal(text, "RED=0 BLUE=7 ");
	assert_int_equal(sg_btf_enum(&s, sizeof(s), "s", write_down, text), -ENOENT);
	assert_int_equal(sg_btf_enum(&s, sizeof(s), "taste", write_down, text), -ENOENT);
}

static int stop(const char *name, int64_t value, void *ctx)
{
	return 42;
}

static void the_callback_may_end_the_walk(void **state)
{
	struct sample s = sample();

	assert_int_equal(sg_btf_enum(&s, sizeof(s), "colour", stop, NULL), 42);
}

/* In memory of exactly that size, so that the sanitizer sees a read beyond it. */
static int of_first(const struct sample *s, size_t n, char *text)
{
	void *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, s, n);
	r = sg_btf_enum(copy, n, "colour", write_down, text);
	free(copy);
	return r;
}

static void data_that_end_early_are_refused(void **state)
{
	struct sample s = sample();
	char text[200] = "";

	for (size_t n = 0; n < sizeof(s); n++)
		assert_int_equal(of_first(&s, n, text), -EBADMSG);
	for (uint32_t n = 0; n < s.h.type_len; n++) { /* a section that ends in a type */
		struct sample cut = s;
		int r;

		cut.h.type_len = n;
		r = of_first(&cut, sizeof(cut), text);
		assert_true(r == -EBADMSG || r == -ENOENT);
	}
	assert_string_equal(text, "");
}

static void lengths_and_offsets_that_lie_are_refused(void **state)
{
	struct sample s = sample();
	char text[200] = "";

	s.h.hdr_len = 1 << 30;
	assert_int_equal(of_first(&s, sizeof(s), text), -EBADMSG);
	s = sample();
	s.h.type_off = UINT32_MAX - 3;
	assert_int_equal(of_first(&s, sizeof(s), text), -EBADMSG);
	s = sample();
	s.struct_type.info = INFO(BTF_KIND_STRUCT, 0xffff);
	assert_int_equal(of_first(&s, sizeof(s), text), -EBADMSG);
	s = sample();
	s.struct_type.info = INFO(31, 0);
	assert_int_equal(of_first(&s, sizeof(s), text), -EBADMSG);
	s = sample();
	s.red.name_off = UINT32_MAX;
	assert_int_equal(of_first(&s, sizeof(s), text), 0);
	assert_string_equal(text, "=0 BLUE=7 ");
	s = sample();
	s.strings[sizeof(s.strings) - 1] = 'x';
	assert_int_equal(of_first(&s, sizeof(s), text), -EBADMSG);
}

static int note_dropped(const char *name, int64_t value, void *ctx)
{
	*(bool *)ctx |= strstr(name, "NO_SOCKET") && value > 0;
	return 0;
}

static void the_running_kernel_tells_its_reasons_of_drops(void **state)
{
	bool seen = false;
	int r = sg_btf_enum_kernel("skb_drop_reason", note_dropped, &seen);

	if (r == -ENOENT) /* a kernel without BTF, or older than 5.17 */
		skip();
	assert_int_equal(r, 0);
	assert_true(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_values_of_one_enumeration_come_in_order),
		cmocka_unit_test(the_callback_may_end_the_walk),
		cmocka_unit_test(data_that_end_early_are_refused),
		cmocka_unit_test(lengths_and_offsets_that_lie_are_refused),
		cmocka_unit_test(the_running_kernel_tells_its_reasons_of_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
