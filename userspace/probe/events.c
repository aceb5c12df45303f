// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <sgprobe/file.h>
#include <sgprobe/time.h>

#include <sgprobe/bpf/process.h>

#include "events.h"
#include "label.h"
#include "signals.h"
#include "stalls.h"
#include "storms.h"

#define DRAIN_MAX 200 /* of a tick; the others wait in the ring */
#define WALK_SHARE 1000 /* of the time one part in so many is for walks */
#define WALK_BUF (64 << 10)
#define DISK_ERRORS 5 /* of one kind in a tick */

static const struct sg_metric_info metrics[] = {
	{"sgprobe_events_total", "Events",
	 "What happened of each kind of event, told or not: see docs/EVENTS.md.", "", "kind",
	 "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_events_suppressed_total", "Events suppressed",
	 "Events that were only counted because there were more than event.rate in a second.", "",
	 "kind", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_events_dropped_total", "Events dropped",
	 "Events that were lost because the buffer or the frame had no room.", "", "kind", "self",
	 NULL, NULL, SG_COUNTER},
};
const struct sg_metric_table sg_event_metrics = {metrics, ARRAY_SIZE(metrics)};

enum counted { TOTAL, SUPPRESSED, DROPPED, COUNTED };

/* Room for the texts of a task. */
struct task_text {
	char comm[64], cgroup[SG_CGROUP_NAME_MAX];
};

/* What an event borrows until it is copied into the frame. */
struct texts {
	struct task_text who, by;
	char source[SG_EVENT_SOURCE_LEN * 2], target[SG_EVENT_TARGET_LEN + 64];
	char type[SG_EVENT_TYPE_LEN + 32];
};

struct sg_events {
	struct sg_shared *shared;
	struct sg_slots *slots;
	const struct sg_loaded *walker; /* domain event; NULL: it is not up */
	struct ring_buffer *ring;
	struct sg_event_counts *counts; /* mapped; NULL: no program sends any */
	int forks_fd; /* -1: nobody counts */
	int walk_fd; /* the walker's link; -1 */
	uint64_t next_walk_ns;
	struct sg_stalls stalls;
	struct sg_storms storms;
	char *walked; /* WALK_BUF bytes */
	struct sg_series *series[COUNTED][SG_EVENT_KINDS];
	double added[COUNTED][SG_EVENT_KINDS]; /* in this tick */
	/* Of the tick: */
	struct sg_frame *frame;
	int64_t t_ms;
	size_t drained;
	double lost;
	struct texts texts;
	char proc[256]; /* where proc is mounted */
};

/* What the server process tells in its own frames, or what only user space counts. */
static bool is_kernels(size_t kind)
{
	return kind <= SG_EVENT_UNMOUNT;
}

static bool is_probes(size_t kind)
{
	return kind < SG_EVENT_REBOOT;
}

/* ---- into the frame -------------------------------------------------------------------- */

static void add_event(struct sg_events *e, struct sg_frame *f, const struct sg_event *event,
		      size_t kind)
{
	if (!is_kernels(kind))
		e->added[TOTAL][kind]++;
	if (sg_frame_add_event(f, event) < 0)
		e->added[DROPPED][kind]++;
}

void sg_events_put(struct sg_events *e, struct sg_frame *f, const struct sg_event *event)
{
	const struct sg_event_kind *k = sg_event_kind_find(event->kind);

	if (e && k)
		add_event(e, f, event, (size_t)(k - sg_event_kinds));
}

static void text_of(struct sg_events *e, const struct sg_event_task *t, struct task_text *to)
{
	sg_label_clean(to->comm, sizeof(to->comm), t->comm, strnlen(t->comm, sizeof(t->comm)));
	to->cgroup[0] = 0;
	if (t->cgroup_id && e->slots)
		snprintf(to->cgroup, sizeof(to->cgroup), "%s",
			 sg_cgroups_name(e->slots->cgroups, t->cgroup_id));
}

