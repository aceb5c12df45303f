/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes of frames: the header's layout, varints, numbers. docs/ARCHITECTURE.md, "The frame". */
#ifndef SGPROBE_MODEL_WIRE_H
#define SGPROBE_MODEL_WIRE_H

#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WIRE_MAGIC 0x31464753U /* "SGF1" */
enum wire_offset { /* all numbers little-endian */
		   WIRE_VERSION = 4, /* u16 */
		   WIRE_HEADER_LEN = 6, /* u16 */
		   WIRE_TOTAL_LEN = 8, /* u32 */
		   WIRE_CRC = 12, /* u32, of every byte but these four */
		   WIRE_FLAGS = 16, /* u32 */
		   WIRE_SOURCE = 20, /* u32 */
		   WIRE_SESSION = 24, /* u64 */
		   WIRE_SEQ = 32, /* u64 */
		   WIRE_T_MS = 40, /* i64 */
		   WIRE_SPAN_NS = 48, /* u64 */
		   WIRE_N_SAMPLES = 56, /* u32 */
		   WIRE_TABLES_LEN = 60, /* u32: strings and series */
		   WIRE_BODY = 64,
};

/* Sections behind the samples, since version 2. A reader passes over one that it does not know. */
enum wire_section { WIRE_EVENTS = 1, WIRE_EXEMPLARS = 2 };

#define WIRE_T_MAX_MS 253402300799999LL /* the end of the year 9999 */
#define WIRE_COUNT_MAX (1ULL << 53) /* the last up to which doubles hold every integer */
#define WIRE_VARINT_MAX 10
#define WIRE_NUMBER_MAX 10

/*
 * A number is a varint whose low two bits say what the rest is: a zigzag integer
 * of units, one of nanounits (divided by 10^9, or multiplied by 10^-9: a program
 * that counts nanoseconds does either, and they round differently), or nothing
 * and the eight bytes that follow.
 */
enum wire_number { WIRE_UNITS = 0, WIRE_NANOS = 1, WIRE_DOUBLE = 2, WIRE_NANOS_TIMES = 3 };
#define WIRE_NANO 1e9
#define WIRE_NANO_TIMES 1e-9

static inline uint16_t wire_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t wire_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t wire_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void wire_put_u16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void wire_put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void wire_put_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint64_t wire_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t wire_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static inline uint8_t *wire_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)v | 0x80;
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* True when v is an integer of at most 2^53 in size. */
static inline bool wire_is_whole(double v)
{
	return fabs(v) <= (double)WIRE_COUNT_MAX && v == (double)(int64_t)v;
}

static inline uint8_t *wire_put_number(uint8_t *p, double v)
{
	double nanos = nearbyint(v * WIRE_NANO);
	uint64_t bits;

	/* -0 is not 0: it takes the long way. */
	if (wire_is_whole(v) && !(v == 0 && signbit(v)))
		return wire_put_varint(p, wire_zigzag((int64_t)v) << 2 | WIRE_UNITS);
	if (wire_is_whole(nanos) && nanos != 0) {
		uint64_t n = wire_zigzag((int64_t)nanos) << 2;

		if (nanos / WIRE_NANO == v)
			return wire_put_varint(p, n | WIRE_NANOS);
		if (nanos * WIRE_NANO_TIMES == v)
			return wire_put_varint(p, n | WIRE_NANOS_TIMES);
	}
	*p++ = WIRE_DOUBLE;
	memcpy(&bits, &v, sizeof(bits));
	wire_put_u64(p, bits);
	return p + sizeof(v);
}

/* Reads; past the end, or after anything malformed, bad is set and every result is 0. */
struct wire_reader {
	const uint8_t *p, *end;
	bool bad;
};

static inline size_t wire_left(const struct wire_reader *r)
{
	return r->end - r->p;
}

static inline uint64_t wire_bad(struct wire_reader *r)
{
	r->bad = true;
	r->p = r->end;
	return 0;
}

static inline uint64_t wire_get_varint(struct wire_reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		uint8_t c = *r->p++;

		if (shift == 63 && c > 1)
			break;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	return wire_bad(r);
}

/* A varint of at most max. */
static inline uint64_t wire_get_upto(struct wire_reader *r, uint64_t max)
{
	uint64_t v = wire_get_varint(r);

	return v <= max ? v : wire_bad(r);
}

static inline double wire_get_double(struct wire_reader *r)
{
	uint64_t bits;
	double v;

	if (wire_left(r) < sizeof(bits))
		return (double)wire_bad(r);
	bits = wire_u64(r->p);
	r->p += sizeof(bits);
	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline double wire_get_number(struct wire_reader *r)
{
	uint64_t v = wire_get_varint(r);
	int64_t i = wire_unzigzag(v >> 2);

	switch (v & 3) {
	case WIRE_UNITS: return (double)i;
	case WIRE_NANOS: return (double)i / WIRE_NANO;
	case WIRE_NANOS_TIMES: return (double)i * WIRE_NANO_TIMES;
	default: return v == WIRE_DOUBLE ? wire_get_double(r) : (double)wire_bad(r);
	}
}

#endif
