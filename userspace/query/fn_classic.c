// SPDX-License-Identifier: GPL-2.0
// histogram_quantile and histogram_fraction, of native histograms and of classic
// ones: rows of cumulative counts, told apart by their label le.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"

struct bucket {
	double upper, count;
};

/* The classic histogram of one label set: its rows, and a place to sort their samples. */
struct classic {
	struct sg_series series; /* without le and name */
	const char *name; /* of its first row */
	size_t n, cap;
	struct {
		double upper;
		const struct pq_cell *cells;
	} * rows;
	const struct pq_cell *native; /* a native histogram with the same labels */
};

struct call {
	struct pq_engine *e;
	const struct pq_grid *g;
	const struct pq_node *node;
	const struct pq_node *arg;
	const struct pq_cell *params[2];
	struct sg_map *map;
	size_t n, cap;
	struct classic **list;
	struct bucket *buckets; /* room for the largest */
	double (*of_buckets)(const double *params, struct bucket *b, size_t n, bool *fixed);
	double (*of_hist)(const double *params, const struct sg_hist *h);
	struct pq_rows *out;
};

/* ---- buckets ------------------------------------------------------------------------------ */

static int by_upper(const void *a, const void *b)
{
	double x = ((const struct bucket *)a)->upper, y = ((const struct bucket *)b)->upper;

	return (x > y) - (x < y);
}

/* Sorted, equal bounds added, never falling. 0 when there is no use in them. */
static size_t tidy(struct bucket *b, size_t n, bool *fixed)
{
	size_t k = 0;

	if (!n)
		return 0;
	qsort(b, n, sizeof(*b), by_upper);
	if (!isinf(b[n - 1].upper))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (b[i].upper == b[k].upper)
			b[k].count += b[i].count;
		else
			b[++k] = b[i];
	}
	n = k + 1;
	/* Differences in the last digits come from adding floats and mean nothing. */
	for (size_t i = 1; i < n; i++) {
		double more = b[i].count - b[i - 1].count;
		bool noise = fabs(more) < 1e-12 * (fabs(b[i].count) + fabs(b[i - 1].count));

		*fixed |= more < 0 && !noise;
		if (more < 0 || noise)
			b[i].count = b[i - 1].count;
	}
	return n < 2 || b[n - 1].count == 0 ? 0 : n;
}

