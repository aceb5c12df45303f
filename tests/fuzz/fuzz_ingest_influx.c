// SPDX-License-Identifier: GPL-2.0
// Influx line protocol.
#include "ingest_harness.h"

static void parse(const char *p, size_t n, const struct ingest_sink *sink)
{
	const struct ingest_influx s = {.unit_ns = n & 1 ? 1 : 1000000000};

	ingest_influx(&s, p, n, sink);
}
