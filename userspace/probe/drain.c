// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "drain.h"
#include "worst.h"

#define SETTLE_NS 100000 /* between two looks at a bank that programs in flight still write to */
#define SETTLE_TRIES 10

const char *const sg_drop_reasons[SG_COMMON_COUNTERS] = {
	[SG_C_NEGATIVE] = "negative_latency",
	[SG_C_TOO_LONG] = "latency_over_1h",
	[SG_C_NO_STATE] = "no_task_state",
};

static void acc_free(struct sg_acc *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_each; i++)
		free(a->each[i].series);
	free(a->each);
	free(a->series);
	free(a);
}

static void accs_free(struct sg_acc **a, size_t n)
{
	for (size_t i = 0; a && i < n; i++)
		acc_free(a[i]);
	free(a);
}

static void series_free(struct sg_series **s, size_t n)
{
	for (size_t i = 0; s && i < n; i++)
		free(s[i]);
	free(s);
}

static size_t elements(const struct sg_drain *d)
{
	return (size_t)SG_BANKS * d->slots->shared->shards * d->loaded->blocks;
}

static size_t all_signals(const struct sg_domain *d)
{
	return (size_t)d->signals + d->pooled;
}

/* Where in the memory of what was seen rows begin, behind counters and sums: with a page. */
static size_t rows_at(const struct sg_shared *s, const struct sg_domain *dom, uint32_t blocks)
{
	size_t n = (size_t)sg_parts(s) * (dom->counters + (size_t)blocks * dom->signals);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n * sizeof(uint64_t) + page - 1) / page * page;
}

size_t sg_drain_seen_bytes(const struct sg_shared *s, const struct sg_domain *dom, uint32_t blocks)
{
	return rows_at(s, dom, blocks) +
	       (size_t)sg_parts(s) * blocks * dom->signals * sizeof(struct sg_row);
}

static int lay_out(struct sg_drain *d)
{
	const struct sg_loaded *l = d->loaded;
	const struct sg_shared *s = d->slots->shared;
	size_t n = sg_drain_seen_bytes(s, l->domain, l->blocks);
	struct sg_memory *m = &d->loaded->seen;
	int r = 0;

	if (!m->p)
		r = sg_memory_new(m, "sgprobe-seen", n);
	else if (m->n != n)
		r = -EINVAL;
	if (r < 0)
		return r;
	d->prev_counters = m->p;
	d->prev_sums = d->prev_counters + (size_t)sg_parts(s) * l->domain->counters;
	d->prev_rows = (struct sg_row *)((char *)m->p + rows_at(s, l->domain, l->blocks));
	return 0;
}

static bool allocate(struct sg_drain *d)
{
	const struct sg_domain *dom = d->loaded->domain;

	d->counted = calloc(dom->counters, sizeof(*d->counted));
	d->counter_tick = calloc(dom->counters, sizeof(*d->counter_tick));
	d->counter_series = calloc(dom->counters, sizeof(struct sg_series *));
	d->count_series = calloc(dom->fixed_blocks + 1u, sizeof(struct sg_series *));
	d->sum_series = calloc(dom->fixed_blocks + 1u, sizeof(struct sg_series *));
	d->host = calloc(all_signals(dom) + 1, sizeof(struct sg_acc *));
	d->blocks = calloc(dom->fixed_blocks + 1u, sizeof(struct sg_acc *));
	return d->counted && d->counter_tick && d->counter_series && d->count_series &&
	       d->sum_series && d->host && d->blocks;
}

