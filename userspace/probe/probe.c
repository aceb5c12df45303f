// SPDX-License-Identifier: GPL-2.0
// The privileged half as one object: see <sgprobe/probe.h>.
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <sgprobe/file.h>
#include <sgprobe/map_bill.h>
#include <sgprobe/probe.h>
#include <sgprobe/time.h>

#include "bpfstat.h"
#include "cost.h"
#include "drain.h"
#include "events.h"
#include "governor_frame.h"
#include "keep.h"
#include "named_read.h"
#include "pool.h"
#include "privileges.h"
#include "procfs.h"
#include "self.h"
#include "stacks.h"
#include "threads.h"
#include "truth.h"
#include "worst.h"

#define FORGET_EVERY 60 /* ticks */
#define CPUS_MAX 4096 /* bytes of a list of CPUs */
#define ENTRY_MS 50 /* that the start waits at most to know what a run costs */

struct sg_probe {
	struct sg_shared shared;
	struct sg_slots *slots;
	struct sg_procfs *procfs;
	struct sg_self self;
	struct sg_governor governor;
	sg_attach_cb attach; /* NULL: this process does */
	void *attach_ctx;
	struct sg_truth truth;
	struct sg_entry entry;
	struct sg_cost *cost;
	struct sg_loaded *loaded; /* one per domain */
	struct sg_drain **drains; /* NULL where a domain is not up */
	struct sg_named_reader *named; /* NULL: there are none */
	sg_named_change_cb named_change;
	void *named_ctx;
	bool named_shed; /* the budget wants them off */
	uint64_t named_rate;
	uint32_t named_max;
	struct sg_threads *threads; /* NULL where nothing moves them */
	struct sg_pool *pool; /* NULL where no domain that is up uses it */
	struct sg_events *events;
	struct sg_worsts *worsts; /* NULL where nobody asks for them */
	struct sg_stacks *stacks; /* NULL where no domain that is up sends any */
	uint64_t flipped_ns; /* when the bank was flipped last */
	bool resumed; /* what domains share is another process' */
	bool orphaned; /* those that it left rely on one that cannot be had again */
	int cpus_fd;
	struct sg_buf cpus, cpus_now; /* the list of online CPUs, as text */
};

/* A message may be all that the verifier has to say; what it stumbled over comes last. */
static char *last_lines(char *text, int n)
{
	char *p = text + strlen(text);

	while (p > text && (p[-1] != '\n' || n-- > 0))
		p--;
	return p;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text = NULL, *rest, *line;

	if (level == LIBBPF_DEBUG || vasprintf(&text, fmt, ap) < 0)
		return 0;
	rest = last_lines(text, 30);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			sg_debug("%.400s", line);
	free(text);
	return 0;
}

