// SPDX-License-Identifier: GPL-2.0
/* The way through what is stored: chunks, rows of the journal, the tail, then the head. */
#include "scan.h"

#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "collect.h"
#include "row.h"

#define HOLE_MAX 64 /* rows between two that are in the range by time: read as well */

struct ids {
	int64_t *v;
	size_t n, cap;
};

/* ---- the connection ------------------------------------------------------------ */

int sg_reader_db(struct sg_store_reader *r, struct sg_error *err)
{
	int e;

	if (r->db && sg_db_replaced(r->db)) {
		sg_db_close(r->db);
		r->db = NULL;
	}
	if (r->db)
		return 0;
	e = sg_db_open_reader(&sg_db_metrics, r->dir, &r->db, err);
	if (e < 0 && r->head && e != -ENOMEM && e != -EPROTONOSUPPORT) {
		if (err) /* the head is there, and its owner says what is wrong with the file */
			err->msg[0] = '\0';
		return 0;
	}
	return e;
}

int sg_scan_error(int r, struct sg_error *err)
{
	switch (r) {
	case 0: return 0;
	case -ETIMEDOUT: return sg_fail(err, r, "the query took too long: shorten its time range");
	case -E2BIG:
		return sg_fail(err, r,
			       "the query selects too many samples: shorten its time range or "
			       "select fewer series");
	case -ENOMEM: return sg_fail(err, r, "out of memory");
	default: return sg_fail(err, -EIO, "cannot read the store: %s", strerror(-r));
	}
}

/* ---- which rows ---------------------------------------------------------------- */

static int add_id(struct ids *ids, int64_t id)
{
	int r = SG_GROW(ids->v, ids->cap, ids->n);

	if (!r)
		ids->v[ids->n++] = id;
	return r;
}

/*
 * Rows in the order of the journal. What lies between two of them by id but not
 * by time (the clock was set) is taken along when it is little, so that sums go
 * through.
 */
static int list_rows(struct sg_db *db, sqlite3_stmt *s, struct ids *ids, bool fill)
{
	int r;

	while ((r = sg_db_step(db, s)) > 0) {
		int64_t id = sqlite3_column_int64(s, 0);
		int64_t next = ids->n ? ids->v[ids->n - 1] + 1 : id;

		if (!fill || id - next >= HOLE_MAX)
			next = id;
		for (r = 0; next <= id && !r; next++)
			r = add_id(ids, next);
		if (r < 0)
			break;
	}
	sqlite3_reset(s);
	return r;
}

