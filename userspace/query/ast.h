/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The syntax tree of a PromQL expression, and the parser that makes it. Nodes
 * live in the arena of their query; positions are byte offsets into its text.
 */
#ifndef QUERY_AST_H
#define QUERY_AST_H

#include <errno.h>

#include <sgprobe/series.h>

#define PQ_MAX_DEPTH 128 /* of nesting: parser and evaluator recurse */
#define PQ_MAX_TEXT (64U << 10) /* bytes of an expression */
#define PQ_MAX_TIME 9000000000000000 /* ms: sums of a few stay far inside int64 */

/* Matrix selectors and subqueries have type PQ_MATRIX. */
enum pq_type { PQ_SCALAR, PQ_STRING, PQ_VECTOR, PQ_MATRIX };
const char *pq_type_name(enum pq_type t); /* as error messages say it */

enum pq_kind {
	PQ_NUMBER,
	PQ_TEXT,
	PQ_SELECTOR,
	PQ_SUBQUERY,
	PQ_PAREN,
	PQ_UNARY,
	PQ_BINARY,
	PQ_CALL,
	PQ_AGGREGATE,
};

enum pq_op {
	PQ_OR,
	PQ_AND,
	PQ_UNLESS,
	PQ_EQ,
	PQ_NE,
	PQ_LT,
	PQ_LE,
	PQ_GT,
	PQ_GE,
	PQ_ADD,
	PQ_SUB,
	PQ_MUL,
	PQ_DIV,
	PQ_MOD,
	PQ_ATAN2,
	PQ_POW,
	PQ_TRIM_BELOW, /* </ */
	PQ_TRIM_ABOVE, /* >/ */
	PQ_OP_NONE,
};
const char *pq_op_name(enum pq_op op);
static inline bool pq_op_is_set(enum pq_op op)
{
	return op <= PQ_UNLESS;
}
static inline bool pq_op_is_comparison(enum pq_op op)
{
	return op >= PQ_EQ && op <= PQ_GE;
}

static inline bool pq_op_is_trim(enum pq_op op)
{
	return op == PQ_TRIM_BELOW || op == PQ_TRIM_ABOVE;
}

enum pq_at { PQ_AT_NONE, PQ_AT_TIME, PQ_AT_START, PQ_AT_END };
enum pq_card { PQ_ONE_TO_ONE, PQ_MANY_TO_ONE, PQ_ONE_TO_MANY };

struct pq_names {
	size_t n;
	const char **names;
};

struct pq_func;
struct pq_agg;

struct pq_node {
	enum pq_kind kind;
	enum pq_type type;
	uint32_t pos;
	uint32_t depth; /* 1 for a leaf */

	double num;
	const char *text; /* string literal; metric name of a selector or NULL */

	/* Selectors and subqueries. */
	struct sg_selector sel;
	struct pq_node *next_selector; /* all selectors of a query, for release */
	bool compiled;
	int64_t range_ms; /* 0: an instant selector */
	int64_t step_ms; /* subquery; 0: the default */
	int64_t offset_ms;
	bool has_offset;
	enum pq_at at;
	int64_t at_ms;
	size_t selection; /* evaluator: index of what was read for it */
	bool totals; /* evaluator: only counts and sums of histograms are asked for */

	/* Children: arguments, operands, the expression within. */
	struct pq_node **args;
	size_t n_args;
	const struct pq_func *func;

	/* Operators. Unary: op is PQ_ADD or PQ_SUB. */
	enum pq_op op;
	bool ret_bool;
	bool matching; /* on or ignoring was written */
	bool on;
	enum pq_card card;
	struct pq_names labels; /* on, ignoring, by, without */
	struct pq_names include;

	/* Aggregations: args[0] is the vector, args[1] the parameter. */
	const struct pq_agg *agg;
	bool without;
};

struct pq_ast {
	const char *src;
	struct sg_arena *arena;
	struct pq_node *root;
	struct pq_node *selectors; /* list by next_selector */
	double step_s, range_s; /* of the query: what step() and range() are in durations */
};

/*
 * Parses and checks types; step_s and range_s of ret are set before. Everything is in the arena; selectors are compiled
 * and must be released by pq_release, also after a failure. -EINVAL fills err as
 * Prometheus words it, -E2BIG when the text is too long or too deep, -ENOMEM.
 */
int pq_parse(const char *src, struct sg_arena *arena, struct pq_ast *ret, struct sg_error *err);
void pq_release(struct pq_ast *ast);
/* Type checks: part of pq_parse. */
int pq_check_types(const struct pq_ast *ast, const struct pq_node *n, struct sg_error *err);
/* "line:column" of a byte offset. */
void pq_position(const char *src, uint32_t pos, char *out, size_t n);
/* pq_syntax(src, pos, err, fmt, ...): fills err with "line:column: parse error: ..."; -EINVAL. */
#define pq_syntax(...) (pq_say_syntax(__VA_ARGS__), -EINVAL)
void pq_say_syntax(const char *src, uint32_t pos, struct sg_error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The node under any parentheses. */
static inline const struct pq_node *pq_unwrap(const struct pq_node *n)
{
	while (n->kind == PQ_PAREN)
		n = n->args[0];
	return n;
}

#endif
