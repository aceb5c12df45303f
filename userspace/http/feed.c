// SPDX-License-Identifier: GPL-2.0
/* Frames in: each is numbered once, encoded once for each group, and queued for its subscriptions. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/time.h>

#include "feed_private.h"

#define RING_MAX 32
#define RING_MAX_BYTES (8U << 20)
#define SERIES_MAX 131072
#define SECOND 1000000000ULL
#define SOURCE_DEAD_NS (5 * SECOND)
#define JUST_READ_MS 5000
#define STREAMS_MAX 4
#define EVENTS_AT_ONCE 50
#define WATCHED_EVERY_NS (60 * SECOND)

int http_feed_new(struct http_worker *worker, uint64_t boot_id, const struct feed_peer_ops *ops,
		  struct http_feed **ret)
{
	struct http_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	if (feed_dict_init(&f->dict) < 0) {
		free(f);
		return -ENOMEM;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->worker = worker;
	f->ops = ops;
	f->ring_last = &f->ring;
	f->evicted_ms = INT64_MIN;
	f->watched_stale = true;
	snprintf(f->boot_id, sizeof(f->boot_id), "%016" PRIx64, boot_id);
	*ret = f;
	return 0;
}

static void drop_oldest(struct http_feed *f)
{
	struct feed_raw *raw = f->ring;

	f->ring = raw->next;
	if (!f->ring)
		f->ring_last = &f->ring;
	f->ring_n--;
	f->ring_bytes -= raw->len;
	f->evicted_ms = SG_MAX(f->evicted_ms, raw->t_ms);
	free(raw);
}

static void end_streams(struct http_feed *f, bool all)
{
	uint64_t now = sg_mono_ns();
	struct feed_stream **p = &f->streams, *s;

	while ((s = *p)) {
		if (!all && !s->over && now < s->until_ns) {
			p = &s->next;
			continue;
		}
		if (!s->over)
			http_conn_end(s->conn);
		*p = s->next;
		free(s);
	}
}

void http_feed_free(struct http_feed *f)
{
	if (!f)
		return;
	while (f->clients)
		http_client_close(f->clients);
	end_streams(f, true);
	while (f->ring)
		drop_oldest(f);
	feed_payload_unref(f->status);
	feed_payload_unref(f->watched);
	feed_dict_release(&f->dict);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

const struct feed_stats *http_feed_stats(const struct http_feed *f)
{
	return &f->stats;
}

/* ---- the sources ---- */

/*
 * The probe process and the server each send a frame a tick, a moment apart. A read
 * of the past ends at a tick that both have sent, so that what comes after it is
 * neither missing nor double.
 */
bool feed_level(const struct http_feed *f, int64_t *ret_ms)
{
	uint64_t now = sg_mono_ns();
	int64_t low = INT64_MAX, high = INT64_MIN;

	for (size_t i = 0; i < FEED_SOURCES; i++) {
		if (!f->source[i].seen_ns || now - f->source[i].seen_ns > SOURCE_DEAD_NS)
			continue;
		low = SG_MIN(low, f->source[i].t_ms);
		high = SG_MAX(high, f->source[i].t_ms);
	}
	*ret_ms = low;
	return low == high;
}

/* ---- encoding ---- */

uint32_t *feed_number_frame(struct http_feed *f, const struct sg_frame *frame)
{
	uint32_t *numbers = malloc((frame->n + 1) * sizeof(*numbers));

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; numbers && i < frame->n; i++)
		numbers[i] = feed_dict_number(&f->dict, &frame->samples[i].series);
	pthread_mutex_unlock(&f->lock);
	return numbers;
}

static uint32_t put_sample(struct sg_buf *b, uint32_t index, const struct sg_sample *s)
{
	if (s->series.type == SG_HISTOGRAM)
		return feed_put_hist(b, index, &s->hist);
	return feed_put_value(b, index, s->series.type, s->value);
}

