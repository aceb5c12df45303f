// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/ctl.h"

static void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
}

static void a_message_arrives_with_its_descriptor(void **state)
{
	struct sg_ctl_msg m = {.type = SG_CTL_PEER, .arg = 5, .info = {.probe_pid = 42}}, got;
	int fds[2], p[2], fd;
	char c;

	make_pair(fds);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(sg_ctl_send(fds[0], &m, p[0]), 0);
	close(p[0]);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), 1);
	assert_int_equal(got.type, SG_CTL_PEER);
	assert_int_equal(got.arg, 5);
	assert_int_equal(got.info.probe_pid, 42);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), 0);
	assert_int_equal(fd, -1);
}

static void a_message_without_a_descriptor_has_none(void **state)
{
	struct sg_ctl_msg m = {.type = SG_CTL_BEAT}, got;
	int fds[2], fd = 7;

	make_pair(fds);
	assert_int_equal(sg_ctl_send(fds[0], &m, -1), 0);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), 1);
	assert_int_equal(fd, -1);
}

static void nonsense_is_refused_and_its_descriptor_closed(void **state)
{
	struct sg_ctl_msg m = {.type = SG_CTL_TYPES}, got;
	int fds[2], p[2], fd;

	make_pair(fds);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(sg_ctl_send(fds[0], &m, p[1]), 0);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), -EBADMSG);
	assert_int_equal(fd, -1);
	close(p[1]);
	assert_int_equal(read(p[0], &fd, 1), 0); /* no other writer is left */
	assert_int_equal(write(fds[0], "short", 5), 5);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), -EBADMSG);
	m.type = 0;
	sg_ctl_send(fds[0], &m, -1);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), -EBADMSG);
}

static void the_end_of_the_peer_is_seen(void **state)
{
	struct sg_ctl_msg got;
	int fds[2], fd;

	make_pair(fds);
	close(fds[0]);
	assert_int_equal(sg_ctl_recv(fds[1], &got, &fd), -EPIPE);
	assert_int_equal(sg_ctl_send(fds[1], &got, -1), -EPIPE);
}

static void a_peer_that_does_not_read_never_blocks_the_sender(void **state)
{
	struct sg_ctl_msg m = {.type = SG_CTL_BEAT};
	int fds[2], r = 0;

	make_pair(fds);
	for (int i = 0; i < 100000 && r == 0; i++)
		r = sg_ctl_send(fds[0], &m, -1);
	assert_int_equal(r, -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_with_its_descriptor),
		cmocka_unit_test(a_message_without_a_descriptor_has_none),
		cmocka_unit_test(nonsense_is_refused_and_its_descriptor_closed),
		cmocka_unit_test(the_end_of_the_peer_is_seen),
		cmocka_unit_test(a_peer_that_does_not_read_never_blocks_the_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
