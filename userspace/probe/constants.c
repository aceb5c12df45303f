// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <string.h>

#include "constants.h"

#define FIELDS (sizeof(struct sg_bpf_config) / sizeof(__u32))
_Static_assert(sizeof(struct sg_bpf_config) % sizeof(__u32) == 0, "fields are 32 bits wide");

static void set_in_code(struct bpf_insn *i, size_t n, const __u32 *values)
{
	for (size_t k = 0; k < n; k++) {
		__u32 field = (__u32)i[k].imm - SG_CONFIG_PLACEHOLDER;

		if (i[k].code == (BPF_LD | BPF_IMM | BPF_DW))
			k++; /* its second half is no instruction */
		else if (i[k].code == (BPF_ALU64 | BPF_MOV | BPF_K) && field < FIELDS)
			i[k].imm = (__s32)values[field];
	}
}

/* The code of a section as it lies in the file; none in other sections. */
static size_t code_of(const Elf64_Shdr *h, size_t file)
{
	if (!h || h->sh_type != SHT_PROGBITS || !(h->sh_flags & SHF_EXECINSTR) ||
	    h->sh_offset > file || h->sh_size > file - h->sh_offset)
		return 0;
	return h->sh_size / sizeof(struct bpf_insn);
}

int sg_constants_set(void *object, size_t n, const struct sg_bpf_config *cfg)
{
	__u32 values[FIELDS];
	Elf_Scn *section = NULL;
	Elf *elf;

	memcpy(values, cfg, sizeof(values));
	elf_version(EV_CURRENT);
	elf = elf_memory(object, n);
	if (!elf || !elf64_getehdr(elf)) {
		elf_end(elf);
		return -EINVAL;
	}
	while ((section = elf_nextscn(elf, section))) {
		const Elf64_Shdr *h = elf64_getshdr(section);
		size_t code = code_of(h, n);

		if (code)
			set_in_code((void *)((char *)object + h->sh_offset), code, values);
	}
	elf_end(elf);
	return 0;
}
