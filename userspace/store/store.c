// SPDX-License-Identifier: GPL-2.0
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>
#include <sgprobe/time.h>

#include "exemplars.h"
#include "fold.h"
#include "folder.h"
#include "index.h"

#define HEAD_BYTES (16U << 20)
#define HEAD_FLUSH_BYTES (4U << 20) /* frames that come faster than in real time */
#define MIN_BYTES (1U << 20)
#define MAX_SERIES 20000
#define FOLD_NS 8000000U /* of each tick */
#define BEHIND_BLOCKS 150 /* more than two windows have: folding takes longer than they come */
#define BEHIND_NS 40000000U
#define CHECKPOINT_NS 60000000000ULL /* how much a power cut can cost at most */
#define TRIM_NS 1000000000ULL
#define KEEP_BELOW 0.90
#define SHRINK_PAGES 256 /* unused at least */
#define VACUUM_PAGES 64 /* of them given back at a time */

static int check_options(const struct sg_store_options *o, struct sg_error *err)
{
	if (!o->data_dir || strlen(o->data_dir) >= sizeof(((struct sg_store *)0)->dir))
		return sg_fail(err, -EINVAL, "data_dir: missing or too long");
	if (o->max_bytes < MIN_BYTES)
		return sg_fail(err, -EINVAL, "store.max_bytes: must be at least 1MiB");
	return 0;
}

static struct sg_store *new_store(const struct sg_store_options *o)
{
	struct sg_store *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->o = *o;
	if (!st->o.head_max_bytes)
		st->o.head_max_bytes = HEAD_BYTES;
	snprintf(st->dir, sizeof(st->dir), "%s", o->data_dir);
	st->o.data_dir = st->dir;
	st->lock_fd = -1;
	st->profile_bytes = st->exemplar_bytes = -1;
	if (!st->o.max_series)
		st->o.max_series = MAX_SERIES;
	st->fold = sg_fold_new();
	st->head = sg_head_new();
	st->accum = sg_accum_new();
	return st;
}

int sg_store_open(const struct sg_store_options *o, struct sg_store **ret, struct sg_error *err)
{
	sg_auto(sg_store) st = NULL;
	int r = check_options(o, err);

	if (r < 0)
		return r;
	st = new_store(o);
	if (!st || !st->head || !st->accum || !st->fold)
		return sg_fail(err, -ENOMEM, "out of memory");
	r = sg_mkdir_p(st->dir, 0755);
	if (r < 0)
		return sg_fail(err, r, "%s: cannot make the data folder: %s", st->dir,
			       strerror(-r));
	r = sg_folder_lock(st->dir, &st->lock_fd, err);
	if (!r)
		r = sg_journal_open(st, err);
	if (r < 0)
		return r;
	st->last_checkpoint_ns = sg_mono_ns();
	*ret = sg_take(st);
	return 0;
}

void sg_store_close(struct sg_store *st)
{
	if (!st)
		return;
	if (st->next_id)
		sg_store_flush(st, true);
	sg_db_close(st->db);
	sg_head_unref(st->head);
	sg_accum_free(st->accum);
	sg_fold_free(st->fold);
	sg_index_free(st->index);
	for (size_t i = 0; i < SG_SOURCE_SLOTS; i++)
		sg_frame_table_free(&st->check[i]);
	sg_block_writer_free(&st->writer);
	sg_buf_free(&st->packed);
	sg_buf_free(&st->base);
	sg_buf_free(&st->packed_base);
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	free(st);
}

struct sg_head *sg_store_head(struct sg_store *st)
{
	return st->head;
}

static int nothing(void *ctx, size_t i, const struct sg_sample *s)
{
	return 0;
}

/* What is in the journal must be readable: everything is looked at before. */
static int check_frame(struct sg_store *st, const void *p, size_t n, struct sg_frame_view *v)
{
	struct sg_frame_table *t;
	int r = sg_frame_view(p, n, true, v);

	if (r < 0)
		return r;
	t = &st->check[v->header.source % SG_SOURCE_SLOTS];
	r = sg_frame_table_update(t, v);
	return r < 0 ? r : sg_frame_visit(v, t, NULL, nothing, NULL);
}

static void drop_oldest(struct sg_store *st)
{
	int64_t from_ms = 0, to_ms = 0;
	size_t n = sg_head_trim(st->head, st->o.head_max_bytes, &from_ms, &to_ms);

	if (!n)
		return;
	st->lost_frames += n;
	sg_head_add_gap(st->head, from_ms, to_ms, "samples could not be stored");
}

int sg_store_append(struct sg_store *st, const void *p, size_t n)
{
	struct sg_frame_view v;
	struct sg_session *s;
	int r = check_frame(st, p, n, &v);

	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	s = sg_sessions_get(&st->sessions, v.header.session, v.header.t_ms);
	if (v.header.seq <= s->taken)
		return 0;
	r = sg_head_push(st->head, &v, p, n);
	if (r < 0)
		return r;
	s->taken = v.header.seq;
	s->t_ms = v.header.t_ms;
	st->frames++;
	st->head_t_ms = v.header.t_ms;
	drop_oldest(st);
	return 1;
}

