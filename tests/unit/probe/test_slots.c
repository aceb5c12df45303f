// SPDX-License-Identifier: GPL-2.0
/*
 * A process that retires slots dies, and another goes on, while programs take
 * numbers and put them back. On real maps; skipped without the right to make them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/slots.h"

enum { SLOTS = 64, GRACE = 3, IDLE = 61 };

struct fixture {
	struct sg_shared shared;
	struct sg_bpf_state state;
	struct sg_slots *slots;
	struct sg_config cfg;
	bool stop;
};

static void start(struct fixture *f)
{
	assert_int_equal(sg_slots_new(&f->shared, &f->cfg, &f->slots), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint32_t entries = SLOTS;

	*state = f;
	sg_config_defaults(&f->cfg);
	f->cfg.slots = SLOTS;
	sg_shared_init(&f->shared, &f->cfg);
	f->shared.fd[SG_MAP_SLOTS] = bpf_map_create(BPF_MAP_TYPE_HASH, "slots",
						    sizeof(struct sg_slot_key), 4, entries, NULL);
	f->shared.fd[SG_MAP_FREE] = bpf_map_create(BPF_MAP_TYPE_QUEUE, "free", 0, 4, entries, NULL);
	for (uint32_t i = 1; i < entries && f->shared.fd[SG_MAP_FREE] >= 0; i++)
		bpf_map_update_elem(f->shared.fd[SG_MAP_FREE], NULL, &i, BPF_ANY);
	f->shared.state = &f->state;
	start(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sg_slots_free(f->slots);
	f->shared.state = NULL;
	sg_shared_free(&f->shared);
	free(f);
	return 0;
}

static void need_maps(const struct fixture *f)
{
	if (f->shared.fd[SG_MAP_FREE] < 0)
		skip();
}

/* It dies; another takes its place. */
static void die(struct fixture *f)
{
	sg_slots_free(f->slots);
	start(f);
	sg_slots_resume(f->slots);
}

static void key_of(uint32_t n, struct sg_slot_key *key)
{
	*key = (struct sg_slot_key){.cgroup_id = 1};
	memcpy(key->comm, &n, sizeof(n));
}

/* As a program does for a new key; 0: no number was free. */
static uint32_t program_takes(struct fixture *f, uint32_t name)
{
	struct sg_slot_key key;
	uint32_t number = 0;

	key_of(name, &key);
	if (bpf_map_lookup_and_delete_elem(f->shared.fd[SG_MAP_FREE], NULL, &number) < 0)
		return 0;
	assert_int_equal(bpf_map_update_elem(f->shared.fd[SG_MAP_SLOTS], &key, &number, 1), 0);
	return number;
}

static void ticks(struct fixture *f, int n)
{
	while (n-- > 0)
		sg_slots_tick(f->slots);
}

/* Fills the table so that it is nearly full, and lets it lie until all is being retired. */
static void retire_all(struct fixture *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_true(program_takes(f, i));
	ticks(f, 1);
	for (uint32_t i = 1; i <= n; i++)
		sg_slots_use(f->slots, i);
	ticks(f, IDLE);
	assert_int_equal(f->slots->retired, n);
}

/* Every number is in the queue or the table, in one of them, and once. */
static void assert_each_once(struct fixture *f)
{
	uint8_t seen[SLOTS] = {0};
	struct sg_slot_key key, at, *prev = NULL;
	uint32_t number;

	while (bpf_map_get_next_key(f->shared.fd[SG_MAP_SLOTS], prev, &key) == 0) {
		assert_int_equal(bpf_map_lookup_elem(f->shared.fd[SG_MAP_SLOTS], &key, &number), 0);
		seen[number]++;
		at = key;
		prev = &at;
	}
	while (bpf_map_lookup_and_delete_elem(f->shared.fd[SG_MAP_FREE], NULL, &number) == 0)
		seen[number]++;
	for (uint32_t i = 1; i < SLOTS; i++)
		if (seen[i] != 1)
			fail_msg("number %u is there %d times", i, seen[i]);
}

