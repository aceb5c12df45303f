// SPDX-License-Identifier: GPL-2.0
/* Kernel symbols, names of made code, mappings and mount tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "elf_make.h"
#include "probe/kallsyms.h"
#include "probe/perf_map.h"
#include "probe/process_files.h"

static void kernel_addresses_have_the_name_of_the_function_before(void **state)
{
	static const char text[] = "ffffffff81000000 T _stext\n"
				   "ffffffff81000200 t inner\n"
				   "ffffffff81000100 T outer\n"
				   "ffffffff81000180 D data\n"
				   "ffffffffc0000000 t in_module\t[nf_tables]\n"
				   "nonsense\n"
				   "ffffffff8100 T\n"
				   "ffffffff81000300 t cut";
	sg_auto(sg_kallsyms) k = NULL;

	assert_int_equal(sg_kallsyms_new("/nowhere", &k), 0);
	assert_null(sg_kallsyms_find(k, 0xffffffff81000000));
	assert_int_equal(sg_kallsyms_parse(k, text, sizeof(text) - 1), 0);
	assert_string_equal(sg_kallsyms_find(k, 0xffffffff81000000), "_stext");
	assert_string_equal(sg_kallsyms_find(k, 0xffffffff810000ff), "_stext");
	assert_string_equal(sg_kallsyms_find(k, 0xffffffff81000190), "outer"); /* no data */
	assert_string_equal(sg_kallsyms_find(k, 0xffffffff81000200), "inner");
	assert_string_equal(sg_kallsyms_find(k, 0xffffffffc0000010), "in_module [nf_tables]");
	assert_null(sg_kallsyms_find(k, 0xffffffff80ffffff));
	assert_null(sg_kallsyms_find(k, 0xffffffff82000000)); /* too far from any */
}

static void hidden_addresses_are_no_names(void **state)
{
	static const char text[] = "0000000000000000 T _stext\n0000000000000000 T outer\n";
	sg_auto(sg_kallsyms) k = NULL;

	sg_kallsyms_new("/nowhere", &k);
	assert_int_equal(sg_kallsyms_parse(k, text, sizeof(text) - 1), 0);
	assert_null(sg_kallsyms_find(k, 0x10));
}

static const char *made(const char *text, uint64_t address)
{
	static struct sg_elf_want w;
	sg_auto_fd int fd = elf_file(text, strlen(text));

	w = (struct sg_elf_want){.address = address};
	assert_int_equal(sg_perf_map_symbols(fd, &w, 1), 0);
	return w.name;
}

static void made_code_has_the_name_of_the_last_line_for_it(void **state)
{
	static const char text[] = "1000 100 LazyCompile:~old app.js:1\n"
				   "zzz\n 5 x\n1000\n1000 10\n3000 0 empty\n"
				   "ffffffffffffff00 1000 wraps\n"
				   "1080 80 new;er\tname with spaces\n"
				   "2000 10 last";

	assert_string_equal(made(text, 0x1010), "LazyCompile:~old app.js:1");
	assert_string_equal(made(text, 0x1090), "new_er_name with spaces");
	assert_string_equal(made(text, 0x10ff), "new_er_name with spaces");
	assert_string_equal(made(text, 0x1100), "");
	assert_string_equal(made(text, 0x3000), "");
	assert_string_equal(made(text, 0xffffffffffffff10), "");
	assert_string_equal(made(text, 0x2000), ""); /* its line is still being written */
	assert_string_equal(made("", 1), "");
}

static void a_line_without_end_is_cut(void **state)
{
	sg_auto_free char *text = malloc(300001);

	memset(text, 'a', 300000);
	text[300000] = '\0';
	memcpy(text, "1000 100 b", 10);
	strcpy(text + 299980, "\n2000 10 after\n");
	assert_int_equal(strncmp(made(text, 0x1000), "baaa", 4), 0);
	assert_string_equal(made(text, 0x2000), "after");
}

static void mappings_of_code_are_taken(void **state)
{
	char text[] =
		"00400000-00401000 r--p 00000000 08:01 77 /bin/a\n"
		"00401000-00402000 r-xp 00001000 08:01 77                         /bin/a b (deleted)\n"
		"garbage\n"
		"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
		"7f0000002000-7f0000001000 r-xp 00000000 00:00 0 upside down\n"
		"7fff00000000-7fff00002000 r-xp 00000000 00:00 0                  [vdso]\n";
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_mappings m;

	assert_int_equal(sg_mappings_parse(text, arena, &m), 0);
	assert_int_equal(m.n, 3);
	assert_string_equal(sg_mapping_at(&m, 0x401fff)->path, "/bin/a b (deleted)");
	assert_int_equal(sg_mapping_at(&m, 0x401000)->inode, 77);
	assert_int_equal(sg_mapping_at(&m, 0x401000)->offset, 0x1000);
	assert_string_equal(sg_mapping_at(&m, 0x7f0000000010)->path, "");
	assert_string_equal(sg_mapping_at(&m, 0x7fff00001000)->path, "[vdso]");
	assert_null(sg_mapping_at(&m, 0x400000));
	assert_null(sg_mapping_at(&m, 0x402000));
}

static void file_systems_of_others_are_known(void **state)
{
	static const char mounts[] =
		"22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
		"23 22 0:21 / /home/u/mnt rw,nosuid shared:3 - fuse.sshfs host:/ rw\n"
		"24 22 0:22 / /tmp rw - tmpfs tmpfs rw\n"
		"25 22 0:23 / /srv rw - nfs4 server:/ rw\n"
		"26 22 0:24 / /odd rw without\n";

	assert_false(sg_mount_may_hang(mounts, 8, 1));
	assert_true(sg_mount_may_hang(mounts, 0, 21));
	assert_false(sg_mount_may_hang(mounts, 0, 22));
	assert_true(sg_mount_may_hang(mounts, 0, 23));
	assert_true(sg_mount_may_hang(mounts, 0, 24));
	assert_false(sg_mount_may_hang(mounts, 0, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_addresses_have_the_name_of_the_function_before),
		cmocka_unit_test(hidden_addresses_are_no_names),
		cmocka_unit_test(made_code_has_the_name_of_the_last_line_for_it),
		cmocka_unit_test(a_line_without_end_is_cut),
		cmocka_unit_test(mappings_of_code_are_taken),
		cmocka_unit_test(file_systems_of_others_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
