// SPDX-License-Identifier: GPL-2.0
/*
 * The whole server over a fake store. Without arguments: unit tests of starting and
 * stopping. With --serve HOST:PORT SOCKET it serves until its input ends and obeys
 * lines such as "tick 5", so that tests in another language drive it without waiting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include <sgprobe/http.h>
#include <sgprobe/time.h>

#include "http/fake_reader.h"

struct served {
	struct fake_world world;
	struct sg_config cfg;
	struct sg_http *http;
};

static void push_ticks(struct served *s, int n)
{
	sg_auto_buf b = {0};

	while (n-- > 0) {
		int64_t t = atomic_load(&s->world.newest_ms) + 1000;

		sg_buf_reset(&b);
		fake_frame(&s->world, t, &b);
		atomic_store(&s->world.newest_ms, t); /* stored before it is pushed */
		sg_http_push(s->http, b.data, b.len);
	}
}

static int start(struct served *s, const char *listen, const char *path)
{
	struct sg_error err = {""};
	struct sg_http_options o = {
		.cfg = &s->cfg, .boot_id = 42, .open_reader = fake_open, .ctx = &s->world};
	int64_t now = sg_real_ms() / 1000 * 1000 - 1000000;

	sg_config_defaults(&s->cfg);
	snprintf(s->cfg.listen, sizeof(s->cfg.listen), "%s", listen);
	snprintf(s->cfg.hosts, sizeof(s->cfg.hosts), "probe.example");
	s->cfg.max_clients = 4;
	atomic_store(&s->world.newest_ms, now);
	atomic_store(&s->world.oldest_ms, now - 7200000);
	o.listen_fd = sg_http_listen_tcp(listen, false, &err);
	o.unix_fd = o.listen_fd < 0 ? -1 : sg_http_listen_unix(path, &err);
	if (o.listen_fd < 0 || o.unix_fd < 0 || sg_http_start(&o, &s->http, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	return 0;
}

static void put_stats(struct served *s)
{
	struct sg_http_stats st;

	sg_http_stats(s->http, &st);
	printf("stats requests=%llu clients=%llu sent=%llu gaps=%llu dropped=%llu refused=%llu reads=%d\n",
	       (unsigned long long)st.requests, (unsigned long long)st.ws_clients,
	       (unsigned long long)st.ws_sent_bytes, (unsigned long long)st.ws_gaps,
	       (unsigned long long)st.queue_dropped, (unsigned long long)st.refused,
	       atomic_load(&s->world.reads));
}

static void obey(struct served *s, const char *line)
{
	char what[32] = "", arg[512] = "";
	int n;

	sscanf(line, "%31s %511[^\n]", what, arg);
	n = atoi(arg);
	if (!strcmp(what, "tick"))
		push_ticks(s, n);
	else if (!strcmp(what, "delay"))
		atomic_store(&s->world.delay_ms, n);
	else if (!strcmp(what, "fail"))
		atomic_store(&s->world.fail, n);
	else if (!strcmp(what, "extra"))
		atomic_store(&s->world.extra, n);
	else if (!strcmp(what, "ready"))
		sg_http_ready(s->http, n);
	else if (!strcmp(what, "status"))
		sg_http_status(s->http, arg);
	else if (!strcmp(what, "stats"))
		put_stats(s);
	printf("ok %lld\n", (long long)atomic_load(&s->world.newest_ms));
	fflush(stdout);
}

static int serve(const char *listen, const char *path)
{
	struct served s = {0};
	char line[1024];

	if (start(&s, listen, path))
		return 1;
	obey(&s, "");
	while (fgets(line, sizeof(line), stdin))
		obey(&s, line);
	sg_http_stop(s.http);
	unlink(path);
	return 0;
}

#define LISTEN "127.0.0.1:19430"

static void starts_and_stops_without_a_client(void **state)
{
	struct served s = {0};
	char path[64];

	snprintf(path, sizeof(path), "/tmp/sg-http-test.%d", getpid());
	assert_int_equal(start(&s, LISTEN, path), 0);
	push_ticks(&s, 300); /* more than the queue holds: the oldest go */
	sg_http_status(s.http, "{\"a\":1}");
	sg_http_stop(s.http);
	unlink(path);
}

static void a_taken_port_is_refused_with_a_sentence(void **state)
{
	struct sg_error err = {""};
	int fd = sg_http_listen_tcp(LISTEN, false, &err);

	assert_true(fd >= 0);
	assert_int_equal(sg_http_listen_tcp(LISTEN, false, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "--listen"));
	close(fd);
}

static void a_network_address_needs_the_setting(void **state)
{
	struct sg_error err = {""};
	int fd;

	assert_int_equal(sg_http_listen_tcp("0.0.0.0:19430", false, &err), -EACCES);
	assert_non_null(strstr(err.msg, "web.insecure_listen"));
	fd = sg_http_listen_tcp("0.0.0.0:19430", true, &err);
	assert_true(fd >= 0);
	close(fd);
}

static void both_families_listen_and_nonsense_does_not(void **state)
{
	static const char *const bad[] = {
		"",	    "127.0.0.1", ":9470",	   "127.0.0.1:0",  "127.0.0.1:65536",
		"::1:9470", "[::1:9470", "example.org:80", "127.0.0.1:94x"};
	struct sg_error err = {""};
	int fd = sg_http_listen_tcp("[::1]:19430", false, &err);

	if (fd >= 0)
		close(fd);
	else
		assert_int_equal(fd, -EADDRNOTAVAIL); /* a machine without IPv6 */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sg_http_listen_tcp(bad[i], true, &err), -EINVAL);
}

static void a_dead_socket_file_is_replaced_and_a_live_one_is_not(void **state)
{
	struct sg_error err = {""};
	struct stat st;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/sg-http-test.%d", getpid());
	fd = sg_http_listen_unix(path, &err);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(sg_http_listen_unix(path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "another sgprobe daemon"));
	close(fd);
	fd = sg_http_listen_unix(path, &err);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	fclose(fopen(path, "w"));
	assert_int_equal(sg_http_listen_unix(path, &err), -EEXIST);
	unlink(path);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_and_stops_without_a_client),
		cmocka_unit_test(a_taken_port_is_refused_with_a_sentence),
		cmocka_unit_test(a_network_address_needs_the_setting),
		cmocka_unit_test(both_families_listen_and_nonsense_does_not),
		cmocka_unit_test(a_dead_socket_file_is_replaced_and_a_live_one_is_not),
	};

	if (argc == 4 && !strcmp(argv[1], "--serve"))
		return serve(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
