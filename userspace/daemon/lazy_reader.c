// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>

#include "lazy_reader.h"

struct lazy {
	struct sg_reader reader; /* first: the interface */
	struct sg_door *door;
	struct sg_reader *real;
};

void sg_door_init(struct sg_door *d, const char *data_dir)
{
	*d = (struct sg_door){.data_dir = data_dir};
	pthread_mutex_init(&d->lock, NULL);
	snprintf(d->why, sizeof(d->why), "the store is being opened");
}

void sg_door_open(struct sg_door *d, struct sg_head *head)
{
	pthread_mutex_lock(&d->lock);
	d->head = head;
	d->open = true;
	pthread_mutex_unlock(&d->lock);
}

void sg_door_shut(struct sg_door *d, const char *why)
{
	pthread_mutex_lock(&d->lock);
	d->open = false;
	snprintf(d->why, sizeof(d->why), "%s", why);
	pthread_mutex_unlock(&d->lock);
}

static int enter(struct sg_reader *r, struct sg_reader **real, struct sg_error *err)
{
	struct lazy *l = (struct lazy *)r;
	int res = 0;

	if (!l->real) {
		pthread_mutex_lock(&l->door->lock);
		res = l->door->open
			      ? sg_store_reader(l->door->data_dir, l->door->head, &l->real, err)
			      : sg_fail(err, -EIO, "%s", l->door->why);
		pthread_mutex_unlock(&l->door->lock);
	}
	*real = l->real;
	return res;
}

static int lazy_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		       int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		       struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	struct sg_reader *real;
	int res = enter(r, &real, err);

	return res < 0 ? res
		       : real->select(real, sels, n_sels, from_ms, to_ms, lim, arena, ret, err);
}

static int lazy_deltas(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		       int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		       struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	struct sg_reader *real;
	int res = enter(r, &real, err);

	return res < 0 ? res
		       : real->select_deltas(real, sels, n_sels, from_ms, to_ms, lim, arena, ret,
					     err);
}

static int lazy_gaps(struct sg_reader *r, int64_t from_ms, int64_t to_ms, struct sg_arena *arena,
		     struct sg_gap **ret, size_t *n)
{
	struct sg_reader *real;
	int res = enter(r, &real, NULL);

	return res < 0 ? res : real->gaps(real, from_ms, to_ms, arena, ret, n);
}

static int lazy_profile(struct sg_reader *r, int64_t from_ms, int64_t to_ms, uint64_t deadline_ns,
			sg_stack_cb cb, void *ctx)
{
	struct sg_reader *real;
	int res = enter(r, &real, NULL);

	return res < 0 ? res : real->profile(real, from_ms, to_ms, deadline_ns, cb, ctx);
}

static int lazy_exemplars(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			  int64_t from_ms, int64_t to_ms, uint64_t deadline_ns, sg_exemplar_cb cb,
			  void *ctx)
{
	struct sg_reader *real;
	int res = enter(r, &real, NULL);

	return res < 0 ? res
		       : real->exemplars(real, sels, n_sels, from_ms, to_ms, deadline_ns, cb, ctx);
}

static int lazy_events(struct sg_reader *r, int64_t from_ms, int64_t to_ms, const char *kind,
		       size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
		       struct sg_event **ret, size_t *n)
{
	struct sg_reader *real;
	int res = enter(r, &real, NULL);

	return res < 0 ? res
		       : real->events(real, from_ms, to_ms, kind, limit, deadline_ns, arena, ret,
				      n);
}

static int lazy_range(struct sg_reader *r, int64_t *oldest_ms, int64_t *newest_ms)
{
	struct sg_reader *real;
	int res = enter(r, &real, NULL);

	return res < 0 ? res : real->range(real, oldest_ms, newest_ms);
}

static void lazy_close(struct sg_reader *r)
{
	struct lazy *l = (struct lazy *)r;

	sg_reader_close(l->real);
	free(l);
}

int sg_lazy_reader(struct sg_door *d, struct sg_reader **ret)
{
	struct lazy *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->reader = (struct sg_reader){.select = lazy_select,
				       .select_deltas = lazy_deltas,
				       .gaps = lazy_gaps,
				       .profile = lazy_profile,
				       .events = lazy_events,
				       .exemplars = lazy_exemplars,
				       .range = lazy_range,
				       .close = lazy_close};
	l->door = d;
	*ret = &l->reader;
	return 0;
}
