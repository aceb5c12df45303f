// SPDX-License-Identifier: GPL-2.0
/* state.db: small facts that stay. */
#include <fcntl.h>
#include <sqlite3.h>

#include "harness.h"

static int make_dir(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/sgb-store-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	*state = b;
	return 0;
}

static void what_is_put_is_got_after_a_restart(void **state)
{
	struct box *b = *state;
	sg_auto_buf v = {0};

	for (int i = 0; i < 3; i++) {
		sg_auto(sg_state) s = NULL;
		char value[16];

		snprintf(value, sizeof(value), "%d", i);
		assert_int_equal(sg_state_open(b->dir, &s, NULL), 0);
		sg_buf_reset(&v);
		assert_int_equal(sg_state_get(s, "stop", &v), i ? 0 : -ENOENT);
		assert_int_equal(v.len, i ? 1 : 0);
		assert_int_equal(sg_state_put(s, "stop", value), 0);
		assert_int_equal(sg_state_put(s, "other", "x"), 0);
	}
	assert_string_equal(v.data, "1");
}

static void a_damaged_file_is_set_aside(void **state)
{
	struct box *b = *state;
	sg_auto(sg_state) s = NULL;
	sg_auto_buf v = {0};

	assert_int_equal(sg_write_file(path_of(b, "state.db"), "rubbish rubbish", 15, 0644), 0);
	assert_int_equal(sg_state_open(b->dir, &s, NULL), 0);
	assert_true(exists_like(b, "state.db.corrupt-"));
	assert_int_equal(sg_state_put(s, "k", "v"), 0);
	assert_int_equal(sg_state_get(s, "k", &v), 0);
	assert_string_equal(v.data, "v");
}

static void a_newer_file_is_refused(void **state)
{
	struct box *b = *state;
	sg_auto(sg_state) s = NULL;
	struct sg_error err = {0};
	sqlite3 *h;

	assert_int_equal(sg_state_open(b->dir, &s, NULL), 0);
	sg_state_close(sg_take(s));
	sqlite3_open(path_of(b, "state.db"), &h);
	sqlite3_exec(h, "PRAGMA user_version = 7", NULL, NULL, NULL);
	sqlite3_close(h);
	assert_int_equal(sg_state_open(b->dir, &s, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "schema version 7"));
}

static void odd_keys_are_refused(void **state)
{
	struct box *b = *state;
	sg_auto(sg_state) s = NULL;
	char longkey[400];

	memset(longkey, 'k', sizeof(longkey));
	longkey[sizeof(longkey) - 1] = '\0';
	assert_int_equal(sg_state_open(b->dir, &s, NULL), 0);
	assert_int_equal(sg_state_put(s, "", "v"), -EINVAL);
	assert_int_equal(sg_state_put(s, longkey, "v"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, teardown)
		T(what_is_put_is_got_after_a_restart),
		T(a_damaged_file_is_set_aside),
		T(a_newer_file_is_refused),
		T(odd_keys_are_refused),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
