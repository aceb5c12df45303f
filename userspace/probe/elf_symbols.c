// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "elf_symbols.h"

#define HEADERS_MAX 4096u /* program or section headers that are looked at */
#define NOTES_MAX 4096u /* bytes of one section or segment of notes */
#define SYMBOLS_MAX (4u << 20)
#define CHUNK 16384u
#define NO_SIZE 4096u /* as far as a function reaches that does not say how long it is */

struct elf {
	int fd;
	uint64_t bytes; /* of the file */
	bool wide; /* 64 bits */
	uint64_t phoff, shoff;
	uint32_t phnum, shnum;
	uint16_t phentsize, shentsize, shstrndx;
};

struct segment {
	uint32_t type;
	uint64_t offset, address, size;
};

struct section {
	uint32_t type, link, name;
	uint64_t offset, size, entry;
};

/* All n bytes at the place, or an error. */
static int read_at(const struct elf *e, uint64_t at, void *p, size_t n)
{
	ssize_t got;

	if (at > e->bytes || n > e->bytes - at)
		return -EBADMSG;
	got = pread(e->fd, p, n, (off_t)at);
	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EBADMSG;
}

static bool known_ident(const unsigned char *id)
{
	return memcmp(id, ELFMAG, SELFMAG) == 0 &&
	       (id[EI_CLASS] == ELFCLASS32 || id[EI_CLASS] == ELFCLASS64) &&
	       id[EI_DATA] == (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB);
}

#define TAKE_HEADER(e, h)                                                                          \
	do {                                                                                       \
		(e)->phoff = (h).e_phoff;                                                          \
		(e)->shoff = (h).e_shoff;                                                          \
		(e)->phnum = (h).e_phnum;                                                          \
		(e)->shnum = (h).e_shnum;                                                          \
		(e)->phentsize = (h).e_phentsize;                                                  \
		(e)->shentsize = (h).e_shentsize;                                                  \
		(e)->shstrndx = (h).e_shstrndx;                                                    \
	} while (0)

static int open_elf(struct elf *e, int fd)
{
	union {
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
		unsigned char ident[EI_NIDENT];
	} h;
	struct stat st;
	int r;

	memset(e, 0, sizeof(*e));
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	e->fd = fd;
	e->bytes = (uint64_t)st.st_size;
	memset(&h, 0, sizeof(h));
	r = read_at(e, 0, &h, sizeof(h.narrow));
	if (r == 0 && !known_ident(h.ident))
		r = -EBADMSG;
	if (r < 0)
		return r;
	e->wide = h.ident[EI_CLASS] == ELFCLASS64;
	if (e->wide)
		r = read_at(e, 0, &h.wide, sizeof(h.wide));
	if (e->wide)
		TAKE_HEADER(e, h.wide);
	else
		TAKE_HEADER(e, h.narrow);
	e->phnum = SG_MIN(e->phnum, HEADERS_MAX);
	e->shnum = SG_MIN(e->shnum, HEADERS_MAX);
	return r;
}

static int read_segment(const struct elf *e, uint32_t i, struct segment *s)
{
	uint64_t at = e->phoff + (uint64_t)i * e->phentsize;
	Elf64_Phdr wide;
	Elf32_Phdr narrow;
	int r;

	if (e->phentsize < (e->wide ? sizeof(wide) : sizeof(narrow)) || at < e->phoff)
		return -EBADMSG;
	if (e->wide) {
		r = read_at(e, at, &wide, sizeof(wide));
		*s = (struct segment){wide.p_type, wide.p_offset, wide.p_vaddr, wide.p_filesz};
	} else {
		r = read_at(e, at, &narrow, sizeof(narrow));
		*s = (struct segment){narrow.p_type, narrow.p_offset, narrow.p_vaddr,
				      narrow.p_filesz};
	}
	return r;
}

static int read_section(const struct elf *e, uint32_t i, struct section *s)
{
	uint64_t at = e->shoff + (uint64_t)i * e->shentsize;
	Elf64_Shdr wide;
	Elf32_Shdr narrow;
	int r;

	if (e->shentsize < (e->wide ? sizeof(wide) : sizeof(narrow)) || at < e->shoff ||
	    i >= e->shnum)
		return -EBADMSG;
	if (e->wide) {
		r = read_at(e, at, &wide, sizeof(wide));
		*s = (struct section){wide.sh_type,   wide.sh_link, wide.sh_name,
				      wide.sh_offset, wide.sh_size, wide.sh_entsize};
	} else {
		r = read_at(e, at, &narrow, sizeof(narrow));
		*s = (struct section){narrow.sh_type,	narrow.sh_link, narrow.sh_name,
				      narrow.sh_offset, narrow.sh_size, narrow.sh_entsize};
	}
	return r;
}

