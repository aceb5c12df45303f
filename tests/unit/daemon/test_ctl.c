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

/* A set of n parts; all are the writing end of the pipe p. */
static void make_set(struct sg_kept *k, uint32_t n, int p)
{
	memset(k, 0, sizeof(*k));
	strcpy(k->variant, "tp_btf");
	for (uint32_t i = 0; i < n; i++) {
		char name[SG_KEPT_NAME];

		snprintf(name, sizeof(name), "part %u", i);
		assert_int_equal(sg_kept_add(k, i % SG_KEPT_KINDS, name, p), 0);
	}
}

/* Nobody holds the writing end any more. */
static void assert_closed(int p)
{
	char c;

	assert_int_equal(read(p, &c, 1), 0);
}

static void a_set_arrives_whole_and_with_all_its_descriptors(void **state)
{
	struct sg_kept sent, got;
	struct sg_ctl_msg m;
	int fds[2], p[2];

	make_pair(fds);
	assert_int_equal(pipe(p), 0);
	make_set(&sent, SG_KEPT_PARTS, p[1]);
	assert_int_equal(sg_ctl_send_kept(fds[0], 7, &sent), 0);
	close(p[1]);
	assert_int_equal(sg_ctl_recv_kept(fds[1], &m, &got), 1);
	assert_int_equal(m.type, SG_CTL_KEEP);
	assert_int_equal(m.arg, 7);
	assert_int_equal(got.n, SG_KEPT_PARTS);
	assert_string_equal(got.variant, "tp_btf");
	assert_memory_equal(got.parts, sent.parts, sizeof(got.parts));
	for (uint32_t i = 0; i < got.n; i++)
		assert_true(fcntl(got.fds[i], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(sg_kept_add(&got, SG_KEPT_MAP, "one more", 0), -E2BIG);
	sg_kept_close(&got);
	assert_closed(p[0]);
}

static void an_empty_set_and_plain_messages_arrive_too(void **state)
{
	struct sg_ctl_msg m = {.type = SG_CTL_BEAT};
	struct sg_kept k = {0};
	int fds[2];

	make_pair(fds);
	assert_int_equal(sg_ctl_send_kept(fds[0], 0, &k), 0);
	assert_int_equal(sg_ctl_send(fds[0], &m, fds[0]), 0);
	assert_int_equal(sg_ctl_recv_kept(fds[1], &m, &k), 1);
	assert_int_equal(m.type, SG_CTL_KEEP);
	assert_int_equal(k.n, 0);
	assert_int_equal(sg_ctl_recv_kept(fds[1], &m, &k), 1);
	assert_int_equal(m.type, SG_CTL_BEAT);
	assert_int_equal(sg_ctl_recv_kept(fds[1], &m, &k), 0);
}

/* Sends a message and a set as they are, with fewer descriptors than it says. */
static void send_raw(int fd, uint32_t type, const struct sg_kept *k, size_t bytes, int pass)
{
	struct sg_ctl_msg m = {.type = type};
	struct iovec iov[] = {{&m, sizeof(m)}, {(void *)k, bytes}};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = {.align = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr h = {.msg_iov = iov,
			   .msg_iovlen = 2,
			   .msg_control = u.buf,
			   .msg_controllen = sizeof(u.buf)};

	memcpy(CMSG_DATA(&u.align), &pass, sizeof(pass));
	assert_true(sendmsg(fd, &h, 0) > 0);
}

static void a_set_that_is_none_is_refused_and_its_descriptors_closed(void **state)
{
	size_t head = offsetof(struct sg_kept, parts), part = sizeof(struct sg_kept_part);
	struct sg_kept good, bad, got;
	struct sg_ctl_msg m;
	int fds[2], p[2], fd;

	make_pair(fds);
	assert_int_equal(pipe(p), 0);
	make_set(&good, 1, -1);
	send_raw(fds[0], SG_CTL_KEEP, &good, head, p[1]); /* too short */
	send_raw(fds[0], SG_CTL_KEEP, &good, sizeof(good), p[1]); /* too long */
	send_raw(fds[0], SG_CTL_BEAT, &good, head + part, p[1]); /* not a set's message */
	bad = good;
	bad.parts[0].kind = SG_KEPT_KINDS;
	send_raw(fds[0], SG_CTL_KEEP, &bad, head + part, p[1]);
	bad = good;
	memset(bad.parts[0].name, 'x', sizeof(bad.parts[0].name));
	send_raw(fds[0], SG_CTL_KEEP, &bad, head + part, p[1]);
	bad = good;
	memset(bad.variant, 'x', sizeof(bad.variant));
	send_raw(fds[0], SG_CTL_KEEP, &bad, head + part, p[1]);
	bad = good;
	bad.n = SG_KEPT_PARTS + 1;
	send_raw(fds[0], SG_CTL_KEEP, &bad, sizeof(bad), p[1]);
	bad.n = 0;
	send_raw(fds[0], SG_CTL_KEEP, &bad, head, p[1]); /* a descriptor without a part */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(sg_ctl_recv_kept(fds[1], &m, &got), -EBADMSG);
		assert_int_equal(got.n, 0);
	}
	send_raw(fds[0], SG_CTL_KEEP, &good, head + part, p[1]); /* to one who takes no sets */
	assert_int_equal(sg_ctl_recv(fds[1], &m, &fd), -EBADMSG);
	close(p[1]);
	assert_closed(p[0]);
}

static void a_set_that_did_not_come_whole_is_empty(void **state)
{
	struct sg_kept two, got;
	struct sg_ctl_msg m;
	int fds[2], p[2];

	make_pair(fds);
	assert_int_equal(pipe(p), 0);
	make_set(&two, 2, -1);
	send_raw(fds[0], SG_CTL_KEEP, &two,
		 offsetof(struct sg_kept, parts) + 2 * sizeof(struct sg_kept_part), p[1]);
	assert_int_equal(sg_ctl_recv_kept(fds[1], &m, &got), 1);
	assert_int_equal(m.type, SG_CTL_KEEP);
	assert_int_equal(got.n, 0);
	close(p[1]);
	assert_closed(p[0]);
}

static void a_set_takes_the_place_of_the_one_before(void **state)
{
	struct sg_kept_sets sets = {0};
	struct sg_kept k;
	int p[2], q[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	make_set(&k, 1, p[1]);
	assert_int_equal(sg_kept_put(&sets, 3, &k), 0);
	make_set(&k, 1, q[1]);
	assert_int_equal(sg_kept_put(&sets, 3, &k), 0);
	assert_closed(p[0]);
	assert_true(sg_kept_any(&sets));
	assert_int_equal(sg_kept_take(sets.sets[3], SG_KEPT_PROGRAM, "part 0"), -1);
	assert_int_equal(sg_kept_take(sets.sets[3], SG_KEPT_MAP, "part 0"), q[1]);
	assert_int_equal(sg_kept_take(sets.sets[3], SG_KEPT_MAP, "part 0"), -1);
	close(q[1]);
	k.n = 0;
	assert_int_equal(sg_kept_put(&sets, 3, &k), 0);
	assert_false(sg_kept_any(&sets));
	assert_int_equal(pipe(p), 0);
	make_set(&k, 1, p[1]);
	assert_int_equal(sg_kept_put(&sets, SG_KEPT_SETS, &k), -EINVAL);
	assert_closed(p[0]);
}

static void a_command_arrives_with_both_sockets(void **state)
{
	struct sg_named_command c = {.verb = SG_NAMED_ADD}, got = {0};
	struct sg_ctl_msg m, beat = {.type = SG_CTL_BEAT};
	int fds[2], p[2], two[2];

	strcpy(c.probe.name, "a");
	make_pair(fds);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(sg_ctl_send_command(fds[0], &c, p[0], p[1]), 0);
	assert_int_equal(sg_ctl_recv_command(fds[1], &m, &got, two), 1);
	assert_int_equal(m.type, SG_CTL_COMMAND);
	assert_memory_equal(&got, &c, sizeof(c));
	assert_true(two[0] >= 0 && two[1] >= 0);
	assert_int_equal(sg_ctl_send(fds[0], &beat, -1), 0);
	assert_int_equal(sg_ctl_recv_command(fds[1], &m, &got, two), 1);
	assert_int_equal(m.type, SG_CTL_BEAT);
}

/* What a server process that was taken over may send. */
static void a_command_that_is_none_is_refused(void **state)
{
	struct sg_named_command c = {.verb = SG_NAMED_ADD}, got;
	struct sg_ctl_msg m, command = {.type = SG_CTL_COMMAND};
	int fds[2], p[2], two[2];

	make_pair(fds);
	assert_int_equal(sg_ctl_send(fds[0], &command, -1), 0);
	assert_int_equal(sg_ctl_recv_command(fds[1], &m, &got, two), -EBADMSG);
	assert_int_equal(pipe(p), 0);
	memset(c.probe.spec, 1, sizeof(c.probe.spec));
	assert_int_equal(sg_ctl_send_command(fds[0], &c, p[1], p[1]), 0);
	close(p[1]);
	assert_int_equal(sg_ctl_recv_command(fds[1], &m, &got, two), -EBADMSG);
	assert_closed(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_arrives_with_both_sockets),
		cmocka_unit_test(a_command_that_is_none_is_refused),
		cmocka_unit_test(a_message_arrives_with_its_descriptor),
		cmocka_unit_test(a_message_without_a_descriptor_has_none),
		cmocka_unit_test(nonsense_is_refused_and_its_descriptor_closed),
		cmocka_unit_test(the_end_of_the_peer_is_seen),
		cmocka_unit_test(a_peer_that_does_not_read_never_blocks_the_sender),
		cmocka_unit_test(a_set_arrives_whole_and_with_all_its_descriptors),
		cmocka_unit_test(an_empty_set_and_plain_messages_arrive_too),
		cmocka_unit_test(a_set_that_is_none_is_refused_and_its_descriptors_closed),
		cmocka_unit_test(a_set_that_did_not_come_whole_is_empty),
		cmocka_unit_test(a_set_takes_the_place_of_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
