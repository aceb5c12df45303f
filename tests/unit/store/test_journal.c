// SPDX-License-Identifier: GPL-2.0
/* What is appended is what is read: over flushes, restarts and set clocks. */
#include "harness.h"

static void assert_point(const struct answer *a, size_t series, size_t i, int64_t t, double v)
{
	assert_int_equal(a->r, 0);
	assert_in_range(series, 0, a->set.n - 1);
	assert_in_range(i, 0, a->set.series[series].n - 1);
	assert_int_equal(a->set.series[series].t_ms[i], t);
	assert_float_equal(a->set.series[series].values[i], v, 1e-9);
}

static void a_new_counter_starts_at_zero_one_tick_before(void **state)
{
	struct box *b = *state;

	assert_int_equal(append_c(b->st, 1, 1, T0, 5), 1);
	assert_int_equal(append_c(b->st, 1, 2, T0 + 1000, 2), 1);
	auto_answer a = ask(b, "c", 0, INT64_MAX);

	assert_int_equal(a.set.n, 1);
	assert_int_equal(a.set.series[0].n, 3);
	assert_point(&a, 0, 0, T0 - 1000, 0);
	assert_point(&a, 0, 1, T0, 5);
	assert_point(&a, 0, 2, T0 + 1000, 7);
}

static void head_and_journal_give_each_frame_once(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 30; i++) {
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
		if (i % 7 == 3)
			assert_int_equal(sg_store_flush(b->st, true), 0);
	}
	auto_answer a = ask(b, "c", T0, T0 + 29000);

	assert_int_equal(a.set.series[0].n, 29);
	for (int i = 0; i < 29; i++)
		assert_point(&a, 0, i, T0 + (i + 1) * 1000, i + 2);
	auto_answer d = ask_deltas(b, "c", 0, INT64_MAX);

	assert_int_equal(d.set.series[0].n, 30);
	assert_point(&d, 0, 29, T0 + 29000, 1);
}

static void a_reader_opened_before_a_flush_sees_what_follows(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;

	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	for (int i = 0; i < 5; i++) {
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
		sg_store_flush(b->st, i % 2);
		auto_answer a = ask_reader(r, "c", T0 - 1, INT64_MAX, false);

		assert_int_equal(a.set.series[0].n, i + 1);
	}
}

static void a_frame_is_taken_once(void **state)
{
	struct box *b = *state;

	assert_int_equal(append_c(b->st, 7, 1, T0, 1), 1);
	assert_int_equal(append_c(b->st, 7, 1, T0, 1), 0);
	assert_int_equal(sg_store_committed(b->st, 7), 0);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(sg_store_committed(b->st, 7), 1);
	reopen(b);
	assert_int_equal(sg_store_committed(b->st, 7), 1);
	assert_int_equal(append_c(b->st, 7, 1, T0, 1), 0);
	assert_int_equal(append_c(b->st, 7, 2, T0 + 1000, 1), 1);
	assert_int_equal(append_c(b->st, 8, 1, T0 + 1000, 1), 1);
}

static void the_first_frame_is_committed_at_once(void **state)
{
	struct box *b = *state;

	append_c(b->st, 1, 1, T0, 1);
	assert_int_equal(sg_store_flush(b->st, false), 0);
	assert_int_equal(sg_store_committed(b->st, 1), 1);
	append_c(b->st, 1, 2, T0 + 1000, 1);
	assert_int_equal(sg_store_flush(b->st, false), 0);
	assert_int_equal(sg_store_committed(b->st, 1), 1);
}

static void counters_go_on_over_restarts(void **state)
{
	struct box *b = *state;
	int64_t t = T0;

	for (int run = 0; run < 4; run++) {
		for (int i = 0; i < 50; i++, t += 1000) {
			const struct item it[] = {{SG_COUNTER, "c", NULL, 1},
						  {SG_HISTOGRAM, "h", "x", 2}};

			append(b->st, 100 + run, i + 1, t, it, 2);
			if (i % 10 == 9)
				sg_store_flush(b->st, true);
		}
		reopen(b);
	}
	auto_answer a = ask(b, "c", t - 2000, t);
	auto_answer h = ask(b, "h", t - 2000, t);

	assert_point(&a, 0, 0, t - 1000, 200);
	assert_float_equal(h.set.series[0].hists[0].count, 400, 0);
	assert_int_equal(h.set.series[0].hists[0].n, 1);
	assert_float_equal(h.set.series[0].hists[0].buckets[0].count, 400, 0);
}

