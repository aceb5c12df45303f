// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sgprobe/bpf/threads.h>

#include "culprits.h"
#include "drain.h"
#include "threads.h"

#define UNIT_SECONDS ((double)(1 << SG_THREAD_SHIFT) * 1e-9)
#define STATES (SG_THREAD_STATES - 1) /* that are told; the first is none */
#define TIMES SG_THREAD_AWAKE /* cells of time: those and SG_THREAD_AWAKE, without none */
#define SHORT (SG_THREAD_SHORT(SG_THREAD_MEMORY) - SG_THREAD_SHORT_SLEEPING + 1)
#define NAME "sgprobe_sched_thread_seconds_total"
#define CGROUP_NAME "sgprobe_cgroup_sched_thread_seconds_total"
#define THREADS "sgprobe_sched_threads"
#define CGROUP_THREADS "sgprobe_cgroup_sched_threads"
#define IDLE_TICKS 60 /* a number whose cgroup had no thread for so long may be taken back */
#define GRACE_TICKS 2
#define WALK_THREADS 8192 /* that a tick looks at: some milliseconds where they are so many */
#define WALK_ALL SIZE_MAX

/* Of one tick: of the host, or of a value of the dimension. */
struct sg_thread_sums {
	uint64_t units[STATES];
	int64_t threads;
	uint64_t seen_tick[STATES]; /* when it last had any time; 0: never */
	struct sg_series *series[STATES], *threads_series;
};

/* What a number stands for. */
struct cgroup {
	uint64_t id;
	uint64_t used_tick;
	enum sg_slot_state state;
};

struct sg_threads {
	struct sg_shared *shared;
	struct sg_slots *slots;
	const struct sg_drain *sched;
	struct sg_culprits *culprits;
	struct sg_thread_cells *cells;
	size_t bytes;
	struct cgroup *cgroups; /* by number */
	uint32_t used;
	uint64_t scan_tick;
	uint64_t now; /* as last read, in units */
	int walk_fd; /* of a walk that the next tick goes on with, or -1 */
	uint64_t (*weights)[SHORT]; /* by number: of short waits, older ones fading away */
	struct sg_thread_sums host;
};

const char *sg_thread_state_name(unsigned int i)
{
	static const char *const names[STATES] = {
		[SG_THREAD_RUNNING - 1] = "running",	 [SG_THREAD_RUNNABLE - 1] = "runnable",
		[SG_THREAD_SLEEPING - 1] = "sleeping",	 [SG_THREAD_STOLEN - 1] = "stolen",
		[SG_THREAD_THROTTLED - 1] = "throttled", [SG_THREAD_DISK - 1] = "disk",
		[SG_THREAD_NETWORK - 1] = "network",	 [SG_THREAD_LOCK - 1] = "lock",
		[SG_THREAD_MEMORY - 1] = "memory",
	};

	return names[i];
}

/* ---- what numbers stand for --------------------------------------------------------- */

static uint8_t *mark_of(const struct sg_threads *t, uint32_t number)
{
	const struct sg_shared *s = t->shared;

	return (uint8_t *)s->retiring.p + s->slots + s->pool_rows + s->pool_cells + number;
}

static void mark(const struct sg_threads *t, uint32_t number, bool retiring)
{
	__atomic_store_n(mark_of(t, number), retiring, __ATOMIC_SEQ_CST);
}

static void learn(struct sg_threads *t, uint64_t id, uint32_t number)
{
	struct cgroup *c = &t->cgroups[number < t->shared->slots ? number : SG_CGROUP_OTHER];

	if (c->state != SG_SLOT_FREE)
		return;
	*c = (struct cgroup){id, t->slots->tick, SG_SLOT_USED};
	t->used++;
}

static void scan(struct sg_threads *t)
{
	int fd = t->shared->fd[SG_MAP_CGROUPS];
	uint64_t key, *prev = NULL, at;
	uint32_t number;

	for (uint32_t n = 0; n < t->shared->slots && bpf_map_get_next_key(fd, prev, &key) == 0;
	     n++) {
		if (bpf_map_lookup_elem(fd, &key, &number) == 0)
			learn(t, key, number);
		at = key;
		prev = &at;
	}
	t->scan_tick = t->slots->tick;
}

/* Taken back as slots are: slots.c says why no number is given out twice. */
static void retire(struct sg_threads *t, uint32_t number)
{
	struct cgroup *c = &t->cgroups[number];

	mark(t, number, true);
	if (bpf_map_delete_elem(t->shared->fd[SG_MAP_CGROUPS], &c->id) < 0) {
		mark(t, number, false);
		return;
	}
	c->state = SG_SLOT_RETIRING;
	c->used_tick = t->slots->tick;
	__atomic_add_fetch(&t->shared->state->epoch, 1, __ATOMIC_SEQ_CST);
}

