// SPDX-License-Identifier: GPL-2.0
#include "fold.h"

#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "gather.h"
#include "index.h"
#include "merge.h"
#include "row.h"
#include "tiers.h"

enum state { IDLE, LOAD, PUT, ROLL };

struct sg_fold {
	enum state state;
	int64_t segment, pos; /* that is being made, and its place in tier 0 */
	int64_t t0_ms, t1_ms;
	int64_t bytes;
	size_t at; /* the next series */
	/* from the journal */
	int64_t row, end; /* [row, end) are still to be read */
	int64_t before; /* the last row that was whole */
	bool started;
	struct sg_accum *accum;
	struct sg_gather *gather;
	/* from a finer tier */
	int tier;
	struct sg_roll_plan plan;
	uint32_t *series;
	size_t n_series;
	struct sg_merge merge;

	struct sg_samples samples;
	struct sg_buf raw, packed;
};

struct sg_fold *sg_fold_new(void)
{
	return calloc(1, sizeof(struct sg_fold));
}

static void forget_sources(struct sg_fold *f)
{
	sg_accum_free(f->accum);
	sg_gather_free(f->gather);
	free(f->plan.ids);
	free(f->plan.bases);
	free(f->series);
	f->accum = NULL;
	f->gather = NULL;
	f->series = NULL;
	f->plan = (struct sg_roll_plan){0};
}

void sg_fold_reset(struct sg_fold *f)
{
	forget_sources(f);
	f->state = IDLE;
}

void sg_fold_free(struct sg_fold *f)
{
	if (!f)
		return;
	forget_sources(f);
	sg_merge_free(&f->merge);
	sg_samples_free(&f->samples);
	sg_buf_free(&f->raw);
	sg_buf_free(&f->packed);
	free(f);
}

/* ---- segments ------------------------------------------------------------------ */

/* Numbers the segment; chunks that one which was never finished left go. */
static int begin_segment(struct sg_store *st, struct sg_fold *f)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_SEGMENT_IDS);
	int r = sg_db_step(st->db, s);

	if (r <= 0)
		return r < 0 ? r : -EUCLEAN;
	f->segment = sqlite3_column_int64(s, 0);
	f->pos = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	f->at = 0;
	f->bytes = 0;
	if (f->segment <= 0 || f->segment > INT32_MAX)
		return -EUCLEAN;
	s = sg_db_stmt(st->db, W_DELETE_CHUNKS);
	sqlite3_bind_int64(s, 1, sg_chunk_id(f->segment, 0));
	sqlite3_bind_int64(s, 2, INT64_MAX);
	return sg_db_run(st->db, s);
}

static int put_chunk(struct sg_store *st, struct sg_fold *f, uint32_t series)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_CHUNK);

	sqlite3_bind_int64(s, 1, sg_chunk_id(f->segment, series));
	sqlite3_bind_blob64(s, 2, f->packed.data, f->packed.len, SQLITE_STATIC);
	f->bytes += (int64_t)f->packed.len;
	return sg_db_run(st->db, s);
}

static int put_segment(struct sg_store *st, struct sg_fold *f, int tier, int64_t first,
		       int64_t last, int64_t last_block)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_SEGMENT);

	sqlite3_bind_int64(s, 1, f->segment);
	sqlite3_bind_int(s, 2, tier);
	sqlite3_bind_int64(s, 3, first);
	sqlite3_bind_int64(s, 4, last);
	sqlite3_bind_int64(s, 5, f->t0_ms);
	sqlite3_bind_int64(s, 6, f->t1_ms);
	sqlite3_bind_int64(s, 7, last_block);
	sqlite3_bind_int64(s, 8, f->bytes);
	return sg_db_run(st->db, s);
}

/* ---- rows of the journal -------------------------------------------------------- */

/* 1: there are rows to fold: from the first key block to one of another window. */
static int find_rows(struct sg_store *st, struct sg_fold *f)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_FIRST_KEY);
	int r = sg_db_step(st->db, s);
	int64_t t0;

	if (r <= 0)
		return r;
	f->row = sqlite3_column_int64(s, 0);
	t0 = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	s = sg_db_stmt(st->db, W_END_KEY);
	sqlite3_bind_int64(s, 1, f->row);
	sqlite3_bind_int64(s, 2, t0);
	sqlite3_bind_int64(s, 3, sg_tiers[0].span_ms);
	r = sg_db_i64(st->db, s, 0, &f->end);
	return r < 0 ? r : f->end > 0;
}

