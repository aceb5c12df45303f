/* SPDX-License-Identifier: GPL-2.0 */
/* Tokens of PromQL. Keywords are identifiers: the parser knows where they mean something. */
#ifndef QUERY_LEXER_H
#define QUERY_LEXER_H

#include "ast.h"

enum pq_tok {
	PQ_T_EOF,
	PQ_T_IDENT,
	PQ_T_NUMBER,
	PQ_T_DURATION,
	PQ_T_STRING,
	PQ_T_LPAREN,
	PQ_T_RPAREN,
	PQ_T_LBRACE,
	PQ_T_RBRACE,
	PQ_T_LBRACKET,
	PQ_T_RBRACKET,
	PQ_T_COMMA,
	PQ_T_COLON,
	PQ_T_AT,
	PQ_T_ASSIGN, /* = */
	PQ_T_MATCH, /* =~ */
	PQ_T_NMATCH, /* !~ */
	PQ_T_OP, /* any other operator that is no word */
};

struct pq_token {
	enum pq_tok kind;
	enum pq_op op;
	uint32_t pos, len;
	const char *text; /* identifier or unescaped string, NUL terminated */
	double num; /* number; a duration in seconds */
	int64_t ms; /* duration */
};

struct pq_lexer {
	const char *src;
	uint32_t at, len;
	uint32_t parens;
	bool braces, brackets;
	struct sg_arena *arena;
	struct sg_error *err;
};

/* 0, or -EINVAL with err filled, or -ENOMEM. */
int pq_lex(struct pq_lexer *l, struct pq_token *t);
/* How an error message names a token: 'identifier "x"', '<op:+>', 'end of input'. */
void pq_token_describe(const struct pq_lexer *l, const struct pq_token *t, char *out, size_t n);

/* lexer_number.c: numbers, durations and strings, from l->at. */
int pq_lex_number(struct pq_lexer *l, struct pq_token *t);
int pq_lex_string(struct pq_lexer *l, struct pq_token *t);

#endif
