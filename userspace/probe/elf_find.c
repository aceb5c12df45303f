// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/mem.h>

#include "elf_find.h"
#include "insn.h"

#define SECTIONS_MAX 4096u
#define SEGMENTS_MAX 1024u
#define SYMBOLS_MAX (4u << 20)
#define FUNCTION_MAX (1u << 20) /* bytes of code that are searched for returns */
#define NAME_LEN_MAX 1024u
#define NEAR_MAX 3
#define NOTES_MAX 100000u
#define GO_OLDEST 18 /* go1.18: arguments in registers, and the version is where it is read here */

struct file {
	const uint8_t *p;
	size_t n;
	const char *name;
	Elf64_Ehdr head;
	struct sg_found *found;
};

/* Bytes of the file; NULL: not all of them are there. */
static const void *at(const struct file *f, uint64_t off, uint64_t len)
{
	return off <= f->n && len <= f->n - off ? f->p + off : NULL;
}

static bool copy(const struct file *f, uint64_t off, void *to, size_t len)
{
	const void *p = at(f, off, len);

	if (p)
		memcpy(to, p, len);
	return p;
}

/* A string that ends within its section; NULL: it does not. */
static const char *string_at(const struct file *f, const Elf64_Shdr *table, uint64_t off)
{
	const char *all = at(f, table->sh_offset, table->sh_size);

	if (!all || off >= table->sh_size ||
	    !memchr(all + off, 0, SG_MIN(table->sh_size - off, (uint64_t)NAME_LEN_MAX)))
		return NULL;
	return all + off;
}

static void refuse(struct file *f, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void refuse(struct file *f, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->found->message, sizeof(f->found->message), fmt, ap);
	va_end(ap);
	f->found->r = r;
}

/* ---- sections and segments -------------------------------------------------------------- */

static bool read_head(struct file *f)
{
	const Elf64_Ehdr *h = &f->head;

	if (!copy(f, 0, &f->head, sizeof(f->head)) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0) {
		refuse(f, -ENOEXEC,
		       "%s is not an ELF file; name the program or library itself, not a script",
		       f->name);
		return false;
	}
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != SG_ELF_MACHINE) {
		refuse(f, -ENOEXEC,
		       "%s is built for another kind of processor than this machine's 64-bit one",
		       f->name);
		return false;
	}
	return true;
}

static unsigned int section_count(const struct file *f)
{
	Elf64_Shdr first;

	if (f->head.e_shnum || !f->head.e_shoff || !copy(f, f->head.e_shoff, &first, sizeof(first)))
		return SG_MIN(f->head.e_shnum, SECTIONS_MAX);
	return (unsigned int)SG_MIN(first.sh_size, (uint64_t)SECTIONS_MAX);
}

static bool section(const struct file *f, unsigned int i, Elf64_Shdr *s)
{
	return i < section_count(f) && f->head.e_shentsize == sizeof(*s) &&
	       copy(f, f->head.e_shoff + (uint64_t)i * sizeof(*s), s, sizeof(*s));
}

static bool section_called(const struct file *f, const char *name, Elf64_Shdr *s)
{
	Elf64_Shdr names;

	if (!section(f, f->head.e_shstrndx, &names))
		return false;
	for (unsigned int i = 1; section(f, i, s); i++) {
		const char *is = string_at(f, &names, s->sh_name);

		if (is && strcmp(is, name) == 0)
			return true;
	}
	return false;
}

static bool section_of_type(const struct file *f, uint32_t type, Elf64_Shdr *s)
{
	for (unsigned int i = 1; section(f, i, s); i++)
		if (s->sh_type == type)
			return true;
	return false;
}

