// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>

#include "make.h"

#include <sgprobe/file.h>

#define GOLDEN "tests/data/frame-v1.sgf"

static void encode(const struct sg_frame *f, struct sg_buf *b)
{
	assert_int_equal(sg_frame_encode(f, b), 0);
	assert_int_equal(b->err, 0);
}

static struct sg_frame *decode(const struct sg_buf *b)
{
	struct sg_frame *f = NULL;

	assert_int_equal(sg_frame_decode(b->data, b->len, &f), 0);
	return f;
}

static void a_frame_comes_out_as_it_went_in(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		struct random r = {i};
		sg_auto(sg_frame) f = make_frame(&r);
		sg_auto(sg_frame) g = NULL;
		sg_auto_buf b = {0};

		encode(f, &b);
		g = decode(&b);
		assert_same_frame(f, g);
	}
}

static void an_empty_frame_is_a_frame(void **state)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};

	encode(f, &b);
	assert_int_equal(b.len, SG_FRAME_HEADER_BYTES + 1);
	g = decode(&b);
	assert_same_frame(f, g);
}

static void encoding_appends(void **state)
{
	struct random r = {5};
	sg_auto(sg_frame) f = make_frame(&r);
	sg_auto_buf b = {0};
	size_t one;

	encode(f, &b);
	one = b.len;
	encode(f, &b);
	assert_int_equal(b.len, 2 * one);
	assert_memory_equal(b.data, b.data + one, one);
	assert_int_equal(sg_frame_peek(b.data, b.len), (int64_t)one);
	assert_int_equal(sg_frame_peek(b.data + one, one), (int64_t)one);
}

static void the_golden_frame_of_version_1_decodes_for_ever(void **state)
{
	struct random r = {7};
	sg_auto(sg_frame) f = make_frame(&r);
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};

	assert_int_equal(sg_read_file(GOLDEN, SG_FRAME_MAX_BYTES, &b), 0);
	g = decode(&b);
	assert_same_frame(f, g);
}

static void the_header_alone_can_be_read(void **state)
{
	struct random r = {8};
	sg_auto(sg_frame) f = make_frame(&r);
	struct sg_frame h;
	sg_auto_buf b = {0};

	encode(f, &b);
	assert_int_equal(sg_frame_decode_header(b.data, SG_FRAME_HEADER_BYTES, &h), 0);
	assert_int_equal(h.n, f->n);
	assert_int_equal(h.t_ms, f->t_ms);
	assert_int_equal(h.seq, f->seq);
	assert_null(h.samples);
	assert_int_equal(sg_frame_decode_header(b.data, SG_FRAME_HEADER_BYTES - 1, &h), -EBADMSG);
	assert_int_equal(sg_frame_peek(b.data, SG_FRAME_HEADER_BYTES - 1), 0);
	assert_int_equal(sg_frame_peek("", 0), 0);
}

static void a_newer_version_is_told_from_rubbish(void **state)
{
	struct random r = {9};
	sg_auto(sg_frame) f = make_frame(&r);
	struct sg_frame *g = NULL, h;
	sg_auto_buf b = {0};

	encode(f, &b);
	b.data[4] = SG_FRAME_VERSION + 1;
	assert_int_equal(sg_frame_peek(b.data, b.len), -EPROTONOSUPPORT);
	assert_int_equal(sg_frame_decode(b.data, b.len, &g), -EPROTONOSUPPORT);
	assert_int_equal(sg_frame_decode_header(b.data, b.len, &h), -EPROTONOSUPPORT);
	b.data[4] = 0;
	assert_int_equal(sg_frame_peek(b.data, b.len), -EBADMSG);
	b.data[0] = 'X';
	assert_int_equal(sg_frame_peek(b.data, b.len), -EBADMSG);
	assert_null(g);
}

/* ---- what is not encoded --------------------------------------------------------------- */

static int encode_hist(double count, double sum, struct sg_bucket *buckets, uint32_t n)
{
	sg_auto(sg_frame) f = sg_frame_new();
	struct sg_series s = make_series(f->arena, SG_HISTOGRAM, "x", NULL);
	struct sg_hist h = {.count = count, .sum = sum, .n = n, .buckets = buckets};
	sg_auto_buf b = {0};
	int r;

	sg_buf_str(&b, "kept");
	assert_int_equal(sg_frame_add_hist(f, &s, &h), 0);
	r = sg_frame_encode(f, &b);
	if (r < 0)
		assert_string_equal(b.data, "kept");
	return r;
}

static void histograms_that_do_not_add_up_are_not_encoded(void **state)
{
	struct sg_bucket good[] = {{-1, 2}, {5, 3}}, half[] = {{1, 0.5}};
	struct sg_bucket negative[] = {{1, -1}, {2, 2}}, none[] = {{1, NAN}};
	struct sg_bucket unsorted[] = {{2, 1}, {1, 1}}, twice[] = {{1, 1}, {1, 1}};
	struct sg_bucket zero[] = {{1, 0}}, far[] = {{SG_HIST_INDEX_MAX + 1, 1}};

	assert_int_equal(encode_hist(5, 0.5, good, 2), 0);
	assert_int_equal(encode_hist(0, 0, NULL, 0), 0);
	assert_int_equal(encode_hist(6, 0.5, good, 2), -EINVAL);
	assert_int_equal(encode_hist(5, NAN, good, 2), -EINVAL);
	assert_int_equal(encode_hist(0.5, 1, half, 1), -EINVAL);
	assert_int_equal(encode_hist(1, 1, negative, 2), -EINVAL);
	assert_int_equal(encode_hist(NAN, 1, none, 1), -EINVAL);
	assert_int_equal(encode_hist(2, 1, unsorted, 2), -EINVAL);
	assert_int_equal(encode_hist(2, 1, twice, 2), -EINVAL);
	assert_int_equal(encode_hist(0, 1, zero, 1), -EINVAL);
	assert_int_equal(encode_hist(1, 1, far, 1), -EINVAL);
	assert_int_equal(encode_hist(-1, 1, NULL, 0), -EINVAL);
}

