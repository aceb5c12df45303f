// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/str.h>

struct suffix {
	const char *name;
	uint64_t size;
};

/* Reads digits at *s; -EINVAL when there is none, -ERANGE past 64 bits. */
static int digits(const char **s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); (*s)++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, **s - '0', &v))
			return -ERANGE;
	*ret = v;
	return 0;
}

int sg_parse_number(const char *s, double *ret)
{
	char *end;
	double v;

	if (!*s || strspn(s, "0123456789+-.eE") != strlen(s))
		return -EINVAL;
	v = strtod(s, &end);
	if (*end || !isfinite(v))
		return -EINVAL;
	*ret = v;
	return 0;
}

int sg_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	int r = digits(&s, &v);

	if (r < 0)
		return r;
	if (*s)
		return -EINVAL;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* The suffix that s starts with, up to the next digit or the end. */
static const struct suffix *find_suffix(const struct suffix *table, size_t n, const char *s)
{
	size_t len = strcspn(s, "0123456789.");

	for (size_t i = 0; i < n; i++)
		if (strlen(table[i].name) == len && !strncmp(table[i].name, s, len))
			return &table[i];
	return NULL;
}

/* Value of ".d1d2d3" in a unit of 'size'; a part smaller than the smallest unit is an error. */
static int fraction(const char **s, uint64_t size, uint64_t *ret)
{
	uint64_t v = 0, weight = size;

	*ret = 0;
	if (**s != '.')
		return 0;
	if (!isdigit((unsigned char)*++*s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); (*s)++) {
		if (weight % 10 && **s != '0')
			return -EINVAL;
		if (weight % 10)
			continue;
		weight /= 10;
		v += weight * (**s - '0');
	}
	*ret = v;
	return 0;
}

static const struct suffix duration_units[] = {
	{"w", 604800000000000ULL}, {"d", 86400000000000ULL}, {"h", 3600000000000ULL},
	{"m", 60000000000ULL},	   {"s", 1000000000ULL},     {"ms", 1000000ULL},
	{"us", 1000ULL},	   {"\xc2\xb5s", 1000ULL},   {"ns", 1ULL},
};

/* One "12.5ms"; its unit is smaller than *below, which becomes it. */
static int duration_part(const char **s, uint64_t *below, uint64_t *sum)
{
	const struct suffix *u;
	const char *point;
	uint64_t whole, part;
	int r = digits(s, &whole);

	if (r < 0)
		return r;
	point = *s;
	if (*point == '.')
		*s += 1 + strspn(point + 1, "0123456789");
	u = find_suffix(duration_units, ARRAY_SIZE(duration_units), *s);
	if (!u || u->size >= *below)
		return -EINVAL;
	r = fraction(&point, u->size, &part);
	if (r < 0)
		return r;
	*s += strlen(u->name);
	*below = u->size;
	if (__builtin_mul_overflow(whole, u->size, &whole) ||
	    __builtin_add_overflow(*sum, whole, sum) || __builtin_add_overflow(*sum, part, sum))
		return -ERANGE;
	return 0;
}

int sg_parse_duration(const char *s, uint64_t *ret_ns)
{
	uint64_t sum = 0, below = UINT64_MAX;

	if (strcmp(s, "0") != 0) {
		do {
			int r = duration_part(&s, &below, &sum);

			if (r < 0)
				return r;
		} while (*s);
	}
	*ret_ns = sum;
	return 0;
}

int sg_parse_bytes(const char *s, uint64_t *ret)
{
	static const struct suffix units[] = {
		{"", 1},
		{"B", 1},
		{"KiB", 1ULL << 10},
		{"MiB", 1ULL << 20},
		{"GiB", 1ULL << 30},
		{"TiB", 1ULL << 40},
	};
	const struct suffix *u;
	uint64_t v;
	int r = digits(&s, &v);

	if (r < 0)
		return r;
	u = find_suffix(units, ARRAY_SIZE(units), s);
	if (!u || s[strlen(u->name)])
		return -EINVAL;
	if (__builtin_mul_overflow(v, u->size, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}