struct feed_payload *feed_encode_frame(struct http_feed *f, struct feed_group *g,
				       const struct sg_frame *frame, const uint32_t *numbers)
{
	sg_auto_buf b = {0};
	struct feed_payload *p;
	uint32_t n = 0, matched = 0;
	size_t at = feed_point_begin(&b, frame->t_ms);

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < frame->n; i++) {
		uint32_t index = feed_group_index(&f->dict, g, numbers[i]);

		if (index == DICT_NONE)
			continue;
		matched++;
		n += put_sample(&b, index, &frame->samples[i]);
	}
	pthread_mutex_unlock(&f->lock);
	/* A tick of the probe in which nothing happened is news; of a source without any match it is not. */
	if (!matched && frame->source)
		return NULL;
	feed_point_end(&b, at, n);
	p = feed_payload_new(&b, FEED_ROOM);
	if (p) {
		p->n_points = 1;
		p->t_ms = frame->t_ms;
	}
	return p;
}

static void encode_groups(struct http_feed *f, const struct sg_frame *frame,
			  const uint32_t *numbers)
{
	for (struct feed_group *g = f->dict.groups; g; g = g->next)
		g->tick = feed_encode_frame(f, g, frame, numbers);
}

static void forget_ticks(struct http_feed *f)
{
	for (struct feed_group *g = f->dict.groups; g; g = g->next) {
		feed_payload_unref(g->tick);
		g->tick = NULL;
	}
}

/*
 * A frame is stored before it gets here, so a read that had no tick to end at (no
 * source was alive) may have had it already. Time that was set back is another matter.
 */
static bool was_read(const struct feed_sub *sub, const struct sg_frame *frame)
{
	return frame->t_ms <= sub->base_ms && frame->t_ms > sub->base_ms - JUST_READ_MS &&
	       !(frame->flags & SG_FRAME_CLOCK_STEP);
}

static void send_tick(struct http_client *c, const struct sg_frame *frame)
{
	for (size_t i = 0; i < c->n_subs; i++) {
		struct feed_sub *sub = c->subs[i];

		if (sub->state == SUB_LIVE && sub->group->tick && !was_read(sub, frame))
			feed_send_tick(sub, feed_payload_ref(sub->group->tick), sub->group->epoch);
	}
}

/* Those that are told to everybody at once; of more only how many there were. */
static void send_events(struct http_feed *f, const struct sg_frame *frame)
{
	size_t n = SG_MIN(frame->n_events, (size_t)EVENTS_AT_ONCE);
	sg_auto_buf b = {0};

	if (!n)
		return;
	sg_buf_printf(&b, "{\"type\":\"events\",\"more\":%zu,\"events\":[", frame->n_events - n);
	for (size_t i = 0; i < n; i++) {
		sg_buf_str(&b, i ? "," : "");
		sg_event_json(&b, &frame->events[i]);
	}
	sg_buf_str(&b, "]}");
	for (struct http_client *c = f->clients; c && !b.err; c = c->next) {
		sg_auto_buf copy = {0};

		if (c->hidden)
			continue;
		sg_buf_add(&copy, b.data, b.len);
		feed_send_text(c, &copy);
	}
}

static void send_frame(struct http_feed *f, const void *p, size_t n)
{
	sg_auto(sg_frame) frame = NULL;
	sg_auto_free uint32_t *numbers = NULL;
	int r = sg_frame_decode(p, n, &frame);

	if (r < 0) {
		sg_log_err(r, "a stored frame cannot be sent to the dashboard");
		return;
	}
	numbers = feed_number_frame(f, frame);
	if (!numbers)
		return;
	encode_groups(f, frame, numbers);
	for (struct http_client *c = f->clients; c; c = c->next)
		send_tick(c, frame);
	forget_ticks(f);
	send_events(f, frame);
}

/* ---- frames ---- */

