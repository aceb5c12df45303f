// SPDX-License-Identifier: GPL-2.0
// Many steps are evaluated a part at a time, in memory that the next part uses again:
// what the parts of an expression hand to each other stays in the CPU's cache then. It is
// worth it for histograms: of floats there is so much less that one series after the other
// is better.
#include <errno.h>

#include "engine.h"

#define FIRST_STEPS 16
#define MIN_STEPS 64 /* below it is not worth the while */
#define PART_BYTES (768UL << 10) /* what a part may take; below a block of an arena */

/* A subquery would evaluate the times that two parts share twice. */
static bool has_subquery(const struct pq_node *n)
{
	if (n->kind == PQ_SUBQUERY)
		return true;
	for (size_t i = 0; i < n->n_args; i++)
		if (has_subquery(n->args[i]))
			return true;
	return false;
}

static size_t next_steps(const struct pq_engine *e, size_t n, size_t used)
{
	size_t left = e->max_bytes - SG_MIN(sg_arena_used(e->arena), e->max_bytes);
	size_t goal = SG_MIN(PART_BYTES, left / 4);

	if (used > goal)
		return SG_MAX(n / 2, (size_t)1);
	return used < goal / 3 ? n * 2 : n;
}

static struct pq_row *kept_row(struct pq_engine *e, const struct pq_grid *g, struct pq_rows *out,
			       const struct sg_series *s)
{
	size_t before = out->n;
	struct pq_row *row = pq_rows_get(e, g, out, s);
	const struct sg_series *copy;

	if (!row || out->n == before)
		return row;
	copy = sg_series_copy(e->arena, s);
	if (!copy)
		return NULL;
	row->series = *copy;
	return row;
}

/* The cells of a part go to their place from step 'at' on. */
static int keep_row(struct pq_engine *e, const struct pq_grid *g, const struct pq_row *from,
		    size_t at, size_t n, struct pq_rows *out)
{
	struct pq_row *row = NULL;

	for (size_t i = 0; i < n; i++) {
		struct pq_cell c = from->cells[i];

		if (!pq_has(&c))
			continue;
		if (!row)
			row = kept_row(e, g, out, &from->series);
		if (!row)
			return pq_oom(e);
		if (pq_has(&row->cells[at + i]))
			return pq_duplicate(e);
		if (c.h)
			c.h = pq_hist_copy(e->arena, c.h);
		if (c.h || pq_is_float(&from->cells[i]))
			row->cells[at + i] = c;
		else
			return pq_oom(e);
	}
	return 0;
}

static int eval_part(struct pq_engine *e, const struct pq_grid *part, const struct pq_node *n,
		     struct sg_arena *memory, struct pq_rows *rows)
{
	struct sg_arena *lasting = e->arena;
	int r;

	e->arena = memory;
	e->in_parts = true;
	r = pq_eval(e, part, n, rows);
	if (!r)
		r = pq_rows_drop_names(e, part, rows);
	pq_rows_done(rows);
	/* What the sum has of the part's memory goes with it. */
	e->hist_sum.pos = e->hist_sum.neg = (struct pq_sum_side){0};
	e->in_parts = false;
	e->arena = lasting;
	return r;
}

static int eval_parts(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		      struct sg_arena *memory, struct pq_rows *out)
{
	size_t steps = FIRST_STEPS;
	int r = 0;

	for (size_t at = 0; !r && at < g->n;) {
		struct pq_grid part = {.start_ms = pq_grid_time(g, at),
				       .step_ms = g->step_ms,
				       .n = SG_MIN(steps, g->n - at)};
		struct pq_rows rows = {0};

		r = eval_part(e, &part, n, memory, &rows);
		for (size_t i = 0; !r && i < rows.n; i++)
			r = keep_row(e, g, rows.rows[i], at, part.n, out);
		if (!r && sg_arena_used(memory) + sg_arena_used(e->arena) > e->max_bytes)
			r = pq_oom(e);
		at += part.n;
		steps = next_steps(e, steps, sg_arena_used(memory));
		sg_arena_reset(memory);
	}
	return r;
}

int pq_eval_steps(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		  struct pq_rows *out)
{
	sg_auto(sg_arena) memory = NULL;
	int r;

	if (e->any_buckets && g->n >= MIN_STEPS && sg_arena_used(e->arena) < e->max_bytes &&
	    !has_subquery(n)) {
		memory = sg_arena_new(e->max_bytes - sg_arena_used(e->arena));
		if (!memory)
			return -ENOMEM;
		r = eval_parts(e, g, n, memory, out);
		if (r != PQ_NEEDS_ALL_STEPS)
			return r;
		pq_rows_done(out);
		*out = (struct pq_rows){0};
	}
	r = pq_eval(e, g, n, out);
	return r < 0 ? r : pq_rows_drop_names(e, g, out);
}
