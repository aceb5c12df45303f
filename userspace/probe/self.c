// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <sgprobe/file.h>

#include "functions.h"
#include "self.h"

#define COUNT(n, t, h)                                                                             \
	{                                                                                          \
		n, t, h, "", NULL, "self", NULL, NULL, SG_COUNTER                                  \
	}

static const struct sg_metric_info metrics[] = {
	{"sgprobe_domain_up", "Domain state",
	 "1 when the domain's programs run; else 0, and reason says why.", "", "domain", "self",
	 NULL, NULL, SG_GAUGE},
	{"sgprobe_bpf_program_attached", "Programs attached",
	 "1 for every program that runs, with how it is attached; 0 for one at a function of the "
	 "kernel that cannot be, and reason says why.",
	 "", "program", "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_bpf_runs_total", "Program runs", "How often each kernel program ran.", "",
	 "program", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_bpf_run_seconds_total", "Program run time",
	 "CPU time of each kernel program: its runs times the mean that the kernel measured last and "
	 "what that leaves out (sgprobe_bpf_entry_seconds).",
	 "seconds", "program", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_dropped_total", "Dropped", "What was seen or made but not recorded, by reason.",
	 "", "reason", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_slots_used", "Slots in use",
	 "Pairs of cgroup and comm that the kernel side tells apart now.", "", NULL, "self", NULL,
	 NULL, SG_GAUGE},
	{"sgprobe_slots_full_total", "Slots full",
	 "Lookups that found no free slot and counted under \"other\".", "", NULL, "self", NULL,
	 NULL, SG_COUNTER},
	{"sgprobe_pool_used", "Pool in use",
	 "Histograms (rows) and counters (cells) of the kernel side's pool that are handed out now.",
	 "", "kind", "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_pool_full_total", "Pool full",
	 "Events that found the pool full and counted under \"other\".", "", NULL, "self", NULL,
	 NULL, SG_COUNTER},
	{"sgprobe_governor_changes_total", "Changes of detail",
	 "Times that the budget made a domain lose or regain detail.", "", NULL, "self", NULL, NULL,
	 SG_COUNTER},
	{"sgprobe_untimed_total", "Events sampled",
	 "Events that were counted but not timed, to keep probe.budget; the latencies of others "
	 "stand for them.",
	 "", "domain", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_balance_error", "Balance error",
	 "Events that a sum over a dimension differs from its total by; always 0.", "", "domain",
	 "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_bpf_map_bytes", "Kernel memory of maps",
	 "Memory that the maps of a domain take in the kernel; shared: those of all domains.",
	 "bytes", "domain", "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_probe_drain_seconds", "Drain time",
	 "Time that the probe took to read everything.", "seconds", NULL, "self", NULL, NULL,
	 SG_GAUGE},
	{"sgprobe_probe_cpu_seconds_total", "CPU of the probe process",
	 "CPU time of the probe process.", "seconds", NULL, "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_probe_resident_bytes", "Memory of the probe process",
	 "Resident memory of the probe process.", "bytes", NULL, "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_probe_profile_seconds_total", "Time for stacks",
	 "Time that the probe took to read stacks, look at the files that they are in and name them.",
	 "seconds", NULL, "self", NULL, NULL, SG_COUNTER},
	COUNT("sgprobe_probe_ticks_late_total", "Late ticks",
	      "Ticks that were read more than half a tick after their time."),
	COUNT("sgprobe_probe_ticks_skipped_total", "Skipped ticks",
	      "Ticks that were missed; the next frame covers their time."),
	COUNT("sgprobe_probe_clock_steps_total", "Clock steps", "Times the wall clock was set."),
	COUNT("sgprobe_probe_suspends_total", "Suspends", "Times the machine slept."),
/* What the server process adds, in frames of its own. */
#define SG_SELF_METRIC(id, name, title, help, unit, type, label)                                   \
	{name, title, help, unit, label, "self", NULL, NULL, type},
#include "model/self_metrics.def"
#undef SG_SELF_METRIC
};
const struct sg_metric_table sg_self_metrics = {metrics, ARRAY_SIZE(metrics)};

/* Reasons besides those that the programs count; known ones are reported from the first tick on. */
static const char *const reasons[] = {"link_queue_full", "frame_failed", "row_unread",
				      "run_missed",	 "profile_full", "profile_queue_full",
				      "worst_no_room",	 "worst_torn"};

