// SPDX-License-Identifier: GPL-2.0
// The parser: precedence climbing (Pratt) over the tokens, one token of lookahead.
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "functions.h"
#include "parser.h"

static const struct {
	const char *name;
	int prec;
} ops[] = {
	[PQ_OR] = {"or", 1},	[PQ_AND] = {"and", 2},	     [PQ_UNLESS] = {"unless", 2},
	[PQ_EQ] = {"==", 3},	[PQ_NE] = {"!=", 3},	     [PQ_LT] = {"<", 3},
	[PQ_LE] = {"<=", 3},	[PQ_GT] = {">", 3},	     [PQ_GE] = {">=", 3},
	[PQ_ADD] = {"+", 4},	[PQ_SUB] = {"-", 4},	     [PQ_MUL] = {"*", 5},
	[PQ_DIV] = {"/", 5},	[PQ_MOD] = {"%", 5},	     [PQ_ATAN2] = {"atan2", 5},
	[PQ_POW] = {"^", 6},	[PQ_TRIM_BELOW] = {"</", 3}, [PQ_TRIM_ABOVE] = {">/", 3},
	[PQ_OP_NONE] = {"", 0},
};
#define PREC_POW 6

const char *pq_op_name(enum pq_op op)
{
	return ops[op].name;
}

const char *pq_type_name(enum pq_type t)
{
	static const char *const names[] = {"scalar", "string", "instant vector", "range vector"};

	return names[t];
}

