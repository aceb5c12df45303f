// SPDX-License-Identifier: GPL-2.0
/* A look at everything that is stored: each table is a row of what to ask and how to judge a row. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/frame.h>
#include <sgprobe/profile.h>

#include "block.h"
#include "chunk.h"
#include "exemplars.h"
#include "file_private.h"
#include "row.h"

#define TOLD_MAX 100 /* findings of a table */
#define ROWS_AT_ONCE 100 /* a statement that stays open would let the WAL grow */

struct checker {
	const struct sg_dbfile_watch *w;
	sg_dbfile_finding on_finding;
	void *ctx;
	struct sg_dbfile_checked *ret;
	struct sg_buf raw;
	struct sg_block_reader frames;
	char where[64];
	unsigned int told;
	int64_t last; /* key of the row before; 0: none */
};

struct rule {
	const char *table;
	const char *sql; /* key first; key > ?1 in its order, at most ?2 */
	/* 0: the row is sound; else -ENOMEM, or told. */
	int (*row)(struct checker *c, sqlite3_stmt *s);
};

static void tell(struct checker *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct checker *c, const char *fmt, ...)
{
	char what[300];
	va_list ap;

	c->ret->problems++;
	if (c->told++ >= TOLD_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	c->on_finding(c->ctx, c->where, what);
}

/* ---- journal ------------------------------------------------------------------------------ */

struct span {
	int64_t t0, t1, n;
};

static int check_frame(struct checker *c, int64_t id, const void *p, size_t n, struct span *span)
{
	sg_auto(sg_frame) f = NULL;
	int r = sg_frame_decode(p, n, &f);

	if (r == -ENOMEM)
		return r;
	span->n++;
	c->ret->frames++;
	if (r < 0)
		tell(c, "row %" PRId64 ": frame %" PRId64 " does not decode", id, span->n);
	else if (f->t_ms < span->t0 || f->t_ms > span->t1)
		tell(c, "row %" PRId64 ": frame %" PRId64 " is outside of the row's time", id,
		     span->n);
	return 0;
}

static int check_frames(struct checker *c, int64_t id, const struct sg_row_data *row,
			struct span *span)
{
	const uint8_t *p;
	size_t n;
	int r = sg_row_frames(row, &c->raw);

	if (r == 0)
		r = sg_block_start(&c->frames, c->raw.data, c->raw.len);
	while (r == 0 && (r = sg_block_next(&c->frames, &p, &n)) > 0)
		r = check_frame(c, id, p, n, span);
	if (r < 0 && r != -ENOMEM) {
		tell(c, "row %" PRId64 ": cannot be unpacked", id);
		return 0;
	}
	if (r == 0 && span->n != row->n_frames)
		tell(c, "row %" PRId64 ": %" PRId64 " frames, and it says %" PRId64, id, span->n,
		     row->n_frames);
	return r;
}

static int check_journal(struct checker *c, sqlite3_stmt *s)
{
	int64_t id = sqlite3_column_int64(s, 0);
	struct span span = {sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2), 0};
	bool key = sqlite3_column_int64(s, 3) != 0;
	struct sg_row_data row;
	int r;

	sg_row_of_stmt(s, 4, &row);
	if (c->last && id != c->last + 1)
		tell(c, "rows %" PRId64 " to %" PRId64 " are missing", c->last + 1, id - 1);
	if (span.t0 > span.t1)
		tell(c, "row %" PRId64 ": ends before it begins", id);
	if (key != (row.base_len > 0))
		tell(c, "row %" PRId64 ": %s", id,
		     key ? "a key row without sums" : "sums in a row that is no key row");
	if (sg_row_check(&row) < 0) {
		tell(c, "row %" PRId64 ": its checksum is wrong", id);
		return 0;
	}
	r = check_frames(c, id, &row, &span);
	if (r == 0 && row.base_len && (r = sg_row_base(&row, &c->raw)) == -EBADMSG) {
		tell(c, "row %" PRId64 ": its sums cannot be unpacked", id);
		r = 0;
	}
	return r;
}

/* ---- the others ----------------------------------------------------------------------------- */

static int ignore_stack(const struct sg_stack *s, void *ctx)
{
	return 0;
}

