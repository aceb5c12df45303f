// SPDX-License-Identifier: GPL-2.0
// Numbers, durations and string literals.
#include "lexer.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* End of the number at p, or NULL when the characters there are none. */
static const char *scan_number(const char *p)
{
	const char *start = p;
	bool digits = false;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		for (p += 2; isxdigit((unsigned char)*p); p++)
			digits = true;
		return digits && !is_word(*p) ? p : NULL;
	}
	for (; isdigit((unsigned char)*p); p++)
		digits = true;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++)
			digits = true;
	if (digits && (*p == 'e' || *p == 'E')) {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!isdigit((unsigned char)*p))
			return NULL;
		while (isdigit((unsigned char)*p))
			p++;
	}
	return digits && p > start && !is_word(*p) ? p : NULL;
}

/* Whole numbers that begin with 0 are octal, as in Go; what does not fit is decimal. */
static double number_value(const char *p, const char *end)
{
	bool octal = p[0] == '0' && end - p > 1 && end - p < 22;

	for (const char *q = p; octal && q < end; q++)
		octal = *q >= '0' && *q <= '7';
	return octal ? (double)strtoull(p, NULL, 8) : strtod(p, NULL);
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"y", 365LL * 86400000},
	{"w", 7LL * 86400000},
	{"d", 86400000},
	{"h", 3600000},
	{"ms", 1},
	{"m", 60000},
	{"s", 1000},
};

static int unit_at(const char *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!strncmp(p, units[i].name, strlen(units[i].name)))
			return (int)i;
	}
	return -1;
}

/* End of the duration at p, or NULL: parts in falling order, each at most once. */
static const char *scan_duration(const char *p, int64_t *ret_ms)
{
	int64_t last = INT64_MAX;
	double total = 0;

	while (isdigit((unsigned char)*p)) {
		char *end;
		double v = strtod(p, &end);
		int u;

		/* strtod may eat an exponent or a point: these belong to no duration. */
		for (const char *q = p; q < end; q++)
			if (!isdigit((unsigned char)*q))
				return NULL;
		u = unit_at(end);
		if (u < 0 || units[u].ms >= last)
			return NULL;
		last = units[u].ms;
		total += v * (double)units[u].ms;
		p = end + strlen(units[u].name);
	}
	if (is_word(*p) || last == INT64_MAX)
		return NULL;
	*ret_ms = total < 9.2e12 ? (int64_t)total : -1;
	return p;
}

int pq_lex_number(struct pq_lexer *l, struct pq_token *t)
{
	const char *p = l->src + l->at, *end = scan_number(p);

	if (end) {
		t->kind = PQ_T_NUMBER;
		t->num = number_value(p, end);
		l->at = (uint32_t)(end - l->src);
		return 0;
	}
	end = scan_duration(p, &t->ms);
	if (!end) {
		size_t n = strspn(
			p, "0123456789.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

		return pq_syntax(l->src, t->pos, l->err, "bad number or duration syntax: \"%.*s\"",
				 (int)SG_MIN(n, 64UL), p);
	}
	if (t->ms < 0)
		return pq_syntax(l->src, t->pos, l->err, "duration out of range");
	t->kind = PQ_T_DURATION;
	t->num = (double)t->ms / 1000;
	l->at = (uint32_t)(end - l->src);
	return 0;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | (c >> 6));
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | (c >> 12));
		out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (c >> 18));
	out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
	out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* n digits of the given base; -1 when there are fewer. */
static int64_t digits(const char *p, int n, int base)
{
	int64_t v = 0;

	for (int i = 0; i < n; i++) {
		int d = isdigit((unsigned char)p[i])	? p[i] - '0'
			: isxdigit((unsigned char)p[i]) ? tolower((unsigned char)p[i]) - 'a' + 10
							: 99;

		if (d >= base)
			return -1;
		v = v * base + d;
	}
	return v;
}

/* The escape after a backslash at *p. Bytes written to out (at most 4), or -1. */
static int unescape(const char **p, char quote, char *out)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	const char c = *(*p)++, *found = c ? strchr(from, c) : NULL;
	int n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	int64_t v;

	if (found || (c && c == quote)) {
		out[0] = found ? to[found - from] : quote;
		return 1;
	}
	if (c >= '0' && c <= '7') {
		v = digits(--*p, 3, 8);
		n = 3;
	} else if (n) {
		v = digits(*p, n, 16);
	} else {
		return -1;
	}
	/* A NUL would end the C string that stands for it. */
	if (v <= 0 || v > 0x10ffff || (v >= 0xd800 && v < 0xe000) || (n <= 3 && v > 0xff))
		return -1;
	*p += n;
	if (n > 3)
		return (int)put_utf8(out, (uint32_t)v);
	out[0] = (char)v;
	return 1;
}

static const char *string_end(const char *p, char quote)
{
	for (p++; *p && *p != quote; p++) {
		if (quote != '`' && *p == '\\' && p[1])
			p++;
		else if (quote != '`' && *p == '\n')
			return NULL;
	}
	return *p ? p : NULL;
}

int pq_lex_string(struct pq_lexer *l, struct pq_token *t)
{
	const char *p = l->src + l->at, *end = string_end(p, *p);
	char quote = *p++, *out;
	size_t n = 0;

	if (!end)
		return pq_syntax(l->src, t->pos, l->err, "unterminated %s string",
				 quote == '`' ? "raw" : "quoted");
	out = sg_arena_alloc(l->arena, (size_t)(end - p) + 5);
	if (!out)
		return -ENOMEM;
	while (p < end) {
		int k = 1;

		if (*p == '\\' && quote != '`') {
			p++;
			k = unescape(&p, quote, out + n);
			if (k < 0)
				return pq_syntax(l->src, t->pos, l->err,
						 "unknown escape sequence in string");
		} else {
			out[n] = *p++;
		}
		n += (size_t)k;
	}
	out[n] = '\0';
	t->kind = PQ_T_STRING;
	t->text = out;
	l->at = (uint32_t)(end + 1 - l->src);
	return 0;
}