static void a_counter_is_finite_and_a_gauge_need_not_be(void **state)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto(sg_frame) g = NULL;
	struct sg_series gauge = make_series(f->arena, SG_GAUGE, "g", NULL);
	struct sg_series counter = make_series(f->arena, SG_COUNTER, "c", NULL);
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_add_value(f, &gauge, -INFINITY), 0);
	encode(f, &b);
	g = decode(&b);
	assert_true(g->samples[0].value == -INFINITY);
	assert_int_equal(sg_frame_add_value(f, &counter, NAN), 0);
	assert_int_equal(sg_frame_encode(f, &b), -EINVAL);
}

static void a_series_twice_is_not_encoded(void **state)
{
	sg_auto(sg_frame) f = sg_frame_new();
	struct sg_series s = make_series(f->arena, SG_GAUGE, "g", "a", "b", NULL);
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_add_value(f, &s, 1), 0);
	assert_int_equal(sg_frame_add_value(f, &s, 2), 0);
	assert_int_equal(sg_frame_encode(f, &b), -EINVAL);
}

static void a_frame_holds_so_many_samples_and_no_more(void **state)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};
	struct sg_series s;

	for (size_t i = 0; i < SG_FRAME_MAX_SAMPLES; i++) {
		s = make_series(f->arena, SG_COUNTER, "x", "i", sg_arena_printf(f->arena, "%zu", i),
				NULL);
		assert_int_equal(sg_frame_add_value(f, &s, (double)i), 0);
	}
	assert_int_equal(sg_frame_add_value(f, &s, 0), -ENOSPC);
	encode(f, &b);
	g = decode(&b);
	assert_same_frame(f, g);
}

static void a_frame_has_so_many_bytes_and_no_more(void **state)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf b = {0};
	char *value = sg_arena_alloc(f->arena, SG_LABEL_VALUE_MAX + 1);

	for (unsigned i = 0; i < 40000; i++) {
		char *v = sg_arena_printf(f->arena, "%0*u", SG_LABEL_VALUE_MAX, i);
		struct sg_series s = make_series(f->arena, SG_COUNTER, "x", "i", v, NULL);

		assert_int_equal(sg_frame_add_value(f, &s, 1), 0);
	}
	assert_non_null(value);
	assert_int_equal(sg_frame_encode(f, &b), -EMSGSIZE);
	assert_int_equal(b.len, 0);
}

static void a_frame_can_be_used_again(void **state)
{
	struct random r = {10};
	sg_auto(sg_frame) f = make_frame(&r);
	struct sg_sample *samples = f->samples;
	struct sg_series s;

	sg_frame_reset(f);
	assert_int_equal(f->n, 0);
	s = make_series(f->arena, SG_GAUGE, "again", NULL);
	assert_int_equal(sg_frame_add_value(f, &s, 1), 0);
	assert_ptr_equal(f->samples, samples);
	sg_frame_free(NULL);
}

static void numbers_take_few_bytes(void **state)
{
	static const struct {
		double v;
		size_t bytes;
	} table[] = {{0, 1},   {1, 1},	      {-3, 1},		 {1000, 2},
		     {0.5, 5}, {12345e-9, 3}, {12345 * 1e-9, 3}, {1.0 / 3, 9},
		     {-0.0, 9}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		sg_auto(sg_frame) f = sg_frame_new();
		struct sg_series s = make_series(f->arena, SG_GAUGE, "x", NULL);
		sg_auto_buf b = {0};

		assert_int_equal(sg_frame_add_value(f, &s, table[i].v), 0);
		encode(f, &b);
		assert_int_equal(b.len - SG_FRAME_HEADER_BYTES - 5, table[i].bytes);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_comes_out_as_it_went_in),
		cmocka_unit_test(an_empty_frame_is_a_frame),
		cmocka_unit_test(encoding_appends),
		cmocka_unit_test(the_golden_frame_of_version_1_decodes_for_ever),
		cmocka_unit_test(the_header_alone_can_be_read),
		cmocka_unit_test(a_newer_version_is_told_from_rubbish),
		cmocka_unit_test(histograms_that_do_not_add_up_are_not_encoded),
		cmocka_unit_test(a_counter_is_finite_and_a_gauge_need_not_be),
		cmocka_unit_test(a_series_twice_is_not_encoded),
		cmocka_unit_test(a_frame_holds_so_many_samples_and_no_more),
		cmocka_unit_test(a_frame_has_so_many_bytes_and_no_more),
		cmocka_unit_test(a_frame_can_be_used_again),
		cmocka_unit_test(numbers_take_few_bytes),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
