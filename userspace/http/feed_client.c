// SPDX-License-Identifier: GPL-2.0
/* One client of the feed: what it is sent next, and in which state its subscriptions are. */
#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "feed_private.h"

#define SECOND 1000000000ULL
#define STALL_NS (30 * SECOND)
#define LEVEL_WAIT_NS (2 * SECOND) /* how long a read waits for the sources to be level */
#define CATCH_UP_MAX 4 /* frames */
#define SCHEMA_SERIES 200 /* of one schema message */

static void want_write(struct http_client *c)
{
	c->feed->ops->want_write(c->peer);
}

void feed_send_text(struct http_client *c, struct sg_buf *b)
{
	if (!outq_text(&c->queue, feed_payload_new(b, FEED_PRE)))
		want_write(c);
	sg_buf_reset(b);
}

/* ---- opening and closing ---- */

static void put_welcome(struct sg_buf *b, const struct http_feed *f)
{
	sg_buf_printf(b,
		      "{\"type\":\"welcome\",\"proto\":1,\"version\":\"%s\",\"boot_id\":\"%s\","
		      "\"now_ms\":%lld,\"tick_ms\":%d,\"limits\":{\"message_bytes\":%d,"
		      "\"messages_per_second\":20,\"subscriptions\":%d,\"selectors\":%d,"
		      "\"points\":%d}}",
		      SG_VERSION, f->boot_id, (long long)sg_real_ms(), FEED_STEP_MS,
		      FEED_MESSAGE_MAX, FEED_SUBS_MAX, GROUP_SELECTORS_MAX, FEED_POINTS_MAX);
}

int http_client_open(struct http_feed *f, void *peer, struct http_client **ret)
{
	struct http_client *c = calloc(1, sizeof(*c));
	sg_auto_buf b = {0};

	if (!c)
		return -ENOMEM;
	c->feed = f;
	c->peer = peer;
	c->progress_ns = c->tokens_ns = sg_mono_ns();
	c->tokens = 20;
	c->status_due = f->status;
	c->watched_due = f->watched;
	outq_init(&c->queue);
	c->next = f->clients;
	c->prev = &f->clients;
	if (c->next)
		c->next->prev = &c->next;
	f->clients = c;
	f->stats.clients++;
	put_welcome(&b, f);
	feed_send_text(c, &b);
	*ret = c;
	return 0;
}

static void free_bulk(struct feed_sub *sub)
{
	while (sub->bulk_at < sub->bulk_n)
		feed_payload_unref(sub->bulk[sub->bulk_at++]);
	free(sub->bulk);
	sub->bulk = NULL;
	sub->bulk_at = sub->bulk_n = 0;
}

void feed_sub_free(struct feed_sub *sub)
{
	if (sub->read)
		feed_read_forget(sub->read);
	free_bulk(sub);
	outq_drop_data(&sub->client->queue, sub, NULL, NULL);
	if (sub->client->writing && sub->client->writing->sub == sub)
		sub->client->writing->sub = NULL;
	feed_group_put(&sub->client->feed->dict, sub->group);
	free(sub);
}

void http_client_close(struct http_client *c)
{
	if (!c)
		return;
	while (c->n_subs)
		feed_sub_free(c->subs[--c->n_subs]);
	if (c->writing)
		outq_free_item(c->writing);
	outq_clear(&c->queue);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->feed->stats.clients--;
	free(c);
}

struct feed_sub *feed_sub_find(struct http_client *c, uint16_t id)
{
	for (size_t i = 0; i < c->n_subs; i++)
		if (c->subs[i]->id == id)
			return c->subs[i];
	return NULL;
}

/* ---- too slow ---- */

void feed_send_gap(struct feed_sub *sub, int64_t from_ms, int64_t to_ms, const char *reason)
{
	sg_auto_buf b = {0};

	sg_buf_printf(
		&b,
		"{\"type\":\"gap\",\"id\":%u,\"from_ms\":%lld,\"to_ms\":%lld,\"reason\":\"%s\"}",
		sub->id, (long long)from_ms, (long long)to_ms, reason);
	sub->client->feed->stats.gaps++;
	feed_send_text(sub->client, &b);
}

