// SPDX-License-Identifier: GPL-2.0
/* Looks in this very program, and in copies of it that are cut and changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/file.h>
#include <sgprobe/mem.h>

#include "probe/elf_find.h"
#include "probe/insn.h"
#include "probe/named_find.h"

static struct sg_buf self;

int to_be_found(int n);
__attribute__((noinline)) int to_be_found(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static struct sg_found find(const char *symbol, size_t n)
{
	struct sg_named_target t = {.kind = SG_NAMED_UPROBE, .path = "/self"};
	struct sg_named p = {.name = "p", .arg = 1};
	struct sg_found f;

	strcpy(t.symbol, symbol);
	sg_elf_find(self.data, n, "self", &t, &p, &f);
	return f;
}

static void finds_a_function(void **state)
{
	struct sg_found f = find("to_be_found", self.len);

	assert_int_equal(f.r, 0);
	assert_int_equal(f.n, 1);
	assert_true(f.timed);
	assert_memory_equal(self.data + f.sites[0], (const void *)to_be_found, 4);
	assert_int_equal(f.arg.reg, sg_argument_register(1));
}

static void tells_the_nearest_name(void **state)
{
	struct sg_found f = find("to_be_fonud", self.len);

	assert_int_equal(f.r, -ENOENT);
	assert_non_null(strstr(f.message, "did you mean to_be_found"));
}

/* Every prefix of a program is refused or understood, never read over its end. */
static void stands_cut_files(void **state)
{
	for (size_t n = 0; n < self.len; n += n < 4096 ? 64 : 8191) {
		struct sg_found f = find("to_be_found", n);

		assert_true(f.r < 0 ? f.message[0] != 0 : f.sites[0] < n);
	}
}

static void finds_where_instructions_end(void **state)
{
	static const struct {
		uint8_t code[16];
		size_t n;
		bool returns;
	} all[] = {
		{{0xc3}, 1, true},
		{{0xf3, 0xc3}, 2, true},
		{{0xc2, 8, 0}, 3, true},
		{{0x48, 0x89, 0xe5}, 3, false},
		{{0x48, 0x8b, 0x44, 0x24, 0xc3}, 5, false},
		{{0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 0xc3}, 10, false},
		{{0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}, 9, false},
		{{0xf6, 0xc3, 1}, 3, false},
		{{0xf7, 0xd8}, 2, false},
		{{0xc5, 0xf8, 0x77}, 3, false},
		{{0xc4, 0xe3, 0x7d, 0x39, 0xc1, 1}, 6, false},
		{{0x62, 0xf1, 0x7c, 0x48, 0x10, 0x05, 0, 0, 0, 0}, 10, false},
		{{0xe8, 1, 2, 3, 4}, 5, false},
		{{0x06}, 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		bool returns;

		assert_int_equal(sg_insn_length(all[i].code, sizeof(all[i].code), &returns),
				 all[i].n);
		assert_int_equal(returns, all[i].returns);
		if (all[i].n)
			assert_int_equal(sg_insn_length(all[i].code, all[i].n - 1, &returns), 0);
	}
}

static void knows_dangerous_functions(void **state)
{
	static const char *const bad[] = {
		"_raw_spin_lock",
		"memcpy",
		"copy_from_user",
		"_copy_to_user",
		"rcu_read_lock",
		"bpf_prog_run",
		"do_int3",
		"exc_page_fault",
		"default_do_nmi",
		"asm_exc_int3",
		"perf_trace_buf_alloc",
		"ktime_get_mono_fast_ns",
	};
	static const char *const good[] = {"vfs_read", "do_sys_openat2", "tcp_sendmsg",
					   "__x64_sys_getppid", "ext4_file_write_iter"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(sg_kernel_danger(bad[i]));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(sg_kernel_danger(good[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_function),
		cmocka_unit_test(tells_the_nearest_name),
		cmocka_unit_test(stands_cut_files),
#ifdef __x86_64__
		cmocka_unit_test(finds_where_instructions_end),
#endif
		cmocka_unit_test(knows_dangerous_functions),
	};

	if (sg_read_file("/proc/self/exe", 256U << 20, &self) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