/* Kernels before 5.11 charge maps against this limit. */
static void lift_memlock(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

static bool is_enabled(const struct sg_domain *d, const struct sg_config *cfg)
{
	return d->enabled == SG_ALWAYS || *(const bool *)((const char *)cfg + d->enabled);
}

/* Set 0 is what all domains share. A domain beyond the bound is not kept. */
static struct sg_kept *domain_set(struct sg_kept_sets *kept, size_t i)
{
	return i + 1 < SG_KEPT_SETS ? kept->sets[i + 1] : NULL;
}

/* What a domain needs of this process besides what is in the kernel. */
static int bring_up(struct sg_probe *p, size_t i, const struct sg_config *cfg)
{
	const struct sg_domain *d = sg_domains[i];
	int r = sg_drain_new(&p->loaded[i], p->slots, i, &p->drains[i]);

	if (r == 0 && d->start)
		r = d->start(cfg, &p->loaded[i], &p->loaded[i].state);
	if (r < 0) {
		sg_drain_free(sg_take(p->drains[i]));
		sg_refuse(&p->loaded[i], d,
			  r == -EOPNOTSUPP && d->refusal ? d->refusal : strerror(-r));
	}
	return r;
}

/* The domain as another process left it; false: there is nothing of use. */
static bool adopt_domain(struct sg_probe *p, size_t i, const struct sg_config *cfg,
			 struct sg_kept *k)
{
	int r;

	if (!k || !p->resumed || p->orphaned)
		return false;
	r = sg_loaded_adopt(&p->loaded[i], sg_domains[i], &p->shared, k);
	if (r == 0 && sg_domains[i]->tracks_tasks)
		p->shared.tracked = true;
	if (r == 0)
		r = bring_up(p, i, cfg);
	sg_kept_close(k); /* before the domain is loaded once more */
	if (r < 0)
		sg_warn("domain %s cannot be taken over, it is loaded anew: %s",
			sg_domains[i]->name, strerror(-r));
	return r == 0;
}

static int load_domain(struct sg_probe *p, size_t i, const struct sg_config *cfg, struct sg_kept *k)
{
	const struct sg_domain *d = sg_domains[i];
	struct sg_loaded *l = &p->loaded[i];
	int r;

	if (!is_enabled(d, cfg)) {
		sg_loaded_init(l, d, &p->shared);
		snprintf(l->reason, sizeof(l->reason), "switched off: probe.%s is false", d->name);
		return 0;
	}
	if (adopt_domain(p, i, cfg, k))
		return 0;
	r = sg_load(l, d, &p->shared);
	if (r == 0)
		r = bring_up(p, i, cfg);
	p->orphaned |= k && d->tracks_tasks && r < 0;
	return r;
}

/* Whether this process may load programs at all; a domain's own trouble is another matter. */
static int check_rights(struct sg_error *err)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sg_check", 4, 4, 1, NULL);

	if (fd >= 0)
		close(fd);
	else if (fd == -ENOSYS)
		return sg_fail(
			err, fd,
			"this kernel is built without BPF: a probe needs CONFIG_BPF_SYSCALL");
	else if (fd == -EPERM || fd == -EACCES)
		return sg_fail(err, -EPERM,
			       "no right to load kernel programs: run it as root, with sudo");
	return 0;
}

static int load_all(struct sg_probe *p, const struct sg_config *cfg, struct sg_kept_sets *kept)
{
	for (size_t i = 0; i < sg_n_domains; i++) {
		int r = load_domain(p, i, cfg, domain_set(kept, i));

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			sg_warn("domain %s is off: %s", sg_domains[i]->name, p->loaded[i].reason);
	}
	return 0;
}

static int prepare(struct sg_probe *p, const struct sg_config *cfg, struct sg_kept *shared)
{
	int r;

	sg_shared_init(&p->shared, cfg);
	p->resumed = shared && sg_shared_adopt(&p->shared, shared) == 0;
	r = sg_slots_new(&p->shared, cfg, &p->slots);
	if (r == 0 && p->resumed)
		sg_slots_resume(p->slots);
	p->loaded = calloc(sg_n_domains, sizeof(*p->loaded));
	p->drains = calloc(sg_n_domains, sizeof(struct sg_drain *));
	if (!p->loaded || !p->drains)
		return -ENOMEM;
	return r < 0 ? r : sg_procfs_new(cfg->proc_root, &p->procfs);
}

/*
 * What another process was reading when it died cannot be told apart from what it
 * had read: it is lost, one tick. What programs wrote since then is not.
 */
static void resume_reading(struct sg_probe *p)
{
	struct sg_bpf_state *s = p->shared.state;

	for (uint32_t bank = 0; bank < SG_BANKS; bank++) {
		if (!(s->unsent & 1u << bank))
			continue;
		for (size_t i = 0; i < sg_n_domains; i++)
			if (p->drains[i])
				sg_drain_skip(p->drains[i], bank);
		sg_pool_skip(p->pool, bank);
	}
	s->unsent = 0;
	if (s->flipped_ns && s->flipped_ns < p->flipped_ns)
		p->flipped_ns = s->flipped_ns;
}

/* ---- the governor ------------------------------------------------------------------- */

static void set_limit(struct sg_probe *p, size_t i)
{
	struct sg_loaded *l = &p->loaded[i];
	uint64_t now = sg_mono_ns(), age = l->attached_ns ? now - l->attached_ns : UINT64_MAX;
	struct sg_bpf_limit want =
		sg_governor_limit(p->governor.budget_ns, p->governor.at[i].step, p->shared.shards);

	for (uint32_t j = 0; l->shards && j < p->shared.shards; j++) {
		struct sg_bpf_limit *limit = &sg_head_of(l, j)->limit;

		__atomic_store_n(&limit->shift, want.shift, __ATOMIC_RELAXED);
		__atomic_store_n(&limit->full, want.full, __ATOMIC_RELAXED);
		__atomic_store_n(&limit->longest_ns, SG_MIN(age, SG_MAX_LATENCY_NS),
				 __ATOMIC_RELAXED);
	}
}

