/* SPDX-License-Identifier: GPL-2.0 */
/* A host of which the store is filled: series that come and go, restarts, two sources. */
#ifndef TEST_STORE_HOST_H
#define TEST_STORE_HOST_H

#include <math.h>

#include "harness.h"

#include "../../../userspace/store/fold.h"

#define TICKS 5000 /* eight segments of the first tier, two of the second, and a rest */
#define SELF_TICKS 17 /* the second source is not in every tick */

static double noise(int64_t i, int k)
{
	uint64_t h = sg_hash(&i, sizeof(i), (uint64_t)k);

	return (double)(h % 1000);
}

static void add_hist(struct sg_frame *f, const char *label, int64_t i)
{
	struct sg_label l = {"cgroup", label};
	struct sg_hist h = {0};
	struct sg_series s;
	struct sg_bucket *b = sg_arena_alloc(f->arena, 8 * sizeof(*b));

	for (int k = 0; k < 8; k++) {
		double n = floor(noise(i, 10 + k) / 250);

		if (n > 0)
			b[h.n++] = (struct sg_bucket){-100 + 3 * k, n};
		h.count += n;
	}
	h.sum = h.n ? (1000 + noise(i, 3)) * h.count * 1e-9 : 0;
	h.buckets = b;
	assert_int_equal(sg_series_init(&s, SG_HISTOGRAM, "hist", &l, 1), 0);
	assert_int_equal(sg_frame_add_hist(f, sg_series_copy(f->arena, &s), &h), 0);
}

static void add_value(struct sg_frame *f, enum sg_type type, const char *name, double v)
{
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, type, name, NULL, 0), 0);
	assert_int_equal(sg_frame_add_value(f, sg_series_copy(f->arena, &s), v), 0);
}

/* A host: series that come, go and come back, and two sources. */
static void tick(struct box *b, int64_t i)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf bytes = {0};

	f->session = 1 + i / 2500; /* a restart of the source */
	f->seq = (uint64_t)(i % 2500) + 1;
	f->t_ms = T0 + i * 1000;
	f->span_ns = 1000000000;
	add_value(f, SG_COUNTER, "whole_total", floor(noise(i, 1) / 300));
	add_value(f, SG_COUNTER, "seconds_total", noise(i, 2) * 1e-9);
	add_value(f, SG_COUNTER, "odd_total", noise(i, 2) / 7);
	add_value(f, SG_GAUGE, "bytes", 4096 * noise(i, 4));
	add_value(f, SG_GAUGE, "ratio", noise(i, 5) / 999);
	if (i % 1010 < 390)
		add_value(f, SG_COUNTER, "coming_total", 1);
	if (i > 700)
		add_hist(f, "late", i);
	if (i % 90 > 20)
		add_hist(f, "rare", i);
	add_hist(f, "always", i);
	assert_int_equal(sg_frame_encode(f, &bytes), 0);
	assert_int_equal(sg_store_append(b->st, bytes.data, bytes.len), 1);
	if (i % SELF_TICKS == 0) {
		const struct item self = {SG_COUNTER, "self_total", NULL, 3};

		sg_buf_reset(&bytes);
		encode(&bytes, 99, (uint64_t)(i / SELF_TICKS) + 1, T0 + i * 1000 + 7, 1, &self, 1);
		assert_int_equal(sg_store_append(b->st, bytes.data, bytes.len), 1);
	}
	if (i % 10 == 9)
		assert_int_equal(sg_store_flush(b->st, true), 0);
}

UNUSED static void write_ticks(struct box *b, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		tick(b, i);
	assert_int_equal(sg_store_flush(b->st, true), 0);
}

UNUSED static void fold_all(struct box *b)
{
	int r;

	while ((r = sg_fold_step(b->st, 1000000)) > 0)
		;
	assert_int_equal(r, 0);
}

UNUSED static int64_t number(struct box *b, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t v;

	assert_int_equal(sqlite3_prepare_v2(b->st->db->h, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	v = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return v;
}

static void same_points(const struct sg_points *a, const struct sg_points *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->series.type, b->series.type);
	assert_memory_equal(a->t_ms, b->t_ms, a->n * sizeof(*a->t_ms));
	for (size_t i = 0; i < a->n; i++)
		if (a->series.type == SG_HISTOGRAM)
			assert_true(sg_hist_equal(&a->hists[i], &b->hists[i]));
		else
			assert_memory_equal(&a->values[i], &b->values[i], sizeof(double));
}

UNUSED static void same_answers(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->r, 0);
	assert_int_equal(b->r, 0);
	assert_int_equal(a->set.n, b->set.n);
	assert_int_equal(a->set.n_samples, b->set.n_samples);
	for (size_t i = 0; i < a->set.n; i++) {
		assert_int_equal(sg_series_cmp(&a->set.series[i].series, &b->set.series[i].series),
				 0);
		same_points(&a->set.series[i], &b->set.series[i]);
	}
}

#endif
