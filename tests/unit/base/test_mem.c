// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>

#include <sgprobe/mem.h>

/* ---- arena ------------------------------------------------------------------------------ */

static void an_arena_gives_aligned_memory_that_does_not_overlap(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	unsigned char *p[2000];

	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = sg_arena_alloc(a, i % 97);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)(i & 0xff), i % 97);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		for (unsigned k = 0; k < i % 97; k++)
			assert_int_equal(p[i][k], i & 0xff);
}

static void an_arena_keeps_to_its_limit(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(1000);

	assert_null(sg_arena_alloc(a, 1001));
	assert_non_null(sg_arena_alloc(a, 900));
	assert_null(sg_arena_alloc(a, 200));
	assert_non_null(sg_arena_alloc(a, 64));
	assert_true(sg_arena_used(a) <= 1000);
	assert_null(sg_arena_alloc(a, SIZE_MAX));
	sg_arena_reset(a);
	assert_int_equal(sg_arena_used(a), 0);
	assert_non_null(sg_arena_alloc(a, 900));
}

static void a_reset_arena_comes_to_rest(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	void *first = NULL;

	for (unsigned round = 0; round < 12; round++) {
		void *p = sg_arena_alloc(a, 16);

		if (round == 10)
			first = p;
		if (round == 11)
			assert_ptr_equal(p, first);
		for (unsigned i = 0; i < 100; i++)
			assert_non_null(sg_arena_alloc(a, 1000));
		sg_arena_reset(a);
	}
}

static void an_arena_holds_large_blocks_and_text(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	char *big = sg_arena_zalloc(a, 5 << 20);

	assert_non_null(big);
	assert_int_equal(big[(5 << 20) - 1], 0);
	assert_string_equal(sg_arena_strdup(a, "abc"), "abc");
	assert_string_equal(sg_arena_strndup(a, "abc", 2), "ab");
	assert_string_equal(sg_arena_printf(a, "%s-%d", "x", 7), "x-7");
	sg_arena_free(NULL);
}

/* ---- grow ------------------------------------------------------------------------------- */

static void growing_makes_room_for_an_index(void **state)
{
	int *v = NULL;
	size_t cap = 0;

	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(SG_GROW(v, cap, i), 0);
		assert_true(cap > i);
		v[i] = (int)i;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(v[i], i);
	assert_int_equal(SG_GROW(v, cap, SIZE_MAX - 1), -ENOMEM);
	assert_int_equal(v[999], 999);
	free(v);
}

/* ---- map -------------------------------------------------------------------------------- */

struct item {
	unsigned key;
	bool in;
};

static int same_key(const void *entry, const void *key)
{
	return ((const struct item *)entry)->key == *(const unsigned *)key;
}

/* weak: only 16 different hashes, so that entries meet. */
static uint64_t hash_of(unsigned key, bool weak)
{
	return weak ? key % 16 : sg_hash(&key, sizeof(key), 0);
}

static void check_map(bool weak, unsigned rounds)
{
	sg_auto(sg_map) m = sg_map_new(same_key);
	struct item items[300];
	uint64_t random = 1;
	size_t in = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = (struct item){i, false};
	for (unsigned n = 0; n < rounds; n++) {
		unsigned i = (unsigned)((random = random * 6364136223846793005ULL + 1) >> 33) %
			     ARRAY_SIZE(items);
		struct item *it = &items[i];
		uint64_t h = hash_of(i, weak);

		assert_ptr_equal(sg_map_get(m, h, &i), it->in ? it : NULL);
		if (it->in)
			assert_ptr_equal(sg_map_del(m, h, &i), it);
		else
			assert_int_equal(sg_map_put(m, h, it), 0);
		in = it->in ? in - 1 : in + 1;
		it->in = !it->in;
		assert_int_equal(sg_map_len(m), in);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(items); i++)
		assert_ptr_equal(sg_map_get(m, hash_of(i, weak), &i),
				 items[i].in ? &items[i] : NULL);
}

