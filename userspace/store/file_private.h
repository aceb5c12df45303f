/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of sgprobe/dbfile.h share. */
#ifndef STORE_FILE_PRIVATE_H
#define STORE_FILE_PRIVATE_H

#include <sgprobe/dbfile.h>

#include "db.h"

static inline int sg_dbfile_tell(const struct sg_dbfile_watch *w, const char *what, uint64_t done,
				 uint64_t all)
{
	return w && w->cb ? w->cb(w->ctx, what, done, all) : 0;
}

/* A statement that runs once or for many rows, to be finalised. -EUCLEAN also for a table that is missing. */
int sg_dbfile_prepare(struct sg_db *db, const char *sql, sqlite3_stmt **ret);
/* First column of the first row; fallback when there is none. */
int64_t sg_dbfile_number(struct sg_db *db, const char *sql, int64_t fallback);
bool sg_dbfile_has_table(struct sg_db *db, const char *name);
/* DIR/FILE copied into TO as SQLite copies: as of one moment. 0 or -errno with err. */
int sg_dbfile_copy(const struct sg_db_kind *kind, const char *from, const char *to,
		   const struct sg_dbfile_watch *w, uint64_t *bytes, struct sg_error *err);
/* That the copy in a folder is whole; takes its time. */
int sg_dbfile_verify(const struct sg_db_kind *kind, const char *dir, struct sg_error *err);
int sg_dbfile_sync(const char *dir, const char *file);
uint64_t sg_dbfile_size(const char *dir, const char *file, const char *suffix);

#endif
