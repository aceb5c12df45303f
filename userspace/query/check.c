// SPDX-License-Identifier: GPL-2.0
// Type checks, with the words of Prometheus.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "functions.h"

static int expect_type(const struct pq_ast *ast, const struct pq_node *n, enum pq_type want,
		       const char *context, const char *name, struct sg_error *err)
{
	const char *quote = *name ? "\"" : "";

	if (n->type == want)
		return 0;
	return pq_syntax(ast->src, n->pos, err, "expected type %s in %s%s%s%s, got %s",
			 pq_type_name(want), context, quote, name, quote, pq_type_name(n->type));
}

static int check_arity(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err)
{
	const struct pq_func *f = n->func;
	size_t min = f->variadic ? f->n_args - 1U : f->n_args;
	size_t max = f->variadic > 0 ? min + (size_t)f->variadic : f->n_args;

	if (!f->variadic && n->n_args != f->n_args)
		return pq_syntax(ast->src, n->pos, err,
				 "expected %u argument(s) in call to \"%s\", got %zu", f->n_args,
				 f->name, n->n_args);
	if (n->n_args < min)
		return pq_syntax(ast->src, n->pos, err,
				 "expected at least %zu argument(s) in call to \"%s\", got %zu",
				 min, f->name, n->n_args);
	if (f->variadic > 0 && n->n_args > max)
		return pq_syntax(ast->src, n->pos, err,
				 "expected at most %zu argument(s) in call to \"%s\", got %zu", max,
				 f->name, n->n_args);
	return 0;
}

static int check_call(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err)
{
	const struct pq_func *f = n->func;
	char context[64];
	int r = check_arity(ast, n, err);

	snprintf(context, sizeof(context), "call to function ");
	for (size_t i = 0; !r && i < n->n_args; i++)
		r = expect_type(ast, n->args[i], f->args[SG_MIN(i, (size_t)f->n_args - 1)], context,
				f->name, err);
	return r;
}

static int check_binary(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err)
{
	const struct pq_node *l = n->args[0], *r = n->args[1];
	bool vectors = l->type == PQ_VECTOR && r->type == PQ_VECTOR;
	bool scalars = l->type == PQ_SCALAR && r->type == PQ_SCALAR;
	uint32_t op_pos = (uint32_t)n->num;

	if (n->ret_bool && !pq_op_is_comparison(n->op))
		return pq_syntax(ast->src, op_pos, err,
				 "bool modifier can only be used on comparison operators");
	if (pq_op_is_comparison(n->op) && !n->ret_bool && scalars)
		return pq_syntax(ast->src, op_pos, err,
				 "comparisons between scalars must use BOOL modifier");
	for (int i = 0; i < 2; i++)
		if (n->args[i]->type != PQ_SCALAR && n->args[i]->type != PQ_VECTOR)
			return pq_syntax(
				ast->src, n->args[i]->pos, err,
				"binary expression must contain only scalar and instant vector types");
	if (!vectors && n->matching && n->labels.n)
		return pq_syntax(ast->src, op_pos, err,
				 "vector matching only allowed between instant vectors");
	if (pq_op_is_set(n->op) && !vectors)
		return pq_syntax(ast->src, op_pos, err,
				 "set operator \"%s\" not allowed in binary scalar expression",
				 pq_op_name(n->op));
	if (pq_op_is_trim(n->op) && scalars)
		return pq_syntax(ast->src, op_pos, err,
				 "operator \"%s\" not allowed in binary scalar expression",
				 pq_op_name(n->op));
	if (pq_op_is_set(n->op) && n->card != PQ_ONE_TO_ONE)
		return pq_syntax(ast->src, op_pos, err, "no grouping allowed for \"%s\" operation",
				 pq_op_name(n->op));
	for (size_t i = 0; n->on && i < n->labels.n; i++)
		for (size_t j = 0; j < n->include.n; j++)
			if (!strcmp(n->labels.names[i], n->include.names[j]))
				return pq_syntax(
					ast->src, op_pos, err,
					"label \"%s\" must not occur in ON and GROUP clause at once",
					n->labels.names[i]);
	return 0;
}

static int check_aggregate(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err)
{
	int r = expect_type(ast, n->args[0], PQ_VECTOR, "aggregation expression", "", err);

	if (!r && n->agg->has_param)
		r = expect_type(ast, n->args[1], n->agg->param, "aggregation parameter", "", err);
	return r;
}

static int check_node(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err)
{
	switch (n->kind) {
	case PQ_CALL: return check_call(ast, n, err);
	case PQ_BINARY: return check_binary(ast, n, err);
	case PQ_AGGREGATE: return check_aggregate(ast, n, err);
	case PQ_UNARY:
		if (n->type != PQ_SCALAR && n->type != PQ_VECTOR)
			return pq_syntax(
				ast->src, n->pos, err,
				"unary expression only allowed on expressions of type scalar "
				"or instant vector, got \"%s\"",
				pq_type_name(n->type));
		return 0;
	case PQ_SUBQUERY:
		if (n->args[0]->type != PQ_VECTOR)
			return pq_syntax(
				ast->src, n->pos, err,
				"subquery is only allowed on instant vector, got %s instead",
				pq_type_name(n->args[0]->type));
		return 0;
	default: return 0;
	}
}

int pq_check_types(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < n->n_args; i++)
		r = pq_check_types(ast, n->args[i], err);
	return r < 0 ? r : check_node(ast, n, err);
}
