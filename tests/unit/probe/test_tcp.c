// SPDX-License-Identifier: GPL-2.0
// The TCP programs by both variants: the same connections give the same counts.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <sgprobe/bpf/tcp.h>

#include "probe/drain.h"

#define CONNECTIONS 300
#define SENT 1000 /* bytes by each end */

struct fixture {
	struct sg_shared shared;
	struct sg_slots *slots;
	struct sg_loaded loaded;
	struct sg_drain *drain;
	struct sg_config cfg;
	char comm[16]; /* of this process: tells its connections from those of others */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	libbpf_set_print(NULL);
	snprintf(f->comm, sizeof(f->comm), "sgt%d", getpid());
	prctl(PR_SET_NAME, f->comm);
	sg_config_defaults(&f->cfg);
	f->cfg.slots = 64;
	sg_shared_init(&f->shared, &f->cfg);
	*state = f;
	return sg_slots_new(&f->shared, &f->cfg, &f->slots);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t axis = 0; axis < SG_AXES; axis++) {
		for (size_t i = 0; i < f->slots->axes[axis].n; i++)
			sg_drain_release(f->slots->axes[axis].values[i]);
	}
	sg_drain_free(f->drain);
	sg_unload(&f->loaded);
	sg_slots_free(f->slots);
	sg_shared_free(&f->shared);
	free(f);
	return 0;
}

static void load(struct fixture *f, const char *variant)
{
	size_t i = 0;
	int r = sg_load_as(&f->loaded, &sg_domain_tcp, &f->shared, variant);

	if (r == -EPERM || r == -EACCES)
		skip();
	if (r < 0)
		fail_msg("%s: %s", variant, f->loaded.reason);
	while (sg_domains[i] != &sg_domain_tcp)
		i++;
	assert_int_equal(sg_drain_new(&f->loaded, f->slots, i, &f->drain), 0);
}

static void read_all(struct fixture *f)
{
	sg_slots_tick(f->slots);
	sg_drain_read(f->drain, f->shared.state->bank);
}

/* What this process' connections counted for a signal in the last reading. */
static uint64_t mine(struct fixture *f, size_t signal)
{
	const struct sg_axis_values *a = &f->slots->axes[SG_AXIS_COMM];

	for (size_t i = 0; i < a->n; i++) {
		const struct sg_sums *s = a->values[i]->sums[f->drain->index];

		if (!strcmp(a->values[i]->name, f->comm) && s && s->acc[signal])
			return s->acc[signal]->count;
	}
	return 0;
}

static socklen_t loopback(int family, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		a6->sin6_addr = in6addr_loopback;
		return sizeof(*a6);
	}
	a4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*a4);
}

static int listener(int family, struct sockaddr_storage *ss)
{
	socklen_t len = loopback(family, ss);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		skip(); /* no IPv6 here */
	assert_int_equal(bind(fd, (struct sockaddr *)ss, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ss, &len), 0);
	return fd;
}

static void send_all(int fd)
{
	char data[SENT] = {0};

	assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
}

static void receive_all(int fd)
{
	char data[SENT];

	assert_int_equal(recv(fd, data, sizeof(data), MSG_WAITALL), sizeof(data));
}

static void one_connection(int family, int l, const struct sockaddr_storage *ss)
{
	struct sockaddr_storage any;
	socklen_t len = loopback(family, &any);
	int c = socket(family, SOCK_STREAM, 0), s;
	char end;

	assert_int_equal(connect(c, (const struct sockaddr *)ss, len), 0);
	s = accept(l, NULL, NULL);
	assert_true(s >= 0);
	send_all(c);
	receive_all(s);
	send_all(s);
	receive_all(c);
	close(c);
	assert_int_equal(recv(s, &end, 1, 0), 0);
	close(s);
}

static void connect_many(struct fixture *f, int family)
{
	struct sockaddr_storage ss;
	int l = listener(family, &ss);
	uint64_t bytes = (uint64_t)CONNECTIONS * SENT * 2;

	for (int i = 0; i < CONNECTIONS; i++)
		one_connection(family, l, &ss);
	close(l);
	read_all(f);
	assert_int_equal(mine(f, TCP_CONNECT), CONNECTIONS);
	assert_int_equal(mine(f, TCP_LIFETIME), 2 * CONNECTIONS);
	assert_true(mine(f, TCP_RTT) >= 2 * CONNECTIONS);
	/* Others on this host are counted too. */
	assert_true(f->drain->counted[TCP_CONNECTS] >= CONNECTIONS);
	assert_true(f->drain->counted[TCP_ACCEPTS] >= CONNECTIONS);
	assert_true(f->drain->counted[TCP_SENT_BYTES] >= bytes);
	assert_true(f->drain->counted[TCP_RECEIVED_BYTES] >= bytes);
	assert_int_equal(f->drain->counted[SG_C_NO_STATE], 0);
}

static void connections_are_exact_with_socket_storage(void **state)
{
	load(*state, "tp_btf");
	connect_many(*state, AF_INET);
	connect_many(*state, AF_INET6);
}

static void connections_are_exact_by_socket_address(void **state)
{
	load(*state, "raw_tp");
	connect_many(*state, AF_INET);
	connect_many(*state, AF_INET6);
}

/* A listener from before: with socket storage its children have an owner all the same. */
static void children_of_an_older_listener_have_its_owner(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage ss;
	int l = listener(AF_INET, &ss);

	load(f, "tp_btf");
	one_connection(AF_INET, l, &ss);
	close(l);
	read_all(f);
	assert_int_equal(mine(f, TCP_LIFETIME), 2);
}

/* One socket that connects, is disconnected and connects again. */
static void use_again(struct fixture *f, const char *variant)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_storage ss;
	int l = listener(AF_INET, &ss), c = socket(AF_INET, SOCK_STREAM, 0), s;

	load(f, variant);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(connect(c, (struct sockaddr *)&ss, sizeof(struct sockaddr_in)), 0);
		s = accept(l, NULL, NULL);
		send_all(c);
		receive_all(s);
		assert_int_equal(connect(c, &none, sizeof(none)), 0);
		close(s);
	}
	close(c);
	close(l);
	read_all(f);
	assert_int_equal(mine(f, TCP_CONNECT), 3);
	assert_true(f->drain->counted[TCP_SENT_BYTES] >= 3 * SENT);
}

static void a_socket_that_is_used_again_counts_again(void **state)
{
	use_again(*state, "tp_btf");
	assert_int_equal(mine(*state, TCP_LIFETIME), 6);
}

static void a_socket_that_is_used_again_counts_again_by_address(void **state)
{
	use_again(*state, "raw_tp");
}

static void a_refused_connect_is_a_failure_and_has_no_latency(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage ss;
	int l = listener(AF_INET, &ss), c;

	close(l); /* nobody listens there any more */
	load(f, "tp_btf");
	for (int i = 0; i < 10; i++) {
		c = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(c, (struct sockaddr *)&ss, sizeof(struct sockaddr_in)),
				 -1);
		close(c);
	}
	read_all(f);
	assert_true(f->drain->counted[TCP_CONNECT_FAILURES] >= 10);
	assert_true(f->drain->counted[TCP_RESETS_RECEIVED] >= 10);
	assert_int_equal(mine(f, TCP_CONNECT), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(connections_are_exact_with_socket_storage),
		TEST(connections_are_exact_by_socket_address),
		TEST(children_of_an_older_listener_have_its_owner),
		TEST(a_socket_that_is_used_again_counts_again),
		TEST(a_socket_that_is_used_again_counts_again_by_address),
		TEST(a_refused_connect_is_a_failure_and_has_no_latency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
