/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of code that a program made while it ran, from the file that it says them in:
 * lines of START SIZE NAME, numbers in hexadecimal. Of the same place the last line
 * holds. The file is the program's own and is written while it is read.
 */
#ifndef SG_PROBE_PERF_MAP_H
#define SG_PROBE_PERF_MAP_H

#include "elf_symbols.h"

#define SG_PERF_MAP_MAX (64u << 20) /* bytes that are read */

/* Names each want by its address; they must ascend by it. 0 or -errno. */
int sg_perf_map_symbols(int fd, struct sg_elf_want *w, size_t n);

#endif