static void restart_threads(struct sg_probe *p)
{
	sg_threads_restart(p->threads);
	for (size_t i = 0; i < sg_n_domains; i++)
		sg_tell_state(&p->loaded[i], &p->shared);
}

int sg_probe_attach_program(size_t set, const char *name, int program)
{
	const struct sg_program *row =
		set >= 1 && set <= sg_n_domains ? sg_program_of(sg_domains[set - 1], name) : NULL;

	return row ? sg_attach_program(row, program) : -EINVAL;
}

static int put_on(struct sg_probe *p, size_t i)
{
	int r;

	if (p->threads && sg_domains[i] == &sg_domain_sched)
		restart_threads(p);
	r = p->attach ? p->attach(i + 1, true, p->attach_ctx) : sg_attach_again(&p->loaded[i]);

	if (r == 0) {
		p->loaded[i].attached_ns = sg_mono_ns();
		p->loaded[i].shed = false;
		p->loaded[i].reason[0] = 0;
		if (p->threads && sg_domains[i] == &sg_domain_sched)
			sg_threads_walk(p->threads);
	}
	return r;
}

static int take_off(struct sg_probe *p, size_t i)
{
	struct sg_loaded *l = &p->loaded[i];

	sg_detach(l);
	l->shed = true;
	snprintf(l->reason, sizeof(l->reason),
		 "off for now: it took %.1f ms a second, the budget is %.1f ms (probe.budget); it "
		 "comes back when the host is calmer",
		 p->governor.at[i].cost_ns * 1e-6, (double)p->governor.budget_ns * 1e-6);
	return p->attach ? p->attach(i + 1, false, p->attach_ctx) : 0;
}

static bool can_be_off(const struct sg_probe *p, size_t i)
{
	/* Without what marks tasks the others would be wrong, and it costs nothing. */
	return p->drains[i] && !sg_domains[i]->tracks_tasks && !sg_domains[i]->not_kept;
}

int sg_probe_shed_all(struct sg_probe *p, bool off)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sg_n_domains; i++)
		if (can_be_off(p, i) && p->loaded[i].shed != off)
			r = off ? take_off(p, i) : put_on(p, i);
	return r;
}

static void tell_step(struct sg_probe *p, const char *domain, enum sg_step step, struct sg_frame *f)
{
	struct sg_event e;

	sg_event_init(&e, SG_EVENT_GOVERNOR, sg_real_ms());
	sg_event_text(&e, "domain", domain);
	sg_event_text(&e, "step", sg_step_name(step));
	sg_event_number(&e, "cost_seconds", p->governor.total_ns * 1e-9);
	sg_events_put(p->events, f, &e);
}

static void apply_step(struct sg_probe *p, size_t i, struct sg_frame *f)
{
	enum sg_step step = p->governor.at[i].step;
	bool off = step == SG_STEP_OFF;
	int r = 0;

	if (off != p->loaded[i].shed)
		r = off ? take_off(p, i) : put_on(p, i);
	set_limit(p, i);
	tell_step(p, sg_domains[i]->name, step, f);
	sg_self_count(&p->self, "sgprobe_governor_changes_total", 1);
	if (r < 0)
		sg_warn("domain %s cannot be switched %s: %s", sg_domains[i]->name,
			off ? "off" : "on", strerror(-r));
	else
		sg_info("domain %s is %s now: %s", sg_domains[i]->name, sg_step_name(step),
			p->governor.at[i].reason);
	if (step == SG_STEP_FULL)
		p->governor.at[i].reason[0] = 0;
}

static void hot(uint64_t id, double rate, void *ctx)
{
	struct sg_probe *p = ctx;

	p->named_change(id, false, rate, p->named_ctx);
}

int sg_probe_named(struct sg_probe *p, int fd, sg_named_change_cb change, void *ctx)
{
	sg_named_reader_free(sg_take(p->named));
	p->named_change = change;
	p->named_ctx = ctx;
	return fd < 0 ? 0 : sg_named_reader_new(fd, p->named_max, &p->named);
}

