// SPDX-License-Identifier: GPL-2.0
/* Events: rows of their own beside the frames that they came in, so that they are found by time. */
#include <errno.h>

#include <sgprobe/time.h>

#include "store.h"

#define TRIM_ROWS 500 /* at a time */
#define ROW_BYTES 512 /* of one, about and at most */
#define MAX_EVENTS 100000

static int put(struct sg_store *st, const struct sg_event *e)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, W_PUT_EVENT);
	sg_auto_buf b = {0};
	int r = sg_event_encode(e, &b);

	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, st->next_id);
	sqlite3_bind_int64(s, 2, e->t_ms);
	sqlite3_bind_text(s, 3, e->kind, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(s, 4, b.data, b.len, SQLITE_STATIC);
	return sg_db_run(st->db, s);
}

static int put_all(struct sg_store *st, const struct sg_head_frame *head)
{
	sg_auto(sg_frame) f = NULL;
	int r = sg_frame_decode(head->bytes, head->n, &f);

	for (size_t i = 0; r == 0 && i < f->n_events; i++)
		r = put(st, &f->events[i]);
	return r;
}

int sg_events_store(struct sg_store *st, struct sg_head_frame *const *frames, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (sg_frame_has_events(frames[i]->bytes, frames[i]->n))
			r = put_all(st, frames[i]);
	return r;
}

static int delete_events(struct sg_store *st, int which, int64_t bound)
{
	sqlite3_stmt *s = sg_db_stmt(st->db, which);

	sqlite3_bind_int64(s, 1, bound);
	sqlite3_bind_int(s, 2, TRIM_ROWS);
	return sg_db_run(st->db, s);
}

int sg_events_trim(struct sg_store *st)
{
	uint64_t most = st->o.max_events ? st->o.max_events : MAX_EVENTS;
	int64_t keep_ms = (int64_t)(st->o.retention_ns / 1000000);
	int r = keep_ms ? delete_events(st, W_DELETE_OLD_EVENTS, sg_real_ms() - keep_ms) : 0;

	/* At most an eighth of the file. */
	most = SG_MIN(most, st->o.max_bytes / 8 / ROW_BYTES);
	return r < 0 ? r : delete_events(st, W_DELETE_MANY_EVENTS, (int64_t)most);
}
