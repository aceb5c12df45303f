// SPDX-License-Identifier: GPL-2.0
// histogram_quantile(s) and histogram_fraction, of native histograms and of classic
// ones: rows of cumulative counts, told apart by their label le.
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "engine.h"

struct bucket {
	double upper, count;
};

/* Where counts of buckets fell that cannot. */
struct fix {
	size_t n; /* samples */
	int64_t from_ms, to_ms;
	double first, last; /* bounds */
	double most;
};

/* The classic histogram of one label set: its rows, and a place to sort their samples. */
struct classic {
	struct sg_series series; /* without le */
	size_t n, cap;
	struct {
		double upper;
		const struct pq_cell *cells;
	} * rows;
	const struct pq_cell *native; /* a native histogram with the same labels */
	struct fix fix;
};

#define MAX_RESULTS 10 /* quantiles of one call */

struct call {
	struct pq_engine *e;
	const struct pq_grid *g;
	const struct pq_node *node;
	const struct pq_node *arg;
	size_t n_params; /* of one result */
	size_t n_results;
	const struct pq_cell *params[MAX_RESULTS];
	const char *label; /* gets the quantile, with several of them */
	struct sg_map *map;
	size_t n, cap;
	struct classic **list;
	struct bucket *buckets; /* room for the largest */
	double (*of_buckets)(const double *params, struct bucket *b, size_t n, struct fix *fix);
	double (*of_hist)(const double *params, const struct sg_native *h, bool *nans);
	struct pq_rows *out;
};

/* ---- buckets ------------------------------------------------------------------------------ */

static int by_upper(const void *a, const void *b)
{
	double x = ((const struct bucket *)a)->upper, y = ((const struct bucket *)b)->upper;

	return (x > y) - (x < y);
}

/* Sorted, equal bounds added. 0 when there is no use in them. */
static size_t coalesce(struct bucket *b, size_t n)
{
	size_t k = 0;

	if (!n)
		return 0;
	qsort(b, n, sizeof(*b), by_upper);
	if (b[n - 1].upper != INFINITY)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (b[i].upper == b[k].upper)
			b[k].count += b[i].count;
		else
			b[++k] = b[i];
	}
	return k + 1;
}

static void note_fall(struct fix *fix, const struct bucket *b, double by)
{
	if (!fix->n++)
		fix->first = b->upper;
	fix->last = b->upper;
	fix->most = fmax(fix->most, by);
}

/* Never falling: differences in the last digits come from adding floats and mean nothing. */
static void make_monotonic(struct bucket *b, size_t n, struct fix *fix)
{
	for (size_t i = 1; i < n; i++) {
		double more = b[i].count - b[i - 1].count;
		bool noise = fabs(more) < 1e-12 * (fabs(b[i].count) + fabs(b[i - 1].count));

		if (more < 0 && !noise)
			note_fall(fix, &b[i], -more);
		if (more < 0 || noise)
			b[i].count = b[i - 1].count;
	}
}

static double buckets_quantile(const double *params, struct bucket *b, size_t n, struct fix *fix)
{
	double q = params[0], rank, start = 0, below = 0;
	size_t i = 0;

	if (isnan(q))
		return NAN;
	if (q < 0 || q > 1)
		return q < 0 ? -INFINITY : INFINITY;
	n = coalesce(b, n);
	make_monotonic(b, n, fix);
	if (n < 2 || b[n - 1].count == 0 || isnan(b[n - 1].count))
		return NAN;
	rank = q * b[n - 1].count;
	while (i < n - 1 && !(b[i].count >= rank))
		i++;
	if (i == n - 1)
		return b[n - 2].upper;
	if (i == 0 && b[0].upper <= 0)
		return b[0].upper;
	if (i > 0) {
		start = b[i - 1].upper;
		below = b[i - 1].count;
	}
	return start + (b[i].upper - start) * ((rank - below) / (b[i].count - below));
}

/* How many observations are at most v. */
static double rank_of(const struct bucket *b, size_t n, double v)
{
	double below = 0;

	for (size_t i = 0; i < n; i++) {
		double lower = i ? b[i - 1].upper : b[0].upper > 0 ? 0 : -INFINITY;

		if (v <= lower)
			return below;
		if (v < b[i].upper) {
			/* A bucket without an end is taken to be at its finite side. */
			if (isinf(lower))
				return b[i].count;
			if (isinf(b[i].upper))
				return below;
			return below + (b[i].count - below) * (v - lower) / (b[i].upper - lower);
		}
		below = b[i].count;
	}
	return below;
}