/* Behind the domains, as one more: the probes that a user names. */
static void shed_named(struct sg_probe *p, size_t i, struct sg_frame *f)
{
	bool off = p->governor.at[i].step == SG_STEP_OFF;

	tell_step(p, "named", p->governor.at[i].step, f);
	sg_self_count(&p->self, "sgprobe_governor_changes_total", 1);
	sg_info("named probes are %s now: %s", off ? "off" : "on", p->governor.at[i].reason);
	if (!off)
		p->governor.at[i].reason[0] = 0;
	p->named_shed = off;
	if (p->named_change)
		p->named_change(0, !off, 0, p->named_ctx);
}

static int govern(struct sg_probe *p, struct sg_frame *f)
{
	struct sg_governed d[SG_GOVERNED_MAX] = {0};
	size_t n = SG_MIN(sg_n_domains, SG_GOVERNED_MAX - 1), named = n;
	int changed, r = 0;

	for (size_t i = 0; i < n; i++) {
		d[i].up = can_be_off(p, i);
		d[i].limited = sg_domains[i]->limited;
		d[i].cost_ns =
			p->drains[i] ? sg_cost_of(&p->loaded[i], p->drains[i], &p->entry) : 0;
	}
	d[named].up = p->named || p->named_shed;
	d[named].cost_ns = sg_named_cost(p->named);
	changed = sg_governor_tick(&p->governor, d, n + 1, p->self.used_seconds * 1e9);
	if (changed >= 0 && (size_t)changed == named)
		shed_named(p, named, f);
	else if (changed >= 0)
		apply_step(p, (size_t)changed, f);
	for (size_t i = 0; i < n; i++)
		if (p->loaded[i].attached_ns)
			set_limit(p, i);
	for (size_t i = 0; r == 0 && i <= n; i++)
		if (d[i].up)
			r = sg_governor_emit_step(&p->governor, i,
						  i == named ? "named" : sg_domains[i]->name, f);
	return r < 0 ? r : sg_governor_emit(&p->governor, f);
}

void sg_probe_attached_by(struct sg_probe *p, sg_attach_cb attach, void *ctx)
{
	p->attach = attach;
	p->attach_ctx = ctx;
}

static size_t sched_index(void)
{
	size_t i = 0;

	while (sg_domains[i] != &sg_domain_sched)
		i++;
	return i;
}

static int start_threads(struct sg_probe *p)
{
	size_t i = sched_index();

	if (!p->shared.threads || !p->drains[i] || p->shared.fd[SG_MAP_THREADS] < 0)
		return 0;
	if (sg_walk_fd(&p->loaded[i]) < 0) {
		sg_info("thread time (probe.thread_time) is off: this kernel has no storage of tasks for "
			"programs of the scheduler; Linux 5.11, and with PREEMPT_RT about 7.1, have");
		return 0;
	}
	return sg_threads_new(&p->shared, p->slots, p->drains[i], &p->threads);
}

static void on_worst_stack(uint32_t number, uint64_t ns, const char *const *frames, size_t n,
			   size_t n_kernel, void *ctx)
{
	sg_worsts_stack(((struct sg_probe *)ctx)->worsts, number, ns, frames, n, n_kernel);
}

static int start_worst(struct sg_probe *p, const struct sg_config *cfg)
{
	int ring = p->shared.fd[SG_MAP_WORST_RING];
	/* To name stacks takes privileges, which the process keeps for profiles alone. */
	bool stacks = p->stacks && ring >= 0 && cfg->worst_stacks;
	int r = sg_worsts_new(cfg, p->loaded, sg_n_domains, p->slots, stacks, &p->worsts);

	if (r < 0 || !p->worsts)
		return r;
	for (size_t i = 0; i < sg_n_domains; i++)
		if (p->drains[i])
			p->drains[i]->worsts = p->worsts;
	if (p->pool)
		p->pool->drain->worsts = p->worsts;
	return stacks ? sg_stacks_listen(p->stacks, ring, on_worst_stack, p) : 0;
}

enum { ENTRY_ASSUMED = 1, ENTRY_MEASURED }; /* sg_bpf_state.entry_measured */

static double *entry_part(struct sg_entry *e, size_t i)
{
	return i < SG_ENTRIES ? &e->ns[i] : &e->stats_ns;
}

