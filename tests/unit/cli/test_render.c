// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cli/metrics.h"
#include "cli/promhist.h"
#include "cli/render.h"

static struct sg_heat heat(size_t n)
{
	struct sg_heat h = {
		.name = "sgprobe_x_seconds", .unit = "seconds", .step_ms = 1000, .n = n};

	h.columns = calloc(n, sizeof(*h.columns));
	return h;
}

static void see(struct sg_heat *h, size_t column, double seconds, int times)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(sg_hist_observe(&h->columns[column], seconds), 0);
}

static void an_empty_map_says_so(void **state)
{
	const struct sg_heat_style style = {80, 24, SG_MONO};
	struct sg_heat h = heat(60);
	sg_auto_buf b = {0};

	sg_heat_render(&b, &h, &style);
	assert_non_null(strstr(b.data, "nothing happened"));
	sg_heat_free(&h);
}

static void slow_is_above_fast_and_dense_is_darker(void **state)
{
	const struct sg_heat_style style = {40, 12, SG_MONO};
	struct sg_heat h = heat(3);
	sg_auto_buf b = {0};
	const char *slow, *fast;

	see(&h, 0, 1.0, 1);
	see(&h, 1, 0.001, 1000);
	sg_heat_render(&b, &h, &style);
	slow = strchr(b.data, ':');
	assert_non_null(slow);
	fast = strchr(b.data, '@');
	assert_non_null(fast);
	assert_true(slow < fast);
	assert_null(strchr(b.data, '\033'));
	assert_non_null(strstr(b.data, "p99"));
	sg_heat_free(&h);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	for (unsigned int columns = 20; columns < 120; columns += 7) {
		const struct sg_heat_style style = {columns, 10, SG_MONO};
		struct sg_heat h = heat(500);
		sg_auto_buf b = {0};
		char *save = NULL;
		int row = 0;

		for (size_t c = 0; c < h.n; c++)
			see(&h, c, 1e-6 * (double)(c + 1), 3);
		sg_heat_render(&b, &h, &style);
		for (char *l = strtok_r(b.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			if (row++ > 0 && strncmp(l, "1.50k", 5) != 0) /* the map itself */
				assert_true(strlen(l) <=
					    columns + 1); /* the micro sign has two bytes */
		assert_true(row <= 12);
		sg_heat_free(&h);
	}
}

static void colours_are_of_the_depth_asked_for(void **state)
{
	sg_auto_buf b = {0};

	sg_color(&b, SG_MONO, true, 0.5);
	assert_int_equal(b.len, 0);
	sg_color(&b, SG_TRUE, true, 0);
	assert_string_equal(b.data, "\033[48;2;68;1;84m");
	sg_buf_reset(&b);
	sg_color(&b, SG_256, false, 2.0);
	assert_non_null(strstr(b.data, "\033[38;5;"));
}

static void text_is_aligned_by_characters_not_bytes(void **state)
{
	sg_auto_buf b = {0};

	sg_put_right(&b, "1\xc2\xb5s", 5);
	assert_string_equal(b.data, "  1\xc2\xb5s");
}

static void a_documents_columns_land_at_their_time(void **state)
{
	struct sg_heat h = heat(10);
	json_t *doc = json_loads("{\"name\":\"a\",\"unit\":\"bytes\",\"columns\":"
				 "[[3000,2,0.5,[[-8,1],[0,1]]],[99000,1,1,[[0,1]]]]}",
				 0, NULL);

	assert_int_equal(sg_heat_parse(&h, doc), 0);
	assert_string_equal(h.unit, "bytes");
	assert_true(h.columns[2].count == 2); /* (2000, 3000] */
	assert_int_equal(h.columns[2].n, 2);
	json_decref(doc);
	doc = json_loads("{\"columns\":[[3000,2,0.5,[[99999,1]]]]}", 0, NULL);
	assert_int_equal(sg_heat_parse(&h, doc), -EBADMSG);
	json_decref(doc);
	doc = json_loads("{\"columns\":7}", 0, NULL);
	assert_int_equal(sg_heat_parse(&h, doc), -EBADMSG);
	json_decref(doc);
	sg_heat_free(&h);
}

static void prometheus_histograms_come_back_as_they_were(void **state)
{
	json_t *o = json_loads(
		"{\"count\":\"3\",\"sum\":\"1.5\",\"buckets\":[[0,\"0.5\",\"0.5452538663326288\",\"1\"],"
		"[0,\"0.9170040432046712\",\"1\",\"2\"]]}",
		0, NULL);
	struct sg_hist h;

	assert_int_equal(sg_promhist_parse(&h, o), 0);
	assert_true(h.count == 3 && h.sum == 1.5);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.buckets[0].index, -7);
	assert_int_equal(h.buckets[1].index, 0);
	sg_hist_free(&h);
	json_decref(o);
	o = json_loads("{\"count\":3}", 0, NULL);
	assert_int_equal(sg_promhist_parse(&h, o), -EBADMSG);
	json_decref(o);
}

static void a_probe_is_found_by_its_name_or_a_part_of_it(void **state)
{
	static const char *const ways[] = {"sgprobe_sched_runqueue_latency_seconds",
					   "sched_runqueue_latency_seconds",
					   "sched_runqueue_latency", "runqueue"};
	struct sg_error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		sg_auto_buf b = {0};

		assert_int_equal(sg_metric_resolve(ways[i], &b, &err), 0);
		assert_string_equal(b.data, "sgprobe_sched_runqueue_latency_seconds");
	}
}