static void put_task(struct sg_event *event, const struct sg_event_task *t,
		     const struct task_text *text, bool thread)
{
	sg_event_text(event, "comm", text->comm);
	if (t->pid)
		sg_event_number(event, "pid", t->pid);
	if (thread && t->tid)
		sg_event_number(event, "tid", t->tid);
	sg_event_text(event, "cgroup", text->cgroup);
}

static void put_by(struct sg_event *event, const struct sg_event_task *t,
		   const struct task_text *text)
{
	if (!t->pid)
		return;
	sg_event_text(event, "by_comm", text->comm);
	sg_event_number(event, "by_pid", t->pid);
	sg_event_text(event, "by_cgroup", text->cgroup);
}

/* ---- what programs send ------------------------------------------------------------------ */

/* Older kernels say no more of a victim than its number; it may still be there. */
static void put_victim(struct sg_events *e, struct sg_event *event, const struct sg_event_record *r)
{
	struct sg_event_task victim = {.pid = (__u32)r->n[1]};
	sg_auto_buf b = {0};
	char path[320];

	snprintf(path, sizeof(path), "%s/%u/comm", e->proc, victim.pid);
	if (sg_read_file(path, 64, &b) == 0 && b.len)
		memcpy(victim.comm, b.data, SG_MIN(b.len - 1, sizeof(victim.comm)));
	text_of(e, &victim, &e->texts.who);
	put_task(event, &victim, &e->texts.who, false);
}

static void put_oom(struct sg_events *e, struct sg_event *event, const struct sg_event_record *r)
{
	if (r->who.pid)
		put_task(event, &r->who, &e->texts.who, false);
	else
		put_victim(e, event, r);
	if (r->n[0])
		sg_event_number(event, "rss_bytes",
				(double)r->n[0] * (double)sysconf(_SC_PAGESIZE));
	put_by(event, &r->by, &e->texts.by);
}

static void put_crash(struct sg_events *e, struct sg_event *event, const struct sg_event_record *r)
{
	const char *name =
		r->n[0] < PROCESS_SIGNAL_NUMBERS ? sg_signal_name((unsigned int)r->n[0]) : NULL;

	put_task(event, &r->who, &e->texts.who, false);
	sg_event_text(event, "signal", name ? name : "a signal");
	sg_event_text(event, "core", r->n[1] ? "dumped" : NULL);
}

static void put_slow(struct sg_events *e, struct sg_event *event, const struct sg_event_record *r)
{
	static const char *const waits[SG_EVENT_WAITS] = {"reclaim", "fsync", "run_queue"};

	put_task(event, &r->who, &e->texts.who, true);
	sg_event_text(event, "what", r->n[1] < SG_EVENT_WAITS ? waits[r->n[1]] : NULL);
	sg_event_number(event, "seconds", (double)r->n[0] * 1e-9);
}

static void put_mount(struct sg_events *e, struct sg_event *event,
		      const struct sg_event_mount_record *m)
{
	static const char *const actions[SG_EVENT_MOUNTS] = {
		"mount", "remount", "remount read-only", "bind mount", "move a mount"};
	struct texts *t = &e->texts;

	put_task(event, &m->head.who, &t->who, false);
	sg_label_clean(t->source, sizeof(t->source), m->source,
		       strnlen(m->source, sizeof(m->source)));
	sg_label_clean(t->target, sizeof(t->target), m->target,
		       strnlen(m->target, sizeof(m->target)));
	sg_label_clean(t->type, sizeof(t->type), m->type, strnlen(m->type, sizeof(m->type)));
	if (m->head.kind == SG_EVENT_MOUNT)
		sg_event_text(event, "action",
			      m->head.n[0] < SG_EVENT_MOUNTS ? actions[m->head.n[0]] : NULL);
	sg_event_text(event, "source", t->source);
	sg_event_text(event, "target", t->target);
	sg_event_text(event, "type", t->type);
}

/* When something happened, from monotonic time. */
static int64_t stamp(uint64_t at_ns)
{
	uint64_t now = sg_mono_ns();
	uint64_t ago = now > at_ns ? now - at_ns : 0;

	return SG_MAX(sg_real_ms() - (int64_t)SG_MIN(ago / 1000000, (uint64_t)INT32_MAX), 0);
}