static void note(struct sg_note *notes, size_t *n, const char *name, double add)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (strcmp(notes[i].name, name) == 0)
			break;
	if (i == SG_NOTES_MAX)
		i--;
	if (i == *n)
		notes[(*n)++] = (struct sg_note){name, 0};
	notes[i].add += add;
}

void sg_self_dropped(struct sg_self *s, const char *reason, double n)
{
	note(s->dropped, &s->n_dropped, reason, n);
}

void sg_self_count(struct sg_self *s, const char *name, double n)
{
	note(s->counts, &s->n_counts, name, n);
}

static double cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

void sg_self_init(struct sg_self *s)
{
	memset(s, 0, sizeof(*s));
	s->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	s->cpu_seconds = cpu_seconds();
	for (size_t i = 0; i < SG_COMMON_COUNTERS; i++)
		if (sg_drop_reasons[i])
			sg_self_dropped(s, sg_drop_reasons[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		sg_self_dropped(s, reasons[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
		if (metrics[i].type == SG_COUNTER && !metrics[i].label &&
		    (strncmp(metrics[i].name, "sgprobe_probe_", 14) == 0 ||
		     strcmp(metrics[i].name, "sgprobe_governor_changes_total") == 0) &&
		    !metrics[i].unit[0])
			sg_self_count(s, metrics[i].name, 0);
}

void sg_self_release(struct sg_self *s)
{
	if (s->statm >= 0)
		close(s->statm);
}

/* Adds one sample; a label whose value is empty is left out. */
static int put(struct sg_frame *f, enum sg_type type, const char *name, double v,
	       struct sg_label *labels, size_t n)
{
	struct sg_series s, *copy;
	int r = sg_series_init(&s, type, name, labels, n);

	if (r < 0)
		return r;
	copy = sg_series_copy(f->arena, &s);
	return copy ? sg_frame_add_value(f, copy, v) : -ENOMEM;
}

static int put1(struct sg_frame *f, enum sg_type type, const char *name, double v,
		const char *label, const char *value)
{
	struct sg_label l = {label, value};

	return put(f, type, name, v, &l, label ? 1 : 0);
}

/* Known each time the kernel's statistics were read. */
static void report_missed(struct sg_self *s, struct sg_attached *a)
{
	if (!a->program->made_up_for)
		sg_self_dropped(s, "run_missed", a->missed);
	a->missed = 0;
}

static int emit_program(struct sg_frame *f, const struct sg_loaded *l, const struct sg_attached *a)
{
	char name[128];
	struct sg_label labels[2] = {{"program", name},
				     {"variant", a->kind ? a->kind : l->variant}};
	int r;

	snprintf(name, sizeof(name), "%s/%s", l->domain->name, a->program->hook);
	r = put(f, SG_GAUGE, "sgprobe_bpf_program_attached", 1, labels, 2);
	if (r == 0)
		r = put1(f, SG_COUNTER, "sgprobe_bpf_runs_total", (double)a->runs, "program", name);
	if (r == 0)
		r = put1(f, SG_COUNTER, "sgprobe_bpf_run_seconds_total", (double)a->paid_ns * 1e-9,
			 "program", name);
	return r;
}

/* Programs at functions that this kernel does not let them be attached to. */
static int emit_missing(struct sg_frame *f, const struct sg_loaded *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->domain->n_programs; i++) {
		const struct sg_program *row = &l->domain->programs[i];
		const struct sg_function *fn = sg_function_of(l, row);
		char name[128];
		struct sg_label labels[2] = {{"program", name}, {"reason", fn ? fn->reason : ""}};

		snprintf(name, sizeof(name), "%s/%s", l->domain->name, row->hook);
		if (fn && !fn->kind)
			r = put(f, SG_GAUGE, "sgprobe_bpf_program_attached", 0, labels, 2);
	}
	return r;
}

static int emit_domain(struct sg_self *s, struct sg_frame *f, struct sg_loaded *l,
		       const struct sg_drain *d)
{
	struct sg_label labels[3] = {
		{"domain", l->domain->name}, {"variant", l->variant}, {"reason", l->reason}};
	int r = put(f, SG_GAUGE, "sgprobe_domain_up", d && !l->shed, labels, 3);

	if (!d || r < 0)
		return r;
	r = put1(f, SG_GAUGE, "sgprobe_bpf_map_bytes", (double)l->bytes, "domain", l->domain->name);
	if (r == 0)
		r = put1(f, SG_GAUGE, "sgprobe_balance_error",
			 (double)(d->balance + d->pool_balance), "domain", l->domain->name);
	if (r == 0 && l->domain->limited)
		r = put1(f, SG_COUNTER, "sgprobe_untimed_total", (double)d->counted[SG_C_UNTIMED],
			 "domain", l->domain->name);
	for (size_t i = 0; r == 0 && i < l->n_attached; i++) {
		report_missed(s, &l->attached[i]);
		r = emit_program(f, l, &l->attached[i]);
	}
	if (r == 0)
		r = emit_missing(f, l);
	for (size_t i = 0; i < SG_COMMON_COUNTERS; i++)
		if (sg_drop_reasons[i])
			sg_self_dropped(s, sg_drop_reasons[i], (double)d->counted[i]);
	return r;
}

static int emit_notes(struct sg_self *s, struct sg_frame *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_dropped; i++)
		r = put1(f, SG_COUNTER, "sgprobe_dropped_total", s->dropped[i].add, "reason",
			 s->dropped[i].name);
	for (size_t i = 0; r == 0 && i < s->n_counts; i++)
		r = put1(f, SG_COUNTER, s->counts[i].name, s->counts[i].add, NULL, NULL);
	if (r < 0)
		return r; /* they are reported by the next tick */
	for (size_t i = 0; i < s->n_dropped; i++)
		s->dropped[i].add = 0;
	for (size_t i = 0; i < s->n_counts; i++)
		s->counts[i].add = 0;
	return 0;
}

static double resident_bytes(const struct sg_self *s)
{
	sg_auto_buf b = {0};
	unsigned long long total, resident;

	if (s->statm < 0 || sg_reread_fd(s->statm, 256, &b) < 0 || !b.data ||
	    sscanf(b.data, "%llu %llu", &total, &resident) != 2)
		return 0;
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static int emit_process(struct sg_self *s, struct sg_frame *f)
{
	double cpu = cpu_seconds(), used = cpu - s->cpu_seconds;
	int r = put1(f, SG_COUNTER, "sgprobe_probe_cpu_seconds_total", used, NULL, NULL);

	s->cpu_seconds = cpu;
	s->used_seconds = used;
	if (r == 0)
		r = put1(f, SG_GAUGE, "sgprobe_probe_resident_bytes", resident_bytes(s), NULL,
			 NULL);
	if (r == 0)
		r = put1(f, SG_GAUGE, "sgprobe_probe_drain_seconds", s->drain_seconds, NULL, NULL);
	return r;
}

static int emit_pool(const struct sg_pool *p, double full, struct sg_frame *f)
{
	int r = put1(f, SG_GAUGE, "sgprobe_pool_used", p->rows_used, "kind", "rows");

	if (r == 0)
		r = put1(f, SG_GAUGE, "sgprobe_pool_used", p->cells_used, "kind", "cells");
	if (r == 0)
		r = put1(f, SG_COUNTER, "sgprobe_pool_full_total", full, NULL, NULL);
	return r;
}

int sg_self_emit(struct sg_self *s, struct sg_loaded *loaded, struct sg_drain *const *drains,
		 const struct sg_slots *slots, const struct sg_pool *pool, struct sg_frame *f)
{
	double full = 0, pool_full = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sg_n_domains; i++) {
		r = emit_domain(s, f, &loaded[i], drains[i]);
		if (!drains[i])
			continue;
		full += (double)drains[i]->counted[SG_C_SLOTS_FULL];
		pool_full += (double)drains[i]->counted[SG_C_POOL_FULL];
		sg_self_dropped(s, "row_unread", (double)drains[i]->missing);
		sg_self_dropped(s, "worst_torn", (double)drains[i]->torn);
		drains[i]->missing = drains[i]->torn = 0;
	}
	if (r == 0)
		r = put1(f, SG_GAUGE, "sgprobe_bpf_map_bytes", (double)slots->shared->bytes,
			 "domain", "shared");
	if (r == 0)
		r = put1(f, SG_GAUGE, "sgprobe_slots_used", slots->used, NULL, NULL);
	if (r == 0)
		r = put1(f, SG_COUNTER, "sgprobe_slots_full_total", full, NULL, NULL);
	if (r == 0 && pool)
		r = emit_pool(pool, pool_full, f);
	if (r == 0)
		r = emit_process(s, f);
	return r < 0 ? r : emit_notes(s, f);
}