static int begin_rows(struct sg_store *st, struct sg_fold *f)
{
	f->accum = sg_accum_new();
	f->gather = sg_gather_new(SG_ACCUM_MAX_SERIES);
	f->started = false;
	f->before = 0;
	if (!f->accum || !f->gather)
		return -ENOMEM;
	f->state = LOAD;
	return begin_segment(st, f);
}

static int load_base(struct sg_fold *f, const struct sg_row_data *row)
{
	struct sg_sessions ignored = {0};
	int r = sg_row_base(row, &f->raw);

	if (r < 0)
		return r;
	sg_accum_free(f->accum);
	f->accum = sg_accum_new();
	f->started = true;
	return f->accum ? sg_accum_decode(f->accum, &ignored, f->raw.data, f->raw.len) : -ENOMEM;
}

static int load_frames(struct sg_fold *f, const struct sg_row_data *row)
{
	struct sg_block_reader br = {0};
	const uint8_t *p;
	size_t n;
	int r = sg_row_frames(row, &f->raw);

	if (!r)
		r = sg_block_start(&br, f->raw.data, f->raw.len);
	while (!r && (r = sg_block_next(&br, &p, &n)) > 0) {
		struct sg_frame_view v;

		r = sg_frame_view(p, n, false, &v);
		if (!r)
			r = sg_gather_frame(f->gather, &v, f->accum);
		if (!r)
			r = sg_accum_add(f->accum, &v);
	}
	sg_block_reader_free(&br);
	return r;
}

/* A damaged row is passed over, as readers do: sums start again at the next base. */
static int load_row(struct sg_store *st, struct sg_fold *f, const struct sg_row_data *row,
		    int64_t id)
{
	int r = sg_row_check(row);

	if (!r && row->base_len && (!f->started || id != f->before + 1))
		r = load_base(f, row);
	if (!r && f->started)
		r = load_frames(f, row);
	if (!r)
		f->before = id;
	if (r != -EBADMSG)
		return r;
	st->bad_blocks++;
	return 0;
}

static int load_rows(struct sg_store *st, struct sg_fold *f, uint64_t until_ns)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_BLOCKS_BETWEEN);
	struct sg_row_data row;
	int r = 0;

	sqlite3_bind_int64(s, 1, f->row);
	sqlite3_bind_int64(s, 2, f->end);
	do {
		r = sg_db_step(st->db, s);
		if (r <= 0)
			break;
		sg_row_of_stmt(s, 1, &row);
		f->row = sqlite3_column_int64(s, 0) + 1;
		r = load_row(st, f, &row, f->row - 1);
		if (!r)
			r = 1;
	} while (r > 0 && sg_mono_ns() < until_ns);
	sqlite3_reset(s);
	if (!r || (r > 0 && f->row >= f->end))
		f->state = PUT;
	return SG_MIN(r, 0);
}

/* ---- their series --------------------------------------------------------------- */

static int put_series(struct sg_store *st, struct sg_fold *f, const struct sg_gathered *g)
{
	uint32_t id;
	int r = sg_index_see(st->index, st->db, sg_gathered_series(g), f->pos,
			     sg_gathered_end(f->gather, g), &id);

	if (r == -EDQUOT) {
		st->refused_series++;
		return 0;
	}
	if (!r)
		r = sg_gathered_samples(f->gather, g, &f->samples);
	if (r < 0 || !f->samples.n)
		return r;
	sg_buf_reset(&f->packed);
	r = sg_chunk_encode(&f->samples, f->t0_ms, &f->packed);
	return r < 0 ? r : put_chunk(st, f, id);
}

/* The last of a segment: from now on readers see it, and not its rows. */
static int finish_rows(struct sg_store *st, struct sg_fold *f)
{
	sqlite3_stmt *s;
	int r = put_segment(st, f, 0, f->pos, f->pos, f->end - 1);

	if (!r)
		r = sg_index_end(st->index, st->db, f->pos, f->t0_ms);
	if (r < 0)
		return r;
	s = sg_db_stmt(st->db, W_DELETE_BEFORE);
	sqlite3_bind_int64(s, 1, f->end);
	r = sg_db_run(st->db, s);
	if (!r)
		st->n_blocks -= SG_MIN(st->n_blocks, (uint64_t)sqlite3_changes(st->db->h));
	return r;
}

