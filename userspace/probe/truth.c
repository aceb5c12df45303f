// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "truth.h"

enum amount { AMOUNT, SUM, FALL };

/* Series of one name that are added to a side; list chooses some by their label, see truth.def. */
struct part {
	const char *name, *label, *list;
	enum amount amount;
};

#define PARTS_MAX 2 /* of a side */
struct side {
	struct part parts[PARTS_MAX];
};

#define SIDE(...)                                                                                  \
	{                                                                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ALL(name)                                                                                  \
	{                                                                                          \
		name, NULL, NULL, AMOUNT                                                           \
	}
#define ONLY(name, label, list)                                                                    \
	{                                                                                          \
		name, label, list, AMOUNT                                                          \
	}
#define SUM_OF(name)                                                                               \
	{                                                                                          \
		name, NULL, NULL, SUM                                                              \
	}
#define ONLY_SUM_OF(name, label, list)                                                             \
	{                                                                                          \
		name, label, list, SUM                                                             \
	}
#define LESS_GROWTH(name)                                                                          \
	{                                                                                          \
		name, NULL, NULL, FALL                                                             \
	}

/* Each compares what programs counted with a counter that the kernel keeps for itself. */
static const struct comparison {
	const char *signal;
	struct side seen, kernel;
} comparisons[] = {
#define TRUTH(signal, seen, kernel) {#signal, seen, kernel},
#define TRUTH_BUT(signal, seen, kernel, why) {#signal, seen, kernel},
#include "truth.def"
#undef TRUTH
#undef TRUTH_BUT
};
#define N ARRAY_SIZE(comparisons)
_Static_assert(N <= SG_TRUTH_MAX, "a window per comparison");

static const struct sg_metric_info metrics[] = {
	{"sgprobe_truth_ratio", "Truth test",
	 "What sgprobe counted as a share of what the kernel counted itself in the last minute; 1 is "
	 "exact. Where it may differ: "
#define TRUTH(signal, seen, kernel)
#define TRUTH_BUT(signal, seen, kernel, why) #signal " (" why "), "
#include "truth.def"
#undef TRUTH
#undef TRUTH_BUT
	 "and all that is sampled or taken off. Below 100 events a minute there is none.",
	 "", "signal", "self", NULL, NULL, SG_GAUGE},
};
const struct sg_metric_table sg_truth_metrics = {metrics, ARRAY_SIZE(metrics)};

struct sum {
	double value;
	bool there;
};
struct sums {
	struct sum seen[N], kernel[N];
};

static bool word_matches(const char *word, size_t n, const char *value)
{
	if (n && word[n - 1] == '*')
		return strncmp(word, value, n - 1) == 0;
	return strlen(value) == n && memcmp(word, value, n) == 0;
}

static bool is_listed(const char *list, const char *value)
{
	bool left_out = *list == '!';

	for (const char *word = list + left_out;; word++) {
		size_t n = strcspn(word, ",");

		if (word_matches(word, n, value))
			return !left_out;
		word += n;
		if (!*word)
			return left_out;
	}
}

static bool is_of(const struct part *part, const struct sg_series *s)
{
	return part->name && strcmp(part->name, s->name) == 0 &&
	       (!part->label || is_listed(part->list, sg_series_label(s, part->label)));
}

/* What a gauge fell by since the tick before, in the place of its comparison; its first reading is none. */
static bool fall(struct sg_truth_window *w, double v, double *amount)
{
	bool known = w->has_level;

	*amount = w->level - v;
	w->level = v;
	w->has_level = true;
	return known;
}

static bool amount_of(const struct part *part, const struct sg_sample *s, struct sg_truth_window *w,
		      double *v)
{
	if (part->amount == FALL)
		return fall(w, s->value, v);
	if (s->series.type != SG_HISTOGRAM)
		*v = s->value;
	else
		*v = part->amount == SUM ? s->hist.sum : s->hist.count;
	return true;
}

static void add_to(struct sum *to, const struct side *side, const struct sg_sample *s,
		   struct sg_truth_window *w)
{
	double v;

	for (size_t k = 0; k < PARTS_MAX; k++) {
		if (is_of(&side->parts[k], &s->series) && amount_of(&side->parts[k], s, w, &v)) {
			to->value += v;
			to->there = true;
		}
	}
}

static void add(struct sg_truth *t, struct sums *to, const struct sg_sample *s)
{
	for (size_t i = 0; i < N; i++) {
		add_to(&to->seen[i], &comparisons[i].seen, s, &t->windows[i]);
		add_to(&to->kernel[i], &comparisons[i].kernel, s, &t->windows[i]);
	}
}

/*
 * Most names of a frame are in no comparison, and all begin alike: a bit for each pair of a length and a letter in
 * the middle tells nearly all of these from the others.
 */
static unsigned int bit_of(const char *name, size_t n)
{
	return (unsigned int)(n * 31 + (unsigned char)name[n / 2] * 7 +
			      (unsigned char)name[n - 8]) %
	       SG_TRUTH_BITS;
}

static void mark(struct sg_truth *t, const struct side *side)
{
	for (size_t k = 0; k < PARTS_MAX && side->parts[k].name; k++) {
		unsigned int bit = bit_of(side->parts[k].name, strlen(side->parts[k].name));

		t->names[bit / 64] |= 1ull << bit % 64;
	}
}

static void mark_all(struct sg_truth *t)
{
	for (size_t i = 0; i < N; i++) {
		mark(t, &comparisons[i].seen);
		mark(t, &comparisons[i].kernel);
	}
}

static bool may_be_compared(const struct sg_truth *t, const struct sg_series *s)
{
	size_t n = strlen(s->name);
	unsigned int bit;

	if (n < sizeof("sgprobe_"))
		return false;
	bit = bit_of(s->name, n);
	return t->names[bit / 64] & 1ull << bit % 64;
}

static int put(struct sg_frame *f, const char *signal, double ratio)
{
	struct sg_label label = {"signal", signal};
	struct sg_series s, *copy;
	int r = sg_series_init(&s, SG_GAUGE, metrics[0].name, &label, 1);

	if (r < 0)
		return r;
	copy = sg_series_copy(f->arena, &s);
	return copy ? sg_frame_add_value(f, copy, ratio) : -ENOMEM;
}

static int compare(struct sg_truth *t, size_t i, const struct sums *now, struct sg_frame *f)
{
	struct sg_truth_window *w = &t->windows[i];
	bool both = now->seen[i].there && now->kernel[i].there;
	double seen = 0, kernel = 0;

	if (!both || !w->begun) {
		w->begun = both;
		w->ticks = 0;
		return 0;
	}
	w->seen[t->tick % SG_TRUTH_TICKS] = now->seen[i].value;
	w->kernel[t->tick % SG_TRUTH_TICKS] = now->kernel[i].value;
	w->ticks = SG_MIN(w->ticks + 1, SG_TRUTH_TICKS);
	for (unsigned int k = 0; k < w->ticks; k++) {
		seen += w->seen[(t->tick - k) % SG_TRUTH_TICKS];
		kernel += w->kernel[(t->tick - k) % SG_TRUTH_TICKS];
	}
	return kernel < SG_TRUTH_LEAST ? 0 : put(f, comparisons[i].signal, seen / kernel);
}

int sg_truth_tick(struct sg_truth *t, struct sg_frame *f)
{
	struct sums now = {0};
	int r = 0;

	if (!t->tick++)
		mark_all(t);
	for (size_t i = 0; i < f->n; i++)
		if (may_be_compared(t, &f->samples[i].series))
			add(t, &now, &f->samples[i]);
	for (size_t i = 0; r == 0 && i < N; i++)
		r = compare(t, i, &now, f);
	return r;
}
