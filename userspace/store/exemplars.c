// SPDX-License-Identifier: GPL-2.0
/*
 * Exemplars: a row for each block, apart from it, so that they are found without reading
 * the block's frames and may go earlier. What a row holds is one frame of the series that
 * exemplars are of, without samples, which carries all of the block's.
 */
#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "exemplars.h"

#define TRIM_AGED 64 /* rows at a time */
#define TRIM_MOST 8
#define MAX_RAW (4U << 20)

/* ---- a row ----------------------------------------------------------------------------- */

struct gather {
	struct sg_frame *row;
	struct sg_map *series; /* of the row: struct place */
	int64_t from_ms, to_ms;
};

struct place {
	const struct sg_series *series;
	uint32_t at;
};

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(((const struct place *)entry)->series, key);
}

/* Where the series is in the row; -ENOMEM, -ENOSPC. */
static int64_t place_of(struct gather *g, const struct sg_series *s)
{
	static const struct sg_hist none;
	struct place *p = sg_map_get(g->series, s->hash, s);
	int r;

	if (p)
		return p->at;
	p = sg_arena_alloc(g->row->arena, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->series = sg_series_copy(g->row->arena, s);
	p->at = (uint32_t)g->row->n;
	if (!p->series)
		return -ENOMEM;
	r = sg_frame_add_hist(g->row, p->series, &none);
	if (r == 0)
		r = sg_map_put(g->series, s->hash, p);
	return r < 0 ? r : (int64_t)p->at;
}

static int ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static const char *copy_text(struct gather *g, const char *s)
{
	return sg_arena_strdup(g->row->arena, s);
}

static int copy_texts(struct gather *g, const struct sg_exemplar *from, struct sg_exemplar *e)
{
	const char **frames = sg_arena_alloc(g->row->arena, from->n_frames * sizeof(*frames) + 1);

	e->comm = copy_text(g, from->comm);
	e->cgroup = copy_text(g, from->cgroup);
	e->frames = frames;
	if (!frames || !e->comm || !e->cgroup)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n_frames; i++) {
		frames[i] = copy_text(g, from->frames[i]);
		if (!frames[i])
			return -ENOMEM;
	}
	return 0;
}

static int take(struct gather *g, const struct sg_frame *f, const struct sg_exemplar *from)
{
	struct sg_exemplar e = *from;
	int r = copy_texts(g, from, &e);

	for (uint32_t i = 0; r == 0 && i < e.n_of; i++) {
		int64_t at = place_of(g, &f->samples[from->of[i]].series);

		e.of[i] = (uint32_t)at;
		r = (int)SG_MIN(at, 0);
	}
	if (r < 0)
		return r;
	qsort(e.of, e.n_of, sizeof(*e.of), ascending);
	if (!g->row->n_exemplars || e.t_ms < g->from_ms)
		g->from_ms = e.t_ms;
	if (!g->row->n_exemplars || e.t_ms > g->to_ms)
		g->to_ms = e.t_ms;
	return sg_frame_add_exemplar(g->row, &e);
}

static int take_all(struct gather *g, const struct sg_head_frame *head)
{
	sg_auto(sg_frame) f = NULL;
	int r = 0;

	if (sg_frame_has_sections(head->bytes, head->n))
		r = sg_frame_decode(head->bytes, head->n, &f);
	for (size_t i = 0; r == 0 && f && i < f->n_exemplars; i++)
		r = take(g, f, &f->exemplars[i]);
	return r == -ENOSPC ? 0 : r; /* more than any block has */
}

static int put(struct sg_store *st, const struct gather *g)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_EXEMPLARS);
	sg_auto_buf raw = {0}, packed = {0};
	int r = sg_frame_encode(g->row, &raw);

	if (r == 0)
		r = sg_block_pack(raw.data, raw.len, &packed);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, st->next_id);
	sqlite3_bind_int64(s, 2, g->from_ms);
	sqlite3_bind_int64(s, 3, g->to_ms);
	sqlite3_bind_int64(s, 4, (int64_t)packed.len);
	sqlite3_bind_int64(s, 5, (int64_t)raw.len);
	sqlite3_bind_blob64(s, 6, packed.data, packed.len, SQLITE_STATIC);
	r = sg_db_run(st->db, s);
	if (r == 0 && st->exemplar_bytes >= 0)
		st->exemplar_bytes += (int64_t)packed.len;
	return r;
}

