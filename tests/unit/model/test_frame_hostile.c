// SPDX-License-Identifier: GPL-2.0
// Frames from somebody who means harm: wrong, but with a checksum that is right.
#include <errno.h>
#include <math.h>

#include "make.h"

#include "model/wire.h"
#include <sgprobe/frame_visit.h>

static void seal(uint8_t *p, size_t n)
{
	uint32_t crc = sg_crc32c(0, p, WIRE_CRC);

	wire_put_u32(p + WIRE_CRC, sg_crc32c(crc, p + WIRE_FLAGS, n - WIRE_FLAGS));
}

static void sample_record(unsigned seed, struct sg_buf *b)
{
	struct random r = {seed};
	sg_auto(sg_frame) f = make_frame(&r);

	assert_int_equal(sg_frame_encode(f, b), 0);
}

/* A frame is decoded or refused, and when decoded it can be encoded and read again. */
static int try(const void *p, size_t n)
{
	sg_auto(sg_frame) f = NULL;
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};
	int r = sg_frame_decode(p, n, &f);

	if (r < 0) {
		assert_null(f);
		return r;
	}
	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(sg_frame_decode(b.data, b.len, &g), 0);
	assert_same_frame(f, g);
	return 0;
}

/* In memory of exactly that size, so that a read past the end is seen by the sanitizer. */
static int try_exact(const void *p, size_t n)
{
	sg_auto_free char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	return try(copy, n);
}

static void cut_at_every_byte_it_is_refused(void **state)
{
	sg_auto_buf b = {0};

	sample_record(1, &b);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(try_exact(b.data, n), -EBADMSG);
	assert_int_equal(try_exact(b.data, b.len), 0);
	sg_buf_char(&b, 0);
	assert_int_equal(try_exact(b.data, b.len), -EBADMSG);
}

static void cut_and_sealed_again_it_is_refused(void **state)
{
	sg_auto_buf b = {0};

	sample_record(2, &b);
	for (size_t n = WIRE_BODY; n < b.len; n++) {
		sg_auto_free uint8_t *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, b.data, n);
		wire_put_u32(copy + WIRE_TOTAL_LEN, (uint32_t)n);
		seal(copy, n);
		assert_int_equal(try(copy, n), -EBADMSG);
	}
}

static void every_flipped_bit_is_seen(void **state)
{
	sg_auto_buf b = {0};

	sample_record(3, &b);
	for (size_t i = 0; i < b.len * 8; i++) {
		int r;

		b.data[i / 8] ^= 1 << i % 8;
		r = try_exact(b.data, b.len);
		assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
		b.data[i / 8] ^= 1 << i % 8;
	}
}

static void any_byte_changed_and_sealed_again_does_no_harm(void **state)
{
	struct random r = {4};
	sg_auto_buf b = {0};

	sample_record(4, &b);
	for (size_t i = WIRE_FLAGS; i < b.len; i++)
		for (unsigned k = 0; k < 8; k++) {
			char old = b.data[i];

			b.data[i] = (char)rnd(&r);
			seal((uint8_t *)b.data, b.len);
			try_exact(b.data, b.len);
			b.data[i] = old;
		}
}

/* ---- one thing wrong at a time ---------------------------------------------------------- */

struct record {
	uint8_t bytes[512];
	size_t n;
};

static void put(struct record *rec, const void *p, size_t n)
{
	memcpy(rec->bytes + rec->n, p, n);
	rec->n += n;
}

/* A record of these tables and samples, otherwise right. */
static int try_body(uint32_t series, const void *tables, size_t n, const void *samples, size_t m)
{
	struct record rec = {.n = WIRE_BODY};

	put(&rec, tables, n);
	put(&rec, samples, m);
	wire_put_u32(rec.bytes, WIRE_MAGIC);
	wire_put_u16(rec.bytes + WIRE_VERSION, 1);
	wire_put_u16(rec.bytes + WIRE_HEADER_LEN, WIRE_BODY);
	wire_put_u32(rec.bytes + WIRE_TOTAL_LEN, (uint32_t)rec.n);
	wire_put_u32(rec.bytes + WIRE_N_SAMPLES, series);
	wire_put_u32(rec.bytes + WIRE_TABLES_LEN, (uint32_t)n);
	seal(rec.bytes, rec.n);
	return try_exact(rec.bytes, rec.n);
}

#define BODY(series, tables, samples)                                                              \
	try_body(series, tables, sizeof(tables) - 1, samples, sizeof(samples) - 1)
/* Strings: 0 "x" (a name), 1 "a", 2 "b". Head of a series: labels << 2 | type. */
#define TEXTS                                                                                      \
	"\x03\x01x\x01"                                                                            \
	"a\x01"                                                                                    \
	"b"

