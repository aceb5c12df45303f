/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of functions from an ELF file of 32 or 64 bits of this machine's byte order.
 * The file may be anybody's and change while it is read: nothing in it is believed,
 * reads go through a buffer of fixed size, and every loop has a bound.
 */
#ifndef SG_PROBE_ELF_SYMBOLS_H
#define SG_PROBE_ELF_SYMBOLS_H

#include <stdbool.h>

#include <sgprobe/profile.h>

#define SG_BUILD_ID_MAX 20
#define SG_DEBUGLINK_MAX 128

/* A place whose function is wanted. */
struct sg_elf_want {
	uint64_t offset; /* in the file */
	uint64_t address; /* the same as the file numbers it; sg_elf_addresses */
	bool mapped; /* address is set */
	uint64_t start, end; /* addresses of the function; sg_elf_symbols */
	char name[SG_FRAME_NAME_MAX + 1]; /* "": not found */
	/* while a table is read */
	uint64_t name_at;
	uint8_t rank;
};

/* 0..20 bytes of the build id: how many; 0: it has none, -errno: no ELF file. */
int sg_elf_build_id(int fd, uint8_t id[SG_BUILD_ID_MAX]);
/* Sets address of each want whose offset is loaded. 0 or -errno. */
int sg_elf_addresses(int fd, struct sg_elf_want *w, size_t n);
/*
 * Names what has an address and no name yet, by .symtab or, with dynamic, .dynsym.
 * Wants must ascend by address. 1: there is such a table; 0: there is none; -errno.
 */
int sg_elf_symbols(int fd, bool dynamic, struct sg_elf_want *w, size_t n);
/* .gnu_debuglink: 1, 0 there is none, -errno. Never a path. */
int sg_elf_debuglink(int fd, char name[SG_DEBUGLINK_MAX]);

#endif
