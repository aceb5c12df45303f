// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/exemplar.h>

#define SET_BYTES (64U << 20)
#define CGROUP_CHARACTERS 48 /* of the labels */

struct one {
	struct sg_exemplar e;
	struct one *next; /* of the series */
};

struct group {
	struct sg_series *series;
	struct one *first, *last;
};

struct sg_exemplars {
	struct sg_arena *arena;
	struct sg_map *by_series;
	struct group **groups;
	size_t n, cap, count;
	int64_t step_ms;
};

/* ---- gathering ------------------------------------------------------------------------- */

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(((const struct group *)entry)->series, key);
}

struct sg_exemplars *sg_exemplars_new(int64_t step_ms)
{
	sg_auto(sg_exemplars) x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->step_ms = step_ms;
	x->arena = sg_arena_new(SET_BYTES);
	x->by_series = sg_map_new(same_series);
	return x->arena && x->by_series ? sg_take(x) : NULL;
}

void sg_exemplars_free(struct sg_exemplars *x)
{
	if (!x)
		return;
	sg_map_free(x->by_series);
	sg_arena_free(x->arena);
	free(x->groups);
	free(x);
}

static struct group *group_of(struct sg_exemplars *x, const struct sg_series *s)
{
	struct group *g = sg_map_get(x->by_series, s->hash, s);

	if (g)
		return g;
	g = sg_arena_zalloc(x->arena, sizeof(*g));
	if (!g || SG_GROW(x->groups, x->cap, x->n) < 0)
		return NULL;
	g->series = sg_series_copy(x->arena, s);
	if (!g->series || sg_map_put(x->by_series, s->hash, g) < 0)
		return NULL;
	x->groups[x->n++] = g;
	return g;
}

static bool copy(struct sg_exemplars *x, const struct sg_exemplar *from, struct sg_exemplar *to)
{
	const char **frames = sg_arena_alloc(x->arena, from->n_frames * sizeof(*frames) + 1);
	bool whole = frames;

	*to = *from;
	to->comm = sg_arena_strdup(x->arena, from->comm);
	to->cgroup = sg_arena_strdup(x->arena, from->cgroup);
	to->frames = frames;
	for (uint32_t i = 0; whole && i < from->n_frames; i++) {
		frames[i] = sg_arena_strdup(x->arena, from->frames[i]);
		whole = frames[i];
	}
	return whole && to->comm && to->cgroup;
}

static int64_t step_of(const struct sg_exemplars *x, int64_t t_ms)
{
	return (t_ms + x->step_ms - 1) / x->step_ms;
}

/* Of the same step: NULL when there is none. They come almost in order. */
static struct one *rival(const struct sg_exemplars *x, const struct group *g, int64_t t_ms)
{
	if (!x->step_ms)
		return NULL;
	if (g->last && step_of(x, g->last->e.t_ms) == step_of(x, t_ms))
		return g->last;
	for (struct one *o = g->first; g->last && t_ms < g->last->e.t_ms && o; o = o->next)
		if (step_of(x, o->e.t_ms) == step_of(x, t_ms))
			return o;
	return NULL;
}

int sg_exemplars_take(const struct sg_series *s, const struct sg_exemplar *e, void *ctx)
{
	struct sg_exemplars *x = ctx;
	struct group *g = group_of(x, s);
	struct one *o = g ? rival(x, g, e->t_ms) : NULL;

	if (!g)
		return -ENOMEM;
	if (o && (o->e.value > e->value || (o->e.value == e->value && o->e.n_frames)))
		return 0;
	if (o)
		return copy(x, e, &o->e) ? 0 : -E2BIG;
	if (x->count++ >= SG_EXEMPLARS_MAX)
		return -E2BIG;
	o = sg_arena_zalloc(x->arena, sizeof(*o));
	if (!o || !copy(x, e, &o->e))
		return -E2BIG;
	if (g->last)
		g->last->next = o;
	else
		g->first = o;
	g->last = o;
	return 0;
}

/* ---- printing -------------------------------------------------------------------------- */

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* The end of what has at most so many characters. */
static size_t cut(const char *s, size_t most)
{
	size_t i = 0;

	for (; s[i]; i++)
		if ((s[i] & 0xc0) != 0x80 && !most--)
			break;
	return i;
}

struct labels {
	sg_exemplar_label_cb put;
	void *ctx;
	size_t left;
};

static void put(struct labels *l, const char *name, const char *value, size_t most)
{
	char text[SG_LABEL_VALUE_MAX + 1];
	size_t room = l->left > strlen(name) ? l->left - strlen(name) : 0;

	if (!*value || !room)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)cut(value, SG_MIN(room, most)), value);
	l->left -= strlen(name) + characters(text);
	l->put(l->ctx, name, text);
}

