// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "cgroup.h"
#include "label.h"
#include "pool.h"
#include "worst.h"

#define DECAY 0.98851402 /* 0.5^(1 / SG_OVER_HALF) */
#define LEAST 0.5 /* events: what is left of fewer is forgotten */
#define ABOVE 0.001 /* part of the events that is above the threshold */
#define READS 64
#define PENDING 256 /* events that wait for their stacks */
#define EXEMPLARS 1024 /* of a frame */

/* ---- the threshold -------------------------------------------------------------------- */

void sg_over_tick(struct sg_over *o, const struct sg_acc *a)
{
	for (size_t i = 0; i < SG_BUCKETS; i++)
		o->n[i] *= (float)DECAY;
	o->count *= DECAY;
	if (!a || !a->count)
		return;
	for (size_t i = a->lo; i <= a->hi; i++)
		o->n[i] += (float)a->buckets[i];
	o->count += (double)a->count;
}

/* The upper bound of row position i. */
static uint64_t bound_ns(size_t i)
{
	return (uint64_t)ceil(exp2((double)((int)i + SG_BUCKET_MIN) / 8) * 1e9);
}

uint64_t sg_over_ns(const struct sg_over *o, uint64_t floor_ns)
{
	double above = 0;
	size_t i = SG_BUCKETS;

	if (o->count < LEAST)
		return floor_ns;
	/* The bucket in which the quantile lies is the last that has more than that above its start. */
	while (i > 0 && above <= o->count * ABOVE)
		above += (double)o->n[--i];
	return SG_MAX(bound_ns(i), floor_ns);
}

bool sg_worst_read(const struct sg_worst *from, uint64_t top, struct sg_worst *ret)
{
	for (int i = 0; i < READS; i++) {
		const volatile uint64_t *p = (const volatile uint64_t *)from;
		uint64_t *to = (uint64_t *)ret;

		for (size_t j = 0; j < sizeof(*ret) / sizeof(*to); j++)
			to[j] = p[j];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (ret->ns >= top && ret->check == sg_worst_check(ret))
			return true;
	}
	return false;
}

/* ---- of the domains ------------------------------------------------------------------- */

struct follower {
	uint64_t *over; /* map sg_worst_over; NULL: the domain has none */
	size_t n, bytes;
	struct sg_over **of;
};

struct pending {
	struct sg_worst w;
	size_t domain; /* which turn of the tick: the same event twice is of one */
	struct sg_series *series[SG_EXEMPLAR_SERIES];
	size_t n_series;
	char **frames;
	size_t n_frames, n_kernel;
};

struct sg_worsts {
	struct sg_slots *slots;
	uint64_t floor_ns;
	struct follower *followers;
	size_t n_domains;
	int64_t t_ms;
	uint64_t mono_ns;
	size_t turn, first; /* of the domain: its number in the tick, its first exemplar */
	struct pending *waiting, *told; /* of this tick, of the last one */
	size_t n_waiting, n_told;
	uint64_t lost;
};

static int map_over(struct follower *f, const struct sg_loaded *l, uint64_t floor_ns)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = l->n_attached ? sg_map_fd(l, "sg_worst_over") : -1;

	if (fd < 0)
		return 0;
	f->n = SG_WORST_SIGNALS + l->domain->fixed_blocks;
	f->bytes = (f->n * sizeof(*f->over) + page - 1) / page * page;
	f->of = calloc(f->n, sizeof(*f->of));
	f->over = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f->over == MAP_FAILED)
		f->over = NULL;
	if (!f->over || !f->of)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		__atomic_store_n(&f->over[i], floor_ns, __ATOMIC_RELAXED);
	return 0;
}

int sg_worsts_new(const struct sg_config *cfg, const struct sg_loaded *l, size_t n,
		  struct sg_slots *slots, bool stacks, struct sg_worsts **ret)
{
	sg_auto(sg_worsts) w = NULL;
	int r = 0;