void pq_position(const char *src, uint32_t pos, char *out, size_t n)
{
	uint32_t line = 1, start = 0;

	for (uint32_t i = 0; i < pos && src[i]; i++) {
		if (src[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	snprintf(out, n, "%u:%u", line, pos - start + 1);
}

void pq_say_syntax(const char *src, uint32_t pos, struct sg_error *err, const char *fmt, ...)
{
	char where[32], what[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	pq_position(src, pos, where, sizeof(where));
	sg_fail(err, -EINVAL, "%s: parse error: %s", where, what);
}

/* ---- helpers for all parser files ---------------------------------------------------- */

int pq_next(struct pq_parser *p)
{
	return pq_lex(&p->lex, &p->tok);
}

int pq_unexpected(struct pq_parser *p, const char *context, const char *expected)
{
	char what[128] = "";

	pq_token_describe(&p->lex, &p->tok, what, sizeof(what));
	return pq_syntax(p->lex.src, p->tok.pos, p->lex.err, "unexpected %s%s%s%s%s", what,
			 *context ? " in " : "", context, *expected ? ", expected " : "", expected);
}

bool pq_is_word(const struct pq_token *t, const char *word)
{
	return t->kind == PQ_T_IDENT && !strcasecmp(t->text, word);
}

struct pq_node *pq_new(struct pq_parser *p, enum pq_kind kind, uint32_t pos)
{
	struct pq_node *n = sg_arena_zalloc(p->lex.arena, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->pos = pos;
	n->depth = 1;
	n->op = PQ_OP_NONE;
	return n;
}

int pq_too_deep(struct pq_parser *p)
{
	return sg_fail(p->lex.err, -E2BIG,
		       "the expression is nested too deeply: at most %d levels are allowed",
		       PQ_MAX_DEPTH);
}

/* Children must be added through here: it keeps the depth of the tree bounded. */
int pq_add_arg(struct pq_parser *p, struct pq_node *n, struct pq_node *arg)
{
	/* Doubling at powers of two; what is left behind belongs to the arena. */
	if ((n->n_args & (n->n_args - 1)) == 0) {
		size_t cap = n->n_args ? n->n_args * 2 : 1;
		struct pq_node **args = sg_arena_alloc(p->lex.arena, cap * sizeof(*args));

		if (!args)
			return -ENOMEM;
		if (n->n_args)
			memcpy(args, n->args, n->n_args * sizeof(*args));
		n->args = args;
	}
	n->args[n->n_args++] = arg;
	if (arg->depth + 1 > n->depth)
		n->depth = arg->depth + 1;
	return n->depth > PQ_MAX_DEPTH ? pq_too_deep(p) : 0;
}

/* ---- lists of label names ------------------------------------------------------------ */

static int add_name(struct pq_parser *p, struct pq_names *l, const char *name)
{
	if ((l->n & (l->n - 1)) == 0) {
		const char **names =
			sg_arena_alloc(p->lex.arena, (l->n ? l->n * 2 : 1) * sizeof(*names));

		if (!names)
			return -ENOMEM;
		if (l->n)
			memcpy(names, l->names, l->n * sizeof(*names));
		l->names = names;
	}
	l->names[l->n++] = name;
	return 0;
}

static int parse_name(struct pq_parser *p, struct pq_names *ret)
{
	int r;

	if (p->tok.kind != PQ_T_IDENT && p->tok.kind != PQ_T_STRING)
		return pq_unexpected(p, "grouping opts", "label");
	if (strchr(p->tok.text, ':') || !*p->tok.text)
		return pq_unexpected(p, "grouping opts", "label");
	r = add_name(p, ret, p->tok.text);
	return r < 0 ? r : pq_next(p);
}

int pq_parse_names(struct pq_parser *p, struct pq_names *ret)
{
	int r;

	if (p->tok.kind != PQ_T_LPAREN)
		return pq_unexpected(p, "grouping opts", "\"(\"");
	r = pq_next(p);
	while (!r && p->tok.kind != PQ_T_RPAREN) {
		r = parse_name(p, ret);
		if (r < 0)
			return r;
		if (p->tok.kind == PQ_T_COMMA)
			r = pq_next(p);
		else if (p->tok.kind != PQ_T_RPAREN)
			return pq_unexpected(p, "grouping opts", "\",\" or \")\"");
	}
	return r < 0 ? r : pq_next(p);
}

/* ---- binary operators ---------------------------------------------------------------- */

static enum pq_op binary_op(const struct pq_token *t)
{
	static const enum pq_op words[] = {PQ_OR, PQ_AND, PQ_UNLESS, PQ_ATAN2};

	if (t->kind == PQ_T_OP)
		return t->op;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (pq_is_word(t, ops[words[i]].name))
			return words[i];
	return PQ_OP_NONE;
}

static int parse_group(struct pq_parser *p, struct pq_node *n)
{
	bool left = pq_is_word(&p->tok, "group_left");
	int r;

	if (!left && !pq_is_word(&p->tok, "group_right"))
		return 0;
	n->card = left ? PQ_MANY_TO_ONE : PQ_ONE_TO_MANY;
	r = pq_next(p);
	if (r < 0 || p->tok.kind != PQ_T_LPAREN)
		return r;
	/* "group_left (a + b)" would be ambiguous; as in Prometheus the bracket is a list. */
	return pq_parse_names(p, &n->include);
}

/* [bool] [on|ignoring (...) [group_left|group_right [(...)]]] */
static int parse_modifiers(struct pq_parser *p, struct pq_node *n)
{
	int r = 0;

	if (pq_is_word(&p->tok, "bool")) {
		n->ret_bool = true;
		r = pq_next(p);
	}
	if (r < 0 || (!pq_is_word(&p->tok, "on") && !pq_is_word(&p->tok, "ignoring")))
		return r;
	n->matching = true;
	n->on = pq_is_word(&p->tok, "on");
	r = pq_next(p);
	if (!r)
		r = pq_parse_names(p, &n->labels);
	return r < 0 ? r : parse_group(p, n);
}

static int parse_binary(struct pq_parser *p, int min_prec, struct pq_node **ret);

static int parse_right(struct pq_parser *p, struct pq_node **left, enum pq_op op)
{
	/* All but ^ associate to the left. */
	int prec = ops[op].prec + (op == PQ_POW ? 0 : 1);
	struct pq_node *n = pq_new(p, PQ_BINARY, (*left)->pos), *right = NULL;
	int r;

	if (!n)
		return -ENOMEM;
	n->op = op;
	n->num = p->tok.pos; /* of the operator, for messages */
	r = pq_next(p);
	if (!r)
		r = parse_modifiers(p, n);
	if (!r)
		r = parse_binary(p, prec, &right);
	if (!r)
		r = pq_add_arg(p, n, *left);
	if (!r && right)
		r = pq_add_arg(p, n, right);
	if (r < 0 || !right)
		return r;
	n->type = (*left)->type == PQ_SCALAR && right->type == PQ_SCALAR ? PQ_SCALAR : PQ_VECTOR;
	*left = n;
	return 0;
}

static int parse_unary(struct pq_parser *p, struct pq_node **ret)
{
	enum pq_op op = p->tok.op;
	struct pq_node *n = pq_new(p, PQ_UNARY, p->tok.pos), *arg = NULL;
	int r;

	if (!n)
		return -ENOMEM;
	r = pq_next(p);
	if (!r)
		r = parse_binary(p, PREC_POW, &arg);
	if (r < 0 || !arg)
		return r;
	if (arg->kind == PQ_NUMBER) {
		arg->num = op == PQ_SUB ? -arg->num : arg->num;
		arg->pos = n->pos;
		*ret = arg;
		return 0;
	}
	n->op = op;
	n->type = arg->type;
	*ret = n;
	return pq_add_arg(p, n, arg);
}

static int parse_operand(struct pq_parser *p, struct pq_node **ret)
{
	bool sign = p->tok.kind == PQ_T_OP && (p->tok.op == PQ_ADD || p->tok.op == PQ_SUB);
	int r = sign ? parse_unary(p, ret) : pq_parse_primary(p, ret);

	return r;
}

static int parse_binary(struct pq_parser *p, int min_prec, struct pq_node **ret)
{
	enum pq_op op;
	int r;

	if (++p->depth > PQ_MAX_DEPTH)
		return pq_too_deep(p);
	r = parse_operand(p, ret);
	while (!r && (op = binary_op(&p->tok)) != PQ_OP_NONE && ops[op].prec >= min_prec)
		r = parse_right(p, ret, op);
	p->depth--;
	return r;
}

int pq_parse_expr(struct pq_parser *p, struct pq_node **ret)
{
	return parse_binary(p, 1, ret);
}

/* ---- entry points -------------------------------------------------------------------- */

static int parse_all(struct pq_parser *p, struct pq_ast *ast)
{
	int r = pq_next(p);

	if (r < 0)
		return r;
	if (p->tok.kind == PQ_T_EOF)
		return pq_syntax(ast->src, 0, p->lex.err, "no expression found in input");
	r = pq_parse_expr(p, &ast->root);
	if (r < 0)
		return r;
	return p->tok.kind == PQ_T_EOF ? 0 : pq_unexpected(p, "", "");
}

static int parser_init(struct pq_parser *p, struct pq_ast *ast, struct sg_error *err)
{
	size_t len = strlen(ast->src);

	if (len > PQ_MAX_TEXT)
		return sg_fail(err, -E2BIG, "the expression is longer than %u bytes", PQ_MAX_TEXT);
	if (!sg_utf8_valid(ast->src, len))
		return sg_fail(err, -EINVAL, "1:1: parse error: invalid UTF-8 in the expression");
	*p = (struct pq_parser){
		.lex = {.src = ast->src, .len = (uint32_t)len, .arena = ast->arena, .err = err},
		.ast = ast};
	return 0;
}

int pq_parse(const char *src, struct sg_arena *arena, struct pq_ast *ret, struct sg_error *err)
{
	struct pq_parser p;
	int r;

	*ret = (struct pq_ast){
		.src = src, .arena = arena, .step_s = ret->step_s, .range_s = ret->range_s};
	r = parser_init(&p, ret, err);
	if (!r)
		r = parse_all(&p, ret);
	return r < 0 ? r : pq_check_types(ret, ret->root, err);
}

int pq_parse_selector(const char *src, struct sg_arena *arena, struct sg_selector *ret,
		      struct sg_error *err)
{
	struct pq_ast ast = {.src = src, .arena = arena};
	struct pq_node *n = NULL;
	struct pq_parser p = {0};
	int r = parser_init(&p, &ast, err);

	if (!r)
		r = pq_next(&p);
	if (!r)
		r = pq_parse_primary(&p, &n);
	pq_release(&ast);
	if (r < 0 || !n)
		return r;
	if (p.tok.kind != PQ_T_EOF)
		return pq_unexpected(&p, "", "");
	if (n->kind != PQ_SELECTOR || n->range_ms || n->has_offset || n->at != PQ_AT_NONE)
		return pq_syntax(src, n->pos, err,
				 "expected a bare selector such as name{label=\"value\"}");
	for (size_t i = 0; i < n->sel.n; i++)
		n->sel.matchers[i].regex = NULL; /* compiled only to check it */
	*ret = n->sel;
	return 0;
}

void pq_release(struct pq_ast *ast)
{
	for (struct pq_node *n = ast->selectors; n; n = n->next_selector)
		if (n->compiled)
			sg_selector_release(&n->sel);
	ast->selectors = NULL;
}
