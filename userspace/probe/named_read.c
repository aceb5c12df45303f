// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sgprobe/metric.h>

#include "domain.h"
#include "label.h"
#include "named_read.h"

static const struct sg_metric_info metrics[] = {
	{"sgprobe_probe_calls_total", "Calls", "Calls of what a named probe watches.", "", "probe",
	 "named", NULL, NULL, SG_COUNTER},
	{"sgprobe_probe_latency_seconds", "Call latency",
	 "Time from the entry of a function that a named probe watches to its return.", "seconds",
	 "probe", "named", NULL, NULL, SG_HISTOGRAM},
	{"sgprobe_probe_arg_calls_total", "Calls by argument",
	 "Calls of what a named probe watches, by the value of the argument that it names.", "",
	 "arg,probe", "named", NULL, NULL, SG_COUNTER},
	{"sgprobe_probe_arg_latency_seconds", "Call latency by argument",
	 "Time from entry to return, by the value that the argument had at the entry.", "seconds",
	 "arg,probe", "named", NULL, NULL, SG_HISTOGRAM},
	{"sgprobe_probe_untimed_total", "Calls without a time",
	 "Calls that were counted but not timed: too many inside one another (depth), too many at a "
	 "time (full), or left another way than by returning (left).",
	 "", "probe,reason", "named", NULL, NULL, SG_COUNTER},
	{"sgprobe_probe_up", "Named probe state",
	 "1 when the named probe is attached, 0 when it was taken off.", "", "probe", "named", NULL,
	 NULL, SG_GAUGE},
};
const struct sg_metric_table sg_named_metrics = {metrics, ARRAY_SIZE(metrics)};

static const char *const losses[SG_NAMED_LOSSES] = {"depth", "full", "left"};

struct sum {
	uint64_t calls, count, ns;
	uint32_t buckets[SG_BUCKETS];
};

struct sg_named_reader {
	struct sg_named_cell *cells;
	size_t bytes;
	uint32_t probes;
	double cost_ns;
	struct sum sums[SG_NAMED_ROWS], total;
	char labels[SG_NAMED_ROWS][SG_LABEL_VALUE_MAX + 1];
};

int sg_named_reader_new(int fd, uint32_t probes, struct sg_named_reader **ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sg_named_reader *r = calloc(1, sizeof(*r));
	int e = r ? 0 : -ENOMEM;

	if (r) {
		r->probes = SG_MIN(probes, (uint32_t)SG_NAMED_MAX);
		r->bytes = (SG_NAMED_CELLS(r->probes) * sizeof(*r->cells) + page - 1) / page * page;
		r->cells = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (r->cells == MAP_FAILED) {
			e = -errno;
			free(sg_take(r));
		}
	}
	close(fd);
	*ret = r;
	return e;
}

void sg_named_reader_free(struct sg_named_reader *r)
{
	if (!r)
		return;
	munmap(r->cells, r->bytes);
	free(r);
}

