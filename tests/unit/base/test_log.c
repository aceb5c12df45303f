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
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <sgprobe/err.h>
#include <sgprobe/mem.h>

/* Standard error goes to a file while a message is written. */
struct capture {
	int fd, saved;
	char text[8192];
};

static void begin(struct capture *c)
{
	c->fd = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(c->fd >= 0);
	c->saved = dup(STDERR_FILENO);
	assert_int_equal(dup2(c->fd, STDERR_FILENO), STDERR_FILENO);
}

static const char *end(struct capture *c)
{
	ssize_t n;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	n = pread(c->fd, c->text, sizeof(c->text) - 1, 0);
	assert_true(n >= 0);
	c->text[n] = 0;
	close(c->fd);
	return c->text;
}

static void a_line_names_the_process(void **state)
{
	struct capture c;

	begin(&c);
	sg_log_setup("probe", SG_LOG_INFO);
	sg_info("started in %d ms", 5);
	sg_log_setup(NULL, SG_LOG_INFO);
	sg_warn("no role");
	assert_string_equal(end(&c), "sgprobe[probe]: started in 5 ms\nsgprobe: no role\n");
}

static void what_is_below_the_level_is_not_written(void **state)
{
	struct capture c;

	begin(&c);
	sg_log_setup("x", SG_LOG_WARN);
	sg_debug("no");
	sg_info("no");
	sg_warn("yes");
	assert_string_equal(end(&c), "sgprobe[x]: yes\n");
}

static void nobody_writes_a_line_or_colour_of_his_own(void **state)
{
	struct capture c;

	begin(&c);
	sg_log_setup("x", SG_LOG_INFO);
	sg_info("comm is %s", "a\nsgprobe[x]: all is well\x1b[31m");
	assert_string_equal(end(&c),
			    "sgprobe[x]: comm is a\\x0asgprobe[x]: all is well\\x1b[31m\n");
}

static void a_long_message_is_cut_and_stays_one_line(void **state)
{
	struct capture c;
	char text[5000];
	const char *out;

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	begin(&c);
	sg_log_setup("x", SG_LOG_INFO);
	sg_info("%s", text);
	out = end(&c);
	assert_true(strlen(out) < 4096);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void errors_say_why_and_return_the_code(void **state)
{
	struct capture c;

	begin(&c);
	sg_log_setup("x", SG_LOG_INFO);
	errno = EBADF;
	assert_int_equal(sg_log_err(-ENOENT, "cannot read %s", "f"), -ENOENT);
	assert_int_equal(errno, EBADF);
	assert_string_equal(end(&c), "sgprobe[x]: cannot read f: No such file or directory\n");
}

static void the_journal_gets_priorities(void **state)
{
	struct capture c;
	struct stat st;
	char stream[64];

	begin(&c);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	sg_log_setup("x", SG_LOG_DEBUG);
	sg_log(SG_LOG_ERROR, "a");
	sg_warn("b");
	sg_info("c");
	sg_debug("d");
	setenv("JOURNAL_STREAM", "1:1", 1); /* inherited, but this is not that stream */
	sg_log_setup("x", SG_LOG_INFO);
	sg_info("e");
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(end(&c), "<3>sgprobe[x]: a\n<4>sgprobe[x]: b\n<6>sgprobe[x]: c\n"
				     "<7>sgprobe[x]: d\nsgprobe[x]: e\n");
}

static void a_failure_carries_its_sentence(void **state)
{
	struct sg_error err = {""};
	char text[2000];

	assert_int_equal(sg_fail(&err, -EINVAL, "%s: '%d' is wrong", "key", 7), -EINVAL);
	assert_string_equal(err.msg, "key: '7' is wrong");
	assert_int_equal(sg_fail(NULL, -EIO, "nobody listens"), -EIO);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	sg_fail(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_the_process),
		cmocka_unit_test(what_is_below_the_level_is_not_written),
		cmocka_unit_test(nobody_writes_a_line_or_colour_of_his_own),
		cmocka_unit_test(a_long_message_is_cut_and_stays_one_line),
		cmocka_unit_test(errors_say_why_and_return_the_code),
		cmocka_unit_test(the_journal_gets_priorities),
		cmocka_unit_test(a_failure_carries_its_sentence),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
