// SPDX-License-Identifier: GPL-2.0
/*
 * Season: what each hour of the day has shown, as a mean and a mean absolute deviation,
 * and how far each day of the week lies from it. Where neither is steady, deviations are
 * as large as the spread of the series, and nothing is said.
 */
#include <math.h>

#include "detect_private.h"

#define HOUR_MS 3600000
#define SEEN_ENOUGH 4 /* samples of an hour */
#define DAY_SEEN_ENOUGH 20
#define OVERALL                                                                                    \
	0.3 /* of the series' spread is added to an hour's: one of few samples may have none */
#define STEP_AWAY 2000 /* samples without a season after the clock was set */

static double gain(uint16_t seen)
{
	return seen < 50 ? 1.0 / (seen + 1) : 0.02;
}

static unsigned int wrap(int64_t v, int64_t n)
{
	return (unsigned int)(((v % n) + n) % n);
}

/* Either profile is judged by its own error; the day of the week must earn its place. */
static double expected(const struct sg_season *s, unsigned int hour, unsigned int day)
{
	bool weekly = s->day_seen[day] >= DAY_SEEN_ENOUGH && s->error_day < 0.9f * s->error_flat;

	return s->mean[hour] + (weekly ? s->day[day] : 0);
}

static void learn_day(struct sg_season *s, unsigned int day, double residual)
{
	s->error_flat += (float)(0.002 * (fabs(residual) - s->error_flat));
	s->error_day += (float)(0.002 * (fabs(residual - s->day[day]) - s->error_day));
	s->day[day] +=
		(float)((residual - s->day[day]) * fmax(0.005, 1.0 / (s->day_seen[day] + 1)));
	s->day_seen[day] += s->day_seen[day] < UINT16_MAX;
}

double sg_season_distance(struct sg_season *s, int64_t t_ms, double x)
{
	int64_t hours = t_ms / HOUR_MS - (t_ms % HOUR_MS < 0);
	unsigned int hour = wrap(hours, 24), day = wrap((hours - (int64_t)hour) / 24, 7);
	double off, k = gain(s->seen[hour]), z = 0;

	if (s->away) {
		s->away--;
		return 0;
	}
	if (s->seen[hour] == 0)
		s->mean[hour] = (float)x;
	off = fabs(x - expected(s, hour, day));
	if (s->seen[hour] >= SEEN_ENOUGH)
		z = off / (s->dev[hour] + OVERALL * s->spread + 1e-9 * fabs(x) + 1e-12);
	learn_day(s, day, x - s->mean[hour]);
	s->mean[hour] += (float)((x - s->mean[hour]) * k);
	s->dev[hour] += (float)((off - s->dev[hour]) * k);
	s->spread += (float)((off - s->spread) * 0.01);
	s->seen[hour] += s->seen[hour] < UINT16_MAX;
	return fmin(z, 1e12);
}

void sg_season_clock_step(struct sg_season *s)
{
	s->away = STEP_AWAY;
}
