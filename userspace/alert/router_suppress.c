// SPDX-License-Identifier: GPL-2.0
// Silences, inhibition, muting: what keeps an alert from being told.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "router.h"

/* ---- silences ---------------------------------------------------------------------- */

enum sg_silence_state sg_silence_state(const struct sg_silence *s, int64_t now)
{
	if (now >= s->ends_ms)
		return SG_SILENCE_EXPIRED;
	return now < s->starts_ms ? SG_SILENCE_PENDING : SG_SILENCE_ACTIVE;
}

void rt_silence_free(struct rt_silence *s)
{
	sg_selector_release(&s->sel);
	sg_arena_free(s->arena);
}

const struct rt_silence *rt_silenced_by(const struct sg_router *r, const struct sg_series *labels,
					int64_t now)
{
	for (size_t i = 0; i < r->n_silences; i++)
		if (sg_silence_state(&r->silences[i].s, now) == SG_SILENCE_ACTIVE &&
		    sg_selector_match(&r->silences[i].sel, labels))
			return &r->silences[i];
	return NULL;
}

static struct rt_silence *find_silence(struct sg_router *r, const char *id)
{
	for (size_t i = 0; i < r->n_silences; i++)
		if (!strcmp(r->silences[i].s.id, id))
			return &r->silences[i];
	return NULL;
}

/* A matcher that also matches nothing at all would silence everything by mistake. */
static bool matches_empty(const struct sg_selector *sel)
{
	static const struct sg_series none = {.name = ""};

	return sg_selector_match(sel, &none);
}

static int build(struct rt_silence *to, const struct sg_silence *s, struct sg_error *err)
{
	int k;

	*to = (struct rt_silence){.s = *s, .arena = sg_arena_new(256U << 10)};
	if (!to->arena)
		return -ENOMEM;
	to->s.matchers = sg_arena_strdup(to->arena, s->matchers);
	to->s.created_by = sg_arena_strdup(to->arena, s->created_by);
	to->s.comment = sg_arena_strdup(to->arena, s->comment);
	if (!to->s.matchers || !to->s.created_by || !to->s.comment)
		return -ENOMEM;
	k = sg_matchers_parse(to->s.matchers, to->arena, &to->sel, err);
	if (k == 0)
		k = sg_selector_compile(&to->sel, err);
	if (k == 0 && matches_empty(&to->sel))
		k = sg_fail(err, -EINVAL,
			    "at least one matcher must not match the empty value; this silence "
			    "would hold for everything");
	return k;
}

static int check(const struct sg_silence *s, int64_t now, struct sg_error *err)
{
	if (!s->created_by || !*s->created_by)
		return sg_fail(err, -EINVAL, "a silence needs to say who made it");
	if (!s->comment || !s->matchers)
		return sg_fail(err, -EINVAL, "a silence needs a comment and matchers");
	if (s->ends_ms <= s->starts_ms || s->ends_ms <= now)
		return sg_fail(err, -EINVAL, "a silence must end after it starts, and after now");
	return 0;
}

static void forget_old(struct sg_router *r, int64_t now)
{
	for (size_t i = r->n_silences; i > 0; i--)
		if (now - r->silences[i - 1].s.ends_ms > RT_SILENCE_KEPT_MS) {
			rt_silence_free(&r->silences[i - 1]);
			r->silences[i - 1] = r->silences[--r->n_silences];
		}
}

/* Unique here; version and variant as in a random one, for those that check. */
static void make_id(struct sg_router *r, int64_t now, char id[37])
{
	uint64_t a = sg_hash(&now, sizeof(now), ++r->ids), b = sg_hash(&a, sizeof(a), r->ids);

	snprintf(id, 37, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned int)(a >> 32),
		 (unsigned int)(a >> 16 & 0xffff), (unsigned int)(a & 0xfff),
		 (unsigned int)(b >> 52), (unsigned long long)(b & 0xffffffffffffULL));
}

int sg_router_silence(struct sg_router *r, struct sg_silence *s, int64_t now, struct sg_error *err)
{
	struct rt_silence *old = *s->id ? find_silence(r, s->id) : NULL, built;
	int k = check(s, now, err);

	if (k < 0)
		return k;
	if (*s->id && !old)
		return sg_fail(err, -ENOENT, "there is no silence %s", s->id);
	forget_old(r, now);
	old = *s->id ? find_silence(r, s->id) : NULL;
	if (!old && r->n_silences == SG_SILENCES_MAX)
		return sg_fail(err, -ENOSPC, "there are %d silences already", SG_SILENCES_MAX);
	if (!*s->id)
		make_id(r, now, s->id);
	k = build(&built, s, err);
	if (k == 0 && !old && SG_GROW(r->silences, r->cap_silences, r->n_silences) < 0)
		k = -ENOMEM;
	if (k < 0) {
		rt_silence_free(&built);
		return k;
	}
	if (old)
		rt_silence_free(old);
	else
		old = &r->silences[r->n_silences++];
	*old = built;
	rt_audit(r, now, s->created_by, "silenced", built.s.matchers, s->comment);
	return 0;
}