static int check_profile(struct checker *c, sqlite3_stmt *s)
{
	int64_t id = sqlite3_column_int64(s, 0);
	size_t n = (size_t)sqlite3_column_bytes(s, 2);
	int r = sg_profile_decode(sqlite3_column_blob(s, 2), n, ignore_stack, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		tell(c, "row %" PRId64 ": does not decode", id);
	if (sqlite3_column_int64(s, 1) != (int64_t)n)
		tell(c, "row %" PRId64 ": its size is not as it says", id);
	return 0;
}

static int check_event(struct checker *c, sqlite3_stmt *s)
{
	int64_t id = sqlite3_column_int64(s, 0), n;
	const char *kind = (const char *)sqlite3_column_text(s, 2);
	sg_auto(sg_arena) a = sg_arena_new(1 << 20);
	struct sg_event e;

	if (!a)
		return -ENOMEM;
	n = sg_event_decode(sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3), a, &e);
	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0)
		tell(c, "row %" PRId64 ": does not decode", id);
	else if (e.t_ms != sqlite3_column_int64(s, 1) || !kind || strcmp(kind, e.kind) != 0)
		tell(c, "row %" PRId64 ": its time or kind is not that of the event", id);
	return 0;
}

static int ignore_exemplar(const struct sg_series *s, const struct sg_exemplar *e, void *ctx)
{
	return 0;
}

static int check_exemplar(struct checker *c, sqlite3_stmt *s)
{
	struct sg_matcher any = {.op = SG_MATCH_NE, .name = "__name__", .value = ""};
	struct sg_selector sel = {1, &any};
	const struct sg_exemplar_scan sc = {&sel, 1, INT64_MIN, INT64_MAX, ignore_exemplar, NULL};
	int r = sg_exemplars_of_row(&sc, sqlite3_column_blob(s, 2),
				    (size_t)sqlite3_column_bytes(s, 2),
				    (size_t)sqlite3_column_int64(s, 1));

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		tell(c, "block %" PRId64 ": does not decode", (int64_t)sqlite3_column_int64(s, 0));
	return 0;
}

static int check_gap(struct checker *c, sqlite3_stmt *s)
{
	if (sqlite3_column_int64(s, 1) > sqlite3_column_int64(s, 2))
		tell(c, "row %" PRId64 ": ends before it begins",
		     (int64_t)sqlite3_column_int64(s, 0));
	return 0;
}

static int check_segment(struct checker *c, sqlite3_stmt *s)
{
	if (sqlite3_column_int64(s, 1) > sqlite3_column_int64(s, 2))
		tell(c, "row %" PRId64 ": ends before it begins",
		     (int64_t)sqlite3_column_int64(s, 0));
	return 0;
}

/* Without a segment it is of a fold that was not finished, and is written again. */
static int check_chunk(struct checker *c, sqlite3_stmt *s)
{
	int64_t id = sqlite3_column_int64(s, 0);
	struct sg_samples samples = {0};
	int r;

	if (sqlite3_column_type(s, 2) == SQLITE_NULL)
		return 0;
	r = sg_chunk_decode(&samples, sqlite3_column_int64(s, 2), sqlite3_column_blob(s, 1),
			    (size_t)sqlite3_column_bytes(s, 1));
	if (r == -EBADMSG)
		tell(c, "segment %" PRId64 ", series %" PRId64 ": does not decode", id >> 32,
		     id & UINT32_MAX);
	else if (r == 0 && sqlite3_column_type(s, 3) == SQLITE_NULL)
		tell(c, "segment %" PRId64 ": no series has the number %" PRId64, id >> 32,
		     id & UINT32_MAX);
	else if (r == 0 && (int)samples.type != sqlite3_column_int(s, 3))
		tell(c, "segment %" PRId64 ", series %" PRId64 ": is of another type", id >> 32,
		     id & UINT32_MAX);
	sg_samples_free(&samples);
	return r == -ENOMEM ? r : 0;
}

static const struct rule rules[] = {
	{"journal",
	 "SELECT id, t0_ms, t1_ms, key, n_frames, raw_bytes, crc, data, base FROM journal"
	 " WHERE id > ?1 ORDER BY id LIMIT ?2",
	 check_journal},
	{"profile", "SELECT id, bytes, data FROM profile WHERE id > ?1 ORDER BY id LIMIT ?2",
	 check_profile},
	{"event", "SELECT id, t_ms, kind, data FROM event WHERE id > ?1 ORDER BY id LIMIT ?2",
	 check_event},
	{"exemplar",
	 "SELECT block, raw_bytes, data FROM exemplar WHERE block > ?1 ORDER BY block LIMIT ?2",
	 check_exemplar},
	{"segment", "SELECT id, t0_ms, t1_ms FROM segment WHERE id > ?1 ORDER BY id LIMIT ?2",
	 check_segment},
	{"chunk",
	 "SELECT c.id, c.data, g.t0_ms, s.type FROM chunk c LEFT JOIN segment g ON g.id = c.id >> 32"
	 " LEFT JOIN stored_series s ON s.id = c.id & 4294967295 WHERE c.id > ?1 ORDER BY c.id LIMIT ?2",
	 check_chunk},
	{"gap", "SELECT id, from_ms, to_ms FROM gap WHERE id > ?1 ORDER BY id LIMIT ?2", check_gap},
};

