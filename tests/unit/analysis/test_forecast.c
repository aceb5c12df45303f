// SPDX-License-Identifier: GPL-2.0
/* Forecasts and trends: known answers, and the promises of the intervals. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sgprobe/forecast.h>
#include <sgprobe/mem.h>
#include <sgprobe/trend.h>

#include "noise.h"

#define MINUTE_MS 60000
#define DAY 288 /* of 5 minutes */

static struct sg_forecast run(const double *v, size_t n, int64_t step_ms, size_t horizon,
			      double cross)
{
	const struct sg_forecast_options o = {.step_ms = step_ms,
					      .horizon = horizon,
					      .has_cross = isfinite(cross),
					      .cross = cross};
	struct sg_forecast f;

	assert_int_equal(sg_forecast(v, n, &o, &f), 0);
	assert_int_equal(f.n_points, horizon);
	return f;
}

static void a_line_goes_on_and_crosses_where_it_must(void **state)
{
	double v[200];

	for (size_t i = 0; i < 200; i++)
		v[i] = 100 + 2 * (double)i;

	struct sg_forecast f = run(v, 200, MINUTE_MS, 60, 558);

	assert_true(fabs(f.points[59].mean - (100 + 2 * 259.)) < 2);
	assert_true(labs(f.cross_likely - 30) <= 1);
	assert_true(f.cross_earliest <= f.cross_likely && f.cross_likely <= f.cross_latest);
	assert_true(f.mase < .2);
	assert_true(fabs(f.slope - 2. / 60) < .001);
	sg_forecast_free(&f);
}

static void what_is_far_away_is_never_crossed(void **state)
{
	struct noise r = {1};
	double v[300];

	for (size_t i = 0; i < 300; i++)
		v[i] = 50 + noise_normal(&r);

	struct sg_forecast f = run(v, 300, MINUTE_MS, 60, 1000);

	assert_int_equal(f.cross_earliest, SG_NEVER);
	assert_int_equal(f.cross_likely, SG_NEVER);
	assert_true(fabs(f.points[30].mean - 50) < 1);
	assert_true(f.points[30].hi - f.points[30].lo > 2 * 1.2);
	assert_true(f.points[30].hi - f.points[30].lo < 2 * 2.6);
	sg_forecast_free(&f);
}

static void a_fall_crosses_downwards(void **state)
{
	double v[100];

	for (size_t i = 0; i < 100; i++)
		v[i] = 1000 - 5 * (double)i;

	struct sg_forecast f = run(v, 100, 1000, 60, 405);

	assert_true(labs(f.cross_likely - 20) <= 1);
	sg_forecast_free(&f);
}

static void a_day_is_learnt(void **state)
{
	struct noise r = {7};
	double v[6 * DAY];
	double worst = 0;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = 100 + 40 * sin(2 * M_PI * (double)i / DAY) + 2 * noise_normal(&r);

	struct sg_forecast f = run(v, ARRAY_SIZE(v), 5 * MINUTE_MS, DAY, NAN);

	for (size_t h = 0; h < DAY; h++)
		worst = fmax(worst, fabs(f.points[h].mean -
					 (100 + 40 * sin(2 * M_PI * (double)(h) / DAY))));
	assert_true(worst < 6);
	assert_int_equal(f.season_ms, 86400000);
	assert_int_equal(f.naive_ms, 86400000);
	assert_true(f.mase < .95);
	assert_true(f.coverage >= .8 && f.coverage <= .97);
	sg_forecast_free(&f);
}

/* What comes after the end must not be known in the back-test: a jump there changes no forecast made before. */
static void nothing_is_known_beforehand(void **state)
{
	struct noise r = {3};
	double a[400], b[400];

	for (size_t i = 0; i < 400; i++)
		a[i] = b[i] = 10 + noise_normal(&r);
	for (size_t i = 380; i < 400; i++)
		b[i] = 100;

	struct sg_forecast calm = run(a, 380, MINUTE_MS, 10, NAN);
	struct sg_forecast jump = run(b, 400, MINUTE_MS, 10, NAN);

	assert_true(calm.points[9].mean < 12 && jump.points[9].mean > 60);
	assert_true(jump.error > calm.error);
	assert_true(jump.coverage < calm.coverage + .1);
	sg_forecast_free(&calm);
	sg_forecast_free(&jump);
}

/* Of intervals that say 90 %: on walks of many kinds 85 to 95 % of what comes next is in them. */
static void intervals_hold_what_they_promise(void **state)
{
	struct noise r = {11};
	double in = 0, n = 0;

	for (size_t run_no = 0; run_no < 60; run_no++) {
		double v[240], level = 100;

		for (size_t i = 0; i < 240; i++) {
			level += run_no % 3 == 0 ? noise_normal(&r) : .05;
			v[i] = level + (run_no % 3 == 1 ? 3 : 1) * noise_normal(&r);
		}

		struct sg_forecast f = run(v, 220, MINUTE_MS, 20, NAN);

		for (size_t h = 0; h < 20; h++) {
			in += v[220 + h] >= f.points[h].lo && v[220 + h] <= f.points[h].hi;
			n++;
		}
		sg_forecast_free(&f);
	}
	assert_true(in / n >= .84 && in / n <= .96);
}

