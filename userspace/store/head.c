// SPDX-License-Identifier: GPL-2.0
#include "head.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tail.h"

#define GAP_JOIN_MS 10 /* a tick is not exactly as long as its span */
#define BAD_IDS 256 /* rows told apart, so that one that is read again counts once */

struct sg_head {
	atomic_uint refs;
	pthread_mutex_t lock; /* everything below */
	struct sg_head_frame **frames; /* a queue: [first, first + n) */
	size_t first, n, cap;
	size_t bytes;
	int64_t block_id;
	struct sg_head_gap gaps[SG_HEAD_MAX_GAPS];
	size_t n_gaps;
	int64_t bad_ids[BAD_IDS];
	size_t n_bad;
	struct sg_tail tail; /* with a lock of its own, which is taken first */
};

struct sg_tail *sg_head_tail(struct sg_head *h)
{
	return &h->tail;
}

struct sg_head *sg_head_new(void)
{
	struct sg_head *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	atomic_init(&h->refs, 1);
	h->block_id = INT64_MAX;
	pthread_mutex_init(&h->lock, NULL);
	sg_tail_init(&h->tail);
	return h;
}

struct sg_head *sg_head_ref(struct sg_head *h)
{
	if (h)
		atomic_fetch_add(&h->refs, 1);
	return h;
}

static void frame_unref(struct sg_head_frame *f)
{
	if (f && atomic_fetch_sub(&f->refs, 1) == 1)
		free(f);
}

void sg_head_unref(struct sg_head *h)
{
	if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	for (size_t i = 0; i < h->n; i++)
		frame_unref(h->frames[h->first + i]);
	free(h->frames);
	sg_tail_release(&h->tail);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static struct sg_head_frame *frame_new(const struct sg_frame_view *v, const void *p, size_t n)
{
	struct sg_head_frame *f = malloc(sizeof(*f) + n);
	const struct sg_frame *header = &v->header;

	if (!f)
		return NULL;
	atomic_init(&f->refs, 1);
	f->session = header->session;
	f->seq = header->seq;
	f->t_ms = header->t_ms;
	f->from_ms = header->t_ms - (int64_t)(header->span_ns / 1000000);
	f->source = header->source;
	f->tables_len = v->tables_len;
	f->n = n;
	memcpy(f->bytes, p, n);
	return f;
}

int sg_head_push(struct sg_head *h, const struct sg_frame_view *v, const void *p, size_t n)
{
	struct sg_head_frame *f = frame_new(v, p, n);
	int r;

	if (!f)
		return -ENOMEM;
	pthread_mutex_lock(&h->lock);
	if (h->first && h->first + h->n == h->cap) {
		memmove(h->frames, h->frames + h->first, h->n * sizeof(*h->frames));
		h->first = 0;
	}
	r = SG_GROW(h->frames, h->cap, h->first + h->n);
	if (!r) {
		h->frames[h->first + h->n++] = f;
		h->bytes += n;
	}
	pthread_mutex_unlock(&h->lock);
	if (r < 0)
		frame_unref(f);
	return r;
}

/* Lock held. */
static void pop_frame(struct sg_head *h)
{
	struct sg_head_frame *f = h->frames[h->first];

	h->bytes -= f->n;
	h->first++;
	h->n--;
	frame_unref(f);
}

static void pop_gaps(struct sg_head *h, size_t n)
{
	n = SG_MIN(n, h->n_gaps);
	h->n_gaps -= n;
	memmove(h->gaps, h->gaps + n, h->n_gaps * sizeof(*h->gaps));
}

void sg_head_committed(struct sg_head *h, size_t n_frames, size_t n_gaps, int64_t block_id)
{
	pthread_mutex_lock(&h->lock);
	while (n_frames-- && h->n)
		pop_frame(h);
	pop_gaps(h, n_gaps);
	h->block_id = block_id;
	pthread_mutex_unlock(&h->lock);
}

void sg_head_forget(struct sg_head *h, sg_head_known known, void *ctx)
{
	size_t kept = 0;

	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->n; i++) {
		struct sg_head_frame *f = h->frames[h->first + i];

		if (!known(f, ctx)) {
			h->frames[h->first + kept++] = f;
			continue;
		}
		h->bytes -= f->n;
		frame_unref(f);
	}
	h->n = kept;
	pthread_mutex_unlock(&h->lock);
}

