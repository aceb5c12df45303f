// SPDX-License-Identifier: GPL-2.0
// The bucket function against the definition: n ns lie in bucket i when
// 2^((i-1)/8) < n / 10^9 <= 2^(i/8), that is, n^8 <= 10^72 * 2^i and not so for i - 1.
// Both sides are integers, so nothing is rounded in the proof.
#include <math.h>

#include "make.h"

#include <sgprobe/bpf/bucket.h>

#define LIMBS 40 /* of 32 bits */

struct big {
	uint32_t limb[LIMBS];
};

static void big_mul(struct big *b, uint64_t by)
{
	unsigned __int128 carry = 0;

	for (unsigned i = 0; i < LIMBS; i++) {
		carry += (unsigned __int128)b->limb[i] * by;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_true(carry == 0);
}

static struct big big_power(uint64_t base, unsigned exp)
{
	struct big b = {{1}};

	while (exp--)
		big_mul(&b, base);
	return b;
}

static bool at_or_below(uint64_t ns, int i)
{
	struct big left = big_power(ns, 8), right = big_power(1000000000, 8);

	for (int k = 0; k < (i < 0 ? -i : i); k++)
		big_mul(i < 0 ? &left : &right, 2);
	for (unsigned k = LIMBS; k-- > 0;)
		if (left.limb[k] != right.limb[k])
			return left.limb[k] < right.limb[k];
	return true;
}

static void assert_by_definition(uint64_t ns)
{
	int i = (int)sg_bucket_ns(ns) + SG_BUCKET_MIN;

	if (!at_or_below(ns, i) || at_or_below(ns, i - 1))
		fail_msg("%llu ns is not in bucket %d", (unsigned long long)ns, i);
}

static void
every_bucket_edge_and_a_nanosecond_to_either_side_agree_with_the_definition(void **state)
{
	uint64_t last = 0;

	for (int i = SG_BUCKET_MIN; i < SG_BUCKET_MIN + SG_BUCKETS - 1; i++) {
		uint64_t edge = (uint64_t)floorl(1e9L * exp2l(i / 8.0L));

		for (uint64_t ns = edge > 2 ? edge - 2 : 1; ns <= edge + 2; ns++)
			assert_by_definition(ns);
		assert_true(edge >= last);
		last = edge;
	}
}

static void two_million_random_durations_agree_with_the_logarithm(void **state)
{
	struct random r = {1};

	for (unsigned n = 0; n < 2000000; n++) {
		uint64_t ns = rnd(&r) >> (24 + rnd_below(&r, 40));
		long double x = ns ? 8 * (log2l((long double)ns) - log2l(1e9L)) : 0;

		if (!ns || ns >= 1ULL << 39)
			continue;
		if (fabsl(x - roundl(x)) < 1e-9L)
			assert_by_definition(ns);
		else if ((int)sg_bucket_ns(ns) + SG_BUCKET_MIN != (int)ceill(x))
			fail_msg("%llu ns", (unsigned long long)ns);
	}
}

static void the_kernel_and_the_reader_name_the_same_bucket(void **state)
{
	struct random r = {2};

	for (unsigned n = 0; n < 200000; n++) {
		uint64_t ns = 1 + (rnd(&r) >> (25 + rnd_below(&r, 39)));

		if (ns < 1ULL << 39)
			assert_int_equal((int)sg_bucket_ns(ns) + SG_BUCKET_MIN,
					 sg_bucket_index((double)ns / 1e9));
	}
}

static void nothing_and_more_than_the_last_bucket_stay_in_range(void **state)
{
	assert_int_equal(sg_bucket_ns(0), 0);
	assert_int_equal(sg_bucket_ns(1), 0);
	assert_int_equal(sg_bucket_ns(1024000000000ULL), SG_BUCKETS - 1);
	assert_int_equal(sg_bucket_ns(1024000000001ULL), SG_BUCKETS - 1);
	assert_int_equal(sg_bucket_ns(UINT64_MAX), SG_BUCKETS - 1);
	for (unsigned k = 0; k < 64; k++) {
		assert_int_equal(sg_log2(1ULL << k), k);
		assert_true(sg_bucket_ns(1ULL << k) < SG_BUCKETS);
	}
}

static void whole_units_agree_with_the_reader_at_every_edge(void **state)
{
	for (int i = 1; i < SG_BUCKETS - 1; i++) {
		uint64_t edge = (uint64_t)floorl(exp2l(i / 8.0L));

		for (uint64_t n = edge > 2 ? edge - 2 : 1; n <= edge + 2; n++)
			assert_int_equal(sg_bucket_units(n), sg_bucket_index((double)n));
	}
	assert_int_equal(sg_bucket_units(0), 0);
	assert_int_equal(sg_bucket_units(1), 0);
	assert_int_equal(sg_bucket_units(UINT64_MAX), SG_BUCKETS - 1);
}

static void buckets_ascend_with_the_duration(void **state)
{
	unsigned last = 0;

	for (uint64_t ns = 1; ns < 3000000; ns++) {
		unsigned k = sg_bucket_ns(ns);

		assert_true(k >= last);
		last = k;
	}
}

static void every_bound_belongs_to_the_bucket_below_it(void **state)
{
	for (int i = SG_HIST_INDEX_MIN; i <= SG_HIST_INDEX_MAX; i++) {
		double bound = sg_bucket_upper(i);

		assert_int_equal(sg_bucket_index(bound), i);
		assert_int_equal(sg_bucket_index(nextafter(bound, INFINITY)), i + 1);
		assert_int_equal(sg_bucket_index(nextafter(bound, 0)), i);
		assert_true(sg_bucket_lower(i + 1) == bound);
		assert_true(fabsl((long double)bound - exp2l(i / 8.0L)) <=
			    (long double)bound * 0x1p-53L);
	}
	assert_true(sg_bucket_upper(0) == 1);
	assert_true(sg_bucket_upper(80) == 1024);
	assert_true(sg_bucket_upper(-8) == 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_bucket_edge_and_a_nanosecond_to_either_side_agree_with_the_definition),
		cmocka_unit_test(two_million_random_durations_agree_with_the_logarithm),
		cmocka_unit_test(the_kernel_and_the_reader_name_the_same_bucket),
		cmocka_unit_test(nothing_and_more_than_the_last_bucket_stay_in_range),
		cmocka_unit_test(whole_units_agree_with_the_reader_at_every_edge),
		cmocka_unit_test(buckets_ascend_with_the_duration),
		cmocka_unit_test(every_bound_belongs_to_the_bucket_below_it),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
