// SPDX-License-Identifier: GPL-2.0
#include "index.h"

#include <errno.h>
#include <string.h>

#define TRIM_AT_ONCE 64

struct entry {
	struct sg_series *series; /* one malloc block */
	uint32_t id;
	int64_t pos; /* of the last segment that it was seen in since the start */
	int64_t end_ms;
	bool ended;
};

struct sg_index {
	struct sg_map *map;
	size_t max_series;
	uint32_t last_id;
};

static int entry_eq(const void *e, const void *key)
{
	const struct entry *x = e;
	const struct sg_series *k = key;

	return x->series->type == k->type && sg_series_equal(x->series, k);
}

static void entry_free(struct entry *e)
{
	if (e)
		free(e->series);
	free(e);
}

void sg_index_free(struct sg_index *x)
{
	struct entry *e;

	if (!x)
		return;
	for (size_t it = 0; x->map && (e = sg_map_next(x->map, &it));)
		entry_free(e);
	sg_map_free(x->map);
	free(x);
}

size_t sg_index_len(const struct sg_index *x)
{
	return sg_map_len(x->map);
}

/* ---- text ---------------------------------------------------------------------- */

void sg_index_put_labels(struct sg_buf *b, const struct sg_series *s)
{
	for (size_t i = 0; i < s->n_labels; i++) {
		sg_buf_add(b, s->labels[i].name, strlen(s->labels[i].name) + 1);
		sg_buf_add(b, s->labels[i].value, strlen(s->labels[i].value) + 1);
	}
}

/* The next text that ends with a NUL before the end; NULL: there is none. */
static char *next_text(char **p, const char *end)
{
	char *at = *p, *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;

	if (nul)
		*p = nul + 1;
	return nul ? at : NULL;
}

int sg_index_series(struct sg_arena *a, int64_t type, const char *name, const void *labels,
		    size_t n, struct sg_series *ret)
{
	struct sg_label *l = sg_arena_alloc(a, SG_LABELS_MAX * sizeof(*l));
	char *copy = sg_arena_alloc(a, n + 1), *p = copy,
	     *own = sg_arena_strdup(a, name ? name : "");
	size_t k = 0;

	if (!l || !copy || !own)
		return -ENOMEM;
	if (type < SG_COUNTER || type > SG_HISTOGRAM)
		return -EBADMSG;
	if (n)
		memcpy(copy, labels, n);
	for (; p < copy + n; k++) {
		if (k == SG_LABELS_MAX)
			return -EBADMSG;
		l[k].name = next_text(&p, copy + n);
		l[k].value = l[k].name ? next_text(&p, copy + n) : NULL;
		if (!l[k].value)
			return -EBADMSG;
	}
	return sg_series_init(ret, (enum sg_type)type, own, l, k) < 0 ? -EBADMSG : 0;
}

/* ---- loading ------------------------------------------------------------------- */

static int add_entry(struct sg_index *x, const struct sg_series *s, uint32_t id, struct entry **ret)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e)
		e->series = sg_series_dup(s);
	if (!e || !e->series || sg_map_put(x->map, s->hash, e) < 0) {
		entry_free(e);
		return -ENOMEM;
	}
	e->id = id;
	e->pos = -1;
	x->last_id = SG_MAX(x->last_id, id);
	*ret = e;
	return 0;
}

static int load_row(struct sg_index *x, sqlite3_stmt *s)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_series series;
	struct entry *e;
	int64_t id = sqlite3_column_int64(s, 0);
	int r;

	if (!a)
		return -ENOMEM;
	if (id <= 0 || id >= UINT32_MAX)
		return -EUCLEAN;
	r = sg_index_series(a, sqlite3_column_int64(s, 1), (const char *)sqlite3_column_text(s, 2),
			    sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3), &series);
	if (r < 0)
		return r == -EBADMSG ? -EUCLEAN : r;
	if (sg_map_get(x->map, series.hash, &series))
		return -EUCLEAN;
	r = add_entry(x, &series, (uint32_t)id, &e);
	if (!r) {
		e->ended = sqlite3_column_type(s, 4) != SQLITE_NULL;
		e->end_ms = sqlite3_column_int64(s, 4);
	}
	return r;
}

int sg_index_load(struct sg_db *db, size_t max_series, struct sg_index **ret)
{
	sg_auto(sg_index) x = calloc(1, sizeof(*x));
	sqlite3_stmt *s = sg_db_stmt(db, W_SERIES);
	int r = 0;

	if (x)
		x->map = sg_map_new(entry_eq);
	if (!x || !x->map)
		return -ENOMEM;
	x->max_series = max_series;
	while (!r && (r = sg_db_step(db, s)) > 0)
		r = load_row(x, s);
	sqlite3_reset(s);
	if (!r)
		*ret = sg_take(x);
	return r;
}

