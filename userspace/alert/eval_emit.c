// SPDX-License-Identifier: GPL-2.0
// The series that a rule writes, and their ends.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "eval.h"

static int same_series(const void *entry, const void *key)
{
	return sg_series_equal(((const struct al_emitted *)entry)->s, key);
}

static struct al_emitted *note(struct al_rule_state *s, const struct sg_series *series)
{
	struct al_emitted *m;

	if (!s->emitted && !(s->emitted = sg_map_new(same_series)))
		return NULL;
	m = sg_map_get(s->emitted, series->hash, series);
	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (m && (m->s = sg_series_dup(series)) && sg_map_put(s->emitted, series->hash, m) == 0)
		return m;
	if (m)
		free(m->s);
	free(m);
	return NULL;
}

int al_emit(struct al_pass *p, const struct sg_series *s, double v, const struct sg_native *hist)
{
	struct al_emitted *m;

	if (!p->hooks || !p->hooks->sample)
		return 0;
	m = note(p->s, s);
	if (!m)
		return -ENOMEM;
	m->round = p->e->round;
	p->hooks->sample(p->hooks->ctx, m->s, p->t_ms, v, hist);
	return 0;
}

int al_emit_alert(struct al_pass *p, const struct sg_alert *a)
{
	size_t n = a->labels.n_labels;
	struct sg_label *l = sg_arena_alloc(p->e->arena, (n + 1) * sizeof(*l));
	struct sg_series s;
	int r;

	if (!l)
		return -ENOMEM;
	memcpy(l, a->labels.labels, n * sizeof(*l));
	if (!al_series_make(p->e->arena, "ALERTS_FOR_STATE", l, n, &s))
		return -ENOMEM;
	r = al_emit(p, &s, (double)(a->active_ms / 1000), NULL);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(l[i].name, "alertstate"))
			l[i].value = "";
	l[n] = (struct sg_label){"alertstate", sg_alert_state_name(a->state)};
	if (r < 0 || !al_series_make(p->e->arena, "ALERTS", l, n + 1, &s))
		return -ENOMEM;
	return al_emit(p, &s, 1, NULL);
}

static void end_one(struct al_pass *p, struct al_emitted *m)
{
	uint64_t bits = SG_STALE_BITS;
	double stale;

	memcpy(&stale, &bits, sizeof(stale));
	p->hooks->sample(p->hooks->ctx, m->s, p->t_ms, stale, NULL);
	sg_map_del(p->s->emitted, m->s->hash, m->s);
	free(m->s);
	free(m);
}

void al_emit_ends(struct al_pass *p)
{
	size_t len = p->s->emitted ? sg_map_len(p->s->emitted) : 0, n = 0, it = 0;
	struct al_emitted *m, **gone;

	gone = len ? sg_arena_alloc(p->e->arena, len * sizeof(*gone)) : NULL;
	if (!gone)
		return; /* then at the next evaluation */
	while ((m = sg_map_next(p->s->emitted, &it)))
		if (m->round != p->e->round)
			gone[n++] = m;
	for (size_t i = 0; i < n; i++)
		end_one(p, gone[i]);
}

void al_emit_free(struct al_rule_state *s)
{
	struct al_emitted *m;

	for (size_t it = 0; s->emitted && (m = sg_map_next(s->emitted, &it));) {
		free(m->s);
		free(m);
	}
	sg_map_free(s->emitted);
}