bool sg_events_record(struct sg_events *e, const void *p, size_t n, struct sg_event *ret)
{
	const struct sg_event_record *r = p;
	const bool mount =
		n >= sizeof(*r) && (r->kind == SG_EVENT_MOUNT || r->kind == SG_EVENT_UNMOUNT);

	if (n < (mount ? sizeof(struct sg_event_mount_record) : sizeof(*r)) || !is_kernels(r->kind))
		return false;
	text_of(e, &r->who, &e->texts.who);
	text_of(e, &r->by, &e->texts.by);
	sg_event_init(ret, r->kind, stamp(r->at_ns));
	switch (r->kind) {
	case SG_EVENT_OOM_KILL: put_oom(e, ret, r); break;
	case SG_EVENT_CRASH: put_crash(e, ret, r); break;
	case SG_EVENT_SLOW: put_slow(e, ret, r); break;
	case SG_EVENT_MOUNT:
	case SG_EVENT_UNMOUNT: put_mount(e, ret, p); break;
	case SG_EVENT_HUNG_TASK: put_task(ret, &r->who, &e->texts.who, true); break;
	default: put_task(ret, &r->who, &e->texts.who, false); put_by(ret, &r->by, &e->texts.by);
	}
	return true;
}

/* What the tick counted in all; at least what is above the bound. */
static uint64_t forks_of(const struct sg_events *e, uint32_t tick, uint32_t slot)
{
	struct sg_event_forks f = {0};

	if (e->forks_fd < 0 || bpf_map_lookup_elem(e->forks_fd, &slot, &f) < 0)
		return 0;
	return f.tick == tick ? f.n : f.last_tick == tick ? f.last_n : 0;
}

static void on_storm(struct sg_events *e, const struct sg_event_record *r)
{
	const struct sg_slot *slot = sg_slots_use(e->slots, (uint32_t)r->n[1]);
	const char *comm = slot->at[SG_AXIS_COMM]->name, *cgroup = slot->at[SG_AXIS_CGROUP]->name;
	uint64_t forks = forks_of(e, (uint32_t)r->n[0], (uint32_t)r->n[1]);
	enum sg_storm_news news = sg_storms_see(&e->storms, comm, cgroup, forks, e->t_ms);
	struct sg_event event;

	if (news == SG_STORM_NO_ROOM)
		e->added[DROPPED][SG_EVENT_STORM]++;
	if (news != SG_STORM_BEGINS)
		return;
	sg_event_init(&event, SG_EVENT_STORM, stamp(r->at_ns));
	sg_event_text(&event, "comm", comm);
	sg_event_text(&event, "cgroup", cgroup);
	sg_event_number(&event, "pid", r->who.pid);
	sg_event_number(&event, "forks", (double)forks);
	add_event(e, e->frame, &event, SG_EVENT_STORM);
}

static int on_record(void *ctx, void *p, size_t n)
{
	struct sg_events *e = ctx;
	struct sg_event_record r;
	struct sg_event event;

	if (n >= sizeof(r)) {
		memcpy(&r, p, sizeof(r));
		if (r.kind == SG_EVENT_STORM)
			on_storm(e, &r);
		else if (sg_events_record(e, p, n, &event))
			add_event(e, e->frame, &event, r.kind);
	}
	return ++e->drained < DRAIN_MAX ? 0 : -EAGAIN;
}

static void storm_ended(const struct sg_storm *s, void *ctx)
{
	struct sg_events *e = ctx;
	struct sg_event event;

	sg_event_init(&event, SG_EVENT_STORM_END, e->t_ms);
	sg_event_text(&event, "comm", s->comm);
	sg_event_text(&event, "cgroup", s->cgroup);
	sg_event_number(&event, "forks", (double)s->forks);
	sg_event_number(&event, "peak", (double)s->peak);
	sg_event_number(&event, "seconds", (double)(s->to_ms - s->from_ms) / 1000);
	add_event(e, e->frame, &event, SG_EVENT_STORM_END);
}

