// SPDX-License-Identifier: GPL-2.0
/* SQL over the store: what rows there are, that conditions spare reading, and what is refused. */
#include "harness.h"

#include <sgprobe/query.h>
#include <sgprobe/sql.h>

struct rows {
	struct sg_buf b; /* cells joined by '|', rows by '\n' */
	size_t columns, at, n;
};

static int on_head(void *ctx, const char *const *names, size_t n)
{
	((struct rows *)ctx)->columns = n;
	return 0;
}

static int on_cell(void *ctx, enum sg_sql_type type, const char *text)
{
	struct rows *r = ctx;

	sg_buf_str(&r->b, text ? text : "NULL");
	if (++r->at == r->columns) {
		r->at = 0;
		r->n++;
	}
	sg_buf_char(&r->b, r->at ? '|' : '\n');
	return 0;
}

static int on_end(void *ctx)
{
	return 0;
}

static bool never(void *ctx)
{
	return false;
}

static struct sg_sql *open_sql(const struct box *b, bool (*interrupted)(void *), void *ctx)
{
	const struct sg_sql_options o = {.data_dir = b->dir,
					 .selector = sg_query_selector,
					 .interrupted = interrupted,
					 .ctx = ctx};
	struct sg_sql *s = NULL;
	struct sg_error err = {""};