static void release(struct sg_threads *t, uint32_t number)
{
	mark(t, number, false);
	if (bpf_map_update_elem(t->shared->fd[SG_MAP_FREE_CGROUPS], NULL, &number, BPF_ANY) < 0) {
		mark(t, number, true);
		return;
	}
	memset(&t->cgroups[number], 0, sizeof(t->cgroups[number]));
	t->used--;
}

static void take_back(struct sg_threads *t)
{
	bool full = t->used > t->shared->slots / 4 * 3;

	for (uint32_t i = 1; i < t->shared->slots; i++) {
		struct cgroup *c = &t->cgroups[i];
		uint64_t idle = t->slots->tick - c->used_tick;

		if (c->state == SG_SLOT_RETIRING && idle > GRACE_TICKS)
			release(t, i);
		else if (full && c->state == SG_SLOT_USED && idle > IDLE_TICKS)
			retire(t, i);
	}
}

/* As sg_slots_resume(). */
static void resume(struct sg_threads *t)
{
	scan(t);
	for (uint32_t i = 1; i < t->shared->slots; i++) {
		if (!*mark_of(t, i))
			continue;
		if (t->cgroups[i].state == SG_SLOT_USED) {
			mark(t, i, false);
			continue;
		}
		t->cgroups[i] = (struct cgroup){0, t->slots->tick, SG_SLOT_RETIRING};
		t->used++;
	}
}

/* ---- the walk over all threads ------------------------------------------------------- */

static void end_walk(struct sg_threads *t)
{
	if (t->walk_fd >= 0)
		close(sg_take_fd(t->walk_fd));
}

/* So many threads at least, from where the last walk was left; a new walk begins where all were seen. */
static void walk(struct sg_threads *t, size_t threads)
{
	uint64_t step[WALK_THREADS / SG_THREAD_WALK_STEP];
	int link = sg_walk_fd(t->sched->loaded);
	size_t seen = 0;

	if (t->walk_fd < 0 && link >= 0)
		t->walk_fd = bpf_iter_create(link);
	while (t->walk_fd >= 0 && seen < threads) {
		ssize_t n = read(t->walk_fd, step, sizeof(step));

		if (n > 0)
			seen += (size_t)n / sizeof(*step) * SG_THREAD_WALK_STEP;
		else if (n == 0 || errno != EAGAIN)
			end_walk(t);
	}
}

void sg_threads_walk(struct sg_threads *t)
{
	end_walk(t);
	walk(t, WALK_ALL);
}

/* ---- reading ------------------------------------------------------------------------ */

static uint32_t bank_of(const struct sg_threads *t)
{
	return __atomic_load_n(&t->shared->state->threads_bank, __ATOMIC_RELAXED) & 1;
}

/* The time of the walk by the clock of the run queues, in units; 0: none is known yet. */
static uint64_t time_now(struct sg_threads *t)
{
	uint64_t clock = 0;

	for (uint32_t i = 0; t->sched->loaded->shards && i < t->shared->shards; i++)
		clock = SG_MAX(clock, __atomic_load_n(&sg_head_of(t->sched->loaded, i)->clock,
						      __ATOMIC_RELAXED));
	if (clock > t->shared->state->threads_base)
		t->now =
			SG_MAX(t->now, (clock - t->shared->state->threads_base) >> SG_THREAD_SHIFT);
	return t->now;
}

static struct sg_thread_cells *told_of(const struct sg_threads *t, uint32_t bank, uint32_t number)
{
	return &t->cells[(SG_BANKS * t->shared->shards + bank) * t->shared->slots + number];
}

static struct sg_thread_cells *cells_of(const struct sg_threads *t, uint32_t bank, uint32_t shard)
{
	return &t->cells[(bank * t->shared->shards + shard) * t->shared->slots];
}

static uint64_t cell(const struct sg_threads *t, uint32_t bank, uint32_t number, uint32_t i)
{
	uint64_t sum = 0;

	for (uint32_t shard = 0; shard < t->shared->shards; shard++)
		sum += __atomic_load_n(&cells_of(t, bank, shard)[number].of[i], __ATOMIC_RELAXED);
	return sum;
}

/*
 * What a cell has grown by: the rest of a division, for a thread counts as far more than
 * all time can. It may be less than nothing, where what was told already turns out to
 * have been something else.
 */
static int64_t grown(uint64_t sum, uint64_t told, uint64_t now, int64_t *threads)
{
	int64_t one = (int64_t)(SG_THREAD_ONE - now), diff = (int64_t)(sum - told);
	int64_t n = (diff + (diff < 0 ? -one / 2 : one / 2)) / one;

	*threads += n;
	return diff - n * one;
}

