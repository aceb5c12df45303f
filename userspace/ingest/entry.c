// SPDX-License-Identifier: GPL-2.0
#include "entry.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/bpf/bucket.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers up to here are exact */
#define CARRY_MAX 1000000000000ULL /* 2^53 counts in parts of it still fit into 128 bits */
#define BUCKETS_KEPT 64 /* memory for so many stays with a series */
#define VALUE_MAX 1e200 /* so that what is added up stays finite: no frame takes anything else */

static size_t text_of(const struct sg_series *s)
{
	size_t n = strlen(s->name) + 4;

	for (size_t i = 0; i < s->n_labels; i++)
		n += strlen(s->labels[i].name) + strlen(s->labels[i].value) + 4;
	return n;
}

struct ingest_entry *ingest_entry_new(const struct sg_series *s, enum ingest_op op)
{
	struct ingest_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->op = op;
	e->text = text_of(s);
	e->carry_of = 1;
	e->series = sg_series_dup(s);
	if (!e->series) {
		free(e);
		return NULL;
	}
	return e;
}

static void free_cell(struct ingest_cell *c)
{
	if (c)
		sg_hist_free(&c->hist);
	free(c);
}

void ingest_entry_free(struct ingest_entry *e)
{
	if (!e)
		return;
	while (e->cells) {
		struct ingest_cell *next = e->cells->next;

		free_cell(e->cells);
		e->cells = next;
	}
	free_cell(e->spare);
	ingest_members_free(&e->members);
	sg_hist_free(&e->hist);
	free(e->series);
	free(e);
}

enum sg_type ingest_op_type(enum ingest_op op)
{
	switch (op) {
	case INGEST_ADD:
	case INGEST_TOTAL: return SG_COUNTER;
	case INGEST_OBSERVE: return SG_HISTOGRAM;
	default: return SG_GAUGE;
	}
}

enum ingest_reason ingest_point_check(const struct ingest_point *p)
{
	if (p->op == INGEST_SET || p->op == INGEST_MEMBER)
		return INGEST_OK;
	if (!isfinite(p->value) || fabs(p->value) > VALUE_MAX)
		return INGEST_NOT_FINITE;
	return p->value < 0 && p->op != INGEST_SHIFT ? INGEST_NEGATIVE : INGEST_OK;
}

/* ---- cells -------------------------------------------------------------------------- */

static struct ingest_cell *take_cell(struct ingest_entry *e)
{
	struct ingest_cell *c = sg_take(e->spare);

	return c ? c : calloc(1, sizeof(*c));
}

/* Empties it; memory that is more than usual is given back. */
static void shrink(struct sg_hist *h)
{
	if (h->cap > BUCKETS_KEPT)
		sg_hist_free(h);
	sg_hist_clear(h);
}

static void give_cell(struct ingest_entry *e, struct ingest_cell *c)
{
	if (e->spare) {
		free_cell(c);
		return;
	}
	shrink(&c->hist);
	*c = (struct ingest_cell){.hist = c->hist};
	e->spare = c;
}

/* The cell of a tick, or the newest when too many wait. NULL: no memory. */
static struct ingest_cell *cell_of(struct ingest_entry *e, int64_t t_ms)
{
	struct ingest_cell **at = &e->cells, *c;

	while (*at && (*at)->t_ms < t_ms && ((*at)->next || e->n_cells < ENTRY_CELLS_MAX))
		at = &(*at)->next;
	c = *at;
	if (c && (c->t_ms == t_ms || e->n_cells >= ENTRY_CELLS_MAX))
		return c;
	c = take_cell(e);
	if (!c)
		return NULL;
	c->t_ms = t_ms;
	c->value = e->gauge;
	if (e->op != INGEST_SET)
		c->value = 0;
	c->next = *at;
	*at = c;
	e->n_cells++;
	return c;
}

/* ---- what happens to a series --------------------------------------------------------- */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Makes the fraction that is left over one that num divides; exactly, as long as that is a number that fits. */
static void rebase_carry(struct ingest_entry *e, uint64_t num)
{
	uint64_t of = e->carry_of / gcd(e->carry_of, num) * num;

	if (of > CARRY_MAX)
		of = num;
	e->carry = (unsigned __int128)e->carry * of / e->carry_of;
	e->carry_of = of;
}

