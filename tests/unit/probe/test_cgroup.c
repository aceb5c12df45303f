// SPDX-License-Identifier: GPL-2.0
// Names of cgroups: from paths, from a tree of directories, from hostile ones.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <sgprobe/str.h>

#include "probe/cgroup.h"
#include "probe/label.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID_ "1234abcd_0000_1111_2222_123456789abc"
#define UID "1234abcd-0000-1111-2222-123456789abc"

static const struct {
	const char *path, *name;
} names[] = {
	{"", "/"},
	{"/system.slice/ssh.service", "ssh.service"},
	{"/system.slice/foo.service/worker/1", "foo.service"},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/web.scope", "web.scope"},
	{"/system.slice/docker.socket", "docker.socket"},
	{"/system.slice/var-lib.mount", "var-lib.mount"},
	{"/user.slice", "user.slice"},
	{"/foo/bar", "/foo/bar"},
	{"/.service", "/.service"},
	{"/system.slice/docker-" HEX64 ".scope", "docker-0123456789ab"},
	{"/system.slice/docker-" HEX64 ".scope/init.scope", "docker-0123456789ab"},
	{"/machine.slice/libpod-" HEX64 ".scope/container", "libpod-0123456789ab"},
	{"/docker/" HEX64, "docker-0123456789ab"},
	{"/" HEX64, "0123456789ab"},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/cri-containerd-" HEX64 ".scope",
	 "pod" UID "/cri-containerd-0123456789ab"},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" HEX64 ".scope",
	 "pod" UID "/crio-0123456789ab"},
	{"/kubepods/besteffort/pod" UID "/" HEX64, "pod" UID "/0123456789ab"},
	{"/x" HEX64, "/x" HEX64},
};

static void paths_are_called_what_people_call_them(void **state)
{
	char out[SG_CGROUP_NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		sg_cgroup_path_name(names[i].path, out);
		assert_string_equal(out, names[i].name);
	}
}

static void hostile_names_become_valid_labels(void **state)
{
	char out[SG_CGROUP_NAME_MAX];

	sg_cgroup_path_name("/a\nb\x1b[2J\xff\xc2\x80", out);
	assert_string_equal(out, "/a\\x0ab\\x1b[2J\\xff\\xc2\\x80");
	sg_cgroup_path_name("/caf\xc3\xa9", out);
	assert_string_equal(out, "/caf\xc3\xa9");
}

static void long_names_are_cut_and_stay_different(void **state)
{
	char a[2000], out1[SG_CGROUP_NAME_MAX], out2[SG_CGROUP_NAME_MAX];

	for (size_t i = 0; i + 1 < sizeof(a);
	     i++) /* two-byte characters: none may be cut in half */
		a[i] = i == 0 ? '/' : (i % 2 ? '\xc3' : '\xa9');
	a[sizeof(a) - 2] = '1';
	a[sizeof(a) - 1] = '\0';
	sg_cgroup_path_name(a, out1);
	a[sizeof(a) - 2] = '2';
	sg_cgroup_path_name(a, out2);
	assert_true(strlen(out1) <= SG_LABEL_VALUE_MAX && strlen(out1) > 200);
	assert_true(sg_utf8_valid(out1, strlen(out1)));
	assert_string_not_equal(out1, out2);
}

static void labels_of_every_length_fit(void **state)
{
	char in[600], out[64];

	memset(in, '\x01', sizeof(in));
	for (size_t n = 0; n < sizeof(in); n++) {
		sg_label_clean(out, sizeof(out), in, n);
		assert_true(strlen(out) < sizeof(out));
		assert_true(n <= 15 ? strlen(out) == 4 * n : strchr(out, '~') != NULL);
	}
}

/* ---- a tree in /tmp: ids are inode numbers there as well ------------------------------ */

struct tree {
	char root[64];
	struct sg_cgroups *c;
};

static uint64_t make(struct tree *t, const char *path)
{
	char full[4096];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", t->root, path);
	assert_true(mkdir(full, 0755) == 0);
	assert_int_equal(stat(full, &st), 0);
	return st.st_ino;
}

static void drop(struct tree *t, const char *path)
{
	char full[4096];

	snprintf(full, sizeof(full), "%s%s", t->root, path);
	assert_int_equal(rmdir(full), 0);
}

