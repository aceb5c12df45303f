// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dict.h"
#include "route.h"

struct entry {
	uint32_t number;
	struct sg_series *series;
};

static int entry_eq(const void *entry, const void *key)
{
	return sg_series_equal(((const struct entry *)entry)->series, key);
}

int feed_dict_init(struct feed_dict *d)
{
	*d = (struct feed_dict){.map = sg_map_new(entry_eq), .next_epoch = 1};
	return d->map ? 0 : -ENOMEM;
}

static void forget_series(struct feed_dict *d)
{
	struct entry *e;

	for (size_t it = 0; d->map && (e = sg_map_next(d->map, &it));) {
		free(e->series);
		free(e);
	}
	sg_map_free(d->map);
	d->map = NULL;
	d->n = 0;
}

static void free_group(struct feed_group *g)
{
	for (size_t i = 0; i < g->n_sels; i++)
		sg_selector_release(&g->sels[i]);
	feed_payload_unref(g->tick);
	sg_arena_free(g->arena);
	free(g->key);
	free(g->by_series);
	free(g->members);
	free(g);
}

void feed_dict_release(struct feed_dict *d)
{
	while (d->groups) {
		struct feed_group *g = d->groups;

		d->groups = g->next;
		free_group(g);
	}
	forget_series(d);
	free(d->series);
	d->series = NULL;
}

uint32_t feed_dict_number(struct feed_dict *d, const struct sg_series *s)
{
	struct entry *e = sg_map_get(d->map, s->hash, s);

	if (e)
		return e->number;
	if (SG_GROW(d->series, d->cap, d->n) < 0)
		return DICT_NONE;
	e = calloc(1, sizeof(*e));
	if (e)
		e->series = sg_series_dup(s);
	if (!e || !e->series || sg_map_put(d->map, s->hash, e) < 0) {
		if (e)
			free(e->series);
		free(e);
		return DICT_NONE;
	}
	e->number = d->n;
	d->series[d->n++] = e->series;
	return e->number;
}

void feed_dict_trim(struct feed_dict *d, size_t limit)
{
	struct sg_map *fresh;

	if (d->n <= limit)
		return;
	fresh = sg_map_new(entry_eq);
	if (!fresh)
		return;
	forget_series(d);
	d->map = fresh;
	for (struct feed_group *g = d->groups; g; g = g->next) {
		g->epoch = d->next_epoch++;
		g->n_members = 0;
		if (g->by_series)
			memset(g->by_series, 0, g->n_by_series * sizeof(*g->by_series));
	}
}

static int compile_all(struct feed_group *g, const char *const *texts, size_t n,
		       struct sg_error *err)
{
	g->sels = sg_arena_zalloc(g->arena, n * sizeof(*g->sels));
	if (!g->sels)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r;

		g->n_sels = i + 1; /* what a failed one holds is released too */
		r = http_selector(texts[i], g->arena, &g->sels[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static char *make_key(const char *const *texts, size_t n)
{
	struct sg_buf b = {0};

	for (size_t i = 0; i < n; i++) {
		sg_json_str(&b, texts[i]); /* quoted: no text can look like two */
		sg_buf_char(&b, '\n');
	}
	if (b.err)
		sg_buf_free(&b);
	return b.data;
}

int feed_group_get(struct feed_dict *d, const char *const *texts, size_t n, struct feed_group **ret,
		   struct sg_error *err)
{
	sg_auto_free char *key = make_key(texts, n);
	struct feed_group *g;
	int r;

	if (!key)
		return -ENOMEM;
	for (g = d->groups; g; g = g->next) {
		if (strcmp(g->key, key) != 0)
			continue;
		g->refs++;
		*ret = g;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->arena = sg_arena_new(1U << 20);
	r = g->arena ? compile_all(g, texts, n, err) : -ENOMEM;
	if (r < 0) {
		free_group(g);
		return r;
	}
	g->key = sg_take(key);
	g->refs = 1;
	g->epoch = d->next_epoch++;
	g->next = d->groups;
	d->groups = g;
	*ret = g;
	return 0;
}

void feed_group_put(struct feed_dict *d, struct feed_group *g)
{
	struct feed_group **p = &d->groups;

	if (!g || --g->refs)
		return;
	while (*p != g)
		p = &(*p)->next;
	*p = g->next;
	free_group(g);
}

static bool grow_cache(struct feed_group *g, size_t n)
{
	int32_t *p;

	if (n <= g->n_by_series)
		return true;
	n = SG_MAX(n, g->n_by_series * 2);
	p = realloc(g->by_series, n * sizeof(*p));
	if (!p)
		return false;
	memset(p + g->n_by_series, 0, (n - g->n_by_series) * sizeof(*p));
	g->by_series = p;
	g->n_by_series = n;
	return true;
}

static bool matches(const struct feed_group *g, const struct sg_series *s)
{
	for (size_t i = 0; i < g->n_sels; i++)
		if (sg_selector_match(&g->sels[i], s))
			return true;
	return false;
}

uint32_t feed_group_index(struct feed_dict *d, struct feed_group *g, uint32_t number)
{
	int32_t *slot;

	if (number == DICT_NONE || !grow_cache(g, number + 1))
		return DICT_NONE;
	slot = &g->by_series[number];
	if (!*slot) {
		if (!matches(g, d->series[number])) {
			*slot = -1;
		} else if (!SG_GROW(g->members, g->cap_members, g->n_members)) {
			g->members[g->n_members] = number;
			*slot = ++g->n_members;
		}
	}
	return *slot > 0 ? (uint32_t)*slot - 1 : DICT_NONE;
}
