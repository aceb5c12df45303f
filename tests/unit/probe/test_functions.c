// SPDX-License-Identifier: GPL-2.0
/* Which functions of the kernel are hooked; what this one lets nobody hook has its reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/probe.h>

#include "probe/drain.h"
#include "probe/functions.h"

static const struct sg_program programs[] = {
	{"ordinary", 0},
	{"danger", 0, .function = "_raw_spin_lock"},
	{"nowhere", 0, .function = "sg_no_such sg_module:sg_no_such"},
	{"nowhere_end", 0, .function = "sg_no_such sg_module:sg_no_such", .at_return = true},
	{"unwanted", 0, .function = "folio_mark_accessed",
	 .setting = offsetof(struct sg_config, cache_accesses)},
};

static const struct sg_domain fake = {
	.name = "fake", .programs = programs, .n_programs = ARRAY_SIZE(programs)};

struct fixture {
	struct sg_config cfg;
	struct sg_shared shared;
	struct sg_loaded loaded;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	libbpf_set_print(NULL);
	sg_config_defaults(&f->cfg);
	f->cfg.slots = 64;
	sg_shared_init(&f->shared, &f->cfg);
	sg_loaded_init(&f->loaded, &fake, &f->shared);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sg_shared_free(&f->shared);
	free(f);
	return 0;
}

static void what_cannot_be_hooked_has_a_reason(void **state)
{
	struct fixture *f = *state;

	sg_functions_choose(&f->loaded, &f->shared);
	for (int i = 1; i <= 3; i++) {
		const struct sg_function *fn = sg_function_of(&f->loaded, &programs[i]);

		assert_non_null(fn);
		assert_null(fn->kind);
		assert_null(sg_function_suffix(fn, &programs[i]));
		assert_non_null(strstr(fn->reason, "fentry: "));
		assert_non_null(strstr(fn->reason, "kprobe: "));
	}
	assert_int_equal(sg_functions_bits(&f->loaded), 0);
}

static void one_that_could_hang_the_machine_is_not_tried(void **state)
{
	struct fixture *f = *state;

	sg_functions_choose(&f->loaded, &f->shared);
	assert_string_equal(sg_function_of(&f->loaded, &programs[1])->reason,
			    "fentry: it could hang the machine; kprobe: it could hang the machine");
	assert_true(sg_kprobe_attach("_raw_spin_lock", false, -1) < 0);
}

static void rows_of_one_function_are_one_choice(void **state)
{
	struct fixture *f = *state;

	sg_functions_choose(&f->loaded, &f->shared);
	assert_int_equal(f->loaded.n_functions, 2);
	assert_ptr_equal(sg_function_of(&f->loaded, &programs[2]),
			 sg_function_of(&f->loaded, &programs[3]));
}

static void what_is_no_function_or_not_wanted_has_no_choice(void **state)
{
	struct fixture *f = *state;

	sg_functions_choose(&f->loaded, &f->shared);
	assert_null(sg_function_of(&f->loaded, &programs[0]));
	assert_null(sg_function_of(&f->loaded, &programs[4]));
	f->cfg.cache_accesses = true;
	sg_functions_choose(&f->loaded, &f->shared);
	assert_non_null(sg_function_of(&f->loaded, &programs[4]));
}

/* As if the kernel had taken two of the three. */
static void programs_know_their_function_by_its_place_in_the_table(void **state)
{
	struct fixture *f = *state;

	sg_functions_choose(&f->loaded, &f->shared);
	f->loaded.functions[1].kind = "kprobe";
	assert_int_equal(sg_functions_bits(&f->loaded), 1 << 1);
	assert_true(sg_functions_give_up(&f->loaded, "too many"));
	assert_string_equal(f->loaded.functions[1].reason, "too many");
	assert_int_equal(sg_functions_bits(&f->loaded), 0);
	assert_false(sg_functions_give_up(&f->loaded, "too many"));
}

static void programs_at_functions_are_known_by_their_names(void **state)
{
	static const char *const names[] = {"nowhere_fentry", "nowhere_kprobe", "nowhere_end_fexit",
					    "nowhere_end_kretprobe"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_ptr_equal(sg_program_of(&fake, names[i]), &programs[i < 2 ? 2 : 3]);
	assert_null(sg_program_of(&fake, "nowhere_other"));
}

static size_t set_of(const char *name)
{
	size_t i = 0;

	while (strcmp(sg_domains[i]->name, name) != 0)
		i++;
	return i + 1;
}

static void who_puts_programs_back_learns_which_there_is_no_need_for(void **state)
{
	(void)state;
	assert_int_equal(sg_probe_attach_program(set_of("service"), "service_queues", -1),
			 -ENODATA);
	assert_int_equal(sg_probe_attach_program(set_of("fault"), "handle_mm_fault", -1), -ENODATA);
	assert_true(sg_probe_attach_program(set_of("sched"), "sched_switch", -1) < 0);
	assert_int_not_equal(sg_probe_attach_program(set_of("sched"), "sched_switch", -1),
			     -ENODATA);
	assert_int_equal(sg_probe_attach_program(set_of("sched"), "no_such_hook", -1), -EINVAL);
	assert_int_equal(sg_probe_attach_program(0, "sched_switch", -1), -EINVAL);
	assert_int_equal(sg_probe_attach_program(sg_n_domains + 1, "sched_switch", -1), -EINVAL);
}

static void a_domain_is_up_with_its_functions_or_without(void **state)
{
	struct fixture *f = *state;
	struct sg_slots *slots;

	assert_int_equal(sg_slots_new(&f->shared, &f->cfg, &slots), 0);
	if (sg_load(&f->loaded, &sg_domain_fault, &f->shared) == -EPERM)
		skip();
	assert_true(f->loaded.n_attached >= 3);
	assert_int_equal(f->loaded.n_functions, 1);
	assert_true(!f->loaded.functions[0].kind != !f->loaded.functions[0].reason[0]);
	assert_true((sg_program_fd(&f->loaded, "handle_mm_fault") >= 0) ==
		    (f->loaded.functions[0].kind != NULL));
	sg_unload(&f->loaded);
	sg_slots_free(slots);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_hooked_has_a_reason),
		TEST(one_that_could_hang_the_machine_is_not_tried),
		TEST(rows_of_one_function_are_one_choice),
		TEST(what_is_no_function_or_not_wanted_has_no_choice),
		TEST(programs_know_their_function_by_its_place_in_the_table),
		TEST(programs_at_functions_are_known_by_their_names),
		TEST(who_puts_programs_back_learns_which_there_is_no_need_for),
		TEST(a_domain_is_up_with_its_functions_or_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
