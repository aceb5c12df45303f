// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine costs without the store: queries over series in memory.
 * tools/bench-store.sh runs it.
 *
 *   query [STEPS [SERIES]]
 */
#include <math.h>
#include <stdio.h>

#include <sgprobe/query.h>
#include <sgprobe/time.h>

#include "../unit/query/fake_reader.h"

#define STEP_MS 60000LL
#define T0 1700006400000LL
#define CGROUPS 20
#define EVERY_MS 10000LL /* of the scalars */
#define TIMES 5

static uint64_t seed = 88172645463325252ULL;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const char *name_of(size_t i)
{
	static char text[64];

	snprintf(text, sizeof(text), "/system.slice/service-%zu.service", i);
	return text;
}

/* 30 to 60 buckets, most of which grow from a sample to the next. */
static void add_hists(struct fake_reader *f, size_t i, size_t steps, size_t per_step)
{
	const char *labels[] = {"cgroup", name_of(i), "kind", i % 2 ? "a" : "b", NULL};
	struct fake_series *s = fake_series(f, SG_HISTOGRAM, "bench_latency_seconds", labels);
	int n = 30 + (int)(i * 30 / CGROUPS), first = -120 + (int)(i % 16);
	struct sg_hist h = {0};

	for (size_t k = 0; k <= per_step * steps; k++) {
		for (int b = 0; b < n; b++) {
			double more = (double)(rnd() % 40);

			if (sg_hist_add_bucket(&h, first + b, more + (k == 0)) < 0)
				abort();
			h.count += more + (k == 0);
			h.sum += more * 1e-4;
		}
		fake_add_hist(s, T0 + (int64_t)k * STEP_MS / (int64_t)per_step, &h);
	}
	sg_hist_free(&h);
}

static void add_counter(struct fake_reader *f, size_t i, size_t steps)
{
	char id[24];
	const char *labels[] = {"cgroup", name_of(i % CGROUPS), "id", id, NULL};
	struct fake_series *s;
	double v = 0;

	snprintf(id, sizeof(id), "%zu", i);
	s = fake_series(f, SG_COUNTER, "bench_calls_total", labels);
	for (int64_t t = 0; t <= (int64_t)steps * STEP_MS; t += EVERY_MS)
		fake_add(s, T0 + t, v += (double)(rnd() % 100));
}

/* How long the reader itself took: it copies, as no store would. */
static uint64_t read_ns;

static int timed_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
			struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	uint64_t t = sg_mono_ns();
	int e = fake_select(r, sels, n_sels, from_ms, to_ms, lim, arena, ret, err);

	read_ns += sg_mono_ns() - t;
	return e;
}

static double sum_of(const struct fake_series *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->values)
			sum += s->values[i];
		for (uint32_t b = 0; s->hists && b < s->hists[i].n; b++)
			sum += s->hists[i].buckets[b].count;
	}
	return sum;
}

/* One look at each number there is, in ms: what a query is compared with. */
static double look(const struct fake_reader *f)
{
	static volatile double sum;
	double best = INFINITY;

	for (int i = 0; i < TIMES; i++) {
		uint64_t t = sg_mono_ns();

		for (size_t k = 0; k < f->n; k++)
			sum = sum_of(f->series[k]);
		best = SG_MIN(best, (double)(sg_mono_ns() - t) / 1e6);
	}
	return best;
}

/* The best of some runs: what the machine lets it take. Without the reader. */
static void ask(struct fake_reader *f, const char *expr, size_t steps)
{
	double best = INFINITY;
	size_t series = 0;

	for (int i = 0; i < TIMES; i++) {
		sg_auto(sg_arena) a = sg_arena_new(0);
		struct sg_query_limits lim = {.max_bytes = (size_t)1 << 30,
					      .max_samples = 50000000,
					      .max_steps = steps + 1};
		struct sg_error err = {0};
		struct sg_value v = {0};
		uint64_t t = sg_mono_ns();

		read_ns = 0;
		if (sg_query_range(&f->reader, expr, T0, T0 + (int64_t)steps * STEP_MS, STEP_MS,
				   &lim, a, &v, &err) < 0) {
			fprintf(stderr, "%s: %s\n", expr, err.msg);
			exit(1);
		}
		best = SG_MIN(best, (double)(sg_mono_ns() - t - read_ns) / 1e6);
		series = v.n;
	}
	printf("  %-76s %8.2f ms, %5.1f looks  %zu series\n", expr, best, best / look(f), series);
}

static struct fake_reader *new_reader(void)
{
	struct fake_reader *f = fake_new();

	f->reader.select = timed_select;
	return f;
}

static void ask_hists(const char *const *exprs, size_t n, size_t steps, size_t per_step)
{
	struct fake_reader *f = new_reader();

	for (size_t i = 0; i < CGROUPS; i++)
		add_hists(f, i, steps, per_step);
	printf("%d histograms, %zu steps, %zu samples a step\n", CGROUPS, steps, per_step);
	for (size_t i = 0; i < n; i++)
		ask(f, exprs[i], steps);
	f->reader.close(&f->reader);
}

static void ask_counters(size_t series, size_t steps)
{
	struct fake_reader *f = new_reader();

	for (size_t i = 0; i < series; i++)
		add_counter(f, i, steps);
	printf("%zu counters, %zu steps, %lld samples a step\n", series, steps, STEP_MS / EVERY_MS);
	ask(f, "rate(bench_calls_total[1m])", steps);
	ask(f, "sum by (cgroup) (rate(bench_calls_total[1m]))", steps);
	f->reader.close(&f->reader);
}

int main(int argc, char **argv)
{
	static const char *const day[] = {
		"sum by (cgroup) (histogram_count(bench_latency_seconds))",
		"histogram_quantile(0.99, bench_latency_seconds)",
		"histogram_quantile(0.99, rate(bench_latency_seconds[1m]))",
		"histogram_quantile(0.99, sum by (cgroup) (rate(bench_latency_seconds[1m])))",
		"histogram_quantile(0.99, sum by (kind) (rate(bench_latency_seconds[1m])))",
	};
	static const char *const week[] = {
		"histogram_quantile(0.99, sum by (cgroup) (rate(bench_latency_seconds[5m])))",
		"histogram_quantile(0.99, sum by (kind) (rate(bench_latency_seconds[5m])))",
	};
	size_t steps = argc > 1 ? (size_t)atoi(argv[1]) : 1440;
	size_t series = argc > 2 ? (size_t)atoi(argv[2]) : 1000;

	ask_hists(day, ARRAY_SIZE(day), steps, 5);
	ask_hists(week, ARRAY_SIZE(week), 7 * steps, 1);
	ask_counters(series, steps);
	return 0;
}
