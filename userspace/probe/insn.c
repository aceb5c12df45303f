// SPDX-License-Identifier: GPL-2.0
/*
 * An instruction is prefixes, an opcode of one of three maps, for most an operand byte
 * (ModRM) with what that asks for, and an immediate. Its length follows from tables
 * of which opcode has what; Intel's manual, volume 2, appendix A.
 */
#include "insn.h"

#define INSN_MAX 15

enum has {
	NONE,
	M, /* an operand byte */
	B, /* an immediate of a byte, */
	W, /* of two, */
	Z, /* of four, or two with the operand size prefix, */
	D, /* of four, */
	V, /* of an operand: eight with REX.W, */
	A, /* of an address */
	MB,
	MZ,
	WB, /* enter */
	G3B, /* test has an immediate, its group does not */
	G3Z,
	XX, /* not in 64-bit mode */
};

#define R4(x) x, x, x, x
#define R8(x) R4(x), R4(x)
#define R16(x) R8(x), R8(x)
#define ALU R4(M), B, Z

static const uint8_t one_byte[256] = {
	/* 00 */ ALU,
	XX,
	XX,
	ALU,
	XX,
	XX,
	/* 10 */ ALU,
	XX,
	XX,
	ALU,
	XX,
	XX,
	/* 20 */ ALU,
	XX,
	XX,
	ALU,
	XX,
	XX,
	/* 30 */ ALU,
	XX,
	XX,
	ALU,
	XX,
	XX,
	/* 40 */ R16(XX), /* REX */
	/* 50 */ R16(NONE),
	/* 60 */ XX,
	XX,
	XX,
	M,
	XX,
	XX,
	XX,
	XX,
	Z,
	MZ,
	B,
	MB,
	R4(NONE),
	/* 70 */ R16(B),
	/* 80 */ MB,
	MZ,
	XX,
	MB,
	R4(M),
	R8(M),
	/* 90 */ R8(NONE),
	NONE,
	NONE,
	XX,
	NONE,
	R4(NONE),
	/* a0 */ R4(A),
	R4(NONE),
	B,
	Z,
	NONE,
	NONE,
	R4(NONE),
	/* b0 */ R8(B),
	R8(V),
	/* c0 */ MB,
	MB,
	W,
	NONE,
	XX,
	XX,
	MB,
	MZ,
	WB,
	NONE,
	W,
	NONE,
	NONE,
	B,
	XX,
	NONE,
	/* d0 */ R4(M),
	XX,
	XX,
	XX,
	NONE,
	R8(M),
	/* e0 */ R4(B),
	R4(B),
	D,
	D,
	XX,
	B,
	R4(NONE),
	/* f0 */ XX,
	NONE,
	XX,
	XX,
	NONE,
	NONE,
	G3B,
	G3Z,
	R4(NONE),
	NONE,
	NONE,
	M,
	M,
};

/* Behind 0f. */
static const uint8_t two_byte[256] = {
	/* 00 */ R4(M),
	XX,
	NONE,
	NONE,
	NONE,
	NONE,
	NONE,
	XX,
	NONE,
	XX,
	M,
	NONE,
	MB,
	/* 10 */ R16(M),
	/* 20 */ R4(M),
	R4(XX),
	R8(M),
	/* 30 */ R8(NONE),
	R8(XX),
	/* 40 */ R16(M),
	/* 50 */ R16(M),
	/* 60 */ R16(M),
	/* 70 */ R4(MB),
	M,
	M,
	M,
	NONE,
	M,
	M,
	XX,
	XX,
	R4(M),
	/* 80 */ R16(D),
	/* 90 */ R16(M),
	/* a0 */ NONE,
	NONE,
	NONE,
	M,
	MB,
	M,
	M,
	M,
	NONE,
	NONE,
	NONE,
	M,
	MB,
	M,
	M,
	M,
	/* b0 */ R8(M),
	M,
	M,
	MB,
	M,
	R4(M),
	/* c0 */ M,
	M,
	MB,
	M,
	MB,
	MB,
	MB,
	M,
	R8(NONE),
	/* d0 */ R16(M),
	/* e0 */ R16(M),
	/* f0 */ R16(M),
};

