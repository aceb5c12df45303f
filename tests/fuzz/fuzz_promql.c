// SPDX-License-Identifier: GPL-2.0
// Any text as an expression, instant and over a range, over a small store in memory.
// The first byte chooses times; the rest is the expression.
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/query.h>

#include "../unit/query/fake_reader.h"

/* n: any exponential layout, floats and ends in between; b: bounds of their own. */
static void add_natives(struct fake_reader *f)
{
	static const double bounds[] = {-1, 0, 1, 5};
	struct fake_series *n = fake_series(f, SG_HISTOGRAM, "n", NULL);
	struct fake_series *b = fake_series(f, SG_HISTOGRAM, "b", NULL);
	uint64_t bits = SG_STALE_BITS;
	double stale;

	memcpy(&stale, &bits, sizeof(stale));
	for (int i = 0; i < 40; i++) {
		struct sg_bucket side[] = {{i % 5 - 3, i + 1}, {i % 5 + 2, 0.5}, {9000, 1}};
		struct sg_native h = {.count = 3 * i + 3,
				      .sum = i % 11 ? i - 20 : 0.0 / 0.0,
				      .zero_count = i % 3,
				      .zero_threshold = i % 4 * 0.25,
				      .pos = side,
				      .neg = side,
				      .n_pos = (uint32_t)i % 4,
				      .n_neg = (uint32_t)i % 3,
				      .schema = (int8_t)(i % 13 - 4),
				      .hint = (uint8_t)(i / 3 % 4)};
		struct sg_native c = {.count = i,
				      .bounds = bounds + i % 2,
				      .n_bounds = (uint32_t)(4 - i % 2 - i % 3),
				      .schema = SG_SCHEMA_CUSTOM};
		struct sg_bucket in[] = {{0, i + 1}, {1, 2}};

		c.pos = in;
		c.n_pos = 1 + (uint32_t)i % 2;
		fake_add_native(f, n, i * 10000, i % 9 == 4 ? NULL : &h, i % 18 == 4 ? stale : i);
		fake_add_native(f, b, i * 10000, i % 16 == 7 ? &h : &c, 0);
	}
}

static struct fake_reader *make_store(void)
{
	static const char *const labels[][3] = {{"a", "x", NULL}, {"a", "y", NULL}};
	struct fake_reader *f = fake_new();
	struct sg_hist h = {0};

	for (int k = 0; k < 2; k++) {
		struct fake_series *c = fake_series(f, SG_COUNTER, "c_total", labels[k]);
		struct fake_series *g = fake_series(f, SG_GAUGE, "g", labels[k]);
		struct fake_series *s = fake_series(f, SG_HISTOGRAM, "h", labels[k]);

		sg_hist_clear(&h);
		for (int i = 0; i < 40; i++) {
			fake_add(c, i * 10000, i % 13 * (k + 1));
			fake_add(g, i * 10000, i % 7 - 3);
			if (i % 17 == 0)
				sg_hist_clear(&h);
			sg_hist_observe(&h, 0.001 * (i + 1));
			fake_add_hist(s, i * 10000, &h);
		}
	}
	sg_hist_free(&h);
	add_natives(f);
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_reader *store;
	struct sg_query_limits lim = {.max_samples = 20000, .max_bytes = 4 << 20, .max_steps = 100};
	sg_auto(sg_arena) arena = sg_arena_new(32UL << 20);
	struct sg_error err = {""};
	struct sg_value v;
	struct sg_selector sel;
	char *text;

	if (!store)
		store = make_store();
	if (!size || !arena)
		return 0;
	text = sg_arena_strndup(arena, (const char *)data + 1, size - 1);
	sg_query_check(text, &err);
	sg_query_selector(text, arena, &sel, &err);
	if (!sg_query_instant(&store->reader, text, data[0] * 2000, &lim, arena, &v, &err)) {
		sg_auto_buf b = {0};

		sg_query_json(&b, &v);
	}
	if (!sg_query_range(&store->reader, text, data[0] * 1000, data[0] * 1000 + 200000,
			    7000 + data[0] * 100, &lim, arena, &v, &err)) {
		sg_auto_buf b = {0};

		sg_query_json(&b, &v);
	}
	return 0;
}