/* Some rows on from the last. 1: there may be more; 0: that was all; -errno. */
static int check_some(struct checker *c, struct sg_db *db, sqlite3_stmt *s, const struct rule *rule)
{
	unsigned int n = 0;
	int r;

	sqlite3_reset(s);
	sqlite3_bind_int64(s, 1, c->last ? c->last : INT64_MIN);
	sqlite3_bind_int64(s, 2, ROWS_AT_ONCE);
	while ((r = sg_db_step(db, s)) > 0) {
		r = rule->row(c, s);
		if (r < 0)
			break;
		c->last = sqlite3_column_int64(s, 0);
		c->ret->rows++;
		n++;
	}
	sqlite3_reset(s);
	return r < 0 ? r : n == ROWS_AT_ONCE;
}

static int check_table(struct checker *c, struct sg_db *db, const struct rule *rule)
{
	char count[96];
	sqlite3_stmt *s = NULL;
	uint64_t before = c->ret->rows;
	int64_t all;
	int r;

	snprintf(c->where, sizeof(c->where), "metrics.db, %s", rule->table);
	c->told = 0;
	c->last = 0;
	if (!sg_dbfile_has_table(db, rule->table))
		return 0; /* of a later schema than the file's */
	snprintf(count, sizeof(count), "SELECT count(*) FROM %s", rule->table);
	all = sg_dbfile_number(db, count, 0);
	r = sg_dbfile_prepare(db, rule->sql, &s);
	do {
		if (r >= 0)
			r = check_some(c, db, s, rule);
		if (r > 0 &&
		    sg_dbfile_tell(c->w, rule->table, c->ret->rows - before, (uint64_t)all))
			r = -EINTR;
	} while (r > 0);
	sqlite3_finalize(s);
	if (r == -EUCLEAN || r == -EIO) {
		tell(c, "cannot be read after row %" PRId64 ": %s", c->last, sg_db_message(db));
		r = 0;
	}
	return r;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static int check_pages(struct checker *c, struct sg_db *db)
{
	sqlite3_stmt *s = NULL;
	int r = sg_dbfile_prepare(db, "PRAGMA integrity_check(100)", &s);

	snprintf(c->where, sizeof(c->where), "%s", db->kind->file);
	c->told = 0;
	c->ret->pages += (uint64_t)sg_dbfile_number(db, "PRAGMA page_count", 0);
	while (r == 0 && (r = sg_db_step(db, s)) > 0) {
		const char *text = (const char *)sqlite3_column_text(s, 0);

		if (text && strcmp(text, "ok") != 0)
			tell(c, "%.*s", (int)strcspn(text, "\n"), text);
		r = 0;
	}
	sqlite3_finalize(s);
	if (r == -EUCLEAN || r == -EIO) {
		tell(c, "%s", sg_db_message(db));
		r = 0;
	}
	return r == -ETIMEDOUT ? -EINTR : r;
}

static int on_progress(void *ctx)
{
	const struct checker *c = ctx;

	return sg_dbfile_tell(c->w, "pages", 0, 0) != 0;
}

static int check_file(struct checker *c, const struct sg_db_kind *kind, const char *dir,
		      struct sg_error *err)
{
	sg_auto(sg_db) db = NULL;
	int r = sg_db_open_reader(kind, dir, &db, err);

	if (r == -EUCLEAN) {
		snprintf(c->where, sizeof(c->where), "%s", kind->file);
		c->told = 0;
		tell(c, "cannot be opened: %s", err->msg);
		return 0;
	}
	if (r < 0)
		return r;
	sqlite3_progress_handler(db->h, 100000, on_progress, c);
	r = check_pages(c, db);
	for (size_t i = 0; i < ARRAY_SIZE(rules) && r == 0 && kind == &sg_db_metrics; i++)
		r = check_table(c, db, &rules[i]);
	return r;
}

int sg_dbfile_check(const char *data_dir, sg_dbfile_finding on_finding, void *ctx,
		    const struct sg_dbfile_watch *w, struct sg_dbfile_checked *ret,
		    struct sg_error *err)
{
	struct checker c = {.w = w, .on_finding = on_finding, .ctx = ctx, .ret = ret};
	struct sg_error none = {""};
	int r;

	*ret = (struct sg_dbfile_checked){0};
	r = check_file(&c, &sg_db_metrics, data_dir, err ? err : &none);
	if (r == 0 && sg_dbfile_size(data_dir, sg_db_state.file, ""))
		r = check_file(&c, &sg_db_state, data_dir, err ? err : &none);
	sg_buf_free(&c.raw);
	sg_block_reader_free(&c.frames);
	return r;
}
