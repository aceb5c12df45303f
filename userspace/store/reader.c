// SPDX-License-Identifier: GPL-2.0
/* A reader: rows of the journal, then the head, into a collector. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/time.h>

#include "collect.h"
#include "exemplars.h"
#include "history.h"
#include "remake.h"
#include "row.h"
#include "store.h"
#include "tail.h"
#include "tiers.h"

#define MAX_SAMPLES 5000000U
#define MAX_GAPS 10000
#define HOLE_MAX 64 /* rows between two that are in the range by time: read as well */
#define TIME_MAX ((int64_t)1 << 53)

struct reader {
	struct sg_reader api; /* first: what others hold */
	char dir[3072];
	struct sg_head *head;
	struct sg_db *db; /* NULL: there is no file (yet) */
	struct sg_buf raw;
	struct sg_block_reader frames;
};

struct ids {
	int64_t *v;
	size_t n, cap;
};

/* What a selection needs on its way through the rows. */
struct scan {
	struct reader *r;
	int64_t from_ms, to_ms,
		last_id; /* rows above last_id: their frames are in the head's view */
	uint64_t deadline_ns;
	int (*on_base)(void *ctx, const void *base, size_t n); /* NULL: not wanted */
	int (*on_frame)(void *ctx, const void *frame, size_t n);
	void *ctx;
	struct sg_history *history; /* NULL: only frames are wanted */
	struct sg_tail_part parts[SG_TAIL_PARTS]; /* copies of what is wanted of the tail */
	size_t n_parts;
	int64_t before; /* the row before, 0: none that was whole */
	bool started;
};

/* ---- the connection ------------------------------------------------------------ */

static int ensure_db(struct reader *r, struct sg_error *err)
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

static int scan_error(int r, struct sg_error *err)
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

static int find_start(struct scan *sc, int64_t *id, int64_t *t0)
{
	struct sg_db *db = sc->r->db;
	sqlite3_stmt *s = sg_db_stmt(db, R_START);
	int r;

	*id = 0;
	*t0 = -TIME_MAX;
	sqlite3_bind_int64(s, 1, sc->from_ms);
	r = sg_db_step(db, s);
	if (r > 0) {
		*id = sqlite3_column_int64(s, 0);
		*t0 = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
	return SG_MIN(r, 0);
}

static int list_from_key(struct scan *sc, struct ids *ids)
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

static int list_overlap(struct scan *sc, struct ids *ids)
{
	sqlite3_stmt *s = sg_db_stmt(sc->r->db, R_OVERLAP);

	sqlite3_bind_int64(s, 1, sc->from_ms);
	sqlite3_bind_int64(s, 2, sc->to_ms);
	sqlite3_bind_int64(s, 3, 2 * SG_BLOCK_SPAN_MS);
	sqlite3_bind_int64(s, 4, sc->last_id);
	return list_rows(sc->r->db, s, ids, false);
}

/* ---- their frames -------------------------------------------------------------- */

static int scan_frames(struct scan *sc, const struct sg_row_data *row)
{
	struct reader *r = sc->r;
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

static int scan_base(struct scan *sc, const struct sg_row_data *row)
{
	int e = sg_row_base(row, &sc->r->raw);

	return e < 0 ? e : sc->on_base(sc->ctx, sc->r->raw.data, sc->r->raw.len);
}

/* Sums start at a row with a base, and take one in again after something was missing. */
static int scan_row_data(struct scan *sc, const struct sg_row_data *row, int64_t id)
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

static int scan_row(struct scan *sc, int64_t id)
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

static int scan_journal(struct scan *sc)
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
	struct scan *sc = ctx;

	if (sc->r->head)
		sg_head_count_bad(sc->r->head, -chunk);
}

/* Parts of the tail that were folded since go: the chunks are there. Rows end where it begins. */
static int trim_tail(struct scan *sc)
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

static int scan_part(struct scan *sc, const struct sg_tail_part *p, struct sg_samples *x)
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

static int scan_tail(struct scan *sc)
{
	struct sg_samples x = {0};
	int e = 0;

	for (size_t i = 0; i < sc->n_parts && !e; i++)
		e = scan_part(sc, &sc->parts[i], &x);
	sg_samples_free(&x);
	return e;
}

/* One view of the file: what is folded meanwhile is in rows or in chunks, not in both. */
static int scan_file(struct scan *sc)
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
		e = scan_journal(sc);
	db->deadline_ns = 0;
	if (h)
		sg_db_rollback(db);
	return e;
}

