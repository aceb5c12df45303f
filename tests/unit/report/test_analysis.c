// SPDX-License-Identifier: GPL-2.0
/* Documents of diff, explain and forecast over a reader in memory. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <sgprobe/analysis.h>

#include "analysis/noise.h"
#include "query/fake_reader.h"

#define T0 1700000000000LL
#define SECONDS 120
#define HALF (T0 + 60000)
#define RUNQUEUE "sched_runqueue_latency_seconds"

struct fixture {
	struct fake_reader *f;
	struct noise r;
	struct sg_buf out;
	struct sg_error err;
	json_t *doc;
};

/* n events a second about v, in the second half so many times slower. */
static void load(struct fixture *x, const char *name, const char *key, const char *value, int n,
		 double v, double factor)
{
	const char *labels[] = {key, value, NULL};
	struct fake_series *s = fake_series(x->f, SG_HISTOGRAM, name, key ? labels : NULL);
	struct sg_hist h = {0};

	fake_add_hist(s, T0, &h);
	for (int i = 1; i <= SECONDS; i++) {
		for (int k = 0; k < n; k++)
			sg_hist_observe(&h,
					v * (i > 60 ? factor : 1) * exp(.5 * noise_normal(&x->r)));
		fake_add_hist(s, T0 + i * 1000, &h);
	}
	sg_hist_free(&h);
}

/* The host's is the sum of its cgroups'; comm lacks a part of it. */
static void add_up(struct fixture *x, const char *to, const char *const *from, size_t n)
{
	struct fake_series *s = fake_series(x->f, SG_HISTOGRAM, to, NULL);

	for (int i = 0; i <= SECONDS; i++) {
		struct sg_hist h = {0};

		for (size_t k = 0; k < n; k++) {
			const char *labels[] = {"cgroup", from[k], NULL};
			struct fake_series *part =
				fake_series(x->f, SG_HISTOGRAM, "sgprobe_cgroup_" RUNQUEUE, labels);

			sg_hist_add(&h, &part->hists[i]);
		}
		fake_add_hist(s, T0 + i * 1000, &h);
		sg_hist_free(&h);
	}
}

static int setup(void **state)
{
	static const char *const cgroups[] = {"/a", "/b", "other"};
	struct fixture *x = calloc(1, sizeof(*x));

	x->f = fake_new();
	x->r.state = 31;
	load(x, "sgprobe_cgroup_" RUNQUEUE, "cgroup", "/a", 20, 1e-3, 1);
	load(x, "sgprobe_cgroup_" RUNQUEUE, "cgroup", "/b", 20, 1e-3, 6);
	load(x, "sgprobe_cgroup_" RUNQUEUE, "cgroup", "other", 5, 1e-3, 1);
	add_up(x, "sgprobe_" RUNQUEUE, cgroups, 3);
	load(x, "sgprobe_comm_" RUNQUEUE, "comm", "bash", 4, 1e-4, 1);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	json_decref(x->doc);
	sg_buf_free(&x->out);
	sg_reader_close(&x->f->reader);
	free(x);
	return 0;
}

static void take(struct fixture *x, int r)
{
	json_error_t e;

	if (r < 0)
		print_message("%s\n", x->err.msg);
	assert_int_equal(r, 0);
	json_decref(x->doc);
	x->doc = json_loadb(x->out.data, x->out.len, 0, &e);
	assert_non_null(x->doc);
	sg_buf_reset(&x->out);
}

static const struct sg_window halves[2] = {{T0, HALF}, {HALF, T0 + 120000}};

static json_t *dimension(struct fixture *x, const char *name)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(x->doc, "dimensions"), i, d)
	{
		if (strcmp(json_string_value(json_object_get(d, "dimension")), name) == 0)
			return d;
	}
	fail_msg("no dimension %s", name);
	return NULL;
}

static double share(const json_t *part, const char *measure)
{
	return json_number_value(json_object_get(json_object_get(part, "share"), measure));
}

static void explain(struct fixture *x, struct sg_explain_options o)
{
	memcpy(o.window, halves, sizeof(halves));
	take(x, sg_explain_json(&x->f->reader, &o, &x->out, &x->err));
}

static void the_slower_cgroup_is_first_and_has_it_all(void **state)
{
	struct fixture *x = *state;
	json_t *first;

	for (size_t m = 0; m < SG_MEASURES; m++) {
		explain(x, (struct sg_explain_options){.metric = "sgprobe_" RUNQUEUE,
						       .by = (enum sg_measure)m});
		first = json_array_get(json_object_get(dimension(x, "cgroup"), "parts"), 0);
		assert_string_equal(json_string_value(json_object_get(first, "value")), "/b");
		assert_true(share(first, sg_measure_names[m]) > .8);
		assert_true(json_number_value(json_object_get(first, "p")) < 1e-4);
	}
}