	*ret = NULL;
	if (!cfg->worst)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->slots = slots;
	w->floor_ns = cfg->worst_floor_ns;
	w->followers = calloc(n, sizeof(*w->followers));
	w->waiting = calloc(PENDING, sizeof(*w->waiting));
	w->told = calloc(PENDING, sizeof(*w->told));
	if (!w->followers || !w->waiting || !w->told)
		return -ENOMEM;
	w->n_domains = n;
	for (size_t i = 0; r == 0 && stacks && i < n; i++)
		r = map_over(&w->followers[i], &l[i], w->floor_ns);
	if (r == 0)
		*ret = sg_take(w);
	return r;
}

static void forget(struct pending *p, size_t *n)
{
	for (size_t i = 0; p && i < *n; i++) {
		for (size_t j = 0; j < p[i].n_series; j++)
			free(p[i].series[j]);
		for (size_t j = 0; j < p[i].n_frames; j++)
			free(p[i].frames[j]);
		free(p[i].frames);
		memset(&p[i], 0, sizeof(p[i]));
	}
	*n = 0;
}

void sg_worsts_free(struct sg_worsts *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_domains; i++) {
		struct follower *f = &w->followers[i];

		for (size_t j = 0; f->of && j < f->n; j++)
			free(f->of[j]);
		free(f->of);
		if (f->over)
			munmap(f->over, f->bytes);
	}
	forget(w->waiting, &w->n_waiting);
	forget(w->told, &w->n_told);
	free(w->waiting);
	free(w->told);
	free(w->followers);
	free(w);
}

/* An event shorter than the floor needs none: the threshold is the floor then. */
static void follow(struct sg_worsts *w, struct follower *f, size_t i, const struct sg_acc *a)
{
	struct sg_over *o = i < f->n ? f->of[i] : NULL;
	uint64_t over;

	if (i >= f->n || (!o && (!a || a->worst.ns < w->floor_ns)))
		return;
	if (!o)
		o = f->of[i] = calloc(1, sizeof(*o));
	if (!o)
		return;
	sg_over_tick(o, a);
	over = sg_over_ns(o, w->floor_ns);
	if (o->count < LEAST)
		free(sg_take(f->of[i]));
	if (f->over[i] != over)
		__atomic_store_n(&f->over[i], over, __ATOMIC_RELAXED);
}

/* All keys of a signal have one threshold. */
static void follow_keys(struct sg_worsts *w, struct follower *f, const struct sg_drain *d,
			size_t signal)
{
	const struct sg_pool *p = d->pool;
	struct sg_acc sum = {.lo = SG_BUCKETS - 1};

	for (uint32_t at = 0; (at = sg_pool_next_row(p, d->index, (unsigned int)signal, at));) {
		const struct sg_acc *a = p->drain->blocks[at];

		if (!a || !a->count)
			continue;
		for (uint32_t i = a->lo; i <= a->hi; i++)
			sum.buckets[i] += a->buckets[i];
		sum.count += a->count;
		sum.lo = SG_MIN(sum.lo, a->lo);
		sum.hi = SG_MAX(sum.hi, a->hi);
		sum.worst.ns = SG_MAX(sum.worst.ns, a->worst.ns);
	}
	follow(w, f, signal, &sum);
}

void sg_worsts_follow(struct sg_worsts *w, const struct sg_drain *d)
{
	const struct sg_domain *dom = d->loaded->domain;
	struct follower *f;

	if (!w || d->index >= w->n_domains || !w->followers[d->index].over)
		return;
	f = &w->followers[d->index];
	for (size_t i = 0; i < (size_t)dom->signals + dom->pooled && i < SG_WORST_SIGNALS; i++)
		if (d->host[i])
			follow(w, f, i, d->host[i]);
	for (size_t i = 0; i < dom->fixed_blocks; i++)
		follow(w, f, SG_WORST_SIGNALS + i, d->blocks[i]);
	for (size_t i = 0; d->pool && i < dom->n_metrics; i++) {
		const struct sg_metric_row *m = &dom->metrics[i];

		for (size_t j = 0; m->from == SG_FROM_KEYS && !m->units && j < SG_MAX(m->n, 1); j++)
			follow_keys(w, f, d, m->first + j);
	}
}

