/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The writer's index of series: which number each has in metrics.db, in memory as it is
 * there. What changes is written in the caller's transaction; when that fails, the index
 * is to be forgotten and is read again.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <sgprobe/series.h>

#include "db.h"

struct sg_index;

/* Reads what the file has. -ENOMEM, -EUCLEAN, ... */
int sg_index_load(struct sg_db *db, size_t max_series, struct sg_index **ret);
void sg_index_free(struct sg_index *x);
SG_DEFINE_AUTO(sg_index, sg_index_free)

/*
 * The number of a series that was in segment pos, up to end_ms; it is entered when it is
 * new. -EDQUOT: there are max_series already.
 */
int sg_index_see(struct sg_index *x, struct sg_db *db, const struct sg_series *s, int64_t pos,
		 int64_t end_ms, uint32_t *id);
/* Marks what was not in segment pos as ended. */
int sg_index_end(struct sg_index *x, struct sg_db *db, int64_t pos, int64_t t0_ms);
/* Deletes some that ended before t_ms: of them nothing is kept any more. */
int sg_index_trim(struct sg_index *x, struct sg_db *db, int64_t t_ms);
size_t sg_index_len(const struct sg_index *x);

/* Text of labels as the column has it; and back, into an arena. -EBADMSG, -ENOMEM. */
void sg_index_put_labels(struct sg_buf *b, const struct sg_series *s);
int sg_index_series(struct sg_arena *a, int64_t type, const char *name, const void *labels,
		    size_t n, struct sg_series *ret);

#endif
