// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "elf_make.h"
#include "probe/elf_symbols.h"
#include "probe/process_files.h"

#define FUNC ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)
#define LOCAL ELF64_ST_INFO(STB_LOCAL, STT_FUNC)
#define OBJECT ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT)

static const struct elf_symbol symbols[] = {
	{"data", ELF_ADDRESS, 0x800, OBJECT},
	{"first", ELF_ADDRESS, 0x100, FUNC},
	{"inner", ELF_ADDRESS + 0x80, 0x10, LOCAL},
	{"alias@@V1", ELF_ADDRESS + 0x200, 0x20, FUNC},
	{"local_alias", ELF_ADDRESS + 0x200, 0x20, LOCAL},
	{"sizeless", ELF_ADDRESS + 0x300, 0, FUNC},
	{"bad;name\x01", ELF_ADDRESS + 0x400, 0x10, FUNC},
};

/* The name of the function at an offset of the file. */
static const char *name_at(int fd, uint64_t offset)
{
	static struct sg_elf_want w;

	w = (struct sg_elf_want){.offset = offset};
	assert_int_equal(sg_elf_addresses(fd, &w, 1), 0);
	assert_true(sg_elf_symbols(fd, false, &w, 1) >= 0);
	return w.name;
}

static int make(const struct elf_want *w)
{
	struct elf_bytes b;
	int fd;

	elf_make(&b, w);
	fd = elf_file(b.data, b.n);
	assert_true(fd >= 0);
	return fd;
}

static void the_function_at_an_offset_has_its_name(void **state)
{
	const struct elf_want want = {symbols, ARRAY_SIZE(symbols), SHT_SYMTAB};
	sg_auto_fd int fd = make(&want);

	assert_string_equal(name_at(fd, ELF_OFFSET), "first");
	assert_string_equal(name_at(fd, ELF_OFFSET + 0xff), "first");
	assert_string_equal(name_at(fd, ELF_OFFSET + 0x85), "inner"); /* the one that starts last */
	assert_string_equal(name_at(fd, ELF_OFFSET + 0x100), ""); /* between two */
	assert_string_equal(name_at(fd, ELF_OFFSET + 0x210), "alias"); /* global, without version */
	assert_string_equal(name_at(fd, ELF_OFFSET + 0x310), "sizeless");
	assert_string_equal(name_at(fd, ELF_OFFSET + 0x400), "bad_name_");
	assert_string_equal(name_at(fd, ELF_OFFSET + 0x800), ""); /* not loaded */
	assert_string_equal(name_at(fd, 0), "");
}

static void many_places_are_found_in_one_go(void **state)
{
	const struct elf_want want = {symbols, ARRAY_SIZE(symbols), SHT_SYMTAB};
	sg_auto_fd int fd = make(&want);
	struct sg_elf_want w[3] = {{.offset = ELF_OFFSET + 1},
				   {.offset = ELF_OFFSET + 0x81},
				   {.offset = ELF_OFFSET + 0x201}};

	assert_int_equal(sg_elf_addresses(fd, w, 3), 0);
	assert_int_equal(sg_elf_symbols(fd, false, w, 3), 1);
	assert_string_equal(w[0].name, "first");
	assert_string_equal(w[1].name, "inner");
	assert_string_equal(w[2].name, "alias");
	assert_true(w[2].start == ELF_ADDRESS + 0x200 && w[2].end == ELF_ADDRESS + 0x220);
}

static void a_stripped_file_tells_what_it_exports(void **state)
{
	const struct elf_want want = {symbols, ARRAY_SIZE(symbols), SHT_DYNSYM}, none = {0};
	sg_auto_fd int fd = make(&want), empty = make(&none);
	struct sg_elf_want w = {.offset = ELF_OFFSET + 1};

	sg_elf_addresses(fd, &w, 1);
	assert_int_equal(sg_elf_symbols(fd, false, &w, 1), 0);
	assert_string_equal(w.name, "");
	assert_int_equal(sg_elf_symbols(fd, true, &w, 1), 1);
	assert_string_equal(w.name, "first");
	assert_int_equal(sg_elf_symbols(empty, true, &w, 1), 0);
}

