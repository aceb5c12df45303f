// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"

struct name {
	size_t refs;
	char text[];
};

struct ingest_table {
	struct ingest_limits l;
	int64_t real_ms, mono_ms;
	int64_t last_ms; /* of the last frame; 0: none yet */
	struct sg_map *map, *names;
	size_t n, cap;
	struct ingest_entry **entries; /* in the order of frames */
	size_t text, members, buckets;
};

static int entry_eq(const void *entry, const void *key)
{
	return sg_series_equal(((const struct ingest_entry *)entry)->series, key);
}

static int name_eq(const void *entry, const void *key)
{
	return strcmp(((const struct name *)entry)->text, key) == 0;
}

struct ingest_table *ingest_table_new(const struct ingest_limits *l)
{
	sg_auto(ingest_table) t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->l = *l;
	t->map = sg_map_new(entry_eq);
	t->names = sg_map_new(name_eq);
	return t->map && t->names ? sg_take(t) : NULL;
}

void ingest_table_free(struct ingest_table *t)
{
	struct name *name;

	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		ingest_entry_free(t->entries[i]);
	for (size_t it = 0; t->names && (name = sg_map_next(t->names, &it));)
		free(name);
	sg_map_free(t->map);
	sg_map_free(t->names);
	free(t->entries);
	free(t);
}

void ingest_table_clock(struct ingest_table *t, int64_t real_ms, int64_t mono_ms)
{
	t->real_ms = real_ms;
	t->mono_ms = mono_ms;
}

size_t ingest_table_series(const struct ingest_table *t)
{
	return t->n;
}

size_t ingest_table_names(const struct ingest_table *t)
{
	return sg_map_len(t->names);
}

/* ---- names, counted ------------------------------------------------------------------ */

static enum ingest_reason take_name(struct ingest_table *t, const char *text)
{
	uint64_t hash = sg_hash_str(text, 0);
	struct name *name = sg_map_get(t->names, hash, text);
	size_t n = strlen(text) + 1;

	if (name) {
		name->refs++;
		return INGEST_OK;
	}
	if (sg_map_len(t->names) >= t->l.max_names)
		return INGEST_NAMES;
	name = malloc(sizeof(*name) + n);
	if (!name)
		return INGEST_MEMORY;
	name->refs = 1;
	memcpy(name->text, text, n);
	if (sg_map_put(t->names, hash, name) == 0)
		return INGEST_OK;
	free(name);
	return INGEST_MEMORY;
}

static void give_name(struct ingest_table *t, const char *text)
{
	uint64_t hash = sg_hash_str(text, 0);
	struct name *name = sg_map_get(t->names, hash, text);

	if (name && --name->refs == 0)
		free(sg_map_del(t->names, hash, text));
}

/* ---- series come and go ---------------------------------------------------------------- */

static enum ingest_reason insert(struct ingest_table *t, struct ingest_entry *e)
{
	if (SG_GROW(t->entries, t->cap, t->n) < 0 || sg_map_put(t->map, e->series->hash, e) < 0)
		return INGEST_MEMORY;
	t->entries[t->n++] = e;
	t->text += e->text;
	e->source->n_series++;
	return INGEST_OK;
}

static enum ingest_reason add_entry(struct ingest_table *t, struct ingest_source *s,
				    const struct sg_series *series, enum ingest_op op,
				    struct ingest_entry **ret)
{
	struct ingest_entry *e;
	enum ingest_reason why;

	if (t->n >= t->l.max_series || t->text > INGEST_TEXT_MAX)
		return INGEST_SERIES;
	if (s->n_series >= t->l.max_source_series)
		return INGEST_SOURCE_SERIES;
	why = take_name(t, series->name);
	if (why != INGEST_OK)
		return why;
	e = ingest_entry_new(series, op);
	if (e)
		e->source = s;
	why = e ? insert(t, e) : INGEST_MEMORY;
	if (why != INGEST_OK) {
		give_name(t, series->name);
		ingest_entry_free(e);
	}
	*ret = e;
	return why;
}

/* The last one takes its place. */
static void remove_entry(struct ingest_table *t, size_t i)
{
	struct ingest_entry *e = t->entries[i];

	sg_map_del(t->map, e->series->hash, e->series);
	give_name(t, e->series->name);
	t->entries[i] = t->entries[--t->n];
	t->text -= e->text;
	t->members -= e->members.n;
	t->buckets -= e->n_buckets;
	e->source->n_series--;
	ingest_entry_free(e);
}

/* ---- samples ----------------------------------------------------------------------------- */

/* The tick that a time is in: they are named after their end. */
static int64_t tick_of(int64_t ms)
{
	return (ms + INGEST_TICK_MS - 1) / INGEST_TICK_MS * INGEST_TICK_MS;
}

/* Where a sample goes; 0: nowhere, its stamp is not believed. */
static int64_t place(const struct ingest_table *t, struct ingest_source *s,
		     const struct ingest_point *p)
{
	int64_t at;

	if (p->t_ms &&
	    (p->t_ms < t->real_ms - t->l.max_age_ms || p->t_ms > t->real_ms + INGEST_AHEAD_MS))
		return 0;
	at = tick_of(p->t_ms ? p->t_ms : t->real_ms);
	if (at > t->last_ms)
		return at;
	s->late += p->t_ms != 0;
	return t->last_ms + INGEST_TICK_MS;
}