/* Measured once in the life of what is in the kernel: later its own programs would be in the way. */
static void keep_entry(struct sg_probe *p)
{
	struct sg_bpf_state *s = p->shared.state;

	if (!s)
		return;
	if (p->resumed && s->entry_measured) {
		for (size_t i = 0; i <= SG_ENTRIES; i++)
			*entry_part(&p->entry, i) = (double)s->entry_ps[i] * 1e-3;
		p->entry.measured = s->entry_measured == ENTRY_MEASURED;
	}
	for (size_t i = 0; i <= SG_ENTRIES; i++)
		s->entry_ps[i] = (int32_t)(*entry_part(&p->entry, i) * 1e3);
	s->entry_measured = p->entry.measured ? ENTRY_MEASURED : ENTRY_ASSUMED;
	sg_info("a run of a program costs %.0f ns more than the kernel says on a trace point, %.0f ns "
		"on a system call (%s)",
		p->entry.ns[SG_ENTRY_TRACEPOINT], p->entry.ns[SG_ENTRY_SYSCALL],
		p->entry.measured ? "measured" : "assumed");
}

/* What is about to be taken is said first, and refused where it is too much. */
static int check_memory(const struct sg_config *cfg, struct sg_error *err)
{
	struct sg_map_bill bill;
	sg_auto_buf b = {0};
	int r = sg_map_bill(cfg, &bill);

	if (r < 0)
		return r == -ENOMEM ? r : 0; /* a file that is damaged is a domain's own trouble */
	sg_map_bill_print(&b, &bill);
	sg_info("maps take %s", b.data ? b.data : "");
	return sg_map_bill_check(&bill, cfg, err);
}

static void count_shared_bytes(struct sg_shared *s)
{
	s->bytes = 0;
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		s->bytes += sg_map_bytes_of(s->fd[i]);
}

static int set_up(struct sg_probe *p, const struct sg_config *cfg, struct sg_kept_sets *kept)
{
	struct sg_entry_job entry = {0, -1};
	int r;

	lift_memlock();
	p->cpus_fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	if (p->cpus_fd >= 0)
		sg_reread_fd(p->cpus_fd, CPUS_MAX, &p->cpus);
	if (!kept->sets[0])
		sg_entry_begin(&entry);
	r = prepare(p, cfg, kept->sets[0]);
	if (!p->resumed)
		sg_kept_drop(kept); /* the rest belongs to it */
	sg_entry_end(&entry, ENTRY_MS, &p->entry); /* before the first program is on its hook */
	if (r == 0)
		r = load_all(p, cfg, kept);
	keep_entry(p);
	count_shared_bytes(&p->shared);
	if (r == 0)
		r = sg_cost_new(p->slots, &p->cost);
	if (r == 0)
		r = sg_pool_new(&p->shared, p->slots, p->drains, &p->pool);
	p->named_rate = cfg->named_rate;
	p->named_max = (uint32_t)cfg->named_max;
	if (r == 0)
		r = sg_stacks_new(cfg, p->loaded, sg_n_domains, &p->stacks);
	if (r == 0)
		r = start_worst(p, cfg);
	if (r == 0)
		r = start_threads(p);
	if (r == 0)
		r = sg_events_new(cfg, &p->shared, p->slots, p->loaded, &p->events);
	p->governor.budget_ns = cfg->budget_ns * (uint64_t)SG_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	for (size_t i = 0; r == 0 && i < sg_n_domains; i++)
		set_limit(p, i);
	if (r < 0)
		return r;
	sg_shared_forget_types(&p->shared);
	malloc_trim(0); /* the kernel's types, read to load, were megabytes */
	/* Here: loading is not part of what running costs. */
	sg_self_init(&p->self);
	p->flipped_ns = sg_mono_ns();
	if (p->resumed)
		resume_reading(p);
	return 0;
}

int sg_probe_resume(const struct sg_config *cfg, struct sg_kept_sets *kept, struct sg_probe **ret,
		    struct sg_error *err)
{
	sg_auto(sg_probe) p = NULL;
	int r = check_rights(err);

	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return sg_fail(err, -ENOMEM, "out of memory");
	libbpf_set_print(quiet);
	if (!kept->sets[0]) {
		r = check_memory(cfg, err);
		if (r < 0)
			return r;
	}
	r = set_up(p, cfg, kept);
	sg_kept_drop(kept); /* what nobody took */
	if (r < 0)
		return sg_fail(err, r, "the probe cannot start: %s", strerror(-r));
	*ret = sg_take(p);
	return 0;
}

