/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The newest value of every series, as scrapers of Prometheus' kind read it: text
 * 0.0.4, OpenMetrics 1.0, and the delimited protobuf form, in which histograms are
 * native ones. docs/EXPOSITION.md says what each carries.
 *
 * Classic buckets (`le`) are sums of native ones up to an edge that both have, so
 * their counts are exact.
 */
#ifndef SGPROBE_EXPORT_H
#define SGPROBE_EXPORT_H

#include <sgprobe/metric.h>
#include <sgprobe/reader.h>

enum sg_format { SG_FORMAT_TEXT, SG_FORMAT_OPENMETRICS, SG_FORMAT_PROTOBUF };

/*
 * The form that an Accept header likes best: by q, then by the more specific range, then as
 * it is listed. NULL, nothing that there is, or a header that is none: text.
 */
enum sg_format sg_format_negotiate(const char *accept);
const char *sg_format_type(enum sg_format f); /* the Content-Type; static */

#define SG_EXPORT_ALIVE_MS 5000 /* a series that had a sample this long before the newest tick */
#define SG_EXPORT_EXEMPLARS_MS 60000 /* exemplars are the worst of the minute, one a bucket */

struct sg_export_options {
	enum sg_format format;
	bool timestamps; /* of the samples, as federation has them */
	const struct sg_selector *sels; /* compiled; none: every series */
	size_t n_sels;
	int64_t now_ms; /* a newest tick a minute older is none */
	uint64_t deadline_ns;
	/*
	 * NULL, or takes b's bytes and empties it, so that an answer of any size takes little memory;
	 * called between families. Not 0 ends it.
	 */
	int (*more)(struct sg_buf *b, void *ctx);
	void *ctx;
};

/*
 * Appends to b; 0, or with a sentence in err -EAGAIN (no tick is new), -ETIMEDOUT, -E2BIG,
 * -ENOMEM, -EIO, or what more returned.
 */
int sg_export(struct sg_reader *r, const struct sg_export_options *o, struct sg_buf *b,
	      struct sg_error *err);

/*
 * The catalogue by name, with what of a metric is known that is not in it: its type.
 * NULL: out of memory.
 */
struct sg_catalogue;
struct sg_catalogue *sg_catalogue_new(void);
void sg_catalogue_free(struct sg_catalogue *c);
SG_DEFINE_AUTO(sg_catalogue, sg_catalogue_free)
/* NULL: not in it. */
const struct sg_metric_info *sg_catalogue_find(const struct sg_catalogue *c, const char *name);

#endif
