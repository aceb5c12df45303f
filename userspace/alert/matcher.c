// SPDX-License-Identifier: GPL-2.0
// Matchers in Alertmanager's writing.
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <sgprobe/alert_config.h>

#include "model/names.h"

#define TEXT_MAX 8192
#define MATCHERS_MAX 64

struct reading {
	const char *s, *all;
	struct sg_arena *a;
	struct sg_error *err;
};

static int bad(const struct reading *r)
{
	return sg_fail(
		r->err, -EINVAL,
		"bad matcher format: %.200s; write it as name=\"value\", with =, !=, =~ or !~",
		r->all);
}

static void skip_blank(struct reading *r)
{
	r->s += strspn(r->s, " \t\n");
}

static int op(struct reading *r, enum sg_match_op *ret)
{
	static const struct {
		const char *text;
		enum sg_match_op op;
	} ops[] = {
		{"=~", SG_MATCH_RE}, {"!~", SG_MATCH_NRE}, {"!=", SG_MATCH_NE}, {"=", SG_MATCH_EQ}};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strncmp(r->s, ops[i].text, strlen(ops[i].text)) != 0)
			continue;
		*ret = ops[i].op;
		r->s += strlen(ops[i].text);
		return 0;
	}
	return bad(r);
}

static int quoted(struct reading *r, char *to)
{
	for (r->s++; *r->s != '"'; r->s++) {
		if (!*r->s)
			return bad(r);
		if (*r->s != '\\') {
			*to++ = *r->s;
			continue;
		}
		r->s++;
		if (*r->s != '"' && *r->s != '\\' && *r->s != 'n')
			return bad(r);
		*to++ = *r->s == 'n' ? '\n' : *r->s;
	}
	r->s++;
	*to = '\0';
	return 0;
}

static int plain(struct reading *r, char *to)
{
	size_t n = strcspn(r->s, ",}\"");

	if (r->s[n] == '"')
		return bad(r);
	memcpy(to, r->s, n);
	r->s += n;
	while (n && isspace((unsigned char)to[n - 1]))
		n--;
	to[n] = '\0';
	return 0;
}

static int one(struct reading *r, struct sg_matcher *m)
{
	size_t n = strspn(r->s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
	const char *name = sg_arena_strndup(r->a, r->s, n);
	char *value = sg_arena_alloc(r->a, strlen(r->s) + 1);
	int k;

	if (!name || !value)
		return -ENOMEM;
	*m = (struct sg_matcher){.name = name, .value = value};
	if (!n || isdigit((unsigned char)*name))
		return bad(r);
	r->s += n;
	skip_blank(r);
	k = op(r, &m->op);
	if (k < 0)
		return k;
	skip_blank(r);
	k = *r->s == '"' ? quoted(r, value) : plain(r, value);
	skip_blank(r);
	if (k == 0 && !sg_utf8_valid(value, strlen(value)))
		return bad(r);
	return k;
}

static int list(struct reading *r, bool braces, struct sg_selector *ret)
{
	struct sg_matcher all[MATCHERS_MAX];
	size_t n = 0;
	int k = 0;

	while (k == 0 && *r->s && *r->s != '}') {
		if (n == MATCHERS_MAX)
			return sg_fail(r->err, -EINVAL, "more than %d matchers", MATCHERS_MAX);
		k = one(r, &all[n++]);
		if (k < 0)
			return k;
		if (*r->s != ',')
			break;
		r->s++;
		skip_blank(r);
	}
	if ((*r->s == '}') != braces)
		return bad(r);
	r->s += braces;
	skip_blank(r);
	if (*r->s || !n)
		return bad(r);
	ret->matchers = sg_arena_alloc(r->a, n * sizeof(*ret->matchers));
	if (!ret->matchers)
		return -ENOMEM;
	memcpy(ret->matchers, all, n * sizeof(*all));
	ret->n = n;
	return 0;
}

int sg_matchers_parse(const char *text, struct sg_arena *a, struct sg_selector *ret,
		      struct sg_error *err)
{
	struct reading r = {text, text, a, err};
	bool braces;

	*ret = (struct sg_selector){0};
	if (strlen(text) > TEXT_MAX)
		return sg_fail(err, -EINVAL, "matchers of more than %d bytes", TEXT_MAX);
	skip_blank(&r);
	braces = *r.s == '{';
	r.s += braces;
	skip_blank(&r);
	return list(&r, braces, ret);
}

void sg_matchers_format(struct sg_buf *b, const struct sg_selector *sel)
{
	static const char *const ops[] = {"=", "!=", "=~", "!~"};

	sg_buf_char(b, '{');
	for (size_t i = 0; i < sel->n; i++) {
		sg_buf_printf(b, "%s%s%s\"", i ? "," : "", sel->matchers[i].name,
			      ops[sel->matchers[i].op]);
		for (const char *s = sel->matchers[i].value; *s; s++) {
			if (*s == '"' || *s == '\\')
				sg_buf_char(b, '\\');
			if (*s == '\n')
				sg_buf_str(b, "\\n");
			else
				sg_buf_char(b, *s);
		}
		sg_buf_char(b, '"');
	}
	sg_buf_char(b, '}');
}
