// SPDX-License-Identifier: GPL-2.0
#include "window.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "document.h"

#define PIECE_MS 120000 /* read at a time, so that a day needs no more memory than an hour */
#define PIECE_BYTES (256UL << 20)

/* ---- which windows ----------------------------------------------------------------------- */

static int mark_time(struct sg_reader *r, const char *mark, int64_t to_ms, uint64_t deadline_ns,
		     int64_t *ret, struct sg_error *err)
{
	sg_auto(sg_arena) arena = sg_arena_new(1UL << 20);
	struct sg_event *e = NULL;
	uint64_t ms = 0;
	size_t n = 0;
	int k;

	if (sg_parse_u64(mark, 1, INT64_MAX, &ms) == 0) {
		*ret = (int64_t)ms;
		return 0;
	}
	if (!sg_event_kind_find(mark))
		return sg_fail(err, -EINVAL, "a mark is a time, or a kind of event such as deploy");
	if (!arena)
		return -ENOMEM;
	k = r->events ? r->events(r, 0, to_ms, mark, 1, deadline_ns, arena, &e, &n) : 0;
	if (k < 0)
		return sg_fail(err, k, "cannot read the events");
	if (!n)
		return sg_fail(err, -ENOENT, "there is no event of kind %s before the end", mark);
	*ret = e[0].t_ms;
	return 0;
}

static int at_mark(struct sg_reader *r, const struct sg_windows_wish *wish, uint64_t deadline_ns,
		   struct sg_window ret[2], struct sg_error *err)
{
	int64_t t = 0, span = wish->to_ms - wish->from_ms;
	int k = mark_time(r, wish->mark, wish->to_ms, deadline_ns, &t, err);

	if (k < 0)
		return k;
	if (t > wish->to_ms - SG_WINDOW_MIN_MS)
		return sg_fail(err, -EINVAL, "the mark is %s: wait until %d s have passed since",
			       t > wish->to_ms ? "after the end" : "too new",
			       SG_WINDOW_MIN_MS / 1000);
	ret[0] = (struct sg_window){t - span, t};
	ret[1] = (struct sg_window){t, SG_MIN(t + span, wish->to_ms)};
	return 0;
}

int sg_windows_find(struct sg_reader *r, const struct sg_windows_wish *wish, uint64_t deadline_ns,
		    struct sg_window ret[2], struct sg_error *err)
{
	int64_t span = wish->to_ms - wish->from_ms;

	if (span < SG_WINDOW_MIN_MS || span > SG_WINDOW_MAX_MS)
		return sg_fail(err, -EINVAL, "a window is %d s to 7 days long",
			       SG_WINDOW_MIN_MS / 1000);
	if (wish->mark && *wish->mark)
		return at_mark(r, wish, deadline_ns, ret, err);
	ret[1] = (struct sg_window){wish->from_ms, wish->to_ms};
	if (wish->base_to_ms)
		ret[0] = (struct sg_window){wish->base_from_ms, wish->base_to_ms};
	else
		ret[0] =
			(struct sg_window){wish->from_ms - (wish->ago_ms > 0 ? wish->ago_ms : span),
					   wish->to_ms - (wish->ago_ms > 0 ? wish->ago_ms : span)};
	if (ret[0].to_ms > ret[1].from_ms && ret[0].from_ms < ret[1].to_ms)
		return sg_fail(err, -EINVAL,
			       "the windows overlap; take shorter ones or look further back");
	return 0;
}

/* ---- blocks ------------------------------------------------------------------------------ */

int window_cut(const struct sg_window w[2], struct window_cut cut[2], struct sg_error *err)
{
	for (size_t i = 0; i < 2; i++) {
		int64_t span = w[i].to_ms - w[i].from_ms, n = span / WINDOW_BLOCK_MS;

		if (span < SG_WINDOW_MIN_MS || span > SG_WINDOW_MAX_MS || w[i].from_ms < 0)
			return sg_fail(err, -EINVAL, "a window is %d s to 7 days long",
				       SG_WINDOW_MIN_MS / 1000);
		n = SG_MIN(SG_MAX(n, WINDOW_BLOCKS_MIN), WINDOW_BLOCKS_MAX);
		cut[i] = (struct window_cut){.w = w[i], .n = (size_t)n};
	}
	return 0;
}