/* ---- build id ------------------------------------------------------------------------ */

static uint64_t padded(uint32_t n)
{
	return ((uint64_t)n + 3) & ~3ULL;
}

static int id_in_notes(const uint8_t *p, size_t n, uint8_t id[SG_BUILD_ID_MAX])
{
	Elf64_Nhdr h; /* of 32 bits it is the same */

	while (n >= sizeof(h)) {
		uint64_t name, desc;

		memcpy(&h, p, sizeof(h));
		name = padded(h.n_namesz);
		desc = padded(h.n_descsz);
		if (name + desc > n - sizeof(h))
			return 0;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 &&
		    memcmp(p + sizeof(h), "GNU", 4) == 0 && h.n_descsz &&
		    h.n_descsz <= SG_BUILD_ID_MAX) {
			memcpy(id, p + sizeof(h) + name, h.n_descsz);
			return (int)h.n_descsz;
		}
		p += sizeof(h) + name + desc;
		n -= sizeof(h) + name + desc;
	}
	return 0;
}

int sg_elf_build_id(int fd, uint8_t id[SG_BUILD_ID_MAX])
{
	uint8_t notes[NOTES_MAX];
	struct segment s;
	struct elf e;
	int r = open_elf(&e, fd), n = 0;

	memset(id, 0, SG_BUILD_ID_MAX);
	for (uint32_t i = 0; r == 0 && n == 0 && i < e.phnum; i++) {
		r = read_segment(&e, i, &s);
		if (r < 0 || s.type != PT_NOTE || s.size > sizeof(notes))
			continue;
		if (read_at(&e, s.offset, notes, s.size) == 0)
			n = id_in_notes(notes, s.size, id);
	}
	return r < 0 ? r : n;
}

/* ---- addresses ----------------------------------------------------------------------- */

static void map_wants(const struct segment *s, struct sg_elf_want *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (w[i].mapped || w[i].offset < s->offset || w[i].offset - s->offset >= s->size)
			continue;
		w[i].address = s->address + (w[i].offset - s->offset);
		w[i].mapped = true;
	}
}

int sg_elf_addresses(int fd, struct sg_elf_want *w, size_t n)
{
	struct segment s;
	struct elf e;
	int r = open_elf(&e, fd);

	for (uint32_t i = 0; r == 0 && i < e.phnum; i++) {
		r = read_segment(&e, i, &s);
		if (r == 0 && s.type == PT_LOAD)
			map_wants(&s, w, n);
	}
	return r;
}

/* ---- symbols ------------------------------------------------------------------------- */

struct symbol {
	uint64_t address, size, name;
	bool sized, global;
};

/* False: it is not a function of this file. */
static bool read_symbol(const struct elf *e, const uint8_t *p, struct symbol *s)
{
	Elf64_Sym wide;
	Elf32_Sym narrow;
	unsigned char info;
	uint16_t section;

	if (e->wide) {
		memcpy(&wide, p, sizeof(wide));
		*s = (struct symbol){
			.address = wide.st_value, .size = wide.st_size, .name = wide.st_name};
		info = wide.st_info;
		section = wide.st_shndx;
	} else {
		memcpy(&narrow, p, sizeof(narrow));
		*s = (struct symbol){
			.address = narrow.st_value, .size = narrow.st_size, .name = narrow.st_name};
		info = narrow.st_info;
		section = narrow.st_shndx;
	}
	s->sized = s->size > 0;
	s->global = ELF64_ST_BIND(info) != STB_LOCAL;
	if (!s->sized)
		s->size = NO_SIZE;
	return section != SHN_UNDEF &&
	       (ELF64_ST_TYPE(info) == STT_FUNC || ELF64_ST_TYPE(info) == STT_GNU_IFUNC);
}

/* The first want at or after the address. */
static size_t first_want(const struct sg_elf_want *w, size_t n, uint64_t address)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Of several functions at a place one that says its size wins, then the one that starts last. */
static void offer(struct sg_elf_want *w, const struct symbol *s)
{
	uint8_t rank = (uint8_t)(1 + 2 * s->sized + s->global);
	bool closer = s->address > w->start || (s->address == w->start && rank > w->rank);

	if (!w->mapped || w->name[0])
		return;
	if (w->rank && s->sized != (w->rank > 2)) {
		if (!s->sized)
			return;
	} else if (w->rank && !closer) {
		return;
	}
	w->rank = rank;
	w->start = s->address;
	w->end = s->address + s->size;
	w->name_at = s->name;
}

