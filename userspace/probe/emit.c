// SPDX-License-Identifier: GPL-2.0
// From what a drain read to samples of a frame. A series is made once and kept while it lives.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "label.h"
#include "pool.h"
#include "worst.h"

#define NS 1e-9

/* What a series of a domain is called: the metric, and up to four labels. */
struct naming {
	const char *axis, *axis_value; /* NULL: the host's */
	const char *label, *label_value; /* NULL: none */
	const char *label2, *label2_value;
	const char *label3, *label3_value;
};

static struct sg_series *make_series(const struct sg_domain *dom, const struct sg_metric_row *m,
				     const struct naming *n)
{
	char name[SG_NAME_MAX + 1];
	struct sg_label labels[4];
	struct sg_series s;
	size_t k = 0;

	if (n->axis)
		labels[k++] = (struct sg_label){n->axis, n->axis_value};
	if (n->label)
		labels[k++] = (struct sg_label){n->label, n->label_value};
	if (n->label2)
		labels[k++] = (struct sg_label){n->label2, n->label2_value};
	if (n->label3)
		labels[k++] = (struct sg_label){n->label3, n->label3_value};
	snprintf(name, sizeof(name), "sgprobe_%s%s%s_%s", n->axis ? n->axis : "",
		 n->axis ? "_" : "", dom->name, m->name);
	return sg_series_init(&s, m->type, name, labels, k) < 0 ? NULL : sg_series_dup(&s);
}

static int add_hist(struct sg_frame *f, const struct sg_metric_row *m, const struct sg_acc *a)
{
	struct sg_hist h = {.count = (double)a->count,
			    .sum = (double)a->sum_ns * (m->units ? 1 : NS)};
	int32_t first = m->units ? 0 : SG_BUCKET_MIN;
	size_t n = 0;

	if (!a->count)
		return sg_frame_add_hist(f, a->series, &h);
	for (uint32_t i = a->lo; i <= a->hi; i++)
		n += a->buckets[i] != 0;
	h.buckets = sg_arena_alloc(f->arena, n * sizeof(*h.buckets));
	if (!h.buckets)
		return -ENOMEM;
	for (uint32_t i = a->lo; i <= a->hi; i++)
		if (a->buckets[i])
			h.buckets[h.n++] = (struct sg_bucket){(int32_t)i + first, a->buckets[i]};
	return sg_frame_add_hist(f, a->series, &h);
}

static int emit_acc(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		    struct sg_acc *a, const struct naming *n)
{
	int r;

	if (!a->series)
		a->series = make_series(d->loaded->domain, m, n);
	if (!a->series)
		return -ENOMEM;
	r = add_hist(f, m, a);
	if (r == 0 && a->worst.ns && !m->units)
		sg_worsts_add(d->worsts, &a->worst, a->series, n->axis != NULL, f);
	return r;
}

static const char *label_value(const struct sg_drain *d, const struct sg_metric_row *m,
			       unsigned int i)
{
	return m->value_of ? m->value_of(d->loaded->state, i) : m->value(i);
}

static struct naming host_name(const struct sg_drain *d, const struct sg_metric_row *m,
			       unsigned int i)
{
	struct naming n = {0};

	if (m->label) {
		n.label = m->label;
		n.label_value = label_value(d, m, i);
	}
	return n;
}

static bool is_live(const struct sg_drain *d, uint64_t used_tick)
{
	return used_tick && d->slots->tick - used_tick <= SG_IDLE_TICKS;
}

static double scaled(const struct sg_metric_row *m, uint64_t n)
{
	return (double)n * (m->pages ? (double)sysconf(_SC_PAGESIZE) : 1);
}

static bool make_counts(struct sg_acc *a, size_t n)
{
	struct sg_acc_count *each;

	if (a->n_each >= n)
		return true;
	each = reallocarray(a->each, n, sizeof(*each));
	if (!each)
		return false;
	memset(each + a->n_each, 0, (n - a->n_each) * sizeof(*each));
	a->each = each;
	a->n_each = n;
	return true;
}

/* A series per count. */
static int emit_each(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		     unsigned int i, struct sg_acc *a, const struct naming *n)
{
	struct sg_acc_count *c;
	size_t at = m->first + i;

	if (!make_counts(a, at + 1))
		return -ENOMEM;
	c = &a->each[at];
	if (a->buckets[at])
		c->used_tick = d->slots->tick;
	if ((m->sparse || n->axis) && !is_live(d, c->used_tick))
		return 0;
	if (!c->series)
		c->series = make_series(d->loaded->domain, m, n);
	return c->series ? sg_frame_add_value(f, c->series, scaled(m, a->buckets[at])) : -ENOMEM;
}

