// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <sgprobe/flame.h>

static void add(struct sg_profile *p, enum sg_profile_kind kind, const char *comm,
		const char *const *frames, size_t n, size_t n_kernel, uint64_t us)
{
	const struct sg_stack s = {.kind = kind,
				   .cgroup = "/",
				   .comm = comm,
				   .frames = frames,
				   .n = n,
				   .n_kernel = n_kernel,
				   .us = us,
				   .count = 2};

	assert_int_equal(sg_profile_add(p, &s), 0);
}

static struct sg_profile *sample(void)
{
	static const char *const one[] = {"main", "work"}, *const two[] = {"main", "read",
									   "vfs_read"};
	struct sg_profile *p = sg_profile_new(1 << 20);

	add(p, SG_PROFILE_CPU, "prog", one, 2, 0, 3000000);
	add(p, SG_PROFILE_CPU, "prog", two, 3, 1, 1000000);
	return p;
}

static void folded_lines_are_what_flamegraph_reads(void **state)
{
	sg_auto(sg_profile) p = sample();
	sg_auto_buf b = {0};

	sg_flame_folded(&b, p, false);
	assert_string_equal(b.data,
			    "/;prog;main;work 3000000\n/;prog;main;read;vfs_read_[k] 1000000\n");
	sg_buf_reset(&b);
	sg_flame_folded(&b, p, true);
	assert_memory_equal(b.data, "cpu;/;prog;", 11);
}

static void names_cannot_add_lines_or_frames(void **state)
{
	static const char *const frames[] = {"a;b\n/;x;y 99"};
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	sg_auto_buf b = {0};

	add(p, SG_PROFILE_CPU, "c;\n", frames, 1, 0, 1);
	sg_flame_folded(&b, p, false);
	assert_string_equal(b.data, "/;c__;a_b_/_x_y 99 1\n");
}

static void json_has_all_of_it(void **state)
{
	const struct sg_flame_range range = {1000, 2000};
	sg_auto(sg_profile) p = sample();
	sg_auto_buf b = {0};
	json_t *doc, *s;

	sg_flame_json(&b, p, &range);
	doc = json_loadb(b.data, b.len, 0, NULL);
	assert_non_null(doc);
	assert_int_equal(json_integer_value(json_object_get(doc, "to_ms")), 2000);
	s = json_array_get(json_object_get(doc, "stacks"), 1);
	assert_int_equal(json_array_size(json_object_get(s, "frames")), 3);
	assert_int_equal(json_integer_value(json_object_get(s, "kernel")), 1);
	assert_int_equal(json_integer_value(json_object_get(s, "us")), 1000000);
	json_decref(doc);
}

static void a_picture_has_a_rectangle_for_each_node(void **state)
{
	sg_auto(sg_profile) p = sample();
	sg_auto_buf b = {0};
	size_t n = 0;

	assert_int_equal(sg_flame_svg(&b, p, "CPU time"), 0);
	for (const char *at = b.data; (at = strstr(at, "<rect class")); at++)
		n++;
	assert_int_equal(n, 7); /* all, /, prog, main, work, read, vfs_read */
	assert_non_null(strstr(b.data, "<title>main - 4.00s, 100.00 %</title>"));
	assert_non_null(strstr(b.data, "<title>work - 3.00s, 75.00 %</title>"));
	assert_non_null(strstr(b.data, "<title>vfs_read_[k] - 1.00s, 25.00 %</title>"));
	assert_non_null(strstr(b.data, "data-x=\"0.250000000\" data-w=\"0.750000000\""));
}

static void a_hostile_name_stays_text(void **state)
{
	static const char *const frames[] = {"</title><script>alert(1)</script>", "\" onload=\"x",
					     "]]>&\x01"};
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	sg_auto_buf b = {0};
	const char *body;

	add(p, SG_PROFILE_CPU, "<b>", frames, 3, 0, 1000);
	assert_int_equal(sg_flame_svg(&b, p, "<i>\"'&"), 0);
	assert_null(strstr(b.data, "<b>"));
	assert_null(strstr(b.data, "<i>"));
	assert_null(strstr(b.data, "alert(1)<"));
	assert_null(strstr(b.data, "\" onload"));
	assert_null(strchr(b.data, 1));
	body = strstr(b.data, "<script>");
	assert_non_null(body);
	assert_null(strstr(body + 1, "<script>")); /* its own is the only one */
	assert_non_null(strstr(body, "]]></script>"));
	assert_null(strstr(strstr(body, "]]>") + 1, "]]>"));
}

static void both_kinds_are_told_apart_and_nothing_is_no_picture(void **state)
{
	static const char *const frames[] = {"main"};
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	sg_auto_buf b = {0};

	assert_int_equal(sg_flame_svg(&b, p, "t"), -ENODATA);
	add(p, SG_PROFILE_CPU, "c", frames, 1, 0, 5);
	add(p, SG_PROFILE_OFFCPU, "c", frames, 1, 0, 5);
	assert_int_equal(sg_flame_svg(&b, p, "t"), 0);
	assert_non_null(strstr(b.data, "<title>waiting - "));
	assert_non_null(strstr(b.data, "<title>CPU - "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_lines_are_what_flamegraph_reads),
		cmocka_unit_test(names_cannot_add_lines_or_frames),
		cmocka_unit_test(json_has_all_of_it),
		cmocka_unit_test(a_picture_has_a_rectangle_for_each_node),
		cmocka_unit_test(a_hostile_name_stays_text),
		cmocka_unit_test(both_kinds_are_told_apart_and_nothing_is_no_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
