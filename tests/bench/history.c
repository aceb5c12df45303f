// SPDX-License-Identifier: GPL-2.0
/*
 * What the past costs: fast-forwards a host through the append path, prints bytes per
 * sample, bytes written, and how long queries over it take. tools/bench-store.sh runs it.
 *
 *   history DIR HOURS SCALARS HISTOGRAMS [OPENMETRICS]
 *
 * A third of the scalars and half of the histograms are live in any second. OPENMETRICS:
 * a file to which the scalars of the last two hours are written as well.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <sgprobe/file.h>
#include <sgprobe/query.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#define T0 1700006400000LL /* a full day */
#define CGROUPS 20
#define OPENMETRICS_S 7200

static uint64_t seed = 88172645463325252ULL;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double uniform(void)
{
	return (double)(rnd() >> 11) * 0x1p-53;
}

struct host {
	size_t scalars, hists;
	struct sg_series **series;
	double *level; /* of gauges */
	double *total; /* of counters */
	FILE *openmetrics;
};

static struct sg_series *new_series(enum sg_type type, const char *name, const char *label,
				    size_t i)
{
	char value[64];
	struct sg_label l = {label, value};
	struct sg_series s;

	snprintf(value, sizeof(value), "/system.slice/service-%zu.service", i);
	return sg_series_init(&s, type, name, &l, 1) ? NULL : sg_series_dup(&s);
}

static int make_host(struct host *h)
{
	h->series = calloc(h->scalars + h->hists, sizeof(*h->series));
	h->level = calloc(h->scalars, sizeof(*h->level));
	h->total = calloc(h->scalars, sizeof(*h->total));
	if (!h->series || !h->level || !h->total)
		return -1;
	for (size_t i = 0; i < h->scalars; i++) {
		static const char *const names[] = {"bench_calls_total", "bench_cpu_seconds_total",
						    "bench_memory_bytes"};

		h->series[i] = new_series(i % 3 == 2 ? SG_GAUGE : SG_COUNTER, names[i % 3],
					  "cgroup", i / 3);
		h->level[i] = floor(uniform() * 1e5);
	}
	for (size_t i = 0; i < h->hists; i++)
		h->series[h->scalars + i] = new_series(
			SG_HISTOGRAM, i < CGROUPS ? "bench_latency_seconds" : "bench_other_seconds",
			"cgroup", i);
	return 0;
}

/* A bell over two octaves around a centre of its own. */
static int add_hist(struct sg_frame *f, const struct sg_series *s, size_t i)
{
	struct sg_bucket *b = sg_arena_alloc(f->arena, 24 * sizeof(*b));
	struct sg_hist h = {.buckets = b};
	int live = i < CGROUPS || i % 2, events = live ? 400 / (1 + (int)i) + 6 : 0;
	uint64_t ns = 0;

	for (int k = 0; k < 24 && events; k++) {
		double mean = events * exp(-(k - 12.0) * (k - 12.0) / 32) / 10;
		double n = floor(mean * (0.5 + uniform()) + uniform());

		if (n <= 0)
			continue;
		b[h.n++] = (struct sg_bucket){-120 + k + (int)(i % 16), n};
		h.count += n;
		ns += (uint64_t)(n * exp2((-120.0 + k + (int)(i % 16) - uniform()) / 8) * 1e9);
	}
	h.sum = (double)ns * 1e-9;
	return sg_frame_add_hist(f, s, &h);
}

static double next_value(struct host *h, size_t i)
{
	bool live = (i / 3) % 3 == 0;

	if (i % 3 == 2) {
		if (live && rnd() % 4 == 0)
			h->level[i] += (double)(rnd() % 65) - 32;
		return h->level[i] * 4096;
	}
	if (!live)
		return 0;
	return i % 3 ? (double)(rnd() % 4000000) * 1e-9 : floor(uniform() * 200);
}

static int fill(struct host *h, struct sg_frame *f)
{
	int r = 0;

	for (size_t i = 0; i < h->scalars && !r; i++) {
		double v = next_value(h, i);

		h->total[i] = i % 3 == 2 ? v : h->total[i] + v;
		r = sg_frame_add_value(f, h->series[i], v);
	}
	for (size_t i = 0; i < h->hists && !r; i++)
		r = add_hist(f, h->series[h->scalars + i], i);
	return r;
}

