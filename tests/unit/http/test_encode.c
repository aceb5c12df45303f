// SPDX-License-Identifier: GPL-2.0
/* The encoder against the test vectors that docs/PROTOCOL.md gives to everybody who writes a decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/encode.h"

#define T 1700000000000

static size_t read_vector(const char *name, unsigned char *out, size_t size)
{
	FILE *f = fopen("docs/PROTOCOL.md", "r");
	char line[512], mark[64];
	size_t n = 0;

	assert_non_null(f);
	snprintf(mark, sizeof(mark), "```vector %s\n", name);
	while (fgets(line, sizeof(line), f) && strcmp(line, mark))
		;
	while (fgets(line, sizeof(line), f) && line[0] != '`')
		for (char *p = line; *p && *p != '\n' && n < size; p += strspn(p, " "))
			out[n++] = strtoul(p, &p, 16);
	fclose(f);
	assert_true(n >= FEED_HEADER_BYTES);
	return n;
}

static void expect(const char *name, struct feed_header h, struct sg_buf *points)
{
	unsigned char want[256], head[FEED_HEADER_BYTES];
	size_t n = read_vector(name, want, sizeof(want));

	h.payload_len = points->len;
	feed_put_header(head, &h);
	assert_int_equal(n, FEED_HEADER_BYTES + points->len);
	assert_memory_equal(head, want, FEED_HEADER_BYTES);
	if (points->len)
		assert_memory_equal(points->data, want + FEED_HEADER_BYTES, points->len);
}

static void a_delta_is_as_the_protocol_shows_it(void **state)
{
	struct sg_bucket buckets[] = {{-100, 3}, {-60, 2}};
	struct sg_hist h = {.count = 5, .sum = 0.25, .n = 2, .buckets = buckets};
	struct sg_hist empty = {0};
	sg_auto_buf b = {0};
	size_t at = feed_point_begin(&b, T);
	uint32_t n = feed_put_value(&b, 0, SG_GAUGE, 1.5);

	n += feed_put_value(&b, 200, SG_COUNTER, 3);
	n += feed_put_value(&b, 9, SG_COUNTER, 0); /* left out */
	n += feed_put_hist(&b, 8, &empty); /* left out */
	n += feed_put_hist(&b, 1, &h);
	feed_point_end(&b, at, n);
	expect("delta",
	       (struct feed_header){.kind = FEED_DELTA,
				    .id = 7,
				    .seq = 300,
				    .t_ms = T,
				    .epoch = 2,
				    .n_points = 1},
	       &b);
}

static void an_empty_snapshot_is_as_the_protocol_shows_it(void **state)
{
	struct sg_buf none = {0};

	expect("empty",
	       (struct feed_header){.kind = FEED_SNAPSHOT,
				    .flags = FEED_LAST | FEED_RESET,
				    .id = 65535,
				    .seq = 1,
				    .t_ms = T,
				    .epoch = 1},
	       &none);
}

static void a_quiet_tick_is_as_the_protocol_shows_it(void **state)
{
	sg_auto_buf b = {0};

	feed_point_end(&b, feed_point_begin(&b, T), 0);
	expect("quiet",
	       (struct feed_header){
		       .kind = FEED_DELTA, .id = 1, .seq = 2, .t_ms = T, .epoch = 1, .n_points = 1},
	       &b);
}

static void a_gauge_of_zero_is_sent(void **state)
{
	sg_auto_buf b = {0};

	assert_int_equal(feed_put_value(&b, 0, SG_GAUGE, 0), 1);
	assert_int_equal(feed_put_value(&b, 0, SG_COUNTER, 0), 0);
	assert_int_equal(b.len, 10);
}

static uint64_t get_varint(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(p[i] & 0x7f) << 7 * i;
	return v;
}

static void varints_are_leb128_of_least_length(void **state)
{
	for (int bit = 0; bit < 64; bit++) {
		uint64_t v = 1ULL << bit;

		for (int d = -1; d <= 1; d++) {
			sg_auto_buf b = {0};

			feed_put_varint(&b, v + d);
			assert_int_equal(get_varint((unsigned char *)b.data, b.len), v + d);
			assert_false(b.len > 1 && !b.data[b.len - 1]);
		}
	}
}

static void a_payload_lives_as_long_as_its_last_reference(void **state)
{
	sg_auto_buf b = {0};
	struct feed_payload *p;

	sg_buf_str(&b, "abc");
	p = feed_payload_new(&b, FEED_ROOM);
	assert_ptr_equal(feed_payload_ref(p), p);
	feed_payload_unref(p);
	assert_memory_equal(p->data + FEED_ROOM, "abc", 3);
	feed_payload_unref(p);
	feed_payload_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delta_is_as_the_protocol_shows_it),
		cmocka_unit_test(an_empty_snapshot_is_as_the_protocol_shows_it),
		cmocka_unit_test(a_quiet_tick_is_as_the_protocol_shows_it),
		cmocka_unit_test(a_gauge_of_zero_is_sent),
		cmocka_unit_test(varints_are_leb128_of_least_length),
		cmocka_unit_test(a_payload_lives_as_long_as_its_last_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
