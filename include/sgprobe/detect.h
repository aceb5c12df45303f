/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Streaming anomaly detection: one detector watches one series and gives each
 * sample a score in 0...1, from this sample and earlier ones alone.
 *
 * The score is calibrated: 1 - score is about the share of this series' own past
 * that was at least as unusual, so 0.99 is one tick in a hundred and 0.999 one in
 * a thousand. Above 0.999 it grows with how far the sample exceeds all that the
 * series has shown. docs/MONITORING.md has the formulae and their sources.
 *
 * Pure: no I/O, no clock, no memory beyond sg_detector_new. A detector is used by
 * one thread at a time. Any sampling interval; time constants count samples.
 */
#ifndef SGPROBE_DETECT_H
#define SGPROBE_DETECT_H

#include <stdint.h>

#include <sgprobe/err.h>
#include <sgprobe/hist.h>
#include <sgprobe/str.h>

#define SG_DETECTOR_BYTES_MAX 4096 /* of memory, and of what sg_detector_save writes */
#define SG_DETECT_WARMUP 200 /* samples before the first score that is not 0 */

enum sg_detector_kind {
	SG_DETECT_VALUE = 0, /* numbers: a gauge, or what a counter grew by */
	SG_DETECT_HISTOGRAM = 1, /* what a histogram counted since the sample before */
};

/* What a score was made from, in the order of sg_detector_part_name. */
#define SG_DETECT_PARTS 9

struct sg_detector;

struct sg_detector *sg_detector_new(enum sg_detector_kind kind); /* NULL: no memory */
void sg_detector_free(struct sg_detector *d);
SG_DEFINE_AUTO(sg_detector, sg_detector_free)
enum sg_detector_kind sg_detector_kind(const struct sg_detector *d);

/*
 * The score of a sample. t_ms is Unix time; it places the sample in the day and
 * the week and shows gaps. The first sample after a gap scores 0 and is not
 * learnt from, since it may span the gap. So does what is not finite, and the
 * wrong kind of sample for the detector.
 */
double sg_detect_value(struct sg_detector *d, int64_t t_ms, double v);
/* The same of a counter's total: what it grew by. The first total and one below the last (a reset) score 0. */
double sg_detect_counter(struct sg_detector *d, int64_t t_ms, double total);
/* Of a histogram of this tick alone, not of totals. An empty one is a tick without events. */
double sg_detect_hist(struct sg_detector *d, int64_t t_ms, const struct sg_hist *h);
/*
 * The source was read at t_ms and the series was not in it. A series that was
 * present in nearly all ticks scores high once it stays away longer than ever.
 * Not for ticks that were not read: those are a gap, of which nothing is told.
 */
double sg_detect_absent(struct sg_detector *d, int64_t t_ms);

/* How much each part added to the evidence of the last score, 0...; "level", "shape", "season" .... NULL past the last. */
const char *sg_detector_part_name(enum sg_detector_kind kind, unsigned int part);
double sg_detector_part(const struct sg_detector *d, unsigned int part);

/*
 * The state, little-endian, with version and CRC32C: appended to b. What is loaded
 * goes on exactly as the saved one would. Load: -EBADMSG for damage,
 * -EPROTONOSUPPORT for another version, -ENOMEM.
 */
void sg_detector_save(const struct sg_detector *d, struct sg_buf *b);
int sg_detector_load(const void *p, size_t n, struct sg_detector **ret);

/*
 * One line of a CSV of timestamp,value. The timestamp is Unix seconds, or
 * YYYY-MM-DD HH:MM[:SS[.frac]] with ' ' or 'T', with or without a 'Z' (without:
 * taken as it stands, so that days begin at its midnight). An empty value, NaN or
 * null is NaN. *ret_len is the length of the timestamp's text. -EINVAL and a
 * sentence in err.
 */
int sg_detect_csv_line(const char *line, int64_t *ret_t_ms, double *ret_v, size_t *ret_len,
		       struct sg_error *err);

#endif
