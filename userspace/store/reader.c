// SPDX-License-Identifier: GPL-2.0
/* A reader: selections, gaps, range, stacks and exemplars. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/time.h>

#include "collect.h"
#include "exemplars.h"
#include "scan.h"
#include "tiers.h"

#define MAX_SAMPLES 5000000U
#define MAX_GAPS 10000

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
	struct sg_scan sc = {
		.r = (struct sg_store_reader *)api,
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
		return sg_scan_error(-ENOMEM, err);
	r = sg_scan_all(&sc, err);
	if (r < 0)
		return r;
	r = sg_scan_error(sg_collect_finish(c, ret), err);
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
	struct sg_store_reader *r = (struct sg_store_reader *)api;
	struct sg_head_view v = {0};
	struct gap_list l = {.arena = arena};
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0;

	if (!e)
		e = sg_reader_db(r, NULL);
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
	struct sg_store_reader *r = (struct sg_store_reader *)api;
	struct sg_head_view v = {.block_id = INT64_MAX};
	int64_t oldest = INT64_MAX, newest = INT64_MIN;
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0;

	if (!e)
		e = sg_reader_db(r, NULL);
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
	struct sg_store_reader *r = (struct sg_store_reader *)api;
	int e = sg_reader_db(r, NULL), stopped = 0;
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
	struct sg_store_reader *r = (struct sg_store_reader *)api;
	struct sg_head_view v = {.block_id = INT64_MAX};
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0, stopped = 0;

	if (!e)
		e = sg_reader_db(r, NULL);
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
	struct sg_store_reader *r = (struct sg_store_reader *)api;

	sg_db_close(r->db);
	sg_head_unref(r->head);
	sg_buf_free(&r->raw);
	sg_block_reader_free(&r->frames);
	free(r);
}

static struct sg_store_reader *reader_new(const char *dir, struct sg_head *head)
{
	struct sg_store_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	r->head = sg_head_ref(head);
	r->api = (struct sg_reader){
		.select = reader_select,
		.select_deltas = reader_select_deltas,
		.gaps = reader_gaps,
		.profile = reader_profile,
		.events = sg_reader_events,
		.exemplars = reader_exemplars,
		.range = reader_range,
		.close = reader_close,
	};
	return r;
}

int sg_store_reader(const char *data_dir, struct sg_head *head, struct sg_reader **ret,
		    struct sg_error *err)
{
	struct sg_store_reader *r;
	int e;

	if (strlen(data_dir) >= sizeof(r->dir))
		return sg_fail(err, -ENAMETOOLONG, "data_dir: too long");
	r = reader_new(data_dir, head);
	if (!r)
		return sg_fail(err, -ENOMEM, "out of memory");
	e = sg_reader_db(r, err);
	if (e < 0) {
		reader_close(&r->api);
		return e;
	}
	*ret = &r->api;
	return 0;
}
