// SPDX-License-Identifier: GPL-2.0
/* Whole texts, taken in a piece at a time so that nobody waits long for the table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "push.h"

#define PIECE (16U << 10)

struct feed {
	struct sg_ingest *g;
	struct ingest_source *source;
	struct sg_ingest_result *result;
};

static void refuse(struct feed *f, enum ingest_reason why, const char *line, size_t n)
{
	struct sg_ingest_result *r = f->result;

	if (why == INGEST_UNSUPPORTED) /* the sender did nothing wrong */
		return;
	r->refused++;
	snprintf(r->why, sizeof(r->why), "%s: %.*s", ingest_reason_help(why),
		 (int)SG_MIN(n, (size_t)80), line);
}

static void on_point(void *ctx, const struct ingest_point *p, const char *line, size_t n)
{
	struct feed *f = ctx;
	enum ingest_reason why = ingest_table_put(f->g->table, f->source, p, line, n);

	if (why == INGEST_OK)
		f->result->taken++;
	else
		refuse(f, why, line, n);
}

static void on_refused(void *ctx, enum ingest_reason why, const char *line, size_t n)
{
	struct feed *f = ctx;

	ingest_source_refuse(f->source, why, line, n);
	refuse(f, why, line, n);
}

/* Whole lines of about a piece. */
static size_t piece(const char *p, size_t n)
{
	const char *nl = n > PIECE ? memchr(p + PIECE, '\n', n - PIECE) : NULL;

	return nl ? (size_t)(nl + 1 - p) : n;
}

void ingest_feed_prom(struct sg_ingest *g, struct ingest_source *source, struct ingest_prom *s,
		      const char *p, size_t n, struct sg_ingest_result *ret)
{
	struct feed f = {g, source, ret};
	const struct ingest_sink sink = {on_point, on_refused, &f};

	while (n) {
		size_t k = piece(p, n);

		ingest_enter(g);
		ingest_prom(s, p, k, &sink);
		ingest_leave(g);
		p += k;
		n -= k;
	}
}

/* A text in quotes may have line ends, so only the parser knows where a line ends. */
static void feed_influx(struct sg_ingest *g, const struct ingest_influx *s, const char *p, size_t n,
			struct sg_ingest_result *ret)
{
	struct feed f = {g, &g->influx, ret};
	const struct ingest_sink sink = {on_point, on_refused, &f};

	while (n) {
		size_t done = 0;

		ingest_enter(g);
		while (done < n && done < PIECE)
			done += ingest_influx_one(s, p + done, n - done, &sink);
		ingest_leave(g);
		p += done;
		n -= done;
	}
}

int sg_ingest_push(struct sg_ingest *g, const struct sg_ingest_push *how, const void *p, size_t n,
		   struct sg_ingest_result *ret)
{
	const struct ingest_label_set own = {how->labels, how->n_labels};
	struct ingest_prom prom = {.own = own, .openmetrics = how->format == SG_INGEST_OPENMETRICS};
	const struct ingest_influx influx = {.own = own, .unit_ns = how->unit_ns};

	*ret = (struct sg_ingest_result){0};
	if (!g->cfg->ingest_push)
		return -EOPNOTSUPP;
	if (how->format == SG_INGEST_INFLUX)
		feed_influx(g, &influx, p, n, ret);
	else
		ingest_feed_prom(g, &g->prometheus, &prom, p, n, ret);
	return 0;
}
