// SPDX-License-Identifier: GPL-2.0
/* Chunks of a tier into one of the next. */
#include <errno.h>
#include <string.h>

#include "fold.h"
#include "merge.h"
#include "tiers.h"

#define SOURCES_MAX 1024 /* of one segment, however short they are */

/* ---- which segments ------------------------------------------------------------- */

static int64_t window_of(int tier, int64_t t_ms)
{
	return sg_merge_bucket(t_ms, sg_tiers[tier].span_ms);
}

static int add_source(struct sg_roll_plan *p, sqlite3_stmt *s, size_t *cap, size_t *cap_bases)
{
	int64_t t0 = sqlite3_column_int64(s, 3), t1 = sqlite3_column_int64(s, 4);
	int r = SG_GROW(p->ids, *cap, p->n);

	if (!r)
		r = SG_GROW(p->bases, *cap_bases, p->n);
	if (r < 0)
		return r;
	if (!p->n) {
		p->first = sqlite3_column_int64(s, 1);
		p->t0_ms = t0;
		p->t1_ms = t1;
	}
	p->last = sqlite3_column_int64(s, 2);
	p->t0_ms = SG_MIN(p->t0_ms, t0);
	p->t1_ms = SG_MAX(p->t1_ms, t1);
	p->bases[p->n] = t0;
	p->ids[p->n++] = sqlite3_column_int64(s, 0);
	return 0;
}

/* Ends with the first segment of another window: then all of this one is there. */
static int list_sources(struct sg_store *st, int tier, sqlite3_stmt *s, struct sg_roll_plan *p)
{
	size_t cap = 0, cap_bases = 0;
	int64_t window = 0;
	int r;

	while ((r = sg_db_step(st->db, s)) > 0) {
		int64_t w = window_of(tier, sqlite3_column_int64(s, 3));

		if (!p->n)
			window = w;
		if (w != window || p->n == SOURCES_MAX)
			break;
		r = add_source(p, s, &cap, &cap_bases);
		if (r < 0)
			break;
	}
	sqlite3_reset(s);
	return r;
}

int sg_roll_find(struct sg_store *st, int tier, struct sg_roll_plan *ret)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_TIER_END);
	struct sg_roll_plan p = {0};
	int64_t end;
	int r;

	sqlite3_bind_int(s, 1, tier);
	r = sg_db_i64(st->db, s, 0, &end);
	if (r < 0)
		return r;
	s = sg_db_stmt(st->db, W_TIER_AFTER);
	sqlite3_bind_int(s, 1, tier - 1);
	sqlite3_bind_int64(s, 2, end);
	r = list_sources(st, tier, s, &p);
	if (r > 0) {
		*ret = p;
		return 1;
	}
	free(p.ids);
	free(p.bases);
	return r;
}

/* ---- their series ---------------------------------------------------------------- */

struct id_list {
	uint32_t *v;
	size_t n, cap;
};

static int list_chunks(struct sg_store *st, int64_t segment, struct id_list *l)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_CHUNK_IDS);
	int r;

	sqlite3_bind_int64(s, 1, sg_chunk_id(segment, 0));
	sqlite3_bind_int64(s, 2, sg_chunk_id(segment + 1, 0));
	while ((r = sg_db_step(st->db, s)) > 0) {
		r = SG_GROW(l->v, l->cap, l->n);
		if (r < 0)
			break;
		l->v[l->n++] = (uint32_t)sqlite3_column_int64(s, 0);
	}
	sqlite3_reset(s);
	return r;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void sort_unique(struct id_list *l)
{
	size_t n = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), by_number);
	for (size_t i = 0; i < l->n; i++)
		if (!n || l->v[n - 1] != l->v[i])
			l->v[n++] = l->v[i];
	l->n = n;
}

int sg_roll_series(struct sg_store *st, const struct sg_roll_plan *p, uint32_t **ids, size_t *n)
{
	struct id_list l = {0};
	int r = 0;

	for (size_t i = 0; i < p->n && !r; i++) {
		r = list_chunks(st, p->ids[i], &l);
		sort_unique(&l);
	}
	if (r < 0) {
		free(l.v);
		return r;
	}
	*ids = l.v;
	*n = l.n;
	return 0;
}

/* ---- one series ------------------------------------------------------------------ */

static int read_chunk(struct sg_store *st, int64_t id, int64_t base_ms, struct sg_samples *s)
{
	sqlite3_stmt *q = sg_db_stmt(st->db, W_CHUNK);
	int r;

	sqlite3_bind_int64(q, 1, id);
	r = sg_db_step(st->db, q);
	if (r > 0) {
		r = sg_chunk_decode(s, base_ms, sqlite3_column_blob(q, 0),
				    (size_t)sqlite3_column_bytes(q, 0));
		r = r < 0 ? r : 1;
	}
	sqlite3_reset(q);
	return r;
}

int sg_roll_chunk(struct sg_store *st, const struct sg_roll_plan *p, int tier, uint32_t series,
		  struct sg_merge *m, struct sg_samples *s, struct sg_buf *out)
{
	bool begun = false;
	int r = 0;

	for (size_t i = 0; i < p->n && r >= 0; i++) {
		r = read_chunk(st, sg_chunk_id(p->ids[i], series), p->bases[i], s);
		if (r > 0 && !begun) {
			sg_merge_begin(m, s->type, sg_tiers[tier].res_ms);
			begun = true;
		}
		if (r > 0)
			r = sg_merge_add(m, s);
		if (r == -EBADMSG) { /* passed over, as readers do */
			st->bad_blocks++;
			r = 0;
		}
	}
	if (r >= 0 && begun)
		r = sg_merge_end(m);
	if (r >= 0 && begun && m->out.n)
		r = sg_chunk_encode(&m->out, p->t0_ms, out);
	return SG_MIN(r, 0);
}