static void holes_are_no_zeros(void **state)
{
	double v[120];

	for (size_t i = 0; i < 120; i++)
		v[i] = i % 7 == 0 ? NAN : 500 + (double)i;

	struct sg_forecast f = run(v, 120, 1000, 10, NAN);

	assert_true(fabs(f.points[9].mean - 629) < 3);
	sg_forecast_free(&f);
}

static void what_is_never_negative_stays_so(void **state)
{
	double v[60];

	for (size_t i = 0; i < 60; i++)
		v[i] = 60 - (double)i;

	struct sg_forecast f = run(v, 60, 1000, 30, NAN);

	assert_true(f.points[29].mean >= 0 && f.points[29].lo >= 0);
	sg_forecast_free(&f);
}

static void too_little_is_refused(void **state)
{
	const struct sg_forecast_options o = {.step_ms = 1000, .horizon = 10};
	const struct sg_forecast_options bad = {.step_ms = 0, .horizon = 10};
	const struct sg_forecast_options far = {.step_ms = 1, .horizon = SG_FORECAST_MAX + 1};
	double v[100] = {0};
	struct sg_forecast f;

	assert_int_equal(sg_forecast(v, SG_FORECAST_MIN - 1, &o, &f), -ENODATA);
	assert_int_equal(sg_forecast(v, 0, &o, &f), -ENODATA);
	assert_int_equal(sg_forecast(v, 100, &bad, &f), -EINVAL);
	assert_int_equal(sg_forecast(v, 100, &far, &f), -EINVAL);
	for (size_t i = 0; i < 100; i++)
		v[i] = i < 80 ? NAN : 1;
	assert_int_equal(sg_forecast(v, 100, &o, &f), -ENODATA);
}

static void a_constant_is_forecast_as_one(void **state)
{
	double v[SG_FORECAST_MIN];

	for (size_t i = 0; i < SG_FORECAST_MIN; i++)
		v[i] = 8;

	struct sg_forecast f = run(v, SG_FORECAST_MIN, 1000, 100, 9);

	assert_true(fabs(f.points[99].mean - 8) < 1e-9 && fabs(f.points[99].hi - 8) < 1e-9);
	assert_int_equal(f.cross_earliest, SG_NEVER);
	sg_forecast_free(&f);
}

/* ---- trends ------------------------------------------------------------------------------ */

static void a_slope_is_found_whatever_the_outliers(void **state)
{
	struct noise r = {5};
	struct sg_trend t;
	double v[300];

	for (size_t i = 0; i < 300; i++)
		v[i] = .5 * (double)i + noise_normal(&r) + (i % 10 == 0 ? 500 : 0);
	assert_int_equal(sg_trend(v, 300, 2000, .95, &t), 0);
	assert_true(fabs(t.slope - .25) < .01);
	assert_true(t.lo < .25 && t.hi > .25);
	assert_true(t.p < 1e-6);
	assert_true(fabs(t.middle - 75) < 2);
}

/* How often chance alone is called a trend at 5 %, and how often the interval misses 0. */
static void chance(double memory, double *found, double *missed)
{
	struct noise r = {13};

	*found = *missed = 0;
	for (size_t k = 0; k < 400; k++) {
		double v[600], level = 0;
		struct sg_trend t;

		for (size_t i = 0; i < 600; i++)
			v[i] = level = memory * level + noise_normal(&r);
		assert_int_equal(sg_trend(v, 600, 1000, .95, &t), 0);
		*found += t.p < .05;
		*missed += t.lo > 0 || t.hi < 0;
	}
	*found /= 400;
	*missed /= 400;
}

static void chance_is_no_trend(void **state)
{
	double found, missed;

	chance(0, &found, &missed);
	assert_true(found > .005 && found < .09 && missed < .09);
	chance(.9, &found, &missed); /* seconds that resemble each other */
	assert_true(found < .12 && missed < .12);
}

static void ties_are_no_trend(void **state)
{
	double v[40] = {0};
	struct sg_trend t;

	assert_int_equal(sg_trend(v, 40, 1000, .95, &t), 0);
	assert_true(t.p == 1 && t.slope == 0 && t.lo == 0 && t.hi == 0);
	assert_int_equal(sg_trend(v, SG_TREND_MIN - 1, 1000, .95, &t), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_goes_on_and_crosses_where_it_must),
		cmocka_unit_test(what_is_far_away_is_never_crossed),
		cmocka_unit_test(a_fall_crosses_downwards),
		cmocka_unit_test(a_day_is_learnt),
		cmocka_unit_test(nothing_is_known_beforehand),
		cmocka_unit_test(intervals_hold_what_they_promise),
		cmocka_unit_test(holes_are_no_zeros),
		cmocka_unit_test(what_is_never_negative_stays_so),
		cmocka_unit_test(too_little_is_refused),
		cmocka_unit_test(a_constant_is_forecast_as_one),
		cmocka_unit_test(a_slope_is_found_whatever_the_outliers),
		cmocka_unit_test(chance_is_no_trend),
		cmocka_unit_test(ties_are_no_trend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