static int64_t most_bytes(const struct sg_store *st)
{
	return (int64_t)SG_MIN(st->o.exemplar_bytes, st->o.max_bytes / 4);
}

int sg_exemplars_store(struct sg_store *st, struct sg_head_frame *const *frames, size_t n)
{
	sg_auto(sg_frame) row = sg_frame_new();
	sg_auto(sg_map) series = sg_map_new(same_series);
	struct gather g = {.row = row, .series = series};
	int r = row && series ? 0 : -ENOMEM;

	if (!most_bytes(st))
		return 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = take_all(&g, frames[i]);
	return r < 0 || !row->n_exemplars ? r : put(st, &g);
}

/* ---- room ------------------------------------------------------------------------------ */

static int delete_until(struct sg_store *st, int64_t to_ms, int rows)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_DELETE_EXEMPLARS);
	int r;

	sqlite3_bind_int64(s, 1, to_ms);
	sqlite3_bind_int(s, 2, rows);
	r = sg_db_run(st->db, s);
	if (r == 0 && sqlite3_changes(st->db->h) > 0)
		st->exemplar_bytes = -1; /* counted again when it is asked for */
	return r;
}

int sg_exemplars_trim(struct sg_store *st)
{
	int64_t now = sg_real_ms(), keep_ms = (int64_t)(st->o.retention_ns / 1000000);
	int r = keep_ms ? delete_until(st, now - keep_ms, TRIM_AGED) : 0;

	if (r == 0 && st->exemplar_bytes < 0)
		r = sg_db_i64(st->db, sg_db_stmt(st->db, W_EXEMPLAR_BYTES), 0, &st->exemplar_bytes);
	if (r == 0 && st->exemplar_bytes > most_bytes(st))
		r = delete_until(st, INT64_MAX, TRIM_MOST);
	return r;
}

/* ---- reading --------------------------------------------------------------------------- */

static bool wanted(const struct sg_exemplar_scan *sc, const struct sg_series *s)
{
	for (size_t i = 0; i < sc->n_sels; i++)
		if (sg_selector_match(&sc->sels[i], s))
			return true;
	return false;
}

static int look(const struct sg_exemplar_scan *sc, const struct sg_frame *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->n_exemplars; i++) {
		const struct sg_exemplar *e = &f->exemplars[i];

		if (e->t_ms <= sc->from_ms || e->t_ms > sc->to_ms)
			continue;
		for (uint32_t j = 0; r == 0 && j < e->n_of; j++)
			if (wanted(sc, &f->samples[e->of[j]].series))
				r = sc->cb(&f->samples[e->of[j]].series, e, sc->ctx);
	}
	return r;
}

static int look_at_bytes(const struct sg_exemplar_scan *sc, const void *p, size_t n)
{
	sg_auto(sg_frame) f = NULL;
	int r = sg_frame_decode(p, n, &f);

	return r < 0 ? r : look(sc, f);
}

int sg_exemplars_of_row(const struct sg_exemplar_scan *sc, const void *p, size_t n, size_t raw)
{
	sg_auto_buf b = {0};
	int r = raw > MAX_RAW ? -EBADMSG : sg_block_unpack(p, n, raw, &b);

	return r < 0 ? r : look_at_bytes(sc, b.data, b.len);
}

int sg_exemplars_of_head(const struct sg_exemplar_scan *sc, const struct sg_head_view *v)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n; i++)
		if (sg_frame_has_sections(v->frames[i]->bytes, v->frames[i]->n))
			r = look_at_bytes(sc, v->frames[i]->bytes, v->frames[i]->n);
	return r;
}