/* What Prometheus would have scraped. One line a sample; promtool sorts by series itself. */
static void put_openmetrics(struct host *h, int64_t t_ms, double *kept, int64_t at)
{
	for (size_t i = 0; i < h->scalars; i++)
		kept[(size_t)at * h->scalars + i] = h->total[i];
}

static void write_openmetrics(struct host *h, const double *kept, int64_t from_ms, int64_t n)
{
	for (int k = 0; k < 3; k++) {
		static const char *const types[] = {"counter", "counter", "gauge"};
		static const char *const family[] = {"bench_calls", "bench_cpu_seconds",
						     "bench_memory_bytes"};

		fprintf(h->openmetrics, "# TYPE %s %s\n", family[k], types[k]);
		for (size_t i = (size_t)k; i < h->scalars; i += 3)
			for (int64_t t = 0; t < n; t++)
				fprintf(h->openmetrics, "%s{cgroup=\"%s\"} %.17g %lld\n",
					h->series[i]->name, sg_series_label(h->series[i], "cgroup"),
					kept[(size_t)t * h->scalars + i],
					(long long)(from_ms / 1000 + t));
	}
	fprintf(h->openmetrics, "# EOF\n");
}

static double written(void)
{
	sg_auto_buf b = {0};
	const char *p;

	if (sg_read_file("/proc/self/io", 4096, &b) < 0)
		return 0;
	p = strstr(b.data, "wchar:");
	return p ? strtod(p + 6, NULL) : 0;
}

static int run(struct sg_store *st, struct host *h, int64_t ticks, double *worst_ms)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf b = {0};
	int64_t from = ticks - OPENMETRICS_S;
	double *kept = h->openmetrics ? calloc(OPENMETRICS_S * h->scalars, sizeof(*kept)) : NULL;
	int r = 0;

	for (int64_t i = 0; i < ticks && r >= 0; i++) {
		uint64_t t;

		sg_frame_reset(f);
		f->session = 1;
		f->seq = (uint64_t)i + 1;
		f->t_ms = T0 + i * 1000;
		f->span_ns = 1000000000;
		r = fill(h, f);
		sg_buf_reset(&b);
		if (!r)
			r = sg_frame_encode(f, &b);
		if (!r)
			r = sg_store_append(st, b.data, b.len);
		if (kept && i >= from)
			put_openmetrics(h, f->t_ms, kept, i - from);
		if (r < 0 || i % 10 != 9)
			continue;
		t = sg_mono_ns();
		r = sg_store_flush(st, true);
		*worst_ms = SG_MAX(*worst_ms, (double)(sg_mono_ns() - t) / 1e6);
		if (r >= 0 && i % 300 == 299)
			r = sg_store_fold(st);
		if (r >= 0)
			sg_store_maintain(st);
	}
	if (kept && r >= 0)
		write_openmetrics(h, kept, T0 + from * 1000, OPENMETRICS_S);
	free(kept);
	return r;
}

/* The best of three: how long the machine lets it take. */
static void ask(struct sg_reader *r, const char *what, const char *expr, int64_t end_ms,
		int64_t span_ms, int64_t step_ms)
{
	double best = INFINITY;
	struct sg_error err = {0};
	size_t series = 0, points = 0;
	const char *note = "";
	char kept[96] = "";

	for (int i = 0; i < 3; i++) {
		sg_auto(sg_arena) a = sg_arena_new(0);
		struct sg_query_limits lim = {.max_bytes = (size_t)1 << 30,
					      .max_samples = 50000000};
		struct sg_value v = {0};
		uint64_t t = sg_mono_ns();
		int e = sg_query_range(r, expr, end_ms - span_ms, end_ms, step_ms, &lim, a, &v,
				       &err);

		best = SG_MIN(best, (double)(sg_mono_ns() - t) / 1e6);
		note = e < 0 ? err.msg : "";
		series = v.n;
		points = v.n ? v.series[0].n : 0;
		if (v.n_warnings)
			snprintf(kept, sizeof(kept), "%s", v.warnings[0]);
	}
	printf("  %-44s %8.2f ms  %zu series of %zu points  %s%s\n", what, best, series, points,
	       kept, note);
}

