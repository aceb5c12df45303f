// SPDX-License-Identifier: GPL-2.0
/* Frames as they came, or made again where they were folded. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "remake.h"
#include "scan.h"
#include "tiers.h"

struct copy {
	int64_t from_ms, to_ms;
	sg_store_on_frame cb;
	void *ctx;
	int stopped; /* what cb returned to stop */
};

static int copy_frame(void *ctx, const void *p, size_t n)
{
	struct copy *c = ctx;
	struct sg_frame f;
	int r = sg_frame_decode_header(p, n, &f);

	if (r < 0 || f.t_ms <= c->from_ms || f.t_ms > c->to_ms)
		return r;
	c->stopped = c->cb(p, n, c->ctx);
	return c->stopped ? -ECANCELED : 0;
}

/* Where only coarser samples are left no frames can be made: less is not given silently. */
static int refuse_coarse(const struct sg_scan *sc, struct sg_error *err)
{
	struct sg_db *db = sc->r->db;
	sqlite3_stmt *s = sg_db_stmt(db, R_COARSE_ONLY);
	int64_t res, fine_ms, left;
	int e;

	sqlite3_bind_int64(s, 1, sc->from_ms);
	sqlite3_bind_int64(s, 2, sc->to_ms);
	e = sg_db_step(db, s);
	if (e <= 0)
		return e;
	res = sqlite3_column_int64(s, 0);
	fine_ms = sqlite3_column_type(s, 1) == SQLITE_NULL ? sc->to_ms : sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	res = sg_tiers[res > 0 && res < SG_TIERS ? res : SG_TIERS - 1].res_ms / 1000;
	left = (sc->to_ms - fine_ms) / 1000;
	if (left <= 0)
		return sg_fail(err, -ENODATA,
			       "of this time only a sample each %" PRId64
			       " s is kept, of which no frames can be made",
			       res);
	return sg_fail(err, -ENODATA,
		       "of the beginning of this time only a sample each %" PRId64
		       " s is kept, of which no frames can be made: ask for the last %" PRId64 "%s",
		       res, left < 600 ? left : left / 60, left < 600 ? "s" : "m");
}

/* A segment is read in a transaction of its own, which ends before its frames are given out. */
static int copy_segments(struct sg_scan *sc, struct copy *c)
{
	sg_auto(sg_remake) m = sg_remake_new();
	struct sg_db *db = sc->r->db;
	int e = m ? 1 : -ENOMEM;

	while (e > 0) {
		e = sg_db_exec(db, "BEGIN");
		if (!e)
			e = sg_remake_next(m, db, sc->from_ms, sc->to_ms);
		if (!e) /* the transaction goes on: what is not in a segment now is in a row */
			e = sg_scan_journal(sc);
		else if (e > 0)
			sg_db_rollback(db);
		if (e > 0) {
			c->stopped = sg_remake_frames(m, sc->from_ms, sc->to_ms, c->cb, c->ctx);
			e = c->stopped ? -ECANCELED : 1;
		}
	}
	sg_db_rollback(db);
	return e;
}

int sg_store_frames(const char *data_dir, int64_t from_ms, int64_t to_ms, sg_store_on_frame cb,
		    void *ctx, struct sg_error *err)
{
	struct copy c = {.from_ms = from_ms, .to_ms = to_ms, .cb = cb, .ctx = ctx};
	sg_auto(sg_reader) api = NULL;
	struct sg_scan sc = {.from_ms = SG_MAX(from_ms, -SG_TIME_MAX),
			     .to_ms = SG_MIN(to_ms, SG_TIME_MAX),
			     .last_id = INT64_MAX,
			     .on_frame = copy_frame,
			     .ctx = &c};
	int r = sg_store_reader(data_dir, NULL, &api, err);

	if (!api)
		return r;
	sc.r = (struct sg_store_reader *)api;
	if (!sg_db_has(sc.r->db, R_NEXT_SEGMENT)) { /* an older file: all is in rows */
		r = sg_scan_journal(&sc);
	} else {
		r = refuse_coarse(&sc, err);
		if (!r)
			r = copy_segments(&sc, &c);
	}
	if (c.stopped)
		return c.stopped;
	return r == -ENODATA ? r : sg_scan_error(r, err);
}
