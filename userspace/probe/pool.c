// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "pool.h"

#define GRACE_TICKS 2 /* until no program in flight can still add to a number that was taken back */
#define SETTLE_NS 100000
#define SETTLE_TRIES 10

/* ---- for the loader --------------------------------------------------------------- */

static int fill(int fd, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) /* 0 is what programs use when there is nothing */
		if (bpf_map_update_elem(fd, NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

int sg_pool_fill(const struct sg_shared *s)
{
	int r = fill(s->fd[SG_MAP_POOL_FREE], s->pool_rows);

	return r < 0 ? r : fill(s->fd[SG_MAP_POOL_FREE_CELLS], s->pool_cells);
}

/* Programs find a number by what it stands for without the hash while its owner is set. */
static int set_owner(const struct sg_shared *s, const struct sg_pool_key *key, uint32_t number,
		     const struct sg_pool_key *owner)
{
	uint32_t at = number + (key->cell ? s->pool_rows : 0);

	return bpf_map_update_elem(s->fd[SG_MAP_POOL_OWNERS], &at, owner, BPF_ANY) ? -errno : 0;
}

static int make_key(const struct sg_shared *s, const struct sg_pool_key *key)
{
	int from = s->fd[key->cell ? SG_MAP_POOL_FREE_CELLS : SG_MAP_POOL_FREE];
	struct sg_pool_entry e = {0};

	if (bpf_map_lookup_elem(s->fd[SG_MAP_POOL_KEYS], key, &e) == 0)
		return 0; /* of a variant that was tried before */
	if (bpf_map_lookup_and_delete_elem(from, NULL, &e.number))
		return -errno;
	if (bpf_map_update_elem(s->fd[SG_MAP_POOL_KEYS], key, &e, BPF_NOEXIST))
		return -errno;
	return set_owner(s, key, e.number, key);
}

static bool is_cell(const struct sg_metric_row *m)
{
	return m->from == SG_FROM_CELLS || m->from == SG_FROM_PAIRS;
}

static int make_others(const struct sg_shared *s, const struct sg_metric_row *m, size_t index)
{
	bool tally = m->from == SG_FROM_TALLY, slots = tally || m->from == SG_FROM_SIGNAL;
	unsigned int first = tally ? m->by : m->first, n = tally ? 1 : SG_MAX(m->n, 1);
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < n; i++) {
		struct sg_pool_key key = {.domain = (uint8_t)index,
					  .signal = (uint8_t)(first + i),
					  .kind = slots ? SG_KEY_SLOT : SG_KEY_OTHER,
					  .cell = is_cell(m)};

		r = make_key(s, &key);
	}
	return r;
}

static bool is_pooled(const struct sg_domain *d, const struct sg_metric_row *m)
{
	return m->from == SG_FROM_KEYS || is_cell(m) ||
	       (m->from == SG_FROM_SIGNAL && m->first >= d->signals) ||
	       (m->from == SG_FROM_TALLY && m->by >= d->signals);
}

/* Whether a metric's events are counted per slot in the pool as well. */
static bool is_split(const struct sg_domain *d, const struct sg_metric_row *m)
{
	return m->dims && m->by >= d->signals &&
	       (m->from == SG_FROM_KEYS || m->from == SG_FROM_BLOCKS || m->from == SG_FROM_CELLS);
}

int sg_pool_prepare(const struct sg_shared *s, const struct sg_domain *d, size_t index)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->n_metrics; i++) {
		const struct sg_metric_row *m = &d->metrics[i];

		if (is_pooled(d, m))
			r = make_others(s, m, index);
		if (r == 0 && is_split(d, m)) {
			struct sg_pool_key key = {.domain = (uint8_t)index,
						  .signal = (uint8_t)m->by,
						  .kind = SG_KEY_SLOT,
						  .cell = m->from == SG_FROM_CELLS};

			r = make_key(s, &key);
		}
	}
	return r;
}

