// SPDX-License-Identifier: GPL-2.0
// Selectors, calls, aggregations, literals, and the modifiers that may follow them.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "functions.h"
#include "parser.h"

/* ---- selectors ----------------------------------------------------------------------- */

static int add_matcher(struct pq_parser *p, struct pq_node *n, enum sg_match_op op,
		       const char *name, const char *value)
{
	struct sg_selector *s = &n->sel;

	if ((s->n & (s->n - 1)) == 0) {
		struct sg_matcher *m =
			sg_arena_alloc(p->lex.arena, (s->n ? s->n * 2 : 1) * sizeof(*m));

		if (!m)
			return -ENOMEM;
		if (s->n)
			memcpy(m, s->matchers, s->n * sizeof(*m));
		s->matchers = m;
	}
	s->matchers[s->n++] = (struct sg_matcher){.op = op, .name = name, .value = value};
	return 0;
}

static int set_name(struct pq_parser *p, struct pq_node *n, const char *name, uint32_t pos)
{
	if (n->text)
		return pq_syntax(p->lex.src, pos, p->lex.err,
				 "metric name must not be set twice: \"%.64s\" or \"%.64s\"",
				 n->text, name);
	n->text = name;
	return add_matcher(p, n, SG_MATCH_EQ, "__name__", name);
}

static bool match_op(const struct pq_token *t, enum sg_match_op *op)
{
	switch (t->kind) {
	case PQ_T_ASSIGN: *op = SG_MATCH_EQ; return true;
	case PQ_T_MATCH: *op = SG_MATCH_RE; return true;
	case PQ_T_NMATCH: *op = SG_MATCH_NRE; return true;
	case PQ_T_OP: *op = SG_MATCH_NE; return t->op == PQ_NE;
	default: return false;
	}
}

/* label="value", or "metric name" alone. */
static int parse_matcher(struct pq_parser *p, struct pq_node *n)
{
	struct pq_token label = p->tok;
	enum sg_match_op op;
	int r;

	if (label.kind != PQ_T_IDENT && label.kind != PQ_T_STRING)
		return pq_unexpected(p, "label matching", "identifier or \"}\"");
	r = pq_next(p);
	if (r < 0)
		return r;
	if (!match_op(&p->tok, &op)) {
		if (label.kind == PQ_T_STRING)
			return set_name(p, n, label.text, label.pos);
		return pq_unexpected(p, "label matching", "label matching operator");
	}
	r = pq_next(p);
	if (r < 0)
		return r;
	if (p->tok.kind != PQ_T_STRING)
		return pq_unexpected(p, "label matching", "string");
	if (op == SG_MATCH_EQ && !strcmp(label.text, "__name__"))
		r = set_name(p, n, p->tok.text, p->tok.pos);
	else
		r = add_matcher(p, n, op, label.text, p->tok.text);
	return r < 0 ? r : pq_next(p);
}

static int parse_matchers(struct pq_parser *p, struct pq_node *n)
{
	int r = pq_next(p);

	while (!r && p->tok.kind != PQ_T_RBRACE) {
		r = parse_matcher(p, n);
		if (r < 0)
			return r;
		if (p->tok.kind == PQ_T_COMMA)
			r = pq_next(p);
		else if (p->tok.kind != PQ_T_RBRACE)
			return pq_unexpected(p, "label matching", "\",\" or \"}\"");
	}
	return r < 0 ? r : pq_next(p);
}

/* A selector that every series passes would read the whole store by mistake. */
static bool selects_anything(const struct sg_selector *sel)
{
	static const struct sg_series nothing = {.name = ""};

	for (size_t i = 0; i < sel->n; i++) {
		struct sg_selector one = {.n = 1, .matchers = &sel->matchers[i]};

		if (!sg_selector_match(&one, &nothing))
			return false;
	}
	return true;
}

static int finish_selector(struct pq_parser *p, struct pq_node *n)
{
	struct sg_error why = {""};
	int r = sg_selector_compile(&n->sel, &why);

	if (r == -EINVAL)
		return pq_syntax(p->lex.src, n->pos, p->lex.err, "%s", why.msg);
	if (r < 0)
		return r;
	n->compiled = true;
	n->next_selector = p->ast->selectors;
	p->ast->selectors = n;
	if (selects_anything(&n->sel) && !p->may_select_all)
		return pq_syntax(p->lex.src, n->pos, p->lex.err,
				 "vector selector must contain at least one non-empty matcher");
	return 0;
}

