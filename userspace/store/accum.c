// SPDX-License-Identifier: GPL-2.0
#include "accum.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "block.h"

#define BASE_FORMAT 1
#define PART_SERIES 2048 /* samples in one frame of a base: far below the frame's own limits */
#define SESSION_BYTES 24
#define COUNT_MAX 9007199254740992.0 /* 2^53 */

struct entry {
	struct sg_series *series; /* one malloc block */
	int64_t last_ms;
	union {
		double value;
		struct sg_hist hist;
	};
};

struct slot { /* of one source: its series, and where each is counted */
	struct sg_frame_table table;
	struct entry **entries; /* NULL: a gauge, or no room */
	uint8_t *want;
	size_t cap, want_cap;
};

struct sg_accum {
	struct sg_map *map;
	struct slot slots[SG_SOURCE_SLOTS];
};

/* ---- sessions ------------------------------------------------------------------ */

struct sg_session *sg_sessions_find(struct sg_sessions *s, uint64_t session)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->s[i].session == session)
			return &s->s[i];
	return NULL;
}

struct sg_session *sg_sessions_get(struct sg_sessions *s, uint64_t session, int64_t t_ms)
{
	struct sg_session *e = sg_sessions_find(s, session);

	if (e)
		return e;
	if (s->n < SG_MAX_SESSIONS) {
		e = &s->s[s->n++];
	} else {
		e = &s->s[0];
		for (size_t i = 1; i < s->n; i++)
			if (s->s[i].t_ms < e->t_ms)
				e = &s->s[i];
	}
	*e = (struct sg_session){.session = session, .t_ms = t_ms};
	return e;
}

/* ---- entries ------------------------------------------------------------------- */

static int entry_eq(const void *e, const void *key)
{
	return sg_series_equal(((const struct entry *)e)->series, key);
}

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	if (e->series && e->series->type == SG_HISTOGRAM)
		sg_hist_free(&e->hist);
	free(e->series);
	free(e);
}

static struct entry *entry_new(const struct sg_series *s)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e)
		e->series = sg_series_dup(s);
	if (e && !e->series) {
		free(e);
		return NULL;
	}
	return e;
}

struct sg_accum *sg_accum_new(void)
{
	struct sg_accum *a = calloc(1, sizeof(*a));

	if (a)
		a->map = sg_map_new(entry_eq);
	if (a && !a->map) {
		free(a);
		return NULL;
	}
	return a;
}

void sg_accum_free(struct sg_accum *a)
{
	struct entry *e;

	if (!a)
		return;
	for (size_t it = 0; (e = sg_map_next(a->map, &it));)
		entry_free(e);
	sg_map_free(a->map);
	for (size_t i = 0; i < SG_SOURCE_SLOTS; i++) {
		sg_frame_table_free(&a->slots[i].table);
		free(a->slots[i].entries);
		free(a->slots[i].want);
	}
	free(a);
}

size_t sg_accum_len(const struct sg_accum *a)
{
	return sg_map_len(a->map);
}

/* The slots point to entries: look them all up again. */
static void forget_slots(struct sg_accum *a)
{
	for (size_t i = 0; i < SG_SOURCE_SLOTS; i++) {
		sg_frame_table_free(&a->slots[i].table);
		memset(&a->slots[i].table, 0, sizeof(a->slots[i].table));
	}
}

/* The place where a series is counted, made when there is none. NULL in *ret: not counted. */
static int find_entry(struct sg_accum *a, const struct sg_series *s, struct entry **ret)
{
	struct entry *e = sg_map_get(a->map, s->hash, s);

	*ret = NULL;
	if (s->type == SG_GAUGE)
		return 0;
	if (e && e->series->type != s->type) /* not counted until the old one is forgotten */
		return 0;
	if (!e && sg_map_len(a->map) < SG_ACCUM_MAX_SERIES) {
		e = entry_new(s);
		if (!e || sg_map_put(a->map, s->hash, e) < 0) {
			entry_free(e);
			return -ENOMEM;
		}
	}
	*ret = e;
	return 0;
}

static int map_slot(struct sg_accum *a, struct slot *sl, const struct sg_series *series, size_t n)
{
	int r = SG_GROW(sl->entries, sl->cap, n);

	if (!r)
		r = SG_GROW(sl->want, sl->want_cap, n);
	for (size_t i = 0; i < n && !r; i++) {
		r = find_entry(a, &series[i], &sl->entries[i]);
		sl->want[i] = sl->entries[i] != NULL;
	}
	return r;
}

