/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the parser share. */
#ifndef QUERY_PARSER_H
#define QUERY_PARSER_H

#include "lexer.h"

struct pq_parser {
	struct pq_lexer lex;
	struct pq_token tok; /* the current token */
	struct pq_ast *ast;
	int depth;
	bool may_select_all; /* the selector only narrows what info() adds */
};

int pq_next(struct pq_parser *p);
int pq_unexpected(struct pq_parser *p, const char *context, const char *expected);
bool pq_is_word(const struct pq_token *t, const char *word);
struct pq_node *pq_new(struct pq_parser *p, enum pq_kind kind, uint32_t pos);
int pq_add_arg(struct pq_parser *p, struct pq_node *n, struct pq_node *arg);
int pq_too_deep(struct pq_parser *p);
int pq_parse_names(struct pq_parser *p, struct pq_names *ret);
int pq_parse_expr(struct pq_parser *p, struct pq_node **ret);

/* A selector, call, literal or bracket with what may follow it: ranges, offset, @. */
int pq_parse_primary(struct pq_parser *p, struct pq_node **ret);

/*
 * parse_duration.c: a duration, a number of seconds, or arithmetic with them: + - * / % ^,
 * brackets, step(), range(), min(a, b), max(a, b). An offset is one operand, with a sign.
 */
int pq_parse_duration(struct pq_parser *p, bool positive, const char *context, const char *expected,
		      int64_t *ret_ms);
int pq_parse_offset(struct pq_parser *p, int64_t *ret_ms);

/* A bare selector; the matchers are in the arena and not compiled. */
int pq_parse_selector(const char *src, struct sg_arena *arena, struct sg_selector *ret,
		      struct sg_error *err);

#endif
