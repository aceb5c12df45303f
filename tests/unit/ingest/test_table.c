// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/table.h"

#define T0 1700000000000 /* a full second */

static const struct ingest_limits roomy = {.max_series = 1000,
					   .max_source_series = 1000,
					   .max_names = 1000,
					   .expire_ms = 300000,
					   .max_age_ms = 60000,
					   .set_window_ms = 10000};

struct world {
	struct ingest_table *table;
	struct ingest_source a, b;
	struct sg_frame *frame;
	int64_t now_ms;
};

static void begin(struct world *w, const struct ingest_limits *l)
{
	*w = (struct world){.a.name = "a", .b.name = "b", .now_ms = T0 + 500};
	w->table = ingest_table_new(l);
	w->frame = sg_frame_new();
	assert_non_null(w->table);
	assert_non_null(w->frame);
	ingest_table_clock(w->table, w->now_ms, w->now_ms - T0);
}

static void end(struct world *w)
{
	ingest_table_free(w->table);
	sg_frame_free(w->frame);
}

static enum ingest_reason put_at(struct world *w, struct ingest_source *s, const char *name,
				 enum ingest_op op, double v, int64_t t_ms)
{
	struct ingest_draft d;
	const struct ingest_point p = {.series = &d,
				       .op = op,
				       .value = v,
				       .member = op == INGEST_MEMBER ? (uint64_t)v + 1 : 0,
				       .rate_num = 1,
				       .rate_den = 1,
				       .t_ms = t_ms};

	ingest_draft_reset(&d);
	ingest_draft_name(&d, name, strlen(name));
	return ingest_table_put(w->table, s, &p, name, strlen(name));
}

static enum ingest_reason put(struct world *w, const char *name, enum ingest_op op, double v)
{
	return put_at(w, &w->a, name, op, v, 0);
}

static void put_sampled(struct world *w, enum ingest_op op, double v, uint64_t num, uint64_t den)
{
	struct ingest_draft d;
	const struct ingest_point p = {
		.series = &d, .op = op, .value = v, .rate_num = num, .rate_den = den};

	ingest_draft_reset(&d);
	ingest_draft_name(&d, "x", 1);
	assert_int_equal(ingest_table_put(w->table, &w->a, &p, "x", 1), INGEST_OK);
}

/* The next second's frame; what a series says there, NaN when it is not in it. */
static void tick(struct world *w)
{
	sg_auto_buf b = {0};
	int64_t t_ms = w->now_ms / 1000 * 1000 + 1000;

	w->now_ms += 1000;
	ingest_table_clock(w->table, w->now_ms, w->now_ms - T0);
	sg_frame_reset(w->frame);
	assert_int_equal(ingest_table_frame(w->table, t_ms, w->frame), 0);
	w->frame->t_ms = t_ms;
	w->frame->seq++;
	assert_int_equal(sg_frame_encode(w->frame, &b), 0); /* no decoder would refuse it */
}

static const struct sg_sample *sample(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->frame->n; i++)
		if (strcmp(w->frame->samples[i].series.name, name) == 0)
			return &w->frame->samples[i];
	return NULL;
}

static double value(struct world *w, const char *name)
{
	const struct sg_sample *s = sample(w, name);

	return s ? s->value : NAN;
}

#define says(w, name, v)                                                                           \
	do {                                                                                       \
		double was = value(w, name);                                                       \
		if (was != (v))                                                                    \
			fail_msg("%s is %g, not %g", name, was, (double)(v));                      \
	} while (0)

/* ---- what happens to a series --------------------------------------------------------- */

static void a_counter_says_what_came_in_the_tick(void **state)
{
	struct world w;

	begin(&w, &roomy);
	put(&w, "x", INGEST_ADD, 2);
	put(&w, "x", INGEST_ADD, 3);
	tick(&w);
	says(&w, "x", 5);
	tick(&w);
	says(&w, "x", 0); /* alive, and nothing happened */
	put(&w, "x", INGEST_ADD, 1.5);
	tick(&w);
	says(&w, "x", 1.5);
	end(&w);
}

static void a_total_counts_from_its_first_value_and_survives_a_reset(void **state)
{
	struct world w;

	begin(&w, &roomy);
	put(&w, "x", INGEST_TOTAL, 1e6);
	tick(&w);
	says(&w, "x", 0);
	put(&w, "x", INGEST_TOTAL, 1e6 + 7);
	tick(&w);
	says(&w, "x", 7);
	put(&w, "x", INGEST_TOTAL, 3); /* it started again, and has counted 3 since */
	put(&w, "x", INGEST_TOTAL, 5);
	tick(&w);
	says(&w, "x", 5);
	end(&w);
}