/* From an address to an offset in the file, in a segment with these flags. 0: there is none. */
static uint64_t offset_of(const struct file *f, uint64_t address, uint32_t flags)
{
	unsigned int n = SG_MIN(f->head.e_phnum, SEGMENTS_MAX);

	for (unsigned int i = 0; i < n && f->head.e_phentsize == sizeof(Elf64_Phdr); i++) {
		Elf64_Phdr p;

		if (!copy(f, f->head.e_phoff + (uint64_t)i * sizeof(p), &p, sizeof(p)))
			return 0;
		if (p.p_type == PT_LOAD && (p.p_flags & flags) == flags && address >= p.p_vaddr &&
		    address - p.p_vaddr < p.p_filesz && p.p_offset <= f->n &&
		    address - p.p_vaddr < f->n - p.p_offset)
			return address - p.p_vaddr + p.p_offset;
	}
	return 0;
}

/* ---- symbols -------------------------------------------------------------------------------- */

struct table {
	Elf64_Shdr symbols, names, versions;
	bool versioned;
	uint64_t n;
};

static bool open_table(const struct file *f, uint32_t type, struct table *t)
{
	if (!section_of_type(f, type, &t->symbols) || t->symbols.sh_entsize != sizeof(Elf64_Sym) ||
	    !section(f, t->symbols.sh_link, &t->names))
		return false;
	t->n = SG_MIN(t->symbols.sh_size / sizeof(Elf64_Sym), (uint64_t)SYMBOLS_MAX);
	t->versioned = type == SHT_DYNSYM && section_of_type(f, SHT_GNU_versym, &t->versions);
	return true;
}

/* The name of a function that is in this file; NULL: the symbol is something else. */
static const char *function_name(const struct file *f, const struct table *t, uint64_t i,
				 Elf64_Sym *s)
{
	unsigned int type;

	if (!copy(f, t->symbols.sh_offset + i * sizeof(*s), s, sizeof(*s)))
		return NULL;
	type = ELF64_ST_TYPE(s->st_info);
	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || s->st_shndx == SHN_UNDEF)
		return NULL;
	return string_at(f, &t->names, s->st_name);
}

/* A name may have several versions, of which new programs get one. */
static bool is_hidden(const struct file *f, const struct table *t, uint64_t i)
{
	uint16_t v = 0;

	return t->versioned && copy(f, t->versions.sh_offset + i * sizeof(v), &v, sizeof(v)) &&
	       v & 0x8000;
}

struct match {
	Elf64_Sym sym;
	unsigned int n; /* different places of that name */
	bool hidden;
};

static void consider(struct match *m, const Elf64_Sym *s, bool hidden)
{
	if (m->n && m->sym.st_value == s->st_value) {
		m->hidden &= hidden;
		return;
	}
	if (m->n && m->hidden != hidden) {
		if (hidden)
			return;
		m->n = 0;
	}
	if (!m->n) {
		m->sym = *s;
		m->hidden = hidden;
	}
	m->n++;
}

static void search(const struct file *f, const struct table *t, const char *name, struct match *m)
{
	for (uint64_t i = 1; i < t->n; i++) {
		Elf64_Sym s;
		const char *is = function_name(f, t, i, &s);

		if (is && strcmp(is, name) == 0)
			consider(m, &s, is_hidden(f, t, i));
	}
}

/* The names that come nearest to the one that is not there. */
struct near {
	const char *wanted;
	const char *name[NEAR_MAX];
	unsigned int distance[NEAR_MAX];
};

static unsigned int distance_of(const char *wanted, const char *name)
{
	size_t a = strlen(wanted), b = strlen(name);

	if (strstr(name, wanted) && a >= 3)
		return 1 + (unsigned int)(b > a + 30);
	if (a > b + 3 || b > a + 3 || a < 3 || *wanted != *name)
		return UINT32_MAX;
	return sg_distance(wanted, name);
}

static void keep_near(struct near *n, const char *name)
{
	unsigned int d = distance_of(n->wanted, name),
		     most = (unsigned int)SG_MIN(strlen(n->wanted) / 3 + 1, (size_t)4);
	int at = NEAR_MAX;

	for (int i = 0; i < NEAR_MAX && n->name[i]; i++)
		if (strcmp(n->name[i], name) == 0)
			return;
	while (at > 0 && (!n->name[at - 1] || d < n->distance[at - 1]))
		at--;
	if (d > most || at == NEAR_MAX)
		return;
	for (int i = NEAR_MAX - 1; i > at; i--) {
		n->name[i] = n->name[i - 1];
		n->distance[i] = n->distance[i - 1];
	}
	n->name[at] = name;
	n->distance[at] = d;
}

