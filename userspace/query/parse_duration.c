// SPDX-License-Identifier: GPL-2.0
// The arithmetic of durations, within brackets and after offset. It is done while it is read.
#include <errno.h>
#include <math.h>

#include "parser.h"

struct duration {
	const char *context, *expected; /* for messages */
	double s;
};

static int parse_sum(struct pq_parser *p, int min_prec, struct duration *d);

static int expect(struct pq_parser *p, enum pq_tok kind, const struct duration *d,
		  const char *expected)
{
	return p->tok.kind == kind ? pq_next(p) : pq_unexpected(p, d->context, expected);
}

static int parse_bracket(struct pq_parser *p, struct duration *d)
{
	int r = pq_next(p);

	if (!r)
		r = parse_sum(p, 1, d);
	return r < 0 ? r : expect(p, PQ_T_RPAREN, d, "\")\"");
}

/* step(), range() */
static int parse_of_query(struct pq_parser *p, double v, struct duration *d)
{
	int r = pq_next(p);

	if (!r)
		r = expect(p, PQ_T_LPAREN, d, "\"(\"");
	d->s = v;
	return r < 0 ? r : expect(p, PQ_T_RPAREN, d, "\")\"");
}

/* min(a, b), max(a, b) */
static int parse_extreme(struct pq_parser *p, bool top, struct duration *d)
{
	struct duration other = *d;
	int r = pq_next(p);

	if (!r)
		r = expect(p, PQ_T_LPAREN, d, "\"(\"");
	if (!r)
		r = parse_sum(p, 1, d);
	if (!r)
		r = expect(p, PQ_T_COMMA, d, "\",\"");
	if (!r)
		r = parse_sum(p, 1, &other);
	if (!r)
		r = expect(p, PQ_T_RPAREN, d, "\")\"");
	d->s = top ? fmax(d->s, other.s) : fmin(d->s, other.s);
	return r;
}

static int parse_operand(struct pq_parser *p, struct duration *d)
{
	if (p->tok.kind == PQ_T_LPAREN)
		return parse_bracket(p, d);
	if (pq_is_word(&p->tok, "step"))
		return parse_of_query(p, p->ast->step_s, d);
	if (pq_is_word(&p->tok, "range"))
		return parse_of_query(p, p->ast->range_s, d);
	if (pq_is_word(&p->tok, "min") || pq_is_word(&p->tok, "max"))
		return parse_extreme(p, pq_is_word(&p->tok, "max"), d);
	if (p->tok.kind != PQ_T_DURATION && p->tok.kind != PQ_T_NUMBER)
		return pq_unexpected(p, d->context, d->expected);
	d->s = p->tok.num;
	return pq_next(p);
}

static int parse_signed(struct pq_parser *p, struct duration *d)
{
	bool minus = false;
	int r = 0;

	while (!r && p->tok.kind == PQ_T_OP && (p->tok.op == PQ_SUB || p->tok.op == PQ_ADD)) {
		minus ^= p->tok.op == PQ_SUB;
		r = pq_next(p);
	}
	if (!r)
		r = parse_operand(p, d);
	if (minus)
		d->s = -d->s;
	return r;
}

static int prec_of(const struct pq_token *t)
{
	if (t->kind != PQ_T_OP)
		return 0;
	switch (t->op) {
	case PQ_ADD:
	case PQ_SUB: return 1;
	case PQ_MUL:
	case PQ_DIV:
	case PQ_MOD: return 2;
	case PQ_POW: return 3;
	default: return 0;
	}
}

static int apply(struct pq_parser *p, enum pq_op op, uint32_t pos, double b, double *a)
{
	if ((op == PQ_DIV || op == PQ_MOD) && b == 0)
		return pq_syntax(p->lex.src, pos, p->lex.err, "%s by zero",
				 op == PQ_DIV ? "division" : "modulo");
	switch (op) {
	case PQ_ADD: *a += b; break;
	case PQ_SUB: *a -= b; break;
	case PQ_MUL: *a *= b; break;
	case PQ_DIV: *a /= b; break;
	case PQ_MOD: *a = fmod(*a, b); break;
	default: *a = pow(*a, b);
	}
	return 0;
}

static int parse_sum(struct pq_parser *p, int min_prec, struct duration *d)
{
	int r, prec;

	if (++p->depth > PQ_MAX_DEPTH)
		return pq_too_deep(p);
	r = parse_signed(p, d);
	while (!r && (prec = prec_of(&p->tok)) >= min_prec && prec) {
		struct duration right = *d;
		enum pq_op op = p->tok.op;
		uint32_t pos = p->tok.pos;

		r = pq_next(p);
		if (!r)
			r = parse_sum(p, prec + (op != PQ_POW), &right);
		if (!r)
			r = apply(p, op, pos, right.s, &d->s);
	}
	p->depth--;
	return r;
}

static int to_ms(struct pq_parser *p, uint32_t pos, const struct duration *d, int64_t *ret_ms)
{
	if (!(fabs(d->s) < 9.2e9))
		return pq_syntax(p->lex.src, pos, p->lex.err, "duration out of range");
	*ret_ms = llround(d->s * 1000);
	return 0;
}

int pq_parse_duration(struct pq_parser *p, bool positive, const char *context, const char *expected,
		      int64_t *ret_ms)
{
	struct duration d = {context, expected, 0};
	uint32_t pos = p->tok.pos;
	int r = parse_sum(p, 1, &d);

	if (!r)
		r = to_ms(p, pos, &d, ret_ms);
	if (!r && positive && *ret_ms <= 0)
		return pq_syntax(p->lex.src, pos, p->lex.err, "duration must be greater than 0");
	return r;
}

int pq_parse_offset(struct pq_parser *p, int64_t *ret_ms)
{
	struct duration d = {"offset", "number or duration", 0};
	uint32_t pos = p->tok.pos;
	int r = parse_signed(p, &d);

	return r < 0 ? r : to_ms(p, pos, &d, ret_ms);
}