static void note_dropped(void *ctx, const struct outq_item *item)
{
	struct feed_sub *sub = item->sub;

	if (!sub->gap_to)
		sub->gap_from = item->head.t_ms - FEED_STEP_MS;
	sub->gap_to = item->head.t_ms;
}

static void tell_gaps(struct http_client *c, const char *reason)
{
	for (size_t i = 0; i < c->n_subs; i++) {
		struct feed_sub *sub = c->subs[i];

		if (sub->gap_to)
			feed_send_gap(sub, sub->gap_from, sub->gap_to, reason);
		sub->gap_to = 0;
	}
}

void feed_send_tick(struct feed_sub *sub, struct feed_payload *p, uint32_t epoch)
{
	struct http_client *c = sub->client;
	uint64_t now = sg_mono_ns();
	struct feed_header head = {
		.kind = FEED_DELTA, .t_ms = p->t_ms, .epoch = epoch, .n_points = 1};

	if (outq_behind(&c->queue, now, p->len)) {
		outq_drop_data(&c->queue, NULL, note_dropped, NULL);
		tell_gaps(c, "slow");
	}
	if (!outq_data(&c->queue, p, sub, &head, now))
		want_write(c);
}

/* ---- the past ---- */

void feed_read_done(struct feed_sub *sub, struct feed_payload **chunks, size_t n, int64_t to_ms)
{
	sub->bulk = chunks;
	sub->bulk_at = 0;
	sub->bulk_n = n;
	sub->base_ms = to_ms;
	sub->state = SUB_BULK;
	want_write(sub->client);
}

static const char *failure_code(int r)
{
	switch (r) {
	case -E2BIG: return "too_large";
	case -ETIMEDOUT: return "timeout";
	default: return "unavailable";
	}
}

/* The past cannot be had; the present can. */
void feed_read_failed(struct feed_sub *sub, int r, const char *message, int64_t to_ms)
{
	sg_auto_buf b = {0};

	sg_buf_printf(&b, "{\"type\":\"error\",\"id\":%u,\"code\":\"%s\",\"message\":", sub->id,
		      failure_code(r));
	sg_json_str(&b, *message ? message : strerror(-r));
	sg_buf_char(&b, '}');
	feed_send_text(sub->client, &b);
	sub->reset = true;
	feed_read_done(sub, NULL, 0, to_ms == INT64_MAX ? sg_real_ms() : to_ms);
}

static size_t ring_after(const struct http_feed *f, int64_t t_ms)
{
	size_t n = 0;

	for (const struct feed_raw *raw = f->ring; raw; raw = raw->next)
		n += raw->t_ms > t_ms;
	return n;
}

/*
 * Sends from the ring what came since the read. False: the ring has lost some of it,
 * or it is so much that it is better read as well, so that it does not count as lag.
 */
static bool catch_up(struct feed_sub *sub)
{
	struct http_feed *f = sub->client->feed;

	if (f->evicted_ms > sub->base_ms || ring_after(f, sub->base_ms) > CATCH_UP_MAX)
		return false;
	for (struct feed_raw *raw = f->ring; raw; raw = raw->next) {
		sg_auto(sg_frame) frame = NULL;
		sg_auto_free uint32_t *numbers = NULL;
		struct feed_payload *p;

		if (raw->t_ms <= sub->base_ms || sg_frame_decode(raw->data, raw->len, &frame) < 0)
			continue;
		numbers = feed_number_frame(f, frame);
		p = numbers ? feed_encode_frame(f, sub->group, frame, numbers) : NULL;
		if (p)
			feed_send_tick(sub, p, sub->group->epoch);
	}
	return true;
}

static void want_read(struct feed_sub *sub, uint8_t kind, int64_t from_ms)
{
	sub->state = SUB_WANT;
	sub->kind = kind;
	sub->has_from = true;
	sub->from_ms = from_ms;
	sub->want_ns = sg_mono_ns();
}

static void go_live(struct feed_sub *sub)
{
	free_bulk(sub);
	sub->reset = false;
	if (sub->client->hidden)
		sub->state = SUB_PAUSED;
	else if (catch_up(sub))
		sub->state = SUB_LIVE;
	else
		want_read(sub, FEED_BACKFILL, sub->base_ms);
}

