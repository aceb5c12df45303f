// SPDX-License-Identifier: GPL-2.0
/* Every series of the host, compared between two windows. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "document.h"
#include "window.h"

#define SERIES_MAX 8000
#define LIMIT 40
#define LIMIT_MAX 1000
#define SURE 0.01 /* share of false ones among those that are called so */
#define EFFECT_MIN 0.32192809488736235 /* octaves: a factor of 1.25 */
#define EFFECT_ENOUGH 4.0 /* octaves beyond which more is not worse */

struct tracked {
	struct sg_series *series;
	const struct sg_metric_info *info;
	struct sg_hist *hists[2]; /* histograms: one a block */
	double sum[2][WINDOW_BLOCKS_MAX], readings[2][WINDOW_BLOCKS_MAX];
	struct sg_shift shift;
	double q, score;
	bool significant;
};

struct diff {
	struct sg_arena *arena;
	struct sg_map *metrics; /* by name: of the host, and not of sgprobe itself */
	struct sg_map *map;
	struct window_cut cut[2];
	struct tracked **all;
	size_t n, cap, left_out, tested;
};

/* ---- the catalogue ------------------------------------------------------------------------ */

static int info_eq(const void *entry, const void *key)
{
	return !strcmp(((const struct sg_metric_info *)entry)->name, key);
}

static int take_metric(const struct sg_metric_info *m, void *ctx)
{
	struct diff *d = ctx;
	struct sg_metric_info *copy;

	if (m->of || !strcmp(m->group, "self") ||
	    sg_map_get(d->metrics, sg_hash_str(m->name, 0), m->name))
		return 0;
	copy = sg_arena_alloc(d->arena, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *m;
	copy->name = sg_arena_strdup(d->arena, m->name);
	copy->label = NULL;
	if (!copy->name)
		return -ENOMEM;
	return sg_map_put(d->metrics, sg_hash_str(copy->name, 0), copy);
}

/* ---- gathering ----------------------------------------------------------------------------- */

static int tracked_eq(const void *entry, const void *key)
{
	return sg_series_equal(((const struct tracked *)entry)->series, key);
}

static struct tracked *track(struct diff *d, const struct sg_series *s,
			     const struct sg_metric_info *info)
{
	struct tracked *t = sg_map_get(d->map, s->hash, s);

	if (t)
		return t;
	t = sg_arena_zalloc(d->arena, sizeof(*t));
	if (!t || SG_GROW(d->all, d->cap, d->n) < 0)
		return NULL;
	t->info = info;
	t->series = sg_series_copy(d->arena, s);
	for (size_t i = 0; i < 2 && s->type == SG_HISTOGRAM; i++) {
		t->hists[i] = sg_arena_zalloc(d->arena, d->cut[i].n * sizeof(*t->hists[i]));
		if (!t->hists[i])
			return NULL;
	}
	if (!t->series || sg_map_put(d->map, s->hash, t) < 0)
		return NULL;
	d->all[d->n++] = t;
	return t;
}

static int add_points(void *ctx, const struct sg_points *p, size_t which)
{
	struct diff *d = ctx;
	const struct sg_metric_info *info =
		sg_map_get(d->metrics, sg_hash_str(p->series.name, 0), p->series.name);
	struct tracked *t;
	int r = 0;

	if (!info || info->type != p->series.type || !p->n)
		return 0;
	if (d->n >= SERIES_MAX && !sg_map_get(d->map, p->series.hash, &p->series)) {
		d->left_out++;
		return 0;
	}
	t = track(d, &p->series, info);
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; !r && i < p->n; i++) {
		size_t b = window_block(&d->cut[which], p->t_ms[i]);

		t->readings[which][b]++;
		if (p->series.type == SG_HISTOGRAM)
			r = sg_hist_add(&t->hists[which][b], &p->hists[i]);
		else
			t->sum[which][b] += p->values[i];
	}
	return r;
}

static int read_all(struct diff *d, struct sg_reader *r, const struct sg_diff_options *o,
		    struct sg_error *err)
{
	struct sg_matcher m[] = {{SG_MATCH_RE, "__name__", "sgprobe_.+", NULL},
				 {SG_MATCH_NRE, "__name__", "sgprobe_(cgroup|comm)_.+", NULL}};
	struct sg_selector sel = {2, m};
	int k = sg_selector_compile(&sel, err);