/* ---- of a tick ------------------------------------------------------------------------ */

void sg_worsts_begin(struct sg_worsts *w, int64_t t_ms, uint64_t mono_ns)
{
	struct pending *told;

	if (!w)
		return;
	w->t_ms = t_ms;
	w->mono_ns = mono_ns;
	w->turn = 0;
	told = w->told;
	w->told = w->waiting;
	w->n_told = w->n_waiting;
	w->waiting = told;
	w->n_waiting = 0;
}

void sg_worsts_domain(struct sg_worsts *w, const struct sg_frame *f)
{
	if (!w)
		return;
	w->turn++;
	w->first = f->n_exemplars;
}

static bool is_same(const struct sg_worst *a, uint64_t ns, uint32_t tid)
{
	return a->ns == ns && a->tid == tid;
}

static void lose(struct sg_worsts *w)
{
	w->lost++;
}

static void wait_for_stack(struct sg_worsts *w, const struct sg_worst *e, const struct sg_series *s)
{
	struct pending *p = NULL;

	for (size_t i = 0; i < w->n_waiting; i++)
		if (w->waiting[i].domain == w->turn && is_same(&w->waiting[i].w, e->ns, e->tid) &&
		    w->waiting[i].n_series < SG_EXEMPLAR_SERIES)
			p = &w->waiting[i];
	if (!p && w->n_waiting < PENDING) {
		p = &w->waiting[w->n_waiting++];
		*p = (struct pending){.w = *e, .domain = w->turn};
	}
	if (p)
		p->series[p->n_series] = sg_series_dup(s);
	if (p && p->series[p->n_series])
		p->n_series++;
	else
		lose(w);
}

static const char *copy_clean(struct sg_frame *f, const char *s, size_t n)
{
	char text[SG_LABEL_VALUE_MAX + 1];
	const char *copy;

	sg_label_clean(text, sizeof(text), s, strnlen(s, n));
	copy = sg_arena_strdup(f->arena, text);
	return copy ? copy : "";
}

/* Of the task itself, where the program knew it; else those of the slot. */
static void name(struct sg_worsts *w, const struct sg_worst *e, struct sg_frame *f,
		 struct sg_exemplar *ex)
{
	const struct sg_slot *slot = sg_slots_use(w->slots, e->slot);
	const char *comm = "", *cgroup = "";

	if (e->slot != SG_SLOT_OTHER && slot->at[SG_AXIS_CGROUP]) {
		cgroup = slot->at[SG_AXIS_CGROUP]->name;
		comm = slot->at[SG_AXIS_COMM]->name;
	} else if (e->cgroup_id) {
		cgroup = sg_cgroups_name(w->slots->cgroups, e->cgroup_id);
	}
	ex->cgroup = copy_clean(f, cgroup, SG_LABEL_VALUE_MAX);
	ex->comm = e->comm[0] ? copy_clean(f, e->comm, sizeof(e->comm))
			      : copy_clean(f, comm, SG_LABEL_VALUE_MAX);
}

static void describe(struct sg_worsts *w, const struct sg_worst *e, struct sg_frame *f,
		     struct sg_exemplar *ex)
{
	int64_t ago_ms = ((int64_t)w->mono_ns - (int64_t)e->at) / 1000000;

	ex->value = (double)e->ns / 1e9;
	ex->t_ms = SG_MAX(w->t_ms - SG_MAX(ago_ms, 0), 0);
	ex->tgid = e->tgid;
	ex->tid = e->tid;
	ex->cpu = e->cpu;
	name(w, e, f, ex);
}

