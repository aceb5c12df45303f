/* SPDX-License-Identifier: GPL-2.0 */
/* The endpoints of ingest.scrape, each fetched at its own time. */
#ifndef SG_INGEST_SCRAPE_H
#define SG_INGEST_SCRAPE_H

#include "ingest.h"

/* Puts timers into g's loop. */
int ingest_scrapes_start(struct sg_ingest *g, struct sg_error *err);
void ingest_scrapes_free(struct sg_ingest *g);
/* Under the lock. */
void ingest_scrapes_each(struct sg_ingest *g, void (*cb)(void *ctx, struct ingest_source *s),
			 void *ctx);
/* Appends a JSON array of what each said last. Under the lock. */
void ingest_scrapes_json(struct sg_ingest *g, struct sg_buf *b);

#endif
