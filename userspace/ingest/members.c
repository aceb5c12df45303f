// SPDX-License-Identifier: GPL-2.0
#include "members.h"

#include <errno.h>
#include <stdlib.h>

#include <sgprobe/mem.h>

#define FIRST_SLOTS 16

static struct ingest_member *slot_of(struct ingest_member *slots, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i].hash && slots[i].hash != hash)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Into room for cap, without what is not after t_ms. */
static int rebuild(struct ingest_members *m, size_t cap, int64_t t_ms)
{
	struct ingest_member *slots = calloc(cap, sizeof(*slots));
	size_t n = 0;

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++) {
		if (!m->slots[i].hash || m->slots[i].t_ms <= t_ms)
			continue;
		*slot_of(slots, cap, m->slots[i].hash) = m->slots[i];
		n++;
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	m->n = n;
	return 0;
}

int ingest_members_put(struct ingest_members *m, uint64_t hash, int64_t t_ms)
{
	struct ingest_member *s;
	int r;

	hash += !hash;
	if ((m->n + 1) * 4 > m->cap * 3) {
		r = rebuild(m, m->cap ? m->cap * 2 : FIRST_SLOTS, INT64_MIN);
		if (r < 0)
			return r;
	}
	s = slot_of(m->slots, m->cap, hash);
	if (s->hash) {
		s->t_ms = SG_MAX(s->t_ms, t_ms);
		return 0;
	}
	*s = (struct ingest_member){hash, t_ms};
	m->n++;
	return 1;
}

size_t ingest_members_forget(struct ingest_members *m, int64_t t_ms)
{
	size_t old = 0, before = m->n, cap = FIRST_SLOTS;

	for (size_t i = 0; i < m->cap; i++)
		old += m->slots[i].hash && m->slots[i].t_ms <= t_ms;
	if (!old)
		return 0;
	while ((before - old + 1) * 4 > cap * 3)
		cap *= 2;
	/* Without memory they stay for another tick. */
	return rebuild(m, cap, t_ms) < 0 ? 0 : old;
}

void ingest_members_free(struct ingest_members *m)
{
	free(m->slots);
	*m = (struct ingest_members){0};
}
