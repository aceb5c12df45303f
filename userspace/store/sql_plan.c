// SPDX-License-Identifier: GPL-2.0
/* Conditions of a WHERE that spare reading. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "sql_private.h"

/* A condition that is used: a letter of the plan. */
enum { NAME = 'n', KIND = 'k', SELECTOR = 's', SINCE = 'i', UNTIL = 'u' };
enum { AFTER = 'g', FROM = 'G', BEFORE = 'l', TO = 'L', AT = 'e' };

static char time_letter(unsigned char op)
{
	switch (op) {
	case SQLITE_INDEX_CONSTRAINT_GT: return AFTER;
	case SQLITE_INDEX_CONSTRAINT_GE: return FROM;
	case SQLITE_INDEX_CONSTRAINT_LT: return BEFORE;
	case SQLITE_INDEX_CONSTRAINT_LE: return TO;
	case SQLITE_INDEX_CONSTRAINT_EQ: return AT;
	}
	return 0;
}

static char letter(const struct sg_sql_columns *c, int column, unsigned char op)
{
	if (column < 0)
		return 0;
	if (column == c->t)
		return time_letter(op);
	if (op != SQLITE_INDEX_CONSTRAINT_EQ)
		return 0;
	return column == c->name       ? NAME
	       : column == c->kind     ? KIND
	       : column == c->selector ? SELECTOR
	       : column == c->since    ? SINCE
	       : column == c->until    ? UNTIL
				       : 0;
}

static bool is_argument(char l)
{
	return l == SELECTOR || l == SINCE || l == UNTIL;
}

/* Only the order matters: a name is a hundredth of all, a beginning a tenth, an end half. */
static double cost_of(const char *plan)
{
	double cost = 1e9;

	for (; *plan; plan++)
		cost /= *plan == NAME || *plan == SELECTOR || *plan == AT ? 100
			: *plan == AFTER || *plan == FROM		  ? 10
			: *plan == SINCE				  ? 10
									  : 2;
	return SG_MAX(cost, 1);
}

int sg_sql_best_index(const struct sg_sql_columns *c, sqlite3_index_info *info)
{
	char *plan = sqlite3_malloc(info->nConstraint + 1);
	int n = 0;

	if (!plan)
		return SQLITE_NOMEM;
	for (int i = 0; i < info->nConstraint; i++) {
		const struct sqlite3_index_constraint *k = &info->aConstraint[i];
		char l = letter(c, k->iColumn, k->op);

		if (!l)
			continue;
		/* An argument must have its value before the table is read. */
		if (!k->usable && is_argument(l)) {
			sqlite3_free(plan);
			return SQLITE_CONSTRAINT;
		}
		if (!k->usable)
			continue;
		plan[n++] = l;
		info->aConstraintUsage[i].argvIndex = n;
		info->aConstraintUsage[i].omit = is_argument(l);
	}
	plan[n] = '\0';
	info->idxStr = plan;
	info->needToFreeIdxStr = 1;
	info->estimatedCost = cost_of(plan);
	info->estimatedRows = (sqlite3_int64)info->estimatedCost;
	return SQLITE_OK;
}

/* ---- what they come to --------------------------------------------------------------- */

static int64_t clamp(double ms)
{
	if (!(ms > -(double)SG_SQL_TIME_MAX))
		return -SG_SQL_TIME_MAX;
	return ms < (double)SG_SQL_TIME_MAX ? (int64_t)ms : SG_SQL_TIME_MAX;
}

/*
 * Times have whole milliseconds. A bound that is not one by a rounding error of its seconds
 * may take in a millisecond too many, never one too few: SQLite looks at each row again.
 */
static void bound_time(struct sg_sql_bounds *b, char l, double seconds)
{
	double ms = seconds * 1000;

	if (l == AFTER || l == FROM || l == AT || l == SINCE)
		b->from_ms = SG_MAX(b->from_ms, clamp(ceil(ms - 0.01) - 1));
	if (l == BEFORE || l == TO || l == AT || l == UNTIL)
		b->to_ms = SG_MIN(b->to_ms, clamp(floor(ms + 0.01)));
}

static void take_time(struct sg_sql_bounds *b, char l, sqlite3_value *v)
{
	int type = sqlite3_value_numeric_type(v);

	if (type == SQLITE_NULL && l != SINCE && l != UNTIL)
		b->none = true;
	else if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		bound_time(b, l, sqlite3_value_double(v));
}

static int take_text(const char **to, bool *none, sqlite3_value *v, struct sg_arena *text)
{
	const char *s = (const char *)sqlite3_value_text(v);

	if (!s || (*to && strcmp(*to, s) != 0)) {
		*none = true; /* NULL equals nothing, and no value two texts */
		return 0;
	}
	*to = sg_arena_strdup(text, s);
	return *to ? 0 : -ENOMEM;
}

int sg_sql_bounds(const char *plan, int argc, sqlite3_value **argv, struct sg_arena *text,
		  struct sg_sql_bounds *ret)
{
	struct sg_sql_bounds b = {.from_ms = -SG_SQL_TIME_MAX, .to_ms = SG_SQL_TIME_MAX};
	int r = 0;

	for (int i = 0; i < argc && plan && plan[i] && r == 0; i++) {
		switch (plan[i]) {
		case NAME: r = take_text(&b.name, &b.none, argv[i], text); break;
		case KIND: r = take_text(&b.kind, &b.none, argv[i], text); break;
		case SELECTOR: r = take_text(&b.selector, &b.none, argv[i], text); break;
		default: take_time(&b, plan[i], argv[i]);
		}
	}
	b.none |= b.from_ms >= b.to_ms;
	*ret = b;
	return r;
}
