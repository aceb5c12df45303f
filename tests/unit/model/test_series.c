// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "make.h"

static int init(struct sg_series *s, const char *name, struct sg_label *l, size_t n)
{
	return sg_series_init(s, SG_COUNTER, name, l, n);
}

static void labels_are_sorted_and_empty_ones_dropped(void **state)
{
	struct sg_label l[] = {{"c", "3"}, {"a", "1"}, {"b", ""}};
	struct sg_series s;

	assert_int_equal(init(&s, "x_total", l, 3), 0);
	assert_int_equal(s.n_labels, 2);
	assert_string_equal(s.labels[0].name, "a");
	assert_string_equal(s.labels[1].name, "c");
	assert_string_equal(sg_series_label(&s, "c"), "3");
	assert_string_equal(sg_series_label(&s, "b"), "");
	assert_string_equal(sg_series_label(&s, "__name__"), "x_total");
	assert_int_equal(s.hash, sg_series_hash("x_total", s.labels, 2));
}

static void bad_names_and_values_are_refused(void **state)
{
	static const char *const names[] = {"", "1a", "a-b", "a b", "a\xc3\xa9"};
	struct sg_label l = {"a", "1"};
	char many[300];
	struct sg_series s;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(init(&s, names[i], &l, 1), -EINVAL);
		l.name = names[i];
		assert_int_equal(init(&s, "x", &l, 1), -EINVAL);
		l.name = "a";
	}
	l.name = "__name__";
	assert_int_equal(init(&s, "x", &l, 1), -EINVAL);
	l.name = "a:b";
	assert_int_equal(init(&s, "x", &l, 1), -EINVAL);
	l.name = "a";
	assert_int_equal(init(&s, "a:b", &l, 1), 0);
	l.value = "\xff";
	assert_int_equal(init(&s, "x", &l, 1), -EINVAL);
	memset(many, 'v', sizeof(many));
	many[SG_LABEL_VALUE_MAX + 1] = 0;
	l.value = many;
	assert_int_equal(init(&s, "x", &l, 1), -EINVAL);
	many[SG_LABEL_VALUE_MAX] = 0;
	assert_int_equal(init(&s, "x", &l, 1), 0);
	many[SG_NAME_MAX + 1] = 0;
	assert_int_equal(init(&s, many, &l, 1), -EINVAL);
	many[SG_NAME_MAX] = 0;
	assert_int_equal(init(&s, many, &l, 1), 0);
}

static void a_label_twice_or_too_many_are_refused(void **state)
{
	struct sg_label twice[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
	struct sg_label many[SG_LABELS_MAX + 1];
	char names[SG_LABELS_MAX + 1][4];
	struct sg_series s;

	assert_int_equal(init(&s, "x", twice, 3), -EINVAL);
	for (size_t i = 0; i <= SG_LABELS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "l%zu", i);
		many[i] = (struct sg_label){names[i], "v"};
	}
	assert_int_equal(init(&s, "x", many, SG_LABELS_MAX + 1), -EINVAL);
	assert_int_equal(init(&s, "x", many, SG_LABELS_MAX), 0);
}

static void order_is_by_name_then_labels(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_series s[] = {
		make_series(a, SG_GAUGE, "a", NULL),
		make_series(a, SG_GAUGE, "a", "k", "1", NULL),
		make_series(a, SG_GAUGE, "a", "k", "1", "l", "1", NULL),
		make_series(a, SG_GAUGE, "a", "k", "2", NULL),
		make_series(a, SG_GAUGE, "a", "l", "0", NULL),
		make_series(a, SG_GAUGE, "b", NULL),
	};

	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		for (size_t j = 0; j < ARRAY_SIZE(s); j++) {
			int c = sg_series_cmp(&s[i], &s[j]);

			assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
			assert_int_equal(sg_series_equal(&s[i], &s[j]), i == j);
		}
}

static void label_text_does_not_run_together_in_the_hash(void **state)
{
	struct sg_label a = {"a", "bc"}, b = {"ab", "c"};

	assert_true(sg_series_hash("x", &a, 1) != sg_series_hash("x", &b, 1));
	assert_true(sg_series_hash("xa", NULL, 0) != sg_series_hash("x", &a, 1));
}

static void copies_stand_alone(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	char name[] = "x_total", value[] = "one";
	struct sg_label l = {"k", value};
	struct sg_series s, *c, *d;

	assert_int_equal(init(&s, name, &l, 1), 0);
	c = sg_series_copy(a, &s);
	d = sg_series_dup(&s);
	assert_non_null(c);
	assert_non_null(d);
	memset(name, 'z', sizeof(name) - 1);
	memset(value, 'z', sizeof(value) - 1);
	assert_string_equal(c->name, "x_total");
	assert_string_equal(d->labels[0].value, "one");
	assert_true(sg_series_equal(c, d));
	free(d);
}

static void series_are_written_as_promql_reads_them(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	sg_auto_buf b = {0};
	struct sg_series s =
		make_series(a, SG_GAUGE, "x", "k", "a\"b\\c\nd\x01", "l", "\xc3\xa9", NULL);
	struct sg_series bare = make_series(a, SG_GAUGE, "x", NULL);

	sg_series_format(&b, &s);
	assert_string_equal(b.data, "x{k=\"a\\\"b\\\\c\\nd\\x01\",l=\"\xc3\xa9\"}");
	sg_buf_reset(&b);
	sg_series_format(&b, &bare);
	assert_string_equal(b.data, "x");
}

static void types_have_names(void **state)
{
	assert_string_equal(sg_type_name(SG_COUNTER), "counter");
	assert_string_equal(sg_type_name(SG_GAUGE), "gauge");
	assert_string_equal(sg_type_name(SG_HISTOGRAM), "histogram");
	assert_string_equal(sg_type_name((enum sg_type)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_sorted_and_empty_ones_dropped),
		cmocka_unit_test(bad_names_and_values_are_refused),
		cmocka_unit_test(a_label_twice_or_too_many_are_refused),
		cmocka_unit_test(order_is_by_name_then_labels),
		cmocka_unit_test(label_text_does_not_run_together_in_the_hash),
		cmocka_unit_test(copies_stand_alone),
		cmocka_unit_test(series_are_written_as_promql_reads_them),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