static struct slot *slot_of(struct sg_accum *a, const struct sg_frame_view *v, int *ret)
{
	struct slot *sl = &a->slots[v->header.source % SG_SOURCE_SLOTS];
	int r = sg_frame_table_update(&sl->table, v);

	if (r > 0)
		r = map_slot(a, sl, sl->table.series, sl->table.n);
	if (r < 0) {
		sg_frame_table_free(&sl->table);
		memset(&sl->table, 0, sizeof(sl->table));
	}
	*ret = r;
	return sl;
}

struct adding {
	struct slot *slot;
	int64_t t_ms;
};

/* What passes the range of a frame's numbers starts again from 0, as counters do. */
static int add_hist(struct sg_hist *sum, const struct sg_hist *h)
{
	if (sum->count + h->count > COUNT_MAX || !isfinite(sum->sum + h->sum))
		sg_hist_clear(sum);
	return sg_hist_add(sum, h);
}

static int add_sample(void *ctx, size_t i, const struct sg_sample *s)
{
	struct adding *w = ctx;
	struct entry *e = w->slot->entries[i];

	e->last_ms = w->t_ms;
	if (s->series.type == SG_HISTOGRAM)
		return add_hist(&e->hist, &s->hist);
	e->value += s->value;
	if (!isfinite(e->value))
		e->value = 0;
	return 0;
}

int sg_accum_add(struct sg_accum *a, const struct sg_frame_view *v)
{
	struct adding w = {.t_ms = v->header.t_ms};
	int r;

	w.slot = slot_of(a, v, &r);
	if (r < 0)
		return r;
	return sg_frame_visit(v, &w.slot->table, w.slot->want, add_sample, &w);
}

void sg_accum_expire(struct sg_accum *a, int64_t now_ms)
{
	size_t n = 0, len = sg_map_len(a->map);
	sg_auto_free struct entry **old = malloc((len + 1) * sizeof(*old));
	struct entry *e;

	if (!old) /* it is tried again a minute later */
		return;
	for (size_t it = 0; (e = sg_map_next(a->map, &it));)
		if (e->last_ms < now_ms - SG_ACCUM_IDLE_MS)
			old[n++] = e;
	if (n)
		forget_slots(a);
	for (size_t i = 0; i < n; i++) {
		sg_map_del(a->map, old[i]->series->hash, old[i]->series);
		entry_free(old[i]);
	}
}

bool sg_accum_get(const struct sg_accum *a, const struct sg_series *s, double *value,
		  const struct sg_hist **hist, int64_t *last_ms)
{
	const struct entry *e = sg_map_get(a->map, s->hash, s);

	if (!e || e->series->type != s->type)
		return false;
	*last_ms = e->last_ms;
	if (s->type == SG_HISTOGRAM)
		*hist = &e->hist;
	else
		*value = e->value;
	return true;
}

int sg_accum_set(struct sg_accum *a, const struct sg_series *s, double value,
		 const struct sg_hist *hist, int64_t last_ms)
{
	bool in_range = s->type == SG_HISTOGRAM ? hist->count <= COUNT_MAX && isfinite(hist->sum)
						: isfinite(value);
	struct entry *e;
	int r = find_entry(a, s, &e);

	if (r < 0 || !e || !in_range)
		return r;
	e->last_ms = last_ms;
	if (s->type == SG_HISTOGRAM)
		return sg_hist_copy(&e->hist, hist);
	e->value = value;
	return 0;
}

/* ---- the base ------------------------------------------------------------------ */