	if (sg_sql_open(&o, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static int run(struct sg_sql *s, const char *text, struct rows *r, struct sg_error *err)
{
	static const struct sg_sql_sink sink = {on_head, on_cell, on_end};

	*r = (struct rows){0};
	return sg_sql_run(s, text, &sink, r, err);
}

static void assert_rows(struct sg_sql *s, const char *text, const char *want)
{
	struct sg_error err = {""};
	struct rows r;

	if (run(s, text, &r, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	assert_string_equal(r.b.data ? r.b.data : "", want);
	sg_buf_free(&r.b);
}

/* An hour of a counter "c", of two gauges "g" and of a histogram "h". */
static int fill(void **state)
{
	struct box *b;

	setup(state);
	b = *state;
	for (int i = 0; i < 3600; i++) {
		const struct item items[] = {{SG_COUNTER, "c", NULL, 2},
					     {SG_GAUGE, "g", "a", i},
					     {SG_GAUGE, "g", "b", -i},
					     {SG_HISTOGRAM, "h", NULL, 3}};

		append(b->st, 1, i + 1, T0 + i * 1000, items, ARRAY_SIZE(items));
		if (i % 60 == 59)
			assert_int_equal(sg_store_flush(b->st, true), 0);
	}
	sg_store_gap(b->st, T0 + 5000, T0 + 7000, "test");
	assert_int_equal(sg_store_flush(b->st, true), 0);
	return 0;
}

static void samples_are_rows(void **state)
{
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);

	assert_rows(s, "SELECT name, labels, t, type, value FROM samples WHERE t = 1700000010",
		    "c|{}|1700000010|counter|22\n"
		    "g|{\"l\":\"a\"}|1700000010|gauge|10\n"
		    "g|{\"l\":\"b\"}|1700000010|gauge|-10\n"
		    "h|{}|1700000010|histogram|NULL\n");
	assert_rows(s,
		    "SELECT value, count, sum, buckets FROM samples"
		    " WHERE name = 'h' AND t = 1700000001",
		    "NULL|6|6|[[0.9170040432046712,1,6]]\n");
	assert_rows(s, "SELECT count(*), sum(value) FROM increases WHERE name = 'c'",
		    "3600|7200\n");
	assert_rows(s, "SELECT name, labels ->> 'l', samples, last_t - first_t FROM series",
		    "c|NULL|3600|3599\ng|a|3600|3599\ng|b|3600|3599\nh|NULL|3600|3599\n");
	assert_rows(s, "SELECT from_t, to_t, reason FROM gaps", "1700000005|1700000007|test\n");
	assert_rows(s, "SELECT count(*) FROM events", "0\n");
	assert_rows(s, "SELECT count(*) FROM exemplars", "0\n");
}

static void arguments_are_selectors_of_promql(void **state)
{
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);
	struct sg_error err = {""};
	struct rows r;

	assert_rows(s, "SELECT value FROM samples('g{l=\"b\"}') WHERE t = 1700000007", "-7\n");
	assert_rows(s, "SELECT name FROM series('{l=~\"a|x\"}')", "g\n");
	assert_rows(s, "SELECT name, samples FROM series('c', 1700000010, 1700000019)", "c|10\n");
	assert_int_equal(run(s, "SELECT * FROM samples('g{')", &r, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "parse error"));
}

struct push {
	const char *where;
	int64_t from_s, to_s; /* seconds after T0 that are read, (from, to] */
	uint64_t samples; /* at most */
	const char *count;
};

/* What is read is what the conditions leave, and the answer is the same as without them. */
static void conditions_are_pushed_down(void **state)
{
	static const struct push cases[] = {
		{"name = 'c' AND t > 1700003000", 3000, 3599, 600, "599\n"},
		{"name = 'c' AND t >= 1700003000 AND t <= 1700003009", 3000, 3009, 10, "10\n"},
		{"name = 'c' AND t BETWEEN 1700000100 AND 1700000101", 100, 101, 2, "2\n"},
		{"name = 'c' AND t = 1700000100", 100, 100, 1, "1\n"},
		{"t < 1700000010 AND t > 1700000000 AND name = 'g'", 0, 10, 22, "18\n"},
		{"name = 'nothing' AND t > 1700003000", 3000, 3599, 0, "0\n"},
		{"name = 'c' AND t > 1700003000.5", 3000, 3599, 600, "599\n"},
	};
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_sql_reads reads;
		char text[256];

		snprintf(text, sizeof(text), "SELECT count(*) FROM samples WHERE %s",
			 cases[i].where);
		assert_rows(s, text, cases[i].count);
		sg_sql_reads(s, &reads);
		assert_in_range(reads.from_ms, T0 + cases[i].from_s * 1000 - 1,
				T0 + cases[i].from_s * 1000 + 500);
		assert_in_range(reads.to_ms, T0 + cases[i].to_s * 1000 - 1,
				T0 + cases[i].to_s * 1000);
		assert_in_range(reads.samples, 0, cases[i].samples);
	}
}

static void what_cannot_match_reads_nothing(void **state)
{
	static const char *const cases[] = {"t > 1700003600",
					    "t < 1600000000",
					    "t > 1700000010 AND t < 1700000009",
					    "t > NULL",
					    "name = 'c' AND name = 'g'",
					    "name = NULL"};
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_sql_reads reads;
		char text[128];

		snprintf(text, sizeof(text), "SELECT count(*) FROM samples WHERE %s", cases[i]);
		assert_rows(s, text, "0\n");
		sg_sql_reads(s, &reads);
		assert_int_equal(reads.selects, 0);
	}
}

static void odd_conditions_leave_the_answer_right(void **state)
{
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);

	assert_rows(s, "SELECT count(*) FROM samples WHERE name IN ('c', 'h') AND t > 1700003589",
		    "20\n");
	assert_rows(s, "SELECT count(*) FROM samples WHERE name LIKE 'c%' AND t > '1700003589'",
		    "10\n");
	assert_rows(s,
		    "SELECT count(*) FROM samples a JOIN samples b ON a.t = b.t"
		    " WHERE a.name = 'c' AND b.name = 'h' AND a.t > 1700003589",
		    "10\n");
	assert_rows(s, "SELECT count(*) FROM samples WHERE name = 'c' AND t > 1e300", "0\n");
	assert_rows(s, "SELECT count(*) FROM samples WHERE name = 'c' OR t = 1700000001", "3604\n");
	assert_rows(s, "SELECT max(t) FROM samples WHERE name = 'c' AND t > -1e300",
		    "1700003599\n");
}

