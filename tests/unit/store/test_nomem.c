// SPDX-License-Identifier: GPL-2.0
/* SQLite runs out of memory at its Nth allocation, for every N: nothing is lost, nothing twice. */
#include <sqlite3.h>

#include "harness.h"

static sqlite3_mem_methods real;
static long countdown = -1; /* allocations until they fail; -1: never */
static bool failed;

static bool fails(void)
{
	if (countdown < 0)
		return false;
	if (countdown-- > 0)
		return false;
	countdown = 0; /* and go on failing */
	failed = true;
	return true;
}

static void *fail_malloc(int n)
{
	return fails() ? NULL : real.xMalloc(n);
}

static void *fail_realloc(void *p, int n)
{
	return fails() ? NULL : real.xRealloc(p, n);
}

static int wrap_malloc(void **state)
{
	sqlite3_mem_methods m;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
	m = real;
	m.xMalloc = fail_malloc;
	m.xRealloc = fail_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &m), SQLITE_OK);
	/* Without a cache of its own per connection, so that allocations are seen. */
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
	return 0;
}

static void a_flush_without_memory_is_repeated_later(void **state)
{
	struct box *b = *state;
	uint64_t seq = 0;
	int bad = 0;

	for (long n = 0; n < 400; n++) {
		struct sg_store_health h;
		int r;

		for (int i = 0; i < 3; i++) {
			seq++;
			assert_int_equal(append_c(b->st, 1, seq, T0 + (int64_t)seq * 1000, 1), 1);
		}
		countdown = n;
		failed = false;
		r = sg_store_flush(b->st, true);
		countdown = -1;
		sg_store_health(b->st, &h);
		assert_int_equal(h.ok, r == 0);
		assert_string_equal(h.quarantined, "");
		if (r == 0 && !failed)
			break;
		bad += r < 0;
		assert_int_equal(sg_store_flush(b->st, true), 0);
		assert_int_equal(sg_store_committed(b->st, 1), seq);
	}
	assert_true(bad > 3);
	assert_float_equal(total_c(b->dir), (double)seq, 0);
}

static void opening_without_memory_fails_or_waits(void **state)
{
	struct box *b = *state;
	int bad = 0;

	append_c(b->st, 1, 1, T0, 1);
	shut(b);
	for (long n = 0; n < 3000; n++) {
		int r;

		countdown = n;
		failed = false;
		r = open_store(b, NULL);
		countdown = -1;
		assert_true(r == 0 || r == -ENOMEM);
		if (r == 0) {
			assert_int_equal(sg_store_flush(b->st, true), 0);
			shut(b);
		}
		bad += r < 0;
		if (r == 0 && !failed)
			break;
	}
	assert_true(bad > 10);
	assert_int_equal(open_store(b, NULL), 0);
	assert_false(exists_like(b, "metrics.db.corrupt-"));
	assert_float_equal(total_c(b->dir), 1, 0);
}

static void reading_without_memory_fails_with_a_sentence(void **state)
{
	struct box *b = *state;
	int bad = 0;

	for (int i = 0; i < 30; i++)
		append_c(b->st, 1, i + 1, T0 + i * 1000, 1);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	for (long n = 0; n < 3000; n++) {
		countdown = n;
		failed = false;
		auto_answer a = ask_dir(b->dir, NULL, "c", 0, INT64_MAX, false);

		countdown = -1;
		if (a.r == 0 && !failed)
			break;
		if (a.r < 0) {
			bad++;
			assert_int_equal(a.r, -ENOMEM);
			assert_string_not_equal(a.err.msg, "");
		}
	}
	assert_true(bad > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_flush_without_memory_is_repeated_later),
		T(opening_without_memory_fails_or_waits),
		T(reading_without_memory_fails_with_a_sentence),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests(tests, wrap_malloc, NULL);
}
