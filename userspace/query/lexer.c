// SPDX-License-Identifier: GPL-2.0
// Cuts an expression into tokens, with the positions and messages of Prometheus.
#include "lexer.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *text;
	enum pq_tok kind;
	enum pq_op op;
	const char *name;
} symbols[] = {
	/* Longer ones first. */
	{"=~", PQ_T_MATCH, PQ_OP_NONE, "<op:=~>"}, {"!~", PQ_T_NMATCH, PQ_OP_NONE, "<op:!~>"},
	{"==", PQ_T_OP, PQ_EQ, "<op:==>"},	   {"!=", PQ_T_OP, PQ_NE, "<op:!=>"},
	{"<=", PQ_T_OP, PQ_LE, "<op:<=>"},	   {">=", PQ_T_OP, PQ_GE, "<op:>=>"},
	{"</", PQ_T_OP, PQ_TRIM_BELOW, "<op:</>"}, {">/", PQ_T_OP, PQ_TRIM_ABOVE, "<op:>/>"},
	{"<", PQ_T_OP, PQ_LT, "<op:<>"},	   {">", PQ_T_OP, PQ_GT, "<op:>>"},
	{"+", PQ_T_OP, PQ_ADD, "<op:+>"},	   {"-", PQ_T_OP, PQ_SUB, "<op:->"},
	{"*", PQ_T_OP, PQ_MUL, "<op:*>"},	   {"/", PQ_T_OP, PQ_DIV, "<op:/>"},
	{"%", PQ_T_OP, PQ_MOD, "<op:%>"},	   {"^", PQ_T_OP, PQ_POW, "<op:^>"},
	{"=", PQ_T_ASSIGN, PQ_OP_NONE, "\"=\""},   {"(", PQ_T_LPAREN, PQ_OP_NONE, "\"(\""},
	{")", PQ_T_RPAREN, PQ_OP_NONE, "\")\""},   {"{", PQ_T_LBRACE, PQ_OP_NONE, "\"{\""},
	{"}", PQ_T_RBRACE, PQ_OP_NONE, "\"}\""},   {"[", PQ_T_LBRACKET, PQ_OP_NONE, "\"[\""},
	{"]", PQ_T_RBRACKET, PQ_OP_NONE, "\"]\""}, {",", PQ_T_COMMA, PQ_OP_NONE, "\",\""},
	{":", PQ_T_COLON, PQ_OP_NONE, "\":\""},	   {"@", PQ_T_AT, PQ_OP_NONE, "<op:@>"},
};

static const struct {
	const char *word;
	const char *name;
} keywords[] = {
	{"and", "<op:and>"},
	{"or", "<op:or>"},
	{"unless", "<op:unless>"},
	{"atan2", "<op:atan2>"},
	{"bool", "<bool>"},
	{"by", "<by>"},
	{"without", "<without>"},
	{"on", "<on>"},
	{"ignoring", "<ignoring>"},
	{"group_left", "<group_left>"},
	{"group_right", "<group_right>"},
	{"offset", "<offset>"},
	{"start", "<start>"},
	{"end", "<end>"},
};

static void describe_ident(const struct pq_token *t, char *out, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (!strcasecmp(t->text, keywords[i].word)) {
			snprintf(out, n, "%s", keywords[i].name);
			return;
		}
	}
	snprintf(out, n, "identifier \"%.64s\"", t->text);
}

void pq_token_describe(const struct pq_lexer *l, const struct pq_token *t, char *out, size_t n)
{
	int len = (int)SG_MIN(t->len, 64U);

	switch (t->kind) {
	case PQ_T_EOF: snprintf(out, n, "end of input"); return;
	case PQ_T_IDENT: describe_ident(t, out, n); return;
	case PQ_T_NUMBER: snprintf(out, n, "number \"%.*s\"", len, l->src + t->pos); return;
	case PQ_T_DURATION: snprintf(out, n, "duration \"%.*s\"", len, l->src + t->pos); return;
	case PQ_T_STRING: snprintf(out, n, "string %.*s", len, l->src + t->pos); return;
	default: break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (symbols[i].kind == t->kind && (t->kind != PQ_T_OP || symbols[i].op == t->op)) {
			snprintf(out, n, "%s", symbols[i].name);
			return;
		}
	}
}

static void skip_space(struct pq_lexer *l)
{
	for (;;) {
		char c = l->src[l->at];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			l->at++;
		} else if (c == '#') {
			while (l->src[l->at] && l->src[l->at] != '\n')
				l->at++;
		} else {
			return;
		}
	}
}

static bool is_ident(char c, bool first, bool colon)
{
	return isalpha((unsigned char)c) || c == '_' || (colon && c == ':') ||
	       (!first && isdigit((unsigned char)c));
}

