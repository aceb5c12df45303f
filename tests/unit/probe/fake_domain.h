/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A domain without a kernel: its maps are ordinary memory, to which a test writes
 * as programs would. Two fixed blocks, three signals, six counters.
 */
#ifndef FAKE_DOMAIN_H
#define FAKE_DOMAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "probe/drain.h"

enum {
	F_SIGNALS = 3,
	F_TALLY = 2, /* a signal */
	F_FIXED = 2,
	F_COUNTERS = SG_COMMON_COUNTERS + 4,
	F_SLOTS = 16,
	F_SHARDS = 2
};

static const char *fake_value(unsigned int i)
{
	static const char *const names[] = {"a", "b"};

	return names[i];
}

static const struct sg_metric_row fake_metrics[] = {
	{"wait_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, 1, .dims = SG_DIM_CGROUP | SG_DIM_COMM},
	{"call_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, 0, 2, .by = 0, .label = "call",
	 .value = fake_value, .sparse = true, .dims = SG_DIM_CGROUP | SG_DIM_COMM},
	{"calls_total", SG_COUNTER, SG_FROM_BLOCK_COUNT, 0, 2, .plus = SG_COMMON_COUNTERS + 2,
	 .label = "call", .value = fake_value, .sparse = true},
	{"events_total", SG_COUNTER, SG_FROM_COUNTER, SG_COMMON_COUNTERS},
	{"kinds_total", SG_COUNTER, SG_FROM_TALLY, 10, 2, .by = F_TALLY, .label = "kind",
	 .value = fake_value, .sparse = true, .dims = SG_DIM_CGROUP | SG_DIM_COMM},
	{"freed_bytes_total", SG_COUNTER, SG_FROM_TALLY, 12, .by = F_TALLY, .pages = true,
	 .dims = SG_DIM_COMM},
};

static const struct sg_domain fake_domain = {
	.name = "fake",
	.signals = F_SIGNALS,
	.fixed_blocks = F_FIXED,
	.counters = F_COUNTERS,
	.metrics = fake_metrics,
	.n_metrics = sizeof(fake_metrics) / sizeof(*fake_metrics),
};

struct fake {
	struct sg_shared shared;
	struct sg_loaded loaded;
	struct sg_slots *slots;
	struct sg_drain *drain;
	struct sg_frame *frame;
	struct sg_row *rows; /* what the "kernel" writes to */
	struct sg_sum *sums;
	uint64_t *counters;
	int rows_fd;
};

#define F_BLOCKS (F_FIXED + F_SLOTS)
#define F_ROWS_BYTES (sizeof(struct sg_row) * F_SIGNALS * F_BLOCKS * SG_BANKS * F_SHARDS)

static void fake_new(struct fake *f, struct sg_config *cfg)
{
	size_t elements = (size_t)F_BLOCKS * SG_BANKS * F_SHARDS;

	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		f->shared.fd[i] = -1;
	f->shared.slots = F_SLOTS;
	f->shared.shards = F_SHARDS;
	f->rows_fd = memfd_create("rows", 0);
	assert_true(f->rows_fd >= 0);
	assert_int_equal(ftruncate(f->rows_fd, F_ROWS_BYTES + 65536), 0);
	f->rows = mmap(NULL, F_ROWS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->rows_fd, 0);
	assert_ptr_not_equal(f->rows, MAP_FAILED);
	f->sums = calloc(elements * F_SIGNALS, sizeof(*f->sums));
	f->counters = calloc((size_t)F_COUNTERS * SG_BANKS * F_SHARDS, sizeof(*f->counters));
	f->loaded = (struct sg_loaded){.domain = &fake_domain,
				       .variant = "fake",
				       .blocks = F_BLOCKS,
				       .rows_fd = f->rows_fd,
				       .rows_bytes = F_ROWS_BYTES,
				       .sums = f->sums,
				       .counters = f->counters,
				       .counters_per_bank = (size_t)F_SHARDS * F_COUNTERS,
				       .counters_per_shard = F_COUNTERS};
	f->loaded.rows_mapped = calloc(F_ROWS_BYTES / 65536 / 8 + 1, 1);
	f->loaded.rows = mmap(NULL, (F_ROWS_BYTES + 65535) / 65536 * 65536, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(sg_slots_new(&f->shared, cfg, &f->slots), 0);
	assert_int_equal(sg_drain_new(&f->loaded, f->slots, 0, &f->drain), 0);
	f->frame = sg_frame_new();
	assert_non_null(f->frame);
}

static void fake_free(struct fake *f)
{
	for (size_t a = 0; a < SG_AXES; a++)
		for (size_t i = 0; i < f->slots->axes[a].n; i++)
			sg_drain_release(f->slots->axes[a].values[i]);
	sg_drain_free(f->drain);
	sg_slots_free(f->slots);
	sg_frame_free(f->frame);
	munmap(f->rows, F_ROWS_BYTES);
	munmap(f->loaded.rows, (F_ROWS_BYTES + 65535) / 65536 * 65536);
	close(f->rows_fd);
	free(f->sums);
	free(f->counters);
	free(f->loaded.rows_mapped);
	sg_memory_free(&f->loaded.seen);
	sg_memory_free(&f->shared.retiring);
}

/* A slot that the kernel side gave to (cgroup 1, comm). */
static void fake_slot(struct fake *f, uint32_t number, const char *comm)
{
	struct sg_slot *s = &f->slots->slots[number];

	s->state = SG_SLOT_USED;
	s->key.cgroup_id = 1;
	memcpy(s->key.comm, comm, strlen(comm));
	s->used_tick = f->slots->tick;
	f->slots->used++;
}

/* As a program on a CPU of this shard: n events of so many nanoseconds. */
static void fake_observe(struct fake *f, uint32_t bank, uint32_t shard, uint32_t block,
			 uint32_t signal, uint64_t ns, uint32_t n)
{
	size_t e = ((size_t)bank * F_SHARDS + shard) * F_BLOCKS + block;

	f->rows[e * F_SIGNALS + signal].buckets[sg_bucket_ns(ns)] += n;
	f->sums[e * F_SIGNALS + signal].n += (ns ? ns : 1) * n;
}

/* n is added to count i of a slot's tally. */
static inline void fake_tally(struct fake *f, uint32_t bank, uint32_t shard, uint32_t slot,
			      uint32_t i, uint32_t n)
{
	size_t e = ((size_t)bank * F_SHARDS + shard) * F_BLOCKS + F_FIXED + slot;

	f->rows[e * F_SIGNALS + F_TALLY].buckets[i] += n;
	f->sums[e * F_SIGNALS + F_TALLY].n += n;
}

static inline void fake_count(struct fake *f, uint32_t bank, uint32_t shard, uint32_t counter,
			      uint64_t n)
{
	f->counters[((size_t)bank * F_SHARDS + shard) * F_COUNTERS + counter] += n;
}

static inline void fake_tick(struct fake *f, uint32_t bank)
{
	sg_frame_reset(f->frame);
	sg_slots_tick(f->slots);
	sg_drain_read(f->drain, bank);
	assert_int_equal(sg_drain_emit(f->drain, f->frame), 0);
}

/* The sample of a series as sg_series_format writes it, or NULL. */
static inline const struct sg_sample *fake_sample(const struct fake *f, const char *series)
{
	for (size_t i = 0; i < f->frame->n; i++) {
		sg_auto_buf b = {0};

		sg_series_format(&b, &f->frame->samples[i].series);
		if (strcmp(b.data, series) == 0)
			return &f->frame->samples[i];
	}
	return NULL;
}

/* The counts of all series of this name. */
static inline double fake_sum(const struct fake *f, const char *name)
{
	double n = 0;

	for (size_t i = 0; i < f->frame->n; i++) {
		const struct sg_sample *s = &f->frame->samples[i];

		if (strcmp(s->series.name, name) == 0)
			n += s->series.type == SG_HISTOGRAM ? s->hist.count : s->value;
	}
	return n;
}

#endif