static void tables_are_checked(void **state)
{
	assert_int_equal(BODY(1, TEXTS "\x00\x00", "\x00"), 0);
	assert_int_equal(BODY(1, TEXTS "\x04\x00\x01\x02", "\x00"), 0);
	assert_int_equal(BODY(2, TEXTS "\x00\x00\x00\x00", "\x00\x00"), -EBADMSG); /* twice */
	assert_int_equal(BODY(2, TEXTS "\x00\x00\x01\x00", "\x00\x00"), -EBADMSG); /* other type */
	assert_int_equal(BODY(1, TEXTS "\x03\x00", "\x00"), -EBADMSG); /* no such type */
	assert_int_equal(BODY(1, TEXTS "\x00\x03", "\x00"), -EBADMSG); /* no such text */
	assert_int_equal(BODY(1, TEXTS "\x44\x00\x01\x02", "\x00"), -EBADMSG); /* 17 labels */
	assert_int_equal(BODY(1, TEXTS "\x08\x00\x01\x02\x01\x02", "\x00"), -EBADMSG); /* a, a */
	assert_int_equal(BODY(1, TEXTS "\x08\x00\x02\x01\x01\x01", "\x00"), -EBADMSG); /* b, a */
	assert_int_equal(BODY(1, TEXTS "\x08\x00\x01\x01\x02\x01", "\x00"), 0); /* a, b */
	assert_int_equal(BODY(1, TEXTS "\x00\x00\x00", "\x00"), -EBADMSG); /* left over */
	assert_int_equal(BODY(1, TEXTS "\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", "\x00"),
			 -EBADMSG);
}

static void strings_are_checked(void **state)
{
	assert_int_equal(BODY(1, "\x01\x01x\x00\x00", "\x00"), 0);
	assert_int_equal(BODY(1, "\x02\x01x\x00\x00\x00", "\x00"), -EBADMSG); /* empty */
	assert_int_equal(BODY(1, "\x02\x01x\x01\xff\x00\x00", "\x00"), -EBADMSG); /* no UTF-8 */
	assert_int_equal(BODY(1,
			      "\x02\x01x\x02"
			      "a\0\x00\x00",
			      "\x00"),
			 -EBADMSG); /* a NUL */
	assert_int_equal(BODY(1, "\x01\x01-\x00\x00", "\x00"), -EBADMSG); /* no name */
	assert_int_equal(BODY(1, "\x02\x01x\x01-\x04\x00\x01\x00", "\x00"), -EBADMSG);
	assert_int_equal(BODY(1, "\x02\x01x\x01-\x04\x00\x00\x01", "\x00"), 0);
	assert_int_equal(BODY(1, "\xff\xff\xff\xff\x0f\x01x\x00\x00", "\x00"), -EBADMSG);
	assert_int_equal(BODY(1, "\x01\xff\x01x\x00\x00", "\x00"), -EBADMSG);
}

static void samples_are_checked(void **state)
{
#define HIST(bytes) BODY(1, "\x01\x01x\x02\x00", bytes)
	assert_int_equal(HIST("\x00\x00\x00"), 0);
	assert_int_equal(HIST("\x03\x00\x02\x01\x01\x02\x02"), 0);
	assert_int_equal(HIST("\x04\x00\x02\x01\x01\x02\x02"), -EBADMSG); /* does not add up */
	assert_int_equal(HIST("\x02\x00\x02\x01\x01\x02"), -EBADMSG); /* cut */
	assert_int_equal(HIST("\x02\x00\x02\x01\x01\x00\x01"), -EBADMSG); /* same index */
	assert_int_equal(HIST("\x02\x00\x02\x01\x01\x01\x01"), -EBADMSG); /* falling index */
	assert_int_equal(HIST("\x01\x00\x02\x01\x01\x02\x00"), -EBADMSG); /* empty bucket */
	assert_int_equal(HIST("\x01\x00\x01\x80\x10\x01"), 0); /* index 1024 */
	assert_int_equal(HIST("\x01\x00\x01\x82\x10\x01"), -EBADMSG); /* index 1025 */
	assert_int_equal(HIST("\x01\x00\x01\xff\x0f\x01"), 0); /* index -1024 */
	assert_int_equal(HIST("\x00\x02\x00\x00\x00\x00\x00\x00\xf8\x7f\x00"), -EBADMSG); /* NaN */
	assert_int_equal(HIST("\x00\x00\xff\xff\xff\xff\x0f"), -EBADMSG);
	assert_int_equal(HIST("\x00\x06\x00"), -EBADMSG); /* a number with a tail that it has not */
	assert_int_equal(HIST("\x00\x00\x00\x00"), -EBADMSG); /* left over */
	assert_int_equal(BODY(1, "\x01\x01x\x00\x00", "\x02\x00\x00\x00\x00\x00\x00\xf0\x7f"),
			 -EBADMSG); /* an infinite counter */
	assert_int_equal(BODY(1, "\x01\x01x\x01\x00", "\x02\x00\x00\x00\x00\x00\x00\xf0\x7f"), 0);
	assert_int_equal(BODY(2, "\x01\x01x\x01\x00", "\x00"), -EBADMSG);
	assert_int_equal(BODY(65537, "\x01\x01x\x01\x00", "\x00"), -EBADMSG);
}

