// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "regex_prog.h"

#define RANGES_MAX 128
#define REPEAT_MAX 1000 /* as in RE2 */

struct parser {
	const char *pattern, *p, *end;
	struct sg_arena *arena;
	struct sg_error *err;
	int r; /* 0, or what went wrong first */
	unsigned depth;
	bool fold; /* (?i) */
};

/* Ranges while a set is being collected. */
struct collect {
	struct re_range r[RANGES_MAX];
	unsigned n;
};

static struct re_node *alternation(struct parser *ps);

static void *fail(struct parser *ps, const char *what)
{
	if (!ps->r)
		ps->r = sg_fail(ps->err, -EINVAL, "the pattern \"%s\" %s", ps->pattern, what);
	return NULL;
}

static void *no_memory(struct parser *ps)
{
	if (!ps->r)
		ps->r = -ENOMEM;
	return NULL;
}

static struct re_node *node(struct parser *ps, enum re_kind kind, struct re_node *a,
			    struct re_node *b)
{
	struct re_node *n = sg_arena_zalloc(ps->arena, sizeof(*n));

	if (!n)
		return no_memory(ps);
	*n = (struct re_node){.kind = kind, .a = a, .b = b};
	return n;
}

static bool at(const struct parser *ps, char c)
{
	return ps->p < ps->end && *ps->p == c;
}

static bool accept(struct parser *ps, char c)
{
	if (!at(ps, c))
		return false;
	ps->p++;
	return true;
}

static void add_range(struct parser *ps, struct collect *c, uint32_t lo, uint32_t hi)
{
	if (c->n == RANGES_MAX) {
		fail(ps, "has too many characters in one [...]");
		return;
	}
	c->r[c->n++] = (struct re_range){lo, hi};
}

/* With (?i), also the other case of the ASCII letters in the range. */
static void add_folded(struct parser *ps, struct collect *c, uint32_t lo, uint32_t hi)
{
	uint32_t a, z;

	add_range(ps, c, lo, hi);
	if (!ps->fold)
		return;
	a = SG_MAX(lo, (uint32_t)'a'), z = SG_MIN(hi, (uint32_t)'z');
	if (a <= z)
		add_range(ps, c, a - 32, z - 32);
	a = SG_MAX(lo, (uint32_t)'A'), z = SG_MIN(hi, (uint32_t)'Z');
	if (a <= z)
		add_range(ps, c, a + 32, z + 32);
}

static struct re_node *set_node(struct parser *ps, const struct collect *c, bool negated)
{
	struct re_node *n = node(ps, RE_SET, NULL, NULL);
	struct re_set *s = sg_arena_alloc(ps->arena, sizeof(*s));
	struct re_range *r = sg_arena_alloc(ps->arena, c->n * sizeof(*r));

	if (!n || !s || !r)
		return no_memory(ps);
	memcpy(r, c->r, c->n * sizeof(*r));
	*s = (struct re_set){.ranges = r, .n = (uint16_t)c->n, .negated = negated};
	n->set = s;
	return n;
}

struct class
{
	char letter;
	uint8_t n;
	struct re_range r[4];
};