int sg_probe_new(const struct sg_config *cfg, struct sg_probe **ret, struct sg_error *err)
{
	struct sg_kept_sets none = {0};

	return sg_probe_resume(cfg, &none, ret, err);
}

int sg_probe_keep(const struct sg_probe *p, sg_keep_cb keep, void *ctx)
{
	struct sg_kept k = {0};
	int r = sg_shared_keep(&p->shared, &k);

	if (r == 0)
		r = keep(0, &k, ctx);
	for (size_t i = 0; r == 0 && i < sg_n_domains && i + 1 < SG_KEPT_SETS; i++) {
		k.n = 0;
		if (p->drains[i] && !sg_domains[i]->not_kept &&
		    sg_loaded_keep(&p->loaded[i], &k) < 0)
			k.n = 0; /* too much of it: it is loaded anew */
		r = keep(i + 1, &k, ctx);
	}
	return r;
}

bool sg_probe_resumed(const struct sg_probe *p, int64_t *t_ms, uint64_t *mono_ns)
{
	if (!p->resumed || !p->shared.state->last_ms)
		return false;
	*t_ms = p->shared.state->last_ms;
	*mono_ns = p->flipped_ns;
	return true;
}

void sg_probe_sent(struct sg_probe *p)
{
	if (p->shared.state)
		__atomic_store_n(&p->shared.state->unsent, 0, __ATOMIC_SEQ_CST);
}

static void release_value(struct sg_value *v)
{
	sg_drain_release(v);
	sg_threads_release(v);
}

void sg_probe_free(struct sg_probe *p)
{
	if (!p)
		return;
	sg_named_reader_free(p->named);
	sg_stacks_free(p->stacks);
	sg_events_free(p->events);
	sg_worsts_free(p->worsts);
	sg_pool_free(p->pool);
	sg_cost_free(p->cost);
	sg_threads_free(p->threads); /* before the drain that it reads */
	for (size_t i = 0; p->drains && i < sg_n_domains; i++)
		sg_drain_free(p->drains[i]);
	for (size_t i = 0; p->loaded && i < sg_n_domains; i++)
		sg_unload(&p->loaded[i]);
	if (p->slots)
		for (size_t a = 0; a < SG_AXES; a++)
			for (size_t i = 0; i < p->slots->axes[a].n; i++)
				release_value(p->slots->axes[a].values[i]);
	sg_slots_free(p->slots);
	sg_procfs_free(p->procfs);
	sg_shared_free(&p->shared);
	if (p->flipped_ns)
		sg_self_release(&p->self);
	if (p->cpus_fd >= 0)
		close(p->cpus_fd);
	sg_buf_free(&p->cpus);
	sg_buf_free(&p->cpus_now);
	free(p->loaded);
	free(p->drains);
	free(p);
}

/*
 * From here on programs write to the other bank; what this one holds is this tick's.
 * A death between the flip and the next line loses nothing: the bank is read when it
 * is closed again.
 */
static uint32_t flip(struct sg_probe *p, int64_t t_ms, struct sg_frame *f)
{
	struct sg_bpf_state *s = p->shared.state;
	uint64_t now = sg_mono_ns();
	uint32_t closed = 0;

	if (s) {
		closed = __atomic_fetch_xor(&s->bank, 1, __ATOMIC_SEQ_CST) & 1;
		__atomic_store_n(&s->unsent, 1u << closed, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&s->tick, 1, __ATOMIC_RELAXED);
		for (size_t i = 0; i < sg_n_domains; i++)
			sg_tell_state(&p->loaded[i], &p->shared);
		s->last_ms = t_ms;
		s->flipped_ns = now;
	}
	f->span_ns = now - p->flipped_ns;
	p->flipped_ns = now;
	return closed;
}

static bool cpus_changed(struct sg_probe *p)
{
	struct sg_buf old;
	bool changed;

	if (p->cpus_fd < 0 || sg_reread_fd(p->cpus_fd, CPUS_MAX, &p->cpus_now) < 0)
		return false;
	changed = p->cpus.len && (p->cpus.len != p->cpus_now.len ||
				  memcmp(p->cpus.data, p->cpus_now.data, p->cpus.len) != 0);
	old = p->cpus;
	p->cpus = p->cpus_now;
	p->cpus_now = old;
	return changed;
}

