/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Questions to the store that analysis answers, as JSON documents: what differs between two
 * windows, who explains it, where a series is heading. docs/COMPARE.md and docs/FORECAST.md
 * describe the documents. What is computed is in compare.h, explain.h, forecast.h, trend.h.
 *
 * All: 0, or -errno with a sentence: -EINVAL (a bad question), -ENOENT (nothing of that name),
 * -ENODATA (nothing was seen), -E2BIG and -ETIMEDOUT (ask for less), -EIO, -ENOMEM.
 */
#ifndef SGPROBE_ANALYSIS_H
#define SGPROBE_ANALYSIS_H

#include <sgprobe/explain.h>
#include <sgprobe/forecast.h>
#include <sgprobe/reader.h>

#define SG_WINDOW_MIN_MS 8000
#define SG_WINDOW_MAX_MS (7LL * 86400000)

/* Time is (from, to], Unix milliseconds. [0] is before, [1] after. */
struct sg_window {
	int64_t from_ms, to_ms;
};
struct sg_windows_wish {
	int64_t from_ms, to_ms; /* the window after */
	int64_t ago_ms; /* above 0: the window before is as long, so much earlier; 0: right before */
	int64_t base_from_ms, base_to_ms; /* or it is this one, where base_to_ms is not 0 */
	/*
	 * Or both lie at a mark: it is between them, and each is at most as long as (from, to]. A kind
	 * of annotation ("deploy", "annotation") for the newest one before to_ms, or Unix milliseconds.
	 */
	const char *mark;
};
int sg_windows_find(struct sg_reader *r, const struct sg_windows_wish *wish, uint64_t deadline_ns,
		    struct sg_window ret[2], struct sg_error *err);

struct sg_diff_options {
	struct sg_window window[2];
	size_t limit; /* rows; 0: 40 */
	uint64_t deadline_ns; /* 0: none */
};
int sg_diff_json(struct sg_reader *r, const struct sg_diff_options *o, struct sg_buf *out,
		 struct sg_error *err);

struct sg_explain_options {
	struct sg_window window[2];
	const char *metric; /* a histogram or counter of the host; labels in braces may follow */
	enum sg_measure by; /* what parts are ranked by */
	double q; /* 0: 0.99 */
	double threshold; /* 0: the quantile before */
	size_t limit; /* parts of a dimension; 0: 10. The rest is one row */
	uint64_t deadline_ns;
};
int sg_explain_json(struct sg_reader *r, const struct sg_explain_options *o, struct sg_buf *out,
		    struct sg_error *err);

struct sg_forecast_wish {
	const char *expr; /* PromQL; NULL: every resource that can run out */
	int64_t from_ms, to_ms; /* the past that is learnt from */
	int64_t step_ms; /* 0: such that there are at most 720 steps */
	int64_t horizon_ms; /* 0: a quarter of the past */
	bool has_cross;
	double cross;
	uint64_t deadline_ns;
};
int sg_forecast_json(struct sg_reader *r, const struct sg_forecast_wish *w, struct sg_buf *out,
		     struct sg_error *err);

#endif
