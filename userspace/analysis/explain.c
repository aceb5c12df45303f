// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>

#include <sgprobe/explain.h>

/* Of an octave between the old quantile and the new one; each bucket is met several times. */
#define STEPS_PER_OCTAVE 32
#define STEPS_MAX 1024

const char *const sg_measure_names[SG_MEASURES] = {"time", "mean", "quantile", "above"};

/* A part's number of events and the mean of something over them, in both windows. */
struct pair {
	double n[2], mean[2];
};

/*
 * What a part adds to the difference of the whole's mean: half by what became of its own mean,
 * half by its share of the events, seen from the whole (Kitagawa, J. Am. Stat. Assoc. 50,
 * 1955; the Shapley values of two factors). n and mean are the whole's.
 */
static double addition(const struct pair *part, const struct pair *whole)
{
	double w0 = part->n[0] / whole->n[0], w1 = part->n[1] / whole->n[1];
	double m0 = part->n[0] > 0 ? part->mean[0] : part->mean[1];
	double m1 = part->n[1] > 0 ? part->mean[1] : part->mean[0];

	if (!(part->n[0] > 0) && !(part->n[1] > 0))
		return 0;
	return (w0 + w1) / 2 * (m1 - m0) +
	       ((m0 + m1) / 2 - (whole->mean[0] + whole->mean[1]) / 2) * (w1 - w0);
}

static double mean_of(const struct sg_hist *h)
{
	return h->count > 0 ? h->sum / h->count : 0;
}

static double above(const struct sg_hist *h, double v)
{
	return h->count > 0 ? fmax(sg_hist_fraction(h, v, INFINITY), 0) : 0;
}

static struct pair means(const struct sg_explain_part *p)
{
	return (struct pair){{p->in[0].count, p->in[1].count},
			     {mean_of(&p->in[0]), mean_of(&p->in[1])}};
}

static struct pair tails(const struct sg_explain_part *p, double v)
{
	return (struct pair){{p->in[0].count, p->in[1].count},
			     {above(&p->in[0], v), above(&p->in[1], v)}};
}

/* ---- the quantile ----------------------------------------------------------------------- */

/* At one latency: who adds how much of the difference of the share of events above it. */
static void add_at(struct sg_explain_part *parts, size_t n, const struct sg_explain_part *all,
		   double v, double width, double *added)
{
	const struct pair whole = tails(all, v);
	double moved = whole.mean[1] - whole.mean[0];

	if (!(fabs(moved) > 1e-12))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct pair part = tails(&parts[i], v);

		parts[i].delta[SG_BY_QUANTILE] += addition(&part, &whole) / moved * width;
	}
	*added += width;
}

/*
 * The quantile goes from its old place to its new one over the latencies between them; at each
 * it is driven by those who add events above it.
 */
static void by_quantile(struct sg_explain *e, struct sg_explain_part *parts, size_t n,
			const struct sg_explain_part *all)
{
	double from = log2(e->value[SG_BY_QUANTILE][0]), to = log2(e->value[SG_BY_QUANTILE][1]);
	double moved = e->value[SG_BY_QUANTILE][1] - e->value[SG_BY_QUANTILE][0], added = 0;
	size_t steps = (size_t)fmin(ceil(fabs(to - from) * STEPS_PER_OCTAVE) + 1, STEPS_MAX);
	double width = (to - from) / (double)steps;

	if (!(fabs(to - from) > 0))
		return;
	for (size_t i = 0; i < steps; i++)
		add_at(parts, n, all, exp2(from + ((double)i + .5) * width), width, &added);
	for (size_t i = 0; i < n; i++)
		parts[i].delta[SG_BY_QUANTILE] *= fabs(added) > 0 ? moved / added : 0;
}

/* ---- the others ------------------------------------------------------------------------- */

static void by_rate(const struct sg_explain *e, struct sg_explain_part *p)
{
	p->delta[SG_BY_TIME] = p->in[1].sum / e->seconds[1] - p->in[0].sum / e->seconds[0];
	p->delta[SG_BY_ABOVE] = above(&p->in[1], e->threshold) * p->in[1].count / e->seconds[1] -
				above(&p->in[0], e->threshold) * p->in[0].count / e->seconds[0];
}

static void describe(struct sg_explain *e, const struct sg_explain_part *all)
{
	if (!(e->threshold > 0))
		e->threshold = sg_hist_quantile(&all->in[all->in[0].count > 0 ? 0 : 1], e->q);
	for (size_t w = 0; w < 2; w++) {
		const struct sg_hist *h = &all->in[w];

		e->value[SG_BY_TIME][w] = h->sum / e->seconds[w];
		e->value[SG_BY_MEAN][w] = h->count > 0 ? h->sum / h->count : NAN;
		e->value[SG_BY_QUANTILE][w] = h->count > 0 ? sg_hist_quantile(h, e->q) : NAN;
		e->value[SG_BY_ABOVE][w] = above(h, e->threshold) * h->count / e->seconds[w];
	}
}

static void put_shares(const struct sg_explain *e, struct sg_explain_part *parts, size_t n)
{
	for (size_t m = 0; m < SG_MEASURES; m++) {
		double whole = e->value[m][1] - e->value[m][0];
		bool known = isfinite(whole) && fabs(whole) > 0;

		for (size_t i = 0; i < n; i++)
			parts[i].share[m] = known ? parts[i].delta[m] / whole : NAN;
	}
}

static int add_up(const struct sg_explain_part *parts, size_t n, struct sg_explain_part *all)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		for (size_t w = 0; !r && w < 2; w++)
			r = sg_hist_add(&all->in[w], &parts[i].in[w]);
	return r;
}

int sg_explain(struct sg_explain *e, struct sg_explain_part *parts, size_t n)
{
	struct sg_explain_part all = {0};
	int r = add_up(parts, n, &all);
	const struct pair whole = means(&all);

	describe(e, &all);
	for (size_t i = 0; i < n; i++) {
		for (size_t m = 0; m < SG_MEASURES; m++)
			parts[i].delta[m] = 0;
		by_rate(e, &parts[i]);
		if (whole.n[0] > 0 && whole.n[1] > 0) {
			const struct pair part = means(&parts[i]);

			parts[i].delta[SG_BY_MEAN] = addition(&part, &whole);
		}
	}
	if (r == 0 && whole.n[0] > 0 && whole.n[1] > 0)
		by_quantile(e, parts, n, &all);
	put_shares(e, parts, n);
	sg_hist_free(&all.in[0]);
	sg_hist_free(&all.in[1]);
	return r;
}
