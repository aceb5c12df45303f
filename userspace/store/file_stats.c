// SPDX-License-Identifier: GPL-2.0
/* How large the tables are, and what each metric has of the frames. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/frame_visit.h>
#include <sgprobe/store.h>

#include "block.h"
#include "file_private.h"
#include "row.h"

#define BLOCKS_MAX 200 /* that are looked at, evenly spread */
#define TABLES_MAX 64

struct metric {
	struct sg_dbfile_metric m;
	double weight;
	struct sg_map *series;
};

struct survey {
	struct sg_dbfile_stats *ret;
	struct sg_map *map; /* of metrics, by name */
	struct metric **v;
	size_t n, cap;
	struct sg_arena *arena;
	struct sg_buf raw;
	struct sg_block_reader frames;
	struct sg_frame_table tables[SG_BLOCK_SLOTS];
	double weight; /* of all */
};

/* ---- tables ------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	const struct sg_dbfile_table *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static uint64_t count_rows(struct sg_db *db, const char *table)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	int64_t n = sql ? sg_dbfile_number(db, sql, 0) : 0;

	sqlite3_free(sql);
	return (uint64_t)n;
}

/* A table with its indices. */
static int list_tables(struct sg_db *db, struct sg_dbfile_stats *st)
{
	static const char sql[] = "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d"
				  " JOIN sqlite_schema s ON s.name = d.name"
				  " WHERE d.aggregate = TRUE GROUP BY s.tbl_name";
	sqlite3_stmt *s = NULL;
	int r = sg_dbfile_prepare(db, sql, &s);

	st->tables = calloc(TABLES_MAX, sizeof(*st->tables));
	if (!st->tables)
		r = -ENOMEM;
	while (r == 0 && st->n_tables < TABLES_MAX && (r = sg_db_step(db, s)) > 0) {
		struct sg_dbfile_table *t = &st->tables[st->n_tables++];
		const char *name = (const char *)sqlite3_column_text(s, 0);

		snprintf(t->name, sizeof(t->name), "%s", name ? name : "");
		t->bytes = (uint64_t)sqlite3_column_int64(s, 1);
		t->rows = count_rows(db, t->name);
		r = 0;
	}
	sqlite3_finalize(s);
	if (r == 0)
		qsort(st->tables, st->n_tables, sizeof(*st->tables), by_bytes);
	return r;
}

/* ---- metrics -------------------------------------------------------------------------------- */

static int is_metric(const void *entry, const void *key)
{
	return strcmp(((const struct metric *)entry)->m.name, key) == 0;
}

static int is_series(const void *entry, const void *key)
{
	return sg_series_equal(entry, key);
}

static struct metric *get(struct survey *s, const char *name)
{
	uint64_t hash = sg_hash_str(name, 0);
	struct metric *m = sg_map_get(s->map, hash, name);

	if (m)
		return m;
	m = sg_arena_zalloc(s->arena, sizeof(*m));
	if (!m || SG_GROW(s->v, s->cap, s->n) < 0)
		return NULL;
	snprintf(m->m.name, sizeof(m->m.name), "%s", name);
	m->series = sg_map_new(is_series);
	if (!m->series)
		return NULL;
	s->v[s->n++] = m;
	return sg_map_put(s->map, hash, m) < 0 ? NULL : m;
}

/* About the bytes of a number in a frame. */
static double weight_of(double v)
{
	return v == 0 ? 1 : v == trunc(v) ? 1 + floor(log2(fabs(v) * 2 + 1) / 7) : 6;
}

static double sample_weight(const struct sg_sample *sample)
{
	double w = 0;

	if (sample->series.type != SG_HISTOGRAM)
		return weight_of(sample->value);
	for (uint32_t i = 0; i < sample->hist.n; i++)
		w += 1 + weight_of(sample->hist.buckets[i].count);
	return 2 + w + (sample->hist.count > 0 ? 5 : 0);
}

static int on_sample(void *ctx, size_t i, const struct sg_sample *sample)
{
	struct survey *s = ctx;
	struct metric *m = get(s, sample->series.name);
	double w = sample_weight(sample);

	if (!m)
		return -ENOMEM;
	m->m.samples++;
	m->weight += w;
	s->weight += w;
	if (!sg_map_get(m->series, sample->series.hash, &sample->series)) {
		struct sg_series *copy = sg_series_copy(s->arena, &sample->series);

		if (!copy || sg_map_put(m->series, copy->hash, copy) < 0)
			return -ENOMEM;
		m->m.series++;
	}
	return 0;
}

static int survey_block(struct survey *s, const struct sg_row_data *row)
{
	const uint8_t *p;
	size_t n;
	int r = sg_row_check(row);

	if (r == 0)
		r = sg_row_frames(row, &s->raw);
	if (r == 0)
		r = sg_block_start(&s->frames, s->raw.data, s->raw.len);
	while (r == 0 && (r = sg_block_next(&s->frames, &p, &n)) > 0) {
		struct sg_frame_view v;
		struct sg_frame_table *t;

		r = sg_frame_view(p, n, false, &v);
		if (r < 0)
			break;
		t = &s->tables[v.header.source % SG_BLOCK_SLOTS];
		r = sg_frame_table_update(t, &v);
		if (r >= 0)
			r = sg_frame_visit(&v, t, NULL, on_sample, s);
	}
	return r == -ENOMEM ? r : 0; /* what is damaged is for 'check' */
}

