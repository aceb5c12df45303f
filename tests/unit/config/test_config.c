// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "config/setting.h"

#include <sgprobe/file.h>

static int load(struct sg_config *c, const char *text, struct sg_error *err)
{
	return sg_config_load_text(c, text, strlen(text), "f.yaml", err);
}

static void the_defaults_are_those_of_the_manual(void **state)
{
	struct sg_config c;

	sg_config_defaults(&c);
	assert_string_equal(c.data_dir, "/var/lib/sgprobe");
	assert_string_equal(c.listen, "127.0.0.1:9470");
	assert_string_equal(c.socket, "/run/sgprobe/sgprobe.sock");
	assert_string_equal(c.user, "sgprobe");
	assert_string_equal(c.log_level, "info");
	assert_string_equal(c.hosts, "");
	assert_false(c.insecure_listen);
	assert_int_equal(c.max_clients, 32);
	assert_int_equal(c.flush_ns, 10000000000);
	assert_int_equal(c.retention_ns, 7 * 86400000000000);
	assert_int_equal(c.max_bytes, 2ULL << 30);
	assert_int_equal(c.min_free_bytes, 64 << 20);
	assert_int_equal(c.queue_bytes, 8 << 20);
	assert_int_equal(c.max_cgroups, 256);
	assert_int_equal(c.slots, 1024);
	assert_true(c.domain_sched && c.domain_syscall && c.domain_tcp && c.bpf_stats);
	assert_string_equal(c.proc_root, "/proc");
}

static void every_default_keeps_to_its_own_rules(void **state)
{
	for (size_t i = 0; i < sg_n_settings; i++) {
		const struct sg_setting *s = &sg_settings[i];
		struct sg_error err = {""};
		struct sg_config c;

		if (sg_setting_parse(s, &c, s->def, &err) < 0)
			fail_msg("%s: %s", s->key, err.msg);
		assert_true(*s->help && s->help[strlen(s->help) - 1] != '.');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(s->key, sg_settings[j].key);
	}
}

static void what_is_set_is_set_and_nothing_else(void **state)
{
	struct sg_config c, want;
	struct sg_error err = {""};

	sg_config_defaults(&c);
	want = c;
	assert_int_equal(sg_config_set(&want, "listen", "[::1]:1", NULL), 0);
	assert_int_equal(sg_config_set(&want, "web.hosts", "a.example, 10.0.0.7", NULL), 0);
	want.flush_ns = 2500000000;
	want.max_bytes = 64 << 20;
	want.domain_tcp = false;
	assert_int_equal(
		load(&c,
		     "# a comment\nlisten: \"[::1]:1\"\nweb:\n  hosts: a.example, 10.0.0.7\n"
		     "store: {flush: 2.5s, max_bytes: 64MiB}\nprobe:\n  tcp: false\n",
		     &err),
		0);
	assert_memory_equal(&c, &want, sizeof(c));
	assert_string_equal(err.msg, "");
}

static void settings_add_up_over_files(void **state)
{
	struct sg_config c;

	sg_config_defaults(&c);
	assert_int_equal(load(&c, "store:\n  flush: 2s\n", NULL), 0);
	assert_int_equal(load(&c, "store:\n  retention: 1d\n", NULL), 0);
	assert_int_equal(c.flush_ns, 2000000000);
	assert_int_equal(c.retention_ns, 86400000000000);
}

