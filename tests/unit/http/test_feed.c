// SPDX-License-Identifier: GPL-2.0
/* The feed without its transport: two sources that are a moment apart, a peer that stalls, numbers that change. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include <sgprobe/time.h>

#include "http/feed_private.h"

#include "http/fake_reader.h"

#define T0 1700000000000

struct fixture {
	struct fake_world world;
	struct http_worker *worker;
	struct http_feed *feed;
	struct http_client *client;
	int wake_fd;
	unsigned int close_code;
};

static void on_want_write(void *peer)
{
}

static void on_close(void *peer, unsigned int code)
{
	((struct fixture *)peer)->close_code = code;
}

static const struct feed_peer_ops ops = {.want_write = on_want_write, .close = on_close};

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	*state = x;
	atomic_store(&x->world.oldest_ms, T0 - 100000);
	atomic_store(&x->world.newest_ms, T0);
	x->wake_fd = eventfd(0, 0);
	assert_int_equal(http_worker_start("test", fake_open, &x->world, 4, x->wake_fd, &x->worker),
			 0);
	assert_int_equal(http_feed_new(x->worker, 1, &ops, &x->feed), 0);
	assert_int_equal(http_client_open(x->feed, x, &x->client), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	http_client_close(x->client);
	assert_true(http_worker_stop(x->worker));
	assert_int_equal(http_feed_stats(x->feed)->clients, 0);
	http_feed_free(x->feed);
	close(x->wake_fd);
	free(x);
	return 0;
}

static void say(struct fixture *x, const char *text)
{
	assert_int_equal(http_client_message(x->client, text, strlen(text)), 0);
}

static void tick(struct fixture *x, int64_t t_ms)
{
	sg_auto_buf b = {0};

	fake_frame(&x->world, t_ms, &b);
	atomic_store(&x->world.newest_ms, t_ms);
	http_feed_frame(x->feed, b.data, b.len);
}

/* The server process' own frame of a tick, with a series of its own. */
static void own_tick(struct fixture *x, int64_t t_ms)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf b = {0};
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, SG_GAUGE, "sgprobe_self", NULL, 0), 0);
	f->session = 9;
	f->seq = t_ms;
	f->t_ms = t_ms;
	f->span_ns = 1000000000;
	f->source = 1;
	sg_frame_add_value(f, &s, 1);
	assert_int_equal(sg_frame_encode(f, &b), 0);
	http_feed_frame(x->feed, b.data, b.len);
}

static void finish_reads(struct fixture *x)
{
	struct pollfd p = {.fd = x->wake_fd, .events = POLLIN};
	eventfd_t n;

	while (x->client->n_subs && x->client->subs[0]->state == SUB_READING) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		eventfd_read(x->wake_fd, &n);
		http_worker_collect(x->worker);
	}
}

/* The next data message's kind, or 0; texts go by. */
static int next_data(struct fixture *x, int64_t *t_ms)
{
	struct feed_wire w;

	while (http_client_next(x->client, &w)) {
		if (!w.binary)
			continue;
		memcpy(t_ms, w.data + 8, sizeof(*t_ms));
		return w.data[0];
	}
	return 0;
}

static bool next_text(struct fixture *x, const char *has)
{
	struct feed_wire w;

	while (http_client_next(x->client, &w))
		if (!w.binary && memmem(w.data, w.len, has, strlen(has)))
			return true;
	return false;
}

static void a_read_waits_until_the_sources_are_level(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	own_tick(x, T0 + 1000);
	tick(x, T0 + 1000);
	tick(x, T0 + 2000); /* the server's own frame of this tick is still to come */
	say(x,
	    "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],\"from_ms\":1700000000000}");
	assert_int_equal(x->client->subs[0]->state, SUB_WANT);
	own_tick(x, T0 + 2000);
	assert_int_equal(x->client->subs[0]->state, SUB_READING);
	finish_reads(x);
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	assert_int_equal(t, T0 + 2000);
	own_tick(x, T0 + 3000);
	assert_int_equal(next_data(x, &t), 0); /* none of its series was asked for */
	tick(x, T0 + 3000);
	assert_int_equal(next_data(x, &t), FEED_DELTA);
}

static void hiding_waits_until_the_sources_are_level(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	tick(x, T0 + 1000);
	own_tick(x, T0 + 1000);
	say(x, "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\",\"sgprobe_self\"],"
	       "\"from_ms\":1700000001000}");
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	tick(x, T0 + 2000);
	say(x, "{\"type\":\"visibility\",\"hidden\":true}");
	assert_int_equal(next_data(x, &t), FEED_DELTA);
	own_tick(x, T0 + 2000);
	assert_int_equal(next_data(x, &t), FEED_DELTA); /* the other half of the same tick */
	assert_int_equal(t, T0 + 2000);
	tick(x, T0 + 3000);
	own_tick(x, T0 + 3000);
	assert_int_equal(next_data(x, &t), 0);
	say(x, "{\"type\":\"visibility\",\"hidden\":false}");
	finish_reads(x);
	assert_int_equal(next_data(x, &t), FEED_BACKFILL);
	assert_int_equal(t, T0 + 3000);
}

static void a_peer_that_takes_nothing_is_closed_after_30_s(void **state)
{
	struct fixture *x = *state;
	struct feed_wire w;

	while (http_client_next(x->client, &w))
		;
	feed_client_step(x->client);
	x->client->progress_ns -= 31000000000;
	feed_client_step(x->client);
	assert_int_equal(x->close_code, 0); /* nothing waits for it */
	say(x, "{\"type\":\"ping\",\"t\":1}");
	x->client->progress_ns -= 29000000000;
	feed_client_step(x->client);
	assert_int_equal(x->close_code, 0);
	x->client->progress_ns -= 2000000000;
	feed_client_step(x->client);
	assert_int_equal(x->close_code, FEED_CLOSE_SLOW);
}

