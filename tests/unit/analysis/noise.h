/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers by chance, the same in every run. */
#ifndef TEST_NOISE_H
#define TEST_NOISE_H

#include <math.h>
#include <stdint.h>

struct noise {
	uint64_t state;
};

static inline double noise_unit(struct noise *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return ((double)((z ^ z >> 31) >> 11) + .5) / 9007199254740992.0;
}

static inline double noise_normal(struct noise *r)
{
	double u = noise_unit(r);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * noise_unit(r));
}

#endif