static int scan_head(struct scan *sc, const struct sg_head_view *v)
{
	int e = 0;

	for (size_t i = 0; i < v->n && !e; i++) {
		e = sc->on_frame(sc->ctx, v->frames[i]->bytes, v->frames[i]->n);
		if (!e && sc->deadline_ns && sg_mono_ns() > sc->deadline_ns)
			e = -ETIMEDOUT;
	}
	return e;
}

static int scan_all(struct scan *sc, struct sg_error *err)
{
	struct sg_head_view v = {.block_id = INT64_MAX};
	int e = 0;

	if (sc->r->head && sc->history)
		e = sg_tail_snapshot(sc->r->head, sg_collect_wants, sc->history->collect, sc->parts,
				     &sc->n_parts, &v);
	else if (sc->r->head)
		e = sg_head_snapshot(sc->r->head, &v);
	sc->last_id = v.block_id;
	sc->from_ms = SG_MAX(sc->from_ms, -TIME_MAX);
	sc->to_ms = SG_MIN(sc->to_ms, TIME_MAX);
	if (!e)
		e = ensure_db(sc->r, err);
	if (!e)
		e = scan_file(sc);
	if (!e)
		e = scan_tail(sc);
	if (!e)
		e = scan_head(sc, &v);
	while (sc->n_parts)
		sg_gather_free(sc->parts[--sc->n_parts].gather);
	sg_head_view_free(&v);
	return e < 0 && err && *err->msg ? e : scan_error(e, err);
}

/* ---- the interface ------------------------------------------------------------- */

static int collect_base(void *ctx, const void *base, size_t n)
{
	return sg_collect_base(ctx, base, n);
}

static int collect_frame(void *ctx, const void *frame, size_t n)
{
	return sg_collect_frame(ctx, frame, n);
}

static int run_select(struct sg_reader *api, const struct sg_collect_options *o, int64_t res_ms,
		      const struct sg_read_limits *lim, struct sg_points_set *ret,
		      struct sg_error *err)
{
	sg_auto(sg_collect) c = sg_collect_new(o);
	struct sg_history h = {
		.sels = o->sels, .n_sels = o->n_sels, .collect = c, .res_ms = res_ms};
	struct scan sc = {
		.r = (struct reader *)api,
		.history = &h,
		.from_ms = o->from_ms,
		.to_ms = o->to_ms,
		.deadline_ns = lim ? lim->deadline_ns : 0,
		.on_base = o->deltas ? NULL : collect_base,
		.on_frame = collect_frame,
		.ctx = c,
	};
	int r;

	if (!c)
		return scan_error(-ENOMEM, err);
	r = scan_all(&sc, err);
	if (r < 0)
		return r;
	r = scan_error(sg_collect_finish(c, ret), err);
	if (!r)
		ret->res_ms = h.read_ms;
	return r;
}

static int reader_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			 int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
			 struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	const struct sg_collect_options o = {
		.sels = sels,
		.n_sels = n_sels,
		.from_ms = from_ms,
		.to_ms = to_ms,
		.res_ms = lim ? sg_history_res(lim->res_ms) : 0,
		.field = lim ? lim->field : SG_FIELD_LAST,
		.max_samples = lim && lim->max_samples ? lim->max_samples : MAX_SAMPLES,
		.arena = arena,
	};

	return run_select(r, &o, o.res_ms, lim, ret, err);
}

