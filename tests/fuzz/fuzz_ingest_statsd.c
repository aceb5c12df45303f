// SPDX-License-Identifier: GPL-2.0
// StatsD datagrams from anybody: whatever is taken from them makes a frame that every decoder takes.
#include "ingest_harness.h"

static void parse(const char *p, size_t n, const struct ingest_sink *sink)
{
	ingest_statsd(p, n, sink);
}
