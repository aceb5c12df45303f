// SPDX-License-Identifier: GPL-2.0
/* Every domain by every variant in the running kernel; skipped without the right to load programs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "probe/drain.h"
#include "probe/functions.h"

struct fixture {
	struct sg_shared shared;
	struct sg_slots *slots;
	struct sg_loaded loaded;
	struct sg_config cfg;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	libbpf_set_print(NULL);
	sg_config_defaults(&f->cfg);
	f->cfg.slots = 64;
	sg_shared_init(&f->shared, &f->cfg);
	assert_int_equal(sg_slots_new(&f->shared, &f->cfg, &f->slots), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sg_unload(&f->loaded);
	sg_slots_free(f->slots);
	sg_shared_free(&f->shared);
	free(f);
	return 0;
}

static const struct sg_domain *domain(const char *name)
{
	for (size_t i = 0; i < sg_n_domains; i++)
		if (strcmp(sg_domains[i]->name, name) == 0)
			return sg_domains[i];
	return NULL;
}

static size_t index_of(const struct sg_domain *d)
{
	size_t i = 0;

	while (sg_domains[i] != d)
		i++;
	return i;
}

static void load(struct fixture *f, const char *name, const char *variant)
{
	int r = sg_load_as(&f->loaded, domain(name), &f->shared, variant);

	if (r == -EPERM)
		skip();
	if (r < 0)
		fail_msg("%s as %s: %s", name, variant, f->loaded.reason);
	assert_string_equal(f->loaded.variant, variant);
	assert_true(f->loaded.n_attached > 0);
}

static uint64_t count_calls(struct fixture *f, int times)
{
	struct sg_drain *d;
	struct sg_acc *a;
	uint64_t n;

	assert_int_equal(sg_drain_new(&f->loaded, f->slots, index_of(f->loaded.domain), &d), 0);
	for (int i = 0; i < times; i++)
		syscall(SYS_sched_get_priority_max, 0);
	sg_slots_tick(f->slots);
	sg_drain_read(d, f->shared.state->bank);
	a = d->blocks[SYS_sched_get_priority_max];
	n = a ? a->count : 0;
	for (size_t axis = 0; axis < SG_AXES; axis++)
		for (size_t i = 0; i < f->slots->axes[axis].n; i++)
			sg_drain_release(f->slots->axes[axis].values[i]);
	sg_drain_free(d);
	return n;
}

static void system_calls_are_counted_exactly_with_task_storage(void **state)
{
	load(*state, "syscall", "tp_btf");
	assert_int_equal(count_calls(*state, 12345), 12345);
}

static void system_calls_are_counted_exactly_by_thread_id(void **state)
{
	load(*state, "syscall", "raw_tp");
	assert_int_equal(count_calls(*state, 12345), 12345);
}

static void system_calls_are_counted_exactly_when_cpus_share_rows(void **state)
{
	struct fixture *f = *state;

	f->shared.shards = 1;
	f->shared.private_rows = false;
	load(f, "syscall", "tp_btf");
	assert_int_equal(count_calls(f, 12345), 12345);
}

static void many_slots_leave_few_shards(void **state)
{
	struct fixture *f = *state;
	struct sg_shared s;

	f->cfg.slots = 4096;
	sg_shared_init(&s, &f->cfg);
	assert_int_equal(s.shards, 1);
	assert_int_equal(s.slots, 4096);
	assert_int_equal(s.private_rows, libbpf_num_possible_cpus() == 1);
	f->cfg.slots = 1000;
	sg_shared_init(&s, &f->cfg);
	assert_int_equal(s.slots, 1024);
	assert_true(s.shards <= 4);
}

static bool has_hook(const char *name)
{
	return libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) >= 0;
}

/* Those of its programs that this kernel has a trace point for, modules not counted. */
static size_t hooks(const struct sg_loaded *l)
{
	const struct sg_domain *d = l->domain;
	size_t n = 0;

	for (size_t i = 0; i < d->n_programs; i++) {
		const struct sg_program *p = &d->programs[i];

		if (p->function)
			n += sg_function_of(l, p) && sg_function_of(l, p)->kind;
		else if (!p->unless || !has_hook(p->unless))
			n += p->asked || has_hook(p->hook);
	}
	return n;
}

static bool has_program(const struct sg_loaded *l, const char *hook)
{
	return sg_program_fd(l, hook) >= 0;
}