static void a_gauge_keeps_its_reading_and_can_be_changed_by(void **state)
{
	struct world w;

	begin(&w, &roomy);
	put(&w, "x", INGEST_SET, 12);
	put(&w, "x", INGEST_SHIFT, -2);
	tick(&w);
	says(&w, "x", 10);
	tick(&w);
	says(&w, "x", 10);
	put(&w, "x", INGEST_SHIFT, 5);
	put(&w, "y", INGEST_SHIFT, 3); /* from 0 */
	tick(&w);
	says(&w, "x", 15);
	says(&w, "y", 3);
	end(&w);
}

static void a_distribution_has_exact_buckets(void **state)
{
	const struct sg_sample *s;
	struct world w;

	begin(&w, &roomy);
	put(&w, "x", INGEST_OBSERVE, 1);
	put(&w, "x", INGEST_OBSERVE, 1);
	put(&w, "x", INGEST_OBSERVE, 2.5);
	put(&w, "x", INGEST_OBSERVE, 0);
	tick(&w);
	s = sample(&w, "x");
	assert_true(s && s->hist.count == 4 && s->hist.sum == 4.5 && s->hist.n == 3);
	assert_int_equal(s->hist.buckets[1].index, sg_bucket_index(1));
	assert_true(s->hist.buckets[1].count == 2);
	tick(&w);
	s = sample(&w, "x");
	assert_true(s && s->hist.count == 0 && s->hist.n == 0);
	end(&w);
}

static void a_set_is_the_different_members_of_the_window(void **state)
{
	struct world w;

	begin(&w, &roomy);
	for (int i = 0; i < 1000; i++)
		put(&w, "x", INGEST_MEMBER, i % 50);
	tick(&w);
	says(&w, "x", 50);
	put(&w, "x", INGEST_MEMBER, 7);
	put(&w, "x", INGEST_MEMBER, 700);
	tick(&w);
	says(&w, "x", 51);
	for (int i = 0; i < 9; i++)
		tick(&w);
	says(&w, "x", 2); /* those of the first second are out of it */
	tick(&w);
	says(&w, "x", 0);
	end(&w);
}

/* ---- sampling ---------------------------------------------------------------------------- */

static void a_third_of_everything_adds_up_to_all_of_it(void **state)
{
	double sum = 0, observed = 0;
	struct world w;

	begin(&w, &roomy);
	for (int i = 0; i < 3000; i++) {
		put_sampled(&w, INGEST_ADD, 1, 3, 10);
		if (i % 100)
			continue;
		tick(&w);
		assert_true(value(&w, "x") == floor(value(&w, "x")));
		sum += value(&w, "x");
	}
	tick(&w);
	assert_true(sum + value(&w, "x") == 10000);
	end(&w);
	begin(&w, &roomy);
	for (int i = 0; i < 700; i++)
		put_sampled(&w, INGEST_OBSERVE, 0.5, 7, 10);
	tick(&w);
	observed = sample(&w, "x")->hist.count;
	assert_true(observed == 1000);
	assert_true(sample(&w, "x")->hist.sum == 500);
	end(&w);
}

static void a_change_of_the_rate_loses_nothing(void **state)
{
	struct world w;

	begin(&w, &roomy);
	for (int i = 0; i < 420; i++)
		put_sampled(&w, INGEST_ADD, 1, i % 2 ? 3 : 7, 10);
	tick(&w);
	says(&w, "x", 700 + 300);
	end(&w);
	begin(&w, &roomy);
	for (int i = 0; i < 1000; i++) /* so many that no common denominator holds them */
		put_sampled(&w, INGEST_ADD, 1, 999983 - (uint64_t)i, 1000000);
	tick(&w);
	assert_true(value(&w, "x") >= 1000 && value(&w, "x") <= 1002);
	end(&w);
}

/* ---- time --------------------------------------------------------------------------------- */

static void a_stamp_finds_its_second_when_that_is_not_written_yet(void **state)
{
	struct world w;

	begin(&w, &roomy);
	put_at(&w, &w.a, "x", INGEST_SET, 3, T0 + 2300);
	put_at(&w, &w.a, "x", INGEST_SET, 1, T0 + 100);
	tick(&w);
	says(&w, "x", 1);
	tick(&w);
	says(&w, "x", 1);
	tick(&w);
	says(&w, "x", 3);
	end(&w);
}

