/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A report is one JSON document computed from queries over a time range; text is
 * a rendering of that document and of nothing else. Deterministic for the same
 * store, range and now.
 */
#ifndef SGPROBE_REPORT_H
#define SGPROBE_REPORT_H

#include <sgprobe/reader.h>

struct sg_report_options {
	int64_t from_ms, to_ms;
	int64_t now_ms; /* printed as the time of making */
	const char *host; /* NULL: this host's name */
	uint64_t deadline_ns; /* 0: none */
};
int sg_report_json(struct sg_reader *r, const struct sg_report_options *o, struct sg_buf *out,
		   struct sg_error *err);
struct sg_report_style {
	unsigned int width; /* columns, 60..200 */
	bool color, ascii;
};
int sg_report_text(const char *json, const struct sg_report_style *style, struct sg_buf *out,
		   struct sg_error *err);

#endif
