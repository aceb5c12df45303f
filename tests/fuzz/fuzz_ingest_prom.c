// SPDX-License-Identifier: GPL-2.0
// Prometheus text and OpenMetrics, and the answer to a fetch that brought it.
#include "ingest_harness.h"

#include "ingest/fetch.h"

static void fetch(const char *p, size_t n)
{
	sg_auto_buf body = {0};
	struct sg_error why = {""};
	bool openmetrics;

	if (ingest_fetch_parse(p, n, 4096, &body, &openmetrics, &why) == 0 && body.len > 4096)
		abort();
}

static void parse(const char *p, size_t n, const struct ingest_sink *sink)
{
	static const struct sg_label own[] = {{"instance", "h:1"}, {"job", "node"}};
	struct ingest_prom s = {.own = {own, n % 3}, .openmetrics = n & 1};

	fetch(p, n);
	ingest_prom(&s, p, n, sink);
}
