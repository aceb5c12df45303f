// SPDX-License-Identifier: GPL-2.0
// The report document: one JSON object, described in docs/REPORT.md.
#include "document.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

void report_num(struct sg_buf *b, const char *key, double v)
{
	sg_buf_printf(b, "\"%s\":", key);
	sg_json_num(b, v);
}

void report_str(struct sg_buf *b, const char *key, const char *v)
{
	sg_buf_printf(b, "\"%s\":", key);
	sg_json_str(b, v ? v : "");
}

static void put_head(struct sg_buf *b, const struct report_data *d)
{
	char host[256] = "";

	if (!d->o->host && gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	sg_buf_printf(b, "{\"report\":\"sgprobe\",\"version\":%d,\"made_ms\":%" PRId64 ",",
		      REPORT_VERSION, d->o->now_ms);
	report_str(b, "sgprobe", SG_VERSION);
	sg_buf_char(b, ',');
	report_str(b, "host", d->o->host ? d->o->host : host);
	sg_buf_printf(b,
		      ",\"range\":{\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64
		      ",\"step_ms\":%" PRId64 ",\"watched_s\":%" PRId64,
		      d->o->from_ms, d->o->to_ms, d->step_ms, d->watched_s);
	if (d->newest_ms)
		sg_buf_printf(b, ",\"oldest_ms\":%" PRId64 ",\"newest_ms\":%" PRId64, d->oldest_ms,
			      d->newest_ms);
	sg_buf_str(b, "},");
}

static void put_document(struct sg_buf *b, const struct report_data *d)
{
	static void (*const parts[])(struct sg_buf *, const struct report_data *) = {
		report_put_verdict,   report_put_events,  report_put_latency, report_put_tables,
		report_put_resources, report_put_quality, report_put_metrics,
	};

	put_head(b, d);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (i)
			sg_buf_char(b, ',');
		parts[i](b, d);
	}
	sg_buf_str(b, "}\n");
}

int report_json_of(struct sg_reader *r, const struct sg_report_options *o, report_catalogue cat,
		   struct sg_buf *out, struct sg_error *err)
{
	struct report_data d;
	int k;

	if (o->from_ms >= o->to_ms)
		return sg_fail(err, -EINVAL, "the range ends before it begins");
	/* Ten years: far more than any store holds, and nothing overflows. */
	if (o->to_ms - o->from_ms > 3650LL * 86400000)
		return sg_fail(err, -EINVAL, "the range is longer than ten years");
	k = report_gather(r, o, cat, &d, err);
	if (!k)
		put_document(out, &d);
	report_data_free(&d);
	if (k == -ENOMEM || (!k && out->err))
		return sg_fail(err, k ? k : out->err, "out of memory for the report");
	return k;
}

int sg_report_json(struct sg_reader *r, const struct sg_report_options *o, struct sg_buf *out,
		   struct sg_error *err)
{
	return report_json_of(r, o, sg_metrics_each, out, err);
}
