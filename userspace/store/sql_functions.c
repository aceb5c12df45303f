// SPDX-License-Identifier: GPL-2.0
/* hist_quantile(q, buckets): an aggregate that adds up the buckets of all rows. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "sql_private.h"

struct sum {
	double q;
	bool bad;
	struct sg_hist h;
};

static const char *number(const char *p, char before, double *ret)
{
	char *end;

	if (!p || *p != before)
		return NULL;
	*ret = strtod(p + 1, &end);
	return end == p + 1 ? NULL : end;
}

/* One "[lower,upper,count]"; NULL: it is none. */
static const char *bucket(const char *p, struct sg_hist *h)
{
	double lower, upper, count;

	p = number(p, '[', &lower);
	p = number(p, ',', &upper);
	p = number(p, ',', &count);
	if (!p || *p != ']' || !(upper > 0) || !isfinite(upper) || !isfinite(count))
		return NULL;
	h->count += count;
	if (sg_hist_add_bucket(h, sg_bucket_index(upper), count) < 0)
		return NULL;
	return p + 1;
}

static bool add_buckets(struct sg_hist *h, const char *p)
{
	if (strcmp(p, "[]") == 0)
		return true;
	for (char before = '['; *p == before; before = ',') {
		p = bucket(p + 1, h);
		if (!p)
			return false;
	}
	return strcmp(p, "]") == 0;
}

static void quantile_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct sum *s = sqlite3_aggregate_context(ctx, sizeof(*s));
	const char *text = (const char *)sqlite3_value_text(argv[1]);

	if (!s) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	s->q = sqlite3_value_double(argv[0]);
	if (text && !s->bad)
		s->bad = !add_buckets(&s->h, text);
}

static void quantile_final(sqlite3_context *ctx)
{
	struct sum *s = sqlite3_aggregate_context(ctx, 0);

	if (!s)
		return; /* NULL: no row */
	if (s->bad)
		sqlite3_result_error(ctx,
				     "hist_quantile(q, buckets): this is not a column "
				     "\"buckets\"",
				     -1);
	else if (s->h.count > 0)
		sqlite3_result_double(ctx, sg_hist_quantile(&s->h, s->q));
	sg_hist_free(&s->h);
}

int sg_sql_functions(struct sg_sql *s)
{
	return sg_db_errno(sqlite3_create_function_v2(s->db->h, "hist_quantile", 2,
						      SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
						      NULL, quantile_step, quantile_final, NULL));
}