static void a_varint_has_64_bits_and_no_more(void **state)
{
	assert_int_equal(BODY(1, "\x01\x01x\x01\x00", "\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
			 0);
	assert_int_equal(BODY(1, "\x01\x01x\x01\x00", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"),
			 -EBADMSG);
	assert_int_equal(
		BODY(1, "\x01\x01x\x01\x00", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
		-EBADMSG);
}

static void the_header_is_checked(void **state)
{
	static const struct {
		unsigned at, size;
		uint64_t v;
	} table[] = {
		{WIRE_HEADER_LEN, 2, 63},
		{WIRE_HEADER_LEN, 2, 65},
		{WIRE_TOTAL_LEN, 4, 0},
		{WIRE_TOTAL_LEN, 4, 63},
		{WIRE_TOTAL_LEN, 4, UINT32_MAX},
		{WIRE_T_MS, 8, UINT64_MAX},
		{WIRE_T_MS, 8, WIRE_T_MAX_MS + 1},
		{WIRE_SPAN_NS, 8, UINT64_MAX},
		{WIRE_N_SAMPLES, 4, UINT32_MAX},
		{WIRE_N_SAMPLES, 4, 0},
		{WIRE_TABLES_LEN, 4, UINT32_MAX},
		{WIRE_TABLES_LEN, 4, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		sg_auto_buf b = {0};
		uint64_t v = htole64(table[i].v);

		sample_record(5, &b);
		memcpy(b.data + table[i].at, &v, table[i].size);
		seal((uint8_t *)b.data, b.len);
		assert_int_equal(try_exact(b.data, b.len), -EBADMSG);
	}
}

/* ---- visiting -------------------------------------------------------------------------- */

struct visit {
	const struct sg_frame *f;
	size_t n, stop;
};

static int compare(void *ctx, size_t i, const struct sg_sample *s)
{
	struct visit *v = ctx;

	assert_same_sample(&v->f->samples[i], s);
	v->n++;
	return v->stop && v->n == v->stop ? 7 : 0;
}

static void a_visit_sees_what_is_wanted(void **state)
{
	struct random r = {6};
	sg_auto(sg_frame) f = make_frame(&r);
	struct sg_frame_table t = {0};
	struct sg_frame_view v;
	struct visit visit = {.f = f};
	uint8_t want[64] = {0, 1, 0, 1};
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(sg_frame_view(b.data, b.len, true, &v), 0);
	assert_int_equal(v.header.n, f->n);
	assert_int_equal(sg_frame_visit(&v, &t, NULL, compare, &visit), -EBADMSG); /* no table */
	assert_int_equal(sg_frame_table_update(&t, &v), 1);
	assert_int_equal(sg_frame_table_update(&t, &v), 0);
	assert_int_equal(sg_frame_visit(&v, &t, NULL, compare, &visit), 0);
	assert_int_equal(visit.n, f->n);
	visit.n = 0;
	assert_int_equal(sg_frame_visit(&v, &t, want, compare, &visit), 0);
	assert_int_equal(visit.n, 2);
	visit = (struct visit){.f = f, .stop = 3};
	assert_int_equal(sg_frame_visit(&v, &t, NULL, compare, &visit), 7);
	sg_frame_table_free(&t);
	sg_frame_table_free(&t);
}

static void a_table_follows_the_frames(void **state)
{
	sg_auto_buf a = {0}, b = {0};
	struct sg_frame_table t = {0};
	struct sg_frame_view v, w;
	sg_auto(sg_frame) f = sg_frame_new();
	struct sg_series s = make_series(f->arena, SG_GAUGE, "other", NULL);

	assert_int_equal(sg_frame_add_value(f, &s, 1), 0);
	sample_record(7, &a);
	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(sg_frame_view(a.data, a.len, false, &v), 0);
	assert_int_equal(sg_frame_view(b.data, b.len, false, &w), 0);
	assert_int_equal(sg_frame_table_update(&t, &v), 1);
	assert_int_equal(sg_frame_table_update(&t, &w), 1);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.series[0].name, "other");
	assert_int_equal(sg_frame_table_update(&t, &v), 1);
	b.data[SG_FRAME_HEADER_BYTES] = 77; /* without a checksum the tables are still checked */
	assert_int_equal(sg_frame_view(b.data, b.len, true, &w), -EBADMSG);
	assert_int_equal(sg_frame_view(b.data, b.len, false, &w), 0);
	assert_int_equal(sg_frame_table_update(&t, &w), -EBADMSG);
	assert_int_equal(t.n, 0);
	assert_int_equal(sg_frame_table_update(&t, &v), 1);
	sg_frame_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_byte_it_is_refused),
		cmocka_unit_test(cut_and_sealed_again_it_is_refused),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(any_byte_changed_and_sealed_again_does_no_harm),
		cmocka_unit_test(tables_are_checked),
		cmocka_unit_test(strings_are_checked),
		cmocka_unit_test(samples_are_checked),
		cmocka_unit_test(a_varint_has_64_bits_and_no_more),
		cmocka_unit_test(the_header_is_checked),
		cmocka_unit_test(a_visit_sees_what_is_wanted),
		cmocka_unit_test(a_table_follows_the_frames),
	};

	return cmocka_run_group_tests_name("frame_hostile", tests, NULL, NULL);
}