/* A tick's values belong to the time before it. */
size_t window_block(const struct window_cut *c, int64_t t_ms)
{
	int64_t span = c->w.to_ms - c->w.from_ms, at = t_ms - 1 - c->w.from_ms;

	at = SG_MIN(SG_MAX(at, 0), span - 1);
	return (size_t)(at * (int64_t)c->n / span);
}

/* ---- reading ----------------------------------------------------------------------------- */

struct pass {
	struct sg_reader *r;
	const struct sg_selector *sels;
	size_t n;
	struct window_cut *cut;
	size_t which;
	uint64_t deadline_ns;
	window_cb cb;
	void *ctx;
};

static void see_ticks(struct window_cut *c, const struct sg_points_set *set, int64_t from)
{
	bool seen[PIECE_MS / 1000] = {false};

	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->series[i].n; k++) {
			int64_t t = set->series[i].t_ms[k];
			size_t at = (size_t)((t - 1 - from) / 1000);

			if (at >= ARRAY_SIZE(seen) || seen[at])
				continue;
			seen[at] = true;
			c->watched[window_block(c, t)]++;
			c->seconds++;
		}
}

static int read_piece(const struct pass *p, int64_t from, int64_t to, struct sg_arena *arena,
		      struct sg_error *err)
{
	const struct sg_read_limits lim = {.deadline_ns = p->deadline_ns};
	struct sg_points_set set = {0};
	int r = p->r->select_deltas(p->r, p->sels, p->n, from, to, &lim, arena, &set, err);

	for (size_t i = 0; !r && i < set.n; i++)
		r = p->cb(p->ctx, &set.series[i], p->which);
	if (!r)
		see_ticks(p->cut, &set, from);
	return r;
}

static int read_window(const struct pass *p, struct sg_error *err)
{
	sg_auto(sg_arena) arena = sg_arena_new(PIECE_BYTES);
	int64_t to = p->cut->w.to_ms;
	int r = arena ? 0 : -ENOMEM;

	for (int64_t t = p->cut->w.from_ms; !r && t < to; t += PIECE_MS) {
		r = read_piece(p, t, SG_MIN(t + PIECE_MS, to), arena, err);
		sg_arena_reset(arena);
	}
	if (r == -ETIMEDOUT)
		return sg_fail(err, r, "it took too long: take shorter windows");
	if (!r && !(p->cut->seconds > 0))
		return sg_fail(err, -ENODATA, "nothing was seen in the window %s",
			       p->which ? "after" : "before");
	return r;
}

int window_read(struct sg_reader *r, const struct sg_selector *sels, size_t n,
		struct window_cut cut[2], uint64_t deadline_ns, window_cb cb, void *ctx,
		struct sg_error *err)
{
	int k = 0;

	for (size_t i = 0; !k && i < 2; i++) {
		const struct pass p = {.r = r,
				       .sels = sels,
				       .n = n,
				       .cut = &cut[i],
				       .which = i,
				       .deadline_ns = deadline_ns,
				       .cb = cb,
				       .ctx = ctx};

		k = read_window(&p, err);
	}
	return k;
}

/* ---- writing ----------------------------------------------------------------------------- */

void window_put(struct sg_buf *b, const struct window_cut cut[2])
{
	sg_buf_str(b, "\"windows\":[");
	for (size_t i = 0; i < 2; i++)
		sg_buf_printf(b,
			      "%s{\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64 ",\"seconds\":%.0f}",
			      i ? "," : "", cut[i].w.from_ms, cut[i].w.to_ms, cut[i].seconds);
	sg_buf_char(b, ']');
}

void window_put_pair(struct sg_buf *b, const char *key, const double v[2])
{
	sg_buf_printf(b, "\"%s\":[", key);
	sg_json_num(b, v[0]);
	sg_buf_char(b, ',');
	sg_json_num(b, v[1]);
	sg_buf_char(b, ']');
}

void window_put_labels(struct sg_buf *b, const struct sg_series *s)
{
	sg_buf_char(b, '{');
	for (size_t i = 0; i < s->n_labels; i++) {
		sg_buf_str(b, i ? "," : "");
		sg_json_str(b, s->labels[i].name);
		sg_buf_char(b, ':');
		sg_json_str(b, s->labels[i].value);
	}
	sg_buf_char(b, '}');
}