static void a_selector_is_taken_as_it_is_and_nonsense_is_not_found(void **state)
{
	struct sg_error err = {0};
	sg_auto_buf b = {0};

	assert_int_equal(sg_metric_resolve("a{b=\"c\"}", &b, &err), 0);
	assert_string_equal(b.data, "a{b=\"c\"}");
	assert_int_equal(sg_metric_resolve("nonsense", &b, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "sgprobe_sched_oncpu_seconds"));
	assert_int_equal(sg_metric_resolve("latency", &b, &err), -EINVAL);
}

static void a_short_name_may_have_labels(void **state)
{
	struct sg_error err = {0};
	sg_auto_buf b = {0};

	assert_int_equal(sg_metric_resolve("irq_hardirq{irq=\"5\",name=\"a{b\"}", &b, &err), 0);
	assert_string_equal(b.data, "sgprobe_irq_hardirq_seconds{irq=\"5\",name=\"a{b\"}");
}

static void sizes_have_their_own_units_and_never_seconds(void **state)
{
	const struct sg_heat_style style = {60, 12, SG_MONO};
	struct sg_heat h = heat(3);
	sg_auto_buf b = {0};

	strcpy(h.name, "sgprobe_x_bytes");
	strcpy(h.unit, "bytes");
	see(&h, 0, 4096, 200);
	see(&h, 1, 3 << 20, 1);
	sg_heat_render(&b, &h, &style);
	assert_non_null(strstr(b.data, "p50 3.83KiB"));
	assert_non_null(strstr(b.data, "max 3.08MiB"));
	assert_null(strstr(b.data, "ms"));
	sg_buf_reset(&b);
	strcpy(h.unit, "");
	sg_heat_render(&b, &h, &style);
	assert_non_null(strstr(b.data, "p50 3.92k"));
	assert_null(strstr(b.data, "B"));
	sg_heat_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_says_so),
		cmocka_unit_test(slow_is_above_fast_and_dense_is_darker),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(colours_are_of_the_depth_asked_for),
		cmocka_unit_test(text_is_aligned_by_characters_not_bytes),
		cmocka_unit_test(a_documents_columns_land_at_their_time),
		cmocka_unit_test(prometheus_histograms_come_back_as_they_were),
		cmocka_unit_test(a_probe_is_found_by_its_name_or_a_part_of_it),
		cmocka_unit_test(a_selector_is_taken_as_it_is_and_nonsense_is_not_found),
		cmocka_unit_test(a_short_name_may_have_labels),
		cmocka_unit_test(sizes_have_their_own_units_and_never_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
