/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store's files as files: looked through, copied, put back, made smaller, measured. For
 * 'sgprobe db'; reading works beside a running daemon, restore and compact need the folder.
 */
#ifndef SGPROBE_DBFILE_H
#define SGPROBE_DBFILE_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/err.h>

/* Called now and then: how much of how much is done (0: not known). Not 0 ends the work with it. */
typedef int (*sg_dbfile_progress)(void *ctx, const char *what, uint64_t done, uint64_t all);
struct sg_dbfile_watch {
	sg_dbfile_progress cb; /* NULL: nobody looks */
	void *ctx;
};

/* ---- check ------------------------------------------------------------------------------ */

/* One thing that is wrong: in which file and table, and what. */
typedef void (*sg_dbfile_finding)(void *ctx, const char *where, const char *what);
struct sg_dbfile_checked {
	uint64_t pages, rows, frames;
	uint64_t problems; /* of which the first hundred of a kind are told */
};
/*
 * SQLite's own look at every page, then of every row its checksum, that it decodes, and that what
 * is said of it holds. 0 also when there are problems; -ENOENT: no store; -EACCES,
 * -EPROTONOSUPPORT, -EINTR.
 */
int sg_dbfile_check(const char *data_dir, sg_dbfile_finding on_finding, void *ctx,
		    const struct sg_dbfile_watch *w, struct sg_dbfile_checked *ret,
		    struct sg_error *err);

/* ---- copies ------------------------------------------------------------------------------ */

/*
 * Copies both files as of one moment into the new folder 'to', while a daemon may go on writing.
 * There it appears whole or not at all. -EEXIST: to is there already; -ENOSPC, -EUCLEAN.
 */
int sg_dbfile_backup(const char *data_dir, const char *to, const struct sg_dbfile_watch *w,
		     uint64_t *bytes, struct sg_error *err);
/*
 * Puts a backup in the place of the folder's files, which are moved to 'aside' (128 bytes: its
 * name in the folder; "" when there were none). -EBUSY: a daemon has the folder;
 * -EPROTONOSUPPORT: of a newer sgprobe; -EUCLEAN: damaged; the folder is as before then.
 */
int sg_dbfile_restore(const char *from, const char *data_dir, const struct sg_dbfile_watch *w,
		      char aside[128], struct sg_error *err);
/* Writes metrics.db anew without free pages. -EBUSY: a daemon has the folder; -ENOSPC. */
int sg_dbfile_compact(const char *data_dir, const struct sg_dbfile_watch *w, uint64_t *before,
		      uint64_t *after, struct sg_error *err);

/* ---- numbers ------------------------------------------------------------------------------ */

struct sg_dbfile_table {
	char name[64];
	uint64_t rows, bytes; /* with its indices */
};
struct sg_dbfile_metric {
	char name[128];
	uint64_t series; /* in what was looked at */
	double samples; /* estimated */
	double bytes; /* estimated: its share of the frames */
};
struct sg_dbfile_stats {
	uint64_t file_bytes, wal_bytes, free_bytes; /* of metrics.db */
	uint64_t state_bytes;
	int64_t oldest_ms, newest_ms; /* 0: empty */
	int64_t schema;
	uint64_t blocks,
		looked_at; /* of frames: how many there are, and from how many metrics are estimated */
	uint64_t n_tables, n_metrics;
	struct sg_dbfile_table *tables; /* largest first */
	struct sg_dbfile_metric *metrics; /* largest first */
};
int sg_dbfile_stats(const char *data_dir, const struct sg_dbfile_watch *w,
		    struct sg_dbfile_stats *ret, struct sg_error *err);
void sg_dbfile_stats_free(struct sg_dbfile_stats *s);

#endif
