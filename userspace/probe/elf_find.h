/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where in an ELF file a function or a static probe is. The file is anybody's: every
 * offset and count in it is checked, every loop is bounded. Pure: bytes in, answer out.
 */
#ifndef SG_PROBE_ELF_FIND_H
#define SG_PROBE_ELF_FIND_H

#include <sgprobe/named.h>

#define SG_SITES_MAX 60 /* places of one probe */

/* Where an argument is; see struct sg_named_config. */
struct sg_place {
	uint8_t place, size, is_signed;
	uint16_t reg;
	int64_t off;
};

struct sg_found {
	int32_t r; /* 0, or -errno with a sentence in message */
	uint32_t n, n_returns;
	uint64_t sites[SG_SITES_MAX]; /* offsets in the file: where calls begin, */
	uint64_t returns[SG_SITES_MAX]; /* and, of a Go program, where they end */
	uint64_t semaphore; /* of a static probe: offset in the file; 0: none */
	uint8_t go, timed; /* timed: whether the time of calls can be known */
	struct sg_place arg;
	char message[400]; /* r == 0: "", or what is not possible */
};

/*
 * timed, arg: what is wanted, as in struct sg_named. name: the file's, for sentences.
 * Always fills ret.
 */
void sg_elf_find(const void *file, size_t n, const char *name, const struct sg_named_target *t,
		 const struct sg_named *probe, struct sg_found *ret);

/* The offset of argument i (from 1) of a C function in struct pt_regs; -1: there is none. */
int sg_argument_register(unsigned int i);

/* Offsets in struct pt_regs. */
#if defined(__x86_64__)
#define SG_REG_SP 152
#define SG_REG_GOROUTINE 8 /* r14 */
#define SG_RETURN_POPS 8
#define SG_ELF_MACHINE EM_X86_64
#else
#define SG_REG_SP 248
#define SG_REG_GOROUTINE 224
#define SG_RETURN_POPS 0
#define SG_ELF_MACHINE EM_AARCH64
#endif

#endif
