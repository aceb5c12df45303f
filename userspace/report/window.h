/* SPDX-License-Identifier: GPL-2.0 */
/* Two windows of time, cut into blocks, read once. */
#ifndef REPORT_WINDOW_H
#define REPORT_WINDOW_H

#include <sgprobe/analysis.h>
#include <sgprobe/compare.h>
#include <sgprobe/metric.h>

#define WINDOW_BLOCKS_MAX 30
#define WINDOW_BLOCKS_MIN 8
#define WINDOW_BLOCK_MS 5000 /* at least, where there are enough of them */

struct window_cut {
	struct sg_window w;
	size_t n; /* blocks */
	double watched[WINDOW_BLOCKS_MAX]; /* seconds with a tick, per block */
	double seconds; /* of them all */
};

/* One series' samples: increases per tick, in window which (0, 1). */
typedef int (*window_cb)(void *ctx, const struct sg_points *p, size_t which);

/* Checks and cuts. -EINVAL with a sentence. */
int window_cut(const struct sg_window w[2], struct window_cut cut[2], struct sg_error *err);
size_t window_block(const struct window_cut *c, int64_t t_ms);
/*
 * Reads what the compiled selectors select in both windows, and counts the seconds that were
 * watched: those in which there was any sample. -ENODATA when one has none.
 */
int window_read(struct sg_reader *r, const struct sg_selector *sels, size_t n,
		struct window_cut cut[2], uint64_t deadline_ns, window_cb cb, void *ctx,
		struct sg_error *err);

/* "windows":[{"from_ms","to_ms","seconds"},...] */
void window_put(struct sg_buf *b, const struct window_cut cut[2]);
/* "key":[before,after] */
void window_put_pair(struct sg_buf *b, const char *key, const double v[2]);
/* {"label":"value",...} */
void window_put_labels(struct sg_buf *b, const struct sg_series *s);

#endif
