// SPDX-License-Identifier: GPL-2.0
/*
 * The section of exemplars. Numbers as in a frame. Its texts are its own, so that the
 * frame's tables stay the same from tick to tick:
 *
 *   varint  number of texts; each: varint length, bytes
 *   varint  number of exemplars; each:
 *     varint  of how many series; for each the varint distance of its sample from the one
 *             before (from 0 for the first)
 *     number  value
 *     varint  time, Unix milliseconds
 *     varint  tgid, tid, CPU
 *     varint  text of the comm, of the cgroup, counted from 1; 0: it is not known
 *     varint  number of frames, how many of them, the last ones, are the kernel's; the texts of all
 */
#include <errno.h>

#include <sgprobe/profile.h>

#include "codec.h"
#include "names.h"

#define LEAST_TEXT 2
#define LEAST_EXEMPLAR 10
#define CPU_MAX 65535

/* ---- writing ------------------------------------------------------------------------ */

struct text {
	const char *s;
	uint32_t ref;
};

struct writer {
	struct sg_arena *arena;
	struct sg_map *map;
	struct sg_buf texts, rest;
	uint32_t n;
};

static int same_text(const void *entry, const void *key)
{
	return strcmp(((const struct text *)entry)->s, key) == 0;
}

static void put(struct sg_buf *b, uint64_t v)
{
	uint8_t line[WIRE_VARINT_MAX];

	sg_buf_add(b, line, wire_put_varint(line, v) - line);
}