static void a_map_finds_what_was_put_and_not_what_was_removed(void **state)
{
	check_map(false, 50000);
}

static void a_map_of_colliding_hashes_is_still_right(void **state)
{
	check_map(true, 20000);
}

static void every_entry_is_visited_once(void **state)
{
	sg_auto(sg_map) m = sg_map_new(same_key);
	struct item items[100], *e;
	size_t it = 0, n = 0;

	assert_null(sg_map_next(m, &it));
	assert_null(sg_map_get(m, 1, &n));
	assert_null(sg_map_del(m, 1, &n));
	for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = (struct item){i, false};
		assert_int_equal(sg_map_put(m, hash_of(i, false), &items[i]), 0);
	}
	for (it = 0; (e = sg_map_next(m, &it)); n++) {
		assert_false(e->in);
		e->in = true;
	}
	assert_int_equal(n, ARRAY_SIZE(items));
	sg_map_free(NULL);
}

/* ---- hash and checksum ------------------------------------------------------------------- */

static void a_hash_depends_on_every_bit_and_never_changes(void **state)
{
	char text[24] = "abcdefghijklmnopqrstuvw";
	uint64_t h = sg_hash(text, 23, 0);

	for (unsigned bit = 0; bit < 23 * 8; bit++) {
		text[bit / 8] ^= 1 << bit % 8;
		assert_true(sg_hash(text, 23, 0) != h);
		text[bit / 8] ^= 1 << bit % 8;
	}
	assert_true(sg_hash(text, 22, 0) != h);
	assert_true(sg_hash(text, 23, 1) != h);
	assert_true(sg_hash("\0", 1, 0) != sg_hash("\0\0", 2, 0));
	assert_int_equal(sg_hash_str(text, 5), sg_hash(text, 23, 5));
	/* Stored hashes are compared with computed ones: these values are for ever. */
	assert_int_equal(sg_hash("", 0, 0), 0x9802bd014aacffbfULL);
	assert_int_equal(sg_hash("sgprobe", 7, 0), 0xc7afc58c07b874eULL);
	assert_int_equal(sg_hash("0123456789abcdef!", 17, 42), 0xfa0522fa93d4d649ULL);
}

static void crc32c_is_that_of_the_standard(void **state)
{
	unsigned char zeros[32] = {0}, ones[32], up[32];
	char text[] = "x123456789";

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++)
		up[i] = (unsigned char)i;
	assert_int_equal(sg_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(sg_crc32c(0, text + 1, 9), 0xe3069283); /* unaligned */
	assert_int_equal(sg_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(sg_crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(sg_crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(sg_crc32c(0, "", 0), 0);
	for (unsigned i = 0; i <= 32; i++)
		assert_int_equal(sg_crc32c(sg_crc32c(0, up, i), up + i, 32 - i), 0x46dd794e);
}

static void ownership_is_handed_over(void **state)
{
	char *p = strdup("x"), *q = sg_take(p);
	int fd = dup(0), taken = sg_take_fd(fd);

	assert_null(p);
	assert_string_equal(q, "x");
	assert_int_equal(fd, -1);
	close(taken);
	free(q);
	{
		sg_auto_fd int closed = dup(0);

		taken = closed;
	}
	assert_int_equal(close(taken), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_arena_gives_aligned_memory_that_does_not_overlap),
		cmocka_unit_test(an_arena_keeps_to_its_limit),
		cmocka_unit_test(a_reset_arena_comes_to_rest),
		cmocka_unit_test(an_arena_holds_large_blocks_and_text),
		cmocka_unit_test(growing_makes_room_for_an_index),
		cmocka_unit_test(a_map_finds_what_was_put_and_not_what_was_removed),
		cmocka_unit_test(a_map_of_colliding_hashes_is_still_right),
		cmocka_unit_test(every_entry_is_visited_once),
		cmocka_unit_test(a_hash_depends_on_every_bit_and_never_changes),
		cmocka_unit_test(crc32c_is_that_of_the_standard),
		cmocka_unit_test(ownership_is_handed_over),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
