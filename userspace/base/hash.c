// SPDX-License-Identifier: GPL-2.0
/* FNV-1a over 64-bit little-endian words, with its weak high-to-low flow mended by shifts. */
#include <endian.h>
#include <string.h>

#include <sgprobe/mem.h>

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL
#define MIX_1 0xff51afd7ed558ccdULL
#define MIX_2 0xc4ceb9fe1a85ec53ULL

static uint64_t step(uint64_t h, uint64_t word)
{
	h = (h ^ word) * FNV_PRIME;
	return (h ^ (h >> 29)) * MIX_1;
}

uint64_t sg_hash(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *s = p;
	uint64_t h = FNV_BASIS ^ seed, word;
	size_t left = n;

	for (; left >= 8; left -= 8, s += 8) {
		memcpy(&word, s, 8);
		h = step(h, le64toh(word));
	}
	if (left) {
		word = 0;
		memcpy(&word, s, left);
		h = step(h, le64toh(word));
	}
	h ^= n; /* so that trailing NULs count */
	h = (h ^ (h >> 32)) * MIX_2;
	return h ^ (h >> 29);
}

uint64_t sg_hash_str(const char *s, uint64_t seed)
{
	return sg_hash(s, strlen(s), seed);
}
