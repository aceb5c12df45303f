/* SPDX-License-Identifier: GPL-2.0 */
/* What the parser hands to the compiler, and the compiler to the matcher. */
#ifndef SGPROBE_MODEL_REGEX_PROG_H
#define SGPROBE_MODEL_REGEX_PROG_H

#include <stdint.h>

#include "regex.h"

#define RE_CP_MAX 0x10ffffU
#define RE_NO_MAX UINT32_MAX

struct re_range {
	uint32_t lo, hi;
};

/* Characters: those in one of the ranges, or, negated, in none. */
struct re_set {
	struct re_range *ranges;
	uint16_t n;
	bool negated;
};

enum re_kind { RE_EMPTY, RE_SET, RE_BEGIN, RE_END, RE_CAT, RE_ALT, RE_REPEAT };

struct re_node {
	enum re_kind kind;
	uint32_t min, max; /* REPEAT; RE_NO_MAX: no upper end */
	const struct re_set *set;
	struct re_node *a, *b; /* operands: CAT, ALT both, REPEAT only a */
};

enum re_op { OP_SET, OP_BEGIN, OP_END, OP_JUMP, OP_SPLIT, OP_MATCH };

struct re_inst {
	enum re_op op;
	uint16_t x, y; /* JUMP: to x; SPLIT: to x and to y; others go on to the next */
	const struct re_set *set;
};

/* The syntax tree of the pattern, in the arena. -EINVAL, -ENOMEM. */
int re_parse(const char *pattern, struct sg_arena *arena, struct re_node **ret,
	     struct sg_error *err);

#endif
