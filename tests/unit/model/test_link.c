// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <sgprobe/link.h>

#define SESSION 77

struct fixture {
	struct sg_loop *loop;
	struct sg_link_tx *tx;
	struct sg_link_rx *rx;
	uint64_t got[4096]; /* sequence numbers in order of arrival */
	size_t n;
	int refuse_after; /* the callback fails after so many; 0: never */
};

static int on_frame(const void *p, size_t n, void *ctx)
{
	struct fixture *f = ctx;
	sg_auto(sg_frame) frame = NULL;

	assert_int_equal(sg_frame_decode(p, n, &frame), 0); /* with its checksum */
	assert_true(f->n < 4096);
	f->got[f->n++] = frame->seq;
	return f->refuse_after && f->n >= (size_t)f->refuse_after ? -EIO : 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(sg_loop_new(&f->loop), 0);
	assert_int_equal(sg_link_tx_new(f->loop, SESSION, 1 << 20, &f->tx), 0);
	assert_int_equal(sg_link_rx_new(f->loop, on_frame, f, &f->rx), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sg_link_tx_free(f->tx);
	sg_link_rx_free(f->rx);
	sg_loop_free(f->loop);
	free(f);
	return 0;
}

/* A frame with so many samples, so that its size can be chosen. */
static struct sg_buf frame(uint64_t seq, int samples)
{
	sg_auto(sg_frame) f = sg_frame_new();
	struct sg_buf b = {0};

	f->session = SESSION;
	f->seq = seq;
	f->t_ms = (int64_t)seq * 1000;
	for (int i = 0; i < samples; i++) {
		char name[32];
		struct sg_series s;

		snprintf(name, sizeof(name), "sgprobe_test_%d", i);
		assert_int_equal(sg_series_init(&s, SG_GAUGE, name, NULL, 0), 0);
		assert_int_equal(
			sg_frame_add_value(f, sg_series_copy(f->arena, &s), (double)seq + i), 0);
	}
	assert_int_equal(sg_frame_encode(f, &b), 0);
	return b;
}

static int push_sized(struct fixture *f, uint64_t seq, int samples)
{
	struct sg_buf b = frame(seq, samples);
	int r = sg_link_tx_push(f->tx, seq, b.data, b.len);

	sg_buf_free(&b);
	return r;
}

static int push(struct fixture *f, uint64_t seq)
{
	return push_sized(f, seq, 3);
}

static void join(struct fixture *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(sg_link_rx_attach(f->rx, fds[1]), 0);
	assert_int_equal(sg_link_tx_attach(f->tx, fds[0]), 0);
}

static void settle(struct fixture *f)
{
	while (sg_loop_step(f->loop, 0) > 0)
		;
	for (int i = 0; i < 20; i++)
		sg_loop_step(f->loop, 0);
}

static void assert_got(const struct fixture *f, uint64_t from, uint64_t to)
{
	assert_int_equal(f->n, to - from + 1);
	for (size_t i = 0; i < f->n; i++)
		assert_int_equal(f->got[i], from + i);
}

static void frames_arrive_whole_and_in_order(void **state)
{
	struct fixture *f = *state;

	join(f);
	for (uint64_t s = 1; s <= 100; s++)
		assert_int_equal(push(f, s), 0);
	settle(f);
	assert_got(f, 1, 100);
}

static void what_was_queued_before_there_was_a_server_is_sent(void **state)
{
	struct fixture *f = *state;

	for (uint64_t s = 1; s <= 5; s++)
		assert_int_equal(push(f, s), 0);
	join(f);
	settle(f);
	assert_got(f, 1, 5);
}

static void acknowledged_frames_are_forgotten(void **state)
{
	struct fixture *f = *state;
	size_t bytes;

	join(f);
	for (uint64_t s = 1; s <= 10; s++)
		push(f, s);
	settle(f);
	assert_int_equal(sg_link_tx_pending(f->tx, NULL), 10);
	assert_int_equal(sg_link_rx_ack(f->rx, SESSION, 7), 0);
	settle(f);
	assert_int_equal(sg_link_tx_pending(f->tx, &bytes), 3);
	assert_int_equal(sg_link_rx_ack(f->rx, SESSION, 10), 0);
	settle(f);
	assert_int_equal(sg_link_tx_pending(f->tx, &bytes), 0);
	assert_int_equal(bytes, 0);
}

static void a_new_server_gets_all_that_is_not_acknowledged(void **state)
{
	struct fixture *f = *state;

	join(f);
	for (uint64_t s = 1; s <= 6; s++)
		push(f, s);
	settle(f);
	sg_link_rx_ack(f->rx, SESSION, 2);
	settle(f);
	f->n = 0;
	join(f);
	push(f, 7);
	settle(f);
	assert_got(f, 3, 7);
}

static void an_acknowledgement_of_another_session_means_nothing(void **state)
{
	struct fixture *f = *state;

	join(f);
	push(f, 1);
	settle(f);
	sg_link_rx_ack(f->rx, SESSION + 1, 1);
	settle(f);
	assert_int_equal(sg_link_tx_pending(f->tx, NULL), 1);
}

static void an_acknowledgement_of_what_was_not_sent_forgets_only_what_was(void **state)
{
	struct fixture *f = *state;
	struct sg_ack a = {SG_ACK_MAGIC, SESSION, UINT64_MAX};
	int fds[2], small = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	sg_link_tx_attach(f->tx, fds[0]);
	for (uint64_t s = 1; s <= 50; s++)
		push_sized(f, s, 50);
	assert_int_equal(write(fds[1], &a, sizeof(a)), sizeof(a));
	settle(f);
	assert_true(sg_link_tx_pending(f->tx, NULL) > 10);
	close(fds[1]);
}

static void a_wrong_acknowledgement_closes_the_link_and_keeps_the_queue(void **state)
{
	struct fixture *f = *state;
	char junk[sizeof(struct sg_ack)] = "junk";
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	sg_link_tx_attach(f->tx, fds[0]);
	push(f, 1);
	assert_int_equal(write(fds[1], junk, sizeof(junk)), sizeof(junk));
	settle(f);
	close(fds[1]);
	join(f);
	settle(f);
	assert_got(f, 1, 1);
}

static void a_full_queue_drops_the_oldest_and_counts_them(void **state)
{
	struct fixture *f = *state;
	size_t bytes;
	int lost = 0;

	for (uint64_t s = 1; s <= 400; s++) {
		int r = push_sized(f, s, 200);

		assert_true(r >= 0);
		lost += r;
	}
	assert_true(lost > 0);
	assert_true(sg_link_tx_pending(f->tx, &bytes) > 1);
	assert_true(bytes <= 1 << 20);
	join(f);
	settle(f);
	assert_int_equal(f->n + lost, 400);
	assert_got(f, 400 - f->n + 1, 400);
}

static void a_frame_that_is_half_written_does_not_fall_off(void **state)
{
	struct fixture *f = *state;
	int fds[2], small = 4096, lost = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	sg_link_tx_attach(f->tx, fds[0]);
	for (uint64_t s = 1; s <= 400; s++)
		lost += push_sized(f, s, 200);
	assert_true(lost > 0);
	assert_int_equal(sg_link_rx_attach(f->rx, fds[1]), 0);
	for (int i = 0; i < 20000 && f->got[f->n ? f->n - 1 : 0] != 400; i++)
		sg_loop_step(f->loop, 0);
	assert_int_equal(f->n + lost, 400);
	for (size_t i = 1; i < f->n; i++)
		assert_true(f->got[i] > f->got[i - 1]);
}

static void what_fell_off_after_it_was_sent_counts_when_the_server_dies(void **state)
{
	struct fixture *f = *state;
	int lost = 0;

	join(f);
	for (uint64_t s = 1; s <= 400; s++) {
		lost += push_sized(f, s, 200);
		settle(f);
	}
	assert_int_equal(lost, 0); /* the server has them */
	assert_int_equal(f->n, 400);
	f->n = 0;
	join(f); /* that server is gone, uncommitted */
	settle(f);
	lost = push_sized(f, 401, 1);
	settle(f);
	assert_true(lost > 0);
	assert_int_equal(f->n + lost, 401);
}

static void what_fell_off_and_was_committed_does_not_count(void **state)
{
	struct fixture *f = *state;

	join(f);
	for (uint64_t s = 1; s <= 400; s++) {
		assert_int_equal(push_sized(f, s, 200), 0);
		settle(f);
	}
	sg_link_rx_ack(f->rx, SESSION, 400);
	settle(f);
	join(f);
	assert_int_equal(push(f, 401), 0);
}

static void bytes_in_any_pieces_make_the_same_frames(void **state)
{
	struct fixture *f = *state;
	struct sg_buf all = {0};
	int fds[2];

	for (uint64_t s = 1; s <= 5; s++) {
		struct sg_buf b = frame(s, 4);

		sg_buf_add(&all, b.data, b.len);
		sg_buf_free(&b);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(sg_link_rx_attach(f->rx, fds[1]), 0);
	for (size_t i = 0; i < all.len; i++) {
		assert_int_equal(write(fds[0], all.data + i, 1), 1);
		sg_loop_step(f->loop, 0);
	}
	settle(f);
	assert_got(f, 1, 5);
	close(fds[0]);
	sg_buf_free(&all);
}

static void what_a_dead_sender_left_in_the_socket_is_read_before_the_next_one(void **state)
{
	struct fixture *f = *state;

	join(f);
	for (uint64_t s = 1; s <= 30; s++)
		push_sized(f, s, 50); /* written, and nothing of it read */
	sg_link_tx_attach(f->tx, -1);
	assert_true(sg_link_rx_connected(f->rx));
	assert_int_equal(sg_link_rx_attach(f->rx, -1), 0);
	assert_got(f, 1, 30);
	assert_false(sg_link_rx_connected(f->rx));
}

static void bytes_that_are_no_frame_close_the_link(void **state)
{
	struct fixture *f = *state;
	char junk[256];
	int fds[2];

	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(sg_link_rx_attach(f->rx, fds[1]), 0);
	assert_int_equal(write(fds[0], junk, sizeof(junk)), sizeof(junk));
	settle(f);
	assert_false(sg_link_rx_connected(f->rx));
	assert_int_equal(sg_link_rx_ack(f->rx, SESSION, 1), -ENOTCONN);
	close(fds[0]);
}

static void a_receiver_that_fails_closes_the_link_and_nothing_is_lost(void **state)
{
	struct fixture *f = *state;

	f->refuse_after = 2;
	join(f);
	for (uint64_t s = 1; s <= 4; s++)
		push(f, s);
	settle(f);
	assert_false(sg_link_rx_connected(f->rx));
	f->refuse_after = 0;
	f->n = 0;
	join(f);
	settle(f);
	assert_got(f, 1, 4);
}

static void drain_waits_no_longer_than_it_may(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sg_link_tx_drain(f->tx, 10), 0); /* nothing to wait for */
	push(f, 1);
	assert_int_equal(sg_link_tx_drain(f->tx, 10), -ETIMEDOUT); /* nobody there */
	join(f);
	settle(f);
	assert_int_equal(sg_link_tx_drain(f->tx, 10), -ETIMEDOUT); /* nobody answers */
	sg_link_rx_ack(f->rx, SESSION, 1);
	assert_int_equal(sg_link_tx_drain(f->tx, 1000), 0);
}

/* ---- records of stacks ----------------------------------------------------------------- */

#define PROFILE 1000000 /* marks them among what arrived */

static int on_profile(const void *p, size_t n, void *ctx)
{
	struct fixture *f = ctx;
	struct sg_profile_head h;

	assert_int_equal(sg_profile_decode(p, n, NULL, NULL), 0);
	assert_int_equal(sg_profile_decode_head(p, n, &h), 0);
	f->got[f->n++] = PROFILE + h.seq;
	return 0;
}

static int push_profile(struct fixture *f, uint64_t seq)
{
	static const char *const frames[] = {"main", "work"};
	const struct sg_stack s = {
		.cgroup = "/", .comm = "c", .frames = frames, .n = 2, .us = 5, .count = 1};
	const struct sg_profile_head h = {.session = SESSION, .seq = seq, .from_ms = 1, .to_ms = 2};
	sg_auto(sg_profile) p = sg_profile_new(1 << 16);
	sg_auto_buf b = {0};

	assert_int_equal(sg_profile_add(p, &s), 0);
	assert_int_equal(sg_profile_encode(p, &h, &b), 0);
	return sg_link_tx_push_profile(f->tx, seq, b.data, b.len);
}

static void stacks_go_between_frames_and_come_again_to_a_new_server(void **state)
{
	struct fixture *f = *state;

	sg_link_rx_on_profile(f->rx, on_profile);
	join(f);
	assert_int_equal(push(f, 1), 0);
	assert_int_equal(push_profile(f, 2), 0);
	settle(f);
	assert_int_equal(f->n, 2);
	sg_link_rx_ack(f->rx, SESSION, 1); /* of the frame before: says nothing about the stacks */
	settle(f);
	assert_int_equal(sg_link_tx_pending(f->tx, NULL), 1);
	f->n = 0;
	join(f);
	assert_int_equal(push(f, 2), 0);
	settle(f);
	assert_int_equal(f->n, 2);
	assert_int_equal(f->got[0], PROFILE + 2);
	assert_int_equal(f->got[1], 2);
	sg_link_rx_ack(f->rx, SESSION, 2);
	settle(f);
	assert_int_equal(sg_link_tx_pending(f->tx, NULL), 0);
}

static void stacks_that_fall_off_are_counted_apart_from_frames(void **state)
{
	struct fixture *f = *state;
	int lost_frames = 0, lost_stacks = 0;

	for (uint64_t s = 1; s <= 400; s++) {
		lost_stacks += push_profile(f, s);
		lost_frames += push_sized(f, s, 400);
	}
	assert_true(lost_stacks > 10 && lost_frames > 10);
	assert_in_range(lost_stacks - lost_frames + 1, 0, 2);
}

static void stacks_close_a_link_that_does_not_know_them(void **state)
{
	struct fixture *f = *state;

	join(f);
	push_profile(f, 1);
	settle(f);
	assert_int_equal(f->n, 0);
	assert_false(sg_link_rx_connected(f->rx));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_arrive_whole_and_in_order),
		T(what_was_queued_before_there_was_a_server_is_sent),
		T(acknowledged_frames_are_forgotten),
		T(a_new_server_gets_all_that_is_not_acknowledged),
		T(an_acknowledgement_of_another_session_means_nothing),
		T(an_acknowledgement_of_what_was_not_sent_forgets_only_what_was),
		T(a_wrong_acknowledgement_closes_the_link_and_keeps_the_queue),
		T(a_full_queue_drops_the_oldest_and_counts_them),
		T(a_frame_that_is_half_written_does_not_fall_off),
		T(what_fell_off_after_it_was_sent_counts_when_the_server_dies),
		T(what_fell_off_and_was_committed_does_not_count),
		T(bytes_in_any_pieces_make_the_same_frames),
		T(what_a_dead_sender_left_in_the_socket_is_read_before_the_next_one),
		T(bytes_that_are_no_frame_close_the_link),
		T(a_receiver_that_fails_closes_the_link_and_nothing_is_lost),
		T(drain_waits_no_longer_than_it_may),
		T(stacks_go_between_frames_and_come_again_to_a_new_server),
		T(stacks_that_fall_off_are_counted_apart_from_frames),
		T(stacks_close_a_link_that_does_not_know_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
