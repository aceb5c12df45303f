// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/mem.h>
#include <sgprobe/named.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ARG_MAX_NUMBER 32
#define PARTS_MAX 3

static const struct kind {
	const char *name, *form;
	unsigned int parts; /* behind the kind */
} kinds[] = {
	[SG_NAMED_UPROBE] = {"uprobe", "uprobe:PATH:FUNCTION", 2},
	[SG_NAMED_USDT] = {"usdt", "usdt:PATH:PROVIDER:NAME", 3},
	[SG_NAMED_TRACEPOINT] = {"tracepoint", "tracepoint:CATEGORY:NAME", 2},
	[SG_NAMED_KERNEL] = {"kernel", "kernel:FUNCTION", 1},
};

static const struct kind *kind_of(const char *spec, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, spec, n) == 0)
			return &kinds[i];
	return NULL;
}

static bool is_plain(const char *s)
{
	return *s && s[strspn(s, LETTERS DIGITS "_")] == 0;
}

/* Neither space nor control byte nor what is not ASCII. */
static bool is_printable(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

static bool is_path(const char *s)
{
	if (*s == '/')
		return true;
	return *s && s[strspn(s, LETTERS DIGITS "_.+-")] == 0 && *s != '.';
}

static int wrong_form(const struct kind *k, const char *spec, struct sg_error *err)
{
	if (k)
		return sg_fail(err, -EINVAL, "'%.200s' is not of the form %s", spec, k->form);
	return sg_fail(err, -EINVAL,
		       "'%.200s' does not say what to watch; write uprobe:PATH:FUNCTION, "
		       "usdt:PATH:PROVIDER:NAME, tracepoint:CATEGORY:NAME or kernel:FUNCTION",
		       spec);
}

/* Splits the rest at colons; the last part, a function, may have some of its own. */
static bool split(const char *rest, char (*to[PARTS_MAX])[SG_NAMED_SPEC], unsigned int n)
{
	for (unsigned int i = 0; i < n && i < PARTS_MAX; i++) {
		const char *colon = i + 1 < n ? strchr(rest, ':') : NULL;
		size_t len = colon ? (size_t)(colon - rest) : strlen(rest);

		if ((i + 1 < n && !colon) || !len || len >= SG_NAMED_SPEC)
			return false;
		memcpy(*to[i], rest, len);
		(*to[i])[len] = 0;
		rest += len + (colon != NULL);
	}
	return true;
}

static bool is_well_formed(const struct sg_named_target *t)
{
	bool kernel = t->kind == SG_NAMED_TRACEPOINT || t->kind == SG_NAMED_KERNEL;

	if (!is_printable(t->symbol) || (t->path[0] && !is_path(t->path)))
		return false;
	if (t->group[0] && !is_plain(t->group))
		return false;
	/* A part of a path below the kernel's own folders, or a name in its tables. */
	return !kernel || t->symbol[strspn(t->symbol, LETTERS DIGITS "_.")] == 0;
}

int sg_named_parse(const char *spec, struct sg_named_target *ret, struct sg_error *err)
{
	size_t n = strcspn(spec, ":");
	const struct kind *k = kind_of(spec, n);
	struct sg_named_target t = {0};
	char(*parts[PARTS_MAX])[SG_NAMED_SPEC] = {&t.path, &t.group, &t.symbol};

	if (!k || spec[n] != ':')
		return wrong_form(k, spec, err);
	t.kind = (enum sg_named_kind)(k - kinds);
	if (t.kind == SG_NAMED_UPROBE)
		parts[1] = &t.symbol;
	if (t.kind == SG_NAMED_TRACEPOINT) {
		parts[0] = &t.group;
		parts[1] = &t.symbol;
	}
	if (t.kind == SG_NAMED_KERNEL)
		parts[0] = &t.symbol;
	if (!is_printable(spec) || !split(spec + n + 1, parts, k->parts) || !is_well_formed(&t))
		return wrong_form(k, spec, err);
	*ret = t;
	return 0;
}

int sg_named_check(const struct sg_named *n, struct sg_error *err)
{
	struct sg_named_target t;
	int r;

	if (!n->name[0] || n->name[strspn(n->name, LETTERS DIGITS "_.-")] ||
	    !strchr(LETTERS "_", n->name[0]))
		return sg_fail(err, -EINVAL,
			       "'%.40s' cannot be the name of a probe: letters, digits, _ - and . "
			       "can, up to %d, with a letter first",
			       n->name, SG_NAMED_NAME - 1);
	if (n->arg > ARG_MAX_NUMBER)
		return sg_fail(err, -EINVAL, "arguments are numbered from 1 to %d", ARG_MAX_NUMBER);
	r = sg_named_parse(n->spec, &t, err);
	if (r == 0 && n->arg > 6 && t.kind != SG_NAMED_USDT && t.kind != SG_NAMED_TRACEPOINT)
		return sg_fail(err, -EINVAL,
			       "only the first six arguments of a function can be read");
	return r;
}

int sg_named_parse_arg(const char *text, struct sg_named *n, struct sg_error *err)
{
	const char *colon = strchr(text, ':');
	char number[8] = "";
	uint64_t v = 0;

	snprintf(number, sizeof(number), "%.*s", colon ? (int)SG_MIN(colon - text, 7) : 7, text);
	if (sg_parse_u64(number, 1, ARG_MAX_NUMBER, &v) < 0 ||
	    (colon && strcmp(colon, ":string") != 0))
		return sg_fail(err, -EINVAL,
			       "'%.40s' is not the number of an argument; write for example 1 for "
			       "a number, 2:string for a text",
			       text);
	n->arg = (uint8_t)v;
	n->text = colon;
	return 0;
}

const char *sg_named_format_arg(const struct sg_named *n, char out[16])
{
	snprintf(out, 16, "%u%s", n->arg, n->text ? ":string" : "");
	if (!n->arg)
		*out = 0;
	return out;
}

void sg_named_print(struct sg_buf *b, const struct sg_named *n)
{
	char arg[16];

	sg_buf_printf(b, "  - name: %s\n    probe: ", n->name);
	sg_json_str(b, n->spec);
	sg_buf_char(b, '\n');
	if (n->arg)
		sg_buf_printf(b, "    by_arg: \"%s\"\n", sg_named_format_arg(n, arg));
	if (n->untimed)
		sg_buf_str(b, "    latency: false\n");
}

const char *sg_named_state_name(enum sg_named_state s)
{
	static const char *const names[SG_NAMED_STATES] = {
		[SG_NAMED_WAITING] = "waiting",	 [SG_NAMED_ON] = "on",
		[SG_NAMED_REFUSED] = "refused",	 [SG_NAMED_HOT] = "too hot",
		[SG_NAMED_SHED] = "off for now",
	};

	return s < SG_NAMED_STATES ? names[s] : "";
}

static bool ends(const char *s, size_t n)
{
	return memchr(s, 0, n) != NULL;
}

bool sg_named_command_valid(const struct sg_named_command *c)
{
	const uint8_t *text = (const uint8_t *)&c->probe.text,
		      *untimed = (const uint8_t *)&c->probe.untimed;

	return c->verb < SG_NAMED_VERBS && ends(c->probe.name, sizeof(c->probe.name)) &&
	       ends(c->probe.spec, sizeof(c->probe.spec)) && *text <= 1 && *untimed <= 1;
}