static void keep_raw(struct http_feed *f, const void *p, size_t n, int64_t t_ms)
{
	struct feed_raw *raw = malloc(sizeof(*raw) + n);

	if (!raw) {
		f->evicted_ms = SG_MAX(f->evicted_ms, t_ms);
		return;
	}
	*raw = (struct feed_raw){.t_ms = t_ms, .len = n};
	memcpy(raw->data, p, n);
	*f->ring_last = raw;
	f->ring_last = &raw->next;
	f->ring_n++;
	f->ring_bytes += n;
	while (f->ring_n > RING_MAX || (f->ring_bytes > RING_MAX_BYTES && f->ring_n > 1))
		drop_oldest(f);
}

static void trim(struct http_feed *f)
{
	uint32_t before;

	pthread_mutex_lock(&f->lock);
	before = f->dict.n;
	feed_dict_trim(&f->dict, SERIES_MAX);
	before = before > f->dict.n;
	pthread_mutex_unlock(&f->lock);
	if (!before)
		return;
	for (struct http_client *c = f->clients; c; c = c->next)
		for (size_t i = 0; i < c->n_subs; i++)
			feed_sub_restart(c->subs[i]);
}

static void step_clients(struct http_feed *f)
{
	struct http_client *next;

	for (struct http_client *c = f->clients; c; c = next) {
		next = c->next;
		feed_client_step(c);
	}
}

void http_feed_frame(struct http_feed *f, const void *p, size_t n)
{
	struct sg_frame head;

	if (sg_frame_decode_header(p, n, &head) < 0)
		return;
	for (struct feed_stream *s = f->streams; s; s = s->next)
		if (!s->over && http_conn_write(s->conn, p, n) < 0)
			s->over = true;
	keep_raw(f, p, n, head.t_ms);
	if (head.source < FEED_SOURCES) {
		f->source[head.source].t_ms = head.t_ms;
		f->source[head.source].seen_ns = sg_mono_ns();
	}
	if (head.flags & (SG_FRAME_FIRST | SG_FRAME_GAP | SG_FRAME_SUSPENDED))
		f->watched_stale = true;
	if (f->clients) {
		trim(f);
		send_frame(f, p, n);
	}
	step_clients(f);
}

void http_feed_lost(struct http_feed *f, int64_t from_ms, int64_t to_ms)
{
	f->evicted_ms = SG_MAX(f->evicted_ms, to_ms);
	for (struct http_client *c = f->clients; c; c = c->next)
		for (size_t i = 0; i < c->n_subs; i++)
			if (c->subs[i]->state == SUB_LIVE)
				feed_send_gap(c->subs[i], from_ms - FEED_STEP_MS, to_ms,
					      "overflow");
}

void http_feed_status(struct http_feed *f, const char *json)
{
	sg_auto_buf b = {0};

	sg_buf_printf(&b, "{\"type\":\"status\",\"status\":%s}", json);
	feed_payload_unref(f->status);
	f->status = feed_payload_new(&b, FEED_PRE);
	for (struct http_client *c = f->clients; c; c = c->next) {
		c->status_due = f->status && !c->hidden;
		if (c->status_due)
			f->ops->want_write(c->peer);
	}
}

void http_feed_tick(struct http_feed *f)
{
	uint64_t now = sg_mono_ns();

	end_streams(f, false);
	step_clients(f);
	if (f->clients && !f->watched_asked &&
	    (f->watched_stale || now - f->watched_ns > WATCHED_EVERY_NS) && !feed_ask_watched(f)) {
		f->watched_asked = true;
		f->watched_stale = false;
		f->watched_ns = now;
	}
}

/* ---- raw streams ---- */

static void stream_gone(void *arg)
{
	((struct feed_stream *)arg)->over = true;
}

int http_feed_stream(struct http_feed *f, struct http_conn *conn, struct http_response *resp,
		     uint64_t until_ns)
{
	struct feed_stream *s;
	size_t n = 0;

	for (s = f->streams; s; s = s->next)
		n += !s->over;
	if (n >= STREAMS_MAX)
		return -EAGAIN;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct feed_stream){.next = f->streams, .conn = conn, .until_ns = until_ns};
	f->streams = s;
	http_conn_respond(conn, resp);
	http_conn_wait(conn, stream_gone, s);
	return 0;
}
