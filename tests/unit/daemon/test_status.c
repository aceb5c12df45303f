// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "daemon/status.h"

static const struct sg_config cfg = {.data_dir = "/d\"\n", .listen = "127.0.0.1:1", .socket = "/s"};

static void add_domain(struct sg_frame *f, const char *domain, const char *reason, double up)
{
	struct sg_label l[] = {
		{"domain", domain}, {"variant", up > 0 ? "tp_btf" : ""}, {"reason", reason}};
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, SG_GAUGE, "sgprobe_domain_up", l, 3), 0);
	assert_int_equal(sg_frame_add_value(f, sg_series_copy(f->arena, &s), up), 0);
}

static void the_document_is_json_whatever_the_names_are(void **state)
{
	struct sg_status s = {.cfg = &cfg,
			      .boot_id = 0xabc,
			      .ready = true,
			      .info = {.probe_pid = 12, .probe_restarts = 3},
			      .store = {.ok = false, .message = "full: \xff\x01<b>"},
			      .t_ms = 5000};
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf b = {0};
	json_t *doc;

	add_domain(f, "sched", "", 1);
	add_domain(f, "tcp", "no \"BTF\"\n", 0);
	assert_true(sg_status_domains(&s, f));
	sg_status_json(&b, &s, 6000);
	assert_int_equal(b.err, 0);
	doc = json_loads(b.data, 0, NULL);
	assert_non_null(doc);
	assert_string_equal(json_string_value(json_object_get(doc, "boot_id")), "0000000000000abc");
	assert_string_equal(json_string_value(json_object_get(doc, "data_dir")), "/d\"\n");
	assert_int_equal(json_array_size(json_object_get(doc, "probes")), 2);
	assert_true(json_is_false(json_object_get(json_object_get(doc, "store"), "ok")));
	json_decref(doc);
}

static void no_domains_is_an_empty_list(void **state)
{
	struct sg_status s = {.cfg = &cfg};
	sg_auto_buf b = {0};
	json_t *doc;

	sg_status_json(&b, &s, 0);
	doc = json_loads(b.data, 0, NULL);
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "probes")), 0);
	json_decref(doc);
}

static void a_change_of_a_domain_is_noticed_once(void **state)
{
	struct sg_status s = {.cfg = &cfg};
	sg_auto(sg_frame) up = sg_frame_new();
	sg_auto(sg_frame) down = sg_frame_new();

	add_domain(up, "sched", "", 1);
	add_domain(down, "sched", "refused", 0);
	assert_true(sg_status_domains(&s, up));
	assert_false(sg_status_domains(&s, up));
	assert_true(sg_status_domains(&s, down));
	assert_false(sg_status_domains(&s, down));
	assert_string_equal(s.domains[0].reason, "refused");
	assert_false(s.domains[0].up);
}

static void add_step(struct sg_frame *f, const char *domain, const char *reason, double step)
{
	struct sg_label l[] = {{"domain", domain}, {"reason", reason}};
	struct sg_series s;

	assert_int_equal(sg_series_init(&s, SG_GAUGE, "sgprobe_governor_step", l, 2), 0);
	assert_int_equal(sg_frame_add_value(f, sg_series_copy(f->arena, &s), step), 0);
}

/* In a frame the steps come before the domains. */
static void what_the_budget_leaves_is_told_with_its_reason(void **state)
{
	struct sg_status s = {.cfg = &cfg};
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf b = {0};

	add_step(f, "sched", "too dear", 2);
	add_step(f, "tcp", "", 99);
	add_step(f, "nobody", "x", 1);
	add_domain(f, "sched", "", 1);
	add_domain(f, "tcp", "", 1);
	assert_true(sg_status_domains(&s, f));
	assert_false(sg_status_domains(&s, f));
	assert_int_equal(s.domains[0].step, 2);
	assert_string_equal(s.domains[0].step_reason, "too dear");
	assert_int_equal(s.domains[1].step, 0);
	sg_status_json(&b, &s, 0);
	assert_non_null(strstr(b.data, "\"step\":2,\"step_reason\":\"too dear\""));
}

static void more_domains_than_there_is_room_for_are_cut_off(void **state)
{
	struct sg_status s = {.cfg = &cfg};
	sg_auto(sg_frame) f = sg_frame_new();
	char longest[SG_LABEL_VALUE_MAX + 1], name[16];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (int i = 0; i < SG_STATUS_DOMAINS + 8; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		add_domain(f, name, longest, 0);
	}
	sg_status_domains(&s, f);
	assert_int_equal(s.n_domains, SG_STATUS_DOMAINS);
	assert_int_equal(strlen(s.domains[3].reason), SG_LABEL_VALUE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_is_json_whatever_the_names_are),
		cmocka_unit_test(no_domains_is_an_empty_list),
		cmocka_unit_test(a_change_of_a_domain_is_noticed_once),
		cmocka_unit_test(what_the_budget_leaves_is_told_with_its_reason),
		cmocka_unit_test(more_domains_than_there_is_room_for_are_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
