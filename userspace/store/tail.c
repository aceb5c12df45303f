// SPDX-License-Identifier: GPL-2.0
#include "tail.h"

#include <errno.h>
#include <string.h>

#define PART_BYTES (24U << 20)

void sg_tail_init(struct sg_tail *t)
{
	pthread_mutex_init(&t->lock, NULL);
}

void sg_tail_drop(struct sg_tail *t)
{
	for (size_t i = 0; i < t->n; i++)
		sg_gather_free(t->parts[i].gather);
	t->n = 0;
}

void sg_tail_release(struct sg_tail *t)
{
	sg_tail_drop(t);
	pthread_mutex_destroy(&t->lock);
}

static void new_part(struct sg_tail *t, int64_t row)
{
	struct sg_gather *g = sg_gather_new(SG_ACCUM_MAX_SERIES);

	if (!g) {
		sg_tail_drop(t);
		return;
	}
	if (t->n == SG_TAIL_PARTS) {
		sg_gather_free(t->parts[0].gather);
		memmove(t->parts, t->parts + 1, (SG_TAIL_PARTS - 1) * sizeof(*t->parts));
		t->n--;
	}
	t->parts[t->n++] = (struct sg_tail_part){.gather = g, .first = row, .last = row};
}

void sg_tail_row(struct sg_tail *t, int64_t row, bool key)
{
	if (t->n && row != t->parts[t->n - 1].last + 1)
		sg_tail_drop(t);
	if (key)
		new_part(t, row);
	else if (t->n)
		t->parts[t->n - 1].last = row;
}

void sg_tail_frame(struct sg_tail *t, const struct sg_frame_view *v, const struct sg_accum *before)
{
	struct sg_gather *g = t->n ? t->parts[t->n - 1].gather : NULL;

	if (g && (sg_gather_frame(g, v, before) < 0 || sg_gather_bytes(g) > PART_BYTES ||
		  sg_gather_refused(g)))
		sg_tail_drop(t);
}

int sg_tail_snapshot(struct sg_head *h, sg_gather_wants wants, const void *ctx,
		     struct sg_tail_part parts[SG_TAIL_PARTS], size_t *n, struct sg_head_view *v)
{
	struct sg_tail *t = sg_head_tail(h);
	int r;

	pthread_mutex_lock(&t->lock);
	r = sg_head_snapshot(h, v);
	for (*n = 0; *n < t->n && !r; ++*n) {
		parts[*n] = t->parts[*n];
		r = sg_gather_copy(t->parts[*n].gather, wants, ctx, &parts[*n].gather);
		if (r < 0)
			break;
	}
	pthread_mutex_unlock(&t->lock);
	if (!r)
		return 0;
	while (*n)
		sg_gather_free(parts[--*n].gather);
	return r;
}
