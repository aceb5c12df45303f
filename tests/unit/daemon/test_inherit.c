// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/inherit.h"

enum { FIRST = 3, LAST = 40 };

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* In a process of its own: 3 to 40 are open, the rest is closed, but for what is kept. */
static int run(int *keep, size_t n, const int *open, size_t n_open)
{
	for (int fd = FIRST; fd <= LAST; fd++)
		dup2(2, fd);
	sg_close_all_but(keep, n);
	for (int fd = 0; fd <= LAST; fd++) {
		bool want = fd < FIRST;

		for (size_t i = 0; i < n_open; i++)
			want |= open[i] == fd;
		if (is_open(fd) != want)
			return fd + 1;
	}
	return 0;
}

static int in_a_child(int *keep, size_t n, const int *open, size_t n_open)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run(keep, n, open, n_open));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void only_what_is_named_stays_open(void **state)
{
	int keep[] = {39, -1, 4, 5, 2, 39, -1, 17};
	static const int open[] = {4, 5, 17, 39};

	assert_int_equal(in_a_child(keep, 8, open, 4), 0);
}

static void the_first_and_the_last_may_be_named(void **state)
{
	int keep[] = {LAST, FIRST};
	static const int open[] = {FIRST, LAST};

	assert_int_equal(in_a_child(keep, 2, open, 2), 0);
}

static void without_names_all_are_closed(void **state)
{
	int keep[] = {-1, -1, -1};

	assert_int_equal(in_a_child(keep, 3, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_named_stays_open),
		cmocka_unit_test(the_first_and_the_last_may_be_named),
		cmocka_unit_test(without_names_all_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
