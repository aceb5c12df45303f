// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "point.h"

static bool named_number(const char *s, double *ret)
{
	bool negative = *s == '-';

	s += negative || *s == '+';
	if (strcasecmp(s, "inf") == 0 || strcasecmp(s, "infinity") == 0)
		*ret = negative ? -INFINITY : INFINITY;
	else if (strcasecmp(s, "nan") == 0)
		*ret = NAN;
	else
		return false;
	return true;
}

bool ingest_number(const char *p, size_t n, double *ret)
{
	char text[64], *end;

	if (!n || n >= sizeof(text) || memchr(p, '\0', n))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	if (strspn(text, "0123456789+-.eE") != n)
		return named_number(text, ret);
	*ret = strtod(text, &end);
	return *end == '\0';
}

bool ingest_integer(const char *p, size_t n, int64_t *ret)
{
	bool negative = n && *p == '-';
	int64_t v = 0;

	if (n && (*p == '-' || *p == '+')) {
		p++;
		n--;
	}
	if (!n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)p[i]) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, p[i] - '0', &v))
			return false;
	*ret = negative ? -v : v;
	return true;
}
