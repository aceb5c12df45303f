/* SPDX-License-Identifier: GPL-2.0 */
/* Samples as text that other programs read. Pure but for the stream that is written. */
#ifndef SG_CLI_EXPORT_H
#define SG_CLI_EXPORT_H

#include <stdio.h>

#include <sgprobe/native.h>
#include <sgprobe/series.h>
#include <sgprobe/str.h>

/* Samples of one series, in ascending time. */
struct sg_run {
	const struct sg_series *series;
	const char *type; /* "counter", "gauge", "histogram"; of an expression "unknown" */
	size_t n;
	/* Sample i: a float in *value, or a histogram: true, *h is filled. */
	bool (*get)(const struct sg_run *r, size_t i, int64_t *t_ms, double *value,
		    struct sg_native *h);
	const void *samples; /* what get reads */
};

struct sg_writer {
	const char *name; /* "csv" */
	bool by_family; /* a metric's samples must not be torn apart */
	void (*begin)(struct sg_buf *b);
	/* family: another metric than in the run before. */
	void (*run)(struct sg_buf *b, const struct sg_run *r, bool family);
	void (*end)(struct sg_buf *b);
};
extern const struct sg_writer sg_writers[]; /* ended by one without a name */
const struct sg_writer *sg_writer_find(const char *name);

#endif