static int survey_blocks(struct survey *s, struct sg_db *db, const struct sg_dbfile_watch *w)
{
	int64_t every = SG_MAX((int64_t)(s->ret->blocks / BLOCKS_MAX), 1), last = 0;
	sqlite3_stmt *q = NULL;
	int r = sg_dbfile_prepare(
		db,
		"SELECT id, n_frames, raw_bytes, crc, data, base FROM journal WHERE id >= ?1"
		" ORDER BY id LIMIT 1",
		&q);

	for (int64_t from = INT64_MIN; r == 0; from = last + every) {
		struct sg_row_data row;

		sqlite3_reset(q);
		sqlite3_bind_int64(q, 1, from);
		r = sg_db_step(db, q);
		if (r <= 0)
			break;
		last = sqlite3_column_int64(q, 0);
		sg_row_of_stmt(q, 1, &row);
		r = survey_block(s, &row);
		s->ret->looked_at++;
		if (r == 0 && sg_dbfile_tell(w, "metrics", s->ret->looked_at,
					     SG_MIN(s->ret->blocks, (uint64_t)BLOCKS_MAX)))
			r = -EINTR;
	}
	sqlite3_finalize(q);
	return r;
}

static uint64_t table_bytes(const struct sg_dbfile_stats *st, const char *name)
{
	for (uint64_t i = 0; i < st->n_tables; i++)
		if (strcmp(st->tables[i].name, name) == 0)
			return st->tables[i].bytes;
	return 0;
}

static int larger_first(const void *a, const void *b)
{
	const struct sg_dbfile_metric *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static int finish(struct survey *s)
{
	struct sg_dbfile_stats *st = s->ret;
	double bytes = (double)table_bytes(st, "journal");
	double scale = st->looked_at ? (double)st->blocks / (double)st->looked_at : 0;

	st->metrics = calloc(s->n ? s->n : 1, sizeof(*st->metrics));
	if (!st->metrics)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		struct sg_dbfile_metric *m = &st->metrics[i];

		*m = s->v[i]->m;
		m->samples *= scale;
		m->bytes = s->weight > 0 ? bytes * s->v[i]->weight / s->weight : 0;
	}
	st->n_metrics = s->n;
	qsort(st->metrics, s->n, sizeof(*st->metrics), larger_first);
	return 0;
}

static void survey_free(struct survey *s)
{
	for (size_t i = 0; i < s->n; i++)
		sg_map_free(s->v[i]->series);
	free(s->v);
	sg_map_free(s->map);
	sg_arena_free(s->arena);
	sg_buf_free(&s->raw);
	sg_block_reader_free(&s->frames);
	for (size_t i = 0; i < SG_BLOCK_SLOTS; i++)
		sg_frame_table_free(&s->tables[i]);
}

static int survey_metrics(struct sg_db *db, const struct sg_dbfile_watch *w,
			  struct sg_dbfile_stats *st)
{
	struct survey s = {.ret = st, .map = sg_map_new(is_metric), .arena = sg_arena_new(0)};
	int r = s.map && s.arena ? survey_blocks(&s, db, w) : -ENOMEM;

	if (r == 0)
		r = finish(&s);
	survey_free(&s);
	return r;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static void read_numbers(struct sg_db *db, const char *dir, struct sg_dbfile_stats *st)
{
	st->file_bytes = sg_dbfile_size(dir, "metrics.db", "");
	st->wal_bytes = sg_dbfile_size(dir, "metrics.db", "-wal");
	st->state_bytes =
		sg_dbfile_size(dir, "state.db", "") + sg_dbfile_size(dir, "state.db", "-wal");
	st->free_bytes = (uint64_t)(sg_dbfile_number(db, "PRAGMA freelist_count", 0) *
				    sg_dbfile_number(db, "PRAGMA page_size", 0));
	st->schema = sg_dbfile_number(db, "PRAGMA user_version", 0);
	st->blocks = (uint64_t)sg_dbfile_number(db, "SELECT count(*) FROM journal", 0);
}

static void read_range(const char *dir, struct sg_dbfile_stats *st)
{
	sg_auto(sg_reader) r = NULL;

	if (sg_store_reader(dir, NULL, &r, NULL) < 0 ||
	    r->range(r, &st->oldest_ms, &st->newest_ms) < 0)
		st->oldest_ms = st->newest_ms = 0;
}

int sg_dbfile_stats(const char *data_dir, const struct sg_dbfile_watch *w,
		    struct sg_dbfile_stats *ret, struct sg_error *err)
{
	sg_auto(sg_db) db = NULL;
	int r = sg_db_open_reader(&sg_db_metrics, data_dir, &db, err);

	*ret = (struct sg_dbfile_stats){0};
	if (r < 0)
		return r;
	read_numbers(db, data_dir, ret);
	read_range(data_dir, ret);
	r = list_tables(db, ret);
	if (r == 0)
		r = survey_metrics(db, w, ret);
	if (r < 0) {
		sg_dbfile_stats_free(ret);
		return sg_fail(err, r, "cannot measure %s: %s", db->path,
			       r == -EINTR ? "interrupted" : strerror(-r));
	}
	return 0;
}

void sg_dbfile_stats_free(struct sg_dbfile_stats *s)
{
	free(s->tables);
	free(s->metrics);
	s->tables = NULL;
	s->metrics = NULL;
	s->n_tables = s->n_metrics = 0;
}
