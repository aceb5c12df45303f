// SPDX-License-Identifier: GPL-2.0
// Chunks as a hostile file would hold them, without their checksum. What is taken is read by
// a collector, merged, packed again, and is then what it was.
#include <stdlib.h>
#include <string.h>

#include <sgprobe/mem.h>

#include "store/chunk.h"
#include "store/collect.h"
#include "store/merge.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same(const struct sg_samples *a, const struct sg_samples *b)
{
	must(a->type == b->type && a->coarse == b->coarse && a->n == b->n);
	must(a->total_buckets == b->total_buckets);
	if (!a->n)
		return;
	must(memcmp(a->t_ms, b->t_ms, a->n * sizeof(*a->t_ms)) == 0);
	must(memcmp(a->span_ms, b->span_ms, a->n * sizeof(*a->span_ms)) == 0);
	must(memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
	for (size_t i = 0; i < a->total_buckets; i++)
		must(a->buckets[i].index == b->buckets[i].index &&
		     a->buckets[i].count == b->buckets[i].count);
}

static void pack_again(struct sg_samples *s)
{
	struct sg_samples again = {0};
	sg_auto_buf b = {0};

	must(sg_chunk_encode(s, 0, &b) == 0);
	must(sg_chunk_decode(&again, 0, b.data, b.len) == 0);
	same(s, &again);
	sg_samples_free(&again);
}

static void merge(const struct sg_samples *s)
{
	struct sg_merge m = {0};
	sg_auto_buf b = {0};

	sg_merge_begin(&m, s->type, 60000);
	if (sg_merge_add(&m, s) == 0 && sg_merge_end(&m) == 0 && m.out.n)
		must(sg_chunk_encode(&m.out, 0, &b) == 0);
	sg_merge_free(&m);
}

static void collect(const struct sg_samples *s, bool deltas, int64_t res_ms)
{
	sg_auto(sg_arena) arena = sg_arena_new(64 << 20);
	const struct sg_selector all = {0};
	const struct sg_collect_options o = {.sels = &all,
					     .n_sels = 1,
					     .from_ms = INT64_MIN / 4,
					     .to_ms = INT64_MAX / 4,
					     .deltas = deltas,
					     .res_ms = res_ms,
					     .field = SG_FIELD_AVG,
					     .max_samples = 100000,
					     .arena = arena};
	sg_auto(sg_collect) c = sg_collect_new(&o);
	struct sg_points_set set;
	struct sg_series series;

	must(sg_series_init(&series, s->type, "x", NULL, 0) == 0);
	if (sg_collect_samples(c, &series, s) == 0)
		sg_collect_finish(c, &set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sg_samples s = {0};
	uint8_t *chunk = malloc(n + 4);
	uint32_t crc = sg_crc32c(0, data, n);

	must(chunk);
	for (int i = 0; i < 4; i++)
		chunk[i] = (uint8_t)(crc >> (8 * i));
	memcpy(chunk + 4, data, n);
	if (sg_chunk_decode(&s, 0, chunk, n + 4) == 0 && s.n) {
		collect(&s, false, 0);
		collect(&s, true, 0);
		collect(&s, false, 10000);
		merge(&s);
		pack_again(&s);
	}
	sg_samples_free(&s);
	free(chunk);
	return 0;
}
