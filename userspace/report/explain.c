// SPDX-License-Identifier: GPL-2.0
/* One metric of the host: which values of which dimension explain how it differs. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/query.h>

#include "explain.h"

#define PARTS_MAX 5000 /* of a dimension; more are added up in one */
#define QUANTILE 0.99
#define RESIDUE "(not told apart)" /* of the host, and of no value of the dimension */
#define MORE "(more values)"

/* ---- what is asked -------------------------------------------------------------------------- */

static void add_dim(struct explain *x, const char *label, const char *metric)
{
	struct explain_dim *d = &x->dims[x->n_dims];

	if (x->n_dims == EXPLAIN_DIMS_MAX)
		return;
	d->label = sg_arena_strdup(x->arena, label);
	snprintf(d->metric, sizeof(d->metric), "%s", metric);
	x->n_dims += d->label != NULL;
}

static int find_metric(const struct sg_metric_info *m, void *ctx)
{
	struct explain *x = ctx;

	if (!m->of && !strcmp(m->name, x->name)) {
		x->info = *m;
		x->info.name = x->name;
		x->info.label = m->label ? sg_arena_strdup(x->arena, m->label) : NULL;
	}
	if (m->of && m->dim && !strcmp(m->of, x->name))
		add_dim(x, m->dim, m->name);
	return 0;
}

static void add_natural(struct explain *x)
{
	char label[SG_NAME_MAX + 1];

	for (const char *p = x->info.label; p && *p; p += strcspn(p, ","), p += *p == ',') {
		snprintf(label, sizeof(label), "%.*s", (int)strcspn(p, ","), p);
		add_dim(x, label, x->name);
	}
}

static int parse(struct explain *x, struct sg_error *err)
{
	const char *name;
	int r = sg_query_selector(x->o->metric, x->arena, &x->sel, err);

	if (r < 0)
		return r;
	name = sg_selector_name(&x->sel);
	if (!name || strlen(name) > SG_NAME_MAX)
		return sg_fail(err, -EINVAL,
			       "name one metric, for example "
			       "sgprobe_sched_runqueue_latency_seconds");
	strcpy(x->name, name);
	sg_metrics_each(find_metric, x);
	add_natural(x);
	if (!x->info.name)
		return sg_fail(err, -ENOENT,
			       "there is no metric %.100s of the host; sgprobe probes lists them",
			       x->name);
	if (x->info.type == SG_GAUGE)
		return sg_fail(err, -EINVAL,
			       "%.100s is a reading: only histograms and counters can be "
			       "split into who added what",
			       x->name);
	if (!x->n_dims)
		return sg_fail(err, -EINVAL, "%.100s is not told apart by anything", x->name);
	return 0;
}

/* ---- gathering ------------------------------------------------------------------------------ */

struct key {
	const struct explain_dim *dim;
	const char *value;
};
struct entry {
	struct key key;
	struct explain_part part;
};

static int entry_eq(const void *a, const void *b)
{
	const struct key *x = &((const struct entry *)a)->key, *y = b;

	return x->dim == y->dim && !strcmp(x->value, y->value);
}

static struct explain_part *find_part(struct explain *x, struct explain_dim *d, const char *value)
{
	struct key k = {d, value};
	uint64_t h = sg_hash_str(value, (uint64_t)(d - x->dims));
	struct entry *e = sg_map_get(x->map, h, &k);

	if (!e && d->n >= PARTS_MAX && strcmp(value, MORE) != 0 && strcmp(value, RESIDUE) != 0)
		return find_part(x, d, MORE);
	if (e)
		return &e->part;
	e = sg_arena_zalloc(x->arena, sizeof(*e));
	if (!e || SG_GROW(d->parts, d->cap, d->n) < 0)
		return NULL;
	e->key = (struct key){d, sg_arena_strdup(x->arena, value)};
	e->part.value = e->key.value;
	if (!e->key.value || sg_map_put(x->map, h, e) < 0)
		return NULL;
	d->parts[d->n++] = &e->part;
	return &e->part;
}