/* ---- numbers ---------------------------------------------------------------------- */

static struct sg_pool_item *item_of(struct sg_pool *p, const struct sg_pool_key *key, uint32_t n)
{
	if (n == 0 || n >= (key->cell ? p->shared->pool_cells : p->shared->pool_rows))
		return NULL;
	return key->cell ? &p->cells[n] : &p->rows[n];
}

static void learn(struct sg_pool *p, const struct sg_pool_key *key, const struct sg_pool_entry *e)
{
	struct sg_pool_item *it = item_of(p, key, e->number);

	if (!it || it->state != SG_POOL_FREE || key->domain >= sg_n_domains)
		return;
	it->key = *key;
	memcpy(it->name, e->name, sizeof(it->name) - 1);
	it->state = SG_POOL_USED;
	it->used_tick = p->slots->tick;
	*(key->cell ? &p->cells_used : &p->rows_used) += 1;
}

/* Reads the kernel's table whole: new keys are rare. */
static void scan(struct sg_pool *p)
{
	uint32_t most = p->shared->pool_rows + p->shared->pool_cells;
	struct sg_pool_key key, *prev = NULL, at;
	int fd = p->shared->fd[SG_MAP_POOL_KEYS];
	struct sg_pool_entry e;

	for (uint32_t n = 0; n < most && bpf_map_get_next_key(fd, prev, &key) == 0; n++) {
		if (bpf_map_lookup_elem(fd, &key, &e) == 0)
			learn(p, &key, &e);
		at = key;
		prev = &at;
	}
	p->scan_tick = p->slots->tick;
}

static struct sg_pool_item *use(struct sg_pool *p, struct sg_pool_item *it)
{
	if (it->state == SG_POOL_FREE && p->scan_tick != p->slots->tick)
		scan(p);
	it->used_tick = p->slots->tick;
	return it;
}

static void forget_series(struct sg_pool *p, uint32_t n, bool cell)
{
	if (cell)
		free(sg_take(p->drain->counter_series[n]));
	else
		sg_drain_drop_block(p->drain, n);
}

/* As for slots: whose number is being taken back lies in memory that outlives this process (slots.c). */
static uint8_t *mark_of(const struct sg_pool *p, uint32_t n, bool cell)
{
	const struct sg_shared *s = p->shared;

	return (uint8_t *)s->retiring.p + s->slots + (cell ? s->pool_rows : 0) + n;
}

static void mark(const struct sg_pool *p, uint32_t n, bool cell, bool retiring)
{
	__atomic_store_n(mark_of(p, n, cell), retiring, __ATOMIC_SEQ_CST);
}

static void retire(struct sg_pool *p, struct sg_pool_item *it, uint32_t n)
{
	bool cell = it->key.cell;
	static const struct sg_pool_key nobody;

	/* Keys for what finds no room stay. */
	if (it->key.kind == SG_KEY_OTHER || (it->key.kind == SG_KEY_SLOT && it->key.a == 0))
		return;
	mark(p, n, cell, true);
	if (set_owner(p->shared, &it->key, n, &nobody) < 0 ||
	    bpf_map_delete_elem(p->shared->fd[SG_MAP_POOL_KEYS], &it->key) < 0) {
		mark(p, n, cell, false);
		return;
	}
	it->state = SG_POOL_RETIRING;
	it->used_tick = p->slots->tick;
	p->retired++;
}

/* Gives a number back once nothing was added under it for the grace. */
static void release(struct sg_pool *p, struct sg_pool_item *it, uint32_t n, bool cell)
{
	int fd = p->shared->fd[cell ? SG_MAP_POOL_FREE_CELLS : SG_MAP_POOL_FREE];

	mark(p, n, cell, false);
	if (bpf_map_update_elem(fd, NULL, &n, BPF_ANY) < 0) {
		mark(p, n, cell, true);
		return;
	}
	forget_series(p, n, cell);
	memset(it, 0, sizeof(*it));
	*(cell ? &p->cells_used : &p->rows_used) -= 1;
}