static void shares_of_every_dimension_add_up(void **state)
{
	struct fixture *x = *state;
	static const char *const dims[] = {"cgroup", "comm"};

	for (size_t limit = 1; limit < 6; limit++) {
		explain(x,
			(struct sg_explain_options){.metric = "sgprobe_" RUNQUEUE, .limit = limit});
		for (size_t d = 0; d < 2; d++)
			for (size_t m = 0; m < SG_MEASURES; m++) {
				json_t *dim = dimension(x, dims[d]), *p;
				double sum =
					share(json_object_get(dim, "others"), sg_measure_names[m]);
				size_t i;

				json_array_foreach(json_object_get(dim, "parts"), i, p)
				{
					sum += share(p, sg_measure_names[m]);
				}
				assert_true(fabs(sum - 1) < 1e-6);
			}
	}
}

/* One command of the host is told apart; all else is a row of its own, and says nothing. */
static void what_is_not_told_apart_is_said(void **state)
{
	struct fixture *x = *state;
	json_t *parts;

	explain(x, (struct sg_explain_options){.metric = "sgprobe_" RUNQUEUE});
	parts = json_object_get(dimension(x, "comm"), "parts");
	assert_string_equal(json_string_value(json_object_get(json_array_get(parts, 0), "value")),
			    "(not told apart)");
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(x->doc, "dimensions"), 0), "dimension")),
		"cgroup");
}

static void bad_questions_are_refused(void **state)
{
	static const struct {
		const char *metric;
		int r;
	} bad[] = {{"", -EINVAL},
		   {"sum(x)", -EINVAL},
		   {"{a=\"b\"}", -EINVAL},
		   {"sgprobe_nothing", -ENOENT},
		   {"sgprobe_load", -EINVAL},
		   {"sgprobe_cgroup_" RUNQUEUE, -ENOENT},
		   {"sgprobe_" RUNQUEUE "{x=~\"(\"}", -EINVAL}};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sg_explain_options o = {.metric = bad[i].metric};

		memcpy(o.window, halves, sizeof(halves));
		assert_int_equal(sg_explain_json(&x->f->reader, &o, &x->out, &x->err), bad[i].r);
		assert_true(x->err.msg[0]);
	}
}

static void a_time_without_anything_is_said(void **state)
{
	struct fixture *x = *state;
	struct sg_diff_options o = {.window = {{T0 - 900000, T0 - 600000}, {T0, HALF}}};

	assert_int_equal(sg_diff_json(&x->f->reader, &o, &x->out, &x->err), -ENODATA);
	o.window[0] = (struct sg_window){T0, T0 + 1000};
	assert_int_equal(sg_diff_json(&x->f->reader, &o, &x->out, &x->err), -EINVAL);
}

static void diff_lists_what_moved_and_only_that(void **state)
{
	static const char *const calls[] = {"syscall", "read", NULL};
	struct fixture *x = *state;
	struct sg_diff_options o = {0};
	struct fake_series *s =
		fake_series(x->f, SG_COUNTER, "sgprobe_syscall_errors_total", calls);
	json_t *c, *list;

	load(x, "sgprobe_tcp_connect_latency_seconds", NULL, NULL, 10, 1e-3, 1);
	for (int i = 0; i <= SECONDS; i++)
		fake_add(s, T0 + i * 1000,
			 i + (i > 60 ? 9 * (i - 60) : 0) + noise_unit(&x->r) / 10);
	memcpy(o.window, halves, sizeof(halves));
	take(x, sg_diff_json(&x->f->reader, &o, &x->out, &x->err));
	list = json_object_get(x->doc, "changes");
	assert_int_equal(json_integer_value(json_object_get(x->doc, "significant")), 2);
	assert_int_equal(json_integer_value(json_object_get(x->doc, "series")), 3);
	for (size_t i = 0; i < 2; i++) {
		c = json_array_get(list, i);
		assert_true(json_is_true(json_object_get(c, "significant")));
		if (strcmp(json_string_value(json_object_get(c, "type")), "counter") == 0)
			assert_true(fabs(json_number_value(json_object_get(c, "factor")) - 10) < 1);
	}
	assert_true(json_is_false(json_object_get(json_array_get(list, 2), "significant")));
}

