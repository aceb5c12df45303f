// SPDX-License-Identifier: GPL-2.0
/* Lines, tables and exports as text. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/plot.h"
#include "cli/table.h"

#define N 60
#define T0 1700000000000LL

static int64_t times[N];
static double rising[N], flat[N], holed[N];

static int setup(void **state)
{
	for (int i = 0; i < N; i++) {
		times[i] = T0 + i * 1000;
		rising[i] = i;
		flat[i] = 30;
		holed[i] = i >= 20 && i < 40 ? NAN : 10;
	}
	return 0;
}

static void render(struct sg_buf *b, const struct sg_plot_line *lines, size_t n,
		   unsigned int columns, bool ascii)
{
	const struct sg_plot p = {.from_ms = T0,
				  .to_ms = T0 + (N - 1) * 1000,
				  .step_ms = 1000,
				  .unit = "",
				  .n = n,
				  .lines = lines};
	const struct sg_plot_style style = {
		.columns = columns, .rows = 10, .depth = SG_MONO, .ascii = ascii};

	sg_plot_render(b, &p, &style);
	assert_int_equal(b->err, 0);
}

/* Line i of the text, without its newline. */
static char *line(const struct sg_buf *b, unsigned int i)
{
	static char text[2048];
	const char *at = b->data;

	while (i--)
		at = strchr(at, '\n') + 1;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "\n"), at);
	return text;
}

static void a_rising_line_goes_from_the_bottom_left_to_the_top_right(void **state)
{
	const struct sg_plot_line l = {"x", N, times, rising};
	sg_auto_buf b = {0};

	render(&b, &l, 1, 80, true);
	assert_int_equal(line(&b, 7)[9], '*');
	assert_true(strlen(line(&b, 7)) < 30);
	assert_true(strlen(line(&b, 0)) > 75);
	assert_int_equal(line(&b, 0)[9], ' ');
	assert_non_null(strstr(b.data, "last       59  min        0  avg     29.5  max       59"));
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	static const unsigned int widths[] = {20, 40, 80, 200};
	const struct sg_plot_line l[] = {{"first", N, times, rising}, {"second", N, times, flat}};

	for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
		for (int ascii = 0; ascii < 2; ascii++) {
			sg_auto_buf b = {0};

			render(&b, l, 2, widths[w], ascii);
			for (unsigned int i = 0; i < 10; i++)
				assert_in_range(sg_columns(line(&b, i)), 1, widths[w]);
		}
	}
}

static void without_colours_lines_have_marks_of_their_own(void **state)
{
	const struct sg_plot_line l[] = {{"first", N, times, rising}, {"second", N, times, flat}};
	sg_auto_buf b = {0};

	render(&b, l, 2, 80, false);
	assert_non_null(strstr(b.data, "* first"));
	assert_non_null(strstr(b.data, "+ second"));
	assert_non_null(strstr(b.data, "+++++"));
	assert_null(strstr(b.data, "\033"));
}

static void a_hole_is_not_drawn_over(void **state)
{
	const struct sg_plot_line l = {"x", N, times, holed};
	sg_auto_buf b = {0};
	const char *row;
	char *found = NULL;

	render(&b, &l, 1, 80, true);
	for (unsigned int i = 0; i < 8 && !found; i++)
		found = strstr(line(&b, i), "**");
	assert_non_null(found);
	row = found;
	/* Two thirds of 71 columns, with nothing in the middle. */
	assert_non_null(strstr(row, "                    "));
	assert_int_equal(row[strlen(row) - 1], '*');
}

static void values_that_do_not_differ_are_a_line_too(void **state)
{
	static double huge[N], zero[N];
	const struct sg_plot_line l[] = {{"flat", N, times, flat}};
	const struct sg_plot_line z[] = {{"zero", N, times, zero}};
	const struct sg_plot_line h[] = {{"huge", N, times, huge}};
	sg_auto_buf a = {0}, b = {0}, c = {0};

	for (int i = 0; i < N; i++)
		huge[i] = i % 2 ? 1.7e308 : -1.7e308;
	render(&a, l, 1, 80, true);
	assert_non_null(strstr(a.data, "*****"));
	render(&b, z, 1, 80, true);
	assert_non_null(strstr(b.data, "*****"));
	render(&c, h, 1, 80, true);
}

static void nothing_is_said_to_be_nothing(void **state)
{
	static double nans[N];
	const struct sg_plot_line l = {"x", N, times, nans};
	sg_auto_buf b = {0};

	for (int i = 0; i < N; i++)
		nans[i] = NAN;
	render(&b, &l, 1, 80, true);
	assert_string_equal(b.data, "no values in this time\n");
}

