/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk: the samples of one series over one segment of time, column-wise. It carries
 * what was counted before its first sample, so it can be read without any other.
 *
 *   u32 crc32c of the rest, then bits (bits.h, column.h):
 *   type, coarse, known, number of samples, how long ago the series was before, the
 *   value before; columns t and span (ms); then of
 *   counters    increases; coarse: values
 *   gauges      readings; coarse: the last, then smallest, largest, sum, how many
 *   histograms  number of buckets of each sample, their indices and counts, the sums
 *               of what was observed (coarse: cumulative). A sum is predicted from its
 *               buckets, a count from those that its bucket had before.
 *
 * Coarse samples stand for a span of some ticks: of counters and histograms they are
 * what the last tick in it is at full resolution. A span below 0 says that counting
 * began anew with that sample.
 */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include <sgprobe/series.h>

#define SG_CHUNK_MAX_SAMPLES 65536U
#define SG_CHUNK_MAX_TICKS ((int64_t)1 << 53) /* that one sample stands for */

/* Zero-initialise, reuse, free. What is used depends on type and coarse. */
struct sg_samples {
	enum sg_type type;
	bool coarse;
	bool known; /* it was there before: last_ms, and value or hist of then */
	int64_t last_ms;
	double value;
	struct sg_hist hist;
	size_t n;
	int64_t *t_ms, *span_ms;
	double *v; /* increases, readings, values; of histograms the sums */
	double *min, *max, *sum;
	int64_t *n_ticks;
	int64_t *n_buckets; /* of each sample, one after the other in buckets */
	struct sg_bucket *buckets; /* counts are whole */
	size_t total_buckets;
	size_t cap, cap_buckets;
	int64_t *scratch;
};
void sg_samples_free(struct sg_samples *s);
/* Room for n samples; s->n stays. -ENOMEM. */
int sg_samples_reserve(struct sg_samples *s, size_t n);
/* Room for one more sample, the caller fills s->...[s->n - 1] in. */
int sg_samples_grow(struct sg_samples *s);
int sg_samples_add_bucket(struct sg_samples *s, int32_t index, double count);

/* Appends a chunk. base_ms: a time nearby that the reader knows as well. */
int sg_chunk_encode(struct sg_samples *s, int64_t base_ms, struct sg_buf *out);
/* Replaces s. -EBADMSG for anything that no encoder wrote; -ENOMEM. */
int sg_chunk_decode(struct sg_samples *s, int64_t base_ms, const void *p, size_t n);

#endif
