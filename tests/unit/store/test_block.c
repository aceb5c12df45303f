// SPDX-License-Identifier: GPL-2.0
/* Packing frames: they come out as they went in, and garbage does no harm. */
#include "harness.h"
#include "store/block.h"

#define FRAMES 50

struct frames {
	uint8_t *p[FRAMES];
	size_t n[FRAMES];
};

static void make(struct frames *f, unsigned int seed)
{
	srand48(seed);
	for (int i = 0; i < FRAMES; i++) {
		f->n[i] = SG_FRAME_HEADER_BYTES + (size_t)(lrand48() % 3000);
		f->p[i] = malloc(f->n[i]);
		for (size_t k = 0; k < f->n[i]; k++) /* long starts alike, then noise */
			f->p[i][k] = k < 1000 + (size_t)i ? (uint8_t)k : (uint8_t)lrand48();
	}
}

static int add(struct sg_block_writer *w, const struct frames *f, int i, uint32_t source)
{
	size_t tables = (f->n[i] - SG_FRAME_HEADER_BYTES) / 2;

	return sg_block_add(w, f->p[i], f->p[i], f->n[i], tables, source);
}

static void release(struct frames *f)
{
	for (int i = 0; i < FRAMES; i++)
		free(f->p[i]);
}

static void frames_come_out_as_they_went_in(void **state)
{
	struct sg_block_reader r = {0};

	for (unsigned int seed = 0; seed < 20; seed++) {
		struct sg_block_writer w = {0};
		sg_auto_buf packed = {0}, raw = {0};
		struct frames f;
		const uint8_t *p;
		size_t n;

		make(&f, seed);
		for (int i = 0; i < FRAMES; i++)
			assert_int_equal(add(&w, &f, i, (uint32_t)i % 3), 0);
		assert_int_equal(w.n_frames, FRAMES);
		assert_int_equal(sg_block_finish(&w), 0);
		assert_int_equal(sg_block_pack(w.raw.data, w.raw.len, &packed), 0);
		assert_int_equal(sg_block_unpack(packed.data, packed.len, w.raw.len, &raw), 0);
		assert_int_equal(sg_block_start(&r, raw.data, raw.len), 0);
		for (int i = 0; i < FRAMES; i++) {
			assert_int_equal(sg_block_next(&r, &p, &n), 1);
			assert_int_equal(n, f.n[i]);
			assert_memory_equal(p, f.p[i], n);
		}
		assert_int_equal(sg_block_next(&r, &p, &n), 0);
		sg_block_writer_free(&w);
		release(&f);
	}
	sg_block_reader_free(&r);
}

static void a_block_cut_anywhere_ends_without_harm(void **state)
{
	struct sg_block_reader r = {0};
	struct sg_block_writer w = {0};
	struct frames f;
	const uint8_t *p;
	size_t n;

	make(&f, 1);
	for (int i = 0; i < 5; i++)
		add(&w, &f, i, 0);
	assert_int_equal(sg_block_finish(&w), 0);
	for (size_t cut = 0; cut < w.raw.len; cut += 3) {
		sg_auto_free uint8_t *copy = malloc(cut + 1); /* exactly so much: for ASan */
		int e;

		memcpy(copy, w.raw.data, cut);
		e = sg_block_start(&r, copy, cut);
		while (!e && (e = sg_block_next(&r, &p, &n)) > 0)
			e = 0;
		assert_true(e == 0 || e == -EBADMSG);
	}
	sg_block_reader_free(&r);
	sg_block_writer_free(&w);
	release(&f);
}

static void noise_is_no_block(void **state)
{
	struct sg_block_reader r = {0};
	sg_auto_buf out = {0};
	uint8_t junk[600];
	const uint8_t *p;
	size_t n;

	srand48(3);
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (uint8_t)lrand48();
		junk[0] = 0xff; /* a length that fits, then a record that might be one */
		junk[1] &= 3;
		junk[2] &= 7;
		junk[3] = (uint8_t)(64 + i % 64);
		junk[4] = 0;
		if (sg_block_start(&r, junk, sizeof(junk)) == 0)
			while (sg_block_next(&r, &p, &n) > 0)
				;
		assert_int_equal(sg_block_unpack(junk, sizeof(junk), 1000, &out), -EBADMSG);
	}
	assert_int_equal(sg_block_unpack(junk, sizeof(junk), SIZE_MAX, &out), -EBADMSG);
	sg_block_reader_free(&r);
}

static void a_shared_start_without_a_frame_before_is_refused(void **state)
{
	struct sg_block_reader r = {0};
	uint8_t raw[1 + 4 + 64] = {68, 2, 100, 36, 36};
	const uint8_t *p;
	size_t n;

	assert_int_equal(sg_block_start(&r, raw, sizeof(raw)), 0);
	assert_int_equal(sg_block_next(&r, &p, &n), -EBADMSG);
	sg_block_reader_free(&r);
}

static void varints_round_trip(void **state)
{
	const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
	static const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	const uint8_t *p = over;
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		sg_auto_buf b = {0};

		sg_put_varint(&b, values[i]);
		p = (const uint8_t *)b.data;
		assert_int_equal(sg_get_varint(&p, p + b.len, &v), 0);
		assert_true(v == values[i] && p == (const uint8_t *)b.data + b.len);
		p = (const uint8_t *)b.data;
		assert_int_equal(sg_get_varint(&p, p + b.len - 1, &v), -EBADMSG);
	}
	p = over;
	assert_int_equal(sg_get_varint(&p, over + sizeof(over), &v), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_as_they_went_in),
		cmocka_unit_test(a_block_cut_anywhere_ends_without_harm),
		cmocka_unit_test(noise_is_no_block),
		cmocka_unit_test(a_shared_start_without_a_frame_before_is_refused),
		cmocka_unit_test(varints_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
