// SPDX-License-Identifier: GPL-2.0
#include "merge.h"

#include <errno.h>
#include <math.h>

void sg_merge_begin(struct sg_merge *m, enum sg_type type, int64_t res_ms)
{
	m->res_ms = res_ms;
	m->started = m->restart = false;
	m->value = 0;
	m->out.type = type;
	m->out.coarse = true;
	m->out.known = false;
	m->out.value = 0;
	m->out.n = m->out.total_buckets = 0;
	sg_hist_clear(&m->out.hist);
	sg_hist_clear(&m->delta);
}

void sg_merge_free(struct sg_merge *m)
{
	sg_samples_free(&m->out);
	sg_hist_free(&m->delta);
	*m = (struct sg_merge){0};
}

/* What was counted before the chunk. One without a past after one with: it starts anew. */
static int take_before(struct sg_merge *m, const struct sg_samples *s)
{
	double value = s->type == SG_HISTOGRAM ? s->hist.sum : s->value;

	m->value = s->known ? value : 0;
	m->restart = m->started && !s->known && s->type != SG_GAUGE;
	if (m->started)
		return 0;
	m->started = true;
	m->out.known = s->known;
	m->out.last_ms = s->last_ms;
	m->out.value = s->value;
	return s->known ? sg_hist_copy(&m->out.hist, &s->hist) : 0;
}

/* The buckets of the last sample are known. */
static int close_sample(struct sg_merge *m)
{
	int r = 0;

	if (!m->out.n || m->out.type != SG_HISTOGRAM)
		return 0;
	for (uint32_t i = 0; i < m->delta.n && !r; i++)
		r = sg_samples_add_bucket(&m->out, m->delta.buckets[i].index,
					  m->delta.buckets[i].count);
	sg_hist_clear(&m->delta);
	return r;
}

static int open_sample(struct sg_merge *m, int64_t bucket, int64_t from_ms)
{
	int r = close_sample(m);
	size_t i;

	if (!r)
		r = sg_samples_grow(&m->out);
	if (r < 0)
		return r;
	i = m->out.n - 1;
	m->bucket = bucket;
	m->out.t_ms[i] = from_ms;
	m->out.span_ms[i] = 0;
	m->out.min[i] = INFINITY;
	m->out.max[i] = -INFINITY;
	m->out.sum[i] = 0;
	m->out.n_ticks[i] = 0;
	return 0;
}

static void add_gauge(struct sg_merge *m, const struct sg_samples *s, size_t i)
{
	struct sg_samples *o = &m->out;
	size_t k = o->n - 1;

	o->v[k] = s->v[i];
	o->min[k] = fmin(o->min[k], s->coarse ? s->min[i] : s->v[i]);
	o->max[k] = fmax(o->max[k], s->coarse ? s->max[i] : s->v[i]);
	o->sum[k] += s->coarse ? s->sum[i] : s->v[i];
	o->n_ticks[k] = SG_MIN(o->n_ticks[k] + (s->coarse ? s->n_ticks[i] : 1), SG_CHUNK_MAX_TICKS);
}

static double go_on(double value, double more)
{
	return isfinite(value + more) ? value + more : 0;
}

static int add_sample(struct sg_merge *m, const struct sg_samples *s, size_t i,
		      const struct sg_bucket *b)
{
	struct sg_hist h = {.buckets = (struct sg_bucket *)b};

	if (s->type == SG_GAUGE) {
		add_gauge(m, s, i);
		return 0;
	}
	m->value = s->coarse ? s->v[i] : go_on(m->value, s->v[i]);
	m->out.v[m->out.n - 1] = m->value;
	if (s->type != SG_HISTOGRAM)
		return 0;
	h.n = (uint32_t)s->n_buckets[i];
	return sg_hist_add(&m->delta, &h);
}

/* The sample that the i-th of s is part of is the last one, and ends with it. */
static int reach(struct sg_merge *m, const struct sg_samples *s, size_t i)
{
	int64_t bucket = sg_merge_bucket(s->t_ms[i], m->res_ms), more;
	struct sg_samples *o = &m->out;

	m->restart |= s->span_ms[i] < 0;
	if (!o->n || m->restart || bucket != m->bucket || s->t_ms[i] < o->t_ms[o->n - 1]) {
		int r = open_sample(m, bucket, s->t_ms[i]);

		if (r < 0)
			return r;
		o->span_ms[o->n - 1] = llabs(s->span_ms[i]) * (m->restart ? -1 : 1);
		m->restart = false;
	}
	more = s->t_ms[i] - o->t_ms[o->n - 1];
	o->span_ms[o->n - 1] += o->span_ms[o->n - 1] < 0 ? -more : more;
	o->t_ms[o->n - 1] = s->t_ms[i];
	return 0;
}

int sg_merge_add(struct sg_merge *m, const struct sg_samples *s)
{
	const struct sg_bucket *b = s->buckets;
	int r = s->type == m->out.type ? take_before(m, s) : -EBADMSG;

	for (size_t i = 0; i < s->n && !r; i++) {
		r = reach(m, s, i);
		if (!r)
			r = add_sample(m, s, i, b);
		if (s->type == SG_HISTOGRAM && s->n_buckets[i])
			b += s->n_buckets[i];
	}
	return r;
}

int sg_merge_end(struct sg_merge *m)
{
	return close_sample(m);
}
