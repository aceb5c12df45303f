// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <sgprobe/export.h>

struct sg_catalogue {
	struct sg_arena *arena;
	struct sg_map *by_name;
};

static int has_name(const void *entry, const void *key)
{
	return !strcmp(((const struct sg_metric_info *)entry)->name, key);
}

/* Only the name does not live as long as the process. */
static int take(const struct sg_metric_info *m, void *ctx)
{
	struct sg_catalogue *c = ctx;
	uint64_t hash = sg_hash_str(m->name, 0);
	struct sg_metric_info *copy;

	if (sg_map_get(c->by_name, hash, m->name))
		return 0;
	copy = sg_arena_alloc(c->arena, sizeof(*copy));
	if (!copy)
		return -1;
	*copy = *m;
	copy->name = sg_arena_strdup(c->arena, m->name);
	copy->help = sg_arena_strdup(c->arena, m->help ? m->help : "");
	return copy->name && copy->help ? sg_map_put(c->by_name, hash, copy) : -1;
}

struct sg_catalogue *sg_catalogue_new(void)
{
	sg_auto(sg_catalogue) c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->arena = sg_arena_new(0);
	c->by_name = sg_map_new(has_name);
	if (!c->arena || !c->by_name || sg_metrics_each(take, c))
		return NULL;
	return sg_take(c);
}

void sg_catalogue_free(struct sg_catalogue *c)
{
	if (!c)
		return;
	sg_map_free(c->by_name);
	sg_arena_free(c->arena);
	free(c);
}

const struct sg_metric_info *sg_catalogue_find(const struct sg_catalogue *c, const char *name)
{
	return sg_map_get(c->by_name, sg_hash_str(name, 0), name);
}