static double cell_scale(const struct sg_metric_row *m)
{
	return m->units ? 1 : NS;
}

/* What cells of slots have counted. */
static int emit_sum(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		    struct sg_acc *a, const struct naming *n)
{
	if (!is_live(d, a->used_tick))
		return 0;
	if (!a->series)
		a->series = make_series(d->loaded->domain, m, n);
	return a->series ? sg_frame_add_value(f, a->series, (double)a->sum_ns * cell_scale(m))
			 : -ENOMEM;
}

static int emit_one(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		    unsigned int i, struct sg_acc *a, const struct naming *n)
{
	if (m->from == SG_FROM_CELLS)
		return emit_sum(d, f, m, a, n);
	return m->from == SG_FROM_TALLY ? emit_each(d, f, m, i, a, n) : emit_acc(d, f, m, a, n);
}

/* The metric's dimension rows: signal of every value of every dimension that has counted it. */
static int emit_dims(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		     unsigned int label, size_t signal, struct naming n)
{
	int r = 0;

	for (size_t a = 0; a < SG_AXES; a++) {
		const struct sg_axis_values *ax = &d->slots->axes[a];

		if (!(m->dims & (1u << a)))
			continue;
		for (size_t i = 0; r == 0 && i < ax->n; i++) {
			struct sg_sums *s = ax->values[i]->sums[d->index];

			n.axis = ax->label;
			n.axis_value = ax->values[i]->name;
			if (s && s->acc[signal])
				r = emit_one(d, f, m, label, s->acc[signal], &n);
		}
	}
	return r;
}

static int emit_signal(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		       unsigned int i)
{
	size_t signal = m->from == SG_FROM_TALLY ? m->by : m->first + i;
	struct naming n = host_name(d, m, i);
	struct sg_acc **at = &d->host[signal];
	int r;

	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	r = emit_one(d, f, m, i, *at, &n);
	return r < 0 ? r : emit_dims(d, f, m, i, signal, n);
}

static int emit_block(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		      unsigned int i)
{
	struct naming n = host_name(d, m, i);
	struct sg_acc **at = &d->blocks[m->first + i];
	int r = 0;

	if (!*at && !m->sparse)
		*at = calloc(1, sizeof(**at));
	if (*at && (!m->sparse || is_live(d, (*at)->used_tick)))
		r = emit_acc(d, f, m, *at, &n);
	if (r == 0 && i == 0 && m->dims)
		r = emit_dims(d, f, m, 0, m->by, (struct naming){0});
	return r;
}

static int emit_value(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		      unsigned int i, struct sg_series **at, double v)
{
	struct naming n = host_name(d, m, i);

	if (!*at)
		*at = make_series(d->loaded->domain, m, &n);
	return *at ? sg_frame_add_value(f, *at, v) : -ENOMEM;
}

static int emit_counter(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
			unsigned int i)
{
	size_t c = m->first + i, plus = m->plus + i;
	bool live =
		is_live(d, d->counter_tick[c]) || (m->plus && is_live(d, d->counter_tick[plus]));

	if (m->sparse && !live)
		return 0;
	return emit_value(d, f, m, i, &d->counter_series[c],
			  scaled(m, d->counted[c] + (m->plus ? d->counted[plus] : 0)));
}

/* What was read of all parts so far is the sum since the start. */
static int emit_level(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		      unsigned int i)
{
	size_t c = m->first + i, parts = (size_t)SG_BANKS * d->slots->shared->shards;
	uint64_t sum = 0;

	for (size_t part = 0; part < parts; part++)
		sum += d->prev_counters[part * d->loaded->domain->counters + c];
	/* An arrival may still be in flight when the departure has been read. */
	return emit_value(d, f, m, i, &d->counter_series[c], (int64_t)sum > 0 ? (double)sum : 0);
}

static int emit_count(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		      unsigned int i)
{
	const struct sg_acc *a = d->blocks[m->first + i];
	size_t c = m->plus + i;
	bool live = (a && is_live(d, a->used_tick)) || (m->plus && is_live(d, d->counter_tick[c]));

	if (m->sparse && !live)
		return 0;
	return emit_value(d, f, m, i, &d->count_series[m->first + i],
			  (double)(a ? a->count : 0) + (double)(m->plus ? d->counted[c] : 0));
}

/* ---- of the pool ---- */

static struct naming key_name(const struct sg_metric_row *m, const struct sg_pool_item *it,
			      struct sg_key_labels *out)
{
	struct naming n = {.label = m->label, .label2 = m->label2, .label3 = m->label3};
	char name[SG_LABEL_VALUE_MAX + 1];

