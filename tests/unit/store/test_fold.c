// SPDX-License-Identifier: GPL-2.0
/* What is folded is read as it was in the journal; coarser tiers say what fine ones do. */
#include "host.h"

static const struct {
	int64_t from, to;
} ranges[] = {
	{-1, TICKS + 1}, {590, 610}, {1200, 1800}, {2495, 2505}, {4700, 4999}, {4997, 5000}, {0, 1},
};

static void folded_samples_are_those_of_the_journal_bit_by_bit(void **state)
{
	struct box *b = *state;
	struct answer before[ARRAY_SIZE(ranges)][2];

	write_ticks(b, 0, TICKS);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		int64_t from = T0 + ranges[i].from * 1000, to = T0 + ranges[i].to * 1000;

		before[i][0] = ask(b, "", from, to);
		before[i][1] = ask_deltas(b, "", from, to);
		assert_int_not_equal(before[i][0].set.n_samples, 0);
	}
	fold_all(b);
	assert_true(number(b, "SELECT count(*) FROM segment WHERE tier = 0") >= 8);
	assert_true(number(b, "SELECT count(*) FROM segment WHERE tier = 1") >= 1);
	assert_true(number(b, "SELECT count(*) FROM journal") <= 60);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		int64_t from = T0 + ranges[i].from * 1000, to = T0 + ranges[i].to * 1000;

		for (int k = 0; k < 2; k++) {
			auto_answer with_head =
				k ? ask_deltas(b, "", from, to) : ask(b, "", from, to);
			auto_answer outside = ask_dir(b->dir, NULL, "", from, to, k);

			same_answers(&before[i][k], &with_head);
			same_answers(&before[i][k], &outside);
			assert_int_equal(outside.set.res_ms, 0);
			answer_free(&before[i][k]);
		}
	}
}

/* With a resolution that is enough. */
static struct answer ask_coarse(struct box *b, const char *name, int64_t from, int64_t to,
				int64_t res_ms, enum sg_field field)
{
	struct answer a = {.arena = sg_arena_new(0)};
	struct sg_matcher m = {SG_MATCH_EQ, "__name__", name, NULL};
	struct sg_selector sel = {1, &m};
	const struct sg_read_limits lim = {.res_ms = res_ms, .field = field};
	sg_auto(sg_reader) r = NULL;

	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_int_equal(sg_selector_compile(&sel, NULL), 0);
	a.r = r->select(r, &sel, 1, from, to, &lim, a.arena, &a.set, &a.err);
	sg_selector_release(&sel);
	return a;
}

static bool has_point(const struct sg_points *fine, const struct sg_points *coarse, size_t i)
{
	for (size_t k = 0; k < fine->n; k++) {
		if (fine->t_ms[k] != coarse->t_ms[i])
			continue;
		if (fine->series.type != SG_HISTOGRAM)
			return memcmp(&fine->values[k], &coarse->values[i], 8) == 0;
		return sg_hist_equal(&fine->hists[k], &coarse->hists[i]);
	}
	return false;
}

/* Last readings, counters and merged histograms: each is a sample that was measured. */
static void coarse_samples_are_some_of_the_fine_ones(void **state)
{
	static const char *const names[] = {"whole_total", "seconds_total", "odd_total",
					    "bytes",	   "hist",	    "coming_total"};
	static const int64_t res[] = {10000, 60000};
	struct box *b = *state;
	int64_t from = T0 - 1000, to = T0 + TICKS * 1000;

	write_ticks(b, 0, TICKS);
	fold_all(b);
	for (size_t i = 0; i < ARRAY_SIZE(names) * 2; i++) {
		auto_answer fine = ask(b, names[i / 2], from, to);
		auto_answer coarse =
			ask_coarse(b, names[i / 2], from, to, res[i % 2], SG_FIELD_LAST);

		assert_int_equal(coarse.r, 0);
		assert_int_equal(coarse.set.n, fine.set.n);
		assert_true(coarse.set.res_ms == 10000 || coarse.set.res_ms == res[i % 2]);
		for (size_t s = 0; s < fine.set.n; s++) {
			const struct sg_points *f = &fine.set.series[s], *c = &coarse.set.series[s];

			assert_true(c->n >= f->n / (size_t)(res[i % 2] / 1000));
			assert_true(c->n <= f->n / (size_t)(res[i % 2] / 1000) + 150);
			for (size_t k = 0; k < c->n; k++)
				assert_true(has_point(f, c, k));
		}
	}
}

static struct answer ask_steps(struct box *b, const char *name, int64_t from, int64_t to,
			       int64_t step_ms)
{
	struct answer a = {.arena = sg_arena_new(0)};
	struct sg_matcher m = {SG_MATCH_EQ, "__name__", name, NULL};
	struct sg_selector sel = {1, &m};
	const struct sg_read_limits lim = {.res_ms = step_ms};
	sg_auto(sg_reader) r = NULL;

	assert_int_equal(sg_store_reader(b->dir, sg_store_head(b->st), &r, NULL), 0);
	assert_int_equal(sg_selector_compile(&sel, NULL), 0);
	a.r = r->select_deltas(r, &sel, 1, from, to, &lim, a.arena, &a.set, &a.err);
	sg_selector_release(&sel);
	assert_int_equal(a.r, 0);
	return a;
}