/* Its number, from 1; 0: it is empty; -EINVAL: no decoder would take it. */
static int64_t ref_of(struct writer *w, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	uint64_t hash;
	struct text *t;

	if (!len)
		return 0;
	if (len > SG_LABEL_VALUE_MAX || !sg_label_value_valid(s, len))
		return -EINVAL;
	hash = sg_hash(s, len, 0);
	t = sg_map_get(w->map, hash, s);
	if (t)
		return t->ref;
	t = sg_arena_alloc(w->arena, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*t = (struct text){.s = s, .ref = ++w->n};
	if (sg_map_put(w->map, hash, t) < 0)
		return -ENOMEM;
	put(&w->texts, len);
	sg_buf_add(&w->texts, s, len);
	return t->ref;
}

static int put_text(struct writer *w, const char *s)
{
	int64_t ref = ref_of(w, s);

	if (ref < 0)
		return (int)ref;
	put(&w->rest, ref);
	return 0;
}

static bool is_valid(const struct sg_frame *f, const struct sg_exemplar *e)
{
	if (!e->n_of || e->n_of > SG_EXEMPLAR_SERIES || !isfinite(e->value) || e->value < 0 ||
	    e->t_ms < 0 || e->t_ms > WIRE_T_MAX_MS || e->cpu > CPU_MAX ||
	    e->n_frames > SG_STACK_FRAMES_MAX || e->n_kernel > e->n_frames)
		return false;
	for (uint32_t i = 0; i < e->n_of; i++)
		if (e->of[i] >= f->n || (i && e->of[i] <= e->of[i - 1]) ||
		    f->samples[e->of[i]].series.type != SG_HISTOGRAM)
			return false;
	return true;
}

static int put_exemplar(struct writer *w, const struct sg_frame *f, const struct sg_exemplar *e)
{
	uint8_t number[WIRE_NUMBER_MAX];
	int r;

	if (!is_valid(f, e))
		return -EINVAL;
	put(&w->rest, e->n_of);
	for (uint32_t i = 0; i < e->n_of; i++)
		put(&w->rest, e->of[i] - (i ? e->of[i - 1] : 0));
	sg_buf_add(&w->rest, number, wire_put_number(number, e->value) - number);
	put(&w->rest, e->t_ms);
	put(&w->rest, e->tgid);
	put(&w->rest, e->tid);
	put(&w->rest, e->cpu);
	r = put_text(w, e->comm);
	if (r == 0)
		r = put_text(w, e->cgroup);
	put(&w->rest, e->n_frames);
	put(&w->rest, e->n_kernel);
	for (uint32_t i = 0; r == 0 && i < e->n_frames; i++)
		r = e->frames[i] && e->frames[i][0] ? put_text(w, e->frames[i]) : -EINVAL;
	return r;
}

static int put_all(struct writer *w, const struct sg_frame *f, struct sg_buf *b)
{
	int r = 0;

	put(&w->rest, f->n_exemplars);
	for (size_t i = 0; r == 0 && i < f->n_exemplars; i++)
		r = put_exemplar(w, f, &f->exemplars[i]);
	if (r < 0)
		return r;
	if (w->texts.err || w->rest.err)
		return -ENOMEM;
	put(b, w->n);
	sg_buf_add(b, w->texts.data, w->texts.len);
	sg_buf_add(b, w->rest.data, w->rest.len);
	return b->err;
}

int sg_exemplars_put(const struct sg_frame *f, struct sg_buf *b)
{
	struct writer w = {.arena = sg_arena_new(0), .map = sg_map_new(same_text)};
	int r = w.arena && w.map ? put_all(&w, f, b) : -ENOMEM;

	sg_map_free(w.map);
	sg_arena_free(w.arena);
	sg_buf_free(&w.texts);
	sg_buf_free(&w.rest);
	return r;
}

/* ---- reading ------------------------------------------------------------------------ */

struct reader {
	struct wire_reader in;
	struct sg_arena *arena;
	const char **texts;
	size_t n;
};

static int get_texts(struct reader *r)
{
	size_t n = wire_get_upto(&r->in, wire_left(&r->in) / LEAST_TEXT);

	if (r->in.bad)
		return -EBADMSG;
	r->texts = sg_arena_alloc(r->arena, n * sizeof(*r->texts) + 1);
	if (!r->texts)
		return -ENOMEM;
	for (; r->n < n; r->n++) {
		size_t len = wire_get_upto(&r->in, SG_LABEL_VALUE_MAX);
		const char *s = (const char *)r->in.p;

		if (r->in.bad || !len || len > wire_left(&r->in) || memchr(s, 0, len) ||
		    !sg_label_value_valid(s, len))
			return -EBADMSG;
		r->texts[r->n] = sg_arena_strndup(r->arena, s, len);
		if (!r->texts[r->n])
			return -ENOMEM;
		r->in.p += len;
	}
	return 0;
}

static const char *get_text(struct reader *r)
{
	size_t ref = wire_get_upto(&r->in, r->n);

	return ref && !r->in.bad ? r->texts[ref - 1] : "";
}

static int get_frames(struct reader *r, struct sg_exemplar *e)
{
	const char **frames;

	e->n_frames = wire_get_upto(&r->in, SG_STACK_FRAMES_MAX);
	e->n_kernel = wire_get_upto(&r->in, e->n_frames);
	if (r->in.bad || e->n_frames > wire_left(&r->in))
		return -EBADMSG;
	if (!e->n_frames)
		return 0;
	frames = sg_arena_alloc(r->arena, e->n_frames * sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	for (uint32_t i = 0; i < e->n_frames; i++) {
		frames[i] = get_text(r);
		if (!frames[i][0])
			return -EBADMSG;
	}
	e->frames = frames;
	return 0;
}

static void get_series(struct reader *r, const struct sg_series *series, size_t n,
		       struct sg_exemplar *e)
{
	uint64_t at = 0;

	e->n_of = wire_get_upto(&r->in, SG_EXEMPLAR_SERIES);
	if (!e->n_of)
		wire_bad(&r->in);
	for (uint32_t i = 0; i < e->n_of && !r->in.bad; i++) {
		uint64_t step = wire_get_upto(&r->in, SG_FRAME_MAX_SAMPLES);

		at += step;
		if (at >= n || (i && !step) || series[at].type != SG_HISTOGRAM)
			wire_bad(&r->in);
		e->of[i] = at;
	}
}

static int get_exemplar(struct reader *r, const struct sg_series *series, size_t n,
			struct sg_exemplar *e)
{
	*e = (struct sg_exemplar){0};
	get_series(r, series, n, e);
	e->value = wire_get_number(&r->in);
	e->t_ms = (int64_t)wire_get_upto(&r->in, WIRE_T_MAX_MS);
	e->tgid = wire_get_upto(&r->in, UINT32_MAX);
	e->tid = wire_get_upto(&r->in, UINT32_MAX);
	e->cpu = wire_get_upto(&r->in, CPU_MAX);
	e->comm = get_text(r);
	e->cgroup = get_text(r);
	if (r->in.bad || !isfinite(e->value) || e->value < 0)
		return -EBADMSG;
	return get_frames(r, e);
}

static int read_all(struct reader *r, const struct sg_series *series, size_t n, struct sg_frame *f)
{
	int err = get_texts(r);
	size_t count;

	if (err < 0)
		return err;
	count = wire_get_upto(
		&r->in, SG_MIN((size_t)SG_FRAME_MAX_EXEMPLARS, wire_left(&r->in) / LEAST_EXEMPLAR));
	if (!count)
		return -EBADMSG;
	for (size_t i = 0; err == 0 && i < count; i++) {
		struct sg_exemplar e;

		err = get_exemplar(r, series, n, &e);
		if (err == 0 && f)
			err = sg_frame_add_exemplar(f, &e);
	}
	if (err == 0 && wire_left(&r->in))
		err = -EBADMSG;
	return err;
}

int sg_exemplars_get(const struct wire_reader *section, const struct sg_series *series,
		     size_t n_series, struct sg_frame *f)
{
	sg_auto(sg_arena) own = f ? NULL : sg_arena_new(0);
	struct reader r = {.in = *section, .arena = f ? f->arena : own};

	return r.arena ? read_all(&r, series, n_series, f) : -ENOMEM;
}
