// SPDX-License-Identifier: GPL-2.0
#include "cost.h"

#include <errno.h>
#include <string.h>

#include <sgprobe/bpf/irq.h>
#include <sgprobe/bpf/syscall.h>

#define UNMEASURED_NS 150 /* a run, until the kernel has measured some */
#define NS 1e-9

static const struct sg_metric_info metrics[] = {
	{"sgprobe_cgroup_bpf_seconds_total", "Who pays for watching",
	 "Time of the kernel programs by the cgroup whose work made them run; the sum is that of "
	 "sgprobe_bpf_run_seconds_total. A program's time is split by the events that it counted "
	 "for each cgroup in that second; where it counts none by cgroup, by their system calls or "
	 "by the interrupts that hit them. other: an idle CPU's, and what is not known.",
	 "seconds", "cgroup", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_bpf_entry_seconds", "Cost of a run besides its program",
	 "What a run takes that the kernel's run time leaves out, measured at the start, by kind of "
	 "hook; it is in sgprobe_bpf_run_seconds_total. stats: what measuring a run takes, for one "
	 "second in thirty.",
	 "seconds", "variant", "self", NULL, NULL, SG_GAUGE},
};
const struct sg_metric_table sg_cost_metrics = {metrics, ARRAY_SIZE(metrics)};

struct sg_cost {
	struct sg_slots *slots;
	size_t n; /* cgroups in this tick */
	size_t cap;
	uint64_t *counted, *context; /* weights, one per cgroup */
	uint64_t *paid; /* in this tick, likewise */
};

int sg_cost_new(struct sg_slots *slots, struct sg_cost **ret)
{
	struct sg_cost *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->slots = slots;
	*ret = c;
	return 0;
}

void sg_cost_free(struct sg_cost *c)
{
	if (!c)
		return;
	free(c->counted);
	free(c->context);
	free(c->paid);
	free(c);
}

/* ---- arithmetic ----------------------------------------------------------------------- */

/* What is left of ns once each has its share, rounded down. */
static uint64_t share(uint64_t ns, const struct sg_weights *w, uint64_t *paid)
{
	uint64_t left = ns;

	for (size_t i = 0; w->sum && i < w->n; i++) {
		uint64_t part = (uint64_t)((unsigned __int128)ns * w->of[i] / w->sum);

		paid[i] += part;
		left -= part;
	}
	return left;
}

void sg_cost_split(uint64_t ns, uint64_t runs, const struct sg_weights *counted,
		   const struct sg_weights *context, uint64_t *paid)
{
	uint64_t explained = ns, left;

	if (counted->sum < runs)
		explained = (uint64_t)((unsigned __int128)ns * counted->sum / runs);
	left = share(explained, counted, paid);
	left += share(ns - explained, context, paid);
	paid[0] += left;
}

/* ---- what programs take ----------------------------------------------------------------- */

static uint64_t runs(const struct sg_attached *a, const struct sg_drain *d)
{
	uint64_t n = 0;

	for (size_t i = 0; i < SG_MAX(a->program->runs_n, 1); i++)
		n += d->counted[a->program->runs + i];
	return n;
}

/* One run; 0: not measured yet. */
static double run_ns(const struct sg_attached *a, const struct sg_entry *e)
{
	double ns = a->mean_ns + sg_entry_ns(e, a->program->hook);

	return a->mean_ns > 0 ? SG_MAX(ns, 0) : 0;
}

double sg_cost_of(const struct sg_loaded *l, const struct sg_drain *d, const struct sg_entry *e)
{
	double sum = 0;

	for (size_t i = 0; i < l->n_attached; i++) {
		double ns = run_ns(&l->attached[i], e);

		sum += (double)runs(&l->attached[i], d) * (ns > 0 ? ns : UNMEASURED_NS);
	}
	return sum;
}

/*
 * Whole nanoseconds since the last tick; the fraction is paid later. Runs from before the
 * first measurement are paid for when it comes.
 */
static uint64_t pay(struct sg_attached *a, uint64_t n, const struct sg_entry *e)
{
	double ns = run_ns(a, e), whole;

	a->unpaid += (double)n;
	if (ns <= 0)
		return 0;
	a->owed_ns += a->unpaid * ns + a->measured * e->stats_ns;
	a->unpaid = a->measured = 0;
	whole = (double)(uint64_t)a->owed_ns;
	a->owed_ns -= whole;
	return (uint64_t)whole;
}

/* ---- who pays ------------------------------------------------------------------------- */

/* Events of signals first .. last of a domain that were counted for a cgroup in this tick. */
static uint64_t events(const struct sg_value *v, size_t domain, size_t first, size_t last)
{
	const struct sg_sums *s = v->sums[domain];
	uint64_t n = 0;

	for (size_t i = first; s && i < s->n && i <= last; i++)
		n += s->acc[i] ? s->acc[i]->count : 0;
	return n;
}