static int drain_all(struct sg_probe *p, uint32_t bank, struct sg_frame *f)
{
	int r;

	sg_slots_tick(p->slots);
	/* Before anything is added to the frame, which borrows the names of what it reports. */
	if (p->slots->tick % FORGET_EVERY == 0)
		sg_slots_forget(p->slots, SG_IDLE_TICKS, release_value);
	sg_pool_tick(p->pool);
	for (size_t i = 0; i < sg_n_domains; i++)
		if (p->drains[i])
			sg_drain_read(p->drains[i], bank);
	sg_pool_read(p->pool, bank);
	r = sg_cost_tick(p->cost, p->loaded, p->drains, &p->entry);
	for (size_t i = 0; r == 0 && i < sg_n_domains; i++) {
		if (!p->drains[i])
			continue;
		if (p->loaded[i].shed) {
			sg_drain_clear(p->drains[i]); /* nobody counts: no zeros that look as if */
			continue;
		}
		r = sg_drain_emit(p->drains[i], f);
		if (r == 0 && sg_domains[i]->tick)
			r = sg_domains[i]->tick(p->loaded[i].state, f);
	}
	if (r == 0 && p->threads)
		r = sg_threads_tick(p->threads, f);
	if (r == 0)
		sg_worsts_finish(p->worsts, f);
	sg_self_dropped(&p->self, "worst_no_room", (double)sg_worsts_lost(p->worsts));
	sg_pool_clear(p->pool);
	return r;
}

int sg_probe_tick(struct sg_probe *p, int64_t t_ms, struct sg_frame *f)
{
	uint64_t start = sg_mono_ns();
	uint32_t bank = flip(p, t_ms, f);
	int r;

	sg_worsts_begin(p->worsts, t_ms, p->flipped_ns);
	if (cpus_changed(p))
		f->flags |= SG_FRAME_CPUS;
	/* Between the flip and the reading: programs in flight finish meanwhile. */
	r = sg_procfs_tick(p->procfs, f);
	sg_self_dropped(&p->self, "proc_unreadable", sg_procfs_failed(p->procfs));
	if (r == 0)
		r = drain_all(p, bank, f);
	if (r == 0 && p->named)
		r = sg_named_read(p->named, p->named_rate, hot, p, f);
	if (r == 0)
		r = govern(p, f);
	if (r == 0)
		r = sg_events_tick(p->events, t_ms, f);
	if (r == 0)
		r = sg_truth_tick(&p->truth, f);
	p->self.drain_seconds = (double)(sg_mono_ns() - start) * 1e-9;
	if (r == 0)
		r = sg_cost_emit(p->cost, &p->entry, f);
	return r < 0 ? r : sg_self_emit(&p->self, p->loaded, p->drains, p->slots, p->pool, f);
}

int sg_probe_profile(struct sg_probe *p, const struct sg_profile_head *now, struct sg_buf *b)
{
	uint64_t start = sg_mono_ns(), no_room;
	int r;

	if (!p->stacks)
		return 0;
	no_room = sg_stacks_tick(p->stacks);
	if (no_room)
		sg_probe_dropped(p, "profile_full", no_room);
	r = sg_stacks_take(p->stacks, now, b);
	sg_probe_count(p, "sgprobe_probe_profile_seconds_total",
		       (double)(sg_mono_ns() - start) * 1e-9);
	return r;
}

void sg_probe_dropped(struct sg_probe *p, const char *reason, uint64_t n)
{
	sg_self_dropped(&p->self, reason, (double)n);
}

void sg_probe_count(struct sg_probe *p, const char *name, double n)
{
	sg_self_count(&p->self, name, n);
}

/* What a running probe asks of the kernel beyond its mapped memory; 0 when no domain is up. */
static int can_work(void *ctx)
{
	struct sg_probe *p = ctx;
	struct sg_slot_key key;
	int fd = p->shared.fd[SG_MAP_SLOTS];
	int r = fd < 0 ? 0 : bpf_map_get_next_key(fd, NULL, &key);

	return r < 0 && r != -ENOENT ? r : 0;
}

int sg_probe_drop_privileges(struct sg_probe *p, struct sg_error *err)
{
	return sg_privileges_drop(p->stacks, can_work, p, err);
}

void sg_probe_stats_window(struct sg_probe *p, bool open)
{
	for (size_t i = 0; i < sg_n_domains; i++) {
		if (open)
			sg_bpfstat_open(&p->loaded[i]);
		else
			sg_bpfstat_close(&p->loaded[i]);
	}
}