static void offer_all(struct sg_elf_want *w, size_t n, const struct symbol *s)
{
	for (size_t i = first_want(w, n, s->address); i < n; i++) {
		if (w[i].address - s->address >= s->size)
			break;
		offer(&w[i], s);
	}
}

static int scan_table(const struct elf *e, const struct section *t, struct sg_elf_want *w, size_t n)
{
	size_t one = e->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t count = SG_MIN(t->size / one, (uint64_t)SYMBOLS_MAX), done = 0;
	uint8_t buf[CHUNK];
	struct symbol s;

	if (t->entry != one)
		return -EBADMSG;
	while (done < count) {
		size_t part = (size_t)SG_MIN(count - done, CHUNK / one);
		int r = read_at(e, t->offset + done * one, buf, part * one);

		if (r < 0)
			return r;
		for (size_t i = 0; i < part; i++)
			if (read_symbol(e, buf + i * one, &s))
				offer_all(w, n, &s);
		done += part;
	}
	return 0;
}

static void read_name(const struct elf *e, const struct section *strings, struct sg_elf_want *w)
{
	char text[4 * SG_FRAME_NAME_MAX], *at;
	uint64_t left;
	size_t n;

	w->rank = 0;
	if (w->name_at >= strings->size || strings->offset > UINT64_MAX - strings->size)
		return;
	left = SG_MIN(strings->size - w->name_at, sizeof(text));
	if (read_at(e, strings->offset + w->name_at, text, left) < 0 || !text[0])
		return;
	/* Without the version that a linker puts behind it: "name@GLIBC_2.2.5". */
	n = strnlen(text, left);
	at = memchr(text + 1, '@', n ? n - 1 : 0);
	sg_frame_name_clean(text, at ? (size_t)(at - text) : n, w->name);
}

static int find_section(const struct elf *e, uint32_t type, struct section *s)
{
	for (uint32_t i = 1; i < e->shnum; i++) {
		int r = read_section(e, i, s);

		if (r < 0)
			return r;
		if (s->type == type)
			return 1;
	}
	return 0;
}

int sg_elf_symbols(int fd, bool dynamic, struct sg_elf_want *w, size_t n)
{
	struct section table = {0}, strings = {0};
	struct elf e;
	int r = open_elf(&e, fd), found = 0;

	if (r == 0)
		found = r = find_section(&e, dynamic ? SHT_DYNSYM : SHT_SYMTAB, &table);
	if (found > 0)
		r = read_section(&e, table.link, &strings);
	if (r == 0 && found > 0 && strings.type != SHT_STRTAB)
		r = -EBADMSG;
	if (r == 0 && found > 0)
		r = scan_table(&e, &table, w, n);
	for (size_t i = 0; found > 0 && r == 0 && i < n; i++)
		if (w[i].rank)
			read_name(&e, &strings, &w[i]);
	return r < 0 ? r : found;
}

/* ---- the name of a file of symbols --------------------------------------------------- */

static int is_debuglink(const struct elf *e, const struct section *names, const struct section *s)
{
	static const char want[] = ".gnu_debuglink";
	char name[sizeof(want)];

	if (s->type != SHT_PROGBITS || s->name >= names->size ||
	    sizeof(want) > names->size - s->name || names->offset > UINT64_MAX - names->size)
		return 0;
	return read_at(e, names->offset + s->name, name, sizeof(name)) == 0 &&
	       memcmp(name, want, sizeof(want)) == 0;
}

int sg_elf_debuglink(int fd, char name[SG_DEBUGLINK_MAX])
{
	struct section names, s;
	struct elf e;
	int r = open_elf(&e, fd);

	if (r == 0)
		r = read_section(&e, e.shstrndx, &names);
	for (uint32_t i = 1; r == 0 && i < e.shnum; i++) {
		size_t n;

		r = read_section(&e, i, &s);
		if (r < 0 || !is_debuglink(&e, &names, &s))
			continue;
		n = SG_MIN(s.size, (uint64_t)SG_DEBUGLINK_MAX);
		r = read_at(&e, s.offset, name, n);
		if (r == 0 &&
		    (!memchr(name, '\0', n) || !name[0] || strchr(name, '/') || name[0] == '.'))
			r = -EBADMSG;
		return r < 0 ? r : 1;
	}
	return r;
}