static struct sg_weights weigh(const struct sg_cost *c, size_t domain, size_t first, size_t last,
			       uint64_t *of)
{
	const struct sg_axis_values *a = &c->slots->axes[SG_AXIS_CGROUP];
	struct sg_weights w = {of, c->n, 0};

	for (size_t i = 0; i < c->n; i++) {
		of[i] = events(a->values[i], domain, first, last);
		w.sum += of[i];
	}
	return w;
}

static size_t index_of(const struct sg_domain *d)
{
	size_t i = 0;

	while (i < sg_n_domains && sg_domains[i] != d)
		i++;
	return i;
}

/* Where a hook runs without an event of its own that belongs to a cgroup. */
static struct sg_weights weigh_context(const struct sg_cost *c, enum sg_context in)
{
	const struct sg_domain *d = in == SG_IN_TASK	    ? &sg_domain_syscall
				    : in == SG_IN_INTERRUPT ? &sg_domain_irq
							    : NULL;
	size_t signal = in == SG_IN_TASK ? SYSCALL_LATENCY : IRQ_STOLEN;

	if (!d)
		return (struct sg_weights){c->context, c->n, 0};
	return weigh(c, index_of(d), signal, signal, c->context);
}

static void split(struct sg_cost *c, size_t domain, const struct sg_attached *a, uint64_t n)
{
	uint16_t paid_by = a->program->paid_by;
	size_t first = paid_by ? paid_by - 1u : 0, last = paid_by ? first : SIZE_MAX;
	struct sg_weights counted = weigh(c, domain, first, last, c->counted), context = {0};

	if (counted.sum < n)
		context = weigh_context(c, a->program->in);
	sg_cost_split(a->paid_ns, n, &counted, &context, c->paid);
}

static int make_room(struct sg_cost *c)
{
	uint64_t **const all[] = {&c->counted, &c->context, &c->paid};

	c->n = c->slots->axes[SG_AXIS_CGROUP].n;
	for (size_t i = 0; c->n > c->cap && i < ARRAY_SIZE(all); i++) {
		uint64_t *more = reallocarray(*all[i], c->n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		*all[i] = more;
	}
	c->cap = SG_MAX(c->cap, c->n);
	memset(c->paid, 0, c->n * sizeof(*c->paid));
	return 0;
}

int sg_cost_tick(struct sg_cost *c, struct sg_loaded *loaded, struct sg_drain *const *drains,
		 const struct sg_entry *e)
{
	struct sg_value **cgroups;
	int r = make_room(c);

	for (size_t i = 0; r == 0 && i < sg_n_domains; i++)
		for (size_t j = 0; drains[i] && j < loaded[i].n_attached; j++) {
			struct sg_attached *a = &loaded[i].attached[j];
			uint64_t n = runs(a, drains[i]);

			a->runs = n;
			a->paid_ns = pay(a, n, e);
			if (a->paid_ns)
				split(c, i, a, n);
		}
	cgroups = c->slots->axes[SG_AXIS_CGROUP].values;
	for (size_t i = 0; r == 0 && i < c->n; i++)
		if (c->paid[i])
			cgroups[i]->paid_tick = c->slots->tick;
	return r;
}

/* ---- frame ---------------------------------------------------------------------------- */

static int put(struct sg_frame *f, enum sg_type type, const char *name, double v, const char *label,
	       const char *value)
{
	struct sg_label l = {label, value};
	struct sg_series s, *copy;
	int r = sg_series_init(&s, type, name, &l, 1);

	if (r < 0)
		return r;
	copy = sg_series_copy(f->arena, &s);
	return copy ? sg_frame_add_value(f, copy, v) : -ENOMEM;
}

static bool is_live(const struct sg_cost *c, size_t i)
{
	uint64_t paid = c->slots->axes[SG_AXIS_CGROUP].values[i]->paid_tick;

	return i == 0 || (paid && c->slots->tick - paid <= SG_IDLE_TICKS);
}

int sg_cost_emit(const struct sg_cost *c, const struct sg_entry *e, struct sg_frame *f)
{
	struct sg_value *const *cgroups = c->slots->axes[SG_AXIS_CGROUP].values;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++)
		if (is_live(c, i))
			r = put(f, SG_COUNTER, metrics[0].name, (double)c->paid[i] * NS, "cgroup",
				cgroups[i]->name);
	for (size_t i = 0; r == 0 && i < SG_ENTRIES; i++)
		r = put(f, SG_GAUGE, metrics[1].name, e->ns[i] * NS, "variant", sg_entry_name(i));
	return r == 0 ? put(f, SG_GAUGE, metrics[1].name, e->stats_ns * NS, "variant", "stats") : r;
}