static void one_that_is_written_goes_to_the_next(void **state)
{
	struct world w;

	begin(&w, &roomy);
	tick(&w);
	put_at(&w, &w.a, "x", INGEST_SET, 1, T0 + 100);
	assert_int_equal(w.a.late, 1);
	tick(&w);
	says(&w, "x", 1);
	end(&w);
}

static void of_late_readings_the_newest_counts(void **state)
{
	struct world w;

	begin(&w, &roomy);
	tick(&w);
	put_at(&w, &w.a, "x", INGEST_SET, 2, T0 + 200);
	put_at(&w, &w.a, "x", INGEST_SET, 1, T0 + 100);
	tick(&w);
	says(&w, "x", 2);
	end(&w);
}

static void a_stamp_that_is_too_old_or_ahead_is_refused(void **state)
{
	struct world w;

	begin(&w, &roomy);
	assert_int_equal(put_at(&w, &w.a, "x", INGEST_SET, 1, T0 - 60000), INGEST_TIMESTAMP);
	assert_int_equal(put_at(&w, &w.a, "x", INGEST_SET, 1, T0 + 6000), INGEST_TIMESTAMP);
	assert_int_equal(put_at(&w, &w.a, "x", INGEST_SET, 1, -5), INGEST_TIMESTAMP);
	assert_int_equal(put_at(&w, &w.a, "x", INGEST_SET, 1, INT64_MAX), INGEST_TIMESTAMP);
	assert_int_equal(ingest_table_series(w.table), 0);
	end(&w);
}

static void what_waits_is_bounded_when_nothing_is_written(void **state)
{
	struct world w;

	begin(&w, &roomy);
	for (int i = 0; i < 10000; i++) {
		ingest_table_clock(w.table, T0 + i * 1000, i * 1000);
		put(&w, "x", INGEST_ADD, 1);
	}
	w.now_ms = T0 + 9999500;
	tick(&w);
	says(&w, "x", 10000); /* and nothing is lost */
	end(&w);
}

/* ---- limits -------------------------------------------------------------------------------- */

static void fill(struct world *w, struct ingest_source *s, int n, enum ingest_reason want)
{
	char name[sizeof(s->name) + 16];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%d", s->name, i);
		put_at(w, s, name, INGEST_ADD, 1, 0);
	}
	assert_int_equal(put_at(w, s, "straw", INGEST_ADD, 1, 0), want);
}

static void each_limit_refuses_under_its_own_reason(void **state)
{
	struct ingest_limits l = roomy;
	struct world w;

	l.max_source_series = 10;
	begin(&w, &l);
	fill(&w, &w.a, 10, INGEST_SOURCE_SERIES);
	fill(&w, &w.b, 9, INGEST_OK); /* the other one is not hurt */
	assert_int_equal(w.a.refused[INGEST_SOURCE_SERIES], 1);
	assert_string_equal(w.a.example, "straw");
	end(&w);
	l = roomy;
	l.max_series = 10;
	begin(&w, &l);
	fill(&w, &w.a, 10, INGEST_SERIES);
	assert_int_equal(put(&w, "a3", INGEST_ADD, 1), INGEST_OK); /* those that are there go on */
	end(&w);
	l = roomy;
	l.max_names = 10;
	begin(&w, &l);
	fill(&w, &w.a, 10, INGEST_NAMES);
	end(&w);
}

static void what_ended_makes_room(void **state)
{
	struct ingest_limits l = roomy;
	struct world w;

	l.max_series = l.max_names = 1;
	l.expire_ms = 3000;
	begin(&w, &l);
	put(&w, "x", INGEST_SET, 1);
	assert_int_equal(put(&w, "y", INGEST_SET, 1), INGEST_SERIES);
	for (int i = 0; i < 3; i++)
		tick(&w);
	says(&w, "x", 1);
	tick(&w);
	assert_null(sample(&w, "x"));
	assert_int_equal(put(&w, "y", INGEST_SET, 1), INGEST_OK);
	end(&w);
}

