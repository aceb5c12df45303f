/* SPDX-License-Identifier: GPL-2.0 */
/* What has left the journal, read: series by their labels, segments, chunks. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "collect.h"
#include "db.h"

struct sg_history {
	struct sg_db *db;
	const struct sg_selector *sels;
	size_t n_sels;
	int64_t from_ms, to_ms;
	int64_t res_ms; /* that is enough */
	uint64_t deadline_ns;
	struct sg_collect *collect;
	void (*on_bad)(void *ctx, int64_t chunk); /* a chunk that cannot be read */
	void *ctx;
	int64_t read_ms; /* out: coarsest resolution that was read, 0 when none */
};

/* The resolution of the tier that serves where this one is enough; 0: of the first. */
int64_t sg_history_res(int64_t res_ms);
/*
 * Within the caller's transaction. 0, -ETIMEDOUT, -E2BIG, -ENOMEM, ... A file of an older
 * schema has none of it.
 */
int sg_history_read(struct sg_history *h);

#endif