static double buckets_quantile(const double *params, struct bucket *b, size_t n, bool *fixed)
{
	double q = params[0], rank, start = 0, below = 0;
	size_t i = 0;

	if (isnan(q))
		return NAN;
	if (q < 0 || q > 1)
		return q < 0 ? -INFINITY : INFINITY;
	n = tidy(b, n, fixed);
	if (!n || isnan(b[n - 1].count))
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

static double buckets_fraction(const double *params, struct bucket *b, size_t n, bool *fixed)
{
	n = tidy(b, n, fixed);
	if (!n || isnan(params[0]) || isnan(params[1]) || isnan(b[n - 1].count))
		return NAN;
	if (params[0] >= params[1])
		return 0;
	return (rank_of(b, n, params[1]) - rank_of(b, n, params[0])) / b[n - 1].count;
}

static double hist_quantile(const double *params, const struct sg_hist *h)
{
	double q = params[0];

	return isnan(q) ? NAN : q < 0 ? -INFINITY : q > 1 ? INFINITY : sg_hist_quantile(h, q);
}

static double hist_fraction(const double *params, const struct sg_hist *h)
{
	if (isnan(params[0]) || isnan(params[1]) || h->count == 0)
		return NAN;
	return params[0] >= params[1] ? 0 : sg_hist_fraction(h, params[0], params[1]);
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

static int add_floats(struct call *c, const struct pq_row *row)
{
	static const char *const le_name[] = {"le"};
	const struct pq_names le = {1, (const char **)le_name};
	const char *text = sg_series_label(&row->series, "le");
	struct sg_series key;
	struct classic *k;
	char *end;
	double upper = strtod(text, &end);
	int r;

	if (end == text || *end) {
		pq_warn(c->e, c->arg->pos,
			"bucket label \"le\" is missing or has a malformed value of \"%s\" for metric "
			"name \"%s\"",
			text, row->series.name);
		return 0;
	}
	r = pq_labels_drop(c->e, &row->series, &le, &key);
	if (r < 0)
		return r;
	k = classic_of(c, &key);
	if (!k)
		return pq_oom(c->e);
	if (!k->n)
		k->name = row->series.name;
	return add_bucket_row(c, k, upper, row->cells);
}

/* ---- evaluation ------------------------------------------------------------------------------- */

static void params_at(const struct call *c, size_t step, double *v)
{
	for (size_t i = 0; i < 2; i++)
		v[i] = c->params[i] ? c->params[i][step].v : 0;
}

/* A native histogram meets a classic one of the same labels: neither counts. */
static struct classic *rival(struct call *c, const struct pq_row *row)
{
	static const struct pq_names none;
	struct sg_series key;

	if (!c->n || pq_labels_drop(c->e, &row->series, &none, &key) < 0)
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

static int native_row(struct call *c, const struct pq_row *row)
{
	struct pq_cell *cells = pq_cells(c->e, c->g);
	struct classic *k = rival(c, row);

	if (!cells)
		return pq_oom(c->e);
	for (size_t i = 0; i < c->g->n; i++) {
		double params[2];

		if (!pq_is_hist(&row->cells[i]))
			continue;
		if (classic_at(k, i)) {
			pq_warn(c->e, c->arg->pos,
				"vector contains a mix of classic and native histograms for metric name "
				"\"%s\"",
				row->series.name);
			k->native = row->cells;
			continue;
		}
		params_at(c, i, params);
		cells[i] = (struct pq_cell){.v = c->of_hist(params, row->cells[i].h)};
	}
	return pq_rows_add(c->e, c->out, &row->series, true, cells);
}

static int classic_row(struct call *c, const struct classic *k)
{
	struct pq_cell *cells = pq_cells(c->e, c->g);
	int r = 0;

	if (!cells)
		return pq_oom(c->e);
	for (size_t i = 0; !r && i < c->g->n; i++) {
		bool fixed = false;
		double params[2];
		size_t n = 0;

		for (size_t j = 0; j < k->n; j++)
			if (pq_is_float(&k->rows[j].cells[i]))
				c->buckets[n++] =
					(struct bucket){k->rows[j].upper, k->rows[j].cells[i].v};
		if (!n || (k->native && pq_is_hist(&k->native[i])))
			continue;
		params_at(c, i, params);
		cells[i] = (struct pq_cell){.v = c->of_buckets(params, c->buckets, n, &fixed)};
		if (fixed)
			pq_info(c->e, c->arg->pos,
				"input to histogram_quantile needed to be fixed for monotonicity (see "
				"https://prometheus.io/docs/prometheus/latest/querying/functions/"
				"#histogram_quantile) for metric name \"%s\"",
				k->name);
		r = pq_tick(c->e);
	}
	return r < 0 ? r : pq_rows_add(c->e, c->out, &k->series, false, cells);
}

static int evaluate(struct call *c, const struct pq_rows *in)
{
	int r = 0;

	for (size_t i = 0; !r && i < in->n; i++)
		if (has_float(c->g, in->rows[i]))
			r = add_floats(c, in->rows[i]);
	for (size_t i = 0; !r && i < in->n; i++) {
		r = native_row(c, in->rows[i]);
		if (!r)
			r = pq_tick(c->e);
	}
	c->buckets = pq_alloc_n(c->e, in->n, sizeof(*c->buckets));
	if (!c->buckets)
		return pq_oom(c->e);
	for (size_t i = 0; !r && i < c->n; i++)
		r = classic_row(c, c->list[i]);
	return r;
}

static void check_quantile(struct call *c)
{
	for (size_t i = 0; i < c->g->n; i++) {
		double q = c->params[0][i].v;

		if (!(q >= 0 && q <= 1))
			pq_warn(c->e, c->node->args[0]->pos,
				"quantile value should be between 0 and 1, got %s",
				isnan(q)	 ? "NaN"
				: q == INFINITY	 ? "+Inf"
				: q == -INFINITY ? "-Inf"
						 : sg_arena_printf(c->e->arena, "%g", q));
	}
}

static int run(struct call *c, size_t n_params)
{
	struct pq_rows in = {0};
	sg_auto(sg_map) map = sg_map_new(classic_eq);
	int r = map ? 0 : -ENOMEM;

	c->map = map;
	c->arg = c->node->args[n_params];
	for (size_t i = 0; !r && i < n_params; i++)
		r = pq_eval_scalar(c->e, c->g, c->node->args[i], &c->params[i]);
	if (!r)
		r = pq_eval(c->e, c->g, c->arg, &in);
	pq_rows_done(&in);
	if (!r && n_params == 1)
		check_quantile(c);
	return r < 0 ? r : evaluate(c, &in);
}

PQ_WHOLE_FN(pq_fn_histogram_quantile)
{
	struct call c = {.e = e, .g = g, .node = call, .out = out};

	c.of_buckets = buckets_quantile;
	c.of_hist = hist_quantile;
	return run(&c, 1);
}

PQ_WHOLE_FN(pq_fn_histogram_fraction)
{
	struct call c = {.e = e, .g = g, .node = call, .out = out};

	c.of_buckets = buckets_fraction;
	c.of_hist = hist_fraction;
	return run(&c, 2);
}