static const struct {
	const char *text, *err;
} bad[] = {
	{"listn: a", "f.yaml:1: listn: there is no such setting; did you mean listen?"},
	{"\n\nflush: 3s", "f.yaml:3: flush: there is no such setting; did you mean store.flush?"},
	{"store:\n  flsh: 3s",
	 "f.yaml:2: store.flsh: there is no such setting; did you mean store.flush?"},
	{"sotre:\n  flush: 3s", "f.yaml:2: sotre: there is no such setting; did you mean store?"},
	{"zzzzzzzzzz: 1",
	 "f.yaml:1: zzzzzzzzzz: there is no such setting; 'sgprobe help config' lists all"},
	{"store:\n  flush: 1ms", "f.yaml:2: store.flush: '1ms' is below the minimum of 1s"},
	{"store:\n  flush: 1h", "f.yaml:2: store.flush: '1h' is above the maximum of 5m"},
	{"store:\n  flush: 10",
	 "f.yaml:2: store.flush: '10' is not a duration; write for example 10s, 1h30m or 7d"},
	{"store:\n  max_bytes: 2GB",
	 "f.yaml:2: store.max_bytes: '2GB' is not a size; write for example 64MiB, 2GiB or 4096"},
	{"web:\n  max_clients: 99999999999999999999",
	 "f.yaml:2: web.max_clients: '99999999999999999999' is above the maximum of 1024"},
	{"web:\n  max_clients: many", "f.yaml:2: web.max_clients: 'many' is not a whole number"},
	{"store:\n  flush: 2s\n  flush: 3s",
	 "f.yaml:3: store.flush: is set a second time; the first is in line 2"},
	{"store:\n flush: 2s\nstore:\n retention: 1d",
	 "f.yaml:4: store: this section comes a second time"},
	{"store.flush: 2s\nstore:\n flush: 3s",
	 "f.yaml:3: store.flush: is set a second time; the first is in line 1"},
	{"web: 3", "f.yaml:1: web: is a section; its settings go below it, indented"},
	{"web:\n  hosts:\n    a: b", "f.yaml:3: web.hosts: takes one value, not a map"},
	{"user: &x b", NULL},
	{"user: *a", NULL},
	{"user: !!str x", NULL},
	{"!!map {user: x}", NULL},
	{"- a", "f.yaml:1: a list stands here; settings take one value"},
	{"listen: [a]", "f.yaml:1: a list stands here; settings take one value"},
	{"x", "f.yaml:1: a key and a colon are expected here"},
	{"---\nuser: a\n---\nuser: b", "f.yaml:3: a second document starts here; one is read"},
	{"? {a: b}\n: c", "f.yaml:1: a map stands where a key is expected"},
	{"listen: foo",
	 "f.yaml:1: listen: 'foo' is not HOST:PORT; write for example 127.0.0.1:9470 or "
	 "[::1]:9470, or none"},
	{"listen: ::1:80", NULL},
	{"listen: '[]:80'", NULL},
	{"listen: a:65536", NULL},
	{"log_level: loud", "f.yaml:1: log_level: 'loud' is not one of error, warn, info, debug"},
	{"probe:\n sched: yes", "f.yaml:2: probe.sched: 'yes' is neither true nor false"},
	{"data_dir:", "f.yaml:1: data_dir: is empty"},
	{"user: \"a\\0b\"", "f.yaml:1: user: contains a control character"},
	{"user: \"a\\nb\"", "f.yaml:1: user: contains a control character"},
	{"web:\n  hosts: <script>", NULL},
	{"probe:\n http_ports: 80, 65536",
	 "f.yaml:2: probe.http_ports: '80, 65536' is not a list of ports; write for example 80, "
	 "8080"},
	{"probe:\n http_ports: 80,", NULL},
	{"probe:\n http_ports: '0'", NULL},
	{"probe:\n http_ports: 80 81", NULL},
	{"probe:\n http_ports: ',80'", NULL},
	{"probe:\n http_ports: '-1'", NULL},
	{"probe:\n http_ports: 00000080", NULL},
	{"probe:\n http_ports: 1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6",
	 "f.yaml:2: probe.http_ports: more than 32 ports"},
	{"\tlisten: a", NULL},
	{"\xff", NULL},
	{"listen: \"a", NULL},
	{"\"lis\\0ten\": a", "f.yaml:1: this is not the name of a setting"},
	{"<<: {user: a}", "f.yaml:1: this is not the name of a setting"},
};

static void what_is_wrong_is_told_by_line_and_changes_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sg_error err = {""};
		struct sg_config c, before;

		sg_config_defaults(&c);
		assert_int_equal(load(&c, "user: somebody", NULL), 0);
		before = c;
		assert_int_equal(load(&c, bad[i].text, &err), -EINVAL);
		assert_memory_equal(&c, &before, sizeof(c));
		assert_int_equal(strncmp(err.msg, "f.yaml:", 7), 0);
		if (bad[i].err)
			assert_string_equal(err.msg, bad[i].err);
	}
}