/* Whole increases are asked for: of a tier whose spans no end of a step cuts. */
static int64_t whole_res(int64_t step_ms)
{
	for (int tier = SG_TIERS - 1; tier > 0; tier--)
		if (step_ms > 0 && step_ms % sg_tiers[tier].res_ms == 0)
			return sg_tiers[tier].res_ms;
	return 0;
}

static int reader_select_deltas(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
				int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
				struct sg_arena *arena, struct sg_points_set *ret,
				struct sg_error *err)
{
	const struct sg_collect_options o = {
		.sels = sels,
		.n_sels = n_sels,
		.from_ms = from_ms,
		.to_ms = to_ms,
		.deltas = true,
		.field = lim ? lim->field : SG_FIELD_LAST,
		.max_samples = lim && lim->max_samples ? lim->max_samples : MAX_SAMPLES,
		.arena = arena,
	};

	return run_select(r, &o, lim ? whole_res(lim->res_ms) : 0, lim, ret, err);
}

struct gap_list {
	struct sg_gap *v;
	size_t n;
	struct sg_arena *arena;
};

static int add_gap(struct gap_list *l, int64_t from_ms, int64_t to_ms, const char *reason)
{
	char *copy = sg_arena_strdup(l->arena, reason ? reason : "");

	if (!copy)
		return -ENOMEM;
	l->v[l->n++] = (struct sg_gap){.from_ms = from_ms, .to_ms = to_ms, .reason = copy};
	return 0;
}

static int journal_gaps(struct sg_db *db, int64_t from_ms, int64_t to_ms, struct gap_list *l)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_GAPS);
	int e;

	sqlite3_bind_int64(s, 1, from_ms);
	sqlite3_bind_int64(s, 2, to_ms);
	sqlite3_bind_int64(s, 3, MAX_GAPS);
	while ((e = sg_db_step(db, s)) > 0) {
		e = add_gap(l, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
			    (const char *)sqlite3_column_text(s, 2));
		if (e < 0)
			break;
	}
	sqlite3_reset(s);
	return e;
}

static int head_gaps(const struct sg_head_view *v, int64_t from_ms, int64_t to_ms,
		     struct gap_list *l)
{
	int e = 0;

	for (size_t i = 0; i < v->n_gaps && !e; i++)
		if (v->gaps[i].from_ms < to_ms && v->gaps[i].to_ms > from_ms)
			e = add_gap(l, v->gaps[i].from_ms, v->gaps[i].to_ms, v->gaps[i].reason);
	return e;
}

static int reader_gaps(struct sg_reader *api, int64_t from_ms, int64_t to_ms,
		       struct sg_arena *arena, struct sg_gap **ret, size_t *n)
{
	struct reader *r = (struct reader *)api;
	struct sg_head_view v = {0};
	struct gap_list l = {.arena = arena};
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0;

	if (!e)
		e = ensure_db(r, NULL);
	l.v = sg_arena_alloc(arena, (MAX_GAPS + SG_HEAD_MAX_GAPS) * sizeof(*l.v));
	if (!e && !l.v)
		e = -ENOMEM;
	if (!e && r->db)
		e = journal_gaps(r->db, from_ms, to_ms, &l);
	if (!e)
		e = head_gaps(&v, from_ms, to_ms, &l);
	sg_head_view_free(&v);
	if (e < 0)
		return e == -ENOMEM ? e : -EIO;
	*ret = l.v;
	*n = l.n;
	return 0;
}

static int journal_range(struct sg_db *db, int64_t last_id, int64_t *oldest, int64_t *newest)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_RANGE);
	int e;

	sqlite3_bind_int64(s, 1, last_id);
	e = sg_db_step(db, s);
	if (e > 0 && sqlite3_column_type(s, 0) == SQLITE_INTEGER) {
		*oldest = sqlite3_column_int64(s, 0);
		*newest = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return SG_MIN(e, 0);
}

