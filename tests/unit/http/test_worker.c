// SPDX-License-Identifier: GPL-2.0
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "http/worker.h"

#include "http/fake_reader.h"

struct fixture {
	struct fake_world world;
	struct http_worker *worker;
	int wake_fd;
};

struct probe_job {
	struct http_job job;
	_Atomic int result;
	int finished;
	bool had_reader;
	_Atomic int *hold; /* run returns when this is not 0 */
	_Atomic int running;
};

static int run(struct http_job *j, struct sg_reader *reader, struct sg_error *err)
{
	struct probe_job *p = (struct probe_job *)j;
	int64_t a, b;

	atomic_store(&p->running, 1);
	while (p->hold && !atomic_load(p->hold))
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	p->had_reader = reader;
	p->result = reader ? reader->range(reader, &a, &b) : -1;
	return p->result;
}

static void done(struct http_job *j)
{
	((struct probe_job *)j)->finished++;
}

#define JOB(...)                                                                                   \
	{                                                                                          \
		.job = {.run = run, .done = done}, __VA_ARGS__                                     \
	}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	*state = x;
	atomic_store(&x->world.newest_ms, 1000);
	x->wake_fd = eventfd(0, EFD_NONBLOCK);
	return http_worker_start("test", fake_open, &x->world, 2, x->wake_fd, &x->worker);
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	http_worker_stop(x->worker);
	close(x->wake_fd);
	free(x);
	return 0;
}

static void wait_done(struct fixture *x, struct probe_job *p)
{
	struct pollfd fd = {.fd = x->wake_fd, .events = POLLIN};
	eventfd_t n;

	while (!p->finished) {
		assert_int_equal(poll(&fd, 1, 10000), 1);
		eventfd_read(x->wake_fd, &n);
		http_worker_collect(x->worker);
	}
}

static void a_job_gets_a_reader_and_comes_back(void **state)
{
	struct probe_job p = JOB();

	assert_int_equal(http_worker_submit(((struct fixture *)*state)->worker, &p.job), 0);
	wait_done(*state, &p);
	assert_true(p.had_reader);
	assert_int_equal(p.result, 0);
	assert_int_equal(p.finished, 1);
}

static void the_queue_is_bounded_and_room_comes_back(void **state)
{
	struct fixture *x = *state;
	_Atomic int go = 0;
	struct probe_job a = JOB(.hold = &go), b = JOB(), c = JOB();

	assert_int_equal(http_worker_submit(x->worker, &a.job), 0);
	assert_int_equal(http_worker_submit(x->worker, &b.job), 0);
	assert_int_equal(http_worker_submit(x->worker, &c.job), -EAGAIN);
	atomic_store(&go, 1);
	wait_done(x, &b);
	assert_int_equal(a.finished, 1);
	assert_int_equal(http_worker_submit(x->worker, &c.job), 0);
	wait_done(x, &c);
}

static void a_cancelled_job_comes_back_without_having_run(void **state)
{
	struct fixture *x = *state;
	_Atomic int go = 0;
	struct probe_job a = JOB(.hold = &go), b = JOB();

	http_worker_submit(x->worker, &a.job);
	http_worker_submit(x->worker, &b.job);
	atomic_store(&b.job.cancelled, true);
	atomic_store(&go, 1);
	wait_done(x, &b);
	assert_int_equal(b.running, 0);
}

static void stopping_finishes_what_waits(void **state)
{
	struct fixture *x = *state;
	_Atomic int go = 1;
	struct probe_job a = JOB(.hold = &go), b = JOB();

	http_worker_submit(x->worker, &a.job);
	http_worker_submit(x->worker, &b.job);
	assert_true(http_worker_stop(x->worker));
	x->worker = NULL;
	assert_int_equal(a.finished, 1);
	assert_int_equal(b.finished, 1);
}

/* static: the thread that is left behind uses them until the process ends. */
static struct fixture left;
static _Atomic int left_go;
static struct probe_job left_job = JOB(.hold = &left_go);

static void a_job_that_does_not_end_loses_its_reader_and_is_left(void **state)
{
	left.wake_fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(
		http_worker_start("left", fake_open, &left.world, 2, left.wake_fd, &left.worker),
		0);
	assert_int_equal(http_worker_submit(left.worker, &left_job.job), 0);
	while (!atomic_load(&left_job.running))
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	assert_false(http_worker_stop(left.worker));
	left_job.result = 1;
	atomic_store(&left_go, 1);
	while (left_job.result == 1)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	assert_int_equal(left_job.result, -ECANCELED);
	assert_int_equal(left_job.finished, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_job_gets_a_reader_and_comes_back),
		T(the_queue_is_bounded_and_room_comes_back),
		T(a_cancelled_job_comes_back_without_having_run),
		T(stopping_finishes_what_waits),
		cmocka_unit_test(a_job_that_does_not_end_loses_its_reader_and_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
