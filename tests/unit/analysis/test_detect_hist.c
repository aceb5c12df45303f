// SPDX-License-Identifier: GPL-2.0
// What of a histogram raises a score: its shape, its tail, its silence; and what does not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include <sgprobe/detect.h>

#define SECOND 1000
#define HIGH 0.9998
#define USUAL 0.001 /* seconds */

struct stream {
	struct sg_detector *d;
	int64_t t_ms;
	uint64_t seed;
	double worst;
};

static double uniform(struct stream *s)
{
	s->seed = s->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double)(s->seed >> 11) / (double)(1ULL << 53);
}

/* Log-normal latencies, a factor of some two wide. */
static double latency(struct stream *s)
{
	double sum = 0;

	for (unsigned int i = 0; i < 4; i++)
		sum += uniform(s) - 0.5;
	return USUAL * exp2(sum);
}

/* n events, 'factor' times as slow as usual; every slow_nth ten times. */
static void tick(struct stream *s, unsigned int n, double factor, unsigned int slow_nth)
{
	struct sg_hist h = {0};

	for (unsigned int i = 0; i < n; i++) {
		double v = latency(s) * factor * (slow_nth && i % slow_nth == 0 ? 10 : 1);

		assert_int_equal(sg_hist_observe(&h, v), 0);
	}
	s->t_ms += SECOND;
	s->worst = fmax(s->worst, sg_detect_hist(s->d, s->t_ms, &h));
	sg_hist_free(&h);
}

static void ticks(struct stream *s, unsigned int times, unsigned int n, double factor)
{
	for (unsigned int i = 0; i < times; i++)
		tick(s, n + (unsigned int)(uniform(s) * n / 10), factor, 0);
}

static struct stream begin(void)
{
	struct stream s = {
		.d = sg_detector_new(SG_DETECT_HISTOGRAM), .t_ms = 1767225600000LL, .seed = 3};

	assert_non_null(s.d);
	ticks(&s, 1000, 1000, 1);
	s.worst = 0;
	return s;
}

static const char *loudest(const struct stream *s)
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < SG_DETECT_PARTS; i++)
		if (sg_detector_part(s->d, i) > sg_detector_part(s->d, best))
			best = i;
	return sg_detector_part_name(SG_DETECT_HISTOGRAM, best);
}

static void the_same_distribution_raises_nothing(void **state)
{
	struct stream s = begin();

	ticks(&s, 1000, 1000, 1);
	assert_true(s.worst < 0.9999);
	sg_detector_free(s.d);
}

static void twice_as_slow_is_found_in_ten_ticks(void **state)
{
	struct stream s = begin();

	ticks(&s, 10, 1000, 2);
	assert_true(s.worst > HIGH);
	sg_detector_free(s.d);
}

static void a_rare_slow_event_is_found_in_the_tail(void **state)
{
	struct stream s = begin();

	for (unsigned int i = 0; i < 30 && s.worst <= HIGH; i++)
		tick(&s, 1000, 1, 25);
	assert_true(s.worst > HIGH);
	assert_string_equal(loudest(&s), "tail");
	sg_detector_free(s.d);
}

static void more_of_the_same_is_not_slower(void **state)
{
	struct stream s = begin();

	for (unsigned int i = 0; i < 100; i++)
		tick(&s, 1000 + i * 90, 1, 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(sg_detector_part(s.d, i) == 0);
	sg_detector_free(s.d);
}

static void what_is_too_small_to_matter_raises_nothing(void **state)
{
	struct stream s = begin();

	for (unsigned int i = 0; i < 60; i++) {
		tick(&s, 5000, 1.2, 0);
		for (unsigned int k = 0; k < 3; k++)
			assert_true(sg_detector_part(s.d, k) == 0);
	}
	sg_detector_free(s.d);
}

static void ticks_without_events_raise_where_there_always_were_some(void **state)
{
	struct stream s = begin();

	ticks(&s, 5, 0, 1);
	s.worst = 0;
	ticks(&s, 20, 0, 1);
	assert_true(s.worst > HIGH);
	sg_detector_free(s.d);
}

static void hostile_histograms_stay_in_range(void **state)
{
	struct sg_bucket far[] = {{SG_HIST_INDEX_MIN, 1e300}, {0, -5}, {SG_HIST_INDEX_MAX, 1}};
	struct sg_hist h = {.count = NAN, .sum = INFINITY, .n = ARRAY_SIZE(far), .buckets = far};
	struct stream s = begin();

	for (unsigned int i = 0; i < 500; i++) {
		double score = sg_detect_hist(s.d, s.t_ms += SECOND, &h);

		assert_true(score >= 0 && score <= 1);
	}
	sg_detector_free(s.d);
}

static void a_number_is_none_of_its_samples(void **state)
{
	struct stream s = begin();

	assert_true(sg_detect_value(s.d, s.t_ms + SECOND, 1e9) == 0);
	sg_detector_free(s.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_distribution_raises_nothing),
		cmocka_unit_test(twice_as_slow_is_found_in_ten_ticks),
		cmocka_unit_test(a_rare_slow_event_is_found_in_the_tail),
		cmocka_unit_test(more_of_the_same_is_not_slower),
		cmocka_unit_test(what_is_too_small_to_matter_raises_nothing),
		cmocka_unit_test(ticks_without_events_raise_where_there_always_were_some),
		cmocka_unit_test(hostile_histograms_stay_in_range),
		cmocka_unit_test(a_number_is_none_of_its_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