/* Since it was asked last, by whichever process. */
static double since(uint64_t now, __u64 *told)
{
	uint64_t n = now - *told;

	*told = now;
	return n > INT64_MAX ? 0 : (double)n;
}

static void read_counts(struct sg_events *e)
{
	for (size_t i = 0; e->counts && i < SG_EVENT_KINDS; i++) {
		struct sg_event_count *c = &e->counts->of[i];
		double seen = since(c->seen, &c->told[0]), over = since(c->suppressed, &c->told[1]);
		double lost = since(c->dropped, &c->told[2]);

		e->lost += lost;
		e->added[DROPPED][i] += lost;
		if (!is_kernels(i))
			continue; /* one per tick, slot and CPU: not what is told */
		e->added[TOTAL][i] += seen;
		e->added[SUPPRESSED][i] += over;
	}
}

static void tell_lost(struct sg_events *e)
{
	struct sg_event event;

	if (e->lost > 0) {
		sg_event_init(&event, SG_EVENT_LOST, e->t_ms);
		sg_event_number(&event, "dropped", e->lost);
		add_event(e, e->frame, &event, SG_EVENT_LOST);
	}
	e->lost = 0;
}

/* ---- blocked tasks ----------------------------------------------------------------------- */

static void on_stall(const struct sg_stall *s, bool ended, double seconds, void *ctx)
{
	const enum sg_event_id id = ended ? SG_EVENT_STALL_END : SG_EVENT_STALL;
	struct sg_events *e = ctx;
	struct sg_event event;

	text_of(e, &s->blocked.task, &e->texts.who);
	sg_event_init(&event, id, e->t_ms);
	put_task(&event, &s->blocked.task, &e->texts.who, true);
	sg_event_number(&event, "seconds", seconds);
	add_event(e, e->frame, &event, id);
}

/* False: the walk was not whole. */
static bool read_walk(struct sg_events *e, int fd, uint64_t now)
{
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, e->walked + have, WALK_BUF - have)) != 0) {
		struct sg_event_blocked b;
		size_t at = 0;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return false;
		for (have += (size_t)n; have - at >= sizeof(b); at += sizeof(b)) {
			memcpy(&b, e->walked + at, sizeof(b));
			sg_stalls_see(&e->stalls, &b, now);
		}
		memmove(e->walked, e->walked + at, have - at);
		have -= at;
	}
	return true;
}

/* Of this thread: what others do meanwhile on a busy machine is not the walk's cost. */
static uint64_t cpu_ns(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Once a tick or, where there are so many tasks that it takes long, more rarely; but twice in what is a stall. */
static void walk(struct sg_events *e)
{
	uint64_t now = sg_mono_ns(), no_room = e->stalls.no_room, start = cpu_ns();
	int fd;

	if (e->walk_fd < 0 || e->walker->shed || now < e->next_walk_ns)
		return;
	fd = bpf_iter_create(e->walk_fd);
	if (fd < 0)
		return;
	if (read_walk(e, fd, now))
		sg_stalls_walked(&e->stalls, now, on_stall, e);
	close(fd);
	e->added[DROPPED][SG_EVENT_STALL] += (double)(e->stalls.no_room - no_room);
	e->next_walk_ns = now + SG_MIN((cpu_ns() - start) * WALK_SHARE, e->stalls.limit_ns / 2);
}

/* ---- failing disks ------------------------------------------------------------------------ */

static void look_at_disks(struct sg_events *e, const struct sg_frame *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct sg_sample *s = &f->samples[i];
		struct sg_event event;

		if (s->series.type != SG_COUNTER || s->value < DISK_ERRORS ||
		    strcmp(s->series.name, "sgprobe_block_errors_total") != 0)
			continue;
		sg_event_init(&event, SG_EVENT_BLOCK_ERRORS, e->t_ms);
		sg_event_text(&event, "device", sg_series_label(&s->series, "device"));
		sg_event_text(&event, "error", sg_series_label(&s->series, "error"));
		sg_event_number(&event, "errors", s->value);
		add_event(e, e->frame, &event, SG_EVENT_BLOCK_ERRORS);
	}
}

