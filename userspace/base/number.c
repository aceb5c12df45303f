// SPDX-License-Identifier: GPL-2.0
/* Numbers as text: the shortest decimal that reads back as the same double. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/str.h>

#define TEXT_MAX 32

/* Below this every integer is exact and has its own shortest form: no search needed. */
#define EXACT_INTEGERS 1e15

/* The fewest significant digits (as %e text) that give v again. */
static void shortest_e(double v, char out[TEXT_MAX])
{
	/* A normal number needs 15 at least to be told from its neighbours; a denormal fewer. */
	int p = fabs(v) < DBL_MIN ? 0 : 14;

	for (; p <= 16; p++) {
		snprintf(out, TEXT_MAX, "%.*e", p, v);
		if (strtod(out, NULL) == v)
			return;
	}
}

static bool is_small_integer(double v)
{
	return fabs(v) < EXACT_INTEGERS && v == (double)(long long)v && !(v == 0 && signbit(v));
}

struct decimal {
	bool negative;
	int n, exp; /* n digits; value = 0.d1d2d3... * 10^exp */
	char digits[TEXT_MAX];
};

static void strip_zeros(struct decimal *d)
{
	while (d->n > 1 && d->digits[d->n - 1] == '0')
		d->n--;
}

/*
 * Most values are whole nanoseconds or the like: at most nine decimals and fifteen
 * digits. No two such numbers are the same double, so one that reads back is the
 * shortest, and no search through printf is needed.
 */
static bool split_nanos(double v, struct decimal *d)
{
	double nanos = nearbyint(v * 1e9);
	char text[TEXT_MAX];
	uint64_t n;
	int i = TEXT_MAX;

	if (!(nanos >= 1 && nanos < EXACT_INTEGERS) || nanos / 1e9 != v)
		return false;
	for (n = (uint64_t)nanos; n; n /= 10)
		text[--i] = (char)('0' + n % 10);
	d->n = TEXT_MAX - i;
	d->exp = d->n - 9;
	memcpy(d->digits, text + i, d->n);
	return true;
}

static void split_any(double v, struct decimal *d)
{
	char text[TEXT_MAX], *e;

	shortest_e(v, text);
	e = strchr(text, 'e');
	d->exp = atoi(e + 1) + 1;
	d->n = 0;
	for (const char *p = text; p < e; p++)
		if (*p >= '0' && *p <= '9')
			d->digits[d->n++] = *p;
}

static void split(double v, struct decimal *d)
{
	d->negative = signbit(v);
	d->digits[0] = '0';
	v = fabs(v);
	if (!split_nanos(v, d))
		split_any(v, d);
	strip_zeros(d);
}

static void zeros(struct sg_buf *b, int n)
{
	while (n-- > 0)
		sg_buf_char(b, '0');
}

static void put_positional(struct sg_buf *b, const struct decimal *d)
{
	int whole = SG_MIN(SG_MAX(d->exp, 0), d->n);

	if (d->negative)
		sg_buf_char(b, '-');
	if (d->exp <= 0)
		sg_buf_char(b, '0');
	sg_buf_add(b, d->digits, whole);
	zeros(b, d->exp - d->n);
	if (whole == d->n)
		return;
	sg_buf_char(b, '.');
	zeros(b, -d->exp);
	sg_buf_add(b, d->digits + whole, d->n - whole);
}

static void put_exponent(struct sg_buf *b, const struct decimal *d, int exp_digits)
{
	if (d->negative)
		sg_buf_char(b, '-');
	sg_buf_char(b, d->digits[0]);
	if (d->n > 1) {
		sg_buf_char(b, '.');
		sg_buf_add(b, d->digits + 1, d->n - 1);
	}
	sg_buf_printf(b, "e%+0*d", exp_digits + 1, d->exp - 1);
}

void sg_json_num(struct sg_buf *b, double v)
{
	struct decimal d;

	if (!isfinite(v)) {
		sg_buf_str(b, "null");
		return;
	}
	if (is_small_integer(v)) {
		sg_buf_printf(b, "%lld", (long long)v);
		return;
	}
	split(v, &d);
	if (v == 0 || (d.exp > -6 && d.exp <= 21))
		put_positional(b, &d);
	else
		put_exponent(b, &d, 1);
}

/* Positional from 10^low up to below 10^high. */
static void fmt_float(struct sg_buf *b, double v, int low, int high)
{
	struct decimal d;

	if (isnan(v)) {
		sg_buf_str(b, "NaN");
	} else if (isinf(v)) {
		sg_buf_str(b, v > 0 ? "+Inf" : "-Inf");
	} else if (high > 15 && is_small_integer(v)) {
		sg_buf_printf(b, "%lld", (long long)v);
	} else if (v == 0) {
		sg_buf_str(b, signbit(v) ? "-0" : "0");
	} else {
		split(v, &d);
		if (d.exp - 1 < low || d.exp > high)
			put_exponent(b, &d, 2);
		else
			put_positional(b, &d);
	}
}

void sg_fmt_float(struct sg_buf *b, double v)
{
	fmt_float(b, v, INT_MIN, INT_MAX);
}

void sg_fmt_float_json(struct sg_buf *b, double v)
{
	fmt_float(b, v, -6, 21);
}

void sg_fmt_float_e(struct sg_buf *b, double v)
{
	fmt_float(b, v, -4, 6);
}
