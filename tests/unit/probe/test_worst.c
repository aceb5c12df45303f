// SPDX-License-Identifier: GPL-2.0
#include "fake_domain.h"

#include "probe/worst.h"

/* ---- the threshold -------------------------------------------------------------------- */

static struct sg_acc counted(uint64_t ns, uint64_t n)
{
	struct sg_acc a = {.count = n};

	a.lo = a.hi = (uint16_t)sg_bucket_ns(ns);
	a.buckets[a.lo] = (uint32_t)n;
	return a;
}

static void nothing_counted_is_the_floor(void **state)
{
	struct sg_over o = {0};

	assert_int_equal(sg_over_ns(&o, 1000000), 1000000);
}

static void what_is_short_is_the_floor(void **state)
{
	struct sg_acc fast = counted(5000, 100000);
	struct sg_over o = {0};

	sg_over_tick(&o, &fast);
	assert_int_equal(sg_over_ns(&o, 1000000), 1000000);
}

static void one_in_a_thousand_is_above(void **state)
{
	struct sg_acc fast = counted(5000000, 998), slow = counted(50000000, 2);
	struct sg_over o = {0};
	uint64_t over;

	sg_over_tick(&o, &fast);
	sg_over_tick(&o, &slow);
	over = sg_over_ns(&o, 1000000);
	assert_true(over >= 50000000 &&
		    over < 55000000); /* two in a thousand: its own bucket's end */
	memset(&o, 0, sizeof(o));
	fast = counted(5000000, 9990);
	slow = counted(50000000, 9);
	sg_over_tick(&o, &slow);
	sg_over_tick(&o, &fast);
	over = sg_over_ns(&o, 1000000);
	assert_true(over >= 5000000 && over < 5500000);
}

static void it_follows_what_became_faster(void **state)
{
	struct sg_acc slow = counted(80000000, 1000), fast = counted(2000000, 1000);
	struct sg_over o = {0};
	int ticks = 0;

	sg_over_tick(&o, &slow);
	assert_true(sg_over_ns(&o, 1000000) > 80000000);
	for (; sg_over_ns(&o, 1000000) > 80000000 && ticks < 1000; ticks++)
		sg_over_tick(&o, &fast);
	assert_in_range(ticks, 30, 400);
	for (int i = 0; i < 2000; i++)
		sg_over_tick(&o, NULL);
	assert_int_equal(sg_over_ns(&o, 1000000), 1000000);
}

/* ---- a record ------------------------------------------------------------------------- */

static struct sg_worst record(uint64_t ns, uint32_t tid, uint16_t slot)
{
	struct sg_worst w = {
		.ns = ns, .at = 1000000, .tgid = tid, .tid = tid, .slot = slot, .comm = "thread"};

	w.check = sg_worst_check(&w);
	return w;
}

static void a_record_that_is_being_written_is_not_taken(void **state)
{
	struct sg_worst w = record(5000, 7, 1), got;

	assert_true(sg_worst_read(&w, 5000, &got));
	assert_int_equal(got.tid, 7);
	assert_true(sg_worst_read(&w, 4000, &got)); /* a higher one came meanwhile */
	assert_false(sg_worst_read(&w, 6000, &got)); /* whose it is comes yet */
	w.tid = 8;
	assert_false(sg_worst_read(&w, 5000, &got));
}

/* ---- from a row to the frame ------------------------------------------------------------ */

struct life {
	struct fake f;
	struct sg_worsts *worsts;
	struct sg_config cfg;
};

static int setup(void **state)
{
	struct life *l = calloc(1, sizeof(*l));

	sg_config_defaults(&l->cfg);
	fake_new(&l->f, &l->cfg);
	assert_int_equal(sg_worsts_new(&l->cfg, NULL, 0, l->f.slots, true, &l->worsts), 0);
	l->f.drain->worsts = l->worsts;
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct life *l = *state;

	sg_worsts_free(l->worsts);
	fake_free(&l->f);
	free(l);
	return 0;
}

static void observe(struct life *l, uint32_t bank, uint32_t slot, uint64_t ns, uint32_t tid,
		    uint32_t stack)
{
	size_t e = ((size_t)bank * F_SHARDS) * F_BLOCKS + F_FIXED + slot, i = e * F_SIGNALS + 1;
	struct sg_worst w = record(ns, tid, (uint16_t)slot);

	w.stack = stack;
	w.check = sg_worst_check(&w);
	fake_observe(&l->f, bank, 0, F_FIXED + slot, 1, ns, 1);
	if (ns <= l->f.sums[i].top)
		return;
	l->f.sums[i].top = ns;
	l->f.rows[i].worst = w;
}

