// SPDX-License-Identifier: GPL-2.0
// An expression as text again, laid out as Prometheus' format_query does.
#include <inttypes.h>
#include <string.h>

#include <sgprobe/query.h>

#include "functions.h"
#include "model/names.h"
#include "parser.h"

#define LINE_MAX_CHARS 100

static void put_node(struct sg_buf *b, const struct pq_node *n);
static void put_pretty(struct sg_buf *b, const struct pq_node *n, int level);

/* ---- parts ----------------------------------------------------------------------------- */

/* "1d12h"; years and weeks only where nothing is left, for "90d" reads better than "12w6d". */
static void put_duration(struct sg_buf *b, int64_t ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
		bool even;
	} units[] = {
		{"y", 31536000000, true}, {"w", 604800000, true}, {"d", 86400000, false},
		{"h", 3600000, false},	  {"m", 60000, false},	  {"s", 1000, false},
		{"ms", 1, false},
	};

	if (!ms)
		sg_buf_str(b, "0s");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (ms < units[i].ms || (units[i].even && ms % units[i].ms))
			continue;
		sg_buf_printf(b, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
		ms %= units[i].ms;
	}
}

/* Bytes of the character at s, 0: it is none. */
static size_t character(const char *s)
{
	for (size_t n = 1; n <= 4 && s[n - 1]; n++)
		if (sg_utf8_valid(s, n))
			return n;
	return 0;
}

static void put_quoted(struct sg_buf *b, const char *s)
{
	static const char from[] = "\"\\\n\t\r\a\b\f\v", to[] = "\"\\ntrabfv";

	sg_buf_char(b, '"');
	for (size_t n; *s; s += n ? n : 1) {
		const char *at = strchr(from, *s);

		n = character(s);
		if (at) {
			sg_buf_char(b, '\\');
			sg_buf_char(b, to[at - from]);
		} else if (!n || (unsigned char)*s < ' ' || *s == 0x7f) {
			sg_buf_printf(b, "\\x%02x", (unsigned char)*s);
		} else {
			sg_buf_add(b, s, n);
		}
	}
	sg_buf_char(b, '"');
}

static void put_name(struct sg_buf *b, const char *name)
{
	if (sg_label_name_valid(name) || !strcmp(name, "__name__"))
		sg_buf_str(b, name);
	else
		put_quoted(b, name);
}

static void put_names(struct sg_buf *b, const struct pq_names *l)
{
	sg_buf_char(b, '(');
	for (size_t i = 0; i < l->n; i++) {
		sg_buf_str(b, i ? ", " : "");
		put_name(b, l->names[i]);
	}
	sg_buf_char(b, ')');
}

static void put_when(struct sg_buf *b, const struct pq_node *n)
{
	if (n->at == PQ_AT_TIME)
		sg_buf_printf(b, " @ %.3f", (double)n->at_ms / 1000);
	else if (n->at != PQ_AT_NONE)
		sg_buf_str(b, n->at == PQ_AT_START ? " @ start()" : " @ end()");
	if (!n->offset_ms)
		return;
	sg_buf_str(b, n->offset_ms < 0 ? " offset -" : " offset ");
	put_duration(b, n->offset_ms < 0 ? -n->offset_ms : n->offset_ms);
}

static bool is_metric_name(const struct pq_node *n, const struct sg_matcher *m)
{
	return n->text && m->op == SG_MATCH_EQ && !strcmp(m->name, "__name__") &&
	       !strcmp(m->value, n->text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct sg_buf *)a)->data, ((const struct sg_buf *)b)->data);
}