int sg_router_unsilence(struct sg_router *r, const char *id, const char *who, int64_t now)
{
	struct rt_silence *s = find_silence(r, id);

	if (!s)
		return -ENOENT;
	if (sg_silence_state(&s->s, now) == SG_SILENCE_EXPIRED)
		return -EALREADY;
	s->s.ends_ms = now;
	s->s.starts_ms = SG_MIN(s->s.starts_ms, now);
	rt_audit(r, now, who, "unsilenced", s->s.matchers, id);
	return 0;
}

size_t sg_router_silences(const struct sg_router *r, struct sg_silence *ret, size_t max)
{
	for (size_t i = 0; i < r->n_silences && i < max; i++)
		ret[i] = r->silences[i].s;
	return r->n_silences;
}

/* ---- inhibition -------------------------------------------------------------------- */

static uint64_t equal_hash(const struct sg_inhibit_rule *rule, const struct sg_series *s)
{
	uint64_t h = 0;

	for (size_t i = 0; i < rule->n_equal; i++)
		h = sg_hash_str(sg_series_label(s, rule->equal[i]), h + i + 1);
	return h;
}

static bool equal_labels(const struct sg_inhibit_rule *rule, const struct sg_series *a,
			 const struct sg_series *b)
{
	for (size_t i = 0; i < rule->n_equal; i++)
		if (strcmp(sg_series_label(a, rule->equal[i]),
			   sg_series_label(b, rule->equal[i])) != 0)
			return false;
	return true;
}

static int by_hash(const void *a, const void *b)
{
	const struct rt_source *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void index_rule(struct sg_router *r, size_t i)
{
	const struct sg_inhibit_rule *rule = &r->c->inhibit[i];
	struct rt_index *x = &r->index[i];
	const struct rt_alert *a;

	x->n = 0;
	for (size_t it = 0; (a = sg_map_next(r->alerts, &it));) {
		if (!a->firing || !sg_selector_match(&rule->source, a->labels) ||
		    SG_GROW(x->v, x->cap, x->n) < 0)
			continue;
		x->v[x->n++] = (struct rt_source){equal_hash(rule, a->labels), a,
						  sg_selector_match(&rule->target, a->labels)};
	}
	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), by_hash);
}

static void refresh_index(struct sg_router *r)
{
	if (!r->index_stale)
		return;
	for (size_t i = 0; i < r->c->n_inhibit; i++)
		index_rule(r, i);
	r->index_stale = false;
}

void rt_index_free(struct sg_router *r)
{
	for (size_t i = 0; r->index && i < r->c->n_inhibit; i++)
		free(r->index[i].v);
	free(r->index);
}

/* What matches both sides inhibits only what does not match the source side. */
static const struct rt_alert *source_for(const struct sg_inhibit_rule *rule,
					 const struct rt_index *x, const struct rt_alert *a)
{
	uint64_t h = equal_hash(rule, a->labels);
	bool source = sg_selector_match(&rule->source, a->labels);
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (x->v[mid].hash < h)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < x->n && x->v[lo].hash == h; lo++)
		if (x->v[lo].a != a && !(source && x->v[lo].both) &&
		    equal_labels(rule, x->v[lo].a->labels, a->labels))
			return x->v[lo].a;
	return NULL;
}

const struct rt_alert *rt_inhibited_by(struct sg_router *r, const struct rt_alert *a)
{
	const struct rt_alert *by = NULL;

	refresh_index(r);
	for (size_t i = 0; !by && i < r->c->n_inhibit; i++)
		if (sg_selector_match(&r->c->inhibit[i].target, a->labels))
			by = source_for(&r->c->inhibit[i], &r->index[i], a);
	return by;
}

/* ---- muting ------------------------------------------------------------------------ */

const char *rt_muted_by(const struct sg_route *route, int64_t now)
{
	for (size_t i = 0; i < route->n_mute; i++)
		if (sg_time_interval_holds(route->mute[i], now))
			return route->mute[i]->name;
	for (size_t i = 0; i < route->n_active; i++)
		if (sg_time_interval_holds(route->active[i], now))
			return NULL;
	return route->n_active ? "" : NULL;
}

bool rt_suppressed(struct sg_router *r, const struct rt_member *m, int64_t now)
{
	return m->closed_until_ms || rt_silenced_by(r, m->a->labels, now) ||
	       rt_inhibited_by(r, m->a);
}
