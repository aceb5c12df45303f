// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "regex_prog.h"

#define STEPS_MAX 65536 /* of compilation: repeated nothing emits nothing, but takes time */

/* Most patterns in use are one of these and need no automaton. */
enum shape { SHAPE_PROGRAM, SHAPE_WORDS, SHAPE_PREFIX };

struct sg_regex {
	struct sg_arena *arena;
	enum shape shape;
	size_t n_words; /* WORDS: any of these; PREFIX: the first one, then anything */
	const char **words;
	size_t prefix_len, least; /* PREFIX: of the prefix, and of the whole text */
	uint16_t n;
	struct re_inst prog[];
};

/* ---- shapes -------------------------------------------------------------------- */

/* Copies the literal text at *p up to a metacharacter; the punctuation that \ quotes is text. */
static size_t literal(const char **p, char *out)
{
	size_t n = 0;

	for (; **p && !strchr(".+*?()|[]{}^$", **p); (*p)++) {
		if (**p == '\\' && (!(*p)[1] || !strchr("\\.+*?()|[]{}^$-/", (*p)[1])))
			break;
		if (**p == '\\')
			(*p)++;
		out[n++] = **p;
	}
	out[n] = 0;
	return n;
}

static bool is_prefix_pattern(struct sg_regex *re, const char *pattern, char *out)
{
	const char *p = pattern;

	re->prefix_len = literal(&p, out);
	re->least = re->prefix_len + (p[0] == '.' && p[1] == '+');
	return p[0] == '.' && (p[1] == '*' || p[1] == '+') && !p[2];
}

/* Splits "a|b|c" into words; false when it is more than that. */
static bool split_words(struct sg_regex *re, const char *pattern, char *out)
{
	const char *p = pattern;

	re->n_words = 0;
	for (;;) {
		re->words[re->n_words++] = out;
		out += literal(&p, out) + 1;
		if (!*p)
			return true;
		if (*p++ != '|')
			return false;
	}
}

static int find_shape(struct sg_regex *re, const char *pattern)
{
	size_t len = strlen(pattern), bars = 0;
	char *out = sg_arena_alloc(re->arena, 2 * len + 2);

	for (const char *p = pattern; *p; p++)
		bars += *p == '|';
	re->words = sg_arena_alloc(re->arena, (bars + 1) * sizeof(*re->words));
	if (!out || !re->words)
		return -ENOMEM;
	if (is_prefix_pattern(re, pattern, out)) {
		re->words[0] = out;
		re->shape = SHAPE_PREFIX;
	} else if (split_words(re, pattern, out)) {
		re->shape = SHAPE_WORDS;
	}
	return 0;
}

/* ---- from the tree to the program ------------------------------------------------ */

struct compiler {
	struct sg_regex *re;
	unsigned steps;
	bool full;
};

static uint16_t emit(struct compiler *c, enum re_op op)
{
	if (c->re->n == SG_REGEX_PROGRAM_MAX) {
		c->full = true;
		return 0;
	}
	c->re->prog[c->re->n] = (struct re_inst){.op = op};
	return c->re->n++;
}

static void compile(struct compiler *c, const struct re_node *n);

static void compile_alt(struct compiler *c, const struct re_node *n)
{
	struct re_inst *prog = c->re->prog;
	uint16_t split = emit(c, OP_SPLIT), jump;

	compile(c, n->a);
	jump = emit(c, OP_JUMP);
	if (c->full)
		return;
	prog[split].x = split + 1;
	prog[split].y = c->re->n;
	compile(c, n->b);
	prog[jump].x = c->re->n;
}

/* a{2,} is a a a*, a{1,3} is a (a (a)?)?: the optional ones all leave to the same end. */
static void compile_repeat(struct compiler *c, const struct re_node *n)
{
	struct re_inst *prog = c->re->prog;
	uint16_t first, split, jump;

	for (uint32_t i = 0; i < n->min && !c->full; i++)
		compile(c, n->a);
	if (n->max == RE_NO_MAX) {
		split = emit(c, OP_SPLIT);
		compile(c, n->a);
		jump = emit(c, OP_JUMP);
		prog[jump].x = split;
		prog[split].x = split + 1;
		prog[split].y = c->re->n;
		return;
	}
	first = c->re->n;
	for (uint32_t i = n->min; i < n->max && !c->full; i++) {
		split = emit(c, OP_SPLIT);
		prog[split].x = split + 1;
		prog[split].y = UINT16_MAX;
		compile(c, n->a);
	}
	for (uint16_t i = first; i < c->re->n && !c->full; i++)
		if (prog[i].op == OP_SPLIT && prog[i].y == UINT16_MAX)
			prog[i].y = c->re->n;
}