static const struct class classes[] = {
	{'d', 1, {{'0', '9'}}},
	{'s', 3, {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
	{'w', 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
};

static const struct class *find_class(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].letter == letter)
			return &classes[i];
	return NULL;
}

/* \d and its like, or the complement for \D. The classes ascend by code. */
static void add_class(struct parser *ps, struct collect *c, const struct class *cl, bool negated)
{
	uint32_t next = 0;

	for (unsigned i = 0; i < cl->n; i++) {
		if (!negated)
			add_range(ps, c, cl->r[i].lo, cl->r[i].hi);
		else if (cl->r[i].lo > next)
			add_range(ps, c, next, cl->r[i].lo - 1);
		next = cl->r[i].hi + 1;
	}
	if (negated)
		add_range(ps, c, next, RE_CP_MAX);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After \x: two digits, or up to six in braces. */
static uint32_t hex_escape(struct parser *ps)
{
	bool braces = accept(ps, '{');
	unsigned n = 0, most = braces ? 6 : 2;
	uint32_t v = 0;

	for (; n < most && ps->p < ps->end && hex_digit(*ps->p) >= 0; n++)
		v = v << 4 | (uint32_t)hex_digit(*ps->p++);
	if (!n || (!braces && n < 2) || (braces && !accept(ps, '}')) || v > RE_CP_MAX)
		fail(ps, "has a \\x that is not followed by a character's code");
	return v;
}

/* After the backslash, what is not a class: a control character or punctuation as itself. */
static uint32_t escaped_char(struct parser *ps)
{
	static const char names[] = "aftnrv", codes[] = "\a\f\t\n\r\v";
	char c = ps->p < ps->end ? *ps->p++ : 0;
	const char *known = c ? strchr(names, c) : NULL;

	if (known)
		return (unsigned char)codes[known - names];
	if (c == 'x')
		return hex_escape(ps);
	if (!c || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (unsigned char)c >= 0x80)
		fail(ps, c ? "uses an escape that is not supported" : "ends in a backslash");
	return (unsigned char)c;
}

static uint32_t plain_char(struct parser *ps)
{
	uint32_t cp = 0;
	unsigned n = sg_utf8_next(ps->p, ps->end - ps->p, &cp);

	if (!n)
		fail(ps, "is not valid UTF-8");
	ps->p += n;
	return cp;
}

/* One end of a range in [...], or a class: then true, with the class added. */
static bool set_item(struct parser *ps, struct collect *c, uint32_t *cp)
{
	const struct class *cl;

	if (!accept(ps, '\\')) {
		*cp = plain_char(ps);
		return false;
	}
	cl = ps->p < ps->end ? find_class(*ps->p | 32) : NULL;
	if (!cl) {
		*cp = escaped_char(ps);
		return false;
	}
	add_class(ps, c, cl, !(*ps->p++ & 32));
	return true;
}

static struct re_node *bracket(struct parser *ps)
{
	struct collect c = {.n = 0};
	bool negated = accept(ps, '^');
	uint32_t lo = 0, hi;

	for (bool first = true; !ps->r && (first || !at(ps, ']')); first = false) {
		if (ps->p == ps->end)
			return fail(ps, "lacks a ']'");
		if (ps->p[0] == '[' && ps->end - ps->p > 1 && ps->p[1] == ':')
			return fail(ps, "uses [[:class:]], which is not supported");
		if (set_item(ps, &c, &lo))
			continue;
		hi = lo;
		if (at(ps, '-') && ps->end - ps->p > 1 && ps->p[1] != ']') {
			ps->p++;
			if (set_item(ps, &c, &hi) || hi < lo)
				return fail(ps, "has a range in [...] that does not ascend");
		}
		add_folded(ps, &c, lo, hi);
	}
	ps->p++;
	return ps->r ? NULL : set_node(ps, &c, negated);
}

static struct re_node *escape(struct parser *ps)
{
	struct collect c = {.n = 0};
	const struct class *cl;
	uint32_t cp;

	if (accept(ps, 'A'))
		return node(ps, RE_BEGIN, NULL, NULL);
	if (accept(ps, 'z'))
		return node(ps, RE_END, NULL, NULL);
	cl = ps->p < ps->end ? find_class(*ps->p | 32) : NULL;
	if (cl) {
		add_class(ps, &c, cl, !(*ps->p++ & 32));
	} else {
		cp = escaped_char(ps);
		add_folded(ps, &c, cp, cp);
	}
	return ps->r ? NULL : set_node(ps, &c, false);
}

/* After "(?": ':' or flags; only i and s mean something here. True when a group follows. */
static bool group_flags(struct parser *ps)
{
	while (ps->p < ps->end && !at(ps, ':') && !at(ps, ')')) {
		if (accept(ps, 'i')) {
			ps->fold = true;
		} else if (!accept(ps, 's')) {
			fail(ps, "uses a (?...) other than (?:...), (?i) and (?s)");
			return false;
		}
	}
	if (accept(ps, ':'))
		return true;
	if (!accept(ps, ')'))
		fail(ps, "lacks a ')'");
	return false;
}

/* After '('. A flag holds to the end of the group that it stands in. */
static struct re_node *group(struct parser *ps)
{
	bool fold = ps->fold;
	struct re_node *n;

	if (accept(ps, '?') && !group_flags(ps))
		return ps->r ? NULL : node(ps, RE_EMPTY, NULL, NULL);
	if (++ps->depth > SG_REGEX_DEPTH_MAX)
		return fail(ps, "has too many groups within groups");
	n = alternation(ps);
	ps->depth--;
	if (n && !accept(ps, ')'))
		return fail(ps, "lacks a ')'");
	ps->fold = fold;
	return n;
}

static struct re_node *atom(struct parser *ps)
{
	struct collect c = {.n = 0};
	uint32_t cp;

	switch (*ps->p) {
	case '(': ps->p++; return group(ps);
	case '[': ps->p++; return bracket(ps);
	case '\\': ps->p++; return escape(ps);
	case '^': ps->p++; return node(ps, RE_BEGIN, NULL, NULL);
	case '$': ps->p++; return node(ps, RE_END, NULL, NULL);
	case '.':
		ps->p++;
		add_range(ps, &c, 0, RE_CP_MAX);
		return set_node(ps, &c, false);
	case '*':
	case '+':
	case '?': return fail(ps, "repeats nothing");
	default:
		cp = plain_char(ps);
		add_folded(ps, &c, cp, cp);
		return ps->r ? NULL : set_node(ps, &c, false);
	}
}

static bool number(struct parser *ps, uint32_t *ret)
{
	const char *start = ps->p;

	*ret = 0;
	while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9' && *ret <= REPEAT_MAX)
		*ret = *ret * 10 + (uint32_t)(*ps->p++ - '0');
	return ps->p > start;
}

/* {n}, {n,} or {n,m} at p; anything else in braces is literal text, as in RE2. */
static bool braces(struct parser *ps, uint32_t *min, uint32_t *max)
{
	const char *start = ps->p;

	if (accept(ps, '{') && number(ps, min)) {
		*max = *min;
		if (accept(ps, ',') && !number(ps, max))
			*max = RE_NO_MAX;
		if (accept(ps, '}'))
			return true;
		if (*min > REPEAT_MAX || (*max != RE_NO_MAX && *max > REPEAT_MAX)) {
			fail(ps, "repeats something more than 1000 times");
			return false;
		}
	}
	ps->p = start;
	return false;
}

static bool repetition(struct parser *ps, uint32_t *min, uint32_t *max)
{
	*min = 0;
	*max = RE_NO_MAX;
	if (accept(ps, '*'))
		return true;
	if (accept(ps, '+')) {
		*min = 1;
		return true;
	}
	if (accept(ps, '?')) {
		*max = 1;
		return true;
	}
	return at(ps, '{') && braces(ps, min, max);
}

static struct re_node *repeated(struct parser *ps)
{
	struct re_node *n = atom(ps);
	uint32_t min, max;

	if (!n || !repetition(ps, &min, &max))
		return ps->r ? NULL : n;
	if (min > REPEAT_MAX || (max != RE_NO_MAX && (max > REPEAT_MAX || max < min)))
		return fail(ps, "repeats something more than 1000 times, or less than nothing");
	n = node(ps, RE_REPEAT, n, NULL);
	if (n) {
		n->min = min;
		n->max = max;
	}
	accept(ps, '?');
	if (at(ps, '*') || at(ps, '+') || at(ps, '?'))
		return fail(ps, "repeats a repetition; put the inner one in (?:...)");
	return n;
}

static struct re_node *concatenation(struct parser *ps)
{
	struct re_node *all = node(ps, RE_EMPTY, NULL, NULL);

	while (all && ps->p < ps->end && *ps->p != '|' && *ps->p != ')') {
		struct re_node *n = repeated(ps);

		all = n ? node(ps, RE_CAT, all, n) : NULL;
	}
	return all;
}

static struct re_node *alternation(struct parser *ps)
{
	struct re_node *all = concatenation(ps);

	while (all && accept(ps, '|')) {
		struct re_node *n = concatenation(ps);

		all = n ? node(ps, RE_ALT, all, n) : NULL;
	}
	return all;
}

int re_parse(const char *pattern, struct sg_arena *arena, struct re_node **ret,
	     struct sg_error *err)
{
	struct parser ps = {.pattern = pattern, .p = pattern, .arena = arena, .err = err};
	struct re_node *n;

	ps.end = pattern + strlen(pattern);
	n = alternation(&ps);
	if (n && ps.p < ps.end)
		fail(&ps, "has a ')' without a '('");
	if (ps.r)
		return ps.r;
	*ret = n;
	return 0;
}