/* Matchers in the order of their text. */
static void put_matchers(struct sg_buf *b, const struct pq_node *n)
{
	static const char *const ops[] = {"=", "!=", "=~", "!~"};
	struct sg_buf *texts = calloc(n->sel.n + 1, sizeof(*texts));
	size_t k = 0;

	for (size_t i = 0; texts && i < n->sel.n; i++) {
		const struct sg_matcher *m = &n->sel.matchers[i];

		if (is_metric_name(n, m))
			continue;
		put_name(&texts[k], m->name);
		sg_buf_str(&texts[k], ops[m->op]);
		put_quoted(&texts[k], m->value);
		if (texts[k].err)
			b->err = texts[k].err;
		k++;
	}
	if (k && !b->err)
		qsort(texts, k, sizeof(*texts), by_text);
	for (size_t i = 0; i < k; i++) {
		sg_buf_char(b, i ? ',' : '{');
		sg_buf_add(b, texts[i].data, texts[i].len);
		sg_buf_free(&texts[i]);
	}
	if (k)
		sg_buf_char(b, '}');
	free(texts);
}

static void put_selector(struct sg_buf *b, const struct pq_node *n)
{
	if (n->text)
		sg_buf_str(b, n->text);
	put_matchers(b, n);
	if (n->range_ms) {
		sg_buf_char(b, '[');
		put_duration(b, n->range_ms);
		sg_buf_char(b, ']');
	}
	put_when(b, n);
}

static void put_subquery_range(struct sg_buf *b, const struct pq_node *n)
{
	sg_buf_char(b, '[');
	put_duration(b, n->range_ms);
	sg_buf_char(b, ':');
	if (n->step_ms)
		put_duration(b, n->step_ms);
	sg_buf_char(b, ']');
	put_when(b, n);
}

static void put_operator(struct sg_buf *b, const struct pq_node *n)
{
	sg_buf_str(b, pq_op_name(n->op));
	sg_buf_str(b, n->ret_bool ? " bool" : "");
	if (!n->on && !n->labels.n)
		return;
	sg_buf_str(b, n->on ? " on " : " ignoring ");
	put_names(b, &n->labels);
	if (n->card == PQ_ONE_TO_ONE)
		return;
	sg_buf_str(b, n->card == PQ_MANY_TO_ONE ? " group_left " : " group_right ");
	put_names(b, &n->include);
}

static void put_aggregate_head(struct sg_buf *b, const struct pq_node *n)
{
	sg_buf_str(b, n->text);
	if (!n->without && !n->labels.n)
		return;
	sg_buf_str(b, n->without ? " without " : " by ");
	put_names(b, &n->labels);
	sg_buf_char(b, ' ');
}

/* Those that were written: the parser gives info() a second one. */
static size_t written_args(const struct pq_node *n)
{
	bool added = n->kind == PQ_CALL && n->n_args == 2 && n->args[1]->pos == n->pos;

	return added ? 1 : n->n_args;
}

/* ---- on one line ----------------------------------------------------------------------- */

static void put_call(struct sg_buf *b, const struct pq_node *n)
{
	sg_buf_str(b, n->text);
	sg_buf_char(b, '(');
	for (size_t i = 0; i < written_args(n); i++) {
		sg_buf_str(b, i ? ", " : "");
		put_node(b, n->args[i]);
	}
	sg_buf_char(b, ')');
}

static void put_aggregate(struct sg_buf *b, const struct pq_node *n)
{
	put_aggregate_head(b, n);
	sg_buf_char(b, '(');
	if (n->n_args > 1) {
		put_node(b, n->args[1]);
		sg_buf_str(b, ", ");
	}
	put_node(b, n->args[0]);
	sg_buf_char(b, ')');
}

static void put_binary(struct sg_buf *b, const struct pq_node *n)
{
	put_node(b, n->args[0]);
	sg_buf_char(b, ' ');
	put_operator(b, n);
	sg_buf_char(b, ' ');
	put_node(b, n->args[1]);
}

static void put_node(struct sg_buf *b, const struct pq_node *n)
{
	switch (n->kind) {
	case PQ_NUMBER: sg_fmt_float_e(b, n->num); break;
	case PQ_TEXT: put_quoted(b, n->text); break;
	case PQ_SELECTOR: put_selector(b, n); break;
	case PQ_SUBQUERY:
		put_node(b, n->args[0]);
		put_subquery_range(b, n);
		break;
	case PQ_PAREN:
		sg_buf_char(b, '(');
		put_node(b, n->args[0]);
		sg_buf_char(b, ')');
		break;
	case PQ_UNARY:
		sg_buf_str(b, pq_op_name(n->op));
		put_node(b, n->args[0]);
		break;
	case PQ_BINARY: put_binary(b, n); break;
	case PQ_CALL: put_call(b, n); break;
	case PQ_AGGREGATE: put_aggregate(b, n); break;
	}
}