static void put_u64(struct sg_buf *b, uint64_t v)
{
	uint8_t le[8];

	for (int i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> (8 * i));
	sg_buf_add(b, le, sizeof(le));
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static int add_to_frame(struct sg_frame *f, const struct entry *e)
{
	return e->series->type == SG_HISTOGRAM ? sg_frame_add_hist(f, e->series, &e->hist)
					       : sg_frame_add_value(f, e->series, e->value);
}

/* One frame of the base from at most PART_SERIES entries; *it goes on. */
static int encode_part(const struct sg_accum *a, int64_t t_ms, size_t *it, struct sg_frame *f,
		       struct sg_buf *out)
{
	sg_auto_buf rec = {0}, ages = {0};
	struct entry *e;
	int r = 0;

	sg_frame_reset(f);
	f->seq++;
	f->t_ms = t_ms;
	while (!r && f->n < PART_SERIES && (e = sg_map_next(a->map, it))) {
		r = add_to_frame(f, e);
		sg_put_varint(&ages, e->last_ms < t_ms ? (uint64_t)(t_ms - e->last_ms) : 0);
	}
	if (!r)
		r = sg_frame_encode(f, &rec);
	if (!r)
		r = ages.err;
	if (r < 0)
		return r;
	sg_put_varint(out, rec.len);
	sg_buf_add(out, rec.data, rec.len);
	sg_buf_add(out, ages.data, ages.len);
	return out->err;
}

int sg_accum_encode(const struct sg_accum *a, const struct sg_sessions *s, int64_t t_ms,
		    struct sg_buf *out)
{
	size_t parts = (sg_map_len(a->map) + PART_SERIES - 1) / PART_SERIES, it = 0;
	sg_auto(sg_frame) f = sg_frame_new();
	char format = BASE_FORMAT;
	int r = f ? 0 : -ENOMEM;

	sg_buf_add(out, &format, 1);
	sg_put_varint(out, s->n);
	for (size_t i = 0; i < s->n; i++) {
		put_u64(out, s->s[i].session);
		put_u64(out, s->s[i].committed);
		put_u64(out, (uint64_t)s->s[i].t_ms);
	}
	sg_put_varint(out, parts);
	for (size_t i = 0; i < parts && !r; i++)
		r = encode_part(a, t_ms, &it, f, out);
	return r < 0 ? r : out->err;
}

static int walk_sessions(const uint8_t **p, const uint8_t *end, struct sg_sessions *s)
{
	uint64_t n;

	if (sg_get_varint(p, end, &n) < 0 || n > SG_MAX_SESSIONS ||
	    (size_t)(end - *p) < n * SESSION_BYTES)
		return -EBADMSG;
	for (; n--; *p += SESSION_BYTES) {
		struct sg_session *e;

		if (!s)
			continue;
		e = sg_sessions_get(s, get_u64(*p), (int64_t)get_u64(*p + 16));
		e->taken = e->committed = get_u64(*p + 8);
	}
	return 0;
}

static int walk_part(const uint8_t **p, const uint8_t *end, sg_base_on_part cb, void *ctx)
{
	sg_auto_free int64_t *ages = NULL;
	struct sg_frame_view v;
	uint64_t len, age;

	if (sg_get_varint(p, end, &len) < 0 || len > (size_t)(end - *p) ||
	    sg_frame_view(*p, len, false, &v) < 0 || v.header.n > SG_FRAME_MAX_SAMPLES)
		return -EBADMSG;
	*p += len;
	ages = malloc((v.header.n + 1) * sizeof(*ages));
	if (!ages)
		return -ENOMEM;
	for (size_t i = 0; i < v.header.n; i++) {
		if (sg_get_varint(p, end, &age) < 0)
			return -EBADMSG;
		ages[i] = (int64_t)SG_MIN(age, (uint64_t)INT64_MAX / 2);
	}
	return cb(ctx, &v, ages);
}

int sg_base_walk(const void *bytes, size_t n, struct sg_sessions *s, sg_base_on_part cb, void *ctx)
{
	const uint8_t *p = bytes, *end = p + n;
	uint64_t parts;
	int r;

	if (!n || *p++ != BASE_FORMAT)
		return -EBADMSG;
	r = walk_sessions(&p, end, s);
	if (!r)
		r = sg_get_varint(&p, end, &parts);
	while (!r && parts--)
		r = walk_part(&p, end, cb, ctx);
	return r;
}

struct loading {
	struct sg_accum *accum;
	const int64_t *age_ms;
	struct slot slot;
	int64_t t_ms;
};

static int load_sample(void *ctx, size_t i, const struct sg_sample *s)
{
	struct loading *l = ctx;
	struct entry *e = l->slot.entries[i];

	e->last_ms = l->t_ms - l->age_ms[i];
	if (s->series.type == SG_HISTOGRAM)
		return sg_hist_copy(&e->hist, &s->hist);
	e->value = s->value;
	return 0;
}

static int load_part(void *ctx, const struct sg_frame_view *v, const int64_t *age_ms)
{
	struct loading *l = ctx;
	int r = sg_frame_table_update(&l->slot.table, v);

	if (r > 0)
		r = map_slot(l->accum, &l->slot, l->slot.table.series, l->slot.table.n);
	if (r < 0)
		return r;
	l->age_ms = age_ms;
	l->t_ms = v->header.t_ms;
	return sg_frame_visit(v, &l->slot.table, l->slot.want, load_sample, l);
}

int sg_accum_decode(struct sg_accum *a, struct sg_sessions *s, const void *p, size_t n)
{
	struct loading l = {.accum = a};
	int r = sg_base_walk(p, n, s, load_part, &l);

	sg_frame_table_free(&l.slot.table);
	free(l.slot.entries);
	free(l.slot.want);
	return r;
}