static void look_near(const struct file *f, const struct table *t, struct near *n)
{
	for (uint64_t i = 1; i < t->n; i++) {
		Elf64_Sym s;
		const char *is = function_name(f, t, i, &s);

		if (is && strlen(is) < 100)
			keep_near(n, is);
	}
}

static void say_near(const struct near *n, char *out, size_t size)
{
	size_t len = 0;

	*out = 0;
	for (int i = 0; i < NEAR_MAX && n->name[i] && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "; did you mean ",
					n->name[i]);
	if (len && len + 1 < size)
		strcpy(out + len, "?");
}

static void no_such_function(struct file *f, const char *name, const struct table *tables,
			     unsigned int n, bool stripped)
{
	struct near near = {.wanted = name};
	char text[330];

	for (unsigned int i = 0; i < n; i++)
		look_near(f, &tables[i], &near);
	say_near(&near, text, sizeof(text));
	if (stripped)
		refuse(f, -ENOENT,
		       "%s has no symbol table (it is stripped), and exports no %s; name a program "
		       "that is not stripped, or an exported function%.150s",
		       f->name, name, text);
	else
		refuse(f, -ENOENT, "%s has no function %s%.250s", f->name, name, text);
}

/* The function's symbol; false: refused. */
static bool find_function(struct file *f, const char *name, Elf64_Sym *ret)
{
	struct table tables[2];
	struct match m = {0};
	unsigned int n = 0;
	bool stripped = true;

	if (open_table(f, SHT_SYMTAB, &tables[n])) {
		stripped = false;
		search(f, &tables[n++], name, &m);
	}
	if (open_table(f, SHT_DYNSYM, &tables[n]))
		n++;
	if (n && !m.n)
		search(f, &tables[n - 1], name, &m);
	*ret = m.sym;
	if (m.n == 1)
		return true;
	if (!m.n)
		no_such_function(f, name, tables, n, stripped);
	else
		refuse(f, -EEXIST,
		       "%s has %u different functions %s, and which one is meant cannot be told; "
		       "name one that is there once",
		       f->name, m.n, name);
	return false;
}

/* ---- Go ------------------------------------------------------------------------------------------ */

static bool is_go(const struct file *f)
{
	Elf64_Shdr s;

	return section_called(f, ".go.buildinfo", &s) || section_called(f, ".gopclntab", &s) ||
	       section_called(f, ".note.go.buildid", &s);
}

/* 19 of "go1.19.8"; 0: it does not say. */
static unsigned int go_version(const struct file *f)
{
	char head[64] = "", text[16] = "";
	unsigned int minor = 0;
	Elf64_Shdr s;

	if (!section_called(f, ".go.buildinfo", &s) || s.sh_size < sizeof(head) ||
	    !copy(f, s.sh_offset, head, sizeof(head)) ||
	    memcmp(head, "\xff Go buildinf:", 14) != 0 || !(head[15] & 2))
		return 0;
	memcpy(text, head + 33, sizeof(text) - 1);
	return sscanf(text, "go1.%u", &minor) == 1 ? minor : 0;
}

/* False: the code is not understood, or has too many of them. */
static bool find_returns(struct file *f, uint64_t off, uint64_t size)
{
	const uint8_t *code = size && size <= FUNCTION_MAX ? at(f, off, size) : NULL;
	struct sg_found *found = f->found;

	for (uint64_t i = 0; code && i < size;) {
		bool returns;
		size_t n = sg_insn_length(code + i, size - i, &returns);

		if (!n || (returns && found->n_returns == SG_SITES_MAX - 1))
			return false;
		if (returns)
			found->returns[found->n_returns++] = off + i;
		i += n;
	}
	return found->n_returns;
}

