/* SPDX-License-Identifier: GPL-2.0 */
/* A parser's points in a small table, and its frames encoded and decoded again. */
#ifndef TESTS_FUZZ_INGEST_HARNESS_H
#define TESTS_FUZZ_INGEST_HARNESS_H

#include <stdlib.h>
#include <string.h>

#include "ingest/table.h"

#define T0 1700000000000

static void parse(const char *p, size_t n, const struct ingest_sink *sink);

struct harness {
	struct ingest_table *table;
	struct ingest_source source;
};

static void on_point(void *ctx, const struct ingest_point *p, const char *line, size_t n)
{
	struct harness *h = ctx;

	ingest_table_put(h->table, &h->source, p, line, n);
}

static void on_refused(void *ctx, enum ingest_reason why, const char *line, size_t n)
{
	struct harness *h = ctx;

	ingest_source_refuse(&h->source, why, line, n);
}

static void check_frame(struct harness *h, int64_t t_ms)
{
	static struct sg_frame
		*f; /* the same one always: its memory is most of the time of a run */
	sg_auto(sg_frame) again = NULL;
	sg_auto_buf b = {0};

	f = f ? f : sg_frame_new();
	if (!f)
		return;
	sg_frame_reset(f);
	ingest_table_clock(h->table, t_ms + 10, t_ms - T0);
	if (ingest_table_frame(h->table, t_ms, f) < 0)
		return;
	f->t_ms = t_ms;
	f->seq = 1;
	if (sg_frame_encode(f, &b) < 0 || sg_frame_decode(b.data, b.len, &again) < 0 ||
	    again->n != f->n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct ingest_limits l = {.max_series = 64,
					       .max_source_series = 48,
					       .max_names = 32,
					       .expire_ms = 10000,
					       .max_age_ms = 60000,
					       .set_window_ms = 3000};
	struct harness h = {.table = ingest_table_new(&l), .source.name = "fuzz"};
	const struct ingest_sink sink = {on_point, on_refused, &h};

	for (int64_t t = T0; h.table && t < T0 + 2000; t += 1000) {
		ingest_table_clock(h.table, t - 500, t - T0);
		parse((const char *)data, n, &sink);
		check_frame(&h, t);
	}
	if (h.table)
		check_frame(&h, T0 + 60000);
	if (h.table && h.source.n_series)
		abort(); /* all have ended */
	ingest_table_free(h.table);
	return 0;
}

#endif