static void build_id_and_debug_link_are_read(void **state)
{
	const struct elf_want want = {.id = 0xab, .debuglink = "prog.debug"}, none = {0},
			      path = {.debuglink = "../../etc/shadow"},
			      hidden = {.debuglink = ".x"};
	sg_auto_fd int fd = make(&want), empty = make(&none), evil = make(&path),
		       dot = make(&hidden);
	uint8_t id[SG_BUILD_ID_MAX], all[SG_BUILD_ID_MAX];
	char name[SG_DEBUGLINK_MAX];

	memset(all, 0xab, sizeof(all));
	assert_int_equal(sg_elf_build_id(fd, id), 20);
	assert_memory_equal(id, all, 20);
	assert_int_equal(sg_elf_build_id(empty, id), 0);
	assert_int_equal(sg_elf_debuglink(fd, name), 1);
	assert_string_equal(name, "prog.debug");
	assert_int_equal(sg_elf_debuglink(empty, name), 0);
	assert_int_equal(sg_elf_debuglink(evil, name), -EBADMSG);
	assert_int_equal(sg_elf_debuglink(dot, name), -EBADMSG);
}

/* This program itself is position independent, mapped somewhere, and has symbols. */
static void this_program_is_found_where_it_is_mapped(void **state)
{
	sg_auto_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	sg_auto(sg_arena) arena = sg_arena_new(0);
	uint64_t here = (uint64_t)(uintptr_t)this_program_is_found_where_it_is_mapped + 4;
	const struct sg_mapping *m;
	struct sg_mappings maps;

	assert_int_equal(sg_process_mappings(proc, (uint32_t)getpid(), arena, &maps), 0);
	m = sg_mapping_at(&maps, here);
	assert_non_null(m);
	assert_non_null(strstr(m->path, "test_elf_symbols"));
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_string_equal(name_at(fd, here - m->start + m->offset),
			    "this_program_is_found_where_it_is_mapped");
}

static void what_is_no_elf_file_is_refused(void **state)
{
	sg_auto_fd int text =
		elf_file("#!/bin/sh\n# far too short to be one, or is it? no: it is text", 60);
	sg_auto_fd int empty = elf_file("", 0), dir = open("/", O_RDONLY | O_DIRECTORY);
	uint8_t id[SG_BUILD_ID_MAX];

	assert_int_equal(sg_elf_build_id(text, id), -EBADMSG);
	assert_int_equal(sg_elf_build_id(empty, id), -EBADMSG);
	assert_int_equal(sg_elf_build_id(dir, id), -EBADMSG);
	assert_true(sg_elf_build_id(-1, id) < 0);
}

/* Each byte wrong in turn, and the file cut: nothing is read outside of it (with ASan). */
static void no_byte_is_believed(void **state)
{
	const struct elf_want want = {symbols, ARRAY_SIZE(symbols), SHT_SYMTAB, "x.debug", 7};
	uint8_t id[SG_BUILD_ID_MAX];
	char name[SG_DEBUGLINK_MAX];
	struct elf_bytes b;

	elf_make(&b, &want);
	for (size_t i = 0; i < b.n; i++) {
		struct sg_elf_want w = {.offset = ELF_OFFSET + 1};
		unsigned char was = b.data[i];
		sg_auto_fd int fd = -1;

		b.data[i] = i % 3 ? 0xff : 0x80;
		fd = elf_file(b.data, i % 7 ? b.n : i);
		b.data[i] = was;
		sg_elf_build_id(fd, id);
		sg_elf_debuglink(fd, name);
		sg_elf_addresses(fd, &w, 1);
		sg_elf_symbols(fd, i % 2, &w, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_function_at_an_offset_has_its_name),
		cmocka_unit_test(many_places_are_found_in_one_go),
		cmocka_unit_test(a_stripped_file_tells_what_it_exports),
		cmocka_unit_test(build_id_and_debug_link_are_read),
		cmocka_unit_test(this_program_is_found_where_it_is_mapped),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(no_byte_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
