// SPDX-License-Identifier: GPL-2.0
/* Of the last minute the worst exemplar of each classic bucket: later ones replace it in order of time. */
#include <errno.h>
#include <string.h>

#include <sgprobe/exemplar.h>

#include "family.h"

#define SERIES_MAX 8192
#define LABELS_MAX 8

struct of_series {
	const struct sg_series *series;
	struct export_edges edges;
	const struct export_exemplar *worst[EXPORT_EDGES_MAX + 1];
};

struct export_exemplars {
	struct sg_map *by_series;
	struct sg_arena *arena;
	const struct sg_catalogue *catalogue;
};

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(((const struct of_series *)entry)->series, key);
}

static struct of_series *add_series(struct export_exemplars *x, const struct sg_series *s)
{
	static const struct sg_native own = {.schema = SG_SCHEMA_OWN};
	const struct sg_metric_info *m = sg_catalogue_find(x->catalogue, s->name);
	struct of_series *of;

	if (sg_map_len(x->by_series) == SERIES_MAX)
		return NULL;
	of = sg_arena_zalloc(x->arena, sizeof(*of));
	if (!of)
		return NULL;
	of->series = sg_series_copy(x->arena, s);
	if (!of->series || sg_map_put(x->by_series, s->hash, of) < 0)
		return NULL;
	export_edges_of(&own, m ? m->unit : sg_metric_unit(s->name), &of->edges);
	return of;
}

struct labels {
	struct sg_arena *arena;
	struct sg_label *v;
	size_t n;
};

static void add_label(void *ctx, const char *name, const char *value)
{
	struct labels *l = ctx;
	char *copy = l->n < LABELS_MAX ? sg_arena_strdup(l->arena, value) : NULL;

	if (copy)
		l->v[l->n++] = (struct sg_label){name, copy};
}

static int keep(struct export_exemplars *x, const struct sg_exemplar *e,
		const struct export_exemplar **ret)
{
	struct export_exemplar *c = sg_arena_alloc(x->arena, sizeof(*c));
	struct labels l = {.arena = x->arena};

	l.v = sg_arena_alloc(x->arena, LABELS_MAX * sizeof(*l.v));
	if (!c || !l.v)
		return -ENOMEM;
	sg_exemplar_labels(e, add_label, &l);
	*c = (struct export_exemplar){e->value, e->t_ms, l.n, l.v};
	*ret = c;
	return 0;
}

static int take(const struct sg_series *s, const struct sg_exemplar *e, void *ctx)
{
	struct export_exemplars *x = ctx;
	struct of_series *of = sg_map_get(x->by_series, s->hash, s);
	const struct export_exemplar **worst;

	if (!of)
		of = add_series(x, s);
	if (!of)
		return 0; /* what has no room has no exemplars */
	worst = &of->worst[export_bucket_of(&of->edges, e->value)];
	if (*worst && ((*worst)->value > e->value ||
		       ((*worst)->value == e->value && (*worst)->t_ms >= e->t_ms)))
		return 0;
	return keep(x, e, worst);
}

int export_exemplars_read(struct sg_reader *r, const struct sg_export_options *o, int64_t newest_ms,
			  const struct sg_catalogue *c, struct sg_arena *arena,
			  struct export_exemplars **ret)
{
	struct export_exemplars *x = sg_arena_zalloc(arena, sizeof(*x));
	int e;

	if (!x)
		return -ENOMEM;
	x->arena = arena;
	x->catalogue = c;
	x->by_series = sg_map_new(same_series);
	*ret = x;
	if (!x->by_series)
		return -ENOMEM;
	e = r->exemplars(r, o->sels, o->n_sels, newest_ms - SG_EXPORT_EXEMPLARS_MS, newest_ms,
			 o->deadline_ns, take, x);
	return e < 0 ? e : 0;
}

const struct export_exemplar *const *export_exemplars_of(const struct export_exemplars *x,
							 const struct sg_series *s)
{
	const struct of_series *of = x ? sg_map_get(x->by_series, s->hash, s) : NULL;

	return of ? of->worst : NULL;
}

void export_exemplars_free(struct export_exemplars *x)
{
	if (x)
		sg_map_free(x->by_series); /* the rest is the arena's */
}
