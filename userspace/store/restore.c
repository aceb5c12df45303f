// SPDX-License-Identifier: GPL-2.0
/* The writer's memory, from what is in the journal. */
#include <errno.h>
#include <string.h>

#include "chunk.h"
#include "index.h"
#include "row.h"
#include "store.h"
#include "tiers.h"

#define KEYS_TRIED 8 /* damaged key blocks that are stepped over */

static void note_session(struct sg_store *st, const struct sg_frame *h)
{
	struct sg_session *s = sg_sessions_get(&st->sessions, h->session, h->t_ms);

	s->taken = s->committed = SG_MAX(s->committed, h->seq);
	s->t_ms = h->t_ms;
}

static int restore_frames(struct sg_store *st, const struct sg_buf *raw)
{
	struct sg_block_reader br = {0};
	const uint8_t *p;
	size_t n;
	int r;

	r = sg_block_start(&br, raw->data, raw->len);
	while (!r && (r = sg_block_next(&br, &p, &n)) > 0) {
		struct sg_frame_view v;

		r = sg_frame_view(p, n, false, &v);
		if (!r)
			r = sg_accum_add(st->accum, &v);
		if (r < 0)
			break;
		note_session(st, &v.header);
	}
	sg_block_reader_free(&br);
	return r;
}

/* One row: its base too when it is the first. -EBADMSG: this row is damaged. */
static int restore_row(struct sg_store *st, const struct sg_row_data *row, bool first)
{
	sg_auto_buf raw = {0};
	int r = sg_row_check(row);

	if (!r && first) {
		r = sg_row_base(row, &raw);
		if (!r)
			r = sg_accum_decode(st->accum, &st->sessions, raw.data, raw.len);
	}
	if (!r)
		r = sg_row_frames(row, &raw);
	return r < 0 ? r : restore_frames(st, &raw);
}

static int reset_accum(struct sg_store *st)
{
	struct sg_accum *a = sg_accum_new();

	if (!a)
		return -ENOMEM;
	sg_accum_free(st->accum);
	st->accum = a;
	st->sessions.n = 0;
	return 0;
}

/* The rows from this id on; base: the first brings what was counted before. -EBADMSG: it does not. */
static int restore_rows(struct sg_store *st, int64_t id, bool base)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_BLOCKS_FROM);
	struct sg_row_data row;
	bool first = base;
	int r = 0;

	sqlite3_bind_int64(s, 1, id);
	while (!r && (r = sg_db_step(st->db, s)) > 0) {
		sg_row_of_stmt(s, 1, &row);
		r = restore_row(st, &row, first);
		if (r == -EBADMSG) {
			st->bad_blocks++;
			if (first)
				break;
			r = 0;
		}
		first = false;
	}
	sqlite3_reset(s);
	return r;
}

/* 1: restored from this key block; 0: its base is damaged; -errno. */
static int restore_from(struct sg_store *st, int64_t key)
{
	int r = reset_accum(st);

	if (!r)
		r = restore_rows(st, key, true);
	if (r == -EBADMSG)
		return 0;
	return r < 0 ? r : 1;
}

/* ---- where no key block is whole: from what was folded --------------------------- */

/* What had been counted at the end of a chunk. */
static int sum_up(struct sg_samples *x)
{
	const struct sg_bucket *b = x->buckets;
	int r = 0;

	for (size_t i = 0; i < x->n && !r; i++) {
		struct sg_hist h = {.sum = x->v[i], .buckets = (struct sg_bucket *)b};

		x->value += x->v[i];
		if (x->type != SG_HISTOGRAM || !x->n_buckets[i])
			continue;
		for (h.n = 0; h.n < (uint32_t)x->n_buckets[i]; h.n++)
			h.count += b[h.n].count;
		b += h.n;
		r = sg_hist_add(&x->hist, &h);
	}
	return r;
}

