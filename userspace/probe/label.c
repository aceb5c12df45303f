// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/mem.h>
#include <sgprobe/str.h>

#include "label.h"

#define TAIL 17 /* '~' and 16 hex digits */

/* Length of the printable UTF-8 character at p, or 0. */
static size_t char_len(const char *p, size_t n)
{
	unsigned char c = (unsigned char)p[0];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x20 || c == 0x7f || len > n || !sg_utf8_valid(p, len))
		return 0;
	if (c == 0xc2 && (unsigned char)p[1] < 0xa0) /* C1 control characters */
		return 0;
	return len;
}

void sg_label_clean(char *out, size_t cap, const char *in, size_t n)
{
	size_t o = 0, safe = 0, i = 0;

	while (i < n) {
		size_t len = char_len(in + i, n - i), w = len ? len : 4;

		if (o + w > cap - 1)
			break;
		if (len)
			memcpy(out + o, in + i, len);
		else
			snprintf(out + o, cap - o, "\\x%02x", (unsigned char)in[i]);
		o += w;
		i += len ? len : 1;
		if (o <= cap - 1 - TAIL)
			safe = o;
	}
	out[o] = '\0';
	if (i < n)
		snprintf(out + safe, cap - safe, "~%016" PRIx64, sg_hash(in, n, 0));
}

void sg_label_lower(char *out, size_t cap, const char *name)
{
	size_t i = 0;

	for (; i + 1 < cap && name[i]; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[i] = '\0';
}

void sg_label_errno(char *out, size_t cap, int error)
{
	const char *name = strerrorname_np(error);

	if (name)
		sg_label_lower(out, cap, name);
	else
		snprintf(out, cap, "%d", error);
}
