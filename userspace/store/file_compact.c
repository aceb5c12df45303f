// SPDX-License-Identifier: GPL-2.0
/* metrics.db written anew: into a file beside it, which then takes its place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_private.h"
#include "folder.h"

#define NEW "metrics.db.compact"

struct work {
	const struct sg_dbfile_watch *w;
	const char *dir;
	uint64_t all;
	int r;
};

static int on_progress(void *ctx)
{
	struct work *k = ctx;

	k->r = sg_dbfile_tell(k->w, "metrics.db", sg_dbfile_size(k->dir, NEW, ""), k->all);
	return k->r != 0;
}

/* All that is in the WAL into the file; the last connection that closes removes it. */
static int write_new(struct sg_db *db, struct work *k)
{
	sqlite3_stmt *s = NULL;
	char path[4096];
	int r = sg_db_checkpoint(db, true);

	snprintf(path, sizeof(path), "%s/" NEW, k->dir);
	unlink(path);
	if (r == 0)
		r = sg_dbfile_prepare(db, "VACUUM INTO ?1", &s);
	if (r == 0) {
		sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
		sqlite3_progress_handler(db->h, 100000, on_progress, k);
		r = sg_db_step(db, s);
		sqlite3_progress_handler(db->h, 0, NULL, NULL);
	}
	sqlite3_finalize(s);
	if (r < 0)
		unlink(path);
	return k->r ? k->r : SG_MIN(r, 0);
}

static int take_place(const char *dir)
{
	char from[4096], to[4096];
	struct stat st;
	int r = sg_dbfile_sync(dir, NEW);

	snprintf(from, sizeof(from), "%s/" NEW, dir);
	snprintf(to, sizeof(to), "%s/metrics.db", dir);
	if (r == 0 && (stat(to, &st) < 0 || chmod(from, st.st_mode & 0777) < 0 ||
		       (chown(from, st.st_uid, st.st_gid) < 0 && geteuid() == 0)))
		r = -errno;
	if (r == 0 && sg_dbfile_size(dir, "metrics.db", "-wal"))
		r = -EBUSY; /* somebody reads: what is in there must not be lost */
	if (r == 0 && rename(from, to) < 0)
		r = -errno;
	if (r < 0)
		unlink(from);
	else
		sg_dbfile_sync(dir, NULL);
	return r;
}

static int compact(const char *dir, struct work *k, struct sg_error *err)
{
	const struct sg_db_limits lim = {0};
	sg_auto(sg_db) db = NULL;
	int r = sg_db_open(&sg_db_metrics, dir, &lim, &db, err);

	if (r < 0)
		return r;
	k->all = sg_db_bytes(db);
	if (sg_folder_free(dir) < k->all)
		return sg_fail(err, -ENOSPC,
			       "%s has less room than a second metrics.db needs; make some", dir);
	r = write_new(db, k);
	return r < 0 ? sg_fail(err, r, "cannot write metrics.db anew: %s",
			       r == -EINTR ? "interrupted" : strerror(-r))
		     : 0;
}

int sg_dbfile_compact(const char *data_dir, const struct sg_dbfile_watch *w, uint64_t *before,
		      uint64_t *after, struct sg_error *err)
{
	struct work k = {.w = w, .dir = data_dir};
	sg_auto_fd int lock = -1;
	int r;

	if (strlen(data_dir) > 3000)
		return sg_fail(err, -ENAMETOOLONG, "the path is too long");
	if (!sg_dbfile_size(data_dir, "metrics.db", ""))
		return sg_fail(err, -ENOENT, "there is no metrics.db in %s", data_dir);
	r = sg_folder_lock(data_dir, &lock, err);
	if (r < 0)
		return r;
	*before = sg_dbfile_size(data_dir, "metrics.db", "") +
		  sg_dbfile_size(data_dir, "metrics.db", "-wal");
	r = compact(data_dir, &k, err);
	if (r == 0) {
		r = take_place(data_dir);
		if (r < 0)
			sg_fail(err, r, "cannot put the new metrics.db in place: %s",
				r == -EBUSY ? "another program reads the old one" : strerror(-r));
	}
	*after = sg_dbfile_size(data_dir, "metrics.db", "");
	return r;
}