/* ---- changes ------------------------------------------------------------------- */

static int put_label(struct sg_db *db, const char *name, const char *value, uint32_t id)
{
	sqlite3_stmt *s = sg_db_stmt(db, W_PUT_LABEL);

	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, id);
	return sg_db_run(db, s);
}

static int put_series(struct sg_db *db, const struct sg_series *series, uint32_t id)
{
	sqlite3_stmt *s = sg_db_stmt(db, W_PUT_SERIES);
	sg_auto_buf labels = {0};
	int r;

	sg_index_put_labels(&labels, series);
	if (labels.err)
		return labels.err;
	sqlite3_bind_int64(s, 1, id);
	sqlite3_bind_int(s, 2, series->type);
	sqlite3_bind_text(s, 3, series->name, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(s, 4, labels.len ? labels.data : "", labels.len, SQLITE_STATIC);
	r = sg_db_run(db, s);
	if (!r)
		r = put_label(db, "__name__", series->name, id);
	for (size_t i = 0; i < series->n_labels && !r; i++)
		r = put_label(db, series->labels[i].name, series->labels[i].value, id);
	return r;
}

static int put_end(struct sg_db *db, const struct entry *e)
{
	sqlite3_stmt *s = sg_db_stmt(db, W_END_SERIES);

	sqlite3_bind_int64(s, 1, e->id);
	if (e->ended)
		sqlite3_bind_int64(s, 2, e->end_ms);
	return sg_db_run(db, s);
}

static int new_entry(struct sg_index *x, struct sg_db *db, const struct sg_series *s,
		     struct entry **ret)
{
	int r;

	if (sg_map_len(x->map) >= x->max_series || x->last_id + 1 == UINT32_MAX)
		return -EDQUOT;
	r = put_series(db, s, x->last_id + 1);
	return r < 0 ? r : add_entry(x, s, x->last_id + 1, ret);
}

int sg_index_see(struct sg_index *x, struct sg_db *db, const struct sg_series *s, int64_t pos,
		 int64_t end_ms, uint32_t *id)
{
	struct entry *e = sg_map_get(x->map, s->hash, s);
	int r = e ? 0 : new_entry(x, db, s, &e);

	if (r < 0)
		return r;
	if (e->ended) {
		e->ended = false;
		r = put_end(db, e);
	}
	e->pos = pos;
	e->end_ms = end_ms;
	*id = e->id;
	return r;
}

int sg_index_end(struct sg_index *x, struct sg_db *db, int64_t pos, int64_t t0_ms)
{
	struct entry *e;
	int r = 0;

	for (size_t it = 0; !r && (e = sg_map_next(x->map, &it));) {
		if (e->ended || e->pos == pos)
			continue;
		if (e->pos < 0) /* of a time before this start: not known better */
			e->end_ms = t0_ms;
		e->ended = true;
		r = put_end(db, e);
	}
	return r;
}

static int delete_label(struct sg_db *db, const char *name, const char *value, uint32_t id)
{
	sqlite3_stmt *s = sg_db_stmt(db, W_DELETE_LABEL);

	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, id);
	return sg_db_run(db, s);
}

static int delete_series(struct sg_db *db, const struct entry *e)
{
	sqlite3_stmt *s = sg_db_stmt(db, W_DELETE_SERIES);
	int r;

	sqlite3_bind_int64(s, 1, e->id);
	r = sg_db_run(db, s);
	if (!r)
		r = delete_label(db, "__name__", e->series->name, e->id);
	for (size_t i = 0; i < e->series->n_labels && !r; i++)
		r = delete_label(db, e->series->labels[i].name, e->series->labels[i].value, e->id);
	return r;
}

int sg_index_trim(struct sg_index *x, struct sg_db *db, int64_t t_ms)
{
	struct entry *e, *old[TRIM_AT_ONCE];
	size_t n = 0;
	int r;

	for (size_t it = 0; n < TRIM_AT_ONCE && (e = sg_map_next(x->map, &it));)
		if (e->ended && e->end_ms < t_ms)
			old[n++] = e;
	if (!n)
		return 0;
	r = sg_db_begin(db);
	for (size_t i = 0; i < n && !r; i++)
		r = delete_series(db, old[i]);
	if (!r)
		r = sg_db_commit(db);
	if (r < 0) {
		sg_db_rollback(db);
		return r;
	}
	for (size_t i = 0; i < n; i++) {
		sg_map_del(x->map, old[i]->series->hash, old[i]->series);
		entry_free(old[i]);
	}
	return 0;
}