/* The kernel's own way to see a return moves return addresses, which Go's runtime reads. */
static void time_go(struct file *f, uint64_t off, uint64_t size)
{
	unsigned int version = go_version(f);
	const char *why = NULL;

#ifndef __x86_64__
	why = "on this processor sgprobe cannot see where a Go function returns";
#endif
	if (!why && version < GO_OLDEST)
		why = "it is not known to be built by Go 1.18 or newer";
	if (!why && !find_returns(f, off, size))
		why = "where the function returns cannot be told from its code";
	if (!why)
		return;
	f->found->n_returns = 0;
	f->found->timed = false;
	snprintf(f->found->message, sizeof(f->found->message),
		 "calls are counted but not timed: %s is a Go program, and %s", f->name, why);
}

/* Go 1.17 and newer pass numbers in these. */
static int go_argument_register(unsigned int i)
{
	static const uint16_t x86[] = {80, 40, 88, 112, 104, 72};

#ifndef __x86_64__
	return i >= 1 && i <= 6 ? (int)(i - 1) * 8 : -1;
#endif
	return i >= 1 && i <= ARRAY_SIZE(x86) ? x86[i - 1] : -1;
}

int sg_argument_register(unsigned int i)
{
	static const uint16_t x86[] = {112, 104, 96, 88, 72, 64}; /* di si dx cx r8 r9 */

#ifndef __x86_64__
	return i >= 1 && i <= 8 ? (int)(i - 1) * 8 : -1;
#endif
	return i >= 1 && i <= ARRAY_SIZE(x86) ? x86[i - 1] : -1;
}

static bool place_argument(struct file *f, const struct sg_named *probe)
{
	int reg =
		f->found->go ? go_argument_register(probe->arg) : sg_argument_register(probe->arg);

	if (!probe->arg)
		return true;
	if (f->found->go && (probe->text || go_version(f) < GO_OLDEST)) {
		refuse(f, -EOPNOTSUPP,
		       "of a function of a Go program only numbers can be told apart, and only "
		       "when Go 1.18 or newer built it; leave --by-arg out");
		return false;
	}
	if (reg < 0) {
		refuse(f, -EINVAL,
		       "a function has no argument %u that can be read; the first six can",
		       probe->arg);
		return false;
	}
	f->found->arg = (struct sg_place){
		.place = SG_NAMED_REGISTER, .size = 8, .is_signed = true, .reg = (uint16_t)reg};
	return true;
}

static void find_uprobe(struct file *f, const char *name, const struct sg_named *probe)
{
	Elf64_Sym s;
	uint64_t off;

	if (!find_function(f, name, &s))
		return;
	if (ELF64_ST_TYPE(s.st_info) == STT_GNU_IFUNC) {
		refuse(f, -EOPNOTSUPP,
		       "%s of %s is not code: the loader chooses one of several functions for this "
		       "processor; name the one that it chooses",
		       name, f->name);
		return;
	}
	off = offset_of(f, s.st_value, PF_X);
	if (!off) {
		refuse(f, -ENOEXEC, "%s is damaged: %s is not in its code", f->name, name);
		return;
	}
	f->found->go = is_go(f);
	if (!place_argument(f, probe))
		return;
	f->found->sites[f->found->n++] = off;
	f->found->timed = !probe->untimed;
	if (f->found->go && f->found->timed)
		time_go(f, off, s.st_size);
}

/* ---- static probes -------------------------------------------------------------------------------- */

struct note {
	uint64_t pc, base, semaphore;
	const char *provider, *name, *args;
};

static bool read_note(const uint8_t *d, size_t n, struct note *ret)
{
	const char *p = (const char *)d + 24, *end = (const char *)d + n;
	const char **parts[] = {&ret->provider, &ret->name, &ret->args};

	if (n < 24 + 3)
		return false;
	memcpy(ret, d, 24);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *nul = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;

		if (!nul)
			return false;
		*parts[i] = p;
		p = nul + 1;
	}
	return true;
}