	if (k < 0)
		return k;
	k = window_read(r, &sel, 1, d->cut, o->deadline_ns, add_points, d, err);
	sg_selector_release(&sel);
	return k;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Counters are 0 where they are not told; readings are only where they are. */
static int compare(struct diff *d, struct tracked *t)
{
	bool counter = t->info->type == SG_COUNTER;
	struct sg_blocks b[2];

	if (t->info->type == SG_HISTOGRAM)
		return sg_compare_hists(t->hists[0], d->cut[0].n, t->hists[1], d->cut[1].n,
					&t->shift);
	for (size_t i = 0; i < 2; i++)
		b[i] = (struct sg_blocks){.n = d->cut[i].n,
					  .n_dims = 1,
					  .weight = counter ? d->cut[i].watched : t->readings[i],
					  .sum = t->sum[i]};
	return sg_compare_values(&b[0], &b[1], &t->shift);
}

static bool beyond_all(const struct tracked *t)
{
	return t->shift.distance >= EFFECT_MIN && t->q <= SURE;
}

/* Large and sure; what waits longer before what merely does more. */
static double score(const struct tracked *t)
{
	double v = fmin(t->shift.distance, EFFECT_ENOUGH) * fmin(-log10(t->q + 1e-12), 6);

	return sg_metric_is_latency(t->info) ? 2 * v : v;
}

static int judge(struct diff *d)
{
	sg_auto_free double *p = calloc(d->n + 1, sizeof(*p));
	sg_auto_free double *q = calloc(d->n + 1, sizeof(*q));
	size_t n = 0;
	int r = p && q ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < d->n; i++) {
		r = compare(d, d->all[i]);
		if (d->all[i]->shift.enough)
			p[n++] = d->all[i]->shift.test.p;
	}
	if (!r)
		r = sg_false_discovery(p, q, n);
	d->tested = n;
	for (size_t i = 0, k = 0; !r && i < d->n; i++) {
		struct tracked *t = d->all[i];

		t->q = t->shift.enough ? q[k++] : 1;
		t->significant = beyond_all(t);
		t->score = score(t);
	}
	return r;
}

static int by_score(const void *a, const void *b)
{
	const struct tracked *x = *(struct tracked *const *)a, *y = *(struct tracked *const *)b;

	if (x->significant != y->significant)
		return x->significant ? -1 : 1;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return sg_series_cmp(x->series, y->series);
}

/* ---- the document -------------------------------------------------------------------------- */

static void put_values(struct sg_buf *b, const struct diff *d, const struct tracked *t)
{
	const struct sg_shift *s = &t->shift;
	double rate[2];

	window_put_pair(b, "mean", s->mean);
	if (t->info->type != SG_HISTOGRAM)
		return;
	for (size_t i = 0; i < 2; i++)
		rate[i] = s->count[i] / d->cut[i].seconds;
	sg_buf_char(b, ',');
	window_put_pair(b, "p50", s->p50);
	sg_buf_char(b, ',');
	window_put_pair(b, "p90", s->p90);
	sg_buf_char(b, ',');
	window_put_pair(b, "p99", s->p99);
	sg_buf_char(b, ',');
	window_put_pair(b, "rate", rate);
}

static void put_change(struct sg_buf *b, const struct diff *d, const struct tracked *t)
{
	sg_buf_char(b, '{');
	report_str(b, "name", t->series->name);
	sg_buf_str(b, ",\"labels\":");
	window_put_labels(b, t->series);
	sg_buf_char(b, ',');
	report_str(b, "title", t->info->title);
	sg_buf_char(b, ',');
	report_str(b, "unit", t->info->unit);
	sg_buf_char(b, ',');
	report_str(b, "type", sg_type_name(t->info->type));
	sg_buf_char(b, ',');
	report_num(b, "octaves", t->shift.octaves);
	sg_buf_char(b, ',');
	report_num(b, "factor", exp2(t->shift.octaves));
	sg_buf_char(b, ',');
	report_num(b, "distance", t->shift.distance);
	sg_buf_char(b, ',');
	report_num(b, "p", t->shift.test.p);
	sg_buf_char(b, ',');
	report_num(b, "q", t->q);
	sg_buf_printf(b, ",\"significant\":%s,", t->significant ? "true" : "false");
	put_values(b, d, t);
	sg_buf_char(b, '}');
}

static void put_document(struct sg_buf *b, const struct diff *d, size_t limit)
{
	size_t significant = 0;

	for (size_t i = 0; i < d->n; i++)
		significant += d->all[i]->significant;
	sg_buf_char(b, '{');
	window_put(b, d->cut);
	sg_buf_printf(b, ",\"series\":%zu,\"tested\":%zu,\"left_out\":%zu,\"significant\":%zu,",
		      d->n, d->tested, d->left_out, significant);
	sg_buf_str(b, "\"changes\":[");
	for (size_t i = 0; i < SG_MIN(limit, d->n); i++) {
		sg_buf_str(b, i ? ",\n" : "");
		put_change(b, d, d->all[i]);
	}
	sg_buf_str(b, "]}\n");
}

static void release(struct diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		for (size_t w = 0; w < 2; w++)
			for (size_t k = 0; d->all[i]->hists[w] && k < d->cut[w].n; k++)
				sg_hist_free(&d->all[i]->hists[w][k]);
	free(d->all);
	sg_map_free(d->map);
	sg_map_free(d->metrics);
	sg_arena_free(d->arena);
}

int sg_diff_json(struct sg_reader *r, const struct sg_diff_options *o, struct sg_buf *out,
		 struct sg_error *err)
{
	size_t limit = o->limit ? SG_MIN(o->limit, (size_t)LIMIT_MAX) : LIMIT;
	struct diff d = {.arena = sg_arena_new(256UL << 20),
			 .metrics = sg_map_new(info_eq),
			 .map = sg_map_new(tracked_eq)};
	int k = d.arena && d.metrics && d.map ? window_cut(o->window, d.cut, err) : -ENOMEM;

	if (!k)
		k = sg_metrics_each(take_metric, &d);
	if (!k)
		k = read_all(&d, r, o, err);
	if (!k)
		k = judge(&d);
	if (!k) {
		qsort(d.all, d.n, sizeof(*d.all), by_score);
		put_document(out, &d, limit);
	}
	release(&d);
	return k;
}
