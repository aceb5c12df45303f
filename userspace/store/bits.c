// SPDX-License-Identifier: GPL-2.0
#include "bits.h"

void sg_bits_put(struct sg_bits_out *o, uint64_t v, unsigned int bits)
{
	o->acc |= (v & (((uint64_t)1 << bits) - 1)) << o->n;
	o->n += bits;
	while (o->n >= 8) {
		sg_buf_char(o->b, (char)o->acc);
		o->acc >>= 8;
		o->n -= 8;
	}
}

void sg_bits_put64(struct sg_bits_out *o, uint64_t v)
{
	sg_bits_put(o, v, 32);
	sg_bits_put(o, v >> 32, 32);
}

void sg_bits_put_number(struct sg_bits_out *o, uint64_t v)
{
	unsigned int len = v ? 64 - (unsigned int)__builtin_clzll(v) : 0;

	if (len >= 63) {
		sg_bits_put(o, 63, 6);
		sg_bits_put64(o, v);
		return;
	}
	sg_bits_put(o, len, 6);
	sg_bits_put(o, v, SG_MIN(len, 32U));
	if (len > 32)
		sg_bits_put(o, v >> 32, len - 32);
}

void sg_bits_flush(struct sg_bits_out *o)
{
	if (o->n)
		sg_buf_char(o->b, (char)o->acc);
	o->acc = 0;
	o->n = 0;
}

void sg_rice_put(struct sg_bits_out *o, struct sg_rice *r, uint64_t v)
{
	unsigned int k = sg_rice_k(r);
	uint64_t q = v >> k;

	if (q < SG_RICE_UNARY) {
		sg_bits_put(o, ((uint64_t)1 << q) - 1, (unsigned int)q + 1);
		if (k > 32) {
			sg_bits_put(o, v, 32);
			sg_bits_put(o, v >> 32, k - 32);
		} else {
			sg_bits_put(o, v, k);
		}
	} else {
		sg_bits_put(o, ((uint64_t)1 << SG_RICE_UNARY) - 1, SG_RICE_UNARY);
		sg_bits_put_number(o, v);
	}
	sg_rice_learn(r, v);
}
