/* SPDX-License-Identifier: GPL-2.0 */
/* Where the instructions of x86-64 end, to find those that return. */
#ifndef SG_PROBE_INSN_H
#define SG_PROBE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the instruction at p, of which n can be read; 0: none that is known. */
size_t sg_insn_length(const uint8_t *p, size_t n, bool *returns);

#endif
