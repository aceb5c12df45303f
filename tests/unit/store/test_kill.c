// SPDX-License-Identifier: GPL-2.0
/* kill -9 at any time: what was committed is there, and nothing twice. */
#include <poll.h>
#include <signal.h>

#include "harness.h"

#define ROUNDS 40

/* As the probe process does it: some that are committed come again, then new ones. Tells every commit. */
static void writer(struct box *b, int out)
{
	uint64_t seq, known;

	if (open_store(b, NULL))
		_exit(1);
	known = sg_store_committed(b->st, 1);
	seq = known > 4 ? known - 4 : 0;
	for (int i = 0; i < 100000; i++) {
		seq++;
		if (append_c(b->st, 1, seq, T0 + (int64_t)seq * 1000, (double)seq) != (seq > known))
			_exit(2);
		if (seq % 3)
			continue;
		if (sg_store_flush(b->st, true) < 0)
			_exit(3);
		seq = sg_store_committed(b->st, 1);
		if (write(out, &seq, sizeof(seq)) != sizeof(seq))
			_exit(4);
	}
	_exit(5);
}

static uint64_t run_and_kill(struct box *b, int after)
{
	uint64_t seq = 0, last = 0;
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid)
		writer(b, pipes[1]);
	close(pipes[1]);
	while (after-- > 0 && read(pipes[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	kill(pid, SIGKILL);
	while (read(pipes[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return last;
}

struct seen {
	uint64_t last;
	bool in_order;
};

static int check_seq(const void *p, size_t n, void *ctx)
{
	struct seen *s = ctx;
	struct sg_frame f;

	assert_int_equal(sg_frame_decode_header(p, n, &f), 0);
	s->in_order &= f.seq == s->last + 1;
	s->last = f.seq;
	return 0;
}

static void committed_frames_survive_kill_9_and_none_comes_twice(void **state)
{
	struct box *b = *state;

	shut(b);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t told = run_and_kill(b, 1 + round % 7);
		struct seen s = {.in_order = true};

		assert_int_equal(sg_store_frames(b->dir, 0, INT64_MAX, check_seq, &s, NULL), 0);
		assert_true(s.in_order);
		assert_true(s.last >= told);
		assert_int_equal(open_store(b, NULL), 0);
		assert_int_equal(sg_store_committed(b->st, 1), s.last);
		auto_answer a =
			ask(b, "c", T0 + (int64_t)s.last * 1000 - 1, T0 + (int64_t)s.last * 1000);

		/* 1 + 2 + ... + last, over all starts. */
		assert_float_equal(a.set.series[0].values[0],
				   (double)s.last * (double)(s.last + 1) / 2, 0);
		shut(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			committed_frames_survive_kill_9_and_none_comes_twice, setup, teardown),
	};

	sg_log_setup("test", SG_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