/* A counter is an amount without a distribution: its events are not known. */
static int add_sample(struct explain *x, struct explain_part *to, const struct sg_points *p,
		      size_t i, size_t which)
{
	size_t block = window_block(&x->cut[which], p->t_ms[i]);

	if (p->series.type != SG_HISTOGRAM) {
		to->in[which].sum += p->values[i];
		to->sum[which][block] += p->values[i];
		return 0;
	}
	to->sum[which][block] += p->hists[i].sum;
	if (to == &x->host) {
		int r = sg_hist_add(&x->blocks[which][block], &p->hists[i]);

		if (r < 0)
			return r;
	}
	return sg_hist_add(&to->in[which], &p->hists[i]);
}

static int add_to(struct explain *x, struct explain_part *to, const struct sg_points *p,
		  size_t which)
{
	int r = to ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < p->n; i++)
		r = add_sample(x, to, p, i, which);
	return r;
}

static int add_points(void *ctx, const struct sg_points *p, size_t which)
{
	struct explain *x = ctx;
	int r = 0;

	if (p->series.type != x->info.type)
		return 0;
	if (!strcmp(p->series.name, x->name))
		r = add_to(x, &x->host, p, which);
	for (size_t i = 0; !r && i < x->n_dims; i++) {
		struct explain_dim *d = &x->dims[i];

		if (!strcmp(p->series.name, d->metric))
			r = add_to(x, find_part(x, d, sg_series_label(&p->series, d->label)), p,
				   which);
	}
	return r;
}

static const char *pattern(struct explain *x)
{
	sg_auto_buf b = {0};

	sg_buf_str(&b, x->name);
	for (size_t i = 0; i < x->n_dims; i++)
		if (strcmp(x->dims[i].metric, x->name) != 0)
			sg_buf_printf(&b, "|%s", x->dims[i].metric);
	return b.err ? NULL : sg_arena_strdup(x->arena, b.data);
}

/* The metric's and its dimensions' series, with the labels that were asked for. */
static int gather(struct explain *x, struct sg_reader *r, struct sg_error *err)
{
	/* A reading of every tick, which tells the seconds that were watched also where nothing happened. */
	struct sg_matcher always = {SG_MATCH_EQ, "__name__", "sgprobe_cpu_online", NULL};
	struct sg_selector sels[2] = {{0}, {1, &always}};
	int k;

	for (size_t i = 0; i < x->sel.n; i++) {
		struct sg_matcher *m = &x->sel.matchers[i];

		if (m->op == SG_MATCH_EQ && !strcmp(m->name, "__name__")) {
			m->op = SG_MATCH_RE;
			m->value = pattern(x);
			if (!m->value)
				return -ENOMEM;
		}
	}
	k = sg_selector_compile(&x->sel, err);
	if (k < 0)
		return k;
	sels[0] = x->sel;
	k = window_read(r, sels, 2, x->cut, x->o->deadline_ns, add_points, x, err);
	sg_selector_release(&x->sel);
	return k;
}

/* ---- computing ------------------------------------------------------------------------------ */

static void drop_negative(struct sg_hist *h)
{
	uint32_t n = 0;

	h->count = 0;
	for (uint32_t i = 0; i < h->n; i++)
		if (h->buckets[i].count > 0) {
			h->buckets[n++] = h->buckets[i];
			h->count += h->buckets[i].count;
		}
	h->n = n;
	h->sum = fmax(h->sum, 0);
}

/*
 * What the host has more than all values together becomes a part, so that parts make the whole
 * also where a dimension was not told for a while.
 */
static int add_residue(struct explain *x, struct explain_dim *d)
{
	struct explain_part *rest = find_part(x, d, RESIDUE);
	int r = rest ? 0 : -ENOMEM;

	for (size_t w = 0; !r && w < 2; w++) {
		r = sg_hist_add(&rest->in[w], &x->host.in[w]);
		memcpy(rest->sum[w], x->host.sum[w], sizeof(rest->sum[w]));
		for (size_t i = 0; !r && i < d->n; i++) {
			if (d->parts[i] == rest)
				continue;
			r = sg_hist_sub(&rest->in[w], &d->parts[i]->in[w]);
			for (size_t k = 0; k < x->cut[w].n; k++)
				rest->sum[w][k] -= d->parts[i]->sum[w][k];
		}
		drop_negative(&rest->in[w]);
	}
	return r;
}

