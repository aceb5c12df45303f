// SPDX-License-Identifier: GPL-2.0
// Translates RE2's syntax to POSIX extended regular expressions.
#include "label_regex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct translation {
	struct pq_regex *r;
	struct sg_buf out;
	size_t groups; /* of the C library, so far */
	unsigned long copies; /* that counted repetitions make, one within the other at worst */
	int flags;
};

static const char word[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

/* What an escaped letter stands for, within brackets; NULL: itself. */
static const char *class_of(char c)
{
	switch (c) {
	case 'd': return "0-9";
	case 'w': return "0-9A-Za-z_";
	case 's': return " \t\n\f\r";
	default: return NULL;
	}
}

static int add_group(struct translation *t, const char *name, size_t len)
{
	struct pq_regex *r = t->r;

	if (r->n == PQ_MAX_GROUPS)
		return -EINVAL;
	r->groups[r->n++] = (struct pq_group){t->groups, name, len};
	return 0;
}

/* "(?i)" and the like, at the start only. What it takes, or -EINVAL. */
static int flags(struct translation *t, const char *p, bool first)
{
	size_t n = strspn(p + 2, "is");

	if (!first || !n || p[2 + n] != ')')
		return -EINVAL;
	if (memchr(p + 2, 'i', n))
		t->flags |= REG_ICASE;
	return (int)n + 3;
}

/* An opening bracket. How much of the pattern it takes, or -EINVAL. */
static int open_group(struct translation *t, const char *p, bool first)
{
	bool named = !strncmp(p, "(?P<", 4) || !strncmp(p, "(?<", 3);
	const char *name = named ? strchr(p, '<') + 1 : NULL;
	size_t len = named ? strspn(name, word) : 0;
	int r = 0;

	if (p[1] == '?' && !named && p[2] != ':')
		return flags(t, p, first);
	if (named && (!len || name[len] != '>'))
		return -EINVAL;
	t->groups++;
	sg_buf_char(&t->out, '(');
	if (p[1] != '?' || named)
		r = add_group(t, name, len);
	return r < 0 ? r : named ? (int)(name + len + 1 - p) : p[1] == '?' ? 3 : 1;
}

static int escape(struct translation *t, const char *p)
{
	const char *class = class_of(p[1] | 0x20);

	if (!p[1])
		return -EINVAL;
	if (class && strchr("dwsDWS", p[1]))
		sg_buf_printf(&t->out, "[%s%s]", p[1] & 0x20 ? "" : "^", class);
	else if (strchr(word, p[1]))
		return -EINVAL; /* \b and the like mean something else to the C library */
	else
		sg_buf_printf(&t->out, "\\%c", p[1]);
	return 2;
}

/* "[...]", where the C library knows no backslash. */
static int brackets(struct translation *t, const char *p)
{
	const char *start = p++;
	bool minus = false;

	sg_buf_char(&t->out, '[');
	if (*p == '^')
		sg_buf_char(&t->out, *p++);
	if (*p == ']')
		sg_buf_char(&t->out, *p++);
	for (; *p && *p != ']'; p++) {
		if (*p != '\\') {
			sg_buf_char(&t->out, *p);
			continue;
		}
		p++;
		if (!*p || *p == ']' || *p == '^')
			return -EINVAL;
		if (class_of(*p))
			sg_buf_str(&t->out, class_of(*p));
		else if (*p == '-')
			minus = true; /* last it is itself */
		else
			sg_buf_char(&t->out, *p);
	}
	sg_buf_str(&t->out, minus ? "-]" : "]");
	return *p ? (int)(p + 1 - start) : -EINVAL;
}

#define MAX_COPIES 1000 /* as in RE2 */

/* "{2,5}": the C library writes the copies out, which has to end somewhere. */
static int count_copies(struct translation *t, const char *p)
{
	unsigned long most = 1;

	for (p++; (*p >= '0' && *p <= '9') || *p == ','; p++) {
		char *end;
		unsigned long n = *p == ',' ? 0 : strtoul(p, &end, 10);

		if (*p != ',')
			p = end - 1;
		most = SG_MAX(most, n);
	}
	if (most > MAX_COPIES / t->copies)
		return -EINVAL;
	t->copies *= most;
	return 1;
}

static int translate(struct translation *t, const char *pattern)
{
	const char *p = pattern;

	while (*p) {
		int n = 1;

		if (*p == '(')
			n = open_group(t, p, p == pattern);
		else if (*p == '\\')
			n = escape(t, p);
		else if (*p == '[')
			n = brackets(t, p);
		else
			sg_buf_char(&t->out, *p);
		if (*p == '{')
			n = count_copies(t, p);
		if (n < 0)
			return n;
		if (*p == '*' || *p == '+' || *p == '?' || *p == '}')
			n += p[1] == '?';
		p += n;
	}
	return 0;
}

static int compile(struct pq_regex *r, const char *pattern, bool anchored)
{
	struct translation t = {.r = r, .groups = 1, .copies = 1, .flags = REG_EXTENDED};
	int k;

	/* The bracket that anchors is what $0 stands for. */
	*r = (struct pq_regex){.n = 1, .groups = {{.at = 1}}};
	sg_buf_str(&t.out, anchored ? "^(" : "(");
	k = translate(&t, pattern);
	sg_buf_str(&t.out, anchored ? ")$" : ")");
	if (!k && t.out.err)
		k = -ENOMEM;
	if (!k && (t.groups >= PQ_MAX_GROUPS || regcomp(&r->re, t.out.data, t.flags)))
		k = -EINVAL;
	sg_buf_free(&t.out);
	return k;
}

int pq_regex_compile(struct pq_regex *r, const char *pattern)
{
	return compile(r, pattern, true);
}

int pq_regex_compile_part(struct pq_regex *r, const char *pattern)
{
	return compile(r, pattern, false);
}

void pq_regex_free(struct pq_regex *r)
{
	regfree(&r->re);
}

static size_t group_of(const struct pq_regex *r, const char *name, size_t n)
{
	size_t k = 0;

	for (size_t i = 1; i < r->n; i++)
		if (r->groups[i].name && r->groups[i].len == n &&
		    !memcmp(r->groups[i].name, name, n))
			return i;
	if (n > 3 || strspn(name, "0123456789") < n)
		return r->n;
	for (size_t i = 0; i < n; i++)
		k = k * 10 + (size_t)(name[i] - '0');
	return k;
}

/* A group that there is not stands for nothing. */
static void add_match(const struct pq_regex *r, const char *name, size_t n, const char *text,
		      const regmatch_t *m, struct sg_buf *out)
{
	size_t k = group_of(r, name, n);

	if (k >= r->n || m[r->groups[k].at].rm_so < 0)
		return;
	m += r->groups[k].at;
	sg_buf_add(out, text + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
}

static void expand(const struct pq_regex *r, const char *text, const regmatch_t *m,
		   const char *with, struct sg_buf *out)
{
	while (*with) {
		bool brace = with[0] == '$' && with[1] == '{';
		const char *p = with + 1 + brace;
		size_t n = strspn(p, word);

		if (with[0] == '$' && with[1] == '$') {
			sg_buf_char(out, '$');
			with += 2;
		} else if (*with != '$' || !n || (brace && p[n] != '}')) {
			sg_buf_char(out, *with++);
		} else {
			add_match(r, p, n, text, m, out);
			with = p + n + brace;
		}
	}
}

bool pq_regex_replace(const struct pq_regex *r, const char *text, const char *with,
		      struct sg_buf *out)
{
	regmatch_t m[PQ_MAX_GROUPS + 1];

	if (regexec(&r->re, text, ARRAY_SIZE(m), m, 0))
		return false;
	expand(r, text, m, with, out);
	return true;
}

/* An empty match right behind another one does not count. */
void pq_regex_replace_all(const struct pq_regex *r, const char *text, const char *with,
			  struct sg_buf *out)
{
	regmatch_t m[PQ_MAX_GROUPS + 1];
	bool behind = false;
	int flags = 0;

	for (; !out->err && !regexec(&r->re, text, ARRAY_SIZE(m), m, flags); flags = REG_NOTBOL) {
		size_t start = (size_t)m[0].rm_so, end = (size_t)m[0].rm_eo;

		sg_buf_add(out, text, start);
		if (end > start || start > 0 || !behind)
			expand(r, text, m, with, out);
		text += end;
		behind = end > start;
		if (!behind && !*text)
			return;
		if (!behind)
			sg_buf_char(out, *text++);
	}
	sg_buf_str(out, text);
}