static int parse_selector(struct pq_parser *p, const char *name, uint32_t pos, struct pq_node **ret)
{
	struct pq_node *n = pq_new(p, PQ_SELECTOR, pos);
	int r = 0;

	if (!n)
		return -ENOMEM;
	n->type = PQ_VECTOR;
	if (name)
		r = set_name(p, n, name, pos);
	if (!r && p->tok.kind == PQ_T_LBRACE)
		r = parse_matchers(p, n);
	*ret = n;
	return r < 0 ? r : finish_selector(p, n);
}

/* ---- calls --------------------------------------------------------------------------- */

static int parse_args(struct pq_parser *p, struct pq_node *n)
{
	int r;

	if (p->tok.kind != PQ_T_LPAREN)
		return pq_unexpected(p, n->kind == PQ_AGGREGATE ? "aggregation" : "", "");
	r = pq_next(p);
	while (!r && p->tok.kind != PQ_T_RPAREN) {
		struct pq_node *arg = NULL;
		uint32_t comma;

		p->may_select_all = n->kind == PQ_CALL && !strcmp(n->text, PQ_INFO) && n->n_args;
		r = pq_parse_expr(p, &arg);
		p->may_select_all = false;
		if (!r && arg)
			r = pq_add_arg(p, n, arg);
		if (r < 0)
			return r;
		if (p->tok.kind == PQ_T_RPAREN)
			break;
		if (p->tok.kind != PQ_T_COMMA)
			return pq_unexpected(p, "", "");
		comma = p->tok.pos;
		r = pq_next(p);
		if (!r && p->tok.kind == PQ_T_RPAREN)
			return pq_syntax(p->lex.src, comma, p->lex.err,
					 "trailing commas not allowed in function call args");
	}
	return r < 0 ? r : pq_next(p);
}

/* The second argument of info() says which series it takes labels from: target_info. */
static int finish_info(struct pq_parser *p, struct pq_node *n)
{
	struct pq_node *sel = NULL;
	int r = 0;

	if (n->n_args == 1) {
		sel = pq_new(p, PQ_SELECTOR, n->pos);
		if (!sel)
			return -ENOMEM;
		sel->type = PQ_VECTOR;
		r = set_name(p, sel, "target_info", n->pos);
		if (!r)
			r = finish_selector(p, sel);
		return r < 0 ? r : pq_add_arg(p, n, sel);
	}
	sel = n->n_args > 1 ? n->args[1] : NULL;
	if (!sel || sel->kind != PQ_SELECTOR || sel->range_ms)
		return n->n_args > 1 ? pq_syntax(p->lex.src, sel ? sel->pos : n->pos, p->lex.err,
						 "expected label selectors only in call to "
						 "\"info\"")
				     : 0;
	for (size_t i = 0; i < sel->sel.n; i++)
		if (!strcmp(sel->sel.matchers[i].name, "__name__"))
			return 0;
	return add_matcher(p, sel, SG_MATCH_EQ, "__name__", "target_info");
}

static int parse_call(struct pq_parser *p, const struct pq_token *name, struct pq_node **ret)
{
	struct pq_node *n = pq_new(p, PQ_CALL, name->pos);
	int r;

	if (!n)
		return -ENOMEM;
	n->func = pq_func_find(name->text);
	if (!n->func)
		return pq_syntax(p->lex.src, name->pos, p->lex.err,
				 "unknown function with name \"%.64s\"", name->text);
	n->type = n->func->ret;
	n->text = n->func->name;
	*ret = n;
	r = parse_args(p, n);
	return r < 0 || strcmp(n->text, PQ_INFO) ? r : finish_info(p, n);
}

static int parse_grouping(struct pq_parser *p, struct pq_node *n, bool *seen)
{
	int r;

	n->without = pq_is_word(&p->tok, "without");
	if (*seen || (!n->without && !pq_is_word(&p->tok, "by")))
		return 0;
	*seen = true;
	r = pq_next(p);
	return r < 0 ? r : pq_parse_names(p, &n->labels);
}

static int parse_aggregate(struct pq_parser *p, const struct pq_token *name, struct pq_node **ret)
{
	struct pq_node *n = pq_new(p, PQ_AGGREGATE, name->pos);
	bool seen = false, without;
	int r;

	if (!n)
		return -ENOMEM;
	n->agg = pq_agg_find(name->text);
	n->text = n->agg->name;
	n->type = PQ_VECTOR;
	*ret = n;
	r = parse_grouping(p, n, &seen);
	without = n->without;
	if (!r)
		r = parse_args(p, n);
	if (!r && !seen) {
		r = parse_grouping(p, n, &seen);
		without = n->without;
	}
	n->without = without;
	if (r < 0)
		return r;
	if (n->n_args != (n->agg->has_param ? 2 : 1))
		return pq_syntax(p->lex.src, n->pos, p->lex.err,
				 n->n_args ? "wrong number of arguments for aggregate expression "
					     "provided, expected %d, got %zu"
					   : "no arguments for aggregate expression provided",
				 n->agg->has_param ? 2 : 1, n->n_args);
	if (n->agg->has_param) {
		struct pq_node *param = n->args[0];

		n->args[0] = n->args[1];
		n->args[1] = param;
	}
	return 0;
}

