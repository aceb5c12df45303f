// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/bpf/sched.h>

#include "culprits.h"
#include "pool.h"

#define NAME "sgprobe_sched_culprit_seconds_total"
#define NS 1e-9

struct pair {
	const char *victim, *culprit; /* of its series */
	uint64_t ns; /* in this tick */
	uint64_t used_tick;
	struct sg_series *series;
};

struct sg_culprits {
	struct sg_map *by_names;
	struct pair *pairs[SG_PAIRS_MAX + 1]; /* the last place is for the rest */
	size_t n;
};

static int same_names(const void *entry, const void *key)
{
	const struct pair *a = entry, *b = key;

	return strcmp(a->victim, b->victim) == 0 && strcmp(a->culprit, b->culprit) == 0;
}

static uint64_t hash(const struct pair *p)
{
	return sg_hash_str(p->culprit, sg_hash_str(p->victim, 0));
}

static void pair_free(struct pair *p)
{
	if (p)
		free(p->series);
	free(p);
}

static struct pair *pair_new(struct sg_culprits *c, const struct pair *key)
{
	struct sg_label labels[] = {{"culprit", key->culprit}, {"victim", key->victim}};
	struct pair *p = calloc(1, sizeof(*p));
	struct sg_series s;

	if (!p || sg_series_init(&s, SG_COUNTER, NAME, labels, ARRAY_SIZE(labels)) < 0)
		goto fail;
	p->series = sg_series_dup(&s);
	if (!p->series)
		goto fail;
	p->victim = sg_series_label(p->series, "victim");
	p->culprit = sg_series_label(p->series, "culprit");
	if (sg_map_put(c->by_names, hash(p), p) < 0)
		goto fail;
	c->pairs[c->n++] = p;
	return p;
fail:
	pair_free(p);
	return NULL;
}

static struct pair *pair_of(struct sg_culprits *c, const char *victim, const char *culprit)
{
	const struct pair other = {.victim = "other", .culprit = "other"};
	struct pair key = {.victim = victim, .culprit = culprit}, *p;

	p = sg_map_get(c->by_names, hash(&key), &key);
	if (p || c->n < SG_PAIRS_MAX)
		return p ? p : pair_new(c, &key);
	p = sg_map_get(c->by_names, hash(&other), &other);
	return p ? p : pair_new(c, &other);
}

static void forget(struct sg_culprits *c, size_t i)
{
	struct pair *p = c->pairs[i];

	sg_map_del(c->by_names, hash(p), p);
	pair_free(p);
	c->pairs[i] = c->pairs[--c->n];
}

static int read_cell(struct sg_culprits *c, const struct sg_drain *sched, uint32_t at,
		     sg_cgroup_name_cb name, void *ctx)
{
	const struct sg_pool_key *key = &sched->pool->cells[at].key;
	uint64_t ns = sched->pool->drain->counted[at];
	uint32_t culprit = key->a >> 16;
	struct pair *p;

	if (!ns)
		return 0;
	if (key->kind == SG_KEY_OTHER)
		p = pair_of(c, "other", "other");
	else
		p = pair_of(c, name(ctx, key->a & 0xffff),
			    culprit == SCHED_NOBODY ? "none" : name(ctx, culprit));
	if (!p)
		return -ENOMEM;
	p->ns += ns;
	p->used_tick = sched->slots->tick;
	return 0;
}

int sg_culprits_tick(struct sg_culprits *c, const struct sg_drain *sched, sg_cgroup_name_cb name,
		     void *ctx, struct sg_frame *f)
{
	int r = 0;

	if (!sched->pool)
		return 0;
	for (size_t i = c->n; i-- > 0;)
		if (sched->slots->tick - c->pairs[i]->used_tick > SG_IDLE_TICKS)
			forget(c, i);
	for (uint32_t at = 0;
	     r == 0 && (at = sg_pool_next_cell(sched->pool, sched->index, SCHED_WAITED_FOR, at));)
		r = read_cell(c, sched, at, name, ctx);
	for (size_t i = 0; r == 0 && i < c->n; i++) {
		r = sg_frame_add_value(f, c->pairs[i]->series, (double)c->pairs[i]->ns * NS);
		c->pairs[i]->ns = 0;
	}
	return r;
}

int sg_culprits_new(struct sg_culprits **ret)
{
	struct sg_culprits *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->by_names = sg_map_new(same_names);
	if (!c->by_names) {
		sg_culprits_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void sg_culprits_free(struct sg_culprits *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		pair_free(c->pairs[i]);
	sg_map_free(c->by_names);
	free(c);
}