/* Frames from the innermost outwards as far as there is room, written outermost first. */
static void put_stack(struct labels *l, const struct sg_exemplar *e)
{
	size_t room = l->left > 5 ? l->left - 5 : 0, n = 0;
	sg_auto_buf b = {0};
	uint32_t first = e->n_frames;

	while (first > 0) {
		size_t more = characters(e->frames[first - 1]) + (n ? 1 : 0);

		if (n + more > room)
			break;
		n += more;
		first--;
	}
	for (uint32_t i = first; i < e->n_frames; i++) {
		sg_buf_str(&b, i > first ? ";" : "");
		sg_buf_str(&b, e->frames[i]);
	}
	if (b.data)
		put(l, "stack", b.data, SG_EXEMPLAR_LABELS_MAX);
}

static void put_number(struct labels *l, const char *name, uint32_t v)
{
	char text[16];

	if (!v)
		return;
	snprintf(text, sizeof(text), "%" PRIu32, v);
	put(l, name, text, sizeof(text));
}

void sg_exemplar_labels(const struct sg_exemplar *e, sg_exemplar_label_cb put_label, void *ctx)
{
	struct labels l = {.put = put_label, .ctx = ctx, .left = SG_EXEMPLAR_LABELS_MAX};

	put_number(&l, "pid", e->tgid);
	put_number(&l, "tid", e->tid);
	put(&l, "comm", e->comm, SG_EXEMPLAR_LABELS_MAX);
	put(&l, "cgroup", e->cgroup, CGROUP_CHARACTERS);
	put_stack(&l, e);
}

static void put_json(void *ctx, const char *name, const char *value)
{
	struct sg_buf *b = ctx;

	sg_buf_str(b, b->data[b->len - 1] == '{' ? "" : ",");
	sg_json_str(b, name);
	sg_buf_char(b, ':');
	sg_json_str(b, value);
}

void sg_exemplar_labels_json(struct sg_buf *b, const struct sg_exemplar *e)
{
	sg_buf_char(b, '{');
	if (!b->err)
		sg_exemplar_labels(e, put_json, b);
	sg_buf_char(b, '}');
}

static void put_whole(struct sg_buf *b, const struct sg_exemplar *e)
{
	sg_buf_printf(b, ",\"cpu\":%" PRIu32 ",\"cgroup\":", e->cpu);
	sg_json_str(b, e->cgroup);
	sg_buf_printf(b, ",\"kernel\":%" PRIu32 ",\"frames\":[", e->n_kernel);
	for (uint32_t i = 0; i < e->n_frames; i++) {
		sg_buf_str(b, i ? "," : "");
		sg_json_str(b, e->frames[i]);
	}
	sg_buf_char(b, ']');
}

static void put_one(struct sg_buf *b, const struct sg_exemplar *e, bool whole)
{
	sg_buf_str(b, "{\"labels\":");
	sg_exemplar_labels_json(b, e);
	sg_buf_str(b, ",\"value\":\"");
	sg_fmt_float_json(b, e->value);
	sg_buf_printf(b, "\",\"timestamp\":%" PRId64 ".%03d", e->t_ms / 1000,
		      (int)(e->t_ms % 1000));
	if (whole)
		put_whole(b, e);
	sg_buf_char(b, '}');
}

static void put_series(struct sg_buf *b, const struct sg_series *s)
{
	sg_buf_str(b, "{\"seriesLabels\":{\"__name__\":");
	sg_json_str(b, s->name);
	for (size_t i = 0; i < s->n_labels; i++) {
		sg_buf_char(b, ',');
		sg_json_str(b, s->labels[i].name);
		sg_buf_char(b, ':');
		sg_json_str(b, s->labels[i].value);
	}
	sg_buf_str(b, "},\"exemplars\":[");
}

static int by_series(const void *a, const void *b)
{
	return sg_series_cmp((*(struct group *const *)a)->series,
			     (*(struct group *const *)b)->series);
}

static int by_time(const void *a, const void *b)
{
	const struct one *x = *(struct one *const *)a, *y = *(struct one *const *)b;

	return (x->e.t_ms > y->e.t_ms) - (x->e.t_ms < y->e.t_ms);
}

static void put_group(struct sg_buf *b, const struct sg_exemplars *x, const struct group *g,
		      bool whole)
{
	sg_auto_free struct one **sorted = calloc(x->count + 1, sizeof(*sorted));
	size_t n = 0;

	for (struct one *o = g->first; sorted && o; o = o->next)
		sorted[n++] = o;
	if (!sorted) {
		b->err = -ENOMEM;
		return;
	}
	qsort(sorted, n, sizeof(*sorted), by_time);
	put_series(b, g->series);
	for (size_t i = 0; i < n; i++) {
		sg_buf_str(b, i ? "," : "");
		put_one(b, &sorted[i]->e, whole);
	}
	sg_buf_str(b, "]}");
}

void sg_exemplars_json(struct sg_buf *b, struct sg_exemplars *x, bool whole)
{
	if (x->n)
		qsort(x->groups, x->n, sizeof(*x->groups), by_series);
	sg_buf_char(b, '[');
	for (size_t i = 0; i < x->n; i++) {
		sg_buf_str(b, i ? ",\n" : "");
		put_group(b, x, x->groups[i], whole);
	}
	sg_buf_char(b, ']');
}