/* What is owed is taken from what the most is told of, so that together it stays what it is. */
static void pay(int64_t units[TIMES])
{
	for (size_t i = 0; i < TIMES; i++) {
		while (units[i] < 0) {
			size_t most = 0;

			for (size_t j = 1; j < TIMES; j++)
				if (units[j] > units[most])
					most = j;
			if (units[most] <= 0)
				return;
			int64_t n = SG_MIN(units[most], -units[i]);

			units[most] -= n;
			units[i] += n;
		}
	}
}

/* Short waits, by what for: in the ratio of the weights, and what is left by rounding sleeps. */
static void split(const uint64_t weights[SHORT], uint64_t awake, uint64_t units[STATES])
{
	static const uint8_t states[SHORT] = {SG_THREAD_SLEEPING, SG_THREAD_DISK, SG_THREAD_NETWORK,
					      SG_THREAD_LOCK, SG_THREAD_MEMORY};
	uint64_t rest = awake;
	double all = 0;

	for (size_t i = 0; i < SHORT; i++)
		all += (double)weights[i];
	for (size_t i = 1; i < SHORT && all > 0; i++) {
		uint64_t n = SG_MIN((uint64_t)((double)awake * ((double)weights[i] / all)), rest);

		units[states[i] - 1] += n;
		rest -= n;
	}
	units[SG_THREAD_SLEEPING - 1] += rest;
}

static void read_weights(struct sg_threads *t, uint32_t number, struct sg_thread_cells *told)
{
	uint64_t *w = t->weights[number];

	for (uint32_t i = 0; i < SHORT; i++) {
		uint64_t sum = cell(t, bank_of(t), number, SG_THREAD_SHORT_SLEEPING + i);

		w[i] = w[i] / 2 + (sum - told->of[SG_THREAD_SHORT_SLEEPING + i]);
		told->of[SG_THREAD_SHORT_SLEEPING + i] = sum;
	}
}

/* Whether there is anything to tell of this number. */
static bool read_number(struct sg_threads *t, uint32_t number, uint64_t now, uint64_t units[STATES],
			int64_t *threads)
{
	uint32_t bank = bank_of(t);
	struct sg_thread_cells *told = told_of(t, bank, number);
	int64_t new[TIMES] = {0};
	bool any = false;

	*threads = 0;
	for (uint32_t i = 0; i < TIMES; i++) {
		uint64_t sum = cell(t, bank, number, i + 1);

		if (sum == told->of[i + 1])
			continue;
		new[i] = grown(sum, told->of[i + 1], now, threads);
		any = true;
	}
	if (!any)
		return false;
	pay(new);
	for (uint32_t i = 0; i < TIMES; i++) {
		new[i] = SG_MAX(new[i], 0);
		told->of[i + 1] += (uint64_t) new[i];
	}
	for (uint32_t i = 0; i < STATES; i++)
		units[i] = (uint64_t) new[i];
	read_weights(t, number, told);
	split(t->weights[number], (uint64_t) new[SG_THREAD_AWAKE - 1], units);
	return true;
}

static void add(struct sg_thread_sums *to, const uint64_t units[STATES], int64_t threads,
		uint64_t tick)
{
	for (size_t i = 0; i < STATES; i++) {
		to->units[i] += units[i];
		if (units[i])
			to->seen_tick[i] = tick;
	}
	to->threads += threads;
}

/* What it stands for, its use noted. */
static struct sg_value *use(struct sg_threads *t, uint32_t number)
{
	struct cgroup *c = &t->cgroups[number < t->shared->slots ? number : SG_CGROUP_OTHER];

	if (c->state == SG_SLOT_FREE && t->scan_tick != t->slots->tick)
		scan(t);
	if (c->state != SG_SLOT_USED)
		return sg_slots_cgroup(t->slots, NULL);
	c->used_tick = t->slots->tick;
	return sg_slots_cgroup(t->slots, &c->id);
}

static const char *name_of(void *ctx, uint32_t number)
{
	return use(ctx, number)->name;
}

/* NULL: no memory. */
static struct sg_thread_sums *sums_of(struct sg_threads *t, uint32_t number)
{
	struct sg_value *v = use(t, number);

	if (!v->threads)
		v->threads = calloc(1, sizeof(*v->threads));
	return v->threads;
}

static int read_all(struct sg_threads *t, uint64_t now)
{
	uint64_t units[STATES];
	int64_t threads;

	for (uint32_t i = 0; i < t->shared->slots; i++) {
		struct sg_thread_sums *s;

		if (!read_number(t, i, now, units, &threads))
			continue;
		s = sums_of(t, i);
		if (!s)
			return -ENOMEM;
		add(s, units, threads, t->slots->tick);
		add(&t->host, units, threads, t->slots->tick);
	}
	return 0;
}