static enum ingest_reason put_member(struct ingest_table *t, struct ingest_entry *e,
				     const struct ingest_point *p, int64_t at)
{
	int r;

	if (t->members >= INGEST_MEMBERS_MAX)
		return INGEST_MEMBERS;
	r = ingest_members_put(&e->members, p->member, at);
	if (r < 0)
		return INGEST_MEMORY;
	t->members += r;
	return ingest_entry_put(e, p, at);
}

static enum ingest_reason find_entry(struct ingest_table *t, struct ingest_source *s,
				     const struct ingest_point *p, struct ingest_entry **ret)
{
	enum ingest_op op = p->op == INGEST_SHIFT ? INGEST_SET : p->op;
	struct ingest_draft *d = p->series;
	struct sg_series series;

	if (strncmp(d->name, "sgprobe_", 8) == 0)
		return INGEST_RESERVED;
	if (sg_series_init(&series, ingest_op_type(op), d->name, d->labels, d->n) < 0)
		return INGEST_LABEL;
	*ret = sg_map_get(t->map, series.hash, &series);
	if (!*ret)
		return add_entry(t, s, &series, op, ret);
	return (*ret)->op == op && (*ret)->source == s ? INGEST_OK : INGEST_CONFLICT;
}

/* What an observation may add to is counted, as a spread of values takes memory. */
static enum ingest_reason put_sample(struct ingest_table *t, struct ingest_entry *e,
				     const struct ingest_point *p, int64_t at)
{
	size_t before = e->n_buckets;
	enum ingest_reason why;

	if (p->op == INGEST_MEMBER)
		return put_member(t, e, p, at);
	if (p->op == INGEST_OBSERVE && t->buckets >= INGEST_BUCKETS_MAX)
		return INGEST_BUCKETS;
	why = ingest_entry_put(e, p, at);
	t->buckets += e->n_buckets - before;
	return why;
}

static enum ingest_reason put(struct ingest_table *t, struct ingest_source *s,
			      const struct ingest_point *p)
{
	enum ingest_reason why = ingest_point_check(p);
	struct ingest_entry *e;
	int64_t at;

	if (why != INGEST_OK)
		return why;
	at = place(t, s, p);
	if (!at)
		return INGEST_TIMESTAMP;
	why = find_entry(t, s, p, &e);
	if (why == INGEST_OK)
		why = put_sample(t, e, p, at);
	if (why != INGEST_OK)
		return why;
	e->seen_ms = t->mono_ms;
	e->round = s->round;
	return INGEST_OK;
}

void ingest_source_refuse(struct ingest_source *s, enum ingest_reason why, const char *line,
			  size_t n)
{
	size_t len = SG_MIN(n, sizeof(s->example) - 1);

	s->refused[why]++;
	s->why = why;
	memcpy(s->example, line, len);
	s->example[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!s->example[i])
			s->example[i] = '?';
}

enum ingest_reason ingest_table_put(struct ingest_table *t, struct ingest_source *s,
				    const struct ingest_point *p, const char *line, size_t n)
{
	enum ingest_reason why = put(t, s, p);

	if (why == INGEST_OK)
		s->samples++;
	else
		ingest_source_refuse(s, why, line, n);
	return why;
}

void ingest_table_end_round(struct ingest_table *t, struct ingest_source *s)
{
	for (size_t i = 0; i < t->n; i++) {
		struct ingest_entry *e = t->entries[i];

		if (e->source == s && e->round != s->round)
			e->shown = false;
	}
}

/* ---- frames --------------------------------------------------------------------------------- */

static void expire(struct ingest_table *t)
{
	for (size_t i = 0; i < t->n;) {
		const struct ingest_entry *e = t->entries[i];
		int64_t after = e->source->expire_ms ? e->source->expire_ms : t->l.expire_ms;

		if (t->mono_ms - e->seen_ms > after)
			remove_entry(t, i);
		else
			i++;
	}
}

static int add_to_frame(struct sg_frame *f, struct ingest_entry *e)
{
	if (e->op == INGEST_OBSERVE)
		return sg_frame_add_hist(f, e->series, &e->hist);
	return sg_frame_add_value(f, e->series, e->value);
}

static void close_entry(struct ingest_table *t, struct ingest_entry *e, int64_t t_ms)
{
	size_t before = e->n_buckets;

	if (ingest_entry_close(e, t_ms) < 0)
		e->source->refused[INGEST_MEMORY]++;
	t->buckets -= before - e->n_buckets;
	if (e->op != INGEST_MEMBER)
		return;
	t->members -= ingest_members_forget(&e->members, t_ms - t->l.set_window_ms);
	e->value = (double)e->members.n;
}

int ingest_table_frame(struct ingest_table *t, int64_t t_ms, struct sg_frame *f)
{
	int r = 0;

	expire(t);
	for (size_t i = 0; i < t->n && r >= 0; i++) {
		struct ingest_entry *e = t->entries[i];

		close_entry(t, e, t_ms);
		if (e->shown)
			r = add_to_frame(f, e);
	}
	t->last_ms = t_ms;
	return r;
}
