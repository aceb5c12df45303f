// SPDX-License-Identifier: GPL-2.0
// The detectors' calibration (how often a score passes 0.99 and 0.999) and cost, on generated load or on a
// recording: detect [RECORDING]
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sgprobe/detect.h>
#include <sgprobe/file.h>
#include <sgprobe/frame.h>

#define SAMPLES 100000
#define SETTLED 1000 /* samples of each series that are not counted */
#define RECORDING_MAX (1ULL << 30)
#define SERIES_MAX 65536

struct tally {
	uint64_t n, of_100, of_1000, ns;
};

static void count(struct tally *t, double score)
{
	t->n++;
	t->of_100 += score > 0.99;
	t->of_1000 += score > 0.999;
}

/* Of this thread: whoever else runs does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void print(const char *name, const struct tally *t)
{
	double n = (double)t->n;

	printf("%-24s %8llu samples, above 0.99 in %.2f %%, above 0.999 in %.3f %%, %.0f ns a sample\n",
	       name, (unsigned long long)t->n, 100 * (double)t->of_100 / n,
	       100 * (double)t->of_1000 / n, (double)t->ns / n);
}

static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((double)(*seed >> 11) + 0.5) / (double)(1ULL << 53);
}

static double gauss(uint64_t *seed)
{
	return sqrt(-2 * log(uniform(seed))) * cos(2 * M_PI * uniform(seed));
}

static double flat(uint64_t *s, unsigned int i)
{
	return 100 + gauss(s);
}

static double heavy(uint64_t *s, unsigned int i)
{
	return exp(1.2 * gauss(s));
}

static double daily(uint64_t *s, unsigned int i)
{
	return 50 + 30 * sin(i * 2 * M_PI / 86400) + 3 * gauss(s);
}

static double wander(uint64_t *s, unsigned int i)
{
	static double level;

	level = i ? 0.995 * level + gauss(s) : 0;
	return level;
}

static double rare(uint64_t *s, unsigned int i)
{
	return uniform(s) < 0.01;
}

static void generated(const char *name, double (*next)(uint64_t *, unsigned int))
{
	struct sg_detector *d = sg_detector_new(SG_DETECT_VALUE);
	struct tally t = {0};
	uint64_t seed = 5, start = cpu_ns();

	for (unsigned int i = 0; d && i < SAMPLES; i++) {
		double score = sg_detect_value(d, 1767225600000LL + i * 1000LL, next(&seed, i));

		if (i >= SETTLED)
			count(&t, score);
	}
	t.ns = cpu_ns() - start;
	print(name, &t);
	sg_detector_free(d);
}

static void histograms(void)
{
	struct sg_detector *d = sg_detector_new(SG_DETECT_HISTOGRAM);
	struct tally t = {0};
	uint64_t seed = 5;

	for (unsigned int i = 0; d && i < SAMPLES / 5; i++) {
		struct sg_hist h = {0};
		uint64_t start;
		double score;

		for (unsigned int k = 0; k < 200; k++)
			sg_hist_observe(&h, 1e-3 * exp(0.7 * gauss(&seed)));
		start = cpu_ns();
		score = sg_detect_hist(d, 1767225600000LL + i * 1000LL, &h);
		t.ns += cpu_ns() - start;
		if (i >= SETTLED)
			count(&t, score);
		sg_hist_free(&h);
	}
	print("histograms", &t);
	sg_detector_free(d);
}

/* A detector for each series of a recording, in a table by hash. */
struct watched {
	uint64_t hash, n;
	struct sg_detector *d;
};

static struct watched *find(struct watched *table, const struct sg_series *s)
{
	for (uint64_t i = s->hash, k = 0; k < SERIES_MAX; i++, k++) {
		struct watched *w = &table[i % SERIES_MAX];

		if (!w->d) {
			w->hash = s->hash;
			w->d = sg_detector_new(s->type == SG_HISTOGRAM ? SG_DETECT_HISTOGRAM
								       : SG_DETECT_VALUE);
		}
		if (w->hash == s->hash)
			return w->d ? w : NULL;
	}
	return NULL;
}

static void take(struct watched *table, const struct sg_frame *f, struct tally *numbers,
		 struct tally *hists)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct sg_sample *s = &f->samples[i];
		struct watched *w = find(table, &s->series);
		struct tally *t = s->series.type == SG_HISTOGRAM ? hists : numbers;
		uint64_t start = cpu_ns();
		double score;

		if (!w)
			continue;
		score = t == hists ? sg_detect_hist(w->d, f->t_ms, &s->hist)
				   : sg_detect_value(w->d, f->t_ms, s->value);
		t->ns += cpu_ns() - start;
		if (w->n++ >= SG_DETECT_WARMUP)
			count(t, score);
	}
}

static int recorded(const char *path)
{
	struct watched *table = calloc(SERIES_MAX, sizeof(*table));
	struct tally numbers = {0}, hists = {0};
	sg_auto_buf b = {0};
	size_t at = 0;
	int r = table ? sg_read_file(path, RECORDING_MAX, &b) : -1;

	while (r == 0 && at < b.len) {
		sg_auto(sg_frame) f = NULL;
		int64_t n = sg_frame_peek(b.data + at, b.len - at);

		if (n <= 0 || (size_t)n > b.len - at ||
		    sg_frame_decode(b.data + at, (size_t)n, &f) < 0)
			break;
		take(table, f, &numbers, &hists);
		at += (size_t)n;
	}
	if (r < 0 || !numbers.n)
		fprintf(stderr, "%s is no recording of more than %d s\n", path, SG_DETECT_WARMUP);
	else
		print("numbers", &numbers);
	if (hists.n)
		print("histograms", &hists);
	for (unsigned int i = 0; table && i < SERIES_MAX; i++)
		sg_detector_free(table[i].d);
	free(table);
	return r < 0 || !numbers.n;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return recorded(argv[1]);
	generated("flat", flat);
	generated("heavy-tailed", heavy);
	generated("daily", daily);
	generated("wandering", wander);
	generated("rare events", rare);
	histograms();
	return 0;
}