static void add(struct sg_worsts *w, struct sg_frame *f, const struct sg_exemplar *ex)
{
	if (f->n_exemplars >= EXEMPLARS || sg_frame_add_exemplar(f, ex) < 0)
		lose(w);
}

/* Already in the frame for another series of this domain? */
static bool add_series(struct sg_worsts *w, const struct sg_worst *e, struct sg_frame *f)
{
	for (size_t i = w->first; i < f->n_exemplars; i++) {
		struct sg_exemplar *ex = &f->exemplars[i];

		if (ex->tid != e->tid || ex->value != (double)e->ns / 1e9)
			continue;
		if (ex->n_of == SG_EXEMPLAR_SERIES)
			return false;
		ex->of[ex->n_of++] = (uint32_t)(f->n - 1);
		return true;
	}
	return false;
}

void sg_worsts_add(struct sg_worsts *w, const struct sg_worst *e, const struct sg_series *s,
		   bool of_axis, struct sg_frame *f)
{
	struct sg_exemplar ex = {.n_of = 1};

	if (!w)
		return;
	if (e->stack) {
		wait_for_stack(w, e, s);
		return;
	}
	if (add_series(w, e, f) || (of_axis && e->ns < w->floor_ns))
		return;
	ex.of[0] = (uint32_t)(f->n - 1);
	describe(w, e, f, &ex);
	add(w, f, &ex);
}

static void find_series(const struct pending *p, const struct sg_frame *f, struct sg_exemplar *ex)
{
	for (size_t i = 0; i < f->n && ex->n_of < p->n_series; i++)
		for (size_t j = 0; j < p->n_series; j++)
			if (f->samples[i].series.hash == p->series[j]->hash &&
			    sg_series_equal(&f->samples[i].series, p->series[j])) {
				ex->of[ex->n_of++] = (uint32_t)i;
				break;
			}
}

static void copy_frames(const struct pending *p, struct sg_frame *f, struct sg_exemplar *ex)
{
	const char **frames = sg_arena_alloc(f->arena, p->n_frames * sizeof(*frames) + 1);

	for (size_t i = 0; frames && i < p->n_frames; i++) {
		frames[i] = copy_clean(f, p->frames[i], SG_LABEL_VALUE_MAX);
		if (!frames[i][0])
			return;
	}
	if (!frames)
		return;
	ex->frames = frames;
	ex->n_frames = (uint32_t)p->n_frames;
	ex->n_kernel = (uint32_t)p->n_kernel;
}

void sg_worsts_finish(struct sg_worsts *w, struct sg_frame *f)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_told; i++) {
		struct sg_exemplar ex = {0};

		find_series(&w->told[i], f, &ex);
		if (!ex.n_of) {
			lose(w); /* its series have ended */
			continue;
		}
		describe(w, &w->told[i].w, f, &ex);
		copy_frames(&w->told[i], f, &ex);
		add(w, f, &ex);
	}
	forget(w->told, &w->n_told);
}

static void keep_frames(struct pending *p, const char *const *frames, size_t n, size_t n_kernel)
{
	if (p->frames)
		return;
	p->frames = calloc(n + 1, sizeof(*p->frames));
	for (size_t i = 0; p->frames && i < n; i++) {
		p->frames[i] = strdup(frames[i]);
		if (!p->frames[i])
			break;
		p->n_frames++;
	}
	p->n_kernel = SG_MIN(n_kernel, p->n_frames);
}

void sg_worsts_stack(struct sg_worsts *w, uint32_t number, uint64_t ns, const char *const *frames,
		     size_t n, size_t n_kernel)
{
	/* None: it was the slowest for a while only. */
	for (size_t i = 0; w && i < w->n_waiting; i++)
		if (w->waiting[i].w.stack == number && w->waiting[i].w.ns == ns)
			keep_frames(&w->waiting[i], frames, n, n_kernel);
}

uint64_t sg_worsts_lost(struct sg_worsts *w)
{
	uint64_t n = w ? w->lost : 0;

	if (w)
		w->lost = 0;
	return n;
}