static int test_part(const struct explain *x, struct explain_part *p)
{
	const struct sg_blocks before = {x->cut[0].n, 1, x->cut[0].watched, p->sum[0]};
	const struct sg_blocks after = {x->cut[1].n, 1, x->cut[1].watched, p->sum[1]};
	struct sg_shift_test t;
	int r = sg_shift_test(&before, &after, &t);

	p->p = t.p;
	return r;
}

enum sg_measure explain_measure(const struct explain *x)
{
	return x->info.type == SG_COUNTER ? SG_BY_TIME : x->o->by;
}

/* Most of the difference in one value says most; a dimension of one value says nothing. */
static double score(const struct explain *x, const struct explain_dim *d)
{
	double most = 0;
	size_t told = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct explain_part *p = d->parts[i];
		bool named = *p->value && strcmp(p->value, RESIDUE) != 0 &&
			     strcmp(p->value, "other") != 0;
		double share = p->result->share[explain_measure(x)];

		told += p->in[0].sum + p->in[1].sum > 0 || p->in[0].count + p->in[1].count > 0;
		if (named && isfinite(share))
			most = fmax(most, fmin(share, 1));
	}
	return told > 1 ? most : -1;
}

static int compute_dim(struct explain *x, struct explain_dim *d)
{
	int r = add_residue(x, d);

	d->e = (struct sg_explain){.seconds = {x->cut[0].seconds, x->cut[1].seconds},
				   .q = x->o->q > 0 ? x->o->q : QUANTILE,
				   .threshold = x->o->threshold};
	d->results = sg_arena_zalloc(x->arena, (d->n + 1) * sizeof(*d->results));
	if (r < 0 || !d->results)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; !r && i < d->n; i++) {
		for (size_t w = 0; w < 2; w++) /* borrowed */
			d->results[i].in[w] = d->parts[i]->in[w];
		d->parts[i]->result = &d->results[i];
		r = test_part(x, d->parts[i]);
	}
	if (!r)
		r = sg_explain(&d->e, d->results, d->n);
	d->score = score(x, d);
	return r;
}

static int compute(struct explain *x)
{
	int r = 0;

	if (x->info.type == SG_HISTOGRAM)
		r = sg_compare_hists(x->blocks[0], x->cut[0].n, x->blocks[1], x->cut[1].n,
				     &x->shift);
	for (size_t i = 0; !r && i < x->n_dims; i++)
		r = compute_dim(x, &x->dims[i]);
	return r;
}

static void release(struct explain *x)
{
	for (size_t w = 0; w < 2; w++) {
		sg_hist_free(&x->host.in[w]);
		for (size_t k = 0; k < WINDOW_BLOCKS_MAX; k++)
			sg_hist_free(&x->blocks[w][k]);
	}
	for (size_t i = 0; i < x->n_dims; i++) {
		for (size_t k = 0; k < x->dims[i].n; k++)
			for (size_t w = 0; w < 2; w++)
				sg_hist_free(&x->dims[i].parts[k]->in[w]);
		free(x->dims[i].parts);
	}
	sg_map_free(x->map);
	sg_arena_free(x->arena);
	free(x);
}

int sg_explain_json(struct sg_reader *r, const struct sg_explain_options *o, struct sg_buf *out,
		    struct sg_error *err)
{
	struct explain *x = calloc(1, sizeof(*x));
	int k;

	if (!x)
		return -ENOMEM;
	x->o = o;
	x->arena = sg_arena_new(256UL << 20);
	x->map = sg_map_new(entry_eq);
	k = x->arena && x->map ? window_cut(o->window, x->cut, err) : -ENOMEM;
	if (!k)
		k = parse(x, err);
	if (!k)
		k = gather(x, r, err);
	if (!k)
		k = compute(x);
	if (!k)
		explain_put(out, x);
	release(x);
	return k;
}