struct insn {
	const uint8_t *p;
	size_t n, at;
	bool small; /* operands of 16 bits */
	bool wide; /* REX.W */
	bool short_address;
};

static int byte_of(struct insn *i)
{
	return i->at < i->n && i->at < INSN_MAX ? i->p[i->at++] : -1;
}

static int take_prefixes(struct insn *i)
{
	for (;;) {
		int b = byte_of(i);

		switch (b) {
		case 0x66: i->small = true; continue;
		case 0x67: i->short_address = true; continue;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0xf0:
		case 0xf2:
		case 0xf3: continue;
		}
		if (b < 0x40 || b > 0x4f)
			return b;
		i->wide = b & 8;
		b = byte_of(i);
		return b >= 0x40 && b <= 0x4f ? -1 : b;
	}
}

/* ModRM, SIB and displacement; the field reg, or -1. */
static int take_operand(struct insn *i)
{
	int modrm = byte_of(i), mod = modrm >> 6, rm = modrm & 7, sib = 0;

	if (modrm < 0)
		return -1;
	if (mod == 3)
		return modrm >> 3 & 7;
	if (rm == 4)
		sib = byte_of(i);
	if (sib < 0)
		return -1;
	if (mod == 1)
		i->at += 1;
	else if (mod == 2 || rm == 5 || (rm == 4 && (sib & 7) == 5))
		i->at += 4;
	return modrm >> 3 & 7;
}

static bool finish(struct insn *i, enum has what)
{
	size_t z = i->small && !i->wide ? 2 : 4;
	int reg = 0;

	if (what == M || what == MB || what == MZ || what == G3B || what == G3Z)
		reg = take_operand(i);
	if (reg < 0)
		return false;
	switch (what) {
	case NONE:
	case M: break;
	case B:
	case MB: i->at += 1; break;
	case W: i->at += 2; break;
	case WB: i->at += 3; break;
	case D: i->at += 4; break;
	case Z:
	case MZ: i->at += z; break;
	case V: i->at += i->wide ? 8 : z; break;
	case A: i->at += i->short_address ? 4 : 8; break;
	case G3B: i->at += reg < 2 ? 1 : 0; break;
	case G3Z: i->at += reg < 2 ? z : 0; break;
	case XX: return false;
	}
	return i->at <= i->n && i->at <= INSN_MAX;
}

/* Opcodes behind 0f 38 all have an operand, those behind 0f 3a an immediate too. */
static bool in_map(struct insn *i, int map, bool vector)
{
	int op = byte_of(i);

	if (op < 0)
		return false;
	if (map == 3)
		return finish(i, MB);
	if (map != 1)
		return finish(i, M);
	if (vector)
		return finish(i, two_byte[op] == MB ? MB : op == 0x77 ? NONE : M);
	return finish(i, two_byte[op]);
}

static bool take_two_byte(struct insn *i)
{
	int op = byte_of(i);

	if (op == 0x38 || op == 0x3a)
		return in_map(i, op == 0x38 ? 2 : 3, false);
	return op >= 0 && finish(i, two_byte[op]);
}

/* VEX and EVEX: prefixes, REX and the map in two, three or four bytes. */
static bool take_vector(struct insn *i, int first)
{
	int payload = byte_of(i), map = first == 0xc5 ? 1 : payload & (first == 0x62 ? 7 : 0x1f);

	if (payload < 0 || map < 1 || map > 6)
		return false;
	i->at += first == 0x62 ? 2 : first == 0xc4;
	return in_map(i, map, true);
}

size_t sg_insn_length(const uint8_t *p, size_t n, bool *returns)
{
	struct insn i = {.p = p, .n = n};
	int op = take_prefixes(&i);
	bool ok;

	*returns = op == 0xc3 || op == 0xc2;
	if (op < 0)
		return 0;
	if (op == 0x0f)
		ok = take_two_byte(&i);
	else if (op == 0xc4 || op == 0xc5 || op == 0x62)
		ok = take_vector(&i, op);
	else
		ok = finish(&i, one_byte[op]);
	return ok ? i.at : 0;
}
