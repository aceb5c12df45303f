// SPDX-License-Identifier: GPL-2.0
/* Reads of the past for the feed: they run, and are encoded, in the feed's worker. */
#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "feed_private.h"

#define SECOND 1000000000ULL
#define READ_NS (20 * SECOND)
#define CHUNK_BYTES (64U << 10)
#define READ_MAX_BYTES (32U << 20)
#define READ_MAX_SAMPLES 4000000
#define WATCHED_SPAN_MS 86400000
#define WATCHED_MAX 1000

struct feed_read {
	struct http_job job;
	struct http_feed *feed;
	struct feed_sub *sub; /* serving thread only; NULL once it is gone */
	struct feed_group *group; /* a reference */
	int64_t from_ms, to_ms; /* to_ms INT64_MAX: up to what is there */
	uint32_t epoch; /* of the numbers in the chunks */
	struct feed_payload **chunks;
	size_t n, cap, bytes;
	int r;
	struct sg_error err;
};

static void free_read(struct feed_read *r)
{
	for (size_t i = 0; i < r->n; i++)
		feed_payload_unref(r->chunks[i]);
	free(r->chunks);
	feed_group_put(&r->feed->dict, r->group);
	free(r);
}

/* ---- in the worker ---- */

static uint32_t *number_set(struct feed_read *r, const struct sg_points_set *set)
{
	uint32_t *index = malloc((set->n + 1) * sizeof(*index));

	if (!index)
		return NULL;
	pthread_mutex_lock(&r->feed->lock);
	r->epoch = r->group->epoch;
	for (size_t i = 0; i < set->n; i++)
		index[i] =
			feed_group_index(&r->feed->dict, r->group,
					 feed_dict_number(&r->feed->dict, &set->series[i].series));
	pthread_mutex_unlock(&r->feed->lock);
	return index;
}

static int end_chunk(struct feed_read *r, struct sg_buf *b, uint32_t *n_points, int64_t t_ms)
{
	struct feed_payload *p;

	if (!*n_points)
		return 0;
	r->bytes += b->len;
	if (r->bytes > READ_MAX_BYTES)
		return -E2BIG;
	if (SG_GROW(r->chunks, r->cap, r->n) < 0)
		return -ENOMEM;
	p = feed_payload_new(b, FEED_ROOM);
	if (!p)
		return -ENOMEM;
	p->n_points = *n_points;
	p->t_ms = t_ms;
	r->chunks[r->n++] = p;
	sg_buf_reset(b);
	*n_points = 0;
	return 0;
}

static int64_t next_tick(const struct sg_points_set *set, const size_t *at)
{
	int64_t t = INT64_MAX;

	for (size_t i = 0; i < set->n; i++)
		if (at[i] < set->series[i].n)
			t = SG_MIN(t, set->series[i].t_ms[at[i]]);
	return t;
}

static uint32_t put_sample(struct sg_buf *b, uint32_t index, const struct sg_points *p, size_t at)
{
	if (index == DICT_NONE)
		return 0;
	if (p->series.type == SG_HISTOGRAM)
		return feed_put_hist(b, index, &p->hists[at]);
	return feed_put_value(b, index, p->series.type, p->values[at]);
}

static void put_tick(struct sg_buf *b, const struct sg_points_set *set, size_t *at,
		     const uint32_t *index, int64_t t_ms)
{
	size_t head = feed_point_begin(b, t_ms);
	uint32_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct sg_points *p = &set->series[i];

		if (at[i] < p->n && p->t_ms[at[i]] == t_ms)
			n += put_sample(b, index[i], p, at[i]++);
	}
	feed_point_end(b, head, n);
}

static int encode_set(struct feed_read *r, const struct sg_points_set *set, const uint32_t *index)
{
	sg_auto_free size_t *at = calloc(set->n + 1, sizeof(*at));
	sg_auto_buf b = {0};
	uint32_t n_points = 0;
	int64_t t, last = 0;
	int res = 0;

	if (!at)
		return -ENOMEM;
	while (!res && (t = next_tick(set, at)) != INT64_MAX) {
		put_tick(&b, set, at, index, t);
		last = t;
		n_points++;
		if (b.len >= CHUNK_BYTES)
			res = end_chunk(r, &b, &n_points, last);
	}
	return res ? res : end_chunk(r, &b, &n_points, last);
}

static int read_set(struct feed_read *r, struct sg_reader *reader, struct sg_arena *arena)
{
	struct sg_read_limits lim = {.max_samples = READ_MAX_SAMPLES,
				     .deadline_ns = sg_mono_ns() + READ_NS};
	sg_auto_free uint32_t *index = NULL;
	struct sg_points_set set = {0};
	int res = reader->select_deltas(reader, r->group->sels, r->group->n_sels, r->from_ms,
					r->to_ms, &lim, arena, &set, &r->err);

	if (res < 0)
		return res;
	index = number_set(r, &set);
	return index ? encode_set(r, &set, index) : -ENOMEM;
}

