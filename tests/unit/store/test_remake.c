// SPDX-License-Identifier: GPL-2.0
/* Frames that were folded are made again: who stores them has the same answers. */
#include "host.h"

struct copying {
	struct sg_store *to;
	uint64_t frames, known;
	int64_t last_ms;
	int64_t gap_ms; /* of a frame that says that time before it was not watched */
	size_t events;
};

static int copy_frame(const void *p, size_t n, void *ctx)
{
	sg_auto(sg_frame) f = NULL;
	struct copying *c = ctx;
	int r;

	assert_int_equal(sg_frame_decode(p, n, &f), 0);
	c->frames++;
	c->last_ms = f->t_ms;
	c->events += f->n_events;
	if (f->flags & SG_FRAME_GAP)
		c->gap_ms = f->t_ms;
	r = c->to ? sg_store_append(c->to, p, n) : 1;
	assert_true(r >= 0);
	c->known += !r;
	if (c->to && c->frames % 60 == 0)
		assert_int_equal(sg_store_flush(c->to, true), 0);
	return 0;
}

static struct copying copy(struct box *from, struct box *to, int64_t from_ms, int64_t to_ms)
{
	struct copying c = {.to = to ? to->st : NULL};
	struct sg_error err = {0};

	if (sg_store_frames(from->dir, from_ms, to_ms, copy_frame, &c, &err) < 0)
		fail_msg("%s", err.msg);
	if (to)
		assert_int_equal(sg_store_flush(to->st, true), 0);
	return c;
}

static void a_copy_answers_as_the_store_that_it_is_of(void **state)
{
	struct box *b = *state, *to;
	struct copying c;

	assert_int_equal(setup((void **)&to), 0);
	write_ticks(b, 0, TICKS);
	fold_all(b);
	assert_true(number(b, "SELECT min(t0_ms) FROM journal") > T0 + 4000000);
	c = copy(b, to, T0 - 1000, T0 + TICKS * 1000);
	assert_true(c.frames >= TICKS + TICKS / SELF_TICKS);
	assert_int_equal(c.known, 0);
	for (int folded = 0; folded < 2; folded++) {
		auto_answer cumulative = ask(b, "", T0 - 1000, T0 + TICKS * 1000);
		auto_answer increases = ask_deltas(b, "", T0 - 1000, T0 + TICKS * 1000);
		auto_answer cumulative2 = ask(to, "", T0 - 1000, T0 + TICKS * 1000);
		auto_answer increases2 = ask_deltas(to, "", T0 - 1000, T0 + TICKS * 1000);

		same_answers(&cumulative, &cumulative2);
		same_answers(&increases, &increases2);
		fold_all(to);
	}
	teardown((void **)&to);
}

static void a_part_of_it_has_the_increases_of_its_time(void **state)
{
	int64_t from = T0 + 615000, upto = T0 + 2222000;
	struct box *b = *state, *to;
	struct copying c;

	assert_int_equal(setup((void **)&to), 0);
	write_ticks(b, 0, 3600);
	fold_all(b);
	c = copy(b, to, from, upto);
	assert_int_equal(c.last_ms, upto);
	auto_answer whole = ask_deltas(b, "", from, upto);
	auto_answer part = ask_deltas(to, "", 0, INT64_MAX);

	same_answers(&whole, &part);
	teardown((void **)&to);
}

static void what_was_copied_is_known(void **state)
{
	struct box *b = *state, *to;
	struct copying c;

	assert_int_equal(setup((void **)&to), 0);
	write_ticks(b, 0, 2600);
	fold_all(b);
	c = copy(b, to, T0 + 100000, T0 + 2600000);
	assert_int_equal(c.known, 0);
	c = copy(b, to, T0 + 300000, T0 + 2600000);
	assert_int_equal(c.known, c.frames);
	teardown((void **)&to);
}