size_t sg_head_trim(struct sg_head *h, size_t max, int64_t *from_ms, int64_t *to_ms)
{
	size_t dropped = 0;

	pthread_mutex_lock(&h->lock);
	for (; h->n && h->bytes > max; dropped++) {
		const struct sg_head_frame *f = h->frames[h->first];

		*from_ms = dropped ? SG_MIN(*from_ms, f->from_ms) : f->from_ms;
		*to_ms = dropped ? SG_MAX(*to_ms, f->t_ms) : f->t_ms;
		pop_frame(h);
	}
	pthread_mutex_unlock(&h->lock);
	return dropped;
}

void sg_head_add_gap(struct sg_head *h, int64_t from_ms, int64_t to_ms, const char *reason)
{
	struct sg_head_gap *g = NULL;

	pthread_mutex_lock(&h->lock);
	if (h->n_gaps)
		g = &h->gaps[h->n_gaps - 1];
	if (g && !strcmp(g->reason, reason) && from_ms >= g->from_ms &&
	    from_ms <= g->to_ms + GAP_JOIN_MS) {
		g->to_ms = SG_MAX(g->to_ms, to_ms);
	} else {
		if (h->n_gaps == SG_HEAD_MAX_GAPS)
			pop_gaps(h, 1);
		g = &h->gaps[h->n_gaps++];
		g->from_ms = from_ms;
		g->to_ms = to_ms;
		snprintf(g->reason, sizeof(g->reason), "%s", reason);
	}
	pthread_mutex_unlock(&h->lock);
}

bool sg_head_is_empty(struct sg_head *h)
{
	bool empty;

	pthread_mutex_lock(&h->lock);
	empty = !h->n && !h->n_gaps;
	pthread_mutex_unlock(&h->lock);
	return empty;
}

size_t sg_head_bytes(struct sg_head *h)
{
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = h->bytes;
	pthread_mutex_unlock(&h->lock);
	return n;
}

int sg_head_snapshot(struct sg_head *h, struct sg_head_view *ret)
{
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	pthread_mutex_lock(&h->lock);
	ret->block_id = h->block_id;
	ret->n_gaps = h->n_gaps;
	memcpy(ret->gaps, h->gaps, h->n_gaps * sizeof(*h->gaps));
	ret->frames = h->n ? malloc(h->n * sizeof(*ret->frames)) : NULL;
	if (ret->frames) {
		memcpy(ret->frames, h->frames + h->first, h->n * sizeof(*ret->frames));
		for (ret->n = 0; ret->n < h->n; ret->n++)
			atomic_fetch_add(&ret->frames[ret->n]->refs, 1);
	} else if (h->n) {
		r = -ENOMEM;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

void sg_head_view_free(struct sg_head_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		frame_unref(v->frames[i]);
	free(v->frames);
	v->frames = NULL;
	v->n = 0;
}

void sg_head_count_bad(struct sg_head *h, int64_t block_id)
{
	size_t i;

	pthread_mutex_lock(&h->lock);
	for (i = 0; i < SG_MIN(h->n_bad, (size_t)BAD_IDS); i++)
		if (h->bad_ids[i] == block_id)
			break;
	if (i == SG_MIN(h->n_bad, (size_t)BAD_IDS))
		h->bad_ids[h->n_bad++ % BAD_IDS] = block_id;
	pthread_mutex_unlock(&h->lock);
}

uint64_t sg_head_bad(struct sg_head *h)
{
	uint64_t n;

	pthread_mutex_lock(&h->lock);
	n = h->n_bad;
	pthread_mutex_unlock(&h->lock);
	return n;
}
