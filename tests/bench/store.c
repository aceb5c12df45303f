// SPDX-License-Identifier: GPL-2.0
/*
 * What the store costs for a busy host: bytes written, size of the file, time of
 * a tick, time to read. tools/bench-store.sh builds and runs it.
 *
 *   store [MINUTES [CHURN [DIR]]]   a new comm every CHURN ticks; 0: never
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#define SYSCALLS 330
#define CGROUPS 60
#define COMMS 110
#define GAUGES 100
#define T0 1700000040000LL

static double rnd(void)
{
	return drand48();
}

static int add(struct sg_frame *f, enum sg_type type, const char *name, const char *label,
	       const char *value, double rate)
{
	struct sg_label l = {label, value};
	struct sg_series s;
	struct sg_hist h = {0};
	double n = rate > 0 ? floor(-log(1 - rnd()) * rate) : 0;
	int r = sg_series_init(&s, type, name, &l, label ? 1 : 0);
	struct sg_series *c = r ? NULL : sg_series_copy(f->arena, &s);
	struct sg_bucket *b;

	if (!c)
		return -1;
	if (type == SG_GAUGE)
		return sg_frame_add_value(f, c, floor(rnd() * 1e9));
	if (type == SG_COUNTER)
		return sg_frame_add_value(f, c, n);
	/* A bell of some octaves in log time, as latencies are. */
	b = sg_arena_alloc(f->arena, 64 * sizeof(*b));
	for (int i = 0, left = (int)n; i < 40 && left > 0; i++) {
		int k = (int)ceil(left * rnd() * 0.25);

		b[h.n++] = (struct sg_bucket){.index = -140 + 2 * i, .count = k};
		left -= k;
		h.count += k;
	}
	h.sum = h.count * 1e-5 * (1 + rnd());
	h.buckets = b;
	return sg_frame_add_hist(f, c, &h);
}

/* A host on which a third of what is known happens in any second. */
static int fill(struct sg_frame *f, int tick, int churn)
{
	static const char *const by[] = {"runqueue_latency", "oncpu", "offcpu"};
	int r = 0, shift = churn ? tick / churn : 0;
	char name[96], value[64];

	for (int i = 0; i < SYSCALLS && !r; i++) {
		double rate = i % 3 ? 0 : 3000.0 / (1 + i);

		snprintf(value, sizeof(value), "syscall_%d", i);
		r |= add(f, SG_HISTOGRAM, "sgprobe_syscall_latency_seconds", "syscall",
			 sg_arena_strdup(f->arena, value), rate);
		r |= add(f, SG_COUNTER, "sgprobe_syscall_calls_total", "syscall",
			 sg_arena_strdup(f->arena, value), rate);
		r |= add(f, SG_COUNTER, "sgprobe_syscall_errors_total", "syscall",
			 sg_arena_strdup(f->arena, value), rate / 50);
	}
	for (int k = 0; k < 3; k++) {
		snprintf(name, sizeof(name), "sgprobe_cgroup_sched_%s_seconds", by[k]);
		for (int i = 0; i < CGROUPS && !r; i++) {
			snprintf(value, sizeof(value), "/system.slice/service-%d.service", i);
			r |= add(f, SG_HISTOGRAM, sg_arena_strdup(f->arena, name), "cgroup",
				 sg_arena_strdup(f->arena, value), i % 3 ? 0 : 400.0 / (1 + i));
		}
		snprintf(name, sizeof(name), "sgprobe_comm_sched_%s_seconds", by[k]);
		for (int i = 0; i < COMMS && !r; i++) {
			/* Comms come and go in the middle. */
			snprintf(value, sizeof(value), "worker-%d", i < 40 ? i : i + shift);
			r |= add(f, SG_HISTOGRAM, sg_arena_strdup(f->arena, name), "comm",
				 sg_arena_strdup(f->arena, value), i % 3 ? 0 : 400.0 / (1 + i));
		}
		snprintf(name, sizeof(name), "sgprobe_sched_%s_seconds", by[k]);
		r |= add(f, SG_HISTOGRAM, sg_arena_strdup(f->arena, name), NULL, NULL, 5000);
	}
	for (int i = 0; i < GAUGES && !r; i++) {
		snprintf(name, sizeof(name), "sgprobe_gauge_%d_bytes", i);
		r |= add(f, SG_GAUGE, sg_arena_strdup(f->arena, name), NULL, NULL, 0);
	}
	return r;
}

static uint64_t written_bytes(void)
{
	sg_auto_buf b = {0};
	const char *p;

	if (sg_read_file("/proc/self/io", 4096, &b) < 0)
		return 0;
	p = strstr(b.data, "wchar:");
	return p ? strtoull(p + 6, NULL, 10) : 0;
}

struct cost {
	double frame_bytes, series, append_max, append_sum, flush_max, flush_sum, key_max;
	uint64_t flushes;
};

