// SPDX-License-Identifier: GPL-2.0
/* What the detectors have in common: time, gaps, warm-up, and the one score. */
#include <math.h>

#include "detect_private.h"

_Static_assert(sizeof(struct sg_detector) <= SG_DETECTOR_BYTES_MAX, "a detector is 4 KiB at most");

#define ABSENT (SG_DETECT_PARTS - 1) /* the part of silence */
#define GAP_STEPS 5 /* usual intervals */
#define RECENT 50.0 /* samples in which less evidence than of late is no news */
#define STEP_GAIN 0.05
#define CLOCK_STEP_MS (30 * 60 * 1000)
#define PRESENT_GAIN 0.001
#define SHORTEST_ABSENCE 10 /* ticks */

static const char *const part_names[][SG_DETECT_PARTS] = {
	[SG_DETECT_VALUE] = {"level", "shape_short", "shape", "shape_long", "season", "change",
			     "spread", "rate", "silence"},
	[SG_DETECT_HISTOGRAM] = {"divergence", "distance", "tail", "rate", "quiet", "", "", "",
				 "silence"},
};

struct sg_detector *sg_detector_new(enum sg_detector_kind kind)
{
	struct sg_detector *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->kind = kind;
	d->last_total = NAN;
	return d;
}

void sg_detector_free(struct sg_detector *d)
{
	free(d);
}

enum sg_detector_kind sg_detector_kind(const struct sg_detector *d)
{
	return d->kind;
}

const char *sg_detector_part_name(enum sg_detector_kind kind, unsigned int part)
{
	return part < SG_DETECT_PARTS ? part_names[kind][part] : NULL;
}

double sg_detector_part(const struct sg_detector *d, unsigned int part)
{
	return part < SG_DETECT_PARTS ? d->part[part] : 0;
}

static void forget_run(struct sg_detector *d)
{
	if (d->kind != SG_DETECT_VALUE)
		return;
	for (unsigned int i = 0; i < SG_DISCORDS; i++)
		sg_discord_gap(&d->discord[i]);
}

/* The clock ran back, or the sample spans a gap. True: it is no sample like the others. */
static bool after_gap(struct sg_detector *d, int64_t t_ms)
{
	double step = (double)t_ms - (double)d->last_ms;
	bool first = d->last_ms == 0, gap;

	d->last_ms = t_ms;
	if (first)
		return false;
	if (step <= -CLOCK_STEP_MS && d->kind == SG_DETECT_VALUE && step < -2 * d->step_ms)
		sg_season_clock_step(&d->season);
	if (step <= 0)
		return false;
	gap = d->step_ms > 0 && step > GAP_STEPS * (double)d->step_ms;
	/* A gap that comes again is the new interval. */
	step = d->step_ms > 0 ? fmin(step, 2 * (double)d->step_ms) : step;
	d->step_ms += d->step_ms > 0 ? (float)((step - d->step_ms) * STEP_GAIN) : (float)step;
	if (gap)
		forget_run(d);
	return gap;
}

static double score(struct sg_detector *d, double usual)
{
	double evidence = 0, news, s;

	for (unsigned int i = 0; i < SG_DETECT_PARTS; i++)
		evidence += d->part[i];
	news = evidence > d->recent ? evidence : 0;
	d->recent = (float)fmax(evidence, (double)d->recent * (1 - 1 / RECENT));
	s = sg_rank_score(&d->rank, usual, news);
	d->n += d->n < UINT32_MAX;
	return d->n <= SG_DETECT_WARMUP ? 0 : s;
}

static double nothing(struct sg_detector *d)
{
	for (unsigned int i = 0; i < SG_DETECT_PARTS; i++)
		d->part[i] = 0;
	return 0;
}

static void seen(struct sg_detector *d)
{
	if (d->present > 0.5f)
		d->away_max = fmaxf(d->away_max * 0.9999f, d->away);
	d->away = 0;
	d->present += (float)((1 - d->present) * fmax(PRESENT_GAIN, 1.0 / (d->n + 1.0)));
}

double sg_detect_value(struct sg_detector *d, int64_t t_ms, double v)
{
	if (d->kind != SG_DETECT_VALUE || !isfinite(v) || fabs(v) > 1e30)
		return nothing(d);
	seen(d);
	if (after_gap(d, t_ms))
		return nothing(d);
	return score(d, sg_detect_value_parts(d, t_ms, v));
}

double sg_detect_counter(struct sg_detector *d, int64_t t_ms, double total)
{
	double last = d->last_total;

	if (!isfinite(total))
		return nothing(d);
	d->last_total = total;
	if (isnan(last) || total < last)
		return nothing(d);
	return sg_detect_value(d, t_ms, total - last);
}

double sg_detect_hist(struct sg_detector *d, int64_t t_ms, const struct sg_hist *h)
{
	if (d->kind != SG_DETECT_HISTOGRAM)
		return nothing(d);
	seen(d);
	if (after_gap(d, t_ms))
		return nothing(d);
	return score(d, sg_detect_hist_parts(d, h));
}

/* Longer away than ever, where it used to be there: as a record of its own. */
double sg_detect_absent(struct sg_detector *d, int64_t t_ms)
{
	double longest = fmax(d->away_max, SHORTEST_ABSENCE);

	nothing(d);
	d->last_ms = t_ms;
	d->away = fminf(d->away + 1, 1e9f);
	d->present -= d->present * (float)PRESENT_GAIN;
	forget_run(d);
	if (d->n <= SG_DETECT_WARMUP || d->present < 0.9f || d->away <= longest)
		return 0;
	d->part[ABSENT] = (float)sg_evidence((d->away - longest) / longest);
	return sg_rank_score(&d->rank, 1, d->part[ABSENT]);
}
