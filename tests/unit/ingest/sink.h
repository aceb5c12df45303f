/* SPDX-License-Identifier: GPL-2.0 */
/* What a parser found, as text: one line for each point and each refusal. */
#ifndef TESTS_INGEST_SINK_H
#define TESTS_INGEST_SINK_H

#include <inttypes.h>
#include <string.h>

#include "ingest/point.h"

static void sink_point(void *ctx, const struct ingest_point *p, const char *line, size_t n)
{
	static const char *const ops[] = {"add", "total", "set", "shift", "observe", "member"};
	struct sg_buf *b = ctx;

	sg_buf_printf(b, "%s %s", ops[p->op], p->series->name);
	for (size_t i = 0; i < p->series->n; i++)
		sg_buf_printf(b, "%s%s=%s", i ? "," : "{", p->series->labels[i].name,
			      p->series->labels[i].value);
	sg_buf_str(b, p->series->n ? "}" : "");
	if (p->op != INGEST_MEMBER) {
		sg_buf_char(b, ' ');
		sg_fmt_float(b, p->value);
	}
	if (p->rate_num != p->rate_den)
		sg_buf_printf(b, " %" PRIu64 "/%" PRIu64, p->rate_num, p->rate_den);
	if (p->t_ms)
		sg_buf_printf(b, " at %" PRId64, p->t_ms);
	sg_buf_char(b, '\n');
}

static void sink_refused(void *ctx, enum ingest_reason why, const char *line, size_t n)
{
	struct sg_buf *b = ctx;

	sg_buf_printf(b, "%s: %.*s\n", ingest_reason_name(why), (int)n, line);
}

#define SINK(buf)                                                                                  \
	{                                                                                          \
		sink_point, sink_refused, buf                                                      \
	}

#endif