static void clocks_that_were_set_back_lose_nothing(void **state)
{
	struct box *b = *state, *to;

	assert_int_equal(setup((void **)&to), 0);
	for (int64_t i = 0; i < 2000; i++) {
		int64_t t = T0 + (i < 300 ? i : i - 120) * 1000; /* two minutes, once */

		assert_int_equal(append_c(b->st, 1, (uint64_t)i + 1, t, (double)i), 1);
		if (i % 10 == 9)
			assert_int_equal(sg_store_flush(b->st, true), 0);
	}
	fold_all(b);
	assert_true(number(b, "SELECT count(*) FROM segment WHERE tier = 0") >= 2);
	copy(b, to, T0 - 1000, T0 + 2000000);
	auto_answer a = ask(b, "c", T0 - 1000, T0 + 2000000);
	auto_answer c = ask(to, "c", T0 - 1000, T0 + 2000000);

	same_answers(&a, &c);
	teardown((void **)&to);
}

static void append_crash(struct box *b, uint64_t seq, int64_t t_ms)
{
	const struct sg_series s = {
		.name = "g", .type = SG_GAUGE, .hash = sg_series_hash("g", NULL, 0)};
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf bytes = {0};
	struct sg_event e;

	sg_event_init(&e, SG_EVENT_CRASH, t_ms - 300);
	f->session = 7;
	f->seq = seq;
	f->t_ms = t_ms;
	f->span_ns = 1000000000;
	f->source = 1;
	assert_int_equal(sg_frame_add_value(f, &s, 1), 0);
	assert_int_equal(sg_frame_add_event(f, &e), 0);
	assert_int_equal(sg_frame_encode(f, &bytes), 0);
	assert_int_equal(sg_store_append(b->st, bytes.data, bytes.len), 1);
}

static void events_and_gaps_are_in_them(void **state)
{
	struct box *b = *state;
	struct copying c;

	write_ticks(b, 0, 500);
	append_crash(b, 1, T0 + 500000);
	assert_int_equal(sg_store_gap(b->st, T0 + 500000, T0 + 650000, "probe restarted"), 0);
	write_ticks(b, 650, 2000);
	append_crash(b, 2, T0 + 1999000);
	assert_int_equal(sg_store_flush(b->st, true), 0);
	fold_all(b);
	assert_true(number(b, "SELECT min(t0_ms) FROM journal") > T0 + 1000000);
	c = copy(b, NULL, T0 - 1000, T0 + 2000000);
	assert_int_equal(c.events, 2);
	assert_int_equal(c.gap_ms, T0 + 650000);
	c = copy(b, NULL, T0 + 600000, T0 + 1100000);
	assert_int_equal(c.events, 0);
}

static void where_only_coarse_samples_are_left_it_says_so(void **state)
{
	struct sg_error err = {0};
	struct copying c = {0};
	struct box *b = *state;

	write_ticks(b, 0, TICKS);
	fold_all(b);
	assert_int_equal(sqlite3_exec(b->st->db->h,
				      "DELETE FROM segment WHERE tier = 0 AND first <= 3", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sg_store_frames(b->dir, T0, T0 + 4999000, copy_frame, &c, &err), -ENODATA);
	assert_int_equal(c.frames, 0);
	assert_non_null(strstr(err.msg, "each 10 s"));
	assert_non_null(strstr(err.msg, "ask for the last "));
	c = copy(b, NULL, T0 + 2000000, T0 + 4999000);
	assert_true(c.frames > 2999);
}

static int stop(const void *p, size_t n, void *ctx)
{
	(void)p, (void)n;
	return --*(int *)ctx ? 0 : -EPIPE;
}

static void who_gets_them_may_stop(void **state)
{
	struct box *b = *state;
	int left = 100;

	write_ticks(b, 0, 1300);
	fold_all(b);
	assert_int_equal(sg_store_frames(b->dir, 0, INT64_MAX, stop, &left, NULL), -EPIPE);
	assert_int_equal(left, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_copy_answers_as_the_store_that_it_is_of),
		T(a_part_of_it_has_the_increases_of_its_time),
		T(what_was_copied_is_known),
		T(clocks_that_were_set_back_lose_nothing),
		T(events_and_gaps_are_in_them),
		T(where_only_coarse_samples_are_left_it_says_so),
		T(who_gets_them_may_stop),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests_name("store/remake", tests, NULL, NULL);
}