static double buckets_fraction(const double *params, struct bucket *b, size_t n, struct fix *fix)
{
	double all, from, to;

	(void)fix;
	n = coalesce(b, n);
	all = n ? b[n - 1].count : 0;
	if (all == 0 || isnan(params[0]) || isnan(params[1]) || isnan(all))
		return NAN;
	if (params[0] >= params[1])
		return 0;
	from = fmin(rank_of(b, n, params[0]), all);
	to = fmin(rank_of(b, n, params[1]), all);
	return (to - from) / all;
}

static double hist_quantile(const double *params, const struct sg_native *h, bool *nans)
{
	return sg_native_quantile(h, params[0], nans);
}

static double hist_fraction(const double *params, const struct sg_native *h, bool *nans)
{
	return sg_native_fraction(h, params[0], params[1], nans);
}

/* ---- label sets ----------------------------------------------------------------------------- */

static int classic_eq(const void *entry, const void *key)
{
	return sg_series_equal(&((const struct classic *)entry)->series, key);
}

static struct classic *classic_of(struct call *c, const struct sg_series *key)
{
	struct classic *k = sg_map_get(c->map, key->hash, key);

	if (k)
		return k;
	k = pq_alloc(c->e, sizeof(*k));
	if (!k || sg_map_put(c->map, key->hash, k) < 0)
		return NULL;
	*k = (struct classic){.series = *key};
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct classic **list = pq_alloc_n(c->e, cap, sizeof(*list));

		if (!list)
			return NULL;
		if (c->n)
			memcpy(list, c->list, c->n * sizeof(*list));
		c->list = list;
		c->cap = cap;
	}
	c->list[c->n++] = k;
	return k;
}

static int add_bucket_row(struct call *c, struct classic *k, double upper,
			  const struct pq_cell *cells)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 16;
		void *rows = pq_alloc_n(c->e, cap, sizeof(*k->rows));

		if (!rows)
			return pq_oom(c->e);
		if (k->n)
			memcpy(rows, k->rows, k->n * sizeof(*k->rows));
		k->rows = rows;
		k->cap = cap;
	}
	k->rows[k->n].upper = upper;
	k->rows[k->n++].cells = cells;
	return 0;
}

static bool has_float(const struct pq_grid *g, const struct pq_row *row)
{
	for (size_t i = 0; i < g->n; i++)
		if (pq_is_float(&row->cells[i]))
			return true;
	return false;
}

/* The labels without le; the name stays, so that two metrics do not become one histogram. */
static int key_of(struct call *c, const struct sg_series *s, struct sg_series *key)
{
	int r = pq_labels_set(c->e, s, "le", "", key);

	if (!r)
		key->name = s->name;
	if (!r)
		key->hash = sg_series_hash(key->name, key->labels, key->n_labels);
	return r;
}

static void warn_le(struct call *c, const char *le, const char *name)
{
	if (*name)
		pq_warn(c->e, c->arg->pos,
			"bucket label \"le\" is missing or has a malformed value of \"%s\" for metric "
			"name \"%s\"",
			le, name);
	else
		pq_warn(c->e, c->arg->pos,
			"bucket label \"le\" is missing or has a malformed value of \"%s\"", le);
}

static int add_floats(struct call *c, const struct pq_row *row)
{
	const char *text = sg_series_label(&row->series, "le");
	struct sg_series key;
	struct classic *k;
	char *end;
	double upper = strtod(text, &end);
	int r;

	if (end == text || *end) {
		warn_le(c, text, row->series.name);
		return 0;
	}
	r = key_of(c, &row->series, &key);
	if (r < 0)
		return r;
	k = classic_of(c, &key);
	if (!k)
		return pq_oom(c->e);
	return add_bucket_row(c, k, upper, row->cells);
}

/* ---- evaluation ------------------------------------------------------------------------------- */

/* The parameters of one result at a step. */
static void params_at(const struct call *c, size_t result, size_t step, double *v)
{
	for (size_t i = 0; i < c->n_params; i++)
		v[i] = c->params[result * c->n_params + i][step].v;
}

/* A native histogram meets a classic one of the same labels: neither counts. */
static struct classic *rival(struct call *c, const struct pq_row *row)
{
	struct sg_series key;

	if (!c->n || key_of(c, &row->series, &key) < 0)
		return NULL;
	return sg_map_get(c->map, key.hash, &key);
}

static bool classic_at(const struct classic *k, size_t step)
{
	for (size_t i = 0; k && i < k->n; i++)
		if (pq_is_float(&k->rows[i].cells[step]))
			return true;
	return false;
}

/* "0.5", "1.0": as the label quantile is written. */
static const char *quantile_text(struct pq_engine *e, double q)
{
	const char *text = pq_go_g(e, q);

	return isfinite(q) && !strpbrk(text, ".e") ? sg_arena_printf(e->arena, "%s.0", text) : text;
}

