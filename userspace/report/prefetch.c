// SPDX-License-Identifier: GPL-2.0
#include "prefetch.h"

#include <errno.h>

#include <sgprobe/query.h>

static bool wanted(const struct sg_selector *sels, size_t n, const struct sg_series *s)
{
	for (size_t i = 0; i < n; i++)
		if (sg_selector_match(&sels[i], s))
			return true;
	return false;
}

/* The part of a series that lies in (from, to]; its arrays are borrowed. */
static struct sg_points part_of(const struct sg_points *p, int64_t from_ms, int64_t to_ms)
{
	struct sg_points part = *p;
	size_t lo = 0, hi;

	while (lo < p->n && p->t_ms[lo] <= from_ms)
		lo++;
	for (hi = lo; hi < p->n && p->t_ms[hi] <= to_ms;)
		hi++;
	part.n = hi - lo;
	part.t_ms = p->t_ms + lo;
	if (p->series.type == SG_HISTOGRAM && !p->natives)
		part.hists = p->hists + lo;
	else
		part.values = p->values + lo;
	part.natives = p->natives ? p->natives + lo : NULL;
	return part;
}

static int prefetched(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		      int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		      struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	const struct prefetch *p = (const struct prefetch *)r;
	struct sg_points_set set = {
		.series = sg_arena_alloc(arena, (p->set.n + 1) * sizeof(*set.series))};

	if (!set.series)
		return -ENOMEM;
	for (size_t i = 0; i < p->set.n; i++) {
		struct sg_points part;

		if (!wanted(sels, n_sels, &p->set.series[i].series))
			continue;
		part = part_of(&p->set.series[i], from_ms, to_ms);
		if (!part.n)
			continue;
		set.series[set.n++] = part;
		set.n_samples += part.n;
	}
	if (lim && lim->max_samples && set.n_samples > lim->max_samples)
		return sg_fail(err, -E2BIG, "too many samples: take a shorter past");
	*ret = set;
	return 0;
}

int prefetch_add(struct prefetch *p, const char *expr, struct sg_arena *arena, struct sg_error *err)
{
	size_t n = 0;
	int r = !expr ? -ENOMEM
		      : sg_query_selectors(expr, arena, p->sels + p->n, PREFETCH_SELECTORS - p->n,
					   &n, err);

	p->n += n;
	return r;
}

int prefetch_read(struct prefetch *p, struct sg_reader *r, int64_t from_ms, int64_t to_ms,
		  uint64_t deadline_ns, struct sg_arena *arena, struct sg_error *err)
{
	const struct sg_read_limits lim = {.deadline_ns = deadline_ns};

	p->reader.select = prefetched;
	return r->select(r, p->sels, p->n, from_ms, to_ms, &lim, arena, &p->set, err);
}

void prefetch_free(struct prefetch *p)
{
	for (size_t i = 0; i < p->n; i++)
		sg_selector_release(&p->sels[i]);
	p->n = 0;
}