static void ask_raw(struct sg_reader *r, const char *what, const char *name, const char *value,
		    int64_t end_ms, int64_t span_ms)
{
	struct sg_matcher m[2] = {{SG_MATCH_EQ, "__name__", name, NULL},
				  {SG_MATCH_EQ, "cgroup", value, NULL}};
	struct sg_selector sel = {2, m};
	double best = INFINITY;
	size_t n = 0;

	if (sg_selector_compile(&sel, NULL) < 0)
		return;
	for (int i = 0; i < 5; i++) {
		sg_auto(sg_arena) a = sg_arena_new(0);
		struct sg_points_set set = {0};
		uint64_t t = sg_mono_ns();

		r->select(r, &sel, 1, end_ms - span_ms, end_ms, NULL, a, &set, NULL);
		best = SG_MIN(best, (double)(sg_mono_ns() - t) / 1e6);
		n = set.n_samples;
	}
	printf("  %-44s %8.2f ms  %zu samples\n", what, best, n);
	sg_selector_release(&sel);
}

#define Q "histogram_quantile(0.99, sum by (cgroup) (rate(bench_latency_seconds[5m])))"

static void queries(struct sg_reader *r, int64_t end, int64_t hours)
{
	const char *one = "/system.slice/service-0.service";

	ask_raw(r, "one counter, 1 h at 1 s", "bench_calls_total", one, end, 3600000);
	ask_raw(r, "one gauge, 1 h at 1 s", "bench_memory_bytes", one, end, 3600000);
	ask_raw(r, "one histogram, 1 h at 1 s", "bench_latency_seconds", one, end, 3600000);
	ask(r, "rate of one counter, 1 h, step 15 s",
	    "rate(bench_calls_total{cgroup=\"/system.slice/service-0.service\"}[1m])", end, 3600000,
	    15000);
	ask(r, "0.99 quantile of 20 cgroups, 24 h, step 1 min", Q, end, 86400000, 60000);
	if (hours >= 170)
		ask(r, "0.99 quantile of 20 cgroups, 7 d, step 1 min", Q, end, 7 * 86400000LL,
		    60000);
	if (hours >= 170)
		ask(r, "0.99 quantile of 20 cgroups, 7 d, step 10 min", Q, end, 7 * 86400000LL,
		    600000);
}

static void sizes(const struct host *h, struct sg_store *st, int64_t ticks, double bytes)
{
	struct sg_store_health s;

	sg_store_health(st, &s);
	printf("  written %.3f GB a day, file %.3f GB a day\n", bytes / (double)ticks * 86400 / 1e9,
	       (double)s.bytes / (double)ticks * 86400 / 1e9);
	(void)h;
}

int main(int argc, char **argv)
{
	int64_t hours = argc > 2 ? atoi(argv[2]) : 1, ticks = hours * 3600;
	struct host h = {.scalars = argc > 3 ? (size_t)atoi(argv[3]) : 1000,
			 .hists = argc > 4 ? (size_t)atoi(argv[4]) : 200};
	struct sg_store_options o = {.data_dir = argc > 1 ? argv[1] : "/tmp/sgb-history",
				     .flush_ns = 10000000000ULL,
				     .max_bytes = 64ULL << 30};
	sg_auto(sg_store) st = NULL;
	sg_auto(sg_reader) r = NULL;
	struct sg_error err = {0};
	struct rusage u;
	double w0 = written(), worst = 0;
	uint64_t t = sg_mono_ns();

	h.openmetrics = argc > 5 ? fopen(argv[5], "we") : NULL;
	if (make_host(&h) < 0 || sg_store_open(&o, &st, &err) < 0 ||
	    run(st, &h, ticks, &worst) < 0) {
		fprintf(stderr, "%s\n", err.msg[0] ? err.msg : "failed");
		return 1;
	}
	if (h.openmetrics)
		fclose(h.openmetrics);
	printf("%" PRId64 " h of %zu scalars and %zu histograms, %.1f s, worst flush %.1f ms\n",
	       hours, h.scalars, h.hists, (double)(sg_mono_ns() - t) / 1e9, worst);
	sizes(&h, st, ticks, written() - w0);
	getrusage(RUSAGE_SELF, &u);
	printf("  memory at most %ld MiB\n", u.ru_maxrss / 1024);
	if (sg_store_reader(o.data_dir, sg_store_head(st), &r, &err) < 0)
		return 1;
	queries(r, T0 + (ticks - 1) / 60 * 60000, hours);
	return 0;
}