static int put_all(struct sg_store *st, struct sg_fold *f, uint64_t until_ns)
{
	size_t n = sg_gather_len(f->gather);
	int r = 0;

	do {
		r = put_series(st, f, sg_gather_at(f->gather, f->at++));
	} while (!r && f->at < n && sg_mono_ns() < until_ns);
	if (!r && f->at == n)
		r = finish_rows(st, f);
	return r;
}

/* Rows in which nothing was whole: they only go. */
static int drop_rows(struct sg_store *st, struct sg_fold *f)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_DELETE_BEFORE);

	sqlite3_bind_int64(s, 1, f->end);
	sg_fold_reset(f);
	return sg_db_run(st->db, s);
}

static int put_rows(struct sg_store *st, struct sg_fold *f, uint64_t until_ns)
{
	int r;

	if (sg_gather_range(f->gather, &f->t0_ms, &f->t1_ms) < 0 || !sg_gather_len(f->gather))
		return drop_rows(st, f);
	r = sg_db_begin(st->db);
	if (!r)
		r = put_all(st, f, until_ns);
	if (!r)
		r = sg_db_commit(st->db);
	if (!r && f->at == sg_gather_len(f->gather)) {
		st->refused_samples += sg_gather_refused(f->gather);
		st->folded_segments++;
		if (!st->oldest_segment_ms || f->t0_ms < st->oldest_segment_ms)
			st->oldest_segment_ms = f->t0_ms;
		sg_fold_reset(f);
	}
	return r;
}

/* ---- coarser tiers -------------------------------------------------------------- */

static int find_roll(struct sg_store *st, struct sg_fold *f)
{
	int r = 0;

	for (f->tier = 1; f->tier < SG_TIERS; f->tier++) {
		r = sg_roll_find(st, f->tier, &f->plan);
		if (r)
			break;
	}
	if (r <= 0)
		return r;
	r = sg_roll_series(st, &f->plan, &f->series, &f->n_series);
	if (!r)
		r = begin_segment(st, f);
	f->t0_ms = f->plan.t0_ms;
	f->t1_ms = f->plan.t1_ms;
	f->state = ROLL;
	return r < 0 ? r : 1;
}

static int roll_series(struct sg_store *st, struct sg_fold *f, uint32_t series)
{
	int r;

	sg_buf_reset(&f->packed);
	r = sg_roll_chunk(st, &f->plan, f->tier, series, &f->merge, &f->samples, &f->packed);
	return r < 0 || !f->packed.len ? r : put_chunk(st, f, series);
}

static int roll_some(struct sg_store *st, struct sg_fold *f, uint64_t until_ns)
{
	int r = sg_db_begin(st->db);

	while (!r && f->at < f->n_series) {
		r = roll_series(st, f, f->series[f->at++]);
		if (sg_mono_ns() >= until_ns)
			break;
	}
	if (!r && f->at == f->n_series)
		r = put_segment(st, f, f->tier, f->plan.first, f->plan.last, 0);
	if (!r)
		r = sg_db_commit(st->db);
	if (!r && f->at == f->n_series)
		sg_fold_reset(f);
	return r;
}

/* ---- steps ---------------------------------------------------------------------- */

static int next_work(struct sg_store *st, struct sg_fold *f)
{
	int r = find_rows(st, f);

	if (r > 0)
		r = begin_rows(st, f);
	else if (!r)
		return find_roll(st, f);
	return r < 0 ? r : 1;
}

static int step(struct sg_store *st, struct sg_fold *f, uint64_t until_ns)
{
	switch (f->state) {
	case LOAD: return load_rows(st, f, until_ns);
	case PUT: return put_rows(st, f, until_ns);
	case ROLL: return roll_some(st, f, until_ns);
	default: return next_work(st, f);
	}
}

/* Nothing of the transaction is there: what was in memory for it is read again. */
static void give_back(struct sg_store *st)
{
	sg_db_rollback(st->db);
	sg_index_free(st->index);
	st->index = NULL;
	sg_fold_reset(st->fold);
}

int sg_fold_step(struct sg_store *st, uint64_t ns)
{
	uint64_t until = sg_mono_ns() + ns;
	int r = 0;

	if (!st->index)
		r = sg_index_load(st->db, st->o.max_series, &st->index);
	while (!r) {
		bool idle = st->fold->state == IDLE;

		r = step(st, st->fold, until);
		if (r < 0 || (idle && !r))
			break;
		if (sg_mono_ns() >= until)
			return 1;
		r = 0;
	}
	if (r < 0)
		give_back(st);
	return r;
}