static void numbers_in_retirement_come_back_after_a_grace_anew(void **state)
{
	struct fixture *f = *state;
	uint32_t epoch;

	need_maps(f);
	retire_all(f, 50);
	ticks(f, GRACE - 1);
	epoch = f->state.epoch;
	die(f);
	assert_int_not_equal(f->state.epoch, epoch);
	assert_int_equal(f->slots->used, 50);
	ticks(f, GRACE - 1);
	assert_int_equal(f->slots->used, 50);
	ticks(f, 1);
	assert_int_equal(f->slots->used, 0);
	assert_each_once(f);
}

static void what_is_counted_late_under_such_a_number_is_others(void **state)
{
	struct fixture *f = *state;
	const struct sg_slot *s;

	need_maps(f);
	retire_all(f, 50);
	die(f);
	s = sg_slots_use(f->slots, 7);
	for (size_t i = 0; i < SG_AXES; i++)
		assert_string_equal(s->at[i]->name, "other");
}

static void a_key_that_was_not_deleted_yet_keeps_its_number(void **state)
{
	struct fixture *f = *state;
	uint32_t number;

	need_maps(f);
	number = program_takes(f, 1);
	((uint8_t *)f->shared.retiring.p)[number] = 1; /* and there it died */
	die(f);
	assert_int_equal(f->slots->slots[number].state, SG_SLOT_USED);
	ticks(f, GRACE + 1);
	assert_int_equal(f->slots->slots[number].state, SG_SLOT_USED);
	die(f);
	assert_int_equal(f->slots->used, 1);
	assert_each_once(f);
}

static void slots_in_use_are_learnt_and_named_when_they_count(void **state)
{
	struct fixture *f = *state;
	struct sg_slot_key key = {.cgroup_id = 1, .comm = "bash"};
	uint32_t number;

	need_maps(f);
	bpf_map_lookup_and_delete_elem(f->shared.fd[SG_MAP_FREE], NULL, &number);
	bpf_map_update_elem(f->shared.fd[SG_MAP_SLOTS], &key, &number, BPF_ANY);
	die(f);
	assert_int_equal(f->slots->slots[number].state, SG_SLOT_USED);
	assert_null(f->slots->slots[number].at[SG_AXIS_COMM]);
	assert_string_equal(sg_slots_use(f->slots, number)->at[SG_AXIS_COMM]->name, "bash");
}

/* A CPU whose programs lose every race: each number that it takes it puts back. */
static void *churn(void *arg)
{
	struct fixture *f = arg;
	uint32_t number;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
		if (bpf_map_lookup_and_delete_elem(f->shared.fd[SG_MAP_FREE], NULL, &number) == 0)
			bpf_map_update_elem(f->shared.fd[SG_MAP_FREE], NULL, &number, BPF_ANY);
	return NULL;
}

static void programs_that_take_numbers_meanwhile_change_nothing(void **state)
{
	struct fixture *f = *state;
	pthread_t cpus[2];

	need_maps(f);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&cpus[i], NULL, churn, f), 0);
	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			program_takes(f, round * SLOTS + i);
		ticks(f, 1);
		for (uint32_t i = 1; i < SLOTS; i++)
			sg_slots_use(f->slots, i);
		ticks(f, IDLE + (int)(round % (GRACE + 2))); /* so that it dies at any stage */
		die(f);
		ticks(f, GRACE);
	}
	f->stop = true;
	for (size_t i = 0; i < 2; i++)
		pthread_join(cpus[i], NULL);
	assert_each_once(f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(numbers_in_retirement_come_back_after_a_grace_anew),
		TEST(what_is_counted_late_under_such_a_number_is_others),
		TEST(a_key_that_was_not_deleted_yet_keeps_its_number),
		TEST(slots_in_use_are_learnt_and_named_when_they_count),
		TEST(programs_that_take_numbers_meanwhile_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