/* ---- counters ------------------------------------------------------------------------------ */

static bool is_reported(enum counted c, size_t kind)
{
	return c == SUPPRESSED ? is_kernels(kind) : is_probes(kind);
}

static struct sg_series *series_of(struct sg_events *e, enum counted c, size_t kind)
{
	struct sg_label label = {"kind", sg_event_kinds[kind].name};
	struct sg_series s;

	if (!e->series[c][kind] && sg_series_init(&s, SG_COUNTER, metrics[c].name, &label, 1) == 0)
		e->series[c][kind] = sg_series_dup(&s);
	return e->series[c][kind];
}

static int put_counts(struct sg_events *e, struct sg_frame *f)
{
	int r = 0;

	for (size_t c = 0; c < COUNTED; c++)
		for (size_t i = 0; r == 0 && i < SG_EVENT_KINDS; i++) {
			struct sg_series *s = is_reported(c, i) ? series_of(e, c, i) : NULL;

			if (s)
				r = sg_frame_add_value(f, s, e->added[c][i]);
			e->added[c][i] = 0;
		}
	return r;
}

int sg_events_tick(struct sg_events *e, int64_t t_ms, struct sg_frame *f)
{
	e->frame = f;
	e->t_ms = t_ms;
	e->drained = 0;
	if (e->ring)
		ring_buffer__consume(e->ring);
	sg_storms_tick(&e->storms, storm_ended, e);
	walk(e);
	look_at_disks(e, f);
	read_counts(e);
	tell_lost(e);
	return put_counts(e, f);
}

/* ---- life ------------------------------------------------------------------------------------ */

void sg_events_free(struct sg_events *e)
{
	if (!e)
		return;
	ring_buffer__free(e->ring);
	if (e->counts)
		munmap(e->counts, sizeof(*e->counts));
	for (size_t c = 0; c < COUNTED; c++)
		for (size_t i = 0; i < SG_EVENT_KINDS; i++)
			free(e->series[c][i]);
	sg_stalls_free(&e->stalls);
	sg_storms_free(&e->storms);
	free(e->walked);
	free(e);
}

/* A process that died told what it told; what is in the ring since then is for this one. */
static int open_ring(struct sg_events *e)
{
	int ring = e->shared->fd[SG_MAP_EVENT_RING], counts = e->shared->fd[SG_MAP_EVENT_COUNTS];
	void *p;

	if (ring < 0 || counts < 0)
		return 0;
	p = mmap(NULL, sizeof(*e->counts), PROT_READ | PROT_WRITE, MAP_SHARED, counts, 0);
	if (p == MAP_FAILED)
		return -errno;
	e->counts = p;
	e->ring = ring_buffer__new(ring, on_record, e, NULL);
	return e->ring ? 0 : -errno;
}

static int open_walk(struct sg_events *e)
{
	int fd = e->walker ? sg_walk_fd(e->walker) : -1;

	if (fd < 0 || !e->stalls.limit_ns)
		return 0;
	e->walked = malloc(WALK_BUF);
	if (!e->walked)
		return -ENOMEM;
	e->walk_fd = fd;
	return 0;
}

int sg_events_new(const struct sg_config *cfg, struct sg_shared *shared, struct sg_slots *slots,
		  const struct sg_loaded *loaded, struct sg_events **ret)
{
	sg_auto(sg_events) e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->shared = shared;
	e->slots = slots;
	e->forks_fd = e->walk_fd = -1;
	e->stalls.limit_ns = cfg->event_stall_ns;
	snprintf(e->proc, sizeof(e->proc), "%s", cfg->proc_root);
	for (size_t i = 0; i < sg_n_domains; i++) {
		if (!loaded[i].n_attached)
			continue;
		if (sg_domains[i] == &sg_domain_process)
			e->forks_fd = sg_map_fd(&loaded[i], "sg_event_forks");
		if (sg_domains[i] == &sg_domain_event)
			e->walker = &loaded[i];
	}
	r = open_ring(e);
	if (r == 0)
		r = open_walk(e);
	if (r == 0)
		*ret = sg_take(e);
	return r;
}