static void waiting_too_long_is_a_gap_that_names_the_ticks(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	tick(x, T0 + 1000);
	say(x,
	    "{\"type\":\"subscribe\",\"id\":3,\"match\":[\"sgprobe_load1\"],\"from_ms\":1700000001000}");
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	tick(x, T0 + 2000);
	tick(x, T0 + 3000);
	for (struct outq_item *i = x->client->queue.first; i; i = i->next)
		i->queued_ns -= 9000000000;
	tick(x, T0 + 4000);
	assert_true(next_text(x, "{\"type\":\"gap\",\"id\":3,\"from_ms\":1700000001000,"
				 "\"to_ms\":1700000003000,\"reason\":\"slow\"}"));
	assert_int_equal(next_data(x, &t), FEED_DELTA);
	assert_int_equal(t, T0 + 4000);
	assert_int_equal(http_feed_stats(x->feed)->gaps, 1);
}

static void frames_lost_before_the_feed_are_an_overflow(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	tick(x, T0 + 1000);
	say(x,
	    "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],\"from_ms\":1700000001000}");
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	http_feed_lost(x->feed, T0 + 2000, T0 + 5000);
	assert_true(next_text(
		x, "\"from_ms\":1700000001000,\"to_ms\":1700000005000,\"reason\":\"overflow\""));
}

static void what_is_lost_while_the_past_is_read_is_read_too(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	tick(x, T0 + 1000);
	say(x, "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],"
	       "\"from_ms\":1700000000000}");
	assert_int_equal(x->client->subs[0]->state, SUB_READING);
	http_feed_lost(x->feed, T0 + 2000, T0 + 2000); /* stored, but it never gets here */
	tick(x, T0 + 3000);
	finish_reads(x);
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	assert_int_equal(x->client->subs[0]->state, SUB_WANT);
	feed_client_step(x->client);
	finish_reads(x);
	assert_int_equal(next_data(x, &t), FEED_BACKFILL);
	assert_int_equal(t, T0 + 3000);
	assert_int_equal(x->client->subs[0]->state, SUB_LIVE);
}

static void a_tick_that_was_read_before_it_came_is_not_sent_again(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	atomic_store(&x->world.newest_ms, T0 + 1000); /* stored, and on its way here */
	say(x, "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],"
	       "\"from_ms\":1700000000000}");
	finish_reads(x);
	next_data(x, &t);
	assert_int_equal(t, T0 + 1000);
	tick(x, T0 + 1000);
	assert_int_equal(next_data(x, &t), 0);
	tick(x, T0 + 2000);
	assert_int_equal(next_data(x, &t), FEED_DELTA);
	tick(x, T0 - 100000); /* the clock was set back */
	assert_int_equal(next_data(x, &t), FEED_DELTA);
}

static void new_numbers_are_told_before_they_are_used(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	tick(x, T0 + 1000);
	say(x,
	    "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],\"from_ms\":1700000001000}");
	assert_true(next_text(x, "\"schema\",\"id\":1,\"epoch\":1"));
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	pthread_mutex_lock(&x->feed->lock);
	feed_dict_trim(&x->feed->dict, 0);
	pthread_mutex_unlock(&x->feed->lock);
	feed_sub_restart(x->client->subs[0]);
	tick(x, T0 + 2000);
	assert_true(next_text(x, "\"schema\",\"id\":1,\"epoch\":2"));
	assert_int_equal(next_data(x, &t), FEED_DELTA);
	assert_int_equal(t, T0 + 2000);
}

static void a_torn_frame_reaches_nobody(void **state)
{
	struct fixture *x = *state;
	sg_auto_buf b = {0};
	int64_t t;

	tick(x, T0 + 1000);
	say(x,
	    "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],\"from_ms\":1700000001000}");
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	fake_frame(&x->world, T0 + 2000, &b);
	b.data[b.len - 1] ^= 1;
	http_feed_frame(x->feed, b.data, b.len);
	http_feed_frame(x->feed, b.data, 10);
	assert_int_equal(next_data(x, &t), 0);
}

static void unsubscribing_while_it_is_read_or_sent_is_safe(void **state)
{
	struct fixture *x = *state;
	int64_t t;

	tick(x, T0);
	say(x, "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"sgprobe_load1\"],\"from_ms\":0}");
	say(x, "{\"type\":\"unsubscribe\",\"id\":1}");
	say(x,
	    "{\"type\":\"subscribe\",\"id\":1,\"match\":[\"{__name__=~\\\".+\\\"}\"],\"from_ms\":0}");
	finish_reads(x);
	say(x, "{\"type\":\"unsubscribe\",\"id\":1}");
	say(x,
	    "{\"type\":\"subscribe\",\"id\":2,\"match\":[\"sgprobe_load1\"],\"from_ms\":1700000000000}");
	assert_int_equal(next_data(x, &t), FEED_SNAPSHOT);
	tick(x, T0 + 1000);
	say(x, "{\"type\":\"unsubscribe\",\"id\":2}");
	assert_int_equal(next_data(x, &t), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_read_waits_until_the_sources_are_level),
		T(hiding_waits_until_the_sources_are_level),
		T(a_peer_that_takes_nothing_is_closed_after_30_s),
		T(waiting_too_long_is_a_gap_that_names_the_ticks),
		T(frames_lost_before_the_feed_are_an_overflow),
		T(what_is_lost_while_the_past_is_read_is_read_too),
		T(a_tick_that_was_read_before_it_came_is_not_sent_again),
		T(new_numbers_are_told_before_they_are_used),
		T(a_torn_frame_reaches_nobody),
		T(unsubscribing_while_it_is_read_or_sent_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