double sg_named_cost(const struct sg_named_reader *r)
{
	return r ? r->cost_ns : 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The row last: its buckets are then no more than its calls, but for those under way. */
static void read_row(struct sg_named_row *row, struct sum *s)
{
	uint64_t ns = __atomic_load_n(&row->sum_ns, __ATOMIC_ACQUIRE), calls;

	s->ns += ns - row->seen_sum_ns;
	row->seen_sum_ns = ns;
	for (uint32_t i = 0; i < SG_BUCKETS; i++) {
		uint32_t now = __atomic_load_n(&row->buckets[i], __ATOMIC_RELAXED);

		s->buckets[i] += now - row->seen[i];
		s->count += now - row->seen[i];
		row->seen[i] = now;
	}
	calls = __atomic_load_n(&row->calls, __ATOMIC_RELAXED);
	s->calls += calls - row->seen_calls;
	row->seen_calls = calls;
}

static void add_sum(struct sum *to, const struct sum *s)
{
	to->calls += s->calls;
	to->count += s->count;
	to->ns += s->ns;
	for (uint32_t i = 0; i < SG_BUCKETS; i++)
		to->buckets[i] += s->buckets[i];
}

static void label_of(const struct sg_named_head *h, const struct sg_named_row *row, uint32_t i,
		     char *out, size_t n)
{
	long long v = (long long)row->value[0];

	if (i == 0)
		snprintf(out, n, "other");
	else if (h->value == SG_NAMED_NUMBER)
		snprintf(out, n, h->is_signed ? "%lld" : "%llu", v);
	else
		sg_label_clean(out, n, (const char *)row->value,
			       strnlen((const char *)row->value, sizeof(row->value)));
	if (!*out)
		snprintf(out, n, "(empty)");
}

/* Two values that are written alike are one: a series comes once in a frame. */
static uint32_t same_label(const struct sg_named_reader *r, uint32_t i)
{
	uint32_t j = 0;

	while (j < i && strcmp(r->labels[j], r->labels[i]) != 0)
		j++;
	return j;
}

static void read_rows(struct sg_named_reader *r, uint32_t probe, const struct sg_named_head *h)
{
	memset(&r->total, 0, sizeof(r->total));
	memset(r->sums, 0, sizeof(r->sums));
	for (uint32_t i = 0; i < SG_NAMED_ROWS; i++) {
		struct sg_named_row *row = &r->cells[sg_named_row_at(probe, i)].row;
		struct sum one = {0};

		r->labels[i][0] = 0;
		if (i && !__atomic_load_n(&row->used, __ATOMIC_ACQUIRE))
			continue;
		read_row(row, &one);
		label_of(h, row, i, r->labels[i], sizeof(r->labels[i]));
		add_sum(&r->total, &one);
		add_sum(&r->sums[same_label(r, i)], &one);
		if (same_label(r, i) != i)
			r->labels[i][0] = 0;
	}
}

/* ---- reporting ---------------------------------------------------------------------------------- */

struct out {
	struct sg_frame *f;
	const char *probe;
};

static struct sg_series *series(const struct out *o, enum sg_type type, const char *name,
				const char *label, const char *value)
{
	struct sg_label labels[2] = {{"probe", o->probe}, {label, value}};
	struct sg_series s;

	if (sg_series_init(&s, type, name, labels, label ? 2 : 1) < 0)
		return NULL;
	return sg_series_copy(o->f->arena, &s);
}

static int put(const struct out *o, enum sg_type type, const char *name, const char *label,
	       const char *value, double v)
{
	struct sg_series *s = series(o, type, name, label, value);

	return s ? sg_frame_add_value(o->f, s, v) : -ENOMEM;
}

static int put_hist(const struct out *o, const char *name, const char *label, const char *value,
		    const struct sum *sum)
{
	struct sg_series *s = series(o, SG_HISTOGRAM, name, label, value);
	struct sg_hist h = {.count = (double)sum->count, .sum = (double)sum->ns * 1e-9};
	size_t n = 0;

	for (uint32_t i = 0; i < SG_BUCKETS; i++)
		n += sum->buckets[i] != 0;
	h.buckets = sg_arena_alloc(o->f->arena, (n + 1) * sizeof(*h.buckets));
	if (!s || !h.buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < SG_BUCKETS; i++)
		if (sum->buckets[i])
			h.buckets[h.n++] =
				(struct sg_bucket){(int32_t)i + SG_BUCKET_MIN, sum->buckets[i]};
	return sg_frame_add_hist(o->f, s, &h);
}

static int put_values(const struct sg_named_reader *r, const struct out *o, bool timed)
{
	int e = 0;

	for (uint32_t i = 0; e == 0 && i < SG_NAMED_ROWS; i++) {
		if (!r->labels[i][0])
			continue;
		e = put(o, SG_COUNTER, "sgprobe_probe_arg_calls_total", "arg", r->labels[i],
			(double)r->sums[i].calls);
		if (e == 0 && timed)
			e = put_hist(o, "sgprobe_probe_arg_latency_seconds", "arg", r->labels[i],
				     &r->sums[i]);
	}
	return e;
}

static int put_losses(const struct out *o, struct sg_named_head *h)
{
	int e = 0;

	for (int i = 0; e == 0 && i < SG_NAMED_LOSSES; i++) {
		uint64_t now = __atomic_load_n(&h->lost[i], __ATOMIC_RELAXED);

		e = put(o, SG_COUNTER, "sgprobe_probe_untimed_total", "reason", losses[i],
			(double)(now - h->seen[i]));
		h->seen[i] = now;
	}
	return e;
}

static int report(struct sg_named_reader *r, struct sg_named_head *h, const struct out *o)
{
	int e = put(o, SG_GAUGE, "sgprobe_probe_up", NULL, NULL, !h->off);

	if (e == 0)
		e = put(o, SG_COUNTER, "sgprobe_probe_calls_total", NULL, NULL,
			(double)r->total.calls);
	if (e == 0 && h->timed)
		e = put_hist(o, "sgprobe_probe_latency_seconds", NULL, NULL, &r->total);
	if (e == 0 && h->timed)
		e = put_losses(o, h);
	if (e == 0 && h->value != SG_NAMED_NONE)
		e = put_values(r, o, h->timed);
	return e;
}

/* A probe that has the name of one before it would be a series twice. */
static bool is_known(const struct sg_named_reader *r, uint32_t probe)
{
	const struct sg_named_head *h = &r->cells[probe].head;

	for (uint32_t i = 0; i < probe; i++)
		if (r->cells[i].head.id &&
		    strncmp(r->cells[i].head.name, h->name, SG_NAMED_NAME) == 0)
			return true;
	return false;
}

static int read_probe(struct sg_named_reader *r, uint32_t i, uint64_t *id, struct sg_frame *f)
{
	struct sg_named_head *h = &r->cells[i].head;
	char name[SG_NAMED_NAME];
	struct out o = {f, name};

	*id = __atomic_load_n(&h->id, __ATOMIC_ACQUIRE);
	memset(&r->total, 0, sizeof(r->total));
	if (!*id || is_known(r, i))
		return 0;
	sg_label_clean(name, sizeof(name), h->name, strnlen(h->name, sizeof(h->name)));
	read_rows(r, i, h);
	if (__atomic_load_n(&h->id, __ATOMIC_ACQUIRE) != *id)
		return 0; /* another one is made of it just now */
	r->cost_ns += (double)r->total.calls * h->cost_ns;
	return report(r, h, &o);
}

int sg_named_read(struct sg_named_reader *r, uint64_t max_rate, sg_named_hot_cb hot, void *ctx,
		  struct sg_frame *f)
{
	double seconds = (double)SG_MAX(f->span_ns, 1ULL) * 1e-9, rate;
	uint64_t id;
	int e = 0;

	r->cost_ns = 0;
	for (uint32_t i = 0; e == 0 && i < r->probes; i++) {
		e = read_probe(r, i, &id, f);
		rate = (double)r->total.calls / SG_MAX(seconds, 0.5);
		if (e < 0 || rate <= (double)max_rate || r->cells[i].head.off)
			continue;
		r->cells[i].head.off = SG_NAMED_HOT;
		hot(id, rate, ctx);
	}
	return e;
}
