// SPDX-License-Identifier: GPL-2.0
// What raises a score, and what must not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include <sgprobe/detect.h>

#define SECOND 1000
#define MINUTE 60000
#define HOUR 3600000LL
#define START 1767225600000LL /* a midnight */
#define HIGH 0.9998 /* what noise does not reach */

struct stream {
	struct sg_detector *d;
	int64_t t_ms;
	uint64_t seed;
	double worst; /* highest score since it was last set to 0 */
};

static double noise(struct stream *s)
{
	s->seed = s->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double)(s->seed >> 11) / (double)(1ULL << 53) - 0.5;
}

static void give(struct stream *s, int64_t step, double v)
{
	s->t_ms += step;
	s->worst = fmax(s->worst, sg_detect_value(s->d, s->t_ms, v));
}

static void give_noise(struct stream *s, int64_t step, unsigned int n, double level)
{
	for (unsigned int i = 0; i < n; i++)
		give(s, step, level + noise(s));
}

static struct stream begin(void)
{
	struct stream s = {.d = sg_detector_new(SG_DETECT_VALUE), .t_ms = START, .seed = 7};

	assert_non_null(s.d);
	return s;
}

/* A stream that has shown noise round 10 for a while. */
static struct stream begin_noise(void)
{
	struct stream s = begin();

	give_noise(&s, SECOND, 3000, 10);
	s.worst = 0;
	return s;
}

static void a_constant_never_raises(void **state)
{
	struct stream s = begin();

	for (unsigned int i = 0; i < 5000; i++)
		give(&s, SECOND, 42);
	assert_true(s.worst < HIGH);
	s.worst = 0;
	give(&s, SECOND, 43);
	assert_true(s.worst > HIGH);
	sg_detector_free(s.d);
}

static void warm_up_is_silent(void **state)
{
	struct stream s = begin();

	for (unsigned int i = 0; i < SG_DETECT_WARMUP; i++)
		give(&s, SECOND, i % 50 ? noise(&s) : 1e6);
	assert_true(s.worst == 0);
	sg_detector_free(s.d);
}

static void a_spike_raises_once(void **state)
{
	struct stream s = begin_noise();

	give(&s, SECOND, 14);
	assert_true(s.worst > HIGH);
	s.worst = 0;
	give(&s, SECOND, 16);
	assert_true(s.worst < HIGH); /* more of the same event */
	give_noise(&s, SECOND, 200, 10);
	s.worst = 0;
	give(&s, SECOND, 14);
	assert_true(s.worst < HIGH);
	sg_detector_free(s.d);
}

static void a_step_raises_and_becomes_usual(void **state)
{
	struct stream s = begin_noise();

	give_noise(&s, SECOND, 60, 12);
	assert_true(s.worst > HIGH);
	give_noise(&s, SECOND, 3000, 12);
	s.worst = 0;
	give_noise(&s, SECOND, 500, 12);
	assert_true(s.worst < 0.9999);
	sg_detector_free(s.d);
}

/* The day is a wave; the same value is usual at noon and is not at night. */
static double day_wave(int64_t t_ms)
{
	return sin((double)(t_ms % (24 * HOUR)) / (24 * HOUR) * 2 * M_PI);
}

static void a_value_of_the_wrong_hour_raises(void **state)
{
	struct stream s = begin();

	for (unsigned int i = 0; i < 10 * 24 * 12; i++)
		give(&s, 5 * MINUTE, day_wave(s.t_ms + 5 * MINUTE) + 0.05 * noise(&s));
	s.worst = 0;
	for (unsigned int i = 0; i < 17 * 12; i++)
		give(&s, 5 * MINUTE, day_wave(s.t_ms + 5 * MINUTE) + 0.05 * noise(&s));
	assert_true(s.worst < HIGH);
	give(&s, 5 * MINUTE, 0.9);
	assert_true(s.worst > HIGH);
	assert_true(sg_detector_part(s.d, 4) > 0);
	assert_string_equal(sg_detector_part_name(SG_DETECT_VALUE, 4), "season");
	sg_detector_free(s.d);
}

static void a_gap_raises_nothing(void **state)
{
	struct stream s = begin_noise();

	give(&s, HOUR, 500);
	assert_true(s.worst == 0);
	give_noise(&s, SECOND, 300, 10);
	assert_true(s.worst < HIGH);
	sg_detector_free(s.d);
}