static void resume_retiring(struct sg_pool *p, struct sg_pool_item *items, uint32_t n, bool cell)
{
	for (uint32_t i = 1; i < n; i++) {
		if (!*mark_of(p, i, cell))
			continue;
		if (items[i].state == SG_POOL_USED) {
			mark(p, i, cell, false); /* its key was not deleted yet */
			continue;
		}
		items[i].state = SG_POOL_RETIRING;
		items[i].used_tick = p->slots->tick;
		*(cell ? &p->cells_used : &p->rows_used) += 1;
	}
}

/* Goes on with what another process was taking back when it died, if there was one. */
static void resume(struct sg_pool *p)
{
	scan(p);
	resume_retiring(p, p->rows, p->shared->pool_rows, false);
	resume_retiring(p, p->cells, p->shared->pool_cells, true);
}

static void age(struct sg_pool *p, struct sg_pool_item *items, uint32_t n, uint32_t used, bool cell)
{
	bool full = used > n / 4 * 3;

	for (uint32_t i = 1; i < n; i++) {
		struct sg_pool_item *it = &items[i];
		uint64_t idle = p->slots->tick - it->used_tick;

		if (it->state == SG_POOL_RETIRING && idle > GRACE_TICKS)
			release(p, it, i, cell);
		else if (full && it->state == SG_POOL_USED && idle > SG_IDLE_TICKS)
			retire(p, it, i);
	}
}

void sg_pool_tick(struct sg_pool *p)
{
	uint64_t retired;

	if (!p)
		return;
	retired = p->retired;
	age(p, p->rows, p->shared->pool_rows, p->rows_used, false);
	age(p, p->cells, p->shared->pool_cells, p->cells_used, true);
	/* Programs that remember a retired number (quick.bpf.h) look it up again. */
	if (p->retired != retired && p->shared->state)
		__atomic_add_fetch(&p->shared->state->epoch, 1, __ATOMIC_SEQ_CST);
}

static uint32_t next_of(const struct sg_pool_item *items, uint32_t n, size_t domain,
			unsigned int signal, uint32_t at)
{
	for (uint32_t i = at + 1; i < n; i++)
		if (items[i].state == SG_POOL_USED && items[i].key.domain == domain &&
		    items[i].key.signal == signal && items[i].key.kind != SG_KEY_SLOT)
			return i;
	return 0;
}

uint32_t sg_pool_next_row(const struct sg_pool *p, size_t domain, unsigned int signal, uint32_t at)
{
	return next_of(p->rows, p->shared->pool_rows, domain, signal, at);
}

uint32_t sg_pool_next_cell(const struct sg_pool *p, size_t domain, unsigned int signal, uint32_t at)
{
	return next_of(p->cells, p->shared->pool_cells, domain, signal, at);
}

/* ---- reading ---------------------------------------------------------------------- */

/* A row of a slot adds to the sums of its domain, any other only to its own. */
static bool route(void *ctx, uint32_t number, struct sg_targets *t)
{
	struct sg_pool *p = ctx;
	const struct sg_pool_item *it = use(p, &p->rows[number]);
	struct sg_drain *to = it->state == SG_POOL_FREE ? NULL : p->drains[it->key.domain];

	if (!to || it->key.kind != SG_KEY_SLOT)
		return sg_drain_target_block(p->drain, number, t);
	return sg_drain_target_slot(p->drain, to, it->key.a, it->key.signal, t);
}

static uint64_t in_blocks(const struct sg_drain *d, const struct sg_metric_row *m)
{
	uint64_t count = 0;

	for (size_t i = m->first; i < (size_t)m->first + SG_MAX(m->n, 1); i++)
		count += d->blocks[i] ? d->blocks[i]->count : 0;
	return count;
}