static bool flush_is_due(const struct sg_store *st, uint64_t now)
{
	if (st->failing)
		return now - st->last_try_ns >= SG_MIN(st->o.flush_ns, (uint64_t)10000000000);
	return st->pending_first || now - st->last_flush_ns >= st->o.flush_ns ||
	       sg_head_bytes(st->head) >= HEAD_FLUSH_BYTES;
}

int sg_store_flush(struct sg_store *st, bool force)
{
	uint64_t now = sg_mono_ns();
	int r;

	if (!force && !flush_is_due(st, now))
		return 0;
	if (sg_head_is_empty(st->head) && !st->failing)
		return 0;
	st->last_try_ns = now;
	r = sg_journal_write(st);
	if (!r) {
		st->last_flush_ns = now;
		st->last_flush_seconds = (double)(sg_mono_ns() - now) / 1e9;
	}
	return r;
}

/* ---- upkeep -------------------------------------------------------------------- */

/* The oldest span goes when all of it is older than the retention time. */
static int delete_aged(struct sg_store *st)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_NEXT_KEY);
	int64_t newest = SG_MIN(st->newest_ms, sg_real_ms());
	int64_t limit = newest - (int64_t)(st->o.retention_ns / 1000000);
	int r;

	if (!st->o.retention_ns)
		return 0;
	r = sg_db_step(st->db, s);
	if (r > 0) {
		int64_t t_ms = sqlite3_column_int64(s, 1);

		sqlite3_reset(s);
		r = t_ms <= limit ? sg_journal_delete_oldest(st) : 0;
	}
	return r;
}

/* After max_bytes was lowered, or a burst: gives pages back, little by little. */
static int shrink(struct sg_store *st)
{
	int64_t pages = 0, unused = 0;
	char sql[64];
	int r = sg_db_i64(st->db, sg_db_stmt(st->db, W_PAGES), 0, &pages);

	if (!r)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_FREE_PAGES), 0, &unused);
	if (r < 0 || unused < SHRINK_PAGES || unused < pages / 4)
		return r;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	return sg_db_exec(st->db, sql);
}

static int upkeep(struct sg_store *st, uint64_t now)
{
	int r = delete_aged(st);

	if (r >= 0 && sg_journal_fill(st) > KEEP_BELOW)
		r = sg_journal_delete_any(st);
	if (r >= 0)
		r = sg_fold_step(st, st->n_blocks > BEHIND_BLOCKS ? BEHIND_NS : FOLD_NS);
	if (r == -ENOSPC) /* of what max_bytes allows; on a full disk this fails as well */
		r = sg_journal_delete_any(st);
	if (r >= 0)
		r = sg_segments_trim(st);
	if (r >= 0)
		r = sg_profiles_trim(st);
	if (r >= 0)
		r = sg_events_trim(st);
	if (r >= 0)
		r = sg_exemplars_trim(st);
	if (r >= 0)
		r = shrink(st);
	if (r >= 0 && now - st->last_checkpoint_ns >= CHECKPOINT_NS) {
		st->last_checkpoint_ns = now;
		r = sg_db_checkpoint(st->db, false);
	}
	return SG_MIN(r, 0);
}

int sg_store_maintain(struct sg_store *st)
{
	uint64_t now = sg_mono_ns();
	int r;

	/* While nothing can be written, deleting would fail as well; flush tries. */
	if (!st->db || st->failing || now - st->last_trim_ns < TRIM_NS)
		return 0;
	st->last_trim_ns = now;
	r = upkeep(st, now);
	if (r < 0 && r != -EAGAIN)
		r = sg_journal_fault(st, r);
	return r;
}

int sg_store_fold(struct sg_store *st)
{
	int r = st->db ? 1 : 0;

	while (r > 0)
		r = sg_fold_step(st, TRIM_NS);
	return r;
}

uint64_t sg_store_committed(struct sg_store *st, uint64_t session)
{
	const struct sg_session *s = sg_sessions_find(&st->sessions, session);

	return s ? s->committed : 0;
}

int sg_store_gap(struct sg_store *st, int64_t from_ms, int64_t to_ms, const char *reason)
{
	if (to_ms <= from_ms)
		return -EINVAL;
	sg_head_add_gap(st->head, from_ms, to_ms, reason);
	return 0;
}

void sg_store_health(struct sg_store *st, struct sg_store_health *ret)
{
	*ret = (struct sg_store_health){
		.ok = !st->failing,
		.frames = st->frames,
		.lost_frames = st->lost_frames,
		.lost_profiles = st->lost_profiles,
		.bytes = st->db ? sg_db_bytes(st->db) : 0,
		.blocks = st->n_blocks,
		.bad_blocks = st->bad_blocks + sg_head_bad(st->head),
		.series = st->index ? sg_index_len(st->index) : 0,
		.refused_series = st->refused_series,
		.last_flush_seconds = st->last_flush_seconds,
		.oldest_ms = st->oldest_segment_ms ? st->oldest_segment_ms : st->oldest_ms,
		.newest_ms = st->newest_ms,
	};
	snprintf(ret->message, sizeof(ret->message), "%s", st->message);
	snprintf(ret->quarantined, sizeof(ret->quarantined), "%s", st->quarantined);
	if (!sg_head_is_empty(st->head)) {
		ret->newest_ms = st->head_t_ms;
		if (!ret->oldest_ms)
			ret->oldest_ms = st->head_t_ms;
	}
}