static void start_read(struct feed_sub *sub)
{
	int64_t to, asked = sub->from_ms;
	int64_t points = sub->kind == FEED_SNAPSHOT ? sub->max_points : FEED_POINTS_MAX;
	bool level = feed_level(sub->client->feed, &to);
	int r;

	if (!level && to != INT64_MAX && sg_mono_ns() - sub->want_ns < LEVEL_WAIT_NS)
		return;
	if (!sub->has_from)
		asked = SG_MIN(to, sg_real_ms());
	sub->from_ms = SG_MAX(asked, SG_MIN(to, sg_real_ms()) - points * FEED_STEP_MS);
	sub->reset = sub->reset || sub->from_ms > asked;
	if (to != INT64_MAX && sub->from_ms >= to) {
		feed_read_done(sub, NULL, 0, to);
		return;
	}
	r = feed_read_start(sub, to);
	if (r < 0)
		sub->from_ms = asked; /* the worker is busy: the next tick tries again */
}

void feed_sub_restart(struct feed_sub *sub)
{
	outq_drop_data(&sub->client->queue, sub, note_dropped, NULL);
	if (sub->gap_to)
		want_read(sub, FEED_BACKFILL, sub->gap_from);
	sub->gap_to = 0;
	if (sub->state == SUB_BULK) {
		/* From the last chunk that went, or from where the read began. */
		want_read(sub, sub->kind, sub->from_ms);
		free_bulk(sub);
	}
}

/* ---- hiding and showing ---- */

static void apply_hidden(struct http_client *c)
{
	int64_t level;

	if (c->hide_wanted && !c->hidden && feed_level(c->feed, &level)) {
		c->hidden = true;
		for (size_t i = 0; i < c->n_subs; i++)
			if (c->subs[i]->state == SUB_LIVE) {
				c->subs[i]->state = SUB_PAUSED;
				c->subs[i]->base_ms = level;
			}
	} else if (!c->hide_wanted && c->hidden) {
		c->hidden = false;
		c->status_due = c->feed->status;
		for (size_t i = 0; i < c->n_subs; i++)
			if (c->subs[i]->state == SUB_PAUSED)
				want_read(c->subs[i], FEED_BACKFILL, c->subs[i]->base_ms);
		want_write(c);
	}
}

static bool has_work(const struct http_client *c)
{
	if (c->queue.n || c->status_due || c->watched_due)
		return true;
	for (size_t i = 0; i < c->n_subs; i++)
		if (c->subs[i]->state == SUB_BULK)
			return true;
	return false;
}

void feed_client_step(struct http_client *c)
{
	apply_hidden(c);
	for (size_t i = 0; i < c->n_subs; i++)
		if (c->subs[i]->state == SUB_WANT)
			start_read(c->subs[i]);
	if (!has_work(c)) {
		c->progress_ns = sg_mono_ns();
	} else if (!c->closing && sg_mono_ns() - c->progress_ns > STALL_NS) {
		c->closing = true;
		c->feed->ops->close(c->peer, FEED_CLOSE_SLOW);
	}
}

/* ---- the next message ---- */

static void put_schema(struct sg_buf *b, struct feed_sub *sub, size_t to)
{
	const struct feed_group *g = sub->group;
	struct feed_dict *d = &sub->client->feed->dict;

	sg_buf_printf(b, "{\"type\":\"schema\",\"id\":%u,\"epoch\":%u,\"series\":[", sub->id,
		      g->epoch);
	for (size_t i = sub->known; i < to; i++) {
		const struct sg_series *s = d->series[g->members[i]];

		sg_buf_printf(b, "%s{\"i\":%zu,\"name\":", i > sub->known ? "," : "", i);
		sg_json_str(b, s->name);
		sg_buf_printf(b, ",\"type\":\"%s\",\"labels\":{", sg_type_name(s->type));
		for (size_t k = 0; k < s->n_labels; k++) {
			sg_buf_str(b, k ? "," : "");
			sg_json_str(b, s->labels[k].name);
			sg_buf_char(b, ':');
			sg_json_str(b, s->labels[k].value);
		}
		sg_buf_str(b, "}}");
	}
	sg_buf_str(b, "]}");
}

/* What the client must be told before it can read data of this subscription, or NULL. */
static struct outq_item *schema_item(struct feed_sub *sub)
{
	struct http_feed *f = sub->client->feed;
	struct outq_item *item = NULL;
	sg_auto_buf b = {0};

