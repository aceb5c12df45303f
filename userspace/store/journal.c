// SPDX-License-Identifier: GPL-2.0
/* The writer's half of the journal: head to rows, and making room. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/time.h>

#include "exemplars.h"
#include "fold.h"
#include "folder.h"
#include "index.h"
#include "merge.h"
#include "row.h"
#include "store.h"
#include "tail.h"
#include "tiers.h"

#define BLOCK_RAW (8U << 20) /* bounds memory and the time of a commit */
#define DELETE_AT_ONCE 16 /* the part of the cap that lies between two key blocks at most */
#define FULL 0.95 /* of the cap: delete before the next row */
#define QUICK_CHECK_NS 200000000U
#define IO_ERRORS 3 /* in a row, after which the file is taken for damaged */
#define PAGE_SIZE 4096

static uint64_t wal_allowance(const struct sg_store *st)
{
	return SG_MIN((uint64_t)4 << 20, st->o.max_bytes / 8);
}

/* ---- opening ------------------------------------------------------------------- */

static int open_file(struct sg_store *st, struct sg_error *err)
{
	/* The WAL may pass its allowance by one row before it is cut back: two are set apart. */
	struct sg_db_limits lim = {.max_bytes = st->o.max_bytes - 2 * wal_allowance(st),
				   .wal_bytes = wal_allowance(st)};
	int r = sg_db_open(&sg_db_metrics, st->dir, &lim, &st->db, err);

	if (!r)
		r = sg_db_quick_check(st->db, QUICK_CHECK_NS);
	if (!r && !st->restored)
		r = sg_restore(st);
	return r;
}

/* From here on what is in memory stands for the file, also when that is set aside. */
static int open_db(struct sg_store *st, struct sg_error *err)
{
	int r = open_file(st, err);

	if (r < 0 && r != -EUCLEAN) {
		sg_db_close(st->db);
		st->db = NULL;
		return r;
	}
	st->restored = true;
	if (!r)
		sg_head_committed(st->head, 0, 0, st->next_id - 1);
	return r;
}

/* The next row starts a file in which there is nothing yet. */
static void drop_tail(struct sg_store *st)
{
	struct sg_tail *tail = sg_head_tail(st->head);

	pthread_mutex_lock(&tail->lock);
	sg_tail_drop(tail);
	pthread_mutex_unlock(&tail->lock);
}

static void start_anew(struct sg_store *st)
{
	drop_tail(st);
	sg_fold_reset(st->fold);
	sg_index_free(st->index);
	st->index = NULL;
	st->oldest_segment_ms = 0;
	sg_db_close(st->db);
	st->db = NULL;
	st->want_key = true;
	st->next_id++; /* for readers: what came before is not there any more */
	st->n_blocks = 0;
	st->oldest_ms = st->newest_ms = 0;
	st->profile_bytes = st->exemplar_bytes = -1;
	st->io_errors = 0;
}

static int set_aside(struct sg_store *st)
{
	char name[128];
	int r;

	start_anew(st);
	r = sg_folder_set_aside(st->dir, sg_db_metrics.file, sg_real_ms(), name, sizeof(name));
	if (r < 0)
		return r;
	snprintf(st->quarantined, sizeof(st->quarantined), "%s", name);
	sg_warn("%s/%s is damaged: it was set aside as %s, a new one is started", st->dir,
		sg_db_metrics.file, name);
	return 0;
}

int sg_journal_open(struct sg_store *st, struct sg_error *err)
{
	struct sg_error why = {0};
	int r;

	st->next_id = 1;
	st->want_key = true;
	st->pending_first = true;
	r = open_db(st, &why);
	if (r == -EUCLEAN) {
		r = set_aside(st);
		if (!r)
			r = open_db(st, &why);
	}
	if (r == -EPROTONOSUPPORT || r == -ENOMEM)
		return sg_fail(err, r, "%s", *why.msg ? why.msg : "out of memory");
	if (r < 0)
		sg_journal_fault(st, r);
	return 0;
}

