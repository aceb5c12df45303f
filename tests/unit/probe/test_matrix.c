// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/matrix.h>

struct fixture {
	struct sg_config cfg;
	struct sg_matrix *m;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	sg_config_defaults(&f->cfg);
	assert_int_equal(sg_matrix_new(&f->cfg, &f->m), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sg_matrix_free(f->m);
	free(f);
	return 0;
}

static void up(struct fixture *f, const char *domain, const char *variant, const char *reason)
{
	assert_int_equal(sg_matrix_fact(f->m, "sgprobe_domain_up", domain, "", variant, reason,
					*reason ? 0 : 1),
			 0);
}

static void attached(struct fixture *f, const char *program, const char *variant,
		     const char *reason)
{
	assert_int_equal(sg_matrix_fact(f->m, "sgprobe_bpf_program_attached", "", program, variant,
					reason, *reason ? 0 : 1),
			 0);
}

struct wanted {
	const char *domain, *hook;
	struct sg_hook found;
	unsigned int n, all;
};

static void catch (const struct sg_hook *h, void *ctx)
{
	struct wanted *w = ctx;

	w->all++;
	if (strcmp(h->domain, w->domain) == 0 && strcmp(h->hook, w->hook) == 0) {
		w->found = *h;
		w->n++;
	}
}

static struct sg_hook hook(struct fixture *f, const char *domain, const char *name)
{
	struct wanted w = {.domain = domain, .hook = name};

	sg_matrix_each(f->m, catch, &w);
	assert_int_equal(w.n, 1);
	assert_in_range(w.all, 100, 1000);
	return w.found;
}

static void what_runs_has_its_variant(void **state)
{
	struct fixture *f = *state;
	struct sg_hook h;

	up(f, "sched", "tp_btf", "");
	attached(f, "sched/sched_switch", "tp_btf", "");
	attached(f, "sched/sched_migrate_task", "tp_btf", "");
	h = hook(f, "sched", "sched_switch");
	assert_int_equal(h.state, SG_HOOK_TAKEN);
	assert_string_equal(h.variant, "tp_btf");
	assert_string_equal(h.reason, "");
	/* One program for all variants says itself what it is. */
	assert_string_equal(hook(f, "sched", "sched_migrate_task").variant, "raw_tp");
}

static void a_refused_domain_gives_reason_and_cure(void **state)
{
	struct fixture *f = *state;
	struct sg_hook h;

	up(f, "irq", "",
	   "raw_tp: Operation not permitted: run as root; in a container, with CAP_BPF");
	h = hook(f, "irq", "softirq_entry");
	assert_int_equal(h.state, SG_HOOK_MISSING);
	assert_string_equal(h.reason, "raw_tp: Operation not permitted");
	assert_string_equal(h.cure, "run as root; in a container, with CAP_BPF");
}

static void a_domain_that_is_not_wanted_names_its_setting(void **state)
{
	struct fixture *f = *state;
	struct sg_hook h;

	up(f, "sched", "tp_btf", "");
	h = hook(f, "timer", "timer_start");
	assert_int_equal(h.state, SG_HOOK_OFF);
	assert_string_equal(h.cure, "probe.timer: true in the configuration");
	up(f, "service", "tp_btf", "");
	h = hook(f, "service", "sys_exit");
	assert_int_equal(h.state, SG_HOOK_OFF);
	assert_string_equal(h.cure, "set probe.http_ports in the configuration");
}

static void what_an_older_name_tells_is_spare(void **state)
{
	struct fixture *f = *state;

	up(f, "iouring", "tp_btf", "");
	attached(f, "iouring/io_uring_submit_req", "tp_btf", "");
	assert_int_equal(hook(f, "iouring", "io_uring_submit_sqe").state, SG_HOOK_SPARE);
}

static void a_domain_over_the_budget_says_so(void **state)
{
	struct fixture *f = *state;
	struct sg_hook h;

	assert_int_equal(sg_matrix_fact(f->m, "sgprobe_domain_up", "net", "", "tp_btf", "", 0), 0);
	h = hook(f, "net", "napi_poll");
	assert_int_equal(h.state, SG_HOOK_OFF);
	assert_non_null(strstr(h.cure, "probe.budget"));
}

static void without_root_nothing_is_claimed(void **state)
{
	struct sg_hook h = hook(*state, "sched", "sched_switch");

	assert_true(h.state == SG_HOOK_UNKNOWN || h.state == SG_HOOK_MISSING);
	assert_string_equal(h.variant, "");
}

static void more_facts_than_hooks_are_refused(void **state)
{
	struct fixture *f = *state;
	int r = 0;

	for (int i = 0; i < 2000 && r == 0; i++)
		r = sg_matrix_fact(f->m, "sgprobe_domain_up", "sched", "", "tp_btf", "", 1);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(sg_matrix_fact(f->m, "sgprobe_other", "sched", "", "", "", 1), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_runs_has_its_variant),
		TEST(a_refused_domain_gives_reason_and_cure),
		TEST(a_domain_that_is_not_wanted_names_its_setting),
		TEST(what_an_older_name_tells_is_spare),
		TEST(a_domain_over_the_budget_says_so),
		TEST(without_root_nothing_is_claimed),
		TEST(more_facts_than_hooks_are_refused),
	};

	return cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
}