/* ---- literals, brackets -------------------------------------------------------------- */

static int parse_number(struct pq_parser *p, double v, uint32_t pos, struct pq_node **ret)
{
	struct pq_node *n = pq_new(p, PQ_NUMBER, pos);

	if (!n)
		return -ENOMEM;
	n->type = PQ_SCALAR;
	n->num = v;
	*ret = n;
	return 0;
}

static int parse_word(struct pq_parser *p, struct pq_node **ret)
{
	struct pq_token name = p->tok;
	int r = pq_next(p);

	if (r < 0)
		return r;
	if (pq_agg_find(name.text) && (p->tok.kind == PQ_T_LPAREN || pq_is_word(&p->tok, "by") ||
				       pq_is_word(&p->tok, "without")))
		return parse_aggregate(p, &name, ret);
	if (p->tok.kind == PQ_T_LPAREN)
		return parse_call(p, &name, ret);
	if (p->tok.kind != PQ_T_LBRACE && !strcasecmp(name.text, "inf"))
		return parse_number(p, INFINITY, name.pos, ret);
	if (p->tok.kind != PQ_T_LBRACE && !strcasecmp(name.text, "nan"))
		return parse_number(p, NAN, name.pos, ret);
	return parse_selector(p, name.text, name.pos, ret);
}

static int parse_paren(struct pq_parser *p, struct pq_node **ret)
{
	struct pq_node *n = pq_new(p, PQ_PAREN, p->tok.pos), *inner = NULL;
	int r;

	if (!n)
		return -ENOMEM;
	r = pq_next(p);
	if (!r)
		r = pq_parse_expr(p, &inner);
	if (!r && p->tok.kind != PQ_T_RPAREN)
		return pq_unexpected(p, "", "");
	if (!r)
		r = pq_next(p);
	if (r < 0 || !inner)
		return r;
	r = pq_add_arg(p, n, inner);
	n->type = inner->type;
	*ret = n;
	return r;
}

static int parse_text(struct pq_parser *p, struct pq_node **ret)
{
	struct pq_node *n = pq_new(p, PQ_TEXT, p->tok.pos);

	if (!n)
		return -ENOMEM;
	n->type = PQ_STRING;
	n->text = p->tok.text;
	*ret = n;
	return pq_next(p);
}

static int parse_atom(struct pq_parser *p, struct pq_node **ret)
{
	int r;

	switch (p->tok.kind) {
	case PQ_T_NUMBER:
	case PQ_T_DURATION:
		r = parse_number(p, p->tok.num, p->tok.pos, ret);
		return r < 0 ? r : pq_next(p);
	case PQ_T_STRING: return parse_text(p, ret);
	case PQ_T_LPAREN: return parse_paren(p, ret);
	case PQ_T_LBRACE: return parse_selector(p, NULL, p->tok.pos, ret);
	case PQ_T_IDENT: return parse_word(p, ret);
	default: return pq_unexpected(p, "", "");
	}
}

/* ---- what may follow ----------------------------------------------------------------- */

static int make_subquery(struct pq_parser *p, struct pq_node **ret, int64_t range, int64_t step)
{
	struct pq_node *n = pq_new(p, PQ_SUBQUERY, (*ret)->pos);
	int r;

	if (!n)
		return -ENOMEM;
	n->type = PQ_MATRIX;
	n->range_ms = range;
	n->step_ms = step;
	r = pq_add_arg(p, n, *ret);
	*ret = n;
	return r;
}

static int make_range(struct pq_parser *p, struct pq_node *n, uint32_t bracket, int64_t range)
{
	const char *why = n->kind != PQ_SELECTOR || n->range_ms
				  ? "ranges only allowed for vector selectors"
			  : n->has_offset	? "no offset modifiers allowed before range"
			  : n->at != PQ_AT_NONE ? "no @ modifiers allowed before range"
						: NULL;

	if (why)
		return pq_syntax(p->lex.src, bracket, p->lex.err, "%s", why);
	n->range_ms = range;
	n->type = PQ_MATRIX;
	return 0;
}