static void compile(struct compiler *c, const struct re_node *n)
{
	uint16_t at;

	if (++c->steps > STEPS_MAX)
		c->full = true;
	if (c->full)
		return;
	switch (n->kind) {
	case RE_EMPTY: break;
	case RE_SET:
		at = emit(c, OP_SET);
		c->re->prog[at].set = n->set;
		break;
	case RE_BEGIN: emit(c, OP_BEGIN); break;
	case RE_END: emit(c, OP_END); break;
	case RE_CAT:
		compile(c, n->a);
		compile(c, n->b);
		break;
	case RE_ALT: compile_alt(c, n); break;
	case RE_REPEAT: compile_repeat(c, n); break;
	}
}

static int build(struct sg_regex *re, const char *pattern, struct sg_error *err)
{
	struct compiler c = {.re = re};
	struct re_node *tree;
	int r = re_parse(pattern, re->arena, &tree, err);

	if (r < 0)
		return r;
	compile(&c, tree);
	emit(&c, OP_MATCH);
	if (c.full)
		return sg_fail(err, -EINVAL,
			       "the pattern \"%s\" is too large; shorten its repetitions", pattern);
	return 0;
}

int sg_regex_new(const char *pattern, struct sg_regex **ret, struct sg_error *err)
{
	sg_auto(sg_regex) re = NULL;
	int r;

	if (strlen(pattern) > SG_REGEX_PATTERN_MAX)
		return sg_fail(err, -EINVAL, "a pattern has more than %d bytes; shorten it",
			       SG_REGEX_PATTERN_MAX);
	re = calloc(1, sizeof(*re) + SG_REGEX_PROGRAM_MAX * sizeof(re->prog[0]));
	if (!re)
		return -ENOMEM;
	re->arena = sg_arena_new(0);
	if (!re->arena)
		return -ENOMEM;
	r = find_shape(re, pattern);
	if (!r && re->shape == SHAPE_PROGRAM)
		r = build(re, pattern, err);
	if (r < 0)
		return r;
	*ret = sg_take(re);
	return 0;
}

void sg_regex_free(struct sg_regex *re)
{
	if (!re)
		return;
	sg_arena_free(re->arena);
	free(re);
}

/* ---- matching ---------------------------------------------------------------------- */

/* Where the automaton may be: instructions that take a character, or the end. */
struct states {
	uint16_t n, at[SG_REGEX_PROGRAM_MAX];
};

struct run {
	const struct sg_regex *re;
	uint16_t stack[2 * SG_REGEX_PROGRAM_MAX];
	uint32_t seen[SG_REGEX_PROGRAM_MAX]; /* round in which the instruction was reached last */
	uint32_t round;
};

/* Follows what takes no character from pc on. */
static void reach(struct run *run, struct states *s, uint16_t pc, bool begin, bool end)
{
	unsigned n = 0;

	run->stack[n++] = pc;
	while (n) {
		const struct re_inst *in;

		pc = run->stack[--n];
		if (run->seen[pc] == run->round)
			continue;
		run->seen[pc] = run->round;
		in = &run->re->prog[pc];
		switch (in->op) {
		case OP_SET:
		case OP_MATCH: s->at[s->n++] = pc; break;
		case OP_SPLIT: run->stack[n++] = in->y; /* fall through */
		case OP_JUMP: run->stack[n++] = in->x; break;
		case OP_BEGIN:
		case OP_END:
			if (in->op == OP_BEGIN ? begin : end)
				run->stack[n++] = pc + 1;
			break;
		}
	}
}

static bool set_has(const struct re_set *set, uint32_t cp)
{
	for (unsigned i = 0; i < set->n; i++)
		if (cp >= set->ranges[i].lo && cp <= set->ranges[i].hi)
			return !set->negated;
	return set->negated;
}

static bool run_program(const struct sg_regex *re, const char *text)
{
	struct states a, b, *now = &a, *then = &b;
	struct run run = {.re = re, .round = 1};
	size_t left = strlen(text);

	now->n = 0;
	reach(&run, now, 0, true, !left);
	while (left && now->n) {
		uint32_t cp = (unsigned char)*text;
		unsigned len = sg_utf8_next(text, left, &cp);
		struct states *swap = now;

		len = len ? len : 1;
		text += len;
		left -= len;
		then->n = 0;
		run.round++;
		for (unsigned i = 0; i < now->n; i++) {
			const struct re_inst *in = &re->prog[now->at[i]];

			if (in->op == OP_SET && set_has(in->set, cp))
				reach(&run, then, now->at[i] + 1, false, !left);
		}
		now = then;
		then = swap;
	}
	for (unsigned i = 0; i < now->n; i++)
		if (re->prog[now->at[i]].op == OP_MATCH)
			return !left;
	return false;
}

bool sg_regex_match(const struct sg_regex *re, const char *text)
{
	if (re->shape == SHAPE_PROGRAM)
		return run_program(re, text);
	if (re->shape == SHAPE_PREFIX)
		return !strncmp(text, re->words[0], re->prefix_len) &&
		       (re->least == re->prefix_len || text[re->prefix_len]);
	for (size_t i = 0; i < re->n_words; i++)
		if (!strcmp(text, re->words[i]))
			return true;
	return false;
}