/* No frame has come yet since the start: up to the newest that is stored. */
static int find_end(struct feed_read *r, struct sg_reader *reader)
{
	int64_t oldest, newest;
	int res;

	if (r->to_ms != INT64_MAX)
		return 0;
	res = reader->range(reader, &oldest, &newest);
	r->to_ms = res < 0 ? r->from_ms : newest;
	return res == -ENODATA ? 0 : res;
}

static int run_read(struct http_job *j, struct sg_reader *reader, struct sg_error *err)
{
	struct feed_read *r = (struct feed_read *)j;
	sg_auto(sg_arena) arena = sg_arena_new(0);

	if (!reader) {
		r->r = sg_fail(&r->err, -EAGAIN, "%s", err->msg);
		return 0;
	}
	r->r = arena ? find_end(r, reader) : -ENOMEM;
	if (!r->r && r->from_ms < r->to_ms)
		r->r = read_set(r, reader, arena);
	return r->r;
}

/* ---- in the serving thread ---- */

static void read_done(struct http_job *j)
{
	struct feed_read *r = (struct feed_read *)j;
	struct feed_sub *sub = r->sub;

	if (!sub) {
		free_read(r);
		return;
	}
	sub->read = NULL;
	if (r->r < 0) {
		feed_read_failed(sub, r->r, r->err.msg, r->to_ms);
	} else if (r->n && r->epoch != r->group->epoch) {
		sub->state = SUB_WANT; /* the numbers have changed meanwhile */
	} else {
		feed_read_done(sub, r->chunks, r->n, r->to_ms);
		r->chunks = NULL;
		r->n = 0;
	}
	free_read(r);
}

int feed_read_start(struct feed_sub *sub, int64_t to_ms)
{
	struct http_feed *f = sub->client->feed;
	struct feed_read *r = calloc(1, sizeof(*r));
	int res;

	if (!r)
		return -ENOMEM;
	*r = (struct feed_read){.job = {.run = run_read, .done = read_done},
				.feed = f,
				.sub = sub,
				.group = sub->group,
				.from_ms = sub->from_ms,
				.to_ms = to_ms};
	r->group->refs++;
	res = http_worker_submit(f->worker, &r->job);
	if (res < 0) {
		free_read(r);
		return res;
	}
	sub->read = r;
	sub->state = SUB_READING;
	return 0;
}

void feed_read_forget(struct feed_read *r)
{
	r->sub = NULL;
	atomic_store(&r->job.cancelled, true);
}

/* ---- time that nobody watched ---- */

struct watched_read {
	struct http_job job;
	struct http_feed *feed;
	struct sg_buf text;
	int r;
};

static int run_watched(struct http_job *j, struct sg_reader *reader, struct sg_error *err)
{
	struct watched_read *w = (struct watched_read *)j;
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_gap *gaps = NULL;
	int64_t now = sg_real_ms();
	size_t n = 0;

	w->r = reader && arena ? reader->gaps(reader, now - WATCHED_SPAN_MS, now, arena, &gaps, &n)
			       : -EAGAIN;
	if (w->r < 0)
		return w->r;
	if (n > WATCHED_MAX) { /* the newest */
		gaps += n - WATCHED_MAX;
		n = WATCHED_MAX;
	}
	sg_buf_str(&w->text, "{\"type\":\"watched\",\"gaps\":");
	http_put_gaps(&w->text, gaps, n);
	sg_buf_char(&w->text, '}');
	return 0;
}

static bool same_text(const struct feed_payload *p, const struct sg_buf *b)
{
	return p && p->len == b->len && !memcmp(p->data + FEED_PRE, b->data, b->len);
}

static void watched_done(struct http_job *j)
{
	struct watched_read *w = (struct watched_read *)j;
	struct http_feed *f = w->feed;

	f->watched_asked = false;
	if (!w->r && w->text.data && !same_text(f->watched, &w->text)) {
		feed_payload_unref(f->watched);
		f->watched = feed_payload_new(&w->text, FEED_PRE);
		for (struct http_client *c = f->clients; c; c = c->next) {
			c->watched_due = f->watched;
			f->ops->want_write(c->peer);
		}
	}
	sg_buf_free(&w->text);
	free(w);
}

int feed_ask_watched(struct http_feed *f)
{
	struct watched_read *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct watched_read){.job = {.run = run_watched, .done = watched_done}, .feed = f};
	r = http_worker_submit(f->worker, &w->job);
	if (r < 0)
		free(w);
	return r;
}