static int find_start(struct sg_scan *sc, int64_t *id, int64_t *t0)
{
	struct sg_db *db = sc->r->db;
	sqlite3_stmt *s = sg_db_stmt(db, R_START);
	int r;

	*id = 0;
	*t0 = -SG_TIME_MAX;
	sqlite3_bind_int64(s, 1, sc->from_ms);
	r = sg_db_step(db, s);
	if (r > 0) {
		*id = sqlite3_column_int64(s, 0);
		*t0 = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
	return SG_MIN(r, 0);
}

static int list_from_key(struct sg_scan *sc, struct ids *ids)
{
	sqlite3_stmt *s;
	int64_t id, t0;
	int r = find_start(sc, &id, &t0);

	if (r < 0)
		return r;
	s = sg_db_stmt(sc->r->db, R_BLOCKS);
	sqlite3_bind_int64(s, 1, t0);
	sqlite3_bind_int64(s, 2, sc->to_ms);
	sqlite3_bind_int64(s, 3, id);
	sqlite3_bind_int64(s, 4, sc->last_id);
	return list_rows(sc->r->db, s, ids, true);
}

static int list_overlap(struct sg_scan *sc, struct ids *ids)
{
	sqlite3_stmt *s = sg_db_stmt(sc->r->db, R_OVERLAP);

	sqlite3_bind_int64(s, 1, sc->from_ms);
	sqlite3_bind_int64(s, 2, sc->to_ms);
	sqlite3_bind_int64(s, 3, 2 * SG_BLOCK_SPAN_MS);
	sqlite3_bind_int64(s, 4, sc->last_id);
	return list_rows(sc->r->db, s, ids, false);
}

/* ---- their frames -------------------------------------------------------------- */

static int scan_frames(struct sg_scan *sc, const struct sg_row_data *row)
{
	struct sg_store_reader *r = sc->r;
	const uint8_t *p;
	size_t n;
	int e = sg_row_frames(row, &r->raw);

	if (e < 0)
		return e;
	e = sg_block_start(&r->frames, r->raw.data, r->raw.len);
	while (!e && (e = sg_block_next(&r->frames, &p, &n)) > 0) {
		e = sc->on_frame(sc->ctx, p, n);
		if (e < 0)
			break;
		if (sc->deadline_ns && sg_mono_ns() > sc->deadline_ns)
			return -ETIMEDOUT;
	}
	return e;
}

static int scan_base(struct sg_scan *sc, const struct sg_row_data *row)
{
	int e = sg_row_base(row, &sc->r->raw);

	return e < 0 ? e : sc->on_base(sc->ctx, sc->r->raw.data, sc->r->raw.len);
}

/* Sums start at a row with a base, and take one in again after something was missing. */
static int scan_row_data(struct sg_scan *sc, const struct sg_row_data *row, int64_t id)
{
	int e = sg_row_check(row);

	if (!e && sc->on_base && row->base_len && (!sc->started || id != sc->before + 1))
		e = scan_base(sc, row);
	if (e < 0)
		return e;
	if (sc->on_base && row->base_len)
		sc->started = true;
	if (sc->on_base && !sc->started)
		return 0;
	return scan_frames(sc, row);
}

static bool is_damage(int e)
{
	return e == -EBADMSG || e == -EUCLEAN || e == -EIO || e == -EPROTONOSUPPORT;
}

static int scan_row(struct sg_scan *sc, int64_t id)
{
	struct sg_db *db = sc->r->db;
	sqlite3_stmt *s = sg_db_stmt(db, R_BLOCK);
	struct sg_row_data row;
	int e;

	sqlite3_bind_int64(s, 1, id);
	e = sg_db_step(db, s);
	if (e > 0) {
		sg_row_of_stmt(s, 0, &row);
		e = scan_row_data(sc, &row, id);
		sqlite3_reset(s);
		if (!e)
			sc->before = id;
	}
	if (is_damage(e)) { /* skipped; the writer is told */
		if (sc->r->head)
			sg_head_count_bad(sc->r->head, id);
		e = 0;
	}
	return e;
}

int sg_scan_journal(struct sg_scan *sc)
{
	struct ids ids = {0};
	int e;

	e = sc->on_base ? list_from_key(sc, &ids) : list_overlap(sc, &ids);
	for (size_t i = 0; i < ids.n && !e; i++)
		e = scan_row(sc, ids.v[i]);
	free(ids.v);
	return e;
}

static void count_bad_chunk(void *ctx, int64_t chunk)
{
	struct sg_scan *sc = ctx;

	if (sc->r->head)
		sg_head_count_bad(sc->r->head, -chunk);
}

/* Parts of the tail that were folded since go: the chunks are there. Rows end where it begins. */
static int trim_tail(struct sg_scan *sc)
{
	int64_t folded = 0;
	size_t gone = 0;
	int e = 0;

	if (!sc->n_parts)
		return 0;
	if (sg_db_has(sc->r->db, R_FOLDED))
		e = sg_db_i64(sc->r->db, sg_db_stmt(sc->r->db, R_FOLDED), 0, &folded);
	while (gone < sc->n_parts && sc->parts[gone].last <= folded)
		sg_gather_free(sc->parts[gone++].gather);
	sc->n_parts -= gone;
	memmove(sc->parts, sc->parts + gone, sc->n_parts * sizeof(*sc->parts));
	if (sc->n_parts)
		sc->last_id = sc->parts[0].first - 1;
	return e;
}

static int scan_part(struct sg_scan *sc, const struct sg_tail_part *p, struct sg_samples *x)
{
	int e = 0;

	for (size_t i = 0; i < sg_gather_len(p->gather) && !e; i++) {
		const struct sg_gathered *g = sg_gather_at(p->gather, i);

		e = sg_gathered_samples(p->gather, g, x);
		if (!e && x->n)
			e = sg_collect_samples(sc->ctx, sg_gathered_series(g), x);
		if (!e && sc->deadline_ns && sg_mono_ns() > sc->deadline_ns)
			e = -ETIMEDOUT;
	}
	return e;
}

static int scan_tail(struct sg_scan *sc)
{
	struct sg_samples x = {0};
	int e = 0;

	for (size_t i = 0; i < sc->n_parts && !e; i++)
		e = scan_part(sc, &sc->parts[i], &x);
	sg_samples_free(&x);
	return e;
}

/* One view of the file: what is folded meanwhile is in rows or in chunks, not in both. */
static int scan_file(struct sg_scan *sc)
{
	struct sg_db *db = sc->r->db;
	struct sg_history *h = sc->history;
	int e = 0;

	if (!db)
		return 0;
	db->deadline_ns = sc->deadline_ns;
	if (h) {
		h->db = db;
		h->from_ms = sc->from_ms;
		h->to_ms = sc->to_ms;
		h->deadline_ns = sc->deadline_ns;
		h->on_bad = count_bad_chunk;
		h->ctx = sc;
		e = sg_db_exec(db, "BEGIN");
	}
	if (!e && h)
		e = trim_tail(sc);
	if (!e && h)
		e = sg_history_read(h);
	if (!e)
		e = sg_scan_journal(sc);
	db->deadline_ns = 0;
	if (h)
		sg_db_rollback(db);
	return e;
}

static int scan_head(struct sg_scan *sc, const struct sg_head_view *v)
{
	int e = 0;

	for (size_t i = 0; i < v->n && !e; i++) {
		e = sc->on_frame(sc->ctx, v->frames[i]->bytes, v->frames[i]->n);
		if (!e && sc->deadline_ns && sg_mono_ns() > sc->deadline_ns)
			e = -ETIMEDOUT;
	}
	return e;
}

int sg_scan_all(struct sg_scan *sc, struct sg_error *err)
{
	struct sg_head_view v = {.block_id = INT64_MAX};
	int e = 0;

	if (sc->r->head && sc->history)
		e = sg_tail_snapshot(sc->r->head, sg_collect_wants, sc->history->collect, sc->parts,
				     &sc->n_parts, &v);
	else if (sc->r->head)
		e = sg_head_snapshot(sc->r->head, &v);
	sc->last_id = v.block_id;
	sc->from_ms = SG_MAX(sc->from_ms, -SG_TIME_MAX);
	sc->to_ms = SG_MIN(sc->to_ms, SG_TIME_MAX);
	if (!e)
		e = sg_reader_db(sc->r, err);
	if (!e)
		e = scan_file(sc);
	if (!e)
		e = scan_tail(sc);
	if (!e)
		e = scan_head(sc, &v);
	while (sc->n_parts)
		sg_gather_free(sc->parts[--sc->n_parts].gather);
	sg_head_view_free(&v);
	return e < 0 && err && *err->msg ? e : sg_scan_error(e, err);
}