static int parse_brackets(struct pq_parser *p, struct pq_node **ret)
{
	uint32_t bracket = p->tok.pos;
	int64_t range = 0, step = 0;
	bool sub = false;
	int r = pq_next(p);

	if (!r)
		r = pq_parse_duration(p, true, "subquery or range selector", "number or duration",
				      &range);
	if (!r && p->tok.kind == PQ_T_COLON) {
		sub = true;
		r = pq_next(p);
		if (!r && p->tok.kind != PQ_T_RBRACKET)
			r = pq_parse_duration(p, true, "subquery selector",
					      "number, duration, or \"]\"", &step);
	}
	if (r < 0)
		return r;
	if (p->tok.kind != PQ_T_RBRACKET)
		return pq_unexpected(p, sub ? "subquery selector" : "subquery or range",
				     sub ? "\"]\"" : "\":\" or \"]\"");
	r = sub ? make_subquery(p, ret, range, step) : make_range(p, *ret, bracket, range);
	return r < 0 ? r : pq_next(p);
}

/* Modifiers belong to what reads the store, not to what is computed. */
static int modifiable(struct pq_parser *p, const struct pq_node *n, const char *what, bool twice)
{
	if (n->kind != PQ_SELECTOR && n->kind != PQ_SUBQUERY)
		return pq_syntax(p->lex.src, n->pos, p->lex.err,
				 "%s modifier must be preceded by an instant vector selector or "
				 "range vector selector or a subquery",
				 what);
	if (twice)
		return pq_syntax(p->lex.src, n->pos, p->lex.err,
				 *what == '@' ? "%s <timestamp> may not be set multiple times"
					      : "%s may not be set multiple times",
				 what);
	return 0;
}

static int parse_sign(struct pq_parser *p, bool *minus)
{
	*minus = p->tok.kind == PQ_T_OP && p->tok.op == PQ_SUB;
	if (*minus || (p->tok.kind == PQ_T_OP && p->tok.op == PQ_ADD))
		return pq_next(p);
	return 0;
}

static int parse_offset(struct pq_parser *p, struct pq_node *n)
{
	int64_t ms = 0;
	int r = pq_next(p);

	if (!r)
		r = pq_parse_offset(p, &ms);
	if (!r)
		r = modifiable(p, n, "offset", n->has_offset);
	if (r < 0)
		return r;
	n->has_offset = true;
	n->offset_ms = ms;
	return 0;
}

static int parse_at_time(struct pq_parser *p, struct pq_node *n)
{
	bool minus = false;
	int r = parse_sign(p, &minus);

	if (r < 0)
		return r;
	if (p->tok.kind != PQ_T_NUMBER && p->tok.kind != PQ_T_DURATION)
		return pq_unexpected(p, "@", "timestamp");
	if (!(p->tok.num < (double)PQ_MAX_TIME / 1000))
		return pq_syntax(p->lex.src, p->tok.pos, p->lex.err,
				 "timestamp out of bounds for @ modifier: %f", p->tok.num);
	n->at = PQ_AT_TIME;
	n->at_ms = llround((minus ? -p->tok.num : p->tok.num) * 1000);
	return pq_next(p);
}

static int parse_at(struct pq_parser *p, struct pq_node *n)
{
	bool start;
	int r = pq_next(p);

	if (!r)
		r = modifiable(p, n, "@", n->at != PQ_AT_NONE);
	if (r < 0)
		return r;
	start = pq_is_word(&p->tok, "start");
	if (!start && !pq_is_word(&p->tok, "end"))
		return parse_at_time(p, n);
	r = pq_next(p);
	if (!r && p->tok.kind != PQ_T_LPAREN)
		return pq_unexpected(p, "@", "timestamp");
	if (!r)
		r = pq_next(p);
	if (!r && p->tok.kind != PQ_T_RPAREN)
		return pq_unexpected(p, "@", "timestamp");
	n->at = start ? PQ_AT_START : PQ_AT_END;
	return r < 0 ? r : pq_next(p);
}

int pq_parse_primary(struct pq_parser *p, struct pq_node **ret)
{
	int r = parse_atom(p, ret);

	while (!r) {
		if (p->tok.kind == PQ_T_LBRACKET)
			r = parse_brackets(p, ret);
		else if (p->tok.kind == PQ_T_AT)
			r = parse_at(p, *ret);
		else if (pq_is_word(&p->tok, "offset"))
			r = parse_offset(p, *ret);
		else
			break;
	}
	return r;
}
