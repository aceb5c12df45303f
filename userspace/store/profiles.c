// SPDX-License-Identifier: GPL-2.0
/* Records of stacks: rows of their own, written as they come, a bounded part of the file. */
#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "folder.h"
#include "store.h"

#define TRIM_AGED 64 /* rows at a time */
#define TRIM_MOST 8

static int64_t most_bytes(const struct sg_store *st)
{
	return (int64_t)SG_MIN(st->o.profile_bytes, st->o.max_bytes / 4);
}

static int count_bytes(struct sg_store *st)
{
	if (st->profile_bytes >= 0)
		return 0;
	return sg_db_i64(st->db, sg_db_stmt(st->db, W_PROFILE_BYTES), 0, &st->profile_bytes);
}

/* 1: stored; 0: there is one of this number. */
static int put(struct sg_store *st, const struct sg_profile_head *h, const void *p, size_t n)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_PROFILE);
	int r;

	sqlite3_bind_int64(s, 1, (int64_t)h->session);
	sqlite3_bind_int64(s, 2, (int64_t)h->seq);
	sqlite3_bind_int64(s, 3, h->from_ms);
	sqlite3_bind_int64(s, 4, h->to_ms);
	sqlite3_bind_int64(s, 5, (int64_t)n);
	sqlite3_bind_blob64(s, 6, p, n, SQLITE_STATIC);
	r = sg_db_run(st->db, s);
	return r < 0 ? r : sqlite3_changes(st->db->h) > 0;
}

static int store(struct sg_store *st, const struct sg_profile_head *h, const void *p, size_t n)
{
	int r;

	/* While the journal cannot be written neither can this; it is the journal that tries. */
	if (!st->db || st->failing)
		return -EIO;
	if (sg_folder_free(st->dir) < st->o.min_free_bytes)
		return -ENOSPC;
	r = count_bytes(st);
	if (r == 0)
		r = put(st, h, p, n);
	if (r > 0)
		st->profile_bytes += (int64_t)n;
	return r;
}

int sg_store_profile(struct sg_store *st, const void *p, size_t n)
{
	struct sg_profile_head h = {0};
	int r = sg_profile_decode_head(p, n, &h);

	if (r == 0)
		r = sg_profile_decode(p, n, NULL, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (!most_bytes(st))
		return 0;
	r = store(st, &h, p, n);
	if (r < 0)
		st->lost_profiles++;
	if (r == -EUCLEAN)
		sg_journal_fault(st, r);
	return r;
}

static int delete_until(struct sg_store *st, int64_t to_ms, int rows)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_DELETE_PROFILES);
	int r;

	sqlite3_bind_int64(s, 1, to_ms);
	sqlite3_bind_int(s, 2, rows);
	r = sg_db_run(st->db, s);
	if (r == 0 && sqlite3_changes(st->db->h) > 0)
		st->profile_bytes = -1; /* counted again when it is asked for */
	return r;
}

int sg_profiles_trim(struct sg_store *st)
{
	int64_t now = sg_real_ms(), keep_ms = (int64_t)(st->o.retention_ns / 1000000);
	int r = keep_ms ? delete_until(st, now - keep_ms, TRIM_AGED) : 0;

	if (r == 0)
		r = count_bytes(st);
	if (r == 0 && st->profile_bytes > most_bytes(st))
		r = delete_until(st, INT64_MAX, TRIM_MOST);
	return r;
}