static void a_range_in_the_past_has_the_same_values_as_the_whole(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 400; i++) {
		append_c(b->st, 1, i + 1, T0 + i * 1000, i);
		if (i % 10 == 9)
			sg_store_flush(b->st, true);
	}
	auto_answer all = ask(b, "c", 0, INT64_MAX);

	for (int from = 0; from < 400; from += 37) {
		auto_answer a = ask(b, "c", T0 + from * 1000, T0 + from * 1000 + 20000);

		for (size_t i = 0; i < a.set.series[0].n; i++)
			assert_point(&a, 0, i, all.set.series[0].t_ms[from + 2 + i],
				     all.set.series[0].values[from + 2 + i]);
	}
}

static void a_series_that_comes_back_does_not_lose_its_first_increase(void **state)
{
	struct box *b = *state;

	append_c(b->st, 1, 1, T0, 5);
	append(b->st, 1, 2, T0 + 1000, NULL, 0);
	append(b->st, 1, 3, T0 + 2000, NULL, 0);
	append_c(b->st, 1, 4, T0 + 3000, 3);
	auto_answer a = ask(b, "c", 0, INT64_MAX);

	assert_int_equal(a.set.series[0].n, 4);
	assert_point(&a, 0, 2, T0 + 2000, 5);
	assert_point(&a, 0, 3, T0 + 3000, 8);
}

static void a_series_that_ended_has_no_more_samples(void **state)
{
	struct box *b = *state;
	const struct item two[] = {{SG_COUNTER, "c", "a", 1}, {SG_GAUGE, "g", "b", 9}};

	append(b->st, 1, 1, T0, two, 2);
	append(b->st, 1, 2, T0 + 1000, two, 1);
	auto_answer a = ask(b, "g", 0, INT64_MAX);

	assert_int_equal(a.set.series[0].n, 1);
	assert_point(&a, 0, 0, T0, 9);
}

static void several_sources_lie_in_one_block(void **state)
{
	struct box *b = *state;
	const struct item own = {SG_GAUGE, "server", NULL, 4};

	for (int i = 0; i < 20; i++) {
		sg_auto_buf e = {0};

		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
		encode(&e, 2, i + 1, T0 + i * 1000, 1, &own, 1);
		assert_int_equal(sg_store_append(b->st, e.data, e.len), 1);
	}
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(sg_store_committed(b->st, 1), 20);
	assert_int_equal(sg_store_committed(b->st, 2), 20);
	auto_answer a = ask(b, "", T0 - 1, INT64_MAX);

	assert_int_equal(a.set.n, 2);
	assert_int_equal(a.set.series[0].n, 20);
	assert_int_equal(a.set.series[1].n, 20);
}

/* 200 ticks, of which the last 50 come after the clock was set back by so many seconds. */
static int64_t append_with_step(struct box *b, uint64_t session, int step)
{
	for (int i = 0; i < 200; i++) {
		append_c(b->st, session, i + 1, T0 + (i < 150 ? i : i - step) * 1000, 1);
		if (i % 10 == 9)
			sg_store_flush(b->st, true);
	}
	return T0 + (199 - step) * 1000;
}

static void when_the_clock_is_set_back_the_later_frames_count(void **state)
{
	static const int steps[] = {30, 45, 100, 149, 450, 7000};
	struct box *b = *state;

	for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
		int64_t last = append_with_step(b, 10 + k, steps[k]);

		/* However much of it is asked for: one more each tick, and all that was counted. */
		for (int n = 5; n <= 50; n += 5) {
			auto_answer a = ask(b, "c", last - n * 1000, last);

			assert_int_equal(a.set.series[0].n, n);
			for (int i = 0; i < n; i++)
				assert_point(&a, 0, i, last - (n - 1 - i) * 1000,
					     200.0 * (double)(k + 1) - (n - 1 - i));
		}
		shut(b);
		remove_tree(b->dir);
		assert_int_equal(mkdir(b->dir, 0755), 0);
		assert_int_equal(open_store(b, NULL), 0);
		append_c(b->st, 1, 1, T0 - 1000, 200.0 * (double)(k + 1));
	}
}