static void distributions_add_up(void **state)
{
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);
	struct sg_error err = {""};
	struct rows r;

	assert_rows(s,
		    "SELECT sum(count), hist_quantile(1, buckets) FROM increases"
		    " WHERE name = 'h' AND t > 1700003589",
		    "30|1\n");
	assert_rows(s, "SELECT hist_quantile(0.5, buckets) FROM increases WHERE name = 'x'",
		    "NULL\n");
	assert_int_equal(run(s, "SELECT hist_quantile(0.5, '[[1,2]]')", &r, &err), -EINVAL);
	assert_int_equal(run(s, "SELECT hist_quantile(0.5, '[[1,2,3]')", &r, &err), -EINVAL);
	assert_int_equal(run(s, "SELECT hist_quantile(0.5, '[[1,-2,3]]')", &r, &err), -EINVAL);
}

static void nothing_but_questions_is_possible(void **state)
{
	static const char *const no[] = {
		"DELETE FROM journal",		"INSERT INTO gap VALUES (1, 2, 3, 'x')",
		"DROP TABLE journal",		"CREATE TABLE x(a)",
		"CREATE TEMP TABLE x(a)",	"CREATE VIRTUAL TABLE x USING samples",
		"ATTACH '/tmp/x' AS y",		"PRAGMA journal_mode = DELETE",
		"PRAGMA user_version = 7",	"PRAGMA writable_schema = 1",
		"SELECT load_extension('x')",	"BEGIN IMMEDIATE",
		"VACUUM INTO '/tmp/sgb-never'", "REINDEX",
	};
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		struct sg_error err = {""};
		struct rows r;
		int e = run(s, no[i], &r, &err);

		if (e != -EPERM)
			fail_msg("%s: %d %s", no[i], e, err.msg);
		assert_non_null(strstr(err.msg, "only SELECT"));
	}
	assert_rows(s, "SELECT count(*) > 50 FROM journal", "1\n");
}

static void mistakes_are_told_in_sqlites_words(void **state)
{
	sg_auto(sg_sql) s = open_sql(*state, never, NULL);
	struct sg_error err = {""};
	struct rows r;

	assert_int_equal(run(s, "SELEC 1", &r, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "syntax error"));
	assert_int_equal(run(s, "SELECT x FROM samples", &r, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no such column"));
	assert_rows(s, " ; -- nothing\n", "");
	assert_rows(s, "SELECT 1; SELECT 2", "1\n2\n");
	assert_true(sg_sql_complete("SELECT 1;") && !sg_sql_complete("SELECT 1"));
}

static bool after_some(void *ctx)
{
	return ++*(int *)ctx > 5;
}

static void a_statement_can_be_ended(void **state)
{
	int n = 0;
	sg_auto(sg_sql) s = open_sql(*state, after_some, &n);
	struct sg_error err = {""};
	struct rows r;

	assert_int_equal(run(s,
			     "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
			     " SELECT count(*) FROM c",
			     &r, &err),
			 -EINTR);
	n = 0;
	assert_rows(s, "SELECT 1", "1\n");
}

static void no_store_is_not_found(void **state)
{
	const struct sg_sql_options o = {.data_dir = "/tmp/sgb-none",
					 .selector = sg_query_selector};
	struct sg_error err = {""};
	struct sg_sql *s = NULL;

	assert_int_equal(sg_sql_open(&o, &s, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/tmp/sgb-none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_rows),
		cmocka_unit_test(arguments_are_selectors_of_promql),
		cmocka_unit_test(conditions_are_pushed_down),
		cmocka_unit_test(what_cannot_match_reads_nothing),
		cmocka_unit_test(odd_conditions_leave_the_answer_right),
		cmocka_unit_test(distributions_add_up),
		cmocka_unit_test(nothing_but_questions_is_possible),
		cmocka_unit_test(mistakes_are_told_in_sqlites_words),
		cmocka_unit_test(a_statement_can_be_ended),
		cmocka_unit_test(no_store_is_not_found),
	};

	return cmocka_run_group_tests_name("sql", tests, fill, teardown);
}