/* ---- on several ------------------------------------------------------------------------ */

static void indent(struct sg_buf *b, int level)
{
	while (level-- > 0)
		sg_buf_str(b, "  ");
}

static void put_call_lines(struct sg_buf *b, const struct pq_node *n, int level)
{
	sg_buf_str(b, n->text);
	sg_buf_str(b, "(\n");
	for (size_t i = 0; i < written_args(n); i++) {
		sg_buf_str(b, i ? ",\n" : "");
		put_pretty(b, n->args[i], level + 1);
	}
}

static void put_aggregate_lines(struct sg_buf *b, const struct pq_node *n, int level)
{
	put_aggregate_head(b, n);
	sg_buf_str(b, "(\n");
	if (n->n_args > 1) {
		put_pretty(b, n->args[1], level + 1);
		sg_buf_str(b, ",\n");
	}
	put_pretty(b, n->args[0], level + 1);
}

static void put_binary_lines(struct sg_buf *b, const struct pq_node *n, int level)
{
	put_pretty(b, n->args[0], level + 1);
	sg_buf_char(b, '\n');
	indent(b, level);
	put_operator(b, n);
	sg_buf_char(b, '\n');
	put_pretty(b, n->args[1], level + 1);
}

static void put_unary_lines(struct sg_buf *b, const struct pq_node *n, int level)
{
	sg_auto_buf child = {0};

	put_pretty(&child, n->args[0], level);
	indent(b, level);
	sg_buf_str(b, pq_op_name(n->op));
	if (child.data)
		sg_buf_str(b, child.data + strspn(child.data, " "));
	b->err = b->err ? b->err : child.err;
}

/* What has lines of its own, and a bracket to close. */
static void put_split(struct sg_buf *b, const struct pq_node *n, int level)
{
	indent(b, level);
	if (n->kind == PQ_CALL) {
		put_call_lines(b, n, level);
	} else if (n->kind == PQ_AGGREGATE) {
		put_aggregate_lines(b, n, level);
	} else {
		sg_buf_str(b, "(\n");
		put_pretty(b, n->args[0], level + 1);
	}
	sg_buf_char(b, '\n');
	indent(b, level);
	sg_buf_char(b, ')');
}

static void put_pretty(struct sg_buf *b, const struct pq_node *n, int level)
{
	sg_auto_buf line = {0};

	put_node(&line, n);
	b->err = b->err ? b->err : line.err;
	if (n->kind == PQ_UNARY) {
		put_unary_lines(b, n, level);
	} else if (line.len <= LINE_MAX_CHARS || n->kind <= PQ_SELECTOR) {
		indent(b, level);
		sg_buf_add(b, line.data, line.len);
	} else if (n->kind == PQ_SUBQUERY) {
		put_pretty(b, n->args[0], level);
		put_subquery_range(b, n);
	} else if (n->kind == PQ_BINARY) {
		put_binary_lines(b, n, level);
	} else {
		put_split(b, n, level);
	}
}

/* A name that stands among the matchers stays there. */
static void as_written(const struct pq_ast *ast)
{
	for (struct pq_node *n = ast->selectors; n; n = n->next_selector)
		if (ast->src[n->pos] == '{')
			n->text = NULL;
}

int sg_query_format(const char *expr, struct sg_buf *b, struct sg_error *err)
{
	sg_auto(sg_arena) arena = sg_arena_new(0);
	/* Durations may ask for the step and the range of a query: there is none. */
	struct pq_ast ast = {.step_s = 1, .range_s = 1};
	int r = arena ? pq_parse(expr, arena, &ast, err) : -ENOMEM;

	if (!r) {
		as_written(&ast);
		put_pretty(b, ast.root, 0);
		r = b->err;
	}
	pq_release(&ast);
	return r;
}