static int history_range(struct sg_db *db, int64_t *oldest, int64_t *newest)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_SEGMENT_RANGE);
	int e = sg_db_step(db, s);

	if (e > 0 && sqlite3_column_type(s, 0) == SQLITE_INTEGER) {
		*oldest = SG_MIN(*oldest, sqlite3_column_int64(s, 0));
		/* The rows' is the newest where there are some: the clock may have been set back. */
		if (*newest == INT64_MIN)
			*newest = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return SG_MIN(e, 0);
}

static int reader_range(struct sg_reader *api, int64_t *oldest_ms, int64_t *newest_ms)
{
	struct reader *r = (struct reader *)api;
	struct sg_head_view v = {.block_id = INT64_MAX};
	int64_t oldest = INT64_MAX, newest = INT64_MIN;
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0;

	if (!e)
		e = ensure_db(r, NULL);
	if (!e && r->db)
		e = journal_range(r->db, v.block_id, &oldest, &newest);
	if (!e && r->db && sg_db_has(r->db, R_SEGMENT_RANGE))
		e = history_range(r->db, &oldest, &newest);
	if (!e && v.n) {
		oldest = SG_MIN(oldest, v.frames[0]->t_ms);
		newest = v.frames[v.n - 1]->t_ms;
	}
	sg_head_view_free(&v);
	if (e < 0)
		return e == -ENOMEM ? e : -EIO;
	if (newest == INT64_MIN)
		return -ENODATA;
	*oldest_ms = oldest;
	*newest_ms = newest;
	return 0;
}

/* ---- stacks -------------------------------------------------------------------- */

static int reader_profile(struct sg_reader *api, int64_t from_ms, int64_t to_ms,
			  uint64_t deadline_ns, sg_stack_cb cb, void *ctx)
{
	struct reader *r = (struct reader *)api;
	int e = ensure_db(r, NULL), stopped = 0;
	sqlite3_stmt *s;

	if (e < 0 || !r->db || !sg_db_has(r->db, R_PROFILES))
		return e == -ENOMEM || e >= 0 ? e : -EIO;
	s = sg_db_stmt(r->db, R_PROFILES);
	sqlite3_bind_int64(s, 1, from_ms);
	sqlite3_bind_int64(s, 2, to_ms);
	r->db->deadline_ns = deadline_ns;
	while (!stopped && (e = sg_db_step(r->db, s)) > 0) {
		stopped = sg_profile_decode(sqlite3_column_blob(s, 0),
					    (size_t)sqlite3_column_bytes(s, 0), cb, ctx);
		if (stopped == -EBADMSG || stopped == -EPROTONOSUPPORT)
			stopped = 0;
		if (!stopped && deadline_ns && sg_mono_ns() > deadline_ns)
			stopped = -ETIMEDOUT;
	}
	r->db->deadline_ns = 0;
	sqlite3_reset(s);
	if (stopped)
		return stopped;
	return e == 0 || e == -ENOMEM || e == -ETIMEDOUT ? e : -EIO;
}

/* ---- events -------------------------------------------------------------------- */

struct event_list {
	struct sg_event *v;
	size_t n, cap;
	int64_t from_ms, to_ms;
	const char *kind; /* NULL: all */
	struct sg_arena *arena;
};

static int add_event(struct event_list *l, const struct sg_event *e)
{
	int r = SG_GROW(l->v, l->cap, l->n);

	if (!r)
		l->v[l->n++] = *e;
	return r;
}

static bool event_wanted(const struct event_list *l, const struct sg_event *e)
{
	return e->t_ms > l->from_ms && e->t_ms <= l->to_ms &&
	       (!l->kind || strcmp(l->kind, e->kind) == 0);
}

static int frame_events(struct event_list *l, const struct sg_head_frame *head)
{
	sg_auto(sg_frame) f = NULL;
	int r = sg_frame_decode(head->bytes, head->n, &f);

	for (size_t i = 0; r == 0 && i < f->n_events; i++) {
		struct sg_event copy;

		if (!event_wanted(l, &f->events[i]))
			continue;
		r = sg_event_copy(&copy, &f->events[i], l->arena) ? add_event(l, &copy) : -ENOMEM;
	}
	return r;
}