static void windows_are_found(void **state)
{
	struct fixture *x = *state;
	struct sg_windows_wish wish = {.from_ms = HALF, .to_ms = T0 + 120000};
	struct sg_window w[2];

	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), 0);
	assert_true(w[0].from_ms == T0 && w[0].to_ms == HALF && w[1].from_ms == HALF);
	wish.ago_ms = 3600000;
	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), 0);
	assert_true(w[0].to_ms == T0 + 120000 - 3600000);
	wish.ago_ms = 30000;
	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), -EINVAL);
	wish.mark = "1700000030000";
	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), 0);
	assert_true(w[0].from_ms == T0 - 30000 && w[0].to_ms == T0 + 30000 &&
		    w[1].from_ms == T0 + 30000 && w[1].to_ms == T0 + 90000);
	wish.mark = "1700000119000";
	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), -EINVAL);
	wish.mark = "nonsense";
	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), -EINVAL);
	wish.mark = "deploy";
	assert_int_equal(sg_windows_find(&x->f->reader, &wish, 0, w, &x->err), -ENOENT);
}

static void a_forecast_has_its_parts(void **state)
{
	struct fixture *x = *state;
	struct fake_series *s = fake_series(x->f, SG_GAUGE, "sgprobe_file_handles", NULL);
	struct fake_series *max = fake_series(x->f, SG_GAUGE, "sgprobe_file_handles_max", NULL);
	struct sg_forecast_wish w = {.expr = "sgprobe_file_handles",
				     .from_ms = T0,
				     .to_ms = T0 + 120000,
				     .has_cross = true,
				     .cross = 1140};
	json_t *one;

	for (int i = 0; i <= SECONDS; i++) {
		fake_add(s, T0 + i * 1000, 1000 + i);
		fake_add(max, T0 + i * 1000, 1130);
	}
	take(x, sg_forecast_json(&x->f->reader, &w, &x->out, &x->err));
	one = json_array_get(json_object_get(x->doc, "series"), 0);
	assert_true(json_array_size(json_object_get(one, "points")) == 30);
	assert_true(llabs(json_integer_value(
				  json_object_get(json_object_get(one, "cross"), "likely_ms")) -
			  (T0 + 140000)) <= 2000);
	assert_true(json_array_size(json_object_get(one, "trends")) == 1);
	w.expr = NULL;
	take(x, sg_forecast_json(&x->f->reader, &w, &x->out, &x->err));
	assert_int_equal(json_array_size(json_object_get(x->doc, "resources")), 1);
	one = json_array_get(json_object_get(x->doc, "resources"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "name")), "file_handles");
	assert_true(llabs(json_integer_value(
				  json_object_get(json_object_get(one, "cross"), "likely_ms")) -
			  (T0 + 130000)) <= 2000);
	w.expr = "sgprobe_nothing";
	assert_int_equal(sg_forecast_json(&x->f->reader, &w, &x->out, &x->err), -ENOENT);
	w.expr = "sum(";
	assert_int_equal(sg_forecast_json(&x->f->reader, &w, &x->out, &x->err), -EINVAL);
	w.step_ms = 10000;
	assert_int_equal(sg_forecast_json(&x->f->reader, &w, &x->out, &x->err), -ENODATA);
}

/* Every expression of the table of resources is PromQL. */
static void resources_are_promql(void **state)
{
	struct fixture *x = *state;
	struct fake_series *s = fake_series(x->f, SG_GAUGE, "sgprobe_x", NULL);

	for (int i = 0; i <= SECONDS; i++)
		fake_add(s, T0 + i * 1000, i);
	for (size_t i = 0; i < sg_n_resources; i++)
		for (size_t k = 0; k < 2; k++) {
			struct sg_forecast_wish w = {.expr = k ? sg_resources[i].limit
							       : sg_resources[i].used,
						     .from_ms = T0,
						     .to_ms = T0 + 120000};
			int r = sg_forecast_json(&x->f->reader, &w, &x->out, &x->err);

			assert_true(r == 0 || r == -ENOENT);
			sg_buf_reset(&x->out);
		}
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_slower_cgroup_is_first_and_has_it_all),
		test(shares_of_every_dimension_add_up),
		test(what_is_not_told_apart_is_said),
		test(bad_questions_are_refused),
		test(a_time_without_anything_is_said),
		test(diff_lists_what_moved_and_only_that),
		test(windows_are_found),
		test(a_forecast_has_its_parts),
		test(resources_are_promql),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
