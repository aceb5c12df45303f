// SPDX-License-Identifier: GPL-2.0
/* Events, as a reader gives them: of the file, then of the head. */
#include <errno.h>
#include <string.h>

#include "scan.h"

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

static int read_events(struct sg_store_reader *r, size_t limit, struct event_list *l)
{
	struct sg_head_view v = {.block_id = INT64_MAX};
	int e = r->head ? sg_head_snapshot(r->head, &v) : 0;

	if (!e)
		e = sg_reader_db(r, NULL);
	if (!e)
		e = head_events(&v, l);
	if (!e && r->db && sg_db_has(r->db, R_EVENTS))
		e = journal_events(r->db, v.block_id, limit, l);
	sg_head_view_free(&v);
	return e;
}

int sg_reader_events(struct sg_reader *api, int64_t from_ms, int64_t to_ms, const char *kind,
		     size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
		     struct sg_event **ret, size_t *n)
{
	struct event_list l = {.from_ms = from_ms, .to_ms = to_ms, .kind = kind, .arena = arena};
	struct sg_store_reader *r = (struct sg_store_reader *)api;
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
