// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "truth.h"

/* A sum of series of one name; label and value choose some of them. */
struct side {
	const char *name, *label, *value;
};

/* Each compares what programs counted with a counter that the kernel keeps for itself. */
static const struct comparison {
	const char *signal;
	struct side seen, kernel;
} comparisons[] = {
	{"context_switches",
	 {"sgprobe_sched_switches_total"},
	 {"sgprobe_cpu_context_switches_total"}},
	{"forks", {"sgprobe_sched_forks_total"}, {"sgprobe_processes_created_total"}},
	{"process_starts", {"sgprobe_process_starts_total"}, {"sgprobe_processes_created_total"}},
	/* The kernel also counts those that it takes ahead of an access, on a program's behalf. */
	{"page_faults", {"sgprobe_fault_faults_total"}, {"sgprobe_vm_page_faults_total"}},
	{"reclaim_stalls",
	 {"sgprobe_mem_reclaim_stall_seconds", "kind", "direct"},
	 {"sgprobe_vm_allocation_stalls_total"}},
	{"oom_kills", {"sgprobe_mem_oom_victims_total"}, {"sgprobe_vm_oom_kills_total"}},
	{"migrations", {"sgprobe_mem_migrated_bytes_total"}, {"sgprobe_vm_migrated_bytes_total"}},
	{"softirqs", {"sgprobe_irq_softirqs_total"}, {"sgprobe_cpu_softirqs_total"}},
	/* Those of the probe's own network namespace; the programs see all of them. */
	{"tcp_active_opens",
	 {"sgprobe_tcp_state_transitions_total", "state", "syn_sent"},
	 {"sgprobe_netstat_tcp_active_opens_total"}},
	{"tcp_passive_opens",
	 {"sgprobe_tcp_accepts_total"},
	 {"sgprobe_netstat_tcp_passive_opens_total"}},
	{"tcp_retransmits",
	 {"sgprobe_tcp_retransmits_total"},
	 {"sgprobe_netstat_tcp_retransmitted_segments_total"}},
};
#define N ARRAY_SIZE(comparisons)
_Static_assert(N <= SG_TRUTH_MAX, "a window per comparison");

static const struct sg_metric_info metrics[] = {
	{"sgprobe_truth_ratio", "Truth test",
	 "What sgprobe counted as a share of what the kernel counted itself in the last minute; 1 is "
	 "exact.",
	 "", "signal", "self", NULL, NULL, SG_GAUGE},
};
const struct sg_metric_table sg_truth_metrics = {metrics, ARRAY_SIZE(metrics)};

struct sums {
	double seen[N], kernel[N];
	bool has_seen[N], has_kernel[N];
};

static bool is_of(const struct side *side, const struct sg_series *s)
{
	return strcmp(side->name, s->name) == 0 &&
	       (!side->label || strcmp(sg_series_label(s, side->label), side->value) == 0);
}

static double amount(const struct sg_sample *s)
{
	return s->series.type == SG_HISTOGRAM ? s->hist.count : s->value;
}

static void add(struct sums *to, const struct sg_sample *s)
{
	for (size_t i = 0; i < N; i++) {
		if (is_of(&comparisons[i].seen, &s->series)) {
			to->seen[i] += amount(s);
			to->has_seen[i] = true;
		} else if (is_of(&comparisons[i].kernel, &s->series)) {
			to->kernel[i] += amount(s);
			to->has_kernel[i] = true;
		}
	}
}

/* The host's own series: those of a dimension repeat them, and are by far the most. */
static bool may_be_compared(const struct sg_series *s)
{
	static const char cgroup[] = "sgprobe_cgroup_", comm[] = "sgprobe_comm_";

	return strncmp(s->name, cgroup, sizeof(cgroup) - 1) != 0 &&
	       strncmp(s->name, comm, sizeof(comm) - 1) != 0;
}

static int put(struct sg_frame *f, const char *signal, double ratio)
{
	struct sg_label label = {"signal", signal};
	struct sg_series s, *copy;
	int r = sg_series_init(&s, SG_GAUGE, metrics[0].name, &label, 1);

	if (r < 0)
		return r;
	copy = sg_series_copy(f->arena, &s);
	return copy ? sg_frame_add_value(f, copy, ratio) : -ENOMEM;
}

static int compare(struct sg_truth *t, size_t i, const struct sums *now, struct sg_frame *f)
{
	struct sg_truth_window *w = &t->windows[i];
	double seen = 0, kernel = 0;

	if (!now->has_seen[i] || !now->has_kernel[i] || !w->begun) {
		w->begun = now->has_seen[i] && now->has_kernel[i];
		w->ticks = 0;
		return 0;
	}
	w->seen[t->tick % SG_TRUTH_TICKS] = now->seen[i];
	w->kernel[t->tick % SG_TRUTH_TICKS] = now->kernel[i];
	w->ticks = SG_MIN(w->ticks + 1, SG_TRUTH_TICKS);
	for (unsigned int k = 0; k < w->ticks; k++) {
		seen += w->seen[(t->tick - k) % SG_TRUTH_TICKS];
		kernel += w->kernel[(t->tick - k) % SG_TRUTH_TICKS];
	}
	return kernel < SG_TRUTH_LEAST ? 0 : put(f, comparisons[i].signal, seen / kernel);
}

int sg_truth_tick(struct sg_truth *t, struct sg_frame *f)
{
	struct sums now = {0};
	int r = 0;

	t->tick++;
	for (size_t i = 0; i < f->n; i++)
		if (may_be_compared(&f->samples[i].series))
			add(&now, &f->samples[i]);
	for (size_t i = 0; r == 0 && i < N; i++)
		r = compare(t, i, &now, f);
	return r;
}
