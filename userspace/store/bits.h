/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stream of bits, lowest first, and adaptive Golomb-Rice codes in it: small numbers
 * take few bits, and what "small" means is learned from those before.
 *
 * Writing adds to a buffer, whose err says whether all went well. Reading never passes
 * the end: zeros come from there, and sg_bits_over says so.
 */
#ifndef STORE_BITS_H
#define STORE_BITS_H

#include <string.h>

#include <sgprobe/str.h>

struct sg_bits_out {
	struct sg_buf *b;
	uint64_t acc;
	unsigned int n; /* bits in acc, below 8 between calls */
};

struct sg_bits_in {
	const uint8_t *p, *end;
	uint64_t acc;
	unsigned int n;
	unsigned int over; /* bits that were asked for beyond the end */
};

/* At most 56 bits at a time. */
void sg_bits_put(struct sg_bits_out *o, uint64_t v, unsigned int bits);
void sg_bits_put64(struct sg_bits_out *o, uint64_t v);
/* Any number, small ones in few bits: for what comes once. */
void sg_bits_put_number(struct sg_bits_out *o, uint64_t v);
void sg_bits_flush(struct sg_bits_out *o);

static inline void sg_bits_fill(struct sg_bits_in *in)
{
	if (in->end - in->p >= 8) {
		uint64_t w;

		memcpy(&w, in->p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		w = __builtin_bswap64(w);
#endif
		in->acc |= w << in->n;
		in->p += (63 - in->n) >> 3;
		in->n |= 56;
		return;
	}
	while (in->n <= 56) {
		if (in->p < in->end)
			in->acc |= (uint64_t)*in->p++ << in->n;
		else
			in->over += 8;
		in->n += 8;
	}
}

static inline uint64_t sg_bits_get(struct sg_bits_in *in, unsigned int bits)
{
	uint64_t v;

	if (in->n < bits)
		sg_bits_fill(in);
	v = in->acc & (((uint64_t)1 << bits) - 1);
	in->acc >>= bits;
	in->n -= bits;
	return v;
}

static inline uint64_t sg_bits_get64(struct sg_bits_in *in)
{
	uint64_t lo = sg_bits_get(in, 32);

	return lo | sg_bits_get(in, 32) << 32;
}

static inline uint64_t sg_bits_get_number(struct sg_bits_in *in)
{
	unsigned int len = (unsigned int)sg_bits_get(in, 6);
	uint64_t v;

	if (len == 63)
		return sg_bits_get64(in);
	v = sg_bits_get(in, SG_MIN(len, 32U));
	return len > 32 ? v | sg_bits_get(in, len - 32) << 32 : v;
}

/* More was read than there is. */
static inline bool sg_bits_over(const struct sg_bits_in *in)
{
	return in->over > in->n;
}

/* ---- adaptive codes ------------------------------------------------------------ */

#define SG_RICE_UNARY 14 /* of these ones in a row, the number follows as it is */

struct sg_rice { /* mean of the numbers so far, times 16 */
	uint64_t mean;
};

static inline unsigned int sg_rice_k(const struct sg_rice *r)
{
	uint64_t m = (r->mean * 11) >> 8; /* mean * ln 2 */

	return m ? 63 - (unsigned int)__builtin_clzll(m) + 1 : 0;
}

static inline void sg_rice_learn(struct sg_rice *r, uint64_t v)
{
	const uint64_t most = (uint64_t)1 << 52;

	r->mean += (v < most ? v : most) - (r->mean >> 4);
}

void sg_rice_put(struct sg_bits_out *o, struct sg_rice *r, uint64_t v);

static inline uint64_t sg_rice_get(struct sg_bits_in *in, struct sg_rice *r)
{
	unsigned int k = sg_rice_k(r), q;
	uint64_t v;

	if (in->n < SG_RICE_UNARY + 6)
		sg_bits_fill(in);
	q = (unsigned int)__builtin_ctzll(~in->acc | (uint64_t)1 << SG_RICE_UNARY);
	if (q < SG_RICE_UNARY) {
		in->acc >>= q + 1;
		in->n -= q + 1;
		v = (uint64_t)q << k;
		if (k > 32) {
			v += sg_bits_get(in, 32);
			v += sg_bits_get(in, k - 32) << 32;
		} else {
			v += sg_bits_get(in, k);
		}
	} else {
		in->acc >>= SG_RICE_UNARY;
		in->n -= SG_RICE_UNARY;
		v = sg_bits_get_number(in);
	}
	sg_rice_learn(r, v);
	return v;
}

static inline uint64_t sg_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t sg_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ -(v & 1));
}

#endif
