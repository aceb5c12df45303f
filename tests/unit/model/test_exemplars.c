// SPDX-License-Identifier: GPL-2.0
#include "make.h"

#include <errno.h>

#include <sgprobe/exemplar.h>
#include <sgprobe/frame_visit.h>

static const char *const stack[] = {"main", "serve", "do_syscall_64", "futex_wait"};

/* Two histograms and a counter; the exemplar is of both histograms. */
static struct sg_frame *frame_of_two(void)
{
	struct sg_frame *f = sg_frame_new();
	struct sg_hist h = {.count = 1, .sum = 0.25, .n = 1};
	struct sg_series a, b, c;
	struct sg_exemplar e = {.of = {0, 2},
				.n_of = 2,
				.tgid = 10,
				.tid = 11,
				.cpu = 3,
				.value = 0.25,
				.t_ms = 1700000000123,
				.comm = "comm",
				.cgroup = "some.service",
				.frames = stack,
				.n_frames = 4,
				.n_kernel = 2};

	assert_non_null(f);
	f->t_ms = 1700000001000;
	f->seq = 1;
	h.buckets = sg_arena_alloc(f->arena, sizeof(*h.buckets));
	h.buckets[0] = (struct sg_bucket){-15, 1};
	a = make_series(f->arena, SG_HISTOGRAM, "sgprobe_a_seconds", NULL);
	b = make_series(f->arena, SG_COUNTER, "sgprobe_b_total", NULL);
	c = make_series(f->arena, SG_HISTOGRAM, "sgprobe_c_seconds", "cgroup", "x", NULL);
	assert_int_equal(sg_frame_add_hist(f, &a, &h), 0);
	assert_int_equal(sg_frame_add_value(f, &b, 5), 0);
	assert_int_equal(sg_frame_add_hist(f, &c, &h), 0);
	assert_int_equal(sg_frame_add_exemplar(f, &e), 0);
	e = (struct sg_exemplar){.of = {2},
				 .n_of = 1,
				 .value = 1e-6,
				 .t_ms = 1700000000999,
				 .comm = "",
				 .cgroup = ""};
	assert_int_equal(sg_frame_add_exemplar(f, &e), 0);
	return f;
}

static void what_is_encoded_is_decoded(void **state)
{
	sg_auto(sg_frame) f = frame_of_two();
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(b.data[4], 2);
	assert_int_equal(sg_frame_decode(b.data, b.len, &g), 0);
	assert_int_equal(g->n, 3);
	assert_int_equal(g->n_exemplars, 2);
	assert_int_equal(g->exemplars[0].n_of, 2);
	assert_int_equal(g->exemplars[0].of[1], 2);
	assert_int_equal(g->exemplars[0].tid, 11);
	assert_true(g->exemplars[0].value == 0.25);
	assert_int_equal(g->exemplars[0].t_ms, 1700000000123);
	assert_string_equal(g->exemplars[0].cgroup, "some.service");
	assert_int_equal(g->exemplars[0].n_frames, 4);
	assert_string_equal(g->exemplars[0].frames[3], "futex_wait");
	assert_int_equal(g->exemplars[1].n_frames, 0);
	assert_string_equal(g->exemplars[1].comm, "");
}

static void an_exemplar_of_a_counter_is_refused(void **state)
{
	sg_auto(sg_frame) f = frame_of_two();
	sg_auto_buf b = {0};

	f->exemplars[0].of[1] = 1;
	f->exemplars[0].of[0] = 0;
	assert_int_equal(sg_frame_encode(f, &b), -EINVAL);
	assert_int_equal(b.len, 0);
	f->exemplars[0].of[1] = 3;
	assert_int_equal(sg_frame_encode(f, &b), -EINVAL);
	f->exemplars[0].of[1] = 0;
	assert_int_equal(sg_frame_encode(f, &b), -EINVAL);
}

static void without_exemplars_the_rest_is_the_same(void **state)
{
	sg_auto(sg_frame) f = frame_of_two();
	sg_auto(sg_frame) g = NULL;
	struct sg_frame_table t = {0};
	struct sg_frame_view v;
	sg_auto_buf b = {0};
	uint8_t header[SG_FRAME_HEADER_BYTES];
	int64_t n;

	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(sg_frame_view(b.data, b.len, true, &v), 0);
	assert_int_equal(sg_frame_table_update(&t, &v), 1);
	n = sg_frame_cut_exemplars(&v, &t, header);
	assert_true(n > SG_FRAME_HEADER_BYTES && n < (int64_t)b.len);
	memcpy(b.data, header, sizeof(header));
	assert_int_equal(sg_frame_decode(b.data, (size_t)n, &g), 0);
	assert_int_equal(g->n, 3);
	assert_int_equal(g->n_exemplars, 0);
	assert_true(g->samples[1].value == 5);
	sg_frame_table_free(&t);
}

