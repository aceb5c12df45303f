/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one bucket function, compiled into the kernel programs and into user
 * space, so that both agree by construction. Freestanding: integers only, no
 * division, no floating point, no loop.
 *
 * Buckets are those of Prometheus native histograms, schema 3 (OpenTelemetry
 * exponential histograms, scale 3): bucket i holds (2^((i-1)/8), 2^(i/8)] of the
 * base unit, here seconds. Rows number them from 0: row position k is bucket
 * k + SG_BUCKET_MIN.
 *
 * How: let e be the position of the highest set bit of ns, and m the value
 * shifted so that this bit is bit 63. In every octave lie the same eight bucket
 * bounds, the mantissas of 10^9 * 2^(j/8); k is 8e plus the number of them below
 * m. The top seven bits of m after the leading one select how many bounds lie
 * certainly below (no two bounds share a cell of 1/128), and one comparison
 * decides the rest.
 */
#ifndef SGPROBE_BPF_BUCKET_H
#define SGPROBE_BPF_BUCKET_H

#include <linux/types.h>

#define SG_SCHEMA 3
/*
 * 1 ns is 2^-29.897 s, hence bucket ceil(8 * -29.897) = -239. 320 buckets end at
 * bucket 80, 2^10 s = 1024 s; what is longer is counted in the last one, 0 in the
 * first. 320 * 4 bytes are exactly 20 cache lines.
 */
#define SG_BUCKET_MIN (-239)
#define SG_BUCKETS 320

#ifdef __bpf__
#define SG_INLINE static inline __attribute__((always_inline))
#define SG_TABLE static const volatile
#else
#define SG_INLINE static inline __attribute__((unused))
#define SG_TABLE static const __attribute__((unused))
#endif

/* floor(10^9 * 2^(j/8) * 2^n) in [2^63, 2^64), j = 0..7, in ascending order; then guards. */
SG_TABLE __u64 sg_bucket_bound[16] = {
	0x81ffa7a9549ca6e3ULL, 0x8dc3b8960164a7d9ULL, 0x9a9867054d512391ULL, 0xa8965f74bf065071ULL,
	0xb7d88a12d0dd9ea0ULL, 0xc87c3e7d03cdbec3ULL, 0xdaa17c2cd19555dbULL, 0xee6b280000000000ULL,
	0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL,
	0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL,
};

/* How many bounds are below (128 + x) << 56. */
SG_TABLE __u8 sg_bucket_below[128] = {
	0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
	4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
};

/* The same of 2^(j/8), for what is counted in whole units: bytes, sectors, packets. */
SG_TABLE __u64 sg_bucket_unit_bound[16] = {
	0x8000000000000000ULL, 0x8b95c1e3ea8bd6e6ULL, 0x9837f0518db8a96fULL, 0xa5fed6a9b15138eaULL,
	0xb504f333f9de6484ULL, 0xc5672a115506daddULL, 0xd744fccad69d6af4ULL, 0xeac0c6e7dd24392eULL,
	0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL,
	0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL,
};
SG_TABLE __u8 sg_bucket_unit_below[128] = {
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
	4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
};

/*
 * Branches are ways that the kernel's checker goes one by one, and a program with
 * three histograms would have hundreds of thousands: here is arithmetic instead, kept
 * from the compiler, which would make branches of it.
 */
#define SG_HIDE(x) __asm__ volatile("" : "+r"(x))

/* 1 when v, which is less than 2^63, is not 0; else 0. */
SG_INLINE __u64 sg_any(__u64 v)
{
	v = 0 - v;
	SG_HIDE(v);
	return v >> 63;
}

/* Position of the highest set bit; v != 0. The BPF instruction set has no clz. */
SG_INLINE __u32 sg_log2(__u64 v)
{
	__u64 e, n;

	e = sg_any(v >> 32) << 5;
	v >>= e;
	n = sg_any(v >> 16) << 4;
	v >>= n;
	e += n;
	n = sg_any(v >> 8) << 3;
	v >>= n;
	e += n;
	n = sg_any(v >> 4) << 2;
	v >>= n;
	e += n;
	n = sg_any(v >> 2) << 1;
	v >>= n;
	return e + n + (v >> 1);
}

/* How many bounds of an octave are below m, whose highest bit is set as theirs is. */
SG_INLINE __u32 sg_bounds_below(__u64 m, const volatile __u8 *below, const volatile __u64 *bound)
{
	__u32 c = below[(m >> 56) & 127] & 15;
	__u64 d = bound[c] - m;

	SG_HIDE(d);
	return c + (d >> 63);
}

/* Row position 0..SG_BUCKETS-1 of a duration in nanoseconds. */
SG_INLINE __u32 sg_bucket_ns(__u64 ns)
{
	__u32 e, k;

	if (!ns)
		return 0;
	e = sg_log2(ns);
	k = 8 * e + sg_bounds_below(ns << (63 - e), sg_bucket_below, sg_bucket_bound);
	return k < SG_BUCKETS ? k : SG_BUCKETS - 1;
}

/*
 * Row position of a whole number of units. Here row position k is bucket k: 0 and 1
 * are in the first; what is past 2^39.9 is in the last.
 */
SG_INLINE __u32 sg_bucket_units(__u64 n)
{
	__u32 e, k;

	if (!n)
		return 0;
	e = sg_log2(n);
	k = 8 * e + sg_bounds_below(n << (63 - e), sg_bucket_unit_below, sg_bucket_unit_bound);
	return k < SG_BUCKETS ? k : SG_BUCKETS - 1;
}

#endif