static int lex_ident(struct pq_lexer *l, struct pq_token *t)
{
	bool colon = !l->braces && !l->brackets;

	while (is_ident(l->src[l->at], l->at == t->pos, colon))
		l->at++;
	t->kind = PQ_T_IDENT;
	t->text = sg_arena_strndup(l->arena, l->src + t->pos, l->at - t->pos);
	return t->text ? 0 : -ENOMEM;
}

static int lex_end(struct pq_lexer *l, struct pq_token *t)
{
	t->kind = PQ_T_EOF;
	if (l->braces)
		return pq_syntax(l->src, l->at, l->err, "unexpected end of input inside braces");
	if (l->brackets)
		return pq_syntax(l->src, l->at, l->err, "unclosed left bracket");
	if (l->parens)
		return pq_syntax(l->src, l->at, l->err, "unclosed left parenthesis");
	return 0;
}

static int bad_char(struct pq_lexer *l, uint32_t pos)
{
	const char *where = l->braces	  ? " inside braces"
			    : l->brackets ? " in duration expression"
					  : "";
	unsigned char c = (unsigned char)l->src[pos];

	if (c >= 0x20 && c < 0x7f)
		return pq_syntax(l->src, pos, l->err, "unexpected character%s: '%c'", where, c);
	return pq_syntax(l->src, pos, l->err, "unexpected character%s: '\\x%02x'", where, c);
}

/* Brackets of each sort; the lexer knows what may stand between them. */
static int nesting(struct pq_lexer *l, const struct pq_token *t)
{
	switch (t->kind) {
	case PQ_T_LPAREN: l->parens++; return 0;
	case PQ_T_RPAREN:
		if (!l->parens)
			return pq_syntax(l->src, t->pos, l->err,
					 "unexpected right parenthesis ')'");
		l->parens--;
		return 0;
	case PQ_T_LBRACE: l->braces = true; return 0;
	case PQ_T_RBRACE:
		if (!l->braces)
			return pq_syntax(l->src, t->pos, l->err, "unexpected right brace '}'");
		l->braces = false;
		return 0;
	case PQ_T_LBRACKET: l->brackets = true; return 0;
	case PQ_T_RBRACKET:
		if (!l->brackets)
			return pq_syntax(l->src, t->pos, l->err, "unexpected right bracket ']'");
		l->brackets = false;
		return 0;
	default: return 0;
	}
}

/* What may stand in brackets: the arithmetic of durations. */
static bool in_duration(const struct pq_token *t)
{
	switch (t->kind) {
	case PQ_T_COLON:
	case PQ_T_RBRACKET:
	case PQ_T_LPAREN:
	case PQ_T_RPAREN:
	case PQ_T_COMMA: return true;
	case PQ_T_OP:
		return t->op == PQ_ADD || t->op == PQ_SUB || t->op == PQ_MUL || t->op == PQ_DIV ||
		       t->op == PQ_MOD || t->op == PQ_POW;
	default: return false;
	}
}

/* What is a token, but not here. */
static int misplaced(struct pq_lexer *l, const struct pq_token *t)
{
	bool matcher = t->kind == PQ_T_ASSIGN || t->kind == PQ_T_MATCH || t->kind == PQ_T_NMATCH;

	if (l->braces && !matcher && t->kind != PQ_T_COMMA && t->kind != PQ_T_RBRACE &&
	    !(t->kind == PQ_T_OP && t->op == PQ_NE))
		return bad_char(l, t->pos);
	if (l->brackets && !in_duration(t))
		return bad_char(l, t->pos);
	if (!l->braces && (t->kind == PQ_T_MATCH || t->kind == PQ_T_NMATCH))
		return pq_syntax(l->src, t->pos + 1, l->err, "unexpected character after '%c': '~'",
				 l->src[t->pos]);
	if (!l->brackets && t->kind == PQ_T_COLON)
		return bad_char(l, t->pos);
	return 0;
}

static int lex_symbol(struct pq_lexer *l, struct pq_token *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		size_t n = strlen(symbols[i].text);
		int r;

		if (strncmp(l->src + l->at, symbols[i].text, n))
			continue;
		t->kind = symbols[i].kind;
		t->op = symbols[i].op;
		r = misplaced(l, t);
		if (r < 0)
			return r;
		l->at += (uint32_t)n;
		return nesting(l, t);
	}
	return bad_char(l, l->at);
}

int pq_lex(struct pq_lexer *l, struct pq_token *t)
{
	char c;
	int r;

	skip_space(l);
	*t = (struct pq_token){.pos = l->at, .op = PQ_OP_NONE};
	c = l->src[l->at];
	if (!c)
		return lex_end(l, t);
	if (is_ident(c, true, !l->braces && !l->brackets))
		r = lex_ident(l, t);
	else if (c == '"' || c == '\'' || c == '`')
		r = pq_lex_string(l, t);
	else if (!l->braces && (isdigit((unsigned char)c) ||
				(c == '.' && isdigit((unsigned char)l->src[l->at + 1]))))
		r = pq_lex_number(l, t);
	else
		r = lex_symbol(l, t);
	t->len = l->at - t->pos;
	return r;
}
