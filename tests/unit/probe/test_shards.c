// SPDX-License-Identifier: GPL-2.0
/*
 * Hosts with many CPUs, of which this one is not: the loader is told that there are more.
 * What a tick reads and what the maps take grows with shards times what is in use, and
 * not faster. Prints the figures; skipped without the right to load programs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <sgprobe/time.h>

#include "probe/drain.h"

#define SLOTS 64
#define LIVE 48 /* slots in use */
#define BUCKETS 20 /* of each, in every shard */
#define TIMES 16

static const struct sg_domain *domain(const char *name, size_t *index)
{
	for (*index = 0; *index < sg_n_domains; ++*index)
		if (strcmp(sg_domains[*index]->name, name) == 0)
			return sg_domains[*index];
	return NULL;
}

struct host {
	struct sg_config cfg;
	struct sg_shared shared;
	struct sg_slots *slots;
	struct sg_loaded loaded;
	struct sg_drain *drain;
	struct sg_row *rows; /* as programs see them */
	struct sg_sum *sums;
};

/* As on a host with so many CPUs that all have a shard of their own. */
static void begin(struct host *h, uint32_t cpus)
{
	size_t index;
	const struct sg_domain *d = domain("syscall", &index);
	int r;

	memset(h, 0, sizeof(*h));
	libbpf_set_print(NULL);
	sg_config_defaults(&h->cfg);
	h->cfg.slots = SLOTS;
	sg_shared_init(&h->shared, &h->cfg);
	h->shared.shards = cpus;
	h->shared.private_rows = true;
	assert_int_equal(sg_slots_new(&h->shared, &h->cfg, &h->slots), 0);
	r = sg_load(&h->loaded, d, &h->shared);
	if (r == -EPERM)
		skip();
	if (r < 0)
		fail_msg("%u CPUs: %s", cpus, h->loaded.reason);
	sg_detach(&h->loaded); /* nobody counts but the test */
	assert_int_equal(sg_drain_new(&h->loaded, h->slots, index, &h->drain), 0);
	sg_slots_tick(h->slots);
	sg_drain_read(h->drain, 0);
}

static void *map(const struct host *h, const char *name, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, sg_map_fd(&h->loaded, name), 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void map_to_write(struct host *h)
{
	h->rows = map(h, "sg_rows", h->loaded.rows_bytes);
	h->sums = map(h, "sg_sums", h->loaded.sums_bytes);
}

static void end(struct host *h)
{
	munmap(h->rows, h->loaded.rows_bytes);
	munmap(h->sums, h->loaded.sums_bytes);
	for (size_t axis = 0; axis < SG_AXES; axis++)
		for (size_t i = 0; i < h->slots->axes[axis].n; i++)
			sg_drain_release(h->slots->axes[axis].values[i]);
	sg_drain_free(h->drain);
	sg_unload(&h->loaded);
	sg_slots_free(h->slots);
	sg_shared_free(&h->shared);
}

/* As programs on every CPU: one event more in each of the same buckets of the same slots, all of one call. */
static void count_everywhere(struct host *h, uint32_t bank)
{
	size_t signals = h->loaded.domain->signals;

	for (uint32_t shard = 0; shard < h->shared.shards; shard++) {
		uint32_t call = (bank * h->shared.shards + shard) * h->loaded.blocks;

		for (uint32_t i = 0; i < BUCKETS; i++)
			h->rows[call * signals].buckets[100 + i] += LIVE;
		h->sums[call * signals].n += LIVE * BUCKETS;
		for (uint32_t slot = 0; slot < LIVE; slot++) {
			uint32_t e = (bank * h->shared.shards + shard) * h->loaded.blocks +
				     h->loaded.domain->fixed_blocks + slot;

			for (uint32_t i = 0; i < BUCKETS; i++)
				h->rows[e * signals].buckets[100 + i]++;
			h->sums[e * signals].n += BUCKETS;
		}
	}
}

/* The fastest of some ticks; what was counted comes out to the unit. */
static double drain_ns(struct host *h)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < TIMES; i++) {
		uint64_t start, took;

		count_everywhere(h, 0);
		sg_slots_tick(h->slots);
		start = sg_mono_ns();
		sg_drain_read(h->drain, 0);
		took = sg_mono_ns() - start;
		best = SG_MIN(best, took);
		assert_int_equal(h->drain->balance, 0);
		assert_int_equal(h->drain->host[0]->count,
				 (uint64_t)h->shared.shards * LIVE * BUCKETS);
	}
	return (double)best;
}

static void a_tick_grows_with_cpus_times_what_is_in_use(void **state)
{
	static const uint32_t cpus[] = {2, 16, 64, 256};
	double first_ns = 0, first_bytes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		struct host h;
		double ns, bytes, times = (double)cpus[i] / cpus[0];

		begin(&h, cpus[i]);
		map_to_write(&h);
		ns = drain_ns(&h);
		bytes = (double)h.loaded.bytes;
		printf("# %3u CPUs: %.3f ms a tick, %.1f MB of maps, %u live buckets\n", cpus[i],
		       ns * 1e-6, bytes * 1e-6, cpus[i] * LIVE * BUCKETS);
		if (i == 0) {
			first_ns = ns;
			first_bytes = bytes;
		}
		assert_true(bytes <= first_bytes * times);
		/* Beyond that what is read is in no cache any more; and others may run here. */
		if (cpus[i] <= 64)
			assert_true(ns <= first_ns * times * 6);
		end(&h);
	}
}

static void memory_stays_bounded_by_the_settings(void **state)
{
	struct sg_config cfg;
	struct sg_shared s;

	sg_config_defaults(&cfg);
	for (uint64_t slots = 16; slots <= 65536; slots *= 2) {
		cfg.slots = slots;
		sg_shared_init_for(&s, &cfg, 4096);
		assert_true(s.shards <= SG_MAX_SHARDS);
		assert_true(s.shards == 1 || (uint64_t)s.shards * s.slots <= 4096);
		sg_shared_free(&s);
	}
}

/* Those that share a shard must add with atomics. */
static void where_shards_are_fewer_than_cpus_rows_are_not_private(void **state)
{
	struct sg_config cfg;
	struct sg_shared s;

	sg_config_defaults(&cfg);
	sg_shared_init_for(&s, &cfg, 64);
	assert_true(s.shards < 64);
	assert_false(s.private_rows);
	sg_shared_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tick_grows_with_cpus_times_what_is_in_use),
		cmocka_unit_test(memory_stays_bounded_by_the_settings),
		cmocka_unit_test(where_shards_are_fewer_than_cpus_rows_are_not_private),
	};

	return cmocka_run_group_tests_name("shards", tests, NULL, NULL);
}
