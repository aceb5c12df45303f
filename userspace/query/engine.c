// SPDX-License-Identifier: GPL-2.0
// The evaluator's core: dispatch over node kinds, limits, warnings.
#include "engine.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/time.h>

int pq_tick(struct pq_engine *e)
{
	/* The clock is asked now and then: a tick is cheaper than a clock. */
	if (!e->deadline_ns || (e->ticks++ & 31) || sg_mono_ns() < e->deadline_ns)
		return 0;
	return sg_fail(
		e->err, -ETIMEDOUT,
		"query timed out in expression evaluation: ask for less or raise the timeout");
}

void *pq_alloc(struct pq_engine *e, size_t n)
{
	return sg_arena_alloc(e->arena, n);
}

void *pq_alloc_n(struct pq_engine *e, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return sg_arena_alloc(e->arena, bytes ? bytes : 1);
}

void *pq_alloc_lasting(struct pq_engine *e, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return sg_arena_alloc(e->lasting, bytes ? bytes : 1);
}

void pq_say_oom(struct pq_engine *e)
{
	sg_fail(e->err, -E2BIG,
		"the query needs more than %zu MiB of memory: ask for a shorter range, "
		"a longer step or fewer series",
		e->max_bytes >> 20);
}

static void annotate(struct pq_engine *e, const char *kind, uint32_t pos, const char *fmt,
		     va_list ap)
{
	char text[400], where[32];
	const char *s;

	/* Infos leave room for warnings. */
	if (e->n_warnings >= (*kind == 'i' ? PQ_MAX_WARNINGS / 2 : PQ_MAX_WARNINGS))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	pq_position(e->ast->src, pos, where, sizeof(where));
	s = sg_arena_printf(e->lasting, "PromQL %s: %s (%s)", kind, text, where);
	for (size_t i = 0; s && i < e->n_warnings; i++)
		if (!strcmp(e->warnings[i], s))
			return;
	if (s)
		e->warnings[e->n_warnings++] = s;
}

void pq_warn(struct pq_engine *e, uint32_t pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	annotate(e, "warning", pos, fmt, ap);
	va_end(ap);
}

void pq_info(struct pq_engine *e, uint32_t pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	annotate(e, "info", pos, fmt, ap);
	va_end(ap);
}

const char *pq_go_g(struct pq_engine *e, double v)
{
	char text[40];
	const char *s;
	int digits = 1, exponent;

	if (isnan(v) || isinf(v))
		return isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
	do
		snprintf(text, sizeof(text), "%.*e", digits - 1, v);
	while (strtod(text, NULL) != v && digits++ < 17);
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	/* Go takes 6 for the precision here, however many digits there are. */
	if (exponent >= -4 && exponent < 6)
		snprintf(text, sizeof(text), "%.*f", SG_MAX(digits - 1 - exponent, 0), v);
	s = sg_arena_strdup(e->arena, text);
	return s ? s : "";
}

void pq_warn_mixed_buckets(struct pq_engine *e, uint32_t pos, const char *name)
{
	pq_warn(e, pos,
		"vector contains a mix of histograms with exponential and custom buckets schemas "
		"for metric name \"%s\"",
		name);
}

void pq_note_hist_sum(struct pq_engine *e, uint32_t pos, const struct pq_hist_sum *a,
		      const char *operation)
{
	if (pq_hist_sum_collided(a))
		pq_warn(e, pos, "conflicting counter resets during histogram %s", operation);
	if (a->rebound)
		pq_info(e, pos, "mismatched custom buckets were reconciled during %s", operation);
}

int pq_eval_scalar(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   const struct pq_cell **ret)
{
	struct pq_rows rows = {0};
	int r = pq_eval(e, g, n, &rows);

	pq_rows_done(&rows);
	if (!r)
		*ret = rows.rows[0]->cells;
	return r;
}

static int eval_number(struct pq_engine *e, const struct pq_grid *g, double v, struct pq_rows *out)
{
	struct pq_cell *c = pq_rows_scalar(e, g, out);

	if (!c)
		return pq_oom(e);
	for (size_t i = 0; i < g->n; i++)
		c[i] = (struct pq_cell){.v = v};
	return 0;
}

static int negate_row(struct pq_engine *e, const struct pq_grid *g, struct pq_row *row)
{
	struct pq_cell *c = pq_cells(e, g);

	if (!c)
		return pq_oom(e);
	for (size_t i = 0; i < g->n; i++) {
		const struct pq_cell *in = &row->cells[i];

		if (pq_is_float(in)) {
			c[i] = (struct pq_cell){.v = -in->v};
		} else if (pq_has(in)) {
			c[i].h = pq_hist_scale(e, in->h, -1, false);
			if (!c[i].h)
				return pq_oom(e);
		}
	}
	row->cells = c;
	row->drop_name = true;
	return 0;
}

static int eval_unary(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		      struct pq_rows *out)
{
	int r = pq_eval(e, g, n->args[0], out);

	if (n->op != PQ_SUB)
		return r;
	for (size_t i = 0; !r && i < out->n; i++)
		r = negate_row(e, g, out->rows[i]);
	return r;
}

int pq_eval(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
	    struct pq_rows *out)
{
	int r = pq_tick(e);

	if (r < 0)
		return r;
	switch (n->kind) {
	case PQ_NUMBER: return eval_number(e, g, n->num, out);
	case PQ_PAREN: return pq_eval(e, g, n->args[0], out);
	case PQ_SELECTOR: return pq_eval_selector(e, g, n, out);
	case PQ_UNARY: return eval_unary(e, g, n, out);
	case PQ_BINARY: return pq_eval_binary(e, g, n, out);
	case PQ_CALL: return pq_eval_call(e, g, n, out);
	case PQ_AGGREGATE: return pq_eval_aggregate(e, g, n, out);
	case PQ_TEXT:
	case PQ_SUBQUERY: break; /* the type checks leave them only where callers unwrap them */
	}
	return sg_fail(e->err, -EINVAL, "an expression of type %s has no place here",
		       pq_type_name(n->type));
}
