// SPDX-License-Identifier: GPL-2.0
// Files of processes, which are theirs: ELF, names of made code, and what /proc says of them.
// The first byte says which.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "probe/elf_symbols.h"
#include "probe/kallsyms.h"
#include "probe/perf_map.h"
#include "probe/process_files.h"

#define WANTS 8

static void check_names(const struct sg_elf_want *w)
{
	for (size_t i = 0; i < WANTS; i++)
		if (strlen(w[i].name) > SG_FRAME_NAME_MAX || strpbrk(w[i].name, ";\n") ||
		    !sg_utf8_valid(w[i].name, strlen(w[i].name)))
			abort();
}

static int by_address(const void *a, const void *b)
{
	const struct sg_elf_want *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void elf(int fd)
{
	struct sg_elf_want w[WANTS] = {{0}};
	uint8_t id[SG_BUILD_ID_MAX];
	char link[SG_DEBUGLINK_MAX];

	for (size_t i = 0; i < WANTS; i++)
		w[i].offset = 0x1000 + i * 0x90;
	if (sg_elf_build_id(fd, id) > SG_BUILD_ID_MAX)
		abort();
	if (sg_elf_debuglink(fd, link) > 0 && (strlen(link) >= sizeof(link) || strchr(link, '/')))
		abort();
	sg_elf_addresses(fd, w, WANTS);
	qsort(w, WANTS, sizeof(*w), by_address);
	sg_elf_symbols(fd, false, w, WANTS);
	sg_elf_symbols(fd, true, w, WANTS);
	check_names(w);
}

static void made(int fd)
{
	struct sg_elf_want w[WANTS] = {{0}};

	for (size_t i = 0; i < WANTS; i++)
		w[i].address = i * 0x800;
	sg_perf_map_symbols(fd, w, WANTS);
	check_names(w);
}

static void maps(const uint8_t *data, size_t n)
{
	sg_auto_free char *text = calloc(1, n + 1);
	sg_auto(sg_arena) arena = sg_arena_new(1 << 20);
	struct sg_mappings m = {0};

	memcpy(text, data, n);
	sg_mount_may_hang(text, 0, 21);
	if (sg_mappings_parse(text, arena, &m) == 0)
		for (size_t i = 0; i < m.n; i++)
			if (!m.m[i].path || !sg_mapping_at(&m, m.m[i].start))
				abort();
}

static void kernel(const uint8_t *data, size_t n)
{
	sg_auto(sg_kallsyms) k = NULL;

	if (sg_kallsyms_new("/nowhere", &k) < 0)
		return;
	sg_kallsyms_parse(k, (const char *)data, n);
	sg_kallsyms_find(k, 0xffffffff81000010);
	sg_kallsyms_find(k, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd, kind = n ? data[0] % 4 : 0;

	if (!n)
		return 0;
	data++;
	n--;
	if (kind >= 2) {
		(kind == 2 ? maps : kernel)(data, n);
		return 0;
	}
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, data, n) == (ssize_t)n)
		(kind ? made : elf)(fd);
	close(fd);
	return 0;
}