static int write_all(struct sg_store *st, int ticks, int churn, struct cost *c)
{
	sg_auto(sg_frame) f = sg_frame_new();
	sg_auto_buf b = {0};
	int r = 0;

	for (int i = 0; i < ticks && !r; i++) {
		uint64_t t;
		double s;

		sg_frame_reset(f);
		f->session = 1;
		f->seq = (uint64_t)i + 1;
		f->t_ms = T0 + i * 1000LL;
		f->span_ns = 1000000000;
		r = fill(f, i, churn);
		sg_buf_reset(&b);
		if (!r)
			r = sg_frame_encode(f, &b);
		c->frame_bytes += (double)b.len / ticks;
		c->series += (double)f->n / ticks;
		t = sg_mono_ns();
		if (!r)
			r = sg_store_append(st, b.data, b.len) == 1 ? 0 : -1;
		s = (double)(sg_mono_ns() - t) / 1e6;
		c->append_sum += s;
		c->append_max = SG_MAX(c->append_max, s);
		if (r || i % 10 != 9)
			continue;
		t = sg_mono_ns();
		r = sg_store_flush(st, true);
		s = (double)(sg_mono_ns() - t) / 1e6;
		c->flush_sum += s;
		c->flush_max = SG_MAX(c->flush_max, s);
		c->flushes++;
		sg_store_maintain(st);
	}
	return r;
}

static int read_once(struct sg_reader *r, const char *what, int seconds, int ticks, bool deltas,
		     size_t n_sels)
{
	static const char *const names[] = {
		"sgprobe_sched_runqueue_latency_seconds",
		"sgprobe_sched_oncpu_seconds",
		"sgprobe_sched_offcpu_seconds",
		"sgprobe_gauge_1_bytes",
		"sgprobe_gauge_2_bytes",
		"sgprobe_gauge_3_bytes",
		"sgprobe_gauge_4_bytes",
		"sgprobe_gauge_5_bytes",
		"sgprobe_syscall_calls_total",
		"sgprobe_syscall_errors_total",
	};
	struct sg_matcher m[ARRAY_SIZE(names)];
	struct sg_selector sels[ARRAY_SIZE(names)];
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_points_set set = {0};
	struct sg_error err = {0};
	int64_t to = T0 + (ticks - 1) * 1000LL, from = to - seconds * 1000LL;
	uint64_t t;
	int e;

	for (size_t i = 0; i < n_sels; i++) {
		m[i] = (struct sg_matcher){SG_MATCH_EQ, "__name__", names[i], NULL};
		sels[i] = (struct sg_selector){1, &m[i]};
		if (sg_selector_compile(&sels[i], &err) < 0)
			return -1;
	}
	t = sg_mono_ns();
	e = deltas ? r->select_deltas(r, sels, n_sels, from, to, NULL, arena, &set, &err)
		   : r->select(r, sels, n_sels, from, to, NULL, arena, &set, &err);
	printf("  %-34s %8.1f ms   %4zu series %8zu samples %6.1f MiB%s%s\n", what,
	       (double)(sg_mono_ns() - t) / 1e6, set.n, set.n_samples,
	       (double)sg_arena_used(arena) / (1 << 20), e ? " error: " : "", e ? err.msg : "");
	return e;
}

static int read_all(const char *dir, struct sg_store *st, int ticks)
{
	sg_auto(sg_reader) r = NULL;
	int e = sg_store_reader(dir, sg_store_head(st), &r, NULL);

	if (e < 0)
		return e;
	for (int round = 0; round < 2; round++) {
		puts(round ? "again:" : "reading:");
		read_once(r, "1 min, 10 selectors", 60, ticks, false, 10);
		read_once(r, "1 min, 1 selector, increases", 60, ticks, true, 1);
		read_once(r, "10 min, 8 selectors of 1 series", 600, ticks, false, 8);
		read_once(r, "10 min, 10 selectors, 668 series", 600, ticks, false, 10);
		if (ticks >= 3600) {
			read_once(r, "1 h, 8 selectors of 1 series", 3600, ticks, false, 8);
			read_once(r, "1 h, 10 selectors, 668 series", 3600, ticks, false, 10);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int ticks = (argc > 1 ? atoi(argv[1]) : 10) * 60, churn = argc > 2 ? atoi(argv[2]) : 0;
	struct sg_store_options o = {
		.data_dir = argc > 3 ? argv[3] : "/tmp/sgb-store-bench",
		.flush_ns = 10000000000ULL,
		.max_bytes = 2ULL << 30,
	};
	struct sg_store *st = NULL;
	struct sg_error err = {0};
	struct sg_store_health h;
	struct cost c = {0};
	uint64_t w0 = written_bytes();

	if (sg_store_open(&o, &st, &err) < 0 || write_all(st, ticks, churn, &c) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	sg_store_health(st, &h);
	printf("%d ticks of %.0f series, frame %.1f KiB, churn %d\n", ticks, c.series,
	       c.frame_bytes / 1024, churn);
	printf("  written %.3f GB a day, file %.3f GB a day (%.1f B per series and tick)\n",
	       (double)(written_bytes() - w0) / ticks * 86400 / 1e9,
	       (double)h.bytes / ticks * 86400 / 1e9, (double)h.bytes / ticks / c.series);
	printf("  append %.3f ms (at most %.3f), flush of 10 %.1f ms (at most %.1f)\n",
	       c.append_sum / ticks, c.append_max, c.flush_sum / (double)c.flushes, c.flush_max);
	read_all(o.data_dir, st, ticks);
	sg_store_close(st);
	return 0;
}