/* ---- faults -------------------------------------------------------------------- */

void sg_store_set_ok(struct sg_store *st)
{
	st->failing = false;
	st->message[0] = '\0';
	st->io_errors = 0;
}

void sg_store_set_failing(struct sg_store *st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(st->message, sizeof(st->message), fmt, ap);
	va_end(ap);
	st->failing = true;
}

static int mend(struct sg_store *st)
{
	struct sg_error err = {0};
	int r = set_aside(st);

	if (!r)
		r = open_db(st, &err);
	if (r < 0) {
		sg_store_set_failing(st,
				     "metrics.db in %s is damaged and cannot be replaced (%s); new "
				     "samples stay in memory: move it away",
				     st->dir, strerror(-r));
	}
	return r;
}

static bool disk_full(struct sg_store *st)
{
	return sg_folder_free(st->dir) < 4 * PAGE_SIZE;
}

int sg_journal_fault(struct sg_store *st, int r)
{
	/* SQLite reports a full disk as an I/O error where it cannot grow its -shm. */
	if (r == -EIO && disk_full(st))
		r = -ENOSPC;
	if (r == -EIO && ++st->io_errors >= IO_ERRORS)
		r = -EUCLEAN;
	switch (r) {
	case -EUCLEAN: return mend(st);
	case -ENOSPC:
		sg_store_set_failing(st,
				     "no space left for %s; new samples stay in memory: free some "
				     "space on its file system, or lower store.max_bytes",
				     st->dir);
		break;
	case -EROFS:
	case -EACCES:
		sg_store_set_failing(
			st,
			"%s cannot be written to; new samples stay in memory: mount it "
			"read-write and give its owner write permission",
			st->dir);
		break;
	case -EAGAIN:
		sg_store_set_failing(st,
				     "another program holds metrics.db in %s; new samples stay in "
				     "memory: close that program",
				     st->dir);
		break;
	default:
		sg_store_set_failing(st, "cannot write to %s (%s); new samples stay in memory",
				     st->dir, strerror(-r));
	}
	return r;
}

/* ---- room ---------------------------------------------------------------------- */

double sg_journal_fill(struct sg_store *st)
{
	int64_t pages = 0, unused = 0;
	uint64_t cap = (st->o.max_bytes - 2 * wal_allowance(st)) / PAGE_SIZE;

	if (sg_db_i64(st->db, sg_db_stmt(st->db, W_PAGES), 0, &pages) < 0 ||
	    sg_db_i64(st->db, sg_db_stmt(st->db, W_FREE_PAGES), 0, &unused) < 0)
		return 0;
	return (double)(pages - unused) / (double)cap;
}

static int delete_before(struct sg_store *st, int64_t id, int64_t t_ms)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_DELETE_BEFORE);
	int r;

	sqlite3_bind_int64(s, 1, id);
	r = sg_db_begin(st->db);
	if (!r)
		r = sg_db_run(st->db, s);
	if (!r) {
		int n = sqlite3_changes(st->db->h);

		s = sg_db_stmt(st->db, W_DELETE_GAPS);
		sqlite3_bind_int64(s, 1, t_ms);
		r = sg_db_run(st->db, s);
		if (!r)
			r = sg_db_commit(st->db);
		if (!r)
			st->n_blocks -= SG_MIN(st->n_blocks, (uint64_t)n);
	}
	if (r < 0) {
		sg_db_rollback(st->db);
		return r;
	}
	st->oldest_ms = t_ms;
	sg_fold_reset(st->fold);
	drop_tail(st);
	return 1;
}

int sg_journal_delete_oldest(struct sg_store *st)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_NEXT_KEY);
	int r = sg_db_step(st->db, s);
	int64_t id, t_ms;

	if (r <= 0)
		return r;
	id = sqlite3_column_int64(s, 0);
	t_ms = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return delete_before(st, id, t_ms);
}