static uint64_t labelled(const struct sg_pool *p, size_t domain, const struct sg_metric_row *m)
{
	unsigned int n = SG_MAX(m->n, 1);
	uint64_t count = 0;

	for (unsigned int i = 0; i < n; i++)
		for (uint32_t at = 0; (at = sg_pool_next_row(p, domain, m->first + i, at));)
			count += p->drain->blocks[at] ? p->drain->blocks[at]->count : 0;
	return count;
}

static uint64_t in_cells(const struct sg_pool *p, size_t domain, unsigned int signal, bool of_slots)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < p->shared->pool_cells; i++) {
		const struct sg_pool_item *it = &p->cells[i];

		if (p->drain->counted[i] && it->state == SG_POOL_USED && it->key.domain == domain &&
		    it->key.signal == signal && (it->key.kind == SG_KEY_SLOT) == of_slots)
			sum += p->drain->counted[i];
	}
	return sum;
}

/* What a metric has counted, not by slot and by slot. */
static void both_sides(const struct sg_pool *p, size_t domain, const struct sg_metric_row *m,
		       uint64_t side[2])
{
	const struct sg_drain *d = p->drains[domain];

	side[1] = d->host[m->by] ? d->host[m->by]->count : 0;
	switch (m->from) {
	case SG_FROM_KEYS: side[0] = labelled(p, domain, m); break;
	case SG_FROM_BLOCKS: side[0] = in_blocks(d, m); break;
	default:
		side[0] = in_cells(p, domain, m->first, false);
		side[1] = in_cells(p, domain, m->by, true);
	}
}

/* As for fixed blocks: an event in flight may be half counted. */
static uint64_t imbalance(const struct sg_pool *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sg_n_domains; i++) {
		const struct sg_domain *dom = sg_domains[i];
		uint64_t diff = 0;

		for (size_t j = 0; p->drains[i] && j < dom->n_metrics; j++) {
			const struct sg_metric_row *m = &dom->metrics[j];
			uint64_t side[2];

			if (!is_split(dom, m))
				continue;
			both_sides(p, i, m, side);
			diff += side[0] > side[1] ? side[0] - side[1] : side[1] - side[0];
		}
		if (p->drains[i])
			p->drains[i]->pool_balance = diff;
		sum += diff;
	}
	return sum;
}

/* What was counted since, in the pool and in what its sums are compared with. */
static void read_more(struct sg_pool *p, uint32_t bank)
{
	for (size_t i = 0; i < sg_n_domains; i++)
		if (p->drains[i] && p->drains[i]->pool_balance)
			sg_drain_read_more(p->drains[i], bank);
	sg_drain_read_more(p->drain, bank);
}

static void use_cells(struct sg_pool *p)
{
	for (uint32_t i = 1; i < p->shared->pool_cells; i++)
		if (p->drain->counted[i])
			use(p, &p->cells[i]);
}

/* A cell of a slot adds to the sums of its domain. */
static void add_cell(struct sg_pool *p, uint32_t number)
{
	const struct sg_pool_item *it = &p->cells[number];
	struct sg_drain *to = it->state == SG_POOL_FREE ? NULL : p->drains[it->key.domain];
	struct sg_targets t;

	if (!to || it->key.kind != SG_KEY_SLOT)
		return;
	if (!sg_drain_target_slot(p->drain, to, it->key.a, it->key.signal, &t)) {
		p->drain->missing++;
		return;
	}
	for (size_t i = 0; i < t.n; i++)
		t.acc[i]->sum_ns += p->drain->counted[number];
}

void sg_pool_read(struct sg_pool *p, uint32_t bank)
{
	const struct timespec pause = {.tv_nsec = SETTLE_NS};

	if (!p)
		return;
	sg_drain_read(p->drain, bank);
	use_cells(p);
	for (int i = 0; imbalance(p) && i < SETTLE_TRIES; i++) {
		nanosleep(&pause, NULL);
		read_more(p, bank);
		use_cells(p);
	}
	for (uint32_t i = 1; i < p->shared->pool_cells; i++)
		if (p->drain->counted[i])
			add_cell(p, i);
}

