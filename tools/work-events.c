// SPDX-License-Identifier: GPL-2.0
/*
 * Causes events for tests: kill N (starts N processes, one after the other, and kills each
 * by SIGKILL), or vfork SECONDS (is blocked uninterruptibly until its child ends).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int kill_many(long n)
{
	while (n-- > 0) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

static int block(unsigned int seconds)
{
	pid_t pid = vfork();

	if (pid == 0) {
		sleep(seconds);
		_exit(0);
	}
	return pid < 0 || waitpid(pid, NULL, 0) != pid;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "kill") == 0)
		return kill_many(atol(argv[2]));
	if (argc == 3 && strcmp(argv[1], "vfork") == 0)
		return block((unsigned int)atol(argv[2]));
	fprintf(stderr, "usage: work-events kill N | vfork SECONDS\n");
	return 2;
}
