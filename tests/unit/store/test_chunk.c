// SPDX-License-Identifier: GPL-2.0
/* Columns and chunks give back every bit, take little room, and take nothing hostile. */
#include "../../../userspace/store/chunk.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../../userspace/store/column.h"

#define N 600
#define T0 1700000000000LL

static void ints_come_back(const int64_t *v, size_t n, size_t most_bytes)
{
	int64_t got[N];
	sg_auto_buf b = {0};
	struct sg_bits_out o = {.b = &b};
	struct sg_bits_in in;

	sg_column_put_ints(&o, v, n);
	sg_bits_flush(&o);
	in = (struct sg_bits_in){.p = (uint8_t *)b.data, .end = (uint8_t *)b.data + b.len};
	sg_column_get_ints(&in, got, n);
	assert_memory_equal(got, v, n * sizeof(*v));
	assert_false(sg_bits_over(&in));
	assert_in_range(b.len, 1, most_bytes);
}

static void doubles_come_back(const double *v, size_t n, size_t most_bytes)
{
	double *got = malloc(n * sizeof(*got));
	int64_t *scratch = malloc(n * sizeof(*scratch));
	sg_auto_buf b = {0};
	struct sg_bits_out o = {.b = &b};
	struct sg_bits_in in;

	sg_column_put_doubles(&o, v, n, scratch);
	sg_bits_flush(&o);
	in = (struct sg_bits_in){.p = (uint8_t *)b.data, .end = (uint8_t *)b.data + b.len};
	sg_column_get_doubles(&in, got, n);
	assert_memory_equal(got, v, n * sizeof(*v));
	assert_false(sg_bits_over(&in));
	assert_in_range(b.len, 1, most_bytes);
	free(got);
	free(scratch);
}

static void columns_of_whole_numbers(void **state)
{
	int64_t v[N];

	for (int i = 0; i < N; i++)
		v[i] = 7;
	ints_come_back(v, N, 8);
	for (int i = 0; i < N; i++)
		v[i] = T0 + 1000 * i;
	ints_come_back(v, N, 14);
	for (int i = 0; i < N; i++)
		v[i] = i % 50 ? 0 : i;
	ints_come_back(v, N, 50);
	for (int i = 0; i < N; i++)
		v[i] = 4096 * (1000000 + lrand48() % 8);
	ints_come_back(v, N, N * 5 / 8);
	for (int i = 0; i < N; i++) /* with extremes */
		v[i] = (int64_t)((uint64_t)mrand48() << 33 ^ (uint64_t)mrand48());
	v[3] = INT64_MIN;
	v[4] = INT64_MAX;
	ints_come_back(v, N, N * 12);
	ints_come_back(v, 1, 10);
	ints_come_back(v + 3, 2, 22);
}

static void columns_of_doubles(void **state)
{
	double v[N];

	for (int i = 0; i < N; i++)
		v[i] = (double)(1000000 + lrand48() % 16) * 1e-9;
	doubles_come_back(v, N, N * 6 / 8);
	for (int i = 0; i < N; i++)
		v[i] = (double)(lrand48() % 1000) / 100;
	doubles_come_back(v, N, N * 11 / 8 + 40);
	for (int i = 0; i < N; i++)
		v[i] = drand48();
	v[1] = -0.0;
	v[2] = NAN;
	v[3] = INFINITY;
	v[4] = 5e-324;
	doubles_come_back(v, N, N * 9);
	v[0] = -0.0;
	doubles_come_back(v, 1, 12);
}

/* Poisson-like counts of a busy histogram around index -100. */
static void observe(struct sg_samples *s, int i, bool busy)
{
	uint64_t ns = 0;

	assert_int_equal(sg_samples_grow(s), 0);
	s->t_ms[s->n - 1] = T0 + 1000 * i;
	s->span_ms[s->n - 1] = 1000;
	for (int k = -110; k < -90 && busy; k++) {
		int64_t n = 20 - labs(k + 100) + lrand48() % 5 - 8;

		if (n <= 0)
			continue;
		assert_int_equal(sg_samples_add_bucket(s, k, (double)n), 0);
		ns += (uint64_t)((double)n * exp2((k - drand48()) / 8) * 1e9);
	}
	s->v[s->n - 1] = (double)ns * 1e-9;
}

