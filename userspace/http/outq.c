// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "outq.h"

void outq_init(struct outq *q)
{
	*q = (struct outq){0};
	q->last = &q->first;
}

void outq_free_item(struct outq_item *item)
{
	feed_payload_unref(item->payload);
	free(item);
}

void outq_clear(struct outq *q)
{
	struct outq_item *item;

	while ((item = outq_take(q)))
		outq_free_item(item);
}

static int add(struct outq *q, const struct outq_item *from)
{
	struct outq_item *item = from->payload ? malloc(sizeof(*item)) : NULL;

	if (!item) {
		feed_payload_unref(from->payload);
		return -ENOMEM;
	}
	*item = *from;
	*q->last = item;
	q->last = &item->next;
	q->n++;
	if (item->sub)
		q->data_bytes += item->payload->len;
	return 0;
}

int outq_text(struct outq *q, struct feed_payload *p)
{
	return add(q, &(struct outq_item){.payload = p});
}

int outq_data(struct outq *q, struct feed_payload *p, void *sub, const struct feed_header *head,
	      uint64_t now_ns)
{
	return add(q, &(struct outq_item){
			      .payload = p, .sub = sub, .head = *head, .queued_ns = now_ns});
}

bool outq_behind(const struct outq *q, uint64_t now_ns, size_t n)
{
	const struct outq_item *item = q->first;

	while (item && !item->sub)
		item = item->next;
	if (!item)
		return false; /* one tick is always taken, however large */
	return q->data_bytes + n > OUTQ_MAX_BYTES || now_ns - item->queued_ns > OUTQ_MAX_WAIT_NS;
}

struct outq_item *outq_take(struct outq *q)
{
	struct outq_item *item = q->first;

	if (!item)
		return NULL;
	q->first = item->next;
	if (!q->first)
		q->last = &q->first;
	q->n--;
	if (item->sub)
		q->data_bytes -= item->payload->len;
	item->next = NULL;
	return item;
}

void outq_drop_data(struct outq *q, const void *sub,
		    void (*dropped)(void *ctx, const struct outq_item *item), void *ctx)
{
	struct outq_item **p = &q->first, *item;

	while ((item = *p)) {
		if (!item->sub || (sub && item->sub != sub)) {
			p = &item->next;
			continue;
		}
		if (dropped)
			dropped(ctx, item);
		*p = item->next;
		q->n--;
		q->data_bytes -= item->payload->len;
		outq_free_item(item);
	}
	q->last = p;
}