	sg_label_clean(name, sizeof(name), it->name, strnlen(it->name, sizeof(it->name)));
	memset(out, 0, sizeof(*out));
	if (it->key.kind == SG_KEY_LABELS)
		m->key(&it->key, name, out);
	for (size_t i = 0; i < ARRAY_SIZE(out->value); i++)
		if (!out->value[i][0])
			strcpy(out->value[i], "other");
	n.label_value = out->value[0];
	n.label2_value = out->value[1];
	n.label3_value = out->value[2];
	return n;
}

static int emit_keys(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		     unsigned int i)
{
	struct sg_pool *p = d->pool;
	int r = 0;

	for (uint32_t at = 0; r == 0 && (at = sg_pool_next_row(p, d->index, m->first + i, at));) {
		struct sg_acc *a = p->drain->blocks[at];
		struct sg_key_labels labels;
		struct naming n;

		if (!a || !is_live(d, a->used_tick))
			continue;
		n = key_name(m, &p->rows[at], &labels);
		r = emit_acc(d, f, m, a, &n);
	}
	if (r == 0 && i == 0 && m->dims)
		r = emit_dims(d, f, m, 0, m->by, (struct naming){0});
	return r;
}

/* The count of a key's histogram, or its sum, as a counter. */
static int emit_key_total(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
			  unsigned int i)
{
	bool sum = m->from == SG_FROM_KEY_SUM;
	double scale = m->units ? 1 : NS;
	struct sg_pool *p = d->pool;
	int r = 0;

	for (uint32_t at = 0; r == 0 && (at = sg_pool_next_row(p, d->index, m->first + i, at));) {
		struct sg_series **s =
			sum ? &p->drain->sum_series[at] : &p->drain->count_series[at];
		const struct sg_acc *a = p->drain->blocks[at];
		struct sg_key_labels labels;
		struct naming n;

		if (!a || !is_live(d, a->used_tick))
			continue;
		n = key_name(m, &p->rows[at], &labels);
		if (!*s)
			*s = make_series(d->loaded->domain, m, &n);
		r = *s ? sg_frame_add_value(f, *s,
					    sum ? (double)a->sum_ns * scale : (double)a->count)
		       : -ENOMEM;
	}
	return r;
}

static int emit_cells(struct sg_drain *d, struct sg_frame *f, const struct sg_metric_row *m,
		      unsigned int i)
{
	struct sg_pool *p = d->pool;
	int r = 0;

	for (uint32_t at = 0; r == 0 && (at = sg_pool_next_cell(p, d->index, m->first + i, at));) {
		struct sg_series **s = &p->drain->counter_series[at];
		struct sg_key_labels labels;
		struct naming n;

		if (!is_live(d, p->drain->counter_tick[at]))
			continue;
		n = key_name(m, &p->cells[at], &labels);
		if (!*s)
			*s = make_series(d->loaded->domain, m, &n);
		r = *s ? sg_frame_add_value(f, *s, (double)p->drain->counted[at] * cell_scale(m))
		       : -ENOMEM;
	}
	if (r == 0 && i == 0 && m->dims)
		r = emit_dims(d, f, m, 0, m->by, (struct naming){0});
	return r;
}

int sg_drain_emit(struct sg_drain *d, struct sg_frame *f)
{
	static int (*const emit[])(struct sg_drain *, struct sg_frame *,
				   const struct sg_metric_row *, unsigned int) = {
		[SG_FROM_SIGNAL] = emit_signal,
		[SG_FROM_BLOCKS] = emit_block,
		[SG_FROM_COUNTER] = emit_counter,
		[SG_FROM_BLOCK_COUNT] = emit_count,
		[SG_FROM_LEVEL] = emit_level,
		[SG_FROM_KEYS] = emit_keys,
		[SG_FROM_KEY_COUNT] = emit_key_total,
		[SG_FROM_KEY_SUM] = emit_key_total,
		[SG_FROM_CELLS] = emit_cells,
		[SG_FROM_TALLY] = emit_signal,
		[SG_FROM_PAIRS] = NULL,
		[SG_FROM_TICK] = NULL,
	};
	const struct sg_domain *dom = d->loaded->domain;
	int r = 0;

	sg_worsts_domain(d->worsts, f);
	for (size_t i = 0; i < dom->n_metrics; i++) {
		const struct sg_metric_row *m = &dom->metrics[i];
		unsigned int n = m->n ? m->n : 1;

		for (unsigned int j = 0; r == 0 && emit[m->from] && j < n; j++)
			if (m->key || !m->label || label_value(d, m, j))
				r = emit[m->from](d, f, m, j);
	}
	sg_worsts_follow(d->worsts, d);
	sg_drain_clear(d);
	return r;
}
