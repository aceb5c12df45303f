// SPDX-License-Identifier: GPL-2.0
#include "column.h"

#include <math.h>

/* ---- whole numbers ------------------------------------------------------------- */

enum predictor { NOTHING, BEFORE, LINE, MEAN, PREDICTORS };

/* All in unsigned arithmetic, which wraps. */
struct past {
	uint64_t before, before2;
	int64_t mean16;
};

static inline uint64_t predict(const struct past *p, enum predictor how)
{
	switch (how) {
	case BEFORE: return p->before;
	case LINE: return 2 * p->before - p->before2;
	case MEAN: return (uint64_t)(p->mean16 >> 4);
	default: return 0;
	}
}

static inline void remember(struct past *p, uint64_t v)
{
	const int64_t most = (int64_t)1 << 55;
	int64_t s = (int64_t)v;

	p->before2 = p->before;
	p->before = v;
	if (s > most || s < -most)
		s = s < 0 ? -most : most;
	p->mean16 += s - (p->mean16 >> 4);
}

static struct past begin(int64_t first)
{
	struct past p = {.before = (uint64_t)first, .before2 = (uint64_t)first};
	const int64_t most = (int64_t)1 << 55;

	p.mean16 = SG_MAX(SG_MIN(first, most), -most) * 16;
	return p;
}

static unsigned int bit_length(uint64_t v)
{
	return v ? 64 - (unsigned int)__builtin_clzll(v) : 0;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

static int64_t residual(const struct past *p, enum predictor how, int64_t v)
{
	return (int64_t)((uint64_t)v - predict(p, how));
}

struct plan {
	enum predictor how;
	uint64_t factor; /* of all residuals */
	bool sparse;
};

/* Bits that the residuals take at least, with their factor and how many are 0. */
static uint64_t weigh(const int64_t *v, size_t n, enum predictor how, uint64_t *factor,
		      size_t *zeros)
{
	struct past p = begin(v[0]);
	uint64_t bits = 0;

	*factor = *zeros = 0;
	for (size_t i = 1; i < n; i++) {
		int64_t r = residual(&p, how, v[i]);
		uint64_t z = sg_zigzag(r);

		*zeros += !z;
		bits += bit_length(z);
		if (z && *factor != 1)
			*factor = gcd(*factor, r < 0 ? -(uint64_t)r : (uint64_t)r);
		remember(&p, (uint64_t)v[i]);
	}
	if (!*factor || *factor >> 62)
		*factor = 1;
	bits -= SG_MIN(bits, (uint64_t)(n - 1 - *zeros) * (bit_length(*factor) - 1));
	return bits + (n - 1 - *zeros) + SG_MIN(n - 1 - *zeros, *zeros) * 2;
}

static struct plan choose(const int64_t *v, size_t n)
{
	struct plan best = {0};
	uint64_t least = UINT64_MAX;

	for (enum predictor how = NOTHING; how < PREDICTORS; how++) {
		uint64_t factor, bits;
		size_t zeros;

		bits = weigh(v, n, how, &factor, &zeros);
		if (bits >= least)
			continue;
		least = bits;
		best = (struct plan){how, factor, zeros * 5 > n * 2};
	}
	return best;
}

/* The sign stays; the factor goes. */
static uint64_t code_of(int64_t r, uint64_t factor)
{
	return sg_zigzag(factor == 1 ? r : r / (int64_t)factor);
}

void sg_column_put_ints(struct sg_bits_out *o, const int64_t *v, size_t n)
{
	struct plan plan;
	struct past p;
	struct sg_rice value = {.mean = 16}, run = {.mean = 64};
	uint64_t zeros = 0;

	if (!n)
		return;
	plan = choose(v, n);
	sg_bits_put(o, plan.how | (plan.sparse ? 4 : 0), 3);
	sg_bits_put_number(o, plan.factor - 1);
	sg_bits_put_number(o, sg_zigzag(v[0]));
	p = begin(v[0]);
	for (size_t i = 1; i < n; i++) {
		uint64_t z = code_of(residual(&p, plan.how, v[i]), plan.factor);

		remember(&p, (uint64_t)v[i]);
		if (!plan.sparse) {
			sg_rice_put(o, &value, z);
		} else if (!z) {
			zeros++;
		} else {
			sg_rice_put(o, &run, zeros);
			sg_rice_put(o, &value, z - 1);
			zeros = 0;
		}
	}
	if (plan.sparse && zeros)
		sg_rice_put(o, &run, zeros);
}

void sg_column_get_ints(struct sg_bits_in *in, int64_t *v, size_t n)
{
	struct sg_rice value = {.mean = 16}, run = {.mean = 64};
	uint64_t factor, zeros = 0;
	unsigned int head;
	struct past p;

	if (!n)
		return;
	head = (unsigned int)sg_bits_get(in, 3);
	factor = sg_bits_get_number(in) + 1;
	v[0] = sg_unzigzag(sg_bits_get_number(in));
	p = begin(v[0]);
	if (head & 4 && n > 1)
		zeros = sg_rice_get(in, &run);
	for (size_t i = 1; i < n; i++) {
		uint64_t z = 0;

		if (!(head & 4)) {
			z = sg_rice_get(in, &value);
		} else if (zeros) {
			zeros--;
		} else {
			z = sg_rice_get(in, &value) + 1;
			zeros = i + 1 < n ? sg_rice_get(in, &run) : 0;
		}
		z = predict(&p, head & 3) + (uint64_t)sg_unzigzag(z) * factor;
		v[i] = (int64_t)z;
		remember(&p, z);
	}
}

/* ---- doubles ------------------------------------------------------------------- */

/* Of the same unit there are two: what was divided, and what was multiplied. */
static const struct {
	uint64_t per_unit;
	double factor; /* 0: divide */
} scales[SG_SCALES] = {
	[1] = {1, 1},	 [2] = {1000000000, 1e-9}, [3] = {1000000000, 0}, [4] = {100, 0},
	[5] = {1000, 0}, [6] = {1000000, 0},	   [7] = {1000000, 1e-6},
};

double sg_scale_value(unsigned int scale, int64_t k)
{
	return scales[scale].factor != 0 ? (double)k * scales[scale].factor
					 : (double)k / (double)scales[scale].per_unit;
}

int64_t sg_scale_count(unsigned int scale, double v)
{
	return llrint(v * (double)scales[scale].per_unit);
}

uint64_t sg_scale_per_unit(unsigned int scale)
{
	return scales[scale].per_unit;
}

static bool fits(unsigned int scale, double v)
{
	double k = v * (double)scales[scale].per_unit;

	return fabs(k) < 0x1p53 && sg_same_bits(sg_scale_value(scale, llrint(k)), v);
}

unsigned int sg_scale_find(const double *v, size_t n)
{
	for (unsigned int s = 1; s < SG_SCALES; s++) {
		size_t i = 0;

		while (i < n && fits(s, v[i]))
			i++;
		if (i == n)
			return s;
	}
	return SG_SCALE_NONE;
}

static uint64_t bits_of(double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	return u;
}

static double double_of(uint64_t u)
{
	double v;

	memcpy(&v, &u, sizeof(v));
	return v;
}

/* Differing bits lie within [lead, 64 - trail); a window that is wide enough is used again. */
static void put_bits_of_doubles(struct sg_bits_out *o, const double *v, size_t n)
{
	unsigned int lead = 64, len = 0;
	uint64_t before = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t x = bits_of(v[i]) ^ before;
		unsigned int l, t;

		before ^= x;
		sg_bits_put(o, x != 0, 1);
		if (!x)
			continue;
		l = (unsigned int)__builtin_clzll(x);
		t = (unsigned int)__builtin_ctzll(x);
		if (l >= lead && t >= 64 - lead - len && len < 64 - l - t + 12) {
			sg_bits_put(o, 0, 1);
		} else {
			lead = l;
			len = 64 - l - t;
			sg_bits_put(o, 1 | lead << 1 | (len - 1) << 7, 13);
		}
		x >>= 64 - lead - len;
		sg_bits_put(o, x, SG_MIN(len, 32U));
		if (len > 32)
			sg_bits_put(o, x >> 32, len - 32);
	}
}