/* Puts a result under its labels; with several quantiles each has its own. */
static int put(struct call *c, const struct sg_series *s, bool drop, size_t result,
	       struct pq_cell *cells)
{
	for (size_t i = 0; c->label && i < c->g->n; i++) {
		struct pq_row like = {.drop_name = true};
		const char *text;
		int r;

		if (!pq_has(&cells[i]))
			continue;
		text = quantile_text(c->e, c->params[result][i].v);
		r = text ? pq_labels_set(c->e, s, c->label, text, &like.series) : pq_oom(c->e);
		if (!r)
			r = pq_rows_put(c->e, c->g, c->out, &like, i, &cells[i]);
		if (r < 0)
			return r;
	}
	return c->label ? 0 : pq_rows_add(c->e, c->out, s, drop, cells);
}

static void note_nans(struct call *c, const struct pq_row *row, double v)
{
	const char *name = row->series.name;
	const char *what = c->of_hist == hist_fraction
				   ? "histogram_fraction has NaN observations, which are excluded "
				     "from all fractions"
			   : isnan(v) ? "histogram_quantile has NaN observations, result is NaN"
				      : "histogram_quantile has NaN observations, result is "
					"skewed higher";

	if (*name)
		pq_info(c->e, c->arg->pos, "input to %s for metric name \"%s\"", what, name);
	else
		pq_info(c->e, c->arg->pos, "input to %s", what);
}

static void warn_rivals(struct call *c, const char *name)
{
	if (*name)
		pq_warn(c->e, c->arg->pos,
			"vector contains a mix of classic and native histograms for metric name "
			"\"%s\"",
			name);
	else
		pq_warn(c->e, c->arg->pos,
			"vector contains a mix of classic and native histograms");
}

static int native_row(struct call *c, const struct pq_row *row, size_t result)
{
	struct pq_cell *cells = pq_cells(c->e, c->g);
	struct classic *k = rival(c, row);
	bool any = false;

	if (!cells)
		return pq_oom(c->e);
	for (size_t i = 0; i < c->g->n; i++) {
		bool nans = false;
		double params[2];

		if (!pq_is_hist(&row->cells[i]))
			continue;
		if (classic_at(k, i)) {
			warn_rivals(c, row->series.name);
			k->native = row->cells;
			continue;
		}
		params_at(c, result, i, params);
		cells[i] = (struct pq_cell){.v = c->of_hist(params, row->cells[i].h, &nans)};
		any = true;
		if (nans)
			note_nans(c, row, cells[i].v);
	}
	return any ? put(c, &row->series, true, result, cells) : 0;
}

static void add_fix(struct classic *k, const struct fix *fix, int64_t t)
{
	struct fix *all = &k->fix;

	if (!all->n++) {
		*all = *fix;
		all->n = 1;
		all->from_ms = t;
	}
	all->to_ms = t;
	all->first = fmin(all->first, fix->first);
	all->last = fmax(all->last, fix->last);
	all->most = fmax(all->most, fix->most);
}

static int classic_row(struct call *c, struct classic *k, size_t result)
{
	struct pq_cell *cells = pq_cells(c->e, c->g);
	int r = 0;

	if (!cells)
		return pq_oom(c->e);
	for (size_t i = 0; !r && i < c->g->n; i++) {
		struct fix fix = {0};
		double params[2];
		size_t n = 0;

		for (size_t j = 0; j < k->n; j++)
			if (pq_is_float(&k->rows[j].cells[i]))
				c->buckets[n++] =
					(struct bucket){k->rows[j].upper, k->rows[j].cells[i].v};
		if (!n || (k->native && pq_is_hist(&k->native[i])))
			continue;
		params_at(c, result, i, params);
		cells[i] = (struct pq_cell){.v = c->of_buckets(params, c->buckets, n, &fix)};
		if (fix.n)
			add_fix(k, &fix, pq_grid_time(c->g, i));
		r = pq_tick(c->e);
	}
	return r < 0 ? r : put(c, &k->series, true, result, cells);
}