	pthread_mutex_lock(&f->lock);
	if (sub->known_epoch != sub->group->epoch)
		sub->known = 0;
	if (sub->known_epoch != sub->group->epoch || sub->known < sub->group->n_members) {
		size_t to = SG_MIN(sub->known + SCHEMA_SERIES, sub->group->n_members);

		put_schema(&b, sub, to);
		sub->known = to;
		sub->known_epoch = sub->group->epoch;
		item = calloc(1, sizeof(*item));
	}
	pthread_mutex_unlock(&f->lock);
	if (item)
		item->payload = feed_payload_new(&b, FEED_PRE);
	return item;
}

static struct feed_sub *bulk_sub(const struct http_client *c)
{
	for (size_t i = 0; i < c->n_subs; i++)
		if (c->subs[i]->state == SUB_BULK)
			return c->subs[i];
	return NULL;
}

/* A read that found nothing is a message too: it says that nothing is missing. */
static struct feed_payload *empty_payload(int64_t t_ms)
{
	struct sg_buf none = {0};
	struct feed_payload *p = feed_payload_new(&none, FEED_ROOM);

	if (p)
		p->t_ms = t_ms;
	return p;
}

static struct outq_item *bulk_item(struct feed_sub *sub)
{
	struct outq_item *item = calloc(1, sizeof(*item));
	bool first = sub->bulk_at == 0, last;

	if (!item)
		return NULL;
	item->payload = sub->bulk_n ? sub->bulk[sub->bulk_at++] : empty_payload(sub->base_ms);
	last = sub->bulk_at == sub->bulk_n;
	item->sub = sub;
	if (!item->payload)
		return item;
	item->head = (struct feed_header){
		.kind = sub->kind,
		.flags = (last ? FEED_LAST : 0) | (first && sub->reset ? FEED_RESET : 0),
		.t_ms = item->payload->t_ms,
		.epoch = sub->group->epoch,
		.n_points = item->payload->n_points,
	};
	/* Should it have to be read again, then from here. */
	sub->from_ms = item->payload->t_ms;
	if (first)
		sub->reset = false;
	if (last)
		go_live(sub);
	return item;
}

static struct outq_item *due_item(struct http_client *c, bool *due, struct feed_payload *p)
{
	struct outq_item *item = calloc(1, sizeof(*item));

	*due = false;
	if (item)
		item->payload = p ? feed_payload_ref(p) : NULL;
	return item;
}

static struct outq_item *next_item(struct http_client *c)
{
	struct feed_sub *bulk = bulk_sub(c);
	struct outq_item *item = c->queue.first;

	/* Old and new take turns, so that neither waits for the end of the other. */
	c->bulk_turn = bulk && (!c->bulk_turn || !item);
	if (c->bulk_turn) {
		item = schema_item(bulk);
		return item ? item : bulk_item(bulk);
	}
	if (item) {
		struct outq_item *schema = item->sub ? schema_item(item->sub) : NULL;

		return schema ? schema : outq_take(&c->queue);
	}
	if (c->status_due)
		return due_item(c, &c->status_due, c->feed->status);
	if (c->watched_due)
		return due_item(c, &c->watched_due, c->feed->watched);
	return NULL;
}

static void fill_wire(struct outq_item *item, struct feed_wire *w)
{
	struct feed_sub *sub = item->sub;
	struct feed_payload *p = item->payload;

	w->binary = sub;
	w->data = p->data + FEED_PRE;
	w->len = p->len;
	if (!sub)
		return;
	w->len += FEED_HEADER_BYTES;
	item->head.id = sub->id;
	item->head.seq = ++sub->seq;
	item->head.payload_len = p->len;
	feed_put_header(w->data, &item->head);
}

bool http_client_next(struct http_client *c, struct feed_wire *w)
{
	struct outq_item *item;

	if (c->writing)
		outq_free_item(sg_take(c->writing));
	while ((item = next_item(c)) && !item->payload)
		outq_free_item(item); /* no memory for it: the client sees a hole in seq */
	c->progress_ns = sg_mono_ns();
	if (!item)
		return false;
	fill_wire(item, w);
	c->writing = item;
	c->feed->stats.sent_bytes += w->len;
	return true;
}
