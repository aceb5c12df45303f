// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/outq.h"

#define SECOND 1000000000ULL

static int a, b; /* two subscriptions: only their addresses matter */

static struct feed_payload *payload(size_t n)
{
	sg_auto_buf buf = {0};

	while (n--)
		sg_buf_char(&buf, 'x');
	return feed_payload_new(&buf, FEED_ROOM);
}

static void add_tick(struct outq *q, void *sub, int64_t t_ms, size_t n, uint64_t now)
{
	struct feed_header h = {.kind = FEED_DELTA, .t_ms = t_ms};

	assert_int_equal(outq_data(q, payload(n), sub, &h, now), 0);
}

static int64_t dropped[8];
static size_t n_dropped;

static void note(void *ctx, const struct outq_item *item)
{
	dropped[n_dropped++] = item->head.t_ms;
}

static void items_leave_in_the_order_they_came(void **state)
{
	struct outq q;
	struct outq_item *item;

	outq_init(&q);
	outq_text(&q, payload(1));
	add_tick(&q, &a, 1, 10, 0);
	add_tick(&q, &b, 2, 20, 0);
	assert_int_equal(q.data_bytes, 30);
	item = outq_take(&q);
	assert_null(item->sub);
	outq_free_item(item);
	item = outq_take(&q);
	assert_ptr_equal(item->sub, &a);
	assert_int_equal(q.data_bytes, 20);
	outq_free_item(item);
	outq_clear(&q);
	assert_int_equal(q.n, 0);
	assert_int_equal(q.data_bytes, 0);
	assert_null(outq_take(&q));
	add_tick(&q, &a, 3, 1, 0); /* an emptied queue takes again */
	outq_clear(&q);
}

static void a_client_is_behind_by_bytes_or_by_time(void **state)
{
	struct outq q;

	outq_init(&q);
	assert_false(outq_behind(&q, 0, 10 * OUTQ_MAX_BYTES)); /* one tick is always taken */
	outq_text(&q, payload(OUTQ_MAX_BYTES));
	assert_false(outq_behind(&q, 0, 1)); /* texts do not count */
	add_tick(&q, &a, 1000, 1000, 5 * SECOND);
	assert_false(outq_behind(&q, 5 * SECOND, OUTQ_MAX_BYTES - 1000));
	assert_true(outq_behind(&q, 5 * SECOND, OUTQ_MAX_BYTES - 999));
	assert_false(outq_behind(&q, 13 * SECOND, 1));
	assert_true(outq_behind(&q, 13 * SECOND + 1, 1));
	outq_clear(&q);
}

static void dropping_names_every_tick_and_keeps_texts(void **state)
{
	struct outq q;

	outq_init(&q);
	add_tick(&q, &a, 1, 10, 0);
	outq_text(&q, payload(1));
	add_tick(&q, &b, 2, 10, 0);
	add_tick(&q, &a, 3, 10, 0);
	n_dropped = 0;
	outq_drop_data(&q, &a, note, NULL);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(dropped[0], 1);
	assert_int_equal(dropped[1], 3);
	assert_int_equal(q.n, 2);
	assert_int_equal(q.data_bytes, 10);
	outq_text(&q, payload(2)); /* the end is still the end */
	outq_drop_data(&q, NULL, NULL, NULL);
	assert_int_equal(q.n, 2);
	assert_int_equal(q.data_bytes, 0);
	outq_clear(&q);
}

static void no_memory_for_a_payload_is_an_error_not_an_item(void **state)
{
	struct outq q;

	outq_init(&q);
	assert_true(outq_text(&q, NULL) < 0);
	assert_int_equal(q.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_leave_in_the_order_they_came),
		cmocka_unit_test(a_client_is_behind_by_bytes_or_by_time),
		cmocka_unit_test(dropping_names_every_tick_and_keeps_texts),
		cmocka_unit_test(no_memory_for_a_payload_is_an_error_not_an_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