static int restore_chunk(struct sg_store *st, sqlite3_stmt *s, int64_t t0_ms, struct sg_samples *x)
{
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_series series;
	int r = arena ? 0 : -ENOMEM;

	if (!r)
		r = sg_chunk_decode(x, t0_ms, sqlite3_column_blob(s, 0),
				    (size_t)sqlite3_column_bytes(s, 0));
	if (!r)
		r = sg_index_series(
			arena, sqlite3_column_int64(s, 1), (const char *)sqlite3_column_text(s, 2),
			sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3), &series);
	if (!r && (x->coarse || x->type != series.type))
		r = -EBADMSG;
	if (r < 0 || !x->n)
		return r;
	if (!x->known) {
		x->value = 0;
		sg_hist_clear(&x->hist);
	}
	r = sum_up(x);
	return r < 0 ? r : sg_accum_set(st->accum, &series, x->value, &x->hist, x->t_ms[x->n - 1]);
}

static int restore_segment(struct sg_store *st, int64_t segment, int64_t t0_ms,
			   struct sg_samples *x)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_SEGMENT_CHUNKS);
	int r;

	sqlite3_bind_int64(s, 1, sg_chunk_id(segment, 0));
	sqlite3_bind_int64(s, 2, sg_chunk_id(segment + 1, 0));
	while ((r = sg_db_step(st->db, s)) > 0) {
		r = restore_chunk(st, s, t0_ms, x);
		st->bad_blocks += r == -EBADMSG;
		if (r < 0 && r != -EBADMSG)
			break;
	}
	sqlite3_reset(s);
	return r;
}

/*
 * Sums from the last chunk of each series that would still be counted, then what the rows
 * after them bring. Sessions are only known from the rows.
 */
static int restore_from_chunks(struct sg_store *st)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_LAST_SEGMENTS);
	struct sg_samples x = {0};
	int r = reset_accum(st);

	sqlite3_bind_int64(s, 1, SG_ACCUM_IDLE_MS);
	while (!r && (r = sg_db_step(st->db, s)) > 0)
		r = restore_segment(st, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), &x);
	sqlite3_reset(s);
	sg_samples_free(&x);
	return r < 0 ? r : restore_rows(st, 0, false);
}

/* ---- all of it ---------------------------------------------------------------------- */

static int restore_counts(struct sg_store *st)
{
	int64_t id = 0, count = 0, folded = 0;
	int r = sg_db_i64(st->db, sg_db_stmt(st->db, W_LAST_ID), 0, &id);

	if (!r)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_COUNT), 0, &count);
	if (!r)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_OLDEST), 0, &st->oldest_ms);
	if (!r)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_NEWEST), 0, &st->newest_ms);
	if (!r)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_SEGMENT_OLDEST), 0,
			      &st->oldest_segment_ms);
	if (!r)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_LAST_FOLDED), 0, &folded);
	if (r < 0)
		return r;
	id = SG_MAX(id, folded);
	if (id < 0 || id >= INT64_MAX / 2)
		return -EUCLEAN;
	st->n_blocks = (uint64_t)count;
	st->next_id = id + 1;
	return 0;
}

static int restore_sums(struct sg_store *st)
{
	int64_t key = 0, before = INT64_MAX;
	int r = 0, done = 0;

	for (int i = 0; !r && !done && i < KEYS_TRIED; i++) {
		sqlite3_stmt *s = sg_db_stmt(st->db, W_LAST_KEY);

		sqlite3_bind_int64(s, 1, before);
		r = sg_db_i64(st->db, s, 0, &key);
		if (r || !key)
			break;
		r = restore_from(st, key);
		done = r > 0;
		r = SG_MIN(r, 0);
		before = key;
	}
	return !r && !done ? restore_from_chunks(st) : r;
}

static bool is_committed(const struct sg_head_frame *f, void *ctx)
{
	const struct sg_session *s = sg_sessions_find(ctx, f->session);

	return s && f->seq <= s->committed;
}

int sg_restore(struct sg_store *st)
{
	struct sg_sessions taken =
		st->sessions; /* since the start, if the file could not be opened then */
	int r = restore_counts(st);

	if (!r)
		r = restore_sums(st);
	for (size_t i = 0; i < taken.n; i++) {
		struct sg_session *s =
			sg_sessions_get(&st->sessions, taken.s[i].session, taken.s[i].t_ms);

		s->taken = SG_MAX(s->taken, taken.s[i].taken);
	}
	sg_head_forget(st->head, is_committed, &st->sessions);
	return r;
}