int sg_journal_delete_any(struct sg_store *st)
{
	int r = sg_segments_delete_one(st);

	return r ? r : sg_journal_delete_oldest(st);
}

static int make_room(struct sg_store *st, size_t bytes)
{
	double cap = (double)(st->o.max_bytes - 2 * wal_allowance(st));
	int r = 1;

	while (r > 0 && sg_journal_fill(st) + (double)bytes / cap > FULL)
		r = sg_journal_delete_any(st);
	return SG_MIN(r, 0);
}

/* -ENOSPC while too little is free for what writing would need. */
static int check_disk(struct sg_store *st)
{
	uint64_t wal = sg_db_wal_bytes(st->db);
	uint64_t want = SG_MAX(st->o.min_free_bytes, 2 * wal), unused = sg_folder_free(st->dir);
	char a[32], b[32];

	if (unused >= want)
		return 0;
	sg_store_set_failing(st,
			     "%s is free for %s, and %s must stay free (store.min_free_bytes); new "
			     "samples stay in memory: free some space",
			     sg_fmt_bytes((double)unused, a, sizeof(a)), st->dir,
			     sg_fmt_bytes((double)want, b, sizeof(b)));
	return -ENOSPC;
}

/* A reader that stays can keep the WAL from being emptied: it must not grow for ever. */
static int check_wal(struct sg_store *st)
{
	if (sg_db_wal_bytes(st->db) <= wal_allowance(st))
		return 0;
	sg_db_checkpoint(st->db, true);
	if (sg_db_wal_bytes(st->db) <= 2 * wal_allowance(st))
		return 0;
	return -EAGAIN;
}

/* ---- rows ---------------------------------------------------------------------- */

struct block {
	struct sg_head_frame **frames;
	size_t n;
	size_t n_gaps; /* of the view, written along */
	int64_t t0_ms, t1_ms;
	bool key;
};

/* Frames of one row before packing: a row must fit into what is set apart for the WAL. */
static size_t row_bytes(const struct sg_store *st)
{
	return SG_MIN((uint64_t)BLOCK_RAW, wal_allowance(st));
}

/* Exemplars are kept for themselves. */
static int add_frame(struct sg_store *st, const struct sg_head_frame *f)
{
	struct sg_frame_table *t = &st->check[f->source % SG_SOURCE_SLOTS];
	uint8_t header[SG_FRAME_HEADER_BYTES];
	struct sg_frame_view v;
	int64_t n = (int64_t)f->n;
	int r = 0;

	memcpy(header, f->bytes, sizeof(header));
	if (sg_frame_has_sections(f->bytes, f->n))
		r = sg_frame_view(f->bytes, f->n, false, &v);
	if (r == 0 && sg_frame_has_sections(f->bytes, f->n))
		r = sg_frame_table_update(t, &v);
	if (r >= 0 && sg_frame_has_sections(f->bytes, f->n))
		n = sg_frame_cut_exemplars(&v, t, header);
	if (r < 0 || n < 0)
		return r < 0 ? r : (int)n;
	return sg_block_add(&st->writer, header, f->bytes, (size_t)n, f->tables_len, f->source);
}

/* A segment of the first tier is what lies between two key blocks of different windows. */
static int64_t window_of(int64_t t_ms)
{
	return sg_merge_bucket(t_ms, sg_tiers[0].span_ms);
}

