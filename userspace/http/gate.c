// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "gate.h"

/* The real reader, with the door held open until leave(); NULL: it is shut. */
static struct sg_reader *enter(struct sg_reader *r)
{
	struct http_gate *g = (struct http_gate *)r;

	pthread_mutex_lock(&g->in_call);
	if (!g->shut)
		return g->real;
	pthread_mutex_unlock(&g->in_call);
	return NULL;
}

static int leave(struct sg_reader *r, int res)
{
	pthread_mutex_unlock(&((struct http_gate *)r)->in_call);
	return res;
}

static int shut(struct sg_error *err)
{
	return sg_fail(err, -ECANCELED, "the server is stopping");
}

static int gate_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		       int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		       struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	struct sg_reader *real = enter(r);

	if (!real)
		return shut(err);
	return leave(r, real->select(real, sels, n_sels, from_ms, to_ms, lim, arena, ret, err));
}

static int gate_deltas(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		       int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		       struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	struct sg_reader *real = enter(r);

	if (!real)
		return shut(err);
	return leave(r,
		     real->select_deltas(real, sels, n_sels, from_ms, to_ms, lim, arena, ret, err));
}

static int gate_gaps(struct sg_reader *r, int64_t from_ms, int64_t to_ms, struct sg_arena *arena,
		     struct sg_gap **ret, size_t *n)
{
	struct sg_reader *real = enter(r);

	return real ? leave(r, real->gaps(real, from_ms, to_ms, arena, ret, n)) : -ECANCELED;
}

static int gate_profile(struct sg_reader *r, int64_t from_ms, int64_t to_ms, uint64_t deadline_ns,
			sg_stack_cb cb, void *ctx)
{
	struct sg_reader *real = enter(r);

	if (!real)
		return -ECANCELED;
	return leave(r, real->profile ? real->profile(real, from_ms, to_ms, deadline_ns, cb, ctx)
				      : -EOPNOTSUPP);
}

static int gate_events(struct sg_reader *r, int64_t from_ms, int64_t to_ms, const char *kind,
		       size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
		       struct sg_event **ret, size_t *n)
{
	struct sg_reader *real = enter(r);

	if (!real)
		return -ECANCELED;
	return leave(r, real->events ? real->events(real, from_ms, to_ms, kind, limit, deadline_ns,
						    arena, ret, n)
				     : -EOPNOTSUPP);
}

static int gate_exemplars(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			  int64_t from_ms, int64_t to_ms, uint64_t deadline_ns, sg_exemplar_cb cb,
			  void *ctx)
{
	struct sg_reader *real = enter(r);

	if (!real)
		return -ECANCELED;
	return leave(r, real->exemplars ? real->exemplars(real, sels, n_sels, from_ms, to_ms,
							  deadline_ns, cb, ctx)
					: -EOPNOTSUPP);
}

static int gate_range(struct sg_reader *r, int64_t *oldest_ms, int64_t *newest_ms)
{
	struct sg_reader *real = enter(r);

	return real ? leave(r, real->range(real, oldest_ms, newest_ms)) : -ECANCELED;
}

/* Its owner closes it, not those who borrow it. */
static void gate_close(struct sg_reader *r)
{
}

void http_gate_init(struct http_gate *g)
{
	*g = (struct http_gate){.reader = {.select = gate_select,
					   .select_deltas = gate_deltas,
					   .gaps = gate_gaps,
					   .profile = gate_profile,
					   .events = gate_events,
					   .exemplars = gate_exemplars,
					   .range = gate_range,
					   .close = gate_close}};
	pthread_mutex_init(&g->in_call, NULL);
}

void http_gate_reopen(struct http_gate *g)
{
	pthread_mutex_lock(&g->in_call);
	if (!g->shut) {
		sg_reader_close(g->real);
		g->real = NULL;
	}
	pthread_mutex_unlock(&g->in_call);
}

void http_gate_release(struct http_gate *g)
{
	sg_reader_close(g->real);
	g->real = NULL;
	pthread_mutex_destroy(&g->in_call);
}

void http_gate_shut(struct http_gate *g)
{
	pthread_mutex_lock(&g->in_call);
	g->shut = true;
	pthread_mutex_unlock(&g->in_call);
}