static void same(const struct sg_samples *a, const struct sg_samples *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->known, b->known);
	if (a->known)
		assert_int_equal(a->last_ms, b->last_ms);
	assert_memory_equal(&a->value, &b->value, sizeof(a->value));
	assert_true(sg_hist_equal(&a->hist, &b->hist));
	assert_memory_equal(a->t_ms, b->t_ms, a->n * sizeof(*a->t_ms));
	assert_memory_equal(a->span_ms, b->span_ms, a->n * sizeof(*a->span_ms));
	assert_memory_equal(a->v, b->v, a->n * sizeof(*a->v));
	if (a->type == SG_HISTOGRAM) {
		assert_memory_equal(a->n_buckets, b->n_buckets, a->n * sizeof(*a->n_buckets));
		assert_int_equal(a->total_buckets, b->total_buckets);
		for (size_t i = 0; i < a->total_buckets; i++) {
			assert_int_equal(a->buckets[i].index, b->buckets[i].index);
			assert_true(a->buckets[i].count == b->buckets[i].count);
		}
	}
	if (a->type == SG_GAUGE && a->coarse) {
		assert_memory_equal(a->min, b->min, a->n * sizeof(*a->min));
		assert_memory_equal(a->max, b->max, a->n * sizeof(*a->max));
		assert_memory_equal(a->sum, b->sum, a->n * sizeof(*a->sum));
		assert_memory_equal(a->n_ticks, b->n_ticks, a->n * sizeof(*a->n_ticks));
	}
}

static size_t chunk_comes_back(struct sg_samples *s)
{
	struct sg_samples got = {0};
	sg_auto_buf b = {0};

	assert_int_equal(sg_chunk_encode(s, T0 - 5, &b), 0);
	assert_int_equal(sg_chunk_decode(&got, T0 - 5, b.data, b.len), 0);
	same(s, &got);
	sg_samples_free(&got);
	return b.len;
}

static void histograms_come_back(void **state)
{
	struct sg_samples s = {.type = SG_HISTOGRAM, .known = true, .last_ms = T0 - 1000};

	assert_int_equal(sg_hist_observe(&s.hist, 0.001), 0);
	assert_int_equal(sg_hist_observe(&s.hist, 3), 0);
	for (int i = 0; i < N; i++)
		observe(&s, i, true);
	assert_in_range(chunk_comes_back(&s), 1, N * 16);
	s.coarse = true; /* any sums */
	chunk_comes_back(&s);
	sg_samples_free(&s);
}

static void an_idle_histogram_takes_next_to_nothing(void **state)
{
	struct sg_samples s = {.type = SG_HISTOGRAM};

	for (int i = 0; i < N; i++)
		observe(&s, i, i % 100 == 99);
	assert_in_range(chunk_comes_back(&s), 1, 250);
	sg_samples_free(&s);
}

static void gauges_keep_what_they_were_between(void **state)
{
	struct sg_samples s = {.type = SG_GAUGE, .coarse = true};

	for (int i = 0; i < N; i++) {
		assert_int_equal(sg_samples_grow(&s), 0);
		s.t_ms[i] = T0 + 60000 * i;
		s.span_ms[i] = 60000;
		s.v[i] = drand48();
		s.min[i] = s.v[i] - 1;
		s.max[i] = (double)(i * 4096);
		s.sum[i] = s.v[i] * 60;
		s.n_ticks[i] = i == 7 ? 12 : 60;
	}
	chunk_comes_back(&s);
	sg_samples_free(&s);
}

/* Checksums repaired, so that what lies behind them is reached. */
static void damage_is_refused_and_never_read_past(void **state)
{
	struct sg_samples s = {.type = SG_HISTOGRAM, .known = true}, got = {0};
	sg_auto_buf b = {0};

	assert_int_equal(sg_hist_observe(&s.hist, 0.001), 0);
	for (int i = 0; i < 40; i++)
		observe(&s, i, true);
	assert_int_equal(sg_chunk_encode(&s, T0, &b), 0);
	for (size_t i = 0; i < b.len; i++) {
		char *copy = malloc(b.len);
		size_t n = i % 3 ? b.len : i;
		uint32_t crc;

		memcpy(copy, b.data, b.len);
		copy[i] = (char)(copy[i] ^ (1 << (i % 8)));
		assert_int_equal(sg_chunk_decode(&got, T0, copy, n), -EBADMSG);
		if (n > 4) {
			crc = sg_crc32c(0, copy + 4, n - 4);
			for (int k = 0; k < 4; k++)
				copy[k] = (char)(crc >> (8 * k));
			sg_chunk_decode(&got, T0, copy, n);
		}
		free(copy);
	}
	sg_samples_free(&s);
	sg_samples_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_of_whole_numbers),
		cmocka_unit_test(columns_of_doubles),
		cmocka_unit_test(histograms_come_back),
		cmocka_unit_test(an_idle_histogram_takes_next_to_nothing),
		cmocka_unit_test(gauges_keep_what_they_were_between),
		cmocka_unit_test(damage_is_refused_and_never_read_past),
	};

	return cmocka_run_group_tests_name("store/chunk", tests, NULL, NULL);
}
