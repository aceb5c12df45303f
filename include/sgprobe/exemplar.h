/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exemplars of a range, gathered by series, as Prometheus' API prints them. OpenMetrics
 * allows the labels of one 128 characters, names included: so the stack is a label as far
 * as there is room, its innermost frames first kept; whole, it is beside the labels.
 */
#ifndef SGPROBE_EXEMPLAR_H
#define SGPROBE_EXEMPLAR_H

#include <sgprobe/reader.h>

#define SG_EXEMPLAR_LABELS_MAX 128 /* characters */
#define SG_EXEMPLARS_MAX 50000 /* of an answer */

struct sg_exemplars;
/*
 * step_ms: of each series only the highest of each step, which ends at a multiple of it; 0: all.
 * NULL: out of memory.
 */
struct sg_exemplars *sg_exemplars_new(int64_t step_ms);
void sg_exemplars_free(struct sg_exemplars *x);
SG_DEFINE_AUTO(sg_exemplars, sg_exemplars_free)
/* An sg_exemplar_cb, ctx the set: copies. -E2BIG past SG_EXEMPLARS_MAX, -ENOMEM. */
int sg_exemplars_take(const struct sg_series *s, const struct sg_exemplar *e, void *ctx);

/*
 * [{"seriesLabels":{},"exemplars":[{"labels":{},"value":"","timestamp":0}]}], series in
 * ascending order, exemplars by time. whole: each with "frames" (outermost first), "kernel"
 * (how many of them, the last ones, are the kernel's) and "cpu".
 */
void sg_exemplars_json(struct sg_buf *b, struct sg_exemplars *x, bool whole);
/* Calls put for each label of those below, within SG_EXEMPLAR_LABELS_MAX; the value is valid during the call. */
typedef void (*sg_exemplar_label_cb)(void *ctx, const char *name, const char *value);
void sg_exemplar_labels(const struct sg_exemplar *e, sg_exemplar_label_cb put, void *ctx);
/* {"pid","tid","comm","cgroup","stack"}, without what is not known. */
void sg_exemplar_labels_json(struct sg_buf *b, const struct sg_exemplar *e);

#endif