static void an_error_after_good_lines_takes_them_back(void **state)
{
	struct sg_config c, before;

	sg_config_defaults(&c);
	before = c;
	assert_int_equal(load(&c, "user: other\nlisten: nonsense", NULL), -EINVAL);
	assert_memory_equal(&c, &before, sizeof(c));
}

static void texts_that_do_not_fit_are_refused(void **state)
{
	struct sg_config c;
	struct sg_error err = {""};
	char text[300] = "socket: /";

	sg_config_defaults(&c);
	memset(text + 9, 'x', 106);
	assert_int_equal(load(&c, text, &err), 0);
	assert_int_equal(strlen(c.socket), 107);
	text[9 + 106] = 'x';
	assert_int_equal(load(&c, text, &err), -EINVAL);
	assert_string_equal(err.msg, "f.yaml:1: socket: is longer than 107 bytes");
}

static void deep_nesting_and_many_braces_are_refused(void **state)
{
	char text[20001];
	struct sg_config c;

	sg_config_defaults(&c);
	memset(text, '{', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(load(&c, text, NULL), -EINVAL);
	memset(text, '[', sizeof(text) - 1);
	assert_int_equal(load(&c, text, NULL), -EINVAL);
	for (unsigned i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "a: ", 3);
	assert_int_equal(load(&c, text, NULL), -EINVAL);
}

static void nothing_in_the_file_changes_nothing(void **state)
{
	static const char *const texts[] = {"", "# only a comment\n", "---\n", "\n\n", "{}"};
	struct sg_config c, before;

	sg_config_defaults(&c);
	before = c;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(load(&c, texts[i], NULL), 0);
	assert_memory_equal(&c, &before, sizeof(c));
}

static void files_are_read_and_bounded(void **state)
{
	char path[] = "/tmp/sgprobe-test-config-XXXXXX";
	sg_auto_fd int fd = mkstemp(path);
	struct sg_error err = {""};
	struct sg_config c;

	assert_true(fd >= 0);
	sg_config_defaults(&c);
	assert_int_equal(sg_write_full(fd, "user: me\n", 9), 0);
	assert_int_equal(sg_config_load(&c, path, &err), 0);
	assert_string_equal(c.user, "me");
	assert_int_equal(ftruncate(fd, (256 << 10) + 1), 0);
	assert_int_equal(sg_config_load(&c, path, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "larger than 256 KiB"));
	unlink(path);
	assert_int_equal(sg_config_load(&c, path, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "cannot read /tmp/sgprobe-test-config-"));
}

static void one_setting_is_set_from_a_flag(void **state)
{
	struct sg_config c, before;
	struct sg_error err = {""};

	sg_config_defaults(&c);
	assert_int_equal(sg_config_set(&c, "listen", "127.0.0.1:1", &err), 0);
	assert_string_equal(c.listen, "127.0.0.1:1");
	assert_int_equal(sg_config_set(&c, "store.flush", "3s", &err), 0);
	assert_int_equal(c.flush_ns, 3000000000);
	before = c;
	assert_int_equal(sg_config_set(&c, "store.flush", "3", &err), -EINVAL);
	assert_int_equal(strncmp(err.msg, "store.flush: '3' is not", 23), 0);
	assert_int_equal(sg_config_set(&c, "liste", "3", &err), -EINVAL);
	assert_string_equal(err.msg, "liste: there is no such setting; did you mean listen?");
	assert_int_equal(sg_config_set(&c, "qqqqqqqqqqqq", "3", &err), -EINVAL);
	assert_memory_equal(&c, &before, sizeof(c));
}

static void a_list_of_ports_is_read(void **state)
{
	uint16_t ports[SG_PORTS_MAX];

	assert_int_equal(sg_config_ports("", ports), 0);
	assert_int_equal(sg_config_ports("  ", ports), 0);
	assert_int_equal(sg_config_ports("80", ports), 1);
	assert_int_equal(ports[0], 80);
	assert_int_equal(sg_config_ports(" 80 ,443,  65535 ", ports), 3);
	assert_int_equal(ports[1], 443);
	assert_int_equal(ports[2], 65535);
	assert_int_equal(sg_config_ports("80,,81", ports), -EINVAL);
	assert_int_equal(sg_config_ports("80, ", ports), -EINVAL);
}

static void what_is_printed_reads_back(void **state)
{
	static const char *const hosts[] = {"", "a, b", "10.0.0.7", "x:1"};
	static const char *const users[] = {"-", "caf\xc3\xa9 # & \\ \"x\"", "~", "a: b"};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct sg_error err = {""};
		struct sg_config c, d;
		sg_auto_buf b = {0};

		sg_config_defaults(&c);
		assert_int_equal(sg_config_set(&c, "web.hosts", hosts[i], NULL), 0);
		assert_int_equal(sg_config_set(&c, "listen", i % 2 ? "[::1]:80" : "none", NULL), 0);
		assert_int_equal(sg_config_set(&c, "probe.http_ports", "80, 81", NULL), 0);
		assert_int_equal(sg_config_set(&c, "user", users[i], NULL), 0);
		c.flush_ns = 1500000000 + i;
		c.max_bytes = (2ULL << 30) + i;
		c.min_free_bytes = i;
		sg_config_print(&b, &c);
		assert_int_equal(b.err, 0);
		sg_config_defaults(&d);
		if (load(&d, b.data, &err) < 0)
			fail_msg("%s", err.msg);
		assert_memory_equal(&c, &d, sizeof(c));
	}
}