static int head_events(const struct sg_head_view *v, struct event_list *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n; i++)
		if (sg_frame_has_events(v->frames[i]->bytes, v->frames[i]->n))
			r = frame_events(l, v->frames[i]);
	return r;
}

/* A row that is damaged is passed over. */
static int journal_events(struct sg_db *db, int64_t last_id, size_t limit, struct event_list *l)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_EVENTS);
	int r;

	sqlite3_bind_int64(s, 1, l->from_ms);
	sqlite3_bind_int64(s, 2, l->to_ms);
	sqlite3_bind_int64(s, 3, last_id);
	if (l->kind)
		sqlite3_bind_text(s, 4, l->kind, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, (int64_t)limit);
	while ((r = sg_db_step(db, s)) > 0) {
		struct sg_event e;
		int64_t n = sg_event_decode(sqlite3_column_blob(s, 0),
					    (size_t)sqlite3_column_bytes(s, 0), l->arena, &e);

		r = n >= 0 ? add_event(l, &e) : n == -ENOMEM ? -ENOMEM : 0;
		if (r < 0)
			break;
	}
	sqlite3_reset(s);
	return r;
}

static int newer_first(const void *a, const void *b)
{
	const struct sg_event *x = a, *y = b;

	return (x->t_ms < y->t_ms) - (x->t_ms > y->t_ms);
}

static int read_events(struct reader *r, size_t limit, struct event_list *l)
{
	struct sg_head_view v = {.block_id = INT64_MAX};
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0;

	if (!e)
		e = ensure_db(r, NULL);
	if (!e)
		e = head_events(&v, l);
	if (!e && r->db && sg_db_has(r->db, R_EVENTS))
		e = journal_events(r->db, v.block_id, limit, l);
	sg_head_view_free(&v);
	return e;
}

static int reader_events(struct sg_reader *api, int64_t from_ms, int64_t to_ms, const char *kind,
			 size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
			 struct sg_event **ret, size_t *n)
{
	struct event_list l = {.from_ms = from_ms, .to_ms = to_ms, .kind = kind, .arena = arena};
	struct reader *r = (struct reader *)api;
	int e;

	if (r->db)
		r->db->deadline_ns = deadline_ns;
	e = read_events(r, limit, &l);
	if (r->db)
		r->db->deadline_ns = 0;
	if (!e && l.n) {
		qsort(l.v, l.n, sizeof(*l.v), newer_first);
		*n = SG_MIN(l.n, limit);
		*ret = sg_arena_alloc(arena, *n * sizeof(*l.v));
		if (*ret)
			memcpy(*ret, l.v, *n * sizeof(*l.v));
		else
			e = -ENOMEM;
	} else {
		*n = 0;
		*ret = NULL;
	}
	free(l.v);
	return e == 0 || e == -ENOMEM || e == -ETIMEDOUT ? e : -EIO;
}

/* ---- exemplars ----------------------------------------------------------------- */

static int stored_exemplars(struct sg_db *db, const struct sg_exemplar_scan *sc, int64_t last_id,
			    uint64_t deadline_ns, int *stopped)
{
	sqlite3_stmt *s = sg_db_stmt(db, R_EXEMPLARS);
	int e = 0;

	sqlite3_bind_int64(s, 1, sc->from_ms);
	sqlite3_bind_int64(s, 2, sc->to_ms);
	sqlite3_bind_int64(s, 3, last_id);
	db->deadline_ns = deadline_ns;
	while (!*stopped && (e = sg_db_step(db, s)) > 0) {
		*stopped = sg_exemplars_of_row(sc, sqlite3_column_blob(s, 0),
					       (size_t)sqlite3_column_bytes(s, 0),
					       (size_t)sqlite3_column_int64(s, 1));
		if (*stopped == -EBADMSG || *stopped == -EPROTONOSUPPORT)
			*stopped = 0;
		if (!*stopped && deadline_ns && sg_mono_ns() > deadline_ns)
			*stopped = -ETIMEDOUT;
	}
	db->deadline_ns = 0;
	sqlite3_reset(s);
	return SG_MIN(e, 0);
}

