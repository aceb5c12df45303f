// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <sgprobe/file.h>

static char dir[] = "/tmp/sgprobe-test-file-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void a_file_is_written_whole_and_read_back(void **state)
{
	sg_auto_buf b = {0};
	unsigned before = entries();
	struct stat st;

	assert_int_equal(sg_write_file(in_dir("a"), "first", 5, 0640), 0);
	assert_int_equal(sg_write_file(in_dir("a"), "second", 6, 0640), 0);
	assert_int_equal(sg_read_file(in_dir("a"), 100, &b), 0);
	assert_string_equal(b.data, "second");
	assert_int_equal(sg_read_file(in_dir("a"), 100, &b), 0); /* appends */
	assert_string_equal(b.data, "secondsecond");
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(entries(), before + 1); /* no temporary file is left */
}

static void a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
	unsigned before;

	assert_int_equal(mkdir(in_dir("folder"), 0755), 0);
	before = entries();
	assert_int_equal(sg_write_file(in_dir("folder"), "x", 1, 0644), -EISDIR);
	assert_int_equal(entries(), before);
	assert_int_equal(sg_write_file(in_dir("no/such"), "x", 1, 0644), -ENOENT);
}

static void what_is_read_is_bounded(void **state)
{
	sg_auto_buf b = {0};

	assert_int_equal(sg_write_file(in_dir("big"), "0123456789", 10, 0644), 0);
	assert_int_equal(sg_read_file(in_dir("big"), 10, &b), 0);
	sg_buf_reset(&b);
	assert_int_equal(sg_read_file(in_dir("big"), 9, &b), -EFBIG);
	assert_int_equal(sg_read_file("/dev/zero", 1 << 20, &b), -EFBIG);
	assert_int_equal(sg_read_file(in_dir("none"), 9, &b), -ENOENT);
	assert_int_equal(sg_read_file(dir, 9, &b), -EISDIR);
}

static void an_open_file_is_read_again(void **state)
{
	sg_auto_buf b = {0};
	sg_auto_fd int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sg_reread_fd(fd, 4096, &b), 0);
		assert_int_equal(atoi(b.data), getpid());
	}
	assert_int_equal(sg_reread_fd(-1, 4096, &b), -EBADF);
}

static void folders_are_made_all_the_way(void **state)
{
	struct stat st;

	assert_int_equal(sg_mkdir_p(in_dir("x/y//z/"), 0700), 0);
	assert_int_equal(sg_mkdir_p(in_dir("x/y/z"), 0700), 0);
	assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(sg_write_file(in_dir("plain"), "x", 1, 0644), 0);
	assert_int_equal(sg_mkdir_p(in_dir("plain"), 0700), -ENOTDIR);
	assert_int_equal(sg_mkdir_p(in_dir("plain/below"), 0700), -ENOTDIR);
	assert_int_equal(sg_mkdir_p("", 0700), -ENOENT);
	assert_int_equal(sg_mkdir_p("/", 0700), 0);
}

static void pipes_are_read_and_written_in_full(void **state)
{
	char in[100], out[100];
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	memset(in, 'x', sizeof(in));
	assert_int_equal(sg_write_full(fd[1], in, sizeof(in)), 0);
	assert_int_equal(sg_read_full(fd[0], out, 60), 0);
	close(fd[1]);
	assert_int_equal(sg_read_full(fd[0], out, 60), -EPIPE);
	close(fd[0]);
	assert_int_equal(sg_write_full(-1, in, 1), -EBADF);
	assert_int_equal(sg_read_full(-1, in, 1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_written_whole_and_read_back),
		cmocka_unit_test(a_failed_write_leaves_the_old_file_and_nothing_else),
		cmocka_unit_test(what_is_read_is_bounded),
		cmocka_unit_test(an_open_file_is_read_again),
		cmocka_unit_test(folders_are_made_all_the_way),
		cmocka_unit_test(pipes_are_read_and_written_in_full),
	};

	return cmocka_run_group_tests_name("file", tests, make_dir, remove_dir);
}
