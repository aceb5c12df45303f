// SPDX-License-Identifier: GPL-2.0
// Strings, characters and numbers of templates.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "template_parse.h"

static int hex_digits(const char *s, int n, unsigned long *ret)
{
	char text[9] = {0};

	for (int i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return -EINVAL;
	memcpy(text, s, (size_t)n);
	*ret = strtoul(text, NULL, 16);
	return 0;
}

static size_t put_rune(char *to, unsigned long c)
{
	if (c < 0x80)
		return to[0] = (char)c, 1;
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* What stands behind a backslash; p->s is on it. */
static int escape(struct parser *p, char quote, char *to, size_t *n)
{
	static const char from[] = "abfnrtv\\", with[] = "\a\b\f\n\r\t\v\\";
	const char *at = strchr(from, *p->s);
	int digits = *p->s == 'x' ? 2 : *p->s == 'u' ? 4 : *p->s == 'U' ? 8 : 0;
	unsigned long c;

	if (*p->s && (at || *p->s == quote)) {
		to[(*n)++] = at ? with[at - from] : quote;
		p->s++;
		return 0;
	}
	if (!digits || hex_digits(p->s + 1, digits, &c) < 0 || !c || c > 0x10ffff)
		return wrong(p, "an escape \\%.1s that there is not, in a string", p->s);
	if (digits == 2)
		to[(*n)++] = (char)c;
	else
		*n += put_rune(to + *n, c);
	p->s += 1 + digits;
	return 0;
}

/* "...", or '.': the bytes in it. */
int al_tmpl_quoted(struct parser *p, const char **ret)
{
	char quote = *p->s++, *to;
	size_t n = 0;
	int r = 0;

	while (p->s[n] && p->s[n] != quote)
		n += p->s[n] == '\\' && p->s[n + 1] ? 2 : 1;
	to = sg_arena_alloc(p->arena, n + 5); /* no escape is shorter than what it stands for */
	n = 0;

	if (!to)
		return -ENOMEM;
	while (r == 0 && *p->s != quote) {
		if (!*p->s || *p->s == '\n')
			return wrong(p, "a string that is not closed");
		if (*p->s != '\\') {
			to[n++] = *p->s++;
			continue;
		}
		p->s++;
		r = escape(p, quote, to, &n);
	}
	p->s += r == 0;
	to[n] = '\0';
	*ret = to;
	return r;
}

int al_tmpl_raw_string(struct parser *p, const char **ret)
{
	const char *end = strchr(p->s + 1, '`');

	if (!end)
		return wrong(p, "a raw string that is not closed");
	*ret = sg_arena_strndup(p->arena, p->s + 1, (size_t)(end - p->s - 1));
	p->s = end + 1;
	return *ret ? 0 : -ENOMEM;
}

int al_tmpl_character(struct parser *p, struct al_value *v)
{
	const unsigned char *s;
	const char *text;
	int r = al_tmpl_quoted(p, &text);

	if (r < 0)
		return r;
	s = (const unsigned char *)text;
	if (!sg_utf8_valid(text, strlen(text)) || !*s)
		return wrong(p, "a character that is none");
	*v = (struct al_value){.kind = AL_INT, .i = s[0]};
	if (s[0] >= 0xf0)
		v->i = (s[0] & 7) << 18 | (s[1] & 63) << 12 | (s[2] & 63) << 6 | (s[3] & 63);
	else if (s[0] >= 0xe0)
		v->i = (s[0] & 15) << 12 | (s[1] & 63) << 6 | (s[2] & 63);
	else if (s[0] >= 0xc0)
		v->i = (s[0] & 31) << 6 | (s[1] & 63);
	return 0;
}

/* Between digits they only help to read. */
static void drop_underscores(char *s)
{
	char *to = s;

	for (char before = 0; *s; before = *s++)
		if (*s != '_' || !isxdigit((unsigned char)before) || !isxdigit((unsigned char)s[1]))
			*to++ = *s;
	*to = '\0';
}

int al_tmpl_number(struct parser *p, struct al_value *v)
{
	size_t n = strcspn(p->s, " \t\r\n)|},:=(");
	char *text = sg_arena_strndup(p->arena, p->s, n), *end;

	if (!text)
		return -ENOMEM;
	p->s += n;
	drop_underscores(text);
	errno = 0;
	*v = (struct al_value){.kind = AL_INT, .i = strtoll(text, &end, 0)};
	if (!*end && !errno)
		return 0;
	*v = (struct al_value){.kind = AL_FLOAT, .f = strtod(text, &end)};
	if (*end || end == text)
		return wrong(p, "bad number: %.40s", text);
	/* 1e3 is a whole number, too. */
	if (!strchr(text, '.') && fabs(v->f) < 1e15 && v->f == floor(v->f))
		*v = (struct al_value){.kind = AL_INT, .i = (int64_t)v->f};
	return 0;
}