/* As many of the frames as one row takes. */
static int fill_block(struct sg_store *st, struct sg_head_frame **frames, size_t n, struct block *b)
{
	int r = 0;

	*b = (struct block){.frames = frames};
	sg_block_reset(&st->writer);
	for (; b->n < n; b->n++) {
		const struct sg_head_frame *f = frames[b->n];
		int64_t t0 = b->n ? SG_MIN(b->t0_ms, f->t_ms) : f->t_ms;
		int64_t t1 = b->n ? SG_MAX(b->t1_ms, f->t_ms) : f->t_ms;

		if (b->n && (t1 - t0 >= SG_BLOCK_SPAN_MS || window_of(t1) != window_of(t0) ||
			     sg_block_bytes(&st->writer) + f->n > row_bytes(st)))
			break;
		r = add_frame(st, f);
		if (r < 0)
			return r;
		b->t0_ms = t0;
		b->t1_ms = t1;
	}
	/* Also when the clock was set back: readers look for key blocks by time. */
	b->key = st->want_key || window_of(b->t0_ms) != window_of(st->key_t0_ms) ||
		 b->t0_ms < st->key_t0_ms || st->bytes_since_key > st->o.max_bytes / DELETE_AT_ONCE;
	return 0;
}

static int pack_block(struct sg_store *st, const struct block *b)
{
	int r;

	sg_buf_reset(&st->packed);
	sg_buf_reset(&st->packed_base);
	if (!b->n) /* only gaps */
		return 0;
	r = sg_block_finish(&st->writer);
	if (!r)
		r = sg_block_pack(st->writer.raw.data, st->writer.raw.len, &st->packed);
	if (r < 0 || !b->key)
		return r;
	sg_buf_reset(&st->base);
	sg_accum_expire(st->accum, b->t0_ms);
	r = sg_accum_encode(st->accum, &st->sessions, b->t0_ms, &st->base);
	return r < 0 ? r : sg_row_pack_base(&st->base, &st->packed_base);
}

static int put_block(struct sg_store *st, const struct block *b)
{
	const struct sg_buf *data = &st->packed, *base = &st->packed_base;
	sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_BLOCK);

	sqlite3_bind_int64(s, 1, st->next_id);
	sqlite3_bind_int64(s, 2, b->t0_ms);
	sqlite3_bind_int64(s, 3, b->t1_ms);
	sqlite3_bind_int(s, 4, b->key);
	sqlite3_bind_int64(s, 5, (int64_t)b->n);
	sqlite3_bind_int64(s, 6, (int64_t)st->writer.raw.len);
	sqlite3_bind_int64(s, 7, sg_row_crc(data->data, data->len, base->data, base->len));
	sqlite3_bind_blob64(s, 8, data->data, data->len, SQLITE_STATIC);
	if (b->key)
		sqlite3_bind_blob64(s, 9, base->data, base->len, SQLITE_STATIC);
	return sg_db_run(st->db, s);
}

static int put_gaps(struct sg_store *st, const struct sg_head_gap *gaps, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_GAP);

		sqlite3_bind_int64(s, 1, gaps[i].from_ms);
		sqlite3_bind_int64(s, 2, gaps[i].to_ms);
		sqlite3_bind_text(s, 3, gaps[i].reason, -1, SQLITE_STATIC);
		r = sg_db_run(st->db, s);
	}
	return r;
}

static int commit_block(struct sg_store *st, const struct block *b, const struct sg_head_gap *gaps)
{
	int r = sg_db_begin(st->db);

	if (!r && b->n)
		r = put_block(st, b);
	if (!r)
		r = put_gaps(st, gaps, b->n_gaps);
	if (!r)
		r = sg_events_store(st, b->frames, b->n);
	if (!r)
		r = sg_exemplars_store(st, b->frames, b->n);
	if (!r)
		r = sg_db_commit(st->db);
	if (r < 0)
		sg_db_rollback(st->db);
	return r;
}

/* The frames are in the journal: count them. A fault here costs exactness, not data. */
static void follow(struct sg_store *st, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct sg_head_frame *f = b->frames[i];
		struct sg_session *s = sg_sessions_get(&st->sessions, f->session, f->t_ms);
		struct sg_frame_view v;
		int r = sg_frame_view(f->bytes, f->n, false, &v);

		if (!r) {
			sg_tail_frame(sg_head_tail(st->head), &v, st->accum);
			r = sg_accum_add(st->accum, &v);
		}
		if (r < 0)
			sg_log_err(r, "store: a frame was not summed up");
		s->committed = SG_MAX(s->committed, f->seq);
		s->taken = SG_MAX(s->taken, f->seq);
		s->t_ms = f->t_ms;
	}
}

