// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/bpf/bucket.h>

#include "probe/domain.h"

struct seen {
	size_t n;
	char names[512][SG_NAME_MAX + 1];
};

static int note_name(const struct sg_metric_info *m, void *ctx)
{
	struct seen *s = ctx;

	assert_true(s->n < ARRAY_SIZE(s->names));
	assert_true(strncmp(m->name, "sgprobe_", 8) == 0);
	assert_true(m->title && m->title[0] && m->help && m->help[0]);
	for (size_t i = 0; i < s->n; i++)
		assert_string_not_equal(s->names[i], m->name);
	strcpy(s->names[s->n++], m->name);
	if (m->type == SG_COUNTER)
		assert_non_null(strstr(m->name, "_total"));
	assert_true(!m->of == !m->dim);
	return 0;
}

static void every_metric_of_the_catalogue_has_a_name_of_its_own_and_says_what_it_is(void **state)
{
	static struct seen s;

	assert_int_equal(sg_metrics_each(note_name, &s), 0);
	assert_true(s.n > 30);
}

static int stop_at_third(const struct sg_metric_info *m, void *ctx)
{
	return ++*(int *)ctx == 3 ? 42 : 0;
}

static void the_walk_stops_when_the_callback_says_so(void **state)
{
	int n = 0;

	assert_int_equal(sg_metrics_each(stop_at_third, &n), 42);
	assert_int_equal(n, 3);
}

static int check_labels(const struct sg_metric_info *m, void *ctx)
{
	if (strcmp(m->name, "sgprobe_irq_hardirq_seconds") == 0) {
		assert_string_equal(m->label, "irq,name");
		(*(int *)ctx)++;
	}
	if (strcmp(m->name, "sgprobe_irq_stolen_seconds") == 0) {
		assert_null(m->label);
		(*(int *)ctx)++;
	}
	return 0;
}

static void both_labels_of_a_metric_are_in_the_catalogue(void **state)
{
	int n = 0;

	assert_int_equal(sg_metrics_each(check_labels, &n), 0);
	assert_int_equal(n, 2);
}

static int check_group(const struct sg_metric_info *m, void *ctx)
{
	assert_non_null(sg_group_title(m->group));
	return 0;
}

static void every_group_has_a_title(void **state)
{
	sg_metrics_each(check_group, NULL);
	assert_string_equal(sg_group_title("irq"), "Interrupts");
	assert_null(sg_group_title("nonsense"));
}

static int has_name(const struct sg_metric_info *m, void *ctx)
{
	return strcmp(m->name, ctx) == 0;
}

static void the_names_that_others_build_on_are_there(void **state)
{
	static const char *const names[] = {
		"sgprobe_sched_runqueue_latency_seconds",
		"sgprobe_cgroup_sched_runqueue_latency_seconds",
		"sgprobe_comm_sched_runqueue_latency_seconds",
		"sgprobe_sched_oncpu_seconds",
		"sgprobe_sched_offcpu_seconds",
		"sgprobe_sched_switches_total",
		"sgprobe_syscall_latency_seconds",
		"sgprobe_cgroup_syscall_latency_seconds",
		"sgprobe_syscall_calls_total",
		"sgprobe_syscall_errors_total",
		"sgprobe_tcp_connect_latency_seconds",
		"sgprobe_tcp_rtt_seconds",
		"sgprobe_tcp_retransmits_total",
		"sgprobe_bpf_run_seconds_total",
		"sgprobe_bpf_runs_total",
		"sgprobe_dropped_total",
		"sgprobe_governor_budget_seconds",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(sg_metrics_each(has_name, (void *)names[i]), 1);
}

static void check_row(const struct sg_domain *d, const struct sg_metric_row *m)
{
	unsigned int n = m->n ? m->n : 1;

	if (m->from == SG_FROM_SIGNAL)
		assert_true(m->first + n <= d->signals + d->pooled);
	if (m->from == SG_FROM_SIGNAL && m->first < d->signals)
		assert_true(d->slot_blocks);
	if (m->from == SG_FROM_KEYS || m->from == SG_FROM_KEY_COUNT || m->from == SG_FROM_KEY_SUM)
		assert_true(m->first >= d->signals && m->first + n <= d->signals + d->pooled);
	if (m->from == SG_FROM_TALLY)
		assert_true(m->by < d->signals + d->pooled && m->first + n <= SG_BUCKETS);
	if (m->from == SG_FROM_TALLY && m->by < d->signals)
		assert_true(d->slot_blocks);
	if (m->from == SG_FROM_KEYS || m->from == SG_FROM_KEY_COUNT || m->from == SG_FROM_KEY_SUM ||
	    m->from == SG_FROM_CELLS)
		assert_true(m->key && m->label);
	if (m->from == SG_FROM_BLOCKS || m->from == SG_FROM_BLOCK_COUNT)
		assert_true(m->first + n <= d->fixed_blocks);
	if (m->from == SG_FROM_COUNTER)
		assert_true(m->first >= SG_COMMON_COUNTERS && m->first + n <= d->counters);
	if (m->dims && (m->from == SG_FROM_BLOCKS || m->from == SG_FROM_KEYS))
		assert_true(m->by < d->signals + d->pooled);
	if (m->plus)
		assert_true(m->plus + n <= d->counters);
	assert_true(m->n <= 1 || m->label);
	for (unsigned int i = 0; m->label && m->value && i < n; i++) {
		if (m->value(i)) /* NULL: a number that never occurs */
			assert_true(m->value(i)[0]);
		else
			assert_true(m->from != SG_FROM_BLOCKS);
	}
}

static void every_row_of_every_domain_is_within_its_maps(void **state)
{
	for (size_t i = 0; i < sg_n_domains; i++) {
		const struct sg_domain *d = sg_domains[i];

		assert_true((const char *)d->object_end > (const char *)d->object);
		for (size_t j = 0; j < d->n_metrics; j++)
			check_row(d, &d->metrics[j]);
		for (size_t j = 0; j < d->n_programs; j++)
			assert_true(d->programs[j].runs < d->counters);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_metric_of_the_catalogue_has_a_name_of_its_own_and_says_what_it_is),
		cmocka_unit_test(the_walk_stops_when_the_callback_says_so),
		cmocka_unit_test(the_names_that_others_build_on_are_there),
		cmocka_unit_test(both_labels_of_a_metric_are_in_the_catalogue),
		cmocka_unit_test(every_group_has_a_title),
		cmocka_unit_test(every_row_of_every_domain_is_within_its_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