/* Registers of x86-64 by the letters behind "r" and "e", with their offset in pt_regs. */
static const struct reg {
	const char *names[4]; /* of 8, 4, 2 and 1 bytes */
	uint16_t off;
} regs[] = {
	{{"rax", "eax", "ax", "al"}, 80},      {{"rbx", "ebx", "bx", "bl"}, 40},
	{{"rcx", "ecx", "cx", "cl"}, 88},      {{"rdx", "edx", "dx", "dl"}, 96},
	{{"rsi", "esi", "si", "sil"}, 104},    {{"rdi", "edi", "di", "dil"}, 112},
	{{"rbp", "ebp", "bp", "bpl"}, 32},     {{"rsp", "esp", "sp", "spl"}, 152},
	{{"r8", "r8d", "r8w", "r8b"}, 72},     {{"r9", "r9d", "r9w", "r9b"}, 64},
	{{"r10", "r10d", "r10w", "r10b"}, 56}, {{"r11", "r11d", "r11w", "r11b"}, 48},
	{{"r12", "r12d", "r12w", "r12b"}, 24}, {{"r13", "r13d", "r13w", "r13b"}, 16},
	{{"r14", "r14d", "r14w", "r14b"}, 8},  {{"r15", "r15d", "r15w", "r15b"}, 0},
};

static int register_of(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		for (size_t j = 0; j < ARRAY_SIZE(regs[i].names); j++)
			if (strlen(regs[i].names[j]) == n && memcmp(regs[i].names[j], name, n) == 0)
				return regs[i].off;
	return -1;
}