static int reader_exemplars(struct sg_reader *api, const struct sg_selector *sels, size_t n_sels,
			    int64_t from_ms, int64_t to_ms, uint64_t deadline_ns, sg_exemplar_cb cb,
			    void *ctx)
{
	const struct sg_exemplar_scan sc = {sels, n_sels, from_ms, to_ms, cb, ctx};
	struct reader *r = (struct reader *)api;
	struct sg_head_view v = {.block_id = INT64_MAX};
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0, stopped = 0;

	if (!e)
		e = ensure_db(r, NULL);
	if (!e && r->db && sg_db_has(r->db, R_EXEMPLARS))
		e = stored_exemplars(r->db, &sc, v.block_id, deadline_ns, &stopped);
	if (!e && !stopped)
		stopped = sg_exemplars_of_head(&sc, &v);
	sg_head_view_free(&v);
	if (stopped)
		return stopped;
	return e == 0 || e == -ENOMEM || e == -ETIMEDOUT ? e : -EIO;
}

static void reader_close(struct sg_reader *api)
{
	struct reader *r = (struct reader *)api;

	sg_db_close(r->db);
	sg_head_unref(r->head);
	sg_buf_free(&r->raw);
	sg_block_reader_free(&r->frames);
	free(r);
}

static struct reader *reader_new(const char *dir, struct sg_head *head)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	r->head = sg_head_ref(head);
	r->api = (struct sg_reader){
		.select = reader_select,
		.select_deltas = reader_select_deltas,
		.gaps = reader_gaps,
		.profile = reader_profile,
		.events = reader_events,
		.exemplars = reader_exemplars,
		.range = reader_range,
		.close = reader_close,
	};
	return r;
}

int sg_store_reader(const char *data_dir, struct sg_head *head, struct sg_reader **ret,
		    struct sg_error *err)
{
	struct reader *r;
	int e;

	if (strlen(data_dir) >= sizeof(r->dir))
		return sg_fail(err, -ENAMETOOLONG, "data_dir: too long");
	r = reader_new(data_dir, head);
	if (!r)
		return sg_fail(err, -ENOMEM, "out of memory");
	e = ensure_db(r, err);
	if (e < 0) {
		reader_close(&r->api);
		return e;
	}
	*ret = &r->api;
	return 0;
}

/* ---- frames as they are -------------------------------------------------------- */

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
static int refuse_coarse(const struct scan *sc, struct sg_error *err)
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
static int copy_segments(struct scan *sc, struct copy *c)
{
	sg_auto(sg_remake) m = sg_remake_new();
	struct sg_db *db = sc->r->db;
	int e = m ? 1 : -ENOMEM;

	while (e > 0) {
		e = sg_db_exec(db, "BEGIN");
		if (!e)
			e = sg_remake_next(m, db, sc->from_ms, sc->to_ms);
		if (!e) /* the transaction goes on: what is not in a segment now is in a row */
			e = scan_journal(sc);
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
	struct scan sc = {.from_ms = SG_MAX(from_ms, -TIME_MAX),
			  .to_ms = SG_MIN(to_ms, TIME_MAX),
			  .last_id = INT64_MAX,
			  .on_frame = copy_frame,
			  .ctx = &c};
	int r = sg_store_reader(data_dir, NULL, &api, err);

	if (!api)
		return r;
	sc.r = (struct reader *)api;
	if (!sg_db_has(sc.r->db, R_NEXT_SEGMENT)) { /* an older file: all is in rows */
		r = scan_journal(&sc);
	} else {
		r = refuse_coarse(&sc, err);
		if (!r)
			r = copy_segments(&sc, &c);
	}
	if (c.stopped)
		return c.stopped;
	return r == -ENODATA ? r : scan_error(r, err);
}