static void a_program_that_a_setting_has_to_ask_for_is_left_out(void **state)
{
	struct fixture *f = *state;

	load(f, "service", "tp_btf");
	assert_true(has_program(&f->loaded, "tcp_probe"));
	assert_false(has_program(&f->loaded, "sys_exit"));
	sg_unload(&f->loaded);
	strcpy(f->cfg.http_ports, "80");
	load(f, "service", "tp_btf");
	assert_true(has_program(&f->loaded, "sys_exit"));
}

static void of_two_programs_for_the_same_one_is_taken(void **state)
{
	struct fixture *f = *state;

	load(f, "service", "tp_btf");
	assert_int_not_equal(has_program(&f->loaded, "tcp_sendmsg_locked"),
			     has_program(&f->loaded, "net_dev_queue"));
}

static void programs_that_are_only_asked_stay_when_the_others_go(void **state)
{
	struct fixture *f = *state;

	load(f, "service", "tp_btf");
	sg_detach(&f->loaded);
	assert_int_equal(sg_attach_again(&f->loaded), 0);
	for (size_t i = 0; i < f->loaded.n_attached; i++)
		assert_int_equal(f->loaded.attached[i].link_fd < 0,
				 f->loaded.attached[i].program->asked);
	assert_true(has_program(&f->loaded, "service_queues"));
}

/*
 * How far the kernel's checker has to look, which is most of what a start takes; it gives up at
 * a million, and older ones look further. 0: this kernel does not tell.
 */
#define CHECKED_MOST 150000

static void is_soon_checked(const struct sg_attached *a)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(a->fd, &info, &len), 0);
	if (info.verified_insns > CHECKED_MOST)
		fail_msg("%s: the checker looks at %u instructions", a->program->hook,
			 info.verified_insns);
}

/* An optional program that the kernel refuses is left out without a word: here it is missed. */
static void every_domain_loads_by_every_variant_and_attaches_all_there_is(void **state)
{
	static const char *const ways[] = {"tp_btf", "raw_tp"};
	struct fixture *f = *state;

	strcpy(f->cfg.http_ports, "80");
	for (size_t i = 0; i < sg_n_domains; i++)
		for (size_t j = 0; j < ARRAY_SIZE(ways); j++) {
			load(f, sg_domains[i]->name, ways[j]);
			if (f->loaded.n_attached < hooks(&f->loaded))
				fail_msg("%s as %s: %zu programs of %zu", sg_domains[i]->name,
					 ways[j], f->loaded.n_attached, hooks(&f->loaded));
			for (size_t k = 0; k < f->loaded.n_attached; k++)
				is_soon_checked(&f->loaded.attached[k]);
			sg_unload(&f->loaded);
		}
}

static void where_storage_may_sleep_raw_trace_points_are_taken(void **state)
{
	struct fixture *f = *state;

	f->shared.no_storage = true;
	if (sg_load(&f->loaded, domain("sched"), &f->shared) == -EPERM)
		skip();
	assert_string_equal(f->loaded.variant, "raw_tp");
}

static void a_refused_domain_says_why_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	static const char junk[] = "this is no ELF file";
	struct sg_domain broken = *domain("sched");

	broken.object = junk;
	broken.object_end = junk + sizeof(junk);
	assert_true(sg_load(&f->loaded, &broken, &f->shared) < 0);
	assert_true(f->loaded.reason[0]);
	assert_int_equal(f->loaded.n_maps, 0);
	assert_int_equal(f->loaded.n_attached, 0);
}

static void rows_are_mapped_where_they_are_looked_at_and_not_past_the_end(void **state)
{
	struct fixture *f = *state;
	size_t elements;

	load(f, "sched", "tp_btf");
	elements = (size_t)SG_BANKS * f->shared.shards * f->loaded.blocks;
	assert_non_null(sg_load_rows(&f->loaded, 0));
	assert_non_null(sg_load_rows(&f->loaded, elements - 1));
	assert_null(sg_load_rows(&f->loaded, elements));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(system_calls_are_counted_exactly_with_task_storage),
		TEST(system_calls_are_counted_exactly_by_thread_id),
		TEST(system_calls_are_counted_exactly_when_cpus_share_rows),
		TEST(many_slots_leave_few_shards),
		TEST(where_storage_may_sleep_raw_trace_points_are_taken),
		TEST(every_domain_loads_by_every_variant_and_attaches_all_there_is),
		TEST(a_program_that_a_setting_has_to_ask_for_is_left_out),
		TEST(of_two_programs_for_the_same_one_is_taken),
		TEST(programs_that_are_only_asked_stay_when_the_others_go),
		TEST(a_refused_domain_says_why_and_leaves_nothing),
		TEST(rows_are_mapped_where_they_are_looked_at_and_not_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