static int setup(void **state)
{
	static struct tree t;

	strcpy(t.root, "/tmp/sg-cgroup-XXXXXX");
	if (!mkdtemp(t.root) || sg_cgroups_new(t.root, &t.c) < 0)
		return -1;
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	char cmd[128];

	sg_cgroups_free(t->c);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", t->root);
	return system(cmd);
}

static void ids_are_found_in_the_tree(void **state)
{
	struct tree *t = *state;
	struct stat st;
	uint64_t a = make(t, "/system.slice"), b = make(t, "/system.slice/db.service"),
		 d = make(t, "/plain");

	assert_int_equal(stat(t->root, &st), 0);
	assert_string_equal(sg_cgroups_name(t->c, b), "db.service");
	assert_string_equal(sg_cgroups_name(t->c, a), "system.slice");
	assert_string_equal(sg_cgroups_name(t->c, d), "/plain");
	assert_string_equal(sg_cgroups_name(t->c, st.st_ino), "/");
}

static void an_unknown_id_is_its_number_and_is_looked_for_once_a_tick(void **state)
{
	struct tree *t = *state;
	uint64_t late;
	char want[32];

	assert_string_equal(sg_cgroups_name(t->c, 1ULL << 60), "id:1152921504606846976");
	late = make(t, "/late");
	snprintf(want, sizeof(want), "id:%llu", (unsigned long long)late);
	assert_string_equal(sg_cgroups_name(t->c, late), want);
	sg_cgroups_tick(t->c);
	assert_string_equal(sg_cgroups_name(t->c, late), "/late");
}

static void a_removed_cgroup_keeps_its_name(void **state)
{
	struct tree *t = *state;
	uint64_t a = make(t, "/job.scope");

	assert_string_equal(sg_cgroups_name(t->c, a), "job.scope");
	drop(t, "/job.scope");
	sg_cgroups_tick(t->c);
	sg_cgroups_name(t->c, 1ULL << 61); /* causes a walk */
	assert_string_equal(sg_cgroups_name(t->c, a), "job.scope");
}

static void the_cache_is_bounded_and_what_is_used_stays(void **state)
{
	struct tree *t = *state;
	uint64_t a = make(t, "/kept");

	assert_string_equal(sg_cgroups_name(t->c, a), "/kept");
	drop(t, "/kept");
	for (uint64_t i = 0; i < 3 * SG_CGROUPS_MAX; i++) {
		sg_cgroups_name(t->c, (1ULL << 62) + i);
		assert_string_equal(sg_cgroups_name(t->c, a), "/kept");
	}
	for (uint64_t i = 0; i < SG_CGROUPS_MAX; i++)
		sg_cgroups_name(t->c, (1ULL << 62) + i);
	assert_string_not_equal(sg_cgroups_name(t->c, a), "/kept");
}

static void a_deep_tree_does_not_break_the_walk(void **state)
{
	struct tree *t = *state;
	char path[4096] = "";
	uint64_t wide;

	for (int i = 0; i < 60; i++) {
		strcat(path, "/d");
		make(t, path);
	}
	wide = make(t, "/wide");
	assert_string_equal(sg_cgroups_name(t->c, wide), "/wide");
}

static void a_root_that_is_not_there_is_an_error(void **state)
{
	struct sg_cgroups *c = NULL;

	assert_int_equal(sg_cgroups_new("/nonexistent/cgroup", &c), -ENOENT);
	assert_null(c);
}

static void the_host_has_a_root(void **state)
{
	struct sg_cgroups *c = NULL;

	assert_int_equal(sg_cgroups_new(NULL, &c), 0);
	assert_string_equal(sg_cgroups_name(c, 1), "/");
	sg_cgroups_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_called_what_people_call_them),
		cmocka_unit_test(hostile_names_become_valid_labels),
		cmocka_unit_test(long_names_are_cut_and_stay_different),
		cmocka_unit_test(labels_of_every_length_fit),
		cmocka_unit_test_setup_teardown(ids_are_found_in_the_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unknown_id_is_its_number_and_is_looked_for_once_a_tick, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removed_cgroup_keeps_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(the_cache_is_bounded_and_what_is_used_stays, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_deep_tree_does_not_break_the_walk, setup,
						teardown),
		cmocka_unit_test(a_root_that_is_not_there_is_an_error),
		cmocka_unit_test(the_host_has_a_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