/* ---- tables ---------------------------------------------------------------------------- */

static const struct sg_column columns[] = {{"name"}, {"value", true}};

static void fill(struct sg_table *t)
{
	sg_table_text(t, "a,\"b\"\nc");
	sg_table_number(t, "1.5");
	sg_table_text(t, "plain");
	sg_table_text(t, NULL);
	assert_int_equal(sg_table_end(t), 0);
}

static void assert_table(enum sg_format f, unsigned int width, const char *want)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct sg_table *t = sg_table_new(out, f, width, columns, 2);

	fill(t);
	sg_table_free(t);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void fields_of_csv_are_quoted_where_they_must_be(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"", ""},		 {"plain", "plain"}, {"a b", "a b"},
		     {"a,b", "\"a,b\""}, {"\"", "\"\"\"\""}, {"a\nb", "\"a\nb\""},
		     {"a\r", "\"a\r\""}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		sg_auto_buf b = {0};

		sg_csv_str(&b, cases[i].in);
		assert_string_equal(b.data ? b.data : "", cases[i].out);
	}
	assert_table(SG_AS_CSV, 0, "name,value\n\"a,\"\"b\"\"\nc\",1.5\nplain,\n");
}

static void rows_are_objects_in_json(void **state)
{
	assert_table(SG_AS_JSON, 0,
		     "[{\"name\":\"a,\\\"b\\\"\\nc\",\"value\":1.5},\n"
		     "{\"name\":\"plain\",\"value\":null}]\n");
}

static void a_table_keeps_its_columns_and_escapes_what_is_in_them(void **state)
{
	assert_table(SG_AS_TABLE, 0,
		     "name        value\n"
		     "a,\"b\"\\x0ac    1.5\n"
		     "plain\n");
	assert_table(SG_AS_TABLE, 15,
		     "name      value\n"
		     "a,\"b\"\\x…    1.5\n"
		     "plain\n");
}

static void widths_are_learned_from_the_first_rows(void **state)
{
	static const struct sg_column one[] = {{.name = "n", .by_value = true}, {"end"}};
	char *text = NULL, number[16];
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct sg_table *t = sg_table_new(out, SG_AS_TABLE, 0, one, 2);

	for (int i = 0; i < 2000; i++) {
		snprintf(number, sizeof(number), "%d", i);
		sg_table_number(t, number);
		sg_table_text(t, "x");
	}
	assert_int_equal(sg_table_end(t), 0);
	sg_table_free(t);
	fclose(out);
	assert_memory_equal(text, "  n  end\n  0  x\n", 16);
	assert_non_null(strstr(text, "\n499  x\n"));
	assert_non_null(strstr(text, "\n10…  x\n")); /* wider than what came first */
	free(text);
}

/* Whatever the number of rows: a number that lies between two of them stands at one. */
static void each_round_number_stands_once(void **state)
{
	double v[N];
	const struct sg_plot_line l = {.label = "up", .n = N, .t_ms = times, .values = v};
	const struct sg_plot p = {.from_ms = T0,
				  .to_ms = T0 + (N - 1) * 1000,
				  .step_ms = 1000,
				  .unit = "",
				  .n = 1,
				  .lines = &l};

	for (int i = 0; i < N; i++)
		v[i] = i * 80.0 / (N - 1);
	for (unsigned int rows = 8; rows < 30; rows++) {
		const struct sg_plot_style style = {.columns = 80, .rows = rows, .ascii = true};
		static const char *const numbers[] = {" 80|", " 60|", " 40|", " 20|", " 0|"};
		sg_auto_buf b = {0};

		sg_plot_render(&b, &p, &style);
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
			const char *at = strstr(b.data, numbers[i]);

			assert_non_null(at);
			assert_null(strstr(at + 1, numbers[i]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rising_line_goes_from_the_bottom_left_to_the_top_right),
		cmocka_unit_test(each_round_number_stands_once),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(without_colours_lines_have_marks_of_their_own),
		cmocka_unit_test(a_hole_is_not_drawn_over),
		cmocka_unit_test(values_that_do_not_differ_are_a_line_too),
		cmocka_unit_test(nothing_is_said_to_be_nothing),
		cmocka_unit_test(fields_of_csv_are_quoted_where_they_must_be),
		cmocka_unit_test(rows_are_objects_in_json),
		cmocka_unit_test(a_table_keeps_its_columns_and_escapes_what_is_in_them),
		cmocka_unit_test(widths_are_learned_from_the_first_rows),
	};

	return cmocka_run_group_tests_name("plot", tests, setup, NULL);
}
