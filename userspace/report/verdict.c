// SPDX-License-Identifier: GPL-2.0
// The report's first sentences: what changed, and how far the data can be trusted.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "document.h"

/* With fewer events a p99 is the story of one of them. */
#define TREND_MIN_COUNT 100
#define TREND_RATIO 1.5

/*
 * A metric with a label of its own (system calls) is a mixture, in which another share
 * of sleeping calls looks like a change.
 */
static bool is_judged(const struct report_metric *m)
{
	return sg_metric_is_latency(&m->info) && !m->info.dim && !m->info.label;
}

struct report_trend report_trend(const struct report_metric *m)
{
	const struct sg_hist *a = &m->thirds[0], *b = &m->thirds[REPORT_THIRDS - 1];
	struct report_trend t = {NAN, NAN, NAN, false, false};

	if (a->count > 0)
		t.first = sg_hist_quantile(a, 0.99);
	if (b->count > 0)
		t.last = sg_hist_quantile(b, 0.99);
	if (t.first > 0 && t.last > 0)
		t.ratio = t.last / t.first;
	if (is_judged(m) && a->count >= TREND_MIN_COUNT && b->count >= TREND_MIN_COUNT) {
		t.slower = t.ratio >= TREND_RATIO;
		t.faster = t.ratio <= 1 / TREND_RATIO;
	}
	return t;
}

struct sentences {
	struct sg_buf *b;
	size_t n;
};

static void say(struct sentences *s, const char *text)
{
	if (s->n++)
		sg_buf_char(s->b, ',');
	sg_json_str(s->b, text);
}

static void say_change(struct sentences *s, const struct report_metric *m, struct report_trend t)
{
	char text[256], a[32], b[32];

	snprintf(text, sizeof(text),
		 "%s got %s: p99 went from %s to %s (%.1f times %s) within the range.",
		 m->info.title, t.slower ? "slower" : "faster",
		 sg_fmt_seconds(t.first, a, sizeof(a)), sg_fmt_seconds(t.last, b, sizeof(b)),
		 t.slower ? t.ratio : 1 / t.ratio, t.slower ? "as much" : "less");
	say(s, text);
}

/* The largest changes first; at most three, so that the verdict stays one. */
static size_t say_changes(struct sentences *s, const struct report_data *d)
{
	bool said[256] = {false};
	size_t n = 0;

	for (; n < 3; n++) {
		const struct report_metric *best = NULL;
		double most = 0;
		size_t at = 0;

		for (size_t i = 0; i < SG_MIN(d->n_metrics, ARRAY_SIZE(said)); i++) {
			struct report_trend t = report_trend(d->metrics[i]);
			double size = fabs(log(t.ratio));

			if (said[i] || !is_judged(d->metrics[i]) || !(t.slower || t.faster) ||
			    size <= most)
				continue;
			best = d->metrics[i];
			most = size;
			at = i;
		}
		if (!best)
			break;
		said[at] = true;
		say_change(s, best, report_trend(best));
	}
	return n;
}

static bool any_slower(const struct report_data *d)
{
	for (size_t i = 0; i < d->n_metrics; i++)
		if (is_judged(d->metrics[i]) && report_trend(d->metrics[i]).slower)
			return true;
	return false;
}

static void say_coverage(struct sentences *s, const struct report_data *d)
{
	int64_t whole = (d->o->to_ms - d->o->from_ms + 999) / 1000;
	double lost = report_sum(d, "sgprobe_dropped_total");
	char text[256];

	if (d->watched_s >= whole)
		snprintf(text, sizeof(text), "All %" PRId64 " seconds of the range were watched.",
			 whole);
	else
		snprintf(text, sizeof(text),
			 "The range is partial: %" PRId64 " of its %" PRId64
			 " seconds were watched.",
			 d->watched_s, whole);
	say(s, text);
	if (d->o->from_ms < d->oldest_ms - 1000)
		say(s, "The range begins before the oldest data in the store.");
	if (lost > 0) {
		snprintf(text, sizeof(text), "%.0f events were seen but not recorded.", lost);
		say(s, text);
	}
}

static const char *level(const struct report_data *d)
{
	int64_t whole = (d->o->to_ms - d->o->from_ms + 999) / 1000;

	if (!d->any)
		return "nodata";
	if (any_slower(d))
		return "slower";
	return d->watched_s < whole || report_sum(d, "sgprobe_dropped_total") > 0 ? "partial"
										  : "steady";
}

void report_put_verdict(struct sg_buf *b, const struct report_data *d)
{
	struct sentences s = {b, 0};

	sg_buf_printf(b, "\"verdict\":{\"level\":\"%s\",\"sentences\":[", level(d));
	if (!d->any) {
		say(&s, d->newest_ms ? "There is no data in this range."
				     : "There is no data: the store is empty.");
	} else {
		if (!say_changes(&s, d))
			say(&s, "Latencies were steady: no p99 changed by half or more within "
				"the range.");
		say_coverage(&s, d);
	}
	sg_buf_str(b, "]}");
}
