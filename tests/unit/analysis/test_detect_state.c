// SPDX-License-Identifier: GPL-2.0
// A detector that was saved goes on as if nothing had been; what is damaged is refused.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include <sgprobe/detect.h>

static double wave(unsigned int i)
{
	return sin(i / 7.0) + sin(i * i % 1013) + (i % 997 == 0 ? 9 : 0);
}

static struct sg_hist some_hist(unsigned int i, struct sg_bucket b[3])
{
	b[0] = (struct sg_bucket){-80, 100 + i % 7};
	b[1] = (struct sg_bucket){-72, 40 + i % 11};
	b[2] = (struct sg_bucket){-40, 1 + i % 300 / 299 * 60};
	return (struct sg_hist){.n = 3, .buckets = b};
}

static double give(struct sg_detector *d, unsigned int i)
{
	int64_t t = 1767225600000LL + (int64_t)i * 300000;
	struct sg_bucket b[3];
	struct sg_hist h = some_hist(i, b);

	if (i % 501 == 500)
		return sg_detect_absent(d, t);
	return sg_detector_kind(d) == SG_DETECT_VALUE ? sg_detect_counter(d, t, i * 20 + wave(i))
						      : sg_detect_hist(d, t, &h);
}

static struct sg_detector *used(enum sg_detector_kind kind, unsigned int n)
{
	struct sg_detector *d = sg_detector_new(kind);

	assert_non_null(d);
	for (unsigned int i = 0; i < n; i++)
		give(d, i);
	return d;
}

static void goes_on_the_same(enum sg_detector_kind kind, unsigned int after)
{
	sg_auto(sg_detector) a = used(kind, after);
	sg_auto(sg_detector) b = NULL;
	sg_auto_buf saved = {0}, again = {0};

	sg_detector_save(a, &saved);
	assert_int_equal(saved.err, 0);
	assert_true(saved.len <= SG_DETECTOR_BYTES_MAX);
	assert_int_equal(sg_detector_load(saved.data, saved.len, &b), 0);
	sg_detector_save(b, &again);
	assert_int_equal(again.len, saved.len);
	assert_memory_equal(again.data, saved.data, saved.len);
	for (unsigned int i = after; i < after + 2000; i++)
		assert_true(give(a, i) == give(b, i));
}

static void what_was_saved_goes_on_the_same(void **state)
{
	static const unsigned int after[] = {0, 1, 30, 1234, 9999};

	for (unsigned int i = 0; i < ARRAY_SIZE(after); i++) {
		goes_on_the_same(SG_DETECT_VALUE, after[i]);
		goes_on_the_same(SG_DETECT_HISTOGRAM, after[i]);
	}
}

static void a_changed_byte_is_seen(void **state)
{
	sg_auto(sg_detector) d = used(SG_DETECT_VALUE, 500);
	sg_auto_buf b = {0};

	sg_detector_save(d, &b);
	for (size_t i = 0; i < b.len; i++) {
		struct sg_detector *none = NULL;

		b.data[i] = (char)(b.data[i] ^ 0x10);
		assert_true(sg_detector_load(b.data, b.len, &none) < 0);
		assert_null(none);
		b.data[i] = (char)(b.data[i] ^ 0x10);
	}
}

static void a_cut_one_is_refused(void **state)
{
	sg_auto(sg_detector) d = used(SG_DETECT_HISTOGRAM, 500);
	sg_auto_buf b = {0};

	sg_detector_save(d, &b);
	for (size_t n = 0; n < b.len; n++) {
		struct sg_detector *none = NULL;

		assert_int_equal(sg_detector_load(b.data, n, &none), -EBADMSG);
	}
}

/* The checksum is right; what it covers is not possible. */
static void impossible_numbers_are_refused(void **state)
{
	sg_auto(sg_detector) d = used(SG_DETECT_VALUE, 500);
	sg_auto_buf b = {0};
	const float nan = NAN;
	unsigned int refused = 0;

	sg_detector_save(d, &b);
	for (size_t i = 16; i + 4 <= b.len; i++) {
		sg_auto(sg_detector) any = NULL;
		char was[4];
		uint32_t crc;

		memcpy(was, b.data + i, 4);
		memcpy(b.data + i, &nan, 4);
		crc = sg_crc32c(0, b.data + 16, b.len - 16);
		memcpy(b.data + 12, &crc, 4);
		refused += sg_detector_load(b.data, b.len, &any) == -EBADMSG;
		if (any)
			assert_true(give(any, 500) <= 1);
		memcpy(b.data + i, was, 4);
	}
	assert_true(refused > 100);
}

static void another_version_is_said_to_be_one(void **state)
{
	sg_auto(sg_detector) d = used(SG_DETECT_VALUE, 5);
	struct sg_detector *none = NULL;
	sg_auto_buf b = {0};

	sg_detector_save(d, &b);
	b.data[4]++;
	assert_int_equal(sg_detector_load(b.data, b.len, &none), -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_goes_on_the_same),
		cmocka_unit_test(a_changed_byte_is_seen),
		cmocka_unit_test(a_cut_one_is_refused),
		cmocka_unit_test(impossible_numbers_are_refused),
		cmocka_unit_test(another_version_is_said_to_be_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