static void tick(struct life *l, uint32_t bank)
{
	sg_frame_reset(l->f.frame);
	sg_slots_tick(l->f.slots);
	sg_worsts_begin(l->worsts, 1700000000000, 3000000000);
	sg_drain_read(l->f.drain, bank);
	assert_int_equal(sg_drain_emit(l->f.drain, l->f.frame), 0);
	sg_worsts_finish(l->worsts, l->f.frame);
}

static void the_slowest_of_all_slots_is_the_hosts(void **state)
{
	struct life *l = *state;
	const struct sg_exemplar *e;

	fake_slot(&l->f, 1, "one");
	fake_slot(&l->f, 2, "two");
	observe(l, 0, 1, 3000000, 11, 0);
	observe(l, 0, 2, 9000000, 22, 0);
	observe(l, 0, 2, 4000000, 23, 0);
	tick(l, 0);
	assert_int_equal(l->f.frame->n_exemplars, 2);
	e = &l->f.frame->exemplars[0];
	assert_int_equal(e->tid, 22);
	assert_int_equal(e->n_of, 3); /* the host's, its cgroup's, its comm's */
	assert_string_equal(e->comm, "thread");
	assert_true(e->value == 0.009);
	assert_int_equal(e->t_ms, 1700000000000 - 2999);
	assert_int_equal(l->f.frame->exemplars[1].tid, 11);
	tick(l, 1);
	assert_int_equal(l->f.frame->n_exemplars, 0);
	tick(l, 0); /* it was taken back */
	assert_int_equal(l->f.frame->n_exemplars, 0);
}

static void what_is_short_is_kept_for_the_host_only(void **state)
{
	struct life *l = *state;

	fake_slot(&l->f, 1, "one");
	fake_slot(&l->f, 2, "two");
	observe(l, 0, 1, 3000, 11, 0);
	observe(l, 0, 2, 9000, 22, 0);
	tick(l, 0);
	assert_int_equal(l->f.frame->n_exemplars, 1);
	assert_int_equal(l->f.frame->exemplars[0].tid, 22);
}

static void one_with_a_stack_comes_with_it_a_tick_later(void **state)
{
	static const char *const frames[] = {"main", "slow", "do_sleep"};
	struct life *l = *state;

	fake_slot(&l->f, 1, "one");
	observe(l, 0, 1, 5000000, 11, 77);
	tick(l, 0);
	assert_int_equal(l->f.frame->n_exemplars, 0);
	sg_worsts_stack(l->worsts, 78, 5000000, frames, 3, 1);
	sg_worsts_stack(l->worsts, 77, 5000000, frames, 3, 1);
	tick(l, 1);
	assert_int_equal(l->f.frame->n_exemplars, 1);
	assert_int_equal(l->f.frame->exemplars[0].n_frames, 3);
	assert_int_equal(l->f.frame->exemplars[0].n_kernel, 1);
	assert_string_equal(l->f.frame->exemplars[0].frames[1], "slow");
	assert_int_equal(l->f.frame->exemplars[0].n_of, 3);
	tick(l, 0);
	assert_int_equal(l->f.frame->n_exemplars, 0);
	assert_int_equal(sg_worsts_lost(l->worsts), 0);
}

static void what_comes_late_stands_until_its_bank_is_read_again(void **state)
{
	struct life *l = *state;

	fake_slot(&l->f, 1, "one");
	observe(l, 0, 1, 2000000, 11, 0);
	tick(l, 0);
	observe(l, 0, 1, 7000000, 12, 0); /* a program in flight */
	tick(l, 1);
	observe(l, 0, 1, 3000000, 13, 0);
	tick(l, 0);
	assert_int_equal(l->f.frame->n_exemplars, 1);
	assert_int_equal(l->f.frame->exemplars[0].tid, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_counted_is_the_floor),
		cmocka_unit_test(what_is_short_is_the_floor),
		cmocka_unit_test(one_in_a_thousand_is_above),
		cmocka_unit_test(it_follows_what_became_faster),
		cmocka_unit_test(a_record_that_is_being_written_is_not_taken),
		cmocka_unit_test_setup_teardown(the_slowest_of_all_slots_is_the_hosts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_short_is_kept_for_the_host_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_with_a_stack_comes_with_it_a_tick_later, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_comes_late_stands_until_its_bank_is_read_again,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