static void distributions_do_not_take_all_memory(void **state)
{
	char name[16];
	struct world w;

	begin(&w, &roomy);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		for (int k = -200; k < 200; k++)
			put(&w, name, INGEST_OBSERVE, exp2(k / 8.0));
	}
	assert_int_equal(w.a.refused[INGEST_BUCKETS], 0);
	assert_int_equal(put(&w, "d0", INGEST_OBSERVE, 1), INGEST_BUCKETS);
	tick(&w);
	assert_true(sample(&w, "d999")->hist.n == 400);
	assert_int_equal(put(&w, "d0", INGEST_OBSERVE, 1), INGEST_OK);
	end(&w);
}

static void values_that_cannot_be_are_refused(void **state)
{
	struct world w;

	begin(&w, &roomy);
	assert_int_equal(put(&w, "x", INGEST_ADD, -1), INGEST_NEGATIVE);
	assert_int_equal(put(&w, "x", INGEST_OBSERVE, -1), INGEST_NEGATIVE);
	assert_int_equal(put(&w, "x", INGEST_TOTAL, NAN), INGEST_NOT_FINITE);
	assert_int_equal(put(&w, "x", INGEST_ADD, 1e300), INGEST_NOT_FINITE);
	assert_int_equal(put(&w, "x", INGEST_SHIFT, INFINITY), INGEST_NOT_FINITE);
	assert_int_equal(put(&w, "sgprobe_x", INGEST_SET, 1), INGEST_RESERVED);
	assert_int_equal(ingest_table_series(w.table), 0); /* nothing is left behind */
	assert_int_equal(put(&w, "x", INGEST_SET, NAN), INGEST_OK);
	tick(&w);
	assert_true(isnan(value(&w, "x")) && sample(&w, "x"));
	end(&w);
}

static void a_series_has_one_type_and_one_source(void **state)
{
	struct world w;

	begin(&w, &roomy);
	put(&w, "x", INGEST_ADD, 1);
	assert_int_equal(put(&w, "x", INGEST_SET, 1), INGEST_CONFLICT);
	assert_int_equal(put_at(&w, &w.b, "x", INGEST_ADD, 1, 0), INGEST_CONFLICT);
	tick(&w);
	says(&w, "x", 1);
	end(&w);
}

/* ---- scraping ------------------------------------------------------------------------------- */

static void what_a_round_does_not_have_has_ended_but_goes_on_where_it_was(void **state)
{
	struct world w;

	begin(&w, &roomy);
	w.a.round = 1;
	put(&w, "x", INGEST_TOTAL, 10);
	put(&w, "y", INGEST_SET, 1);
	put_at(&w, &w.b, "z", INGEST_SET, 1, 0);
	ingest_table_end_round(w.table, &w.a);
	tick(&w);
	says(&w, "x", 0);
	w.a.round = 2;
	put(&w, "y", INGEST_SET, 2);
	ingest_table_end_round(w.table, &w.a);
	tick(&w);
	assert_null(sample(&w, "x"));
	says(&w, "y", 2);
	says(&w, "z", 1);
	w.a.round = 3;
	put(&w, "x", INGEST_TOTAL, 14);
	tick(&w);
	says(&w, "x", 4);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_says_what_came_in_the_tick),
		cmocka_unit_test(a_total_counts_from_its_first_value_and_survives_a_reset),
		cmocka_unit_test(a_gauge_keeps_its_reading_and_can_be_changed_by),
		cmocka_unit_test(a_distribution_has_exact_buckets),
		cmocka_unit_test(a_set_is_the_different_members_of_the_window),
		cmocka_unit_test(a_third_of_everything_adds_up_to_all_of_it),
		cmocka_unit_test(a_change_of_the_rate_loses_nothing),
		cmocka_unit_test(a_stamp_finds_its_second_when_that_is_not_written_yet),
		cmocka_unit_test(one_that_is_written_goes_to_the_next),
		cmocka_unit_test(of_late_readings_the_newest_counts),
		cmocka_unit_test(a_stamp_that_is_too_old_or_ahead_is_refused),
		cmocka_unit_test(what_waits_is_bounded_when_nothing_is_written),
		cmocka_unit_test(each_limit_refuses_under_its_own_reason),
		cmocka_unit_test(what_ended_makes_room),
		cmocka_unit_test(distributions_do_not_take_all_memory),
		cmocka_unit_test(values_that_cannot_be_are_refused),
		cmocka_unit_test(a_series_has_one_type_and_one_source),
		cmocka_unit_test(what_a_round_does_not_have_has_ended_but_goes_on_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