static void gaps_are_told_from_head_and_journal(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_gap *gaps;
	size_t n;

	assert_int_equal(sg_store_gap(b->st, T0, T0 + 5000, "probe restarted"), 0);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(sg_store_gap(b->st, T0 + 60000, T0 + 70000, "suspended"), 0);
	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_int_equal(r->gaps(r, 0, INT64_MAX, arena, &gaps, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(gaps[0].reason, "probe restarted");
	assert_string_equal(gaps[1].reason, "suspended");
	assert_int_equal(r->gaps(r, T0 + 5000, T0 + 60000, arena, &gaps, &n), 0);
	assert_int_equal(n, 0);
}

static void the_range_spans_head_and_journal(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;
	int64_t oldest, newest;

	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_int_equal(r->range(r, &oldest, &newest), -ENODATA);
	append_c(b->st, 1, 1, T0, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	append_c(b->st, 1, 2, T0 + 1000, 1);
	assert_int_equal(r->range(r, &oldest, &newest), 0);
	assert_int_equal(oldest, T0);
	assert_int_equal(newest, T0 + 1000);
}

static void limits_end_a_selection_with_a_sentence(void **state)
{
	struct box *b = *state;
	sg_auto(sg_reader) r = NULL;
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_matcher m = {SG_MATCH_EQ, "__name__", "c", NULL};
	struct sg_selector sel = {1, &m};
	struct sg_read_limits few = {.max_samples = 3}, late = {.deadline_ns = 1};
	struct sg_points_set set;
	struct sg_error err = {0};

	for (int i = 0; i < 20; i++)
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	sg_selector_compile(&sel, NULL);
	assert_int_equal(r->select(r, &sel, 1, 0, INT64_MAX, &few, arena, &set, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "too many samples"));
	assert_int_equal(r->select(r, &sel, 1, 0, INT64_MAX, &late, arena, &set, &err), -ETIMEDOUT);
	assert_int_equal(r->select(r, &sel, 1, 0, INT64_MAX, NULL, arena, &set, &err), 0);
	sg_selector_release(&sel);
}

static int compare_frame(const void *p, size_t n, void *ctx)
{
	struct sg_buf *b = ctx;

	assert_in_range(n, 0, b->len);
	assert_memory_equal(p, b->data, n);
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
	return 0;
}

static void frames_come_out_byte_for_byte(void **state)
{
	struct box *b = *state;
	sg_auto_buf all = {0};

	for (int i = 0; i < 90; i++) {
		const struct item it[] = {{SG_COUNTER, "c", i % 9 ? "one" : "two", i},
					  {SG_HISTOGRAM, "h", NULL, i % 4}};
		size_t at = all.len;

		encode(&all, 1, i + 1, T0 + i * 1000, 0, it, 2);
		assert_int_equal(sg_store_append(b->st, all.data + at, all.len - at), 1);
		if (i % 10 == 9)
			sg_store_flush(b->st, true);
	}
	assert_int_equal(sg_store_frames(b->dir, 0, INT64_MAX, compare_frame, &all, NULL), 0);
	assert_int_equal(all.len, 0);
}

static void what_is_no_frame_is_refused(void **state)
{
	struct box *b = *state;
	sg_auto_buf e = {0};
	const struct item it = {SG_COUNTER, "c", NULL, 1};

	encode(&e, 1, 1, T0, 0, &it, 1);
	for (size_t n = 0; n < e.len; n++)
		assert_int_equal(sg_store_append(b->st, e.data, n), -EBADMSG);
	for (size_t i = 0; i < e.len; i++) {
		e.data[i] ^= 0x10;
		assert_int_equal(sg_store_append(b->st, e.data, e.len), -EBADMSG);
		e.data[i] ^= 0x10;
	}
	assert_int_equal(sg_store_append(b->st, e.data, e.len), 1);
}

static void what_is_too_old_is_deleted(void **state)
{
	struct box *b = *state;
	struct sg_store_health h;

	b->o.retention_ns = 300ULL * 1000000000;
	reopen(b);
	for (int i = 0; i < 1200; i++) {
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
		if (i % 10 == 9)
			sg_store_flush(b->st, true);
	}
	for (int i = 0; i < 40; i++) {
		reopen(b); /* upkeep runs once a second: a new start runs it at once */
		sg_store_maintain(b->st);
	}
	sg_store_health(b->st, &h);
	/* A segment goes when all of it is too old. */
	assert_in_range(h.oldest_ms, T0 + (1200 - 300 - 601) * 1000, T0 + (1200 - 299) * 1000);
	auto_answer a = ask(b, "c", T0 + 1198000, T0 + 1199000);

	assert_point(&a, 0, 0, T0 + 1199000, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_new_counter_starts_at_zero_one_tick_before),
		T(head_and_journal_give_each_frame_once),
		T(a_reader_opened_before_a_flush_sees_what_follows),
		T(a_frame_is_taken_once),
		T(the_first_frame_is_committed_at_once),
		T(counters_go_on_over_restarts),
		T(a_range_in_the_past_has_the_same_values_as_the_whole),
		T(a_series_that_comes_back_does_not_lose_its_first_increase),
		T(a_series_that_ended_has_no_more_samples),
		T(several_sources_lie_in_one_block),
		T(when_the_clock_is_set_back_the_later_frames_count),
		T(gaps_are_told_from_head_and_journal),
		T(the_range_spans_head_and_journal),
		T(limits_end_a_selection_with_a_sentence),
		T(frames_come_out_byte_for_byte),
		T(what_is_no_frame_is_refused),
		T(what_is_too_old_is_deleted),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