/* The checksum is made right again, so that the decoder behind it is met. */
static void mend(struct sg_buf *b)
{
	uint32_t crc = sg_crc32c(0, b->data, 12);

	crc = sg_crc32c(crc, b->data + 16, b->len - 16);
	memcpy(b->data + 12, &crc, sizeof(crc));
}

static void no_changed_byte_does_harm(void **state)
{
	sg_auto(sg_frame) f = frame_of_two();
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_encode(f, &b), 0);
	for (size_t i = SG_FRAME_HEADER_BYTES; i < b.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct sg_frame *g = NULL;

			b.data[i] ^= (char)(1 << bit);
			mend(&b);
			if (sg_frame_decode(b.data, b.len, &g) == 0)
				for (size_t k = 0; k < g->n_exemplars; k++)
					assert_true(g->exemplars[k].of[0] < g->n);
			sg_frame_free(g);
			b.data[i] ^= (char)(1 << bit);
		}
}

static void no_shorter_record_is_taken(void **state)
{
	sg_auto(sg_frame) f = frame_of_two();
	sg_auto_buf b = {0};
	size_t bare = 0;

	assert_int_equal(sg_frame_encode(f, &b), 0);
	for (size_t n = b.len - 1; n > SG_FRAME_HEADER_BYTES; n--) {
		struct sg_frame *g = NULL;
		uint32_t len = (uint32_t)n;

		memcpy(b.data + 8, &len, sizeof(len));
		b.len = n;
		mend(&b);
		if (sg_frame_decode(b.data, n, &g) == 0)
			bare++; /* where the section begins: a whole frame */
		sg_frame_free(g);
	}
	assert_int_equal(bare, 1);
}

static size_t characters_of_labels(const char *json)
{
	size_t n = 0;

	for (const char *p = json; *p; p++)
		n += !strchr("{}\":,", *p) && (*p & 0xc0) != 0x80;
	return n;
}

static void labels_have_at_most_128_characters(void **state)
{
	static const char *const frames[] = {
		"a_function_with_a_name_of_some_length", "another_function_with_a_long_name_too",
		"ein_Name_mit_Umläuten_äöü_und_vielen_Zeichen", "futex_wait"};
	const struct sg_exemplar e = {
		.tgid = 4194303,
		.tid = 4194304,
		.comm = "sixteen_letters",
		.cgroup = "a-rather-long-name-of-a-unit-that-goes-on-and-on-and-on.service",
		.frames = frames,
		.n_frames = 4};
	sg_auto_buf b = {0};

	sg_exemplar_labels_json(&b, &e);
	assert_true(characters_of_labels(b.data) <= SG_EXEMPLAR_LABELS_MAX);
	assert_non_null(strstr(b.data, "\"pid\":\"4194303\""));
	assert_non_null(strstr(b.data, "futex_wait\""));
}

static void of_each_step_the_highest_is_kept(void **state)
{
	sg_auto(sg_exemplars) x = sg_exemplars_new(10000);
	struct sg_exemplar e = {.comm = "", .cgroup = "", .n_of = 1, .tid = 1};
	struct sg_series s;
	sg_auto(sg_arena) a = sg_arena_new(0);
	sg_auto_buf b = {0};

	s = make_series(a, SG_HISTOGRAM, "sgprobe_a_seconds", NULL);
	for (int i = 1; i <= 20; i++) {
		e.t_ms = i * 1000;
		e.value = i == 3 ? 9 : i == 15 ? 8 : 1;
		assert_int_equal(sg_exemplars_take(&s, &e, x), 0);
	}
	sg_exemplars_json(&b, x, false);
	assert_string_equal(
		b.data, "[{\"seriesLabels\":{\"__name__\":\"sgprobe_a_seconds\"},\"exemplars\":["
			"{\"labels\":{\"tid\":\"1\"},\"value\":\"9\",\"timestamp\":3.000},"
			"{\"labels\":{\"tid\":\"1\"},\"value\":\"8\",\"timestamp\":15.000}]}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(an_exemplar_of_a_counter_is_refused),
		cmocka_unit_test(without_exemplars_the_rest_is_the_same),
		cmocka_unit_test(no_changed_byte_does_harm),
		cmocka_unit_test(no_shorter_record_is_taken),
		cmocka_unit_test(labels_have_at_most_128_characters),
		cmocka_unit_test(of_each_step_the_highest_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
