// SPDX-License-Identifier: GPL-2.0
/* Room: which segments, and which series, go. */
#include <errno.h>

#include <sgprobe/time.h>

#include "fold.h"
#include "index.h"
#include "tiers.h"

static int delete_segment(struct sg_store *st, int64_t id)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_DELETE_SEGMENT);
	int r = sg_db_begin(st->db);

	sqlite3_bind_int64(s, 1, id);
	if (!r)
		r = sg_db_run(st->db, s);
	s = sg_db_stmt(st->db, W_DELETE_CHUNKS);
	sqlite3_bind_int64(s, 1, sg_chunk_id(id, 0));
	sqlite3_bind_int64(s, 2, sg_chunk_id(id + 1, 0));
	if (!r)
		r = sg_db_run(st->db, s);
	if (!r)
		r = sg_db_commit(st->db);
	if (r < 0) {
		sg_db_rollback(st->db);
		return r;
	}
	sg_fold_reset(st->fold); /* it may be made of what went */
	r = sg_db_i64(st->db, sg_db_stmt(st->db, W_SEGMENT_OLDEST), 0, &st->oldest_segment_ms);
	return r < 0 ? r : 1;
}

/* The oldest of a tier. 1, 0: there is none, -errno. */
static int oldest_of(struct sg_store *st, int tier, int64_t *id, int64_t *t1_ms)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_TIER_OLDEST);
	int r;

	sqlite3_bind_int(s, 1, tier);
	r = sg_db_step(st->db, s);
	if (r > 0) {
		*id = sqlite3_column_int64(s, 0);
		*t1_ms = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
	return r;
}

/* The tier that takes most of what it may. */
int sg_segments_delete_one(struct sg_store *st)
{
	double most = 0;
	int worst = -1, r;
	int64_t id, t1;

	for (int tier = 0; tier < SG_TIERS; tier++) {
		sqlite3_stmt *s = sg_db_stmt(st->db, W_TIER_BYTES);
		int64_t bytes;

		sqlite3_bind_int(s, 1, tier);
		r = sg_db_i64(st->db, s, 0, &bytes);
		if (r < 0)
			return r;
		if ((double)bytes / sg_tiers[tier].share <= most)
			continue;
		most = (double)bytes / sg_tiers[tier].share;
		worst = tier;
	}
	if (worst < 0)
		return 0;
	r = oldest_of(st, worst, &id, &t1);
	return r <= 0 ? r : delete_segment(st, id);
}

static int trim_tier(struct sg_store *st, int tier)
{
	uint64_t keep = tier ? st->o.tier_retention_ns[tier - 1] : st->o.retention_ns;
	int64_t newest = SG_MIN(st->newest_ms, sg_real_ms());
	int64_t id, t1;
	int r;

	if (!keep)
		return 0;
	r = oldest_of(st, tier, &id, &t1);
	if (r <= 0 || t1 > newest - (int64_t)(keep / 1000000))
		return SG_MIN(r, 0);
	return delete_segment(st, id);
}

/* One segment of each tier at a time. */
int sg_segments_trim(struct sg_store *st)
{
	int r = 0;

	for (int tier = 0; tier < SG_TIERS && r >= 0; tier++)
		r = trim_tier(st, tier);
	if (r >= 0 && st->index && st->oldest_segment_ms) {
		r = sg_index_trim(st->index, st->db, st->oldest_segment_ms);
		if (r < 0) {
			sg_index_free(st->index);
			st->index = NULL;
		}
	}
	return SG_MIN(r, 0);
}