/* What (to - step, to] brought. */
static double brought(const struct sg_points *p, int64_t to, int64_t step)
{
	double sum = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->t_ms[i] > to - step && p->t_ms[i] <= to)
			sum += p->series.type == SG_HISTOGRAM ? p->hists[i].count : p->values[i];
	return sum;
}

/* A step that no tier divides is read from a finer one, so that its ends cut no span. */
static void increases_of_steps_are_read_coarsely(void **state)
{
	static const struct {
		int64_t step, res;
	} steps[] = {{60000, 60000}, {120000, 60000}, {90000, 10000}, {15000, 0}};
	static const char *const names[] = {"whole_total", "coming_total", "hist"};
	struct box *b = *state;

	write_ticks(b, 0, 9500);
	fold_all(b);
	assert_true(number(b, "SELECT count(*) FROM segment WHERE tier = 2") >= 1);
	for (size_t i = 0; i < ARRAY_SIZE(steps) * ARRAY_SIZE(names); i++) {
		const char *name = names[i % ARRAY_SIZE(names)];
		int64_t step = steps[i / ARRAY_SIZE(names)].step;
		int64_t from = (T0 / step + 1) * step, to = from + 7200000 / step * step;
		auto_answer fine = ask_deltas(b, name, from, to);
		auto_answer coarse = ask_steps(b, name, from, to, step);

		assert_int_equal(coarse.set.res_ms, steps[i / ARRAY_SIZE(names)].res);
		assert_int_equal(coarse.set.n, fine.set.n);
		assert_true(step == 15000 || coarse.set.n_samples < fine.set.n_samples / 2);
		for (size_t s = 0; s < fine.set.n; s++)
			for (int64_t t = from + step; t <= to; t += step)
				assert_float_equal(brought(&coarse.set.series[s], t, step),
						   brought(&fine.set.series[s], t, step), 0);
	}
}

static void gauges_keep_their_extremes(void **state)
{
	struct box *b = *state;
	int64_t minute = T0 + 1000000;
	double most = 0;

	write_ticks(b, 0, 3000);
	fold_all(b);
	auto_answer all = ask(b, "bytes", minute - 60000, minute);
	auto_answer a = ask_coarse(b, "bytes", minute - 60000, minute, 60000, SG_FIELD_MAX);

	for (size_t i = 0; i < all.set.series[0].n; i++)
		most = SG_MAX(most, all.set.series[0].values[i]);
	assert_int_equal(all.set.series[0].n, 60);
	assert_int_equal(a.set.series[0].n, 1);
	assert_int_equal(a.set.res_ms, 10000);
	assert_true(a.set.series[0].values[0] == most);
}

/* As years: rows of fine tiers are gone, and the coarse ones still answer. */
static void what_is_left_answers_where_the_fine_is_gone(void **state)
{
	struct box *b = *state;

	write_ticks(b, 0, TICKS);
	fold_all(b);
	auto_answer before = ask_coarse(b, "whole_total", T0, T0 + 1000000, 10000, SG_FIELD_LAST);

	for (int i = 0; i < 3; i++)
		assert_int_equal(sqlite3_exec(b->st->db->h,
					      "DELETE FROM segment WHERE tier = 0 AND first <= 3",
					      NULL, NULL, NULL),
				 SQLITE_OK);
	auto_answer a = ask(b, "whole_total", T0, T0 + 1000000);

	assert_int_equal(a.set.res_ms, 10000);
	same_points(&a.set.series[0], &before.set.series[0]);
	auto_answer recent = ask(b, "whole_total", T0 + 1700000, T0 + 2000000);

	assert_int_equal(recent.set.series[0].n, 300);
	assert_int_equal(recent.set.res_ms, 0);
}

static void a_series_that_is_too_many_is_refused_and_counted(void **state)
{
	struct box *b = *state;
	struct sg_store_health h;

	shut(b);
	b->o.max_series = 5;
	assert_int_equal(open_store(b, NULL), 0);
	write_ticks(b, 0, 1200);
	fold_all(b);
	sg_store_health(b->st, &h);
	assert_int_equal(h.series, 5);
	assert_true(h.refused_series > 0);
	assert_true(h.ok);
}

static void series_that_end_are_marked(void **state)
{
	struct box *b = *state;

	write_ticks(b, 0, 1100); /* coming_total ends at 390 s and returns at 1010 s */
	fold_all(b);
	assert_int_equal(
		number(b, "SELECT ended_ms FROM stored_series WHERE name = 'coming_total'"),
		T0 + 389000);
	write_ticks(b, 1100, 1700);
	fold_all(b);
	assert_int_equal(number(b, "SELECT ended_ms IS NULL FROM stored_series"
				   " WHERE name = 'coming_total'"),
			 1);
}

