/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The series that were taken in and what happened to them since the last frame. Not
 * thread safe; the clock is told, never read.
 */
#ifndef SG_INGEST_TABLE_H
#define SG_INGEST_TABLE_H

#include <sgprobe/frame.h>

#include "point.h"

#define INGEST_TICK_MS 1000
#define INGEST_AHEAD_MS 5000 /* time stamps may be so far in the future */
#define INGEST_MEMBERS_MAX 200000 /* of all sets together */
#define INGEST_TEXT_MAX (4U << 20) /* of all names and labels: a frame has a largest size */
#define INGEST_BUCKETS_MAX 400000 /* of all distributions, in ticks that are not written yet */

struct ingest_limits {
	size_t max_series, max_source_series, max_names;
	int64_t expire_ms, max_age_ms, set_window_ms;
};

/* Who sends. A series is one source's as long as it lives. Zero-initialise but for the name. */
struct ingest_source {
	char name[192];
	size_t n_series;
	uint64_t samples; /* taken */
	uint64_t refused[INGEST_REASONS];
	uint64_t late; /* stamped with a second that was written already: they count in the next */
	uint64_t told[INGEST_REASONS + 1]; /* of refused and samples: in frames so far */
	char example[128]; /* the last line that was refused */
	enum ingest_reason why; /* of it */
	int64_t expire_ms; /* of its series; 0: as the limits say */
	uint64_t round; /* of scrapes: series of an earlier one have ended */
};

struct ingest_table;
struct ingest_table *ingest_table_new(const struct ingest_limits *l);
void ingest_table_free(struct ingest_table *t);
SG_DEFINE_AUTO(ingest_table, ingest_table_free)

/* Before samples are put in: wall clock and a clock that nobody sets. */
void ingest_table_clock(struct ingest_table *t, int64_t real_ms, int64_t mono_ms);
/* INGEST_OK when it was taken; counts either way, and keeps line as an example of what was refused. */
enum ingest_reason ingest_table_put(struct ingest_table *t, struct ingest_source *s,
				    const struct ingest_point *p, const char *line, size_t n);
void ingest_source_refuse(struct ingest_source *s, enum ingest_reason why, const char *line,
			  size_t n);
/* Series of s that were not put since its round was raised are in no frame until they are put again. */
void ingest_table_end_round(struct ingest_table *t, struct ingest_source *s);

/* Puts everything up to t_ms into a frame, which borrows from the table until the next call of any of these. */
int ingest_table_frame(struct ingest_table *t, int64_t t_ms, struct sg_frame *f);

size_t ingest_table_series(const struct ingest_table *t);
size_t ingest_table_names(const struct ingest_table *t);

#endif