static void the_print_explains_every_setting(void **state)
{
	struct sg_config c;
	sg_auto_buf b = {0};

	sg_config_defaults(&c);
	sg_config_print(&b, &c);
	for (size_t i = 0; i < sg_n_settings; i++)
		assert_non_null(strstr(b.data, sg_settings[i].help));
	assert_non_null(strstr(b.data,
			       "\nstore:\n  # How often frames are written to disk; a power "
			       "cut loses at most this much (default 10s, 1s to 5m)\n"
			       "  flush: 10s\n"));
}

static void reads_a_list_of_probes(void **state)
{
	static const char text[] = "probes:\n  - name: a\n    probe: uprobe:libc:malloc\n"
				   "    by_arg: 2:string\n    latency: false\n"
				   "  - name: b\n    probe: kernel:vfs_read\n";
	static const char *const wrong[] = {
		"probes: 1\n",
		"probes:\n  - a\n",
		"probes:\n  - name: a\n",
		"probes:\n  - name: a\n    probe: nonsense\n",
		"probes:\n  - name: a\n    probe: kernel:f\n    what: 1\n",
		"probes:\n  - {name: a, probe: kernel:f}\n  - {name: a, probe: kernel:g}\n",
		"probes: []\nprobes: []\n",
		"probes:\n  - name: [a]\n    probe: kernel:f\n",
	};
	struct sg_config c;

	sg_config_defaults(&c);
	assert_int_equal(sg_config_load_text(&c, text, strlen(text), "f", NULL), 0);
	assert_int_equal(c.n_probes, 2);
	assert_string_equal(c.probes[0].spec, "uprobe:libc:malloc");
	assert_true(c.probes[0].arg == 2 && c.probes[0].text && c.probes[0].untimed);
	assert_string_equal(c.probes[1].name, "b");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct sg_error err = {""};

		assert_int_equal(sg_config_load_text(&c, wrong[i], strlen(wrong[i]), "f", &err),
				 -EINVAL);
		assert_memory_equal(err.msg, "f:", 2);
	}
	assert_int_equal(c.n_probes, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_list_of_probes),
		cmocka_unit_test(the_defaults_are_those_of_the_manual),
		cmocka_unit_test(every_default_keeps_to_its_own_rules),
		cmocka_unit_test(what_is_set_is_set_and_nothing_else),
		cmocka_unit_test(settings_add_up_over_files),
		cmocka_unit_test(what_is_wrong_is_told_by_line_and_changes_nothing),
		cmocka_unit_test(an_error_after_good_lines_takes_them_back),
		cmocka_unit_test(texts_that_do_not_fit_are_refused),
		cmocka_unit_test(deep_nesting_and_many_braces_are_refused),
		cmocka_unit_test(nothing_in_the_file_changes_nothing),
		cmocka_unit_test(files_are_read_and_bounded),
		cmocka_unit_test(one_setting_is_set_from_a_flag),
		cmocka_unit_test(a_list_of_ports_is_read),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(the_print_explains_every_setting),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