/* Folds in steps that are as short as can be, until somebody kills it. */
static int fold_until_killed(struct box *b, int steps)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (open_store(b, NULL) < 0)
			_exit(1);
		while (steps-- > 0)
			if (sg_fold_step(b->st, 1) <= 0)
				_exit(0);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

static void kills_while_folding_lose_nothing_and_double_nothing(void **state)
{
	struct box *b = *state;
	int kills = 0;

	write_ticks(b, 0, 1700);
	auto_answer cumulative = ask(b, "", T0, T0 + 1700000);
	auto_answer increases = ask_deltas(b, "", T0, T0 + 1700000);

	shut(b);
	for (int steps = 1; fold_until_killed(b, steps); steps += 1 + steps / 5) {
		auto_answer c = ask_dir(b->dir, NULL, "", T0, T0 + 1700000, false);
		auto_answer d = ask_dir(b->dir, NULL, "", T0, T0 + 1700000, true);

		same_answers(&cumulative, &c);
		same_answers(&increases, &d);
		kills++;
	}
	assert_true(kills > 10);
	assert_int_equal(open_store(b, NULL), 0);
	assert_true(number(b, "SELECT count(*) FROM segment") >= 3);
	assert_int_equal(number(b, "SELECT count(*) FROM chunk"
				   " WHERE (id >> 32) NOT IN (SELECT id FROM segment)"),
			 0);
	auto_answer c = ask(b, "", T0, T0 + 1700000);

	same_answers(&cumulative, &c);
}

static double newest_value(struct box *b, const char *name, int64_t from_ms)
{
	auto_answer a = ask(b, name, from_ms, INT64_MAX);

	assert_int_equal(a.set.n, 1);
	return a.set.series[0].values[a.set.series[0].n - 1];
}

static double newest_count(struct box *b, int64_t from_ms)
{
	auto_answer a = ask(b, "hist", from_ms, INT64_MAX);

	assert_int_not_equal(a.set.n, 0);
	return a.set.series[0].hists[a.set.series[0].n - 1].count;
}

/* Older key blocks are folded away: what was counted is in the chunks, too. */
static void counters_go_on_where_no_key_block_is_whole(void **state)
{
	int64_t end = T0 + 1700000;
	struct box *b = *state;
	double value, count, lost = 0;
	int64_t first, last;

	write_ticks(b, 0, 1700);
	fold_all(b);
	assert_int_equal(number(b, "SELECT count(*) FROM journal WHERE key"), 1);
	first = (number(b, "SELECT t0_ms FROM journal WHERE key") - T0) / 1000;
	last = (number(b, "SELECT t1_ms FROM journal WHERE key") - T0) / 1000;
	value = newest_value(b, "whole_total", end - 5000);
	count = newest_count(b, end - 5000);
	for (int64_t i = first; i <= last; i++)
		lost += floor(noise(i, 1) / 300);
	assert_true(lost > 0 && value > 10 * lost);
	assert_int_equal(sqlite3_exec(b->st->db->h,
				      "UPDATE journal SET base = zeroblob(10) WHERE key", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	reopen(b);
	assert_int_equal(sg_store_committed(b->st, 1), 1700);
	assert_int_equal(append_c(b->st, 5, 1, end, 1), 1);
	write_ticks(b, 1700, 1710);
	for (int64_t i = 1700; i < 1710; i++)
		value += floor(noise(i, 1) / 300);
	assert_float_equal(newest_value(b, "whole_total", end + 5000), value - lost, 0);
	assert_true(newest_count(b, end + 5000) > count - 10 * 24);
}

/* As an older sgprobe left it: no tables for chunks, a key block every minute. */
static void a_file_of_the_version_before_is_folded(void **state)
{
	static const char *const down =
		"DROP TABLE segment; DROP TABLE chunk; DROP TABLE stored_series; DROP TABLE label;"
		"PRAGMA user_version = 4";
	struct box *b = *state;

	write_ticks(b, 0, 2500);
	auto_answer before = ask(b, "", T0, T0 + 2500000);

	assert_int_equal(sqlite3_exec(b->st->db->h, down, NULL, NULL, NULL), SQLITE_OK);
	auto_answer old = ask_dir(b->dir, NULL, "", T0, T0 + 2500000, false);

	same_answers(&before, &old);
	shut(b);
	assert_int_equal(open_store(b, NULL), 0);
	fold_all(b);
	assert_true(number(b, "SELECT count(*) FROM segment WHERE tier = 0") >= 4);
	auto_answer after = ask(b, "", T0, T0 + 2500000);

	same_answers(&before, &after);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(folded_samples_are_those_of_the_journal_bit_by_bit),
		T(coarse_samples_are_some_of_the_fine_ones),
		T(increases_of_steps_are_read_coarsely),
		T(gauges_keep_their_extremes),
		T(what_is_left_answers_where_the_fine_is_gone),
		T(a_series_that_is_too_many_is_refused_and_counted),
		T(series_that_end_are_marked),
		T(kills_while_folding_lose_nothing_and_double_nothing),
		T(counters_go_on_where_no_key_block_is_whole),
		T(a_file_of_the_version_before_is_folded),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests_name("store/fold", tests, NULL, NULL);
}
