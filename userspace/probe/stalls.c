// SPDX-License-Identifier: GPL-2.0
#include "stalls.h"

#include <sgprobe/mem.h>

void sg_stalls_free(struct sg_stalls *s)
{
	free(s->at);
	*s = (struct sg_stalls){.limit_ns = s->limit_ns};
}

static bool is_same(const struct sg_event_blocked *a, const struct sg_event_blocked *b)
{
	return a->task.tid == b->task.tid && a->started_ns == b->started_ns &&
	       a->switches == b->switches;
}

void sg_stalls_see(struct sg_stalls *s, const struct sg_event_blocked *b, __u64 now_ns)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_same(&s->at[i].blocked, b)) {
			s->at[i].seen = true;
			return;
		}
	if (s->n == SG_STALLS_MAX || SG_GROW(s->at, s->cap, s->n) < 0) {
		s->no_room++;
		return;
	}
	s->at[s->n++] = (struct sg_stall){.blocked = *b, .since_ns = now_ns, .seen = true};
}

void sg_stalls_walked(struct sg_stalls *s, __u64 now_ns, sg_stall_cb cb, void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct sg_stall *t = &s->at[i];
		__u64 ns = now_ns - t->since_ns;
		bool begins = t->seen && !t->told && ns >= s->limit_ns;

		t->told |= begins;
		if (begins || (t->told && !t->seen))
			cb(t, !t->seen, (double)ns * 1e-9, ctx);
		if (!t->seen)
			continue;
		t->seen = false;
		s->at[kept++] = *t;
	}
	s->n = kept;
}
