// SPDX-License-Identifier: GPL-2.0
#include <sgprobe/str.h>

#include "utf8.h"

static unsigned announced_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

unsigned sg_utf8_next(const char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const unsigned char *p = (const unsigned char *)s;
	unsigned len = announced_length(*p);
	uint32_t v;

	if (!len || len > n)
		return 0;
	v = *p & mask[len];
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	*cp = v;
	return len;
}

bool sg_utf8_valid(const char *s, size_t n)
{
	uint32_t cp;

	while (n) {
		unsigned len = sg_utf8_next(s, n, &cp);

		if (!len || !cp)
			return false;
		s += len;
		n -= len;
	}
	return true;
}