void sg_pool_clear(struct sg_pool *p)
{
	if (p)
		sg_drain_clear(p->drain);
}

/* ---- life ------------------------------------------------------------------------- */

static void *map_array(int fd, size_t elements, size_t size, int prot, size_t *bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at;

	*bytes = (elements * size + page - 1) / page * page;
	at = mmap(NULL, *bytes, prot, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static struct sg_domain as_domain(const struct sg_shared *s)
{
	return (struct sg_domain){.name = "pool",
				  .title = "Pool",
				  .signals = 1,
				  .fixed_blocks = (uint16_t)s->pool_rows,
				  .counters = (uint16_t)s->pool_cells};
}

size_t sg_pool_seen_bytes(const struct sg_shared *s)
{
	const struct sg_domain d = as_domain(s);

	return sg_drain_seen_bytes(s, &d, s->pool_rows);
}

void sg_pool_skip(struct sg_pool *p, uint32_t bank)
{
	if (p)
		sg_drain_skip(p->drain, bank);
}

static int map_memory(struct sg_pool *p)
{
	const struct sg_shared *s = p->shared;
	size_t parts = sg_parts(s);
	struct sg_loaded *l = &p->loaded;

	p->domain = as_domain(s);
	l->domain = &p->domain;
	l->blocks = s->pool_rows;
	l->sums = map_array(s->fd[SG_MAP_POOL_SUMS], parts * s->pool_rows, sizeof(*l->sums),
			    PROT_READ | PROT_WRITE, &l->sums_bytes);
	l->shards = map_array(s->fd[SG_MAP_POOL_CELLS], parts * s->pool_cells, sizeof(uint64_t),
			      PROT_READ, &l->shards_bytes);
	l->counters = (const uint64_t *)l->shards; /* cells alone, no heads */
	l->counters_per_shard = s->pool_cells;
	l->counters_per_bank = (size_t)s->shards * s->pool_cells;
	if (!l->sums || !l->counters)
		return -ENOMEM;
	return sg_load_map_rows(l, s->fd[SG_MAP_POOL_ROWS],
				parts * s->pool_rows * sizeof(struct sg_row));
}

static int prepare(struct sg_pool *p)
{
	int r = map_memory(p);

	p->rows = calloc(p->shared->pool_rows, sizeof(*p->rows));
	p->cells = calloc(p->shared->pool_cells, sizeof(*p->cells));
	if (!p->rows || !p->cells)
		return -ENOMEM;
	if (r == 0 && !p->shared->pool_seen.p)
		r = sg_memory_new(&p->shared->pool_seen, "sgprobe-pool",
				  sg_pool_seen_bytes(p->shared));
	p->loaded.seen = p->shared->pool_seen;
	if (r == 0)
		r = sg_drain_new(&p->loaded, p->slots, 0, &p->drain);
	if (r < 0)
		return r;
	p->drain->route = route;
	p->drain->route_ctx = p;
	resume(p);
	return 0;
}

int sg_pool_new(struct sg_shared *shared, struct sg_slots *slots, struct sg_drain **drains,
		struct sg_pool **ret)
{
	struct sg_pool *p;
	int r;

	*ret = NULL;
	if (shared->fd[SG_MAP_POOL_KEYS] < 0)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->shared = shared;
	p->slots = slots;
	p->drains = drains;
	r = prepare(p);
	if (r < 0) {
		sg_pool_free(p);
		return r;
	}
	for (size_t i = 0; i < sg_n_domains; i++)
		if (drains[i])
			drains[i]->pool = p;
	*ret = p;
	return 0;
}

void sg_pool_free(struct sg_pool *p)
{
	if (!p)
		return;
	sg_drain_free(p->drain);
	p->loaded.seen = (struct sg_memory){0}; /* what all share has it */
	sg_unload(&p->loaded);
	free(p->rows);
	free(p->cells);
	free(p);
}
