/* SPDX-License-Identifier: GPL-2.0 */
/* Small ELF files in memory: a segment of code at an address, symbols, a build id, a debug link. */
#ifndef TEST_ELF_MAKE_H
#define TEST_ELF_MAKE_H

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ELF_OFFSET 0x1000 /* of the code in the file */
#define ELF_ADDRESS 0x401000 /* of it in memory, as the file says */

struct elf_symbol {
	const char *name;
	uint64_t address, size;
	unsigned char info;
};

struct elf_want {
	const struct elf_symbol *symbols;
	size_t n;
	uint32_t table; /* SHT_SYMTAB, SHT_DYNSYM, or 0: none */
	const char *debuglink;
	unsigned char id; /* each byte of the build id; 0: none */
};

struct elf_bytes {
	unsigned char data[8192];
	size_t n;
};

static inline size_t elf_put(struct elf_bytes *b, const void *p, size_t n)
{
	size_t at = (b->n + 7) & ~7UL;

	memcpy(b->data + at, p, n);
	b->n = at + n;
	return at;
}

static inline void elf_make(struct elf_bytes *b, const struct elf_want *w)
{
	static const char names[] = "\0.symtab\0.strtab\0.gnu_debuglink\0.shstrtab";
	Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 5,
			.e_shstrndx = 4};
	Elf64_Phdr p[2] = {{.p_type = PT_LOAD,
			    .p_offset = ELF_OFFSET,
			    .p_vaddr = ELF_ADDRESS,
			    .p_filesz = 0x800},
			   {.p_type = PT_NOTE}};
	Elf64_Shdr s[5] = {{0},
			   {.sh_name = 1, .sh_type = w->table, .sh_link = 2, .sh_entsize = 24},
			   {.sh_name = 9, .sh_type = SHT_STRTAB},
			   {.sh_name = 17, .sh_type = w->debuglink ? SHT_PROGBITS : SHT_NULL},
			   {.sh_name = 32, .sh_type = SHT_STRTAB}};
	struct {
		Elf64_Nhdr h;
		char name[4];
		unsigned char id[20];
	} note = {{4, 20, NT_GNU_BUILD_ID}, "GNU", {0}};
	char strings[2048] = "";
	Elf64_Sym sym[64] = {{0}};
	size_t len = 1;

	memset(b, 0, sizeof(*b));
	b->n = sizeof(h) + sizeof(p);
	for (size_t i = 0; i < w->n; i++) {
		sym[i] = (Elf64_Sym){.st_name = (uint32_t)len,
				     .st_info = w->symbols[i].info,
				     .st_shndx = 1,
				     .st_value = w->symbols[i].address,
				     .st_size = w->symbols[i].size};
		strcpy(strings + len, w->symbols[i].name);
		len += strlen(w->symbols[i].name) + 1;
	}
	memset(note.id, w->id, sizeof(note.id));
	p[1].p_filesz = w->id ? sizeof(note) : 0;
	p[1].p_offset = elf_put(b, &note, sizeof(note));
	s[1].sh_size = w->n * sizeof(*sym);
	s[1].sh_offset = elf_put(b, sym, s[1].sh_size);
	s[2].sh_size = len;
	s[2].sh_offset = elf_put(b, strings, len);
	s[3].sh_size = w->debuglink ? strlen(w->debuglink) + 5 : 0;
	s[3].sh_offset =
		elf_put(b, w->debuglink ? w->debuglink : "", s[3].sh_size ? s[3].sh_size - 4 : 0);
	b->n += 4;
	s[4].sh_size = sizeof(names);
	s[4].sh_offset = elf_put(b, names, sizeof(names));
	h.e_shoff = elf_put(b, s, sizeof(s));
	memcpy(b->data, &h, sizeof(h));
	memcpy(b->data + sizeof(h), p, sizeof(p));
}

static inline int elf_file(const void *p, size_t n)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, p, n) != (ssize_t)n) {
		close(fd);
		fd = -1;
	}
	return fd;
}

#endif