/*
 * How many whole units count / rate are. What is over is kept as a fraction, exactly, and
 * comes with a later one: so that the sum is right at any time, and never off by one.
 */
static double scale_up(struct ingest_entry *e, const struct ingest_point *p, uint64_t count)
{
	unsigned __int128 units = (unsigned __int128)count * p->rate_den;

	if (e->carry_of % p->rate_num)
		rebase_carry(e, p->rate_num);
	units = units * (e->carry_of / p->rate_num) + e->carry;
	e->carry = (uint64_t)(units % e->carry_of);
	return (double)(units / e->carry_of);
}

static enum ingest_reason put_add(struct ingest_entry *e, const struct ingest_point *p,
				  struct ingest_cell *c)
{
	bool whole = p->value == floor(p->value) && p->value <= EXACT_MAX;

	c->value += whole ? scale_up(e, p, (uint64_t)p->value)
			  : p->value * (double)p->rate_den / (double)p->rate_num;
	return INGEST_OK;
}

/* The first total says where counting starts; one that is lower, that it started again. */
static enum ingest_reason put_total(struct ingest_entry *e, const struct ingest_point *p,
				    struct ingest_cell *c)
{
	if (e->has_total)
		c->value += p->value >= e->total ? p->value - e->total : p->value;
	e->total = p->value;
	e->has_total = true;
	return INGEST_OK;
}

/* Of readings of one tick the one with the latest stamp counts, else the one that came last. */
static enum ingest_reason put_gauge(struct ingest_entry *e, const struct ingest_point *p,
				    struct ingest_cell *c)
{
	double v = p->op == INGEST_SHIFT ? e->gauge + p->value : p->value;

	if (p->t_ms && c->given_ms > p->t_ms)
		return INGEST_OK;
	c->given_ms = p->t_ms;
	c->value = v;
	if (!c->next)
		e->gauge = v;
	return INGEST_OK;
}

static enum ingest_reason put_observation(struct ingest_entry *e, const struct ingest_point *p,
					  struct ingest_cell *c)
{
	int32_t index = p->value > 0 ? sg_bucket_index(p->value) : SG_BUCKET_MIN;
	double times = scale_up(e, p, 1);
	uint32_t before = c->hist.n;

	index = SG_MIN(SG_MAX(index, SG_HIST_INDEX_MIN), SG_HIST_INDEX_MAX);
	if (sg_hist_add_bucket(&c->hist, index, times) < 0)
		return INGEST_MEMORY;
	e->n_buckets += c->hist.n - before;
	c->hist.count += times;
	c->hist.sum += p->value * times;
	return INGEST_OK;
}

enum ingest_reason ingest_entry_put(struct ingest_entry *e, const struct ingest_point *p,
				    int64_t t_ms)
{
	struct ingest_cell *c = cell_of(e, t_ms);

	if (!c)
		return INGEST_MEMORY;
	switch (p->op) {
	case INGEST_ADD: return put_add(e, p, c);
	case INGEST_TOTAL: return put_total(e, p, c);
	case INGEST_OBSERVE: return put_observation(e, p, c);
	case INGEST_MEMBER: return INGEST_OK; /* the table's: it counts them all */
	default: return put_gauge(e, p, c);
	}
}

/* ---- the end of a tick ------------------------------------------------------------------ */

/* c's buckets become the entry's when it has none: mostly there is one cell. */
static int take_hist(struct ingest_entry *e, struct ingest_cell *c)
{
	struct sg_hist was = e->hist;

	if (e->hist.n)
		return sg_hist_add(&e->hist, &c->hist);
	e->hist = c->hist;
	c->hist = was;
	return 0;
}

int ingest_entry_close(struct ingest_entry *e, int64_t t_ms)
{
	int r = 0;

	shrink(&e->hist);
	if (e->op != INGEST_SET)
		e->value = 0;
	while (e->cells && e->cells->t_ms <= t_ms) {
		struct ingest_cell *c = e->cells;

		e->cells = c->next;
		e->n_cells--;
		e->n_buckets -= c->hist.n;
		e->shown = true;
		if (e->op == INGEST_SET)
			e->value = c->value;
		else
			e->value += c->value;
		if (e->op == INGEST_OBSERVE)
			r = take_hist(e, c) < 0 ? -ENOMEM : r;
		give_cell(e, c);
	}
	return r;
}