/* ---- telling ------------------------------------------------------------------------ */

static int put(struct sg_frame *f, struct sg_series **at, enum sg_type type, const char *name,
	       struct sg_label *labels, size_t n, double value)
{
	struct sg_series s;

	if (!*at && sg_series_init(&s, type, name, labels, n) == 0)
		*at = sg_series_dup(&s);
	return *at ? sg_frame_add_value(f, *at, value) : -ENOMEM;
}

/* cgroup: NULL: of the host, which tells every state. */
static int tell(struct sg_threads *t, struct sg_thread_sums *s, const char *cgroup,
		struct sg_frame *f)
{
	size_t n = cgroup ? 1 : 0;
	int r;

	for (size_t i = 0; i < STATES; i++) {
		struct sg_label labels[] = {{"cgroup", cgroup}, {"state", sg_thread_state_name(i)}};

		if (cgroup &&
		    (!s->seen_tick[i] || t->slots->tick - s->seen_tick[i] > SG_IDLE_TICKS))
			continue;
		r = put(f, &s->series[i], SG_COUNTER, cgroup ? CGROUP_NAME : NAME, labels + 1 - n,
			1 + n, (double)s->units[i] * UNIT_SECONDS);
		if (r < 0)
			return r;
	}
	r = put(f, &s->threads_series, SG_GAUGE, cgroup ? CGROUP_THREADS : THREADS,
		&(struct sg_label){"cgroup", cgroup}, n, (double)SG_MAX(s->threads, 0));
	memset(s->units, 0, sizeof(s->units));
	s->threads = 0;
	return r;
}

int sg_threads_tick(struct sg_threads *t, struct sg_frame *f)
{
	const struct sg_axis_values *a = &t->slots->axes[SG_AXIS_CGROUP];
	uint64_t now;
	int r;

	if (t->sched->loaded->shed)
		return 0;
	walk(t, WALK_THREADS);
	now = time_now(t);
	if (!now)
		return 0;
	take_back(t);
	r = read_all(t, now);
	for (size_t i = 0; r == 0 && i < a->n; i++)
		if (a->values[i]->threads)
			r = tell(t, a->values[i]->threads, a->values[i]->name, f);
	if (r == 0)
		r = tell(t, &t->host, NULL, f);
	return r < 0 ? r : sg_culprits_tick(t->culprits, t->sched, name_of, t, f);
}

void sg_threads_restart(struct sg_threads *t)
{
	uint32_t next = !bank_of(t), shards = t->shared->shards, n = t->shared->slots;

	for (uint32_t i = 0; i < shards; i++)
		memset(cells_of(t, next, i), 0, sizeof(*t->cells) * n);
	memset(told_of(t, next, 0), 0, sizeof(*t->cells) * n);
	__atomic_store_n(&t->shared->state->threads_bank, next, __ATOMIC_SEQ_CST);
}

/* ---- life --------------------------------------------------------------------------- */

static void sums_release(struct sg_thread_sums *s)
{
	for (size_t i = 0; i < STATES; i++)
		free(s->series[i]);
	free(s->threads_series);
}

void sg_threads_release(struct sg_value *v)
{
	if (v->threads)
		sums_release(v->threads);
	free(sg_take(v->threads));
}

int sg_threads_new(struct sg_shared *shared, struct sg_slots *slots, const struct sg_drain *sched,
		   struct sg_threads **ret)
{
	struct sg_threads *t = calloc(1, sizeof(*t));
	void *at;

	if (!t)
		return -ENOMEM;
	t->shared = shared;
	t->slots = slots;
	t->sched = sched;
	t->bytes = sg_thread_elements(shared) * sizeof(*t->cells);
	t->walk_fd = -1;
	t->cgroups = calloc(shared->slots, sizeof(*t->cgroups));
	t->weights = calloc(shared->slots, sizeof(*t->weights));
	at = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd[SG_MAP_THREADS],
		  0);
	t->cells = at == MAP_FAILED ? NULL : at;
	if (!t->cells || !t->cgroups || !t->weights || sg_culprits_new(&t->culprits) < 0) {
		sg_threads_free(t);
		return -ENOMEM;
	}
	t->cgroups[SG_CGROUP_OTHER].state = SG_SLOT_RETIRING; /* it is nobody's */
	resume(t);
	sg_threads_walk(t);
	*ret = t;
	return 0;
}

void sg_threads_free(struct sg_threads *t)
{
	if (!t)
		return;
	if (t->cells)
		munmap(t->cells, t->bytes);
	sg_culprits_free(t->culprits);
	sums_release(&t->host);
	end_walk(t);
	free(t->weights);
	free(t->cgroups);
	free(t);
}
