// SPDX-License-Identifier: GPL-2.0
/*
 * How good forecasts are: each series is cut at several moments, forecast from what lies before, and
 * compared with what came. Beside it what the forecast said of itself (its back-test).
 *
 *   forecast [FILE.csv ...]     synthetic series, and files of "timestamp,value" lines of equal distance
 *   STEP_MS=300000 HORIZON=288 CUTS=12 in the environment
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sgprobe/forecast.h>

#include "../unit/analysis/noise.h"

#define VALUES_MAX 20000
#define DAY_MS 86400000

struct sum {
	double error, naive, last, in, n, said_mase, said_in, said, seconds, runs;
};

static size_t env(const char *name, size_t otherwise)
{
	const char *s = getenv(name);

	return s ? (size_t)strtoul(s, NULL, 10) : otherwise;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void compare(const double *v, size_t cut, size_t day, const struct sg_forecast *f,
		    struct sum *s)
{
	for (size_t h = 1; h <= f->n_points; h++) {
		size_t at = cut - 1 + h, base = at;
		const struct sg_forecast_point *p = &f->points[h - 1];

		while (day && base >= cut)
			base -= day;
		if (!isfinite(v[at]))
			continue;
		s->error += fabs(p->mean - v[at]);
		s->naive += fabs(v[day ? base : cut - 1] - v[at]);
		s->last += fabs(v[cut - 1] - v[at]);
		s->in += v[at] >= p->lo && v[at] <= p->hi;
		s->n++;
	}
	if (isfinite(f->mase)) {
		s->said_mase += f->mase;
		s->said_in += f->coverage;
		s->said++;
	}
}

static void bench(const char *name, const double *v, size_t n, int64_t step_ms, struct sum *all)
{
	const struct sg_forecast_options o = {.step_ms = step_ms, .horizon = env("HORIZON", 288)};
	size_t cuts = env("CUTS", 12), first = n / 2, day = (size_t)(DAY_MS / step_ms);
	struct sum s = {0};

	if (n < first + o.horizon + cuts)
		return;
	if (first < 2 * day)
		day = 0;
	for (size_t i = 0; i < cuts; i++) {
		size_t cut = first + i * (n - first - o.horizon) / cuts;
		struct sg_forecast f;
		double t = now();

		if (sg_forecast(v, cut, &o, &f) < 0)
			continue;
		s.seconds += now() - t;
		s.runs++;
		compare(v, cut, day, &f, &s);
		sg_forecast_free(&f);
	}
	printf("%-48.48s n %5zu  MASE %5.2f  to last value %5.2f  90%% held %5.1f%%   said: %5.2f %5.1f%%  %6.1f ms\n",
	       name, n, s.error / s.naive, s.error / s.last, 100 * s.in / s.n, s.said_mase / s.said,
	       100 * s.said_in / s.said, 1e3 * s.seconds / s.runs);
	all->error += log(s.error / s.naive + 1e-3);
	all->last += log(s.error / s.last + 1e-3);
	all->in += s.in / s.n;
	all->said_in += s.said_in / s.said;
	all->naive += s.error < s.naive;
	all->n++;
}

/* ---- series -------------------------------------------------------------------------------- */

static size_t read_csv(const char *file, double *v)
{
	FILE *f = fopen(file, "r");
	char line[256];
	size_t n = 0;

	while (f && n < VALUES_MAX && fgets(line, sizeof(line), f)) {
		const char *comma = strchr(line, ',');
		char *end;
		double x = comma ? strtod(comma + 1, &end) : NAN;

		if (comma && end != comma + 1)
			v[n++] = x;
	}
	if (f)
		fclose(f);
	return n;
}

enum kind { FLAT, SEASON, TREND, STEPS, WALK, SAWTOOTH, ALL, KINDS };
static const char *const kinds[] = {
	"level and noise", "daily season",	  "trend", "steps", "random walk",
	"sawtooth",	   "season, trend, steps"};

static size_t synthesise(enum kind k, unsigned int seed, double *v)
{
	struct noise r = {seed};
	double level = 100;
	size_t n = 8 * 288;

	for (size_t i = 0; i < n; i++) {
		double daily =
			30 * sin(2 * M_PI * (double)i / 288) + 10 * sin(6 * M_PI * (double)i / 288);

		if ((k == STEPS || k == ALL) && noise_unit(&r) < .003)
			level += 20 * noise_normal(&r);
		if (k == WALK)
			level += 2 * noise_normal(&r);
		v[i] = level + 5 * noise_normal(&r);
		if (k == SEASON || k == ALL)
			v[i] += daily;
		if (k == TREND || k == ALL)
			v[i] += .03 * (double)i;
		if (k == SAWTOOTH)
			v[i] += .5 * (double)(i % 200);
		v[i] = fmax(v[i], 0);
	}
	return n;
}

int main(int argc, char **argv)
{
	static double v[VALUES_MAX];
	int64_t step = (int64_t)env("STEP_MS", 300000);
	struct sum all = {0};

	for (size_t k = 0; k < KINDS; k++)
		for (unsigned int seed = 1; seed <= 2; seed++) {
			size_t n = synthesise((enum kind)k, seed * 77, v);

			bench(kinds[k], v, n, step, &all);
		}
	printf("synthetic: geometric mean of MASE %.2f, to last value %.2f, 90%% held %.1f%% (said %.1f%%), below 1 in %.0f of %.0f\n\n",
	       exp(all.error / all.n), exp(all.last / all.n), 100 * all.in / all.n,
	       100 * all.said_in / all.n, all.naive, all.n);
	all = (struct sum){0};
	for (int i = 1; i < argc; i++) {
		const char *base = strrchr(argv[i], '/');

		bench(base ? base + 1 : argv[i], v, read_csv(argv[i], v), step, &all);
	}
	if (all.n > 0)
		printf("files: geometric mean of MASE %.2f, to last value %.2f, 90%% held %.1f%% (said %.1f%%), below 1 in %.0f of %.0f\n",
		       exp(all.error / all.n), exp(all.last / all.n), 100 * all.in / all.n,
		       100 * all.said_in / all.n, all.naive, all.n);
	return 0;
}
