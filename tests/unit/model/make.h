/* SPDX-License-Identifier: GPL-2.0 */
/* Series, histograms and frames for tests; and numbers that are random, but the same every time. */
#ifndef TEST_MODEL_MAKE_H
#define TEST_MODEL_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/frame.h>

struct random {
	uint64_t s;
};

static inline uint64_t rnd(struct random *r)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline uint64_t rnd_below(struct random *r, uint64_t n)
{
	return rnd(r) % n;
}

/* "name", "label", "value", ..., NULL; strings are borrowed, labels live in the arena. */
static inline struct sg_series make_series(struct sg_arena *a, enum sg_type type, const char *name,
					   ...)
{
	struct sg_label *l = sg_arena_alloc(a, SG_LABELS_MAX * sizeof(*l));
	struct sg_series s;
	const char *label;
	size_t n = 0;
	va_list ap;

	assert_non_null(l);
	va_start(ap, name);
	while ((label = va_arg(ap, const char *)))
		l[n++] = (struct sg_label){label, va_arg(ap, const char *)};
	va_end(ap);
	assert_int_equal(sg_series_init(&s, type, name, l, n), 0);
	return s;
}

/* Up to n observations of whole nanoseconds, which add without rounding up to 2^53 ns. */
static inline struct sg_hist make_hist(struct random *r, unsigned n)
{
	struct sg_hist h = {0};

	for (unsigned i = 0; i < n; i++) {
		int32_t index = (int32_t)rnd_below(r, 90) - 180;
		double count = (double)(1 + rnd_below(r, 1000));

		assert_int_equal(sg_hist_add_bucket(&h, index, count), 0);
		h.count += count;
		h.sum += count * 0x1p-20;
	}
	return h;
}

/* A frame of everything that a frame can hold. */
static inline struct sg_frame *make_frame(struct random *r)
{
	struct sg_frame *f = sg_frame_new();
	static const double values[] = {0,     1,      -1,	 0.5,	 1.25e-9, 3.7e-9 * 1e9,
					1e300, 1e-9,   12345e-9, 0x1p53, -0x1p53, 0x1p54,
					-0.0,  1.0 / 3};
	struct sg_series s;

	assert_non_null(f);
	f->session = rnd(r);
	f->seq = 42;
	f->t_ms = 1800000000000;
	f->span_ns = 1000000321;
	f->flags = SG_FRAME_FIRST | SG_FRAME_GAP;
	f->source = 1;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *n = sg_arena_printf(f->arena, "%zu", i);

		s = make_series(f->arena, i % 2 ? SG_GAUGE : SG_COUNTER, "sgprobe_test_total", "n",
				n, "place", "caf\xc3\xa9", NULL);
		assert_int_equal(sg_frame_add_value(f, &s, values[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		struct sg_hist h = make_hist(r, i * i * 3), kept = h;
		const char *n = sg_arena_printf(f->arena, "%u", i);

		s = make_series(f->arena, SG_HISTOGRAM, "sgprobe_test_seconds", "syscall", "read",
				"cgroup", n, NULL);
		kept.cap = 0;
		kept.buckets = sg_arena_alloc(f->arena, (h.n + 1) * sizeof(*h.buckets));
		assert_non_null(kept.buckets);
		if (h.n)
			memcpy(kept.buckets, h.buckets, h.n * sizeof(*h.buckets));
		assert_int_equal(sg_frame_add_hist(f, &s, &kept), 0);
		sg_hist_free(&h);
	}
	return f;
}

static inline bool same_bits(double a, double b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static inline void assert_same_sample(const struct sg_sample *a, const struct sg_sample *b)
{
	assert_int_equal(a->series.type, b->series.type);
	assert_int_equal(a->series.hash, b->series.hash);
	assert_int_equal(sg_series_cmp(&a->series, &b->series), 0);
	if (a->series.type == SG_HISTOGRAM)
		assert_true(sg_hist_equal(&a->hist, &b->hist));
	else
		assert_true(same_bits(a->value, b->value));
}

static inline void assert_same_frame(const struct sg_frame *a, const struct sg_frame *b)
{
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->t_ms, b->t_ms);
	assert_int_equal(a->span_ns, b->span_ns);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_same_sample(&a->samples[i], &b->samples[i]);
}

#endif