static void get_bits_of_doubles(struct sg_bits_in *in, double *v, size_t n)
{
	unsigned int lead = 0, len = 64;
	uint64_t before = 0;

	for (size_t i = 0; i < n; i++) {
		if (sg_bits_get(in, 1)) {
			uint64_t x;

			if (sg_bits_get(in, 1)) {
				lead = (unsigned int)sg_bits_get(in, 6);
				len = (unsigned int)sg_bits_get(in, 6) + 1;
				len = SG_MIN(len, 64 - lead);
			}
			x = sg_bits_get(in, SG_MIN(len, 32U));
			if (len > 32)
				x |= sg_bits_get(in, len - 32) << 32;
			before ^= x << (64 - lead - len);
		}
		v[i] = double_of(before);
	}
}

void sg_column_put_doubles(struct sg_bits_out *o, const double *v, size_t n, int64_t *scratch)
{
	unsigned int scale = sg_scale_find(v, n);

	sg_bits_put(o, scale, 3);
	if (scale == SG_SCALE_NONE) {
		put_bits_of_doubles(o, v, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		scratch[i] = sg_scale_count(scale, v[i]);
	sg_column_put_ints(o, scratch, n);
}

void sg_column_get_doubles(struct sg_bits_in *in, double *v, size_t n)
{
	unsigned int scale = (unsigned int)sg_bits_get(in, 3);

	if (scale == SG_SCALE_NONE) {
		get_bits_of_doubles(in, v, n);
		return;
	}
	/* In place: both are eight bytes. */
	sg_column_get_ints(in, (int64_t *)(void *)v, n);
	for (size_t i = 0; i < n; i++) {
		int64_t k;

		memcpy(&k, &v[i], sizeof(k));
		v[i] = sg_scale_value(scale, k);
	}
}
