// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sgprobe/loop.h>
#include <sgprobe/time.h>

#define MS 1000000ULL

struct seen {
	struct sg_loop *l;
	struct sg_source *self, *other;
	unsigned calls;
	uint64_t n;
	bool remove_self, remove_other;
};

static void note_fd(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	struct seen *seen = ctx;
	char c;

	seen->calls++;
	if (events & EPOLLIN)
		assert_int_equal(read(fd, &c, 1), 1);
	if (seen->remove_other)
		sg_loop_remove(sg_take(seen->other));
	if (seen->remove_self)
		sg_loop_remove(s);
}

static void note_timer(struct sg_source *s, uint64_t n, void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->n = n;
	if (seen->remove_self)
		sg_loop_remove(s);
}

static struct sg_loop *new_loop(void)
{
	struct sg_loop *l = NULL;

	assert_int_equal(sg_loop_new(&l), 0);
	return l;
}

static void poke(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void a_descriptor_is_reported_while_it_is_waited_for(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {0};
	struct sg_source *s = NULL;
	int p[2];

	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(sg_loop_fd(l, p[0], EPOLLIN, note_fd, &seen, &s), 0);
	assert_int_equal(sg_loop_step(l, 0), 0);
	poke(p[1]);
	assert_int_equal(sg_loop_step(l, 1000), 1);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(sg_loop_fd_events(s, 0), 0);
	poke(p[1]);
	assert_int_equal(sg_loop_step(l, 0), 0);
	assert_int_equal(sg_loop_fd_events(s, EPOLLIN), 0);
	assert_int_equal(sg_loop_step(l, 1000), 1);
	assert_int_equal(seen.calls, 2);
	sg_loop_remove(s);
	poke(p[1]);
	assert_int_equal(sg_loop_step(l, 0), 0);
	assert_int_not_equal(fcntl(p[0], F_GETFD),
			     -1); /* the loop does not close what it was lent */
	close(p[0]), close(p[1]);
}

static void a_callback_may_remove_itself_and_others_of_the_same_round(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen[2] = {{.remove_other = true}, {.remove_other = true}};
	int p[2], q[2];

	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(pipe2(q, O_NONBLOCK), 0);
	assert_int_equal(sg_loop_fd(l, p[0], EPOLLIN, note_fd, &seen[0], &seen[1].other), 0);
	assert_int_equal(sg_loop_fd(l, q[0], EPOLLIN, note_fd, &seen[1], &seen[0].other), 0);
	seen[0].remove_self = seen[1].remove_self = true;
	poke(p[1]), poke(q[1]);
	assert_int_equal(sg_loop_step(l, 1000),
			 2); /* both are ready, whoever is first removes both */
	assert_int_equal(seen[0].calls + seen[1].calls, 1);
	assert_int_equal(sg_loop_step(l, 0), 0);
	close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void a_source_whose_descriptor_was_closed_can_be_removed(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {0};
	struct sg_source *s = NULL;
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(sg_loop_fd(l, p[0], EPOLLIN, note_fd, &seen, &s), 0);
	close(p[0]), close(p[1]);
	sg_loop_remove(s);
	assert_int_equal(sg_loop_step(l, 0), 0);
	assert_int_equal(sg_loop_fd(l, 9999, EPOLLIN, note_fd, &seen, &s), -EBADF);
	sg_loop_remove(NULL);
	sg_loop_free(NULL);
}

static void a_periodic_timer_counts_what_was_missed(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {0};
	uint64_t start = sg_mono_ns(), total = 0;

	assert_int_equal(sg_loop_every(l, 5 * MS, note_timer, &seen, NULL), 0);
	while (total < 8) {
		assert_true(sg_loop_step(l, 5000) >= 0);
		total += seen.n;
		seen.n = 0;
	}
	assert_true(sg_mono_ns() - start >= 40 * MS);
	assert_true(seen.calls <= total);
}

static void a_single_timer_comes_once(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen once = {0}, removed = {.remove_self = true}, zero = {0};

	assert_int_equal(sg_loop_after(l, MS, note_timer, &once, NULL), 0);
	assert_int_equal(sg_loop_after(l, MS, note_timer, &removed, NULL), 0);
	assert_int_equal(sg_loop_after(l, 0, note_timer, &zero, NULL), 0);
	while (once.calls + removed.calls + zero.calls < 3)
		assert_true(sg_loop_step(l, 5000) > 0);
	assert_int_equal(sg_loop_step(l, 0), 0);
	assert_int_equal(once.calls, 1);
	assert_int_equal(once.n, 1);
}

static void an_aligned_timer_comes_on_multiples_of_the_wall_clock(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {0};

	assert_int_equal(sg_loop_aligned(l, 0, note_timer, &seen, NULL), -EINVAL);
	assert_int_equal(sg_loop_aligned(l, 50 * MS, note_timer, &seen, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		int64_t next =
			(int64_t)((uint64_t)sg_real_ns() / (50 * MS) + 1) * (int64_t)(50 * MS);

		seen.calls = 0;
		while (!seen.calls)
			assert_true(sg_loop_step(l, 5000) >= 0);
		assert_true(sg_real_ns() >= next);
	}
}

/*
 * What the kernel says through a timer when the wall clock is set. The clock of
 * the machine that runs the tests is not ours to set, so the answer is forged.
 */
static bool clock_was_set;

ssize_t read(int fd, void *p, size_t n)
{
	if (clock_was_set && n == sizeof(uint64_t)) {
		clock_was_set = false;
		errno = ECANCELED;
		return -1;
	}
	return syscall(SYS_read, fd, p, n);
}

static unsigned armed;

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	armed++;
	return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static void an_aligned_timer_survives_a_clock_that_is_set(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {.n = 99};

	assert_int_equal(sg_loop_aligned(l, 20 * MS, note_timer, &seen, NULL), 0);
	clock_was_set = true;
	armed = 0;
	while (!seen.calls)
		assert_true(sg_loop_step(l, 5000) >= 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(armed, 1);
	while (seen.calls < 3)
		assert_true(sg_loop_step(l, 5000) >= 0);
	assert_true(seen.n > 0);
}

static void note_signal(struct sg_source *s, const struct signalfd_siginfo *si, void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->n += si->ssi_signo;
}

static void signals_arrive_as_events(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {0};
	struct sg_source *s = NULL;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(sg_loop_signals(l, &set, note_signal, &seen, &s), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	while (seen.calls < 2)
		assert_true(sg_loop_step(l, 5000) > 0);
	assert_int_equal(seen.n, SIGUSR1 + SIGUSR2);
	sg_loop_remove(s);
}

static void stop_it(struct sg_source *s, uint64_t n, void *ctx)
{
	sg_loop_stop(ctx, 42);
}

static void running_ends_with_the_code_given_and_can_begin_again(void **state)
{
	sg_auto(sg_loop) l = new_loop();

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sg_loop_after(l, MS, stop_it, l, NULL), 0);
		assert_int_equal(sg_loop_run(l), 42);
	}
}

static void step_inside(struct sg_source *s, uint64_t n, void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
	sg_loop_remove(s);
	assert_int_equal(sg_loop_after(seen->l, 0, note_timer, seen, NULL), 0);
	while (seen->calls < 2)
		assert_true(sg_loop_step(seen->l, 5000) >= 0);
}

static void a_callback_may_run_a_round_itself(void **state)
{
	sg_auto(sg_loop) l = new_loop();
	struct seen seen = {.l = l};

	assert_int_equal(sg_loop_every(l, MS, step_inside, &seen, NULL), 0);
	while (seen.calls < 2)
		assert_true(sg_loop_step(l, 5000) >= 0);
	assert_int_equal(sg_loop_step(l, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_is_reported_while_it_is_waited_for),
		cmocka_unit_test(a_callback_may_remove_itself_and_others_of_the_same_round),
		cmocka_unit_test(a_source_whose_descriptor_was_closed_can_be_removed),
		cmocka_unit_test(a_periodic_timer_counts_what_was_missed),
		cmocka_unit_test(a_single_timer_comes_once),
		cmocka_unit_test(an_aligned_timer_comes_on_multiples_of_the_wall_clock),
		cmocka_unit_test(an_aligned_timer_survives_a_clock_that_is_set),
		cmocka_unit_test(signals_arrive_as_events),
		cmocka_unit_test(running_ends_with_the_code_given_and_can_begin_again),
		cmocka_unit_test(a_callback_may_run_a_round_itself),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
