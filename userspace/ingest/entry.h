/* SPDX-License-Identifier: GPL-2.0 */
/* One series of the table: what it is, and what happened to it in ticks that are not written yet. */
#ifndef SG_INGEST_ENTRY_H
#define SG_INGEST_ENTRY_H

#include "members.h"
#include "point.h"

#define ENTRY_CELLS_MAX 80 /* ticks that wait; past it the newest takes all */

/* What happened in one tick. */
struct ingest_cell {
	struct ingest_cell *next; /* a later one */
	int64_t t_ms;
	double value; /* a counter's increase; a gauge's last reading */
	int64_t given_ms; /* a gauge's: when, if that was said */
	struct sg_hist hist;
};

struct ingest_entry {
	struct sg_series *series; /* owned */
	struct ingest_source *source;
	enum ingest_op op; /* INGEST_SET for INGEST_SHIFT too */
	bool shown; /* in frames: it has a value, and did not end */
	int64_t seen_ms; /* monotonic: of the last sample */
	uint64_t round; /* of the source, then */
	bool has_total;
	double total; /* INGEST_TOTAL: where it stood last */
	uint64_t carry, carry_of; /* what sampling left over: carry / carry_of of one */
	double gauge; /* the newest reading */
	size_t text; /* bytes of name and labels */
	size_t n_cells;
	size_t n_buckets; /* in cells */
	struct ingest_cell *cells, *spare;
	struct ingest_members members;
	/* what the frame being made says */
	double value;
	struct sg_hist hist;
};

struct ingest_entry *ingest_entry_new(const struct sg_series *s, enum ingest_op op);
void ingest_entry_free(struct ingest_entry *e);
enum sg_type ingest_op_type(enum ingest_op op);

/* Why a value can never be, whatever the series: to be asked before one is made for it. */
enum ingest_reason ingest_point_check(const struct ingest_point *p);
/* Notes a sample in the tick that ends at t_ms. */
enum ingest_reason ingest_entry_put(struct ingest_entry *e, const struct ingest_point *p,
				    int64_t t_ms);
/* Takes everything up to t_ms together into value and hist. -ENOMEM: some of it is lost. */
int ingest_entry_close(struct ingest_entry *e, int64_t t_ms);

#endif