int sg_drain_new(struct sg_loaded *l, struct sg_slots *slots, size_t index, struct sg_drain **ret)
{
	struct sg_drain *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->loaded = l;
	d->slots = slots;
	d->index = index;
	r = allocate(d) ? lay_out(d) : -ENOMEM;
	if (r < 0) {
		sg_drain_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void sg_drain_free(struct sg_drain *d)
{
	const struct sg_domain *dom;

	if (!d)
		return;
	dom = d->loaded->domain;
	accs_free(d->host, all_signals(dom));
	accs_free(d->blocks, dom->fixed_blocks);
	series_free(d->counter_series, dom->counters);
	series_free(d->count_series, dom->fixed_blocks);
	series_free(d->sum_series, dom->fixed_blocks);
	free(d->counted);
	free(d->counter_tick);
	free(d->touched);
	free(d);
}

void sg_drain_release(struct sg_value *v)
{
	for (size_t i = 0; i < sg_n_domains; i++) {
		struct sg_sums *s = v->sums[i];

		for (size_t j = 0; s && j < s->n; j++)
			acc_free(s->acc[j]);
		free(s);
		v->sums[i] = NULL;
	}
}

/* The histogram at *at, made on first use, and noted as touched in this tick. */
static struct sg_acc *acc_of(struct sg_drain *d, struct sg_acc **at)
{
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at || sg_grow((void **)&d->touched, &d->cap_touched, d->n_touched,
			    sizeof(struct sg_acc *)) < 0)
		return NULL;
	if ((*at)->count == 0 && (*at)->sum_ns == 0)
		d->touched[d->n_touched++] = *at;
	(*at)->used_tick = d->slots->tick;
	return *at;
}

static struct sg_acc **value_acc(struct sg_drain *d, struct sg_value *v, size_t signal)
{
	size_t n = all_signals(d->loaded->domain);
	struct sg_sums *s = v->sums[d->index];

	if (!s) {
		s = calloc(1, sizeof(*s) + n * sizeof(struct sg_acc *));
		if (!s)
			return NULL;
		s->n = n;
		v->sums[d->index] = s;
	}
	return &s->acc[signal];
}

bool sg_drain_target_block(struct sg_drain *d, uint32_t block, struct sg_targets *t)
{
	t->n = 1;
	t->acc[0] = acc_of(d, &d->blocks[block]);
	return t->acc[0];
}

bool sg_drain_target_slot(struct sg_drain *d, struct sg_drain *to, uint32_t number, size_t signal,
			  struct sg_targets *t)
{
	const struct sg_slot *slot = sg_slots_use(d->slots, number);

	if (signal >= all_signals(to->loaded->domain))
		return false;
	t->n = 1;
	t->acc[0] = acc_of(d, &to->host[signal]);
	for (size_t i = 0; i < SG_AXES; i++) {
		struct sg_acc **at = value_acc(to, slot->at[i], signal);

		t->acc[t->n] = at ? acc_of(d, at) : NULL;
		if (!t->acc[t->n++])
			return false;
	}
	return t->acc[0];
}

/* False: no memory, and none of them may be added to. */
static bool find_targets(struct sg_drain *d, uint32_t block, size_t signal, struct sg_targets *t)
{
	const struct sg_domain *dom = d->loaded->domain;

	if (d->route)
		return d->route(d->route_ctx, block, t);
	if (block < dom->fixed_blocks)
		return sg_drain_target_block(d, block, t);
	return sg_drain_target_slot(d, d, block - dom->fixed_blocks, signal, t);
}

static void acc_add(struct sg_acc *a, uint16_t bucket, uint32_t n)
{
	if (a->count == 0 || bucket < a->lo)
		a->lo = bucket;
	if (a->count == 0 || bucket > a->hi)
		a->hi = bucket;
	a->buckets[bucket] += n;
	a->count += n;
}

static void add_row(const struct sg_row *row, uint32_t *prev, uint64_t sum,
		    const struct sg_targets *t)
{
	for (uint16_t i = 0; i < SG_BUCKETS; i++) {
		uint32_t now = __atomic_load_n(&row->buckets[i], __ATOMIC_RELAXED),
			 n = now - prev[i];

		if (!n)
			continue;
		prev[i] = now;
		for (size_t j = 0; j < t->n; j++)
			acc_add(t->acc[j], i, n);
	}
	for (size_t j = 0; j < t->n; j++)
		t->acc[j]->sum_ns += sum;
}

/*
 * The maximum is taken back before whose it was is read: a program in flight that is past
 * this point has its event read now, or finds it in its bank when that is read again.
 */
static void read_worst(struct sg_drain *d, const struct sg_row *row, struct sg_sum *sum,
		       const struct sg_targets *t)
{
	uint64_t top = __atomic_load_n(&sum->top, __ATOMIC_RELAXED);
	struct sg_worst w;

	if (!top)
		return;
	top = __atomic_exchange_n(&sum->top, 0, __ATOMIC_SEQ_CST);
	if (!d->worsts)
		return;
	if (!sg_worst_read(&row->worst, top, &w)) {
		d->torn++;
		return;
	}
	for (size_t j = 0; j < t->n; j++)
		if (w.ns > t->acc[j]->worst.ns)
			t->acc[j]->worst = w;
}

static int read_signal(struct sg_drain *d, size_t e, uint32_t block, size_t signal)
{
	size_t i = e * d->loaded->domain->signals + signal;
	uint64_t sum = __atomic_load_n(&d->loaded->sums[i].n, __ATOMIC_ACQUIRE);
	const struct sg_row *rows;
	struct sg_targets t;

	if (sum == d->prev_sums[i])
		return 0;
	rows = sg_load_rows(d->loaded, e);
	if (!rows || !find_targets(d, block, signal, &t))
		return -ENOMEM;
	add_row(&rows[signal], d->prev_rows[i].buckets, sum - d->prev_sums[i], &t);
	read_worst(d, &rows[signal], &d->loaded->sums[i], &t);
	d->prev_sums[i] = sum;
	return 0;
}

static void read_rows(struct sg_drain *d, uint32_t bank)
{
	uint32_t shards = d->slots->shared->shards, blocks = d->loaded->blocks;

	for (uint32_t shard = 0; shard < shards; shard++)
		for (uint32_t b = 0; b < blocks; b++)
			for (size_t s = 0; s < d->loaded->domain->signals; s++)
				if (read_signal(d, ((size_t)bank * shards + shard) * blocks + b, b,
						s) < 0)
					d->missing++;
}

static void read_counters(struct sg_drain *d, uint32_t bank)
{
	size_t n = d->loaded->domain->counters;
	uint32_t shards = d->slots->shared->shards;

	for (uint32_t shard = 0; shard < shards; shard++) {
		const uint64_t *counters = sg_counters_of(d->loaded, bank, shard);
		uint64_t *prev = &d->prev_counters[((size_t)bank * shards + shard) * n];

		for (size_t i = 0; i < n; i++) {
			uint64_t now = __atomic_load_n(&counters[i], __ATOMIC_RELAXED);

			if (now == prev[i])
				continue;
			d->counted[i] += now - prev[i];
			prev[i] = now;
			d->counter_tick[i] = d->slots->tick;
		}
	}
}

void sg_drain_clear(struct sg_drain *d)
{
	for (size_t i = 0; i < d->n_touched; i++) {
		struct sg_acc *a = d->touched[i];

		memset(a->buckets + a->lo, 0, (a->hi - a->lo + 1u) * sizeof(*a->buckets));
		a->count = a->sum_ns = 0;
		a->worst.ns = 0;
		a->lo = a->hi = 0;
	}
	d->n_touched = 0;
}

/*
 * An event that is counted in a fixed block and in a slot may be half counted
 * while its program is in flight. Both halves are in the same bank, so it is
 * enough to look again until they agree.
 */
static uint64_t imbalance(const struct sg_drain *d)
{
	const struct sg_domain *dom = d->loaded->domain;
	uint64_t diff = 0;

	for (size_t i = 0; i < dom->n_metrics; i++) {
		const struct sg_metric_row *m = &dom->metrics[i];
		uint64_t fixed = 0, slots = d->host[m->by] ? d->host[m->by]->count : 0;

		if (m->from != SG_FROM_BLOCKS || !m->dims || m->by >= dom->signals)
			continue; /* of the pool: there */
		for (size_t b = m->first; b < (size_t)m->first + m->n; b++)
			fixed += d->blocks[b] ? d->blocks[b]->count : 0;
		diff += fixed > slots ? fixed - slots : slots - fixed;
	}
	return diff;
}

void sg_drain_read(struct sg_drain *d, uint32_t bank)
{
	const struct timespec pause = {.tv_nsec = SETTLE_NS};

	sg_drain_clear(d);
	memset(d->counted, 0, d->loaded->domain->counters * sizeof(*d->counted));
	read_rows(d, bank);
	for (int i = 0; (d->balance = imbalance(d)) && i < SETTLE_TRIES; i++) {
		if (i == SETTLE_TRIES - 1)
			syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		else
			nanosleep(&pause, NULL);
		read_rows(d, bank);
	}
	read_counters(d, bank);
}

void sg_drain_read_more(struct sg_drain *d, uint32_t bank)
{
	read_rows(d, bank);
	read_counters(d, bank);
}

void sg_drain_drop_block(struct sg_drain *d, uint32_t block)
{
	acc_free(sg_take(d->blocks[block]));
	free(sg_take(d->count_series[block]));
	free(sg_take(d->sum_series[block]));
}

static void skip_signal(struct sg_drain *d, size_t e, size_t signal)
{
	size_t i = e * d->loaded->domain->signals + signal;
	uint64_t sum = __atomic_load_n(&d->loaded->sums[i].n, __ATOMIC_ACQUIRE);
	const struct sg_row *rows;

	if (sum == d->prev_sums[i])
		return;
	rows = sg_load_rows(d->loaded, e);
	if (!rows)
		return; /* then it is reported after all */
	d->prev_rows[i] = rows[signal];
	__atomic_store_n(&d->loaded->sums[i].top, 0, __ATOMIC_RELAXED);
	d->prev_sums[i] = sum;
}

void sg_drain_skip(struct sg_drain *d, uint32_t bank)
{
	size_t counters = d->loaded->domain->counters, n = elements(d) / SG_BANKS;
	uint32_t shards = d->slots->shared->shards;

	for (size_t e = bank * n; e < (bank + 1) * n; e++)
		for (size_t s = 0; s < d->loaded->domain->signals; s++)
			skip_signal(d, e, s);
	for (uint32_t shard = 0; shard < shards; shard++)
		for (size_t i = 0; i < counters; i++)
			d->prev_counters[((size_t)bank * shards + shard) * counters + i] =
				__atomic_load_n(&sg_counters_of(d->loaded, bank, shard)[i],
						__ATOMIC_RELAXED);
}