/* The falls of all histograms of one metric, in one note. */
static void note_fixes(struct call *c, size_t from)
{
	struct fix all = c->list[from]->fix;
	const char *name = c->list[from]->series.name;
	char start[32] = "", end[32] = "";
	time_t t;
	struct tm tm;

	for (size_t i = from + 1; i < c->n; i++) {
		struct fix *f = &c->list[i]->fix;

		if (!f->n || strcmp(c->list[i]->series.name, name))
			continue;
		all.n += f->n;
		all.from_ms = SG_MIN(all.from_ms, f->from_ms);
		all.to_ms = SG_MAX(all.to_ms, f->to_ms);
		all.first = fmin(all.first, f->first);
		all.last = fmax(all.last, f->last);
		all.most = fmax(all.most, f->most);
		f->n = 0;
	}
	t = all.from_ms / 1000;
	if (gmtime_r(&t, &tm))
		strftime(start, sizeof(start), "%Y-%m-%dT%H:%M:%SZ", &tm);
	t = all.to_ms / 1000;
	if (gmtime_r(&t, &tm))
		strftime(end, sizeof(end), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pq_info(c->e, c->arg->pos,
		"input to histogram_quantile needed to be fixed for monotonicity (see "
		"https://prometheus.io/docs/prometheus/latest/querying/functions/"
		"#histogram_quantile)%s%s%s, from buckets %s to %s, with a max diff of %.2g, over "
		"%zu samples from %s to %s",
		*name ? " for metric name \"" : "", name, *name ? "\"" : "",
		pq_go_g(c->e, all.first), pq_go_g(c->e, all.last), all.most, all.n, start, end);
}

static int evaluate_one(struct call *c, const struct pq_rows *in, size_t result)
{
	int r = 0;

	for (size_t i = 0; !r && i < in->n; i++) {
		r = native_row(c, in->rows[i], result);
		if (!r)
			r = pq_tick(c->e);
	}
	for (size_t i = 0; !r && i < c->n; i++)
		r = classic_row(c, c->list[i], result);
	return r;
}

static int evaluate(struct call *c, const struct pq_rows *in)
{
	int r = 0;

	for (size_t i = 0; !r && i < in->n; i++)
		if (has_float(c->g, in->rows[i]))
			r = add_floats(c, in->rows[i]);
	c->buckets = pq_alloc_n(c->e, in->n, sizeof(*c->buckets));
	if (!c->buckets)
		return pq_oom(c->e);
	for (size_t i = 0; !r && i < c->n_results; i++)
		r = evaluate_one(c, in, i);
	for (size_t i = 0; !r && i < c->n && c->e->n_warnings < PQ_MAX_WARNINGS; i++) {
		if (!c->list[i]->fix.n)
			continue;
		/* It says how often and over which time. */
		if (c->e->in_parts)
			return PQ_NEEDS_ALL_STEPS;
		note_fixes(c, i);
	}
	return r;
}

static void check_quantile(struct call *c, const struct pq_node *arg, const struct pq_cell *q)
{
	for (size_t i = 0; i < c->g->n; i++)
		if (!(q[i].v >= 0 && q[i].v <= 1))
			pq_warn(c->e, arg->pos, "quantile value should be between 0 and 1, got %s",
				pq_go_g(c->e, q[i].v));
}

/* The parameters are the arguments from 'first' on. */
static int run(struct call *c, size_t first)
{
	struct pq_rows in = {0};
	sg_auto(sg_map) map = sg_map_new(classic_eq);
	size_t n = c->n_params * c->n_results;
	int r = map ? 0 : -ENOMEM;

	c->map = map;
	if (!r && c->label)
		r = pq_check_label(c->e, c->label, "invalid label name ");
	for (size_t i = 0; !r && i < n; i++)
		r = pq_eval_scalar(c->e, c->g, c->node->args[first + i], &c->params[i]);
	if (!r)
		r = pq_eval(c->e, c->g, c->arg, &in);
	pq_rows_done(&in);
	for (size_t i = 0; !r && c->n_params == 1 && i < n; i++)
		check_quantile(c, c->node->args[first + i], c->params[i]);
	if (!r)
		r = evaluate(c, &in);
	pq_rows_done(c->out);
	return r;
}

PQ_WHOLE_FN(pq_fn_histogram_quantile)
{
	struct call c = {.e = e,
			 .g = g,
			 .node = call,
			 .arg = call->args[1],
			 .n_params = 1,
			 .n_results = 1,
			 .of_buckets = buckets_quantile,
			 .of_hist = hist_quantile,
			 .out = out};

	return run(&c, 0);
}

PQ_WHOLE_FN(pq_fn_histogram_quantiles)
{
	struct call c = {.e = e,
			 .g = g,
			 .node = call,
			 .arg = call->args[0],
			 .n_params = 1,
			 .n_results = SG_MIN(call->n_args - 2, (size_t)MAX_RESULTS),
			 .label = pq_unwrap(call->args[1])->text,
			 .of_buckets = buckets_quantile,
			 .of_hist = hist_quantile,
			 .out = out};

	return run(&c, 2);
}

PQ_WHOLE_FN(pq_fn_histogram_fraction)
{
	struct call c = {.e = e,
			 .g = g,
			 .node = call,
			 .arg = call->args[2],
			 .n_params = 2,
			 .n_results = 1,
			 .of_buckets = buckets_fraction,
			 .of_hist = hist_fraction,
			 .out = out};

	return run(&c, 0);
}
