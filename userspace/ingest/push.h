/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_INGEST_PUSH_H
#define SG_INGEST_PUSH_H

#include "ingest.h"

/* Takes a whole Prometheus text in as what source says; ret is added to. */
void ingest_feed_prom(struct sg_ingest *g, struct ingest_source *source, struct ingest_prom *s,
		      const char *p, size_t n, struct sg_ingest_result *ret);

#endif