/* "%rax", "$5", "-8(%rbp)" */
static bool parse_operand(const char *s, size_t n, struct sg_place *ret)
{
	char text[64];
	char *rest;
	int reg;

	if (!n || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	ret->off = strtoll(text + (*text == '$'), &rest, 0);
	if (*text == '$') {
		ret->place = SG_NAMED_CONSTANT;
		return !*rest && n > 1;
	}
	ret->place = *text == '%' ? SG_NAMED_REGISTER : SG_NAMED_MEMORY;
	if (ret->place == SG_NAMED_MEMORY) {
		size_t len = strlen(rest);

		if (len < 4 || rest[0] != '(' || rest[1] != '%' || rest[len - 1] != ')')
			return false;
		reg = register_of(rest + 2, len - 3);
	} else {
		reg = register_of(text + 1, n - 1);
	}
	ret->reg = (uint16_t)reg;
	return reg >= 0;
}

/* "-4@%eax": four bytes, signed. */
static bool parse_one(const char *s, size_t n, struct sg_place *ret)
{
	const char *sign = memchr(s, '@', n);
	long size = strtol(s, NULL, 10);

	if (!sign)
		return false;
	*ret = (struct sg_place){.is_signed = size < 0, .size = (uint8_t)labs(size)};
	if (size != 1 && size != 2 && size != 4 && size != 8 && size != -1 && size != -2 &&
	    size != -4 && size != -8)
		return false;
	return parse_operand(sign + 1, n - (size_t)(sign + 1 - s), ret);
}

static bool parse_argument(const char *args, unsigned int want, struct sg_place *ret)
{
	for (unsigned int i = 1; *args && i <= want; i++) {
		size_t n = strcspn(args, " ");

		if (i == want)
			return parse_one(args, n, ret);
		args += n;
		args += strspn(args, " ");
	}
	return false;
}

struct usdt {
	const struct sg_named_target *t;
	const struct sg_named *probe;
	uint64_t base; /* of .stapsdt.base: the file may have been prelinked */
	uint64_t semaphore_at; /* address */
	struct near near;
	bool any;
	unsigned int notes; /* looked at, of all sections */
};

static bool is_same_place(const struct sg_place *a, const struct sg_place *b)
{
	return a->place == b->place && a->size == b->size && a->is_signed == b->is_signed &&
	       a->reg == b->reg && a->off == b->off;
}

static void add_site(struct file *f, struct usdt *u, const struct note *n)
{
	uint64_t moved = u->base ? u->base - n->base : 0, off = offset_of(f, n->pc + moved, PF_X);
	struct sg_place place = {0};
	struct sg_found *found = f->found;

	if (u->probe->arg && !parse_argument(n->args, u->probe->arg, &place)) {
		refuse(f, -EINVAL,
		       "%s:%s of %s has no argument %u that can be read; its arguments are '%.60s'",
		       u->t->group, u->t->symbol, f->name, u->probe->arg, n->args);
		return;
	}
	if (found->n && !is_same_place(&place, &found->arg)) {
		refuse(f, -EOPNOTSUPP,
		       "%s:%s is at several places of %s, which keep argument %u in different "
		       "places; leave --by-arg out",
		       u->t->group, u->t->symbol, f->name, u->probe->arg);
		return;
	}
	if (!off || found->n == SG_SITES_MAX) {
		refuse(f, off ? -E2BIG : -ENOEXEC,
		       off ? "%s has more than 60 places of this probe"
			   : "%s is damaged: the probe is not in its code",
		       f->name);
		return;
	}
	found->arg = place;
	found->sites[found->n++] = off;
	if (n->semaphore) {
		found->semaphore = offset_of(f, n->semaphore + moved, PF_W);
		if (!found->semaphore)
			refuse(f, -ENOEXEC, "%s is damaged: its probe's semaphore is not in it",
			       f->name);
	}
}

static void see_note(struct file *f, struct usdt *u, const uint8_t *d, size_t n)
{
	struct note note;

	if (!read_note(d, n, &note))
		return;
	u->any = true;
	if (strcmp(note.provider, u->t->group) != 0)
		return;
	if (strcmp(note.name, u->t->symbol) == 0)
		add_site(f, u, &note);
	else if (strlen(note.name) < 100)
		keep_near(&u->near, note.name);
}

static void read_notes(struct file *f, struct usdt *u, const Elf64_Shdr *s)
{
	const uint8_t *p = at(f, s->sh_offset, s->sh_size);
	uint64_t size = s->sh_size, i = 0;

	while (p && u->notes++ < NOTES_MAX && i + sizeof(Elf64_Nhdr) <= size) {
		Elf64_Nhdr h;
		uint64_t name, desc;

		memcpy(&h, p + i, sizeof(h));
		name = i + sizeof(h);
		desc = name + (((uint64_t)h.n_namesz + 3) & ~3ULL);
		if (desc > size || h.n_descsz > size - desc || f->found->r < 0)
			return;
		if (h.n_type == 3 && h.n_namesz == 8 && memcmp(p + name, "stapsdt", 8) == 0)
			see_note(f, u, p + desc, h.n_descsz);
		i = desc + (((uint64_t)h.n_descsz + 3) & ~3ULL);
	}
}

static void find_usdt(struct file *f, const struct sg_named_target *t, const struct sg_named *probe)
{
	struct usdt u = {.t = t, .probe = probe, .near = {.wanted = t->symbol}};
	char text[330];
	Elf64_Shdr s;

#ifndef __x86_64__
	if (probe->arg) {
		refuse(f, -EOPNOTSUPP,
		       "arguments of static probes cannot be read on this processor");
		return;
	}
#endif
	if (section_called(f, ".stapsdt.base", &s))
		u.base = s.sh_addr;
	for (unsigned int i = 1; section(f, i, &s) && f->found->r == 0; i++)
		if (s.sh_type == SHT_NOTE)
			read_notes(f, &u, &s);
	if (f->found->r < 0 || f->found->n)
		return;
	say_near(&u.near, text, sizeof(text));
	refuse(f, -ENOENT,
	       u.any ? "%s has no static probe %s:%s%.200s"
		     : "%s has no static probes at all, so none called %s:%s%.200s",
	       f->name, t->group, t->symbol, text);
}

void sg_elf_find(const void *file, size_t n, const char *name, const struct sg_named_target *t,
		 const struct sg_named *probe, struct sg_found *ret)
{
	struct file f = {.p = file, .n = n, .name = name, .found = ret};

	memset(ret, 0, sizeof(*ret));
	if (!read_head(&f))
		return;
	if (t->kind == SG_NAMED_USDT)
		find_usdt(&f, t, probe);
	else
		find_uprobe(&f, t->symbol, probe);
}