static void committed(struct sg_store *st, const struct block *b)
{
	struct sg_tail *tail = sg_head_tail(st->head);

	/* For a reader, frames leave the head and come into the tail at once. */
	pthread_mutex_lock(&tail->lock);
	if (b->n) {
		sg_tail_row(tail, st->next_id, b->key);
		if (b->key) {
			st->key_t0_ms = b->t0_ms;
			st->bytes_since_key = 0;
		}
		st->bytes_since_key += st->packed.len + st->packed_base.len;
		if (!st->n_blocks++)
			st->oldest_ms = b->t0_ms;
		st->newest_ms = b->t1_ms;
		st->want_key = false;
		st->pending_first = false;
		follow(st, b);
	}
	sg_head_committed(st->head, b->n, b->n_gaps, b->n ? st->next_id++ : st->next_id - 1);
	pthread_mutex_unlock(&tail->lock);
}

/* Even an empty journal has no room for it: better to lose one row than to stop for ever. */
static void give_up(struct sg_store *st, const struct block *b)
{
	sg_warn("store: a block of %zu frames does not fit into store.max_bytes and is lost", b->n);
	st->lost_frames += b->n;
	sg_head_committed(st->head, b->n, 0, st->next_id - 1);
	sg_head_add_gap(st->head, b->t0_ms, b->t1_ms + 1, "store.max_bytes is too small");
}

/* Tries with less and less of the past in the way. */
static int write_block(struct sg_store *st, struct block *b, const struct sg_head_gap *gaps)
{
	int r = pack_block(st, b), deleted;

	if (r < 0)
		return r;
	r = make_room(st, st->packed.len + st->packed_base.len);
	while (!r) {
		r = commit_block(st, b, gaps);
		if (r != -ENOSPC || disk_full(st))
			break;
		deleted = sg_journal_delete_any(st);
		if (deleted <= 0) {
			if (deleted == 0 && b->n)
				give_up(st, b);
			return deleted;
		}
		r = 0;
	}
	if (!r)
		committed(st, b);
	return r;
}

static int write_view(struct sg_store *st, const struct sg_head_view *v)
{
	size_t done = 0, gaps = v->n_gaps;
	int r = 0;

	while (!r && (done < v->n || gaps)) {
		struct block b;

		r = fill_block(st, v->frames + done, v->n - done, &b);
		b.n_gaps = gaps;
		if (!r)
			r = write_block(st, &b, v->gaps);
		done += b.n;
		gaps = 0;
	}
	return r;
}

static int write_head(struct sg_store *st)
{
	struct sg_head_view v;
	int r;

	if (st->db && sg_db_replaced(st->db)) /* somebody deleted or moved it */
		start_anew(st);
	if (!st->db) {
		struct sg_error err = {0};

		r = open_db(st, &err);
		if (r < 0)
			return r;
	}
	r = check_wal(st);
	if (!r)
		r = check_disk(st);
	if (r < 0)
		return r;
	r = sg_head_snapshot(st->head, &v);
	if (!r)
		r = write_view(st, &v);
	sg_head_view_free(&v);
	return r;
}

int sg_journal_write(struct sg_store *st)
{
	bool was_failing = st->failing;
	int r = write_head(st);

	if (!r) {
		sg_store_set_ok(st);
		return 0;
	}
	if (r == -ENOSPC && st->failing && !was_failing)
		return r; /* check_disk has said why */
	r = sg_journal_fault(st, r);
	if (!r) { /* mended: once more, into the new file */
		r = write_head(st);
		if (!r)
			sg_store_set_ok(st);
		else if (r != -EUCLEAN)
			sg_journal_fault(st, r);
	}
	return r;
}