static void a_clock_step_raises_nothing(void **state)
{
	struct stream s = begin_noise();

	s.t_ms -= 7 * HOUR;
	give_noise(&s, SECOND, 100, 10);
	s.t_ms += 9 * HOUR;
	give_noise(&s, SECOND, 100, 10);
	assert_true(s.worst < HIGH);
	sg_detector_free(s.d);
}

static void what_is_no_number_is_passed_over(void **state)
{
	struct stream s = begin_noise(), t = begin_noise();

	give(&s, SECOND, NAN);
	give(&s, 0, INFINITY);
	give(&s, 0, -1e300);
	assert_true(s.worst == 0);
	t.t_ms += SECOND;
	give_noise(&s, SECOND, 50, 10);
	give_noise(&t, SECOND, 50, 10);
	assert_true(s.worst == t.worst);
	sg_detector_free(s.d);
	sg_detector_free(t.d);
}

static void a_counter_that_starts_again_raises_nothing(void **state)
{
	struct stream s = begin();
	double total = 1e9, worst = 0, score;

	for (unsigned int i = 0; i < 3000; i++) {
		total = i == 2000 ? 0 : total + 10 + noise(&s);
		s.t_ms += SECOND;
		score = sg_detect_counter(s.d, s.t_ms, total);
		worst = i >= 2000 ? fmax(worst, score) : 0;
	}
	assert_true(worst < HIGH);
	total += 100;
	assert_true(sg_detect_counter(s.d, s.t_ms + SECOND, total) > HIGH);
	sg_detector_free(s.d);
}

static double absent(struct stream *s, unsigned int n)
{
	double worst = 0;

	for (unsigned int i = 0; i < n; i++)
		worst = fmax(worst, sg_detect_absent(s->d, s->t_ms += SECOND));
	return worst;
}

static void silence_raises_where_a_series_used_to_speak(void **state)
{
	struct stream s = begin_noise();

	assert_true(absent(&s, 10) == 0);
	assert_true(absent(&s, 20) > HIGH);
	sg_detector_free(s.d);
}

static void a_series_that_comes_and_goes_may_be_silent(void **state)
{
	struct stream s = begin();
	double worst = 0;

	for (unsigned int i = 0; i < 300; i++) {
		give_noise(&s, SECOND, 10, 10);
		worst = fmax(worst, absent(&s, 60));
	}
	assert_true(worst < HIGH);
	sg_detector_free(s.d);
}

static void the_score_is_calibrated(void **state)
{
	struct stream s = begin();
	unsigned int n = 60000, of_100 = 0, of_1000 = 0;

	for (unsigned int i = 0; i < 20000; i++)
		give(&s, SECOND, 10 + noise(&s) + noise(&s) + noise(&s));
	for (unsigned int i = 0; i < n; i++) {
		s.worst = 0;
		give(&s, SECOND, 10 + noise(&s) + noise(&s) + noise(&s));
		of_100 += s.worst > 0.99;
		of_1000 += s.worst > 0.999;
	}
	assert_in_range(of_100, n / 200, n / 50);
	assert_in_range(of_1000, n / 2000, n / 500);
	sg_detector_free(s.d);
}

static void a_score_is_in_range_whatever_comes(void **state)
{
	static const double wild[] = {0,     -0.0,  1e-300, -1e-300, 1e30, -1e30,
				      1e-40, 3e-39, 1,	    -1,	     1e15, 12345.678};
	struct stream s = begin();

	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int pick = (unsigned int)((noise(&s) + 0.5) * ARRAY_SIZE(wild));
		int64_t step = (int64_t)(noise(&s) * 1e6);
		double score = sg_detect_value(s.d, s.t_ms += step, wild[pick]);

		assert_true(score >= 0 && score <= 1);
	}
	sg_detect_value(s.d, INT64_MIN, 1);
	sg_detect_value(s.d, INT64_MAX, 1);
	sg_detector_free(s.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_never_raises),
		cmocka_unit_test(warm_up_is_silent),
		cmocka_unit_test(a_spike_raises_once),
		cmocka_unit_test(a_step_raises_and_becomes_usual),
		cmocka_unit_test(a_value_of_the_wrong_hour_raises),
		cmocka_unit_test(a_gap_raises_nothing),
		cmocka_unit_test(a_clock_step_raises_nothing),
		cmocka_unit_test(what_is_no_number_is_passed_over),
		cmocka_unit_test(a_counter_that_starts_again_raises_nothing),
		cmocka_unit_test(silence_raises_where_a_series_used_to_speak),
		cmocka_unit_test(a_series_that_comes_and_goes_may_be_silent),
		cmocka_unit_test(the_score_is_calibrated),
		cmocka_unit_test(a_score_is_in_range_whatever_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
